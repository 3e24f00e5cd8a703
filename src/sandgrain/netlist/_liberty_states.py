"""The memory of a cell of a Liberty library: flip-flops, latches, banks of both, and state tables."""

from __future__ import annotations

from typing import Final, Protocol

from sandgrain.netlist._liberty_pins import Pins
from sandgrain.netlist._liberty_syntax import Attribute, Group, Source, words
from sandgrain.netlist._liberty_table import table_function
from sandgrain.netlist._quote import quote
from sandgrain.netlist._truth_table import mux
from sandgrain.netlist._udp_table import NotExpressible
from sandgrain.netlist.cell_function import (
    FALSE,
    FLIP_FLOP,
    LATCH,
    TRUE,
    CellFunction,
    FunctionBuilder,
    StateElement,
)

_GROUPS: Final = {"ff": FLIP_FLOP, "ff_bank": FLIP_FLOP, "latch": LATCH, "latch_bank": LATCH}
_BOTH: Final = {"L": "0", "H": "1", "X": "x", "N": "x"}


class Unsupported(Exception):
    """The library describes the cell in a way that cannot be expressed; says why."""


class Maker(Protocol):
    """What makes the function of a cell, as its memories see it."""

    builder: FunctionBuilder
    vectors: dict[str, list[int]]

    def expression(self, attribute: Attribute) -> list[int]:
        """Literals of an expression, most significant first."""

    def operand(self, name: str) -> list[int]:
        """Literals of a name."""

    def unknown(self) -> int:
        """A value nobody knows."""


class Memory(Protocol):
    """States of a cell: their names, what expressions call them, and what they do."""

    states: tuple[str, ...]

    def named(self, literals: list[int]) -> dict[str, list[int]]:
        """The names that stand for the states, given their literals."""

    def elements(self, maker: Maker) -> list[StateElement]:
        """The states."""


def memories(cell: Group, pins: Pins, source: Source) -> list[Memory]:
    """The memories of a cell.

    Raises:
        Unsupported: one is of another kind.
        NetlistError: one has no name or no usable width.
    """
    found: list[Memory] = []
    for group in cell.groups:
        if group.kind in _GROUPS:
            found.append(Register(group, source))
        elif group.kind == "statetable":
            found.append(StateTable(group, source))
    for memory in found:
        for name in memory.named([FALSE] * len(memory.states)):
            bit = pins.vectors.get(name, [(name, -1)])[0]
            # The node of a state table is often an internal pin, or the output that shows it.
            shown = bit in pins.driven and "internal_node" in pins.driven[bit].attributes
            if bit[1] >= 0 and not (shown and isinstance(memory, StateTable)):
                raise Unsupported(f"{quote(name)} is a pin and a state")
    return found


