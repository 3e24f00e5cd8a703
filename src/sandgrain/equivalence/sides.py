"""Both sides of a comparison as networks with the same meaning of a step, and what their bits are called.

The first side is the description (RTL), the second the netlist. Both go through `sandgrain.logic.assemble`, so clocks,
clock gates, asynchronous resets and transparent latches mean the same on both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.assemble import Assembled, Clock, assemble
from sandgrain.logic.network import Literals, Network
from sandgrain.logic.settling import settled
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.link import Linked
from sandgrain.netlist.model import ONE, Module
from sandgrain.netlist.open_outputs import with_open_outputs
from sandgrain.netlist.port_bits import port_bit_name
from sandgrain.netlist.state_bits import flat_digest, functions_of, state_names
from sandgrain.verdict import Place, Text

RTL = "rtl"
"""The description."""
NETLIST = "netlist"
"""The gates it was turned into."""
HARMLESS: Final = (
    "Inputs taken to be held: {names}.",
    "{count} registers act in the middle of the clock period; inputs are taken to change at its beginning only.",
    "The clocks {names} are taken to step together.",
    "{count} registers are never clocked: they keep what they hold at power-up.",
)
"""Notes on what was taken for granted about a side without leaving anything of it out."""
_LOOPS: Final = "{count} loops of gates are cut open, and what runs round them is left free: {names}."


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: `RTL` or `NETLIST`.
        linked: the design with every instance resolved.
        module: the flat module.
        assembled: its network.
        held: inputs held at a constant.
        inputs: for every network input the bit of a port it is, as ``port[number]``; None for a value nothing defines.
        outputs: literal of every bit of an output port.
        opened: its network with loops of gates cut open and not gone round.
        opened_outputs: literal of every bit of an output port there.
        left_out: output bits that carry a clock.
        notes: sentences on how it was read.
    """

    name: str
    linked: Linked
    module: Module
    assembled: Assembled
    held: Mapping[str, int]
    inputs: tuple[str | None, ...]
    outputs: Mapping[str, int]
    opened: Assembled
    opened_outputs: Mapping[str, int]
    left_out: tuple[str, ...] = ()
    notes: tuple[Text, ...] = field(default=())

    @property
    def network(self) -> Network:
        """The network."""
        return self.assembled.network

    @cached_property
    def free(self) -> NDArray[np.int64]:
        """Network inputs nothing defines."""
        return np.array([at for at, key in enumerate(self.inputs) if key is None], np.int64)

    @cached_property
    def loops(self) -> frozenset[int]:
        """Net bits at which a loop of gates is cut open and gone round."""
        return frozenset(int(self.assembled.input_bits[at]) for at, _ in self.assembled.loops)

    @property
    def unsettled(self) -> bool:
        """Whether there is a loop of gates that is cut open and not gone round."""
        return self.assembled.other_loops > 0

    @cached_property
    def open_ends(self) -> bool:
        """Whether all that is free on this side is so indeed: nets that nothing drives, and loops of gates.

        What a cell without a function drives is free here and determined on the chip, and so is a register of a clock
        that does not step.
        """
        notes = {note.template for note in self.assembled.not_modelled}
        functions, _ = functions_of(self.module.cells, self.linked.lookup)
        unknown = any(function is None or function.unknown for function in functions)
        return bool(self.free.size) and not unknown and not self.unsettled and notes <= {*HARMLESS, _LOOPS}

    @cached_property
    def digest(self) -> str:
        """Of the flat module, its cells and what is held."""
        return flat_digest(self.module, self.linked.lookup, self.held)

    @cached_property
    def latch_names(self) -> tuple[str, ...]:
        """A name of its own for every latch: the net that shows it, else its instance."""
        names = state_names(self.module, self.linked.lookup)
        cells, states = self.assembled.latch_cells.tolist(), self.assembled.latch_states.tolist()
        return tuple(names[cell, state] for cell, state in zip(cells, states, strict=True))

    def latch_name(self, latch: int) -> str:
        """What to call a latch."""
        return self.latch_names[latch]

    def latch_place(self, latch: int) -> Place | None:
        """Where the register of a latch is described."""
        return self.module.cells.place(int(self.assembled.latch_cells[latch]))


def make_side(
    name: str,
    linked: Linked,
    clocks: Sequence[Clock] | None,
    held: Mapping[str, int],
    notes: Sequence[Text] = (),
) -> Side:
    """Assemble one side.

    Args:
        name: `RTL` or `NETLIST`.
        linked: the design.
        clocks: the clock edges that step; the only clock there is when None.
        held: ports held at a constant; names that this side does not have are left out.
        notes: what a reader of the result should know about how it was read.

    Raises:
        NetworkError: it is no clocked network, or two of its ports have bits of one name.
    """
    module = with_open_outputs(flatten(linked))
    own = _held_bits(module, held)
    opened = assemble(module, linked.lookup, clocks, "cycle", held=own, leave_free=True)
    assembled = settled(opened)
    clock_bits = {domain.bit for domain in assembled.domains}
    keys: dict[int, str] = {}
    outputs: dict[str, int] = {}
    opened_outputs: dict[str, int] = {}
    left_out = []
    seen: set[tuple[str, str]] = set()
    for port in module.ports:
        for position, bit in enumerate(port.bits.tolist()):
            key = port_bit_name(port, position)
            if (key, port.direction) in seen:
                raise NetworkError(f"two ports have a bit called {key!r}", expected="every port bit once")
            seen.add((key, port.direction))
            if port.direction != "output" and bit >= 0:
                keys.setdefault(bit, key)
            if port.direction != "input":
                if bit in clock_bits:
                    left_out.append(key)
                elif bit >= 0:
                    outputs[key] = int(assembled.net_literals[bit])
                    opened_outputs[key] = int(opened.net_literals[bit])
                else:
                    outputs[key] = opened_outputs[key] = int(bit == ONE)
    inputs = tuple(keys.get(bit) if bit >= 0 else None for bit in assembled.input_bits.tolist())
    return Side(
        name,
        linked,
        module,
        assembled,
        own,
        inputs,
        outputs,
        opened,
        opened_outputs,
        tuple(left_out),
        tuple(notes),
    )


def _held_bits(module: Module, held: Mapping[str, int]) -> dict[str, int]:
    """The constants of those ports the module has, as `assemble` takes them: by bit."""
    found: dict[str, int] = {}
    for port in module.ports:
        if port.name not in held or port.direction == "output":
            continue
        value = held[port.name]
        if not 0 <= value < 1 << port.width:
            raise NetworkError(f"{value} does not fit into the {port.width} bits of {port.name!r}")
        for position in range(port.width):
            number = port.offset + (port.width - 1 - position if port.upto else position)
            name = port.name if port.width == 1 else f"{port.name}[{number}]"
            found[name] = value >> position & 1
    return found


def literals_of(side: Side, keys: Sequence[str]) -> Literals:
    """uint32 (keys,): the literals of output bits."""
    return np.array([side.outputs[key] for key in keys], np.uint32)
