"""Registers that are equal except where another register hides it.

A word of memory that is never shown, or what is read of it while a flag says that it does not count, may differ
without any output ever telling. Such registers are taken out of their class, and instead of their equality it is shown
that they are equal *or* a third register, the guard, has the value it had in every run in which they differed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Relation
from sandgrain.equivalence.proofs import Proof
from sandgrain.equivalence.proving import Prover
from sandgrain.equivalence.reaching import Confined
from sandgrain.errors import LimitExceeded
from sandgrain.formal.mining import Clauses

_ROUNDS: Final = 16
_MOST_TORN: Final = 64

Conditions = Mapping[int, tuple[NDArray[np.bool_], NDArray[np.bool_]]]
"""Class -> whether each class was ever 1, and ever 0, while both sides of it differed: bool (classes,) each."""


def guarded(prover: Prover, suspected: Proof, conditions: Conditions) -> Proof | None:
    """A proof in which registers that differ are equal under guards; None if there is none.

    Args:
        prover: of the comparison.
        suspected: a step in which the registers are paired that should be equal.
        conditions: what runs have shown, by the classes of its relation.
    """
    torn: list[int] = []
    guards: dict[int, list[int]] = {}
    for _ in range(_ROUNDS):
        relation, rows, halves = _torn(suspected.relation, torn, guards)
        try:
            proof = prover.step(relation, suspected.clauses, rows)
            proof.torn = halves
        except LimitExceeded:
            return None
        if not proof.broken and not proof.differences:
            prover.base(proof)
            if proof.holds or not proof.broken:
                return proof if proof.holds else None
        if proof.broken:
            if max(proof.broken) >= len(rows):
                return None
            for row in proof.broken:
                literal, which = (int(value) for value in (rows[row][0], rows[row][1] >> 1))
                if literal in guards[which]:
                    guards[which].remove(literal)
            continue
        fresh = set()
        for item in proof.differences:
            if item.model is None:
                return None
            if item.point.kind == "first":
                fresh.add(int(suspected.relation.first[item.point.index]))
        fresh -= {0, *torn}
        if not fresh or len(torn) + len(fresh) > _MOST_TORN:
            return None
        for which in sorted(fresh):
            torn.append(which)
            guards[which] = _candidates(which, conditions)
    return None


def confined(prover: Prover, suspected: Proof, found: Confined) -> Proof | None:
    """A proof in which some registers may differ, and an invariant says why nothing else does; None if it is none.

    Args:
        prover: of the comparison.
        suspected: a step in which the registers are paired that should be equal.
        found: by the classes of its relation but the constant.
    """
    before = suspected.relation
    torn = [1 + latch for latch in found.latches]
    if any((np.bincount(side, minlength=before.count)[torn] == 0).any() for side in (before.first, before.second)):
        return None
    relation, _, halves = _torn(before, torn, {which: [] for which in torn})
    classes = [*range(1, before.count), *(other for _, other in halves)]
    width = max((len(clause) for clause in found.clauses), default=1)
    rows = [
        # A clause that is too short says its first literal again.
        [2 * classes[literal >> 1] + (literal & 1) for literal in (*clause, *(width - len(clause)) * clause[:1])]
        for clause in found.clauses
    ]
    try:
        proof = prover.step(relation, suspected.clauses, np.array(rows, np.int64).reshape(-1, width))
        proof.torn = halves
        if not proof.broken and not proof.differences:
            prover.base(proof)
    except LimitExceeded:
        return None
    return proof if proof.holds else None


def _candidates(which: int, conditions: Conditions) -> list[int]:
    """Literals of other classes that were true whenever a class differed."""
    if which not in conditions:
        return []
    ones, zeros = conditions[which]
    found = [2 * int(guard) for guard in np.flatnonzero(ones & ~zeros)]
    found += [2 * int(guard) + 1 for guard in np.flatnonzero(zeros & ~ones)]
    return [literal for literal in found if literal >> 1 not in (0, which)]


def _torn(
    relation: Relation, torn: list[int], guards: Mapping[int, list[int]]
) -> tuple[Relation, Clauses, list[tuple[int, int]]]:
    """The relation with the netlist's half of these classes in classes of its own, the clauses of the guards, and both
    halves of each class.
    """
    result, rows, halves = relation.copy(), [], []
    for which in torn:
        other = result.count
        result.count += 1
        result.second[relation.second == which] = other
        halves.append((which, other))
        for literal in guards[which]:
            rows += [[literal, 2 * which + 1, 2 * other], [literal, 2 * which, 2 * other + 1]]
    return result, np.array(rows, np.int64).reshape(-1, 3), halves
