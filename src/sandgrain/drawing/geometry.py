"""From places and routes to polygons: cells, wires, vias, power and pins of the top cell."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from klayout import db
from numpy.typing import NDArray

from sandgrain.drawing._access import Access, pad
from sandgrain.drawing.cells import CellNetlist
from sandgrain.drawing.floorplan import Floorplan
from sandgrain.drawing.library import master, rules
from sandgrain.drawing.placement import Placement
from sandgrain.drawing.routing import Routing, power_stacks

DBU: Final = 0.001
"""Micrometres of one database unit; every number here is in these units, which are nanometres."""
_METALS: Final = ("met2", "met3", "met4")
_CUTS: Final = {"via": ("met1", "met2"), "via2": ("met2", "met3"), "via3": ("met3", "met4")}


Wires = dict[str, list[tuple[str, db.Box]]]
"""Layer and box of every wire and cut, by net."""


def layout_of(netlist: CellNetlist, placement: Placement, routing: Routing) -> tuple[db.Layout, Wires]:
    """The layout, and the wires in it by net; masters are copies of the library's."""
    drawing = _Drawing(netlist.top, placement.plan)
    for instance, row, site in zip(netlist.instances, placement.rows, placement.sites, strict=True):
        drawing.cell(instance.master, int(row), int(site))
    for _, kind, row, site in placement.fill:
        drawing.cell(kind, row, site)
    drawing.boundary()
    drawing.power()
    for net in range(len(netlist.nets)):
        drawing.owner = netlist.nets[net]
        drawing.net(placement, routing, net)
    for bit, (name, _, net) in enumerate(netlist.port_bits()):
        drawing.owner = netlist.nets[net]
        drawing.port(name, int(placement.port_tracks[bit]), bool(placement.port_above[bit]))
    return drawing.layout, drawing.wires


def write_gds(layout: db.Layout, path: Path) -> None:
    """Write GDS; the same layout gives the same bytes."""
    options = db.SaveLayoutOptions()
    options.format = "GDS2"
    options.gds2_write_timestamps = False
    layout.write(str(path), options)


