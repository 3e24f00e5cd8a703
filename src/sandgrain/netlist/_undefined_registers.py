"""Registers that never hold anything but what the description leaves undefined.

``always @(posedge clk) if (en) r <= 'x;`` says nothing of ``r`` in any cycle: a simulator shows x from power-up on. In
two values, each x being a value of its own, it would be a register that keeps one until the next is written. A netlist
has no such register, and what it shows instead may change in every cycle. So these are free in every cycle.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sandgrain.netlist.model import INPUT, OUTPUT, Module

_LONGEST: Final = 16
"""Gates on the way from an undefined value to a register, and gates looked at from the register on, in a row."""
_FLIP_FLOPS: Final = ("$_DFF_P_", "$_DFF_N_")
_AND: Final = "$_AND_"
_NOT: Final = "$_NOT_"
_FREE: Final = "$anyseq"
_NODE = tuple[int, int]
"""A value: a net bit and whether it is negated; (-1, 0) is 0 and (-1, 1) is 1."""
_FALSE: Final[_NODE] = (-1, 0)


def undefined_registers(gates: Module) -> list[str]:
    """Names of the flip-flops of a gate-level module that take an undefined value or keep their own, and no other.

    Each of the undefined values reaches that flip-flop alone; the flip-flop has no initial value.
    """
    return _Search(gates).run()


class _Search:
    def __init__(self, gates: Module) -> None:
        self.gates = gates
        cells = gates.cells
        owner = np.repeat(np.repeat(np.arange(len(cells)), np.diff(cells.pin_offsets)), np.diff(cells.bit_offsets))
        direction = np.repeat(cells.pin_directions, np.diff(cells.bit_offsets))
        read = (direction == INPUT) & (cells.bits >= 0)
        driven = (direction == OUTPUT) & (cells.bits >= 0)
        self.readers = np.bincount(cells.bits[read], minlength=gates.bit_count)
        for port in gates.ports:
            if port.direction != "input":
                np.add.at(self.readers, port.bits[port.bits >= 0], 1)
        self.reader = np.full(gates.bit_count, -1, np.int64)
        self.reader[cells.bits[read]] = owner[read]
        self.driver = np.full(gates.bit_count, -1, np.int64)
        self.driver[cells.bits[driven]] = owner[driven]
        self.initial = {
            bit
            for net in gates.nets.inits
            for bit, value in zip(gates.nets[net].bits.tolist(), reversed(gates.nets[net].init or ""), strict=False)
            if value in "01"
        }

    def run(self) -> list[str]:
        cells = self.gates.cells
        undefined: dict[int, set[int]] = {}
        for cell in cells.of_type(_FREE).tolist():
            for bit in cells.pin(cell, "Y").tolist():
                register = self._register(bit)
                if register >= 0:
                    undefined.setdefault(register, set()).add(bit)
        return [cells.names[register] for register, bits in sorted(undefined.items()) if self._keeps(register, bits)]

    def _register(self, bit: int) -> int:
        """The flip-flop that is the only thing a value reaches; -1 if there is none."""
        cells = self.gates.cells
        for _ in range(_LONGEST):
            if bit < 0 or self.readers[bit] != 1 or self.reader[bit] < 0:
                return -1
            cell = int(self.reader[bit])
            kind = cells.type_of(cell)
            if kind in _FLIP_FLOPS:
                return cell if cells.pin(cell, "D")[0] == bit else -1
            if kind not in (_AND, _NOT):
                return -1
            bit = int(cells.pin(cell, "Y")[0])
        return -1

    def _keeps(self, register: int, undefined: set[int]) -> bool:
        """Whether the next state is an undefined value or the present state, whatever all else is."""
        cells = self.gates.cells
        own, data = int(cells.pin(register, "Q")[0]), int(cells.pin(register, "D")[0])
        if own in self.initial:
            return False
        # Where all of them have one value, so has the next state.
        return all(
            self._value(data, dict.fromkeys((*undefined, own), (-1, value)), 0) == (-1, value) for value in (0, 1)
        )

    def _value(self, bit: int, known: dict[int, _NODE], depth: int) -> _NODE:
        """What a net bit is if some are constant, put down in ``known``; beyond a depth, a gate may be anything."""
        if bit not in known:
            known[bit] = self._made(bit, known, depth)
        return known[bit]

    def _made(self, bit: int, known: dict[int, _NODE], depth: int) -> _NODE:
        cell = int(self.driver[bit]) if bit >= 0 else -1
        kind = self.gates.cells.type_of(cell) if cell >= 0 else ""
        if bit < 0:
            return (-1, int(bit == -2)) if bit in (-1, -2) else (bit, 0)
        if depth >= _LONGEST or kind not in (_AND, _NOT):
            return bit, 0
        one = self._value(int(self.gates.cells.pin(cell, "A")[0]), known, depth + 1)
        if kind == _NOT:
            return one[0], one[1] ^ 1
        other = self._value(int(self.gates.cells.pin(cell, "B")[0]), known, depth + 1)
        if _FALSE in (one, other) or (one[0] == other[0] and one[1] != other[1]):
            return _FALSE
        if one == other or other == (-1, 1):
            return one
        return other if one == (-1, 1) else (bit, 0)
