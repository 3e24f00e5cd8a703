"""Compiled passes of the module digest: numbering from the outputs backwards, and colours for what that misses."""

from __future__ import annotations

import numba
import numpy as np

from sandgrain.netlist.model import OUTPUT

_SEVERAL = -2


@numba.njit(cache=True)
def sole_drivers(first_bits, pin_offsets, bit_offsets, bits, directions, bit_count):  # type: ignore[no-untyped-def]
    """The only cell with an output on each net bit; -1 for none, -2 for several."""
    owner = np.full(bit_count, -1, np.int32)
    for cell in range(first_bits.size - 1):
        for pin in range(pin_offsets[cell], pin_offsets[cell + 1]):
            if directions[pin] != OUTPUT:
                continue
            for position in range(bit_offsets[pin], bit_offsets[pin + 1]):
                bit = bits[position]
                if bit >= 0:
                    owner[bit] = cell if owner[bit] == -1 else _SEVERAL
    return owner


@numba.njit(cache=True)
def number(start, owner, inits, signature, kinds, order_offsets, order, pin_ranks, pin_offsets, bit_offsets, bits):  # type: ignore[no-untyped-def]
    """Number nets and cells in the order in which they are met from ``start`` backwards, and write it all down.

    Every cell met is written once, with all its pins in order of name, so that what is written describes exactly the
    part of the netlist that was met, whatever its names and its order were.
    """
    bit_count, cells = owner.size, signature.size
    bit_numbers = np.full(bit_count, -1, np.int32)
    cell_numbers = np.full(cells, -1, np.int32)
    queue = np.empty(bit_count, np.int32)
    out = np.empty(start.size + bits.size + 3 * pin_ranks.size + cells + bit_count, np.int32)
    at = 0
    known = 0
    for index in range(start.size):
        bit = start[index]
        if bit >= 0:
            if bit_numbers[bit] < 0:
                bit_numbers[bit] = known
                queue[known] = bit
                known += 1
            bit = bit_numbers[bit]
        out[at] = bit
        at += 1
    done = 0
    met = 0
    while done < known:
        bit = queue[done]
        done += 1
        out[at] = inits[bit]
        at += 1
        cell = owner[bit]
        if cell < 0 or cell_numbers[cell] >= 0:
            continue
        cell_numbers[cell] = met
        met += 1
        kind = signature[cell]
        out[at] = kinds[kind]
        at += 1
        for place in range(order_offsets[kind], order_offsets[kind + 1]):
            pin = pin_offsets[cell] + order[place]
            out[at] = pin_ranks[pin]
            out[at + 1] = bit_offsets[pin + 1] - bit_offsets[pin]
            at += 2
            for position in range(bit_offsets[pin], bit_offsets[pin + 1]):
                found = bits[position]
                if found >= 0:
                    if bit_numbers[found] < 0:
                        bit_numbers[found] = known
                        queue[known] = found
                        known += 1
                    found = bit_numbers[found]
                out[at] = found
                at += 1
    return out[:at].copy(), bit_numbers, cell_numbers


@numba.njit(cache=True, inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True)
def refine(chosen, colours, bit_colours, fresh, pin_ranks, pin_offsets, bit_offsets, bits):  # type: ignore[no-untyped-def]
    """One round of colour refinement over the ``chosen`` cells and the nets that have no number (``fresh``)."""
    lanes = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
    added = np.zeros_like(bit_colours)
    for lane in range(2):
        for index in range(chosen.size):
            cell = chosen[index]
            total = colours[index, lane]
            for pin in range(pin_offsets[cell], pin_offsets[cell + 1]):
                for position in range(bit_offsets[pin], bit_offsets[pin + 1]):
                    label = (np.uint64(pin_ranks[pin]) << np.uint64(32)) + np.uint64(position - bit_offsets[pin])
                    bit = bits[position]
                    seen = bit_colours[bit, lane] if bit >= 0 else np.uint64(-bit)
                    total += _mixed(seen + lanes[lane] * (label + np.uint64(1)))
            for pin in range(pin_offsets[cell], pin_offsets[cell + 1]):
                for position in range(bit_offsets[pin], bit_offsets[pin + 1]):
                    bit = bits[position]
                    if bit >= 0 and fresh[bit]:
                        label = (np.uint64(pin_ranks[pin]) << np.uint64(32)) + np.uint64(position - bit_offsets[pin])
                        added[bit, lane] += _mixed(colours[index, lane] ^ (lanes[lane] * (label + np.uint64(7))))
            colours[index, lane] = _mixed(total + lanes[lane])
        for bit in range(fresh.size):
            if fresh[bit]:
                bit_colours[bit, lane] = _mixed(bit_colours[bit, lane] + added[bit, lane] + lanes[lane])
