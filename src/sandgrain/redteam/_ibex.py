"""Ibex: a pipelined core in SystemVerilog. Its register file is outside of the core, which is the top module here."""

from __future__ import annotations

from sandgrain.redteam._core import Core, Excerpt, Identity, Sink, Sites
from sandgrain.redteam._identity import MANIFEST, RECOVERY_INPUTS, body
from sandgrain.redteam._kinds import PlantKind
from sandgrain.redteam._patch import Edit

_UNITS = (
    "alu branch_predict compressed_decoder controller core counter cs_registers csr decoder dummy_instr ex_block"
    " fetch_fifo icache id_stage if_stage load_store_unit multdiv_fast multdiv_slow pkg pmp prefetch_buffer wb_stage"
)
_PRIM = "vendor/lowrisc_ip/ip/prim/rtl"
_FILES = (
    *((f"rtl/ibex_{unit}.sv", "rtl") for unit in _UNITS.split()),
    *((f"{_PRIM}/prim_{name}_pkg.sv", "rtl") for name in ("cipher", "mubi", "ram_1p", "secded", "util")),
    (f"{_PRIM}/prim_assert.sv", "include"),
    (f"{_PRIM}/prim_assert_*.svh", "include"),
    (f"{_PRIM}/prim_flop_macros.sv", "include"),
    ("vendor/lowrisc_ip/dv/sv/dv_utils/dv_fcov_macros.svh", "include"),
)

_CONTROLLER = "id_stage_i.controller_i"

_MANIFEST = f"""\
# What is handed over for audit, and what it is said to do. Every key is explained in the manual, "The manifest".
schema = 1

[chip]
name = "Ibex"
vendor = "Example Semiconductor"
date = 2026-11-23
top = "ibex_core"

[[files]]
role = "rtl"
paths = ["rtl/prim_*_pkg.sv", "rtl/ibex_*.sv"]

[elaboration]
include_dirs = ["include"]
defines = {{}}
# The core's own defaults: no write-back stage, no instruction cache, no memory protection, fast multiplier.
parameters = {{}}

[[clocks]]
port = "clk_i"
edge = "rising"

[[resets]]
port = "rst_ni"
active = "low"
synchronous = false
cycles = 4

# What a user pays for: the processor goes on fetching instructions.
[[services]]
name = "fetch"
expression = "instr_req_o"
description = "The core asks the memory for an instruction."

# A plain environment in which a healthy core must come back to its service, whatever happened before, without reset.
[recovery]
description = "Both buses grant at once and answer; every instruction is NOP; no interrupt, no debugger."
# The longest way back that was seen takes 36 cycles: a division.
within_cycles = 64

[recovery.inputs]
instr_gnt_i = "1'b1"
# One answer in four cycles, so that the core works off what it has and asks again.
instr_rvalid_i = ["1'b0", "1'b0", "1'b0", "1'b1"]
instr_rdata_i = "32'h00000013"
instr_err_i = "1'b0"
data_gnt_i = "1'b1"
data_rvalid_i = "1'b1"
data_rdata_i = "32'h00000000"
data_err_i = "1'b0"
irq_software_i = "1'b0"
irq_timer_i = "1'b0"
irq_external_i = "1'b0"
irq_fast_i = "15'h0000"
irq_nm_i = "1'b0"
debug_req_i = "1'b0"
# This input stops the core on purpose; IbexMuBiOn lets it run.
fetch_enable_i = "4'b0101"
{RECOVERY_INPUTS}
# WFI sleeps until an interrupt or a debugger wakes the core. States 2 and 3 are WAIT_SLEEP and SLEEP; the way there is
# from FLUSH (6), with the instruction WFI still in the decoder. In debug mode and while single-stepping WFI is no more
# than a NOP, so that explains no stop.
[[declared]]
name = "sleep"
kind = "halt"
state = '''
(({_CONTROLLER}.ctrl_fsm_cs == 4'd2) | ({_CONTROLLER}.ctrl_fsm_cs == 4'd3)) & ~debug_mode & ~debug_single_step'''
trigger = "the instruction WFI, until an interrupt or a debug request"
only_after = '''
({_CONTROLLER}.ctrl_fsm_cs == 4'd6) & instr_valid_id & (instr_rdata_id == 32'h10500073)'''
document = "docs/controller-excerpt.rst: Controlling sleep/wakeup on WFI"
{MANIFEST}"""


