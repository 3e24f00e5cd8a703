"""Which shapes touch: a sweep over horizontal strips, compiled.

A shape is a trapezoid with horizontal parallels: rows of int32 ``y0 y1 l0 r0 l1 r1``, its left and right ends at the
lower and at the upper edge.
"""

from __future__ import annotations

import numba
import numpy as np

APART, CORNER, EDGE, AREA = 0, 1, 2, 3


@numba.njit(cache=True)
def meeting(a, b):  # type: ignore[no-untyped-def]
    """How two trapezoids meet: not at all, in a point, along a line, in an area."""
    low = max(a[0], b[0])
    high = min(a[1], b[1])
    if low > high:
        return 0
    if max(a[2], a[4]) < min(b[2], b[4]) and max(a[3], a[5]) < min(b[2], b[4]):
        return 0
    if max(b[2], b[4]) < min(a[2], a[4]) and max(b[3], b[5]) < min(a[2], a[4]):
        return 0
    if a[2] == a[4] and a[3] == a[5] and b[2] == b[4] and b[3] == b[5]:
        left = max(a[2], b[2])
        right = min(a[3], b[3])
        if left > right:
            return 0
        return 1 + (1 if high > low else 0) + (1 if right > left else 0)
    # Widths of the overlap are the minimum of linear functions of y: concave, so look at the ends and in between.
    start, end = float(low), float(high)
    for turn in range(2):
        one, two = (a, b) if turn == 0 else (b, a)
        height_one = max(1.0, float(one[1]) - one[0])
        height_two = max(1.0, float(two[1]) - two[0])
        at_start = (one[2] + (one[4] - one[2]) * (start - one[0]) / height_one) - (
            two[3] + (two[5] - two[3]) * (start - two[0]) / height_two
        )
        at_end = (one[2] + (one[4] - one[2]) * (end - one[0]) / height_one) - (
            two[3] + (two[5] - two[3]) * (end - two[0]) / height_two
        )
        if at_start > 0 and at_end > 0:
            return 0
        if at_start > 0:
            start += (end - start) * at_start / (at_start - at_end)
        elif at_end > 0:
            end = start + (end - start) * (0 - at_start) / (at_end - at_start)
    middle = (start + end) / 2
    wide = 0.0
    for where in range(3):
        y = start if where == 0 else (middle if where == 1 else end)
        left = -1e18
        right = 1e18
        for turn in range(2):
            one = a if turn == 0 else b
            height = max(1.0, float(one[1]) - one[0])
            left = max(left, one[2] + (one[4] - one[2]) * (y - one[0]) / height)
            right = min(right, one[3] + (one[5] - one[3]) * (y - one[0]) / height)
        wide = max(wide, right - left)
    return 1 + (1 if end - start > 1e-6 else 0) + (1 if wide > 1e-6 else 0)


