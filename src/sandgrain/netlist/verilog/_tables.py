"""The growing tables behind the compiled reader, and the module they become at ``endmodule``."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import (
    ONE,
    UNKNOWN_DIRECTION,
    ZERO,
    CellTable,
    Module,
    NetTable,
    Parameter,
    Places,
    Port,
)
from sandgrain.netlist.names import Names, NameTable
from sandgrain.netlist.verilog import _layout as k
from sandgrain.netlist.verilog import _lexical as lexical
from sandgrain.netlist.verilog._elements import declare
from sandgrain.netlist.verilog._merge import line_numbers, merge
from sandgrain.netlist.verilog._words import preset_names
from sandgrain.verdict import Place

_COLUMNS: Final = {
    k.GROW_NETS: ("nets", "net_at"),
    k.GROW_CELLS: ("cells", "cell_at"),
    k.GROW_PINS: ("pin_name", "pin_bits"),
    k.GROW_BITS: ("bits",),
    k.GROW_ALIASES: ("aliases",),
}
_DIRECTIONS: Final = {k.IS_INPUT: "input", k.IS_OUTPUT: "output", k.IS_INOUT: "inout"}


class ModuleTables:
    """The tables of one source text; names live through it, the rest is of the module being read."""

    def __init__(self, text: NDArray[np.uint8], file: str, limits: ReadLimits) -> None:
        self.text = text
        self.file = file
        self.limits = limits
        rough = max(1 << 10, text.size // 64)
        names = max(1 << 12, text.size // 32)
        self.n = np.zeros(k.COUNTERS, np.int64)
        self.n[k.IMPLICIT] = 1
        self.n[lexical.NAME_BYTES] = limits.name_bytes
        self.t = k.Tables(
            text=text,
            slots=np.zeros(1 << (2 * names - 1).bit_length(), np.uint64),
            name_bytes=np.zeros(max(1 << 15, text.size // 4), np.uint8),
            name_offsets=np.zeros(names + 2, np.int64),
            net_of=np.full(names + 2, -1, np.int32),
            nets=np.zeros((rough, 6), np.int32),
            net_at=np.zeros((rough, 2), np.int64),
            cells=np.zeros((rough, 2), np.int32),
            cell_at=np.zeros((rough, 2), np.int64),
            pin_name=np.zeros(4 * rough, np.int32),
            pin_bits=np.zeros(4 * rough, np.int64),
            bits=np.zeros(4 * rough, np.int32),
            aliases=np.zeros((1 << 10, 3), np.int64),
        )
        self.parameters: dict[int, dict[str, Parameter]] = {}
        self.names = NameTable(np.zeros(0, np.uint8), np.zeros(1, np.int64))
        self._line_at = (0, 1)
        for name in preset_names():
            self.intern(name)

    def grow(self, code: int) -> None:
        """Double the table a kernel code asks for."""
        if code == k.GROW_NAMES:
            t = self.t
            size = 2 * t.name_offsets.size
            slots = np.zeros(1 << (2 * size - 1).bit_length(), np.uint64)
            lexical.rehash_names(slots, t.name_bytes, t.name_offsets, self.n[lexical.NAMES])
            self.t = t._replace(
                slots=slots,
                name_bytes=_longer(t.name_bytes, 2 * t.name_bytes.size + 2 * self.limits.name_bytes),
                name_offsets=_longer(t.name_offsets, size),
                net_of=_longer(t.net_of, size),
            )
            return
        columns: dict[str, Any] = {name: getattr(self.t, name) for name in _COLUMNS[code]}
        self.t = self.t._replace(**{name: _longer(old, 2 * len(old)) for name, old in columns.items()})

    def check_limits(self) -> None:
        """Raise `LimitExceeded` if the module has grown past the limits."""
        for counter, limit, what in (
            (k.CELLS, "cells", "instances"),
            (k.NET_BITS, "bits", "net bits"),
            (k.PIN_BITS, "bits", "pin bits"),
        ):
            if self.n[counter] > getattr(self.limits, limit):
                raise LimitExceeded(
                    f"more than {getattr(self.limits, limit):,} {what} in one module",
                    file=self.file,
                    line=self.place(int(self.n[k.POS])).line,
                    expected=f"at most {getattr(self.limits, limit):,} (ReadLimits.{limit})",
                    remedy="raise the limit",
                )

    # -- what the full grammar adds, one thing at a time

    def intern(self, name: str) -> int:
        """Number of ``name``."""
        raw = np.frombuffer(name.encode("utf-8", "surrogateescape"), np.uint8)
        while (number := int(lexical.intern(*self.t[1:5], self.n, raw, 0, raw.size))) < 0:
            self.grow(k.GROW_NAMES)
        return number

    def name(self, number: int) -> str:
        """The name with that number."""
        first, last = self.t.name_offsets[number : number + 2].tolist()
        return self.t.name_bytes[first:last].tobytes().decode("utf-8", "backslashreplace")

    def find_net(self, name: str) -> int:
        """The net of this module called ``name``, or -1."""
        number = self.intern(name)
        net = int(self.t.net_of[number])
        return net if 0 <= net < self.n[k.NETS] and self.t.nets[net, k.NAME] == number else -1

    def declare(self, name: str, width: int, right: int, upto: bool, flags: int, at: int) -> bool:
        """See `_kernel.declare`."""
        number = self.intern(name)
        if self.n[k.NETS] >= len(self.t.nets):
            self.grow(k.GROW_NETS)
        return bool(declare(*self.t[4:7], self.n, number, width, right, upto, flags, at, self.n[k.POS]))

    def net_bits(self, net: int) -> list[int]:
        """Bits of a net, least significant first."""
        flags, width, base = (
            int(self.t.nets[net, k.FLAGS]),
            int(self.t.nets[net, k.WIDTH]),
            int(self.t.nets[net, k.BASE]),
        )
        if flags & (k.IS_ZERO | k.IS_ONE):
            return [ONE if flags & k.IS_ONE else ZERO] * width
        return list(range(base, base + width))

    def fresh(self, width: int) -> list[int]:
        """New bits without a name."""
        first = int(self.n[k.NET_BITS])
        self.n[k.NET_BITS] += width
        return list(range(first, first + width))

    def cell(
        self,
        kind: str,
        name: str,
        at: int,
        pins: list[tuple[str, list[int]]],
        parameters: dict[str, Parameter] | None = None,
    ) -> None:
        """Add an instance; the bits of its pins are least significant first."""
        kind_number, name_number = self.intern(kind), self.intern(name)
        cell = int(self.n[k.CELLS])
        if cell + 1 >= len(self.t.cells):
            self.grow(k.GROW_CELLS)
        self.t.cells[cell, k.TYPE] = kind_number
        self.t.cells[cell, k.CELL] = name_number
        self.t.cell_at[cell, k.AT] = at
        self.t.cell_at[cell, k.FIRST_PIN] = self.n[k.PINS]
        for pin, bits in pins:
            number = self.intern(pin)
            while self.n[k.PINS] >= self.t.pin_name.size:
                self.grow(k.GROW_PINS)
            while self.n[k.PIN_BITS] + len(bits) > self.t.bits.size:
                self.grow(k.GROW_BITS)
            index, first = int(self.n[k.PINS]), int(self.n[k.PIN_BITS])
            self.t.pin_name[index] = number
            self.t.pin_bits[index] = first
            self.t.bits[first : first + len(bits)] = bits
            self.n[k.PINS] += 1
            self.n[k.PIN_BITS] += len(bits)
        self.n[k.CELLS] = cell + 1
        if parameters:
            self.parameters[cell] = parameters

    def alias(self, left: list[int], right: list[int], at: int) -> None:
        """Say that the bits ``left`` are the bits ``right``."""
        while self.n[k.ALIASES] + len(left) > len(self.t.aliases):
            self.grow(k.GROW_ALIASES)
        first = int(self.n[k.ALIASES])
        self.t.aliases[first : first + len(left), 0] = left
        self.t.aliases[first : first + len(left), 1] = right
        self.t.aliases[first : first + len(left), 2] = at
        self.n[k.ALIASES] += len(left)

    # -- places

    def place(self, at: int) -> Place:
        """File and line of an offset."""
        return Place(file=self.file, line=1 + int(np.count_nonzero(self.text[:at] == 10)))

    def column(self, at: int) -> int:
        """1-based column of an offset."""
        newlines = np.flatnonzero(self.text[max(0, at - 100_000) : at] == 10)
        start = max(0, at - 100_000) + int(newlines[-1]) + 1 if newlines.size else max(0, at - 100_000)
        return at - start + 1

    # -- the end of a module

    def finish(self, name: str, header_at: int, ports: list[tuple[str, list[int] | None]], black_box: bool) -> Module:
        """The module read since the last call; the tables are empty afterwards.

        Args:
            name: its name.
            header_at: where it begins.
            ports: the ports in order: name, and the bits of a port that is not simply the net of that name.
            black_box: whether it is declared to have no inside.

        Raises:
            NetlistError: a port without direction, an assignment to an input, a bit assigned twice.
        """
        self.check_limits()
        t, n = self.t, self.n
        nets, cells, pins, bit_count = int(n[k.NETS]), int(n[k.CELLS]), int(n[k.PINS]), int(n[k.NET_BITS])
        base, width = t.nets[:nets, k.BASE], t.nets[:nets, k.WIDTH]
        flags = t.nets[:nets, k.FLAGS]
        resolved = [(port, *self._port_bits(port, bits, header_at)) for port, bits in ports]
        is_input = np.zeros(bit_count, np.bool_)
        for _, direction, bits, _ in resolved:
            if direction == "input":
                is_input[bits] = True
        offsets = np.zeros(nets + 1, np.int64)
        np.cumsum(width, out=offsets[1:])
        net_bits = (np.repeat(base - offsets[:-1], width) + np.arange(int(offsets[-1]))).astype(np.int32)
        pin_bits = t.bits[: n[k.PIN_BITS]].copy()
        if n[k.ALIASES] or (flags & (k.IS_ZERO | k.IS_ONE)).any():
            remap, bit_count = self._merged(is_input, bit_count)
            net_bits = remap[net_bits]
            real = pin_bits >= 0
            pin_bits[real] = remap[pin_bits[real]]
            resolved = [(port, way, remap[bits], net) for port, way, bits, net in resolved]
        start, line = self._line_at
        header_line = int(line_numbers(t.text, np.array([header_at], np.int64), start, line)[0])
        order = (
            np.argsort(t.net_at[:nets, k.AT], kind="stable")
            if nets and (np.diff(t.net_at[:nets, k.AT]) < 0).any()
            else None
        )
        net_at = t.net_at[:nets, k.AT] if order is None else t.net_at[:nets, k.AT][order]
        net_lines = line_numbers(t.text, np.maximum(net_at, start), start, line)
        if order is not None:
            net_lines[order] = net_lines.copy()
        cell_lines = line_numbers(t.text, t.cell_at[:cells, k.AT], start, line)
        at = int(n[k.POS])
        self._line_at = (at, int(line_numbers(t.text, np.array([at], np.int64), start, line)[0]))
        upto, right = t.nets[:nets, k.UPTO].astype(np.bool_), t.nets[:nets, k.RIGHT]
        type_names, type_ids = self._dense(t.cells[:cells, k.TYPE])
        pin_names, pin_ids = self._dense(t.pin_name[:pins])
        module = Module(
            name=name,
            place=Place(file=self.file, line=header_line),
            ports=tuple(
                Port(
                    port,
                    direction,
                    bits,
                    0 if net < 0 else int(right[net] - upto[net] * (width[net] - 1)),
                    bool(net >= 0 and upto[net]),
                )
                for port, direction, bits, net in resolved
            ),
            nets=NetTable(
                names=Names(self.names, t.nets[:nets, k.NAME].astype(np.uint32)),
                bit_offsets=offsets,
                bits=net_bits,
                places=Places((self.file,), np.zeros(nets, np.int32), net_lines),
                offsets=(right - np.where(upto, width - 1, 0)).astype(np.int32),
                upto=upto,
                hidden=np.zeros(nets, np.bool_),
            ),
            cells=CellTable(
                type_names=type_names,
                type_ids=type_ids,
                names=Names(self.names, t.cells[:cells, k.CELL].astype(np.uint32)),
                places=Places((self.file,), np.zeros(cells, np.int32), cell_lines),
                pin_offsets=np.append(t.cell_at[:cells, k.FIRST_PIN], pins),
                pin_names=pin_names,
                pin_ids=pin_ids,
                pin_directions=np.full(pins, UNKNOWN_DIRECTION, np.int8),
                bit_offsets=np.append(t.pin_bits[:pins], pin_bits.size),
                bits=pin_bits,
                parameters=self.parameters,
            ),
            bit_count=bit_count,
            black_box=black_box,
        )
        n[[k.NETS, k.NET_BITS, k.CELLS, k.PINS, k.PIN_BITS, k.ALIASES]] = 0
        self.parameters = {}
        return module

    def _dense(self, numbers: NDArray[np.int32]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """The distinct names, and for each thing its index among them."""
        count = int(self.n[lexical.NAMES])
        if numbers.size * 8 < count:
            distinct, dense = np.unique(numbers, return_inverse=True)
            return tuple(self.name(number) for number in distinct.tolist()), dense.astype(np.int32)
        present = np.zeros(count, np.bool_)
        present[numbers] = True
        index = (np.cumsum(present) - 1).astype(np.int32)
        return tuple(self.name(number) for number in np.flatnonzero(present).tolist()), index[numbers]

    def _port_bits(self, port: str, bits: list[int] | None, at: int) -> tuple[str, NDArray[np.int32], int]:
        net = -1
        if bits is None:
            net = self.find_net(port)
            directions = 0 if net < 0 else int(self.t.nets[net, k.FLAGS]) & 7
            found = [] if net < 0 else self.net_bits(net)
        else:
            found = bits
            owners = {int(self.t.nets[owner, k.FLAGS]) & 7 for owner in self._owners(bits)}
            directions = owners.pop() if len(owners) == 1 else 0
        if directions not in _DIRECTIONS:
            raise NetlistError(
                f"the port {port!r} has no direction",
                file=self.file,
                line=self.place(at).line,
                column=self.column(at),
                expected=f"one of: input {port}; output {port}; inout {port};",
                remedy="declare the port in the module",
            )
        return _DIRECTIONS[directions], np.array(found, np.int32), net

    def _owners(self, bits: list[int]) -> list[int]:
        """The nets declared with ``bits``."""
        nets = int(self.n[k.NETS])
        starts = self.t.nets[:nets, k.BASE]
        return [int(np.searchsorted(starts, bit, side="right")) - 1 for bit in bits if bit >= 0]

    def _merged(self, is_input: NDArray[np.bool_], bit_count: int) -> tuple[NDArray[np.int32], int]:
        t, n = self.t, self.n
        nets = int(n[k.NETS])
        for net in np.flatnonzero(t.nets[:nets, k.FLAGS] & (k.IS_ZERO | k.IS_ONE)).tolist():
            base, width = int(t.nets[net, k.BASE]), int(t.nets[net, k.WIDTH])
            self.alias(list(range(base, base + width)), self.net_bits(net), int(t.net_at[net, k.AT]))
        t = self.t
        count = int(n[k.ALIASES])
        remap, left, wrong = merge(bit_count, t.aliases[:count, 0], t.aliases[:count, 1], is_input)
        if wrong >= 0:
            at, bit = int(t.aliases[wrong, 2]), int(t.aliases[wrong, 0])
            net = int(np.searchsorted(t.nets[:nets, k.BASE], bit, side="right")) - 1
            what = "an input port" if is_input[bit] else "assigned already, or to another constant"
            raise NetlistError(
                f"{self.name(int(t.nets[net, k.NAME]))!r} is assigned, but it is {what}",
                file=self.file,
                line=self.place(at).line,
                column=self.column(at),
                expected="one driver for every bit of a net",
                remedy="remove one of the assignments",
            )
        return remap, int(left)

    def seal(self) -> None:
        """Fill the name table that all modules of this text share; call once, at the end of the text."""
        count = int(self.n[lexical.NAMES])
        self.names.offsets = self.t.name_offsets[: count + 1].copy()
        self.names.buffer = self.t.name_bytes[: int(self.names.offsets[-1])].copy()


def _longer(array: Any, size: int) -> Any:
    grown = (
        np.full((size, *array.shape[1:]), -1, array.dtype) if array.dtype.kind == "i" else np.zeros(size, array.dtype)
    )
    grown[: len(array)] = array
    return grown
