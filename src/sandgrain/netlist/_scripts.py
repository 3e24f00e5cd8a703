"""The Yosys commands of an elaboration, and why they come in this order.

Two rules govern every line. First, *what the description leaves unknown stays free*: an x or an undriven net may be 0
or 1 in silicon, so it becomes an ``$anyseq`` cell before any pass may choose a convenient value for it. Second,
*nothing is removed on the strength of an unknown initial value*: passes that treat one as a don't-care
(``opt_dff``, ``opt_merge`` without ``-keepdc``, ``opt_expr -mux_undef``) are not run.

``parallel_case`` and ``full_case``: a ``parallel_case`` lets ``proc`` treat cases as exclusive, although in simulation
the first that matches wins, so it is taken off before ``proc``. Cases that ``proc`` itself finds exclusive still become
a ``$pmux``, whose value is undefined when several selects are high; ``PRIORITY_MAP`` gives it the same priority. Under
``full_case`` the value when no case matches is x and becomes free; that covers both the simulator, where the old value
stays, and any choice of a synthesis tool. ``read_slang`` also builds a latch there whose enable is never definitely 0;
``OPEN_LATCH_MAP`` replaces those by their data, free where the enable is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sandgrain.netlist.design import Design
from sandgrain.netlist.yosys_process import quoted

PRIORITY_MAP = r"""
(* techmap_celltype = "$pmux" *)
module priority_pmux #(parameter WIDTH = 1, S_WIDTH = 1) (
    input [WIDTH-1:0] A, input [WIDTH*S_WIDTH-1:0] B, input [S_WIDTH-1:0] S, output [WIDTH-1:0] Y);
  // Slice S_WIDTH - 1 is the first case of the description: the first match wins.
  wire [WIDTH*(S_WIDTH+1)-1:0] chain;
  assign chain[WIDTH-1:0] = A;
  genvar i;
  generate for (i = 0; i < S_WIDTH; i = i + 1) begin : step
    assign chain[WIDTH*(i+2)-1 : WIDTH*(i+1)] = S[i] ? B[WIDTH*(i+1)-1 : WIDTH*i] : chain[WIDTH*(i+1)-1 : WIDTH*i];
  end endgenerate
  assign Y = chain[WIDTH*(S_WIDTH+1)-1 : WIDTH*S_WIDTH];
endmodule

// A bit selected outside the vector is x. The stock mapping picks a convenient value, this one keeps the x.
(* techmap_celltype = "$shiftx" *)
module exact_shiftx #(parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1) (
    input [A_WIDTH-1:0] A, input [B_WIDTH-1:0] B, output [Y_WIDTH-1:0] Y);
  localparam INDEX = (B_WIDTH > 30 ? B_WIDTH : 30) + 2;
  wire signed [INDEX-1:0] base;
  wire [Y_WIDTH-1:0] value;
  generate
    if (B_SIGNED) assign base = $signed(B);
    else assign base = B;
  endgenerate
  \$shift #(.A_SIGNED(0), .B_SIGNED(B_SIGNED), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH))
    shift (.A(A), .B(B), .Y(value));
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    wire signed [INDEX-1:0] index = base + i;
    assign Y[i] = (index >= 0 && index < A_WIDTH) ? value[i] : 1'bx;
  end endgenerate
endmodule

