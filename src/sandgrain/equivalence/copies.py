"""A network and its faulty copy, simulated beside each other under the same inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import Words, lane_of
from sandgrain.formal.sampling import spread
from sandgrain.logic.simulate import Simulator, read


class Copies:
    """Both copies, in lanes of 64 to a machine word.

    Args:
        faulty: the network.
        good, bad: bool (latches,), where all lanes of either copy begin.
        words: of lanes.
    """

    def __init__(self, faulty: Faulty, good: NDArray[np.bool_], bad: NDArray[np.bool_], words: int) -> None:
        self.faulty = faulty
        self.sides = Simulator(faulty.network, words), Simulator(faulty.network, words)
        for side, state in zip(self.sides, (good, bad), strict=True):
            side.state[:] = spread(state)

    @property
    def good(self) -> Words:
        """uint64 (latches, words): the states of the copy without faults."""
        return self.sides[0].state

    @property
    def apart(self) -> Words:
        """uint64 (latches, words): the lanes in which a register differs."""
        apart: Words = self.sides[0].state ^ self.sides[1].state
        return apart

    def step(self, inputs: Words) -> Words:
        """Settle under the inputs of a cycle: uint64 (outputs, words), the lanes in which an output differs."""
        for side in self.sides:
            side.inputs[:] = inputs
            side.evaluate()
        good, bad = self.sides
        apart: Words = read(good.values, self.faulty.outputs) ^ read(bad.values, self.faulty.faulty_outputs)
        return apart

    def clock(self) -> Words:
        """To the next cycle: uint64 (latches, words), the lanes in which a register differs."""
        good, bad = self.sides
        following = read(bad.values, self.faulty.faulty_next)
        good.clock()
        bad.state[:] = following
        return self.apart

    def states(self, lane: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The states of both copies in a lane: bool (latches,) each."""
        good, bad = (lane_of(side.state, lane) == 1 for side in self.sides)
        return good, bad
