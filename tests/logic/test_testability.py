"""SCOAP and signal probabilities: by hand, against plain recomputation, and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from sandgrain.errors import NetworkError
from sandgrain.logic.network import UNKNOWN, Network
from sandgrain.logic.simulate import run
from sandgrain.logic.stimuli import Stimuli
from sandgrain.logic.testability import UNREACHABLE, Scoap, probability_interval, scoap, signal_probabilities
from tests.logic.networks import Circuit, small_networks


def network_of(circuit: Circuit, nexts: list[int], inits: list[int]) -> Network:
    pairs = np.array(circuit.gates, np.uint32).reshape(-1, 2)
    return Network(
        np.zeros(circuit.inputs, np.uint8),
        np.array(nexts, np.uint32),
        np.array(inits, np.uint8),
        pairs[:, 0].copy(),
        pairs[:, 1].copy(),
    )


def test_a_textbook_example() -> None:
    circuit = Circuit(3, 0)
    a, b, c = (circuit.input(index) for index in range(3))
    inner = circuit.all_of((a, b))
    outer = circuit.any_of((inner, c))  # the inverse of an and-gate of the inverses
    found = scoap(network_of(circuit, [], []), [outer])
    at = inner >> 1
    assert (found.cc0[at], found.cc1[at]) == (2, 3)
    top = outer >> 1
    assert (found.cc1[top], found.cc0[top]) == (4, 2)  # the gate itself is the inverse: 0 of both, or 1 of either
    assert found.co[top] == 0 and found.co[at] == 2 and found.co[a >> 1] == 4
    assert found.co[c >> 1] == 3
    assert not found.sc0[1:].any() and not found.so[1:].any()


def test_registers_cost_clock_edges() -> None:
    circuit = Circuit(1, 3)
    first, second, third = (circuit.latch(index) for index in range(3))
    found = scoap(network_of(circuit, [circuit.input(0), first, third], [UNKNOWN, UNKNOWN, 0]), [second])
    assert [int(found.sc1[literal >> 1]) for literal in (first, second)] == [1, 2]
    assert [int(found.cc1[literal >> 1]) for literal in (first, second)] == [3, 5]
    assert [int(found.so[literal >> 1]) for literal in (second, first, circuit.input(0))] == [0, 1, 2]
    # A register that feeds itself keeps what it powers up with, and nobody sees it.
    assert found.sc0[third >> 1] == 0 and found.sc1[third >> 1] == UNREACHABLE
    assert found.so[third >> 1] == UNREACHABLE


def plain(network: Network, outputs: list[int]) -> Scoap:
    """The defining equations, iterated in any order until nothing changes, with unbounded numbers."""
    size = network.variable_count
    result = []
    for setting, gate, edge in ((1, 1, 2), (0, 0, 1)):
        zero, one = [math.inf] * size, [math.inf] * size
        zero[0] = 0
        for variable in range(1, network.first_latch):
            zero[variable] = one[variable] = setting
        for latch, init in enumerate(network.latch_init.tolist()):
            if init < 2:
                (one if init else zero)[network.first_latch + latch] = setting

        def both(literal: int, zero: list[float] = zero, one: list[float] = one) -> tuple[float, float]:
            pair = zero[literal >> 1], one[literal >> 1]
            return (pair[1], pair[0]) if literal & 1 else pair

        for _ in range(3 * size):
            for index in range(network.and_count):
                (zero0, one0), (zero1, one1) = both(int(network.fanin0[index])), both(int(network.fanin1[index]))
                zero[network.first_and + index] = min(zero0, zero1) + gate
                one[network.first_and + index] = one0 + one1 + gate
            for latch, literal in enumerate(network.latch_next.tolist()):
                low, high = both(literal)
                at = network.first_latch + latch
                zero[at], one[at] = min(zero[at], low + edge), min(one[at], high + edge)
        seen = [math.inf] * size
        for literal in outputs:
            seen[literal >> 1] = 0
        for _ in range(3 * size):
            for index in range(network.and_count):
                left, right = int(network.fanin0[index]), int(network.fanin1[index])
                out = seen[network.first_and + index]
                seen[left >> 1] = min(seen[left >> 1], out + both(right)[1] + gate)
                seen[right >> 1] = min(seen[right >> 1], out + both(left)[1] + gate)
            for latch, literal in enumerate(network.latch_next.tolist()):
                seen[literal >> 1] = min(seen[literal >> 1], seen[network.first_latch + latch] + edge)
        result += [zero, one, seen]
    columns = [np.array([min(value, int(UNREACHABLE)) for value in column]).astype(np.uint32) for column in result]
    return Scoap(*columns)


@settings(max_examples=120, deadline=None)
@given(small_networks())
def test_scoap_is_the_least_solution_of_its_equations(network: Network) -> None:
    outputs = [2 * (network.variable_count - 1)]
    found, wanted = scoap(network, outputs), plain(network, outputs)
    for name in ("cc0", "cc1", "co", "sc0", "sc1", "so"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


def test_measures_saturate() -> None:
    circuit = Circuit(2, 0)
    literal = circuit.all_of((circuit.input(0), circuit.input(1)))
    for _ in range(40):  # a 1 costs twice as much at every step
        literal = circuit.all_of((literal, literal))
    found = scoap(network_of(circuit, [], []), [literal])
    assert found.cc1[literal >> 1] == UNREACHABLE and found.cc0[literal >> 1] < 100


def test_an_output_of_nothing_is_refused() -> None:
    with pytest.raises(NetworkError, match="not of this network"):
        scoap(network_of(Circuit(1, 0), [], []), [4])


def test_probabilities_of_a_tree_are_exact() -> None:
    circuit = Circuit(4, 0)
    literals = [circuit.input(index) for index in range(4)]
    both = circuit.all_of(literals)
    either = circuit.any_of(literals)
    found = signal_probabilities(network_of(circuit, [], []), np.array([0.5, 0.25, 0.5, 1.0]))
    assert found.ones[both >> 1] == pytest.approx(0.0625)
    assert 1 - found.ones[either >> 1] == pytest.approx(1.0)
    assert found.settled and found.passes == 1


def test_a_register_that_turns_does_not_rest() -> None:
    circuit = Circuit(0, 1)
    found = signal_probabilities(network_of(circuit, [circuit.latch(0) ^ 1], [0]), most_passes=50)
    assert not found.settled and found.passes == 50
    rests = signal_probabilities(network_of(circuit, [circuit.latch(0) ^ 1], [UNKNOWN]))
    assert rests.settled and rests.ones[1] == 0.5


@settings(max_examples=40, deadline=None)
@given(small_networks())
def test_intervals_hold_what_simulation_counts(network: Network) -> None:
    done = run(network, Stimuli.of(network, {}, seed=3), cycles=20, count=128)
    assert done.counts is not None
    share, low, high = probability_interval(done.counts.ones, done.counts.samples)
    assert ((low <= share) & (share <= high)).all()
    assert (low >= 0).all() and (high <= 1).all()
    constant = done.counts.ones == 0
    assert (low[constant] == 0).all() and (high[constant] > 0).all()
    with pytest.raises(NetworkError):
        probability_interval(done.counts.ones, 0)


def test_a_chance_is_a_probability() -> None:
    with pytest.raises(NetworkError, match="no probability"):
        signal_probabilities(network_of(Circuit(1, 0), [], []), 1.5)
