"""Dead states are dead, cubes hold nothing else but what was excluded, and when none is found there is none."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.formal.environment import HELD, Environment
from sandgrain.formal.reachability import Cube
from sandgrain.formal.recoverability import DeadState, Recoverability
from tests.logic.networks import OPEN, Circuit, Explicit, bits, environment_of, inside, number, small_environments


@dataclass
class Question:
    """`Recoverability` and the same question answered by trying everything."""

    environment: Environment
    goals: list[int]
    frames: int
    excluded: list[Cube] = field(default_factory=list)
    explained: list[Cube] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.asked = Recoverability(self.environment, self.goals, self.frames)
        self.explicit = Explicit(self.environment)

    def silent(self, states: set[int], held: int, first: int = 1) -> bool:
        """Whether all of ``states`` are dead for one and the same recovery stimulus."""
        explained = self.explained
        return self.explicit.silent(states, held, self.frames, self.goals, explained=explained, first=first)

    def dead(self, first: int = 1) -> set[int]:
        """Every state from which some recovery stimulus shows no goal, but for the excluded ones."""
        return {
            state
            for state in self.explicit.states
            if not any(inside(state, cube) for cube in self.excluded)
            and any(self.silent({state}, held, first) for held in self.explicit.constants())
        }

    def members(self, cube: Cube) -> set[int]:
        return {state for state in self.explicit.states if inside(state, cube)}

    def check(self, found: DeadState) -> None:
        """The state and all of its cube not excluded are dead for what the stimulus left open when it was found."""
        held = number(self.asked.held_values(found).tolist())
        assert inside(number(found.state), found.cube)
        assert list(found.cube) == sorted(set(found.cube))
        excluded = set().union(*map(self.members, self.excluded))
        assert self.silent(self.members(found.cube) - excluded, held)

    def exclude(self, cube: Cube) -> None:
        self.asked.exclude([cube])
        self.excluded.append(cube)

    def add_goal(self, cube: Cube) -> None:
        self.asked.add_goal(cube)
        self.explained.append(cube)


@st.composite
def questions(draw: st.DrawFn, *, opens: bool = True) -> Question:
    environment = draw(small_environments(opens=opens))
    goals = draw(st.sampled_from([["a"], ["a", "b"]]))
    return Question(environment, [environment.services[name] for name in goals], draw(st.integers(1, 4)))


def some_cube(data: st.DataObject, question: Question) -> Cube:
    latches = question.environment.model.network.latch_count
    chosen = data.draw(st.dictionaries(st.integers(0, latches - 1), st.booleans(), min_size=1))
    return tuple(sorted(2 * latch + int(negated) for latch, negated in chosen.items()))


@given(questions(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_excluding_what_is_found_ends_when_nothing_is_dead(question: Question, minimised: bool) -> None:
    everything = question.dead()
    count = 0
    while True:
        found = question.asked.find()
        left = question.dead()
        assert (found is None) == (not left)
        if found is None:
            break
        assert number(found.state) in left
        question.check(found)
        if minimised:
            smaller = question.asked.minimise(found)
            assert set(smaller.cube) <= set(found.cube)
            question.check(smaller)
            found = smaller
        question.exclude(found.cube)
        count += 1
        assert count <= len(question.explicit.states)
    assert everything == {state for state in everything if any(inside(state, cube) for cube in question.excluded)}


@given(st.data(), questions())
@settings(max_examples=80, deadline=None)
def test_goals_and_exclusions_in_any_order(data: st.DataObject, question: Question) -> None:
    for _ in range(3):
        found, left = question.asked.find(), question.dead()
        assert (found is None) == (not left)
        if found is not None:
            assert number(found.state) in left
            question.check(found)
        cube = some_cube(data, question)
        assert question.asked.is_open(cube) == bool(question.members(cube) & left)
        (question.exclude if data.draw(st.booleans()) else question.add_goal)(cube)


@given(questions(opens=False))
@settings(max_examples=60, deadline=None)
def test_a_minimal_cube_can_lose_no_literal(question: Question) -> None:
    found = question.asked.find()
    if found is None:
        return
    smallest = question.asked.minimise(found)
    held = number(question.asked.held_values(found).tolist())
    for literal in smallest.cube:
        larger = tuple(other for other in smallest.cube if other != literal)
        assert not question.silent(question.members(larger), held)


@given(st.data(), questions())
@settings(max_examples=80, deadline=None)
def test_one_state_under_given_constants(data: st.DataObject, question: Question) -> None:
    """Inputs that stay arbitrary are 0 here, so one run decides."""
    network = question.environment.model.network
    held = data.draw(st.sampled_from([None, *question.explicit.constants()]))
    constants: NDArray[np.uint8] | None = None if held is None else np.array(bits(held, network.input_count), np.uint8)
    for state in question.explicit.states:
        found = question.asked.is_dead(np.array(bits(state, network.latch_count), np.bool_), constants)
        expected, at = True, state
        for cycle in range(question.frames):
            row = question.explicit.recovery(cycle, held or 0)[0]
            expected &= not any(question.explicit.holds(goal, at, row) for goal in question.goals)
            at = question.explicit.next(at, row)
        assert (found is not None) == expected
        if found is not None:
            question.check(found)


@given(st.data(), questions())
@settings(max_examples=80, deadline=None)
def test_with_something_in_the_first_cycle(data: st.DataObject, question: Question) -> None:
    network = question.environment.model.network
    literal = data.draw(st.integers(0, 2 * network.variable_count - 1))
    found, left = question.asked.find_with(literal), question.dead(literal)
    assert (found is None) == (not left)
    if found is not None:
        assert number(found.state) in left


@given(st.data(), questions(opens=False))
@settings(max_examples=80, deadline=None)
def test_where_a_dead_state_leads(data: st.DataObject, question: Question) -> None:
    """The last frame is ``frames - 1`` cycles after the first."""
    found = question.asked.find()
    if found is None:
        return
    held = number(question.asked.held_values(found).tolist())
    settled = some_cube(data, question)
    cube = question.asked.leads_to(found, settled)

    def end(state: int, constants: int) -> int:
        for cycle in range(question.frames - 1):
            (row,) = question.explicit.recovery(cycle, constants)
            state = question.explicit.next(state, row)
        return state

    # Held inputs that make no difference to the goals are not part of what was found, so they may have any value.
    ends = [inside(end(number(found.state), constants), settled) for constants in question.explicit.constants()]
    if cube is None:
        assert not all(ends)
    else:
        assert inside(number(found.state), cube)
        assert all(inside(end(state, held), settled) for state in question.members(cube))


@given(questions(opens=False))
@settings(max_examples=80, deadline=None)
def test_the_constants_that_matter(question: Question) -> None:
    found = question.asked.find()
    if found is None:
        return
    found = question.asked.minimise(found)
    needed = question.asked.held_needed(found)
    values = question.asked.held_values(found).tolist()
    assert all(values[index] == value for index, value in needed)
    assert all(question.environment.stimulus[0, index] == HELD for index, _ in needed)
    states = question.members(found.cube)

    def always(pairs: list[tuple[int, int]]) -> bool:
        agreeing = [held for held in question.explicit.constants() if all(held >> i & 1 == v for i, v in pairs)]
        return all(question.silent(states, held) for held in agreeing)

    assert always(needed)
    for pair in needed:
        assert not always([other for other in needed if other != pair])


def lock(*, opens: bool = False) -> Environment:
    """q0: kill, set by input 0 and staying; q1: beat, toggling unless killed. Input 1 held high kills the beat too."""
    circuit = Circuit(2, 2)
    kill, beat = circuit.latch(0), circuit.latch(1)
    nexts = [circuit.any_of((kill, circuit.input(0))), circuit.all_of((kill ^ 1, beat ^ 1, circuit.input(1) ^ 1))]
    return environment_of(circuit.network(nexts), {"service a": beat}, [[0, OPEN if opens else HELD]])


def test_a_lock_by_hand() -> None:
    question = Recoverability(lock(), [lock().services["a"]], 4)
    found = question.is_dead(np.array([True, False]))
    assert found is not None
    assert question.minimise(found).cube == (0, 3)
    assert question.is_dead(np.array([False, False])) is None
    stuck = question.is_dead(np.array([False, False]), np.array([0, 1], np.uint8))
    assert stuck is not None
    assert question.held_needed(stuck) == [(1, 1)]
    assert question.held_values(stuck).tolist() == [0, 1]
    question.exclude([(3,)])
    assert question.find() is None


def test_a_goal_seen_late_after_a_literal() -> None:
    """From a killed state the beat may still be 1 in the first cycle, never in the second half of the frames."""
    environment = lock(opens=True)
    circuit = environment.model.network
    kill = 2 * (1 + circuit.input_count)
    question = Recoverability(environment, [environment.services["a"]], 4)
    assert not question.serves_with(kill)
    assert question.serves_with(kill ^ 1)
    assert question.find_with(kill) is not None
    question.exclude([(0,)])
    assert question.find_with(kill) is None
    assert question.find_with(kill ^ 1) is not None, "the input left open can hold the beat down"


@pytest.mark.parametrize("common", [0, 1])
def test_the_common_value_is_kept_where_there_is_a_choice(common: int) -> None:
    """Either of two latches silences the service; the literal that holds more rarely is dropped."""
    circuit = Circuit(0, 2)
    service = circuit.all_of((circuit.latch(0) ^ 1, circuit.latch(1) ^ 1))
    environment = environment_of(circuit.network([circuit.latch(0), circuit.latch(1)]), {"service a": service}, [[]])
    rarity = np.full(4, 0.5)
    rarity[2 * (1 - common)] = 0.9
    question = Recoverability(environment, [service], 3, rarity)
    found = DeadState(np.array([True, True]), (0, 2), ())
    assert question.minimise(found).cube == (2 * common,)
