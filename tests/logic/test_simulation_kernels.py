"""Combinational and sequential, two- and three-valued simulation against an interpreter that knows no words."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded, NetworkError
from sandgrain.logic._simulate_blocks import cut_up
from sandgrain.logic._simulate_plan import plan_all, plan_for
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Run, Simulator, Ternary, Words, evaluate, read, run
from sandgrain.logic.stimuli import Constant, Drive, Given, Held, Random, Stimuli, Unknown, Values, reset
from tests.logic.networks import Circuit, small_networks

CYCLES = 5
X = 2
ALL = (1 << 64) - 1

Bits = NDArray[np.uint8]


def unpack(words: Words | Ternary, count: int) -> Bits:
    """uint8 (..., count), 0, 1 or 2 for X: one number per stimulus."""

    def flat(array: Words) -> Bits:
        little = np.ascontiguousarray(array, "<u8").view(np.uint8)
        return np.unpackbits(little, axis=-1, bitorder="little")[..., :count]

    if not isinstance(words, Ternary):
        return flat(words)
    ones, zeros = flat(words.ones), flat(words.zeros)
    assert not (ones & zeros).any()
    return np.where(ones | zeros, ones, X).astype(np.uint8)


def negated(values: Bits) -> Bits:
    return np.where(values == X, X, 1 - values).astype(np.uint8)


def settled(network: Network, inputs: Bits, state: Bits) -> Bits:
    """Every variable, from the definition of Kleene's and, one gate at a time: uint8 (variables, stimuli)."""
    rows = [np.zeros(inputs.shape[-1], np.uint8), *inputs, *state]
    for pair in zip(network.fanin0.tolist(), network.fanin1.tolist(), strict=True):
        a, b = (negated(rows[literal >> 1]) if literal & 1 else rows[literal >> 1] for literal in pair)
        rows.append(np.where((a == 0) | (b == 0), 0, np.where((a == 1) & (b == 1), 1, X)).astype(np.uint8))
    return np.array(rows, np.uint8)


def of_literals(values: Bits, literals: NDArray[np.uint32]) -> Bits:
    rows = values[literals >> 1]
    return np.where((literals & 1)[:, None] == 1, negated(rows), rows)


def all_literals(network: Network) -> NDArray[np.uint32]:
    return np.arange(2 * network.variable_count, dtype=np.uint32)


def random_ternary(generator: np.random.Generator, rows: int, words: int) -> Ternary:
    known, value = (generator.integers(0, 2**64, (rows, words), dtype=np.uint64) for _ in range(2))
    return Ternary(known & value, known & ~value)


cuts: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"threads": st.sampled_from([None, 1, 2, 3]), "block_words": st.sampled_from([None, 1, 8, 16, 24])}
)


@given(small_networks(), st.integers(0, 2**32), st.integers(1, 40), st.booleans(), cuts, st.data())
@settings(max_examples=60, deadline=None)
def test_combinational(
    network: Network, seed: int, words: int, three: bool, cut: dict[str, Any], data: st.DataObject
) -> None:
    generator = np.random.default_rng(seed)
    inputs = random_ternary(generator, network.input_count, words)
    state = random_ternary(generator, network.latch_count, words)
    last = 2 * network.variable_count - 1
    literals = np.array(data.draw(st.lists(st.integers(0, last), max_size=6)), np.uint32)
    if three:
        found: Words | Ternary = evaluate(network, literals, inputs, state, **cut)
        values = settled(network, unpack(inputs, 64 * words), unpack(state, 64 * words))
    else:
        found = evaluate(network, literals, inputs.ones, state.ones, **cut)
        values = settled(network, unpack(inputs.ones, 64 * words), unpack(state.ones, 64 * words))
    assert (unpack(found, 64 * words) == of_literals(values, literals)).all()


@dataclass
class Story:
    """A run in which every literal was recorded."""

    network: Network
    stimuli: Stimuli
    count: int
    three: bool
    run: Run

    def again(self, **options: Any) -> Run:
        return run(self.network, self.stimuli, cycles=CYCLES, count=self.count, three_valued=self.three, **options)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    network = draw(small_networks())
    three = draw(st.booleans())
    drive = st.sampled_from([Random(), Random(0.1), Held(), reset(2), *([Unknown()] if three else [])])
    drives: list[Drive] = [draw(drive) for _ in range(network.input_count)]
    stimuli = Stimuli(drives, draw(st.integers(0, 2**64 - 1)))
    count = draw(st.sampled_from([1, 63, 64, 65, 700, 1500]))
    told = run(
        network,
        stimuli,
        cycles=CYCLES,
        count=count,
        three_valued=three,
        record=all_literals(network),
        **draw(cuts),
    )
    return Story(network, stimuli, count, three, told)


