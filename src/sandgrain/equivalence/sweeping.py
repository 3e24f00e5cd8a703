"""SAT sweeping: nodes of a graph that are equal are merged, from the inputs upwards, so that questions become small.

Simulation proposes which nodes are equal, SAT decides, and every counterexample refines the proposals (Kuehlmann et
al., *Robust Boolean reasoning for equivalence checking and functional property verification*, IEEE TCAD 21(12), 2002;
Mishchenko et al., *FRAIGs: a unifying representation for logic synthesis and verification*, 2005).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray
from pysat.solvers import Solver

from sandgrain.equivalence.joint import ALL, Words
from sandgrain.errors import LimitExceeded
from sandgrain.logic.graph import Graph
from sandgrain.logic.network import Literals

_CONFLICTS: Final = 300
"""For one proposal; what takes more is left unmerged."""
_ROUNDS: Final = 30
_SLICE: Final = 5_000
_ENGINE: Final = "minisat22"
"""Quick at many small questions that build on each other; another one than the checker's."""


@dataclass
class Swept:
    """What sweeping found.

    Attributes:
        literals: uint32 (variables,), the representative of every node as a literal of the swept graph; variable ``v``
            of the graph swept stands for itself as a free variable.
        merges: (node, literal of an earlier node) of the original graph, in order, for every proof by SAT.
        calls: SAT questions asked.
    """

    literals: Literals
    merges: list[tuple[int, int]] = field(default_factory=list)
    calls: int = 0


@numba.njit(cache=True)
def _evaluate(values, fanin0, fanin1, is_and):  # type: ignore[no-untyped-def]
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    for node in range(is_and.size):
        if is_and[node]:
            left, right = fanin0[node], fanin1[node]
            flip0 = full if left & 1 else np.uint64(0)
            flip1 = full if right & 1 else np.uint64(0)
            for word in range(values.shape[1]):
                values[node, word] = (values[left >> 1, word] ^ flip0) & (values[right >> 1, word] ^ flip1)


@numba.njit(cache=True)
def _signatures(values, mask, hashes):  # type: ignore[no-untyped-def]
    """Fold words of values into the hash of every node, so that a node and its negation have one hash."""
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    for node in range(values.shape[0]):
        for word in range(values.shape[1]):
            value = (values[node, word] ^ full if hashes[node] & np.uint64(1) else values[node, word]) & mask[word]
            # Bit 0 of a hash is the polarity, decided by the first pattern.
            mixed = (hashes[node] | np.uint64(1)) ^ (value * np.uint64(0x9E3779B97F4A7C15))
            mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = mixed ^ (mixed >> np.uint64(32))
            hashes[node] = (mixed & ~np.uint64(1)) | (hashes[node] & np.uint64(1))


@numba.njit(cache=True)
def _leaders(hashes, leaders):  # type: ignore[no-untyped-def]
    """For each node the first node with its hash, by open addressing."""
    size = 16
    while size < 2 * hashes.size:
        size *= 2
    table = np.full(size, -1, np.int64)
    for node in range(hashes.size):
        key = hashes[node] >> np.uint64(1)
        slot = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (size - 1)
        while table[slot] >= 0 and hashes[table[slot]] >> np.uint64(1) != key:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = node
        leaders[node] = table[slot]


