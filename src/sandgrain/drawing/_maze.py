"""The compiled maze router: one net at a time on a grid of three layers, after PathFinder (McMurchie, Ebeling 1995).

A node is a crossing of tracks on one layer: 0 is met2 (better up and down), 1 is met3 (better across), 2 is met4
(better up and down, every second column alone). A node takes *places*, and two nets on one place are a conflict: on
met2 and met4 a node is a place of its own; on met3, where two ends one column apart would be too close, it takes the
place on either side of it, so that different nets keep two columns between them.

A wire on met3 that comes by a via goes on on met3 before it takes a via again: metal between two vias alone
would be smaller than the process allows. So the search knows a fourth layer, met3 just reached by a via.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float32]

_STEP_X = 1.0
_STEP_Y = 680 / 460
_VIA = 2.5
_AGAINST = 1.6
"""What a step against the direction of a layer costs more."""


@njit(cache=True)
def places(node: int, nx: int, ny: int) -> tuple[int, int]:
    """The one or two places of a node; the second is -1 where there is one only."""
    plane = nx * ny
    layer = node // plane
    if layer != 1:
        return node, -1
    # Row by row, one place more than there are columns, in a numbering that begins after the nodes.
    rest = node - plane
    first = 3 * plane + (rest // nx) * (nx + 1) + rest % nx
    return first, first + 1


@njit(cache=True)
def _push(keys: FloatArray, heap: IntArray, size: int, key: float, node: int) -> int:
    at = size
    while at > 0:
        up = (at - 1) >> 1
        if keys[up] <= key:
            break
        keys[at], heap[at] = keys[up], heap[up]
        at = up
    keys[at], heap[at] = key, node
    return size + 1


@njit(cache=True)
def _pop(keys: FloatArray, heap: IntArray, size: int) -> int:
    """Take the top away; the caller has read it."""
    size -= 1
    key, node = keys[size], heap[size]
    at = 0
    while True:
        down = 2 * at + 1
        if down >= size:
            break
        if down + 1 < size and keys[down + 1] < keys[down]:
            down += 1
        if keys[down] >= key:
            break
        keys[at], heap[at] = keys[down], heap[down]
        at = down
    keys[at], heap[at] = key, node
    return size


@njit(cache=True)
def spanning_order(x: IntArray, y: IntArray) -> tuple[IntArray, IntArray]:
    """The pins of a net in the order of Prim's tree, and for each the pin it is nearest to among those before it."""
    pins = len(x)
    order, parent = np.zeros(pins, np.int32), np.zeros(pins, np.int32)
    away = np.full(pins, 1 << 30, np.int64)
    near = np.zeros(pins, np.int32)
    done = np.zeros(pins, np.bool_)
    last = 0
    done[0] = True
    for index in range(1, pins):
        best = -1
        for pin in range(pins):
            if done[pin]:
                continue
            distance = abs(x[pin] - x[last]) + abs(y[pin] - y[last])
            if distance < away[pin]:
                away[pin], near[pin] = distance, last
            if best < 0 or away[pin] < away[best]:
                best = pin
        order[index], parent[index] = best, near[best]
        done[best] = True
        last = best
    return order, parent


