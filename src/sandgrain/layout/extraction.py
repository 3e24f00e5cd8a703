"""The wires of a drawing as nets between the nodes of its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from klayout import db
from numpy.typing import NDArray

from sandgrain.layout import _contact_kernels as kernels
from sandgrain.layout.connectivity import Connected, Strata, connect
from sandgrain.layout.placements import Placed
from sandgrain.layout.process import SUBSTRATE, Process
from sandgrain.layout.shapes import Shapes, holding, trapezoids_of


@dataclass(frozen=True, slots=True)
class Label:
    """A text on the chip: the net it lies on (-1 for none), and whether it lies in the mark of a pin."""

    text: str
    conductor: str
    at: tuple[int, int]
    node: int
    marked: bool


@dataclass(frozen=True)
class Extracted:
    """Nets of a drawing.

    Attributes:
        placed: the cells.
        process: what conducts and joins.
        strata: what ``shapes.layers`` counts.
        shapes: those of the cells first, then the wires and cuts of the chip.
        first_node: int64 (cells + 1,), nodes of placement ``i`` are ``first_node[i] : first_node[i + 1]``.
        wires: number of the first node that is a wire or cut of the chip.
        substrate: the node that is the substrate.
        connected: contacts and nets.
        labels: texts of the chip.
        wire_boxes: int32 (wires, 4) left, bottom, right, top of each wire node.
        wire_layers: int16 (wires,), stratum of each wire node.
    """

    placed: Placed
    process: Process
    strata: Strata
    shapes: Shapes
    first_node: NDArray[np.int64]
    wires: int
    substrate: int
    connected: Connected
    labels: tuple[Label, ...]
    wire_boxes: NDArray[np.int32]
    wire_layers: NDArray[np.int16]

    def pin_cluster(self, placement: int, node: int) -> int:
        """The net a node of a placed cell belongs to."""
        return int(self.connected.clusters[self.node(placement, node)])

    def node(self, placement: int, node: int) -> int:
        """The chip's node for a node of a placed cell."""
        if node == self.placed.placements[placement].master.model.substrate:
            return self.substrate
        return int(self.first_node[placement]) + node


def extract(placed: Placed, process: Process) -> Extracted:
    """Find the nets of a drawing."""
    strata = Strata.of(process)
    counts = np.array([placement.master.model.nodes for placement in placed.placements], np.int64)
    first = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    cells = [_cell_shapes(placed, number, int(first[number])) for number in range(counts.size)]
    wires, boxes, layers = _wires(placed, process, strata, int(first[-1]))
    substrate = int(first[-1]) + len(boxes)
    shapes = _with_substrate(Shapes.join([*cells, wires]), placed, first, substrate)
    connected = connect(shapes, substrate + 1, process)
    return Extracted(
        placed=placed,
        process=process,
        strata=strata,
        shapes=shapes,
        first_node=first,
        wires=int(first[-1]),
        substrate=substrate,
        connected=connected,
        labels=_labels(placed, process, shapes, strata, substrate),
        wire_boxes=np.array(boxes, np.int32).reshape(-1, 4),
        wire_layers=np.array(layers, np.int16),
    )


def _cell_shapes(placed: Placed, number: int, first: int) -> Shapes:
    placement = placed.placements[number]
    own = placement.master.model.shapes
    trans = placement.trans
    moved = kernels.place(own.trapezoids, trans.angle, trans.is_mirror(), trans.disp.x, trans.disp.y)
    return Shapes(moved, own.layers, (own.nodes + first).astype(np.int32))


def _with_substrate(shapes: Shapes, placed: Placed, first: NDArray[np.int64], substrate: int) -> Shapes:
    """The same shapes, every node that is a cell's substrate being the one of the chip."""
    renumber = np.arange(int(first[-1]), dtype=np.int32)
    for number, placement in enumerate(placed.placements):
        if placement.master.model.substrate >= 0:
            renumber[int(first[number]) + placement.master.model.substrate] = substrate
    nodes = shapes.nodes.copy()
    inside = nodes < renumber.size
    nodes[inside] = renumber[nodes[inside]]
    return Shapes(shapes.trapezoids, shapes.layers, nodes)


