"""Declared means *only if*: a declared state is entered in no other way than its documented trigger.

The manifest gives the trigger as an expression that holds in the cycle before the state is entered. A step into the
state without it, from a state the invariant allows, is either impossible, or starts in states that are then shown
unreachable, or is a way in that nobody declared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import TRIGGER, Environment
from sandgrain.formal.reachability import Cube
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.sat import GraphSolver


@dataclass(frozen=True)
class Entry:
    """A step into the declared state without its trigger.

    Attributes:
        cube: the states it starts in, for these inputs.
        inputs: uint8 (2, inputs), of the step and of the cycle that follows it.
    """

    cube: Cube
    inputs: NDArray[np.uint8]


class OnlyAfter:
    """The question for one declared function that has its trigger as an expression."""

    def __init__(self, environment: Environment, name: str, invariant: Iterable[Cube]) -> None:
        network = environment.model.network
        declared = environment.declared[name]
        trigger = environment.model.outputs[TRIGGER + name]
        graph = Graph(4 * network.variable_count)
        self._state = graph.free(network.latch_count)
        self._inputs = [environment.operation_inputs(graph) for _ in range(2)]
        values = graph.frame(network, self._inputs[0], self._state)
        later = graph.frame(network, self._inputs[1], literal_values(values, network.latch_next))
        outside, without, inside = (
            int(frame[literal >> 1]) ^ (literal & 1)
            for frame, literal in ((values, declared ^ 1), (values, trigger ^ 1), (later, declared))
        )
        self._entered = graph.all_of((outside, without, inside))
        self._solver = GraphSolver(graph)
        self._solver.require((*self._state.tolist(), self._entered))
        self.exclude(invariant)

    def exclude(self, cubes: Iterable[Cube]) -> None:
        """Leave steps that start in these states out."""
        for cube in cubes:
            self._solver.add_clause([int(self._state[literal >> 1]) ^ (literal & 1) ^ 1 for literal in cube])

    def find(self) -> Entry | None:
        """A step into the state without its trigger, from a state not excluded; None when there is none."""
        if not self._solver.solve([self._entered]):
            return None
        state = self._solver.model(self._state)
        driven = np.concatenate(self._inputs)
        values = self._solver.model(driven)
        inputs = [int(at) ^ int(not value) for at, value in zip(driven, values, strict=True) if at > 1]
        at = {
            int(literal) ^ int(not value): index
            for index, (literal, value) in enumerate(zip(self._state, state, strict=True))
        }
        if self._solver.solve([self._entered ^ 1, *inputs, *at]):
            raise AssertionError("a deterministic step cannot miss its own successor")
        core = self._solver.core()
        cube = tuple(sorted(2 * at[literal] + int(not state[at[literal]]) for literal in core if literal in at))
        return Entry(cube, values.reshape(2, -1).astype(np.uint8))


def holds_after_reset(environment: Environment, name: str) -> bool:
    """Whether the declared state may hold as soon as reset ends: then it was entered without any trigger."""
    network = environment.model.network
    graph = Graph(4 * network.variable_count)
    state = environment.initial_state(graph)
    for _ in range(environment.reset_cycles):
        state = literal_values(graph.frame(network, environment.reset_inputs(graph), state), network.latch_next)
    values = graph.frame(network, environment.operation_inputs(graph), state)
    literal = environment.declared[name]
    with GraphSolver(graph) as solver:
        return solver.solve([int(values[literal >> 1]) ^ (literal & 1)])