class Sweeper:
    """Sweeps one graph; its free variables come first.

    Args:
        graph: the graph.
        free_count: number of variables before the first gate, the constant included.
        patterns: uint64 (free_count, words) values of the free variables that satisfy the clauses.
        possible: uint64 (words,) which of the patterns do.
        clauses: required of nodes of the graph, as literals.
        deadline: monotonic time.
    """

    def __init__(
        self,
        graph: Graph,
        free_count: int,
        patterns: Words,
        possible: NDArray[np.uint64],
        clauses: list[list[int]],
        deadline: float,
    ) -> None:
        self.graph, self.free_count, self.deadline = graph, free_count, deadline
        self.fanin0, self.fanin1 = graph.fanin0.copy(), graph.fanin1.copy()
        self.is_and = graph.is_and.copy()
        self.size = len(graph)
        self.hashes = np.zeros(self.size, np.uint64)
        self.leaders = np.zeros(self.size, np.int64)
        first = self._simulate(patterns)
        bit = int(np.flatnonzero(possible)[0]) if possible.any() else 0
        low = possible[bit] & (~possible[bit] + np.uint64(1))
        self.hashes[:] = ((first[:, bit] & low) != 0).astype(np.uint64)
        _signatures(first, possible, self.hashes)
        _leaders(self.hashes, self.leaders)
        self.random = np.random.default_rng(11)
        self.solver = Solver(name=_ENGINE)
        self.solver.add_clause([-1])
        self.written = np.zeros(self.size, np.bool_)
        self.written[:free_count] = True
        self.clauses = clauses
        # A clause counts from where all nodes it is about are there.
        self.waiting = sorted(clauses, key=lambda clause: -max(literal >> 1 for literal in clause))
        self.literals = np.zeros(self.size, np.uint32)
        self.literals[:free_count] = 2 * np.arange(free_count, dtype=np.uint32)
        self.hashed: dict[tuple[int, int], int] = {}
        # Fan-ins of the nodes that represent themselves.
        self.merges: list[tuple[int, int]] = []
        self.calls = 0
        self.own0: dict[int, tuple[int, int]] = {}

    def close(self) -> None:
        """Give the solver's memory back."""
        self.solver.delete()

    def _simulate(self, patterns: Words) -> Words:
        values = np.zeros((self.size, patterns.shape[1]), np.uint64)
        values[: self.free_count] = patterns
        values[0] = 0
        _evaluate(values, self.fanin0, self.fanin1, self.is_and)
        return values

    def run(self, tick=lambda _done, _total: None) -> Swept:  # type: ignore[no-untyped-def]
        """Merge what can be merged."""
        fanin0, fanin1 = self.fanin0.tolist(), self.fanin1.tolist()
        literals = self.literals.tolist()
        for node in range(self.free_count, self.size):
            self._require(literals, node)
            if node % 512 == 0:
                tick(node, self.size)
                if time.monotonic() > self.deadline:
                    raise LimitExceeded("sweeping was not finished in time", expected="a larger budget (--budget)")
            a = literals[fanin0[node] >> 1] ^ (fanin0[node] & 1)
            b = literals[fanin1[node] >> 1] ^ (fanin1[node] & 1)
            literal = self._land(a, b, node)
            while True:
                leader = int(self.leaders[node])
                if leader == node or literal >> 1 != node:
                    break
                wanted = literals[leader] ^ int((self.hashes[node] ^ self.hashes[leader]) & np.uint64(1))
                answer = self._equal(literal, wanted)
                if answer is None:
                    break
                if answer:
                    self.merges.append((node, 2 * leader ^ literals[leader] ^ wanted))
                    literal = wanted
                    break
                self._refine()
            literals[node] = literal
        self._require(literals, self.size)
        self.literals = np.array(literals, np.uint32)
        return Swept(self.literals, self.merges, self.calls)

    def _require(self, literals: list[int], node: int) -> None:
        """Have the solver know the clauses about nodes before this one."""
        while self.waiting and all(literal >> 1 < node for literal in self.waiting[-1]):
            swept = [literals[literal >> 1] ^ (literal & 1) for literal in self.waiting.pop()]
            for literal in swept:
                self._write(literal)
            self.solver.add_clause([_dimacs(literal) for literal in swept])

    def _land(self, a: int, b: int, node: int) -> int:
        if a > b:
            a, b = b, a
        if a == 0 or a == b ^ 1:
            return 0
        if a == 1 or a == b:
            return b
        found = self.hashed.get((a, b))
        if found is None:
            found = self.hashed[a, b] = 2 * node
            self.own0[node] = (a, b)
        return found

    def _write(self, literal: int) -> None:
        stack = [literal >> 1]
        while stack:
            node = stack.pop()
            if self.written[node]:
                continue
            self.written[node] = True
            a, b = self.own0[node]
            out, left, right = node + 1, _dimacs(a), _dimacs(b)
            self.solver.add_clause([-out, left])
            self.solver.add_clause([-out, right])
            self.solver.add_clause([out, -left, -right])
            stack += (a >> 1, b >> 1)

    def possible(self, assumptions: list[int], conflicts: int = -1) -> bool | None:
        """Whether all literals of the swept graph can be true together; None if that takes more conflicts or time."""
        # A question each for thousands of points adds up, however short it is.
        if time.monotonic() > self.deadline:
            return None
        for literal in assumptions:
            self._write(literal)
        self.calls += 1
        told = [_dimacs(literal) for literal in assumptions]
        left = conflicts
        while True:
            slice_ = _SLICE if left < 0 else min(left, _SLICE)
            self.solver.conf_budget(slice_)
            answer = self.solver.solve_limited(assumptions=told)
            if answer is not None:
                return bool(answer)
            left = -1 if left < 0 else left - slice_
            if left == 0 or time.monotonic() > self.deadline:
                return None

    def _equal(self, a: int, b: int) -> bool | None:
        if a == b:
            return True
        if a == b ^ 1:
            return False
        for pair in ([a, b ^ 1], [a ^ 1, b]):
            answer = self.possible(pair, _CONFLICTS)
            if answer is None:
                return None
            if answer:
                return False
        # The solver may use it from now on.
        self.solver.add_clause([_dimacs(a), -_dimacs(b)])
        self.solver.add_clause([-_dimacs(a), _dimacs(b)])
        return True

    def model(self) -> NDArray[np.bool_]:
        """bool (free_count,): values of the free variables in the last answer; unseen ones at random."""
        found = self.random.integers(0, 2, self.free_count).astype(np.bool_)
        model = np.array(self.solver.get_model() or [], np.int64)
        variables = np.abs(model) - 1
        inside = variables < self.free_count
        found[variables[inside]] = model[inside] > 0
        found[0] = False
        return found

    def _refine(self) -> None:
        """Tell nodes apart by the last answer and by patterns close to it."""
        centre = np.where(self.model(), ALL, np.uint64(0))
        noise: Words = np.full(self.free_count, ALL)
        for _ in range(5):
            noise = noise & self.random.integers(0, 1 << 64, self.free_count, np.uint64)
        noise &= ~np.uint64(1)  # pattern 0 is the answer itself
        patterns = (centre ^ noise)[:, None]
        possible = np.full(1, ALL, np.uint64)
        values = self._simulate(patterns)
        for clause in self.clauses:
            true = np.uint64(0)
            for literal in clause:
                true |= values[literal >> 1, 0] ^ (ALL if literal & 1 else np.uint64(0))
            possible[0] &= true
        _signatures(values, possible, self.hashes)
        _leaders(self.hashes, self.leaders)


def _dimacs(literal: int) -> int:
    return -((literal >> 1) + 1) if literal & 1 else (literal >> 1) + 1
