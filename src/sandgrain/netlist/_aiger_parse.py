"""From the bytes of an AIGER file to an `Aiger`; see `sandgrain.netlist.aiger_format` for the format."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._columns import name_too_long
from sandgrain.netlist._quote import quote
from sandgrain.netlist.aiger_format import SECTIONS, UNINITIALISED, Aiger, Literals
from sandgrain.netlist.limits import ReadLimits

_HEADER: Final = re.compile(rb"(aag|aig)((?: \d{1,10}){5,9})[ \t]*\r?\Z")
_SYMBOL: Final = re.compile(rb"([ilobcjf])(\d{1,10}) (.+)\Z", re.DOTALL)
_DIGITS: Final = 10
_PACKED_BYTES: Final = 5
"""Bytes of a packed number below 2^35; literals are below 2^32."""
_LONGEST_HEADER: Final = 120


def parse(data: bytes, file: str, limits: ReadLimits) -> Aiger:
    """The graph in ``data``.

    Raises:
        NetlistError: it is not AIGER, is cut short, or contradicts itself.
        LimitExceeded: it is larger than ``limits`` allow.
    """
    return _Parser(data, file, limits).parse()


class _Parser:
    def __init__(self, data: bytes, file: str, limits: ReadLimits) -> None:
        self.rest = data
        self.file = file
        self.limits = limits
        self.line = 1
        self.most = 0

    def fail(self, what: str, expected: str, line: int | None = None, column: int | None = None) -> NetlistError:
        return NetlistError(
            what,
            file=self.file,
            line=line or self.line,
            column=column,
            expected=expected,
            remedy="write the file again, or check that it was copied whole",
        )

    def parse(self) -> Aiger:
        kind, counts = self._header()
        variables, inputs, latches, outputs, ands, bad, constraints, justices, fairs = counts
        binary = kind == b"aig"
        input_literals = 2 * np.arange(1, inputs + 1) if binary else self._column(inputs, "an input")
        latch_line = self.line
        latch_literals, nexts, resets = self._latches(latches, 2 * (1 + inputs) if binary else None)
        properties = {
            "outputs": self._column(outputs, "an output"),
            "bad": self._column(bad, "a bad state"),
            "constraint": self._column(constraints, "an invariant constraint"),
        }
        justice = self._justice(justices)
        properties["fairness"] = self._column(fairs, "a fairness constraint")
        and_line = 0 if binary else self.line
        if binary:
            and_literals = 2 * np.arange(1 + inputs + latches, 1 + variables)
            fanins = self._packed(and_literals)
        else:
            rows = self._rows(ands, 3, 3, "an and-gate: three literals")
            and_literals, fanins = rows[:, 0], rows[:, 1:]
        sizes = {"i": inputs, "l": latches, "j": justices}
        sizes |= {SECTIONS[name]: literals.size for name, literals in properties.items()}
        return Aiger(
            inputs=input_literals,
            latches=latch_literals,
            nexts=nexts,
            resets=resets,
            ands=and_literals,
            fanins=fanins,
            justice=justice,
            symbols=self._symbols(sizes),
            latch_line=latch_line,
            and_line=and_line,
            comment=self.rest,
            **properties,
        )

    def _header(self) -> tuple[bytes, list[int]]:
        size = len(self.rest)
        first, end, self.rest = self.rest.partition(b"\n")
        found = _HEADER.match(first) if end and len(first) <= _LONGEST_HEADER else None
        if found is None:
            raise self.fail(
                f"the file starts with {quote(first)}" if size else "the file is empty",
                "aag or aig and the numbers M I L O A, then up to four more (AIGER 1.9), on one line",
            )
        counts = [int(number) for number in found[2].split()]
        counts += [0] * (9 - len(counts))
        variables, inputs, latches, outputs, ands, *others = counts
        binary = found[1] == b"aig"
        if variables < inputs + latches + ands or (binary and variables != inputs + latches + ands):
            raise self.fail(
                f"the header speaks of {variables:,} variables, but of {inputs + latches + ands:,} inputs, latches "
                "and and-gates",
                "M = I + L + A" if binary else "M >= I + L + A",
            )
        # Every line and every packed and-gate has two bytes at least, so no count can make us reserve more than that.
        promised = latches + outputs + ands + sum(others) + (0 if binary else inputs)
        if 2 * promised > size:
            raise self.fail(
                f"the header promises {promised:,} lines and and-gates, more than {size:,} bytes can hold",
                "a file as long as its header says",
            )
        for count, limit, field, what in (
            (latches + ands, self.limits.cells, "cells", "latches and and-gates"),
            (inputs, self.limits.width, "width", "inputs"),
        ):
            if count > limit:
                raise LimitExceeded(
                    f"the file has {count:,} {what}",
                    file=self.file,
                    line=1,
                    expected=f"at most {limit:,} (ReadLimits.{field})",
                    remedy="raise the limit, or deliver a smaller netlist",
                )
        self.most = 2 * variables + 1
        self.line = 2
        return found[1], counts

    def _take(self, count: int, expected: str) -> list[bytes]:
        """The next ``count`` lines."""
        lines = self.rest.split(b"\n", count)
        self.rest = lines.pop()
        if len(lines) < count:
            raise self.fail(
                f"the file ends after {quote(self.rest)}" if self.rest else "the file ends too early",
                f"{expected}, on a line of its own",
                self.line + len(lines),
            )
        return lines

    def _rows(self, count: int, fewest: int, most: int, expected: str, *, literals: bool = True) -> Literals:
        """``count`` lines of numbers: int64 (count, most), -1 where a line has fewer."""
        lines = self._take(count, expected)
        rows = [line.split() for line in lines]
        for number, row in enumerate(rows):
            if not fewest <= len(row) <= most:
                raise self.fail(f"{quote(lines[number])} has {len(row)} numbers", expected, self.line + number)
            for word in row:
                if not word.isdigit() or len(word) > _DIGITS or (literals and int(word) > self.most):
                    column = lines[number].index(word) + 1
                    if word.isdigit() and literals:
                        raise self.fail(
                            f"{quote(word)} is no literal of this file",
                            f"a number up to {self.most:,}",
                            self.line + number,
                            column,
                        )
                    raise self.fail(f"{quote(word)} is no number", expected, self.line + number, column)
        self.line += count
        result = np.full((count, most), -1, np.int64)
        if fewest == most:
            result[:] = np.array([int(word) for row in rows for word in row], np.int64).reshape(count, most)
        else:
            for index, row in enumerate(rows):
                result[index, : len(row)] = [int(word) for word in row]
        return result

    def _column(self, count: int, what: str) -> Literals:
        return self._rows(count, 1, 1, f"the literal of {what}")[:, 0]

    def _latches(self, count: int, first: int | None) -> tuple[Literals, Literals, NDArray[np.int8]]:
        line = self.line
        given = 0 if first is not None else 1
        rows = self._rows(count, 1 + given, 2 + given, "a latch: its next-state literal, and perhaps its reset value")
        literals = np.arange(count, dtype=np.int64) * 2 + first if first is not None else rows[:, 0]
        resets = np.maximum(rows[:, 1 + given], 0)
        wrong = np.flatnonzero((resets > 1) & (resets != literals))
        if wrong.size:
            raise self.fail(
                f"a latch cannot be reset to {int(resets[wrong[0]])}",
                f"0, 1, or the latch itself ({int(literals[wrong[0]])}), which leaves it uninitialised",
                line + int(wrong[0]),
            )
        return literals, rows[:, given], np.where(resets > 1, UNINITIALISED, resets).astype(np.int8)

    def _justice(self, count: int) -> tuple[Literals, ...]:
        line = self.line
        sizes = self._rows(count, 1, 1, "the number of literals of a justice property", literals=False)[:, 0]
        if 2 * int(sizes.sum()) > len(self.rest):
            raise self.fail(
                f"the justice properties promise {int(sizes.sum()):,} literals, more than the file can hold",
                "a file as long as its justice properties say",
                line,
            )
        return tuple(self._column(size, "a justice property") for size in sizes.tolist())

    def _packed(self, literals: Literals) -> Literals:
        """The and-gates of a binary file: int64 (ands, 2), both smaller than the gate's own literal."""
        count = 2 * literals.size
        data = np.frombuffer(self.rest, np.uint8, min(len(self.rest), _PACKED_BYTES * count))
        ends = np.flatnonzero(data < 0x80)[:count]
        lengths = np.diff(ends, prepend=-1)
        longest = int(lengths.max(initial=0))
        if ends.size < count or longest > _PACKED_BYTES:
            # Either the data ran out, or a number is longer than any literal.
            gate = int(np.argmax(lengths > _PACKED_BYTES) if longest > _PACKED_BYTES else ends.size) // 2
            late = ends.size < count and len(self.rest) <= data.size and longest <= _PACKED_BYTES
            raise self.fail(
                f"the file ends within and-gate {int(literals[gate])}"
                if late
                else f"a number of and-gate {int(literals[gate])} is too long",
                f"{literals.size:,} and-gates of two packed numbers each",
            )
        deltas = np.zeros(count, np.int64)
        for part in range(longest):
            chosen = lengths > part
            digits = data[(ends - lengths + 1)[chosen] + part].astype(np.int64)
            deltas[chosen] |= (digits & 0x7F) << 7 * part
        left = literals - deltas[0::2]
        right = left - deltas[1::2]
        wrong = np.flatnonzero((right < 0) | (left >= literals))
        if wrong.size:
            raise self.fail(
                f"and-gate {int(literals[wrong[0]])} does not read literals smaller than its own",
                "and-gates in topological order, the larger fan-in first",
            )
        self.rest = self.rest[int(ends[-1]) + 1 :] if count else self.rest
        return np.stack((left, right), axis=1)

    def _symbols(self, sizes: dict[str, int]) -> dict[tuple[str, int], bytes]:
        symbols: dict[tuple[str, int], bytes] = {}
        # The comment is whatever follows a line that is only a c.
        head, mark, comment = (b"\n" + self.rest).partition(b"\nc\n")
        lines = head[1:].split(b"\n") if mark else self.rest.split(b"\n")
        if not mark and lines.pop():
            raise self.fail("the last line is cut short", "a newline at its end", self.line + self.rest.count(b"\n"))
        for number, line in enumerate(lines if head else []):
            found = _SYMBOL.match(line.removesuffix(b"\r"))
            if found is None:
                raise self.fail(
                    f"{quote(line)} is no symbol",
                    "one of the letters i l o b c j f with a position, a blank and a name; or c before the comment",
                    self.line + number,
                )
            letter, position = found[1].decode(), int(found[2])
            if position >= sizes[letter]:
                raise self.fail(
                    f"{quote(line)} names what does not exist",
                    f"a position below {sizes[letter]} after {letter}",
                    self.line + number,
                    2,
                )
            if (letter, position) in symbols:
                raise self.fail(f"{letter}{position} is named twice", "one name", self.line + number)
            if len(found[3]) > self.limits.name_bytes:
                raise name_too_long(found[3], self.file, self.line + number, self.limits)
            symbols[letter, position] = found[3]
        self.rest = comment
        return symbols
