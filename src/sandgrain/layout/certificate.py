"""The correspondence of a netlist and its drawing as a text, and a check of it that does no matching.

One JSON list a line, written in one way only: the format, the top cell, the process, the files, every instance with
its place, every net with the number of its pins, the end. The check extracts the drawing anew and follows the text
instance by instance and net by net; it has no use for colours, refinement or search, so that a mistake there cannot
hide here. Every word of the text is compared with something: a text that says anything else is refused.

Version 2: the pins of every net are counted by the check; version 1 left them unread.
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
VERSION = 2
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


def _line(*value: str | int) -> str:
    """The one way a line is written."""
    return json.dumps(value, ensure_ascii=False)


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
    lines = [_line(FORMAT, VERSION), _line("top", top), _line("process", process)]
    lines += [_line("input", name, digest) for name, digest in sorted(inputs.items())]
    for number, cell in enumerate(cells):
        placement = extracted.placed.placements[placements[int(matching.cells[number])]]
        lines.append(_line("cell", expected.cell_names[cell], placement.master.model.name, *_key(placement)))
    lines += [_line("net", expected.net_names[net], len(graph.on(number))) for number, net in enumerate(nets)]
    lines.append(_line("end", len(cells), len(nets)))
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


_Value = list[str | int]


def _values(text: str) -> Iterator[_Value]:
    """The lines of a certificate.

    Raises:
        _Refusal: a line is not written as `write_certificate` writes it.
    """
    if len(text) > _MOST_BYTES:
        raise _Refusal("the certificate is too large")
    *lines, rest = text.split("\n")
    if rest:
        raise _Refusal("the certificate was cut off")
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _Refusal(f"line {number} is no JSON") from error
        if not isinstance(value, list) or not value or not all(type(part) in (str, int) for part in value):
            raise _Refusal(f"line {number} is no list of texts and whole numbers")
        if _line(*value) != line:
            raise _Refusal(f"line {number} is not written as a certificate is")
        yield value


_ORDER = ("top", "process", "input", "cell", "net", "end")
_LENGTHS = {"top": 2, "process": 2, "input": 3, "cell": 6, "net": 3, "end": 3}


def _sorted_out(values: list[_Value]) -> dict[str, list[_Value]]:
    """The lines by what they are.

    Raises:
        _Refusal: one is of no kind, out of order, missing, or too long or too short.
    """
    if values[:1] != [[FORMAT, VERSION]]:
        raise _Refusal("this is no certificate of a netlist and its drawing, or one of another version")
    out: dict[str, list[_Value]] = {kind: [] for kind in _ORDER}
    last = 0
    for value in values[1:]:
        kind = str(value[0])
        if kind not in out or len(value) != _LENGTHS[kind]:
            raise _Refusal(f"a line is not said as it must be: {value[:3]}")
        if _ORDER.index(kind) < last:
            raise _Refusal(f"a line is out of order: {value[:3]}")
        last = _ORDER.index(kind)
        out[kind].append(value[1:])
    if any(len(out[kind]) != 1 for kind in ("top", "process", "end")):
        raise _Refusal("the certificate was cut off, or put together from several")
    return out


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

    def follow(self, values: list[_Value], inputs: dict[str, str]) -> Checked:
        lines = _sorted_out(values)
        if lines["process"] != [[self.process.name]]:
            raise _Refusal("the certificate is of another process")
        if lines["input"] != [[name, digest] for name, digest in sorted(inputs.items())]:
            raise _Refusal("the files are not those the certificate was made of")
        try:
            top = self.drawing.top(str(lines["top"][0][0]))
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
        places = self._places(lines["cell"], expected)
        nets = self._pins(expected, extracted, places)
        self._ports(expected, extracted, nets)
        drawn = {_key(placement): placement.master.model.name for placement in extracted.placed.placements}
        for cell, model, *place in lines["cell"]:
            if drawn.get(tuple(place)) != model:  # type: ignore[arg-type]
                raise _Refusal(f"no {model} is drawn where the certificate has {cell!r}")
        self._counts(lines["net"], expected)
        if lines["end"] != [[len(places), len(lines["net"])]]:
            raise _Refusal("the certificate does not list as many cells and nets as it says")
        return Checked(True, "", len(places), len(nets))

    def _counts(self, rows: list[_Value], expected: Expected) -> None:
        """Every net that has a pin or a port is listed once, with the number of its pins."""
        graph = expected.graph
        ports = {net for nets in graph.ports.values() for net in nets}
        wanted = sorted(
            (expected.net_names[net], count)
            for net in range(graph.nets)
            for count in (len(graph.on(net)),)
            if count or net in ports
        )
        if any(type(name) is not str or type(count) is not int for name, count in rows):
            raise _Refusal("a net is not said as it must be")
        stated = sorted((str(name), int(count)) for name, count in rows)
        for one, two in zip(stated, wanted, strict=False):
            if one != two:
                raise _Refusal(
                    f"the certificate has net {one[0]!r} with {one[1]} pins, the netlist {two[0]!r}, {two[1]}"
                )
        if len(stated) != len(wanted):
            raise _Refusal(f"the certificate lists {len(stated)} nets, the netlist has {len(wanted)}")

    def _places(self, rows: list[_Value], expected: Expected) -> dict[int, tuple[int, int, int]]:
        """Place of every instance the certificate lists."""
        numbers: dict[str, list[int]] = {}
        for number, name in enumerate(expected.cell_names):
            numbers.setdefault(name, []).append(number)
        places: dict[int, tuple[int, int, int]] = {}
        for text, _, *place in rows:
            name = str(text)
            if type(text) is not str or not all(type(part) is int for part in place):
                raise _Refusal(f"a cell is not said as it must be: {name!r}")
            waiting = numbers.get(name)
            if not waiting:
                raise _Refusal(f"the netlist has no instance {name!r}, or fewer of that name")
            x, y, turn = (int(part) for part in place)
            places[waiting.pop(0)] = (x, y, turn)
        if any(numbers.values()):
            missed = next(one for one, rest in numbers.items() if rest)
            raise _Refusal(f"the certificate leaves out the instance {missed!r}")
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