class _Drawing:
    def __init__(self, top: str, plan: Floorplan) -> None:
        self.layout = db.Layout()
        self.layout.dbu = DBU
        self.top = self.layout.create_cell(top)
        self.plan = plan
        self.layers = {name: self.layout.layer(*pair) for name, pair in rules()["layers"].items()}
        self.masters: dict[str, db.Cell] = {}
        self.wires: Wires = {}
        self.owner = ""

    def box(self, layer: str, left: int, bottom: int, right: int, top: int) -> None:
        box = db.Box(left, bottom, right, top)
        self.top.shapes(self.layers[layer]).insert(box)
        if self.owner and not layer.endswith("_pin"):
            self.wires.setdefault(self.owner, []).append((layer, box))

    def around(self, layer: str, x: int, y: int, half: list[int]) -> None:
        self.box(layer, x - half[0], y - half[1], x + half[0], y + half[1])

    def cell(self, kind: str, row: int, site: int) -> None:
        """Place a cell: upright in even rows, mirrored at a horizontal line in odd ones."""
        if kind not in self.masters:
            self.masters[kind] = self._master(kind)
        x, y = self._corner(row, site)
        height = rules()["site"]["height"]
        turn = db.Trans(db.Trans.M0, x, y + height) if row % 2 else db.Trans(db.Trans.R0, x, y)
        self.top.insert(db.CellInstArray(self.masters[kind].cell_index(), turn))

    def _corner(self, row: int, site: int) -> tuple[int, int]:
        return self.plan.core[0] + site * rules()["site"]["width"], self.plan.row_bottom(row)

    def _master(self, kind: str) -> db.Cell:
        source = db.Layout()
        source.read(str(master(kind).gds))
        copied = self.layout.create_cell(kind)
        copied.copy_tree(source.cell(kind))
        return copied

    def boundary(self) -> None:
        width, height = self.plan.die
        self.box("boundary", 0, 0, width, height)

    def power(self) -> None:
        """Rails along every row, straps across all of them, a stack of cuts wherever the two are of one net."""
        power, plan = rules()["power"], self.plan
        left, bottom, right, top = plan.core
        half = power["rail_width"] // 2
        for rail in range(plan.rows + 1):
            y, self.owner = plan.row_bottom(rail), plan.rail_net(rail)
            self.box("met1", left, y - half, right, y + half)
        wide = power["strap_width"] // 2
        for column in range(plan.segments + 1):
            for net, offset in power["straps"].items():
                self.owner = net
                x = plan.column_left(column) + offset
                for layer in ("met4", "met4_pin"):
                    self.box(layer, x - wide, bottom - half, x + wide, top + half)
                self.label("met4_label", net, x, (bottom + top) // 2)
        for self.owner, x, y in power_stacks(plan):
            for layer in ("met1", "met2", "met3"):
                self.around(layer, x, y, power["stack_half"])
            for cut, number in power["cuts"].items():
                pitch = power["cut_pitch"][cut]
                for index in range(number):
                    at = x - (number - 1) * pitch // 2 + index * pitch
                    self.around(cut, at, y, rules()["vias"][cut]["cut"])

    def via(self, cut: str, x: int, y: int) -> None:
        """A cut with its metal below and above."""
        below, above = _CUTS[cut]
        sizes = rules()["vias"][cut]
        self.around(below, x, y, sizes["below"])
        self.around(cut, x, y, sizes["cut"])
        self.around(above, x, y, sizes["above"])

    def net(self, placement: Placement, routing: Routing, net: int) -> None:
        """The wires of a net, and its way down to the pins of cells."""
        if not len(routing.paths[net]):
            return
        for pin in routing.pins[net]:
            row, site = int(placement.rows[pin.cell]), int(placement.sites[pin.cell])
            self._pin(pin.access, row, site, self._point(pin.node, routing.shape)[1])
        nx, ny = routing.shape
        wires, cuts = edges_of(routing.paths[net], nx, ny)
        for one, other in wires:
            layer = one // (nx * ny)
            half = rules()["wires"][_METALS[layer]] // 2
            (ax, ay), (bx, by) = self._point(one, routing.shape), self._point(other, routing.shape)
            self.box(_METALS[layer], min(ax, bx) - half, min(ay, by) - half, max(ax, bx) + half, max(ay, by) + half)
        for node in cuts:
            self.via(("via2", "via3")[node // (nx * ny)], *self._point(node, routing.shape))
        self._fill_notches(wires, cuts, routing.shape)

    def _fill_notches(self, wires: list[tuple[int, int]], cuts: list[int], shape: tuple[int, int]) -> None:
        """Fill gaps of met3 within a net, where its vias are a column apart, that are too narrow to print."""
        plane, half = shape[0] * shape[1], rules()["wires"]["met3"] // 2
        metal = db.Region()
        for one, other in wires:
            if one // plane == 1:
                (ax, ay), (bx, by) = self._point(one, shape), self._point(other, shape)
                metal.insert(db.Box(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)).enlarged(half, half))
        for node in cuts:
            side = "below" if node // plane else "above"
            metal.insert(db.Box(*[0] * 4).enlarged(*rules()["vias"][("via2", "via3")[node // plane]][side]).moved(
                *self._point(node, shape)
            ))  # fmt: skip
        space = rules()["spacing"]["met3"] // 2
        filled = metal.sized(space).sized(-space) - metal
        for part in filled.decompose_trapezoids_to_region().each():
            box = part.bbox()
            self.box("met3", box.left, box.bottom, box.right, box.top)

    def _pin(self, access: Access, row: int, site: int, node_y: int) -> None:
        x, y = self._corner(row, site)
        height, vias, tracks = rules()["site"]["height"], rules()["vias"], rules()["tracks"]
        at = y + (height - access.y if row % 2 else access.y)
        track = x + access.column * tracks["x_pitch"] + tracks["x_offset"]
        metal = pad(access)
        self.box("met1", x + metal.left, at - metal.height() // 2, x + metal.right, at + metal.height() // 2)
        if access.contact is not None:
            for layer in ("li1", "mcon"):
                self.around(layer, x + access.contact, at, vias["mcon"]["cut"])
        self.via("via", track, at)
        half = rules()["wires"]["met2"] // 2
        self.box("met2", track - half, min(at, node_y) - half, track + half, max(at, node_y) + half)

    def _point(self, node: int, shape: tuple[int, int]) -> tuple[int, int]:
        nx, ny = shape
        tracks, rest = rules()["tracks"], int(node) % (nx * ny)
        x, y = rest % nx, rest // nx
        return tracks["x_offset"] + x * tracks["x_pitch"], tracks["y_offset"] + y * tracks["y_pitch"]

    def port(self, name: str, track: int, above: bool) -> None:
        """A pin of met2 from the edge of the die to the first track, with its name."""
        tracks, (_, height) = rules()["tracks"], self.plan.die
        x, inner = tracks["x_offset"] + track * tracks["x_pitch"], 2 * tracks["y_offset"]
        half = rules()["wires"]["met2"] // 2
        low, high = (height - inner, height) if above else (0, inner)
        for layer in ("met2", "met2_pin"):
            self.box(layer, x - half, low, x + half, high)
        self.label("met2_label", name, x, (low + high) // 2)

    def label(self, layer: str, text: str, x: int, y: int) -> None:
        self.top.shapes(self.layers[layer]).insert(db.Text(text, db.Trans(x, y)))


def edges_of(path: NDArray[np.int32], nx: int, ny: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Straight wires (from node, to node) and vias (the lower node) of the paths of a net, each once.

    Neighbours on one track of met3 are joined even where no path runs, because a gap of one column would be too small.
    """
    plane = nx * ny
    steps: set[tuple[int, int]] = set()
    cuts: set[int] = set()
    for one, other in zip(path[:-1].tolist(), path[1:].tolist(), strict=True):
        if one < 0 or other < 0:
            continue
        low, high = min(one, other), max(one, other)
        if high - low == plane:
            cuts.add(low)
        else:
            steps.add((low, high))
    met3 = {node for node in path.tolist() if plane <= node < 2 * plane}
    steps |= {(node, node + 1) for node in met3 if node + 1 in met3 and (node + 1 - plane) % nx}
    wires: list[tuple[int, int]] = []
    by_length: dict[int, list[tuple[int, int]]] = {}
    for low, high in sorted(steps):
        by_length.setdefault(high - low, []).append((low, high))
    for length in sorted(by_length):
        run: dict[int, int] = {}  # last node of a wire so far, to its first
        for low, high in by_length[length]:
            run[high] = run.pop(low, low)
        wires += [(first, last) for last, first in run.items()]
    return wires, sorted(cuts)
