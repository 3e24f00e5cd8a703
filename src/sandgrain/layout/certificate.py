"""The correspondence of a netlist and its drawing as a text, and a check of it that does no matching.

One JSON value a line. The check extracts the drawing anew and follows the text instance by instance and net by net;
it has no use for colours, refinement or search, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandgrain.layout.errors import LayoutError
from sandgrain.layout.extraction import Extracted, extract
from sandgrain.layout.geometry import compare_geometry
from sandgrain.layout.graph import Expected, Graph, Types, expected_graph
from sandgrain.layout.lef import PortShape
from sandgrain.layout.library import Library
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.matching import Matching
from sandgrain.layout.placements import Placement, take_apart
from sandgrain.layout.ports import drawn_ports, port_nodes
from sandgrain.layout.read import Drawing
from sandgrain.netlist.model import Module

FORMAT = "sandgrain netlist-layout certificate"
VERSION = 1
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a certificate: accepted, or the first thing in it that does not hold."""

    accepted: bool
    reason: str = ""
    cells: int = 0
    nets: int = 0


def _key(placement: Placement) -> tuple[int, int, int]:
    trans = placement.trans
    return (trans.disp.x, trans.disp.y, trans.rot)


def write_certificate(
    *,
    top: str,
    process: str,
    inputs: dict[str, str],
    expected: Expected,
    graph: Graph,
    cells: list[int],
    nets: list[int],
    matching: Matching,
    extracted: Extracted,
    placements: list[int],
) -> str:
    """The certificate of an exact correspondence.

    Args:
        top, process, inputs: what was compared.
        expected: the netlist.
        graph: the part of its graph that was matched; ``cells`` and ``nets`` are the numbers in ``expected``.
        matching: the correspondence.
        extracted: the drawing; ``placements`` are the numbers of its cells in the matched graph.
    """
    lines = [json.dumps([FORMAT, VERSION]), json.dumps(["top", top]), json.dumps(["process", process])]
    lines += [json.dumps(["input", name, digest]) for name, digest in sorted(inputs.items())]
    for number, cell in enumerate(cells):
        placement = extracted.placed.placements[placements[int(matching.cells[number])]]
        lines.append(
            json.dumps(
                ["cell", expected.cell_names[cell], placement.master.model.name, *_key(placement)], ensure_ascii=False
            )
        )
    for number, net in enumerate(nets):
        lines.append(json.dumps(["net", expected.net_names[net], len(graph.on(number))], ensure_ascii=False))
    lines.append(json.dumps(["end", len(cells), len(nets)]))
    return "\n".join(lines) + "\n"


def check_certificate(
    text: str,
    module: Module,
    drawing: Drawing,
    library: Library,
    inputs: dict[str, str],
    limits: LayoutLimits | None = None,
    ports: Sequence[PortShape] | None = None,
) -> Checked:
    """Follow a certificate through the netlist and the drawing.

    Args:
        text: the certificate.
        module: the netlist, flat.
        drawing: the layout.
        library: the trusted cells.
        inputs: SHA-256 of the files as they are now, by name.
        limits: bounds on the drawing.
        ports: where the LEF says the ports are.
    """
    try:
        return _Check(module, drawing, library, limits, ports).follow(list(_values(text)), inputs)
    except _Refusal as refusal:
        return Checked(False, str(refusal))


class _Refusal(Exception):
    """Something in a certificate does not hold."""


def _values(text: str) -> Iterator[list[object]]:
    if len(text) > _MOST_BYTES:
        raise _Refusal("the certificate is too large")
    for number, line in enumerate(text.splitlines(), 1):
        try:
            value = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise _Refusal(f"line {number} is no JSON") from error
        if not isinstance(value, list) or not value:
            raise _Refusal(f"line {number} is no list")
        yield value


