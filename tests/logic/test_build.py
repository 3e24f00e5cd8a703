"""A gate netlist becomes a model of one clock edge; what that leaves out is free and named, never silently 0."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from sandgrain.errors import NetworkError
from sandgrain.logic.build import Built, ClockEdge, build
from sandgrain.logic.network import FREE_INPUT, PORT_INPUT, UNKNOWN
from sandgrain.netlist import Design, Module, elaborate
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, ZERO, X
from sandgrain.submission import parse
from sandgrain.verdict import Place
from tests.logic.networks import Interpreter, number

RISING = ClockEdge("clk", "rising")


def elaborated(root: Path, text: str) -> Module:
    (root / "top.v").write_text(text)
    return elaborate(Design(root=root, sources=("top.v",), top="top")).gates.top_module


MIXED = """module top(
  input clk, input clk2, input [1:0] d, output reg a, output reg b, output reg c, output u, output x);
  reg kept = 1'b1;
  wire floating;
  always @(posedge clk) begin
    a <= d[0] ^ kept;
    kept <= d[1];
  end
  always @(posedge clk2) b <= d[1];
  always @(negedge clk) c <= d[0] ^ d[1];
  assign u = floating & d[0];
  assign x = d[0] ? 1'bx : d[1];
endmodule
"""
NAMES = ("a", "b", "c", "u", "x", "kept", "floating")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Module:
    return elaborated(tmp_path_factory.mktemp("mixed"), MIXED)


def built(module: Module, clock: ClockEdge = RISING, names: tuple[str, ...] = NAMES) -> Built:
    return build(module, clock, {name: parse(name) for name in names})


def support(result: Built, literal: int) -> set[str]:
    """Names of the inputs and latches that a literal really depends on, found by trying every value."""
    plain = Interpreter(result.model.network)
    inputs, latches = len(result.model.inputs), len(result.model.latches)
    names = [bit.name for bit in result.model.inputs] + [latch.name for latch in result.model.latches]
    found = set()
    for row in range(1 << inputs + latches):
        for index, name in enumerate(names):
            other = row ^ 1 << index
            sides = [plain.holds(literal, at >> inputs, at & (1 << inputs) - 1) for at in (row, other)]
            if sides[0] != sides[1]:
                found.add(name)
    return found


def free_names(result: Built) -> list[str]:
    return [bit.name for bit in result.model.inputs if bit.port is None]


def notes(result: Built) -> list[str]:
    return [text.template.format(**text.args) for text in result.not_modelled]


def test_registers_of_other_clocks_are_free_and_named(mixed: Module) -> None:
    result = built(mixed)
    assert {latch.name for latch in result.model.latches} == {"a", "kept"}
    assert {"b", "c", "floating"} < set(free_names(result))
    assert [note.partition(" are left free")[0] for note in notes(result)] == [
        "1 registers on the clock clk (falling)",
        "1 registers on the clock clk2 (rising)",
    ]
    outputs = result.model.outputs
    assert support(result, outputs["b"]) == {"b"}
    assert support(result, outputs["c"]) == {"c"}


def test_next_states_initial_values_and_places(mixed: Module) -> None:
    result = built(mixed)
    network = result.model.network
    at = {latch.name: index for index, latch in enumerate(result.model.latches)}
    assert (network.latch_init[at["a"]], network.latch_init[at["kept"]]) == (UNKNOWN, 1)
    assert [str(result.model.latches[at[name]].place) for name in ("a", "kept")] == ["top.v:2", "top.v:3"]
    index = result.model.input_index()
    plain = Interpreter(network)
    for state, d in itertools.product(range(4), range(4)):
        inputs = sum((d >> bit & 1) << index["d", bit] for bit in (0, 1))
        after = plain.next(state, inputs)
        assert after >> at["a"] & 1 == (d & 1) ^ (state >> at["kept"] & 1)
        assert after >> at["kept"] & 1 == d >> 1


@pytest.mark.parametrize(
    ("clock", "kept", "left"),
    [
        (ClockEdge("clk", "falling"), {"c"}, ["2 registers on the clock clk (r", "1 registers on the clock clk2 (r"]),
        (ClockEdge("clk2", "rising"), {"b"}, ["1 registers on the clock clk (f", "2 registers on the clock clk (r"]),
        (ClockEdge("clk2", "falling"), set(), None),
    ],
)
def test_only_the_declared_edge_clocks(mixed: Module, clock: ClockEdge, kept: set[str], left: list[str] | None) -> None:
    result = built(mixed, clock)
    assert {latch.name for latch in result.model.latches} == kept
    assert {"a", "b", "c", "kept"} - kept < set(free_names(result))
    assert len(notes(result)) == (3 if left is None else 2)
    for start in left or []:
        assert any(note.startswith(start) for note in notes(result)), notes(result)


def test_undriven_and_x_are_free_not_zero(mixed: Module) -> None:
    result = built(mixed)
    outputs = result.model.outputs
    assert support(result, outputs["u"]) == {"d[0]", "floating"}
    assert support(result, outputs["floating"]) == {"floating"}
    (unknown,) = support(result, outputs["x"]) - {"d[0]", "d[1]"}
    assert unknown in free_names(result)
    assert unknown != "floating"
    groups = [bit.group for bit in result.model.inputs if bit.port is None]
    assert len(set(groups)) == len(groups)
    assert 0 not in groups
    kinds = result.model.network.input_kinds.tolist()
    assert kinds == [FREE_INPUT if bit.port is None else PORT_INPUT for bit in result.model.inputs]
    assert result.model.free_inputs.tolist() == [kind == FREE_INPUT for kind in kinds]


def test_ports_carry_their_bits(mixed: Module) -> None:
    result = built(mixed)
    ports = {port.name: port for port in result.model.ports}
    assert set(ports) == {"clk2", "d", "a", "b", "c", "u", "x"}
    assert ports["d"].direction == "input"
    index = result.model.input_index()
    assert ports["d"].literals.tolist() == [2 * (1 + index["d", bit]) for bit in (0, 1)]
    for name in "abcux":
        assert ports[name].literals.tolist() == [result.model.outputs[name]]


def test_gated_clock_is_refused(tmp_path: Path) -> None:
    text = "module top(input clk, input en, input d, output reg q);\n{}\nendmodule"
    gated = elaborated(tmp_path, text.format("wire g = clk & en; always @(posedge g) q <= d;"))
    with pytest.raises(NetworkError, match="clock 'clk' is used as data"):
        built(gated, names=("q",))
    enabled = elaborated(tmp_path, text.format("always @(posedge clk) if (en) q <= d;"))
    result = built(enabled, names=("q",))
    assert support(result, int(result.model.network.latch_next[0])) == {"en[0]", "d[0]", "q"}


class Gates(ModuleBuilder):
    """A flat module written gate by gate; every net is ``name`` at line ``its bit + 1`` of ``g.v``."""

    def __init__(self) -> None:
        super().__init__("top")

    def wire(self, name: str, direction: str = "", width: int = 1, init: str | None = None) -> list[int]:
        made = self.bits(width)
        self.net(name, made, place=Place(file="g.v", line=made[0] + 1), init=init)
        if direction:
            self.port(name, direction, made)
        return made

    def gate(self, kind: str, y: int, *operands: int) -> None:
        pins = [(pin, INPUT, [bit]) for pin, bit in zip("AB", operands, strict=False)]
        self.cell(kind, "", [*pins, ("Y", OUTPUT, [y])])

    def flip_flop(self, q: int, d: int, c: int, edge: str = "P") -> None:
        self.cell(f"$_DFF_{edge}_", "", [("D", INPUT, [d]), ("Q", OUTPUT, [q]), ("C", INPUT, [c])])


def start() -> tuple[Gates, int, int, int]:
    """A module with ports clk, d, y."""
    gates = Gates()
    clk, d, y = (gates.wire(name, side)[0] for name, side in (("clk", "input"), ("d", "input"), ("y", "output")))
    return gates, clk, d, y


@pytest.mark.parametrize(
    "second",
    [
        "gate",
        "flip-flop",
        "free",
        "input",
        "none",
        "alike",
    ],
)
def test_two_drivers_are_refused(second: str) -> None:
    gates, clk, d, y = start()
    gates.gate("$_NOT_", y, d)
    if second == "gate":
        gates.gate("$_AND_", y, d, d)
    elif second == "alike":
        gates.gate("$_NOT_", y, d)
    elif second == "flip-flop":
        gates.flip_flop(y, d, clk)
    elif second == "free":
        gates.cell("$anyseq", "", [("Y", OUTPUT, [y])])
    elif second == "input":
        gates.gate("$_NOT_", d, y)
    if second == "none":
        assert len(built(gates.finish(), names=("y",)).model.inputs) == 1
        return
    with pytest.raises(NetworkError, match=r"^[dy] has two drivers"):
        built(gates.finish(), names=("y",))


def test_two_drivers_of_one_kind_are_refused() -> None:
    gates, _, d, y = start()
    gates.gate("$_NOT_", y, d)
    gates.gate("$_NOT_", y, d)
    with pytest.raises(NetworkError, match="has two drivers"):
        built(gates.finish(), names=("y",))


def test_driving_a_constant_is_refused() -> None:
    gates, _, d, _ = start()
    gates.gate("$_NOT_", ZERO, d)
    with pytest.raises(NetworkError, match="a constant has two drivers"):
        built(gates.finish(), names=("y",))


@pytest.mark.parametrize("broken", [False, True])
def test_a_loop_names_a_net_on_it_and_its_line(broken: bool) -> None:
    gates, clk, d, y = start()
    middle, back = gates.wire("middle")[0], gates.wire("back")[0]
    gates.gate("$_AND_", middle, d, back)
    gates.gate("$_NOT_", y, middle)
    if broken:
        gates.flip_flop(back, y, clk)
        assert [latch.name for latch in built(gates.finish(), names=("y",)).model.latches] == ["back"]
        return
    gates.gate("$_NOT_", back, y)
    with pytest.raises(NetworkError, match="combinational loop through (y|middle|back)") as caught:
        built(gates.finish(), names=("y",))
    name = caught.value.what.rpartition(" ")[2]
    assert (caught.value.file, caught.value.line) == ("g.v", {"y": y, "middle": middle, "back": back}[name] + 1)


def test_every_x_is_a_free_input_of_its_own() -> None:
    gates, clk, d, y = start()
    z = gates.wire("z", "output")[0]
    q = gates.wire("q", "output")[0]
    gates.gate("$_AND_", y, d, X)
    gates.gate("$_AND_", z, X, ONE)
    gates.flip_flop(q, X, clk)
    result = built(gates.finish(), names=("y", "z", "q"))
    assert len(free_names(result)) == 3
    used = [support(result, literal) for literal in (result.model.outputs["y"], result.model.outputs["z"])]
    assert used[0] == {"d[0]", "x"}
    network = result.model.network
    free = {2 * (1 + index) for index, bit in enumerate(result.model.inputs) if bit.port is None}
    assert {result.model.outputs["z"], int(network.latch_next[0])} < free
    assert result.model.outputs["z"] != int(network.latch_next[0])


def test_an_unknown_cell_leaves_what_it_drives_free_and_is_named() -> None:
    gates, _, d, y = start()
    inner = gates.wire("inner")[0]
    gates.cell("sensor", "u0", [("A", INPUT, [d]), ("Y", OUTPUT, [inner])])
    gates.gate("$_NOT_", y, inner)
    result = built(gates.finish(), names=("y",))
    assert notes(result) == ["1 instances of sensor have no modelled function: what they drive is left free."]
    assert support(result, result.model.outputs["y"]) == {"inner"}


def test_constants_and_initial_values() -> None:
    gates, clk, d, y = start()
    q = gates.wire("q", width=3, init="1x0")
    gates.gate("$_AND_", y, d, ONE)
    for bit, following in zip(q, (ZERO, ONE, y), strict=True):
        gates.flip_flop(bit, following, clk)
    result = built(gates.finish(), names=("y", "q"))
    network = result.model.network
    assert [latch.name for latch in result.model.latches] == ["q[0]", "q[1]", "q[2]"]
    assert network.latch_init.tolist() == [0, UNKNOWN, 1]
    assert network.latch_next.tolist() == [0, 1, 2]
    assert network.input_count == 1
    plain = Interpreter(network)
    assert [plain.holds(result.model.outputs["q"], state, 0) for state in range(8)] == [False] + [True] * 7


@pytest.mark.parametrize(
    ("port", "message"),
    [("y", "not a one-bit input port"), ("wide", "not a one-bit input port"), ("clock", "not a port of 'top'")],
)
def test_no_such_clock(port: str, message: str) -> None:
    gates, _, d, y = start()
    gates.wire("wide", "input", 2)
    gates.gate("$_NOT_", y, d)
    with pytest.raises(NetworkError, match=message):
        built(gates.finish(), ClockEdge(port, "rising"), ("y",))


def test_the_vendors_shortest_highest_name_wins() -> None:
    gates, clk, d, y = start()
    gates.flip_flop(y, d, clk)
    gates.net("a", [y], hidden=True)
    gates.net("u.q", [y])
    gates.net("result", [y])
    gates.net("z", [y])
    assert [latch.name for latch in built(gates.finish(), names=("y",)).model.latches] == ["y"]


@pytest.mark.parametrize(
    "use",
    [
        "and-gate",
        "stored",
        "inverted",
        "expression",
    ],
)
def test_the_clock_as_data_is_refused(use: str) -> None:
    """Stored in a register, through an inverter into one, in an expression: all as unsound as in a gate."""
    gates, clk, d, y = start()
    inner = gates.wire("inner")[0]
    if use == "and-gate":
        gates.gate("$_AND_", inner, clk, d)
    elif use == "inverted":
        gates.gate("$_NOT_", inner, clk)
    else:
        gates.gate("$_NOT_", inner, d)
    gates.flip_flop(y, clk if use == "stored" else inner, clk)
    module = gates.finish()
    with pytest.raises(NetworkError, match="clock 'clk' is used as data"):
        built(module, names=("clk",) if use == "expression" else ("y",))


def test_an_output_that_carries_the_clock_is_not_looked_at() -> None:
    gates, clk, d, y = start()
    gates.flip_flop(y, d, clk)
    gates.port("co", "output", [clk])
    gates.net("co", [clk])
    found = built(gates.finish(), names=("y",))
    assert "co" not in {port.name for port in found.model.ports}
    assert any("co carries the clock" in str(note) for note in found.not_modelled)


def test_no_literal_is_out_of_range(mixed: Module) -> None:
    model = built(mixed).model
    network = model.network
    literals = [network.latch_next, *(port.literals for port in model.ports)]
    everything = np.concatenate([*literals, np.array(list(model.outputs.values()), np.uint32)])
    assert (everything >> 1 < network.variable_count).all()
    gates = np.arange(network.and_count) + network.first_and
    assert ((network.fanin0 >> 1 < gates) & (network.fanin1 >> 1 < gates)).all()
    assert number(network.latch_init == UNKNOWN) > 0
