"""Drawing a design: description or netlist in, layout and its netlists out."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandgrain.drawing.cells import CellNetlist, write_cells
from sandgrain.drawing.errors import DrawingError
from sandgrain.drawing.exchange import write_def
from sandgrain.drawing.floorplan import plan
from sandgrain.drawing.geometry import layout_of, write_gds
from sandgrain.drawing.library import master, rules
from sandgrain.drawing.mapping import map_to_cells
from sandgrain.drawing.placement import Placement, place
from sandgrain.drawing.routing import Routing, route
from sandgrain.netlist import Design, ElaborationLimits
from sandgrain.progress import Progress, SilentProgress

UTILISATIONS: Final = (0.5, 0.38, 0.3, 0.24, 0.18)
"""How much of the rows is filled: each is tried when the one before left wires that could not be routed."""


@dataclass(frozen=True)
class Drawing:
    """What was drawn, and the files it is in.

    Attributes:
        netlist: the design as library cells.
        gds: the layout; one database unit is a nanometre.
        verilog: the netlist without power pins and without the cells that carry no signal.
        powered_verilog: the netlist with both.
        placement: die, rows, and master, place and orientation of every cell, as JSON.
        routed: places and wires, as DEF.
        utilisation: share of the rows that carries signals.
        rounds: rounds the router needed.
    """

    netlist: CellNetlist
    gds: Path
    verilog: Path
    powered_verilog: Path
    placement: Path
    routed: Path
    utilisation: float
    rounds: int


def draw(
    design: Design | CellNetlist,
    out: Path,
    *,
    seed: int = 0,
    limits: ElaborationLimits | None = None,
    progress: Progress | None = None,
    utilisations: Sequence[float] = UTILISATIONS,
) -> Drawing:
    """Draw a design with the cells of sky130_fd_sc_hd.

    Writes ``TOP.gds``, ``TOP.v``, ``TOP.powered.v``, ``TOP.placement.json`` and ``TOP.def`` into ``out``. The same
    design and seed give the same bytes. There is one clock net without a tree, no antenna diodes, and no timing: a
    drawing to check tools with, whose every wire is legal, not a chip to order.

    Args:
        design: RTL or a netlist of library cells for Yosys to read, or one that is mapped already.
        out: a directory, which may exist.
        seed: of the placement.
        limits: on the Yosys process.
        progress: is told the stages mapping, placement, routing, writing.
        utilisations: how full the rows may be, the densest first.

    Raises:
        ElaborationError: Yosys cannot read the design.
        LimitExceeded: mapping took too long or too much memory.
        DrawingError: a cell has no place in the library, a net has not exactly one driver, or no density was low
            enough for the wires.
    """
    progress = progress or SilentProgress()
    with progress.stage("mapping"):
        netlist = design if isinstance(design, CellNetlist) else map_to_cells(design, limits)
    width = rules()["site"]["width"]
    sites = sum(master(instance.master).width for instance in netlist.instances) // width
    ports = sum(len(port.nets) for port in netlist.ports)
    for utilisation in utilisations:
        with progress.stage("placement"):
            placement = place(netlist, plan(sites, ports, utilisation), seed)
        if placement is None:
            continue
        with progress.stage("routing"):
            routing = route(netlist, placement, progress)
        if routing is not None:
            with progress.stage("writing"):
                return _write(netlist, placement, routing, out)
    raise DrawingError(
        f"the wires of {netlist.top} do not fit, even with {utilisations[-1]:.0%} of the rows filled",
        expected="a design that three layers of wires can connect",
        remedy="allow a lower utilisation, or draw a smaller module",
    )


def _write(netlist: CellNetlist, placement: Placement, routing: Routing, out: Path) -> Drawing:
    paths = [out / f"{netlist.top}{suffix}" for suffix in (".gds", ".v", ".powered.v", ".placement.json", ".def")]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".drawing-", dir=out) as name:
            made = [Path(name, path.name) for path in paths]
            layout, wires = layout_of(netlist, placement, routing)
            write_gds(layout, made[0])
            with made[1].open("w", encoding="utf-8") as stream:
                write_cells(netlist, stream)
            with made[2].open("w", encoding="utf-8") as stream:
                write_cells(netlist, stream, physical=((cell, kind) for cell, kind, _, _ in placement.fill))
            made[3].write_text(json.dumps(_record(netlist, placement), indent=1) + "\n", encoding="utf-8")
            with made[4].open("w", encoding="utf-8") as stream:
                write_def(netlist, placement, wires, stream)
            for source, path in zip(made, paths, strict=True):
                os.replace(source, path)
    except OSError as error:
        raise DrawingError(
            f"the drawing cannot be written: {error.strerror or error}",
            file=out,
            expected="a directory that can be written to",
            remedy="choose another directory",
        ) from error
    sites = placement.plan.rows * placement.plan.segments * placement.plan.segment_sites
    used = sum(master(instance.master).width for instance in netlist.instances) // rules()["site"]["width"]
    return Drawing(netlist, paths[0], paths[1], paths[2], paths[3], paths[4], used / sites, routing.rounds)


def _record(netlist: CellNetlist, placement: Placement) -> dict[str, Any]:
    """The placement as a DEF file would tell it; lengths in nanometres, places of lower left corners."""
    floorplan, width = placement.plan, rules()["site"]["width"]

    def component(name: str, kind: str, row: int, site: int) -> dict[str, Any]:
        x, y = floorplan.core[0] + site * width, floorplan.row_bottom(row)
        return {"name": name, "master": kind, "x": x, "y": y, "orientation": "FS" if row % 2 else "N"}

    signals = zip(netlist.instances, placement.rows.tolist(), placement.sites.tolist(), strict=True)
    return {
        "schema": 1,
        "design": netlist.top,
        "die": [0, 0, *floorplan.die],
        "rows": [
            {"x": floorplan.core[0], "y": floorplan.row_bottom(row), "sites": floorplan.sites, "orientation": turn}
            for row in range(floorplan.rows)
            for turn in (("FS" if row % 2 else "N"),)
        ],
        "components": [
            *(component(instance.name, instance.master, row, site) for instance, row, site in signals),
            *(component(*entry) for entry in placement.fill),
        ],
        "pins": [name for name, _, _ in netlist.port_bits()],
    }
