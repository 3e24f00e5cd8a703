"""A block of stimuli through all cycles at once, so that what it works on stays in the cache.

Rows are stretches of ``words`` words (a multiple of ``LANES``) of one flat array. Two-valued: row ``r`` begins at word
``r * words``. Three-valued: each row is two, where the value is 1 and where it is 0, neither meaning X; literal ``l``
is 1 where row ``l`` says so and 0 where row ``l ^ 1`` does, so that negation costs nothing.
"""

from __future__ import annotations

import numba
import numpy as np

from sandgrain.logic._simulate_drive import UNKNOWN, drive
from sandgrain.logic._simulate_lanes import (
    FIELD_BITS,
    LANES,
    and_lanes,
    and_lanes_tally,
    kleene_lanes,
    kleene_lanes_tally,
    kleene_tally_lanes,
    move_lanes,
    tally_lanes,
)

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_PLAIN = np.uint64(0)  # no flip
_FIELD = np.uint64((1 << FIELD_BITS) - 1)
_UNKNOWN_AT = np.uint64(FIELD_BITS)
_TOGGLES_AT = np.uint64(2 * FIELD_BITS)
_X = 2


@numba.njit(cache=True, nogil=True)
def gates2(values, words, gates):  # type: ignore[no-untyped-def]
    """Settle the and-gates, two-valued."""
    for gate in range(gates.out.size):
        left, right = np.intp(gates.left[gate]), np.intp(gates.right[gate])
        flip0, flip1 = np.uint64(-(left & 1)), np.uint64(-(right & 1))
        out, row0, row1 = np.intp(gates.out[gate]) * words, (left >> 1) * words, (right >> 1) * words
        for at in range(0, words, LANES):
            and_lanes(values, out + at, row0 + at, row1 + at, flip0, flip1)


@numba.njit(cache=True, nogil=True)
def gates3(values, words, gates):  # type: ignore[no-untyped-def]
    """Settle the and-gates, three-valued."""
    for gate in range(gates.out.size):
        left, right, out = np.intp(gates.left[gate]), np.intp(gates.right[gate]), np.intp(gates.out[gate]) * 2
        left1, left0, right1, right0 = left * words, (left ^ 1) * words, right * words, (right ^ 1) * words
        out1, out0 = out * words, (out + 1) * words
        for at in range(0, words, LANES):
            kleene_lanes(values, out1 + at, out0 + at, left1 + at, left0 + at, right1 + at, right0 + at)


@numba.njit(cache=True, nogil=True, inline="always")
def _count(tally, row, later, ones, unknowns, toggles):  # type: ignore[no-untyped-def]
    ones[row] += tally & _FIELD
    unknowns[row] += (tally >> _UNKNOWN_AT) & _FIELD
    if later:
        toggles[row] += tally >> _TOGGLES_AT


@numba.njit(cache=True, nogil=True)
def _gates2_tally(values, words, gates, mask, later, ones, unknowns, toggles):  # type: ignore[no-untyped-def]
    for gate in range(gates.out.size):
        left, right = np.intp(gates.left[gate]), np.intp(gates.right[gate])
        flip0, flip1 = np.uint64(-(left & 1)), np.uint64(-(right & 1))
        out, row0, row1 = np.intp(gates.out[gate]) * words, (left >> 1) * words, (right >> 1) * words
        tally = np.uint64(0)
        for at in range(0, words, LANES):
            tally += and_lanes_tally(values, out + at, row0 + at, row1 + at, flip0, flip1, mask, at)
        _count(tally, gates.out[gate], later, ones, unknowns, toggles)


@numba.njit(cache=True, nogil=True)
def _gates3_tally(values, words, gates, mask, later, ones, unknowns, toggles):  # type: ignore[no-untyped-def]
    for gate in range(gates.out.size):
        left, right, out = np.intp(gates.left[gate]), np.intp(gates.right[gate]), np.intp(gates.out[gate]) * 2
        left1, left0, right1, right0 = left * words, (left ^ 1) * words, right * words, (right ^ 1) * words
        out1, out0 = out * words, (out + 1) * words
        tally = np.uint64(0)
        for at in range(0, words, LANES):
            tally += kleene_lanes_tally(
                values, out1 + at, out0 + at, left1 + at, left0 + at, right1 + at, right0 + at, mask, at
            )
        _count(tally, gates.out[gate], later, ones, unknowns, toggles)


