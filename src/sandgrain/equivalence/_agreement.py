"""Which registers contradict each other in simulated patterns."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
def clusters(classes, count, order, ones, zeros):  # type: ignore[no-untyped-def]
    """For each row the first row of its class that it does not contradict, possibly itself; -1 for the constant 0."""
    found = np.full(classes.size, -1, np.int64)
    head = np.full(count, -1, np.int64)
    following = np.full(classes.size, -1, np.int64)
    tail = np.full(count, -1, np.int64)
    for row in order:
        which = classes[row]
        if which == 0:
            zero = True
            for word in range(ones.shape[1]):
                if ones[row, word]:
                    zero = False
                    break
            if zero:
                continue
        at = head[which]
        while at >= 0:
            fits = True
            for word in range(ones.shape[1]):
                if (ones[row, word] & zeros[at, word]) | (zeros[row, word] & ones[at, word]):
                    fits = False
                    break
            if fits:
                break
            at = following[at]
        if at < 0:
            at = row
            if tail[which] >= 0:
                following[tail[which]] = row
            else:
                head[which] = row
            tail[which] = row
        found[row] = at
    return found


@numba.njit(cache=True)
def agree(rows, columns, ones, zeros, chances, known, shared):  # type: ignore[no-untyped-def]
    """Strike out from ``chances`` (bit 0 equal, bit 1 opposite) what the values of rows and columns contradict.

    ``shared`` counts in how many patterns both are known; the last column of both is the constant 0.
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    for at in range(rows.size):
        row = rows[at]
        for word in range(ones.shape[1]):
            known[at] += _count(ones[row, word] | zeros[row, word])
        for to in range(columns.size + 1):
            for word in range(ones.shape[1]):
                if chances[at, to] == 0:
                    break
                one = ones[columns[to], word] if to < columns.size else np.uint64(0)
                zero = zeros[columns[to], word] if to < columns.size else full
                if (ones[row, word] & zero) | (zeros[row, word] & one):
                    chances[at, to] &= np.uint8(2)
                if (ones[row, word] & one) | (zeros[row, word] & zero):
                    chances[at, to] &= np.uint8(1)
                shared[at, to] += _count((ones[row, word] | zeros[row, word]) & (one | zero))


@numba.njit(cache=True, inline="always")
def _count(word):  # type: ignore[no-untyped-def]
    """How many bits are 1."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


def pairings(
    chances: NDArray[np.uint8], shared: NDArray[np.int64], lonely: NDArray[np.bool_], enough: int
) -> NDArray[np.int64]:
    """For each row the only column it agrees with in one way; -1 where it has none, or a choice.

    Args:
        chances, shared: as `agree` leaves them.
        lonely: bool (columns,), which have no partner themselves; they come first.
        enough: in how many patterns both have to be known for an agreement to count more than one seen in fewer.
    """
    one_way = (chances == 1) | (chances == 2)
    strong = one_way & (shared >= enough)
    result = np.full(chances.shape[0], -1, np.int64)
    # The constant is the simplest explanation of what never changes, a lonely one better than one that has a partner.
    for open_, only in (
        (chances > 0, one_way),
        (strong, strong),
        ((chances > 0) & lonely, one_way & lonely),
        (strong & lonely, strong & lonely),
    ):
        found = only & (open_.sum(axis=1) == 1)[:, None]
        rows = found.any(axis=1)
        result[rows] = found[rows].argmax(axis=1)
    # Of several that it agrees with, the one it is seen with most.
    rows = (result < 0) & strong.any(axis=1)
    result[rows] = np.where(strong[rows], shared[rows], -1).argmax(axis=1)
    constant = one_way[:, -1]
    result[constant] = chances.shape[1] - 1
    return result
