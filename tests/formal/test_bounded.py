"""The shortest run is as long as breadth-first search says, and leads there whatever the inputs said not to matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.formal import bounded
from sandgrain.formal.bounded import DOES_NOT_MATTER, Run, Search, SearchCrashed, search
from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube
from sandgrain.logic.sat import GraphSolver
from tests.logic.networks import Circuit, Explicit, bits, choices, environment_of, inside, small_environments


class Collected:
    """The end of a pipe that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, message: Any) -> None:
        self.messages.append(message)


def search_here(environment: Environment, start: int, cubes: Sequence[Cube], max_depth: int) -> Search:
    """The search without the process around it."""
    pipe = Collected()
    state = np.array(bits(start, environment.model.network.latch_count), np.bool_)
    bounded._search(pipe, environment, state, list(cubes), max_depth)  # type: ignore[arg-type]
    *depths, result = pipe.messages
    assert depths == list(range(1, len(depths) + 1))
    return Search(result, len(depths))


def allowed(environment: Environment) -> list[int]:
    """Inputs of operation; those nothing defines are 0."""
    return choices(np.where(environment.model.free_inputs, 0, environment.reset_released))


def distances(explicit: Explicit, start: int, rows: list[int]) -> dict[int, int]:
    """Cycles from ``start`` to every state that can be reached from there."""
    found = {start: 0}
    layer = {start}
    while layer:
        layer = explicit.image(layer, rows) - found.keys()
        distance = max(found.values()) + 1
        found.update(dict.fromkeys(layer, distance))
    return found


def check_run(explicit: Explicit, start: int, run: Run, cube: Cube) -> None:
    """Every completion of the inputs ends in ``cube``, and inputs with a fixed value have it."""
    environment = explicit.environment
    states = {start}
    for row in run.inputs:
        fixed = np.where(environment.model.free_inputs, 0, environment.reset_released)
        assert (row[fixed < 2] == fixed[fixed < 2]).all()
        states = explicit.image(states, choices(row))
    assert all(inside(state, cube) for state in states)


@given(st.data(), small_environments())
@settings(max_examples=80, deadline=None)
def test_distance_is_that_of_breadth_first_search(data: st.DataObject, environment: Environment) -> None:
    explicit = Explicit(environment)
    latches = environment.model.network.latch_count
    start = data.draw(st.sampled_from(explicit.states))
    literals = st.dictionaries(st.integers(0, latches - 1), st.booleans(), min_size=1)
    cubes = [
        tuple(sorted(2 * latch + int(negated) for latch, negated in chosen.items()))
        for chosen in data.draw(st.lists(literals, min_size=1, max_size=3))
    ]
    reached = distances(explicit, start, allowed(environment))
    nearest = [min((d for state, d in reached.items() if inside(state, cube)), default=99) for cube in cubes]
    found = search_here(environment, start, cubes, max_depth=8)
    if min(nearest) > 8:
        assert found == Search(None, 9)
        return
    assert found.run is not None
    assert found.depth == len(found.run.inputs) == min(nearest)
    assert nearest[found.run.target] == min(nearest)
    check_run(explicit, start, found.run, cubes[found.run.target])


def door() -> Environment:
    """Latch 0 by input 0, then latch 1 by input 1 without input 0; input 2 does nothing, input 3 is undefined."""
    circuit = Circuit(4, 2)
    first = circuit.any_of((circuit.input(0), circuit.input(3)))
    second = circuit.all_of((circuit.latch(0), circuit.input(1), circuit.input(0) ^ 1))
    network = circuit.network([first, circuit.any_of((second, circuit.latch(1)))], free=[3])
    return environment_of(network, {"service a": circuit.latch(1) ^ 1}, [[0, 0, 0, 2]])


CLOSED = np.zeros(2, np.bool_)


def test_in_a_process_of_its_own() -> None:
    seen: list[int] = []
    found = search(door(), CLOSED, [(0, 2, 3), (2,)], seconds=60, max_depth=10, tick=seen.append)
    assert found.run is not None
    assert (found.depth, found.run.target, seen) == (2, 1, [1, 2])
    free = DOES_NOT_MATTER
    assert found.run.inputs.tolist() == [[1, free, free, 0], [0, 1, free, 0]]
    check_run(Explicit(door()), 0, found.run, (2,))


class Generous(GraphSolver):
    """A solver whose cores are all of the assumptions: true, and of no help."""

    def solve(self, assumptions: Sequence[int] = ()) -> bool:
        self.asked = {*assumptions}
        return super().solve(assumptions)

    def core(self) -> set[int]:
        return self.asked


def test_what_does_not_matter_is_found_without_small_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "GraphSolver", Generous)
    found = search_here(door(), 0, [(2,)], max_depth=5)
    assert found.run is not None
    free = DOES_NOT_MATTER
    assert found.run.inputs.tolist() == [[1, free, free, 0], [0, 1, free, 0]]


def test_one_cycle_too_few() -> None:
    assert search(door(), CLOSED, [(2,)], seconds=60, max_depth=1) == Search(None, 2)


def test_already_there() -> None:
    found = search_here(door(), 2, [(0,), (2,)], max_depth=5)
    assert found.run is not None
    assert (found.depth, found.run.target, found.run.inputs.size) == (0, 1, 0)


def test_what_is_undefined_opens_nothing() -> None:
    """Input 3 alone would set latch 0; nothing defines it, so it is 0 in a concrete run."""
    circuit = Circuit(1, 1)
    network = circuit.network([circuit.input(0)], free=[0])
    undefined = environment_of(network, {"service a": 1}, [[2]])
    assert search_here(undefined, 0, [(0,)], max_depth=3) == Search(None, 4)
    defined = environment_of(circuit.network([circuit.input(0)]), {"service a": 1}, [[2]])
    assert search_here(defined, 0, [(0,)], max_depth=3).depth == 1


def test_no_time_is_no_answer() -> None:
    assert search(door(), CLOSED, [(2,)], seconds=0, max_depth=10) == Search(None, 0)


def test_a_crash_is_not_taken_for_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SearchCrashed, match="ended by itself at depth 0"):
        search(door(), CLOSED, [(200,)], seconds=60, max_depth=10)
    assert "IndexError" in capfd.readouterr().err


def test_runs_follow_each_other() -> None:
    one, two = Run(np.array([[0], [1]], np.uint8), 0), Run(np.array([[2]], np.uint8), 3)
    empty = Run(np.empty((0, 0), np.uint8), 1)
    joined = one.then(two)
    assert (joined.inputs.tolist(), joined.target) == ([[0], [1], [2]], 3)
    assert (one.then(empty).inputs.tolist(), one.then(empty).target) == ([[0], [1]], 1)
    assert empty.then(one).inputs.tolist() == [[0], [1]]
    assert empty.then(empty).inputs.size == 0
