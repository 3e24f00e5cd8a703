"""Cell functions as arrays: what each output and each state of a cell type is, as small cones over its slots.

The slots of a cell are its inputs followed by its states. A cone is a list of and-gates over some of the slots; a
reference to a cone is ``2 * cone + negated``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist.cell_function import FALSE, FLIP_FLOP, Cell, CellFunction, PinBit

NO_CONE: Final = -1
"""Reference to the constant 0 (no clear, no preset), or to no condition (an output that always drives)."""
FREE_VALUE: Final = 2
"""Value of a state while clear and preset hold both, or at power-up: nobody says."""


class Cones(NamedTuple):
    """Cones of all templates, in compressed rows.

    The buffer of cone ``c`` holds the constant 0, its slots, then its gates, as literals of positions.
    """

    slot_offsets: NDArray[np.int64]
    slots: NDArray[np.int32]
    gate_offsets: NDArray[np.int64]
    gate0: NDArray[np.uint32]
    gate1: NDArray[np.uint32]
    roots: NDArray[np.uint32]


class States(NamedTuple):
    """States of all templates: references to cones, and what else is known of each."""

    flip_flop: NDArray[np.bool_]
    data: NDArray[np.int32]
    control: NDArray[np.int32]
    clear: NDArray[np.int32]
    preset: NDArray[np.int32]
    both: NDArray[np.uint8]
    init: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Output:
    """A pin bit a cell drives: value and condition as references to cones."""

    pin: PinBit
    value: int
    condition: int


@dataclass(frozen=True, slots=True)
class Template:
    """One cell function: its inputs (an empty pin name for an unknown value), first state, outputs."""

    inputs: tuple[PinBit, ...]
    first_state: int
    state_count: int
    outputs: tuple[Output, ...]
    pull: int = -1

    @property
    def slot_count(self) -> int:
        """Inputs and states."""
        return len(self.inputs) + self.state_count


@dataclass(slots=True)
class Templates:
    """Collects the functions of the cells of a design."""

    _slot_offsets: list[int] = field(default_factory=lambda: [0])
    _slots: list[int] = field(default_factory=list)
    _gate_offsets: list[int] = field(default_factory=lambda: [0])
    _gate0: list[int] = field(default_factory=list)
    _gate1: list[int] = field(default_factory=list)
    _roots: list[int] = field(default_factory=list)
    _states: list[tuple[bool, int, int, int, int, int, int]] = field(default_factory=list)
    _known: dict[int, tuple[Cell, Template]] = field(default_factory=dict)

    def add(self, cell: Cell, pull: int = -1) -> Template:
        """The template of a cell with a function; one for all uses of the same `Cell` object."""
        known = self._known.get(id(cell))
        if known is None:
            assert cell.function is not None  # noqa: S101 - the caller has sorted out the black boxes
            known = self._known[id(cell)] = (cell, self._template(cell.function, pull))
        return known[1]

    def _template(self, function: CellFunction, pull: int) -> Template:
        made: dict[int, int] = {}

        def cone(literal: int) -> int:
            variable = literal >> 1
            if variable not in made:
                made[variable] = self._cone(function, variable)
            return 2 * made[variable] + (literal & 1)

        def optional(literal: int) -> int:
            return NO_CONE if literal == FALSE else cone(literal)

        first = len(self._states)
        for state in function.states:
            self._states.append(
                (
                    state.kind == FLIP_FLOP,
                    cone(state.data),
                    cone(state.control),
                    optional(state.clear),
                    optional(state.preset),
                    _value(state.both),
                    _value(state.init),
                )
            )
        outputs = tuple(
            Output(pin, cone(literal), cone(function.drives[pin]) if pin in function.drives else NO_CONE)
            for pin, literal in function.outputs.items()
        )
        return Template(function.inputs, first, len(function.states), outputs, pull)

    def _cone(self, function: CellFunction, root: int) -> int:
        first_gate = function.first_gate
        wanted = {root}
        stack = [root] if root >= first_gate else []
        while stack:
            for literal in function.gates[stack.pop() - first_gate]:
                variable = literal >> 1
                if variable and variable not in wanted:
                    wanted.add(variable)
                    if variable >= first_gate:
                        stack.append(variable)
        order = sorted(wanted - {0})
        position = {0: 0} | {variable: index + 1 for index, variable in enumerate(order)}
        for variable in order:
            if variable < first_gate:
                self._slots.append(variable - 1)
            else:
                left, right = function.gates[variable - first_gate]
                self._gate0.append(2 * position[left >> 1] + (left & 1))
                self._gate1.append(2 * position[right >> 1] + (right & 1))
        self._slot_offsets.append(len(self._slots))
        self._gate_offsets.append(len(self._gate0))
        self._roots.append(2 * position[root])
        return len(self._roots) - 1

    def cones(self) -> Cones:
        """All cones."""
        return Cones(
            np.array(self._slot_offsets, np.int64),
            np.array(self._slots, np.int32),
            np.array(self._gate_offsets, np.int64),
            np.array(self._gate0, np.uint32),
            np.array(self._gate1, np.uint32),
            np.array(self._roots, np.uint32),
        )

    def states(self) -> States:
        """All states."""
        columns = np.array(self._states, np.int32).reshape(-1, 7).T
        flips, data, control, clear, preset, both, init = columns
        return States(
            flips.astype(np.bool_), data, control, clear, preset, both.astype(np.uint8), init.astype(np.uint8)
        )


def _value(text: str) -> int:
    return {"0": 0, "1": 1}.get(text, FREE_VALUE)
