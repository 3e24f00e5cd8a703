"""Every kind of drive does what it says, and every random bit is the one a plain generator says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Ternary, run
from sandgrain.logic.stimuli import (
    After,
    Constant,
    Drive,
    Given,
    Handshake,
    Held,
    Payload,
    Random,
    Stimuli,
    Unknown,
    Valid,
    Values,
    bus,
    reset,
)
from tests.logic.networks import Circuit

GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1


def mix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def word_of(seed: int, stream: int, cycle: int, word: int, threshold: int) -> int:
    """One random word, one digit of the probability at a time."""
    key = mix(mix(seed + GOLDEN & MASK) ^ ((stream + 1) * GOLDEN & MASK))
    key = mix(key ^ ((cycle + 2) * GOLDEN & MASK))
    value = 0
    for digit in range(16):
        if threshold & (1 << digit) - 1 or threshold >> digit & 1:
            drawn = mix(key + (word * 16 + digit + 1) * GOLDEN & MASK)
            value = value | drawn if threshold >> digit & 1 else value & drawn
    return MASK if threshold == 1 << 16 else value


def inputs_only(count: int) -> Network:
    return Circuit(inputs=count, latches=0).network([])


def driven(drives: Sequence[Drive], cycles: int, count: int = 64, **options: Any) -> NDArray[np.uint64]:
    """uint64 (cycles, inputs, words)."""
    network = inputs_only(len(drives))
    literals = [2 * (1 + index) for index in range(len(drives))]
    told = run(network, Stimuli(drives, 9), cycles=cycles, count=count, record=literals, counting=False, **options)
    assert not isinstance(told.recorded, Ternary)
    return told.recorded


def bits(words: NDArray[np.uint64]) -> list[int]:
    """Of a drive that is the same for all 64 stimuli: its value per cycle."""
    assert set(words.reshape(-1).tolist()) <= {0, MASK}
    return [int(word & 1) for word in words.reshape(-1).tolist()]


@pytest.mark.parametrize(
    ("drive", "values"),
    [
        (Constant(1), [1, 1, 1, 1, 1]),
        (Constant(0), [0, 0, 0, 0, 0]),
        (reset(3), [1, 1, 1, 0, 0]),
        (reset(2, active=0), [0, 0, 1, 1, 1]),
        (reset(0), [0, 0, 0, 0, 0]),
        (Values((1, 0)), [1, 0, 0, 0, 0]),
        (Values((1, 0), repeats=True), [1, 0, 1, 0, 1]),
        (After(2, 1, Values((0, 1, 0))), [1, 1, 0, 1, 0]),
        (Random(0), [0, 0, 0, 0, 0]),
        (Random(1), [1, 1, 1, 1, 1]),
    ],
)
def test_what_is_the_same_for_all(drive: Drive, values: list[int]) -> None:
    assert bits(driven([drive], 5)) == values


def test_a_bus_counts() -> None:
    rows = driven(bus([3, 0, 6], 3, repeats=True), 4)
    found = [[int(word & np.uint64(1)) for word in row[:, 0]] for row in rows]
    assert found == [[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 1, 0]]
    with pytest.raises(NetworkError, match="the value 8 does not fit into 3 bits"):
        bus([8], 3)
    with pytest.raises(NetworkError, match="does not fit"):
        bus([-1], 3)


@given(
    st.integers(0, MASK),
    st.lists(st.integers(0, 1 << 16), min_size=1, max_size=3),
    st.integers(1, 20),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([8, 16, None]),
)
@settings(max_examples=40, deadline=None)
def test_random_words_are_those_of_the_plain_generator(
    seed: int, thresholds: list[int], words: int, threads: int, block_words: int | None
) -> None:
    network = inputs_only(len(thresholds))
    stimuli = Stimuli([Random(threshold / (1 << 16)) for threshold in thresholds], seed)
    told = run(
        network,
        stimuli,
        cycles=2,
        count=64 * words,
        record=[2 * (1 + index) for index in range(len(thresholds))],
        threads=threads,
        block_words=block_words,
    )
    assert not isinstance(told.recorded, Ternary)
    expected = [
        [[word_of(seed, stream, cycle, word, threshold) for word in range(words)] for stream, threshold in pairs]
        for cycle in range(2)
        for pairs in [list(enumerate(thresholds))]
    ]
    assert told.recorded.tolist() == expected


def test_a_random_initial_state_is_of_the_same_generator() -> None:
    network = Circuit(inputs=2, latches=2).network([6, 8])
    told = run(network, Stimuli([Constant(0)] * 2, 77), cycles=1, count=128)
    assert not isinstance(told.state, Ternary)
    assert told.state.tolist() == [[word_of(77, 2 + latch, -1, word, 1 << 15) for word in (0, 1)] for latch in (0, 1)]


@pytest.mark.parametrize("probability", [0.5, 0.25, 0.1, 0.9, 1 / 65536])
def test_probabilities(probability: float) -> None:
    count, cycles = 64 * 256, 16
    network = inputs_only(2)
    told = run(network, Stimuli([Random(probability)] * 2, 3), cycles=cycles, count=count)
    assert told.counts is not None
    samples = count * cycles
    allowed = 5 * (samples * probability * (1 - probability)) ** 0.5
    for ones in told.counts.ones[1:].tolist():
        assert abs(ones - samples * probability) <= allowed


def test_inputs_cycles_and_seeds_are_independent() -> None:
    """Any two random words agree in half of their bits, about."""
    rows = driven([Random(), Random()], 3, 64 * 64)
    network = inputs_only(1)
    other = run(network, Stimuli([Random()], 10), cycles=1, count=64 * 64, record=[2]).recorded
    assert not isinstance(other, Ternary)
    streams = [*rows.reshape(6, -1), other.reshape(-1)]
    for index, left in enumerate(streams):
        for right in streams[:index]:
            agree = int(np.bitwise_count(~(left ^ right)).sum())
            assert abs(agree - 2048) < 5 * 32


def test_held_is_drawn_once() -> None:
    rows = driven([Held(), After(2, 1, Held(0.25))], 5, 64 * 4)
    assert (rows[1:, 0] == rows[0, 0]).all()
    assert len(set(rows[0, 0].tolist())) == 4
    assert (rows[:2, 1] == MASK).all()
    assert (rows[3:, 1] == rows[2, 1]).all()
    assert 0 < np.bitwise_count(rows[2, 1]).sum() < 128


@pytest.mark.parametrize(("repeats", "expected"), [(True, [1, 2, 1, 2]), (False, [1, 2, 2, 2])])
def test_given(repeats: bool, expected: list[int]) -> None:
    words = np.arange(1, 3, dtype=np.uint64)[:, None] * np.ones((1, 40), np.uint64)
    words[:, 33] = 7
    rows = driven([Constant(1), Given(words, repeats)], 4, 64 * 37 + 1, block_words=16, threads=2)
    assert rows[:, 1, 0].tolist() == expected
    assert rows[:, 1, 33].tolist() == [7] * 4
    assert rows[:, 1, 37].tolist() == [value & 1 for value in expected]


def test_unknown_is_unknown_once_it_begins() -> None:
    told = run(
        inputs_only(2),
        Stimuli([Unknown(), After(2, 1, Unknown())]),
        cycles=3,
        count=1,
        three_valued=True,
        trace=[2, 4, 5],
    )
    assert told.traced.tolist() == [[2, 1, 0], [2, 1, 0], [2, 2, 2]]


def shaken(ready_probability: float, valid_probability: float, *, three: bool = False) -> NDArray[np.uint8]:
    """uint8 (cycles, stimuli, [ready, valid, payload bits]); the ready the design sees is latched and gated."""
    circuit = Circuit(inputs=5, latches=1)
    # Ready falls through from the valid itself: it is settled in the very cycle.
    ready = circuit.all_of([circuit.latch(0), circuit.input(1)])
    network = circuit.network([circuit.input(0)], inits=[2])
    shake = Handshake(ready, valid_probability)
    drives: list[Drive] = [
        Random(ready_probability),
        After(2, 0, Valid(shake)),
        Payload(shake),
        Payload(shake),
        Payload(shake, 0.125),
    ]
    told = run(
        network,
        Stimuli(drives, 4),
        cycles=60,
        count=130,
        three_valued=three,
        record=[ready, *(circuit.input(index) for index in range(1, 5))],
    )
    words = told.recorded.ones if isinstance(told.recorded, Ternary) else told.recorded
    unpacked = np.unpackbits(np.ascontiguousarray(words, "<u8").view(np.uint8), axis=-1, bitorder="little")
    return unpacked[..., :130].transpose(0, 2, 1)


@pytest.mark.parametrize("three", [False, True])
@pytest.mark.parametrize(("ready", "valid"), [(0.5, 0.5), (0.1, 0.9), (0.9, 0.1), (1.0, 0.25)])
def test_an_offer_waits_until_it_is_taken(ready: float, valid: float, three: bool) -> None:
    rows = shaken(ready, valid, three=three)
    waited = taken = changed = 0
    for before, after in pairwise(rows[1:]):
        for old, new in zip(before.tolist(), after.tolist(), strict=True):
            if old[1] and not old[0]:
                waited += 1
                assert new[1] == 1
                assert new[2:] == old[2:]
            else:
                taken += old[1]
                changed += new[2:] != old[2:]
    assert not rows[:2, :, 1].any()
    assert waited or ready == 1.0
    assert taken and changed
    # What is offered when nothing waits is offered as often as asked for.
    free = [
        new[1]
        for before, after in pairwise(rows[2:])
        for old, new in zip(before.tolist(), after.tolist(), strict=True)
        if not (old[1] and not old[0])
    ]
    assert abs(sum(free) - valid * len(free)) < 6 * (len(free) * valid * (1 - valid)) ** 0.5


def test_an_unknown_ready_takes_nothing() -> None:
    circuit = Circuit(inputs=1, latches=1)
    network = circuit.network([circuit.latch(0)])
    shake = Handshake(circuit.latch(0))
    told = run(network, Stimuli([Valid(shake)]), cycles=40, count=1, three_valued=True, trace=[circuit.input(0)])
    values = told.traced[:, 0].tolist()
    assert values == sorted(values)
    assert values[-1] == 1


def test_two_handshakes_on_one_ready() -> None:
    one, two = Handshake(1, 0.5, "one"), Handshake(1, 0.5, "two")
    rows = driven([Valid(one), Valid(two)], 4)
    assert (rows[:, 0] != rows[:, 1]).all()


def test_by_index() -> None:
    stimuli = Stimuli.of(inputs_only(3), {1: Constant(1)}, default=Constant(0), seed=4)
    assert stimuli.drives == [Constant(0), Constant(1), Constant(0)]
    assert Stimuli.of(inputs_only(1), {}).drives == [Random()]
    with pytest.raises(NetworkError, match="input 3 is driven"):
        Stimuli.of(inputs_only(3), {3: Constant(1)})


SHAKE = Handshake(2)


@pytest.mark.parametrize(
    ("drives", "message"),
    [
        ([Constant(2)], "input 0 is driven to 2"),
        ([Constant(0), Random(1.5)], "input 1 is one with probability 1.5"),
        ([Random(float("nan"))], "probability nan"),
        ([Random(1e-9)], r"(?s)probability 1e-09.*at least 1/65536"),
        ([Held(1 - 1e-9)], "probability"),
        ([Values(())], "driven by no values"),
        ([Values((0, 3))], "driven to 3"),
        ([Given(np.zeros((2, 1), np.uint64))], r"given uint64 \(2, 1\)"),
        ([Given(np.zeros((2, 2), np.int64))], "given int64"),
        ([Given(np.zeros((0, 2), np.uint64))], "driven by no values"),
        ([After(-1, 0, Constant(0))], "starts after -1 cycles"),
        ([After(1, 2, Constant(0))], "driven to 2"),
        ([After(1, 0, After(1, 0, Constant(0)))], "is driven by After"),  # type: ignore[arg-type]
        (["clock"], "is driven by 'clock'"),
        ([Payload(SHAKE)], "payload of a handshake without a valid"),
        ([Valid(SHAKE), Valid(SHAKE)], "input 1 is a second valid of one handshake"),
        ([Valid(Handshake(-2))], "the ready of a handshake is -2"),
        ([Valid(Handshake(90))], "the ready of a handshake is literal 90"),
    ],
)
def test_refuses(drives: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        driven(drives, 2, 128)