class Register:
    """An ``ff``, ``ff_bank``, ``latch`` or ``latch_bank`` group.

    Args:
        group: the group.
        source: where it is from.

    Raises:
        NetlistError: it has no name, or a bank no usable width.
    """

    def __init__(self, group: Group, source: Source) -> None:
        self.group = group
        self.source = source
        names = list(group.arguments)
        width = 1
        if group.kind.endswith("_bank"):
            last = names.pop() if names else ""
            if not (last.isascii() and last.isdecimal() and len(last) < 10 and int(last)):
                raise source.error(f"a {group.kind} has no width", group.at, f"{group.kind} (state, complement, width)")
            width = int(last)
            if width > source.limits.width:
                raise source.too_much(f"a {group.kind} has {width:,} bits", group.at, source.limits.width, "width")
        if not 1 <= len(names) <= 2:
            raise source.error(f"a {group.kind} has {len(names)} names", group.at, f"{group.kind} (state, complement)")
        self.names = names
        bank = group.kind.endswith("_bank")
        self.states = tuple(f"{names[0]}[{index}]" for index in range(width)) if bank else (names[0],)

    def named(self, literals: list[int]) -> dict[str, list[int]]:
        """The state and its complement."""
        found = {self.names[0]: literals}
        if len(self.names) > 1:
            found[self.names[1]] = [literal ^ 1 for literal in literals]
        return found

    def elements(self, maker: Maker) -> list[StateElement]:
        """One state for every bit.

        Raises:
            Unsupported: a second clock, or a toggle.
        """
        kind = _GROUPS[self.group.kind]
        control_name, data_name = ("clocked_on", "next_state") if kind == FLIP_FLOP else ("enable", "data_in")
        for second in ("clocked_on_also", "enable_also"):
            if second in self.group.attributes:
                raise Unsupported(f"its {self.group.kind} has a second clock ({second})")
        present = [name for name in (control_name, data_name) if name in self.group.attributes]
        if len(present) == 1 or (not present and kind == FLIP_FLOP):
            raise Unsupported(f"its {self.group.kind} has not both {control_name} and {data_name}")
        control, data = self.vector(maker, control_name), self.vector(maker, data_name)
        clear, preset = self.vector(maker, "clear"), self.vector(maker, "preset")
        if not present and not ("clear" in self.group.attributes or "preset" in self.group.attributes):
            raise Unsupported(f"its {self.group.kind} never changes")
        return self.resolve(maker, kind, data, control, clear, preset)

    def resolve(
        self, maker: Maker, kind: str, data: list[int], control: list[int], clear: list[int], preset: list[int]
    ) -> list[StateElement]:
        """The states, with what happens while clear and preset both hold."""
        builder = maker.builder
        first, second = (self.group.text(f"clear_preset_var{number}", "X").strip().upper() or "X" for number in (1, 2))
        held = list(maker.vectors[self.names[0]])
        both = [builder.land(a, b) for a, b in zip(clear, preset, strict=True)]
        matters = any(literal != FALSE for literal in both)
        if matters and not {first, second} <= _BOTH.keys():
            raise Unsupported(f"its {self.group.kind} has clear_preset_var1 {quote(first)} and 2 {quote(second)}")
        if matters and len(self.names) > 1 and (first, second) not in {("L", "H"), ("H", "L"), ("N", "N")}:
            maker.vectors[self.names[1]] = [
                mux(builder, b, q ^ 1, self.complement(maker, second, q)) for b, q in zip(both, held, strict=True)
            ]
        if matters and first == "N":
            # Neither clears nor presets, and keeps its value at a clock edge too.
            clear = [builder.land(a, b ^ 1) for a, b in zip(clear, both, strict=True)]
            preset = [builder.land(a, b ^ 1) for a, b in zip(preset, both, strict=True)]
            if kind == LATCH:
                control = [builder.land(a, b ^ 1) for a, b in zip(control, both, strict=True)]
            else:
                data = [mux(builder, b, d, q) for b, d, q in zip(both, data, held, strict=True)]
        return [
            StateElement(name, kind, *literals, both=_BOTH.get(first, "x"))
            for name, literals in zip(self.states, zip(data, control, clear, preset, strict=True), strict=True)
        ]

    @staticmethod
    def complement(maker: Maker, code: str, state: int) -> int:
        """What the complement is while clear and preset both hold."""
        if code in {"L", "H"}:
            return TRUE if code == "H" else FALSE
        return maker.unknown() if code == "X" else state ^ 1

    def vector(self, maker: Maker, name: str) -> list[int]:
        """Literals of an attribute for every bit; ``FALSE`` if there is none."""
        width = len(self.states)
        attribute = self.group.attributes.get(name)
        if attribute is None:
            return [FALSE] * width
        found = maker.expression(attribute)
        if len(found) not in (1, width):
            raise self.source.error(
                f"{name} has {len(found)} bits for a {self.group.kind} of {width}",
                attribute.at,
                f"{width} bits, or one",
            )
        return found * (width // len(found))


class StateTable:
    """A ``statetable`` group with one node.

    Args:
        group: the group.
        source: where it is from.

    Raises:
        Unsupported: it has several nodes, or no flip-flop or latch does the same.
        NetlistError: the table is not written as it should be.
    """

    def __init__(self, group: Group, source: Source) -> None:
        parts = [words(argument) for argument in group.arguments]
        if len(parts) != 2 or not parts[0] or not parts[1]:
            raise source.error("a statetable has not two lists of names", group.at, 'statetable ("inputs", "nodes")')
        self.inputs, nodes = parts
        if len(nodes) > 1:
            raise Unsupported(f"its state table has {len(nodes)} nodes")
        if len(set(self.inputs)) < len(self.inputs):
            raise Unsupported("its state table names an input twice")
        self.group = group
        self.source = source
        self.states: tuple[str, ...] = (nodes[0],)
        try:
            self.function: CellFunction = table_function(group, self.inputs, nodes[0], source)
        except NotExpressible as reason:
            raise Unsupported(f"its state table: {reason}") from None

    def named(self, literals: list[int]) -> dict[str, list[int]]:
        """The node."""
        return {self.states[0]: literals}

    def elements(self, maker: Maker) -> list[StateElement]:
        """The one state."""
        function = self.function
        literals = [FALSE]
        for name, _ in function.inputs:
            if not name:
                literals.append(maker.unknown())
                continue
            try:
                found = maker.operand(name)
            except KeyError:
                raise self.source.error(
                    f"the state table reads {quote(name)}, which is no pin", self.group.at, "pins of the cell"
                ) from None
            if len(found) != 1:
                raise Unsupported(f"its state table reads the bus {quote(name)}")
            literals += found
        literals += maker.vectors[self.states[0]]
        for left, right in function.gates:
            literals.append(maker.builder.land(literals[left >> 1] ^ (left & 1), literals[right >> 1] ^ (right & 1)))
        (state,) = function.states
        data, control, clear, preset = (
            literals[literal >> 1] ^ (literal & 1) for literal in (state.data, state.control, state.clear, state.preset)
        )
        return [StateElement(state.name, state.kind, data, control, clear, preset)]
