"""Values of signals, 64 stimuli to a word, and the state a run begins in."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic._simulate_drive import CERTAIN, INITIAL, random_row
from sandgrain.logic.network import UNKNOWN, Network

Words = NDArray[np.uint64]
"""uint64 (rows, words): row per signal, bit ``j`` of word ``w`` belongs to stimulus ``64 * w + j``."""

UnknownState = Literal["x", "random", "zero"]
"""What a latch without an initial value starts as."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


class Ternary(NamedTuple):
    """Values of three-valued signals; X where neither.

    Attributes:
        ones: where the signal is 1.
        zeros: where the signal is 0.
    """

    ones: Words
    zeros: Words


class Beginning:
    """The initial state, block by block."""

    def __init__(
        self,
        network: Network,
        seed: int,
        three_valued: bool,
        initial: Words | Ternary | None,
        unknown: UnknownState | None,
        words: int,
    ) -> None:
        self.network = network
        self.seed = np.uint64(seed)
        self.rails = 1 + three_valued
        self.unknown = unknown or ("x" if three_valued else "random")
        self.given: tuple[Words, Words] | None = None
        if initial is not None:
            if isinstance(initial, Ternary) != three_valued:
                raise NetworkError(
                    "the initial state is not of the kind of the run", expected="Ternary if three-valued"
                )
            self.given = rails_of(network.latch_count, words, initial, "initial state")

    def block(self, start: int, width: int, words: int) -> Words:
        """uint64 (latches * rails * words,)."""
        network = self.network
        rows = np.zeros((network.latch_count, self.rails, words), np.uint64)
        if self.given is not None:
            for rail in range(self.rails):
                rows[:, rail, :width] = self.given[rail][:, start : start + width]
            return rows.reshape(-1)
        rows[network.latch_init == 1, 0] = _ALL
        unknown = np.flatnonzero(network.latch_init == UNKNOWN)
        if self.unknown == "random":
            row = np.zeros(words, np.uint64)
            for latch in unknown.tolist():
                random_row(row, 0, words, self.seed, network.input_count + latch, INITIAL, start, CERTAIN // 2)
                rows[latch, 0] = row
        if self.rails == 2:
            rows[:, 1] = ~rows[:, 0]
            if self.unknown == "x":
                rows[unknown] = 0
        return rows.reshape(-1)


def rails_of(rows: int, words: int, values: Words | Ternary, what: str) -> tuple[Words, Words]:
    """Both rails (the second is the first if two-valued), after a look at their shapes."""
    rails = values if isinstance(values, Ternary) else (values, values)
    for rail in rails:
        if rail.dtype != np.uint64 or rail.shape != (rows, words):
            raise NetworkError(f"{what} is {rail.dtype} {rail.shape}", expected=f"uint64 ({rows}, {words})")
    if isinstance(values, Ternary) and (values.ones & values.zeros).any():
        raise NetworkError(f"{what} has a signal that is 0 and 1 at once", expected="ones & zeros == 0")
    return np.ascontiguousarray(rails[0]), np.ascontiguousarray(rails[1])
