"""Transistors of a cell as drawn, and whether they are those of a reference: layout versus schematic for one cell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from klayout import db

from sandgrain.layout.cell import Nodes, nodes_of
from sandgrain.layout.connectivity import Strata
from sandgrain.layout.errors import LibraryError
from sandgrain.layout.graph import Graph
from sandgrain.layout.matching import isomorphism
from sandgrain.layout.process import Process

_VALUE = re.compile(r"([-+0-9.eE]+?)(meg|[tgkmunpfa])?$", re.IGNORECASE)
_SCALE = {"": 1.0, "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True, slots=True)
class Transistor:
    """A channel and what it joins.

    Attributes:
        kind: name of the kind without the maker's prefix; empty where the layers fit no kind.
        gate, bulk: what they are connected to.
        ends: source and drain, in no order.
        width, length: nanometres.
        box: the channel, in the cell's own coordinates and database units.
    """

    kind: str
    gate: str
    bulk: str
    ends: tuple[str, str]
    width: int
    length: int
    box: tuple[int, int, int, int] = (0, 0, 0, 0)


def drawn_transistors(regions: Mapping[str, db.Region], process: Process) -> list[Transistor]:
    """The transistors of a cell; nodes are called ``n0``, ``n1`` and so on as `nodes_of` numbers them."""
    gate, diffusion = regions.get(process.gate), regions.get(process.diffusion)
    if gate is None or diffusion is None:
        return []
    nodes = nodes_of(regions, process)
    strata = Strata.of(process)
    gates, ends = _stratum(process, process.gate), _stratum(process, process.diffusion)
    wells = strata.number(process.well)
    nanometres = process.database_unit * 1_000
    out = []
    for channel in (gate & diffusion).merged().each():
        region = db.Region(channel)
        around = [
            (int(nodes.clusters[number]), polygon)
            for number, (layer, polygon) in enumerate(nodes.polygons)
            if layer == ends and polygon.bbox().touches(channel.bbox())
        ]
        joined: list[int] = []
        width = 0
        for node, polygon in around:
            shared = region.edges() & db.Region(polygon).edges()
            if shared.length() > 0:
                joined.append(node)
                width = max(width, int(shared.length()))
        length = round(channel.area() / width) if width else 0
        controls = _over(nodes, gates, region)
        bulk = _over(nodes, wells, region)
        out.append(
            Transistor(
                kind=_kind(region, regions, process),
                gate=f"n{controls[0]}" if controls else "",
                bulk=f"n{bulk[0]}" if bulk else f"n{nodes.substrate}",
                ends=(f"n{joined[0]}", f"n{joined[-1]}") if joined else ("", ""),
                width=round(width * nanometres),
                length=round(length * nanometres),
                box=(channel.bbox().left, channel.bbox().bottom, channel.bbox().right, channel.bbox().top),
            )
        )
    return sorted(out, key=lambda one: one.box)


def _stratum(process: Process, layer: str) -> int:
    return next(number for number, conductor in enumerate(process.conductors) if conductor.layer == layer)


def _over(nodes: Nodes, stratum: int, region: db.Region) -> list[int]:
    return sorted(
        {
            int(nodes.clusters[number])
            for number, (layer, polygon) in enumerate(nodes.polygons)
            if layer == stratum and not (db.Region(polygon) & region).is_empty()
        }
    )


def _kind(channel: db.Region, regions: Mapping[str, db.Region], process: Process) -> str:
    for kind in process.transistors:
        covered = all(name in regions and (channel - regions[name]).is_empty() for name in kind.with_)
        if covered and not any(name in regions and not (channel & regions[name]).is_empty() for name in kind.without):
            return kind.name
    return ""


def reference_transistors(path: Path, cell: str) -> tuple[tuple[str, ...], list[Transistor]]:
    """Ports and transistors of a subcircuit of a SPICE file as the library has them.

    Raises:
        LibraryError: the file holds no such subcircuit, or a line of it is no transistor.
    """
    ports: tuple[str, ...] | None = None
    out: list[Transistor] = []
    text = re.sub(r"\n\+", " ", path.read_text(encoding="utf-8", errors="replace"))
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("*"):
            continue
        head = words[0].lower()
        if head == ".subckt":
            ports = tuple(words[2:]) if words[1] == cell else None
        elif head == ".ends" and ports is not None:
            return ports, out
        elif ports is not None and words[0][0] in "Xx":
            values = dict(word.lower().split("=", 1) for word in words if "=" in word)
            plain = [word for word in words if "=" not in word]
            if len(plain) != 6 or "w" not in values or "l" not in values:
                raise LibraryError(
                    f"no transistor: {line.strip()[:80]}",
                    file=path,
                    line=number,
                    expected="Xname drain gate source bulk kind w= l=",
                )
            _, drain, gate, source, bulk, kind = plain
            out.append(
                Transistor(
                    # Narrow ones are modelled apart from the others of their kind and drawn alike.
                    kind=kind.split("__")[-1].removeprefix("special_"),
                    gate=gate,
                    bulk=bulk,
                    ends=(drain, source),
                    width=_nanometres(values["w"], path, number),
                    length=_nanometres(values["l"], path, number),
                )
            )
    raise LibraryError(f"no subcircuit {cell!r}", file=path, expected="the library's SPICE netlist of the cell")


def _nanometres(text: str, path: Path, line: int) -> int:
    match = _VALUE.fullmatch(text)
    if match is None:
        raise LibraryError(f"{text!r} is no length", file=path, line=line, expected="a number as 650000u or 0.65u")
    value = float(match[1]) * _SCALE[(match[2] or "").lower()]
    # The library's files give micrometres scaled by a million: 650000u is 0.65 um.
    return round(value * 1e3) if value > 1e-3 else round(value * 1e9)


def same_circuit(
    one: list[Transistor], two: list[Transistor], pins: tuple[Mapping[str, str], Mapping[str, str]]
) -> bool:
    """Whether two lists of transistors are one circuit: same kinds, widths, lengths, and an isomorphism of the nets.

    Source and drain may change places; pins are each other's by name.

    Args:
        one, two: the transistors.
        pins: for each list, the net of every pin.
    """
    numbers: dict[tuple[str, int, int], int] = {}
    names = {pin: number for number, pin in enumerate(sorted({*pins[0], *pins[1]}))}
    graphs, anchors = [], []
    for transistors, own in ((one, pins[0]), (two, pins[1])):
        nets: dict[str, int] = {}
        on: dict[int, list[int]] = {}
        for pin, net in own.items():
            on.setdefault(nets.setdefault(net, len(nets)), []).append(names[pin])
        types, edges = [], []
        for number, transistor in enumerate(transistors):
            key = (transistor.kind, transistor.width, transistor.length)
            types.append(numbers.setdefault(key, len(numbers)))
            for node, net in (
                (0, transistor.gate),
                (1, transistor.ends[0]),
                (1, transistor.ends[1]),
                (2, transistor.bulk),
            ):
                edges.append((number, node, nets.setdefault(net, len(nets))))
        graphs.append(Graph(np.array(types, np.int32), np.array(edges, np.int32).reshape(-1, 3), len(nets), {}, ()))
        anchors.append({net: hash(tuple(sorted(members))) & 0xFFFFFFFF for net, members in on.items()})
    return isomorphism(graphs[0], graphs[1], (anchors[0], anchors[1])) is not None