class _Check:
    def __init__(
        self,
        module: Module,
        drawing: Drawing,
        library: Library,
        limits: LayoutLimits | None,
        ports: Sequence[PortShape] | None,
    ) -> None:
        self.module, self.drawing, self.library, self.limits, self.ports = module, drawing, library, limits, ports
        self.process = library.process

    def follow(self, values: list[list[object]], inputs: dict[str, str]) -> Checked:
        if values[:1] != [[FORMAT, VERSION]]:
            raise _Refusal("this is no certificate of a netlist and its drawing")
        words = {str(value[0]): value[1:] for value in values if value[0] in ("top", "process", "end")}
        if words.get("process") != [self.process.name] or "end" not in words or "top" not in words:
            raise _Refusal("the certificate is of another process, or was cut off")
        stated = {str(value[1]): str(value[2]) for value in values if value[0] == "input" and len(value) == 3}
        if stated != inputs:
            raise _Refusal("the files are not those the certificate was made of")
        try:
            top = self.drawing.top(str(words["top"][0]))
            unknown = frozenset(name for name in self.module.cells.count_by_type() if name not in self.library)
            placed = take_apart(self.drawing, top, self.library, self.limits, unknown)
        except LayoutError as error:
            raise _Refusal(error.what) from error
        geometry = compare_geometry(placed, self.library)
        if geometry.findings:
            raise _Refusal(f"a cell is not drawn as the library draws it: {geometry.findings[0].found}")
        extracted = extract(placed, self.process)
        foreign = {master.drawn_as: master.model for master in placed.masters.values() if master.foreign}
        expected = expected_graph(self.module, self.library, foreign, Types())
        if expected.left_out or expected.joined:
            raise _Refusal("the netlist has cells that nothing describes")
        places = self._places(values, expected)
        if words["end"][:1] != [len(places)]:
            raise _Refusal("the certificate does not list as many cells as it says")
        nets = self._pins(expected, extracted, places)
        self._ports(expected, extracted, nets)
        drawn = {_key(placement): placement.master.model.name for placement in extracted.placed.placements}
        for value in values:
            if value[0] == "cell" and drawn.get((value[3], value[4], value[5])) != value[2]:  # type: ignore[arg-type]
                raise _Refusal(f"no {value[2]} is drawn where the certificate has {value[1]!r}")
        return Checked(True, "", len(places), len(nets))

    def _places(self, values: list[list[object]], expected: Expected) -> dict[int, tuple[int, int, int]]:
        """Place of every instance the certificate lists."""
        numbers: dict[str, list[int]] = {}
        for number, name in enumerate(expected.cell_names):
            numbers.setdefault(name, []).append(number)
        places: dict[int, tuple[int, int, int]] = {}
        for value in values:
            if value[0] != "cell":
                continue
            if len(value) != 6 or not all(isinstance(part, int) for part in value[3:]):
                raise _Refusal(f"a cell is not said as it must be: {value[:3]}")
            waiting = numbers.get(str(value[1]))
            if not waiting:
                raise _Refusal(f"the netlist has no instance {value[1]!r}, or fewer of that name")
            places[waiting.pop(0)] = (value[3], value[4], value[5])  # type: ignore[assignment]
        if any(numbers.values()):
            left = next(name for name, rest in numbers.items() if rest)
            raise _Refusal(f"the certificate leaves out the instance {left!r}")
        return places

    def _pins(
        self, expected: Expected, extracted: Extracted, places: dict[int, tuple[int, int, int]]
    ) -> dict[int, int]:
        """Cluster of every net, from the pins of the cells at their places."""
        at: dict[tuple[int, int, int], int] = {}
        for number, placement in enumerate(extracted.placed.placements):
            if _key(placement) in at:
                raise _Refusal("two cells are drawn at one place")
            at[_key(placement)] = number
        nets: dict[int, int] = {}
        clusters: dict[int, int] = {}
        taken = set()
        for cell, place in places.items():
            drawn = at.get(place)
            name = expected.cell_names[cell]
            if drawn is None or drawn in taken:
                raise _Refusal(f"no cell of its own is drawn where {name!r} should be")
            taken.add(drawn)
            model = extracted.placed.placements[drawn].master.model
            if model.digest != expected.graph.models[cell].digest:
                raise _Refusal(f"the cell drawn for {name!r} is a {model.name}")
            for node, net in expected.graph.pins(cell).tolist():
                cluster = extracted.pin_cluster(drawn, node)
                if nets.setdefault(net, cluster) != cluster:
                    raise _Refusal(f"net {expected.net_names[net]!r} is in pieces at {name!r}")
                if clusters.setdefault(cluster, net) != net:
                    other = expected.net_names[clusters[cluster]]
                    raise _Refusal(f"nets {expected.net_names[net]!r} and {other!r} are one at {name!r}")
        for number, placement in enumerate(extracted.placed.placements):
            model = placement.master.model
            if number in taken:
                continue
            if not model.physical_only and model.name not in self.process.library.antenna:
                raise _Refusal(f"a cell {model.name} is drawn that the netlist does not have")
        return nets

    def _ports(self, expected: Expected, extracted: Extracted, nets: dict[int, int]) -> None:
        drawn = drawn_ports(extracted, port_nodes(extracted, expected.graph.ports, self.ports))
        for name, own in expected.graph.ports.items():
            if not drawn[name]:
                raise _Refusal(f"no label says which metal is the port {name!r}")
            if own and own[0] in nets and drawn[name] != (nets[own[0]],):
                raise _Refusal(f"the port {name!r} is not on its net")
