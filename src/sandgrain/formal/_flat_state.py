"""What of a flattened description holds state, and what it is called there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandgrain.errors import ReplayError
from sandgrain.formal.stimulus import Jump
from sandgrain.netlist import Module, Net
from sandgrain.netlist.model import OUTPUT

_STATE = ("$dff", "$adff", "$sdff", "$aldff", "$dlatch", "$adlatch", "$sr", "$ff", "$_DFF", "$_SDFF", "$_ALDFF",
          "$_DLATCH", "$_SR_", "$_FF_")  # fmt: skip
_BIT = re.compile(r"(.+)\[(\d{1,9})\]")

_ONE_INPUT = frozenset({"$not", "$logic_not", "$buf", "$pos"})
_ASYNCHRONOUS = {
    "$adff": ("ARST",),
    "$adffe": ("ARST",),
    "$aldff": ("ALOAD",),
    "$aldffe": ("ALOAD",),
    "$dffsr": ("SET", "CLR"),
    "$dffsre": ("SET", "CLR"),
}
"""Cells with an input that acts at once, and which."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory: words of ``width`` bits at addresses from ``offset`` on."""

    name: str
    width: int
    offset: int
    size: int


def memories(flat: Module) -> Iterator[Memory]:
    """Every memory."""
    for cell in range(len(flat.cells)):
        if flat.cells.type_of(cell).startswith("$mem"):
            given = flat.cells.parameters[cell]
            width, offset, size = (_integer(given[key]) for key in ("WIDTH", "OFFSET", "SIZE"))
            yield Memory(str(given["MEMID"]).removeprefix("\\"), width, offset, size)


def registers(flat: Module) -> Iterator[tuple[Net, str]]:
    """Every named net that holds state, with ``1`` for each bit that does, most significant first."""
    state: set[int] = set()
    for cell in range(len(flat.cells)):
        if flat.cells.type_of(cell).startswith(_STATE):
            state.update(int(bit) for bit in flat.cells.pin(cell, "Q"))
    for net in flat.nets:
        bits = "".join("1" if int(bit) in state else "0" for bit in reversed(net.bits))
        if not net.hidden and "1" in bits:
            yield net, bits


def unnamed_state_bits(flat: Module) -> int:
    """Number of state bits that are read, but that no net is named after: Icarus cannot be told to start them at 0."""
    named = {int(bit) for net in flat.nets if not net.hidden for bit in net.bits}
    state: set[int] = set()
    read: set[int] = set()
    for cell in range(len(flat.cells)):
        holds = flat.cells.type_of(cell).startswith(_STATE)
        for pin in flat.cells.pins(cell):
            if pin.direction != OUTPUT:
                read.update(pin.bits.tolist())
            elif holds:
                state.update(pin.bits.tolist())
    return len({bit for bit in state & read if bit >= 0} - named)


def jumped_bits(flat: Module, jump: Jump) -> dict[int, int]:
    """The value after a jump of each net bit that it sets.

    Raises:
        ReplayError: it names something that is no register.
    """
    held = {
        int(net.bits[at])
        for net, bits in registers(flat)
        for at, is_state in enumerate(reversed(bits))
        if is_state == "1"
    }
    nets = {net.name: net for net in flat.nets if not net.hidden}
    values: dict[int, int] = {}
    for name, value in jump.registers.items():
        bits = bits_named(name, nets)
        if len(bits) != 1 or bits[0] not in held or values.setdefault(bits[0], value) != value:
            raise ReplayError(
                f"the jump sets {name!r}",
                expected="bits of registers of the description, one value each",
                remedy="take a record made for this submission",
            )
    return values


def bits_named(name: str, nets: Mapping[str, Net]) -> list[int]:
    """The net bits that a name stands for: those of a net, or one of them."""
    if name in nets:
        return [int(bit) for bit in nets[name].bits]
    match = _BIT.fullmatch(name)
    net = nets.get(match[1]) if match else None
    if match is None or net is None:
        return []
    return [int(net.bits[at]) for at in range(net.width) if bit_number(net, at) == int(match[2])]


def bit_number(net: Net, at: int) -> int:
    """The index of a bit in the vendor's numbering."""
    return net.offset + (net.width - 1 - at if net.upto else at)


def _integer(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 2)


def asynchronous_inputs(flat: Module) -> set[str]:
    """One-bit input ports that set or reset registers whatever the clock does, as they are or negated."""
    cells = flat.cells
    roots: set[int] = set()
    before: dict[int, int] = {}
    for cell in range(len(cells)):
        kind = cells.type_of(cell)
        if kind in _ONE_INPUT:
            bits = {pin.name: pin.bits for pin in cells.pins(cell)}
            if bits["A"].size == 1:
                before[int(bits["Y"][0])] = int(bits["A"][0])
        elif kind in _ASYNCHRONOUS:
            roots |= {int(bit) for pin in cells.pins(cell) if pin.name in _ASYNCHRONOUS[kind] for bit in pin.bits}
    for bit in list(roots):
        # A loop of them ends where it began.
        while (bit := before.pop(bit, bit)) not in roots:
            roots.add(bit)
    return {
        port.name for port in flat.ports if port.direction == "input" and port.width == 1 and int(port.bits[0]) in roots
    }