@numba.njit(cache=True, nogil=True)
def _tally_row(values, row, rows, source, words, rails, mask):  # type: ignore[no-untyped-def]
    """Tally of ``values`` row ``row`` becoming row ``source`` of ``rows``."""
    tally = np.uint64(0)
    old, new = rails * row * words, rails * source * words
    for at in range(0, words, LANES):
        if rails == 1:
            tally += tally_lanes(values, old + at, rows, new + at, mask, at)
        else:
            tally += kleene_tally_lanes(values, old + at, old + words + at, rows, new + at, new + words + at, mask, at)
    return tally


@numba.njit(cache=True, nogil=True)
def _load(values, words, rails, sources, rows, mask, counting, later, ones, unknowns, toggles):  # type: ignore[no-untyped-def]
    """Move ``rows`` (laid out as ``values``) to the rows ``sources`` of ``values``."""
    stretch = rails * words
    for index in range(sources.size):
        row = np.intp(sources[index])
        if row >= 0:
            if counting:
                tally = _tally_row(values, row, rows, index, words, rails, mask)
                _count(tally, row, later, ones, unknowns, toggles)
            for at in range(0, stretch, LANES):
                move_lanes(values, row * stretch + at, rows, index * stretch + at, _PLAIN)


@numba.njit(cache=True, nogil=True)
def _both_rails(inputs, words, kinds, active, rows):  # type: ignore[no-untyped-def]
    """Two-valued rows as three-valued ones; X where an input's kind is and it has begun."""
    for which in range(kinds.size):
        unknown = kinds[which] == UNKNOWN and active[which]
        for word in range(words):
            value = inputs[which * words + word]
            rows[2 * which * words + word] = np.uint64(0) if unknown else value
            rows[(2 * which + 1) * words + word] = np.uint64(0) if unknown else ~value


@numba.njit(cache=True, nogil=True)
def _ones_of(values, words, rails, place, word):  # type: ignore[no-untyped-def]
    """One word of where a literal is 1, given its place ``2 * row + negated``."""
    place = np.intp(place)
    if rails == 2:
        return values[place * words + word]
    value = values[(place >> 1) * words + word]
    return ~value if place & 1 else value


@numba.njit(cache=True, nogil=True)
def _zeros_of(values, words, rails, place, word):  # type: ignore[no-untyped-def]
    """One word of where a literal is 0."""
    if rails == 2:
        return values[(np.intp(place) ^ 1) * words + word]
    return ~_ones_of(values, words, rails, place, word)


@numba.njit(cache=True, nogil=True)
def _begin(values, words, rails):  # type: ignore[no-untyped-def]
    """Row 0 is constant false."""
    for word in range(words):
        values[word] = np.uint64(0)
        if rails == 2:
            values[words + word] = _ALL


@numba.njit(cache=True, nogil=True)
def _move(target, to, source, start, width, flip):  # type: ignore[no-untyped-def]
    """``width`` words, not necessarily a multiple of ``LANES``."""
    whole = width - width % LANES
    for at in range(0, whole, LANES):
        move_lanes(target, to + at, source, start + at, flip)
    for at in range(whole, width):
        target[to + at] = source[start + at] ^ flip


@numba.njit(cache=True, nogil=True)
def _fetch(values, words, rails, sources, ones, zeros, every, start, width):  # type: ignore[no-untyped-def]
    """``width`` words of the rows of ``ones`` and ``zeros`` to the rows ``sources`` of ``values``."""
    for index in range(sources.size):
        row = np.intp(sources[index])
        if row >= 0:
            _move(values, rails * row * words, ones, index * every + start, width, _PLAIN)
            if rails == 2:
                _move(values, (2 * row + 1) * words, zeros, index * every + start, width, _PLAIN)


@numba.njit(cache=True, nogil=True)
def settle(  # type: ignore[no-untyped-def]
    gates,
    values,
    words,
    rails,
    count,
    inputs1,
    inputs0,
    state1,
    state0,
    places,
    out1,
    out0,
    every,
    first_word,
    last_word,
):
    """Combinational: words ``first_word`` to ``last_word`` of inputs and state through the gates, block by block.

    Args:
        values: uint64, working set of ``rails * rows * words``.
        count: number of inputs.
        inputs1, inputs0, state1, state0: uint64 (rows * every,), where they are 1 and, three-valued, where 0.
        places: uint32 (literals,), what to read out.
        out1, out0: uint64 (literals * every,), written.
        every: all words.
    """
    _begin(values, words, rails)
    for start in range(first_word, last_word, words):
        width = min(words, last_word - start)
        _fetch(values, words, rails, gates.sources[:count], inputs1, inputs0, every, start, width)
        _fetch(values, words, rails, gates.sources[count:], state1, state0, every, start, width)
        if rails == 1:
            gates2(values, words, gates)
        else:
            gates3(values, words, gates)
        for index in range(places.size):
            place = np.intp(places[index])
            if rails == 1:
                _move(out1, index * every + start, values, (place >> 1) * words, width, np.uint64(-(place & 1)))
            else:
                _move(out1, index * every + start, values, place * words, width, _PLAIN)
                _move(out0, index * every + start, values, (place ^ 1) * words, width, _PLAIN)


