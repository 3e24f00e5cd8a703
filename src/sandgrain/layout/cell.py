"""One cell as the trusted library draws it: geometry, nodes, pins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from klayout import db
from numpy.typing import NDArray

from sandgrain.layout.connectivity import Strata, connect
from sandgrain.layout.process import SUBSTRATE, Process
from sandgrain.layout.shapes import Shapes, trapezoids_of


@dataclass(frozen=True, slots=True)
class CellModel:
    """A cell reduced to what the outside can touch.

    Attributes:
        name: of the library's cell.
        digest: SHA-256 of its geometry on the layers that end up on the die.
        corner: lower left corner of that geometry, in the cell's own coordinates.
        footprint: left, bottom, right, top of its boundary.
        regions: merged geometry by layer name, in the cell's own coordinates.
        shapes: conductors and cuts, each a part of a node ``0 .. nodes - 1``.
        nodes: number of nodes.
        pins: nodes by pin name.
        substrate: the node that is the substrate, -1 if nothing in the cell touches it.
        power, ground: names of pins that supply and sink.
    """

    name: str
    digest: str
    corner: tuple[int, int]
    footprint: tuple[int, int, int, int]
    regions: Mapping[str, db.Region]
    shapes: Shapes
    nodes: int
    pins: Mapping[str, tuple[int, ...]]
    substrate: int
    supplies: frozenset[str]

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the pins that are no supply."""
        return tuple(pin for pin in self.pins if pin not in self.supplies)

    @property
    def physical_only(self) -> bool:
        """Whether it has no signal pin: a filler, tap or decoupling cell."""
        return not self.signals


def regions_of(layout: db.Layout, cell: db.Cell, process: Process) -> dict[str, db.Region]:
    """Merged geometry of a cell with everything in it, by name of the layers that end up on the die."""
    out = {}
    for layer in process.functional:
        index = layout.find_layer(*layer.gds)
        if index is not None:
            region = db.Region(cell.begin_shapes_rec(index))
            region.merge()
            if not region.is_empty():
                out[layer.name] = region
    return out


def digest_of(regions: Mapping[str, db.Region]) -> tuple[str, tuple[int, int]]:
    """SHA-256 of geometry wherever it lies, and its lower left corner; polygons sorted, layers by name."""
    box = db.Box()
    for region in regions.values():
        box += region.bbox()
    corner = (0, 0) if box.empty() else (box.left, box.bottom)
    move = db.Trans(-corner[0], -corner[1])
    digest = hashlib.sha256()
    for name in sorted(regions):
        digest.update(f"\n{name}:".encode())
        for text in sorted(polygon.transformed(move).to_s() for polygon in regions[name].each()):
            digest.update(text.encode())
    return digest.hexdigest(), corner


def labels_of(layout: db.Layout, cell: db.Cell, process: Process) -> list[tuple[str, str, db.Point]]:
    """Conductor, text and place of every label in a cell and what is in it."""
    out = []
    for layer in process.using("label"):
        index = layout.find_layer(*layer.gds)
        if index is None or layer.of is None:
            continue
        texts = db.Texts(cell.begin_shapes_rec(index))
        out += [(layer.of, text.string, db.Point(text.x, text.y)) for text in texts.each()]
    return sorted(out, key=lambda one: (one[0], one[1], one[2].x, one[2].y))


@dataclass(frozen=True)
class Nodes:
    """The conductors of a cell.

    Attributes:
        polygons: stratum and outline of every conductor and cut.
        shapes: their trapezoids; ``shapes.nodes`` counts polygons.
        clusters: int32 (polygons + 1,), the node of each polygon, and of the substrate at the end.
        count: number of nodes.
    """

    polygons: tuple[tuple[int, db.Polygon], ...]
    shapes: Shapes
    clusters: NDArray[np.int32]
    count: int

    @property
    def substrate(self) -> int:
        """The node of the substrate."""
        return int(self.clusters[-1])

    def at(self, stratum: int, point: db.Point) -> list[int]:
        """Nodes of a conductor at a point."""
        return [
            int(self.clusters[number])
            for number, (layer, polygon) in enumerate(self.polygons)
            if layer == stratum and polygon.inside(point)
        ]


def nodes_of(regions: Mapping[str, db.Region], process: Process) -> Nodes:
    """What conducts to what within a cell."""
    strata = Strata.of(process)
    trapezoids: list[tuple[int, int, int, int, int, int]] = []
    layers: list[int] = []
    nodes: list[int] = []
    polygons: list[tuple[int, db.Polygon]] = []

    def add(number: int, region: db.Region) -> None:
        for polygon in region.each_merged():
            pieces = trapezoids_of(polygon)
            trapezoids.extend(pieces)
            layers.extend([number] * len(pieces))
            nodes.extend([len(polygons)] * len(pieces))
            polygons.append((number, polygon))

    for number, conductor in enumerate(process.conductors):
        if conductor.layer not in regions:
            continue
        region = regions[conductor.layer]
        for other in conductor.minus:
            if other in regions:
                region = region - regions[other]
        add(number, region)
    for via in process.vias:
        if via.cut in regions:
            add(strata.number(via.cut), regions[via.cut])
    shapes = Shapes.of(trapezoids, layers, nodes)
    connected = connect(shapes, len(polygons) + 1, process, len(polygons))
    return Nodes(tuple(polygons), shapes, connected.clusters, connected.count)


def model_of(layout: db.Layout, cell: db.Cell, process: Process, name: str | None = None) -> CellModel:
    """What a cell is made of."""
    regions = regions_of(layout, cell, process)
    digest, corner = digest_of(regions)
    strata = Strata.of(process)
    nodes = nodes_of(regions, process)
    pins: dict[str, list[int]] = {}
    own = nodes.substrate
    for conductor_name, text, point in labels_of(layout, cell, process):
        found = [own] if conductor_name == SUBSTRATE else nodes.at(strata.number(conductor_name), point)
        for node in found:
            if node not in pins.setdefault(text, []):
                pins[text].append(node)
    _bulk(pins, nodes, strata.number(process.well), process)
    touched = any(own in members for members in pins.values()) or bool(np.any(nodes.clusters[:-1] == own))
    boundary = layout.find_layer(*process.layers[process.library.boundary].gds)
    box = cell.bbox() if boundary is None else cell.bbox(boundary)
    return CellModel(
        name=name or cell.name,
        digest=digest,
        corner=corner,
        footprint=(box.left, box.bottom, box.right, box.top),
        regions=regions,
        shapes=Shapes(nodes.shapes.trapezoids, nodes.shapes.layers, nodes.clusters[nodes.shapes.nodes]),
        nodes=nodes.count,
        pins={pin: tuple(members) for pin, members in sorted(pins.items()) if members},
        substrate=own if touched else -1,
        supplies=process.library.power | process.library.ground,
    )


def _bulk(pins: dict[str, list[int]], nodes: Nodes, well: int, process: Process) -> None:
    """Give the bulk pins to cells that do not label them, where there is no doubt."""
    wells = {int(nodes.clusters[number]) for number, (layer, _) in enumerate(nodes.polygons) if layer == well}
    if process.well_pin not in pins and len(wells) == 1:
        pins[process.well_pin] = list(wells)
    if process.substrate_pin not in pins:
        pins[process.substrate_pin] = [nodes.substrate]
