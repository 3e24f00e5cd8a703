"""Flat shapes as arrays: trapezoids with horizontal parallels, each on a layer and part of a node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from klayout import db
from numpy.typing import NDArray

from sandgrain.layout import _contact_kernels as kernels

Trapezoids = NDArray[np.int32]
"""int32 (n, 6): ``y0 y1 l0 r0 l1 r1`` in database units; left and right at the lower and at the upper edge."""

_STRIP = 4_000


@dataclass(frozen=True, slots=True)
class Shapes:
    """Trapezoids and where they belong.

    Attributes:
        trapezoids: int32 (n, 6), see `Trapezoids`.
        layers: int16 (n,), the stratum: conductors first, then cuts, in the order of the process.
        nodes: int32 (n,), shapes of one node are connected beforehand.
    """

    trapezoids: Trapezoids
    layers: NDArray[np.int16]
    nodes: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.layers.size)

    @staticmethod
    def of(trapezoids: Sequence[Sequence[int]], layers: Sequence[int], nodes: Sequence[int]) -> Shapes:
        """Shapes from plain lists."""
        return Shapes(
            np.array(trapezoids, np.int32).reshape(-1, 6), np.array(layers, np.int16), np.array(nodes, np.int32)
        )

    @staticmethod
    def join(parts: Iterable[Shapes]) -> Shapes:
        """All parts one after another."""
        found = list(parts)
        if not found:
            return Shapes.of([], [], [])
        return Shapes(
            np.concatenate([part.trapezoids for part in found]),
            np.concatenate([part.layers for part in found]),
            np.concatenate([part.nodes for part in found]),
        )


def trapezoids_of(polygon: db.Polygon) -> list[tuple[int, int, int, int, int, int]]:
    """A polygon as trapezoids; a box as one."""
    if polygon.is_box():
        box = polygon.bbox()
        return [(box.bottom, box.top, box.left, box.right, box.left, box.right)]
    out = []
    for piece in polygon.decompose_trapezoids():
        points = list(piece.each_point())
        low, high = min(point.y for point in points), max(point.y for point in points)
        lower = [point.x for point in points if point.y == low]
        upper = [point.x for point in points if point.y == high]
        out.append((low, high, min(lower), max(lower), min(upper), max(upper)))
    return out


def region_of(boxes: Iterable[db.Box]) -> db.Region:
    """Boxes as a region."""
    region = db.Region()
    for box in boxes:
        region.insert(box)
    return region


def meetings(
    shapes: Shapes, one: NDArray[np.int64], two: NDArray[np.int64] | None, least: int
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Pairs of shapes of different nodes that meet: within ``one``, or between ``one`` and ``two``.

    Args:
        shapes: where they are.
        one: int64 indices.
        two: int64 indices, or None.
        least: `CORNER`, `EDGE` or `AREA` of the kernels.

    Returns:
        int32 (m, 2) indices of shapes, int8 (m,) how they meet.
    """
    members = one if two is None else np.concatenate([one, two])
    if members.size < 2 or (two is not None and (one.size == 0 or two.size == 0)):
        return np.empty((0, 2), np.int32), np.empty(0, np.int8)
    chosen = np.ascontiguousarray(shapes.trapezoids[members])
    side = np.zeros(members.size, np.uint8)
    if two is not None:
        side[one.size :] = 1
    bottom, top = int(chosen[:, 0].min()), int(chosen[:, 1].max())
    height = max(_STRIP, (top - bottom) // 200_000 + 1)
    pairs, how = kernels.contacts(
        chosen, side, shapes.nodes[members], height, bottom, (top - bottom) // height + 1, least
    )
    return members[pairs].astype(np.int32).reshape(-1, 2), how


def holding(
    shapes: Shapes, on: NDArray[np.int64], points: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of some shapes hold which points, the edge included.

    Args:
        shapes: where they are.
        on: int64 indices of the shapes that are looked at.
        points: x and y.

    Returns:
        int64 (m,) indices of points, int64 (m,) indices of shapes that hold them, by point and then by shape.
    """
    if on.size == 0 or not points:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    spots = np.array([(y, y, x, x, x, x) for x, y in points], np.int32)
    count = on.size + len(points)
    both = Shapes(
        np.concatenate([shapes.trapezoids[on], spots]), np.zeros(count, np.int16), np.arange(count, dtype=np.int32)
    )
    pairs, _ = meetings(both, np.arange(on.size), np.arange(on.size, count), kernels.CORNER)
    pairs.sort(axis=1)
    found = np.lexsort((pairs[:, 0], pairs[:, 1]))
    return (pairs[found, 1] - on.size).astype(np.int64), on[pairs[found, 0]]
