"""Polygons against the library: altered cells, shapes that belong to no cell, cells on top of each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from klayout import db

from sandgrain.layout.cell import CellModel
from sandgrain.layout.library import Library
from sandgrain.layout.placements import Master, Placed, Placement
from sandgrain.layout.process import Process
from sandgrain.layout.result import Box, Difference, Explained, Kind, say
from sandgrain.layout.shapes import region_of
from sandgrain.layout.transistors import Transistor, drawn_transistors, reference_transistors, same_circuit

_SAME_PLACE = 200
# Findings on one layer; a drawing with more of them is refuted many times over.
_MOST_STRAYS = 200


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the comparison of polygons found."""

    findings: list[Difference]
    explained: list[Explained]
    polygons: int


def micrometres(box: db.Box, unit: float) -> Box:
    """A box in micrometres."""
    return (
        round(box.left * unit, 4),
        round(box.bottom * unit, 4),
        round(box.right * unit, 4),
        round(box.top * unit, 4),
    )


def compare_geometry(placed: Placed, library: Library) -> Geometry:
    """Compare every polygon that ends up on the die, wires apart, with the library's cells."""
    process = library.process
    out = Geometry([], [], 0)
    by_master: dict[int, list[Placement]] = {}
    for placement in placed.placements:
        by_master.setdefault(id(placement.master), []).append(placement)
    polygons = 0
    for placements in by_master.values():
        master = placements[0].master
        polygons += sum(region.count() for region in master.regions.values()) * len(placements)
        if master.foreign:
            _foreign(master, placements, library, out)
        elif not master.exact:
            out.findings.extend(_altered(master, placements, process))
    out.findings.extend(_strays(placed, process))
    return Geometry(out.findings, out.explained, polygons)


def _altered(master: Master, placements: list[Placement], process: Process) -> list[Difference]:
    """What differs between an altered cell and the library's."""
    model = master.model
    changes: list[tuple[db.Box, str, Kind]] = []
    channels, drawn = _channels(model.regions, process), _channels(master.regions, process)
    device = (channels ^ drawn).merged()
    kinds = implants(process)
    filled = model.physical_only and channels.is_empty() and not drawn.is_empty()
    for name in sorted({*model.regions, *master.regions}):
        one, two = model.regions.get(name, db.Region()), master.regions.get(name, db.Region())
        for polygon in _gathered((one ^ two).merged()):
            region = db.Region(polygon)
            if filled and name in (process.gate, process.diffusion):
                kind = Kind.FILLER_TO_GATE
            elif name in kinds:
                kind = Kind.IMPLANT
            elif name in (process.gate, process.diffusion) and not (region.sized(1) & device).is_empty():
                kind = Kind.TRANSISTOR
            else:
                kind = Kind.CELL_GEOMETRY
            changes.append((polygon, name, kind))
    unit = process.database_unit
    out: list[Difference] = []
    shown = placements[:16]
    for placement in shown:
        out.extend(
            Difference(
                kind=kind,
                layer=name,
                box=micrometres(box.transformed(placement.trans), unit),
                expected=say("{name} as the library draws it", name=model.name),
                found=say(
                    "a cell drawn as {drawn_as} that differs on {layer}, in {count} places",
                    drawn_as=repr(master.drawn_as),
                    layer=name,
                    count=len(placements),
                ),
            )
            for box, name, kind in changes
        )
    return out


def _channels(regions: object, process: Process) -> db.Region:
    gate, diffusion = regions.get(process.gate), regions.get(process.diffusion)  # type: ignore[attr-defined]
    return db.Region() if gate is None or diffusion is None else (gate & diffusion).merged()


def _gathered(region: db.Region) -> list[db.Box]:
    """Boxes of polygons, those close to each other as one."""
    near = region.sized(_SAME_PLACE).merged()
    out = []
    for polygon in near.each():
        box = (db.Region(polygon) & region).bbox()
        if not box.empty():
            out.append(box)
    return out


def _foreign(master: Master, placements: list[Placement], library: Library, out: Geometry) -> None:
    """A cell the library lacks: held to the transistors of the cell it is a variant of, or left open by name."""
    process = library.process
    unit = process.database_unit
    reference = process.library.variants.get(master.drawn_as)
    if reference is None or reference not in library:
        out.findings.append(
            Difference(
                kind=Kind.UNKNOWN_CELL,
                box=micrometres(placements[0].box, unit),
                expected=say("a cell of the trusted library, or a variant the process lists"),
                found=say(
                    "{name} in {count} places, which nothing describes",
                    name=repr(master.drawn_as),
                    count=len(placements),
                ),
                status="open",
            )
        )
        return
    drawn = drawn_transistors(master.regions, process)
    ports, wanted = reference_transistors(library.file(reference).with_suffix(".spice"), reference)
    pins = {pin: f"n{master.model.pins[pin][0]}" for pin in ports if pin in master.model.pins}
    if set(pins) == set(ports) and same_circuit(drawn, wanted, (pins, {pin: pin for pin in ports})):
        out.explained.append(
            Explained(
                master.drawn_as,
                len(placements),
                say(
                    "not in the library; its {count} transistors are those of {reference}, by kind, W, L and nets",
                    count=len(drawn),
                    reference=reference,
                ),
            )
        )
        return
    for placement in placements[:16]:
        for box, found in _unlike(drawn, wanted):
            where = placement.box if box is None else db.Box(*box).transformed(placement.trans)
            out.findings.append(
                Difference(
                    kind=Kind.TRANSISTOR,
                    layer=process.gate,
                    box=micrometres(where, unit),
                    expected=say("the transistors of {reference}", reference=reference),
                    found=say("{found} in {drawn_as}", found=found, drawn_as=repr(master.drawn_as)),
                )
            )


