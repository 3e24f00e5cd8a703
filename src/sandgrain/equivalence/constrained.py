"""Random states that satisfy clauses: drawn at random, repaired in the manner of WalkSAT, 64 to a machine word."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Relation, Words
from sandgrain.formal.mining import Clauses

_PASSES: Final = 12


def over_classes(clauses: Clauses, relation: Relation) -> Clauses:
    """Clauses over the description's latches as clauses over classes, ``2 * class + negated``, row by row."""
    literals: Clauses = 2 * relation.first[clauses >> 1] + ((clauses & 1) ^ relation.first_flips[clauses >> 1])
    return literals


def telling(clauses: Clauses) -> Clauses:
    """Clauses over classes, sorted and each once, without those that are true of all values."""
    if not len(clauses):
        return clauses
    literals = np.sort(clauses, axis=1)
    # Class 0 is false, so its negation is true.
    open_ = ~(literals == 1).any(axis=1) & ~(literals[:, :-1] == (literals[:, 1:] ^ 1)).any(axis=1)
    result: Clauses = np.unique(literals[open_], axis=0).astype(np.int64)
    return result


def class_clauses(clauses: Clauses, relation: Relation) -> Clauses:
    """Clauses over the description's latches as those over classes that say something, each once."""
    return telling(over_classes(clauses, relation)) if len(clauses) else clauses


def repair(values: Words, clauses: Clauses, random: np.random.Generator) -> NDArray[np.uint64]:
    """Make clauses true by changing ``values`` uint64 (classes, words) in place.

    Returns:
        uint64 (words,), the patterns that satisfy all of them.
    """
    words = values.shape[1]
    if not len(clauses):
        return np.full(words, np.uint64(0xFFFFFFFFFFFFFFFF))
    clauses = random.permutation(clauses)
    for _ in range(_PASSES):
        # Which of its literals a clause changes is drawn per clause and word, whole words at a time.
        turns = random.integers(0, clauses.shape[1], (clauses.shape[0], words))
        if not _repair(values, clauses, turns):
            break
    possible: NDArray[np.uint64] = satisfied(values, clauses)
    return possible


@numba.njit(cache=True)
def _violated(values, clauses, index, word):  # type: ignore[no-untyped-def]
    wrong = np.uint64(0xFFFFFFFFFFFFFFFF)
    for at in range(clauses.shape[1]):
        literal = clauses[index, at]
        value = values[literal >> 1, word]
        wrong &= value if literal & 1 else ~value
    return wrong


@numba.njit(cache=True)
def _repair(values, clauses, turns):  # type: ignore[no-untyped-def]
    changed = False
    width = clauses.shape[1]
    for index in range(clauses.shape[0]):
        for word in range(values.shape[1]):
            wrong = _violated(values, clauses, index, word)
            if not wrong:
                continue
            changed = True
            # Spread the violating patterns over the literals, beginning with another one each time.
            turn = turns[index, word]
            part = np.uint64(0x5555555555555555)
            for at in range(width):
                literal = clauses[index, (turn + at) % width]
                if literal >> 1 == 0:
                    continue
                mine = wrong if at == width - 1 else wrong & part
                values[literal >> 1, word] ^= mine
                wrong &= ~mine
                part = (part << np.uint64(1)) ^ (part >> np.uint64(3)) ^ np.uint64(0x9E3779B97F4A7C15)
    return changed


@numba.njit(cache=True)
def satisfied(values, clauses):  # type: ignore[no-untyped-def]
    """uint64 (words,): the patterns that satisfy all clauses."""
    result = np.full(values.shape[1], np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64)
    for index in range(clauses.shape[0]):
        for word in range(values.shape[1]):
            result[word] &= ~_violated(values, clauses, index, word)
    return result
