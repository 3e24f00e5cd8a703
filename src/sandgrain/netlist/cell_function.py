"""What a cell computes: a small and-inverter graph over its pins and its state, and the library that knows cells.

A function is made once per cell type and stamped out for every instance, so that the cost of understanding a
library follows its unique cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

FALSE: Final = 0
"""The literal of constant 0; constant 1 is its negation."""
TRUE: Final = 1
"""The literal of constant 1."""

FLIP_FLOP: Final = "flip-flop"
"""A state element that changes when its control goes from 0 to 1."""
LATCH: Final = "latch"
"""A state element that follows its data while its control is 1."""

PinBit = tuple[str, int]
"""Pin name and bit of the pin, 0 the least significant."""


@dataclass(frozen=True, slots=True)
class StateElement:
    """One bit of memory of a cell. All literals are those of the `CellFunction` it belongs to.

    Attributes:
        name: the library's name of it (Liberty's ``IQ``, the output register of a primitive).
        kind: `FLIP_FLOP` or `LATCH`.
        data: the value it takes.
        control: a flip-flop takes ``data`` when this rises; a latch follows ``data`` while it holds.
        clear: while this holds the value is 0, whatever the control does.
        preset: while this holds the value is 1.
        both: the value while ``clear`` and ``preset`` both hold: ``0``, ``1`` or ``x``.
        init: the value at power-up: ``0``, ``1`` or ``x``.
    """

    name: str
    kind: str
    data: int
    control: int
    clear: int = FALSE
    preset: int = FALSE
    both: str = "x"
    init: str = "x"


@dataclass(frozen=True, slots=True)
class CellFunction:
    """An and-inverter graph over the inputs and the states of a cell.

    Literals are AIGER style: ``2 * v`` is variable ``v``, ``2 * v + 1`` its negation. Variable 0 is constant false,
    then follow the inputs, the states and the and-gates, each gate after what it reads.

    Attributes:
        inputs: the pin bits the function reads.
        states: the memory of the cell.
        gates: the two fan-in literals of every and-gate.
        outputs: literal of every pin bit the cell drives.
        drives: of the three-state outputs, the literal under which the pin is driven at all (else it is Z).
        unknown: inputs at the end of ``inputs`` that are no pins but unknown values (an ``x`` in a table), as
            pin bits with an empty pin name.
    """

    inputs: tuple[PinBit, ...]
    states: tuple[StateElement, ...]
    gates: tuple[tuple[int, int], ...]
    outputs: Mapping[PinBit, int]
    drives: Mapping[PinBit, int] = field(default_factory=dict)
    unknown: int = 0

    @property
    def first_state(self) -> int:
        """Variable of state 0."""
        return 1 + len(self.inputs)

    @property
    def first_gate(self) -> int:
        """Variable of and-gate 0."""
        return 1 + len(self.inputs) + len(self.states)

    @property
    def combinational(self) -> bool:
        """Whether the cell has no memory."""
        return not self.states

    def evaluate(self, inputs: Mapping[PinBit, bool], states: Sequence[bool] = ()) -> list[bool]:
        """The value of every variable; the plain meaning of the graph, for checks rather than for speed."""
        values = [False, *(inputs[pin] for pin in self.inputs), *states]
        for left, right in self.gates:
            values.append((values[left >> 1] ^ bool(left & 1)) and (values[right >> 1] ^ bool(right & 1)))
        return values


class FunctionBuilder:
    """Builds a `CellFunction`: pins first, then states, then gates, with constants folded and equal gates shared.

    States may read gates and gates may read states, so states are announced (`state`) and later filled (`finish`).
    """

    def __init__(self, inputs: Sequence[PinBit], states: Sequence[str] = (), unknown: int = 0) -> None:
        self._inputs = (*inputs, *(("", index) for index in range(unknown)))
        self._states = tuple(states)
        self._unknown = unknown
        self._gates: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}
        self._pins = {pin: 2 * (1 + index) for index, pin in enumerate(self._inputs)}
        self._base = 1 + len(self._inputs) + len(self._states)

    def pin(self, name: str, bit: int = 0) -> int:
        """Literal of an input pin bit.

        Raises:
            KeyError: the cell has no such input.
        """
        return self._pins[name, bit]

    def state(self, name: str) -> int:
        """Literal of the state called ``name``.

        Raises:
            ValueError: there is none.
        """
        return 2 * (1 + len(self._inputs) + self._states.index(name))

    def land(self, a: int, b: int) -> int:
        """Literal of ``a and b``."""
        a, b = min(a, b), max(a, b)
        if a == FALSE or a ^ 1 == b:
            return FALSE
        if a in (TRUE, b):
            return b
        if (a, b) not in self._known:
            self._known[a, b] = 2 * (self._base + len(self._gates))
            self._gates.append((a, b))
        return self._known[a, b]

    def lor(self, a: int, b: int) -> int:
        """Literal of ``a or b``."""
        return self.land(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Literal of ``a xor b``."""
        return self.lor(self.land(a, b ^ 1), self.land(a ^ 1, b))

    def mux(self, select: int, low: int, high: int) -> int:
        """Literal of ``high`` where ``select`` holds, else ``low``."""
        return self.lor(self.land(select, high), self.land(select ^ 1, low))

    def finish(
        self,
        outputs: Mapping[PinBit, int],
        states: Sequence[StateElement] = (),
        drives: Mapping[PinBit, int] | None = None,
    ) -> CellFunction:
        """The function, with ``states`` in the order announced."""
        return CellFunction(
            self._inputs, tuple(states), tuple(self._gates), dict(outputs), dict(drives or {}), self._unknown
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a library.

    Attributes:
        name: its type name.
        pins: direction (``INPUT``, ``OUTPUT`` or ``UNKNOWN_DIRECTION``) and width of every pin, in port order.
        function: what it computes; ``None`` for a black box.
        inert: known to compute nothing: filler, tap, decoupling capacitor, antenna diode. Then ``function`` has no
            outputs.
        origin: where the function was found: a file name, ``Verilog``, ``Yosys``.
    """

    name: str
    pins: Mapping[str, tuple[int, int]]
    function: CellFunction | None
    inert: bool = False
    origin: str = ""


CellLibrary = Mapping[str, Cell]
"""Cells by type name."""
