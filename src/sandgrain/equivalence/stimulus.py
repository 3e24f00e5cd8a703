"""Random inputs that get somewhere: some change every cycle, some are rarely 1, some stay for long; resets are rare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import ALL, Ports, Words
from sandgrain.equivalence.resets import Resets, reset_cycles, reset_value
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Ternary


class Stimulus:
    """Draws the inputs of one cycle after another, 64 runs to a machine word.

    Of every four words, one is drawn anew each cycle, in one most bits stay as they were, in one they stay for long,
    and in one bits are rarely 1 and a reset comes now and then. The other words see no reset after the first, so that
    what takes hundreds of cycles has the time.
    """

    def __init__(self, ports: Ports, resets: Resets, words: int, random: np.random.Generator) -> None:
        self.ports, self.resets, self.random = ports, resets, random
        self.lead = reset_cycles(resets)
        self.kind = np.arange(words) % 4
        self.last: Words = np.zeros((len(ports.inputs), 0), np.uint64)

    def begin(self) -> None:
        """Forget what was drawn."""
        self.last = self.last[:, :0]

    def draw(self, cycle: int) -> Words:
        """uint64 (input bits, words): the inputs of a cycle, those of the reset after power-up being the first."""
        shape = (len(self.ports.inputs), self.kind.size)
        drawn = self.random.integers(0, 1 << 64, (6, *shape), np.uint64)
        values: Words = np.where(self.kind == 3, drawn[0] & drawn[1] & drawn[2], drawn[0])
        if self.last.shape[1]:
            stay = np.where(self.kind == 2, np.bitwise_or.reduce(drawn[1:]), drawn[1] | drawn[2])
            stay = np.where((self.kind == 1) | (self.kind == 2), stay, np.uint64(0))
            values = (self.last & stay) | (values & ~stay)
        rare = np.where(self.kind == 3, np.bitwise_and.reduce(drawn[1:, :1].reshape(5, -1)), np.uint64(0))
        for at, key in enumerate(self.ports.inputs):
            if key in self.resets:
                values[at] = rare if self.resets[key][0] else ~rare
                value = reset_value(self.resets, key, cycle) if cycle < self.lead else None
                if value is not None:
                    values[at] = ALL if value else 0
        self.last = values
        return values


def known_inputs(network: Network, places: NDArray[np.int64], drawn: Words) -> Ternary:
    """The inputs of one side in three values, undefined ones unknown.

    Args:
        network: of the side.
        places: int64 (network inputs,), rows of ``drawn``, -1 for undefined.
        drawn: uint64 (input bits, words).
    """
    given = places >= 0
    inputs = Ternary(*(np.zeros((network.input_count, drawn.shape[1]), np.uint64) for _ in range(2)))
    inputs.ones[given] = drawn[places[given]]
    inputs.zeros[given] = ~inputs.ones[given]
    return inputs
