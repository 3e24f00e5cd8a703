"""The chip as its DEF (Design Exchange Format, version 5.8) has it: every component's place, every net's wires."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from klayout import db

from sandgrain.errors import LimitExceeded
from sandgrain.layout._bytes import read_bytes
from sandgrain.layout._child import converted
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import Process


@dataclass(frozen=True, slots=True)
class Component:
    """A cell of the DEF: its lower left corner in database units, and its orientation as klayout counts them."""

    name: str
    kind: str
    x: int
    y: int
    turn: int


@dataclass(frozen=True)
class Routed:
    """What a DEF says.

    Attributes:
        file: where it came from.
        design: its name.
        components: every placed cell.
        wires: metal and cuts by layer of the process, in database units.
        nets: net, layer and a place in a shape of it, for every shape whose net is said.
    """

    file: Path
    design: str
    components: tuple[Component, ...]
    wires: dict[str, db.Region]
    nets: tuple[tuple[str, str, tuple[int, int]], ...]


def read_def(path: Path, process: Process, technology: Path, limits: LayoutLimits | None = None) -> Routed:
    """Read a DEF.

    Args:
        path: the file.
        process: its layers.
        technology: LEF of the technology, which says how broad wires are and what vias look like.
        limits: bounds on the file, and on the child process that reads it.

    Raises:
        LayoutError: the file is damaged, or uses layers or vias that the technology lacks.
        LimitExceeded: naming the limit.
    """
    limits = limits or LayoutLimits()
    data = read_bytes(path, "a DEF file", limits)
    if not data.strip():
        raise LayoutError("the file is empty", file=path, expected="a DEF file", remedy="hand it over again")
    lines = converted(data, path, "_def_child", (".def", ".json"), (str(technology),), limits)
    design, unit = "", 0.0
    components: list[Component] = []
    wires: dict[str, db.Region] = {}
    nets: list[tuple[str, str, tuple[int, int]]] = []
    shapes = 0
    for line in lines.decode("utf-8").splitlines():
        kind, *rest = json.loads(line)
        if kind == "design":
            design, unit = rest
        elif kind == "component":
            components.append(Component(*rest))
        elif rest[1] in process.layers:
            net, layer, points = rest
            polygon = db.Polygon([db.Point(x, y) for x, y in points])
            wires.setdefault(layer, db.Region()).insert(polygon)
            if net and polygon.is_box():
                middle = polygon.bbox().center()
                nets.append((net, layer, (middle.x, middle.y)))
            shapes += 1
        if len(components) > limits.instances or shapes > limits.shapes:
            raise LimitExceeded(
                "too many components or shapes",
                file=path,
                expected=f"at most {limits.instances:,} (LayoutLimits.instances) and {limits.shapes:,} "
                "(LayoutLimits.shapes)",
                remedy="raise the limit",
            )
    if abs(unit - process.database_unit) > 1e-9:
        raise LayoutError(
            f"one database unit is {unit:g} um",
            file=path,
            expected=f"{process.database_unit:g} um as in {process.name}",
        )
    if not components:
        raise LayoutError("the file places no component", file=path, expected="a DEF with placed components")
    return Routed(path, design, tuple(components), wires, tuple(nets))