@njit(cache=True)
def route_net(
    net: int,
    pins: IntArray,
    parents: IntArray,
    shape: tuple[int, int],
    owner: IntArray,
    used: NDArray[np.int16],
    history: FloatArray,
    pressure: float,
    margin: int,
    best: FloatArray,
    came: IntArray,
    seen: IntArray,
    in_tree: IntArray,
    generation: int,
    keys: FloatArray,
    heap: IntArray,
    out: IntArray,
) -> tuple[int, int]:
    """Route one net; what it uses is not yet counted in ``used``.

    Args:
        net: its number, as in ``owner``.
        pins: nodes of its pins on met2, in the order of a spanning tree.
        parents: for each pin, the node of an earlier pin it is near to.
        shape: columns and rows of the grid.
        owner: by node: -1 free, -2 blocked, else the only net that may go there.
        used: by place: how many other nets are there.
        history: by place: what past conflicts cost.
        pressure: what a present conflict costs.
        margin: tracks to go beyond the box around two pins.
        best, came, seen: scratch by node of four layers.
        in_tree: scratch by node; equals the net's generation on the finished tree.
        generation: the last generation given out.
        keys, heap: scratch of the queue.
        out: receives the paths, each ended by -1.

    Returns:
        Length of what is in ``out`` (-1 if a pin could not be reached), and the last generation given out.
    """
    nx, ny = shape
    plane = nx * ny
    generation += 1
    mine = generation
    tree = [pins[0]]
    in_tree[pins[0]] = mine
    length = 0
    for turn in range(1, len(pins)):
        target = pins[turn]
        if in_tree[target] == mine:
            continue
        tx, ty = target % nx, target // nx
        px, py = parents[turn] % nx, parents[turn] // nx
        left, right = min(tx, px) - margin, max(tx, px) + margin
        bottom, top = min(ty, py) - margin, max(ty, py) + margin
        generation += 1
        size = 0
        for node in tree:
            x, y = node % nx, (node % plane) // nx
            if left <= x <= right and bottom <= y <= top:
                best[node], came[node], seen[node] = 0.0, -1, generation
                guess = abs(x - tx) * _STEP_X + abs(y - ty) * _STEP_Y
                size = _push(keys, heap, size, guess, node)
        found = False
        while size > 0:
            key, node = keys[0], heap[0]
            size = _pop(keys, heap, size)
            layer, rest = node // plane, node % plane
            x, y = rest % nx, rest // nx
            if key > (best[node] + abs(x - tx) * _STEP_X + abs(y - ty) * _STEP_Y) * 1.0001 + 1e-3:
                continue  # a better way was found since; the margin is for single precision
            if node == target:
                found = True
                break
            across = layer == 1 or layer == 3
            level = 1 if across else layer
            for move in range(6):
                cost = _VIA
                if move < 2:
                    step = (2 * move - 1) * (2 if layer == 2 else 1)
                    if x + step < 0 or x + step >= nx:
                        continue
                    other, cost = level * plane + rest + step, abs(step) * (_STEP_X if across else _STEP_X * _AGAINST)
                elif move < 4:
                    step = 2 * move - 5
                    if y + step < 0 or y + step >= ny:
                        continue
                    other, cost = level * plane + rest + step * nx, _STEP_Y * _AGAINST if across else _STEP_Y
                elif move == 4:
                    if layer >= 2 or (layer == 1 and x % 2):
                        continue
                    other = 3 * plane + rest if layer == 0 else 2 * plane + rest
                else:
                    if layer == 0 or layer == 3:
                        continue
                    other = 3 * plane + rest if layer == 2 else rest
                ox, oy = other % nx, (other % plane) // nx
                if ox < left or ox > right or oy < bottom or oy > top:
                    continue
                metal = other if other < 3 * plane else other - 2 * plane
                if owner[metal] != -1 and owner[metal] != net:
                    continue
                first, second = places(metal, nx, ny)
                cost += history[first] + pressure * used[first]
                if second >= 0:
                    cost += history[second] + pressure * used[second]
                # Rounded as it is stored, or a way of equal cost would look better for ever.
                total = np.float32(best[node] + cost)
                if seen[other] == generation and total >= best[other]:
                    continue
                if size >= len(heap):
                    return -1, generation
                best[other], came[other], seen[other] = total, node, generation
                guess = total + abs(ox - tx) * _STEP_X + abs(oy - ty) * _STEP_Y
                size = _push(keys, heap, size, guess, other)
        if not found:
            return -1, generation
        node = target
        while True:
            metal = node if node < 3 * plane else node - 2 * plane
            out[length] = metal
            length += 1
            if in_tree[metal] != mine:
                in_tree[metal] = mine
                tree.append(metal)
            if came[node] < 0:
                break
            node = came[node]
        out[length] = -1
        length += 1
    return length, generation
