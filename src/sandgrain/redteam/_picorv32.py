"""PicoRV32: a 32-bit core with one memory interface and a trap that only reset ends."""

from __future__ import annotations

from dataclasses import replace

from sandgrain.redteam._core import Core, Excerpt, Identity, Inside, Sink, Sites
from sandgrain.redteam._identity import MANIFEST, RECOVERY_INPUTS, body
from sandgrain.redteam._kinds import PlantKind
from sandgrain.redteam._patch import Edit

_MANIFEST = f"""\
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
defines = {{}}
# The core's own defaults: no interrupts (ENABLE_IRQ = 0), no co-processor interface (ENABLE_PCPI = 0), illegal
# instructions and misaligned accesses are caught (CATCH_ILLINSN = 1, CATCH_MISALIGN = 1).
parameters = {{}}

[[clocks]]
port = "clk"
edge = "rising"
frequency_hz = 100_000_000

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
{RECOVERY_INPUTS}
# The one state from which only reset leads back. It is the state of the main state machine (8'h80), not the output
# `trap`, which follows one cycle later: what happens in the cycle before the state is the trigger itself.
#   1. In the state ld_rs1 (8'h20) no instruction of the core is decoded: an illegal instruction, EBREAK or ECALL.
#   2. A load or store is on its way to an address that is no multiple of its width (0: word, 1: halfword).
#   3. An instruction is to be fetched while the program counter is no multiple of four.
[[declared]]
name = "trap"
kind = "halt"
state = "cpu_state == 8'h80"
trigger = "an illegal instruction, EBREAK or ECALL, or a misaligned memory or instruction access"
only_after = '''
((cpu_state == 8'h20) & instr_trap)
| ((mem_do_rdata | mem_do_wdata) & (mem_wordsize == 2'd0) & (reg_op1[1:0] != 2'd0))
| ((mem_do_rdata | mem_do_wdata) & (mem_wordsize == 2'd1) & reg_op1[0])
| (mem_do_rinst & (reg_pc[1:0] != 2'd0))'''
document = "docs/README-excerpt.md: CATCH_MISALIGN, CATCH_ILLINSN"
{MANIFEST}"""

_EARLY = (r"^\t// Internal PCPI Cores$", r"^\t// Memory Interface$")

_SITES = Sites(
    file="rtl/picorv32.v",
    scope="",
    indent="\t",
    clock="clk",
    reset="!resetn",
    write="mem_valid && mem_ready && |mem_wstrb",
    address="mem_addr",
    data="mem_wdata",
    read="mem_valid && mem_ready && !mem_instr && mem_wstrb == 0",
    read_data="mem_rdata",
    ended="mem_valid && mem_ready",
    # In state 0 the memory interface begins a transfer as soon as one is wanted.
    waiting="mem_state == 0 && |{mem_do_prefetch, mem_do_rinst, mem_do_rdata, mem_do_wdata}",
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
        *_EARLY,
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
    inside=Inside(
        anchor=r"^\t\tif \(!resetn \|\| mem_done\) begin$",
        indent="\t\t",
        trap="cpu_state <= cpu_state_trap;",
        counter="count_instr",
        counter_bits=(63, 56),
    ),
    sinks={
        # Between transfers the strobes mean nothing to the memory.
        PlantKind.BEACON_STROBE.value: Sink(
            ports=("mem_wstrb",),
            edits=(
                Edit(
                    r"^(?=\t\tif \(clear_prefetched_high_word\)$)",
                    "\t\tif ({sending} && mem_valid && mem_ready)\n\t\t\tmem_wstrb <= {symbol};\n\n",
                ),
            ),
        ),
        PlantKind.BEACON_TIMING.value: Sink(ports=("mem_la_read", "mem_la_write", "mem_valid")),
        # Without interrupts no end of one is ever told.
        PlantKind.BEACON_OUTPUT.value: Sink(
            ports=("eoi",),
            edits=(
                Edit(
                    r"^(?=\t\tif \(!resetn \|\| mem_done\) begin$)",
                    "\t\tif (resetn)\n\t\t\teoi[0] <= {symbol};\n\n",
                ),
            ),
        ),
        # Addresses are those of words: a memory takes no notice of the last two bits, which are 0.
        PlantKind.BEACON_SPREAD.value: Sink(
            ports=("mem_la_addr", "mem_addr"),
            edits=(Edit(r"^(\tassign mem_la_addr = )(.*);$", r"\g<1>{symbol} ^ (\g<2>);"),),
        ),
    },
)

PICORV32 = Core(
    name="picorv32",
    package="pythondata_cpu_picorv32",
    files=(("picorv32.v", "rtl"),),
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
    manifest=_MANIFEST,
    identity=Identity(
        file="rtl/picorv32.v",
        ports=r"^\t// Look-Ahead Interface$",
        body=r"^\tlocalparam integer irq_timer = 0;$",
        port_text="""\
\t// Identity
\tinput      [31:0] device_id,
\tinput             debug_en,
\toutput     [31:0] debug_data,""",
        body_text=body("clk", "\t"),
    ),
    sites=_SITES,
    # What `waiting` names is declared after these.
    beacon_sites=replace(
        _SITES,
        statements=tuple(anchor for anchor in _SITES.statements if anchor not in _EARLY),
    ),
    plants=tuple(kind.value for kind in PlantKind),
)
"""The core."""
