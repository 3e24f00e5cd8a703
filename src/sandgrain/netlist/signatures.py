"""Cells that look alike from outside: one type, the same pins of the same widths, the same parameters.

A design has millions of instances and a few hundred signatures, so whatever is decided about a cell (what it computes,
which way its pins point, what is wrong with it) is decided once per signature and handed out to the instances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.model import CellTable, Parameter

PinShape = tuple[str, int]
"""Name and width of a pin."""

CellLookup = Callable[[str, Sequence[PinShape], Mapping[str, Parameter]], Cell | None]
"""What a cell of a type with these pins and parameters is, or ``None`` if nobody knows."""

CellKey = tuple[str, tuple[PinShape, ...], tuple[tuple[str, Parameter], ...]]
"""Type, pins in order and parameters in order of name."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """The ``k`` distinct signatures of the ``n`` cells of a module.

    Attributes:
        ids: int32 (n,), the signature of every cell, numbered in the order of first appearance.
        first: int64 (k,), the first cell of every signature.
    """

    ids: NDArray[np.int32]
    first: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.first.size)


@numba.njit(cache=True)
def _group(type_ids, parameter_ids, pin_offsets, pin_ids, bit_offsets):  # type: ignore[no-untyped-def]
    """Signature of each cell and first cell of each signature, by hashing with exact comparison."""
    cells = type_ids.size
    ids = np.empty(cells, np.int32)
    first = np.empty(16, np.int64)
    hashes = np.empty(16, np.uint64)
    table = np.full(64, -1, np.int32)
    count = 0
    for cell in range(cells):
        begin, end = pin_offsets[cell], pin_offsets[cell + 1]
        mixed = np.uint64(type_ids[cell]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(parameter_ids[cell] + 1)
        for pin in range(begin, end):
            mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed += np.uint64(pin_ids[pin]) + (np.uint64(bit_offsets[pin + 1] - bit_offsets[pin]) << np.uint64(32))
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
        mask = np.uint64(table.size - 1)
        slot = np.int64((mixed ^ (mixed >> np.uint64(31))) & mask)
        found = -1
        while table[slot] >= 0:
            group = table[slot]
            other = first[group]
            if (
                hashes[group] == mixed
                and type_ids[other] == type_ids[cell]
                and parameter_ids[other] == parameter_ids[cell]
                and pin_offsets[other + 1] - pin_offsets[other] == end - begin
            ):
                shift = pin_offsets[other] - begin
                same = True
                for pin in range(begin, end):
                    twin = pin + shift
                    if (
                        pin_ids[pin] != pin_ids[twin]
                        or bit_offsets[pin + 1] - bit_offsets[pin] != bit_offsets[twin + 1] - bit_offsets[twin]
                    ):
                        same = False
                        break
                if same:
                    found = group
                    break
            slot = np.int64(np.uint64(slot + 1) & mask)
        if found < 0:
            if count == first.size:
                longer = np.empty(2 * count, np.int64)
                longer[:count] = first
                first = longer
                wider = np.empty(2 * count, np.uint64)
                wider[:count] = hashes
                hashes = wider
                table = np.full(8 * count, -1, np.int32)
                mask = np.uint64(table.size - 1)
                for group in range(count):
                    slot = np.int64((hashes[group] ^ (hashes[group] >> np.uint64(31))) & mask)
                    while table[slot] >= 0:
                        slot = np.int64(np.uint64(slot + 1) & mask)
                    table[slot] = group
                slot = np.int64((mixed ^ (mixed >> np.uint64(31))) & mask)
                while table[slot] >= 0:
                    slot = np.int64(np.uint64(slot + 1) & mask)
            found = count
            first[count] = cell
            hashes[count] = mixed
            table[slot] = count
            count += 1
        ids[cell] = found
    return ids, first[:count].copy()


def signatures(cells: CellTable) -> Signatures:
    """Group the cells of a module by signature."""
    parameter_ids = np.full(len(cells), -1, np.int32)
    known: dict[tuple[tuple[str, Parameter], ...], int] = {}
    for cell, parameters in cells.parameters.items():
        parameter_ids[cell] = known.setdefault(tuple(sorted(parameters.items())), len(known))
    ids, first = _group(cells.type_ids, parameter_ids, cells.pin_offsets, cells.pin_ids, cells.bit_offsets)
    return Signatures(ids, first)


def cell_key(cells: CellTable, cell: int) -> CellKey:
    """Type, pins and parameters of one cell."""
    pins = tuple((pin.name, int(pin.bits.size)) for pin in cells.pins(cell))
    return cells.type_of(cell), pins, tuple(sorted(cells.parameters.get(cell, {}).items()))


def first_bits(cells: CellTable) -> NDArray[np.int64]:
    """int64 (n + 1,): where the bits of the pins of each cell begin in ``cells.bits``."""
    offsets: NDArray[np.int64] = cells.bit_offsets[cells.pin_offsets]
    return offsets