@given(stories())
@settings(max_examples=60, deadline=None)
def test_every_cycle_follows_from_the_one_before(story: Story) -> None:
    network = story.network
    values = unpack(story.run.recorded, story.count)
    first = values[0, 2 * network.first_latch : 2 * network.first_and : 2]
    for init, row in zip(network.latch_init.tolist(), first, strict=True):
        if init < 2:
            assert (row == init).all()
        else:
            assert (row == X).all() if story.three else (row < X).all()
    for cycle in range(CYCLES):
        inputs = values[cycle, 2 : 2 * network.first_latch : 2]
        state = values[cycle, 2 * network.first_latch : 2 * network.first_and : 2]
        expected = of_literals(settled(network, inputs, state), all_literals(network))
        assert (values[cycle] == expected).all()
        after = of_literals(expected[::2], network.latch_next)
        if cycle + 1 < CYCLES:
            assert (values[cycle + 1, 2 * network.first_latch : 2 * network.first_and : 2] == after).all()
        else:
            assert (unpack(story.run.state, story.count) == after).all()


@given(stories())
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_the_traces(story: Story) -> None:
    values = unpack(story.run.recorded, story.count)[:, ::2].astype(np.int64)
    counts = story.run.counts
    assert counts is not None
    assert counts.samples == CYCLES * story.count
    assert counts.ones.dtype == counts.toggles.dtype == counts.unknowns.dtype == np.uint64
    assert counts.ones.tolist() == (values == 1).sum(axis=(0, 2)).tolist()
    assert counts.unknowns.tolist() == (values == X).sum(axis=(0, 2)).tolist()
    assert counts.toggles.tolist() == (values[1:] + values[:-1] == 1).sum(axis=(0, 2)).tolist()
    literals = all_literals(story.network)
    either = unpack(story.run.recorded, story.count) == 1
    assert counts.ones_of(literals).tolist() == either.sum(axis=(0, 2)).tolist()


def same(left: Words | Ternary, right: Words | Ternary) -> bool:
    if isinstance(left, Ternary) and isinstance(right, Ternary):
        return np.array_equal(left.ones, right.ones) and np.array_equal(left.zeros, right.zeros)
    return np.array_equal(left, right)


