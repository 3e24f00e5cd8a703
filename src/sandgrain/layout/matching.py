"""Which cell of the drawing is which instance of the netlist, and which net is which.

Colour refinement after Weisfeiler and Leman on the graph of cells and nets; where colours alone do not decide, one
node is singled out on both sides and the refinement goes on (individualisation, as in McKay's nauty). What comes out
is then verified pin by pin, so that nothing rests on the colours being right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.layout._spreading import spread_matching
from sandgrain.layout.graph import Graph

_U = np.uint64
Colours = NDArray[np.uint64]
# The complete search is for small symmetric parts; beyond this many nested choices the answer is that none was found.
_DEEPEST = 64


@dataclass(frozen=True)
class Matching:
    """A correspondence.

    Attributes:
        cells: int32 (expected cells,), the drawn cell of each, -1 for none.
        nets: int32 (expected nets,), the drawn net of each, -1 for none.
        exact: whether it is an isomorphism, verified.
    """

    cells: NDArray[np.int32]
    nets: NDArray[np.int32]
    exact: bool


def mix(values: Colours) -> Colours:
    """A hash of 64 bits (the finaliser of splitmix64)."""
    with np.errstate(over="ignore"):
        values = (values + _U(0x9E3779B97F4A7C15)).astype(_U)
        values = ((values ^ (values >> _U(30))) * _U(0xBF58476D1CE4E5B9)).astype(_U)
        values = ((values ^ (values >> _U(27))) * _U(0x94D049BB133111EB)).astype(_U)
        result: Colours = values ^ (values >> _U(31))
    return result


@dataclass
class Side:
    """One graph with its colours: of cells, of nets."""

    graph: Graph
    cells: Colours
    nets: Colours

    @staticmethod
    def of(graph: Graph, anchors: Mapping[int, int]) -> Side:
        """First colours: the type of a cell, the anchor of a net (number by net)."""
        cells = mix(graph.types.astype(_U))
        seeds = np.zeros(graph.nets, _U)
        for net, number in anchors.items():
            seeds[net] = _U(number + 1)
        return Side(graph, cells, mix(seeds ^ _U(0x5555)))

    def step(self) -> None:
        """One round: cells take up the colours of their nets, then nets those of their cells."""
        edges = self.graph.edges
        pins = mix(edges[:, 1].astype(_U) ^ _U(0xABCDEF))
        with np.errstate(over="ignore"):
            if edges.shape[0]:
                seen = mix(self.nets[edges[:, 2]] ^ pins)
                # Sums per cell: edges are sorted by cell.
                total = np.zeros(self.graph.cells, _U)
                np.add.at(total, edges[:, 0], seen)
                self.cells = mix(self.cells ^ mix(total))
                seen = mix(self.cells[edges[:, 0]] ^ pins)
                total = np.zeros(self.graph.nets, _U)
                np.add.at(total, edges[:, 2], seen)
                self.nets = mix(self.nets ^ mix(total))


def _classes(side: Side) -> int:
    return int(np.unique(side.cells).size + np.unique(side.nets).size)


def refine(sides: tuple[Side, Side], most: int = 10_000) -> bool:
    """Refine both sides until nothing splits; false as soon as they differ."""
    count = _classes(sides[0])
    for _ in range(most):
        for side in sides:
            side.step()
        if not alike(sides):
            return False
        now = _classes(sides[0])
        if now == count:
            return True
        count = now
    return True


def alike(sides: tuple[Side, Side]) -> bool:
    """Whether both sides have the same colours equally often."""
    one, two = sides
    return bool(
        one.cells.size == two.cells.size
        and one.nets.size == two.nets.size
        and np.array_equal(np.sort(one.cells), np.sort(two.cells))
        and np.array_equal(np.sort(one.nets), np.sort(two.nets))
    )


def isomorphism(one: Graph, two: Graph, anchors: tuple[Mapping[int, int], Mapping[int, int]]) -> Matching | None:
    """An isomorphism that respects the anchors, or None if the refinement finds none.

    Args:
        one: the netlist; nets without a pin and without an anchor must have been dropped.
        two: the drawing, likewise.
        anchors: equal numbers mark nets that must be each other's.
    """
    sides = (Side.of(one, anchors[0]), Side.of(two, anchors[1]))
    if not alike(sides) or not refine(sides):
        return None
    return spread(*sides) or _search(sides, 0)


def spread(one: Side, two: Side) -> Matching | None:
    """An isomorphism found without a second thought from stable colours, verified; None if it does not verify.

    Equal parts of a chip (spare cells, lanes, banks) have equal colours. One pair of nets is taken for each other and
    what follows from it is followed, pin by pin, before the next pair is taken, so that each part costs its own size.
    """
    found = spread_matching(one.graph, two.graph, (one.cells, one.nets), (two.cells, two.nets))
    if found is None or not verifies(one.graph, two.graph, *found):
        return None
    return Matching(*found, exact=True)


def _search(sides: tuple[Side, Side], depth: int) -> Matching | None:
    one, two = sides
    order, ties = np.argsort(one.nets, kind="stable"), np.argsort(two.nets, kind="stable")
    colours = one.nets[order]
    starts = np.flatnonzero(np.concatenate([[True], colours[1:] != colours[:-1]]))
    sizes = np.diff(np.concatenate([starts, [colours.size]]))
    open_classes = np.flatnonzero(sizes > 1)
    if depth >= _DEEPEST:
        return None
    # Cells of one type on the very same nets are twins; a net that only twins are on needs no decision of its own.
    if open_classes.size == 0:
        return _by_colour(one, two)
    pick = open_classes[np.argmin(sizes[open_classes])]
    start, size = int(starts[pick]), int(sizes[pick])
    for other in range(size):
        mine, theirs = int(order[start]), int(ties[start + other])
        branch = (
            Side(one.graph, one.cells.copy(), one.nets.copy()),
            Side(two.graph, two.cells.copy(), two.nets.copy()),
        )
        fresh = mix(np.array([0xF0F0 + depth], _U))[0]
        branch[0].nets[mine] = fresh
        branch[1].nets[theirs] = fresh
        if refine(branch):
            found = _search(branch, depth + 1)
            if found is not None:
                return found
    return None


def _by_colour(one: Side, two: Side) -> Matching | None:
    """The matching when every net has a colour of its own; cells that still share one are twins."""
    nets = np.empty(one.nets.size, np.int32)
    nets[np.argsort(one.nets, kind="stable")] = np.argsort(two.nets, kind="stable")
    cells = np.empty(one.cells.size, np.int32)
    cells[np.argsort(one.cells, kind="stable")] = np.argsort(two.cells, kind="stable")
    matching = Matching(cells, nets, True)
    return matching if verifies(one.graph, two.graph, cells, nets) else None


def verifies(one: Graph, two: Graph, cells: NDArray[np.int32], nets: NDArray[np.int32]) -> bool:
    """Whether a correspondence is an isomorphism: one to one, types equal, every pin on the net that corresponds."""
    if one.cells != two.cells or one.edges.shape != two.edges.shape:
        return False
    if np.unique(cells).size != one.cells or np.unique(nets).size != one.nets or one.nets != two.nets:
        return False
    if not np.array_equal(one.types, two.types[cells]):
        return False
    mapped = np.stack([cells[one.edges[:, 0]], one.edges[:, 1], nets[one.edges[:, 2]]], axis=1)
    mapped = mapped[np.lexsort((mapped[:, 2], mapped[:, 1], mapped[:, 0]))]
    theirs = two.edges[np.lexsort((two.edges[:, 2], two.edges[:, 1], two.edges[:, 0]))]
    return bool(np.array_equal(mapped, theirs))


def compact(graph: Graph, kept: NDArray[np.bool_]) -> tuple[Graph, NDArray[np.int32]]:
    """The graph of the nets that are kept, and the old number of each; every net with a pin must be kept."""
    old = np.flatnonzero(kept).astype(np.int32)
    new = np.full(graph.nets, -1, np.int32)
    new[old] = np.arange(old.size, dtype=np.int32)
    edges = graph.edges.copy()
    edges[:, 2] = new[edges[:, 2]]
    ports = {name: tuple(int(new[net]) for net in nets if new[net] >= 0) for name, nets in graph.ports.items()}
    return Graph(graph.types, edges, int(old.size), ports, graph.models), old
