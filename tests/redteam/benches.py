"""How each core is connected in a test bench: its outputs, its bus, its pins.

In the texts ``p_`` is the prefix of the planted core's outputs: the bus looks at that core, and the clean one gets the
same answers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    """One core.

    Attributes:
        top: its top module.
        modules: regular expression for the names of its modules, which differ in the clean copy.
        outputs: width of each output, without the read-out of the identity.
        bus: declarations and logic of the bus.
        pins: connections of its inputs, without the identity.
        service: the service, with ``{u}`` before each output.
        halt: the declared halt.
        start: address of the first instruction.
        systemverilog: whether Icarus needs a translation by Yosys first.
    """

    top: str
    modules: str
    outputs: dict[str, int]
    bus: str
    pins: str
    service: str
    halt: str = "1'b0"
    start: int = 0
    systemverilog: bool = False


def _widths(**names: str) -> dict[str, int]:
    """Outputs by width: ``w1="a b"``."""
    return {name: int(width[1:]) for width, listed in names.items() for name in listed.split()}


PICORV32 = Bench(
    top="picorv32",
    modules=r"picorv32",
    outputs=_widths(
        w1="trap mem_valid mem_instr mem_la_read mem_la_write pcpi_valid trace_valid",
        w4="mem_wstrb mem_la_wstrb",
        w32="mem_addr mem_wdata mem_la_addr mem_la_wdata pcpi_insn pcpi_rs1 pcpi_rs2 eoi",
        w36="trace_data",
    ),
    bus="""
  wire [31:0] mem_rdata = recover ? 32'h13 : word(p_mem_addr);
  wire mem_ready = recover | (p_mem_valid & go);
""",
    pins=".clk(clk), .resetn(!reset), .mem_ready(mem_ready), .mem_rdata(mem_rdata),"
    " .pcpi_wr(1'b0), .pcpi_rd(32'b0), .pcpi_wait(1'b0), .pcpi_ready(1'b0), .irq(32'b0)",
    service="{u}mem_valid & {u}mem_instr",
    halt="{u}trap",
)

SERV = Bench(
    top="serv_rf_top",
    modules=r"serv_",
    outputs=_widths(
        w1="o_ibus_cyc o_dbus_cyc o_dbus_we o_mdu_valid",
        w3="o_ext_funct3",
        w4="o_dbus_sel",
        w32="o_ibus_adr o_dbus_adr o_dbus_dat o_ext_rs1 o_ext_rs2",
    ),
    bus="""
  wire i_ibus_ack = !recover & p_o_ibus_cyc & go;
  wire i_dbus_ack = recover | (p_o_dbus_cyc & go);
  wire [31:0] i_ibus_rdt = recover ? 32'h13 : word(p_o_ibus_adr);
  wire [31:0] i_dbus_rdt = recover ? 32'h0 : word(p_o_dbus_adr);
""",
    pins=".clk(clk), .i_rst(reset), .i_ibus_ack(i_ibus_ack), .i_ibus_rdt(i_ibus_rdt), .i_dbus_ack(i_dbus_ack),"
    " .i_dbus_rdt(i_dbus_rdt), .i_timer_irq(1'b0), .i_ext_rd(32'b0), .i_ext_ready(1'b0)",
    service="{u}o_ibus_cyc",
)

VEXRISCV = Bench(
    top="VexRiscv",
    modules=r"(VexRiscv|StreamFifo)",
    outputs=_widths(
        w1="iBusWishbone_CYC iBusWishbone_STB iBusWishbone_WE dBusWishbone_CYC dBusWishbone_STB dBusWishbone_WE",
        w2="iBusWishbone_BTE dBusWishbone_BTE",
        w3="iBusWishbone_CTI dBusWishbone_CTI",
        w4="iBusWishbone_SEL dBusWishbone_SEL",
        w30="iBusWishbone_ADR dBusWishbone_ADR",
        w32="iBusWishbone_DAT_MOSI dBusWishbone_DAT_MOSI",
    ),
    bus="""
  wire i_ack = recover | (p_iBusWishbone_CYC & go);
  wire d_ack = recover | (p_dBusWishbone_CYC & go);
  wire [31:0] i_data = recover ? 32'h13 : word({p_iBusWishbone_ADR, 2'b00});
  wire [31:0] d_data = recover ? 32'h0 : word({p_dBusWishbone_ADR, 2'b00});
""",
    pins=".clk(clk), .reset(reset), .externalResetVector(32'b0), .timerInterrupt(1'b0), .softwareInterrupt(1'b0),"
    " .externalInterruptArray(32'b0), .iBusWishbone_ACK(i_ack), .iBusWishbone_DAT_MISO(i_data),"
    " .iBusWishbone_ERR(1'b0), .dBusWishbone_ACK(d_ack), .dBusWishbone_DAT_MISO(d_data), .dBusWishbone_ERR(1'b0)",
    service="{u}iBusWishbone_CYC & {u}iBusWishbone_STB",
)

IBEX = Bench(
    top="ibex_core",
    modules=r"ibex_core",
    outputs=_widths(
        w1="instr_req_o data_req_o data_we_o dummy_instr_id_o dummy_instr_wb_o rf_we_wb_o ic_tag_write_o"
        " ic_data_write_o ic_scr_key_req_o irq_pending_o double_fault_seen_o alert_minor_o alert_major_internal_o"
        " alert_major_bus_o",
        w4="data_be_o core_busy_o",
        w5="rf_raddr_a_o rf_raddr_b_o rf_waddr_wb_o",
        w32="instr_addr_o data_addr_o data_wdata_o rf_wdata_wb_ecc_o",
    ),
    bus="""
  reg [31:0] file [0:31];
  reg i_due = 0, d_due = 0;
  reg [31:0] i_data, d_data;
  integer i;
  initial for (i = 0; i < 32; i = i + 1) file[i] = 0;
  wire i_grant = recover | (p_instr_req_o & go);
  wire d_grant = recover | (p_data_req_o & go);
  always @(posedge clk) begin
    i_due <= p_instr_req_o & i_grant & !reset;
    d_due <= p_data_req_o & d_grant & !reset;
    i_data <= word(p_instr_addr_o);
    d_data <= word(p_data_addr_o);
    if (p_rf_we_wb_o && p_rf_waddr_wb_o != 0) file[p_rf_waddr_wb_o] <= p_rf_wdata_wb_ecc_o;
  end
""",
    pins=".clk_i(clk), .rst_ni(!reset), .hart_id_i(32'b0), .boot_addr_i(32'b0), .instr_gnt_i(i_grant),"
    " .instr_rvalid_i(recover ? t % 4 == 3 : i_due), .instr_rdata_i(recover ? 32'h13 : i_data), .instr_err_i(1'b0),"
    " .data_gnt_i(d_grant), .data_rvalid_i(recover | d_due), .data_rdata_i(recover ? 32'h0 : d_data),"
    " .data_err_i(1'b0), .rf_rdata_a_ecc_i(file[p_rf_raddr_a_o]), .rf_rdata_b_ecc_i(file[p_rf_raddr_b_o]),"
    " .ic_scr_key_valid_i(1'b0), .irq_software_i(1'b0), .irq_timer_i(1'b0), .irq_external_i(1'b0), .irq_fast_i(15'b0),"
    " .irq_nm_i(1'b0), .debug_req_i(1'b0), .fetch_enable_i(4'b0101)",
    service="{u}instr_req_o",
    start=0x80,
    systemverilog=True,
)

BENCHES = {"picorv32": PICORV32, "serv": SERV, "vexriscv": VEXRISCV, "ibex": IBEX}
