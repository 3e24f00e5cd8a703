"""Mined clauses hold in every reachable state, and none is lost that the others keep."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import Clauses, candidates, inductive_clauses
from sandgrain.formal.sampling import sample_states
from tests.logic.networks import Circuit, Explicit, environment_of, small_environments

Clause = tuple[int, int]


def satisfied(state: int, clause: Clause) -> bool:
    return any((state >> (literal >> 1) & 1) != (literal & 1) for literal in clause)


def every_clause(latches: int) -> Clauses:
    """All constants and all clauses of two latches."""
    pairs = itertools.combinations_with_replacement(range(2 * latches), 2)
    return np.array([(p, q) for p, q in pairs if p == q or p >> 1 != q >> 1], np.int64).reshape(-1, 2)


def as_set(clauses: Clauses) -> set[Clause]:
    return {(p, q) for p, q in clauses.tolist()}


def largest_inductive(explicit: Explicit, clauses: set[Clause]) -> set[Clause]:
    """Houdini over explicit states."""
    start = explicit.after_reset()
    alive = {clause for clause in clauses if all(satisfied(state, clause) for state in start)}
    while True:
        before = [state for state in explicit.states if all(satisfied(state, clause) for clause in alive)]
        after = explicit.image(before, explicit.operation)
        kept = {clause for clause in alive if all(satisfied(state, clause) for state in after)}
        if kept == alive:
            return alive
        alive = kept


@given(small_environments())
@settings(max_examples=60, deadline=None)
def test_exactly_the_largest_inductive_subset(environment: Environment) -> None:
    explicit = Explicit(environment)
    clauses = every_clause(environment.model.network.latch_count)
    found = as_set(inductive_clauses(environment, clauses, seconds=60))
    assert found == largest_inductive(explicit, as_set(clauses))
    assert all(satisfied(state, clause) for state in explicit.reachable() for clause in found)


@given(small_environments())
@settings(max_examples=25, deadline=None)
def test_what_comes_from_samples_holds_in_every_reachable_state(environment: Environment) -> None:
    explicit = Explicit(environment)
    sampled = sample_states(environment, words=1, episodes=2, cycles=16)
    proposed = candidates(sampled)
    streams = np.unpackbits(sampled.view(np.uint8), axis=1, bitorder="little").T
    seen = {sum(int(bit) << latch for latch, bit in enumerate(row)) for row in streams}
    reachable = explicit.reachable()
    assert seen <= reachable
    assert all(satisfied(state, clause) for state in seen for clause in as_set(proposed))
    found = as_set(inductive_clauses(environment, proposed, seconds=60))
    assert found <= as_set(proposed)
    assert all(satisfied(state, clause) for state in reachable for clause in found)


def ring(glitch: bool) -> Environment:
    """Four latches, one of them set by reset (input 0), moving on when input 1 says so.

    With a ``glitch``, input 2 sets latch 0 as well.
    """
    circuit = Circuit(3, 4)
    reset, move, disturb = (circuit.input(index) for index in range(3))
    nexts = []
    for index in range(4):
        moved = circuit.mux(move, circuit.latch((index - 1) % 4), circuit.latch(index))
        if index == 0:
            disturbed = circuit.any_of((moved, disturb)) if glitch else moved
            nexts.append(circuit.any_of((reset, disturbed)))
        else:
            nexts.append(circuit.all_of((reset ^ 1, moved)))
    return environment_of(circuit.network(nexts), {"service a": circuit.latch(0)}, [[0, 1, 0]], reset=0)


EXCLUSIONS = {(2 * i + 1, 2 * j + 1) for i, j in itertools.combinations(range(4), 2)}


@pytest.mark.parametrize("glitch", [False, True])
def test_mutual_exclusion_in_a_one_hot_ring(glitch: bool) -> None:
    environment = ring(glitch)
    found = as_set(inductive_clauses(environment, candidates(sample_states(environment)), seconds=60))
    assert (found == EXCLUSIONS) == (not glitch)
    assert not found & EXCLUSIONS or not glitch


def test_without_time_for_a_fixpoint_there_is_none() -> None:
    environment = ring(glitch=True)
    wrong = np.array(sorted(EXCLUSIONS), np.int64)
    assert inductive_clauses(environment, wrong, seconds=-1).shape == (0, 2)
    right = np.array(sorted(EXCLUSIONS), np.int64)
    assert as_set(inductive_clauses(ring(glitch=False), right, seconds=-1)) == EXCLUSIONS


def test_progress_is_told() -> None:
    left: list[int] = []
    inductive_clauses(ring(glitch=True), np.array(sorted(EXCLUSIONS), np.int64), seconds=60, tick=left.append)
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


def test_candidates_of_constants_equivalences_and_exclusions() -> None:
    """Rows: never, always, a coin, its copy, its complement, another coin."""
    generator = np.random.default_rng(5)
    coin, other = generator.integers(0, 2**64, (2, 64), dtype=np.uint64)
    states = np.stack((np.zeros(64, np.uint64), np.full(64, 2**64 - 1, np.uint64), coin, coin, ~coin, other))
    found = as_set(candidates(states))
    assert found == {(1, 1), (2, 2), (4, 7), (5, 6), (4, 8), (5, 9), (6, 8), (7, 9)}


def test_an_accident_of_the_sample_is_no_candidate() -> None:
    """A rare event that never met a common one says little; two rare ones that never met say something."""
    states = np.zeros((3, 16), np.uint64)
    states[0, 0] = 3  # 2 of 1024
    states[1] = np.uint64(2**64 - 1) - np.uint64(3)  # nearly always
    states[1, 1:] = np.uint64(2**63 - 1)
    states[2, 2] = 3
    found = as_set(candidates(states))
    assert (1, 3) not in found
    assert (1, 5) in found


def test_only_the_least_often_switching_are_paired() -> None:
    generator = np.random.default_rng(6)
    coin = generator.integers(0, 2**64, 16, dtype=np.uint64)
    states = np.stack((coin, np.full(16, 1, np.uint64), coin, np.full(16, 2, np.uint64)))
    assert (0, 5) in as_set(candidates(states))
    assert as_set(candidates(states, limit=2)) == {(3, 7)}
