"""The reasoning form: a sequential and-inverter network in dense arrays.

Literals follow AIGER (Biere, *The AIGER And-Inverter Graph Format*, 2007): literal ``2 * v`` is variable ``v``,
``2 * v + 1`` its negation, variable 0 is constant false. Variables are numbered inputs first, then latches, then
and-gates in topological order, so that one pass over the and-gates evaluates the network.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Literals = NDArray[np.uint32]
"""uint32 array of literals."""

FALSE = np.uint32(0)
TRUE = np.uint32(1)

PORT_INPUT = 0
"""Kind of an input that is a bit of an input port."""
FREE_INPUT = 1
"""Kind of an input nothing defines: an x or undriven net, a black-box output, an abstracted memory read."""

UNKNOWN = 2
"""Initial value of a latch without one."""


@dataclass(frozen=True)
class Network:
    """A single-clock sequential network.

    Attributes:
        input_kinds: uint8 (inputs,), ``PORT_INPUT`` or ``FREE_INPUT``.
        latch_next: uint32 (latches,), the next-state literal of each latch.
        latch_init: uint8 (latches,), 0, 1 or ``UNKNOWN``.
        fanin0, fanin1: uint32 (ands,), the two fan-in literals of each and-gate; both smaller than the gate's own.
    """

    input_kinds: NDArray[np.uint8]
    latch_next: Literals
    latch_init: NDArray[np.uint8]
    fanin0: Literals
    fanin1: Literals

    @property
    def input_count(self) -> int:
        """Number of inputs; they are variables ``1 .. input_count``."""
        return int(self.input_kinds.size)

    @property
    def latch_count(self) -> int:
        """Number of latches; they follow the inputs."""
        return int(self.latch_next.size)

    @property
    def and_count(self) -> int:
        """Number of and-gates; they follow the latches."""
        return int(self.fanin0.size)

    @property
    def first_latch(self) -> int:
        """Variable of latch 0."""
        return 1 + self.input_count

    @property
    def first_and(self) -> int:
        """Variable of and-gate 0."""
        return 1 + self.input_count + self.latch_count

    @property
    def variable_count(self) -> int:
        """Number of variables, the constant included."""
        return self.first_and + self.and_count

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the arrays: two networks with one digest are the same network in the same numbering."""
        hasher = hashlib.sha256(b"sandgrain.network/1\0")
        for array, dtype in (
            (self.input_kinds, "u1"),
            (self.latch_next, "<u4"),
            (self.latch_init, "u1"),
            (self.fanin0, "<u4"),
            (self.fanin1, "<u4"),
        ):
            hasher.update(len(array).to_bytes(8, "little"))
            hasher.update(np.ascontiguousarray(array, dtype=dtype).tobytes())
        return hasher.hexdigest()
