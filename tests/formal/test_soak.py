"""A chip that stops by itself or when one flip-flop is forced is noticed; its clean twin is not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from sandgrain.formal.environment import HELD, Environment
from sandgrain.formal.probing import comparisons, falling_silent, unproved_twins, unseen_values
from sandgrain.formal.sampling import advance, recovery_times, sample_states
from sandgrain.formal.soak import serving_constants, soak
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Words
from tests.logic.networks import (
    OPEN,
    Circuit,
    Explicit,
    Interpreter,
    environment_of,
    inside,
    number,
    small_environments,
    small_networks,
)

KILL = 7
LIMIT = 100
"""The count at which the chip below kills itself."""


def clock_bomb(*, planted: bool = True, connected: bool = True) -> Environment:
    """A 7-bit count (latches 0-6), a kill flip-flop (7) set at ``LIMIT``, and the service (8), which beats.

    Input 0 is the reset; input 1 is held and disables the beat.

    Args:
        planted: whether the count sets the kill.
        connected: whether the kill stops the beat.
    """
    circuit = Circuit(2, 9)
    reset, disable = circuit.input(0), circuit.input(1)
    nexts, carry = [], 1
    for latch in range(7):
        flipped = circuit.mux(carry, circuit.latch(latch) ^ 1, circuit.latch(latch))
        carry = circuit.all_of((carry, circuit.latch(latch)))
        nexts.append(circuit.all_of((flipped, reset ^ 1)))
    fires = circuit.equals([circuit.latch(latch) for latch in range(7)], LIMIT) if planted else 0
    kill = circuit.latch(KILL)
    nexts.append(circuit.all_of((circuit.any_of((kill, fires)), reset ^ 1)))
    quiet = [circuit.latch(8), disable, *([kill] if connected else [])]
    nexts.append(circuit.all_of(literal ^ 1 for literal in quiet))
    return environment_of(circuit.network(nexts), {"service a": circuit.latch(8)}, [[0, HELD]], reset=0, cycles=2)


def goals(environment: Environment) -> np.ndarray:
    return np.array(list(environment.services.values()), np.uint32)


def test_a_chip_that_kills_itself_is_noticed() -> None:
    environment = clock_bomb()
    runs = soak(environment, goals(environment), 1024)
    serving = runs.held[:, 1] == 0
    assert serving[0]
    assert 16 < serving.sum() < 48
    # The count is 0 after reset, it beats in odd cycles, and the kill is set in cycle LIMIT + 1.
    assert set(runs.last[0, serving].tolist()) == {LIMIT + 1}
    assert (runs.first[0, serving] <= 1).all()
    # A beat already under way when reset ends may show in the first cycle.
    assert (runs.last[0, ~serving] <= 0).all()


@pytest.mark.parametrize("twin", [{"planted": False}, {"connected": False}])
def test_its_clean_twin_beats_to_the_end(twin: dict[str, bool]) -> None:
    environment = clock_bomb(**twin)
    runs = soak(environment, goals(environment), 1024)
    assert (runs.last[0, runs.held[:, 1] == 0] >= 1022).all()


def test_healthy_constants_are_run_1_and_run_0_is_all_zero() -> None:
    environment = clock_bomb()
    ticks: list[int] = []
    runs = soak(environment, goals(environment), 512, np.array([1, 1], np.uint8), ticks.append)
    assert runs.held[0].tolist() == [0, 0]
    assert runs.held[1].tolist() == [0, 1], "the reset is not a held input"
    assert ticks == [0, 256]
    assert runs.first[0, 1] <= 0


def test_moments_are_states_of_that_run() -> None:
    """The snapshots of each run are states it passes through: here the count says at which cycle."""
    environment = clock_bomb(planted=False)
    runs = soak(environment, goals(environment), 1024)
    moments = runs.moments(0)
    assert moments.shape == (9, 1)
    cycles = [8 + index * 8 - index % 7 for index in range(64)]
    counts = [number(int(moments[latch, 0]) >> at & 1 for latch in range(7)) for at in range(64)]
    assert counts == [cycle % 128 for cycle in cycles]
    for run in (1, 17, 63):
        one = runs.moments(run)
        assert ((one[8, 0] != 0) == (runs.held[run, 1] == 0)).all()


@given(small_environments())
@settings(max_examples=30, deadline=None)
def test_soak_is_what_the_interpreter_says(environment: Environment) -> None:
    """First and last cycle of each goal in the first three runs, arbitrary inputs being 0."""
    plain = Explicit(environment)
    cycles = 300
    runs = soak(environment, goals(environment), cycles)
    init = number(environment.model.network.latch_init == 1)
    for run in range(3):
        held = number(runs.held[run].tolist())
        state = init
        for cycle in range(environment.reset_cycles):
            asserted = environment.reset_asserted < 2
            row = number(np.where(asserted, environment.reset_asserted, 0).tolist())
            others = plain.recovery(cycle, held)[0] & ~number(asserted.tolist())
            state = plain.next(state, row | others)
        seen: list[list[int]] = [[] for _ in environment.services]
        for cycle in range(cycles):
            row = plain.recovery(cycle, held)[0]
            for at, goal in enumerate(environment.services.values()):
                if plain.holds(goal, state, row):
                    seen[at].append(cycle)
            state = plain.next(state, row)
        assert runs.first[:, run].tolist() == [cycle[0] if cycle else -1 for cycle in seen]
        assert runs.last[:, run].tolist() == [cycle[-1] if cycle else -1 for cycle in seen]


def combination(code: int | None) -> Environment:
    """Three held inputs that must be ``code`` for the service to begin after five cycles."""
    circuit = Circuit(3, 3)
    opened = 0 if code is None else circuit.equals([circuit.input(index) for index in range(3)], code)
    nexts, carry = [], opened
    for latch in range(3):
        nexts.append(circuit.mux(carry, circuit.latch(latch) ^ 1, circuit.latch(latch)))
        carry = circuit.all_of((carry, circuit.latch(latch)))
    service = circuit.equals([circuit.latch(latch) for latch in range(3)], 5)
    return environment_of(circuit.network(nexts, [0, 0, 0]), {"service a": service}, [[HELD] * 3])


@pytest.mark.parametrize("code", [0, 5, 7])
def test_constants_that_let_the_service_begin(code: int) -> None:
    environment = combination(code)
    found = serving_constants(environment, environment.services["a"], 6)
    assert found is not None
    assert number(found.tolist()) == code
    assert serving_constants(environment, environment.services["a"], 5) is None
    runs = soak(environment, goals(environment), 256, found)
    assert runs.first[0, 1] == 5


def test_no_constants_let_it_begin() -> None:
    environment = combination(None)
    assert serving_constants(environment, environment.services["a"], 32) is None


def healthy(environment: Environment) -> Words:
    return soak(environment, goals(environment), 1024).moments(0)


@pytest.mark.parametrize("connected", [True, False])
def test_forcing_one_flip_flop(connected: bool) -> None:
    """The kill is never set in the runs; forced, it silences the chip, unless it stops nothing."""
    environment = clock_bomb(planted=False, connected=connected)
    states = sample_states(environment, words=1, episodes=2, cycles=32)
    cubes = unseen_values(states)
    assert (2 * KILL,) in cubes
    silent = falling_silent(environment, healthy(environment), cubes, goals(environment), 8)
    assert [bool(state[KILL]) for _, state in silent] == ([True] if connected else [])


def test_forcing_a_comparison() -> None:
    """No single flip-flop but the comparison of the count stops this chip, and the logic spells it out."""
    environment = clock_bomb()
    cube = tuple(2 * latch + 1 - (LIMIT >> latch & 1) for latch in range(7))
    assert cube in comparisons(environment.model.network)
    # A moment before the bomb goes off by itself.
    soaked = soak(environment, goals(environment), 1024)
    early = np.where(soaked.moments(0) & np.uint64(1), np.uint64(2**64 - 1), np.uint64(0))
    silent = falling_silent(environment, early, [(1, 3), cube], goals(environment), 8)
    assert [(forced, bool(state[KILL])) for forced, state in silent] == [(cube, True)]


def test_many_cubes_keep_their_order() -> None:
    environment = clock_bomb(planted=False)
    harmless, fatal = (0,), (2 * KILL,)
    states = healthy(environment)
    cubes = [harmless] * 700 + [fatal, harmless, (*harmless, *fatal), (1, *fatal)]
    silent = falling_silent(environment, states, cubes, goals(environment), 8)
    assert [forced for forced, _ in silent] == [fatal, (*harmless, *fatal), (1, *fatal)]
    assert all(state[KILL] for _, state in silent)


def test_values_never_seen() -> None:
    states = np.array([[0, 0], [2**64 - 1, 2**64 - 1], [0, 1], [2**64 - 1, 2**63]], np.uint64)
    assert unseen_values(states) == [(0,), (3,)]


def test_twins_are_two_values_equal_for_no_proved_reason() -> None:
    # 0 and 1 are equal, 2 and 3 never; that 4 implies 5 makes no twins of them.
    likely = np.array([(0, 3), (1, 2), (4, 6), (5, 7), (9, 10)], np.int64)
    assert set(unproved_twins(likely, set())) == {(1, 2), (0, 3), (5, 7), (4, 6)}
    assert set(unproved_twins(likely, {(1, 2), (0, 3)})) == {(5, 7), (4, 6)}


@given(small_networks(min_latches=1))
@settings(max_examples=100, deadline=None)
def test_a_comparison_is_what_some_gate_computes(network: Network) -> None:
    plain = Interpreter(network)
    found = comparisons(network)
    assert found == sorted(set(found), key=lambda cube: (len(cube), cube))
    rows = list(itertools.product(plain.states, range(1 << network.input_count)))
    tables = {
        tuple(plain.values(state, inputs)[variable] for state, inputs in rows)
        for variable in range(network.first_and, network.variable_count)
    }
    for cube in found:
        assert len(cube) > 1
        assert tuple(int(inside(state, cube)) for state, _ in rows) in tables


def test_which_comparisons_are_found() -> None:
    """An and-tree of latches counts, one with an input, a negated gate or a contradiction in it does not."""
    circuit = Circuit(1, 4)
    q = [circuit.latch(index) for index in range(4)]
    circuit.gates += [(q[0], q[1] ^ 1), (12, q[2]), (q[3], 2), (13, q[3]), (q[3], q[3] ^ 1)]
    assert comparisons(circuit.network([0] * 4)) == [(0, 3), (0, 3, 4)]


def test_times_to_recover_and_states_on_the_way() -> None:
    """From a count below LIMIT the next beat comes at once; from a killed state never."""
    environment = clock_bomb()
    states = np.zeros((9, 1), np.uint64)
    states[8] = 1  # stream 0 beats now, stream 1 in the next cycle, stream 2 is killed
    states[KILL] = 4
    times = recovery_times(environment, states, goals(environment), 16)
    assert times[:3].tolist() == [0, 1, -1]
    assert recovery_times(environment, states, goals(environment), 1)[:2].tolist() == [0, -1]
    later = advance(environment, states, 3)
    assert int(later[8, 0]) & 7 == 0b010
    assert [int(later[latch, 0]) & 7 for latch in range(2)] == [7, 7]


@given(small_environments())
@settings(max_examples=30, deadline=None)
def test_recovery_times_are_what_the_interpreter_says(environment: Environment) -> None:
    plain = Explicit(environment)
    latches = environment.model.network.latch_count
    states = np.zeros((latches, 1), np.uint64)
    for state in plain.states:
        for latch in range(latches):
            states[latch] |= np.uint64((state >> latch & 1) << state)
    times = recovery_times(environment, states, goals(environment), 6)
    ends = advance(environment, states, 6)
    for state in plain.states:
        expected, at = -1, state
        for cycle in range(6):
            row = plain.recovery(cycle, 0)[0]
            if expected < 0 and any(plain.holds(goal, at, row) for goal in environment.services.values()):
                expected = cycle
            at = plain.next(at, row)
        assert times[state] == expected
        assert number(int(row) >> state & 1 for row in ends[:, 0]) == at


def test_arbitrary_inputs_of_the_stimulus_are_0() -> None:
    circuit = Circuit(1, 1)
    environment = environment_of(circuit.network([circuit.input(0)]), {"service a": circuit.latch(0)}, [[OPEN]])
    runs = soak(environment, goals(environment), 256)
    assert (runs.last == -1).all()