@numba.njit(cache=True)
def strips(shapes, height, bottom, count):  # type: ignore[no-untyped-def]
    """Indices of the shapes by strip, CSR: offsets int64 (count + 1,), members int32."""
    offsets = np.zeros(count + 1, np.int64)
    for i in range(shapes.shape[0]):
        for strip in range((shapes[i, 0] - bottom) // height, (shapes[i, 1] - bottom) // height + 1):
            offsets[strip + 1] += 1
    for strip in range(count):
        offsets[strip + 1] += offsets[strip]
    members = np.empty(offsets[count], np.int32)
    fill = offsets[:-1].copy()
    for i in range(shapes.shape[0]):
        for strip in range((shapes[i, 0] - bottom) // height, (shapes[i, 1] - bottom) // height + 1):
            members[fill[strip]] = i
            fill[strip] += 1
    return offsets, members


@numba.njit(cache=True)
def contacts(shapes, side, nodes, height, bottom, count, least):  # type: ignore[no-untyped-def]
    """Pairs of shapes that meet at least as ``least`` says, of different nodes.

    Args:
        shapes: int32 (n, 6).
        side: uint8 (n,); with two sides present only pairs across count, with one side every pair.
        nodes: int32 (n,).
        height, bottom, count: the strips.
        least: ``CORNER``, ``EDGE`` or ``AREA``.

    Returns:
        int32 (m, 2) indices of shapes, int8 (m,) how they meet.
    """
    offsets, members = strips(shapes, height, bottom, count)
    both = False
    for i in range(1, side.size):
        if side[i] != side[0]:
            both = True
            break
    capacity = max(1024, shapes.shape[0] * 2)
    pairs = np.empty((capacity, 2), np.int32)
    how = np.empty(capacity, np.int8)
    found = 0
    lefts = np.empty(shapes.shape[0], np.int32)
    rights = np.empty(shapes.shape[0], np.int32)
    for i in range(shapes.shape[0]):
        lefts[i] = min(shapes[i, 2], shapes[i, 4])
        rights[i] = max(shapes[i, 3], shapes[i, 5])
    for strip in range(count):
        first, last = offsets[strip], offsets[strip + 1]
        if last - first < 2:
            continue
        here = members[first:last]
        order = here[np.argsort(lefts[here])]
        for position in range(order.size):
            i = order[position]
            for other in range(position + 1, order.size):
                j = order[other]
                if lefts[j] > rights[i]:
                    break
                if (both and side[i] == side[j]) or nodes[i] == nodes[j]:
                    continue
                low = max(shapes[i, 0], shapes[j, 0])
                if low > min(shapes[i, 1], shapes[j, 1]) or (low - bottom) // height != strip:
                    continue
                kind = meeting(shapes[i], shapes[j])
                if kind < least:
                    continue
                if found == pairs.shape[0]:
                    larger = np.empty((found * 2, 2), np.int32)
                    larger[:found] = pairs
                    pairs = larger
                    more = np.empty(found * 2, np.int8)
                    more[:found] = how
                    how = more
                pairs[found, 0], pairs[found, 1] = i, j
                how[found] = kind
                found += 1
    return pairs[:found].copy(), how[:found].copy()


@numba.njit(cache=True)
def _root(parent, node):  # type: ignore[no-untyped-def]
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@numba.njit(cache=True)
def unite(parent, pairs):  # type: ignore[no-untyped-def]
    """Join the nodes of every pair, in place."""
    for k in range(pairs.shape[0]):
        one, two = _root(parent, pairs[k, 0]), _root(parent, pairs[k, 1])
        if one < two:
            parent[two] = one
        elif two < one:
            parent[one] = two


@numba.njit(cache=True)
def clusters(parent):  # type: ignore[no-untyped-def]
    """Cluster of every node, numbered by first occurrence: int32 (n,), and their number."""
    out = np.empty(parent.size, np.int32)
    seen = np.full(parent.size, -1, np.int32)
    count = 0
    for node in range(parent.size):
        root = _root(parent, node)
        if seen[root] < 0:
            seen[root] = count
            count += 1
        out[node] = seen[root]
    return out, count


@numba.njit(cache=True)
def place(shapes, turn, mirror, dx, dy):  # type: ignore[no-untyped-def]
    """Shapes of a cell at a placement: mirrored at the x axis, turned by ``turn`` quarters, moved.

    Rectangles turn as they are; a slanted trapezoid turned by a quarter becomes its bounding rectangle (see caller).
    """
    out = np.empty_like(shapes)
    for i in range(shapes.shape[0]):
        y0, y1, l0, r0, l1, r1 = shapes[i]
        if mirror:
            y0, y1, l0, r0, l1, r1 = -y1, -y0, l1, r1, l0, r0
        if turn == 1 or turn == 3:
            left, right = min(l0, l1), max(r0, r1)
            if turn == 1:
                y0, y1, l0, r0 = left, right, -y1, -y0
            else:
                y0, y1, l0, r0 = -right, -left, y0, y1
            l1, r1 = l0, r0
        elif turn == 2:
            y0, y1, l0, r0, l1, r1 = -y1, -y0, -r1, -l1, -r0, -l0
        out[i, 0], out[i, 1] = y0 + dy, y1 + dy
        out[i, 2], out[i, 3] = l0 + dx, r0 + dx
        out[i, 4], out[i, 5] = l1 + dx, r1 + dx
    return out
