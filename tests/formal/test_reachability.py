"""What is called unreachable is, by an invariant that stands by itself; what is called reached can be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Answer, Cube, Reachability, Reached
from tests.logic.networks import Circuit, Explicit, environment_of, inside, small_environments


def cubes(latches: int) -> st.SearchStrategy[Cube]:
    """Cubes of one to all latches."""
    chosen = st.dictionaries(st.integers(0, latches - 1), st.booleans(), min_size=1)
    return chosen.map(lambda values: tuple(sorted(2 * latch + int(negated) for latch, negated in values.items())))


def members(explicit: Explicit, cube: Cube) -> set[int]:
    return {state for state in explicit.states if inside(state, cube)}


def check_invariant(explicit: Explicit, reach: Reachability) -> set[int]:
    """The states outside all cubes of the invariant: it holds after reset and is closed under every cycle."""
    allowed = {state for state in explicit.states if not any(inside(state, cube) for cube in reach.invariant)}
    assert explicit.after_reset() <= allowed
    assert explicit.image(allowed, explicit.operation) <= allowed
    return allowed


def check_answer(explicit: Explicit, reach: Reachability, cube: Cube, answer: Answer) -> None:
    target = members(explicit, cube)
    if answer.reached is Reached.NEVER:
        assert not target & explicit.reachable()
        assert not target & check_invariant(explicit, reach)
        assert answer.cycles is None
    else:
        assert answer.reached is Reached.PERHAPS
        assert answer.cycles is not None
        states = explicit.after_reset()
        for _ in range(answer.cycles):
            states = explicit.image(states, explicit.operation)
        assert target & states, "no run of that length leads there"
        check_invariant(explicit, reach)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_answers_agree_with_explicit_search(data: st.DataObject) -> None:
    """Several cubes of one design, one after another: what was learned before must not spoil what comes later."""
    environment = data.draw(small_environments())
    latches = environment.model.network.latch_count
    explicit, reach = Explicit(environment), Reachability(environment)
    for _ in range(data.draw(st.integers(1, 5))):
        cube = data.draw(cubes(latches))
        check_answer(explicit, reach, cube, reach.ask(cube, seconds=60))


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_every_single_state(data: st.DataObject) -> None:
    environment = data.draw(small_environments())
    latches = environment.model.network.latch_count
    explicit, reach = Explicit(environment), Reachability(environment)
    for state in explicit.states:
        cube = tuple(2 * latch + 1 - (state >> latch & 1) for latch in range(latches))
        check_answer(explicit, reach, cube, reach.ask(cube, seconds=60))
    assert check_invariant(explicit, reach) == explicit.reachable()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_one_step_back(data: st.DataObject) -> None:
    environment = data.draw(small_environments())
    explicit, reach = Explicit(environment), Reachability(environment)
    cube = data.draw(cubes(environment.model.network.latch_count))
    if data.draw(st.booleans()):
        reach.ask(cube, seconds=60)
    target, allowed = members(explicit, cube), check_invariant(explicit, reach)
    leading = {state for state in allowed - target if explicit.image([state], explicit.operation) & target}
    apart = {state for state in leading if not any(inside(state, (literal,)) for literal in cube)}
    entering = apart or leading
    found = reach.step_into(cube)
    assert (found is None) == (not entering)
    if found is not None:
        before = members(explicit, found)
        assert before & entering
        assert any(explicit.image(before, [row]) <= target for row in explicit.operation)


def counter(limit: int, *, stuck: bool = False) -> Environment:
    """Three latches that count when input 1 says so, from 0 at reset (input 0), up to ``limit``."""
    circuit = Circuit(2, 3)
    latches = [circuit.latch(index) for index in range(3)]
    moves = circuit.all_of((circuit.input(1), circuit.equals(latches, limit) ^ 1))
    nexts, carry = [], 0 if stuck else moves
    for latch in latches:
        flipped = circuit.mux(carry, latch ^ 1, latch)
        carry = circuit.all_of((carry, latch))
        nexts.append(circuit.all_of((flipped, circuit.input(0) ^ 1)))
    return environment_of(circuit.network(nexts), {"service a": latches[0]}, [[0, 1]], reset=0)


def at(value: int) -> Cube:
    return tuple(2 * latch + 1 - (value >> latch & 1) for latch in range(3))


@pytest.mark.parametrize("value", range(8))
def test_a_counter_that_stops(value: int) -> None:
    reach = Reachability(counter(5))
    answer = reach.ask(at(value), seconds=60)
    assert answer == (Answer(Reached.PERHAPS, value) if value <= 5 else Answer(Reached.NEVER))


def test_what_is_given_as_proved_is_used() -> None:
    """Without the invariant 6 can only come from 5; with it no query is needed."""
    environment = counter(5)
    reach = Reachability(environment)
    reach.assume_proved([(5, 4), (2, 4)])  # 6 and 7 in part: latches 2 and 1
    assert reach.invariant == [(4, 5), (2, 4)]
    plain = Reachability(environment)
    plain.assume_proved([(2, 4)])
    assert plain.ask(at(6), seconds=60).reached is Reached.NEVER
    assert plain.queries < _queries_without(environment)
    assert plain.step_into(at(7)) is None


def _queries_without(environment: Environment) -> int:
    reach = Reachability(environment)
    assert reach.ask(at(6), seconds=60).reached is Reached.NEVER
    return reach.queries


def test_the_state_after_reset_counts_and_the_state_before_does_not() -> None:
    reach = Reachability(counter(0, stuck=True))
    assert reach.ask(at(0), seconds=60) == Answer(Reached.PERHAPS, 0)
    assert reach.ask(at(3), seconds=60) == Answer(Reached.NEVER)
    free = Circuit(0, 1)
    without = environment_of(free.network([free.latch(0)]), {"service a": 1}, [[]])
    assert Reachability(without).ask((0,), seconds=60) == Answer(Reached.PERHAPS, 0)


def test_a_budget_too_small_proves_nothing() -> None:
    assert Reachability(counter(5)).ask(at(5), seconds=-1).reached is Reached.UNKNOWN
    assert Reachability(counter(5)).ask(at(6), seconds=-1).reached is Reached.UNKNOWN
    assert Reachability(counter(5)).ask(at(5), seconds=60, frames=2).reached is Reached.UNKNOWN
    assert Reachability(counter(5)).ask(at(2), seconds=60, frames=2).reached is Reached.PERHAPS
