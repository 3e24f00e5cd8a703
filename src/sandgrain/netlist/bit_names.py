"""What the vendor calls a net bit, and which bit a name means."""

from __future__ import annotations

import numpy as np

from sandgrain.netlist.model import Bits, Module, bit_text
from sandgrain.verdict import Place


def bit_name(module: Module, bit: int) -> str:
    """The best name of a net bit: one the vendor chose, at the highest level, the shortest; ``n12`` if it has none."""
    return named_place(module, bit)[0]


def named_place(module: Module, bit: int) -> tuple[str, Place | None]:
    """The best name of a net bit and where that net is declared; scans the nets, so meant for messages."""
    nets = module.nets
    best: tuple[tuple[bool, int, int, str], int, int] | None = None
    if bit >= 0:
        for position in np.flatnonzero(nets.bits == bit)[:64].tolist():
            net = int(np.searchsorted(nets.bit_offsets, position, side="right")) - 1
            name = nets.names[net]
            key = (bool(nets.hidden[net]), name.count("."), len(name), name)
            if best is None or key < best[0]:
                best = (key, net, position - int(nets.bit_offsets[net]))
    if best is None:
        return bit_text(bit), None
    return nets[best[1]].bit_name(best[2]), nets.places[best[1]]


def find_bit(module: Module, name: str) -> int:
    """The net bit (or constant) called ``name``: a port or net of one bit, or ``bus[3]``; -1 (the 0) if there is none.

    Ports come before nets, whole names before bits of buses.
    """
    base, bracket, rest = name.rpartition("[")
    index = int(rest[:-1]) if bracket and rest.endswith("]") and rest[:-1].isdecimal() else None
    for wanted, number in ((name, None), *(((base, index),) if index is not None else ())):
        for port in module.ports:
            if port.name == wanted and (bit := _numbered(port.bits, port.offset, port.upto, number)) is not None:
                return bit
        net = module.nets.find(wanted)
        if net is not None and (bit := _numbered(net.bits, net.offset, net.upto, number)) is not None:
            return bit
    return -1


def _numbered(bits: Bits, offset: int, upto: bool, number: int | None) -> int | None:
    """Bit ``number`` in the vendor's numbering, or the only bit."""
    if number is None:
        return int(bits[0]) if bits.size == 1 else None
    position = bits.size - 1 - (number - offset) if upto else number - offset
    return int(bits[position]) if 0 <= position < bits.size else None
