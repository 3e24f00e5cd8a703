"""What three-valued simulation calls silent is silent, judged by looking at every state and every input."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube
from sandgrain.formal.recoverability import Recoverability
from sandgrain.formal.silence import UNKNOWN, Silence
from tests.logic.networks import Explicit, inside, small_environments

FRAMES = 4


def silence_of(environment: Environment, explained: list[Cube]) -> Silence:
    rows = np.full((FRAMES, environment.model.network.input_count), UNKNOWN, np.uint8)
    for cycle, row in enumerate(rows):
        stimulus = environment.stimulus[cycle % len(environment.stimulus)]
        row[:] = np.where(stimulus < 2, stimulus, UNKNOWN)
    goals = np.array(list(environment.services.values()), np.uint32)
    return Silence(environment.model.network, goals, rows, explained)


def cubes(environment: Environment) -> st.SearchStrategy[Cube]:
    count = environment.model.network.latch_count
    literals = st.dictionaries(st.integers(0, count - 1), st.integers(0, 1), max_size=count)
    return literals.map(lambda chosen: tuple(sorted(2 * latch + bit for latch, bit in chosen.items())))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), environment=small_environments())
def test_certain_is_true_of_every_state(data: st.DataObject, environment: Environment) -> None:
    cube = data.draw(cubes(environment))
    explained = data.draw(st.lists(cubes(environment).filter(bool), max_size=2))
    silence = silence_of(environment, explained)
    if not silence.certain(cube):
        return
    explicit = Explicit(environment)
    goals = list(environment.services.values())
    states = [state for state in explicit.states if inside(state, cube)]
    for state in states:
        for held in explicit.constants():
            assert explicit.silent([state], held, FRAMES, goals, explained=explained)
    smaller = silence.smaller(cube)
    assert set(smaller) <= set(cube) and silence.certain(smaller)
    assert all(not silence.certain([other for other in smaller if other != literal]) for literal in smaller)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), environment=small_environments())
def test_a_reason_is_taken_only_where_it_holds_and_suffices(data: st.DataObject, environment: Environment) -> None:
    goals = list(environment.services.values())
    question = Recoverability(environment, goals, FRAMES)
    because = data.draw(cubes(environment))
    count = environment.model.network.latch_count
    state = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), np.bool_)
    dead = question.is_dead(state, because=because)
    assert (dead is None) == (question.is_dead(state) is None)
    if dead is not None:
        assert all(state[literal >> 1] != bool(literal & 1) for literal in dead.cube)
