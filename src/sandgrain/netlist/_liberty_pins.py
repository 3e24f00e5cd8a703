"""The pins of a cell of a Liberty library, single, in buses and in bundles: their bits and what is said of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sandgrain.netlist._liberty_syntax import Attribute, Group, Source, words
from sandgrain.netlist._quote import quote
from sandgrain.netlist.cell_function import PinBit
from sandgrain.netlist.model import INPUT, OUTPUT, UNKNOWN_DIRECTION

_DIRECTIONS: Final = {"input": INPUT, "output": OUTPUT, "inout": UNKNOWN_DIRECTION}
_BIT: Final = re.compile(r"(.+?)[\[<(_](\d{1,9})(?::(\d{1,9}))?[\]>)]?")


@dataclass(frozen=True, slots=True)
class BusType:
    """The range of a bus: the numbers of its most and least significant bit."""

    left: int
    right: int

    @property
    def width(self) -> int:
        """Number of bits."""
        return abs(self.left - self.right) + 1

    def position(self, number: int) -> int | None:
        """Bit (0 the least significant) that has ``number``."""
        step = number - self.right if self.left >= self.right else self.right - number
        return step if 0 <= step < self.width else None


@dataclass(slots=True)
class Driven:
    """A pin bit, or an internal node, the cell drives: the attributes that say with what.

    ``index`` is the position, 0 the most significant, in expressions about the whole bus or bundle.
    """

    attributes: dict[str, Attribute]
    index: int
    width: int


@dataclass(slots=True)
class Pins:
    """The pins of a cell.

    Attributes:
        directions: direction and width by name, in the order of the library.
        vectors: the bits every name in an expression stands for, most significant first.
        driven: the outputs, and the nodes that are no pins (bit -1).
        inputs: the bits a function may read.
        supplies: the power and ground pins.
        attributes: of single pins, for the roles of clock-gating cells.
    """

    directions: dict[str, tuple[int, int]] = field(default_factory=dict)
    vectors: dict[str, list[PinBit]] = field(default_factory=dict)
    driven: dict[PinBit, Driven] = field(default_factory=dict)
    inputs: list[PinBit] = field(default_factory=list)
    supplies: list[str] = field(default_factory=list)
    attributes: dict[str, Mapping[str, Attribute]] = field(default_factory=dict)


def bus_type(group: Group, source: Source) -> BusType:
    """What a ``type`` group says.

    Raises:
        NetlistError: it has no range.
        LimitExceeded: the bus is too wide.
    """
    first, last, width = (group.text(name).strip() for name in ("bit_from", "bit_to", "bit_width"))
    if not first and not last and _is_number(width) and int(width):
        first, last = str(int(width) - 1), "0"
    if not (_is_number(first) and _is_number(last)):
        raise source.error("the type of a bus has no range", group.at, "bit_from and bit_to, or bit_width")
    found = BusType(int(first), int(last))
    if found.width > source.limits.width:
        raise source.too_much(f"a bus has {found.width:,} bits", group.at, source.limits.width, "width")
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def pins_of(cell: Group, types: Mapping[str, BusType], source: Source) -> Pins:
    """The pins of a cell.

    Raises:
        NetlistError: a pin without a name or a usable direction, a bus of unknown type, a pin listed twice.
        LimitExceeded: the pins have too many bits.
    """
    pins = Pins()
    own = {item.arguments[0]: item for item in cell.groups if item.kind == "type" and item.arguments}
    local = {**types, **{name: bus_type(group, source) for name, group in own.items()}} if own else types
    for group in cell.groups:
        if group.kind in {"pin", "bus", "bundle", "pg_pin"}:
            if not group.arguments:
                raise source.error(f"a {group.kind} has no name", group.at, f"{group.kind} (name) {{")
            if group.kind == "bus":
                _bus(pins, group, local, source)
            elif group.kind == "bundle":
                _bundle(pins, group, source)
            else:
                for name in group.arguments:
                    _single(pins, name, group, source)
    return pins


def _single(pins: Pins, name: str, group: Group, source: Source, index: int = 0, width: int = 1) -> None:
    """Add a pin of one bit."""
    if name in pins.vectors:
        raise source.error(f"the pin {quote(name)} is described twice", group.at, "every pin once")
    pins.vectors[name] = [(name, 0)]
    pins.attributes[name] = group.attributes
    if group.kind == "pg_pin":
        pins.directions[name] = (INPUT, 1)
        pins.supplies.append(name)
        return
    direction = group.text("direction").strip()
    if direction == "internal":
        pins.vectors[name] = [(name, -1)]
        pins.driven[name, -1] = Driven(group.attributes, index, width)
        return
    pins.directions[name] = (_direction(group, name, direction, source), 1)
    _bit(pins, (name, 0), direction, Driven(group.attributes, index, width))


def _direction(group: Group, name: str, direction: str, source: Source) -> int:
    if direction not in _DIRECTIONS:
        what = f"has the direction {quote(direction)}" if direction else "has no direction"
        at = group.attributes["direction"].at if direction else group.at
        raise source.error(f"the pin {quote(name)} {what}", at, "input, output, inout or internal")
    return _DIRECTIONS[direction]


def _bit(pins: Pins, bit: PinBit, direction: str, driven: Driven) -> None:
    if direction != "output":
        pins.inputs.append(bit)
    # A bidirectional pin is driven if something says with what.
    if direction == "output" or (direction == "inout" and driven.attributes.keys() & {"function", "internal_node"}):
        pins.driven[bit] = driven


def _bus(pins: Pins, group: Group, types: Mapping[str, BusType], source: Source) -> None:
    kind = group.text("bus_type").strip()
    if kind not in types:
        raise source.error(
            f"the bus {quote(group.arguments[0])} is of the unknown type {quote(kind)}", group.at, "type (name) { ... }"
        )
    found = types[kind]
    for name in group.arguments:
        if name in pins.vectors:
            raise source.error(f"the pin {quote(name)} is described twice", group.at, "every pin once")
        source.bus_bits += found.width
        if source.bus_bits > 4 * source.limits.width:
            what = f"the buses of all cells have more than {4 * source.limits.width:,} bits"
            raise source.too_much(what, group.at, source.limits.width, "width, four times that for all")
        own: dict[int, dict[str, Attribute]] = {}
        for member in group.groups:
            for argument in member.arguments:
                match = _BIT.fullmatch(argument)
                ends = [found.position(int(end)) for end in match.groups()[1:] if end] if match else []
                if match is None or match[1] != name or None in ends:
                    raise source.error(
                        f"{quote(argument)} is no bit of the bus {quote(name)}",
                        member.at,
                        f"{name}[{found.left}] to {name}[{found.right}]",
                    )
                low, high = min(end for end in ends if end is not None), max(end for end in ends if end is not None)
                for position in range(low, high + 1):
                    own.setdefault(position, {}).update(member.attributes)
        direction = group.text("direction").strip()
        if not direction:
            direction = next((text["direction"].text.strip() for text in own.values() if "direction" in text), "")
        pins.directions[name] = (_direction(group, name, direction, source), found.width)
        pins.vectors[name] = [(name, position) for position in reversed(range(found.width))]
        for position in range(found.width):
            number = found.right + (position if found.left >= found.right else -position)
            pins.vectors[f"{name}[{number}]"] = [(name, position)]
            index = found.width - 1 - position
            driven = Driven(group.attributes, index, found.width)
            if "function" in own.get(position, {}) or "internal_node" in own.get(position, {}):
                driven = Driven({**group.attributes, **own[position]}, 0, 1)
            elif position in own:
                driven = Driven({**group.attributes, **own[position]}, index, found.width)
            _bit(pins, (name, position), direction, driven)


def _bundle(pins: Pins, group: Group, source: Source) -> None:
    name = group.arguments[0]
    members = words(group.text("members"))
    if not members:
        raise source.error(f"the bundle {quote(name)} has no members", group.at, "members (name, name, ..);")
    if name in pins.vectors:
        raise source.error(f"the pin {quote(name)} is described twice", group.at, "every pin once")
    own = {argument: member for member in group.groups for argument in member.arguments}
    for index, member in enumerate(members):
        described = own.get(member)
        attributes = {**group.attributes, **(described.attributes if described else {})}
        single = described is not None and bool(described.attributes.keys() & {"function", "internal_node"})
        merged = Group("pin", [member], group.at, attributes)
        _single(pins, member, merged, source, 0 if single else index, 1 if single else len(members))
    pins.vectors[name] = [pins.vectors[member][0] for member in members]
