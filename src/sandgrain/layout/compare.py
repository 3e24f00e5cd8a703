"""Netlist = layout: reads both, compares polygons with the library and wires with the netlist, and concludes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sandgrain.layout.alignment import align
from sandgrain.layout.as_routed import renamed, routed_findings
from sandgrain.layout.certificate import write_certificate
from sandgrain.layout.differences import Telling
from sandgrain.layout.explaining import (
    Chosen,
    apart,
    choose,
    explained_cells,
    physical,
    resized,
    supplies,
    sure,
    unused,
    unused_ports,
)
from sandgrain.layout.extraction import Extracted, extract
from sandgrain.layout.functions import Functions
from sandgrain.layout.geometry import compare_geometry, micrometres, reaching
from sandgrain.layout.graph import Expected, Types, drawn_graph, expected_graph
from sandgrain.layout.lef import PortShape
from sandgrain.layout.library import Library
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.locating import Locator
from sandgrain.layout.matching import Matching, isomorphism
from sandgrain.layout.placements import take_apart
from sandgrain.layout.ports import (
    abstract_findings,
    anchors,
    drawn_ports,
    port_findings,
    port_nodes,
    supply_nodes,
    text_notes,
)
from sandgrain.layout.purpose import covered, on_unused_pins, on_unused_ports, without_purpose
from sandgrain.layout.read import Drawing
from sandgrain.layout.result import Box, Difference, Kind, LayoutComparison, say
from sandgrain.layout.routed import Routed
from sandgrain.layout.vias import irregular_cuts, missing_cuts
from sandgrain.netlist.model import Module
from sandgrain.progress import Progress, SilentProgress
from sandgrain.verdict import Figure, Text, Verdict

_NOT_COVERED = (
    say("Which way a wire takes: a net that joins the right pins is right, however it is routed."),
    say(
        "Ends of wires no longer than the enclosure of the cut they end at (past_um of the process), and where a via "
        "lands on a via, no longer than the metal of least area (patch_um, reach_um); wires drawn broader than they "
        "must be."
    ),
    say("Capacitance, resistance and timing of the wires."),
    say("Layers without mask function: boundaries, marks, texts."),
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
        routed: the DEF the drawing was made from.
        pre_layout: whether the netlist is from before the layout, so that drive strengths and fillers may differ.
    """

    module: Module
    drawing: Drawing
    top: str | None = None
    inputs: dict[str, str] | None = None
    pre_layout: bool = False
    ports: tuple[PortShape, ...] | None = None
    routed: Routed | None = None


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
        unknown = frozenset(name for name in subject.module.cells.count_by_type() if name not in library)
        placed = take_apart(drawing, top, library, limits, unknown)
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
        nodes = port_nodes(extracted, names, subject.ports)
        ports = drawn_ports(extracted, nodes)
        drawn = drawn_graph(extracted, types, ports)
        kept, explained = explained_cells(expected, drawn, process, subject.pre_layout)
        logic = [cell for cell, model in enumerate(expected.graph.models) if not model.physical_only]
        one = choose(
            expected.graph, np.array(logic, np.int64) if subject.pre_layout else np.arange(expected.graph.cells)
        )
        two = choose(drawn, kept)
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
                nodes,
            )
            matching = align(one.graph, two.graph, sure(marks))
            found = telling.tell(matching)
            if not found:
                found = [
                    Difference(
                        kind=Kind.OPEN,
                        box=None,
                        expected=say("an exact correspondence of cells and nets"),
                        found=say("none was found, and no difference either"),
                        status="open",
                    )
                ]
            findings += found
        findings = covered(
            extracted,
            findings
            + without_purpose(
                extracted, locator, {**supply_nodes(extracted), **nodes}, _unlabelled(names, ports, one, two, matching)
            ),
        )
        findings += odd
        findings += on_unused_ports(extracted, locator, unused_ports(one, two, matching))
        findings += on_unused_pins(extracted, locator, unused(expected, one, two, matching))
        findings += port_findings(extracted, names, ports)
        findings += abstract_findings(extracted, names, ports, subject.ports)
        findings += supplies(expected, one, two, matching, extracted, process)
        findings += apart(extracted, kept, process)
        findings += _unlisted(placed.unlisted)
        if subject.routed is not None:
            findings += routed_findings(extracted, subject.routed)
        findings += [
            Difference(
                kind=Kind.UNKNOWN_CELL,
                box=None,
                expected=say("cells of the trusted library"),
                found=say(
                    "{count} instances of {kind} in the netlist, which nothing describes and the drawing lacks",
                    count=count,
                    kind=repr(kind),
                ),
                status="open",
            )
            for kind, count in expected.left_out.items()
        ]
        findings += [
            Difference(
                kind=Kind.SHORT,
                box=None,
                expected=say("{cell}.{pin} on a net of its own", cell=expected.cell_names[cell], pin=pin),
                found=say("the library joins it in the cell with net {before}", before=expected.net_names[before]),
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
        explained += resized(one, two, matching)
    else:
        explained += physical(expected)
    die = top.bbox()
    return LayoutComparison(
        verdict=verdict,
        top=top.name,
        process=process.name,
        findings=tuple(findings),
        counts=tuple(
            Figure(name=name, value=value)
            for name, value in (
                (say("cells of the netlist"), len(subject.module.cells)),
                (say("cells drawn"), len(placed.placements)),
                (say("cells matched"), int((matching.cells >= 0).sum())),
                (say("nets matched"), int((matching.nets >= 0).sum())),
                (say("ports"), len(names)),
                (say("polygons of cells compared"), geometry.polygons),
                (say("wires and cuts followed"), int(extracted.wire_layers.size)),
                (say("texts that name no net"), text_notes(extracted, {*expected.net_names, *names}, process)),
                *_as_routed(subject, extracted, expected, one, two, matching),
            )
        ),
        explained=(*geometry.explained, *explained),
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


def _as_routed(
    subject: Subject, extracted: Extracted, expected: Expected, one: Chosen, two: Chosen, matching: Matching
) -> list[tuple[Text, int]]:
    """What was compared with the DEF."""
    if subject.routed is None:
        return []
    names = {
        int(two.nets[drawn]): expected.net_names[int(one.nets[net])]
        for net, drawn in enumerate(matching.nets.tolist())
        if drawn >= 0
    }
    return [
        (say("components of the DEF"), len(subject.routed.components)),
        (say("nets of the DEF"), len({net for net, _, _ in subject.routed.nets})),
        (say("nets the DEF calls otherwise"), renamed(extracted, subject.routed, names)),
    ]


def _unlisted(layers: dict[tuple[int, int], int]) -> list[Difference]:
    return [
        Difference(
            kind=Kind.UNKNOWN_LAYER,
            layer=f"{layer}/{datatype}",
            box=None,
            expected=say("layers that the process lists"),
            found=say(
                "{count} shapes on layer {layer}/{datatype}; what it does nobody says",
                count=count,
                layer=layer,
                datatype=datatype,
            ),
            status="open",
        )
        for (layer, datatype), count in sorted(layers.items())
    ]


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
        follows = one.kind is Kind.DANGLING_WIRE or (one.kind is Kind.VIA_ADDED and "one thing" in one.found.template)
        if follows and one.box is not None and any(_near(one.box, box) for box in causes):
            continue
        kept.append(one)
    return kept


def _near(one: Box, two: Box) -> bool:
    return max(one[0] - two[2], two[0] - one[2]) <= _NEAR_UM and max(one[1] - two[3], two[1] - one[3]) <= _NEAR_UM


def _unlabelled(
    names: Mapping[str, tuple[int, ...]],
    ports: Mapping[str, tuple[int, ...]],
    one: Chosen,
    two: Chosen,
    matching: Matching,
) -> set[int]:
    """Clusters of the ports that nothing on the drawing names."""
    new = {int(old): number for number, old in enumerate(one.nets)}
    drawn = [
        int(matching.nets[new[net]]) for name, nets in names.items() if not ports[name] for net in nets if net in new
    ]
    return {int(two.nets[net]) for net in drawn if net >= 0}
