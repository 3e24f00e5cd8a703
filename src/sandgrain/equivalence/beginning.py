"""Where a network and its faulty copy begin, after the reset, from one power-up or from any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.copies import Copies
from sandgrain.equivalence.faults import Faulty
from sandgrain.formal.sampling import spread

_WORDS: Final = 64


@dataclass(frozen=True)
class Beginning:
    """Where both copies begin after the reset: bool (latches,) each.

    Attributes:
        good, bad: what they hold if all that is open powers up as 0.
        open: what they hold depends on how they power up.
        apart: some power-ups have them differ.
    """

    good: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    open: NDArray[np.bool_]
    apart: NDArray[np.bool_]

    def of(self, twice: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """What is held if only some latches are kept twice, and what is open, as `reach` takes it.

        Both halves hold the same at the beginning, but for what may differ then.
        """
        own = np.where(self.open, np.cumsum(self.open) - 1, -1)
        other = own[twice]
        apart = self.apart[twice] & (other >= 0)
        other[apart] = own.max(initial=-1) + 1 + np.arange(apart.sum())
        return np.concatenate((self.good, self.bad[twice])), np.concatenate((own, other))


def apart_after(
    faulty: Faulty, power_up: NDArray[np.uint8], rows: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.bool_]:
    """bool (latches,): the registers that random runs make differ, which begin at a random power-up without difference.

    Args:
        faulty: the network.
        power_up: uint8 (latches,), what registers power up as; 2 is anything.
        rows: uint8 (cycles, input bits), the inputs, those of the network that come first; 2 is anything.
        random: for what is anything.
    """
    network = faulty.network
    start = np.zeros(network.latch_count, np.bool_)
    copies = Copies(faulty, start, start, _WORDS)

    def drawn(values: NDArray[np.uint8]) -> NDArray[np.uint64]:
        found = random.integers(0, 1 << 64, (values.size, _WORDS), np.uint64)
        known = values < 2
        found[known] = spread(values[known] == 1)
        return found

    copies.sides[0].state[:] = copies.sides[1].state[:] = drawn(power_up)
    undefined = np.full(network.input_count - rows.shape[1], 2, np.uint8)
    for row in rows:
        copies.step(drawn(np.concatenate((row, undefined))))
        copies.clock()
    apart: NDArray[np.bool_] = (copies.apart != 0).any(axis=1)
    return apart
