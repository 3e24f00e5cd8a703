"""A network together with what its inputs, latches and outputs are called in the vendor's description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.network import Literals, Network
from sandgrain.verdict import Place


@dataclass(frozen=True)
class InputBit:
    """One network input.

    Attributes:
        port: the input port it is a bit of, or None for a free input (x, undriven, black box, abstracted).
        bit: index in the port, 0 the least significant.
        name: the vendor's name of the bit, or of the net that is free.
        group: free inputs of one group come from the same place and are looked at together; 0 for port bits.
    """

    port: str | None
    bit: int
    name: str
    group: int = 0


@dataclass(frozen=True)
class LatchBit:
    """One latch: the vendor's name of the flip-flop's output bit and where it is declared."""

    name: str
    place: Place | None


@dataclass(frozen=True)
class PortBits:
    """A port of the top module and the literals it carries, least significant first."""

    name: str
    direction: str
    literals: Literals


@dataclass(frozen=True)
class Model:
    """A `Network` and its names.

    Attributes:
        inputs: one per network input, in network order.
        latches: one per latch, in network order.
        outputs: literal of every expression the model was built for, by name.
        ports: ports of the top module but the clock; empty once the model is reduced to a cone.
    """

    network: Network
    inputs: tuple[InputBit, ...]
    latches: tuple[LatchBit, ...]
    outputs: Mapping[str, int]
    ports: tuple[PortBits, ...] = ()

    @property
    def free_inputs(self) -> NDArray[np.bool_]:
        """bool (inputs,), whether nothing in the description defines the input."""
        return np.array([bit.port is None for bit in self.inputs], np.bool_)

    def input_index(self) -> dict[tuple[str, int], int]:
        """Index of the network input for each (port, bit) the model still has."""
        return {(bit.port, bit.bit): index for index, bit in enumerate(self.inputs) if bit.port is not None}
