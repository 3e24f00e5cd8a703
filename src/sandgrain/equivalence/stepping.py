"""One step of both sides under a relation, and what comes before the first of them: asked of a solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.choices import Patterns, choose
from sandgrain.equivalence.codes import Code
from sandgrain.equivalence.constrained import class_clauses, repair, satisfied, telling
from sandgrain.equivalence.deriving import derived_rows
from sandgrain.equivalence.invariants import NO_CLAUSES, stacked
from sandgrain.equivalence.joint import ALL, Frame, Ports, Relation, Words, build_frame, derived_classes
from sandgrain.equivalence.powering import Base, Point, mates_of
from sandgrain.equivalence.proofs import Difference, Proof, next_of_classes, points_of
from sandgrain.equivalence.resets import Resets, reset_cycles
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.sweeping import Sweeper
from sandgrain.formal.mining import Clauses
from sandgrain.logic.network import Literals
from sandgrain.progress import Progress

_PATTERN_WORDS: Final = 32


class Stepping:
    """Asks about the steps of one comparison.

    Attributes:
        deadline: when to give up, of the monotonic clock; may be moved.
        codes: the words that are in another code on the other side, in the relations asked about.
    """

    def __init__(
        self, first: Side, second: Side, ports: Ports, resets: Resets, progress: Progress, deadline: float
    ) -> None:
        self.first, self.second, self.ports, self.resets = first, second, ports, resets
        self.progress, self.deadline = progress, deadline
        self.random = np.random.default_rng(3)
        self.codes: tuple[Code, ...] = ()

    def chosen(self, relation: Relation, clauses: Clauses, given: Sequence[Patterns] = ()) -> Literals:
        """What the description leaves undefined, chosen for a relation."""
        return choose(self.first, self.second, self.ports, relation, self._known(relation, clauses), given, self.codes)

    def _known(self, relation: Relation, clauses: Clauses, guards: Clauses = NO_CLAUSES) -> Clauses:
        """All that is known about the classes of a relation."""
        return joined(class_clauses(clauses, relation), telling(stacked(guards, self._coded(relation))))

    def _coded(self, relation: Relation) -> Clauses:
        """What holds of words that are in another code on the other side, as clauses over classes."""
        found = NO_CLAUSES
        for code in self.codes:
            found = stacked(found, code.clauses(relation))
        return found

    def step(self, relation: Relation, clauses: Clauses, guards: Clauses = NO_CLAUSES) -> Proof:
        """Ask of one step whether it keeps a relation under clauses over the description, and guards over classes.

        Raises:
            LimitExceeded: the time was up.
        """
        with self.progress.stage("comparing a step"):
            frame = build_frame(self.first, self.second, self.ports, relation)
            known = self._known(relation, clauses, guards)
            guards = stacked(guards, self._coded(relation))
            required = _graph_clauses(known, frame)
            patterns, possible = self._patterns(frame, relation, known)
            sweeper = Sweeper(frame.graph, frame.free_count, patterns, possible, required, self.deadline)
            try:
                swept = sweeper.run(lambda done, total: self.progress.update("merging equal nodes", done, total))
                differences = []
                for point in points_of(frame, relation):
                    a, b = (_through(swept.literals, literal) for literal in (point.literal, point.wanted))
                    if a != b:
                        differences += self._ask(sweeper, point, a, b)
                following = next_of_classes(frame, relation)
                broken = []
                for row, clause in enumerate(guards.tolist()):
                    ends = [int(following[literal >> 1]) ^ (literal & 1) ^ 1 for literal in clause]
                    if sweeper.possible([_through(swept.literals, literal) for literal in ends]) is not False:
                        broken.append(row)
            finally:
                sweeper.close()
        registers = [item for item in differences if item.point.kind != "output"]
        return Proof(
            relation,
            clauses,
            not registers,
            False,
            differences,
            frame,
            swept,
            guards=guards,
            codes=self.codes,
            broken=broken,
        )

    def _ask(self, sweeper: Sweeper, point: Point, a: int, b: int) -> list[Difference]:
        for pair in ([a, b ^ 1], [a ^ 1, b]):
            answer = sweeper.possible(pair)
            if answer is None:
                return [Difference(point, None)]
            if answer:
                return [Difference(point, sweeper.model())]
        return []

    def _patterns(self, frame: Frame, relation: Relation, clauses: Clauses) -> tuple[Words, NDArray[np.uint64]]:
        count = frame.classes.size
        values = self.random.integers(0, 1 << 64, (count, _PATTERN_WORDS), np.uint64)
        values[0] = 0
        for code in self.codes:
            code.draw(values, relation, self.random)
        possible = repair(values, clauses, self.random)
        if relation.derived:
            derived_rows(self.first, self.second, relation, values)
            possible = satisfied(values, clauses)
        patterns = self.random.integers(0, 1 << 64, (frame.free_count, _PATTERN_WORDS), np.uint64)
        patterns[0] = 0
        free = np.flatnonzero(~derived_classes(relation))[1:]
        patterns[frame.classes[free] >> np.uint32(1)] = values[free]
        return patterns, possible

    def base(self, proof: Proof) -> None:
        """Whether the relation holds at power-up, or else after reset, from every power-up state of the netlist."""
        for cycles in dict.fromkeys((0, reset_cycles(self.resets))):
            proof.base, proof.cycles, proof.broken = False, cycles, []
            before = list(proof.differences)
            self._after(proof, cycles)
            if proof.base:
                break
            if cycles != reset_cycles(self.resets):
                proof.differences = before

    def _after(self, proof: Proof, cycles: int) -> None:
        with self.progress.stage("comparing after reset"):
            mates = mates_of(self.second, self.ports, self.resets, proof.relation, cycles, self.random)
            for which, other in proof.torn:
                mates[which] = mates[other]
            proof.mates = mates
            base = Base(
                self.first,
                self.second,
                self.ports,
                self.resets,
                proof.relation,
                proof.clauses,
                cycles,
                mates,
                proof.guards,
                proof.codes,
            )
            patterns = self.random.integers(0, 1 << 64, (base.free_count, 8), np.uint64)
            patterns[0] = 0
            sweeper = Sweeper(base.graph, base.free_count, patterns, np.full(8, ALL), [], self.deadline)
            try:
                swept = sweeper.run(lambda done, total: self.progress.update("merging equal nodes", done, total))
                for point in base.points:
                    a, b = (_through(swept.literals, literal) for literal in (point.literal, point.wanted))
                    if a != b:
                        proof.differences += self._ask(sweeper, point, a, b)
                for row, clause in enumerate(base.clauses, -len(proof.clauses)):
                    literals = [_through(swept.literals, literal) for literal in clause]
                    if sweeper.possible([literal ^ 1 for literal in literals]) is False:
                        continue
                    if row < 0:
                        return
                    proof.broken.append(row)
            finally:
                sweeper.close()
            proof.base = not proof.differences and not proof.broken


def _through(literals: Literals, literal: int) -> int:
    return int(literals[literal >> 1]) ^ (literal & 1)


def _graph_clauses(clauses: Clauses, frame: Frame) -> list[list[int]]:
    return [
        [int(frame.classes[literal >> 1]) ^ (literal & 1) for literal in dict.fromkeys(clause)]
        for clause in clauses.tolist()
    ]


def joined(old: Clauses, new: Clauses) -> Clauses:
    """Both sets of clauses, each once."""
    result: Clauses = np.unique(stacked(old, new), axis=0)
    return result
