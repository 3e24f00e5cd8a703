"""Every cell stamped out: what the network says is what the cells say."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import NetworkError
from sandgrain.logic.assemble import PAST_CONTROL, PAST_DATA, PRESENT, Assembled, Clock, assemble
from sandgrain.logic.network import FREE_INPUT, PORT_INPUT, UNKNOWN
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.cell_function import FLIP_FLOP, Cell
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, ZERO, Module, X, Z
from sandgrain.verdict import Place
from tests.logic.small_cells import CELLS, Reading, lookup

# -- designs


class Design:
    """A module in which every net is one bit with a name."""

    def __init__(self, inputs: str, outputs: str = "") -> None:
        self.builder = ModuleBuilder("top", Place(file="top.v", line=1))
        self.known: dict[str, int] = {}
        self.line = 1
        for name in inputs.split():
            self.builder.port(name, "input", [self.bit(name)])
        for name in outputs.split():
            self.builder.port(name, "output", [self.bit(name)])

    def bit(self, name: str) -> int:
        constants = {"0": ZERO, "1": ONE, "x": X, "z": Z}
        if name in constants:
            return constants[name]
        if name not in self.known:
            (self.known[name],) = self.builder.bits(1)
            self.builder.net(name, [self.known[name]], place=Place(file="top.v", line=1))
        return self.known[name]

    def add(self, kind: str, **pins: str) -> Design:
        self.line += 1
        known = CELLS[kind].pins if kind in CELLS else {}
        connections = [
            (pin, known.get(pin, (INPUT, 1))[0], [self.bit(net) for net in nets.split()]) for pin, nets in pins.items()
        ]
        self.builder.cell(kind, f"u{self.line}", connections, place=Place(file="top.v", line=self.line))
        return self

    def done(self) -> Module:
        return self.builder.finish()


class Running:
    """An assembled design, driven by names of nets."""

    def __init__(self, design: Design, assembled: Assembled) -> None:
        self.bits = design.known
        self.assembled = assembled
        self.reading = Reading(assembled.network)

    def step(self, free: int = 0, **inputs: int) -> Running:
        by_bit = {self.bits[name]: value for name, value in inputs.items()}
        self.reading.step([by_bit.get(bit, free) for bit in self.assembled.input_bits.tolist()])
        return self

    def __getitem__(self, net: str) -> int:
        return self.reading.of(int(self.assembled.net_literals[self.bits[net]]))


def run(design: Design, mode: str = "cycle", clocks: list[Clock] | None = None) -> Running:
    return Running(design, assemble(design.done(), lookup, clocks, "event" if mode == "event" else "cycle"))


def refused(design: Design, mode: str = "cycle", clocks: list[Clock] | None = None) -> str:
    with pytest.raises(NetworkError) as caught:
        run(design, mode, clocks)
    return str(caught.value)


# -- gates


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
@pytest.mark.parametrize("mode", ["cycle", "event"])
def test_gates_compute_what_their_functions_say(a: int, b: int, mode: str) -> None:
    design = (
        Design("a b").add("XOR", A="a", B="b", Y="x1").add("MUX", A="a", B="b", S="x1", Y="m").add("INV", A="m", Y="n")
    )
    running = run(design, mode).step(a=a, b=b)
    assert (running["x1"], running["m"], running["n"]) == (a ^ b, (b if a ^ b else a), 1 - (b if a ^ b else a))


def test_constants_and_pins_of_several_bits() -> None:
    design = Design("a b").add("ADD2", A="a 1", B="b 0", S="s0 s1")
    for a in (0, 1):
        for b in (0, 1):
            running = run(design).step(a=a, b=b)
            assert running["s0"] + 2 * running["s1"] == (a + 2 + b) % 4


def test_an_output_that_does_not_depend_on_an_input_makes_no_loop() -> None:
    design = Design("a b").add("ADD2", A="a s0", B="b 0", S="s0 s1")
    running = run(design).step(a=1, b=0)
    assert (running["s0"], running["s1"]) == (1, 1)


def test_equal_gates_are_one() -> None:
    design = (
        Design("a b").add("AND", A="a", B="b", Y="p").add("AND", A="b", B="a", Y="q").add("AND", A="a", B="0", Y="r")
    )
    assembled = run(design).assembled
    assert assembled.network.and_count == 1
    assert assembled.net_literals[design.bit("p")] == assembled.net_literals[design.bit("q")]
    assert assembled.net_literals[design.bit("r")] == 0


def test_inert_cells_and_an_empty_design_are_nothing() -> None:
    assembled = run(Design("a").add("FILL")).assembled
    assert assembled.network.and_count == 0 and assembled.black_boxes == {} and assembled.not_modelled == ()
    assert assemble(ModuleBuilder("empty").finish(), lookup).network.variable_count == 1


# -- what nothing defines


@pytest.mark.parametrize("mode", ["cycle", "event"])
def test_undriven_x_z_and_missing_connections_are_free_never_zero(mode: str) -> None:
    design = (
        Design("a")
        .add("BUF", A="nothing", Y="p")
        .add("BUF", A="x", Y="q")
        .add("BUF", A="z", Y="r")
        .add("AND", A="a", Y="s")
        .add("RAM", A="a", Q="t")
        .add("UNK", A="a", E="0", Y="u")
    )
    running = run(design, mode)
    assert running.assembled.black_boxes == {"RAM": 1}
    assert [str(note) for note in running.assembled.not_modelled] == [
        "1 instances of RAM have no modelled function: what they drive is left free."
    ]
    for value in (0, 1):
        running.step(free=value, a=1)
        assert [running[name] for name in "pqrstu"] == [value] * 6
    literals = {int(running.assembled.net_literals[design.bit(name)]) for name in "pqrstu"}
    assert len(literals) == 6
    kinds = running.assembled.network.input_kinds
    assert kinds.tolist() == [PORT_INPUT, *[FREE_INPUT] * 6]
    assert running.assembled.input_bits[0] == design.bit("a")


def test_a_cell_nobody_knows_is_a_black_box() -> None:
    design = Design("a").add("SECRET", A="a", Y="y").add("INV", A="y", Y="n")
    running = run(design)
    assert running.assembled.black_boxes == {"SECRET": 1}
    assert [running.step(free=value, a=0)["n"] for value in (0, 1)] == [1, 0]


def test_a_driver_that_has_no_unknown_in_a_case_shows_its_value() -> None:
    design = Design("a e").add("UNK", A="a", E="e", Y="y")
    running = run(design)
    for a in (0, 1):
        for free in (0, 1):
            assert running.step(free=free, a=a, e=1)["y"] == a


# -- three-state


def test_a_three_state_net_is_what_its_driver_says_or_free() -> None:
    running = run(Design("a e").add("TRI", A="a", E="e", Y="y"))
    for free in (0, 1):
        assert running.step(free=free, a=1, e=1)["y"] == 1
        assert running.step(free=free, a=0, e=1)["y"] == 0
        assert running.step(free=free, a=1, e=0)["y"] == free
    assert running.assembled.not_modelled == ()


def test_drivers_that_exclude_each_other_are_no_contention() -> None:
    design = Design("a b e").add("INV", A="e", Y="n").add("TRI", A="a", E="e", Y="y").add("TRI", A="b", E="n", Y="y")
    running = run(design)
    assert running.assembled.not_modelled == ()
    for a, b, e in np.ndindex(2, 2, 2):
        assert running.step(free=1, a=a, b=b, e=e)["y"] == (a if e else b)


def test_drivers_that_may_meet_are_named() -> None:
    design = Design("a b e f").add("TRI", A="a", E="e", Y="bus").add("TRI", A="b", E="f", Y="bus")
    running = run(design)
    assert "1 nets have several three-state drivers" in str(running.assembled.not_modelled[0])
    assert "bus" in str(running.assembled.not_modelled[0])
    assert running.step(free=0, a=1, b=0, e=1, f=1)["bus"] == 1
    assert running.step(free=1, a=1, b=1, e=0, f=0)["bus"] == 1


def test_a_pull_decides_when_nobody_drives() -> None:
    design = Design("a e").add("TRI", A="a", E="e", Y="y").add("pullup", Y0="y").add("pulldown", Y0="low")
    running = run(design)
    for free in (0, 1):
        assert running.step(free=free, a=0, e=0)["y"] == 1
        assert running.step(free=free, a=0, e=1)["y"] == 0
        assert running["low"] == 0


def test_a_pull_gives_way_to_a_driver_and_to_a_port() -> None:
    design = Design("a p").add("INV", A="a", Y="y").add("pullup", Y0="y").add("pullup", Y0="p")
    running = run(design).step(a=1, p=0)
    assert (running["y"], running["p"]) == (0, 0)


def test_a_two_way_port_is_driven_from_inside_or_outside() -> None:
    design = Design("a e")
    design.builder.port("pad", "inout", [design.bit("pad")])
    design.add("TRI", A="a", E="e", Y="pad").add("INV", A="pad", Y="n")
    running = run(design)
    assert running.assembled.network.input_kinds.tolist() == [PORT_INPUT] * 3
    assert running.step(a=1, e=1, pad=0)["n"] == 0
    assert running.step(a=1, e=0, pad=0)["n"] == 1
    assert "pad" in str(running.assembled.not_modelled[0])


# -- what is refused


def test_two_drivers_are_named_with_their_places() -> None:
    message = refused(Design("a").add("INV", A="a", Y="y").add("BUF", A="a", Y="y"))
    assert (
        "top.v:3" in message and "'y' has two drivers" in message and "'u2' (top.v:2)" in message and "'u3'" in message
    )


def test_a_cell_driving_an_input_port_is_refused() -> None:
    assert "an input port of 'top' (top.v:1)" in refused(Design("a b").add("INV", A="a", Y="b"))


def test_a_three_state_driver_beside_a_strong_one_is_refused() -> None:
    assert "two drivers" in refused(Design("a").add("INV", A="a", Y="y").add("TRI", A="a", E="a", Y="y"))


def test_driving_a_constant_is_refused() -> None:
    assert "'Y' of 'u2' drives a constant" in refused(Design("a").add("INV", A="a", Y="1"))


def test_a_pin_the_cell_does_not_have_is_refused() -> None:
    message = refused(Design("a").add("INV", A="a", B="a", Y="y"))
    assert "the pin 'B' (1 bits) of a 'INV'" in message and "link the netlist" in message


@pytest.mark.parametrize("mode", ["cycle", "event"])
def test_a_loop_of_gates_is_named_in_the_direction_of_the_signal(mode: str) -> None:
    design = Design("a").add("AND", A="a", B="r", Y="p").add("INV", A="p", Y="q").add("BUF", A="q", Y="r")
    message = refused(design, mode)
    assert message.startswith("top.v:") and "a combinational loop" in message
    around = message.split("loop: ")[1].splitlines()[0].replace("'", "").split(" -> ")
    assert " ".join(around * 2).find("p q r") >= 0


@pytest.mark.parametrize("mode", ["cycle", "event"])
def test_loops_can_be_cut_open(mode: Literal["cycle", "event"]) -> None:
    design = Design("c a d").add("AND", A="a", B="r", Y="p").add("INV", A="p", Y="q").add("BUF", A="q", Y="r")
    design.add("DFFR", D="d", C="c", R="s", Q="s").add("DFF", D="r", C="c", Q="t").add("OR", A="v", B="a", Y="v")
    assembled = assemble(design.done(), lookup, mode=mode, leave_free=True)
    assert "3 loops of gates are cut open" in str(assembled.not_modelled[0])
    running = Running(design, assembled)
    free = [bit for bit in assembled.input_bits.tolist() if bit not in {design.bit(name) for name in "cad"}]
    assert len(free) == 3 and design.bit("v") in free
    for value in (0, 1):
        running.step(free=value, a=1, d=0, **({"c": 1} if mode == "event" else {}))
        assert running["v"] == value
        assert running["q"] == 1 - running["p"] or design.bit("q") in free or design.bit("p") in free


def test_a_very_long_chain_and_a_very_long_loop_need_no_recursion() -> None:
    count = 50_000
    design = Design("a")
    for index in range(count):
        design.add("INV", A="a" if index == 0 else f"n{index - 1}", Y=f"n{index}")
    assert run(design).step(a=1)[f"n{count - 1}"] == 1
    looped = Design("a")
    for index in range(count):
        looped.add("AND", A="a", B=f"n{(index - 1) % count}", Y=f"n{index}")
    assert "and 49,992 more nets" in refused(looped)


def test_a_register_that_clears_itself_is_a_loop_with_a_name() -> None:
    message = refused(Design("c d").add("DFFR", D="d", C="c", R="q", Q="q"))
    assert "loop through the transparent or asynchronous input of 'u2'" in message


# -- registers, one step a clock period


def test_a_flip_flop_delays_by_one_step() -> None:
    running = run(Design("c d").add("DFF", D="d", C="c", Q="q", QN="n"))
    seen = []
    for value in (1, 0, 0, 1, 1):
        seen.append(running.step(d=value)["q"])
        assert running["n"] == 1 - seen[-1]
    assert seen == [0, 1, 0, 0, 1]
    (domain,) = running.assembled.domains
    assert (domain.name, domain.edge, domain.active, domain.latches.tolist()) == ("c", "rising", True, [0])
    assert running.assembled.network.latch_init.tolist() == [0]
    assert running.assembled.latch_cells.tolist() == [0] and running.assembled.latch_states.tolist() == [0]
    assert running.assembled.latch_roles.tolist() == [PRESENT]


def test_power_up_values_come_from_the_cell_or_the_net() -> None:
    design = Design("c d").add("DFFX", D="d", C="c", Q="p").add("DFF", D="d", C="c", Q="q", QN="n")
    design.builder.net("again", [design.bit("n")], init="0")
    assert run(design).assembled.network.latch_init.tolist() == [UNKNOWN, 1]


def test_a_falling_clock_alone_is_the_active_edge() -> None:
    running = run(Design("c d").add("DFFN", D="d", C="c", Q="q"))
    assert [running.step(d=value)["q"] for value in (0, 1, 0)] == [1, 0, 1]
    assert [(domain.edge, domain.active) for domain in running.assembled.domains] == [("falling", True)]
    assert running.assembled.not_modelled == ()


def test_clocks_are_followed_through_buffers_and_inverters() -> None:
    design = Design("c d").add("INV", A="c", Y="n").add("INV", A="n", Y="m").add("BUF", A="m", Y="k")
    running = run(design.add("DFF", D="d", C="k", Q="q").add("DFFN", D="d", C="n", Q="p"))
    assert [(domain.edge, domain.latches.size) for domain in running.assembled.domains] == [("rising", 2)]
    assert running.assembled.network.latch_count == 2 and running.assembled.network.input_count == 1


def test_a_clock_gate_becomes_an_enable_and_its_latch_disappears() -> None:
    design = Design("c d e").add("ICG", C="c", E="e", G="g").add("DFF", D="d", C="g", Q="q")
    running = run(design)
    assert running.assembled.network.latch_count == 1
    assert [running.step(d=d, e=e)["q"] for d, e in ((1, 0), (1, 1), (0, 0), (0, 1), (0, 0))] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("kind", ["AND", "OR"])
def test_a_clock_gate_made_of_a_latch_and_a_gate(kind: str) -> None:
    latch = "LATCHN" if kind == "AND" else "LATCH"
    design = (
        Design("c d e").add(latch, D="e", C="c", Q="l").add(kind, A="c", B="l", Y="g").add("DFF", D="d", C="g", Q="q")
    )
    running = run(design)
    opens = 1 if kind == "AND" else 0
    seen = [
        running.step(d=d, e=e)["q"] for d, e in ((1, 1 - opens), (1, opens), (0, 1 - opens), (0, opens), (0, opens))
    ]
    assert seen == [0, 0, 1, 1, 0]


def test_a_gate_whose_enable_moves_with_the_clock_is_refused() -> None:
    design = (
        Design("c d").add("DFF", D="d", C="c", Q="e").add("AND", A="c", B="e", Y="g").add("DFF", D="d", C="g", Q="q")
    )
    message = refused(design)
    assert "top.v:4" in message and "'u4'" in message and "surely an edge of c" in message and "event" in message


def test_registers_without_a_sure_edge_can_be_left_free() -> None:
    design = (
        Design("c d").add("DFF", D="d", C="c", Q="e").add("AND", A="c", B="e", Y="g").add("DFF", D="d", C="g", Q="q")
    )
    design.add("DFF", D="q", C="c", Q="p")
    assembled = assemble(design.done(), lookup, leave_free=True)
    assert [str(note) for note in assembled.not_modelled] == [
        "1 registers have no sure clock edge and are left free, among them u4."
    ]
    running = Running(design, assembled)
    assert [running.step(free=value, d=0)["q"] for value in (1, 0, 1)] == [1, 0, 1]
    assert running["p"] == 0 and running.step(d=0)["p"] == 1


def test_an_enable_that_moves_at_the_other_edge_is_a_clock_gate() -> None:
    design = (
        Design("c d e").add("DFFN", D="e", C="c", Q="l").add("AND", A="c", B="l", Y="g").add("DFF", D="d", C="g", Q="q")
    )
    running = run(design)
    # At power-up the enable is 1, until the middle of the first period.
    assert [running.step(d=d, e=e)["q"] for d, e in ((1, 0), (1, 1), (0, 0), (0, 1), (0, 0))] == [0, 0, 1, 1, 0]
    assert "middle of the clock period" in str(running.assembled.not_modelled[0])


def test_a_divided_clock_is_refused_in_cycles_and_exact_in_events() -> None:
    design = Design("c").add("DFF", D="n", C="c", Q="h", QN="n").add("DFF", D="m", C="h", Q="q", QN="m")
    assert "'u3'" in refused(design)
    running = run(design, "event")
    seen = []
    for step in range(16):
        running.step(c=step % 2)
        seen.append((running["h"], running["q"]))
    rises = [(1, 1), (0, 1), (1, 0), (0, 0)]
    assert seen[1::2] == (rises * 2)


def test_an_asynchronous_clear_shows_at_once_and_wins_over_the_edge() -> None:
    running = run(Design("c d r").add("DFFR", D="d", C="c", R="r", Q="q"))
    seen = [running.step(d=1, r=r)["q"] for r in (0, 0, 1, 0, 0)]
    assert seen == [0, 1, 0, 0, 1]


@pytest.mark.parametrize(("kind", "expected"), [("DFFSR", 1), ("DFFSRX", None)])
def test_clear_and_preset_together(kind: str, expected: int | None) -> None:
    running = run(Design("c d r s").add(kind, D="d", C="c", R="r", S="s", Q="q"))
    assert running.step(d=0, r=0, s=1)["q"] == 1
    assert running.step(d=0, r=1, s=0)["q"] == 0
    for free in (0, 1):
        assert running.step(free=free, d=0, r=1, s=1)["q"] == (free if expected is None else expected)
    assert running.assembled.network.input_count == 3 + (expected is None)


def test_several_clocks_are_refused_until_chosen() -> None:
    design = Design("c k d").add("DFF", D="d", C="c", Q="p").add("DFF", D="d", C="k", Q="q")
    message = refused(design)
    assert "2 clocks: c (1 registers), k (1 registers)" in message and "event" in message
    both = run(design, clocks=[Clock("c"), Clock("k")])
    assert "The clocks c, k are taken to step together." in [str(note) for note in both.assembled.not_modelled]
    assert [(d.name, d.latches.tolist()) for d in both.assembled.domains] == [("c", [0]), ("k", [1])]
    one = run(design, clocks=[Clock("c")])
    assert "1 registers on the clock k are left free" in str(one.assembled.not_modelled[0])
    assert [one.step(free=1, d=0)[name] for name in "pq"] == [0, 1]


def test_a_clock_that_is_none_is_refused() -> None:
    design = Design("c d").add("DFF", D="d", C="c", Q="q")
    message = refused(design, clocks=[Clock("q")])
    assert "rising edge of 'q'" in message and "one of: c" in message
    assert "upwards edge" in refused(design, clocks=[Clock("c", "upwards")])


def test_a_clock_from_a_black_box_is_a_clock() -> None:
    design = Design("d").add("RAM", A="0", Q="pll").add("DFF", D="d", C="pll", Q="q")
    running = run(design)
    assert [d.name for d in running.assembled.domains] == ["pll"]
    assert [running.step(d=value)["q"] for value in (1, 0)] == [0, 1]


def test_two_inputs_that_make_one_clock_ask_for_a_choice() -> None:
    design = Design("c t d").add("XOR", A="c", B="t", Y="k").add("DFF", D="d", C="k", Q="q")
    assert "clocked through gates by several inputs" in refused(design)
    assert "surely an edge of c" in refused(design, clocks=[Clock("c")])


def test_held_inputs_are_constants_and_said() -> None:
    design = (
        Design("c t tc d")
        .add("MUX", A="c", B="tc", S="t", Y="k")
        .add("DFF", D="d", C="k", Q="q")
        .add("INV", A="t", Y="n")
    )
    with pytest.raises(NetworkError, match="several inputs"):
        assemble(design.done(), lookup)
    made = Running(design, assemble(design.done(), lookup, held={"t": 0}))
    assert made.assembled.network.input_kinds.size == 2 and [d.name for d in made.assembled.domains] == ["c"]
    assert [made.step(d=value)["q"] for value in (1, 0)] == [0, 1]
    assert (made["t"], made["n"]) == (0, 1)
    assert [str(note) for note in made.assembled.not_modelled] == ["Inputs taken to be held: t = 0."]
    tested = Running(design, assemble(design.done(), lookup, held={"t": 1}))
    assert [d.name for d in tested.assembled.domains] == ["tc"]
    events = Running(design, assemble(design.done(), lookup, mode="event", held={"t": 1, "d": 1}))
    assert [events.step(tc=tc, c=0)["q"] for tc in (0, 1)] == [0, 1]


def test_a_two_way_port_can_be_held_outside() -> None:
    design = Design("a e")
    design.builder.port("pad", "inout", [design.bit("pad")])
    design.add("TRI", A="a", E="e", Y="pad")
    running = Running(design, assemble(design.done(), lookup, held={"pad": 1}))
    assert [running.step(a=0, e=e)["pad"] for e in (0, 1)] == [1, 0]


@pytest.mark.parametrize("held", [{"nobody": 1}, {"q": 0}, {"d": 2}])
def test_what_cannot_be_held_is_refused(held: dict[str, int]) -> None:
    design = Design("c d").add("DFF", D="d", C="c", Q="q")
    with pytest.raises(NetworkError, match=f"{next(iter(held))!r} cannot be held at"):
        assemble(design.done(), lookup, held=held)


def test_a_register_without_an_edge_keeps_its_value_and_is_counted() -> None:
    running = run(Design("d").add("DFF", D="d", C="1", Q="q"))
    assert [running.step(d=1)["q"] for _ in range(3)] == [0, 0, 0]
    assert "1 registers are never clocked" in str(running.assembled.not_modelled[0])


# -- both modes against each other, and against a plain reading of the cells

_FLIP_FLOPS = ["DFF", "DFFN", "DFFR", "DFFSR"]
_LATCHES = ["LATCH", "LATCHN", "LATCHR"]


@st.composite
def clocked(draw: st.DrawFn, wild: bool = False) -> Design:
    """A random design; with ``wild`` any net may be a clock."""
    design = Design("c r a b")
    design.add("INV", A="c", Y="cn")
    nets = ["r", "a", "b"]
    count = draw(st.integers(1, 5))
    states = [f"s{index}" for index in range(count)]
    pick = st.sampled_from
    gates: list[tuple[str, str]] = []
    available = nets + states
    for index in range(draw(st.integers(0, 8))):
        kind = draw(pick(["INV", "AND", "OR", "XOR", "MUX"]))
        pins = {pin: draw(pick(available)) for pin in CELLS[kind].pins if pin != "Y"}
        design.add(kind, **pins, Y=f"g{index}")
        gates.append((kind, f"g{index}"))
        available.append(f"g{index}")
    clocks = ["c", "cn"]
    for index in range(draw(st.integers(0, 2))):
        form = draw(pick(["icg", "and", "or"]))
        enable = draw(pick(available))
        if form == "icg":
            design.add("ICG", C=draw(pick(["c", "cn"])), E=enable, G=f"k{index}")
        else:
            design.add("LATCHN" if form == "and" else "LATCH", D=enable, C="c", Q=f"l{index}")
            design.add("AND" if form == "and" else "OR", A="c", B=f"l{index}", Y=f"k{index}")
        clocks.append(f"k{index}")
    for state in states:
        kind = draw(pick(_FLIP_FLOPS + _LATCHES))
        plain = clocks if kind in _FLIP_FLOPS else ["c", "cn"]
        pins = {"D": draw(pick(available)), "C": draw(pick(plain + (available if wild else []))), "Q": state}
        pins |= {pin: draw(pick(["r", "0", "a"])) for pin in "RS" if pin in CELLS[kind].pins}
        design.add(kind, **pins)
    return design


def stimuli(length: int) -> st.SearchStrategy[list[dict[str, int]]]:
    one = st.fixed_dictionaries({name: st.integers(0, 1) for name in "crab"})
    return st.lists(one, min_size=length, max_size=length)


@settings(deadline=None, max_examples=300)
@given(clocked(), stimuli(6))
def test_a_cycle_is_two_events(design: Design, inputs: list[dict[str, int]]) -> None:
    try:
        cycle, event = run(design, "cycle", [Clock("c")]), run(design, "event")
    except NetworkError as error:
        assert "loop" in str(error) or "surely an edge" in str(error)
        return
    for given_ in inputs:
        event.step(**(given_ | {"c": 1}))
        event.step(**(given_ | {"c": 0}))
        cycle.step(**given_)
        assert {net: cycle[net] for net in design.known} == {net: event[net] for net in design.known}


class PlainReading:
    """The meaning of mode ``event``, cell by cell with `CellFunction.evaluate`, until nothing changes."""

    def __init__(self, module: Module, initial: dict[tuple[int, int], int]) -> None:
        self.module = module
        self.cells: list[Cell] = [CELLS[module.cells.type_of(cell)] for cell in range(len(module.cells))]
        self.pins = [{pin.name: int(pin.bits[0]) for pin in module.cells.pins(cell)} for cell in range(len(self.cells))]
        self.shown = dict(initial)
        self.before: dict[int, int] | None = None
        self.values: dict[int, int] = {}

    def _evaluate(self, cell: int, nets: dict[int, int]) -> list[int]:
        function = self.cells[cell].function
        assert function is not None
        fixed = {ZERO: 0, ONE: 1}
        given_ = {(pin, 0): bool({**nets, **fixed}[self.pins[cell][pin]]) for pin, _ in function.inputs}
        states = [bool(self.shown[cell, index]) for index in range(len(function.states))]
        return [int(value) for value in function.evaluate(given_, states)]

    def step(self, inputs: dict[int, int]) -> None:
        old = dict(self.shown)
        values = dict.fromkeys(range(self.module.bit_count), 0) | inputs
        for _ in range(4 * len(self.cells) + 4):
            previous = (dict(values), dict(self.shown))
            for cell, what in enumerate(self.cells):
                function = what.function
                assert function is not None
                at = self._evaluate(cell, values)

                def of(literal: int, where: list[int]) -> int:
                    return where[literal >> 1] ^ (literal & 1)

                for index, state in enumerate(function.states):
                    value = old[cell, index]
                    if state.kind == FLIP_FLOP:
                        if self.before is not None:
                            now, then = dict(self.shown), self.shown
                            self.shown = {**now, **old}
                            past = self._evaluate(cell, self.before)
                            self.shown = then
                            if of(state.control, at) and not of(state.control, past):
                                value = self._forced(state, of(state.data, past), past)
                    elif of(state.control, at):
                        value = of(state.data, at)
                    self.shown[cell, index] = self._forced(state, value, at)
                at = self._evaluate(cell, values)
                for (pin, _), literal in function.outputs.items():
                    if pin in self.pins[cell]:
                        values[self.pins[cell][pin]] = of(literal, at)
            if previous == (values, self.shown):
                break
        else:
            raise AssertionError("the plain reading does not settle")
        self.values = values
        self.before = dict(values)

    @staticmethod
    def _forced(state: object, value: int, at: list[int]) -> int:
        clear, preset, both = (getattr(state, name) for name in ("clear", "preset", "both"))
        cleared, preset_ = at[clear >> 1] ^ (clear & 1), at[preset >> 1] ^ (preset & 1)
        if cleared and preset_:
            return int(both)
        return 0 if cleared else 1 if preset_ else value


@settings(deadline=None, max_examples=300)
@given(clocked(wild=True), stimuli(8))
def test_events_are_what_the_cells_say(design: Design, inputs: list[dict[str, int]]) -> None:
    try:
        event = run(design, "event")
    except NetworkError as error:
        assert "loop" in str(error)
        return
    module = design.done()
    assembled = event.assembled
    chosen = assembled.latch_roles == PRESENT
    initial = {
        (int(cell), int(state)): int(value)
        for cell, state, value in zip(
            assembled.latch_cells[chosen],
            assembled.latch_states[chosen],
            assembled.network.latch_init[chosen],
            strict=True,
        )
    }
    for cell in range(len(module.cells)):
        function = CELLS[module.cells.type_of(cell)].function
        assert function is not None
        for index, state in enumerate(function.states):
            initial.setdefault((cell, index), int(state.init))
    plain = PlainReading(module, initial)
    for given_ in inputs:
        event.step(**given_)
        plain.step({design.bit(name): value for name, value in given_.items()})
        assert {net: event[net] for net in design.known} == {
            net: plain.values[bit] for net, bit in design.known.items()
        }


def test_what_flip_flops_remember_is_told_apart() -> None:
    design = Design("c d").add("DFF", D="d", C="c", Q="p").add("DFF", D="p", C="c", Q="q")
    assembled = run(design, "event").assembled
    assert sorted(assembled.latch_roles.tolist()) == [PRESENT, PRESENT, PAST_DATA, PAST_DATA, PAST_CONTROL]
    assert assembled.network.input_count == 2 and assembled.domains == ()


def test_the_same_design_gives_the_same_network() -> None:
    design = Design("c d e").add("ICG", C="c", E="e", G="g").add("DFF", D="d", C="g", Q="q")
    assert run(design).assembled.network.digest == run(design).assembled.network.digest


def test_output_directions_are_those_of_the_cells() -> None:
    assert CELLS["DFF"].pins["Q"] == (OUTPUT, 1)
