"""A first look at GDSII, record by record, before anything is built from it.

What it finds out from lengths and a few fields alone: whether the records follow each other to the end of the file,
whether structures call each other in a circle or too deeply, and how many shapes the drawing would have with every
repetition written out. So a small file that stands for a billion shapes is refused before it becomes them.
Source: Calma GDSII Stream Format Manual, release 6.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import Process

HEADER, BGNLIB, LIBNAME, UNITS, ENDLIB, BGNSTR, STRNAME, ENDSTR = 0, 1, 2, 3, 4, 5, 6, 7
BOUNDARY, PATH, SREF, AREF, TEXT, LAYER, DATATYPE, XY, ENDEL, SNAME, COLROW, NODE = (
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    16,
    17,
    18,
    19,
    21,
)
TEXTTYPE, STRING, PATHTYPE, BOX, BOXTYPE = 22, 25, 33, 45, 46
_NAMES: Final = {
    HEADER: "HEADER",
    BGNLIB: "BGNLIB",
    LIBNAME: "LIBNAME",
    UNITS: "UNITS",
    ENDLIB: "ENDLIB",
    BGNSTR: "BGNSTR",
    STRNAME: "STRNAME",
    ENDSTR: "ENDSTR",
    BOUNDARY: "BOUNDARY",
    PATH: "PATH",
    SREF: "SREF",
    AREF: "AREF",
    TEXT: "TEXT",
    LAYER: "LAYER",
    XY: "XY",
    ENDEL: "ENDEL",
    SNAME: "SNAME",
    COLROW: "COLROW",
}
_OK, _SHORT, _ODD, _PAST, _NO_END, _UNKNOWN, _OUTSIDE = range(7)
_WHAT: Final = {
    _SHORT: "the file ends within a record",
    _ODD: "a record has a length that no record can have",
    _PAST: "a record reaches beyond the end of the file",
    _NO_END: "the file ends before its ENDLIB record",
    _UNKNOWN: "a record of a type that GDSII does not have",
    _OUTSIDE: "a record stands where it cannot",
}
_EXPECTED: Final = "GDSII as the stream format manual, release 6.0, has it"

# Places add up through the levels; within this, no sum leaves 32 bits.
_FARTHEST: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Contents:
    """What a GDSII file holds, every repetition counted.

    Attributes:
        structures: number of structures.
        shapes: shapes of all uppermost structures together.
        instances: placements, likewise.
        depth: deepest nesting of structures.
    """

    structures: int
    shapes: int
    instances: int
    depth: int


@numba.njit(cache=True)
def _walk(data):  # type: ignore[no-untyped-def]
    """Offsets and types of the records that matter, and how it ended.

    Returns:
        int64 offsets, uint8 types of the records other than ends and attributes; a status; an offset; the largest
        coordinate, whatever its sign.
    """
    size = data.size
    capacity = 1024
    offsets = np.empty(capacity, np.int64)
    types = np.empty(capacity, np.uint8)
    count = 0
    at = 0
    largest = 0
    in_structure = False
    in_element = False
    while True:
        if at + 4 > size:
            return offsets[:count].copy(), types[:count].copy(), 4 if at == size else 1, at, largest
        length = (int(data[at]) << 8) | int(data[at + 1])
        kind = data[at + 2]
        if length < 4 or length % 2 == 1:
            return offsets[:count].copy(), types[:count].copy(), 2, at, largest
        if at + length > size:
            return offsets[:count].copy(), types[:count].copy(), 3, at, largest
        if kind > 59:
            return offsets[:count].copy(), types[:count].copy(), 5, at, largest
        element = kind in (8, 9, 10, 11, 12, 21, 45)
        if element:
            if in_element or not in_structure:
                return offsets[:count].copy(), types[:count].copy(), 6, at, largest
            in_element = True
        elif kind == 17:
            if not in_element:
                return offsets[:count].copy(), types[:count].copy(), 6, at, largest
            in_element = False
        elif kind == 5 or kind == 4:
            if in_structure or in_element:
                return offsets[:count].copy(), types[:count].copy(), 6, at, largest
            in_structure = kind == 5
        elif kind == 7:
            if in_element or not in_structure:
                return offsets[:count].copy(), types[:count].copy(), 6, at, largest
            in_structure = False
        if kind == 16:
            for byte in range(at + 4, at + length - 3, 4):
                value = (int(data[byte]) << 24) | (int(data[byte + 1]) << 16)
                value |= (int(data[byte + 2]) << 8) | int(data[byte + 3])
                if value >= 1 << 31:
                    value -= 1 << 32
                largest = max(largest, abs(value))
        if kind != 17 and kind != 43 and kind != 44:
            if count == capacity:
                capacity *= 2
                more = np.empty(capacity, np.int64)
                more[:count] = offsets
                offsets = more
                kinds = np.empty(capacity, np.uint8)
                kinds[:count] = types
                types = kinds
            offsets[count] = at
            types[count] = kind
            count += 1
        if kind == 4:
            return offsets[:count].copy(), types[:count].copy(), 0, at, largest
        at += length


def scan_gds(data: bytes, path: Path, process: Process, limits: LayoutLimits) -> Contents:
    """Check GDSII before it is read.

    Raises:
        LayoutError: with the offset of what is wrong, or that the units are not those of the process.
        LimitExceeded: naming the limit.
    """
    if not data:
        raise LayoutError("the file is empty", file=path, expected=_EXPECTED, remedy="hand over the drawing")
    if data[:2] == b"\x1f\x8b":
        raise LayoutError("the file is compressed", file=path, expected=_EXPECTED, remedy="decompress it first")
    if len(data) < 6 or data[2] != HEADER or data[3] != 2:
        raise LayoutError("the file does not begin as GDSII or OASIS", file=path, expected=_EXPECTED)
    offsets, types, status, at, largest = _walk(np.frombuffer(data, np.uint8))
    if status != _OK:
        kind = _NAMES.get(data[at + 2], f"type {data[at + 2]}") if at + 2 < len(data) else ""
        raise LayoutError(
            f"byte {at:,}: {_WHAT[int(status)]}" + (f" ({kind})" if kind else ""),
            file=path,
            expected=_EXPECTED,
            remedy="the file is truncated or damaged: hand it over again",
        )
    _units(data, offsets, types, path, process)
    found = _Counter(data, offsets, types, path, limits).contents()
    if int(largest) * (found.depth + 1) > _FARTHEST:
        raise LayoutError(
            f"a coordinate of {int(largest):,} database units",
            file=path,
            expected=f"at most {_FARTHEST // (found.depth + 1):,} with {found.depth} levels of structures",
            remedy="write the drawing in the units of the process",
        )
    return found


def _units(data: bytes, offsets: NDArray[np.int64], types: NDArray[np.uint8], path: Path, process: Process) -> None:
    found = np.flatnonzero(types == UNITS)
    if found.size != 1 or int.from_bytes(data[int(offsets[found[0]]) :][:2], "big") != 20:
        raise LayoutError("the file does not say its units once", file=path, expected="one UNITS record of two numbers")
    at = int(offsets[found[0]]) + 4
    metres = _real(data[at + 8 : at + 16])
    wanted = process.database_unit * 1e-6
    if abs(metres - wanted) > wanted * 1e-6:
        raise LayoutError(
            f"byte {at:,}: one database unit is {metres:g} m",
            file=path,
            expected=f"{wanted:g} m, as the process {process.name} has it",
            remedy="write the drawing in the units of the process",
        )


def _real(data: bytes) -> float:
    """An eight-byte real: sign, exponent to base 16 in excess of 64, mantissa of 56 bits."""
    sign = -1.0 if data[0] & 0x80 else 1.0
    mantissa = int.from_bytes(data[1:], "big") / float(1 << 56)
    return float(sign * mantissa * 16.0 ** ((data[0] & 0x7F) - 64))


class _Counter:
    """Counts what a file stands for, structure by structure."""

    def __init__(
        self, data: bytes, offsets: NDArray[np.int64], types: NDArray[np.uint8], path: Path, limits: LayoutLimits
    ) -> None:
        self.data, self.offsets, self.types = data, offsets, types
        self.path, self.limits = path, limits
        self.own: dict[str, int] = {}
        self.calls: dict[str, dict[str, int]] = {}
        self.where: dict[str, int] = {}

    def contents(self) -> Contents:
        """The counts.

        Raises:
            LayoutError, LimitExceeded: see `scan_gds`.
        """
        self._contents_of_records()
        self._structures()
        order, depth = self._order()
        shapes: dict[str, int] = {}
        instances: dict[str, int] = {}
        for name in order:
            shapes[name] = self.own[name]
            instances[name] = 0
            for child, count in self.calls[name].items():
                shapes[name] += count * shapes[child]
                instances[name] += count * (1 + instances[child])
        called = {child for calls in self.calls.values() for child in calls}
        tops = [name for name in order if name not in called]
        total = Contents(len(order), sum(shapes[name] for name in tops), sum(instances[name] for name in tops), depth)
        self._limit(total.shapes, "shapes", "shapes with every repetition written out")
        self._limit(total.instances, "instances", "placements with every repetition written out")
        return total

    def _limit(self, found: int, field: str, what: str, at: int | None = None) -> None:
        most = getattr(self.limits, field)
        if found > most:
            raise LimitExceeded(
                ("" if at is None else f"byte {at:,}: ") + f"{found:,} {what}",
                file=self.path,
                expected=f"at most {most:,} (LayoutLimits.{field})",
                remedy="raise the limit if the drawing is what it should be",
            )

    def _text(self, at: int) -> str:
        length = int.from_bytes(self.data[at : at + 2], "big")
        try:
            return self.data[at + 4 : at + length].rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise self._wrong(at, "a name or text that is neither ASCII nor UTF-8", "readable names") from None

    def _contents_of_records(self) -> None:
        lengths = self._lengths()
        for kind, field, what in (
            (STRNAME, "name_bytes", "bytes in the name of a structure"),
            (SNAME, "name_bytes", "bytes in the name of a structure"),
            (STRING, "name_bytes", "bytes in a text"),
        ):
            chosen = np.flatnonzero((self.types == kind) & (lengths - 4 > self.limits.name_bytes))
            if chosen.size:
                at = int(chosen[0])
                self._limit(int(lengths[at]) - 4, field, what, int(self.offsets[at]))
        for at in self.offsets[self.types == STRING].tolist():
            self._text(at)
        for at in self.offsets[self.types == PATHTYPE].tolist():
            value = int.from_bytes(self.data[at + 4 : at + 6], "big")
            if value not in (0, 1, 2, 4):
                raise self._wrong(at, f"a path whose ends are of type {value}", "type 0, 1, 2 or 4")
        chosen = np.flatnonzero((self.types == XY) & ((lengths - 4) // 8 > self.limits.points))
        if chosen.size:
            at = int(chosen[0])
            self._limit((int(lengths[at]) - 4) // 8, "points", "vertices in one shape", int(self.offsets[at]))

    def _lengths(self) -> NDArray[np.int64]:
        raw = np.frombuffer(self.data, np.uint8)
        lengths: NDArray[np.int64] = (raw[self.offsets].astype(np.int64) << 8) | raw[self.offsets + 1]
        return lengths

    def _structures(self) -> None:
        """Own shapes and calls of every structure."""
        starts = np.flatnonzero(self.types == BGNSTR)
        self._limit(int(starts.size), "cells", "structures")
        if not starts.size:
            raise LayoutError("the file holds no structure", file=self.path, expected="at least one")
        ends = np.append(starts[1:], self.types.size)
        shape = np.isin(self.types, (BOUNDARY, PATH, TEXT, BOX, NODE))
        shapes_before = np.concatenate([[0], np.cumsum(shape)])
        interesting = np.flatnonzero(np.isin(self.types, (STRNAME, SREF, AREF, SNAME, COLROW)))
        positions = np.searchsorted(interesting, np.append(starts, self.types.size))
        for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            name: str | None = None
            calls: dict[str, int] = {}
            array = False
            called: str | None = None
            for index in interesting[positions[number] : positions[number + 1]].tolist():
                at, kind = int(self.offsets[index]), int(self.types[index])
                if kind == STRNAME:
                    name = self._text(at)
                elif kind in (SREF, AREF):
                    array, called = kind == AREF, None
                elif kind == SNAME:
                    called = self._text(at)
                    if not array:
                        calls[called] = calls.get(called, 0) + 1
                elif kind == COLROW and array and called is not None:
                    columns = int.from_bytes(self.data[at + 4 : at + 6], "big", signed=True)
                    rows = int.from_bytes(self.data[at + 6 : at + 8], "big", signed=True)
                    if columns < 1 or rows < 1:
                        raise self._wrong(at, f"an array of {columns} by {rows}", "at least one column and one row")
                    calls[called] = calls.get(called, 0) + columns * rows
            at = int(self.offsets[start])
            if not name:
                raise self._wrong(at, "a structure without a name", "a STRNAME record")
            if name in self.own:
                raise self._wrong(at, f"the structure {name!r} is there twice", "every structure once")
            self.own[name] = int(shapes_before[end] - shapes_before[start])
            self.calls[name] = calls
            self.where[name] = at
        for name, calls in self.calls.items():
            for child in calls:
                if child not in self.own:
                    raise self._wrong(
                        self.where[name], f"{name!r} places {child!r}, which the file lacks", "every structure placed"
                    )

    def _wrong(self, at: int, what: str, expected: str) -> LayoutError:
        return LayoutError(f"byte {at:,}: {what}", file=self.path, expected=expected, remedy="write the drawing anew")

    def _order(self) -> tuple[list[str], int]:
        """Structures with those they call before them, and the deepest nesting."""
        order: list[str] = []
        depth: dict[str, int] = {}
        state: dict[str, int] = {}
        for root in self.own:
            stack: list[tuple[str, list[str]]] = []
            if root not in state:
                state[root] = 1
                stack.append((root, list(self.calls[root])))
            while stack:
                name, rest = stack[-1]
                if rest:
                    child = rest.pop()
                    if state.get(child) == 1:
                        raise self._wrong(
                            self.where[child], f"the structure {child!r} contains itself", "a hierarchy without circles"
                        )
                    if child not in state:
                        state[child] = 1
                        stack.append((child, list(self.calls[child])))
                    continue
                stack.pop()
                state[name] = 2
                depth[name] = 1 + max((depth[child] for child in self.calls[name]), default=0)
                self._limit(depth[name], "depth", "levels of structures", self.where[name])
                order.append(name)
        return order, max(depth.values())


def records(data: bytes) -> Mapping[int, int]:
    """Number of records by type of a sound GDSII file; for looking at one."""
    _, types, _, _, _ = _walk(np.frombuffer(data, np.uint8))
    kinds, counts = np.unique(types, return_counts=True)
    return dict(zip(kinds.tolist(), counts.tolist(), strict=True))
