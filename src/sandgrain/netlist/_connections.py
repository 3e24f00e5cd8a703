"""Connections that are not as wide as their pin: what Verilog allows is made to fit, and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.model import ONE, ZERO, CellTable
from sandgrain.verdict import Place

_UNSIZED: Final = 32
"""Bits of a constant without a size (IEEE 1364-2005, 3.5.1)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Pin ``position`` of the cells of a signature should be ``width`` bits wide."""

    signature: int
    position: int
    width: int


class Remarks:
    """Sentences on what was accepted, one per kind of thing with the place of the first and a count."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Place | None, int]] = {}

    def add(self, place: Place | None, sentence: str) -> None:
        """Note that ``sentence`` holds at ``place``."""
        first, count = self._found.get(sentence, (place, 0))
        self._found[sentence] = (first, count + 1)

    def told(self) -> tuple[tuple[Place | None, str], ...]:
        """Place of the first, and the sentence with the number of times where it is more than one."""
        return tuple(
            (place, sentence if count == 1 else f"{sentence} ({count:,} times)")
            for sentence, (place, count) in self._found.items()
        )


@numba.njit(cache=True)
def _refit(bits, old_offsets, new_offsets, fill):  # type: ignore[no-untyped-def]
    out = np.empty(new_offsets[-1], np.int32)
    for pin in range(old_offsets.size - 1):
        width = old_offsets[pin + 1] - old_offsets[pin]
        for index in range(new_offsets[pin + 1] - new_offsets[pin]):
            out[new_offsets[pin] + index] = bits[old_offsets[pin] + index] if index < width else fill[pin]
    return out


def adjust(
    module: str, cells: CellTable, ids: NDArray[np.int32], wishes: Sequence[Wish], remarks: Remarks
) -> CellTable:
    """Make connections as wide as their pins where Verilog does: high bits left over, constants without a size.

    Args:
        module: name of the module, for messages.
        cells: its cells, pins resolved.
        ids: int32 (cells,), signature of each.
        wishes: the pins of other width.
        remarks: where to say what was done.

    Raises:
        NetlistError: a connection is narrower than its pin and no constant without a size.
    """
    order = np.argsort(ids, kind="stable")
    starts = np.searchsorted(ids[order], np.arange(int(ids.max()) + 2))
    widths = np.diff(cells.bit_offsets)
    fill = np.full(widths.size, ZERO, np.int32)
    for wish in wishes:
        members = np.sort(order[starts[wish.signature] : starts[wish.signature + 1]])
        for cell in members.tolist():
            pin = int(cells.pin_offsets[cell]) + wish.position
            bits = cells.bits[int(cells.bit_offsets[pin]) : int(cells.bit_offsets[pin + 1])]
            fill[pin] = _judge(module, cells, cell, pin, bits, wish.width, remarks)
            widths[pin] = wish.width
    offsets = np.zeros(widths.size + 1, np.int64)
    np.cumsum(widths, out=offsets[1:])
    return replace(cells, bits=_refit(cells.bits, cells.bit_offsets, offsets, fill), bit_offsets=offsets)


def _judge(
    module: str, cells: CellTable, cell: int, pin: int, bits: NDArray[np.int32], wanted: int, remarks: Remarks
) -> int:
    """What to fill a narrow connection up with; an error if it may not be narrow."""
    place = cells.place(cell)
    kind, name = cells.type_of(cell), cells.pin_names[int(cells.pin_ids[pin])]
    shown = f"the pin {quote(name)} of a {quote(kind)} in {quote(module)}"
    if bits.size > wanted:
        rest = bits[wanted:]
        what = "constant bits" if bool((rest < 0).all()) else "bits"
        if not bool((rest == ZERO).all()):
            remarks.add(
                place, f"{shown} is {wanted} bits wide and its connection {bits.size}: the highest {what} are left over"
            )
        return ZERO
    if bits.size >= _UNSIZED and bool((bits < 0).all()) and int(bits[-1]) != ONE:
        remarks.add(place, f"{shown} is {wanted} bits wide: a constant without a size is extended to it")
        return int(bits[-1])
    raise NetlistError(
        f"the pin {quote(name)} of the instance {quote(cells.names[cell])} of {quote(kind)} is {wanted} bits wide, "
        f"but its connection has {bits.size}",
        file=None if place is None else place.file,
        line=None if place is None else place.line,
        expected=f"a connection of {wanted} bits (only a constant without a size may be narrower)",
        remedy="connect every bit of the pin",
    )