@numba.njit(cache=True, nogil=True)
def run_block(  # type: ignore[no-untyped-def]
    gates,
    values,
    words,
    rails,
    table,
    seed,
    cycles,
    first_word,
    mask,
    state,
    next_places,
    ready_places,
    counting,
    ones,
    unknowns,
    toggles,
    record_places,
    recorded1,
    recorded0,
    trace_places,
    trace_bit,
    traced,
):
    """Sequential: one block of stimuli through all cycles.

    Args:
        state: uint64 (latches * rails * words,), the initial state; afterwards the state after ``cycles`` clocks.
        next_places: uint32 (latches,); ready_places: uint32 (handshakes,).
        mask: uint64 (words,), the stimuli that exist and are counted.
        ones, unknowns, toggles: uint64 (rows,), added to when ``counting``.
        record_places: uint32 (literals,), read out in every cycle into recorded1 (and recorded0): uint64 (cycles,
            literals, all words).
        trace_places: uint32 (literals,), read out for stimulus ``trace_bit`` of this block, or nothing when negative,
            into ``traced``: uint8 (cycles, literals), 2 for X.
    """
    count = table.kind.size
    inputs = np.zeros(count * words, np.uint64)
    rows = np.zeros(count * words * 2, np.uint64) if rails == 2 else inputs
    active = np.zeros(count, np.bool_)
    fresh = np.zeros(words, np.uint64)
    ready = np.zeros(ready_places.size * words, np.uint64)
    holds = np.zeros(ready_places.size * words, np.uint64)
    scratch = np.empty_like(state)
    width = min(words, recorded1.shape[2] - first_word)
    _begin(values, words, rails)
    for cycle in range(cycles):
        later = cycle > 0
        drive(inputs, words, table, seed, cycle, first_word, ready, holds, fresh)
        if rails == 2:
            for which in range(count):
                active[which] = cycle >= table.start[which]
            _both_rails(inputs, words, table.kind, active, rows)
        _load(values, words, rails, gates.sources[:count], rows, mask, counting, later, ones, unknowns, toggles)
        _load(values, words, rails, gates.sources[count:], state, mask, counting, later, ones, unknowns, toggles)
        if rails == 1:
            if counting:
                _gates2_tally(values, words, gates, mask, later, ones, unknowns, toggles)
            else:
                gates2(values, words, gates)
        elif counting:
            _gates3_tally(values, words, gates, mask, later, ones, unknowns, toggles)
        else:
            gates3(values, words, gates)
        for shake in range(ready_places.size):
            for word in range(words):
                ready[shake * words + word] = _ones_of(values, words, rails, ready_places[shake], word)
        for index in range(record_places.size):
            for word in range(width):
                at = first_word + word
                recorded1[cycle, index, at] = _ones_of(values, words, rails, record_places[index], word) & mask[word]
                if rails == 2:
                    zeros = _zeros_of(values, words, rails, record_places[index], word)
                    recorded0[cycle, index, at] = zeros & mask[word]
        if trace_bit >= 0:
            word, shift = trace_bit // 64, np.uint64(trace_bit % 64)
            for index in range(trace_places.size):
                one = _ones_of(values, words, rails, trace_places[index], word) >> shift & np.uint64(1)
                zero = _zeros_of(values, words, rails, trace_places[index], word) >> shift & np.uint64(1)
                traced[cycle, index] = one if one or zero else _X
        for latch in range(next_places.size):
            at = latch * rails * words
            place = np.intp(next_places[latch])
            if rails == 2:
                for word in range(0, words, LANES):
                    move_lanes(scratch, at + word, values, place * words + word, _PLAIN)
                    move_lanes(scratch, at + words + word, values, (place ^ 1) * words + word, _PLAIN)
            else:
                flip = np.uint64(-(place & 1))
                for word in range(0, words, LANES):
                    move_lanes(scratch, at + word, values, (place >> 1) * words + word, flip)
        state, scratch = scratch, state
    return state
