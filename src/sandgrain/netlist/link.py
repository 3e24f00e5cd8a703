"""Cells meet what they are: every instance becomes a module, a known cell, or a named black box.

A netlist as written says ``u1 (.A(x), .Q(y))`` and no more. Linking says which way the pins point, how wide they are
and what the cell computes, once per signature (`sandgrain.netlist.signatures`), and refuses what contradicts itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetlistError
from sandgrain.netlist._connections import Remarks, Wish, adjust
from sandgrain.netlist._drivers import SILENT, STRONG, THREE_STATE, WEAK, check_drivers
from sandgrain.netlist._hierarchy import Hierarchy, has_inside, hierarchy, top_module
from sandgrain.netlist._quote import quote
from sandgrain.netlist.cell_function import Cell, CellLibrary
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, Module, Netlist, Parameter, Port
from sandgrain.netlist.signatures import CellKey, CellLookup, PinShape, cell_key, signatures
from sandgrain.verdict import Place

_SHOWN = 12
_PULLS = frozenset({"pullup", "pulldown"})
_PORT_DIRECTIONS = {"input": INPUT, "output": OUTPUT, "inout": UNKNOWN_DIRECTION}


@dataclass(frozen=True, slots=True)
class UnknownType:
    """A cell type whose function nobody knows.

    Attributes:
        name: the type.
        instances: how many of them the whole design has, copies of their modules counted.
        place: the first instance.
        pins: name and direction of every pin seen.
    """

    name: str
    instances: int
    place: Place | None
    pins: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """A netlist whose every instance is resolved.

    Attributes:
        netlist: the netlist with pins named and directed; modules the top does not reach are as they were.
        cells: what each signature of a leaf cell is, black boxes with known pins included.
        expanded: the modules under the top that have an inside, the top included.
        depth: levels of modules; 1 if the top instantiates none.
        black_boxes: the types without a known function, by name.
        warnings: where, and a sentence on what was accepted although a careful reader would ask.
    """

    netlist: Netlist
    cells: Mapping[CellKey, Cell]
    expanded: frozenset[str]
    depth: int
    black_boxes: Mapping[str, UnknownType]
    warnings: tuple[tuple[Place | None, str], ...]

    def lookup(self, kind: str, pins: Sequence[PinShape], parameters: Mapping[str, Parameter]) -> Cell | None:
        """What a leaf cell is: a `CellLookup` for the cells of this netlist."""
        return self.cells.get((kind, tuple(pins), tuple(sorted(parameters.items()))))


def link(
    netlist: Netlist,
    library: CellLibrary,
    generic: CellLookup | None = None,
    *,
    limits: ReadLimits | None = None,
) -> Linked:
    """Resolve every instance under the top module.

    A type is looked for as a module of the netlist with an inside, in the library, by ``generic``, and last as a
    module without an inside. A type found nowhere is a black box whose pins keep the direction the reader gave them.

    Args:
        netlist: what was read.
        library: cells by type name.
        generic: cells known by a rule rather than by a table (``generic_cell``); ``None`` knows none.
        limits: ``depth`` bounds the hierarchy.

    Raises:
        NetlistError: no such top, a module that contains itself, an unknown or doubled pin, too many positional pins,
            a connection narrower than its pin, a net bit with two drivers.
        LimitExceeded: the hierarchy is too deep.
    """
    top_module(netlist)
    inside = {name: has_inside(module) for name, module in netlist.modules.items()}
    inside[netlist.top] = True
    below = hierarchy(netlist, netlist.top, limits or ReadLimits(), lambda name: inside.get(name, False))
    return _Linker(netlist, library, generic, below).run()


@dataclass(frozen=True, slots=True)
class _Resolved:
    """One signature: names and directions of its pins, widths the pins should have, what drives."""

    pins: tuple[tuple[str, int], ...]
    widths: tuple[int, ...]
    strengths: NDArray[np.uint8]
    key: CellKey
    cell: Cell | None
    known: bool


@numba.njit(cache=True)
def _spread(ids, first, pin_ids, directions, pin_offsets, new_ids, new_directions):  # type: ignore[no-untyped-def]
    """Hand the pins of the signatures out to the cells; whether anything is new."""
    changed = False
    for cell in range(ids.size):
        base = first[ids[cell]] - pin_offsets[cell]
        for pin in range(pin_offsets[cell], pin_offsets[cell + 1]):
            changed |= new_ids[pin] != pin_ids[base + pin] or new_directions[pin] != directions[base + pin]
            new_ids[pin] = pin_ids[base + pin]
            new_directions[pin] = directions[base + pin]
    return changed


class _Linker:
    def __init__(self, netlist: Netlist, library: CellLibrary, generic: CellLookup | None, below: Hierarchy) -> None:
        self.netlist = netlist
        self.library = library
        self.generic = generic
        self.below = below
        self.expanded = frozenset(below.order)
        self.resolved: dict[tuple[CellKey, tuple[int, ...]], _Resolved] = {}
        self.cells: dict[CellKey, Cell] = {}
        self.port_strengths: dict[str, dict[str, NDArray[np.uint8]]] = {}
        self.unknown: dict[str, UnknownType] = {}
        self.remarks = Remarks()

    def run(self) -> Linked:
        modules = dict(self.netlist.modules)
        for name in self.below.order:
            modules[name] = self.module(name, modules[name])
        return Linked(
            Netlist(modules, self.netlist.top),
            self.cells,
            self.expanded,
            self.below.depth,
            self.unknown,
            self.remarks.told(),
        )

    def module(self, name: str, module: Module) -> Module:
        cells = module.cells
        groups = signatures(cells)
        found = [self.resolve(module, cell) for cell in groups.first.tolist()]
        self.count_unknown(module, self.below.copies[name], groups.ids, groups.first, found)
        # Pin names stay in the order known, so that an already linked module stays the same object.
        names = {pin: index for index, pin in enumerate(cells.pin_names)}
        first = np.zeros(len(found) + 1, np.int64)
        np.cumsum([len(item.pins) for item in found], out=first[1:])
        flat = [pin for item in found for pin in item.pins]
        pin_ids = np.array([names.setdefault(pin, len(names)) for pin, _ in flat], np.int32)
        directions = np.array([direction for _, direction in flat], np.int8)
        new_ids, new_directions = cells.pin_ids.copy(), cells.pin_directions.copy()
        changed = _spread(groups.ids, first, pin_ids, directions, cells.pin_offsets, new_ids, new_directions)
        linked = cells
        if changed:
            linked = replace(cells, pin_names=tuple(names), pin_ids=new_ids, pin_directions=new_directions)
        wishes = [
            Wish(signature, position, width)
            for signature, item in enumerate(found)
            for position, width in enumerate(item.widths)
            if width >= 0
        ]
        if wishes:
            linked = adjust(module.name, linked, groups.ids, wishes, self.remarks)
        if linked is not cells:
            module = replace(module, cells=linked)
        strengths = check_drivers(module, groups.ids, [item.strengths for item in found])
        self.port_strengths[name] = {port.name: _seen_outside(port, strengths) for port in module.ports}
        return module

    def resolve(self, module: Module, cell: int) -> _Resolved:
        cells = module.cells
        key = cell_key(cells, cell)
        given = tuple(pin.direction for pin in cells.pins(cell))
        known = self.resolved.get((key, given))
        if known is None:
            known = self.resolved[key, given] = self.understand(module, cell, key, given)
            if known.cell is not None:
                self.cells[known.key] = known.cell
        return known

    def understand(self, module: Module, cell: int, key: CellKey, given: tuple[int, ...]) -> _Resolved:
        kind, pins, parameters = key
        described = self.netlist.modules.get(kind)
        expected: Mapping[str, tuple[int, int]]
        what: Cell | None = None
        if kind in self.expanded and described is not None:
            expected = _ports(described)
        else:
            what = self.library.get(kind)
            if what is None and self.generic is not None:
                what = self.generic(kind, pins, dict(parameters))
            if what is None and described is not None:
                what = Cell(kind, _ports(described), None, origin="a module without an inside")
            if what is None:
                shapes = tuple((name, way) for (name, _), way in zip(pins, given, strict=True))
                width = sum(width for _, width in pins)
                return _Resolved(shapes, (-1,) * len(pins), np.zeros(width, np.uint8), key, None, False)
            expected = what.pins
        order = list(expected)
        named: list[tuple[str, int]] = []
        widths: list[int] = []
        strengths: list[int] = []
        for (name, width), way in zip(pins, given, strict=True):
            if name not in expected and name.startswith("#") and name[1:].isdecimal():
                if int(name[1:]) >= len(order):
                    raise _fail(
                        module,
                        cell,
                        f"{_instance(module, cell)} has {len(pins)} connections by position, "
                        f"but {quote(kind)} has {len(order)} pins",
                        f"at most {len(order)} connections: {_list(order)}",
                        "remove the surplus connections, or correct the type",
                    )
                name = order[int(name[1:])]
            if name not in expected:
                raise _fail(
                    module,
                    cell,
                    f"{_instance(module, cell)} has a pin {quote(name)}, but {quote(kind)} has none of that name",
                    f"one of its pins: {_list(order)}",
                    "correct the name of the pin or the type of the instance",
                )
            if any(name == other for other, _ in named):
                raise _fail(
                    module,
                    cell,
                    f"{_instance(module, cell)} connects its pin {quote(name)} twice",
                    "one connection for every pin",
                    "remove one of the connections",
                )
            direction, wanted = expected[name]
            if direction == UNKNOWN_DIRECTION and what is not None and what.function is None:
                direction = way
            named.append((name, direction))
            widths.append(wanted if width not in (0, wanted) else -1)
            strengths += [self.strength(kind, what, name, bit, direction) for bit in range(0 if width == 0 else wanted)]
        final = (
            kind,
            tuple((name, w if ok < 0 else ok) for (name, _), (_, w), ok in zip(named, pins, widths, strict=True)),
            parameters,
        )
        drives = np.array(strengths, np.uint8)
        return _Resolved(tuple(named), tuple(widths), drives, final, what, True)

    def strength(self, kind: str, what: Cell | None, pin: str, bit: int, direction: int) -> int:
        if what is None:
            return int(self.port_strengths[kind][pin][bit]) if direction != INPUT else SILENT
        if kind in _PULLS:
            return WEAK
        if direction == INPUT or (direction == UNKNOWN_DIRECTION and what.function is None):
            return SILENT
        if what.function is None:
            return SILENT if what.inert else STRONG
        if (pin, bit) not in what.function.outputs:
            return STRONG if direction == OUTPUT and not what.inert else SILENT
        return THREE_STATE if (pin, bit) in what.function.drives else STRONG

    def count_unknown(
        self,
        module: Module,
        copies: int,
        ids: NDArray[np.int32],
        first: NDArray[np.int64],
        found: Sequence[_Resolved],
    ) -> None:
        counts = np.bincount(ids, minlength=len(found)).tolist()
        for cell, count, item in zip(first.tolist(), counts, found, strict=True):
            kind = item.key[0]
            if item.known and (item.cell is None or item.cell.function is not None or item.cell.inert):
                continue
            before = self.unknown.get(kind)
            place = module.cells.place(cell) if before is None else before.place
            pins = dict.fromkeys((*(() if before is None else before.pins), *item.pins))
            total = count * copies + (0 if before is None else before.instances)
            self.unknown[kind] = UnknownType(kind, total, place, tuple(pins))


def _seen_outside(port: Port, strengths: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How a port drives the net it is connected to: an output that is a constant always does, z and x do not."""
    bits = port.bits
    inner = strengths[np.maximum(bits, 0)] if strengths.size else np.zeros(bits.size, np.uint8)
    # A supply may reach a two-way port from both sides.
    constant = np.where((bits >= ONE) & (port.direction == "output"), STRONG, SILENT)
    seen: NDArray[np.uint8] = np.where(bits >= 0, inner, constant).astype(np.uint8)
    return seen


def _ports(module: Module) -> dict[str, tuple[int, int]]:
    return {port.name: (_PORT_DIRECTIONS[port.direction], port.width) for port in module.ports}


def _instance(module: Module, cell: int) -> str:
    return f"the instance {quote(module.cells.names[cell])} of {quote(module.cells.type_of(cell))}"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(quote(name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "") if names else "(it has none)"


def _fail(module: Module, cell: int, what: str, expected: str, remedy: str) -> NetlistError:
    place = module.cells.place(cell)
    return NetlistError(
        what,
        file=None if place is None else place.file,
        line=None if place is None else place.line,
        expected=expected,
        remedy=remedy,
    )
