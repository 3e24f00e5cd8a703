"""The cores examples are written from: where their files are, what the manifest says, where a patch takes hold."""

from __future__ import annotations

from dataclasses import dataclass

from sandgrain.redteam._patch import Edit


@dataclass(frozen=True)
class Sites:
    """Where and how a core takes a modification, for the patch of :mod:`sandgrain.redteam.plants`.

    Attributes:
        file: the patched file, relative to the submission.
        scope: hierarchical prefix of the patched module below the top module, with its dot; empty for the top.
        indent: one level of indentation in that file.
        clock: the clock.
        reset: expression that holds while the reset is asserted.
        write: expression that holds in the cycle in which a bus write ends.
        data: the 32-bit word written in that cycle.
        declarations: anchors after which a declaration may stand; all come before all of ``statements``.
        statements: anchors before which an always block or an assignment may stand.
        gates: edits that stop the memory interface while ``{stop}`` holds, transfers under way excepted.
        port: anchor in the port list after which an input may stand; None where no input can be added.
    """

    file: str
    scope: str
    indent: str
    clock: str
    reset: str
    write: str
    data: str
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    gates: tuple[Edit, ...]
    port: str | None


@dataclass(frozen=True)
class Excerpt:
    """A part of the core's own documentation.

    Attributes:
        source: file in the package.
        sections: (first line, line after the last) as regular expressions, each found once; in this order.
        target: file in the submission.
    """

    source: str
    sections: tuple[tuple[str, str], ...]
    target: str


@dataclass(frozen=True)
class Core:
    """A core.

    Attributes:
        name: as users call it.
        package: Python package that holds its files, in the directory ``data_location``.
        rtl: globs of its description in the package.
        licence: its licence in the package.
        excerpt: which part of its documentation is submitted.
        manifest: ``submission.toml`` as its vendor would write it.
        sites: where a modification takes hold.
    """

    name: str
    package: str
    rtl: tuple[str, ...]
    licence: str
    excerpt: Excerpt
    manifest: str
    sites: Sites


_PICORV32_MANIFEST = """\
# What is handed over for audit, and what it is said to do. Every key is explained in the manual, "The manifest".
schema = 1

[chip]
name = "PicoRV32"
vendor = "Example Semiconductor"
date = 2026-11-23
top = "picorv32"

[[files]]
role = "rtl"
paths = ["rtl/*.v"]

[elaboration]
include_dirs = []
defines = {}
# The core's own defaults: no interrupts (ENABLE_IRQ = 0), no co-processor interface (ENABLE_PCPI = 0), illegal
# instructions and misaligned accesses are caught (CATCH_ILLINSN = 1, CATCH_MISALIGN = 1).
parameters = {}

[[clocks]]
port = "clk"
edge = "rising"

[[resets]]
port = "resetn"
active = "low"
synchronous = true
cycles = 4

# What a user pays for: the processor goes on fetching instructions.
[[services]]
name = "fetch"
expression = "mem_valid & mem_instr"
description = "The core asks the memory for an instruction."

# A plain environment in which a healthy core must come back to its service, whatever happened before, without reset.
[recovery]
description = "The memory is always ready and answers every read with NOP; no co-processor, no interrupt."
# A healthy core takes at most 17 cycles: a shift by 31 with the next instruction, a JALR, already prefetched.
within_cycles = 24

[recovery.inputs]
mem_ready = "1'b1"
mem_rdata = "32'h00000013"
pcpi_wr = "1'b0"
pcpi_rd = "32'h00000000"
pcpi_wait = "1'b0"
pcpi_ready = "1'b0"
irq = "32'h00000000"

# The one state from which only reset leads back.
[[declared]]
name = "trap"
kind = "halt"
state = "trap"
trigger = "an illegal instruction, EBREAK or ECALL, or a misaligned memory or instruction access"
document = "docs/README-excerpt.md: CATCH_MISALIGN, CATCH_ILLINSN"
"""

PICORV32 = Core(
    name="picorv32",
    package="pythondata_cpu_picorv32",
    rtl=("picorv32.v",),
    licence="COPYING",
    excerpt=Excerpt(
        source="README.md",
        sections=(
            (r"^#### CATCH_MISALIGN ", r"^#### ENABLE_PCPI "),
            (
                r"^PicoRV32 Native Memory Interface$",
                r"^Pico Co-Processor Interface \(PCPI\)$",
            ),
        ),
        target="docs/README-excerpt.md",
    ),
    manifest=_PICORV32_MANIFEST,
    sites=Sites(
        file="rtl/picorv32.v",
        scope="",
        indent="\t",
        clock="clk",
        reset="!resetn",
        write="mem_valid && mem_ready && |mem_wstrb",
        data="mem_wdata",
        declarations=(
            r"^\treg \[31:0\] timer;$",
            r"^\treg \[4:0\] reg_sh;$",
            r"^\treg \[31:0\] dbg_insn_addr;$",
            r"^\twire \[31:0\] next_pc;$",
            r"^\treg \[31:0\] next_insn_opcode;$",
            r"^\twire \[31:0\] dbg_mem_rdata = mem_rdata;$",
        ),
        statements=(
            r"^\t// Instruction Decoder$",
            r"^\t// Internal PCPI Cores$",
            r"^\t// Memory Interface$",
            r"^\t// Main State Machine$",
            r"^\treg set_mem_do_rinst;$",
            r"^\treg \[3:0\] pcpi_timeout_counter;$",
            r"^\treg clear_prefetched_high_word_q;$",
            r"^\treg cpuregs_write;$",
            r"^\tassign launch_next_insn = ",
        ),
        gates=(
            Edit(
                r"^(\tassign mem_la_write = resetn && )(!mem_state && mem_do_wdata;)$",
                r"\g<1>!{stop} && \g<2>",
            ),
            Edit(
                r"^(\tassign mem_la_read = resetn && \(\()(!mem_la_use_prefetched_high_word && !mem_state && )",
                r"\g<1>!{stop} && \g<2>",
            ),
            Edit(
                r"^(\t{5}if \()(mem_do_prefetch \|\| mem_do_rinst \|\| mem_do_rdata)(\) begin)$",
                r"\g<1>!{stop} && (\g<2>)\g<3>",
            ),
            Edit(r"^(\t{5}if \()(mem_do_wdata)(\) begin)$", r"\g<1>!{stop} && \g<2>\g<3>"),
        ),
        port=r"^\toutput reg \[31:0\] eoi,$",
    ),
)

_SERV_MANIFEST = """\
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
defines = {}
# The core's own defaults: machine-mode registers (WITH_CSR = 1), minimal reset (RESET_STRATEGY = "MINI").
parameters = {}

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

# No function is declared from which only reset leads back: an exception jumps to the handler in mtvec.
"""

SERV = Core(
    name="serv",
    package="pythondata_cpu_serv",
    rtl=("rtl/*.v",),
    licence="LICENSE",
    excerpt=Excerpt(
        source="doc/modules.rst",
        sections=((r"^serv_state\n\^+$", r"^Decode\n\^+$"),),
        target="docs/modules-excerpt.rst",
    ),
    manifest=_SERV_MANIFEST,
    sites=Sites(
        file="rtl/serv_top.v",
        scope="cpu.",
        indent="   ",
        clock="clk",
        reset="i_rst",
        write="o_dbus_cyc && o_dbus_we && i_dbus_ack",
        data="o_dbus_dat",
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
        port=None,
    ),
)

CORES = {core.name: core for core in (PICORV32, SERV)}
"""Every core, by name."""
