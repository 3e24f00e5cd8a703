"""Reader and writer of AIGER 1.0 and 1.9, ASCII and binary; the format itself is `sandgrain.netlist.aiger_format`.

And-gates are ``$_AND_`` cells, latches ``$_FF_`` cells, and every literal that is read negated is the output of one
shared ``$_NOT_`` cell. Inputs and outputs are one-bit ports named by the symbol table; what has no symbol, or one
that is taken, is called by its letter and position (``i0``, ``o3``). Bad states, invariant constraints, justice and
fairness properties (AIGER 1.9) are output ports whose net carries the attribute ``aiger`` with the section's name; a
justice property is as wide as it has literals.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetlistError
from sandgrain.netlist._aiger_graph import write_aiger
from sandgrain.netlist._aiger_parse import parse
from sandgrain.netlist.aiger_format import SECTIONS, UNINITIALISED, Aiger, Literals
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import (
    INPUT,
    OUTPUT,
    ZERO,
    Bits,
    CellTable,
    Module,
    Net,
    Netlist,
    NetTable,
    Places,
    Port,
)
from sandgrain.netlist.names import Names, NameTable
from sandgrain.netlist.source import load
from sandgrain.verdict import Place

__all__ = ["read_aiger", "write_aiger"]

ATTRIBUTE: Final = "aiger"
"""Attribute of the net of an output that is a property: the section it stands in."""


def read_aiger(path: Path, limits: ReadLimits | None = None) -> Netlist:
    """Read an AIGER file, ASCII or binary, into a netlist of one module called as the file.

    Raises:
        LimitExceeded: it is larger than ``limits`` allow.
        NetlistError: it cannot be read, is not AIGER, is cut short, or contradicts itself.
    """
    limits = limits or ReadLimits()
    aiger = parse(load(path, limits), str(path), limits)
    name = path.name.partition(".")[0] or path.name
    return Netlist({name: _Reading(aiger, str(path)).module(name)}, name)


class _Reading:
    """The module of one `Aiger`: bits are inputs, latches, and-gates, then the negated literals that are read."""

    def __init__(self, aiger: Aiger, file: str) -> None:
        self.aiger = aiger
        self.file = file
        self.defined = np.concatenate((aiger.inputs, aiger.latches, aiger.ands))
        self._check_definitions()
        self.order = np.argsort(self.defined, kind="stable")
        self.sorted = self.defined[self.order]
        read = np.concatenate(
            (aiger.nexts, aiger.fanins.ravel(), *(item for part in aiger.properties.values() for item in part))
        )
        self._check_reads(read)
        self._check_order()
        self.negated = np.unique(read[(read & 1 == 1) & (read > 1)])

    def fail(self, what: str, expected: str, line: int | None = None) -> NetlistError:
        return NetlistError(
            what, file=self.file, line=line, expected=expected, remedy="write the file again with the tool it is from"
        )

    def _line(self, index: int) -> int | None:
        """The line where definition ``index`` stands."""
        inputs, latches = self.aiger.inputs.size, self.aiger.latches.size
        if not self.aiger.and_line:
            return None
        if index < inputs:
            return 2 + index
        if index < inputs + latches:
            return self.aiger.latch_line + index - inputs
        return self.aiger.and_line + index - inputs - latches

    def _check_definitions(self) -> None:
        wrong = np.flatnonzero((self.defined & 1 == 1) | (self.defined == 0))
        if wrong.size:
            index = int(wrong[0])
            raise self.fail(
                f"literal {int(self.defined[index])} is defined as if it were a variable",
                "an even literal other than 0",
                self._line(index),
            )
        order = np.argsort(self.defined, kind="stable")
        twice = np.flatnonzero(np.diff(self.defined[order]) == 0)
        if twice.size:
            first, second = int(order[twice[0]]), int(order[twice[0] + 1])
            raise self.fail(
                f"literal {int(self.defined[first])} is defined twice, first on line {self._line(first)}",
                "every variable an input, a latch or an and-gate, and only one of them",
                self._line(second),
            )

    def _index(self, literals: Literals) -> NDArray[np.int64]:
        """Index in ``defined`` of the variable of each literal, -1 where there is none."""
        wanted = literals & ~1
        if not self.sorted.size:
            return np.full(wanted.size, -1, np.int64)
        found = np.minimum(np.searchsorted(self.sorted, wanted), self.sorted.size - 1)
        return np.where(self.sorted[found] == wanted, self.order[found], -1)

    def _check_reads(self, literals: Literals) -> None:
        missing = np.flatnonzero((self._index(literals) < 0) & (literals > 1))
        if missing.size:
            literal, line = int(literals[missing[0]]), None
            readers = np.concatenate((self.aiger.nexts, self.aiger.fanins.ravel()))
            index = int(missing[0])
            if index < self.aiger.nexts.size:
                line = self.aiger.latch_line + index
            elif index < readers.size and self.aiger.and_line:
                line = self.aiger.and_line + (index - self.aiger.nexts.size) // 2
            raise self.fail(
                f"literal {literal} is read but nothing defines variable {literal >> 1}",
                "a line that defines it as an input, a latch or an and-gate",
                line,
            )

    def _check_order(self) -> None:
        """And-gates form no cycle; only an ASCII file may list them in any order."""
        ands, fanins = self.aiger.ands, self.aiger.fanins
        if (fanins < ands[:, None]).all():
            return
        first = self.defined.size - ands.size
        children = (self._index(fanins.ravel()) - first).reshape(-1, 2).tolist()
        state = bytearray(ands.size)  # 0 not seen, 1 on the way, 2 done
        for root in range(ands.size):
            stack = [root]
            while stack:
                gate = stack[-1]
                if state[gate] == 0:
                    state[gate] = 1
                    for child in children[gate]:
                        if child >= 0 and state[child] == 1:
                            raise self.fail(
                                f"and-gate {int(ands[child])} reads itself through other and-gates",
                                "a graph without cycles; a loop goes through a latch",
                                self._line(first + child),
                            )
                        if child >= 0 and state[child] == 0:
                            stack.append(child)
                else:
                    state[gate] = 2
                    stack.pop()

    def bits(self, literals: Literals) -> Bits:
        """The net bit, or constant, of each literal."""
        plain = self._index(literals)
        inverted = self.defined.size + np.searchsorted(self.negated, literals)
        chosen = np.where(literals & 1, inverted, plain)
        return np.where(literals > 1, chosen, ZERO - literals).astype(np.int32)

    def module(self, name: str) -> Module:
        ports, nets = self._ports()
        return Module(
            name=name,
            place=Place(file=self.file, line=1),
            ports=tuple(ports),
            nets=NetTable.of(nets),
            cells=self._cells(),
            bit_count=int(self.defined.size + self.negated.size),
            black_box=False,
        )

    def _ports(self) -> tuple[list[Port], list[Net]]:
        aiger, taken = self.aiger, _Taken()
        ports: list[Port] = []
        nets: dict[str, Net] = {}
        rows: list[tuple[str, int, str, Bits]] = [
            ("i", index, "", np.array([index], np.int32)) for index in range(aiger.inputs.size)
        ]
        for section, properties in aiger.properties.items():
            flat = self.bits(np.concatenate(properties)) if properties else np.empty(0, np.int32)
            ends = np.cumsum([item.size for item in properties]).tolist()
            for index, (end, item) in enumerate(zip(ends, properties, strict=True)):
                # The literals of a justice property least significant first, in the order of the file.
                rows.append((SECTIONS[section], index, section, flat[end - item.size : end]))
        for letter, index, section, bits in rows:
            port = taken.name(aiger.symbols.get((letter, index)), letter, index)
            ports.append(Port(port, "output" if section else "input", bits))
            attributes = {ATTRIBUTE: section} if section not in {"", "outputs"} else {}
            nets[port] = Net(port, bits, attributes=attributes)
        first = aiger.inputs.size
        for index, reset in enumerate(aiger.resets.tolist()):
            init = None if reset == UNINITIALISED else str(reset)
            place = Place(file=self.file, line=aiger.latch_line + index)
            bits = np.array([first + index], np.int32)
            symbol = aiger.symbols.get(("l", index))
            same = nets.get(symbol.decode("utf-8", "backslashreplace")) if symbol else None
            if same is not None and same.bits.tolist() == bits.tolist():
                # A register that is also an output, by one name: one net.
                nets[same.name] = Net(same.name, bits, place, init=init, attributes=same.attributes)
                continue
            net = taken.name(symbol, "l", index)
            nets[net] = Net(net, bits, place, hidden=symbol is None, init=init)
        return ports, list(nets.values())

    def _cells(self) -> CellTable:
        aiger = self.aiger
        latches, ands, nots = aiger.latches.size, aiger.ands.size, self.negated.size
        pins = np.concatenate((np.tile([2, 3], latches), np.tile([0, 1, 4], ands), np.tile([0, 4], nots)))
        kinds = np.repeat([0, 1, 2], [latches, ands, nots])
        pin_offsets = np.zeros(kinds.size + 1, np.int64)
        np.cumsum(np.array([2, 3, 2])[kinds], out=pin_offsets[1:])
        first = aiger.inputs.size
        bits = np.concatenate(
            (
                np.column_stack((self.bits(aiger.nexts), np.arange(first, first + latches))).ravel(),
                np.column_stack(
                    (self.bits(aiger.fanins.ravel()).reshape(-1, 2), np.arange(first + latches, self.defined.size))
                ).ravel(),
                np.column_stack(
                    (self.bits(self.negated & ~1), np.arange(self.defined.size, self.defined.size + nots))
                ).ravel(),
            )
        )
        lines = np.zeros(kinds.size, np.uint32)
        lines[:latches] = np.arange(aiger.latch_line, aiger.latch_line + latches)
        if aiger.and_line:
            lines[latches : latches + ands] = np.arange(aiger.and_line, aiger.and_line + ands)
        return CellTable(
            type_names=("$_FF_", "$_AND_", "$_NOT_"),
            type_ids=kinds.astype(np.int32),
            names=_numbered([("latch", aiger.latches), ("and", aiger.ands), ("not", self.negated)]),
            places=Places((self.file,), np.where(lines, 0, -1).astype(np.int32), lines),
            pin_offsets=pin_offsets,
            pin_names=("A", "B", "D", "Q", "Y"),
            pin_ids=pins.astype(np.int32),
            pin_directions=np.where(pins >= 3, OUTPUT, INPUT).astype(np.int8),
            bit_offsets=np.arange(pins.size + 1, dtype=np.int64),
            bits=bits.astype(np.int32),
        )


class _Taken(set[str]):
    """The names given so far."""

    def name(self, symbol: bytes | None, letter: str, position: int) -> str:
        """``symbol`` if there is one and it is free, else the letter and position, with as many ``_`` as it takes."""
        name = f"{letter}{position}" if symbol is None else symbol.decode("utf-8", "backslashreplace")
        if name in self:
            name = f"{letter}{position}"
        while name in self:
            name += "_"
        self.add(name)
        return name


def _numbered(groups: Sequence[tuple[str, Literals]]) -> Names:
    """A prefix and a number each, as names."""
    texts = [f"{prefix}{number}" for prefix, numbers in groups for number in numbers.tolist()]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=offsets[1:])
    buffer = np.frombuffer("".join(texts).encode(), np.uint8)
    return Names(NameTable(buffer, offsets), np.arange(len(texts), dtype=np.uint32))
