"""Registers of both sides that a jump sets in a simulator, by the wires that hold them in the bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandgrain.equivalence.jumping import Jump
from sandgrain.equivalence.sides import Side
from sandgrain.errors import ReplayError
from sandgrain.netlist.model import Module, Net
from sandgrain.netlist.state_bits import functions_of


@dataclass
class SetWire:
    """A wire of the flattened bench whose bits a jump sets.

    Attributes:
        name: of the wire.
        net: what it is in its side; None for a register that is a wire of its own.
        values: by position, 0 the least significant.
    """

    name: str
    net: Net | None
    values: dict[int, int] = field(default_factory=dict)

    def assignments(self, called: str) -> list[str]:
        """Verilog that sets the bits of the wire, ``called`` so."""
        if self.net is None or (self.net.width == 1 and not self.net.offset):
            return [f"{called} = 1'b{value};" for value in self.values.values()]
        numbers = {at: self.net.bit_name(at).rpartition("[")[2] for at in self.values}
        return [f"{called}[{numbers[at]} = 1'b{value};" for at, value in self.values.items()]


def wires_set(sides: Sequence[tuple[Side, bool]], jump: Jump) -> list[SetWire]:
    """The wires a jump sets.

    Args:
        sides: the description and the netlist, each with whether it is simulated as `simulated.flat_verilog` writes it.
        jump: the jump.

    Raises:
        ReplayError: a register has no name by which it can be set.
    """
    found: dict[str, SetWire] = {}
    for number, ((side, generated), jumped) in enumerate(zip(sides, jump.sides, strict=True)):
        functions, ids = functions_of(side.module.cells, side.linked.lookup)
        for latch, value in zip(jumped.latches.tolist(), jumped.values.tolist(), strict=True):
            if generated:
                cell, state = int(side.assembled.latch_cells[latch]), int(side.assembled.latch_states[latch])
                function = functions[ids[cell]]
                if function is None:
                    raise AssertionError("a register without a function")
                net, at, name = None, 0, f"u{number}.c{cell}_{function.first_state + state}"
            else:
                net, at = _placed(side.module, side.latch_names[latch])
                name = f"u{number}.{net.name}"
            found.setdefault(name, SetWire(name, net)).values[at] = int(value)
    return list(found.values())


def _placed(module: Module, name: str) -> tuple[Net, int]:
    """The net of which a name is one bit, and which."""
    for base in (name, name.rpartition("[")[0]):
        net = module.nets.find(base) if base else None
        if net is not None and not net.hidden:
            for at in range(net.width):
                if net.bit_name(at) == name:
                    return net, at
    raise ReplayError(
        f"the jump sets {name!r}, which has no name of its own in the description",
        expected="registers that a signal shows",
        remedy="name the register in the description",
    )
