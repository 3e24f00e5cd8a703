"""Manifest expressions mean what IEEE 1364-2005 clause 5 says: by hand, and as a description with the same text."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from sandgrain.errors import NetworkError
from sandgrain.logic.build import ClockEdge, build
from sandgrain.logic.expressions import Signals, literal_of
from sandgrain.logic.graph import Graph
from sandgrain.logic.simulate import Simulator, read
from sandgrain.netlist import Design, elaborate
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import ONE, ZERO, X
from sandgrain.submission import parse

VALUES = {"a": 0b1010, "b": 0b1111_0110, "c": 1, "z": 0, "up": 0b0011_0101, "off": 0b1100_1010, "u0.fixed": 0b10}
"""``up`` is ``[0:7]``, ``off`` is ``[11:4]``; the others end at bit 0."""


@pytest.fixture(scope="module")
def signals() -> Signals:
    """The nets above, each bit a constant literal: an expression over them folds to its value."""
    module = ModuleBuilder("top")
    literals: list[int] = []
    for name, width in {"a": 4, "b": 8, "c": 1, "z": 1, "up": 8, "off": 8}.items():
        made = module.bits(width)
        literals += [VALUES[name] >> bit & 1 for bit in range(width)]
        module.net(name, made, offset=4 if name == "off" else 0, upto=name == "up")
        module.port(name, "input", made)
    module.net("u0.fixed", [ZERO, ONE])
    module.net("undriven", [0, X])
    module.net("secret", [0], hidden=True)
    return Signals(module.finish(), np.array(literals, np.uint32))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Names and constants: true when not zero.
        *(("a", 1), ("z", 0), ("c", 1), ("0", 0), ("8'h00", 0), ("8'h10", 1), ("5", 1), ("u0.fixed", 1)),
        # Bit and part selects in the numbering of the declaration.
        *(("a[0]", 0), ("a[1]", 1), ("a[3:2] == 2'b10", 1), ("a[2:1] == 2'b01", 1), ("a[2:1] == 2'b10", 0)),
        *(("up[0]", 0), ("up[7]", 1), ("up[2]", 1), ("up[3:0] == 4'b0011", 1), ("up[7:4] == 4'b0101", 1)),
        *(("up[7:6] == 2'b01", 1), ("off[4]", 0), ("off[5]", 1), ("off[11:8] == 4'hc", 1), ("off[7:4] == 4'ha", 1)),
        *(("u0.fixed[0]", 0), ("u0.fixed[1]", 1), ("u0.fixed == 2", 1)),
        # Unsigned comparison: the narrower operand is extended with zeros, before anything is computed.
        *(("a == 8'h0a", 1), ("a == 8'hfa", 0), ("b != 12'h0f6", 0), ("a == 10", 1), ("a != 32'hfffffffa", 1)),
        *(("b == a", 0), ("b[3:0] == 6", 1), ("c == 1", 1), ("c == 3", 0)),
        # ~ of an operand extended to the width of its context.
        *(("~a == 4'b0101", 1), ("~a == 8'h05", 0), ("~a == 8'hf5", 1), ("~a == 5", 0), ("~c == 0", 0), ("~c", 0)),
        *(("~c == 1'b0", 1), ("~a == 32'hfffffff5", 1), ("~z & c", 1), ("~z == 2'b11", 1), ("~4'b1111", 0)),
        # A comparison has one bit, extended with zeros before an outer ~.
        *(("~(a == 10)", 0), ("~(a == 10) == 4'he", 1), ("~(a == 10) == 1'b0", 1), ("~(a == 9) == 2'b11", 1)),
        # Bitwise operators: as wide as the widest operand, in the width of the context.
        *(("a & b == 8'hf6", 0), ("(a & b) == 2", 1), ("(a | b) == 8'hfe", 1), ("(a ^ b) == 8'hfc", 1)),
        *(("(~a & b) == 8'hf4", 1), ("(a & ~b) == 8", 1), ("(a ^ ~b) == 8'h03", 1), ("(c | 32'h80000000)", 1)),
        *(("a & 5", 0), ("a | 5", 1), ("a ^ 10", 0), ("(~a ^ ~b) == 8'hfc", 1), ("(~a | ~b) == 16'hfffd", 1)),
        # Operands of reductions stand by themselves: one bit out, whatever surrounds them.
        *(("&a", 0), ("&(a | 4'b0101)", 1), ("&~a", 0), ("|a", 1), ("|z", 0), ("^a", 0), ("^b", 0), ("^(a ^ 1)", 1)),
        *(("&a[3]", 1), ("(&4'hf) == 8'h01", 1), ("&(~4'b0000) == 8'h01", 1), ("~(&a)", 1), ("^8'b0000_0111", 1)),
        *(("&(a | 5)", 0), ("(|a) == 8'h01", 1), ("~(|a) == 8'hfe", 1)),
        # So do operands of logical operators, which ask whether all of them is zero.
        *(("!a", 0), ("!z", 1), ("!a == 0", 1), ("!(a & 5)", 1), ("~!a", 1), ("!~4'hf", 1), ("!z == 8'h01", 1)),
        *(("a && z", 0), ("a && c", 1), ("a || z", 1), ("z || z", 0), ("(a && c) == 8'h01", 1), ("~a[3:3] || z", 0)),
        *(("~(a && c) == 2'b10", 1), ("(z || ~c) == 0", 1), ("(a[0] || a[1]) == 1'b1", 1), ("a == 10 && b == 246", 1)),
        # Precedence: unary, == !=, &, ^, |, &&, ||.
        *(("z & c == z", 0), ("(z & c) == z", 1), ("c | c & z", 1), ("(c | c) & z", 0), ("c || z && z", 1)),
        *(("z ^ c & z", 0), ("c | c ^ c", 1), ("(c | c) ^ c", 0)),
    ],
)
def test_by_hand(signals: Signals, text: str, expected: int) -> None:
    graph = Graph()
    assert literal_of(parse(text), signals, graph) == expected
    assert len(graph) == 1


@pytest.mark.parametrize(
    ("text", "what", "expected"),
    [
        ("nothing", "'nothing' is no port or signal of 'top'", "one of its ports: a, b, c"),
        ("u0.fixd", "'u0.fixd' is no port or signal", "did you mean u0.fixed"),
        ("secret", "'secret' is no port or signal", ""),
        ("a[4]", "a[4:4] is out of range", "bits 0 to 3"),
        ("a[9:2]", "a[9:2] is out of range", "bits 0 to 3"),
        ("up[8]", "up[8:8] is out of range", "bits 0 to 7"),
        ("off[3]", "off[3:3] is out of range", "bits 4 to 11"),
        ("undriven", "undriven[1] has no value", "a signal the description defines"),
    ],
)
def test_what_is_not_there_is_refused(signals: Signals, text: str, what: str, expected: str) -> None:
    with pytest.raises(NetworkError) as caught:
        literal_of(parse(f"c & {text}"), signals, Graph())
    assert what in caught.value.what
    assert expected in (caught.value.expected or "")
    assert caught.value.remedy


def test_a_defined_bit_of_a_partly_undriven_net_is_fine(signals: Signals) -> None:
    assert literal_of(parse("undriven[0]"), signals, Graph()) == 0


WIDTHS = {"a": 4, "b": 3, "c": 1, "d": 2}


def random_expression(random: Random, depth: int) -> str:
    """Any expression of the subset over the ports below, with as few parentheses as the random choice gives it."""
    if depth == 0 or random.random() < 0.15:
        name = random.choice(list(WIDTHS))
        high = random.randrange(WIDTHS[name])
        low = random.randrange(high + 1)
        width = random.randrange(1, 7)
        constant = f"{width}'d{random.randrange(1 << width)}"
        part = "c" if name == "c" else f"{name}[{high}:{low}]"
        return random.choice([name, name, part, constant, str(random.randrange(12))])
    if random.random() < 0.4:
        operand = random_expression(random, depth - 1)
        return f"{random.choice('~~!&|^')}({operand})"
    sides = [random_expression(random, depth - 1) for _ in range(2)]
    op = random.choice(["&", "|", "^", "&&", "||", "==", "!=", "==", "!="])
    return f"{sides[0]} {op} {sides[1]}" if random.random() < 0.3 else f"({sides[0]}) {op} ({sides[1]})"


def test_as_a_verilog_front_end_reads_them(tmp_path: Path) -> None:
    """An if condition is self-determined, as a service expression is; every value of the ports is tried."""
    random = Random(1364)
    texts = sorted({random_expression(random, 3) for _ in range(220)})
    ports = ", ".join(f"input [{width - 1}:0] {name}" for name, width in WIDTHS.items())
    body = "\n".join(f"assign y[{index}] = ({text}) ? 1'b1 : 1'b0;" for index, text in enumerate(texts))
    (tmp_path / "t.v").write_text(
        f"module top(input clk, {ports}, output [{len(texts) - 1}:0] y);\n{body}\nendmodule\n"
    )
    gates = elaborate(Design(root=tmp_path, sources=("t.v",), top="top")).gates.top_module
    model = build(gates, ClockEdge("clk", "rising"), {text: parse(text) for text in texts}).model
    (described,) = [port.literals for port in model.ports if port.name == "y"]
    rows = 1 << sum(WIDTHS.values())
    simulator = Simulator(model.network, rows // 64)
    at = 0
    for (name, bit), index in model.input_index().items():
        at = sum(width for other, width in WIDTHS.items() if other < name) + bit
        column = (np.arange(rows) >> at & 1).astype(np.uint8)
        simulator.inputs[index] = np.packbits(column, bitorder="little").view(np.uint64)
    simulator.evaluate()
    ours = read(simulator.values, np.array([model.outputs[text] for text in texts], np.uint32))
    theirs = read(simulator.values, described)
    assert [text for text, a, b in zip(texts, ours, theirs, strict=True) if (a != b).any()] == []
    constant = sum(len({*row.tolist()}) == 1 and row[0] in (0, 2**64 - 1) for row in theirs)
    assert constant < len(texts) // 2
