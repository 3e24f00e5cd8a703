"""The nets of a module as Verilog declares and names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.model import ONE, ZERO, Bits, Module, Net, Parameter, Port, X, Z

_CONSTANTS: Final = {ZERO: "0", ONE: "1", X: "x", Z: "z"}
_BITS: Final = re.compile(r"[01xz]+\Z")
_BLANKED: Final = re.compile(r"[01xz]* +\Z")
_ORDER: Final = {"input": 0, "inout": 1, "output": 2}


class Signals:
    """What is declared in a module: its ports and nets, and wires for the bits without a name.

    Attributes:
        names: of all of them.

    Args:
        module: the module.
        spell: a name as Verilog writes it.
        writable: whether it can write a name at all; made-up names that it cannot are made up again.
    """

    def __init__(self, module: Module, spell: Callable[[str], str], writable: Callable[[str], object]) -> None:
        self.module = module
        self.names: set[str] = set()
        self._texts: list[str] = []
        self._nets: list[Net] = []
        self._directions: list[str] = []
        self._owner = np.full(module.bit_count, -1, np.int64)
        self._position = np.zeros(module.bit_count, np.int64)
        self._spell = spell
        self._ports: list[int] = []
        self._collect(module, writable)

    def _collect(self, module: Module, writable: Callable[[str], object]) -> None:
        ports = {port.name: port for port in module.ports}
        described = {}
        later: list[tuple[int, Net]] = []
        for index in np.argsort(module.nets.hidden, kind="stable").tolist():
            net = module.nets[index]
            port = ports.get(net.name)
            if port is not None and net.name not in described and np.array_equal(port.bits, net.bits):
                described[net.name] = net
            elif net.width:
                later.append((index, net))
        numbers: dict[str, int] = {}
        for port in sorted(module.ports, key=lambda port: _ORDER[port.direction]):
            numbers[port.name] = self._add_port(port, described.get(port.name))
        self._ports = [numbers[port.name] for port in module.ports]
        for index, net in later:
            name = net.name
            if net.hidden and not writable(name):
                name = f"n{index}"
            while name in self.names:
                name = f"{name}${index}"
            self._add(name, net, "wire")
        self._add_nameless(module)

    def _add_port(self, port: Port, net: Net | None) -> int:
        place = self.module.place
        if not port.width or port.name in self.names or (port.direction != "output" and self._taken(port.bits)):
            raise NetlistError(
                f"port {quote(port.name)} of module {quote(self.module.name)} "
                + ("is another input or output, or a constant, as well" if port.width else "has no bits"),
                file=place.file if place else None,
                line=place.line if place else None,
                expected="inputs with nets of their own",
                remedy="write Yosys JSON instead, or correct the module",
            )
        shown = Net(port.name, port.bits, offset=port.offset, upto=port.upto)
        if net is not None:
            shown = replace(shown, init=net.init, attributes=net.attributes)
        return self._add(port.name, shown, port.direction)

    def _taken(self, bits: Bits) -> bool:
        """Whether a bit is a constant, there twice, or has a signal already."""
        return bool((bits < 0).any() or np.unique(bits).size != bits.size or (self._owner[bits] >= 0).any())

    def _add(self, name: str, net: Net, direction: str) -> int:
        number = len(self._texts)
        self.names.add(name)
        self._texts.append(self._spell(name))
        self._nets.append(net)
        self._directions.append(direction)
        # From the top, so that of a bit that is there twice the lowest place counts.
        for position in range(net.width - 1, -1, -1):
            bit = int(net.bits[position])
            if bit >= 0 and self._owner[bit] in {-1, number}:
                self._owner[bit] = number
                self._position[bit] = position
        return number

    def _add_nameless(self, module: Module) -> None:
        used = np.zeros(module.bit_count, np.bool_)
        bits = module.cells.bits
        used[bits[bits >= 0]] = True
        for bit in np.flatnonzero(used & (self._owner < 0)).tolist():
            name = f"n{bit}"
            while name in self.names:
                name += "_"
            self._add(name, Net(name, np.array([bit], np.int32), hidden=True), "wire")

    def port_names(self) -> list[str]:
        """The ports in order, spelled."""
        return [self._texts[number] for number in self._ports]

    def declarations(self) -> Iterator[str]:
        """A line for each, ports in their order first."""
        for number in dict.fromkeys((*self._ports, *range(len(self._texts)))):
            net = self._nets[number]
            attributes = {**net.attributes, **({} if net.init is None else {"init": net.init})}
            listed = ", ".join(f"{self._spell(name)} = {value_text(value)}" for name, value in attributes.items())
            before = f"(* {listed} *) " if listed else ""
            bounds = ""
            if not _scalar(net):
                left, right = _number(net, net.width - 1), _number(net, 0)
                bounds = f"[{left}:{right}] "
            yield f"  {before}{self._directions[number]} {bounds}{self._texts[number]};\n"

    def assignments(self) -> Iterator[str]:
        """A line for each run of bits that go by another name, or are constant."""
        for number, net in enumerate(self._nets):
            bits = net.bits
            if bits.size == 1 and bits[0] >= 0 and self._owner[bits[0]] == number:
                continue
            own = np.zeros(net.width, np.bool_)
            nets = bits >= 0
            positions = np.arange(net.width)
            own[nets] = (self._owner[bits[nets]] == number) & (self._position[bits[nets]] == positions[nets])
            other = np.flatnonzero(~own)
            if not other.size:
                continue
            for run in np.split(other, np.flatnonzero(np.diff(other) != 1) + 1):
                left = self._part(number, int(run[0]), int(run[-1]))
                right = self.expression(bits[run]) or f"{run.size}'b{_digits(bits[run].tolist())}"
                yield f"  assign {left} = {right};\n"

    def _part(self, number: int, low: int, high: int) -> str:
        """Bits ``low`` to ``high`` of a signal."""
        net, text = self._nets[number], self._texts[number]
        if low == 0 and high == net.width - 1:
            return text
        if low == high:
            return f"{text}[{_number(net, low)}]"
        return f"{text}[{_number(net, high)}:{_number(net, low)}]"

    def expression(self, bits: Bits) -> str:
        """``bits`` as Verilog writes them; nothing for no bits, or for bits that are all left open."""
        if bits.size == 1:
            bit = int(bits[0])
            if bit < 0:
                return "" if bit == Z else f"1'b{_CONSTANTS[bit]}"
            position = int(self._position[bit])
            return self._part(int(self._owner[bit]), position, position)
        if (bits == Z).all():
            return ""
        parts = list(self._runs(bits.astype(np.int64)))
        return parts[0] if len(parts) == 1 else f"{{{', '.join(reversed(parts))}}}"

    def _runs(self, bits: NDArray[np.int64]) -> Iterator[str]:
        nets = bits >= 0
        owner = np.where(nets, self._owner[np.maximum(bits, 0)], -1) if self._owner.size else np.full(bits.size, -1)
        position = np.where(nets, self._position[np.maximum(bits, 0)], 0) if self._owner.size else owner
        # Constants go together, nets where they follow each other in one signal.
        joined = (owner[1:] == owner[:-1]) & ((owner[1:] < 0) | (position[1:] == position[:-1] + 1))
        starts = np.concatenate(([0], np.flatnonzero(~joined) + 1, [bits.size])).tolist()
        for first, last in pairwise(starts):
            if owner[first] < 0:
                yield f"{last - first}'b{_digits(bits[first:last].tolist())}"
            else:
                yield self._part(int(owner[first]), int(position[first]), int(position[last - 1]))


def _digits(bits: Sequence[int]) -> str:
    return "".join(_CONSTANTS[bit] for bit in reversed(bits))


def _scalar(net: Net) -> bool:
    return net.width == 1 and net.offset == 0


def _number(net: Net, index: int) -> int:
    return net.offset + (net.width - 1 - index if net.upto else index)


def value_text(value: Parameter) -> str:
    """A parameter or attribute as Verilog writes it."""
    if isinstance(value, int):
        return str(value)
    if _BITS.match(value):
        return f"{len(value)}'b{value}"
    if _BLANKED.match(value):
        value = value[:-1]
    return f'"{"".join(_sign(byte) for byte in value.encode("utf-8", "surrogateescape"))}"'


def _sign(byte: int) -> str:
    sign = chr(byte)
    if sign in '"\\':
        return f"\\{sign}"
    return sign if " " <= sign <= "~" else f"\\{byte:03o}"
