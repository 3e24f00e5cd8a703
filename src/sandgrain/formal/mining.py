"""Cheap invariants: clauses that hold in every sampled state, kept if they are inductive together.

A clause ``p or q`` over latches covers constants (``p = q``), implications, equivalences (two clauses) and mutual
exclusion; longer ones come from :mod:`sandgrain.formal.patterns`. Candidates come from simulation; the largest
inductive subset is found as in C. Flanagan and K. R. M. Leino, *Houdini, an annotation assistant for ESC/Java*, FME
2001.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube
from sandgrain.formal.sampling import deviations, spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import Simulator, Words

Clauses = NDArray[np.int64]
"""int64 (clauses, width) of latch literals ``2 * latch + negated``; a shorter clause repeats its last literal."""

_NONE = np.uint64(0)
_EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)


@numba.njit(cache=True)
def _pairs(states, rows):  # type: ignore[no-untyped-def]
    """For each pair of ``rows``: bit 0 = both 1 seen, bit 1 = only first, bit 2 = only second, bit 3 = neither."""
    count = rows.size
    seen = np.full((count, count), 15, np.uint8)
    for i in range(count):
        for j in range(i + 1, count):
            mask = 0
            for word in range(states.shape[1]):
                a, b = states[rows[i], word], states[rows[j], word]
                if a & b:
                    mask |= 1
                if a & ~b:
                    mask |= 2
                if b & ~a:
                    mask |= 4
                if ~(a | b):
                    mask |= 8
                if mask == 15:
                    break
            seen[i, j] = mask
    return seen


def candidates(states: Words, limit: int = 3000) -> Clauses:
    """Clauses that hold in all sampled states.

    Args:
        states: uint64 (latches, words).
        limit: most latches looked at in pairs (the least often switching ones, which is where control state is).
    """
    ones = np.bitwise_count(states).sum(axis=1, dtype=np.int64)
    total = 64 * states.shape[1]
    clauses: list[NDArray[np.int64]] = []
    never, always = np.flatnonzero(ones == 0), np.flatnonzero(ones == total)
    clauses.append(np.stack((2 * never + 1, 2 * never + 1), axis=1))
    clauses.append(np.stack((2 * always, 2 * always), axis=1))
    varying = np.flatnonzero((ones > 0) & (ones < total))
    if varying.size > limit:
        rarity = np.minimum(ones[varying], total - ones[varying])
        varying = np.sort(varying[np.argsort(rarity, kind="stable")[:limit]])
    seen = _pairs(states, varying)
    for mask, first, second in ((1, 1, 1), (2, 1, 0), (4, 0, 1), (8, 0, 0)):
        i, j = np.nonzero((seen & mask) == 0)
        clauses.append(np.stack((2 * varying[i] + first, 2 * varying[j] + second), axis=1))
    result: Clauses = np.concatenate(clauses).astype(np.int64)
    false = np.where(result & 1, ones[result >> 1], total - ones[result >> 1]) / total
    # That two events never coincided says something if they should have by chance, or if both are rare (as the states
    # of a one-hot register are); one rare event beside a common one is most often an accident of the sample.
    expected = total * false.prod(axis=1)
    telling = (expected >= 20) | (false.max(axis=1) < 0.1) | (result[:, 0] == result[:, 1])
    kept: Clauses = result[telling]
    return kept


def as_clauses(cubes: Sequence[Cube]) -> Clauses:
    """The clauses that exclude ``cubes``."""
    width = max(map(len, cubes), default=1)
    rows = [[literal ^ 1 for literal in cube] + [cube[-1] ^ 1] * (width - len(cube)) for cube in cubes]
    return np.array(rows, np.int64).reshape(len(cubes), width)


def as_cubes(clauses: Clauses) -> list[Cube]:
    """The cubes that ``clauses`` exclude, each once."""
    return list(dict.fromkeys(tuple(sorted({literal ^ 1 for literal in clause})) for clause in clauses.tolist()))


def _literal(state: Literals, literal: int) -> int:
    return int(state[literal >> 1]) ^ (literal & 1)


def _violated(bits: NDArray[np.bool_], clauses: Clauses) -> NDArray[np.bool_]:
    """bool (clauses,): which clauses the state ``bits`` bool (latches,) violates."""
    value = bits[clauses >> 1] ^ (clauses & 1).astype(np.bool_)
    violated: NDArray[np.bool_] = ~value.any(axis=1)
    return violated


class _Refuter:
    """Finds states in which alive candidates are violated and drops those, until none can be."""

    def __init__(self, solver: GraphSolver, state: Literals, clauses: Clauses, assume: Literals | None) -> None:
        self.solver, self.state, self.clauses = solver, state, clauses
        graph = solver.graph
        self.violates = graph.free(len(clauses))
        self.active = graph.free(len(clauses)) if assume is not None else None
        solver.require(state.tolist())
        for index, clause in enumerate(clauses.tolist()):
            flag = int(self.violates[index])
            literals = dict.fromkeys(clause)
            for literal in literals:
                solver.add_clause((flag ^ 1, _literal(state, literal) ^ 1))
            if assume is not None and self.active is not None:
                solver.add_clause((int(self.active[index]) ^ 1, *(_literal(assume, literal) for literal in literals)))
        solver.add_clause(self.violates.tolist())
        solver.prefer(self.violates.tolist())
        self.alive = np.ones(len(clauses), np.bool_)

    def search(self) -> bool:
        """Whether some alive candidate can still be violated (the alive ones assumed before, if so asked)."""
        assumptions = [] if self.active is None else self.active[self.alive].tolist()
        return self.solver.solve(assumptions)

    def drop(self, which: NDArray[np.bool_]) -> None:
        for index in np.flatnonzero(which & self.alive).tolist():
            self.solver.add_clause((int(self.violates[index]) ^ 1,))
            if self.active is not None:
                self.solver.add_clause((int(self.active[index]) ^ 1,))
        self.alive &= ~which


def inductive_clauses(
    environment: Environment,
    clauses: Clauses,
    *,
    known: Iterable[Cube] = (),
    seconds: float,
    tick: Callable[[int], None] = lambda _alive: None,
) -> Clauses:
    """The subset of ``clauses`` that holds after reset and is preserved by every cycle of operation.

    Args:
        environment: the design.
        clauses: the candidates.
        known: cubes already proved unreachable, by themselves inductive together.
        seconds: budget.
        tick: told how many candidates are left.

    When ``seconds`` run out before the subset is inductive the result is empty: half a fixpoint proves nothing.
    """
    deadline = time.monotonic() + seconds
    network = environment.model.network
    graph = Graph(4 * network.variable_count)
    state = environment.initial_state(graph)
    for _ in range(environment.reset_cycles):
        state = literal_values(graph.frame(network, environment.reset_inputs(graph), state), network.latch_next)
    with GraphSolver(graph, "glucose4") as solver:
        refuter = _Refuter(solver, state, clauses, None)
        while refuter.search():
            refuter.drop(_violated(solver.model(state), clauses))
    clauses = clauses[refuter.alive]

    graph = Graph(4 * network.variable_count)
    before = graph.free(network.latch_count)
    inputs = environment.operation_inputs(graph)
    after = literal_values(graph.frame(network, inputs, before), network.latch_next)
    walker = _Walker(environment, clauses)
    with GraphSolver(graph, "glucose4") as solver:
        for cube in known:
            solver.add_clause([_literal(before, literal) ^ 1 for literal in cube])
        refuter = _Refuter(solver, after, clauses, before)
        while refuter.search():
            if time.monotonic() > deadline:
                return clauses[:0]
            bad = _violated(solver.model(after), clauses)
            bad |= walker.violated(solver.model(before), solver.model(inputs), refuter.alive & ~bad)
            refuter.drop(bad)
            tick(int(refuter.alive.sum()))
    return clauses[refuter.alive]


@numba.njit(cache=True)
def _mark_violated(values, clauses, alive, violated):  # type: ignore[no-untyped-def]
    """Mark the alive clauses that some simulated state violates; returns how many."""
    count = 0
    for index in range(clauses.shape[0]):
        if not alive[index] or violated[index]:
            continue
        for word in range(values.shape[1]):
            false = _EVERY
            for column in range(clauses.shape[1]):
                literal = clauses[index, column]
                false &= values[literal >> 1, word] ^ (_NONE if literal & 1 else _EVERY)
                if not false:
                    break
            if false:
                violated[index] = True
                count += 1
                break
    return count


class _Walker:
    """Random walks from a counterexample to induction.

    Its state satisfies every alive clause; what a successor violates is dropped, after which the successor satisfies
    every alive clause too. So each step of the walk is another counterexample, at the price of one simulated cycle.
    """

    def __init__(self, environment: Environment, clauses: Clauses) -> None:
        self.environment = environment
        self.simulator = Simulator(environment.model.network, 32)
        self.clauses = np.ascontiguousarray(clauses)
        self.seed = 0

    def violated(
        self, state: NDArray[np.bool_], inputs: NDArray[np.bool_], alive: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """bool (clauses,): what is violated on walks from ``state``, the first step under inputs near ``inputs``."""
        environment, simulator = self.environment, self.simulator
        violated = np.zeros(alive.size, np.bool_)
        fixed = environment.reset_released < 2
        simulator.state[:] = spread(state)
        centre = spread(inputs)
        quiet = 0
        for cycle in range(64):
            self.seed += 1
            flips = deviations(self.seed, inputs.size, simulator.values.shape[1], 7)
            flips[fixed] = 0
            simulator.inputs[:] = centre ^ flips
            simulator.evaluate()
            simulator.clock()
            quiet = 0 if _mark_violated(simulator.state, self.clauses, alive, violated) else quiet + 1
            if quiet == 6:
                break
            row = environment.stimulus[cycle % len(environment.stimulus)]
            centre = spread(np.where(fixed, environment.reset_released, row) == 1)
        return violated
