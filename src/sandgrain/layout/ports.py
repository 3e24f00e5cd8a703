"""Ports of the chip on the drawing: which net each label names, and whether that can be believed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from klayout import db

from sandgrain.layout.extraction import Extracted, Label, covering, own_region
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.lef import PortShape
from sandgrain.layout.process import Process
from sandgrain.layout.result import Difference, Kind, say


def port_nodes(
    extracted: Extracted, names: Iterable[str], abstract: Sequence[PortShape] | None = None
) -> dict[str, tuple[int, ...]]:
    """Nodes of the drawing that are a port, by name.

    A label in the mark of a pin names a port. Where a port has no such label, any label of its name counts, and
    where there is none at all, the place the LEF gives.
    """
    wanted = set(names)
    marked: dict[str, set[int]] = defaultdict(set)
    plain: dict[str, set[int]] = defaultdict(set)
    for label in extracted.labels:
        if label.node >= 0 and label.text in wanted:
            (marked if label.marked else plain)[label.text].add(label.node)
    for shape in abstract or ():
        if shape.port in wanted and shape.port not in marked and shape.port not in plain:
            plain[shape.port] |= _nodes_at(extracted, shape)
    return {name: tuple(sorted(marked.get(name) or plain.get(name) or ())) for name in wanted}


def supply_nodes(extracted: Extracted) -> dict[str, tuple[int, ...]]:
    """Nodes of the supplies' pins, which a netlist may leave out, by the text of their labels."""
    supplies = {text for texts in extracted.process.library.supply_labels.values() for text in texts}
    return {text: nodes for text, nodes in port_nodes(extracted, supplies).items() if nodes}


