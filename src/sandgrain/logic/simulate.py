"""Bit-parallel two-valued simulation: 64 stimuli per machine word, one pass over the and-gates per cycle."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.network import Literals, Network

Words = NDArray[np.uint64]
"""uint64 (rows, words): row per signal, bit ``j`` of word ``w`` belongs to stimulus ``64 * w + j``."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@numba.njit(cache=True, parallel=False, nogil=True)
def _evaluate(values, fanin0, fanin1, first_and):  # type: ignore[no-untyped-def]
    words = values.shape[1]
    for gate in range(fanin0.size):
        left, right = fanin0[gate], fanin1[gate]
        flip0 = _ALL if left & 1 else np.uint64(0)
        flip1 = _ALL if right & 1 else np.uint64(0)
        row0, row1, out = left >> 1, right >> 1, first_and + gate
        for word in range(words):
            values[out, word] = (values[row0, word] ^ flip0) & (values[row1, word] ^ flip1)


def read(values: Words, literals: Literals) -> Words:
    """The rows of ``values`` that ``literals`` name, negated where they are: uint64 (literals, words)."""
    flips = np.where(literals & np.uint32(1), _ALL, np.uint64(0))
    rows: Words = values[literals >> np.uint32(1)] ^ flips[:, None]
    return rows


class Simulator:
    """Cycle-accurate simulation of many stimuli of one `Network` at once.

    Attributes:
        values: uint64 (variables, words), the value of every variable in the current cycle after `evaluate`.
    """

    def __init__(self, network: Network, words: int) -> None:
        self.network = network
        self.values: Words = np.zeros((network.variable_count, words), np.uint64)

    @property
    def state(self) -> Words:
        """uint64 (latches, words): a view; assign to its rows to set the state."""
        return self.values[self.network.first_latch : self.network.first_and]

    @property
    def inputs(self) -> Words:
        """uint64 (inputs, words): a view; assign to its rows to drive the inputs."""
        return self.values[1 : self.network.first_latch]

    def evaluate(self) -> None:
        """Settle the and-gates for the present state and inputs."""
        _evaluate(self.values, self.network.fanin0, self.network.fanin1, self.network.first_and)

    def clock(self) -> None:
        """Move every latch to its next state; call after `evaluate`."""
        self.state[:] = read(self.values, self.network.latch_next)
