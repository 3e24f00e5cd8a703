"""Composing the function of a module from the functions of its cells, net by net and gate by gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sandgrain.netlist._quote import quote
from sandgrain.netlist._truth_table import disjunction, mux, tidy
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.cell_function import (
    FALSE,
    TRUE,
    Cell,
    CellFunction,
    FunctionBuilder,
    PinBit,
    StateElement,
)
from sandgrain.netlist.model import ONE, ZERO, Module
from sandgrain.netlist.signatures import CellLookup

MOST_GATES: Final = 1 << 16
"""Gates, pins and states of all cells of a module that is still a cell rather than a design."""
_WEAK: Final = frozenset({"pullup", "pulldown"})


class NotComposable(Exception):
    """The module has no function that can be composed; says why."""


class _Part(NamedTuple):
    """An instance: its name and type, what it computes, what its input bits are connected to, where its values are."""

    name: str
    kind: str
    function: CellFunction
    bits: list[int]
    base: int
    first_state: int


class _Driver(NamedTuple):
    """An output of a part on a net: literals of its function, ``drive`` -1 if it always drives."""

    part: _Part
    value: int
    drive: int


class Composition:
    """The function of a module; `function` raises `NotComposable` if there is none.

    Args:
        module: the module.
        lookup: what its cells are.
    """

    def __init__(self, module: Module, lookup: CellLookup) -> None:
        self.module = module
        self.parts: list[_Part] = []
        self.drivers: dict[int, list[_Driver]] = {}
        self.pulls: dict[int, int] = {}
        self.state_names: list[str] = []
        # Values are numbered: nets first, then the variables of every part.
        self.values = module.bit_count
        self.unknowns = 0
        for index in range(len(module.cells)):
            self._add(index, lookup)
        self.ports: dict[int, PinBit] = {}
        for port in module.ports:
            for number, bit in enumerate(port.bits.tolist()):
                if port.direction == "input" or (port.direction == "inout" and not self._strong(bit)):
                    if bit < 0 or bit in self.ports or (port.direction == "input" and bit in self.drivers):
                        raise NotComposable(f"its input {quote(port.name)} has another driver")
                    self.ports[bit] = (port.name, number)
        # Every net, every unknown of a part and every constant x on a pin may need one; `tidy` removes the rest.
        self.unknowns += module.bit_count + int((module.cells.bits < ONE).sum()) + len(module.ports)
        self.builder = FunctionBuilder(list(self.ports.values()), self.state_names, self.unknowns)
        self.first_unknown = 2 * (1 + len(self.ports))
        self.first_state = self.first_unknown + 2 * self.unknowns
        self.handed_out = 0
        self.literals = [-1] * self.values

    def _add(self, index: int, lookup: CellLookup) -> None:
        cells = self.module.cells
        name, kind = cells.names[index], cells.type_of(index)
        pins = list(cells.pins(index))
        where = cells.place(index)
        shown = f"its cell {quote(name)}" + ("" if where is None else f" ({where})")
        cell = lookup(kind, [(pin.name, int(pin.bits.size)) for pin in pins], cells.parameters.get(index, {}))
        if cell is None or (cell.function is None and not cell.inert):
            reason = f": {cell.origin}" if cell is not None and cell.origin else ""
            raise NotComposable(f"{shown} is a {quote(kind)}, whose function is not known{reason}")
        if cell.function is None:
            return
        connected: dict[PinBit, int] = {}
        for pin in pins:
            found = self._pin(cell, pin.name)
            if found is None or (found, 0) in connected:
                raise NotComposable(f"{shown} connects {quote(pin.name)}, which {quote(kind)} has not, or has once")
            if pin.bits.size not in (0, cell.pins[found][1]):
                raise NotComposable(f"{shown} connects {pin.bits.size} bits to {quote(found)}")
            connected.update(((found, number), bit) for number, bit in enumerate(pin.bits.tolist()))
        self._place(name, kind, cell.function, connected)

    @staticmethod
    def _pin(cell: Cell, name: str) -> str | None:
        if name in cell.pins:
            return name
        if name.startswith("#") and name[1:].isdecimal() and len(name) < 10 and int(name[1:]) < len(cell.pins):
            return list(cell.pins)[int(name[1:])]
        return None

    def _place(self, name: str, kind: str, function: CellFunction, connected: dict[PinBit, int]) -> None:
        bits = [connected.get(pin, ONE - 1) for pin in function.inputs]
        part = _Part(name, kind, function, bits, self.values, len(self.state_names))
        self.parts.append(part)
        self.values += function.first_gate + len(function.gates)
        if self.values - self.module.bit_count > MOST_GATES:
            raise NotComposable(f"it has more than {MOST_GATES:,} gates and pins")
        self.unknowns += len(function.inputs)
        self.state_names += [f"{name}.{state.name}" for state in function.states]
        for pin, value in function.outputs.items():
            bit = connected.get(pin)
            if bit is None:
                continue
            if bit < 0:
                raise NotComposable(f"its cell {quote(name)} drives a constant")
            if kind in _WEAK:
                if self.pulls.setdefault(bit, value) != value:
                    raise NotComposable(f"the net {self._net(bit)} is pulled up and down")
            else:
                self.drivers.setdefault(bit, []).append(_Driver(part, value, function.drives.get(pin, -1)))

    def _strong(self, bit: int) -> bool:
        return bit < 0 or any(driver.drive < 0 for driver in self.drivers.get(bit, ()))

    def _net(self, bit: int) -> str:
        return quote(bit_name(self.module, bit))

    def function(self) -> CellFunction:
        """The function.

        Raises:
            NotComposable: there is none.
        """
        outputs: dict[PinBit, int] = {}
        drives: dict[PinBit, int] = {}
        for port in self.module.ports:
            for number, bit in enumerate(port.bits.tolist()):
                pin = (port.name, number)
                if port.direction == "input" or (port.direction == "inout" and bit >= 0 and bit not in self.drivers):
                    continue
                if bit < 0:
                    outputs[pin] = self._constant(bit)
                    continue
                outputs[pin], drive = self._output(bit, port.name)
                if drive >= 0:
                    drives[pin] = drive
        states = [
            StateElement(
                f"{part.name}.{state.name}",
                state.kind,
                self._of(part, state.data),
                self._of(part, state.control),
                self._of(part, state.clear),
                self._of(part, state.preset),
                state.both,
                state.init,
            )
            for part in self.parts
            for state in part.function.states
        ]
        return tidy(self.builder.finish(outputs, states, drives))

    def _output(self, bit: int, port: str) -> tuple[int, int]:
        """Value of a net, and the condition under which it is driven, or -1 if always."""
        drivers = self.drivers.get(bit, [])
        if not drivers and bit not in self.pulls and bit not in self.ports:
            raise NotComposable(f"nothing drives its output {quote(port)}")
        if not drivers or any(driver.drive < 0 for driver in drivers) or bit in self.pulls:
            return self._value(bit), -1
        for driver in drivers:
            self._value(driver.part.base + (driver.value >> 1))
            self._value(driver.part.base + (driver.drive >> 1))
        return self._shared(drivers)

    def _shared(self, drivers: list[_Driver]) -> tuple[int, int]:
        """Value and condition of a net with three-state drivers; unknown where two disagree."""
        builder = self.builder
        pairs = [(self._of(item.part, item.drive), self._of(item.part, item.value)) for item in drivers]
        if len(pairs) == 1:
            return pairs[0][1], pairs[0][0]
        high = disjunction(builder, [builder.land(drive, value) for drive, value in pairs])
        low = disjunction(builder, [builder.land(drive, value ^ 1) for drive, value in pairs])
        return mux(builder, builder.land(high, low), high, self._unknown()), builder.lor(high, low)

    def _constant(self, bit: int) -> int:
        if bit == ZERO:
            return FALSE
        return TRUE if bit == ONE else self._unknown()

    def _unknown(self) -> int:
        self.handed_out += 1
        return self.first_unknown + 2 * (self.handed_out - 1)

    def _of(self, part: _Part, literal: int) -> int:
        return self._value(part.base + (literal >> 1)) ^ (literal & 1)

    def _value(self, wanted: int) -> int:
        """Literal of a net or of a variable of a part, all it depends on first."""
        literals = self.literals
        if literals[wanted] >= 0:
            return literals[wanted]
        stack = [(wanted, iter(self._needs(wanted)))]
        open_ = {wanted}
        while stack:
            key, rest = stack[-1]
            below = next((item for item in rest if literals[item] < 0), None)
            if below is None:
                stack.pop()
                open_.discard(key)
                literals[key] = self._compute(key)
            elif below in open_:
                nets = [item for item, _ in stack if item < self.module.bit_count]
                shown = self._net(nets[-1]) if nets else "one of its cells"
                raise NotComposable(f"a combinational loop goes through the net {shown}")
            else:
                open_.add(below)
                stack.append((below, iter(self._needs(below))))
        return literals[wanted]

    def _needs(self, key: int) -> Iterator[int]:
        """What a value depends on."""
        if key < self.module.bit_count:
            if key not in self.ports:
                for driver in self.drivers.get(key, ()):
                    yield driver.part.base + (driver.value >> 1)
                    if driver.drive >= 0:
                        yield driver.part.base + (driver.drive >> 1)
            return
        part, variable = self._variable(key)
        if 0 < variable <= len(part.bits):
            if part.bits[variable - 1] >= 0:
                yield part.bits[variable - 1]
        elif variable >= part.function.first_gate:
            for literal in part.function.gates[variable - part.function.first_gate]:
                yield part.base + (literal >> 1)

    def _variable(self, key: int) -> tuple[_Part, int]:
        low, high = 0, len(self.parts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.parts[middle].base <= key else (low, middle)
        return self.parts[low], key - self.parts[low].base

    def _compute(self, key: int) -> int:
        """A value, all it depends on being known."""
        if key < self.module.bit_count:
            return self._compute_net(key)
        part, variable = self._variable(key)
        function = part.function
        if variable == 0:
            return FALSE
        if variable <= len(part.bits):
            bit = part.bits[variable - 1]
            return self.literals[bit] if bit >= 0 else self._constant(bit)
        if variable < function.first_gate:
            return self.first_state + 2 * (part.first_state + variable - function.first_state)
        left, right = (
            self.literals[part.base + (literal >> 1)] ^ (literal & 1)
            for literal in function.gates[variable - function.first_gate]
        )
        return self.builder.land(left, right)

    def _compute_net(self, bit: int) -> int:
        if bit in self.ports:
            return self.builder.pin(*self.ports[bit])
        drivers = self.drivers.get(bit, [])
        if any(driver.drive < 0 for driver in drivers):
            if len(drivers) > 1:
                names = " and ".join(quote(driver.part.name) for driver in drivers[:2])
                raise NotComposable(f"the net {self._net(bit)} has two drivers: {names}")
            return self._of(drivers[0].part, drivers[0].value)
        undriven = self.pulls[bit] if bit in self.pulls else self._unknown()
        if not drivers:
            return undriven
        value, driven = self._shared(drivers)
        return mux(self.builder, driven, undriven, value)
