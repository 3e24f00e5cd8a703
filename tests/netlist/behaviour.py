"""What a cell does over time, one change of an input after the other: the plain meaning of a `CellFunction`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from sandgrain.netlist.cell_function import FLIP_FLOP, Cell, CellFunction

Signal = bool | None
"""``None`` is unknown."""


def function_of(cell: Cell | None) -> CellFunction:
    assert cell is not None and cell.function is not None, cell and cell.origin
    return cell.function


def bits_of(cell: Cell | None) -> list[tuple[str, int]]:
    """The input bits that are pins."""
    function = function_of(cell)
    return list(function.inputs[: len(function.inputs) - function.unknown])


class Behaviour:
    """A cell in operation, three-valued: an unknown is unknown only where the value depends on it."""

    def __init__(self, cell: Cell | None, **pins: int) -> None:
        self.function = function_of(cell)
        self.inputs = {bit: bool(pins.get(bit[0], 0)) for bit in bits_of(cell)}
        self.states: list[Signal] = [{"0": False, "1": True}.get(state.init) for state in self.function.states]
        self.settle()

    def value(self, literal: int) -> Signal:
        """A literal at the present inputs and states."""
        function = self.function
        free = [("", index) for index in range(function.unknown)]
        unknown = [index for index, state in enumerate(self.states) if state is None]
        found = set()
        for choice in product((False, True), repeat=len(free) + len(unknown)):
            inputs = {**self.inputs, **dict(zip(free, choice[: len(free)], strict=True))}
            states = [bool(state) for state in self.states]
            for index, state in zip(unknown, choice[len(free) :], strict=True):
                states[index] = state
            found.add(function.evaluate(inputs, states)[literal >> 1] ^ bool(literal & 1))
        return found.pop() if len(found) == 1 else None

    def settle(self) -> None:
        """Clear, preset, and let open latches follow."""
        for _ in range(len(self.states) + 1):
            for index, state in enumerate(self.function.states):
                clear, preset = self.value(state.clear), self.value(state.preset)
                if clear and preset:
                    self.states[index] = {"0": False, "1": True}.get(state.both)
                elif clear or preset:
                    self.states[index] = bool(preset)
                elif clear is None or preset is None:
                    self.states[index] = None
                elif state.kind != FLIP_FLOP and self.value(state.control):
                    self.states[index] = self.value(state.data)

    def change(self, **pins: int) -> Behaviour:
        """Change inputs at once; flip-flops take what their data were before."""
        before = [(self.value(state.control), self.value(state.data)) for state in self.function.states]
        self.inputs |= {(name, 0): bool(value) for name, value in pins.items()}
        rising = [self.value(state.control) for state in self.function.states]
        for index, (state, (control, data)) in enumerate(zip(self.function.states, before, strict=True)):
            if state.kind == FLIP_FLOP and control is False and rising[index]:
                self.states[index] = data
        self.settle()
        return self

    def output(self, name: str, bit: int = 0) -> Signal:
        """An output; ``None`` if unknown. Three-state conditions are left aside."""
        return self.value(self.function.outputs[name, bit])

    def drives(self, name: str) -> Signal:
        """Whether an output is driven."""
        literal = self.function.drives.get((name, 0))
        return True if literal is None else self.value(literal)


def table(cell: Cell | None, output: str, names: Iterable[str], bit: int = 0) -> str:
    """``01x`` per combination of one-bit inputs, the first name the most significant."""
    names = list(names)
    found = []
    for values in product((0, 1), repeat=len(names)):
        value = Behaviour(cell, **dict(zip(names, values, strict=True))).output(output, bit)
        found.append({None: "x", False: "0", True: "1"}[value])
    return "".join(found)


def pins_of(cell: Cell) -> Mapping[str, int]:
    """Direction of every pin."""
    return {name: direction for name, (direction, _) in cell.pins.items()}
