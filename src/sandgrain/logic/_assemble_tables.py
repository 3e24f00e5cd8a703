"""A flat module and the functions of its cells as the tables the compiled walk reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic._assemble_nodes import IS_NET, IS_SOURCE, IS_STATE, Nodes
from sandgrain.logic._assemble_templates import FREE_VALUE, NO_CONE, Cones, States, Template, Templates
from sandgrain.netlist.bit_names import bit_name, find_bit
from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.model import ONE, ZERO, Module, X
from sandgrain.netlist.signatures import CellLookup, cell_key, first_bits, signatures
from sandgrain.verdict import Place

_PULLS: Final = {"pullup": ONE, "pulldown": ZERO}
_NONE: Final = np.iinfo(np.int32).min


@dataclass(slots=True)
class Tables:
    """What `build_tables` makes of a module.

    Attributes:
        cones, states: of the cell types.
        nodes: of the instances.
        ports: bool (bit_count,), the net bits that are inputs of the module.
        initial: uint8 (states,), 0, 1 or 2 for unknown.
        sources: int32, the nodes that are sources, ascending.
        source_bits: int32, the net bit whose value (from outside, where it can be driven both ways) a source is, or -1.
        source_ports: bool, whether that comes in through a port.
        black_boxes: instances without a function by type.
        two_way: names of ports that are driven from inside under a condition.
    """

    cones: Cones
    states: States
    nodes: Nodes
    ports: NDArray[np.bool_]
    initial: NDArray[np.uint8]
    sources: NDArray[np.int32]
    source_bits: NDArray[np.int32]
    source_ports: NDArray[np.bool_]
    black_boxes: dict[str, int]
    two_way: tuple[str, ...]

    @property
    def node_count(self) -> int:
        """Number of nodes."""
        return int(self.nodes.kinds.size)


@dataclass(slots=True)
class _Drivers:
    """Who drives what, a column per output of each group of cells."""

    bits: list[NDArray[np.int32]] = field(default_factory=list)
    cells: list[NDArray[np.int64]] = field(default_factory=list)
    values: list[NDArray[np.int32]] = field(default_factory=list)
    conditions: list[NDArray[np.int32]] = field(default_factory=list)


_Columns = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], _Drivers]
"""Slots of all cells, kinds of all states, what each net is while nobody drives it, and the drivers."""


def hold(module: Module, tables: Tables, held: Mapping[str, int]) -> None:
    """Make inputs constants: supplies, pins for the tester.

    Raises:
        NetworkError: a name that is no input bit, a value that is none.
    """
    for name, value in held.items():
        bit = find_bit(module, name)
        position = np.flatnonzero(tables.source_bits == bit) if bit >= 0 else np.empty(0, np.int64)
        if not position.size or value not in (0, 1):
            raise NetworkError(
                f"{name!r} cannot be held at {value!r}",
                expected="0 or 1, and the name of an input of one bit, of one bit of an input, or of an undriven net",
                remedy="correct the name or the value",
            )
        source = int(tables.sources[position[0]])
        if source < module.bit_count:
            # A net without drivers is its default.
            tables.nodes.kinds[source] = IS_NET
        tables.nodes.defaults[bit] = ONE if value else ZERO
        tables.ports[bit] = False
        for column in ("sources", "source_bits", "source_ports"):
            setattr(tables, column, np.delete(getattr(tables, column), position))


def build_tables(module: Module, cells: CellLookup) -> Tables:
    """Look up every cell once per signature and lay out nodes, slots and drivers.

    Raises:
        NetworkError: a pin the cell does not have, a net bit with two drivers, a driven constant.
    """
    return _Layout(module, cells).tables()


class _Layout:
    def __init__(self, module: Module, lookup: CellLookup) -> None:
        self.module = module
        self.lookup = lookup
        self.templates = Templates()
        self.black_boxes: dict[str, int] = {}
        table = module.cells
        groups = signatures(table)
        self.order = np.argsort(groups.ids, kind="stable")
        self.starts = np.searchsorted(groups.ids[self.order], np.arange(len(groups) + 1))
        self.first_bits = first_bits(table)
        counts = np.diff(self.starts)
        self.of_group = [self.template(cell, int(counts[group])) for group, cell in enumerate(groups.first.tolist())]
        self.exemplars = groups.first.tolist()
        slot_counts = np.array([0 if item is None else item.slot_count for item in self.of_group], np.int64)
        state_counts = np.array([0 if item is None else item.state_count for item in self.of_group], np.int64)
        self.slot_offsets = np.zeros(len(table) + 1, np.int64)
        self.state_offsets = np.zeros(len(table) + 1, np.int64)
        if len(table):
            np.cumsum(slot_counts[groups.ids], out=self.slot_offsets[1:])
            np.cumsum(state_counts[groups.ids], out=self.state_offsets[1:])

    def template(self, cell: int, count: int) -> Template | None:
        kind, pins, parameters = cell_key(self.module.cells, cell)
        known: Cell | None = self.lookup(kind, pins, dict(parameters))
        if known is not None:
            for name, width in pins:
                if name not in known.pins or width not in (0, known.pins[name][1]):
                    raise self.fail(
                        cell,
                        f"the pin {name!r} ({width} bits) of a {kind!r} is not one of its pins",
                        "a linked netlist, with pins named as in the library",
                        "link the netlist with the library that is used here",
                    )
        if known is None or known.function is None:
            if known is None or not known.inert:
                self.black_boxes[kind] = self.black_boxes.get(kind, 0) + count
            return None
        return self.templates.add(known, _PULLS.get(kind, -1))

    def fail(self, cell: int, what: str, expected: str, remedy: str) -> NetworkError:
        place = self.module.cells.place(cell)
        return NetworkError(
            what,
            file=None if place is None else place.file,
            line=None if place is None else place.line,
            expected=expected,
            remedy=remedy,
        )

    def tables(self) -> Tables:
        module = self.module
        states = self.templates.states()
        state_count = int(self.state_offsets[-1])
        state_cells = np.repeat(np.arange(len(module.cells), dtype=np.int32), np.diff(self.state_offsets))
        state_kinds = np.zeros(state_count, np.int32)
        slots = np.empty(int(self.slot_offsets[-1]), np.int32)
        defaults = np.full(module.bit_count, _NONE, np.int64)
        drivers = _Drivers()
        for group, template in enumerate(self.of_group):
            if template is not None:
                members = self.order[self.starts[group] : self.starts[group + 1]]
                self.lay_out(group, template, members, (slots, state_kinds, defaults, drivers))
        unknown = np.flatnonzero(slots <= X)
        first_free = module.bit_count + state_count
        slots[unknown] = np.arange(first_free, first_free + unknown.size, dtype=np.int32)
        first_both = first_free + int(unknown.size)
        both = np.where(states.both[state_kinds] == 1, ONE, ZERO).astype(np.int32)
        undecided = (
            (states.both[state_kinds] == FREE_VALUE)
            & (states.clear[state_kinds] != NO_CONE)
            & (states.preset[state_kinds] != NO_CONE)
        )
        both[undecided] = np.arange(first_both, first_both + int(undecided.sum()), dtype=np.int32)
        first_default = first_both + int(undecided.sum())
        return self.finish(drivers, defaults, first_default, (states, state_cells, state_kinds, slots, both))

    def lay_out(self, group: int, template: Template, members: NDArray[np.int64], into: _Columns) -> None:
        slots, state_kinds, defaults, drivers = into
        module = self.module
        position: dict[tuple[str, int], int] = {}
        at = 0
        for pin in module.cells.pins(self.exemplars[group]):
            position.update(((pin.name, bit), at + bit) for bit in range(pin.bits.size))
            at += int(pin.bits.size)
        bits, base, first = module.cells.bits, self.first_bits[members], self.slot_offsets[members]
        for slot, wanted in enumerate(template.inputs):
            where = position.get(wanted)
            slots[first + slot] = X if where is None else bits[base + where]
        for state in range(template.state_count):
            numbers = self.state_offsets[members] + state
            slots[first + len(template.inputs) + state] = module.bit_count + numbers
            state_kinds[numbers] = template.first_state + state
        for output in template.outputs:
            where = position.get(output.pin)
            if where is None:
                continue
            driven = bits[base + where]
            if template.pull != -1:
                defaults[driven[driven >= 0]] = template.pull
                continue
            constant = np.flatnonzero((driven == ZERO) | (driven == ONE))
            if constant.size and output.condition == NO_CONE:
                cell = int(members[constant[0]])
                raise self.fail(
                    cell,
                    f"the pin {output.pin[0]!r} of {module.cells.names[cell]!r} drives a constant",
                    "a net without another driver",
                    "disconnect the output, or remove the constant",
                )
            real = driven >= 0
            drivers.bits.append(driven[real])
            drivers.cells.append(members[real])
            drivers.values.append(np.full(int(real.sum()), output.value, np.int32))
            drivers.conditions.append(np.full(int(real.sum()), output.condition, np.int32))

    def finish(
        self,
        found: _Drivers,
        defaults: NDArray[np.int64],
        first_default: int,
        rest: tuple[States, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    ) -> Tables:
        states, state_cells, state_kinds, slots, both = rest
        module = self.module
        bit_count = module.bit_count
        bits = np.concatenate([*found.bits, np.empty(0, np.int32)])
        order = np.argsort(bits, kind="stable")
        owners = np.concatenate([*found.cells, np.empty(0, np.int64)])[order].astype(np.int32)
        values = np.concatenate([*found.values, np.empty(0, np.int32)])[order]
        conditions = np.concatenate([*found.conditions, np.empty(0, np.int32)])[order]
        offsets = np.zeros(bit_count + 1, np.int64)
        counts = np.bincount(bits, minlength=bit_count)[:bit_count] if bits.size else np.zeros(bit_count, np.int64)
        np.cumsum(counts, out=offsets[1:])
        strong = np.bincount(bits[order][conditions == NO_CONE], minlength=bit_count)[:bit_count]
        inputs = np.zeros(bit_count, np.bool_)
        two_way = np.zeros(bit_count, np.bool_)
        for port in module.ports:
            real = port.bits[port.bits >= 0]
            if port.direction == "input":
                inputs[real] = True
            elif port.direction == "inout":
                two_way[real] = True
        self.check(offsets, owners, counts + inputs, strong + inputs)
        inputs |= two_way & (strong == 0)
        conditional = (counts > 0) & (strong == 0)
        plain = ~conditional & ((counts == 0) | inputs)
        # A net pulled and driven by nobody is a constant; one that is also a port is what the outside makes it.
        pulled = (defaults != _NONE) & (counts == 0) & ~inputs
        # Nets driven under a condition: a node of their own says what they are while nobody drives.
        extra = np.flatnonzero(conditional & (defaults == _NONE))
        defaults[extra] = np.arange(first_default, first_default + extra.size)
        kinds = np.full(first_default + extra.size, IS_SOURCE, np.uint8)
        kinds[:bit_count] = np.where(plain & ~pulled, IS_SOURCE, IS_NET)
        kinds[bit_count : bit_count + state_cells.size] = IS_STATE
        # A pulled net without another driver has no driver at all, and is its default.
        nodes = Nodes(
            kinds=kinds,
            driver_offsets=offsets,
            driver_cells=owners,
            driver_values=values,
            driver_conditions=conditions,
            defaults=np.where(defaults == _NONE, ZERO, defaults).astype(np.int32),
            shared=np.zeros(bit_count, np.bool_),
            slot_offsets=self.slot_offsets,
            slots=slots,
            first_state=bit_count,
            state_cells=state_cells,
            state_kinds=state_kinds,
            both=both,
            present=np.zeros(state_cells.size, np.uint32),
            past_data=np.zeros(state_cells.size, np.uint32),
            past_control=np.zeros(state_cells.size, np.uint32),
            events=np.zeros((2, state_cells.size), np.uint32),
        )
        sources = np.flatnonzero(kinds == IS_SOURCE).astype(np.int32)
        from_outside = np.full(kinds.size, -1, np.int32)
        from_outside[:bit_count] = np.arange(bit_count)
        reachable = extra[two_way[extra]]
        from_outside[defaults[reachable]] = reachable
        source_bits = from_outside[sources]
        tables = Tables(
            self.templates.cones(),
            states,
            nodes,
            inputs,
            states.init[state_kinds] if state_kinds.size else np.empty(0, np.uint8),
            sources,
            source_bits,
            inputs[source_bits] & (source_bits >= 0) if bit_count else source_bits >= 0,
            self.black_boxes,
            tuple(
                port.name
                for port in module.ports
                if port.direction == "inout" and bool(conditional[port.bits[port.bits >= 0]].any())
            ),
        )
        _net_inits(module, tables)
        return tables

    def check(
        self,
        offsets: NDArray[np.int64],
        owners: NDArray[np.int32],
        counts: NDArray[np.int64],
        strong: NDArray[np.int64],
    ) -> None:
        wrong = np.flatnonzero((counts > 1) & (strong > 0))
        if not wrong.size:
            return
        bit = int(wrong[0])
        drivers = owners[int(offsets[bit]) : int(offsets[bit + 1])].tolist()[:2]
        cells = self.module.cells
        shown = [f"{cells.names[cell]!r}{_at(cells.place(cell))}" for cell in drivers]
        if len(shown) == 1:
            shown.insert(0, f"an input port of {self.module.name!r}{_at(self.module.place)}")
        raise self.fail(
            drivers[-1],
            f"the net {bit_name(self.module, bit)!r} has two drivers: {shown[0]} and {shown[1]}",
            "one driver for every bit of a net, or three-state drivers only",
            "remove one of the connections",
        )


def _net_inits(module: Module, tables: Tables) -> None:
    """Power-up values the description gives to nets go to the states those nets show."""
    nodes, cones = tables.nodes, tables.cones
    for net, text in module.nets.inits.items():
        first, last = int(module.nets.bit_offsets[net]), int(module.nets.bit_offsets[net + 1])
        for bit, value in zip(module.nets.bits[first:last].tolist(), reversed(text), strict=False):
            if bit < 0 or value not in "01" or nodes.kinds[bit] != IS_NET:
                continue
            driver = int(nodes.driver_offsets[bit])
            if int(nodes.driver_offsets[bit + 1]) != driver + 1:
                continue
            reference = int(nodes.driver_values[driver])
            node, negated = plain_slot(cones, nodes, reference, int(nodes.driver_cells[driver]))
            if node >= 0 and nodes.kinds[node] == IS_STATE:
                tables.initial[node - nodes.first_state] = int(value) ^ negated


def plain_slot(cones: Cones, nodes: Nodes, reference: int, cell: int) -> tuple[int, int]:
    """Node and negation of a cone that is one slot and nothing else; (-1, 0) of any other."""
    cone = reference >> 1
    first = int(cones.slot_offsets[cone])
    if int(cones.slot_offsets[cone + 1]) != first + 1 or cones.gate_offsets[cone] != cones.gate_offsets[cone + 1]:
        return -1, 0
    node = int(nodes.slots[int(nodes.slot_offsets[cell]) + int(cones.slots[first])])
    return node, (int(cones.roots[cone]) ^ reference) & 1


def _at(place: Place | None) -> str:
    return "" if place is None else f" ({place})"
