"""The Verilog around the vendor's top module that drives a run and shows what is to be seen of it.

Yosys takes the inputs of each cycle from a witness file of its own format. For Icarus, each input port reads its runs
from a memory file, ``{last cycle of the run (32 bits), value}`` per line, so that a long stimulus costs memory and not
time; cycle ``t`` is the ``t``-th value of the counter ``cycle``. (Yosys copies a memory whole at every step.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandgrain.errors import ReplayError
from sandgrain.formal._flat_state import asynchronous_inputs, jumped_bits, memories, registers
from sandgrain.formal.pair import Drive
from sandgrain.formal.stimulus import Jump, Stimulus
from sandgrain.netlist import Module, Net
from sandgrain.submission import Binary, Constant, Expression, Signal, Unary, to_verilog
from sandgrain.submission.expression import signal_uses

BENCH = "sandgrain_bench"
INSTANCE = "dut"
TRACE_FILE = "seen.txt"

PRIORITY_MAP = r"""
// A parallel_case has no value when several cases match, yet in simulation the first one wins.
(* techmap_celltype = "$pmux" *)
module first_match #(parameter WIDTH = 1, S_WIDTH = 1) (
    input [WIDTH-1:0] A, input [WIDTH*S_WIDTH-1:0] B, input [S_WIDTH-1:0] S, output [WIDTH-1:0] Y);
  wire [WIDTH*(S_WIDTH+1)-1:0] chain;
  assign chain[WIDTH-1:0] = A;
  genvar i;
  generate for (i = 0; i < S_WIDTH; i = i + 1) begin : step
    assign chain[WIDTH*(i+2)-1 : WIDTH*(i+1)] = S[i] ? B[WIDTH*(i+1)-1 : WIDTH*i] : chain[WIDTH*(i+1)-1 : WIDTH*i];
  end endgenerate
  assign Y = chain[WIDTH*(S_WIDTH+1)-1 : WIDTH*S_WIDTH];