def _wires(
    placed: Placed, process: Process, strata: Strata, first: int
) -> tuple[Shapes, list[tuple[int, int, int, int]], list[int]]:
    """Wires and cuts that belong to no cell; every drawn shape is a node of its own."""
    layout = placed.drawing.layout
    trapezoids: list[tuple[int, int, int, int, int, int]] = []
    layers: list[int] = []
    nodes: list[int] = []
    boxes: list[tuple[int, int, int, int]] = []
    of_node: list[int] = []
    conductor_of = {conductor.layer: conductor.name for conductor in process.conductors}
    for layer in process.using("wire", "cut"):
        index = layout.find_layer(*layer.gds)
        if index is None:
            continue
        number = strata.number(conductor_of.get(layer.name, layer.name))
        for cell, trans in placed.others:
            for shape in layout.cell(cell).shapes(index).each():
                if shape.is_text() or shape.is_point():
                    continue
                for polygon in _polygons(shape):
                    pieces = trapezoids_of(polygon.transformed(trans))
                    trapezoids.extend(pieces)
                    layers.extend([number] * len(pieces))
                    nodes.extend([first + len(boxes)] * len(pieces))
                    box = polygon.bbox().transformed(trans)
                    boxes.append((box.left, box.bottom, box.right, box.top))
                    of_node.append(number)
    return Shapes.of(trapezoids, layers, nodes), boxes, of_node


def _polygons(shape: db.Shape) -> list[db.Polygon]:
    """A shape as polygons that do not cross themselves."""
    if shape.is_box():
        return [db.Polygon(shape.box)] if shape.box.area() > 0 else []
    polygon = shape.polygon
    if polygon.is_box():
        return [polygon]
    return list(db.Region(polygon).merged().each())


def _labels(placed: Placed, process: Process, shapes: Shapes, strata: Strata, substrate: int) -> tuple[Label, ...]:
    layout = placed.drawing.layout
    marks = {layer.of: layer for layer in process.using("pin") if layer.of is not None}
    out = []
    for layer in process.using("label"):
        index = layout.find_layer(*layer.gds)
        if index is None or layer.of is None:
            continue
        mark = db.Shapes()
        if layer.of in marks:
            mark.insert(own_region(placed, marks[layer.of].gds).merged())
        texts = [
            (shape.text.string, trans * db.Point(shape.text.x, shape.text.y))
            for cell, trans in placed.others
            for shape in layout.cell(cell).shapes(index).each()
            if shape.is_text()
        ]
        nodes = dict.fromkeys(range(len(texts)), substrate if layer.of == SUBSTRATE else -1)
        if layer.of != SUBSTRATE:
            on = np.flatnonzero(shapes.layers == strata.number(layer.of))
            spots, hits = holding(shapes, on, [(at.x, at.y) for _, at in texts])
            # Of several the last counts: wires come after cells.
            nodes.update(zip(spots.tolist(), shapes.nodes[hits].tolist(), strict=True))
        for number, (text, at) in enumerate(texts):
            marked = any(shape.bbox().contains(at) for shape in mark.each_touching(db.Box(at, at)))
            out.append(Label(text, layer.of, (at.x, at.y), nodes[number], marked))
    return tuple(sorted(out, key=lambda label: (label.text, label.conductor, label.at)))


def own_region(placed: Placed, gds: tuple[int, int]) -> db.Region:
    """What the cells that are no library cells draw on a layer."""
    layout = placed.drawing.layout
    index = layout.find_layer(*gds)
    region = db.Region()
    if index is not None:
        for cell, trans in placed.others:
            region += db.Region(layout.cell(cell).shapes(index)).transformed(trans)
    return region


def covering(trapezoids: NDArray[np.int32], x: int, y: int) -> NDArray[np.bool_]:
    """Which trapezoids hold a point (slanted ones by their bounding box)."""
    low, high, left, right, left_up, right_up = trapezoids.T
    inside: NDArray[np.bool_] = (
        (low <= y) & (y <= high) & (np.minimum(left, left_up) <= x) & (x <= np.maximum(right, right_up))
    )
    return inside
