"""Cuts that are fewer or more than where the same two metals cross in the same way elsewhere.

Taking one cut out of many, or adding one beside another, changes no connection. But a router draws equal crossings
equally; where nearly all crossings of one size carry the same cuts, one that does not is a finding.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from klayout import db

from sandgrain.layout.extraction import Extracted, own_region
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.result import Difference, Kind, say

_OFTEN = 0.9
_ENOUGH = 8
_LARGEST = 4_000
_LONGEST = 4


def irregular_cuts(extracted: Extracted) -> list[Difference]:
    """Crossings of wires whose cuts are not those of nearly all others of the same shape and layers."""
    process = extracted.process
    layer_of = {conductor.name: conductor.layer for conductor in process.conductors}
    out: list[Difference] = []
    for via in process.vias:
        if process.layers[via.cut].use != "cut":
            continue
        cuts = own_region(extracted.placed, process.layers[via.cut].gds).merged()
        if cuts.is_empty():
            continue
        out += _misshapen(extracted, via.cut, cuts)
        lower = db.Region()
        for name in via.lower:
            lower += own_region(extracted.placed, process.layers[layer_of[name]].gds)
        upper = own_region(extracted.placed, process.layers[layer_of[via.upper]].gds)
        crossing = (lower.merged() & upper.merged()).merged()
        out += _odd(extracted, via.cut, crossing, cuts)
    return out


def _misshapen(extracted: Extracted, cut: str, cuts: db.Region) -> list[Difference]:
    """Cuts that are no rectangle, or a long one."""
    return [
        Difference(
            kind=Kind.VIA_ADDED,
            layer=cut,
            box=micrometres(polygon.bbox(), extracted.process.database_unit),
            expected=say("cuts that are rectangles, about as long as wide"),
            found=say("a cut of another shape"),
        )
        for polygon in cuts.each()
        if not polygon.is_box()
        or max(polygon.bbox().width(), polygon.bbox().height())
        > _LONGEST * min(polygon.bbox().width(), polygon.bbox().height())
    ]


def _odd(extracted: Extracted, cut: str, crossing: db.Region, cuts: db.Region) -> list[Difference]:
    unit = extracted.process.database_unit
    patterns: dict[str, list[tuple[db.Polygon, tuple[tuple[int, int, int, int], ...]]]] = defaultdict(list)
    members = _within(crossing, cuts)
    for polygon, boxes in members:
        box = polygon.bbox()
        if max(box.width(), box.height()) > _LARGEST:
            continue
        key = (
            f"{box.width()} {box.height()}"
            if polygon.is_box()
            else polygon.transformed(db.Trans(-box.left, -box.bottom)).to_s()
        )
        inside = tuple(
            sorted((one.left - box.left, one.bottom - box.bottom, one.width(), one.height()) for one in boxes)
        )
        patterns[key].append((polygon, inside))
    out = []
    for found in patterns.values():
        counts = Counter(inside for _, inside in found)
        usual, often = counts.most_common(1)[0]
        if not usual or len(found) < _ENOUGH or often < _OFTEN * len(found):
            continue
        for polygon, inside in found:
            if inside == usual:
                continue
            missing, added = sorted(set(usual) - set(inside)), sorted(set(inside) - set(usual))
            at = polygon.bbox()
            box = db.Box()
            for left, bottom, width, height in missing if len(inside) < len(usual) else added or missing:
                box += db.Box(left, bottom, left + width, bottom + height)
            out.append(
                Difference(
                    kind=Kind.VIA_REMOVED if len(inside) < len(usual) else Kind.VIA_ADDED,
                    layer=cut,
                    box=micrometres(box.moved(at.left, at.bottom), unit),
                    expected=say(
                        "{usual} cuts as in {often} of {found} crossings of this shape",
                        usual=len(usual),
                        often=often,
                        found=len(found),
                    ),
                    found=say("{count} cuts", count=len(inside)),
                )
            )
    return out


def _within(crossing: db.Region, cuts: db.Region) -> list[tuple[db.Polygon, list[db.Box]]]:
    """Crossings and the cuts inside of each."""
    polygons = list(crossing.each())
    index = db.Shapes()
    for number, polygon in enumerate(polygons):
        index.insert(db.BoxWithProperties(polygon.bbox(), {1: number}))
    out: list[list[db.Box]] = [[] for _ in polygons]
    for cut in cuts.each():
        box = cut.bbox()
        for shape in index.each_touching(box):
            number = shape.property(1)
            if shape.box.contains(box.center()) and polygons[number].inside(box.center()):
                out[number].append(box)
                break
    return list(zip(polygons, out, strict=True))


def missing_cuts(findings: list[Difference], unit: float) -> list[tuple[str, db.Box]]:
    """Layer and place (database units) of the cuts that are missing."""
    return [
        (finding.layer or "", db.Box(*(round(side / unit) for side in finding.box)))
        for finding in findings
        if finding.kind is Kind.VIA_REMOVED and finding.box is not None
    ]
