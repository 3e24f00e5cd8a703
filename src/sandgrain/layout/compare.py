"""Netlist = layout: reads both, compares polygons with the library and wires with the netlist, and concludes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import klayout.db as db
import numpy as np
from numpy.typing import NDArray

from sandgrain.layout.alignment import align
from sandgrain.layout.cell import CellModel
from sandgrain.layout.certificate import write_certificate
from sandgrain.layout.differences import Telling
from sandgrain.layout.extraction import Extracted, extract
from sandgrain.layout.functions import Functions
from sandgrain.layout.geometry import compare_geometry, micrometres, reaching
from sandgrain.layout.graph import Expected, Graph, Types, drawn_graph, expected_graph
from sandgrain.layout.lef import PortShape
from sandgrain.layout.library import Library
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.locating import Locator
from sandgrain.layout.matching import Matching, compact, isomorphism
from sandgrain.layout.placements import take_apart
from sandgrain.layout.ports import abstract_findings, anchors, drawn_ports, port_findings, supply_findings, text_notes
from sandgrain.layout.process import Process
from sandgrain.layout.purpose import covered, on_unused_pins, without_purpose
from sandgrain.layout.read import Drawing
from sandgrain.layout.result import Box, Difference, Explained, Kind, LayoutComparison
from sandgrain.layout.vias import irregular_cuts, missing_cuts
from sandgrain.netlist.model import Module
from sandgrain.progress import Progress, SilentProgress
from sandgrain.verdict import Verdict

_NOT_COVERED = (
    "Where a net has several ways to connect the same pins, which of them the designer drew.",
    "Capacitance, resistance and timing of the wires.",
)


@dataclass(frozen=True)
class Subject:
    """What is compared.

    Attributes:
        module: the netlist, flat.
        drawing: the layout.
        top: the cell that is the chip; the drawing's only top cell when left out.
        inputs: SHA-256 of every file, by name.
        ports: where the LEF says the ports are.
        pre_layout: whether the netlist is from before the layout, so that drive strengths and fillers may differ.
    """

    module: Module
    drawing: Drawing
    top: str | None = None
    inputs: dict[str, str] | None = None
    pre_layout: bool = False
    ports: tuple[PortShape, ...] | None = None


@dataclass(frozen=True)
class _Chosen:
    """A graph without what takes no part, and what its numbers were."""

    graph: Graph
    nets: NDArray[np.int32]
    cells: NDArray[np.int64]


def compare(
    subject: Subject, library: Library, progress: Progress | None = None, limits: LayoutLimits | None = None
) -> LayoutComparison:
    """Compare a netlist with a drawing.

    Raises:
        LayoutError: the two cannot be compared at all.
        LimitExceeded: naming the limit.
    """
    progress = progress or SilentProgress()
    process = library.process
    drawing = subject.drawing
    top = drawing.top(subject.top)
    with progress.stage("recognising cells"):
        placed = take_apart(drawing, top, library, limits)
    with progress.stage("comparing polygons"):
        geometry = compare_geometry(placed, library)
        findings = list(geometry.findings)
        findings += reaching(placed, process, [layer.name for layer in process.using("device")])
    with progress.stage("extracting nets"):
        extracted = extract(placed, process)
    types = Types(Functions(library).of if subject.pre_layout else None)
    with progress.stage("matching"):
        foreign = {master.drawn_as: master.model for master in placed.masters.values() if master.foreign}
        expected = expected_graph(subject.module, library, foreign, types)
        names = expected.graph.ports
        ports = drawn_ports(extracted, names, subject.ports)
        drawn = drawn_graph(extracted, types, ports)
        kept, explained = _explained(expected, drawn, process, subject.pre_layout)
        logic = [cell for cell, model in enumerate(expected.graph.models) if not model.physical_only]
        one = _choose(
            expected.graph, np.array(logic, np.int64) if subject.pre_layout else np.arange(expected.graph.cells)
        )
        two = _choose(drawn, kept)
        marks = anchors(one.graph.ports, two.graph.ports)
        matching = isomorphism(one.graph, two.graph, marks)
        odd = irregular_cuts(extracted)
    locator = Locator(extracted, missing_cuts(odd, process.database_unit))
    with progress.stage("telling differences"):
        if matching is None:
            telling = Telling(
                expected,
                one.graph,
                one.nets.tolist(),
                two.graph,
                two.nets.tolist(),
                extracted,
                two.cells.tolist(),
                one.cells.tolist(),
                locator,
                types,
            )
            matching = align(one.graph, two.graph, _sure(marks))
            found = telling.tell(matching)
            if not found:
                found = [
                    Difference(
                        kind=Kind.OPEN,
                        box=None,
                        expected="an exact correspondence of cells and nets",
                        found="none was found, and no difference either",
                        status="open",
                    )
                ]
            findings += found
        findings = covered(extracted, findings + without_purpose(extracted, locator, set(names)))
        findings += odd
        findings += on_unused_pins(extracted, locator, *_unused(expected, one, two, matching, extracted))
        findings += port_findings(extracted, names, ports)
        findings += abstract_findings(extracted, names, ports, subject.ports)
        findings += _supplies(expected, one, two, matching, extracted, process)
        findings += _apart(expected, extracted, kept, process)
        findings += _unlisted(placed.unlisted)
        findings += [
            Difference(
                kind=Kind.UNKNOWN_CELL,
                box=None,
                expected="cells of the trusted library",
                found=f"{count} instances of {kind!r} in the netlist, which nothing describes and the drawing lacks",
                status="open",
            )
            for kind, count in expected.left_out.items()
        ]
        findings += [
            Difference(
                kind=Kind.SHORT,
                box=None,
                expected=f"{expected.cell_names[cell]}.{pin} on a net of its own",
                found=f"the library joins it in the cell with net {expected.net_names[before]}",
                nets=(expected.net_names[before], expected.net_names[net]),
                instances=(expected.cell_names[cell],),
            )
            for cell, pin, before, net in expected.joined
        ]
    findings = _primary(findings)
    findings.sort(key=lambda one: (("refutes", "open", "note").index(one.status), one.kind.value, one.box or ()))
    statuses = {finding.status for finding in findings}
    if "refutes" in statuses:
        verdict = Verdict.REFUTED
    elif "open" in statuses or not matching.exact:
        verdict = Verdict.OPEN
    else:
        verdict = Verdict.PROVED
    if subject.pre_layout:
        explained += _resized(expected, one, two, matching)
    else:
        explained += _physical(expected)
    die = top.bbox()
    return LayoutComparison(
        verdict=verdict,
        top=top.name,
        process=process.name,
        findings=tuple(findings),
        counts={
            "cells of the netlist": len(subject.module.cells),
            "cells drawn": len(placed.placements),
            "cells matched": int((matching.cells >= 0).sum()),
            "nets matched": int((matching.nets >= 0).sum()),
            "ports": len(names),
            "polygons of cells compared": geometry.polygons,
            "wires and cuts followed": int(extracted.wire_layers.size),
            "texts that name no net": text_notes(extracted, {*expected.net_names, *names}, process),
        },
        explained=tuple([*geometry.explained, *explained]),
        not_covered=_NOT_COVERED,
        certificate=""
        if verdict is not Verdict.PROVED or subject.pre_layout
        else write_certificate(
            top=top.name,
            process=process.name,
            inputs=subject.inputs or {},
            expected=expected,
            graph=one.graph,
            cells=one.cells.tolist(),
            nets=one.nets.tolist(),
            matching=matching,
            extracted=extracted,
            placements=two.cells.tolist(),
        ),
        inputs=subject.inputs or {},
        die=micrometres(die, process.database_unit),
    )


def _choose(graph: Graph, cells: NDArray[np.int64]) -> _Chosen:
    """The graph of some cells, without nets that have neither pin nor port."""
    new = np.full(graph.cells, -1, np.int64)
    new[cells] = np.arange(cells.size)
    edges = graph.edges[new[graph.edges[:, 0]] >= 0].copy()
    edges[:, 0] = new[edges[:, 0]]
    used = np.zeros(graph.nets, np.bool_)
    used[edges[:, 2]] = True
    for nets in graph.ports.values():
        used[list(nets)] = True
    part = Graph(graph.types[cells], edges, graph.nets, graph.ports, tuple(graph.models[cell] for cell in cells))
    smaller, old = compact(part, used)
    return _Chosen(smaller, old, cells)


def _sure(marks: tuple[dict[int, int], dict[int, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """Anchors whose number stands for one net on either side."""
    out: tuple[dict[int, int], dict[int, int]] = ({}, {})
    counts = [Counter(side.values()) for side in marks]
    for side, kept in zip(marks, out, strict=True):
        kept.update({net: number for net, number in side.items() if counts[0][number] == counts[1][number] == 1})
    return out


def _explained(
    expected: Expected, drawn: Graph, process: Process, pre_layout: bool
) -> tuple[NDArray[np.int64], list[Explained]]:
    """Drawn cells that take part, and those that placement added without the netlist saying so."""
    listed = {
        int(kind)
        for kind, model in zip(expected.graph.types, expected.graph.models, strict=True)
        if not (pre_layout and model.physical_only)
    }
    why_not = "is from before the layout" if pre_layout else "lists none of its kind"
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for cell, model in enumerate(drawn.models):
        if int(drawn.types[cell]) in listed:
            kept.append(cell)
        elif model.physical_only:
            counts[model.name, f"filler, tap or decoupling cell; no signal pin; the netlist {why_not}"] += 1
        elif model.name in process.library.antenna:
            counts[model.name, f"antenna diode; the netlist {why_not}"] += 1
        else:
            kept.append(cell)
    return np.array(kept, np.int64), [Explained(name, count, why) for (name, why), count in sorted(counts.items())]


def _physical(expected: Expected) -> list[Explained]:
    counts: Counter[str] = Counter()
    for model in expected.graph.models:
        if model.physical_only:
            counts[model.name] += 1
    return [
        Explained(name, count, "in the netlist; no signal pin; geometry as in the library or held to its transistors")
        for name, count in sorted(counts.items())
    ]


def _unused(
    expected: Expected, one: _Chosen, two: _Chosen, matching: Matching, extracted: Extracted
) -> tuple[dict[int, str], dict[int, db.Box]]:
    """Clusters of pins that the netlist leaves unconnected, what they are called, and the cells they are on."""
    with_port = {net for nets in one.graph.ports.values() for net in nets}
    names, boxes = {}, {}
    for net in np.flatnonzero(np.diff(one.graph.net_offsets) == 1).tolist():
        drawn = int(matching.nets[net])
        if net in with_port or drawn < 0 or len(two.graph.on(drawn)) != 1:
            continue
        cluster = int(two.nets[drawn])
        cell = int(two.graph.on(drawn)[0, 0])
        names[cluster] = expected.net_names[int(one.nets[net])]
        boxes[cluster] = extracted.placed.placements[int(two.cells[cell])].box
    return names, boxes


_CAUSES = (
    Kind.OPEN,
    Kind.VIA_REMOVED,
    Kind.EXTRA_WIRE,
    Kind.WRONG_NET,
    Kind.SHORT,
    Kind.CELL_SWAPPED,
    Kind.HIDDEN_SHAPE,
)
_NEAR_UM = 1.0


def _primary(findings: list[Difference]) -> list[Difference]:
    """Findings without those that merely follow from another: a wire dangles where its net is cut."""
    causes = [one.box for one in findings if one.kind in _CAUSES and one.box is not None]
    kept: list[Difference] = []
    seen: set[tuple[object, ...]] = set()
    for one in findings:
        place = (one.kind, one.layer, one.box)
        if one.kind is Kind.VIA_REMOVED and place in seen:
            continue
        seen.add(place)
        follows = one.kind is Kind.DANGLING_WIRE or (one.kind is Kind.VIA_ADDED and "one thing" in one.found)
        if follows and one.box is not None and any(_near(one.box, box) for box in causes):
            continue
        kept.append(one)
    return kept


def _near(one: Box, two: Box) -> bool:
    return max(one[0] - two[2], two[0] - one[2]) <= _NEAR_UM and max(one[1] - two[3], two[1] - one[3]) <= _NEAR_UM


def _resized(expected: Expected, one: _Chosen, two: _Chosen, matching: Matching) -> list[Explained]:
    """Cells that stand for others of the same function."""
    counts: Counter[tuple[str, str]] = Counter()
    for cell, other in enumerate(matching.cells.tolist()):
        if other >= 0 and one.graph.models[cell].digest != two.graph.models[other].digest:
            counts[two.graph.models[other].name, one.graph.models[cell].name] += 1
    return [
        Explained(drawn, count, f"stands for {wanted}: the same function and pins, another strength")
        for (drawn, wanted), count in sorted(counts.items())
    ]


def _supplies(
    expected: Expected, one: _Chosen, two: _Chosen, matching: Matching, extracted: Extracted, process: Process
) -> list[Difference]:
    """Labels of supplies the netlist leaves out, on the nets that turned out to be them."""
    new = {int(old): number for number, old in enumerate(one.nets)}
    clusters = {}
    for name, net in expected.supplies.items():
        drawn = int(matching.nets[new[net]]) if net in new else -1
        if drawn >= 0:
            clusters[name] = int(two.nets[drawn])
    return supply_findings(extracted, clusters, process)


def _apart(expected: Expected, extracted: Extracted, kept: NDArray[np.int64], process: Process) -> list[Difference]:
    """Cells set apart as explained must be on the supplies everything else is on."""
    kept_set = set(kept.tolist())
    votes: dict[str, Counter[int]] = {supply: Counter() for supply in set(process.library.supplies.values())}
    placements = extracted.placed.placements

    def supplies_of(model: CellModel) -> list[tuple[str, str, int]]:
        return [
            (pin, supply, node) for pin, supply in process.library.supplies.items() for node in model.pins.get(pin, ())
        ]

    for number in kept_set:
        for _, supply, node in supplies_of(placements[number].master.model):
            votes[supply][extracted.pin_cluster(number, node)] += 1
    out = []
    for number, placement in enumerate(placements):
        if number in kept_set:
            continue
        for pin, supply, node in supplies_of(placement.master.model):
            if votes[supply] and extracted.pin_cluster(number, node) != votes[supply].most_common(1)[0][0]:
                out.append(
                    Difference(
                        kind=Kind.WRONG_NET,
                        box=micrometres(placement.box, process.database_unit),
                        expected=f"pin {pin} of a {placement.master.model.name} on the supply",
                        found="on another net",
                        nets=(supply,),
                    )
                )
    return out


def _unlisted(layers: dict[tuple[int, int], int]) -> list[Difference]:
    return [
        Difference(
            kind=Kind.UNKNOWN_LAYER,
            layer=f"{layer}/{datatype}",
            box=None,
            expected="layers that the process lists",
            found=f"{count} shapes on layer {layer}/{datatype}; what it does nobody says",
            status="open",
        )
        for (layer, datatype), count in sorted(layers.items())
    ]