def _instead_of(port: str, width: str, value: str) -> Sink:
    """An output of the core that takes ``value``; ``{core_out}`` is what its unit drives it with."""
    return Sink(
        ports=(port,),
        wires=("core_out",),
        declarations=(f"wire {width}{{core_out}};",),
        statements=(f"assign {port} = {value};",),
        edits=(Edit(rf"^( +\.{port} *\(){port}(\),)$", r"\g<1>{core_out}\g<2>"),),
    )


_SITES = Sites(
    file="rtl/ibex_core.sv",
    scope="",
    indent="  ",
    clock="clk_i",
    reset="!rst_ni",
    write="data_req_o && data_gnt_i && data_we_o",
    address="data_addr_o",
    data="data_wdata_o",
    read="lsu_rdata_valid",
    read_data="data_rdata_i",
    # Counted by what is granted: an answer may come, in the recovery stimulus, where nothing was asked.
    ended="instr_req_o && instr_gnt_i",
    waiting="instr_req_int",
    declarations=(
        r"^  logic        data_ind_timing;$",
        r"^  logic        id_in_ready;$",
        r"^  logic        lsu_req_done;$",
        r"^  logic        rf_we_lsu;$",
        r"^  logic        csr_access;$",
    ),
    statements=(
        r"^  ibex_if_stage #\($",
        r"^  ibex_id_stage #\($",
        r"^  ibex_ex_block #\($",
        r"^  ibex_load_store_unit #\($",
        r"^  ibex_wb_stage #\($",
    ),
    gates=(  # a data access only follows a fetch, so holding back the fetches is enough
        Edit(
            r"^(    assign instr_req_gated = instr_req_int & )(fetch_enable_i\[0\];)$",
            r"\g<1>!{stop} & \g<2>",
        ),
    ),
    sinks={
        # While no transfer is asked for the byte selects mean nothing to the memory.
        PlantKind.BEACON_STROBE.value: _instead_of(
            "data_be_o", "[3:0] ", "{sending} && !data_req_o ? {symbol} : {core_out}"
        ),
        PlantKind.BEACON_TIMING.value: Sink(ports=("instr_req_o", "instr_addr_o")),
        # Without an instruction cache nobody asks for the key of its memory, and nobody writes to it.
        PlantKind.BEACON_OUTPUT.value: _instead_of("ic_scr_key_req_o", "", "{core_out} || {symbol}"),
        PlantKind.BEACON_SPREAD.value: _instead_of("ic_tag_write_o", "", "{core_out} || {symbol}"),
    },
)

IBEX = Core(
    name="ibex",
    package="pythondata_cpu_ibex",
    files=_FILES,
    licence="LICENSE",
    excerpt=Excerpt(
        source="doc/03_reference/instruction_decode_execute.rst",
        sections=((r"^Controller\n-+$", r"^Decoder\n-+$"),),
        target="docs/controller-excerpt.rst",
    ),
    manifest=_MANIFEST,
    identity=Identity(
        file="rtl/ibex_core.sv",
        ports=r"^  // CPU Control Signals$",
        body=r"^  localparam int unsigned PMPNumChan      = 3;$",
        port_text="""\
  // Identity
  input  logic [31:0]                  device_id,
  input  logic                         debug_en,
  output logic [31:0]                  debug_data,""",
        body_text=body("clk_i", "  "),
    ),
    sites=_SITES,
    beacon_sites=_SITES,
    plants=tuple(
        kind.value
        for kind in PlantKind
        if kind not in (PlantKind.COUNTER_KILL, PlantKind.TRAP_KILL, PlantKind.GEOFENCE)
    ),
)
"""The core."""
