"""Compiled work at the end of a module: line numbers, and nets that assignments make one."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def line_numbers(text, offsets, pos, line):  # type: ignore[no-untyped-def]
    """uint32: the 1-based line of every offset; they ascend from ``pos``, which is in line ``line``."""
    lines = np.empty(offsets.size, np.uint32)
    for index in range(offsets.size):
        target = offsets[index]
        while pos < target:
            if text[pos] == 10:
                line += 1
            pos += 1
        lines[index] = line
    return lines


@numba.njit(cache=True)
def _root(parent, bit):  # type: ignore[no-untyped-def]
    while parent[bit] != bit:
        parent[bit] = parent[parent[bit]]
        bit = parent[bit]
    return bit


@numba.njit(cache=True)
def merge(bit_count, left, right, is_input):  # type: ignore[no-untyped-def]
    """Join the bits that assignments say are one.

    Args:
        bit_count: net bits of the module.
        left, right: int32 (aliases,), ``left`` a net bit, ``right`` a net bit or a constant.
        is_input: bool (bits,), the bits of input ports.

    Returns:
        (int32 (bits,) new number or constant of every bit, number of bits left, alias at fault or -1).
    """
    parent = np.arange(bit_count).astype(np.int32)
    constant = np.zeros(bit_count, np.int32)
    assigned = np.zeros(bit_count, np.bool_)
    result = np.empty(bit_count, np.int32)
    for index in range(left.size):
        if assigned[left[index]] or is_input[left[index]]:
            return result, 0, index
        assigned[left[index]] = True
        a = _root(parent, left[index])
        if right[index] < 0:
            if constant[a] != 0 and constant[a] != right[index]:
                return result, 0, index
            constant[a] = right[index]
            continue
        b = _root(parent, right[index])
        if a != b:
            if constant[a] != 0 and constant[b] != 0 and constant[a] != constant[b]:
                return result, 0, index
            low, high = min(a, b), max(a, b)
            parent[high] = low
            if constant[high] != 0:
                constant[low] = constant[high]
    count = 0
    for bit in range(bit_count):
        root = _root(parent, bit)
        if constant[root] != 0:
            result[bit] = constant[root]
        elif root == bit:
            result[bit] = count
            count += 1
        else:
            result[bit] = result[root]
    return result, count, -1
