"""Can a cube of states be reached in operation? Property-directed reachability over one persistent set of frames.

After A. R. Bradley, *SAT-based model checking without unrolling*, VMCAI 2011, and N. Een, A. Mishchenko and R. Brayton,
*Efficient implementation of property directed reachability*, FMCAD 2011. Frame ``i`` over-approximates the states
reachable within ``i`` cycles after reset; its clauses are kept from one cube to the next, and a clause that is
inductive moves to the last frame, the proved invariant.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals
from sandgrain.logic.sat import GraphSolver

Cube = tuple[int, ...]
"""A conjunction of latch literals ``2 * latch + negated``, ascending: ``2 * i`` says latch ``i`` is 1."""


class Reached(Enum):
    """The answer about one cube."""

    NEVER = auto()
    """No reachable state is in the cube: an inductive invariant excludes it."""
    PERHAPS = auto()
    """A chain of states leads from reset into the cube; to be confirmed from a concrete power-up."""
    UNKNOWN = auto()
    """The budget ran out."""


@dataclass(frozen=True)
class Answer:
    """Whether a cube is reachable, and after how many cycles of operation if it seems to be."""

    reached: Reached
    cycles: int | None = None


class _Reset:
    """The states right after reset, exactly: every power-up, every input while reset is asserted."""

    def __init__(self, environment: Environment, then: int) -> None:
        network = environment.model.network
        graph = Graph(4 * network.variable_count)
        state = environment.initial_state(graph)
        for _ in range(environment.reset_cycles):
            state = literal_values(graph.frame(network, environment.reset_inputs(graph), state), network.latch_next)
        for _ in range(then):
            state = literal_values(graph.frame(network, environment.operation_inputs(graph), state), network.latch_next)
        self._state = state
        self._solver = GraphSolver(graph)

    def meets(self, cube: Iterable[int]) -> bool:
        """Whether some of these states is in ``cube``."""
        return self._solver.solve([_at(self._state, literal) for literal in cube])


class Reachability:
    """Answers reachability questions about one environment, learning invariant clauses as it goes.

    Attributes:
        invariant: cubes proved unreachable, by themselves inductive together.
    """

    def __init__(self, environment: Environment) -> None:
        network = environment.model.network
        self._network = network
        self._reset, self._first = _Reset(environment, 0), _Reset(environment, 1)
        self._graph = Graph(4 * network.variable_count)
        self._before = self._graph.free(network.latch_count)
        self._inputs = environment.operation_inputs(self._graph)
        self._after = literal_values(self._graph.frame(network, self._inputs, self._before), network.latch_next)
        self._solver = GraphSolver(self._graph)
        self._solver.require(self._after.tolist())
        self._index = {int(literal): index for index, literal in enumerate(self._before.tolist())}
        self._levels: list[int] = [0]
        """Activation literal of each frame's own clauses; frame ``i`` holds those of every level >= ``i``."""
        self._frames: list[set[Cube]] = [set()]
        self.invariant: list[Cube] = []
        self.queries = 0

    def assume_proved(self, cubes: Iterable[Cube]) -> None:
        """Take in cubes already proved unreachable by an inductive invariant."""
        for cube in cubes:
            self._prove(tuple(sorted(set(cube))))

    def ask(self, cube: Cube, *, seconds: float, frames: int = 40) -> Answer:
        """Whether ``cube`` can be reached after reset.

        Args:
            cube: the states asked about.
            seconds: budget in processor time of this thread, so that the answer does not depend on what else runs.
            frames: most frames to open.
        """
        deadline = time.thread_time() + seconds
        if self._reset.meets(cube):
            return Answer(Reached.PERHAPS, 0)
        learned = len(self.invariant)
        for depth in itertools.count(1):
            while len(self._frames) <= depth:
                self._open_frame()
            cycles = self._block(cube, depth, deadline)
            if cycles == _TIMEOUT:
                return Answer(Reached.UNKNOWN)
            if cycles is not None:
                return Answer(Reached.PERHAPS, cycles)
            self._propagate(depth, deadline)
            if self._excluded(cube, learned):
                return Answer(Reached.NEVER)
            if depth >= frames or time.thread_time() > deadline:
                return Answer(Reached.UNKNOWN)
        raise AssertionError("unreachable: the loop returns")

    def step_into(self, cube: Cube, avoid: Iterable[Cube] = ()) -> Cube | None:
        """States one cycle before ``cube``, generalised from one outside it; None if nothing outside leads there.

        One where none of its literals holds is preferred: it says most about the way. Before that, one in none of
        ``avoid`` is.
        """
        inside = [_at(self._after, literal) for literal in cube]
        apart = [_at(self._before, literal) ^ 1 for literal in cube]
        outside, elsewhere = (int(literal) for literal in self._graph.free(2))
        self._solver.add_clause([outside ^ 1, *apart])
        for other in avoid:
            self._solver.add_clause([elsewhere ^ 1, *(_at(self._before, literal) ^ 1 for literal in other)])
        ways = ([elsewhere, *apart], [elsewhere, outside], apart, [outside])
        if not any(self._solver.solve([*way, *inside]) for way in ways):
            return None
        return self._predecessor(self._solver.model(self._before), self._solver.model(self._inputs), cube)

    def _excluded(self, cube: Cube, since: int) -> bool:
        """Whether a clause of the invariant excludes ``cube``."""
        literals = set(cube)
        if any(literals.issuperset(other) for other in self.invariant[since:]):
            return True
        return not self._solver.solve([_at(self._before, literal) for literal in cube])

    def _open_frame(self) -> None:
        self._levels.append(int(self._graph.free(1)[0]))
        self._frames.append(set())

    def _prove(self, cube: Cube) -> None:
        self.invariant.append(cube)
        self._solver.add_clause([_at(self._before, literal) ^ 1 for literal in cube])

    def _block(self, cube: Cube, depth: int, deadline: float) -> int | None:
        """Block ``cube`` at ``depth``: None when blocked, the length of a chain from reset, or ``_TIMEOUT``."""
        ticket = itertools.count()
        queue: list[tuple[int, int, Cube, int]] = [(depth, next(ticket), cube, 0)]
        while queue:
            if time.thread_time() > deadline:
                return _TIMEOUT
            level, _, target, distance = heapq.heappop(queue)
            if self._blocked(target, level):
                continue
            if level == 1:
                if self._first.meets(target):
                    return distance + 1
                self._learn(self._generalise(target, 1), 1)
                continue
            core, predecessor = self._relative(target, level - 1, find=True)
            if predecessor is not None:
                if self._reset.meets(predecessor):
                    return distance + 1
                heapq.heappush(queue, (level - 1, next(ticket), predecessor, distance + 1))
                heapq.heappush(queue, (level, next(ticket), target, distance))
                continue
            lemma = self._generalise(self._keep_off_reset(core, target), level)
            while level < depth and self._inductive(lemma, level):
                level += 1
            self._learn(lemma, level)
            if level < depth:
                heapq.heappush(queue, (level + 1, next(ticket), target, distance))
        return None

    def _blocked(self, cube: Cube, level: int) -> bool:
        literals = set(cube)
        return any(literals.issuperset(other) for frame in self._frames[level:] for other in frame)

    def _assumptions(self, level: int) -> list[int]:
        return self._levels[max(level, 1) :]

    def _relative(self, cube: Cube, level: int, *, find: bool = False) -> tuple[Cube, Cube | None]:
        """Is ``cube`` unreachable in one step from frame ``level`` minus the cube? (core, None) or ((), predecessor).

        The predecessor is only computed when ``find``; otherwise it is some placeholder.
        """
        self.queries += 1
        outside = int(self._graph.free(1)[0])
        self._solver.add_clause([outside ^ 1, *(_at(self._before, literal) ^ 1 for literal in cube)])
        follows = {_at(self._after, literal): literal for literal in cube}
        if self._solver.solve([outside, *self._assumptions(level), *follows]):
            predecessor: Cube = ()
            if find:
                predecessor = self._predecessor(
                    self._solver.model(self._before), self._solver.model(self._inputs), cube
                )
            self._solver.add_clause([outside ^ 1])
            return (), predecessor
        core = self._solver.core()
        self._solver.add_clause([outside ^ 1])
        return tuple(literal for at, literal in follows.items() if at in core), None

    def _predecessor(self, state: NDArray[np.bool_], inputs: NDArray[np.bool_], cube: Cube) -> Cube:
        """The part of ``state`` that, under ``inputs``, suffices to go into ``cube``."""
        misses = int(self._graph.free(1)[0])
        self._solver.add_clause([misses ^ 1, *(_at(self._after, literal) ^ 1 for literal in cube)])
        values = [int(at) ^ int(not value) for at, value in zip(self._before, state, strict=True)]
        driven = [int(at) ^ int(not value) for at, value in zip(self._inputs, inputs, strict=True) if at > 1]
        if self._solver.solve([misses, *driven, *values]):
            raise AssertionError("a deterministic step cannot miss its own successor")
        core = self._solver.core()
        self._solver.add_clause([misses ^ 1])
        return tuple(sorted(2 * self._index[at & ~1] + (at & 1) for at in values if at in core))

    def _keep_off_reset(self, core: Cube, cube: Cube) -> Cube:
        """``core``, with literals of ``cube`` put back until no state right after reset is in it."""
        if core and not self._reset.meets(core):
            return core
        lemma = list(core)
        for literal in cube:
            if literal not in lemma:
                lemma.append(literal)
                if not self._reset.meets(lemma):
                    break
        return tuple(sorted(lemma))

    def _inductive(self, cube: Cube, level: int) -> bool:
        if level == 0:
            return not self._first.meets(cube)
        return self._relative(cube, level)[1] is None

    def _generalise(self, cube: Cube, level: int) -> Cube:
        """Drop literals while the cube stays off reset and unreachable from frame ``level - 1``."""
        lemma = cube
        for literal in cube:
            if literal not in lemma or len(lemma) == 1:
                continue
            shorter = tuple(other for other in lemma if other != literal)
            if self._reset.meets(shorter):
                continue
            if level == 1:
                if not self._first.meets(shorter):
                    lemma = shorter
                continue
            core, predecessor = self._relative(shorter, level - 1)
            if predecessor is None:
                lemma = self._keep_off_reset(core, shorter)
        return tuple(sorted(lemma))

    def _learn(self, cube: Cube, level: int) -> None:
        for frame in self._frames[1 : level + 1]:
            frame.difference_update([other for other in frame if set(cube) <= set(other)])
        self._frames[level].add(cube)
        self._solver.add_clause([self._levels[level] ^ 1, *(_at(self._before, literal) ^ 1 for literal in cube)])

    def _propagate(self, depth: int, deadline: float) -> None:
        """Push clauses forward; a frame left empty makes everything beyond it inductive."""
        for level in range(1, depth + 1):
            if level == len(self._frames) - 1:
                self._open_frame()
            for cube in sorted(self._frames[level], key=len):
                if time.thread_time() > deadline:
                    return
                if cube in self._frames[level] and self._relative(cube, level)[1] is None:
                    self._frames[level].discard(cube)
                    self._learn(cube, level + 1)
            if not self._frames[level]:
                self._conclude(level)
                return

    def _conclude(self, level: int) -> None:
        """Frame ``level`` equals the next: all later clauses are inductive together with the invariant."""
        for frame in self._frames[level + 1 :]:
            for cube in frame:
                self._prove(cube)
            frame.clear()


_TIMEOUT = -1


def _at(state: Literals, literal: int) -> int:
    """The graph literal of latch literal ``literal`` in ``state``."""
    return int(state[literal >> 1]) ^ (literal & 1)
