"""Which inputs of a run its difference needs: the others become unknown, tried in lanes beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import ALL, Words

_LANES: Final = 64 * 8

Place = tuple[int, int]
"""Cycle and input bit."""


class Reducing:
    """Makes inputs unknown as long as a run still shows what it showed.

    Args:
        inputs: uint8 (cycles, input bits), 0, 1 or 2 for unknown.
        same: the lanes of a run in two rails, uint64 (cycles, input bits, words) each, that still show it.
        until: monotonic time at which to be content with what there is.
    """

    def __init__(self, inputs: NDArray[np.uint8], same: Callable[[Words, Words], Words], until: float) -> None:
        self.inputs, self.same, self.until = inputs.copy(), same, until

    def drop(self, parts: Sequence[Sequence[Place]]) -> None:
        """Make those parts unknown that can be, one after another."""
        parts = [part for part in parts if any(self.inputs[place] != 2 for place in part)]
        loose: list[Sequence[Place]] = []
        for at in range(0, len(parts), _LANES):
            some = parts[at : at + _LANES]
            shown = self._tried([[part] for part in some])
            loose += [part for part, good in zip(some, shown, strict=True) if good]
        # Each may go by itself, but not all together: the longest row of them that may, then without the next one.
        while loose and time.monotonic() < self.until:
            some = loose[:_LANES]
            shown = self._tried([some[: count + 1] for count in range(len(some))])
            count = shown.index(False) if False in shown else len(some)
            for part in some[:count]:
                for place in part:
                    self.inputs[place] = 2
            loose = loose[count + (count < len(some)) :]

    def _tried(self, attempts: Sequence[Sequence[Sequence[Place]]]) -> list[bool]:
        """Whether the run without some parts still shows it, for each attempt."""
        if time.monotonic() > self.until:
            return [False] * len(attempts)
        words = -(-len(attempts) // 64)
        shape = (*self.inputs.shape, words)
        ones, zeros = (
            np.broadcast_to(np.where(self.inputs == value, ALL, np.uint64(0))[:, :, None], shape).copy()
            for value in (1, 0)
        )
        for lane, parts in enumerate(attempts):
            mask = ~np.uint64(1 << lane % 64)
            places = [place for part in parts for place in part]
            rows, columns = np.array(places, np.int64).T
            ones[rows, columns, lane // 64] &= mask
            zeros[rows, columns, lane // 64] &= mask
        shown = self.same(ones, zeros)
        return [bool(int(shown[lane // 64]) >> lane % 64 & 1) for lane in range(len(attempts))]