def _unlike(drawn: list[Transistor], wanted: list[Transistor]) -> list[tuple[tuple[int, int, int, int] | None, str]]:
    """Transistors without a counterpart of their kind and size."""
    rest = [(one.kind, one.width, one.length) for one in wanted]
    out: list[tuple[tuple[int, int, int, int] | None, str]] = []
    for one in drawn:
        key = (one.kind, one.width, one.length)
        if key in rest:
            rest.remove(key)
        else:
            out.append((one.box, f"a {one.kind or 'channel of no known kind'} of {one.width} by {one.length} nm"))
    return out or [(None, "transistors joined in another way")]


def _strays(placed: Placed, process: Process) -> list[Difference]:
    """Shapes on device layers outside of cells, cells that overlap, cells that reach into others."""
    unit = process.database_unit
    layout = placed.drawing.layout
    out: list[Difference] = []
    for layer in process.using("device"):
        index = layout.find_layer(*layer.gds)
        if index is None:
            continue
        own = db.Region()
        for cell, trans in placed.others:
            own += db.Region(layout.cell(cell).shapes(index)).transformed(trans)
        if own.is_empty():
            continue
        cells = _of_cells(placed, layer.name, own.bbox())
        rest = (own.merged() - cells).merged()
        for number, box in enumerate(_gathered(rest)):
            if number == _MOST_STRAYS:
                break
            out.append(
                Difference(
                    kind=_stray_kind(placed, process, layer.name, box),
                    layer=layer.name,
                    box=micrometres(box, unit),
                    expected=say("nothing beside the library's cells"),
                    found=say("a shape on {layer} that belongs to no cell", layer=layer.name),
                    stray=True,
                )
            )
        # What lies within a cell's own shapes changes nothing on the die; it is told all the same.
        out.extend(
            Difference(
                kind=Kind.EXTRA_DEVICE_SHAPE,
                layer=layer.name,
                box=micrometres(polygon.bbox(), unit),
                expected=say("nothing beside the library's cells"),
                found=say("a shape on {layer} within a cell's own, without effect", layer=layer.name),
                status="note",
                stray=True,
            )
            for polygon in itertools.islice(own.merged().inside(cells).each(), _MOST_STRAYS)
        )
    footprints = region_of(placement.box for placement in placed.placements)
    footprints.min_coherence = True
    out.extend(
        Difference(
            kind=Kind.CELLS_OVERLAP,
            box=micrometres(polygon.bbox(), unit),
            expected=say("cells side by side"),
            found=say("two cells on one ground"),
        )
        for polygon in footprints.merged(False, 2).each()
    )
    return out


def _stray_kind(placed: Placed, process: Process, layer: str, box: db.Box) -> Kind:
    """What a shape that belongs to no cell does to the cell it lies on."""
    on_cell = not (region_of(placement.box for placement in placed.placements) & db.Region(box)).is_empty()
    if not on_cell:
        return Kind.EXTRA_DEVICE_SHAPE
    if layer in implants(process):
        return Kind.IMPLANT
    near = box.enlarged(1, 1)
    other = {process.gate: process.diffusion, process.diffusion: process.gate}.get(layer)
    if other is not None and not (_of_cells(placed, other, near) & db.Region(box)).is_empty():
        return Kind.TRANSISTOR
    return Kind.EXTRA_DEVICE_SHAPE


def implants(process: Process) -> frozenset[str]:
    """Layers that say of which kind a transistor is."""
    return frozenset(name for kind in process.transistors for name in (*kind.with_, *kind.without))


def _of_cells(placed: Placed, layer: str, near: db.Box) -> db.Region:
    region = db.Region()
    for placement in placed.placements:
        drawn = placement.master.regions.get(layer)
        if drawn is None:
            continue
        moved = drawn.transformed(placement.trans * db.Trans(*placement.master.shift).inverted())
        if moved.bbox().touches(near):
            region += moved
    return region.merged()


def reaching(placed: Placed, process: Process, layers: Iterable[str]) -> list[Difference]:
    """What a cell draws beyond its footprint over another cell that has nothing there itself."""
    footprint = region_of(placement.box for placement in placed.placements).merged()
    out: list[Difference] = []
    for layer in layers:
        whole, inside = db.Region(), db.Region()
        clipped: dict[int, tuple[db.Region, db.Region]] = {}
        for placement in placed.placements:
            model: CellModel = placement.master.model
            if layer not in model.regions:
                continue
            if id(model) not in clipped:
                region = model.regions[layer]
                box = db.Region(db.Box(*model.footprint))
                clipped[id(model)] = (region - box, region & box)
            outer, inner = clipped[id(model)]
            whole += outer.transformed(placement.trans)
            inside += inner.transformed(placement.trans)
        out.extend(
            Difference(
                kind=Kind.CELLS_OVERLAP,
                layer=layer,
                box=micrometres(polygon.bbox(), process.database_unit),
                expected=say("cells that keep to themselves"),
                found=say("{layer} of one cell reaches into another", layer=layer),
            )
            for polygon in ((whole.merged() & footprint) - inside.merged()).merged().each()
        )
    return out
