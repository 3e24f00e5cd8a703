"""Following what one pair of nets implies for its neighbours, from stable colours."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from sandgrain.layout.graph import Graph

_Colours = tuple[NDArray[np.uint64], NDArray[np.uint64]]


def spread_matching(
    one: Graph, two: Graph, mine: _Colours, theirs: _Colours
) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
    """Cells and nets of ``two`` for those of ``one``; None as soon as something does not fit.

    Args:
        one, two: the graphs, with as many cells and nets.
        mine, theirs: stable colours of their cells and of their nets.
    """
    work = _Spreading(one, two, mine[0], theirs[0])
    by_colour: tuple[dict[int, list[int]], dict[int, list[int]]] = (defaultdict(list), defaultdict(list))
    for colours, table in zip((mine[1], theirs[1]), by_colour, strict=True):
        for net, colour in enumerate(colours.tolist()):
            table[colour].append(net)
    # Nets with a colour of their own first; then one pair of each class after another, small classes first.
    for colour, nets in sorted(by_colour[0].items(), key=lambda item: (len(item[1]), item[1][0])):
        others = by_colour[1].get(colour, [])
        if len(others) != len(nets):
            return None
        free = iter(others)
        for net in nets:
            if work.nets[net] >= 0:
                continue
            other = next((one for one in free if work.back_nets[one] < 0), None)
            if other is None or not work.take(net, other):
                return None
    return (work.cells, work.nets) if work.twins() else None


class _Spreading:
    def __init__(self, one: Graph, two: Graph, mine: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> None:
        self.one, self.two = one, two
        self.mine, self.theirs = mine.tolist(), theirs.tolist()
        self.cells = np.full(one.cells, -1, np.int32)
        self.back_cells = np.full(two.cells, -1, np.int32)
        self.nets = np.full(one.nets, -1, np.int32)
        self.back_nets = np.full(two.nets, -1, np.int32)

    def take(self, net: int, other: int) -> bool:
        """Take two nets for each other, and follow what that implies."""
        waiting = [(net, other)]
        while waiting:
            net, other = waiting.pop()
            if self.nets[net] == other:
                continue
            if self.nets[net] >= 0 or self.back_nets[other] >= 0:
                return False
            self.nets[net], self.back_nets[other] = other, net
            groups: dict[tuple[object, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
            for cell in dict.fromkeys(self.one.on(net)[:, 0].tolist()):
                if self.cells[cell] < 0:
                    groups[self._key(cell)][0].append(cell)
            for cell in dict.fromkeys(self.two.on(other)[:, 0].tolist()):
                if self.back_cells[cell] < 0:
                    groups[self._key_back(cell)][1].append(cell)
            for left, right in groups.values():
                if len(left) != len(right):
                    return False
                if len(left) == 1:
                    waiting += self._join(left[0], right[0])
        return True

    def _join(self, cell: int, other: int) -> list[tuple[int, int]]:
        self.cells[cell], self.back_cells[other] = other, cell
        return list(zip(self.one.pins(cell)[:, 1].tolist(), self.two.pins(other)[:, 1].tolist(), strict=False))

    def _key(self, cell: int) -> tuple[object, ...]:
        """What a cell looks like from what is matched: its colour, and the partner of each of its nets."""
        return (self.mine[cell], tuple((node, int(self.nets[net])) for node, net in self.one.pins(cell).tolist()))

    def _key_back(self, cell: int) -> tuple[object, ...]:
        pins = self.two.pins(cell).tolist()
        return (self.theirs[cell], tuple((node, net if self.back_nets[net] >= 0 else -1) for node, net in pins))

    def twins(self) -> bool:
        """Match the cells that are left: those on the same nets at the same pins are as good as each other."""
        waiting: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for cell in np.flatnonzero(self.back_cells < 0).tolist():
            waiting[self._key_back(cell)].append(cell)
        for cell in np.flatnonzero(self.cells < 0).tolist():
            found = waiting.get(self._key(cell))
            if not found:
                return False
            self.cells[cell] = found.pop()
        return True
