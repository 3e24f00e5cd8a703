"""Whether a cube of states is silent for certain, by three-valued simulation: quick where a solver finds it hard.

What a state leaves open is unknown, so what comes out as silent is silent for every state of the cube. Nothing follows
where it does not: three values lose what unknowns have to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.reachability import Cube
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Ternary, evaluate

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
UNKNOWN = 2


class Silence:
    """Three-valued simulation of the recovery stimulus.

    Args:
        network: the design.
        goals: uint32 literals, none of which may be seen.
        inputs: uint8 (frames, inputs), 0, 1, or 2 for unknown.
        explained: cubes of latch literals the run may not come into.
    """

    def __init__(
        self,
        network: Network,
        goals: NDArray[np.uint32],
        inputs: NDArray[np.uint8],
        explained: Sequence[Cube] = (),
    ) -> None:
        self._network = network
        self._roots = np.concatenate((network.latch_next, goals)).astype(np.uint32)
        self._inputs = inputs
        self._explained = [np.array(cube, np.int64) for cube in explained]

    def certain(self, cube: Sequence[int]) -> bool:
        """Whether from every state of the cube no goal is seen and no explained cube is come into."""
        count = self._network.latch_count
        ones, zeros = (np.zeros((count, 1), np.uint64) for _ in range(2))
        for literal in cube:
            (zeros if literal & 1 else ones)[literal >> 1] = _ALL
        for row in self._inputs:
            if any(not self._outside(explained, ones, zeros) for explained in self._explained):
                return False
            given = Ternary(_rail(row == 1), _rail(row == 0))
            after = evaluate(self._network, self._roots, given, Ternary(ones, zeros), threads=1)
            if (after.zeros[count:] != _ALL).any():
                return False
            ones, zeros = after.ones[:count], after.zeros[:count]
        return True

    def smaller(self, cube: Sequence[int]) -> Cube:
        """What is left of a cube when everything is dropped that silence does not need; the first are tried first."""
        return tuple(sorted(self._needed(list(cube), [])))

    def _needed(self, chances: list[int], kept: list[int]) -> list[int]:
        """A part of ``chances`` that, with ``kept``, is silent for certain; all of it together is."""
        if self.certain(kept):
            return []
        if len(chances) <= 1:
            return chances
        half = len(chances) // 2
        early, late = chances[:half], chances[half:]
        needed_early = self._needed(early, [*kept, *late])
        return [*needed_early, *self._needed(late, [*kept, *needed_early])]

    @staticmethod
    def _outside(cube: NDArray[np.int64], ones: NDArray[np.uint64], zeros: NDArray[np.uint64]) -> bool:
        against = np.where((cube & 1)[:, None] == 1, ones[cube >> 1], zeros[cube >> 1])
        return bool((against == _ALL).any())


def _rail(known: NDArray[np.bool_]) -> NDArray[np.uint64]:
    result: NDArray[np.uint64] = np.where(known, _ALL, np.uint64(0))[:, None]
    return result
