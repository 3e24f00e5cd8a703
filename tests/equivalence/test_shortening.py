"""Runs with cycles left out: still different at their end, never longer, and begun alike."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Words
from sandgrain.equivalence.shortening import shorten

LEAD = 3


def _first_difference(ones: Words, zeros: Words) -> NDArray[np.int64]:
    """Differs from where input 1 was 1 once input 0 had been 1 in an earlier cycle, after the lead."""
    assert not (ones & zeros).any()
    seen = np.zeros(ones.shape[2], np.uint64)
    found = np.full(64 * ones.shape[2], -1, np.int64)
    for cycle in range(LEAD, len(ones)):
        differs = np.unpackbits((seen & ones[cycle, 1]).view(np.uint8), bitorder="little") != 0
        found[differs & (found < 0)] = cycle
        seen |= ones[cycle, 0]
    return found


@given(st.integers(0, 2**32 - 1), st.integers(2, 300))
@settings(max_examples=20, deadline=None)
def test_two_cycles_are_left(seed: int, length: int) -> None:
    random = np.random.default_rng(seed)
    inputs = np.zeros((LEAD + length, 3), np.uint8)
    inputs[:, 2] = random.integers(0, 2, len(inputs))
    inputs[LEAD + int(random.integers(0, length - 1)), 0] = 1
    inputs[-1, 1] = 1
    found = shorten(inputs, LEAD, _first_difference, time.monotonic() + 60, random)
    assert len(found) == LEAD + 2
    np.testing.assert_array_equal(found[:LEAD], inputs[:LEAD])
    assert found[LEAD, 0] == 1 and found[LEAD + 1, 1] == 1


def test_what_is_needed_stays() -> None:
    inputs = np.zeros((LEAD + 2, 3), np.uint8)
    inputs[LEAD, 0] = inputs[LEAD + 1, 1] = 1
    found = shorten(inputs, LEAD, _first_difference, time.monotonic() + 60, np.random.default_rng(1))
    np.testing.assert_array_equal(found, inputs)
    late = shorten(np.zeros((90, 3), np.uint8), LEAD, _first_difference, 0.0, np.random.default_rng(1))
    assert len(late) == 90
