"""A view of an EDIF cell: its interface, its instances and nets, and the module they make."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from sandgrain.netlist._edif_syntax import Name, Node, Text, Vector, vector
from sandgrain.netlist._quote import quote
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import INPUT, OUTPUT, UNKNOWN_DIRECTION, Module, Parameter, Z
from sandgrain.verdict import Place

_T = TypeVar("_T")

_DIRECTIONS: Final = {b"input": "input", b"output": "output", b"inout": "inout"}
_PIN_DIRECTIONS: Final = {"input": INPUT, "output": OUTPUT, "inout": UNKNOWN_DIRECTION}
ANNOTATIONS: Final = frozenset(b"comment userdata status property".split())
"""What says nothing about the logic, anywhere."""
_IN_INTERFACE: Final = ANNOTATIONS | frozenset(
    b"designator symbol protectionframe timing simulate permutable arrayrelatedinfo".split()
)
_IN_PORT: Final = ANNOTATIONS | frozenset(
    b"designator dcfaninload dcfanoutload dcmaxfanin dcmaxfanout acload portdelay unused".split()
)
_IN_INSTANCE: Final = ANNOTATIONS | frozenset(b"designator timing transform portinstance".split())
_IN_NET: Final = ANNOTATIONS | frozenset(b"criticality netdelay figure commentgraphics".split())
_IN_CONTENTS: Final = ANNOTATIONS | frozenset(
    b"figure commentgraphics boundingbox timing simulate portimplementation".split()
)
_BIT_STRING: Final = re.compile(r"[01xz]*\Z")


class Scope(Generic[_T]):
    """Things by identifier; EDIF takes upper and lower case for the same unless both are in use."""

    def __init__(self) -> None:
        self._exact: dict[bytes, _T] = {}
        self._folded: dict[bytes, _T | None] = {}

    def __len__(self) -> int:
        return len(self._exact)

    def add(self, key: bytes, thing: _T) -> bool:
        """Enter ``thing``; whether the identifier was free."""
        if key in self._exact:
            return False
        self._exact[key] = thing
        folded = key.lower()
        self._folded[folded] = None if folded in self._folded else thing
        return True

    def get(self, key: bytes) -> _T | None:
        """What is called ``key``, if it is known and not ambiguous."""
        found = self._exact.get(key)
        return self._folded.get(key.lower()) if found is None else found

    def things(self) -> Iterable[_T]:
        """All things, in order."""
        return self._exact.values()


@dataclass(slots=True)
class EdifPort:
    """A port: member 0 of an array is its most significant bit."""

    vector: Vector
    array: bool
    direction: str


@dataclass(slots=True)
class _Instance:
    name: str
    view: EdifView
    line: int
    pins: dict[int, list[int]] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)


class EdifView:
    """A view: read its interface, then its instances and nets.

    Attributes:
        name: name of the module it becomes.
        external: whether its library is said to be elsewhere.
        ports: in order.
    """

    def __init__(self, name: str, place: Place, text: Text, *, external: bool) -> None:
        self.name = name
        self.place = place
        self.text = text
        self.external = external
        self.ports: Scope[int] = Scope()
        self.port_list: list[EdifPort] = []
        self.black_box = True
        self._builder = ModuleBuilder(name, place)
        self._port_bits: list[list[int]] = []
        self._instances: Scope[_Instance] = Scope()
        self._nets: list[tuple[str, list[int], int, dict[str, Parameter], Vector | None]] = []

    def same_interface(self, other: EdifView) -> bool:
        """Whether both have the same ports, in any order."""
        mine = {port.vector.name: port for port in self.port_list}
        return mine == {port.vector.name: port for port in other.port_list}

    def used(self) -> set[str]:
        """Names of the modules it has instances of."""
        return {instance.view.name for instance in self._instances.things()}

    def interface(self, node: Node) -> None:
        """``(interface ...)``."""
        for item in node[2:]:
            keyword = item[1] if isinstance(item, list) else item
            if keyword == b"port":
                self._port(item)
            elif keyword not in _IN_INTERFACE:
                raise self.text.fail(f"{quote(keyword)} in an interface is not read", "(port ...)", _offset(item, node))

    def _port(self, node: Node) -> None:
        if len(node) < 3:
            raise self.text.fail("a port has no name", "(port name (direction ...))", node[0])
        name = self.text.name(node[2], node[0])
        direction = "inout"
        for item in node[3:]:
            keyword = item[1] if isinstance(item, list) else item
            if keyword == b"direction" and len(item) == 3:
                found = _DIRECTIONS.get(item[2].lower()) if isinstance(item[2], bytes) else None
                if found is None:
                    raise self.text.fail("a direction is not known", "INPUT, OUTPUT or INOUT", item[0])
                direction = found
            elif keyword not in _IN_PORT:
                raise self.text.fail(f"{quote(keyword)} in a port is not read", "(direction ...)", _offset(item, node))
        port = EdifPort(vector(name), name.width is not None, direction)
        if not self.ports.add(name.key, len(self.port_list)):
            raise self.text.fail(f"port {quote(name.key)} is declared twice", "each only once", node[0])
        self.port_list.append(port)
        self._port_bits.append([-1] * port.vector.width)

    def content(self, node: Node, view: EdifView | None) -> None:
        """A part of ``(contents ...)``; ``view`` is what an instance is of."""
        keyword = node[1]
        if keyword == b"instance" and view is not None:
            self._instance(node, view)
        elif keyword == b"net":
            self._net(node)
        elif keyword == b"netbundle":
            for item in node[3:]:
                if isinstance(item, list) and item[1] == b"listofnets":
                    for net in item[2:]:
                        if not isinstance(net, list) or net[1] != b"net":
                            raise self.text.fail("a bundle holds something else than nets", "(net ...)", item[0])
                        self._net(net)
        elif keyword not in _IN_CONTENTS:
            raise self.text.fail(
                f"{quote(keyword)} in the contents of a view is not read", "(instance ...) or (net ...)", node[0]
            )

    def _instance(self, node: Node, view: EdifView) -> None:
        name = self.text.name(node[2], node[0])
        if name.width is not None:
            raise self.text.fail(f"{quote(name.shown)} is an array of instances", "one instance", node[0])
        instance = _Instance(name.shown, view, self.text.line(node[0]))
        for item in node[3:]:
            keyword = item[1] if isinstance(item, list) else item
            if keyword == b"property":
                key, value = self._property(item)
                instance.parameters[key] = value
            elif keyword not in _IN_INSTANCE and keyword not in {b"viewref", b"cellref"}:
                raise self.text.fail(f"{quote(keyword)} in an instance is not read", "(viewRef ...)", node[0])
        if not self._instances.add(name.key, instance):
            raise self.text.fail(f"instance {quote(name.key)} is there twice", "each only once", node[0])
        if len(self._instances) > self.text.limits.cells:
            raise self.text.exceeded("there are too many instances", "cells", node[0])

    def _property(self, node: Node) -> tuple[str, Parameter]:
        if len(node) < 4 or not isinstance(node[3], list) or len(node[3]) < 3:
            raise self.text.fail("a property has no value", "(property name (string ...))", node[0])
        name = self.text.name(node[2], node[0]).shown
        kind, value = node[3][1], node[3][2]
        if kind == b"string" and isinstance(value, bytes):
            text = self.text.string(value)
            # As in the JSON of Yosys, a blank tells a string from a number that looks the same.
            return name, text + " " if _BIT_STRING.match(text) else text
        if kind == b"integer":
            return name, self.text.number(value, node[0])
        if kind == b"boolean" and isinstance(value, list) and value[1] in {b"true", b"false"}:
            return name, int(value[1] == b"true")
        if kind == b"number":
            words = value[1:] if isinstance(value, list) else [value]
            return name, " ".join(word.decode("utf-8", "backslashreplace") for word in words if isinstance(word, bytes))
        raise self.text.fail(
            f"the value of property {quote(name)} is not read", "a string, an integer, a number or a boolean", node[0]
        )

    def _net(self, node: Node) -> None:
        if len(node) < 3:
            raise self.text.fail("a net has no name", "(net name (joined ...))", node[0])
        name = self.text.name(node[2], node[0])
        bits = self._builder.bits(name.width or 1)
        if self._builder.bit_count > self.text.limits.bits:
            raise self.text.exceeded("there are too many nets", "bits", node[0])
        attributes: dict[str, Parameter] = {}
        for item in node[3:]:
            keyword = item[1] if isinstance(item, list) else item
            if keyword == b"joined":
                for target in item[2:]:
                    self._join(target, bits, name, item)
            elif keyword == b"property":
                key, value = self._property(item)
                attributes[key] = value
            elif keyword not in _IN_NET:
                raise self.text.fail(f"{quote(keyword)} in a net is not read", "(joined ...)", _offset(item, node))
        numbering = vector(name) if name.width is not None else None
        self._nets.append((name.shown, bits, self.text.line(node[0]), attributes, numbering))

    def _join(self, node: object, bits: list[int], net: Name, around: Node) -> None:
        if not isinstance(node, list) or node[1] != b"portref" or not 3 <= len(node) <= 4:
            raise self.text.fail(f"net {quote(net.shown)} joins something else than ports", "(portRef ...)", around[0])
        key, member = node[2], None
        if isinstance(key, list) and key[1] == b"member" and len(key) == 4:
            key, member = key[2], self.text.number(key[3], key[0])
        if not isinstance(key, bytes):
            raise self.text.fail("something else than a port stands here", "a name, or (member name index)", node[0])
        owner: EdifView = self
        instance = None
        if len(node) == 4:
            reference = node[3]
            if (
                not isinstance(reference, list)
                or reference[1] != b"instanceref"
                or len(reference) != 3
                or not isinstance(reference[2], bytes)
            ):
                raise self.text.fail("a port is referred to in a way that is not read", "(instanceRef name)", node[0])
            instance = self._instances.get(reference[2])
            if instance is None:
                raise self.text.fail(f"there is no instance {quote(reference[2])}", "one that is defined", node[0])
            owner = instance.view
        index = owner.ports.get(key)
        if index is None:
            raise self.text.fail(
                f"cell {quote(owner.name)}{_of(instance)} has no port {quote(key)}", "a port of its interface", node[0]
            )
        port = owner.port_list[index]
        width = port.vector.width
        if member is not None and not (port.array and 0 <= member < width):
            raise self.text.fail(
                f"port {quote(key)}{_of(instance)} has no member {member}",
                f"a member from 0 to {width - 1}" if port.array else "no member, as it is no array",
                node[0],
            )
        positions = range(width) if member is None else (width - 1 - member,)
        if len(positions) != len(bits):
            raise self.text.fail(
                f"net {quote(net.shown)} of {len(bits)} bits joins port {quote(key)}{_of(instance)} "
                f"of {len(positions)}",
                "as many bits on both sides",
                node[0],
            )
        target = self._port_bits[index] if instance is None else instance.pins.setdefault(index, [Z] * width)
        for position, bit in zip(positions, bits, strict=True):
            if target[position] not in {-1 if instance is None else Z, bit}:
                raise self.text.fail(f"port {quote(key)}{_of(instance)} is in two nets", "one net", node[0])
            target[position] = bit

    def module(self) -> Module:
        """The module."""
        builder = self._builder
        builder.black_box = self.black_box
        file = self.text.file
        names: dict[str, int] = {}
        for port, bits in zip(self.port_list, self._port_bits, strict=True):
            for position, bit in enumerate(bits):
                if bit < 0:
                    bits[position] = builder.bits(1)[0]
            name, _, offset, upto = port.vector
            builder.port(name, port.direction, bits, offset=offset, upto=upto)
            builder.net(name, bits, place=self.place, offset=offset, upto=upto)
            names[name] = bits[0] if len(bits) == 1 else -1
            if len(bits) > 1:
                for position, bit in enumerate(bits):
                    number = offset + (len(bits) - 1 - position if upto else position)
                    names[f"{name}[{number}]"] = bit
        for shown, bits, line, attributes, numbering in self._nets:
            if not attributes and len(bits) == 1 and names.get(shown) == bits[0]:
                continue  # the net of a port bit, under the name the port gives it
            place = Place(file=file, line=line)
            name, _, offset, upto = numbering or (shown, 1, 0, False)
            builder.net(name, bits, place=place, attributes=attributes, offset=offset, upto=upto)
        for instance in self._instances.things():
            ports = instance.view.port_list
            pins = [
                (ports[index].vector.name, _PIN_DIRECTIONS[ports[index].direction], instance.pins[index])
                for index in sorted(instance.pins)
            ]
            place = Place(file=file, line=instance.line)
            builder.cell(instance.view.name, instance.name, pins, place=place, parameters=instance.parameters)
        return builder.finish()


def _of(instance: _Instance | None) -> str:
    return "" if instance is None else f" of instance {quote(instance.name)}"


def _offset(item: object, around: Node) -> int:
    offset = item[0] if isinstance(item, list) else around[0]
    return int(offset)
