"""Candidate invariants of three parts: what never came together in a simulated state although chance would have it.

A part is a value of one flip-flop or a small comparison the logic itself makes (``mem_state == 2``), so a candidate
spans three to nine flip-flops. Only flip-flops named by the caller take part: those that occur in invariants learned
one at a time are the control state, of which a few dozen decide where the chip can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.probing import comparisons
from sandgrain.formal.reachability import Cube
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Words

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

_MOST_LITERALS = 6
"""Longest candidate; longer ones say too little to be worth their place."""

_COMPARED = 3
"""Most flip-flops of a comparison that is taken as one part."""

_TELLING = 20.0
"""How often a combination must have been expected by chance for its absence to tell something."""


@numba.njit(cache=True)
def _popcount(x):  # type: ignore[no-untyped-def]
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@numba.njit(cache=True)
def _together(rows):  # type: ignore[no-untyped-def]
    """int64 (parts, parts): in how many samples both hold."""
    count = np.zeros((rows.shape[0], rows.shape[0]), np.int64)
    for i in range(rows.shape[0]):
        for j in range(i, rows.shape[0]):
            total = 0
            for word in range(rows.shape[1]):
                total += _popcount(rows[i, word] & rows[j, word])
            count[i, j] = total
            count[j, i] = total
    return count


@numba.njit(cache=True)
def _related(count, i, j):  # type: ignore[no-untyped-def]
    """Whether two parts exclude or imply each other in all samples: then pairs say it all."""
    return count[i, j] == 0 or count[i, j] == count[i, i] or count[i, j] == count[j, j]


@numba.njit(cache=True)
def _absent_triples(rows, count, least, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` int32 (limit, 3) with triples of parts that never hold together; returns how many there are."""
    found = 0
    both = np.empty(rows.shape[1], np.uint64)
    for i in range(rows.shape[0]):
        for j in range(i + 1, rows.shape[0]):
            if _related(count, i, j):
                continue
            for word in range(rows.shape[1]):
                both[word] = rows[i, word] & rows[j, word]
            for k in range(j + 1, rows.shape[0]):
                if _related(count, i, k) or _related(count, j, k):
                    continue
                expected = max(
                    count[i, j] * count[i, k] / count[i, i],
                    count[i, j] * count[j, k] / count[j, j],
                    count[i, k] * count[j, k] / count[k, k],
                )
                if expected < least:
                    continue
                seen = False
                for word in range(rows.shape[1]):
                    if both[word] & rows[k, word]:
                        seen = True
                        break
                if not seen:
                    if found < out.shape[0]:
                        out[found, 0], out[found, 1], out[found, 2] = i, j, k
                    found += 1
    return found


def absent_combinations(
    network: Network, states: Words, latches: Sequence[int], known: Iterable[Cube], *, limit: int = 100_000
) -> list[Cube]:
    """Cubes over ``latches`` that no sampled state is in, although chance would have put some there, shortest first.

    Args:
        network: whose comparisons count as parts.
        states: uint64 (latches, words), sampled states.
        latches: flip-flops that may take part.
        known: cubes already excluded; a candidate that lies in one with at most two literals is left out.
        limit: most combinations looked at further.
    """
    chosen = set(latches)
    parts: list[Cube] = [(2 * latch + negated,) for latch in latches for negated in (0, 1)]
    parts += [
        cube
        for cube in comparisons(network)
        if len(cube) <= _COMPARED and all(literal >> 1 in chosen for literal in cube)
    ]
    every = [_holds(states, part) for part in parts]
    kept = [index for index, row in enumerate(every) if row.any() and not (row == _ALL).all()]
    if len(kept) < 2:
        return []
    parts = [parts[index] for index in kept]
    rows = np.stack([every[index] for index in kept])
    count = _together(rows)
    triples = np.zeros((limit, 3), np.int32)
    found = int(_absent_triples(rows, count, _TELLING, triples))
    pairs = np.argwhere(np.triu(count == 0))
    combined = {_union(parts, indices) for indices in (*triples[: min(found, limit)].tolist(), *pairs.tolist())}
    excluded = set(known)
    return sorted(
        (cube for cube in combined if cube is not None and not _lies_in_small(cube, excluded)),
        key=lambda cube: (len(cube), cube),
    )


def _holds(states: Words, cube: Cube) -> NDArray[np.uint64]:
    """uint64 (words,): in which samples ``cube`` holds."""
    row = np.full(states.shape[1], _ALL, np.uint64)
    for literal in cube:
        row &= ~states[literal >> 1] if literal & 1 else states[literal >> 1]
    return row


def _union(parts: Sequence[Cube], indices: Iterable[int]) -> Cube | None:
    """The parts as one cube; None when they contradict each other or are too many literals."""
    literals = {literal for index in indices for literal in parts[index]}
    if len(literals) > _MOST_LITERALS or any(literal ^ 1 in literals for literal in literals):
        return None
    return tuple(sorted(literals))


def _lies_in_small(cube: Cube, excluded: set[Cube]) -> bool:
    if cube in excluded:
        return True
    return any(
        (first,) in excluded or any((first, second) in excluded for second in cube[index + 1 :])
        for index, first in enumerate(cube)
    )
