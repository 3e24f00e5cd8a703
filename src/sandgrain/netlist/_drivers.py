"""Who drives each net bit of a module, and whether two do."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.model import ONE, ZERO, Module
from sandgrain.netlist.signatures import first_bits
from sandgrain.verdict import Place

SILENT: Final = 0
"""The pin bit does not drive, or nobody says that it does."""
STRONG: Final = 1
"""It always drives."""
THREE_STATE: Final = 2
"""It drives under a condition; several such may share a net."""
WEAK: Final = 3
"""It drives where nobody else does: a pull-up or pull-down."""


@numba.njit(cache=True)
def _scan(ids, strength_first, strengths, first, bits, ports, owners, found, zero, one):  # type: ignore[no-untyped-def]
    """Fill ``found`` (strength per net bit) and ``owners``; returns a conflict: (bit, position, earlier owner)."""
    for index in range(ports.size):
        bit = ports[index]
        if bit >= 0:
            if found[bit] == STRONG:
                return np.int64(bit), np.int64(-2 - index), owners[bit]
            found[bit] = STRONG
            owners[bit] = -2 - index
    for cell in range(ids.size):
        base = strength_first[ids[cell]]
        if strength_first[ids[cell] + 1] == base:
            continue
        for position in range(first[cell], first[cell + 1]):
            strength = strengths[base + position - first[cell]]
            if strength in (SILENT, WEAK):
                continue
            bit = bits[position]
            if bit < 0:
                if strength == STRONG and bit in (zero, one):
                    return np.int64(bit), np.int64(position), np.int64(-1)
                continue
            if found[bit] == SILENT:
                found[bit] = strength
                owners[bit] = position
            elif strength == STRONG or found[bit] == STRONG:
                return np.int64(bit), np.int64(position), owners[bit]
    return np.int64(-1), np.int64(-1), np.int64(-1)


def check_drivers(module: Module, ids: NDArray[np.int32], strengths: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Refuse a net bit with two drivers of which one always drives.

    Args:
        module: the module, its pins resolved.
        ids: int32 (cells,), the signature of every cell.
        strengths: per signature, the strength of every pin bit in order; empty if none drives.

    Returns:
        uint8 (bit_count,), `STRONG`, `THREE_STATE` or `SILENT`, the module's own inputs counting as drivers.

    Raises:
        NetlistError: naming both drivers and their places.
    """
    found = np.zeros(module.bit_count, np.uint8)
    owners = np.full(module.bit_count, -1, np.int64)
    inputs = [port for port in module.ports if port.direction == "input"]
    # An input bit named by two ports is one net on two pins, which is for the parent to judge.
    ports = np.unique(np.concatenate([port.bits for port in inputs])) if inputs else np.empty(0, np.int32)
    strength_first = np.zeros(len(strengths) + 1, np.int64)
    np.cumsum([item.size for item in strengths], out=strength_first[1:])
    flat = np.concatenate(strengths) if strengths else np.empty(0, np.uint8)
    first = first_bits(module.cells)
    bit, position, earlier = _scan(ids, strength_first, flat, first, module.cells.bits, ports, owners, found, ZERO, ONE)
    if position != -1:
        raise _doubly_driven(module, int(bit), int(position), int(earlier), first)
    return found


def _doubly_driven(module: Module, bit: int, position: int, earlier: int, first: NDArray[np.int64]) -> NetlistError:
    second, place = _driver(module, position, first)
    if bit < 0:
        return NetlistError(
            f"{second} drives a net that is the constant {'0' if bit == ZERO else '1'}",
            file=None if place is None else place.file,
            line=None if place is None else place.line,
            expected="a net without another driver",
            remedy="disconnect the output, or remove the constant",
        )
    other, other_place = (
        (f"an input port of {quote(module.name)}", module.place) if earlier < 0 else _driver(module, earlier, first)
    )
    where = "" if other_place is None else f" ({other_place})"
    return NetlistError(
        f"the net {quote(bit_name(module, bit))} of {quote(module.name)} has two drivers: {other}{where} and {second}",
        file=None if place is None else place.file,
        line=None if place is None else place.line,
        expected="one driver for every bit of a net, or three-state drivers only",
        remedy="remove one of the connections",
    )


def _driver(module: Module, position: int, first: NDArray[np.int64]) -> tuple[str, Place | None]:
    cells = module.cells
    cell = int(np.searchsorted(first, position, side="right")) - 1
    pin = int(np.searchsorted(cells.bit_offsets, position, side="right")) - 1
    name = cells.pin_names[int(cells.pin_ids[pin])]
    shown = f"the pin {quote(name)} of {quote(cells.names[cell])} (a {quote(cells.type_of(cell))})"
    return shown, cells.place(cell)
