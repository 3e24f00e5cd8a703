"""Whether an output that three-valued simulation does not know is another than it has to be, whatever it is.

A loop of gates may hold what it was, as a latch does, and is unknown then to whoever goes round it from an unknown
value. So it is run as it is: from the value it had in the cycle before, until it rests or is seen not to. Only where it
does not come to rest at the wanted value, whatever it was at power-up and whichever gate is the faster, is there a
difference. A net that nothing drives may be anything in every cycle, and one value that makes a difference is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import ALL, Words
from sandgrain.equivalence.sides import Side
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import Literals
from sandgrain.logic.simulate import Simulator, read

_WORDS: Final = 16
_SETTLING: Final = 8
"""Times that each loop may change before it is said not to rest."""

Place = tuple[int, int]
"""Cycle and output."""


class Resting:
    """Runs one side in lanes that differ in what nothing defines and in what its loops were at power-up.

    Args:
        side: the side.
        places: int64 (network inputs,), the input bit each is, -1 where nothing defines it.
        outputs: uint32, literals of the network in which loops are cut open.
        random: for all that is open.
    """

    def __init__(self, side: Side, places: NDArray[np.int64], outputs: Literals, random: np.random.Generator) -> None:
        self.network, self.outputs, self.random = side.opened.network, outputs, random
        self.known, self.places = np.flatnonzero(places >= 0), places[places >= 0]
        self.loops = np.array([at for at, _ in side.opened.loops], np.int64)
        self.driving = np.array([literal for _, literal in side.opened.loops], np.uint32)
        self.open = np.setdiff1d(side.free, self.loops)
        self.simulator = Simulator(self.network, _WORDS)

    def differing(self, inputs: NDArray[np.uint8], wanted: Mapping[Place, int]) -> Place | None:
        """The first of some places at which the output is another than it has to be.

        Args:
            inputs: uint8 (cycles, input bits), of a run from power-up.
            wanted: the values that they have to have.
        """
        simulator = self.simulator
        simulator.state[:] = spread(self.network.latch_init == 1)
        simulator.inputs[self.loops] = self._drawn(self.loops.size)
        for cycle, row in enumerate(inputs):
            simulator.inputs[self.known] = spread(row[self.places] == 1)
            simulator.inputs[self.open] = self._drawn(self.open.size)
            seen = list(self._settled())
            for output in range(self.outputs.size):
                value = wanted.get((cycle, output))
                if value is not None:
                    other = np.bitwise_or.reduce([row[output] ^ (ALL if value else np.uint64(0)) for row in seen])
                    if (other == ALL).all() if self.loops.size else other.any():
                        return cycle, output
            simulator.clock()
        return None

    def _settled(self) -> Iterator[Words]:
        """uint64 (outputs, words): what the outputs rest at; of loops that do not rest, what they are in turn."""
        simulator = self.simulator
        for _ in range(1 + _SETTLING * self.loops.size):
            if not self._moved().any():
                break
        yield read(simulator.values, self.outputs)
        for _ in range(_SETTLING * self.loops.size):
            if not self._moved().any():
                break
            yield read(simulator.values, self.outputs)

    def _moved(self) -> Words:
        """uint64 (loops, words): which loops are not at what drives them; some of those of every lane change."""
        simulator = self.simulator
        simulator.evaluate()
        wrong: Words = read(simulator.values, self.driving) ^ simulator.inputs[self.loops]
        if wrong.any():
            # One loop by itself has no choice; of several, any may be the first to change.
            some = self._drawn(self.loops.size) if self.loops.size > 1 else ALL
            simulator.inputs[self.loops] ^= wrong & some
            simulator.evaluate()
        return wrong

    def _drawn(self, rows: int) -> Words:
        return self.random.integers(0, 1 << 64, (rows, _WORDS), np.uint64)
