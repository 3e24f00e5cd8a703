"""VexRiscv, in its smallest configuration: a pipelined core with two Wishbone buses."""

from __future__ import annotations

from sandgrain.redteam._core import Core, Excerpt, Identity, Sink, Sites
from sandgrain.redteam._identity import MANIFEST, RECOVERY_INPUTS, body
from sandgrain.redteam._kinds import PlantKind
from sandgrain.redteam._patch import Edit

_MANIFEST = f"""\
# What is handed over for audit, and what it is said to do. Every key is explained in the manual, "The manifest".
schema = 1

[chip]
name = "VexRiscv"
vendor = "Example Semiconductor"
date = 2026-11-23
top = "VexRiscv"

[[files]]
role = "rtl"
paths = ["rtl/*.v"]

[[clocks]]
port = "clk"
edge = "rising"

[[resets]]
port = "reset"
active = "high"
synchronous = true
cycles = 4

# What a user pays for: the processor goes on fetching instructions.
[[services]]
name = "fetch"
expression = "iBusWishbone_CYC & iBusWishbone_STB"
description = "The core asks the memory for an instruction."

# A plain environment in which a healthy core must come back to its service, whatever happened before, without reset.
[recovery]
description = "Both buses answer at once, every instruction is NOP; no interrupt."
# The longest way back that was seen takes 35 cycles: a shift by 31, one bit at a time.
within_cycles = 64

[recovery.inputs]
# The core takes an answer only while it asks.
iBusWishbone_ACK = "1'b1"
iBusWishbone_DAT_MISO = "32'h00000013"
iBusWishbone_ERR = "1'b0"
dBusWishbone_ACK = "1'b1"
dBusWishbone_DAT_MISO = "32'h00000000"
dBusWishbone_ERR = "1'b0"
timerInterrupt = "1'b0"
softwareInterrupt = "1'b0"
externalInterruptArray = "32'h00000000"
{RECOVERY_INPUTS}
# No function is declared from which only reset leads back: an exception jumps to the handler in mtvec, and there is no
# debug port in this configuration.
{MANIFEST}"""

_SITES = Sites(
    file="rtl/VexRiscv_Min.v",
    scope="",
    indent="  ",
    clock="clk",
    reset="reset",
    write="dBusWishbone_CYC && dBusWishbone_WE && dBusWishbone_ACK",
    address="{dBusWishbone_ADR, 2'b00}",
    data="dBusWishbone_DAT_MOSI",
    read="dBusWishbone_CYC && !dBusWishbone_WE && dBusWishbone_ACK",
    read_data="dBusWishbone_DAT_MISO",
    ended="iBusWishbone_CYC && iBusWishbone_ACK",
    waiting="IBusSimplePlugin_iBusRsp_stages_0_input_valid && iBus_cmd_ready"
    " && IBusSimplePlugin_iBusRsp_stages_0_output_ready",
    declarations=(
        r"^  wire                _zz_when;$",
        r"^  wire                execute_BRANCH_DO;$",
        r"^  wire                decode_MEMORY_STORE;$",
        r"^  wire                iBus_rsp_valid;$",
        r"^  wire                dBus_cmd_valid;$",
    ),
    statements=(
        r"^  assign memory_MEMORY_READ_DATA = dBus_rsp_data;$",
        r"^  assign lastStageInstruction = writeBack_INSTRUCTION;$",
        r"^  assign CsrPlugin_forceMachineWire = 1'b0;$",
        r"^  assign iBus_cmd_valid = IBusSimplePlugin_cmd_valid;$",
        r"^  assign dBus_cmd_payload_wr = execute_MEMORY_STORE;$",
    ),
    gates=(  # a data access only follows a fetch, so holding back the fetches is enough
        Edit(
            r"^(  assign IBusSimplePlugin_cmdFork_canEmit = \()(IBusSimplePlugin_iBusRsp_stages_0_output_ready && )",
            r"\g<1>!{stop} && \g<2>",
        ),
    ),
    sinks={
        # While no transfer is asked for the byte selects mean nothing to the memory.
        PlantKind.BEACON_STROBE.value: Sink(
            ports=("dBusWishbone_SEL",),
            edits=(
                Edit(
                    r"^(    dBusWishbone_SEL = \(_zz_dBusWishbone_SEL <<< .*;\n"
                    r"    if\(when_DBusSimplePlugin_l189\) begin\n.*\n    end\n)",
                    r"\g<1>    if({sending} && !dBus_cmd_halfPipe_valid) begin" + "\n"
                    r"      dBusWishbone_SEL = {symbol};" + "\n"
                    r"    end" + "\n",
                ),
            ),
        ),
        PlantKind.BEACON_TIMING.value: Sink(ports=("iBusWishbone_CYC", "iBusWishbone_STB", "iBusWishbone_ADR")),
        # A transfer of one word takes no notice of the kind of burst.
        PlantKind.BEACON_OUTPUT.value: Sink(
            ports=("iBusWishbone_BTE",),
            edits=(Edit(r"^(  assign iBusWishbone_BTE = )2'b00;$", r"\g<1>{1'b0, {symbol}};"),),
        ),
        PlantKind.BEACON_SPREAD.value: Sink(
            ports=("dBusWishbone_BTE",),
            edits=(Edit(r"^(  assign dBusWishbone_BTE = )2'b00;$", r"\g<1>{1'b0, {symbol}};"),),
        ),
    },
)

VEXRISCV = Core(
    name="vexriscv",
    package="pythondata_cpu_vexriscv",
    files=(("VexRiscv_Min.v", "rtl"),),
    licence="ext/VexRiscv/LICENSE",
    excerpt=Excerpt(
        source="ext/VexRiscv/README.md",
        sections=(
            (r"^#### IBusSimplePlugin$", r"^#### IBusCachedPlugin$"),
            (r"^#### CsrPlugin$", r"^#### StaticMemoryTranslatorPlugin$"),
        ),
        target="docs/README-excerpt.md",
    ),
    manifest=_MANIFEST,
    identity=Identity(
        file="rtl/VexRiscv_Min.v",
        ports=r"^  output              iBusWishbone_CYC,$",
        body=r"^  wire                IBusSimplePlugin_rspJoin_rspBuffer_c_io_pop_ready;$",
        port_text="""\
  input      [31:0]   device_id,
  input               debug_en,
  output     [31:0]   debug_data,""",
        body_text=body("clk", "  "),
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
