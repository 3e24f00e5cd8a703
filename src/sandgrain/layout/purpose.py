"""Shapes that serve no net: floating and dangling metal, wires on the inside of cells, marks without metal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from klayout import db

from sandgrain.layout import _contact_kernels as kernels
from sandgrain.layout.ends import loose_ends
from sandgrain.layout.extraction import Extracted
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.locating import Locator
from sandgrain.layout.ports import marked_metal
from sandgrain.layout.result import Difference, Kind, say
from sandgrain.layout.shapes import region_of

_LETTERS = 1_500


def without_purpose(
    extracted: Extracted, locator: Locator, ports: Mapping[str, tuple[int, ...]], unlabelled: set[int]
) -> list[Difference]:
    """Wires and cuts of the chip that no net of the netlist explains.

    Args:
        extracted: the drawing.
        locator: of the same drawing.
        ports: nodes of the netlist's ports.
        unlabelled: nets of ports that no label names, which therefore end anywhere.
    """
    clusters = extracted.connected.clusters
    pinned, inner = _cell_clusters(extracted)
    ends = {node for nodes in ports.values() for node in nodes}
    pinned |= {int(clusters[node]) for node in ends}
    floating: dict[int, list[int]] = defaultdict(list)
    wired: dict[int, list[int]] = defaultdict(list)
    for node in range(extracted.wires, extracted.substrate):
        cluster = int(clusters[node])
        if cluster in inner:
            wired[cluster].append(node)
        elif cluster not in pinned:
            floating[cluster].append(node)
    return [
        *_floating(extracted, locator, floating),
        *_inside(extracted, locator, wired, inner),
        *_dangling(extracted, locator, pinned - unlabelled, ends),
        *loose_ends(extracted, locator, pinned - unlabelled, ends),
        *_corners(extracted, locator),
    ]


def _cell_clusters(extracted: Extracted) -> tuple[set[int], dict[int, int]]:
    """Nets with a pin of a cell; nets with a node that is the inside of a cell, and the placement."""
    pinned: set[int] = set()
    inner: dict[int, int] = {}
    pins: dict[int, set[int]] = {}
    for number, placement in enumerate(extracted.placed.placements):
        model = placement.master.model
        if id(model) not in pins:
            pins[id(model)] = {node for nodes in model.pins.values() for node in nodes}
        for node in range(model.nodes):
            cluster = extracted.pin_cluster(number, node)
            if node in pins[id(model)]:
                pinned.add(cluster)
            elif node != model.substrate:
                inner[cluster] = number
    return pinned, inner


def _floating(extracted: Extracted, locator: Locator, floating: dict[int, list[int]]) -> list[Difference]:
    unit = extracted.process.database_unit
    order = [conductor.name for conductor in extracted.process.conductors]
    boxes = {}
    for cluster, nodes in floating.items():
        box = db.Box()
        for node in nodes:
            box += locator.box(node)
        boxes[cluster] = (box, max(_level(extracted, node) for node in nodes))
    # Letters stand beside each other: what lies between two of one layer lies beneath the word.
    words = [
        (polygon.bbox(), level)
        for level in sorted({level for _, level in boxes.values()})
        for polygon in region_of(box for box, its in boxes.values() if its == level).sized(_LETTERS).merged().each()
    ]
    out = []
    for cluster, nodes in sorted(floating.items()):
        box, level = boxes[cluster]
        layer = locator.layer(min(nodes, key=lambda node: _level(extracted, node)))
        above = [height for word, height in words if height > level and word.overlaps(box)]
        cuts = all(locator.is_cut(node) for node in nodes)
        out.append(
            Difference(
                kind=Kind.HIDDEN_SHAPE if above else (Kind.VIA_ADDED if cuts else Kind.FLOATING_METAL),
                layer=layer,
                box=micrometres(box, unit),
                expected=say("no metal without a pin or port"),
                found=say(
                    "{count} shapes on {layer} that nothing is connected to, beneath {above}",
                    count=len(nodes),
                    layer=layer,
                    above=order[above[0]],
                )
                if above
                else say("{count} shapes on {layer} that nothing is connected to", count=len(nodes), layer=layer),
            )
        )
    return out


def covered(extracted: Extracted, findings: list[Difference]) -> list[Difference]:
    """The same findings, shapes without a cell that lie beneath floating metal told as hidden."""
    unit = extracted.process.database_unit
    floating = [finding for finding in findings if finding.kind is Kind.FLOATING_METAL and finding.box is not None]
    words = region_of(_database(finding, unit) for finding in floating).sized(_LETTERS).merged()
    boxes = [polygon.bbox() for polygon in words.each()]
    out = []
    for finding in findings:
        if finding.stray and finding.box is not None:
            here = _database(finding, unit)
            if any(box.overlaps(here) for box in boxes):
                found = say(
                    "a shape on {layer} that belongs to no cell, beneath floating metal", layer=finding.layer or ""
                )
                finding = replace(finding, kind=Kind.HIDDEN_SHAPE, found=found, status="refutes")
        out.append(finding)
    return out


def _database(finding: Difference, unit: float) -> db.Box:
    left, bottom, right, top = finding.box or (0, 0, 0, 0)
    return db.Box(round(left / unit), round(bottom / unit), round(right / unit), round(top / unit))


def on_unused_pins(extracted: Extracted, locator: Locator, unused: dict[int, str]) -> list[Difference]:
    """Wires on pins the netlist leaves unconnected.

    Args:
        extracted: the drawing.
        locator: of the same drawing.
        unused: what the netlist calls the pin, by cluster.
    """
    out = []
    for cluster, name in sorted(unused.items()):
        wires = locator.wires(cluster)
        if not wires:
            continue
        box = db.Box()
        for node in wires:
            box += locator.box(node)
        out.append(
            Difference(
                kind=Kind.EXTRA_WIRE,
                layer=locator.layer(wires[-1]),
                box=micrometres(box, extracted.process.database_unit),
                expected=say("{name} without a wire", name=name),
                found=say("{count} shapes on it", count=len(wires)),
                nets=(name,),
            )
        )
    return out


def on_unused_ports(extracted: Extracted, locator: Locator, unused: Mapping[int, str]) -> list[Difference]:
    """Metal of ports the netlist uses for nothing, beyond the marks of their pins.

    Args:
        extracted: the drawing.
        locator: of the same drawing.
        unused: name of the port, by cluster.
    """
    marks = marked_metal(extracted)
    out = []
    for cluster, name in sorted(unused.items()):
        by_layer: dict[str, db.Region] = defaultdict(db.Region)
        for node in locator.wires(cluster):
            for shape in locator.shapes(node):
                by_layer[locator.layer(node)].insert(locator.shape_box(int(shape)))
        if not any((region & marks.get(layer, db.Region())).area() for layer, region in by_layer.items()):
            continue  # a port without a mark: how far its metal should reach nobody says
        for layer, region in by_layer.items():
            rest = (region - marks.get(layer, db.Region())).merged()
            if not rest.is_empty():
                out.append(
                    Difference(
                        kind=Kind.EXTRA_WIRE,
                        layer=layer,
                        box=micrometres(rest.bbox(), extracted.process.database_unit),
                        expected=say("{name} without a wire", name=name),
                        found=say("{count} shapes on it", count=rest.count()),
                        nets=(name,),
                    )
                )
    return out


def _level(extracted: Extracted, node: int) -> int:
    """Height of a wire node: the number of its conductor, of a cut that of the conductor above it."""
    number = int(extracted.wire_layers[node - extracted.wires])
    if number < extracted.strata.conductors:
        return number
    via = next(via for via in extracted.process.vias if via.cut == extracted.strata.names[number])
    return extracted.strata.number(via.upper)


def _inside(
    extracted: Extracted, locator: Locator, wired: dict[int, list[int]], inner: dict[int, int]
) -> list[Difference]:
    """Insides of cells that wires, or other cells that touch them, are joined to."""
    unit = extracted.process.database_unit
    sizes = np.bincount(extracted.connected.clusters, minlength=extracted.connected.count)
    out = []
    for cluster, number in sorted(inner.items()):
        nodes = wired.get(cluster, [])
        if sizes[cluster] < 2:
            continue
        placement = extracted.placed.placements[number]
        near = [node for node in nodes if locator.box(node).touches(placement.box)] or nodes
        box = db.Box()
        for node in near:
            box += locator.box(node)
        name = placement.master.model.name
        out.append(
            Difference(
                kind=Kind.EXTRA_WIRE if near else Kind.SHORT,
                layer=locator.layer(near[0]) if near else None,
                box=micrometres(box if near else placement.box, unit),
                expected=say("nothing wired to the inside of the cell {name}", name=name),
                found=say("{count} shapes on a node of it that is no pin", count=len(nodes))
                if near
                else say("joined by touching another cell"),
            )
        )
    return out


def _dangling(extracted: Extracted, locator: Locator, pinned: set[int], ends: set[int]) -> list[Difference]:
    """Wires and cuts in contact with one thing alone: taking them away would change no connection."""
    nodes = extracted.shapes.nodes
    pairs = nodes[extracted.connected.pairs]
    wires, substrate = extracted.wires, extracted.substrate
    # The merged metal of one layer is one wire: shapes that touch within a layer count as one.
    layers = extracted.shapes.layers[extracted.connected.pairs]
    parent = np.arange(extracted.connected.clusters.size, dtype=np.int32)
    both = (pairs >= wires).all(axis=1) & (pairs < substrate).all(axis=1) & (layers[:, 0] == layers[:, 1])
    kernels.unite(parent, np.ascontiguousarray(pairs[both]))
    group, _ = kernels.clusters(parent)
    rest = pairs[~both]
    rest = np.concatenate([rest, rest[:, ::-1]])
    rest = group[rest[(rest[:, 0] >= wires) & (rest[:, 0] < substrate)]]
    touched = np.bincount(np.unique(rest, axis=0)[:, 0], minlength=int(group.max(initial=0)) + 1)
    # A port counts as one more thing; one that nothing else is on is told as open if the netlist wires it.
    at_port = np.unique(group[sorted(ends)]) if ends else np.empty(0, np.int32)
    lone = touched < 2
    lone[at_port] = False
    members: dict[int, list[int]] = defaultdict(list)
    for node in (wires + np.flatnonzero(lone[group[wires:substrate]])).tolist():
        members[int(group[node])].append(node)
    out = []
    for found in members.values():
        if int(extracted.connected.clusters[found[0]]) in pinned:
            box = db.Box()
            for node in found:
                box += locator.box(node)
            cut = locator.is_cut(found[0])
            out.append(
                Difference(
                    kind=Kind.VIA_ADDED if cut else Kind.DANGLING_WIRE,
                    layer=locator.layer(found[0]),
                    box=micrometres(box, extracted.process.database_unit),
                    expected=say("wires and cuts that join two things"),
                    found=say("{layer} in contact with one thing alone", layer=locator.layer(found[0])),
                )
            )
    return out


def _corners(extracted: Extracted, locator: Locator) -> list[Difference]:
    """Shapes of different nets that meet in a point."""
    clusters = extracted.connected.clusters
    nodes = extracted.shapes.nodes
    out = []
    for one, two in extracted.connected.corners.tolist():
        if clusters[nodes[one]] == clusters[nodes[two]]:
            continue
        here = locator.shape_box(one) & locator.shape_box(two)
        out.append(
            Difference(
                kind=Kind.CORNER_TOUCH,
                layer=extracted.strata.names[int(extracted.shapes.layers[one])],
                box=micrometres(here, extracted.process.database_unit),
                expected=say("nets apart from each other"),
                found=say("two nets that meet in a point; whether they conduct cannot be said"),
                status="open",
            )
        )
    return out
