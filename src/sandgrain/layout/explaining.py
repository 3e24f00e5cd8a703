"""Which cells and nets take part in the matching, and why the others may be there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.layout.cell import CellModel
from sandgrain.layout.extraction import Extracted
from sandgrain.layout.geometry import micrometres
from sandgrain.layout.graph import Expected, Graph
from sandgrain.layout.matching import Matching, compact
from sandgrain.layout.ports import supply_findings
from sandgrain.layout.process import Process
from sandgrain.layout.result import Difference, Explained, Kind, say


@dataclass(frozen=True)
class Chosen:
    """A graph without what takes no part, and what its numbers were."""

    graph: Graph
    nets: NDArray[np.int32]
    cells: NDArray[np.int64]


def choose(graph: Graph, cells: NDArray[np.int64]) -> Chosen:
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
    return Chosen(smaller, old, cells)


def sure(marks: tuple[dict[int, int], dict[int, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """Anchors whose number stands for one net on either side."""
    out: tuple[dict[int, int], dict[int, int]] = ({}, {})
    counts = [Counter(side.values()) for side in marks]
    for side, kept in zip(marks, out, strict=True):
        kept.update({net: number for net, number in side.items() if counts[0][number] == counts[1][number] == 1})
    return out


def explained_cells(
    expected: Expected, drawn: Graph, process: Process, pre_layout: bool
) -> tuple[NDArray[np.int64], list[Explained]]:
    """Drawn cells that take part, and those that placement added without the netlist saying so."""
    listed = {
        int(kind)
        for kind, model in zip(expected.graph.types, expected.graph.models, strict=True)
        if not (pre_layout and model.physical_only)
    }
    counts: Counter[tuple[str, bool]] = Counter()
    kept = []
    for cell, model in enumerate(drawn.models):
        if int(drawn.types[cell]) in listed:
            kept.append(cell)
        elif model.physical_only:
            counts[model.name, True] += 1
        elif model.name in process.library.antenna:
            counts[model.name, False] += 1
        else:
            kept.append(cell)
    reasons = {
        True: say("no signal pin: a filler, tap or decoupling cell; the netlist lists none of its kind"),
        False: say("an antenna diode; the netlist lists none of its kind"),
    }
    return np.array(kept, np.int64), [
        Explained(name, count, reasons[filler]) for (name, filler), count in sorted(counts.items())
    ]


def physical(expected: Expected) -> list[Explained]:
    """Cells of the netlist without a signal pin."""
    counts: Counter[str] = Counter()
    for model in expected.graph.models:
        if model.physical_only:
            counts[model.name] += 1
    return [
        Explained(name, count, say("no signal pin: a filler, tap or decoupling cell; the netlist lists as many"))
        for name, count in sorted(counts.items())
    ]


def unused(expected: Expected, one: Chosen, two: Chosen, matching: Matching) -> dict[int, str]:
    """Clusters of pins that the netlist leaves unconnected, and what they are called."""
    with_port = {net for nets in one.graph.ports.values() for net in nets}
    names = {}
    for net in np.flatnonzero(np.diff(one.graph.net_offsets) == 1).tolist():
        drawn = int(matching.nets[net])
        if net in with_port or drawn < 0 or len(two.graph.on(drawn)) != 1:
            continue
        cluster = int(two.nets[drawn])
        names[cluster] = expected.net_names[int(one.nets[net])]
    return names


def unused_ports(one: Chosen, two: Chosen, matching: Matching) -> dict[int, str]:
    """Clusters of ports that the netlist uses for nothing, and their names."""
    out = {}
    for name, nets in one.graph.ports.items():
        for net in nets:
            drawn = int(matching.nets[net])
            if len(one.graph.on(net)) == 0 and drawn >= 0 and len(two.graph.on(drawn)) == 0:
                out[int(two.nets[drawn])] = name
    return out


def resized(one: Chosen, two: Chosen, matching: Matching) -> list[Explained]:
    """Cells that stand for others of the same function."""
    counts: Counter[tuple[str, str]] = Counter()
    for cell, other in enumerate(matching.cells.tolist()):
        if other >= 0 and one.graph.models[cell].digest != two.graph.models[other].digest:
            counts[two.graph.models[other].name, one.graph.models[cell].name] += 1
    return [
        Explained(drawn, count, say("stands for {wanted}: the same function and pins, another strength", wanted=wanted))
        for (drawn, wanted), count in sorted(counts.items())
    ]


def supplies(
    expected: Expected, one: Chosen, two: Chosen, matching: Matching, extracted: Extracted, process: Process
) -> list[Difference]:
    """Labels of supplies the netlist leaves out, on the nets that turned out to be them."""
    new = {int(old): number for number, old in enumerate(one.nets)}
    clusters = {}
    for name, net in expected.supplies.items():
        drawn = int(matching.nets[new[net]]) if net in new else -1
        if drawn >= 0:
            clusters[name] = int(two.nets[drawn])
    return supply_findings(extracted, clusters, process)


def apart(extracted: Extracted, kept: NDArray[np.int64], process: Process) -> list[Difference]:
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
                        expected=say("pin {pin} of a {name} on the supply", pin=pin, name=placement.master.model.name),
                        found=say("on another net"),
                        nets=(supply,),
                    )
                )
    return out
