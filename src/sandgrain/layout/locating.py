"""Where a difference between nets is on the die."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from klayout import db
from numpy.typing import NDArray

from sandgrain.layout.extraction import Extracted

_FAR = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the die: the stratum, and the box in database units."""

    layer: str
    box: db.Box
    through: bool
    """Whether it is a cut that joins, or that is missing, rather than metal."""


class Locator:
    """Finds the shapes that join or part nets of one drawing.

    Args:
        extracted: the drawing.
        missing: cut layer and place of cuts that crossings of the same shape have.
    """

    def __init__(self, extracted: Extracted, missing: Iterable[tuple[str, db.Box]] = ()) -> None:
        self.extracted = extracted
        self.missing = list(missing)
        self.clusters = extracted.connected.clusters

    @cached_property
    def _shape_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Shapes sorted by node, and where each node's begin."""
        nodes = self.extracted.shapes.nodes
        order = np.argsort(nodes, kind="stable")
        starts = np.searchsorted(nodes[order], np.arange(self.clusters.size + 1))
        return order, starts

    @cached_property
    def _node_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.clusters, kind="stable")
        starts = np.searchsorted(self.clusters[order], np.arange(self.extracted.connected.count + 1))
        return order, starts

    @cached_property
    def _pair_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Contacts sorted by net."""
        nodes = self.extracted.shapes.nodes[self.extracted.connected.pairs[:, 0]]
        nets = self.clusters[nodes]
        order = np.argsort(nets, kind="stable")
        return order, np.searchsorted(nets[order], np.arange(self.extracted.connected.count + 1))

    def nodes(self, cluster: int) -> NDArray[np.int64]:
        """Nodes of a net."""
        order, starts = self._node_order
        return order[starts[cluster] : starts[cluster + 1]]

    def shapes(self, node: int) -> NDArray[np.int64]:
        """Shapes of a node."""
        order, starts = self._shape_order
        return order[starts[node] : starts[node + 1]]

    def wires(self, cluster: int) -> list[int]:
        """Nodes of a net that are wires or cuts of the chip."""
        return [int(node) for node in self.nodes(cluster) if self.is_wire(int(node))]

    def is_wire(self, node: int) -> bool:
        """Whether a node is a wire or cut of the chip, not of a cell."""
        return self.extracted.wires <= node < self.extracted.substrate

    def box(self, node: int) -> db.Box:
        """Extent of a node."""
        box = db.Box()
        for shape in self.shapes(node):
            box += self.shape_box(int(shape))
        return box

    def shape_box(self, shape: int) -> db.Box:
        """Extent of a shape."""
        low, high, left, right, left_up, right_up = (int(v) for v in self.extracted.shapes.trapezoids[shape])
        return db.Box(min(left, left_up), low, max(right, right_up), high)

    def layer(self, node: int) -> str:
        """Stratum of a wire node."""
        return self.extracted.strata.names[int(self.extracted.wire_layers[node - self.extracted.wires])]

    def is_cut(self, node: int) -> bool:
        """Whether a wire node is a cut."""
        if not self.is_wire(node):
            return False
        return int(self.extracted.wire_layers[node - self.extracted.wires]) >= self.extracted.strata.conductors

    def contacts(self, cluster: int) -> dict[int, list[tuple[int, db.Box]]]:
        """What touches what in a net: by node, its neighbours and where they meet."""
        order, starts = self._pair_order
        pairs = self.extracted.connected.pairs[order[starts[cluster] : starts[cluster + 1]]]
        nodes = self.extracted.shapes.nodes
        out: dict[int, list[tuple[int, db.Box]]] = defaultdict(list)
        for one, two in pairs.tolist():
            here = self.shape_box(one) & self.shape_box(two)
            a, b = int(nodes[one]), int(nodes[two])
            out[a].append((b, here))
            out[b].append((a, here))
        return out

    # -- shorts -------------------------------------------------------------------------------------------------

    def joint(self, cluster: int, ends: dict[int, Iterable[int]]) -> Place | None:
        """The shape that joins groups of pins in one net.

        Args:
            cluster: the net.
            ends: nodes of pins by the net they should be on; at least two groups.
        """
        contacts = self.contacts(cluster)
        group = {node: name for name, nodes in ends.items() for node in nodes}
        if len(ends) < 2:
            return None
        path = self._path(contacts, group)
        if not path:
            return None
        best: tuple[tuple[int, bool, int, bool, float], int] | None = None
        for node in path:
            if not self.is_wire(node):
                continue
            parts = _parts_without(contacts, node, group)
            mixed = sum(1 for names in parts if len(set(names)) > 1)
            scattered = len(parts)
            # A port's own metal is no bridge; of a wire and the cut it hangs on, the wire is.
            key = (mixed, node in group, scattered, self.is_cut(node), float(self.box(node).area()))
            if best is None or key < best[0]:
                best = (key, node)
        if best is None:
            return _meeting(contacts, path)
        node = best[1]
        at = path.index(node)
        hull = db.Box()
        for neighbour in path[max(0, at - 1) : at] + path[at + 1 : at + 2]:
            for other, here in contacts[node]:
                if other == neighbour:
                    hull += here
                    break
        whole = self.box(node)
        # A bridge is told as a whole; of a long wire, the part between the two nets.
        box = whole if max(whole.width(), whole.height()) < _FAR // 4 or hull.empty() else hull
        return Place(self.layer(node), box, self.is_cut(node))

    def _path(self, contacts: dict[int, list[tuple[int, db.Box]]], group: dict[int, int]) -> list[int]:
        """A shortest way from the smallest group of pins to any other."""
        sizes: dict[int, int] = defaultdict(int)
        for name in group.values():
            sizes[name] += 1
        start = min(sizes, key=lambda name: (sizes[name], name))
        before: dict[int, int] = {}
        queue: deque[int] = deque()
        for node, name in group.items():
            if name == start:
                before[node] = -1
                queue.append(node)
        while queue:
            node = queue.popleft()
            if node in group and group[node] != start:
                out = [node]
                while before[out[-1]] >= 0:
                    out.append(before[out[-1]])
                return out
            for other, _ in contacts.get(node, ()):
                if other not in before:
                    before[other] = node
                    queue.append(other)
        return []

    # -- opens --------------------------------------------------------------------------------------------------

    def gap(self, one: int, others: Iterable[int]) -> Place | None:
        """Where a piece of a net is parted from the other pieces.

        Metal above metal without a cut counts before a gap within a layer, unless the gap continues a wire.
        """
        strata = self.extracted.strata
        mine = self._conductors(one)
        rest = [self._conductors(other) for other in others]
        theirs = np.concatenate(rest) if rest else np.empty(0, np.int64)
        if mine.size == 0 or theirs.size == 0:
            return None
        for name, box in self.missing:
            if self._touches(mine, box) and self._touches(theirs, box):
                return Place(name, box, True)
        cuts = {}
        for via in self._vias:
            for lower in via[1]:
                cuts[(lower, via[2])] = via[0]
                cuts[(via[2], lower)] = via[0]
        best: tuple[float, Place] | None = None
        shapes = self.extracted.shapes
        for shape in mine.tolist():
            box = self.shape_box(shape)
            layer = int(shapes.layers[shape])
            rows = shapes.trapezoids[theirs]
            left = np.minimum(rows[:, 2], rows[:, 4])
            right = np.maximum(rows[:, 3], rows[:, 5])
            dx = np.maximum(np.maximum(left - box.right, box.left - right), 0)
            dy = np.maximum(np.maximum(rows[:, 0] - box.top, box.bottom - rows[:, 1]), 0)
            levels = shapes.layers[theirs]
            for index in np.flatnonzero(dx + dy < _FAR).tolist():
                other = self.shape_box(int(theirs[index]))
                level = int(levels[index])
                if level == layer:
                    wired = self._wired(shape) and self._wired(int(theirs[index]))
                    cost, place = self._same_layer(box, other, layer, wired)
                elif (layer, level) in cuts and dx[index] == 0 and dy[index] == 0:
                    here = box & other
                    # A pad at the end of both is the place of a cut; two long wires that cross are less likely.
                    cost = (
                        300.0
                        + 0.2 * (here.width() + here.height())
                        + 0.02 * min(box.width() + box.height(), other.width() + other.height())
                    )
                    place = Place(strata.names[cuts[(layer, level)]], here, True)
                else:
                    continue
                if best is None or cost < best[0]:
                    best = (cost, place)
        return None if best is None else best[1]

    def _touches(self, shapes: NDArray[np.int64], box: db.Box) -> bool:
        rows = self.extracted.shapes.trapezoids[shapes]
        left, right = np.minimum(rows[:, 2], rows[:, 4]), np.maximum(rows[:, 3], rows[:, 5])
        inside = (left <= box.right) & (right >= box.left) & (rows[:, 0] <= box.top) & (rows[:, 1] >= box.bottom)
        return bool(inside.any())

    def _wired(self, shape: int) -> bool:
        return self.is_wire(int(self.extracted.shapes.nodes[shape]))

    def _same_layer(self, one: db.Box, two: db.Box, layer: int, wired: bool) -> tuple[float, Place]:
        """Cost and place of a gap between two boxes of one layer; ``wired`` if neither is part of a cell."""
        name = self.extracted.strata.names[layer]
        dx = max(two.left - one.right, one.left - two.right, 0)
        dy = max(two.bottom - one.top, one.bottom - two.top, 0)
        if dx and not dy:
            low, high = max(one.bottom, two.bottom), min(one.top, two.top)
            box = db.Box(min(one.right, two.right), low, max(one.left, two.left), high)
            aligned = one.bottom == two.bottom and one.top == two.top
        elif dy and not dx:
            left, right = max(one.left, two.left), min(one.right, two.right)
            box = db.Box(left, min(one.top, two.top), right, max(one.bottom, two.bottom))
            aligned = one.left == two.left and one.right == two.right
        else:
            box = db.Box(
                min(one.right, two.right), min(one.top, two.top), max(one.left, two.left), max(one.bottom, two.bottom)
            )
            return 2.0 * (dx + dy) + 2_000.0, Place(name, box, False)
        cost = (0.05 if aligned else 1.0) * (dx + dy) + (0.0 if aligned else 250.0)
        return cost if wired else 3_000.0 + dx + dy, Place(name, box, False)

    def _conductors(self, cluster: int) -> NDArray[np.int64]:
        found = [self.shapes(int(node)) for node in self.nodes(cluster)]
        shapes = np.concatenate(found) if found else np.empty(0, np.int64)
        chosen: NDArray[np.int64] = shapes[self.extracted.shapes.layers[shapes] < self.extracted.strata.conductors]
        return chosen

    @cached_property
    def _vias(self) -> list[tuple[int, tuple[int, ...], int]]:
        strata = self.extracted.strata
        return [
            (strata.number(via.cut), tuple(strata.number(lower) for lower in via.lower), strata.number(via.upper))
            for via in self.extracted.process.vias
        ]


def _parts_without(
    contacts: dict[int, list[tuple[int, db.Box]]], removed: int, group: dict[int, int]
) -> list[list[int]]:
    """The groups of pins in each piece of a net once a node is taken away; pieces without a pin are left out."""
    seen = {removed}
    out = []
    for start in group:
        if start in seen:
            continue
        names = []
        seen.add(start)
        stack = [start]
        while stack:
            node = stack.pop()
            if node in group:
                names.append(group[node])
            for other, _ in contacts.get(node, ()):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        out.append(names)
    return out


def _meeting(contacts: dict[int, list[tuple[int, db.Box]]], path: list[int]) -> Place | None:
    """Where the first two nodes of a way meet."""
    for node, other in itertools.pairwise(path):
        for neighbour, here in contacts[node]:
            if neighbour == other:
                return Place("", here, False)
    return None
