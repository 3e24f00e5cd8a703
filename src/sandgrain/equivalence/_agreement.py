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
def agree(rows, columns, ones, zeros, chances, known):  # type: ignore[no-untyped-def]
    """Strike out from ``chances`` (bit 0 equal, bit 1 opposite) what the values of rows and columns contradict.

    The last column of ``chances`` is the constant 0.
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    for at in range(rows.size):
        row = rows[at]
        for word in range(ones.shape[1]):
            seen = ones[row, word] | zeros[row, word]
            while seen:
                seen &= seen - np.uint64(1)
                known[at] += 1
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


def pairings(chances: NDArray[np.uint8], lonely: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row the only column it agrees with in one way, or the only ``lonely`` one; -1 where it has a choice."""
    one_way = (chances == 1) | (chances == 2)
    result = np.full(chances.shape[0], -1, np.int64)
    # The constant is the simplest explanation of what never changes, a lonely one better than one that has a partner.
    for only in (
        one_way & ((chances > 0).sum(axis=1) == 1)[:, None],
        one_way & lonely & (((chances > 0) & lonely).sum(axis=1) == 1)[:, None],
    ):
        found = only.any(axis=1)
        result[found] = only[found].argmax(axis=1)
    constant = one_way[:, -1]
    result[constant] = chances.shape[1] - 1
    return result