@given(stories(), cuts, st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_depends_on_threads_blocks_or_what_else_is_asked(
    story: Story, cut: dict[str, Any], data: st.DataObject
) -> None:
    literals = data.draw(st.lists(st.integers(0, 2 * story.network.variable_count - 1), max_size=5))
    traced = data.draw(st.integers(0, story.count - 1))
    counting = data.draw(st.booleans())
    told = story.again(record=literals, trace=literals, trace_stimulus=traced, counting=counting, **cut)
    everything = unpack(story.run.recorded, story.count)
    assert (unpack(told.recorded, story.count) == everything[:, literals]).all()
    assert (told.traced == everything[:, literals, traced]).all()
    assert same(told.state, story.run.state)
    if counting:
        assert told.counts is not None and story.run.counts is not None
        for name in ("ones", "unknowns", "toggles"):
            assert np.array_equal(getattr(told.counts, name), getattr(story.run.counts, name))
    else:
        assert told.counts is None


@given(small_networks(min_latches=1), st.integers(0, 2**32), st.booleans(), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_a_run_in_two_halves(network: Network, seed: int, three: bool, half: int) -> None:
    """The state after some cycles, handed in again as the initial state, continues the run."""
    generator = np.random.default_rng(seed)
    words = generator.integers(0, 2**64, (network.input_count, CYCLES, 2), dtype=np.uint64)

    def part(first: int, last: int, initial: Words | Ternary | None) -> Run:
        # An input without values of its own drives nothing in an empty run.
        drives: list[Drive] = [Given(rows[first:last] if last > first else rows[:1]) for rows in words]
        return run(network, Stimuli(drives), cycles=last - first, count=100, three_valued=three, initial=initial)

    whole, begun = part(0, CYCLES, None), part(0, half, None)
    assert same(part(half, CYCLES, begun.state).state, whole.state)


@pytest.mark.parametrize(("unknown", "values"), [("zero", {0}), ("random", {0, 1}), ("x", {X})])
def test_what_unknown_latches_start_as(unknown: Any, values: set[int]) -> None:
    circuit = Circuit(inputs=0, latches=3)
    network = circuit.network([2, 4, 6], inits=[0, 1, 2])
    told = run(network, Stimuli([]), cycles=1, count=200, three_valued=True, unknown=unknown, record=[2, 4, 6])
    rows = unpack(told.recorded, 200)[0]
    assert [set(row.tolist()) for row in rows] == [{0}, {1}, values]


def test_a_latch_leaves_x_by_its_reset_and_not_before() -> None:
    """q' = q and not reset: X until reset is asserted. What is never 1, x and not x, is X too: Kleene's logic."""
    circuit = Circuit(inputs=1, latches=1)
    kept = circuit.all_of([circuit.latch(0), circuit.input(0) ^ 1])
    contradiction = circuit.all_of([circuit.latch(0), circuit.latch(0) ^ 1])
    network = circuit.network([kept])
    drive = Given(np.array([[0], [0], [ALL], [0]], np.uint64))
    told = run(
        network,
        Stimuli([drive]),
        cycles=4,
        count=1,
        three_valued=True,
        trace=[circuit.latch(0), contradiction, circuit.latch(0) ^ 1],
    )
    assert told.traced.tolist() == [[X, X, X], [X, X, X], [X, X, X], [0, 0, 1]]
    assert told.counts is not None
    assert told.counts.unknowns.tolist() == [0, 0, 3, 2, 3]
    assert told.counts.toggles.tolist() == [0, 2, 0, 0, 0]


@given(small_networks(), st.integers(0, 2**32), st.sampled_from([8, 16, 32]))
@settings(max_examples=30, deadline=None)
def test_driven_by_hand_in_whole_lanes(network: Network, seed: int, words: int) -> None:
    generator = np.random.default_rng(seed)
    simulator = Simulator(network, words)
    simulator.values[1 : network.first_and] = generator.integers(0, 2**64, (network.first_and - 1, words), np.uint64)
    simulator.evaluate()
    literals = all_literals(network)
    found = evaluate(network, literals, simulator.inputs.copy(), simulator.state.copy())
    assert np.array_equal(read(simulator.values, literals), found)


def chain(length: int) -> Network:
    circuit = Circuit(inputs=2, latches=0)
    literal = circuit.input(0)
    for _ in range(length):
        literal = circuit.all_of([literal ^ 1, circuit.input(1)])
    return circuit.network([])


def test_rows_are_used_again() -> None:
    network = chain(1000)
    last = np.array([2 * (network.variable_count - 1)], np.uint32)
    assert plan_all(network).rows == network.variable_count
    plan = plan_for(network, last)
    assert plan.gates.out.size == 1000
    assert plan.rows <= 4
    nothing = plan_for(network, np.array([2], np.uint32))
    assert nothing.gates.out.size == 0
    assert nothing.gates.sources.tolist() == [1, -1]


def test_a_wanted_value_stays() -> None:
    network = chain(50)
    literals = all_literals(network)
    assert plan_for(network, literals).rows == network.variable_count


@pytest.mark.parametrize(("words", "rows", "threads"), [(64, 5_000, 2), (65, 20_000_000, 2), (1, 1, 7), (7, 100, 3)])
def test_every_word_is_in_one_stretch(words: int, rows: int, threads: int) -> None:
    cut = cut_up(words, rows, threads, None)
    assert [word for first, last in cut.stretches for word in range(first, last)] == list(range(words))
    assert len(cut.stretches) <= threads
    assert all(first % cut.width == 0 for first, _ in cut.stretches)


def test_counts_do_not_run_over_in_the_widest_block() -> None:
    network = chain(1)
    count = 1 << 22
    told = run(network, Stimuli([Values((0, 1)), Constant(1)]), cycles=2, count=count, threads=1, block_words=1 << 20)
    assert told.counts is not None
    assert told.counts.ones.tolist() == [0, count, 2 * count, count]
    assert told.counts.toggles.tolist() == [0, count, 0, count]


def test_no_stimuli_at_all() -> None:
    network = chain(3)
    found = evaluate(network, np.array([2, 9], np.uint32), np.zeros((2, 0), np.uint64), np.zeros((0, 0), np.uint64))
    assert found.shape == (2, 0)


def test_no_cycle_at_all() -> None:
    circuit = Circuit(inputs=1, latches=1)
    network = circuit.network([2], inits=[1])
    told = run(network, Stimuli([Random()]), cycles=0, count=3, record=[2])
    assert not isinstance(told.state, Ternary)
    assert told.state.tolist() == [[7]]
    assert told.counts is not None and told.counts.toggles.tolist() == [0, 0, 0]
    assert np.shape(told.recorded) == (0, 1, 1)


def words_of(rows: int, words: int = 1) -> Words:
    return np.zeros((rows, words), np.uint64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": words_of(1)}, r"inputs is uint64 \(1, 1\)"),
        ({"state": words_of(1, 2)}, r"state is uint64 \(1, 2\)"),
        ({"inputs": np.zeros((2, 1), np.int64)}, r"inputs is int64"),
        ({"state": Ternary(words_of(1), words_of(1))}, "not of one kind"),
        ({"literals": np.array([2, 99], np.uint32)}, "literal 99, which the network does not have"),
        ({"threads": 0}, "0 threads"),
        ({"block_words": 0}, "blocks of 0 words"),
    ],
)
def test_evaluate_refuses(arguments: dict[str, Any], message: str) -> None:
    network = Circuit(inputs=2, latches=1).network([2])
    good: dict[str, Any] = {"literals": np.array([2], np.uint32), "inputs": words_of(2), "state": words_of(1)}
    assert evaluate(network, **good).shape == (1, 1)
    with pytest.raises(NetworkError, match=message):
        evaluate(network, **good | arguments)


def test_a_signal_cannot_be_both() -> None:
    network = Circuit(inputs=1, latches=0).network([])
    ones = np.full((1, 1), 3, np.uint64)
    with pytest.raises(NetworkError, match="0 and 1 at once"):
        evaluate(network, np.array([2], np.uint32), Ternary(ones, ones), Ternary(words_of(0), words_of(0)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cycles": -1}, "-1 cycles"),
        ({"count": 0}, "of 0 stimuli"),
        ({"count": 1 << 50}, "stimuli"),
        ({"unknown": "x"}, "knows no X"),
        ({"stimuli": Stimuli([Unknown()])}, "knows no X"),
        ({"stimuli": Stimuli([])}, "0 drives for 1 inputs"),
        ({"stimuli": Stimuli([Random()], -1)}, "seed -1"),
        ({"initial": words_of(2)}, "initial state is uint64"),
        ({"initial": Ternary(words_of(1), words_of(1))}, "not of the kind"),
        ({"record": [6]}, "a literal to record is literal 6"),
        ({"trace": [7]}, "a literal to trace is literal 7"),
        ({"trace": [2], "trace_stimulus": 10}, "stimulus 10 of 10"),
    ],
)
def test_run_refuses(options: dict[str, Any], message: str) -> None:
    network = Circuit(inputs=1, latches=1).network([2])
    good: dict[str, Any] = {"stimuli": Stimuli([Random()]), "cycles": 2, "count": 10}
    assert run(network, **good).cycles == 2
    with pytest.raises(NetworkError, match=message):
        run(network, **good | options)


def test_a_run_keeps_no_more_than_it_may() -> None:
    network = Circuit(inputs=1, latches=1).network([2])
    options: dict[str, Any] = {"stimuli": Stimuli([Random()]), "cycles": 10, "count": 64, "record": [2]}
    assert run(network, most_bytes=88, **options).cycles == 10
    with pytest.raises(LimitExceeded, match=r"(?s)88 bytes.*most_bytes = 87"):
        run(network, most_bytes=87, **options)


def test_a_network_out_of_order_is_refused() -> None:
    network = chain(2)
    late = replace(network, fanin0=np.array([8, 2], np.uint32))
    with pytest.raises(NetworkError, match="and-gate 0 reads literals 8"):
        run(late, Stimuli([Random(), Random()]), cycles=1, count=1)
    lost = replace(Circuit(inputs=1, latches=1).network([2]), latch_next=np.array([40], np.uint32))
    with pytest.raises(NetworkError, match="the next state of a latch is literal 40"):
        run(lost, Stimuli([Random()]), cycles=1, count=1)


has_cupy = importlib.util.find_spec("cupy") is not None


@pytest.mark.skipif(not has_cupy, reason="CuPy is not installed")
def test_gpu() -> None:
    generator = np.random.default_rng(5)
    network = chain(100)
    inputs, state = generator.integers(0, 2**64, (2, 1000), dtype=np.uint64), words_of(0, 1000)
    literals = all_literals(network)
    try:
        found = evaluate(network, literals, inputs, state, device="gpu")
    except NetworkError as error:
        pytest.skip(str(error))
    assert np.array_equal(found, evaluate(network, literals, inputs, state))


@pytest.mark.skipif(has_cupy, reason="CuPy is installed")
def test_no_gpu_is_said() -> None:
    with pytest.raises(NetworkError, match=r"(?s)no GPU can be used.*to do: install CuPy"):
        evaluate(chain(1), np.array([2], np.uint32), words_of(2), words_of(0), device="gpu")


def test_no_three_values_on_a_gpu() -> None:
    two = Ternary(words_of(2), words_of(2))
    none = Ternary(words_of(0), words_of(0))
    with pytest.raises(NetworkError, match="three-valued simulation on a GPU"):
        evaluate(chain(1), np.array([2], np.uint32), two, none, device="gpu")