// No buffer drives: the value comes from outside or from nowhere, so it is free.
(* techmap_celltype = "$tribuf" *)
module free_tribuf #(parameter WIDTH = 1) (input [WIDTH-1:0] A, input EN, output [WIDTH-1:0] Y);
  assign Y = EN ? A : {WIDTH{1'bx}};
endmodule
"""

OPEN_LATCH_MAP = r"""
(* techmap_celltype = "$dlatch" *)
module open_latch #(parameter WIDTH = 1, EN_POLARITY = 1) (input EN, input [WIDTH-1:0] D, output [WIDTH-1:0] Q);
  assign Q = (EN == EN_POLARITY) ? D : {WIDTH{1'bx}};
endmodule
"""

UNDEFINED_MAP = r"""
(* techmap_celltype = "$_DFF_P_ $_DFF_N_" *)
module undefined_register (input C, input D, output Q);
  assign Q = 1'bx;
endmodule
"""

FORMAL_CELLS = (
    "$assert", "$assume", "$live", "$fair", "$cover", "$check", "$print", "$specify2", "$specify3", "$specrule",
    "$scopeinfo", "$initstate",
)  # fmt: skip
"""Cells that only talk to a simulator or a prover; they drive nothing in silicon."""

_ASYNCHRONOUS = ("$adff", "$adffe", "$aldff", "$aldffe", "$dffsr", "$dffsre")
_ASYNCHRONOUS_GATES = ("$_DFF_???_", "$_DFFE_????_", "$_ALDFF_*", "$_ALDFFE_*", "$_DFFSR_*", "$_DFFSRE_*")

# Exact in two-valued logic, which is all there is once every x is an $anyseq. Flip-flops are merged only when their
# initial values are known and equal (-keepdc), and none is removed for being constant.
_EXACT = ("opt_expr -keepdc -fine -mux_bool", "opt_muxtree", "opt_reduce", "opt_merge -keepdc", "opt_clean")

_PARALLEL_CASE = re.compile(r"^[ \t]*attribute \\parallel_case [^\n]*\n", re.MULTILINE)

Command = str | list[str]
"""A Yosys command line, or its words where a word may hold blanks and quotes."""


def slang_arguments(design: Design, dependencies: Path) -> str:
    """A slang command file that reads ``design`` and lists every file it opened in ``dependencies``."""
    words = ["--top", design.top, "--keep-hierarchy", "--no-proc", "--single-unit", "--ignore-timing"]
    words += ["--threads", "1", "--udp-handling", "blackboxes", "--all-deps", str(dependencies)]
    for directory in design.include_dirs:
        words += ["-I", directory]
    for name, text in design.defines.items():
        words += ["-D", f"{name}={text}" if text else name]
    for name, value in design.parameters.items():
        words += ["-G", f"{name}={_slang_value(value)}"]
    words += design.sources
    return "\n".join(_slang_word(word) for word in words) + "\n"


def read_with_slang(design: Design, arguments: Path) -> list[Command]:
    """Commands that read the design with slang."""
    return [f"read_slang -f {arguments}", f"hierarchy -top {design.top}"]


def read_with_verilog(design: Design) -> list[Command]:
    """Commands that read the design with Yosys' own front end."""
    read = ["read_verilog", "-sv"]
    for directory in design.include_dirs:
        read += ["-I", directory]
    for name, text in design.defines.items():
        read += ["-D", f"{name}={text}" if text else name]
    hierarchy = ["hierarchy", "-top", design.top]
    for name, value in design.parameters.items():
        hierarchy += ["-chparam", name, _yosys_value(value)]
    return [[*read, *(quoted(source) for source in design.sources)], hierarchy]


def write_as_read(rtlil: Path) -> Command:
    """The command that writes the hierarchy as read, processes and all."""
    return f"write_rtlil {quoted(rtlil)}"


def without_parallel_case(rtlil: Path) -> int:
    """Take every ``parallel_case`` off the decisions in ``rtlil``; returns how many there were.

    ``proc`` would read one as a promise that the cases exclude each other and drop, for instance, a case whose value is
    that of the default. In simulation the first case that matches wins, which is what a decision without it says. A
    string never spans lines in this format, so a line that begins like an attribute is one.
    """
    text, count = _PARALLEL_CASE.subn("", rtlil.read_text(encoding="utf-8", errors="surrogateescape"))
    if count:
        rtlil.write_text(text, encoding="utf-8", errors="surrogateescape")
    return count


def flatten_script(rtlil: Path, delivered: Path, flat_json: Path, flat_rtlil: Path) -> list[Command]:
    """Commands from the hierarchy as read to one flat word-level module, both written down."""
    return [
        f"read_rtlil {quoted(rtlil)}",
        "proc -noopt -norom",
        f"write_json {quoted(delivered)}",
        f"delete {' '.join('t:' + kind for kind in FORMAL_CELLS)}",
        # An attribute of the vendor's must not keep a module out of sight.
        "setattr -mod -unset keep_hierarchy",
        "setattr -unset keep_hierarchy",
        "flatten -noscopeinfo",
        "tribuf -merge",
        "memory_collect",
        # Before any pass may simplify a loop away; see _structure.loop_in for the reader of what it prints.
        "check -force-detailed-loop-check",
        f"write_json {quoted(flat_json)}",
        f"write_rtlil {quoted(flat_rtlil)}",
    ]


def gates_script(
    flat_rtlil: Path, gates: Path, maps: tuple[Path, Path], *, open_latches: Path | None, abstracted: Path | None
) -> list[Command]:
    """Commands from the flat word-level module to and-gates, inverters and flip-flops.

    Args:
        flat_rtlil: what :func:`flatten_script` wrote.
        gates: the JSON to write.
        maps: files holding ``PRIORITY_MAP`` and ``OPEN_LATCH_MAP``.
        open_latches: selection file of the latches that ``OPEN_LATCH_MAP`` applies to.
        abstracted: selection file of the memories whose read data become free.
    """
    script: list[Command] = [f"read_rtlil {quoted(flat_rtlil)}"]
    if open_latches:
        script += [["select", "-set", "open_latches", "-read", str(open_latches)]]
        script += [f"techmap -map {quoted(maps[1])} @open_latches"]
    if abstracted:
        script += [["select", "-set", "abstracted", "-read", str(abstracted)], "delete @abstracted"]
    asynchronous = " ".join(f"t:{kind}" for kind in (*_ASYNCHRONOUS, *_ASYNCHRONOUS_GATES))
    return [
        *script,
        "memory_map -keepdc",
        f"techmap -map {quoted(maps[0])}",
        "setundef -undriven -anyseq",
        f"async2sync -nolower {asynchronous}",
        "dffunmap",
        *_EXACT,
        *_EXACT,
        "techmap",
        # The stock mappings leave a few x of their own, e.g. for divisions.
        "setundef -undriven -anyseq",
        "simplemap",
        *_EXACT,
        "dffunmap",
        "aigmap",
        *_EXACT,
        f"write_json {quoted(gates)}",
        f"write_rtlil {quoted(gates.with_suffix('.il'))}",
    ]


def undefined_script(gates: Path, registers: Path, map_: Path) -> list[Command]:
    """Commands that make registers of the gate-level module free; what only they read goes with them.

    Args:
        gates: the JSON that :func:`gates_script` wrote, to be written anew.
        registers: selection file of the registers.
        map_: file holding ``UNDEFINED_MAP``.
    """
    return [
        f"read_rtlil {quoted(gates.with_suffix('.il'))}",
        ["select", "-set", "undefined", "-read", str(registers)],
        f"techmap -map {quoted(map_)} @undefined",
        "setundef -undriven -anyseq",
        *_EXACT,
        f"write_json {quoted(gates)}",
    ]


def selection(names: Sequence[tuple[str, str]]) -> str:
    """The text of a Yosys selection file for ``(module, cell)`` names as JSON has them."""
    return "".join(f"{module}/{cell}\n" for module, cell in names)


def _slang_word(word: str) -> str:
    return '"' + word.replace('"', '\\"') + '"'


def _slang_value(value: int | str) -> str:
    """A parameter value: numbers as they are, other text as a Verilog string."""
    if isinstance(value, int):
        return str(value)
    text = value.strip()
    if text[:1].isdecimal() or text.startswith(("'", "-", '"')):
        return text
    return f'"{text}"'


def _yosys_value(value: int | str) -> str:
    """A parameter value as ``hierarchy -chparam`` takes it: it knows no strings, only the number their bytes make."""
    text = _slang_value(value)
    if not text.startswith('"'):
        return text
    data = text.strip('"').encode("latin-1", "replace")
    return f"{8 * len(data)}'b" + "".join(f"{byte:08b}" for byte in data) if data else "8'b00000000"
