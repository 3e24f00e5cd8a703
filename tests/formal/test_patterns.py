"""Proposed combinations are absent from every sample, and the ones that tell something are proposed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.formal.patterns import absent_combinations
from sandgrain.formal.reachability import Cube
from sandgrain.logic.network import Network
from tests.logic.networks import Circuit

LATCHES = 6


def plain() -> Network:
    """Six flip-flops and no logic."""
    circuit = Circuit(0, LATCHES)
    return circuit.network([circuit.latch(index) for index in range(LATCHES)])


def comparing() -> Network:
    """The same with a comparison of flip-flops 0 and 1 with the number 2."""
    circuit = Circuit(0, LATCHES)
    circuit.equals([circuit.latch(0), circuit.latch(1)], 2)
    return circuit.network([circuit.latch(index) for index in range(LATCHES)])


def samples(seed: int, never: Cube = ()) -> np.ndarray:
    """2,048 random states of which none is in ``never``: uint64 (latches, words)."""
    bits = np.random.default_rng(seed).integers(0, 2, (4096, LATCHES)).astype(bool)
    inside = np.ones(len(bits), bool)
    for literal in never:
        inside &= bits[:, literal >> 1] ^ bool(literal & 1)
    bits = bits[~inside if never else slice(None)]
    bits = bits[: min(2048, len(bits) // 64 * 64)]
    rows = np.ascontiguousarray(bits.T).astype(np.uint8)
    return np.ascontiguousarray(np.packbits(rows, axis=1, bitorder="little")).view(np.uint64)


def shown(states: np.ndarray, cube: Cube) -> bool:
    row = np.full(states.shape[1], 0xFFFFFFFFFFFFFFFF, np.uint64)
    for literal in cube:
        row &= ~states[literal >> 1] if literal & 1 else states[literal >> 1]
    return bool(row.any())


@given(st.integers(0, 1000), st.sets(st.integers(0, LATCHES - 1), min_size=3, max_size=3), st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_three_that_never_meet_are_proposed_and_nothing_else(seed: int, latches: set[int], signs: int) -> None:
    never = tuple(2 * latch + (signs >> index & 1) for index, latch in enumerate(sorted(latches)))
    assert absent_combinations(plain(), samples(seed, never), range(LATCHES), []) == [never]
    assert absent_combinations(plain(), samples(seed), range(LATCHES), []) == []


@given(st.integers(0, 200), st.lists(st.integers(0, 2 * LATCHES - 1), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_what_is_proposed_is_in_no_sample(seed: int, literals: list[int]) -> None:
    never = tuple(sorted({literal >> 1: literal for literal in literals}.values()))
    states = samples(seed, never)
    proposed = absent_combinations(comparing(), states, range(LATCHES), [])
    assert not any(shown(states, cube) for cube in proposed)
    assert all(len(set(cube)) == len(cube) and not any(at ^ 1 in cube for at in cube) for cube in proposed)


def test_only_the_named_flip_flops_take_part() -> None:
    states = samples(1, (0, 2, 4))
    assert absent_combinations(plain(), states, [0, 1, 2], []) == [(0, 2, 4)]
    assert absent_combinations(plain(), states, [0, 1, 3, 4], []) == []


def test_a_comparison_is_one_part() -> None:
    never = (1, 2, 4, 6)  # flip-flops 0 and 1 as the number 2, with 2 and 3 set
    states = samples(2, never)
    assert absent_combinations(comparing(), states, range(LATCHES), []) == [never]
    assert absent_combinations(plain(), states, range(LATCHES), []) == []


def test_what_is_known_is_not_proposed_again() -> None:
    states = samples(3, (0, 2, 4))
    assert absent_combinations(plain(), states, range(LATCHES), [(0, 2, 4)]) == []
    assert absent_combinations(plain(), states, range(LATCHES), [(0, 2)]) == []
    assert absent_combinations(plain(), states, range(LATCHES), [(0, 3)]) == [(0, 2, 4)]


def test_one_accident_among_few_samples_tells_nothing() -> None:
    assert absent_combinations(plain(), samples(4, (0, 2, 4))[:, :1], range(LATCHES), []) == []
