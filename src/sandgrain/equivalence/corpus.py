"""Inputs of single cycles that kept a design busy, to be used again.

One random word in a dozen is an instruction, and a run of ten of them is beyond luck. But where a lane went on after a
cycle, the inputs of that cycle were of the right kind, and a few of their bits changed are likely to be so too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Words, words_of

_MOST: Final = 8_192
_CHANGED: Final = 24
"""One bit in so many is changed, in half of what is drawn."""
_LATEST: Final = 256
"""Rare rows that are drawn as often as all others of them together: what came late is the rarest."""


class Corpus:
    """Rows of input bits: the latest that kept a design busy, and those that led to what was not seen before.

    Args:
        width: bits of a row.
        fixed: the bits that are never taken from a row, such as resets.
        random: for the choice of rows and bits.
    """

    def __init__(self, width: int, fixed: NDArray[np.int64], random: np.random.Generator) -> None:
        self.random = random
        self.open = np.ones((width, 1), np.bool_)
        self.open[fixed] = False
        self.busy, self.rare = _Ring(width), _Ring(width)

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Take in uint8 (rows, bits) that kept the design busy."""
        self.busy.add(rows)

    def add_rare(self, rows: NDArray[np.uint8]) -> None:
        """Take in uint8 (rows, bits) that led to something new."""
        self.rare.add(rows)

    def mixed(self, drawn: Words, lanes: NDArray[np.bool_]) -> Words:
        """Random inputs, uint64 (bits, words), in some lanes of which rows of the corpus take their place."""
        size = lanes.size
        sources = [ring for ring in (self.busy, self.rare) if ring.count]
        if not sources:
            return drawn
        turn = self.random.integers(0, 4, size)
        chosen = np.empty((drawn.shape[0], size), np.uint8)
        for part, ring in enumerate((sources[0], sources[0], sources[-1], sources[-1])):
            mine = turn == part
            latest = min(ring.count, _LATEST) if part == 3 else ring.count
            back = 1 + self.random.integers(0, latest, int(mine.sum()))
            chosen[:, mine] = ring.rows[:, (ring.total - back) % _MOST]
        changed = self.random.integers(0, _CHANGED, chosen.shape, np.uint8) == 0
        chosen ^= changed & (np.arange(size) % 2 == 0)
        packed = words_of(chosen)
        mask = words_of(lanes & self.open)
        result: Words = (packed & mask) | (drawn & ~mask)
        return result


class _Ring:
    """The latest rows; the oldest are forgotten."""

    def __init__(self, width: int) -> None:
        self.rows = np.zeros((width, _MOST), np.uint8)
        self.total = 0

    @property
    def count(self) -> int:
        return min(self.total, _MOST)

    def add(self, rows: NDArray[np.uint8]) -> None:
        self.rows[:, (self.total + np.arange(len(rows))) % _MOST] = rows.T
        self.total += len(rows)
