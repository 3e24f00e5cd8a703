"""From any state, does the recovery stimulus bring the service back within k cycles? The states from which it does not.

The design is unrolled ``k`` times from a free initial state under the recovery stimulus. A *dead* state is one from
which no frame shows a goal; goals are the service and the declared stops. Dead states are generalised to cubes by
unsatisfiable cores: every state of a dead cube is dead, for the values of held and undefined inputs it was found with.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.allowance import Allowance
from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube
from sandgrain.formal.silence import UNKNOWN, Silence
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals
from sandgrain.logic.sat import GraphSolver

_EFFORT: Final = 2_000
"""Conflicts for the question whether a literal of a cube, or an input, can be done without."""
_MINIMISE_SECONDS: Final = 20.0
"""Processor time for all such questions about one cube."""


@dataclass(frozen=True)
class DeadState:
    """A state from which no goal is reached, for certain values of the inputs the stimulus leaves open.

    Attributes:
        state: bool (latches,).
        cube: latch literals that suffice, given the same open inputs.
        open_inputs: those values, as assumptions on the unrolling; opaque to the caller.
    """

    state: NDArray[np.bool_]
    cube: Cube
    open_inputs: tuple[int, ...]


class Recoverability:
    """The unrolled question for one service (or all): a pool of dead states that shrinks as they are explained."""

    def __init__(
        self,
        environment: Environment,
        goals: Sequence[int],
        frames: int,
        rarity: NDArray[np.float64] | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        """Unroll.

        Args:
            environment: the design and its recovery stimulus.
            goals: network literals, any of which ends the search (service or declared stop).
            frames: cycles of recovery stimulus, k.
            rarity: float64 (2 * latches,), how rarely each latch literal holds in known reachable states; cubes are
                made of common values where there is a choice, since a rare one may only say that they are unreachable.
            allowance: when questions raise `LimitExceeded`.
        """
        network = environment.model.network
        self.frames = frames
        self._rarity = np.zeros(2 * network.latch_count) if rarity is None else rarity
        self.graph = graph = Graph(network.variable_count + frames * network.and_count // 2)
        self.state = graph.free(network.latch_count)
        held = environment.held(graph)
        goal_array = np.array(goals, np.uint32)
        self._held = held
        state, reached, states, opens = self.state, [], [], [held[held > 1]]
        self._network, self._goal_array = network, goal_array
        self._inputs: list[Literals] = []
        self._explained: list[Cube] = []
        for cycle in range(frames):
            inputs = environment.recovery_inputs(graph, cycle, held)
            row = environment.stimulus[cycle % len(environment.stimulus)]
            opens.append(inputs[row == 2])
            self._inputs.append(inputs)
            values = graph.frame(network, inputs, state)
            if cycle == 0:
                self._first = values
            reached.extend(literal_values(values, goal_array).tolist())
            states.append(state)
            state = literal_values(values, network.latch_next)
        self._states = states
        self._open = np.concatenate(opens) if opens else np.empty(0, np.uint32)
        self._solver = GraphSolver(graph, allowance=allowance)
        self._never = int(graph.free(1)[0])
        self._goals = [literal for literal in reached if literal != 0]
        self._late = [literal for literal in reached[len(reached) // 2 :] if literal != 0]
        for literal in self._goals:
            self._solver.add_clause((self._never ^ 1, literal ^ 1))
        self._renew()

    def _renew(self) -> None:
        """A fresh switch for "some goal is reached", after the goals have changed."""
        self._ever = int(self.graph.free(1)[0])
        self._solver.add_clause([self._ever ^ 1, *self._goals])

    def exclude(self, cubes: Iterable[Cube]) -> None:
        """Leave these initial states out of the search."""
        for cube in cubes:
            self._solver.add_clause([self._at(literal) ^ 1 for literal in cube])

    def add_goal(self, cube: Cube) -> None:
        """Count coming into ``cube`` as explained: states that only lead there are no longer asked about."""
        self._explained.append(cube)
        for state in self._states:
            inside = self.graph.all_of(int(state[literal >> 1]) ^ (literal & 1) for literal in cube)
            if inside == 0:
                continue
            self._goals.append(inside)
            self._solver.add_clause((self._never ^ 1, inside ^ 1))
        self._renew()

    def find(self) -> DeadState | None:
        """Some dead state not yet excluded, or None if there is none: the search is complete."""
        return self._find([self._never])

    def _find(self, assumptions: list[int]) -> DeadState | None:
        if not self._solver.solve(assumptions):
            return None
        state = self._solver.model(self.state)
        known = self._solver.knows(self._open)
        values = self._solver.model(self._open[known])
        opens = tuple(int(at) ^ int(not value) for at, value in zip(self._open[known].tolist(), values, strict=True))
        cube = self._core(self._literals(state), opens)
        if cube is None:
            raise AssertionError("a dead state cannot reach a goal")
        return DeadState(state, cube, opens)

    def find_with(self, literal: int) -> DeadState | None:
        """Some dead state in whose first cycle the network literal ``literal`` holds, or None."""
        return self._find([self._never, self._in_first(literal)])

    def serves_with(self, literal: int) -> bool:
        """Whether a service is given in the later half of the frames after a first cycle in which ``literal`` holds.

        A service already under way when a stop sets in may still end in the first few cycles.
        """
        late = self.graph.any_of(self._late)
        return self._solver.solve([late, self._in_first(literal)])

    def leads_to(self, dead: DeadState, settled: Cube) -> Cube | None:
        """The part of ``dead`` from which the last frame is certain to be in ``settled``, or None if it is not."""
        inside = self.graph.all_of(int(self._states[-1][lit >> 1]) ^ (lit & 1) for lit in settled)
        at = {self._at(literal): literal for literal in self._literals(dead.state)}
        if self._solver.solve([inside ^ 1, *dead.open_inputs, *at]):
            return None
        core = self._solver.core()
        return tuple(sorted(literal for graph_literal, literal in at.items() if graph_literal in core))

    def is_open(self, cube: Cube) -> bool:
        """Whether some dead state in ``cube`` has not been excluded or explained yet."""
        return self._solver.solve([self._never, *(self._at(literal) for literal in cube)])

    def held_values(self, dead: DeadState) -> NDArray[np.uint8]:
        """The constants on the held inputs with which the state is dead: uint8 (inputs,), 0 elsewhere."""
        true = set(dead.open_inputs)
        return np.array([int(at) > 1 and int(at) in true for at in self._held.tolist()], np.uint8)

    def held_needed(self, dead: DeadState) -> list[tuple[int, int]]:
        """The held inputs without whose values ``dead`` would not be dead: (index, value) pairs."""
        index = {int(at): i for i, at in enumerate(self._held.tolist()) if at > 1}
        free = [at for at in dead.open_inputs if at & ~1 not in index]
        needed = [at for at in dead.open_inputs if at & ~1 in index]
        cube = [self._at(literal) for literal in dead.cube]
        for at in list(needed):
            trial = [other for other in needed if other != at]
            if self._solver.solve_within([self._ever, *free, *trial, *cube], _EFFORT) is False:
                needed = trial
        return [(index[at & ~1], 1 - (at & 1)) for at in needed]

    def _in_first(self, literal: int) -> int:
        return int(self._first[literal >> 1]) ^ (literal & 1)

    def is_dead(
        self, state: NDArray[np.bool_], held: NDArray[np.uint8] | None = None, because: Cube = ()
    ) -> DeadState | None:
        """``state`` as a dead state if it is one, else None.

        Args:
            state: bool (latches,).
            held: uint8 (inputs,), the constants on the held inputs; all open inputs that are not held are 0.
            because: literals that may suffice, if they hold in it.
        """
        ones = set() if held is None else set(self._held[(held == 1) & (self._held > 1)].tolist())
        opens = tuple(at ^ int(at not in ones) for at in self._open[self._solver.knows(self._open)].tolist())
        holds = all(state[literal >> 1] != bool(literal & 1) for literal in because)
        if because and holds and self._silence(opens).certain(because):
            return DeadState(state, because, opens)
        cube = self._core(self._literals(state), opens)
        return None if cube is None else DeadState(state, cube, opens)

    def minimise(self, dead: DeadState) -> DeadState:
        """A dead state with a cube none of whose literals can be dropped, as far as that is quickly decided."""
        cube = sorted(dead.cube, key=lambda literal: (-self._rarity[literal], literal))
        position = 0
        deadline = time.thread_time() + _MINIMISE_SECONDS
        while position < len(cube) and time.thread_time() < deadline:
            trial = cube[:position] + cube[position + 1 :]
            shorter = self._core(trial, dead.open_inputs, _EFFORT)
            if shorter is None:
                position += 1
            else:
                keep = set(shorter)
                cube = [literal for literal in trial if literal in keep]
        if position < len(cube):
            silence = self._silence(dead.open_inputs)
            cube = list(silence.smaller(cube)) if silence.certain(cube) else cube
        return DeadState(dead.state, tuple(sorted(cube)), dead.open_inputs)

    def _silence(self, opens: tuple[int, ...]) -> Silence:
        """Three-valued simulation of the frames, for these values of the inputs that the stimulus leaves open."""
        true = set(opens)
        rows = np.full((self.frames, self._network.input_count), UNKNOWN, np.uint8)
        for row, inputs in zip(rows, self._inputs, strict=True):
            for index, literal in enumerate(inputs.tolist()):
                if literal <= 1 or literal in true or literal ^ 1 in true:
                    row[index] = literal if literal <= 1 else int(literal in true)
        return Silence(self._network, self._goal_array, rows, self._explained)

    def _core(self, literals: Sequence[int], opens: tuple[int, ...], conflicts: int | None = None) -> Cube | None:
        """Those of the literals that suffice for a dead state; None if all do not, or that takes more conflicts."""
        at = {self._at(literal): literal for literal in literals}
        asked = [self._ever, *opens, *at]
        answer = self._solver.solve(asked) if conflicts is None else self._solver.solve_within(asked, conflicts)
        if answer is not False:
            return None
        core = self._solver.core()
        return tuple(sorted(literal for graph_literal, literal in at.items() if graph_literal in core))

    @staticmethod
    def _literals(state: NDArray[np.bool_]) -> list[int]:
        return [2 * index + int(not value) for index, value in enumerate(state.tolist())]

    def _at(self, literal: int) -> int:
        return int(self.state[literal >> 1]) ^ (literal & 1)
