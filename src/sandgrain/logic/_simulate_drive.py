"""Driving inputs inside the simulation: every word follows from (seed, stream, cycle, word) and from nothing else.

The generator is counter-based: a word is the SplitMix64 finaliser (Steele, Lea and Flood, *Fast splittable
pseudorandom number generators*, OOPSLA 2014) of a counter that starts where the key of the stream and the cycle say.
So no word depends on how the work is cut into blocks or on how many threads do it.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic._simulate_lanes import LANES, draw_lanes

CONSTANT, RANDOM, HELD, UNKNOWN, SEQUENCE, GIVEN, VALID, PAYLOAD = range(8)

PROBABILITY_BITS = 16
CERTAIN = 1 << PROBABILITY_BITS
"""Probability 1, as a threshold."""

INITIAL = -1
"""The cycle whose words are the unknown initial state; its streams follow those of the inputs."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64((PROBABILITY_BITS * 0x9E3779B97F4A7C15) % 2**64)


class Table(NamedTuple):
    """What drives each input; arrays of one entry per input unless said otherwise.

    Attributes:
        kind: uint8, one of the kinds above.
        start: int64, first cycle of it; before that the input is ``before``.
        before: uint8, 0 or 1.
        threshold: uint32, probability of a one in units of ``1 / CERTAIN``.
        first, length: int64, where its values are in ``sequence`` or ``given``; for `VALID` and `PAYLOAD` ``first`` is
            the number of the handshake.
        repeats: uint8, whether a sequence starts again at its end instead of keeping its last value.
        sequence: uint8 (any,).
        given: uint64 (any, words).
        valid: int64 (handshakes,), the input that is the valid of each handshake.
    """

    kind: NDArray[np.uint8]
    start: NDArray[np.int64]
    before: NDArray[np.uint8]
    threshold: NDArray[np.uint32]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    repeats: NDArray[np.uint8]
    sequence: NDArray[np.uint8]
    given: NDArray[np.uint64]
    valid: NDArray[np.int64]


@numba.njit(cache=True, inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _fill(out, at, words, value):  # type: ignore[no-untyped-def]
    # Loops, not slices: what numba compiles for a slice that might not fit takes seconds.
    for word in range(words):
        out[at + word] = _ALL if value else np.uint64(0)


@numba.njit(cache=True, nogil=True)
def random_row(out, at, words, seed, stream, cycle, first_word, threshold):  # type: ignore[no-untyped-def]
    """Fill ``out[at : at + words]`` with bits that are one with probability ``threshold / CERTAIN``.

    ``words`` is a multiple of ``LANES``. The threshold is read as a binary fraction from its last digit on: or with a
    random word where the digit is one, and where it is zero, so that every digit halves what came before.
    """
    _fill(out, at, words, threshold >= CERTAIN)
    if threshold == 0 or threshold >= CERTAIN:
        return
    key = _mix(_mix(seed + _GOLDEN) ^ ((np.uint64(stream) + np.uint64(1)) * _GOLDEN))
    key = _mix(key ^ ((np.uint64(cycle) + np.uint64(2)) * _GOLDEN))
    digit = 0
    while not (threshold >> digit) & 1:
        digit += 1
    while digit < PROBABILITY_BITS:
        either = _ALL if (threshold >> digit) & 1 else np.uint64(0)
        for word in range(0, words, LANES):
            counter = np.uint64((first_word + word) * PROBABILITY_BITS + digit + 1)
            draw_lanes(out, at + word, key + counter * _GOLDEN, _STEP, either)
        digit += 1


@numba.njit(cache=True, nogil=True)
def drive(inputs, words, table, seed, cycle, first_word, ready, holds, fresh):  # type: ignore[no-untyped-def]
    """The inputs of one cycle, in place of those of the cycle before.

    Args:
        inputs: uint64 (inputs * words,).
        ready: uint64 (handshakes * words,), where the ready of each handshake was certainly one in the cycle before.
        holds: uint64 (handshakes * words,), scratch: where a handshake is still waiting.
        fresh: uint64 (words,), scratch.
    """
    for shake in range(table.valid.size):
        at, valid = shake * words, table.valid[shake] * words
        for word in range(words):
            waiting = inputs[valid + word] & ~ready[at + word]
            holds[at + word] = waiting if cycle else np.uint64(0)
    for which in range(table.kind.size):
        kind, at, began = table.kind[which], which * words, cycle - table.start[which]
        if began < 0:
            _fill(inputs, at, words, table.before[which])
        elif kind in (RANDOM, CONSTANT):
            random_row(inputs, at, words, seed, which, cycle, first_word, table.threshold[which])
        elif kind == HELD:
            if began == 0:
                random_row(inputs, at, words, seed, which, cycle, first_word, table.threshold[which])
        elif kind in (SEQUENCE, GIVEN):
            length = table.length[which]
            step = began % length if table.repeats[which] else min(began, length - 1)
            row = table.first[which] + step
            if kind == SEQUENCE:
                _fill(inputs, at, words, table.sequence[row])
            else:
                # The last block may be wider than what was given.
                for word in range(words):
                    there = first_word + word < table.given.shape[1]
                    inputs[at + word] = table.given[row, first_word + word] if there else np.uint64(0)
        elif kind in (VALID, PAYLOAD):
            random_row(fresh, 0, words, seed, which, cycle, first_word, table.threshold[which])
            hold = table.first[which] * words
            for word in range(words):
                keep = holds[hold + word]
                if kind == VALID:
                    inputs[at + word] = keep | fresh[word]
                else:
                    inputs[at + word] = (inputs[at + word] & keep) | (fresh[word] & ~keep)
        else:
            _fill(inputs, at, words, 0)
