"""A difference as a picture: where it is on the die, what is drawn there, what should be, and what differs.

One self-contained SVG per finding: no script, no reference to anything outside, every text escaped, the number of
shapes bounded, the same bytes for the same input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from klayout import db

from sandgrain.layout.library import Library
from sandgrain.layout.page import kind_text
from sandgrain.layout.placements import Placed, take_apart
from sandgrain.layout.process import Process
from sandgrain.layout.read import Drawing
from sandgrain.layout.result import Difference, Kind, say
from sandgrain.layout.shapes import region_of
from sandgrain.verdict import Text

_PANEL = 300
_MAP = 150
_MARGIN = 16
_HEAD = 40
_LEGEND = 44
_MOST_POINTS = 60_000
_LEAST_UM, _MOST_UM = 3.0, 60.0
_EXTRA, _LACKING = "#c1121f", "#0353a4"
_ADDED = frozenset(
    {
        Kind.SHORT,
        Kind.VIA_ADDED,
        Kind.EXTRA_WIRE,
        Kind.DANGLING_WIRE,
        Kind.FLOATING_METAL,
        Kind.HIDDEN_SHAPE,
        Kind.WRONG_NET,
        Kind.EXTRA_DEVICE_SHAPE,
    }
)
_TAKEN = frozenset({Kind.OPEN, Kind.VIA_REMOVED})

Tell = Callable[[Text], str]


@dataclass(frozen=True, slots=True)
class Crop:
    """Geometry in a window, by layer: as drawn, and as expected as far as that is known."""

    window: db.Box
    drawn: Mapping[str, db.Region]
    expected: Mapping[str, db.Region]


class Pictures:
    """Draws the differences of one comparison.

    Args:
        drawing: the layout.
        top: the cell that is the chip.
        library: the trusted cells.
        tell: translates the few words of a picture.
    """

    def __init__(self, drawing: Drawing, top: str, library: Library, tell: Tell = str) -> None:
        self._library = library
        self._process: Process = library.process
        self._placed: Placed = take_apart(drawing, drawing.top(top), library)
        self._tell = tell
        self._die = self._placed.top.bbox()

    def svg(self, finding: Difference) -> str | None:
        """The picture of a finding; None for one that is nowhere on the die."""
        if finding.box is None:
            return None
        crop = self._crop(finding)
        width = _MAP + 3 * _PANEL + 5 * _MARGIN
        height = _HEAD + _PANEL + 2 * _MARGIN + _LEGEND
        title = f"{self._tell(kind_text(finding.kind))}{'' if finding.layer is None else f' ({finding.layer})'}"
        parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" font-family="sans-serif" font-size="12" role="img">'
            ),
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="{_MARGIN}" y="16" font-weight="bold" font-size="14">{escape(title)}</text>',
            self._map(finding, crop.window),
        ]
        left = _MAP + 2 * _MARGIN
        names = (self._tell(say("drawn")), self._tell(say("expected")), self._tell(say("difference")))
        for number, name in enumerate(names):
            x = left + number * (_PANEL + _MARGIN)
            parts.append(f'<text x="{x}" y="{_HEAD - 6}">{escape(name)}</text>')
            parts.append(
                f'<svg x="{x}" y="{_HEAD}" width="{_PANEL}" height="{_PANEL}" viewBox="{self._view(crop.window)}">'
                '<rect x="-10000000" y="-10000000" width="20000000" height="20000000" fill="#fbfbf8"/>'
            )
            if number < 2:
                parts.append(self._layers(crop.drawn if number == 0 else crop.expected, 0.55))
            else:
                parts.append(self._layers(crop.expected, 0.12))
                parts.append(self._changes(crop))
            parts.append(self._frame(finding, crop.window))
            parts.append("</svg>")
            parts.append(f'<rect x="{x}" y="{_HEAD}" width="{_PANEL}" height="{_PANEL}" fill="none" stroke="#555555"/>')
        parts.append(self._scale(crop.window, left, _HEAD + _PANEL + 14))
        parts.append(self._key(crop, left, _HEAD + _PANEL + 34))
        parts.append("</svg>")
        return "\n".join(part for part in parts if part) + "\n"

    # -- what is there -------------------------------------------------------------------------------------------

    def _units(self, um: float) -> int:
        return round(um / self._process.database_unit)

    def _box(self, finding: Difference) -> db.Box:
        assert finding.box is not None  # noqa: S101 - svg() has looked
        return db.Box(*(self._units(side) for side in finding.box))

    def _crop(self, finding: Difference) -> Crop:
        box = self._box(finding)
        side = max(box.width(), box.height())
        side = min(max(side * 2, self._units(_LEAST_UM)), max(self._units(_MOST_UM), side))
        middle = box.center()
        window = db.Box(middle.x - side // 2, middle.y - side // 2, middle.x + side // 2, middle.y + side // 2)
        drawn, expected = {}, {}
        clip = db.Region(window)
        layout = self._placed.drawing.layout
        for layer in self._process.functional:
            index = layout.find_layer(*layer.gds)
            if index is None:
                there = db.Region()
            else:
                there = (db.Region(self._placed.top.begin_shapes_rec_touching(index, window)) & clip).merged()
            cells = db.Region()
            for placement in self._placed.placements:
                if placement.box.enlarged(500, 500).touches(window):
                    model = placement.master.model
                    if finding.cell in self._library and placement.box == box:
                        model = self._library.model(finding.cell)
                    region = model.regions.get(layer.name)
                    if region is not None:
                        cells += region.transformed(placement.trans)
            wires = db.Region()
            added = layer.name == finding.layer and finding.kind in _ADDED
            if index is not None and layer.use != "device":
                for cell, trans in self._placed.others:
                    shapes = layout.cell(cell).shapes(index)
                    near = window.transformed(trans.inverted())
                    for shape in shapes.each_touching(near):
                        if shape.is_text():
                            continue
                        # What was added is left out as a whole, without what lies beneath it.
                        if added and shape.bbox().transformed(trans).inside(box):
                            continue
                        wires.insert(shape.polygon.transformed(trans))
            if layer.name == finding.layer and finding.kind in _TAKEN:
                wires += db.Region(box)
            should = ((cells + wires) & clip).merged()
            if not there.is_empty():
                drawn[layer.name] = there
            if not should.is_empty():
                expected[layer.name] = should
        return Crop(window, drawn, expected)

    # -- how it looks --------------------------------------------------------------------------------------------

    @staticmethod
    def _view(window: db.Box) -> str:
        return f"{window.left} {-window.top} {window.width()} {window.height()}"

    def _layers(self, regions: Mapping[str, db.Region], opacity: float) -> str:
        parts = []
        points = 0
        for layer in self._process.functional:
            region = regions.get(layer.name)
            if region is None:
                continue
            path = _path(region)
            points += path.count(" ")
            if points > _MOST_POINTS:
                parts.append(f"<!-- {escape(self._tell(say('more shapes than a picture holds')))} -->")
                break
            faint = opacity * (0.35 if layer.use == "device" and layer.name not in _STRONG else 1.0)
            parts.append(
                f'<path d="{path}" fill="{layer.colour}" fill-opacity="{faint:.2f}" stroke="{layer.colour}" '
                f'stroke-opacity="{min(1.0, faint * 1.5):.2f}" stroke-width="1" vector-effect="non-scaling-stroke"/>'
            )
        return "\n".join(parts)

    def _changes(self, crop: Crop) -> str:
        parts = []
        for layer in self._process.functional:
            one, two = crop.drawn.get(layer.name, db.Region()), crop.expected.get(layer.name, db.Region())
            for region, colour in ((one - two, _EXTRA), (two - one, _LACKING)):
                if not region.is_empty():
                    parts.append(
                        f'<path d="{_path(region.merged())}" fill="{colour}" fill-opacity="0.75" stroke="{colour}" '
                        'stroke-width="1" vector-effect="non-scaling-stroke"/>'
                    )
        return "\n".join(parts)

    def _frame(self, finding: Difference, window: db.Box) -> str:
        box = self._box(finding)
        pad = max(20, window.width() // 60)
        return (
            f'<rect x="{box.left - pad}" y="{-box.top - pad}" width="{box.width() + 2 * pad}" '
            f'height="{box.height() + 2 * pad}" fill="none" stroke="#000000" stroke-width="1.5" '
            'stroke-dasharray="5 3" vector-effect="non-scaling-stroke"/>'
        )

    def _map(self, finding: Difference, window: db.Box) -> str:
        die = self._die
        scale = min(_MAP / max(1, die.width()), _PANEL / max(1, die.height()))
        wide, high = die.width() * scale, die.height() * scale
        x, y = _MARGIN, _HEAD
        at = self._box(finding).center()
        px, py = x + (at.x - die.left) * scale, y + (die.top - at.y) * scale
        side = max(4.0, window.width() * scale)
        place = "({:,.2f}, {:,.2f}) um".format(*(side_um for side_um in (finding.box or (0, 0))[:2]))
        return (
            f'<text x="{x}" y="{y - 6}">{escape(self._tell(say("die")))}</text>'
            f'<rect x="{x}" y="{y}" width="{wide:.2f}" height="{high:.2f}" fill="#f0efe9" stroke="#555555"/>'
            + self._rows(x, y, scale)
            + f'<rect x="{px - side / 2:.2f}" y="{py - side / 2:.2f}" width="{side:.2f}" height="{side:.2f}" '
            f'fill="none" stroke="{_EXTRA}" stroke-width="1.5"/>'
            f'<path d="M {px:.2f} {y} V {y + high:.2f} M {x} {py:.2f} H {x + wide:.2f}" stroke="{_EXTRA}" '
            'stroke-width="0.5" stroke-dasharray="3 3"/>'
            f'<text x="{x}" y="{y + high + 16:.2f}" font-size="11">{escape(place)}</text>'
        )

    def _rows(self, x: float, y: float, scale: float) -> str:
        """The ground that cells cover."""
        ground = region_of(placement.box for placement in self._placed.placements).merged()
        parts = []
        for polygon in list(ground.each())[:200]:
            box = polygon.bbox()
            parts.append(
                f'<rect x="{x + (box.left - self._die.left) * scale:.2f}" '
                f'y="{y + (self._die.top - box.top) * scale:.2f}" '
                f'width="{box.width() * scale:.2f}" height="{box.height() * scale:.2f}" fill="#d9d5c7"/>'
            )
        return "".join(parts)

    def _scale(self, window: db.Box, x: float, y: float) -> str:
        wide = window.width() * self._process.database_unit
        length = next(step for step in (20, 10, 5, 2, 1, 0.5, 0.2) if step < wide / 2.5 or step == 0.2)
        pixels = length / wide * _PANEL
        return (
            f'<path d="M {x} {y} h {pixels:.2f}" stroke="#000000" stroke-width="2"/>'
            f'<text x="{x + pixels + 6:.2f}" y="{y + 4}" font-size="11">{length:g} um</text>'
        )

    def _key(self, crop: Crop, x: float, y: float) -> str:
        names = [layer for layer in self._process.functional if layer.name in crop.drawn or layer.name in crop.expected]
        parts = []
        at = x
        for layer in names[:18]:
            parts.append(
                f'<rect x="{at}" y="{y - 9}" width="10" height="10" fill="{layer.colour}"/>'
                f'<text x="{at + 13}" y="{y}" font-size="10">{escape(layer.name)}</text>'
            )
            at += 19 + 6 * len(layer.name)
        at = x + 2 * (_PANEL + _MARGIN)
        for colour, word in ((_EXTRA, self._tell(say("too much"))), (_LACKING, self._tell(say("lacking")))):
            parts.append(
                f'<rect x="{at}" y="{y - 28}" width="10" height="10" fill="{colour}"/>'
                f'<text x="{at + 13}" y="{y - 19}" font-size="10">{escape(word)}</text>'
            )
            at += 90
        return "".join(parts)


_STRONG = frozenset({"poly", "diff", "licon1"})


def _path(region: db.Region) -> str:
    parts = []
    for polygon in region.each():
        for ring in [polygon.each_point_hull(), *(polygon.each_point_hole(n) for n in range(polygon.holes()))]:
            points = list(ring)
            parts.append("M" + "L".join(f"{point.x} {-point.y}" for point in points) + "Z")
    return " ".join(parts)
