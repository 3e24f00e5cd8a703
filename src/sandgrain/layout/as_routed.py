"""A drawing against the DEF it was made from: components, wires to the polygon, nets by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from klayout import db

from sandgrain.layout.extraction import Extracted, own_region
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.placements import Placement
from sandgrain.layout.result import Difference, Kind, say
from sandgrain.layout.routed import Component, Routed
from sandgrain.layout.shapes import holding

# Findings on one layer; a drawing with more of them is another chip.
_MOST = 200

_Corner = tuple[int, int, int]


def routed_findings(extracted: Extracted, routed: Routed) -> list[Difference]:
    """Where the drawing is not what its DEF says."""
    return [*_components(extracted, routed), *_wires(extracted, routed), *_nets(extracted, routed)]


def renamed(extracted: Extracted, routed: Routed, names: Mapping[int, str]) -> int:
    """Number of nets that the DEF calls otherwise than the netlist.

    Args:
        extracted: the drawing.
        routed: its DEF.
        names: what the netlist calls each net of the drawing.
    """
    return sum(
        1
        for name, clusters in _clusters(extracted, routed).items()
        if len(clusters) == 1 and names.get(next(iter(clusters)), name).replace("\\", "") != name.replace("\\", "")
    )


def _corner(placement: Placement) -> _Corner:
    box = placement.box
    return box.left, box.bottom, placement.trans.rot


def _components(extracted: Extracted, routed: Routed) -> list[Difference]:
    unit = extracted.process.database_unit
    drawn: dict[_Corner, Placement] = {_corner(placement): placement for placement in extracted.placed.placements}
    out: list[Difference] = []
    seen: set[_Corner] = set()
    for component in routed.components:
        at = (component.x, component.y, component.turn)
        placement = drawn.get(at)
        seen.add(at)
        if placement is not None and component.kind in (placement.master.model.name, placement.master.drawn_as):
            continue
        out.append(_misplaced(component, placement, unit))
    for at, placement in drawn.items():
        if at not in seen:
            out.append(
                Difference(
                    kind=Kind.EXTRA_CELL,
                    box=micrometres(placement.box, unit),
                    expected=say("no cell in the DEF"),
                    found=say("a cell {name}", name=placement.master.model.name),
                )
            )
    return out[:_MOST]


def _misplaced(component: Component, placement: Placement | None, unit: float) -> Difference:
    box = db.Box(component.x, component.y, component.x, component.y) if placement is None else placement.box
    return Difference(
        kind=Kind.MISSING_CELL if placement is None else Kind.CELL_SWAPPED,
        box=micrometres(box, unit),
        expected=say("{cell} of type {wanted}, as the DEF has it", cell=component.name, wanted=component.kind),
        found=say("no cell") if placement is None else say("a cell {name}", name=placement.master.model.name),
        instances=(component.name,),
    )


def _wires(extracted: Extracted, routed: Routed) -> list[Difference]:
    unit = extracted.process.database_unit
    out: list[Difference] = []
    for layer in extracted.process.using("wire", "cut"):
        drawn = own_region(extracted.placed, layer.gds).merged()
        wanted = routed.wires.get(layer.name, db.Region()).merged()
        cut = layer.use == "cut"
        for region, kind, expected, found in (
            (drawn - wanted, Kind.VIA_ADDED if cut else Kind.EXTRA_WIRE, say("none in the DEF"), say("drawn")),
            (wanted - drawn, Kind.VIA_REMOVED if cut else Kind.OPEN, say("as the DEF has it"), say("none")),
        ):
            for polygon, _ in zip(region.merged().each(), range(_MOST), strict=False):
                out.append(
                    Difference(
                        kind=kind,
                        layer=layer.name,
                        box=micrometres(polygon.bbox(), unit),
                        expected=expected,
                        found=found,
                    )
                )
    return out


def _clusters(extracted: Extracted, routed: Routed) -> dict[str, set[int]]:
    """The nets of the drawing that the wires of each net of the DEF lie on."""
    layer_of = {conductor.layer: conductor.name for conductor in extracted.process.conductors}
    by_layer: dict[str, list[tuple[str, tuple[int, int]]]] = defaultdict(list)
    for net, layer, at in routed.nets:
        by_layer[layer].append((net, at))
    out: dict[str, set[int]] = defaultdict(set)
    for layer, found in by_layer.items():
        on = np.flatnonzero(extracted.shapes.layers == extracted.strata.number(layer_of.get(layer, layer)))
        spots, hits = holding(extracted.shapes, on, [at for _, at in found])
        clusters = extracted.connected.clusters[extracted.shapes.nodes[hits]]
        for spot, cluster in zip(spots.tolist(), clusters.tolist(), strict=True):
            out[found[spot][0]].add(cluster)
    return out


def _nets(extracted: Extracted, routed: Routed) -> list[Difference]:
    """Nets of the DEF that the drawing parts, and such as it joins."""
    out: list[Difference] = []
    names: dict[int, list[str]] = defaultdict(list)
    for name, clusters in sorted(_clusters(extracted, routed).items()):
        for cluster in clusters:
            names[cluster].append(name)
        if len(clusters) > 1:
            out.append(
                Difference(
                    kind=Kind.OPEN,
                    box=None,
                    expected=say("net {net} in one piece", net=name),
                    found=say("in {count} pieces where the DEF has it", count=len(clusters)),
                    nets=(name,),
                )
            )
    out.extend(
        Difference(
            kind=Kind.SHORT,
            box=None,
            expected=say("{count} nets: {nets}", count=len(found), nets=", ".join(found[:6])),
            found=say("one net"),
            nets=tuple(found[:6]),
        )
        for _, found in sorted(names.items())
        if len(found) > 1
    )
    return out[:_MOST]