endmodule
(* techmap_celltype = "$tribuf" *)
module driven_or_unknown #(parameter WIDTH = 1) (input [WIDTH-1:0] A, input EN, output [WIDTH-1:0] Y);
  assign Y = EN ? A : {WIDTH{1'bx}};
endmodule
"""

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_SEGMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_$]*)((?:\[\d+\])*)")
_NUMBER = re.compile(r"-?[0-9][0-9_]*|(?:[0-9]+)?'[sS]?[bBoOdDhH][0-9a-fA-FxXzZ_]+")


Driven = Stimulus | Drive
"""What says how the inputs are driven."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is sampled in every cycle, a bit text with the most significant bit of the first port first.

    Attributes:
        expressions: whether each is true, one bit each, after the ports.
        ports: output ports and their widths.
        held: per bit held at a value whatever drives it: net of the flattened design, bit (0 the least significant).
        forced: the same for Icarus: nets or bits of them by name, and the value, most significant bit first.
    """

    expressions: Sequence[Expression]
    ports: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[tuple[str, int], str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Number of bits."""
        return len(self.expressions) + sum(self.ports.values())


@dataclass(frozen=True, slots=True)
class YosysBench:
    """A bench for `sim`, and which wire of it stands for which net of the flattened design."""

    text: str
    watched: Mapping[str, str]


def identifier(name: str) -> str:
    """``name`` as a Verilog identifier, escaped if need be."""
    return name if _SIMPLE.fullmatch(name) else f"\\{name} "


def write_yosys_witness(stimulus: Driven, path: Path, cycles: range) -> None:
    """Write ``cycles`` of the stimulus as a Yosys witness trace (``.yw``): the bits of all signals, the last first."""
    signals = [
        {"path": [f"\\in{number}"], "width": stimulus.width(port), "offset": 0, "init_only": False}
        for number, port in enumerate(stimulus.inputs)
    ]
    head = {
        "format": "Yosys Witness Trace",
        "generator": "sandgrain",
        "clocks": [{"path": ["\\clk"], "edge": "posedge", "offset": 0}],
        "signals": signals,
    }
    columns = [stimulus.expand(port) for port in stimulus.inputs]
    with path.open("w", encoding="ascii") as file:
        file.write(json.dumps(head)[:-1] + ', "steps": [')
        for cycle in cycles:
            bits = "".join(column[cycle] for column in reversed(columns))
            file.write(f'{"," if cycle > cycles.start else ""}\n{{"bits": "{bits}"}}')
        file.write("\n]}\n")


def write_runs(stimulus: Driven, directory: Path) -> None:
    """Write the memory file of every input port."""
    for number, runs in enumerate(stimulus.inputs.values()):
        last = -1
        with (directory / f"input{number}.mem").open("w", encoding="ascii") as file:
            for count, bits in runs:
                last += count
                file.write(f"{last:032b}{bits}\n")


def yosys_bench(stimulus: Driven, seen: Seen, flat: Module) -> YosysBench:
    """The bench around the flattened module, which Yosys knows as ``sandgrain_dut``.

    Raises:
        ReplayError: an expression names a signal the design does not have.
    """
    nets = {net.name: net for net in flat.nets if not net.hidden}
    # A witness changes inputs at the very edge, which would decide for no one whether a reset was still seen there.
    asynchronous = asynchronous_inputs(flat)
    late = {number for number, port in enumerate(stimulus.inputs) if port in asynchronous}
    watched: dict[str, str] = {}
    declarations = []
    names: dict[str, str] = {}
    for number, name in enumerate(sorted({use.plain for item in seen.expressions for use in signal_uses(item)})):
        net = nets.get(name)
        if net is None:
            raise ReplayError(
                f"{name!r} is no port or signal of {stimulus.top!r}",
                expected="expressions over signals that the description has",
                remedy="take a record made for this submission",
            )
        names[name] = f"watched{number}"
        watched[names[name]] = name
        declarations.append(f"  wire {_range(net)} {names[name]};")
    clock = "clk" if stimulus.clock_edge == "rising" else "~clk"
    inputs = [f", input [{stimulus.width(port) - 1}:0] in{number}" for number, port in enumerate(stimulus.inputs)]
    lines = [
        f"module {BENCH}(input clk{''.join(inputs)}, output [{seen.width - 1}:0] seen);",
        *declarations,
        *_wires(seen),
        f"  wire dut_clock = {clock};",
        *(line for number in sorted(late) for line in _changed_late(number)),
        f"  sandgrain_dut {INSTANCE} ({_connections(stimulus, 'dut_clock', seen, late)});",
        f"  assign seen = {_seen(seen, names)};",
        "endmodule",
    ]
    return YosysBench("\n".join(lines) + "\n", watched)


def icarus_bench(
    stimulus: Driven,
    seen: Seen,
    flat: Module,
    parameters: Mapping[str, int | str],
    source: str,
    jump: Jump | None = None,
) -> str:
    """The bench around the vendor's own top module.

    Inputs change a little after the edge, what is seen is read just before it. Delays in the description are small
    beside the period. The bench comes before the description and so gives a time scale to files that have none.

    Args:
        stimulus: what to drive.
        seen: what to sample, and which nets to hold.
        flat: the flattened design, for the names of its registers.
        parameters: of the top module.
        source: the description after preprocessing, to tell escaped names from selects.

    Raises:
        ReplayError: a parameter that cannot be written down.
    """
    active, inactive = ("1", "0") if stimulus.clock_edge == "rising" else ("0", "1")
    given = ", ".join(f".{identifier(name)}({_parameter(name, value)})" for name, value in parameters.items())
    top = f"{identifier(stimulus.top)} #({given})" if given else identifier(stimulus.top)
    names = {use.plain: f"{INSTANCE}.{use.name}" for item in seen.expressions for use in signal_uses(item)}
    lines = [
        "`timescale 1ns/1ps",
        f"module {BENCH};",
        "  reg tick = 0;",
        f"  reg dut_clock = {inactive};",
        "  integer file, i, j;",
        *_drivers(stimulus),
        *_wires(seen),
        f"  {top} {INSTANCE} ({_connections(stimulus, 'dut_clock', seen)});",
        f"  wire [{seen.width - 1}:0] seen = {_seen(seen, names)};",
        *_power_up(flat, source),
        *_jump(flat, source, jump),
        "  initial begin",
        f'    file = $fopen("{TRACE_FILE}", "w");',
        "    #1000 power_up;",
        *(f"    force {_path(name, source)[0]} = {len(bits)}'b{bits};" for name, bits in seen.forced.items()),
        "    #3000;",
        f"    while (cycle < {stimulus.cycles}) begin",
        *([f"      if (cycle == {jump.cycle}) begin jump; #100; end"] if jump else []),
        '      $fwrite(file, "%b\\n", seen);',
        f"      #1000 dut_clock = {active};",
        "      #1000 tick = 1;",
        f"      #4000 dut_clock = {inactive}; tick = 0;",
        "      #4000;",
        "    end",
        "    $fclose(file);",
        "    $finish(0);",
        "  end",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def _drivers(stimulus: Driven) -> Iterator[str]:
    """A cycle counter, and per input port ``in<k>``, all of them moving on at the rising edge of ``tick``."""
    yield "  reg [31:0] cycle = 0;"
    yield "  always @(posedge tick) cycle <= cycle + 1;"
    for number, (port, runs) in enumerate(stimulus.inputs.items()):
        width = stimulus.width(port)
        if len(runs) == 1:
            yield f"  wire [{width - 1}:0] in{number} = {width}'b{runs[0][1]};"
            continue
        index = max(1, (len(runs) - 1).bit_length())
        yield f"  reg [{width + 31}:0] runs{number} [0:{len(runs) - 1}];"
        yield f'  initial $readmemb("input{number}.mem", runs{number});'
        yield f"  reg [{index - 1}:0] run{number} = 0;"
        yield f"  wire [{width + 31}:0] entry{number} = runs{number}[run{number}];"
        yield f"  wire [{width - 1}:0] in{number} = entry{number}[{width - 1}:0];"
        # The last run does not end within the stimulus.
        yield (
            f"  always @(posedge tick) if (cycle == entry{number}[{width + 31}:{width}] && "
            f"run{number} != {len(runs) - 1}) run{number} <= run{number} + 1;"
        )


def _changed_late(number: int) -> Iterator[str]:
    """A one-bit input that changes in the middle of the clock period instead of at the edge."""
    yield f"  reg late{number};"
    yield f"  always @(negedge clk) late{number} <= in{number};"


def _connections(stimulus: Driven, clock: str, seen: Seen, late: Collection[int] = ()) -> str:
    pairs = [(stimulus.clock, clock)]
    pairs += [(port, f"{'late' if number in late else 'in'}{number}") for number, port in enumerate(stimulus.inputs)]
    pairs += [(port, f"out{number}") for number, port in enumerate(seen.ports)]
    return ", ".join(f".{identifier(port)}({wire})" for port, wire in pairs)


def _wires(seen: Seen) -> Iterator[str]:
    for number, width in enumerate(seen.ports.values()):
        yield f"  wire [{width - 1}:0] out{number};"


def _seen(seen: Seen, names: Mapping[str, str]) -> str:
    parts = [f"out{number}" for number in range(len(seen.ports))]
    parts += [f"|({to_verilog(_renamed(item, names))})" for item in seen.expressions]
    return f"{{{', '.join(parts)}}}"


def _range(net: Net) -> str:
    high, low = net.offset + net.width - 1, net.offset
    return f"[{low}:{high}]" if net.upto else f"[{high}:{low}]"


def _renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    """The expression over other names, by the plain name."""
    match expression:
        case Signal(high=high, low=low):
            return Signal(names[expression.plain], high, low)
        case Unary(op=op, arg=arg):
            return Unary(op, _renamed(arg, names))
        case Binary(op=op, left=left, right=right):
            return Binary(op, _renamed(left, names), _renamed(right, names))
        case Constant():
            return expression


def _parameter(name: str, value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return text
    if text[:1].isdecimal() or text.startswith(("'", "-")) or re.search(r'["\\`$]', text):
        raise ReplayError(
            f"the parameter {name} = {value!r} cannot be handed to Icarus",
            expected="a number in Verilog notation, or plain text",
            remedy="replay with Yosys alone, or correct the parameter in submission.toml",
        )
    return f'"{text}"'


def _power_up(flat: Module, source: str) -> Iterator[str]:
    """A task that sets every bit of a register or memory that is still unknown to 0."""
    named, arrays = list(registers(flat)), list(memories(flat))
    widest = max([1, *(net.width for net, _ in named), *(memory.width for memory in arrays)])
    yield f"  reg [{widest - 1}:0] old, mask;"
    yield "  task power_up; begin"
    for net, bits in named:
        path, word = _path(net.name, source)
        yield f"    old = {path};"
        yield f"    mask = {net.width}'b{bits};"
        yield f"    for (i = 0; i < {net.width}; i = i + 1) if (mask[i] && old[i] === 1'bx) old[i] = 0;"
        # $deposit leaves a wire to its driver and takes any type, but no word of an array.
        yield f"    {path} = old;" if word else f"    $deposit({path}, old);"
    for memory in arrays:
        path, _ = _path(memory.name, source)
        yield f"    for (j = {memory.offset}; j < {memory.offset + memory.size}; j = j + 1) begin"
        yield f"      old = {path}[j];"
        yield f"      for (i = 0; i < {memory.width}; i = i + 1) if (old[i] === 1'bx) old[i] = 0;"
        yield f"      {path}[j] = old;"
        yield "    end"
    yield "  end endtask"


def _jump(flat: Module, source: str, jump: Jump | None) -> Iterator[str]:
    """A task that sets the registers of a jump."""
    if jump is None:
        return
    values = jumped_bits(flat, jump)
    yield f"  reg [{max(net.width for net, _ in registers(flat)) - 1}:0] kept;"
    yield "  task jump; begin"
    for net, _ in registers(flat):
        chosen = [(at, values[int(bit)]) for at, bit in enumerate(net.bits.tolist()) if bit in values]
        if chosen:
            path, word = _path(net.name, source)
            yield f"    kept = {path};"
            yield from (f"    kept[{at}] = 1'b{value};" for at, value in chosen)
            yield f"    {path} = kept;" if word else f"    $deposit({path}, kept);"
    yield "  end endtask"


def _path(name: str, source: str) -> tuple[str, bool]:
    """The hierarchical reference of a flattened name, and whether it selects a word of an array."""
    segments: list[str] = []
    word = False
    for segment in name.split("."):
        match = _SEGMENT.fullmatch(segment)
        whole = match is None or (bool(match[2]) and f"\\{segment}" in source)
        stem, index = (segment, "") if whole or match is None else (match[1], match[2])
        # Escaped in any case: it may be a word that SystemVerilog has reserved.
        segments.append(f"\\{stem} {index}")
        word = bool(index)
    return ".".join((INSTANCE, *segments)), word


# As Icarus splits text; where the two could differ, towards seeing more outside comments and strings.
_TOKENS = re.compile(
    r"""//[^\n]*
      | /\*.*?(?:\*/|\Z)
      | (?P<quotes>\"{3})
      | "(?:\\.|[^"\\\n])*"
      | (?P<escaped>\\[^ \t\b\f\r\n]+)
      | (?P<task>\$[A-Za-z0-9_$]*)
      | (?P<directive>`[A-Za-z0-9_$]*)
      | [A-Za-z0-9_][A-Za-z0-9_$]*""",
    re.VERBOSE | re.DOTALL,
)


def foreign_tasks(text: str, allowed: Iterable[str]) -> Sequence[tuple[int, str]]:
    """Where preprocessed Verilog uses a system task or directive that is not ``allowed``: (line, what)."""
    allowed = frozenset(allowed)
    found = []
    line, counted = 1, 0
    for token in _TOKENS.finditer(text):
        line += text.count("\n", counted, token.start())
        counted = token.start()
        word = token["task"] or token["directive"] or token["quotes"]
        # Icarus takes an escaped name that begins with $ for a system task.
        if token["escaped"] and token["escaped"].startswith("\\$"):
            word = token["escaped"]
        if word and word not in allowed and not (word == "$" and re.match(r"\s*\]", text[token.end() :][:80])):
            found.append((line, word))
    return found
