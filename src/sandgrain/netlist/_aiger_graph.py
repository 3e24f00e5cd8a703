"""From a flat module of and-gates, inverters and registers to an AIGER file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, Final

import numpy as np

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.aiger_format import SECTIONS, UNINITIALISED, Aiger, Literals, write
from sandgrain.netlist.model import ZERO, Module, Net, Port, X
from sandgrain.verdict import Place

_FLIP_FLOPS: Final = {"$_FF_": "", "$_DFF_P_": "rising", "$_DFF_N_": "falling"}
_COMBINATIONAL: Final = frozenset({"$_AND_", "$_NOT_", "$_BUF_"})
_RESETS: Final = {"0": 0, "1": 1}
_NO_DRIVER: Final = -1
_PORT: Final = -2
_UNSEEN: Final = -1
_ON_THE_WAY: Final = -2


def write_aiger(module: Module, stream: IO[bytes], *, binary: bool = True) -> None:
    """Write a flat module as AIGER.

    A net without a driver, and every ``x`` or ``z`` that is read, becomes an input of its own after those of the
    ports, since nothing says what it is. The one clock, an input port, is left out.

    Args:
        module: cells ``$_AND_``, ``$_NOT_``, ``$_BUF_``, ``$_FF_``, and ``$_DFF_P_`` or ``$_DFF_N_`` on one edge
            of one clock (not both kinds). Output ports whose net has the attribute ``aiger`` go to that section.
        stream: where to; bytes.
        binary: the binary format (``aig``), else the ASCII one (``aag``).

    Raises:
        NetlistError: other cells, a net with two drivers, several clocks, a clock used as data, a combinational
            loop, a name that AIGER cannot hold.
    """
    write(_Graph(module).aiger(), stream, binary=binary)


@dataclass
class _Rows:
    """The columns of an `Aiger` in the making."""

    ands: list[tuple[int, int]] = field(default_factory=list)
    symbols: dict[tuple[str, int], bytes] = field(default_factory=dict)


class _Graph:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.cells = module.cells
        self.driver = np.full(module.bit_count, _NO_DRIVER, np.int64)
        self.registers: list[tuple[int, int, int]] = []  # cell, D, Q
        self.clocks: dict[tuple[int, str], int] = {}
        self.inputs: list[tuple[int, str]] = []  # bit, name
        self.unknown = 0  # how many x and z are read; they get bits of their own after those of the module
        self.operands: dict[int, list[int]] = {}
        self.names = _bit_names(module)
        self._collect()
        self.outputs = [
            (port, [self._own(bit) for bit in port.bits.tolist()])
            for port in module.ports
            if port.direction == "output"
        ]

    def fail(self, what: str, expected: str, place: Place | None) -> NetlistError:
        return NetlistError(
            what,
            file=place.file if place else None,
            line=place.line if place else None,
            expected=expected,
            remedy="map the design to and-gates, inverters and registers on one clock first",
        )

    def _collect(self) -> None:
        for cell in range(len(self.cells)):
            kind = self.cells.type_of(cell)
            if kind not in _COMBINATIONAL and kind not in _FLIP_FLOPS:
                raise self.fail(
                    f"cell {quote(self.cells.names[cell])} of type {quote(kind)} is no and-gate, inverter or register",
                    f"one of {', '.join(sorted({*_COMBINATIONAL, *_FLIP_FLOPS}))}",
                    self.cells.place(cell),
                )
            pins = {pin.name: pin.bits.tolist() for pin in self.cells.pins(cell)}
            wanted = {"$_AND_": "ABY", "$_FF_": "DQ"}.get(kind, "CDQ" if kind in _FLIP_FLOPS else "AY")
            if sorted(pins) != sorted(wanted) or any(len(bits) != 1 for bits in pins.values()):
                raise self.fail(
                    f"cell {quote(self.cells.names[cell])} of type {quote(kind)} has the pins {', '.join(pins)}",
                    f"the one-bit pins {', '.join(wanted)}",
                    self.cells.place(cell),
                )
            if kind in _FLIP_FLOPS:
                self.registers.append((cell, self._own(pins["D"][0]), pins["Q"][0]))
                if "C" in pins:
                    self.clocks.setdefault((pins["C"][0], _FLIP_FLOPS[kind]), cell)
            else:
                self.operands[cell] = [self._own(pins[name][0]) for name in wanted[:-1]]
            self._drive(pins["Q" if kind in _FLIP_FLOPS else "Y"][0], cell)
        if self.clocks and "$_FF_" in (self.cells.type_of(cell) for cell, _, _ in self.registers):
            raise self.fail(
                "some registers have a clock and some none",
                "registers of one kind",
                self.cells.place(self.registers[0][0]),
            )
        if len(self.clocks) > 1:
            edges = ", ".join(f"{self._name(bit)} ({edge})" for bit, edge in self.clocks)
            raise self.fail(
                f"the registers have {len(self.clocks)} clocks: {edges}",
                "one edge of one clock",
                self.cells.place(list(self.clocks.values())[1]),
            )

    def _own(self, bit: int) -> int:
        """``bit``, or a bit of its own for an unknown value: no two of them need be the same."""
        if bit > X:
            return bit
        self.unknown += 1
        return self.module.bit_count + self.unknown - 1

    def _drive(self, bit: int, cell: int) -> None:
        if bit < 0 or self.driver[bit] >= 0:
            what = "a constant" if bit < 0 else f"net {quote(self._name(bit))}, which has another driver"
            raise self.fail(
                f"cell {quote(self.cells.names[cell])} drives {what}", "one driver per net", self.cells.place(cell)
            )
        self.driver[bit] = cell

    def _name(self, bit: int) -> str:
        return self.names.get(bit, f"n{bit}") if bit >= 0 else "a constant"

    def aiger(self) -> Aiger:
        clock = next(iter(self.clocks), (None, ""))[0]
        self._list_inputs(clock)
        literal = self._leaves()
        rows = _Rows()
        first = 1 + len(self.inputs) + len(self.registers)
        roots = [bit for _, bit, _ in self.registers]
        roots += [bit for _, bits in self.outputs for bit in bits]
        for root in roots:
            self._resolve(root, literal, rows, first)
        sections, justice = self._properties(literal, rows)
        inits = self._inits()
        for index, (_, name) in enumerate(self.inputs):
            rows.symbols["i", index] = name.encode("utf-8", "surrogateescape")
        for index, (_, _, state) in enumerate(self.registers):
            if state in self.names:
                rows.symbols["l", index] = self.names[state].encode("utf-8", "surrogateescape")
        before = len(self.inputs)
        count = len(rows.ands)
        return Aiger(
            inputs=2 * np.arange(1, before + 1),
            latches=2 * np.arange(before + 1, first),
            nexts=np.array([self._literal(bit, literal) for _, bit, _ in self.registers], np.int64),
            resets=np.array([inits.get(state, UNINITIALISED) for _, _, state in self.registers], np.int8),
            ands=2 * np.arange(first, first + count),
            fanins=np.array(rows.ands, np.int64).reshape(-1, 2),
            symbols=rows.symbols,
            outputs=sections["outputs"],
            bad=sections["bad"],
            constraint=sections["constraint"],
            justice=justice,
            fairness=sections["fairness"],
        )

    def _list_inputs(self, clock: int | None) -> None:
        for port in self.module.ports:
            if port.direction == "inout":
                raise self.fail(
                    f"port {quote(port.name)} is an inout port", "input and output ports only", self.module.place
                )
            if port.direction == "input":
                for index, bit in enumerate(port.bits.tolist()):
                    name = _bit_name(port, index)
                    if bit < 0 or self.driver[bit] != _NO_DRIVER:
                        raise self.fail(f"input {quote(name)} is driven", "an input nothing drives", self.module.place)
                    self.driver[bit] = _PORT
                    if bit != clock:
                        self.inputs.append((bit, name))
        self.clock = clock
        if clock is not None and (clock < 0 or self.driver[clock] != _PORT):
            raise self.fail(
                f"the clock {quote(self._name(clock))} is no input port", "a clock from outside", self.module.place
            )

    def _leaves(self) -> list[int]:
        """The literal of every bit known before the and-gates; undriven bits become inputs."""
        read = {bit for operands in self.operands.values() for bit in operands}
        read |= {bit for _, bit, _ in self.registers}
        read |= {bit for _, bits in self.outputs for bit in bits}
        if self.clock is not None and self.clock in read:
            raise self.fail(
                f"the clock {quote(self._name(self.clock))} is used as data",
                "a clock that only clocks registers",
                self.module.place,
            )
        count = self.module.bit_count
        self.inputs += [
            (bit, self._name(bit)) for bit in sorted(read) if 0 <= bit < count and self.driver[bit] == _NO_DRIVER
        ]
        self.inputs += [(count + number, f"x{number}") for number in range(self.unknown)]
        literal = [_UNSEEN] * (count + self.unknown)
        for index, (bit, _) in enumerate(self.inputs):
            literal[bit] = 2 * (1 + index)
        for index, (_, _, state) in enumerate(self.registers):
            literal[state] = 2 * (1 + len(self.inputs) + index)
        return literal

    def _literal(self, bit: int, literal: list[int]) -> int:
        return literal[bit] if bit >= 0 else ZERO - bit

    def _resolve(self, root: int, literal: list[int], rows: _Rows, first: int) -> None:
        stack = [root]
        while stack:
            bit = stack[-1]
            if self._literal(bit, literal) >= 0:
                stack.pop()
                continue
            cell = int(self.driver[bit])
            operands = self.operands[cell]
            waiting = [operand for operand in operands if self._literal(operand, literal) < 0]
            if waiting and literal[bit] == _ON_THE_WAY:
                raise self.fail(
                    f"net {quote(self._name(bit))} depends on itself", "no combinational loop", self.cells.place(cell)
                )
            if waiting:
                literal[bit] = _ON_THE_WAY
                stack += waiting
                continue
            values = [self._literal(operand, literal) for operand in operands]
            if len(values) == 2:
                rows.ands.append((values[0], values[1]))
                literal[bit] = 2 * (first + len(rows.ands) - 1)
            else:
                literal[bit] = values[0] ^ (self.cells.type_of(cell) == "$_NOT_")
            stack.pop()

    def _properties(self, literal: list[int], rows: _Rows) -> tuple[dict[str, Literals], tuple[Literals, ...]]:
        """The literals of the sections, and of the justice properties."""
        found: dict[str, list[int]] = {section: [] for section in SECTIONS if section != "justice"}
        justice: list[Literals] = []
        for port, port_bits in self.outputs:
            net = self.module.nets.find(port.name)
            section = str(net.attributes.get("aiger", "outputs")) if net else "outputs"
            if section not in SECTIONS:
                raise self.fail(
                    f"output {quote(port.name)} has the attribute aiger = {quote(section)}",
                    f"one of {', '.join(SECTIONS)}",
                    self.module.place,
                )
            bits = [self._literal(bit, literal) for bit in port_bits]
            if section == "justice":
                rows.symbols["j", len(justice)] = port.name.encode("utf-8", "surrogateescape")
                justice.append(np.array(bits, np.int64))
                continue
            for index, value in enumerate(bits):
                name = _bit_name(port, index)
                rows.symbols[SECTIONS[section], len(found[section])] = name.encode("utf-8", "surrogateescape")
                found[section].append(value)
        return {section: np.array(values, np.int64) for section, values in found.items()}, tuple(justice)

    def _inits(self) -> dict[int, int]:
        return {
            bit: _RESETS[value]
            for net, init in self.module.nets.inits.items()
            for bit, value in zip(self.module.nets[net].bits.tolist(), reversed(init), strict=True)
            if value in _RESETS
        }


def _bit_name(port: Port, index: int) -> str:
    return Net(port.name, port.bits, offset=port.offset, upto=port.upto).bit_name(index)


def _bit_names(module: Module) -> dict[int, str]:
    """A name of every net bit that has one: the first that was not made up."""
    names: dict[int, str] = {}
    for wanted in (False, True):
        for index in np.flatnonzero(module.nets.hidden == wanted).tolist():
            net = module.nets[index]
            for position, bit in enumerate(net.bits.tolist()):
                if bit >= 0 and bit not in names:
                    names[bit] = net.bit_name(position)
    return names
