"""Ways into a declared state: found exactly where there are some, by looking at every state and input."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.formal.environment import Environment
from sandgrain.formal.only_after import OnlyAfter, holds_after_reset
from tests.logic.networks import Explicit, inside, number, small_environments


@st.composite
def declared_environments(draw: st.DrawFn) -> Environment:
    """A random environment with a declared state and a trigger that are any two of its literals."""
    environment = draw(small_environments())
    literal = st.integers(0, 2 * environment.model.network.variable_count - 1)
    outputs = {**environment.model.outputs, "declared d": draw(literal), "trigger d": draw(literal)}
    return replace(environment, model=replace(environment.model, outputs=outputs))


def ways_in(explicit: Explicit, states: set[int], declared: int, trigger: int) -> set[int]:
    """The states of ``states`` from which a step without the trigger goes into the declared state."""
    return {
        state
        for state in states
        for first in explicit.operation
        if not explicit.holds(declared, state, first) and not explicit.holds(trigger, state, first)
        if any(explicit.holds(declared, explicit.next(state, first), second) for second in explicit.operation)
    }


@given(declared_environments())
@settings(max_examples=80, deadline=None)
def test_every_way_in_is_found_and_no_other(environment: Environment) -> None:
    explicit = Explicit(environment)
    declared, trigger = (environment.model.outputs[name] for name in ("declared d", "trigger d"))
    expected = ways_in(explicit, set(explicit.states), declared, trigger)
    question = OnlyAfter(environment, "d", [])
    found: set[int] = set()
    while (entry := question.find()) is not None:
        members = {state for state in explicit.states if inside(state, entry.cube)}
        assert members
        assert members <= expected
        first, second = (number(row.tolist()) for row in entry.inputs)
        for state in members:
            assert not explicit.holds(declared, state, first)
            assert not explicit.holds(trigger, state, first)
            assert explicit.holds(declared, explicit.next(state, first), second)
        found |= members
        question.exclude([entry.cube])
    assert found == expected


@given(declared_environments())
@settings(max_examples=40, deadline=None)
def test_active_right_after_reset(environment: Environment) -> None:
    explicit = Explicit(environment)
    declared = environment.model.outputs["declared d"]
    expected = any(
        explicit.holds(declared, state, row) for state in explicit.after_reset() for row in explicit.operation
    )
    assert holds_after_reset(environment, "d") == expected


@given(declared_environments(), st.integers(0, 31))
@settings(max_examples=30, deadline=None)
def test_excluded_states_are_left_out(environment: Environment, state: int) -> None:
    latches = environment.model.network.latch_count
    cube = tuple(2 * latch + 1 - (state >> latch & 1) for latch in range(latches))
    question = OnlyAfter(environment, "d", [cube])
    entry = question.find()
    if entry is not None:
        assert not set(entry.cube) <= set(cube) or len(entry.cube) < latches
