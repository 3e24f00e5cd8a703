"""The function of a cell of a Liberty library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sandgrain.netlist._liberty_expression import ExpressionError, expression
from sandgrain.netlist._liberty_gating import gating_states
from sandgrain.netlist._liberty_pins import BusType, Driven, Pins, pins_of
from sandgrain.netlist._liberty_states import Memory, Unsupported, memories
from sandgrain.netlist._liberty_syntax import Attribute, Group, Source
from sandgrain.netlist._quote import quote
from sandgrain.netlist._truth_table import mux, tidy
from sandgrain.netlist.cell_function import Cell, CellFunction, FunctionBuilder, PinBit, StateElement

_EMPTY: Final = CellFunction((), (), (), {})


def liberty_cell(group: Group, types: Mapping[str, BusType], source: Source) -> Cell:
    """The cell of a ``cell`` group.

    Raises:
        NetlistError: its pins or an expression are not as they should be.
        LimitExceeded: a bus or a table is too large.
    """
    name = group.arguments[0]
    pins = pins_of(group, types, source)
    origin = f"{source.file}:{source.line(group.at)}"
    if not any(bit >= 0 for _, bit in pins.driven):
        return Cell(name, pins.directions, _EMPTY, inert=True, origin=origin)
    try:
        function = _Maker(group, pins, source).function()
    except Unsupported as reason:
        return Cell(name, pins.directions, None, origin=f"{origin}: {reason}")
    return Cell(name, pins.directions, function, origin=origin)


class _Maker:
    """Makes the function of one cell."""

    def __init__(self, group: Group, pins: Pins, source: Source) -> None:
        self.pins = pins
        self.source = source
        self.memories: list[Memory] = memories(group, pins, source)
        if not self.memories and not any("function" in item.attributes for item in pins.driven.values()):
            self.memories = gating_states(group, pins, source)
        names = [name for memory in self.memories for name in memory.states]
        if len(set(names)) < len(names):
            raise Unsupported("two of its states have one name")
        # Complements and outputs may each need an unknown value of their own.
        unknown = 2 * len(names) + 2 * len(pins.driven)
        inputs = [*pins.inputs, *((name, 0) for name in _supplies_read(group, pins))]
        self.builder = FunctionBuilder(inputs, names, unknown)
        self.unknowns = iter(range(unknown))
        self.first_state = 2 * (1 + len(inputs) + unknown)
        self.vectors: dict[str, list[int]] = {}
        self.done: dict[PinBit, int] = {}
        self.inputs = {bit: 2 * (1 + index) for index, bit in enumerate(inputs)}

    def unknown(self) -> int:
        """A value of its own that nothing says."""
        number = next(self.unknowns, None)
        if number is None:
            raise Unsupported("too many of its values are unknown")
        return self.builder.pin("", number)

    def function(self) -> CellFunction:
        """The function.

        Raises:
            Unsupported: there is none.
            NetlistError: an expression is wrong.
        """
        number = 0
        for memory in self.memories:
            count = len(memory.states)
            literals = [self.first_state + 2 * (number + index) for index in range(count)]
            number += count
            self.vectors.update(memory.named(literals))
        states: list[StateElement] = []
        for memory in self.memories:
            states += self.elements(memory)
        # Only now is it certain what the complements of the states are.
        self.done.clear()
        outputs: dict[PinBit, int] = {}
        drives: dict[PinBit, int] = {}
        for bit, driven in self.pins.driven.items():
            if bit[1] < 0:
                continue
            outputs[bit] = self.output(bit)
            if "three_state" in driven.attributes:
                drives[bit] = self.one(driven, driven.attributes["three_state"]) ^ 1
        return tidy(self.builder.finish(outputs, states, drives))

    def elements(self, memory: Memory) -> list[StateElement]:
        """The states of a memory, all internal pins they depend on first."""
        while True:
            try:
                return memory.elements(self)
            except _Needs as need:
                self.output(need.bit)

    def output(self, bit: PinBit) -> int:
        """Literal of a driven pin bit, all pins it depends on first."""
        stack = [bit]
        while stack:
            current = stack[-1]
            try:
                self.done[current] = self.value(self.pins.driven[current], current)
                stack.pop()
            except _Needs as need:
                if need.bit in stack:
                    raise Unsupported(f"the function of {quote(need.bit[0])} depends on itself") from None
                stack.append(need.bit)
        return self.done[bit]

    def value(self, driven: Driven, bit: PinBit) -> int:
        attributes = driven.attributes
        for name in ("state_function", "function"):
            if name in attributes:
                value = self.one(driven, attributes[name])
                break
        else:
            if "internal_node" not in attributes:
                raise Unsupported(f"the output {quote(bit[0])} has no function")
            if "input_map" in attributes:
                raise Unsupported(f"the output {quote(bit[0])} maps the inputs of its table")
            value = self.one(driven, attributes["internal_node"])
            if attributes.get("inverted_output", Attribute("false", 0)).text.strip().lower() == "true":
                value ^= 1
        if "x_function" in attributes:
            value = mux(self.builder, self.one(driven, attributes["x_function"]), value, self.unknown())
        return value

    def one(self, driven: Driven, attribute: Attribute) -> int:
        """The literal of an expression for one bit of a bus."""
        found = self.expression(attribute)
        if len(found) == 1:
            return found[0]
        if len(found) != driven.width:
            raise self.source.error(
                f"the expression {quote(attribute.text)} has {len(found)} bits",
                attribute.at,
                f"{driven.width} bits, or one",
            )
        return found[driven.index]

    def expression(self, attribute: Attribute) -> list[int]:
        """The literals of an expression, most significant first.

        Raises:
            NetlistError: it is none.
        """
        try:
            return expression(attribute.text, self.builder, self.operand)
        except ExpressionError as error:
            raise self.source.error(
                f"in {quote(attribute.text)}: {error.what}",
                attribute.at + error.offset,
                "pins, 0, 1, and the operators ! ' & * | + ^ ( )",
            ) from None

    def operand(self, name: str) -> list[int]:
        """The literals of what a name in an expression stands for.

        Raises:
            KeyError: nothing is called so.
        """
        if name in self.vectors:
            return self.vectors[name]
        literals = []
        for bit in self.pins.vectors[name]:
            if bit in self.inputs:
                literals.append(self.inputs[bit])
            elif bit in self.done:
                literals.append(self.done[bit])
            elif bit in self.pins.driven:
                raise _Needs(bit)
            else:
                raise KeyError(name)
        return literals


def _supplies_read(group: Group, pins: Pins) -> list[str]:
    """The supply pins a function may read; most read none."""
    if not pins.supplies:
        return []
    texts = [attribute.text for item in pins.driven.values() for attribute in item.attributes.values()]
    texts += [attribute.text for item in group.groups for attribute in item.attributes.values()]
    texts += [argument for item in group.groups if item.kind == "statetable" for argument in item.arguments]
    read = set(re.findall(r"[\w.$]+", " ".join(texts)))
    return [name for name in pins.supplies if name in read]


class _Needs(Exception):
    """An expression reads a driven pin whose own function is not known yet."""

    def __init__(self, bit: PinBit) -> None:
        super().__init__(bit)
        self.bit = bit
