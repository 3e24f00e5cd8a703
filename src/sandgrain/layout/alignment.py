"""The largest consistent correspondence of two graphs that are not the same.

Nets with very many pins (supplies, clocks) are told apart first by what hangs on them, and their colour is held, so
that one difference on a supply does not discolour the whole chip. Then colours of a falling radius anchor what is
unique on both sides, and votes of matched neighbours spread from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sandgrain.layout.graph import Graph
from sandgrain.layout.matching import Matching, Side, mix

_HUB = 48
_RADIUS = 12


def align(one: Graph, two: Graph, anchors: tuple[Mapping[int, int], Mapping[int, int]]) -> Matching:
    """A correspondence that agrees on as much as it can; never exact.

    Args:
        one: the netlist.
        two: the drawing.
        anchors: equal numbers mark nets that are each other's beyond doubt.
    """
    work = _Alignment(one, two)
    theirs = {number: net for net, number in anchors[1].items()}
    for net, number in anchors[0].items():
        if number in theirs:
            work.join_nets(net, theirs[number])
    work.join_hubs()
    work.by_radius()
    work.by_votes(same_type=True, least=1)
    work.by_votes(same_type=False, least=1)
    work.by_votes(same_type=True, least=1)
    work.leftovers()
    return Matching(work.cells, work.nets, False)


class _Alignment:
    def __init__(self, one: Graph, two: Graph) -> None:
        self.one, self.two = one, two
        self.cells = np.full(one.cells, -1, np.int32)
        self.back_cells = np.full(two.cells, -1, np.int32)
        self.nets = np.full(one.nets, -1, np.int32)
        self.back_nets = np.full(two.nets, -1, np.int32)
        self.hubs = tuple(np.flatnonzero(np.diff(graph.net_offsets) > _HUB).tolist() for graph in (one, two))

    def join_cells(self, mine: int, other: int) -> None:
        if self.cells[mine] < 0 and self.back_cells[other] < 0:
            self.cells[mine], self.back_cells[other] = other, mine

    def join_nets(self, mine: int, other: int) -> None:
        if self.nets[mine] < 0 and self.back_nets[other] < 0:
            self.nets[mine], self.back_nets[other] = other, mine

    def join_hubs(self) -> None:
        """Nets with very many pins: the pair whose pins have most in common first."""
        profiles = []
        for graph, hubs in zip((self.one, self.two), self.hubs, strict=True):
            rows = {}
            for net in hubs:
                on = graph.on(net)
                keys, counts = np.unique(
                    np.stack([graph.types[on[:, 0]], on[:, 1]], axis=1), axis=0, return_counts=True
                )
                rows[net] = dict(zip(map(tuple, keys.tolist()), counts.tolist(), strict=True))
            profiles.append(rows)
        scores = []
        for mine, profile in profiles[0].items():
            for other, seen in profiles[1].items():
                shared = sum(min(count, seen.get(key, 0)) for key, count in profile.items())
                union = sum(profile.values()) + sum(seen.values()) - shared
                scores.append((shared / union, mine, other))
        for score, mine, other in sorted(scores, reverse=True):
            if score > 0.3:
                self.join_nets(mine, other)

    def _sides(self) -> tuple[Side, Side]:
        pairs = np.flatnonzero(self.nets >= 0)
        first = {int(net): int(net) for net in pairs}
        second = {int(self.nets[net]): int(net) for net in pairs}
        sides = (Side.of(self.one, first), Side.of(self.two, second))
        chosen = np.flatnonzero(self.cells >= 0)
        sides[0].cells[chosen] = mix(chosen.astype(np.uint64) + np.uint64(1 << 40))
        sides[1].cells[self.cells[chosen]] = sides[0].cells[chosen]
        return sides

    def by_radius(self) -> None:
        """Join what has the same, unique surroundings on both sides, the widest surroundings first."""
        for radius in (_RADIUS, 8, 5, 3, 2, 1):
            sides = self._sides()
            held = []
            for side, nets in zip(sides, (self.nets >= 0, self.back_nets >= 0), strict=True):
                held.append((side, nets, side.nets.copy()))
            for _ in range(radius):
                for side, fixed, colours in held:
                    side.step()
                    side.nets[fixed] = colours[fixed]
            for mine, other in _unique(sides[0].nets, sides[1].nets, self.nets < 0, self.back_nets < 0):
                self.join_nets(mine, other)
            for mine, other in _unique(sides[0].cells, sides[1].cells, self.cells < 0, self.back_cells < 0):
                self.join_cells(mine, other)
            self.by_votes(same_type=True, least=2)

    def by_votes(self, *, same_type: bool, least: int) -> None:
        """Spread from matched nets to cells and from matched cells to nets until nothing more is agreed."""
        while self._vote_cells(same_type, least) + self._vote_nets():
            pass

    def _vote_cells(self, same_type: bool, least: int) -> int:
        scores: dict[tuple[int, int], int] = defaultdict(int)
        for mine in np.flatnonzero(self.cells < 0).tolist():
            for node, net in self.one.pins(mine).tolist():
                across = int(self.nets[net])
                if across < 0 or self.two.net_offsets[across + 1] - self.two.net_offsets[across] > _HUB:
                    continue
                for other, its in self.two.on(across).tolist():
                    if self.back_cells[other] >= 0:
                        continue
                    same = self.one.types[mine] == self.two.types[other]
                    if (same and its == node) or not (same or same_type):
                        scores[mine, other] += 1
        return self._take(scores, least, self.join_cells, self.cells)

    def _vote_nets(self) -> int:
        scores: dict[tuple[int, int], int] = defaultdict(int)
        for mine in np.flatnonzero(self.nets < 0).tolist():
            for cell, node in self.one.on(mine).tolist():
                other = int(self.cells[cell])
                if other < 0 or self.one.types[cell] != self.two.types[other]:
                    continue
                for its, net in self.two.pins(other).tolist():
                    if its == node and self.back_nets[net] < 0:
                        scores[mine, net] += 1
        return self._take(scores, 1, self.join_nets, self.nets)

    @staticmethod
    def _take(scores: Mapping[tuple[int, int], int], least: int, join: object, taken: NDArray[np.int32]) -> int:
        """Join pairs that are each other's clear first choice."""
        best: list[dict[int, tuple[int, int, int]]] = [{}, {}]
        for (mine, other), score in scores.items():
            for table, key, value in ((best[0], mine, other), (best[1], other, mine)):
                top = table.get(key)
                if top is None or score > top[0]:
                    table[key] = (score, value, 1)
                elif score == top[0]:
                    table[key] = (score, top[1], top[2] + 1)
        count = 0
        for mine, (score, other, ties) in best[0].items():
            if score >= least and ties == 1 and best[1][other][1:] == (mine, 1):
                before = int(taken[mine])
                join(mine, other)  # type: ignore[operator]
                count += int(taken[mine]) != before
        return count

    def leftovers(self) -> None:
        """Cells of one type and the same supplies, which nothing tells apart: any pair is as good as another."""
        waiting = defaultdict(list)
        for other in np.flatnonzero(self.back_cells < 0).tolist():
            waiting[self._key(self.two, other, self.back_nets)].append(other)
        whole = np.arange(self.one.nets, dtype=np.int32)
        whole[self.nets < 0] = -1
        for mine in np.flatnonzero(self.cells < 0).tolist():
            found = waiting.get(self._key(self.one, mine, whole))
            if found:
                self.join_cells(mine, found.pop(0))
        # What is left of one type, however it is joined.
        rest = defaultdict(list)
        for other in np.flatnonzero(self.back_cells < 0).tolist():
            rest[int(self.two.types[other])].append(other)
        for mine in np.flatnonzero(self.cells < 0).tolist():
            same = rest[int(self.one.types[mine])]
            if same:
                self.join_cells(mine, same.pop(0))
        self._vote_nets()

    @staticmethod
    def _key(graph: Graph, cell: int, number: NDArray[np.int32]) -> tuple[object, ...]:
        return (int(graph.types[cell]), tuple((node, int(number[net])) for node, net in graph.pins(cell).tolist()))


def _unique(
    one: NDArray[np.uint64], two: NDArray[np.uint64], free_one: NDArray[np.bool_], free_two: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Pairs whose colour occurs once on either side among what is free."""
    found = []
    for colours, free in ((one, free_one), (two, free_two)):
        indices = np.flatnonzero(free)
        values, first, counts = np.unique(colours[indices], return_index=True, return_counts=True)
        alone = counts == 1
        found.append((values[alone], indices[first[alone]]))
    _, mine, other = np.intersect1d(found[0][0], found[1][0], assume_unique=True, return_indices=True)
    return list(zip(found[0][1][mine].tolist(), found[1][1][other].tolist(), strict=True))
