"""The three phases say exactly what the manifest says, and a manifest that does not fit the design is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from sandgrain.errors import NetworkError, SubmissionError
from sandgrain.formal.environment import HELD, Bound, Environment, bind
from sandgrain.formal.sampling import sample_states
from sandgrain.formal.witness import after_reset, power_up
from sandgrain.logic.graph import Graph
from sandgrain.netlist import Design, Elaborated, elaborate
from sandgrain.submission import Submission, load
from tests.logic.networks import OPEN, Circuit, Explicit, environment_of, inside, number, small_environments

CHIP = """module chip(input clk, input clk2, input resetn, input por, input [3:0] data, input [1:0] mode, input fuse,
            input [1:0] idle, output reg beat, output reg halt, output id);
  reg [1:0] count = 2;
  reg other, unused;
  wire floating, unread;
  always @(posedge clk) begin
    count <= !resetn ? 0 : count + 1;
    halt <= resetn & !por & (halt | data == 4'hd);
    beat <= !halt & count == mode & (fuse | floating) & !(count == 3 & count == 2 & unread);
    unused <= idle[0];
  end
  always @(posedge clk2) other <= data[0];
  assign id = data[3] & unused & other;
endmodule
"""
MANIFEST = """schema = 1
[chip]
name = "Chip"
vendor = "Somebody"
date = 2026-11-23
top = "chip"
[[files]]
role = "rtl"
paths = ["chip.v"]
[[clocks]]
port = "clk"
edge = "rising"
[[resets]]
port = "resetn"
active = "low"
synchronous = true
cycles = 3
[[resets]]
port = "por"
active = "high"
synchronous = true
cycles = 2
[[services]]
name = "beat"
expression = "beat"
[[declared]]
name = "halt"
kind = "halt"
state = "halt"
trigger = "data"
document = "manual"
[[declared]]
name = "number"
kind = "id-readout"
state = "id"
trigger = "always"
document = "manual"
[recovery.inputs]
data = ["4'd1", "4'd2", "4'd4"]
mode = "free"
fuse = [true, false]
"""
Change = Callable[..., Submission]


@pytest.fixture(scope="module")
def elaborated(tmp_path_factory: pytest.TempPathFactory) -> Elaborated:
    root = tmp_path_factory.mktemp("chip")
    (root / "chip.v").write_text(CHIP)
    return elaborate(Design(root=root, sources=("chip.v",), top="chip"))


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """The submission with one part of its manifest replaced."""

    def make(old: str = "", new: str = "") -> Submission:
        assert old in MANIFEST
        (tmp_path / "chip.v").write_text(CHIP)
        (tmp_path / "submission.toml").write_text(MANIFEST.replace(old, new, 1) if old else MANIFEST)
        return load(tmp_path)

    return make


def columns(environment: Environment, row: np.ndarray) -> dict[str, list[int]]:
    """A row of inputs (rows, inputs) by port, least significant bit first; free inputs under their own name."""
    found: dict[str, dict[int, list[int]]] = {}
    for index, bit in enumerate(environment.model.inputs):
        found.setdefault(bit.port or bit.name, {})[bit.bit] = row[:, index].tolist()
    return {name: [value for bit in sorted(bits) for value in bits[bit]] for name, bits in found.items()}


def test_resets_stimulus_and_outputs(elaborated: Elaborated, changed: Change) -> None:
    whole = bind(changed(), elaborated).whole
    assert (list(whole.services), list(whole.declared)) == (["beat"], ["halt"])
    assert whole.services["beat"] == whole.model.outputs["service beat"]
    assert "declared number" not in whole.model.outputs, "an id readout explains no stop"
    assert whole.reset_cycles == 3
    asserted, released = (columns(whole, row[None]) for row in (whole.reset_asserted, whole.reset_released))
    assert (asserted.pop("resetn"), asserted.pop("por")) == ([0], [1])
    assert (released.pop("resetn"), released.pop("por")) == ([1], [0])
    assert {value for bits in (*asserted.values(), *released.values()) for value in bits} == {OPEN}
    driven = columns(whole, whole.stimulus)
    assert driven["data"] == [1, 0, 0, 1, 0, 0, *[0, 1, 0, 0, 1, 0], *[0, 0, 1, 0, 0, 1], *[0] * 6]
    assert driven["mode"] == [OPEN] * 12
    assert driven["fuse"] == [1, 0] * 3
    assert (driven["resetn"], driven["por"]) == ([1] * 6, [0] * 6)
    assert driven["idle"] == driven["clk2"] * 2 == [HELD] * 12
    assert driven["floating"] == driven["other"] == [OPEN] * 6


def test_the_cone_forgets_what_the_services_do_not_need(elaborated: Elaborated, changed: Change) -> None:
    bound = bind(changed(), elaborated)
    cone, whole = bound.cone, bound.whole
    assert {latch.name for latch in cone.model.latches} == {"count[0]", "count[1]", "halt", "beat"}
    ports = {bit.port or bit.name for bit in cone.model.inputs}
    assert ports == {"resetn", "por", "data", "mode", "fuse", "floating"}, "unread makes no difference"
    assert cone.model.latches == tuple(whole.model.latches[index] for index in bound.latches)
    assert cone.model.inputs == tuple(whole.model.inputs[index] for index in bound.inputs)
    for array in ("reset_asserted", "reset_released"):
        assert getattr(cone, array).tolist() == getattr(whole, array)[bound.inputs].tolist()
    assert cone.stimulus.tolist() == whole.stimulus[:, bound.inputs].tolist()
    assert cone.reset_cycles == whole.reset_cycles
    notes = [note.template.format(**note.args) for note in bound.not_modelled]
    assert len(notes) == 1
    assert notes[0].startswith("1 registers on the clock clk2 (rising)")


def simulated(bound: Bound, data: int) -> list[int]:
    """States of the named latches after one cycle of operation from after reset: count, halt, beat."""
    explicit = Explicit(bound.cone)
    index = bound.cone.model.input_index()
    names = {latch.name: at for at, latch in enumerate(bound.cone.model.latches)}
    (start,) = {s for s in explicit.after_reset() if not s >> names["beat"] & 1}
    row = 1 << index["resetn", 0] | sum((data >> bit & 1) << index["data", bit] for bit in range(4))
    state = explicit.next(start, row)
    return [
        number(state >> names[f"count[{bit}]"] & 1 for bit in range(2)),
        state >> names["halt"] & 1,
        state >> names["beat"] & 1,
    ]


def test_the_bound_chip_does_what_its_description_says(elaborated: Elaborated, changed: Change) -> None:
    bound = bind(changed(), elaborated)
    assert simulated(bound, 0xD) == [1, 1, 0]
    assert simulated(bound, 0xC) == [1, 0, 0]


def test_without_a_reset_runs_start_from_initial_values(elaborated: Elaborated, changed: Change) -> None:
    start, end = MANIFEST.index("[[resets]]"), MANIFEST.index("[[services]]")
    bound = bind(changed(MANIFEST[start:end], ""), elaborated)
    assert bound.cone.reset_cycles == 0
    starts = Explicit(bound.cone).after_reset()
    at = {latch.name: index for index, latch in enumerate(bound.cone.model.latches)}
    assert {number(state >> at[f"count[{bit}]"] & 1 for bit in range(2)) for state in starts} == {2}
    assert len(starts) == 4
    assert columns(bound.whole, bound.whole.stimulus)["resetn"] == [HELD] * 6


def test_a_second_clock_is_named(elaborated: Elaborated, changed: Change) -> None:
    more = '[[clocks]]\nport = "clk2"\nedge = "rising"\n[[resets]]'
    notes = bind(changed("[[resets]]", more), elaborated).not_modelled
    assert "Only the clock {clock} was modelled; {count} more are declared." in [note.template for note in notes]


@pytest.mark.parametrize(
    ("old", "new", "what", "line"),
    [
        ('port = "clk"', 'port = "clock"', "clock 'clock' is not a one-bit input port", 'port = "clock"'),
        ('port = "clk"', 'port = "idle"', "clock 'idle' is not a one-bit input port", 'port = "idle"'),
        ('port = "por"', 'port = "beat"', "reset 'beat' is not a one-bit input port", 'port = "beat"'),
        ("data = [", "date = [", "recovery input 'date' is not an input port", "date = ["),
        ("fuse = [true, false]", "halt = 1", "recovery input 'halt' is not an input port", "halt = 1"),
        ("4'd4", "5'd4", "the value of 'data' does not fit its 4 bits", "data = ["),
        ('"4\'d4"', "16", "the value of 'data' does not fit its 4 bits", "data = ["),
        ('mode = "free"', "mode = true", "the value of 'mode' does not fit its 2 bits", "mode = true"),
        ('expression = "beat"', 'expression = "beet"', "'beet' is no port or signal", 'expression = "beet"'),
        ('state = "halt"', 'state = "halt[1]"', "halt[1:1] is out of range", 'state = "halt[1]"'),
    ],
)
def test_what_does_not_fit_the_design_is_refused_with_its_line(
    elaborated: Elaborated, changed: Change, old: str, new: str, what: str, line: str
) -> None:
    submission = changed(old, new)
    with pytest.raises(SubmissionError) as caught:
        bind(submission, elaborated)
    assert what in caught.value.what
    assert caught.value.file == "submission.toml"
    lines = MANIFEST.replace(old, new, 1).splitlines()
    assert caught.value.line is not None
    assert line in lines[caught.value.line - 1]
    assert caught.value.expected


def test_values_that_just_fit_are_taken(elaborated: Elaborated, changed: Change) -> None:
    whole = bind(changed('"4\'d4"', "15"), elaborated).whole
    driven = columns(whole, whole.stimulus)
    assert [driven["data"][6 * bit + 2] for bit in range(4)] == [1, 1, 1, 1]


def test_a_stimulus_that_hardly_ever_repeats_is_refused(elaborated: Elaborated, changed: Change) -> None:
    def of(lengths: tuple[int, int]) -> Submission:
        data, fuse = (", ".join(["1"] * length) for length in lengths)
        tail = MANIFEST[MANIFEST.index("data = [") :]
        return changed(tail, f"data = [{data}]\nfuse = [{fuse}]\n")

    assert len(bind(of((32, 31)), elaborated).whole.stimulus) == 992
    with pytest.raises(SubmissionError, match="repeats only after 1056 cycles"):
        bind(of((32, 33)), elaborated)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("fuse = [", "clk = [", id="stimulus"),
        pytest.param('port = "por"', 'port = "clk"', id="reset"),
        pytest.param('expression = "beat"', 'expression = "beat & clk"', id="service-gate"),
        pytest.param('expression = "beat"', 'expression = "clk"', id="service"),
    ],
)
def test_the_clock_is_no_input_like_any_other(elaborated: Elaborated, changed: Change, old: str, new: str) -> None:
    with pytest.raises((NetworkError, SubmissionError), match="clk"):
        bind(changed(old, new), elaborated)


@given(small_environments())
@settings(max_examples=60, deadline=None)
def test_power_up_reset_and_samples_are_states_of_operation(environment: Environment) -> None:
    explicit = Explicit(environment)
    reachable, start = explicit.reachable(), explicit.after_reset()
    assert number(after_reset(environment).tolist()) in start
    assert power_up(environment).tolist() == (environment.model.network.latch_init == 1).tolist()
    samples = sample_states(environment, words=1, episodes=2, cycles=9)
    streams = np.unpackbits(samples.view(np.uint8), axis=1, bitorder="little").T
    assert {number(row.tolist()) for row in streams} <= reachable


def open_and_held() -> Environment:
    """Inputs: a reset, one held, one arbitrary, one alternating."""
    circuit = Circuit(4, 2)
    network = circuit.network([circuit.input(1), circuit.input(2)], [1, 2])
    return environment_of(network, {"service a": 1}, [[0, HELD, OPEN, 0], [0, HELD, OPEN, 1]], reset=0, active=0)


def test_held_inputs_are_one_variable_per_run_and_arbitrary_ones_one_per_cycle() -> None:
    environment = open_and_held()
    graph = Graph()
    held = environment.held(graph)
    assert held.tolist() == [0, 2, 0, 0]
    rows = [environment.recovery_inputs(graph, cycle, held).tolist() for cycle in range(3)]
    assert [row[1] for row in rows] == [2, 2, 2]
    assert len({row[2] for row in rows} | {2}) == 4
    assert [row[0] for row in rows] == [1, 1, 1]
    assert [row[3] for row in rows] == [0, 1, 0]


def test_inputs_of_reset_and_operation() -> None:
    environment = open_and_held()
    graph = Graph()
    reset, operation = environment.reset_inputs(graph).tolist(), environment.operation_inputs(graph).tolist()
    assert (reset[0], operation[0]) == (0, 1)
    assert len({*reset[1:], *operation[1:]}) == 6
    assert all(literal > 1 for literal in (*reset[1:], *operation[1:]))


def test_concrete_recovery_values() -> None:
    environment = open_and_held()
    assert environment.recovery_values(3).tolist() == [[1, 0, 0, 0], [1, 0, 0, 1], [1, 0, 0, 0]]
    assert environment.recovery_values(2, start=3).tolist() == [[1, 0, 0, 1], [1, 0, 0, 0]]
    assert environment.recovery_values(0).shape == (0, 4)


def test_power_up_is_arbitrary_only_before_a_reset() -> None:
    environment = open_and_held()
    assert environment.initial_state(Graph()).tolist() == [2, 4]
    without = Environment(
        environment.model, environment.reset_asserted, environment.reset_released, 0, environment.stimulus
    )
    assert without.initial_state(Graph()).tolist() == [1, 4]
    assert Explicit(without).after_reset() == {1, 3}
    assert not inside(0, (0,))
