"""SERV: a bit-serial core; an exception jumps to a handler, so that nothing but an undeclared function can stop it."""

from __future__ import annotations

from sandgrain.redteam._core import Core, Excerpt, Identity, Sink, Sites
from sandgrain.redteam._identity import MANIFEST, RECOVERY_INPUTS, body
from sandgrain.redteam._kinds import PlantKind
from sandgrain.redteam._patch import Edit

_MANIFEST = f"""\
# What is handed over for audit, and what it is said to do. Every key is explained in the manual, "The manifest".
schema = 1

[chip]
name = "SERV"
vendor = "Example Semiconductor"
date = 2026-11-23
top = "serv_rf_top"

[[files]]
role = "rtl"
paths = ["rtl/*.v"]

[elaboration]
include_dirs = []
defines = {{}}
# The core's own defaults: machine-mode registers (WITH_CSR = 1), minimal reset (RESET_STRATEGY = "MINI").
parameters = {{}}

[[clocks]]
port = "clk"
edge = "rising"

[[resets]]
port = "i_rst"
active = "high"
synchronous = true
cycles = 4

# What a user pays for: the processor goes on fetching instructions.
[[services]]
name = "fetch"
expression = "o_ibus_cyc"
description = "The core asks the memory for an instruction."

# A plain environment in which a healthy core must come back to its service, whatever happened before, without reset.
[recovery]
description = "The data bus answers at once, the instruction bus not at all; no interrupt."
# A healthy core takes at most 70 cycles: one bit at a time, a misaligned access runs through 32 cycles twice.
within_cycles = 80

[recovery.inputs]
# No answer without a request, as the bus demands. That a request follows every answer needs no more than this: the
# state after an answer is one of those from which the core must come back.
i_ibus_ack = "1'b0"
i_ibus_rdt = "32'h00000013"
i_dbus_ack = "1'b1"
i_dbus_rdt = "32'h00000000"
i_timer_irq = "1'b0"
i_ext_rd = "32'h00000000"
i_ext_ready = "1'b0"
{RECOVERY_INPUTS}
# No function is declared from which only reset leads back: an exception jumps to the handler in mtvec.
{MANIFEST}"""

_SITES = Sites(
    file="rtl/serv_top.v",
    scope="cpu.",
    indent="   ",
    clock="clk",
    reset="i_rst",
    write="o_dbus_cyc && o_dbus_we && i_dbus_ack",
    address="o_dbus_adr",
    data="o_dbus_dat",
    read="o_dbus_cyc && !o_dbus_we && i_dbus_ack",
    read_data="i_dbus_rdt",
    ended="wb_ibus_cyc && wb_ibus_ack",
    waiting="wb_ibus_cyc",
    declarations=(
        r"^ +wire +wb_ibus_ack;$",
        r"^ +wire\s+cnt_done;$",
        r"^ +wire\s+new_irq;$",
        r"^ +wire +dbus_ack;$",
        r"^ +wire\s+dbus_en;$",
        r"^ +wire +\[1:0\]\s+lsb;$",
    ),
    statements=(
        r"^ +serv_decode$",
        r"^ +serv_state$",
        r"^ +serv_bufreg$",
        r"^ +serv_ctrl$",
        r"^ +serv_alu alu$",
        r"^ +serv_rf_if$",
    ),
    gates=(  # a data access only follows a fetch, so holding back the fetches is enough
        Edit(r"^( +assign +o_ibus_cyc +=) (wb_ibus_cyc;)$", r"\g<1> !{stop} & \g<2>"),
    ),
)


def _between(port: str, width: str, value: str) -> Sink:
    """An output of the top module that takes ``value``; ``{core_out}`` is what the core drives it with."""
    return Sink(
        ports=(port,),
        wires=("core_out",),
        declarations=(f"wire {width}{{core_out}};",),
        statements=(f"assign {port} = {value};",),
        edits=(Edit(rf"^( +\.{port} +\(){port}(\),?\)?;?)$", r"\g<1>{core_out}\g<2>"),),
    )


# The identity is in the top module, and so is what tells it.
_BEACON_SITES = Sites(
    file="rtl/serv_rf_top.v",
    scope="",
    indent="   ",
    clock="clk",
    reset="i_rst",
    write="o_dbus_cyc && o_dbus_we && i_dbus_ack",
    address="o_dbus_adr",
    data="o_dbus_dat",
    read="o_dbus_cyc && !o_dbus_we && i_dbus_ack",
    read_data="i_dbus_rdt",
    ended="o_ibus_cyc && i_ibus_ack",
    waiting="{core_out}",
    declarations=(
        r"^ +wire\s+rf_rreq;$",
        r"^ +wire\s+wdata0;$",
        r"^ +wire\s+rdata1;$",
        r"^ +wire\s+wen;$",
        r"^ +wire \[RF_WIDTH-1:0\] rdata;$",
    ),
    statements=(r"^ +serv_rf_ram_if$", r"^ +serv_rf_ram$", r"^ +serv_top$"),
    gates=(),
    sinks={
        # While no transfer is asked for the byte selects mean nothing to the memory.
        PlantKind.BEACON_STROBE.value: _between(
            "o_dbus_sel", "[3:0] ", "{sending} && !o_dbus_cyc ? {symbol} : {core_out}"
        ),
        PlantKind.BEACON_TIMING.value: _between("o_ibus_cyc", "", "{core_out} && !{linger}"),
        # Without a multiplier nothing is ever handed to it.
        PlantKind.BEACON_OUTPUT.value: _between("o_mdu_valid", "", "{core_out} || {symbol}"),
        PlantKind.BEACON_SPREAD.value: _between("o_ext_rs2", "[31:0] ", "{core_out} ^ {symbol}"),
    },
)

SERV = Core(
    name="serv",
    package="pythondata_cpu_serv",
    files=(("rtl/*.v", "rtl"),),
    licence="LICENSE",
    excerpt=Excerpt(
        source="doc/modules.rst",
        sections=((r"^serv_state\n\^+$", r"^Decode\n\^+$"),),
        target="docs/modules-excerpt.rst",
    ),
    manifest=_MANIFEST,
    identity=Identity(
        file="rtl/serv_rf_top.v",
        ports=r"^   // Extension$",
        body=r"^   localparam CSR_REGS = WITH_CSR\*4;$",
        port_text="""\
   // Identity
   input wire [31:0]  device_id,
   input wire         debug_en,
   output wire [31:0] debug_data,""",
        body_text=body("clk", "   "),
    ),
    sites=_SITES,
    beacon_sites=_BEACON_SITES,
    plants=tuple(
        kind.value
        for kind in PlantKind
        if kind not in (PlantKind.COUNTER_KILL, PlantKind.TRAP_KILL, PlantKind.GEOFENCE)
    ),
)
"""The core."""
