"""A run with cycles left out that still ends in a difference: stretches of it, tried in lanes beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Words, words_of

_WORDS: Final = 8
_VAIN: Final = 2
"""Rounds without a shorter run after which it is left as it is."""


def shorten(
    inputs: NDArray[np.uint8],
    lead: int,
    first_difference: Callable[[Words, Words], NDArray[np.int64]],
    until: float,
    random: np.random.Generator,
) -> NDArray[np.uint8]:
    """The run with as many cycles left out as was found to be possible.

    Args:
        inputs: uint8 (cycles, input bits) of 0 and 1; the difference is in the last cycle.
        lead: cycles at its beginning that stay.
        first_difference: the first cycle in which each lane of a run in two rails, uint64 (cycles, input bits, words)
            each, differs at an output, -1 if it does not.
        until: monotonic time at which to be content with what there is.
        random: for the choice of stretches.
    """
    vain = 0
    while vain < _VAIN and len(inputs) > lead + 1 and time.monotonic() < until:
        cycles = _candidates(len(inputs), lead, random)
        ones = _packed(inputs, cycles)
        found = first_difference(ones, ~ones)
        lengths = np.where(found >= 0, found + 1, len(inputs))
        lane = int(lengths.argmin())
        vain = 0 if lengths[lane] < len(inputs) else vain + 1
        if not vain:
            inputs = inputs[cycles[lane, : lengths[lane]]]
    return inputs


def _candidates(count: int, lead: int, random: np.random.Generator) -> NDArray[np.int64]:
    """int64 (lanes, cycles): which cycle of the run a lane has where; each leaves one stretch out."""
    lanes = 64 * _WORDS
    room = count - lead - 1
    # Long stretches and short ones alike.
    lengths = np.maximum(1, (room ** random.random(lanes)).astype(np.int64))
    begins = lead + (random.random(lanes) * (room - lengths + 1)).astype(np.int64)
    cycles = np.broadcast_to(np.arange(count), (lanes, count))
    moved = cycles + np.where(cycles >= begins[:, None], lengths[:, None], 0)
    return np.minimum(moved, count - 1)


def _packed(inputs: NDArray[np.uint8], cycles: NDArray[np.int64]) -> Words:
    """uint64 (cycles, input bits, words): the rows each lane has."""
    ones: Words = np.empty((cycles.shape[1], inputs.shape[1], _WORDS), np.uint64)
    for cycle in range(cycles.shape[1]):
        bits = inputs[cycles[:, cycle]] == 1
        ones[cycle] = words_of(bits.T)
    return ones
