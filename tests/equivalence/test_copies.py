"""Both copies side by side: what each holds is what it would hold alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.equivalence.beginning import Beginning, apart_after
from sandgrain.equivalence.copies import Copies
from sandgrain.equivalence.faults import Faulty
from sandgrain.logic.graph import Graph
from sandgrain.logic.network import PORT_INPUT, Network


def taken_in() -> Faulty:
    """``f`` takes in what is given, and in the faulty copy not while ``g`` is 1; ``g`` holds its value but for a reset
    input; both are shown.
    """
    graph = Graph(32)
    given_, reset = graph.free(2).tolist()
    f, g = graph.free(2).tolist()
    lost = graph.land(given_, g ^ 1)
    held = graph.land(g, reset ^ 1)
    network = Network(
        np.full(2, PORT_INPUT, np.uint8),
        np.array([given_, held], np.uint32),
        np.full(2, 2, np.uint8),
        graph.fanin0[5:].copy(),
        graph.fanin1[5:].copy(),
    )
    outputs = np.array([f, g], np.uint32)
    everything = np.ones((2, 2), np.bool_)
    distance = np.zeros(2, np.int64)
    return Faulty(network, np.array([lost, held], np.uint32), outputs, outputs, distance, ~everything, everything[0])


@given(words=st.integers(1, 3), seed=st.integers(0, 1 << 32), cycles=st.integers(1, 5))
def test_every_lane_is_a_run_of_both(words: int, seed: int, cycles: int) -> None:
    random = np.random.default_rng(seed)
    good, bad = random.integers(0, 2, (2, 2)) == 1
    rows = random.integers(0, 1 << 64, (cycles, 2, words), np.uint64)
    copies = Copies(taken_in(), good, bad, words)
    lane = int(random.integers(64 * words))
    word, shift = lane // 64, lane % 64
    f, g, f_bad, g_bad = good[0], good[1], bad[0], bad[1]
    for row in rows:
        shown = copies.step(row)
        assert [int(bits[word]) >> shift & 1 for bits in shown] == [f != f_bad, g != g_bad]
        value, reset = (int(bits[word]) >> shift & 1 == 1 for bits in row)
        f, f_bad = value, value and not g_bad
        g, g_bad = g and not reset, g_bad and not reset
        apart = copies.clock()
        assert [int(bits[word]) >> shift & 1 for bits in apart] == [f != f_bad, g != g_bad]
        np.testing.assert_array_equal(apart, copies.apart)
    one, other = copies.states(lane)
    assert (one.tolist(), other.tolist()) == ([f, g], [f_bad, g_bad])


def test_what_some_power_up_makes_differ() -> None:
    random = np.random.default_rng(1)
    anything = np.full(2, 2, np.uint8)

    def apart(power_up: list[int], *rows: list[int]) -> list[bool]:
        given_ = np.array(rows, np.uint8).reshape(-1, 2)
        found: list[bool] = apart_after(taken_in(), np.array(power_up, np.uint8), given_, random).tolist()
        return found

    assert apart([2, 2], [2, 0]) == [True, False]
    # Not where the register that makes it act powers up as 0, is reset first, or nothing is taken in; not at once.
    assert apart([2, 0], [2, 0]) == apart([2, 2], [0, 0]) == apart([2, 2]) == [False, False]
    assert apart([2, 2], [2, 1], [2, 0]) == [False, False]
    assert apart([2, 2], [2, 1]) == [True, False]
    # Of the inputs those that are no ports are anything.
    assert apart_after(taken_in(), anything, np.array([[2]], np.uint8), random).tolist() == [True, False]


def test_halves_begin_alike_but_for_what_may_differ() -> None:
    false = np.zeros(4, np.bool_)
    held, other = np.array([True, False, False, True]), np.array([True, False, False, False])
    beginning = Beginning(held, other, np.array([False, True, True, False]), np.array([False, False, True, True]))
    begin, open_ = beginning.of([1, 2, 3])
    assert begin.tolist() == [True, False, False, True, False, False, False]
    # The second half of the third register is open by itself; the fourth is not open, so it begins as it does.
    assert open_.tolist() == [-1, 0, 1, -1, 0, 2, -1]
    assert Beginning(held, other, false, ~false).of([0])[1].tolist() == [-1] * 5