def drawn_ports(extracted: Extracted, nodes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Clusters by port name, from the nodes."""
    clusters = extracted.connected.clusters
    return {name: tuple(sorted({int(clusters[node]) for node in found})) for name, found in sorted(nodes.items())}


def _nodes_at(extracted: Extracted, shape: PortShape) -> set[int]:
    """Metal that covers the middle of a port's rectangle."""
    shapes = extracted.shapes
    rows = np.flatnonzero(shapes.layers == extracted.strata.number(shape.conductor))
    x, y = (shape.box[0] + shape.box[2]) // 2, (shape.box[1] + shape.box[3]) // 2
    return {int(node) for node in shapes.nodes[rows[covering(shapes.trapezoids[rows], x, y)]]}


def abstract_findings(
    extracted: Extracted,
    names: Mapping[str, tuple[int, ...]],
    drawn: Mapping[str, tuple[int, ...]],
    abstract: Sequence[PortShape] | None,
) -> list[Difference]:
    """Ports of the LEF that are not where it says."""
    unit = extracted.process.database_unit
    supplies = {text for texts in extracted.process.library.supply_labels.values() for text in texts}
    out = []
    for shape in abstract or ():
        known = shape.port in names
        found = {int(extracted.connected.clusters[node]) for node in _nodes_at(extracted, shape)}
        if (known and found != set(drawn[shape.port])) or (not known and shape.port not in supplies):
            out.append(
                Difference(
                    kind=Kind.PORT,
                    layer=shape.conductor,
                    box=micrometres(db.Box(*shape.box), unit),
                    expected=say("the port {port} of the LEF, on its net", port=shape.port),
                    found=(say("metal of another net") if found else say("no metal"))
                    if known
                    else say("no such port in the netlist"),
                    nets=(shape.port,),
                )
            )
    return out


def port_findings(
    extracted: Extracted, names: Mapping[str, tuple[int, ...]], drawn: Mapping[str, tuple[int, ...]]
) -> list[Difference]:
    """Ports without a label, pins the netlist does not have, marks without metal, labels without metal."""
    unit = extracted.process.database_unit
    out = [
        Difference(
            kind=Kind.PORT,
            box=None,
            expected=say("a label for the port {name}", name=name),
            found=say("none; which metal is the port follows from the rest of the netlist alone"),
            nets=(name,),
            status="open",
        )
        for name, clusters in drawn.items()
        if not clusters
    ]
    supplies = {text for texts in extracted.process.library.supply_labels.values() for text in texts}
    for label in extracted.labels:
        box = micrometres(db.Box(label.at[0], label.at[1], label.at[0], label.at[1]), unit)
        if label.marked and label.text not in names and label.text not in supplies:
            out.append(
                Difference(
                    kind=Kind.PORT,
                    layer=label.conductor,
                    box=box,
                    expected=say("pins for the ports of the netlist"),
                    found=say("a pin called {text}, which the netlist has no port for", text=repr(label.text)),
                )
            )
        elif label.node < 0:
            out.append(
                Difference(
                    kind=Kind.TEXT,
                    layer=label.conductor,
                    box=box,
                    expected=say("labels on metal"),
                    found=say(
                        "the text {text} where there is no {conductor}",
                        text=repr(label.text),
                        conductor=label.conductor,
                    ),
                    status="refutes" if label.text in names else "note",
                )
            )
    return out + _bare_marks(extracted)


def marked_metal(extracted: Extracted) -> dict[str, db.Region]:
    """Marks of pins, by conductor."""
    return {
        mark.of: own_region(extracted.placed, mark.gds).merged()
        for mark in extracted.process.using("pin")
        if mark.of is not None
    }


def _bare_marks(extracted: Extracted) -> list[Difference]:
    """Marks of pins that no metal of their conductor covers."""
    process = extracted.process
    placed = extracted.placed
    layout = placed.drawing.layout
    out: list[Difference] = []
    layer_of = {conductor.name: conductor.layer for conductor in process.conductors}
    for mark in process.using("pin"):
        if mark.of not in layer_of:
            continue
        region, metal = own_region(placed, mark.gds), db.Region()
        own = layout.find_layer(*process.layers[layer_of[mark.of]].gds)
        if region.is_empty():
            continue
        if own is not None:
            metal = db.Region(placed.top.begin_shapes_rec_touching(own, region.bbox()))
        for polygon in (region.merged() - metal).merged().each():
            # Metal on two sides of the gap: the port's own wire is cut, and its label may have gone with it.
            beside = ((region & metal).merged() & db.Region(polygon.bbox().enlarged(1, 1))).merged()
            out.append(
                Difference(
                    kind=Kind.OPEN if beside.count() > 1 else Kind.PIN_MARK,
                    layer=mark.of,
                    box=micrometres(polygon.bbox(), process.database_unit),
                    expected=say("{of} beneath the mark of a pin", of=mark.of),
                    found=say("none"),
                )
            )
    return out


def anchors(
    names: Mapping[str, tuple[int, ...]], drawn: Mapping[str, tuple[int, ...]]
) -> tuple[dict[int, int], dict[int, int]]:
    """Numbers that mark which nets the ports say are each other's; a net of several ports carries them all."""
    numbers: dict[tuple[str, ...], int] = {}
    out: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for side, ports in zip(out, (names, drawn), strict=True):
        on: dict[int, list[str]] = defaultdict(list)
        for name in sorted(ports):
            if drawn.get(name):
                for net in ports[name]:
                    on[net].append(name)
        for net, here in on.items():
            side[net] = numbers.setdefault(tuple(here), len(numbers))
    return out


def text_notes(extracted: Extracted, known: set[str], process: Process) -> int:
    """Number of labels that name no net of the netlist: texts are no metal and decide nothing."""
    supplies = {text for texts in process.library.supply_labels.values() for text in texts}
    return sum(1 for label in extracted.labels if label.text not in known and label.text not in supplies)


def supply_findings(extracted: Extracted, supplies: Mapping[str, int], process: Process) -> list[Difference]:
    """Supply labels on the net of another supply.

    Args:
        extracted: the drawing.
        supplies: cluster of each supply the netlist leaves out.
        process: which labels mean which supply.
    """
    return [
        Difference(
            kind=Kind.WRONG_NET,
            layer=label.conductor,
            box=micrometres(db.Box(*label.at, *label.at), process.database_unit),
            expected=say("the label {text} on the supply {supply}", text=repr(label.text), supply=supply),
            found=say("on another net"),
            nets=(supply,),
        )
        for supply, texts in process.library.supply_labels.items()
        for label in extracted.labels
        if supply in supplies
        and label.text in texts
        and label.node >= 0
        and _elsewhere(label, extracted, supplies[supply])
    ]


def _elsewhere(label: Label, extracted: Extracted, cluster: int) -> bool:
    return int(extracted.connected.clusters[label.node]) != cluster
