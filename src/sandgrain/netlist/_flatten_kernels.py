"""Compiled passes of flattening: the tree of occurrences, their paths, their cells, and which net bits are one."""

from __future__ import annotations

import numba
import numpy as np

from sandgrain.netlist.model import ONE

DOT = 46


@numba.njit(cache=True)
def occurrences(count, sub_offsets, sub_cells, sub_modules, top):  # type: ignore[no-untyped-def]
    """Every occurrence of a module, parents before children: (module, parent, cell that makes it)."""
    module = np.empty(count, np.int32)
    parent = np.empty(count, np.int32)
    made_by = np.empty(count, np.int64)
    module[0], parent[0], made_by[0] = top, -1, -1
    used = 1
    for index in range(count):
        kind = module[index]
        for sub in range(sub_offsets[kind], sub_offsets[kind + 1]):
            module[used] = sub_modules[sub]
            parent[used] = index
            made_by[used] = sub_cells[sub]
            used += 1
    return module, parent, made_by


@numba.njit(cache=True)
def paths(parent, made_by, name_ids, name_offsets, name_bytes):  # type: ignore[no-untyped-def]
    """``a.b.`` for every occurrence, as one buffer with offsets."""
    count = parent.size
    offsets = np.zeros(count + 1, np.int64)
    for index in range(1, count):
        name = name_ids[made_by[index]]
        above = parent[index]
        length = offsets[above + 1] - offsets[above] + name_offsets[name + 1] - name_offsets[name] + 1
        offsets[index + 1] = offsets[index] + length
    out = np.empty(offsets[count], np.uint8)
    for index in range(1, count):
        at = offsets[index]
        for position in range(offsets[parent[index]], offsets[parent[index] + 1]):
            out[at] = out[position]
            at += 1
        name = name_ids[made_by[index]]
        for position in range(name_offsets[name], name_offsets[name + 1]):
            out[at] = name_bytes[position]
            at += 1
        out[at] = DOT
    return out, offsets


@numba.njit(cache=True)
def long_names(module, path_offsets, path_bytes, item_offsets, items, name_ids, name_offsets, name_bytes, count):  # type: ignore[no-untyped-def]
    """The names of the ``items`` of every occurrence after its path, as one buffer with offsets."""
    offsets = np.zeros(count + 1, np.int64)
    used = 0
    for index in range(module.size):
        prefix = path_offsets[index + 1] - path_offsets[index]
        for item in range(item_offsets[module[index]], item_offsets[module[index] + 1]):
            name = name_ids[items[item]]
            offsets[used + 1] = offsets[used] + prefix + name_offsets[name + 1] - name_offsets[name]
            used += 1
    out = np.empty(offsets[count], np.uint8)
    at = 0
    for index in range(module.size):
        for item in range(item_offsets[module[index]], item_offsets[module[index] + 1]):
            for position in range(path_offsets[index], path_offsets[index + 1]):
                out[at] = path_bytes[position]
                at += 1
            name = name_ids[items[item]]
            for position in range(name_offsets[name], name_offsets[name + 1]):
                out[at] = name_bytes[position]
                at += 1
    return out, offsets


@numba.njit(cache=True)
def copied(module, item_offsets, items, count):  # type: ignore[no-untyped-def]
    """The items of every occurrence one after another, and the occurrence of each."""
    out = np.empty(count, np.int64)
    owner = np.empty(count, np.int32)
    used = 0
    for index in range(module.size):
        for item in range(item_offsets[module[index]], item_offsets[module[index] + 1]):
            out[used] = items[item]
            owner[used] = index
            used += 1
    return out, owner


@numba.njit(cache=True)
def gather(source, owner, bases, remap, group_offsets, inner_offsets, bits):  # type: ignore[no-untyped-def]
    """Pins and bits of the chosen items: where each item's groups begin, the groups, where bits begin, the bits."""
    groups = np.zeros(source.size + 1, np.int64)
    total = 0
    for item in range(source.size):
        first, last = group_offsets[source[item]], group_offsets[source[item] + 1]
        groups[item + 1] = groups[item] + last - first
        total += inner_offsets[last] - inner_offsets[first]
    chosen = np.empty(groups[source.size], np.int64)
    offsets = np.zeros(groups[source.size] + 1, np.int64)
    out = np.empty(total, np.int32)
    at = 0
    used = 0
    for item in range(source.size):
        base = bases[owner[item]]
        for group in range(group_offsets[source[item]], group_offsets[source[item] + 1]):
            chosen[used] = group
            for position in range(inner_offsets[group], inner_offsets[group + 1]):
                bit = bits[position]
                out[at] = remap[base + bit] if bit >= 0 else bit
                at += 1
            used += 1
            offsets[used] = at
    return groups, chosen, offsets, out


@numba.njit(cache=True, inline="always")
def _root(parents, bit):  # type: ignore[no-untyped-def]
    while parents[bit] != bit:
        parents[bit] = parents[parents[bit]]
        bit = parents[bit]
    return bit


@numba.njit(cache=True)
def unite(  # type: ignore[no-untyped-def]
    module, parent, made_by, bases, total, pin_offsets, pin_ports, bit_offsets, bits, port_offsets, port_bits
):
    """Net bits that ports make one: (new number or constant of each bit, how many, conflict)."""
    parents = np.arange(total)
    remap = np.empty(total, np.int32)
    value = np.zeros(total, np.int8)  # of a root: 0, or the constant it is
    for index in range(1, module.size):
        cell = made_by[index]
        outer, inner = bases[parent[index]], bases[index]
        for pin in range(pin_offsets[cell], pin_offsets[cell + 1]):
            port = pin_ports[pin]
            for position in range(bit_offsets[pin + 1] - bit_offsets[pin]):
                one = np.int64(bits[bit_offsets[pin] + position])
                two = np.int64(port_bits[port_offsets[port] + position])
                if one < ONE or two < ONE:
                    continue  # x and z drive nothing
                if one < 0 and two < 0:
                    if one != two:
                        return remap, 0, index
                    continue
                if one < 0 or two < 0:
                    constant = min(one, two)
                    root = _root(parents, outer + one if one >= 0 else inner + two)
                    if value[root] != 0 and value[root] != constant:
                        return remap, 0, index
                    value[root] = constant
                    continue
                a, b = _root(parents, outer + one), _root(parents, inner + two)
                if a == b:
                    continue
                if value[a] != 0 and value[b] != 0 and value[a] != value[b]:
                    return remap, 0, index
                low, high = min(a, b), max(a, b)
                parents[high] = low
                if value[low] == 0:
                    value[low] = value[high]
    used = 0
    for bit in range(total):
        root = _root(parents, bit)
        if root == bit:
            if value[bit] != 0:
                remap[bit] = value[bit]
            else:
                remap[bit] = used
                used += 1
        else:
            remap[bit] = remap[root]
    return remap, used, -1
