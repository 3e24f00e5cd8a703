"""A module of one-bit nets in the making, one number appended per pin, for formats of which files are large.

What `ModuleBuilder` does for any module, this does for formats whose nets are all one bit wide (BLIF, BENCH): nets
and instances are numbers in growing arrays, and no object is made per gate.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import CellTable, Module, NetTable, Parameter, Places, Port
from sandgrain.netlist.names import Names, NameTable
from sandgrain.verdict import Place

_Number = TypeVar("_Number", bound=np.generic)

PinShape = tuple[str, int, int]
"""Name, direction and width of a pin."""


class Columns:
    """Cells and one-bit nets of a module in growing arrays.

    Attributes:
        nets: net bit by name, in the order in which they were first mentioned.
        drivers: for each net bit the line of what drives it, 0 if nothing does so far.
        hidden: net bits whose name was made up.
        inits: power-up value, ``0`` or ``1``, of the net bits that have one.
        parameters: parameters of the cells that have any.
        renamed: names of the cells whose name was given only after them.
        cell_count: how many cells there are.
    """

    def __init__(self, file: str, limits: ReadLimits) -> None:
        self.file = file
        self.limits = limits
        self.nets: dict[bytes, int] = {}
        self.drivers = array("I")
        self.inits: dict[int, str] = {}
        self.hidden: set[int] = set()
        self.parameters: dict[int, Mapping[str, Parameter]] = {}
        self.renamed: dict[int, bytes] = {}
        self.cell_count = 0
        self._net_lines = array("I")
        self._shapes: dict[tuple[str, tuple[PinShape, ...]], int] = {}
        self._cell_shapes = array("i")
        self._cell_lines = array("I")
        self._bits = array("i")
        self._name_bytes = bytearray()
        self._name_ends = array("q", [0])

    def net(self, name: bytes, line: int) -> int:
        """The bit of the net called ``name``, a new one if it was not mentioned before.

        Raises:
            LimitExceeded: the name is too long.
        """
        bit = self.nets.get(name)
        if bit is None:
            if len(name) > self.limits.name_bytes:
                raise name_too_long(name, self.file, line, self.limits)
            bit = self.nets[name] = len(self._net_lines)
            self._net_lines.append(line)
            self.drivers.append(0)
        return bit

    def shape(self, kind: str, pins: Sequence[PinShape]) -> int:
        """The number of the cells of type ``kind`` that have ``pins``, for `cell`."""
        return self._shapes.setdefault((kind, tuple(pins)), len(self._shapes))

    def cell(self, shape: int, name: bytes, bits: Sequence[int], line: int) -> int:
        """Add an instance; ``bits`` are those of all its pins one after another. Returns its number."""
        self._cell_shapes.append(shape)
        self._cell_lines.append(line)
        self._bits.extend(bits)
        self._name_bytes += name
        self._name_ends.append(len(self._name_bytes))
        number = self.cell_count
        self.cell_count = number + 1
        return number

    def finish(
        self, name: str, place: Place | None, ports: Sequence[tuple[bytes, str, int]], *, black_box: bool = False
    ) -> Module:
        """The module; ``ports`` are (name, direction, bit).

        Raises:
            LimitExceeded: too many cells or nets.
        """
        for count, limit, field in (
            (self.cell_count, self.limits.cells, "cells"),
            (len(self.nets), self.limits.bits, "bits"),
        ):
            if count > limit:
                raise LimitExceeded(
                    f"module {quote(name)} has {count:,} {field}",
                    file=self.file,
                    expected=f"at most {limit:,} (ReadLimits.{field})",
                    remedy="raise the limit, or deliver a smaller netlist",
                )
        return Module(
            name=name,
            place=place,
            ports=tuple(
                Port(port.decode("utf-8", "backslashreplace"), direction, np.array([bit], np.int32))
                for port, direction, bit in ports
            ),
            nets=self._net_table(),
            cells=self._cell_table(),
            bit_count=len(self.nets),
            black_box=black_box,
        )

    def _places(self, lines: array[int]) -> Places:
        return Places((self.file,), np.zeros(len(lines), np.int32), _copy(lines, np.uint32))

    def _net_table(self) -> NetTable:
        count = len(self.nets)
        hidden = np.zeros(count, np.bool_)
        hidden[list(self.hidden)] = True
        return NetTable(
            names=distinct_names(list(self.nets)),
            bit_offsets=np.arange(count + 1, dtype=np.int64),
            bits=np.arange(count, dtype=np.int32),
            places=self._places(self._net_lines),
            offsets=np.zeros(count, np.int32),
            upto=np.zeros(count, np.bool_),
            hidden=hidden,
            inits=dict(self.inits),
        )

    def _cell_names(self) -> Names:
        if self.renamed:
            # Names somebody chose may repeat each other or those made up here.
            ends, text = self._name_ends, bytes(self._name_bytes)
            names = [self.renamed.get(i, text[ends[i] : ends[i + 1]]) for i in range(self.cell_count)]
            return Names.of(item.decode("utf-8", "surrogateescape") for item in names)
        table = NameTable(np.frombuffer(bytes(self._name_bytes), np.uint8), _copy(self._name_ends, np.int64))
        return Names(table, np.arange(self.cell_count, dtype=np.uint32))

    def _cell_table(self) -> CellTable:
        types: dict[str, int] = {}
        pins: dict[str, int] = {}
        # Per shape: its type and its pins; then one gather hands them to the cells.
        shape_types = np.array([types.setdefault(kind, len(types)) for kind, _ in self._shapes], np.int32)
        shape_first = np.zeros(len(self._shapes) + 1, np.int64)
        np.cumsum([len(shape) for _, shape in self._shapes], out=shape_first[1:])
        flat = [pin for _, shape in self._shapes for pin in shape]
        flat_ids = np.array([pins.setdefault(name, len(pins)) for name, _, _ in flat], np.int32)
        flat_directions = np.array([direction for _, direction, _ in flat], np.int8)
        flat_widths = np.array([width for _, _, width in flat], np.int64)
        shapes = _copy(self._cell_shapes, np.int32)
        pin_offsets = np.zeros(self.cell_count + 1, np.int64)
        counts = np.diff(shape_first)[shapes]
        np.cumsum(counts, out=pin_offsets[1:])
        gather = np.arange(pin_offsets[-1]) + np.repeat(shape_first[:-1][shapes] - pin_offsets[:-1], counts)
        bit_offsets = np.zeros(gather.size + 1, np.int64)
        np.cumsum(flat_widths[gather], out=bit_offsets[1:])
        return CellTable(
            type_names=tuple(types),
            type_ids=shape_types[shapes],
            names=self._cell_names(),
            places=self._places(self._cell_lines),
            pin_offsets=pin_offsets,
            pin_names=tuple(pins),
            pin_ids=flat_ids[gather],
            pin_directions=flat_directions[gather],
            bit_offsets=bit_offsets,
            bits=_copy(self._bits, np.int32),
            parameters=self.parameters,
        )


def distinct_names(names: Sequence[bytes]) -> Names:
    """A column of names known to be distinct."""
    offsets = np.zeros(len(names) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, names), np.int64, len(names)), out=offsets[1:])
    return Names(NameTable(np.frombuffer(b"".join(names), np.uint8), offsets), np.arange(len(names), dtype=np.uint32))


def name_too_long(name: bytes, file: str, line: int, limits: ReadLimits) -> LimitExceeded:
    """The error that an identifier is longer than ``limits`` allow."""
    return LimitExceeded(
        f"the name {quote(name)} has {len(name):,} bytes",
        file=file,
        line=line,
        expected=f"at most {limits.name_bytes:,} (ReadLimits.name_bytes)",
        remedy="raise the limit, or shorten the name",
    )


def _copy(numbers: array[int], dtype: type[_Number]) -> NDArray[_Number]:
    return np.frombuffer(numbers, dtype).copy() if len(numbers) else np.empty(0, dtype)
