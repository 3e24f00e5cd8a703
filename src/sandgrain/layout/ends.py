"""Ends of wires that lead away from the last thing they touch: metal that joins nothing.

A tip is an edge of the merged metal of one layer with a corner of the metal at either end. Every wire that stops has
one, and so has every spur, whatever shapes it was drawn as. A tip is in order where a cut, a cell's own metal or the
mark of a port lies right behind it, by the enclosure the process asks for; where taking it away would part what the
metal joins; and where it is the piece a router adds when a via that lands on a via leaves too little metal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from klayout import db

from sandgrain.layout.extraction import Extracted, own_region
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.locating import Locator
from sandgrain.layout.ports import marked_metal
from sandgrain.layout.process import Conductor
from sandgrain.layout.result import Difference, Kind, say

# Findings on one layer; a drawing with more of them is refuted many times over.
_MOST = 200
_INDEX = 1

_Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Tip:
    """An edge of metal, from ``start`` to ``end``, the metal on its right; how far its sides run inwards."""

    start: _Point
    end: _Point
    sides: int

    @property
    def inward(self) -> _Point:
        """The direction away from the tip, into the metal."""
        (x, y), (u, v) = self.start, self.end
        return ((v > y) - (v < y), (u < x) - (u > x))

    def swept(self, depth: int) -> db.Box:
        """The tip moved inwards."""
        (x, y), (u, v), (dx, dy) = self.start, self.end, self.inward
        return db.Box(x, y, u + dx * depth, v + dy * depth)

    def distance(self, box: db.Box) -> int:
        """How far behind the tip a box begins."""
        dx, dy = self.inward
        if dx:
            return int(box.left - self.start[0] if dx > 0 else self.start[0] - box.right)
        return int(box.bottom - self.start[1] if dy > 0 else self.start[1] - box.top)

    def middle(self, box: db.Box) -> int:
        """How far behind the tip the middle of a box is."""
        return self.distance(db.Box(box.center(), box.center()))


def tips(polygon: db.Polygon) -> Iterator[_Tip]:
    """The tips of a polygon with right angles."""
    contours = [list(polygon.each_point_hull())]
    contours += [list(polygon.each_point_hole(number)) for number in range(polygon.holes())]
    for contour in contours:
        points = [(point.x, point.y) for point in contour]
        count = len(points)
        for number in range(count):
            before, start, end, after = (points[(number + step) % count] for step in (-1, 0, 1, 2))
            if _turns_right(before, start, end) and _turns_right(start, end, after):
                yield _Tip(start, end, min(_length(before, start), _length(end, after)))


def _turns_right(one: _Point, two: _Point, three: _Point) -> bool:
    return (two[0] - one[0]) * (three[1] - two[1]) < (two[1] - one[1]) * (three[0] - two[0])


def _length(one: _Point, two: _Point) -> int:
    return abs(two[0] - one[0]) + abs(two[1] - one[1])


def loose_ends(extracted: Extracted, locator: Locator, pinned: set[int], ends: set[int]) -> list[Difference]:
    """Wires that go on beyond the last thing they touch.

    Args:
        extracted: the drawing.
        locator: of the same drawing.
        pinned: nets that are looked at.
        ends: nodes of ports.
    """
    out: list[Difference] = []
    for conductor in extracted.process.conductors:
        if conductor.ends is not None and extracted.process.layers[conductor.layer].use == "wire":
            out += _Metal(extracted, locator, conductor, ends).loose(pinned)
    return out


class _Metal:
    """The wires of one layer, and what they may end at."""

    def __init__(self, extracted: Extracted, locator: Locator, conductor: Conductor, ends: set[int]) -> None:
        self.extracted, self.locator, self.conductor = extracted, locator, conductor
        process = extracted.process
        layers = process.layers
        self.metal = own_region(extracted.placed, layers[conductor.layer].gds).merged()
        if not self.metal.non_rectilinear().is_empty():
            self.metal = _rectangles(self.metal)
        self.unit = process.database_unit
        self.below, self.above, self.stops = db.Shapes(), db.Shapes(), db.Shapes()
        # Cuts by how much metal may be beyond them.
        self.cuts: list[tuple[int, db.Shapes]] = []
        for via in process.vias:
            for found, wanted, past in (
                (self.below, via.upper == conductor.name, via.past_um[1]),
                (self.above, conductor.name in via.lower, via.past_um[0]),
            ):
                if wanted:
                    cuts = own_region(extracted.placed, layers[via.cut].gds)
                    found.insert(cuts)
                    self.cuts.append((round(past / self.unit), db.Shapes()))
                    self.cuts[-1][1].insert(cuts)
        marks = marked_metal(extracted).get(conductor.name, db.Region())
        stops = db.Region()
        for node in ends:
            if locator.is_wire(node) and locator.layer(node) == conductor.name:
                # A port ends where the mark of its pin does; without a mark, anywhere.
                metal = db.Region(locator.box(node))
                mark = metal & marks
                stops += metal if mark.is_empty() else mark
        self.stops.insert(stops)

    @cached_property
    def cells(self) -> db.Shapes:
        """Extents of the metal of each placed cell on this layer, with the cell's number."""
        out = db.Shapes()
        layer = self.conductor.layer
        for number, placement in enumerate(self.extracted.placed.placements):
            region = placement.master.model.regions.get(layer)
            if region is not None:
                out.insert(db.BoxWithProperties(region.bbox().transformed(placement.trans), {_INDEX: number}))
        return out

    def loose(self, pinned: set[int]) -> list[Difference]:
        """What leads nowhere."""
        rule = self.conductor.ends
        out: list[Difference] = []
        if rule is None:
            return out
        width = round(rule.width_um / self.unit)
        step = min((past for past, _ in self.cuts), default=0)
        for polygon in self.metal.each():
            for tip in tips(polygon):
                # Metal broader than a wire is a pad: half its breadth around the cut leads nowhere.
                breadth = _length(tip.start, tip.end)
                margin = min(breadth // 2, 2 * width) if breadth > width * 4 // 3 else 0
                if tip.sides <= max(step, margin) or any(
                    _any(found, tip.swept(max(past, margin))) for past, found in self.cuts
                ):
                    continue
                edge = tip.swept(1)
                if _any(self.stops, edge) or self._on_cell(edge):
                    continue
                # A step in a bend is less deep than the wire is broad: the whole breadth tells it from a spur.
                piece = tip.swept(self._depth(tip, max(tip.sides, width + 1)))
                if self._joins(polygon, piece) or self._patch(polygon, tip):
                    continue
                if self._net(tip) not in pinned:
                    continue
                out.append(
                    Difference(
                        kind=Kind.DANGLING_WIRE,
                        layer=self.conductor.name,
                        box=micrometres(tip.swept(self._depth(tip, tip.sides)), self.unit),
                        expected=say("wires and cuts that join two things"),
                        found=say(
                            "{layer} that goes on beyond the last thing it touches",
                            layer=self.conductor.name,
                        ),
                    )
                )
                if len(out) == _MOST:
                    return out
        return out

    def _depth(self, tip: _Tip, most: int) -> int:
        """How far behind a tip the first thing is that the metal touches, ``most`` if that is nearer."""
        whole = tip.swept(most)
        first = most
        for found in (self.below, self.above, self.stops):
            for shape in found.each_touching(whole):
                first = min(first, tip.distance(shape.bbox()) - 1)
        for region in self._cells_at(whole):
            for polygon in region.each():
                first = min(first, tip.distance(polygon.bbox()) - 1)
        return max(1, first)

    def _joins(self, polygon: db.Polygon, piece: db.Box) -> bool:
        """Whether a piece of metal holds two others together, each with something on it."""
        parts = (db.Region(polygon) - db.Region(piece)).merged()
        return parts.count() > 1 and sum(1 for part in parts.each() if self._touched(part)) > 1

    def _touched(self, part: db.Polygon) -> bool:
        region = db.Region(part)
        for found in (self.below, self.above, self.stops):
            for shape in found.each_touching(part.bbox()):
                if not region.interacting(db.Region(shape.bbox())).is_empty():
                    return True
        return any(not (one & region).is_empty() for one in self._cells_at(part.bbox()))

    def _patch(self, polygon: db.Polygon, tip: _Tip) -> bool:
        """Whether a tip is the end of the metal that a via landing on a via needs."""
        rule, unit = self.conductor.ends, self.unit
        if rule is None or _length(tip.start, tip.end) > round(rule.width_um / unit):
            return False
        reach, longest = round(rule.reach_um / unit), round(rule.patch_um / unit)
        behind = tip.swept(max(reach, longest))
        middles = [
            min((tip.middle(shape.bbox()) for shape in found.each_touching(behind)), default=None)
            for found in (self.below, self.above)
        ]
        if None in middles:
            return False
        if max(middle for middle in middles if middle is not None) <= reach:
            return True
        band = tip.swept(longest + 1)
        straight = (db.Region(polygon) & db.Region(band)).merged().interacting(db.Region(tip.swept(1)))
        box = straight.bbox()
        return 0 < max(map(abs, (tip.inward[0] * box.width(), tip.inward[1] * box.height()))) <= longest

    def _cells_at(self, box: db.Box) -> Iterator[db.Region]:
        """Metal of cells on this layer in a box."""
        window = db.Region(box)
        for shape in self.cells.each_touching(box):
            placement = self.extracted.placed.placements[shape.property(_INDEX)]
            back = placement.trans.inverted()
            region = placement.master.model.regions[self.conductor.layer] & window.transformed(back)
            if not region.is_empty():
                yield region.transformed(placement.trans)

    def _on_cell(self, box: db.Box) -> bool:
        return any(True for _ in self._cells_at(box))

    def _net(self, tip: _Tip) -> int:
        """The net of a tip; -1 if no wire is there."""
        extracted = self.extracted
        edge = tip.swept(1)
        boxes, layers = extracted.wire_boxes, extracted.wire_layers
        there = (boxes[:, 0] <= edge.right) & (boxes[:, 2] >= edge.left)
        there &= (boxes[:, 1] <= edge.top) & (boxes[:, 3] >= edge.bottom)
        there &= layers == extracted.strata.number(self.conductor.name)
        for number in there.nonzero()[0].tolist():
            node = extracted.wires + number
            if any(self.locator.shape_box(int(shape)).overlaps(edge) for shape in self.locator.shapes(node)):
                return int(extracted.connected.clusters[node])
        return -1


def _any(shapes: db.Shapes, box: db.Box) -> bool:
    return any(True for _ in shapes.each_touching(box))


def _rectangles(region: db.Region) -> db.Region:
    """Slanted metal as the rectangles around its trapezoids, so that a pointed end has a tip too."""
    out = db.Region()
    for piece in region.decompose_trapezoids_to_region().each():
        out.insert(piece.bbox())
    return out.merged()
