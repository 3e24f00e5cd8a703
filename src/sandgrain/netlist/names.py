"""Interned names: every distinct name once, in one byte buffer, because a real chip has millions of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

_INDEXED = 1 << 16


class NameTable:
    """Distinct names as UTF-8 in one buffer.

    Attributes:
        buffer: uint8 (bytes,), all names one after another.
        offsets: int64 (names + 1,), name ``i`` is ``buffer[offsets[i] : offsets[i + 1]]``.
    """

    __slots__ = ("_ids", "buffer", "offsets")

    def __init__(self, buffer: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self.buffer = buffer
        self.offsets = offsets
        self._ids: dict[str, int] | None = None

    def __len__(self) -> int:
        return int(self.offsets.size) - 1

    def __getitem__(self, index: int) -> str:
        first, last = int(self.offsets[index]), int(self.offsets[index + 1])
        return self.buffer[first:last].tobytes().decode("utf-8", "backslashreplace")

    def find(self, name: str) -> int:
        """Number of ``name``, or -1."""
        if len(self) <= _INDEXED:
            if self._ids is None:
                self._ids = {self[index]: index for index in range(len(self))}
            return self._ids.get(name, -1)
        wanted = np.frombuffer(name.encode("utf-8", "surrogateescape"), np.uint8)
        starts = self.offsets[:-1]
        candidates = np.flatnonzero(np.diff(self.offsets) == wanted.size)
        for position, byte in enumerate(wanted.tolist()):
            candidates = candidates[self.buffer[starts[candidates] + position] == byte]
        return int(candidates[0]) if candidates.size else -1

    @staticmethod
    def of(names: Iterable[str]) -> NameTable:
        """The table of ``names``, numbered in the order given; they must be distinct."""
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(name) for name in encoded], out=offsets[1:])
        return NameTable(np.frombuffer(b"".join(encoded), np.uint8), offsets)


class Names(Sequence[str]):
    """The names of things numbered ``0 .. n - 1``: a column of ids into a shared `NameTable`.

    Attributes:
        table: the distinct names.
        ids: uint32 (n,), number in ``table`` of the name of each thing.
    """

    __slots__ = ("ids", "table")

    def __init__(self, table: NameTable, ids: NDArray[np.uint32]) -> None:
        self.table = table
        self.ids = ids

    @staticmethod
    def of(names: Iterable[str]) -> Names:
        """A column of ``names`` with a table of its own."""
        numbers: dict[str, int] = {}
        ids = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.uint32)
        return Names(NameTable.of(numbers), ids)

    def __len__(self) -> int:
        return int(self.ids.size)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Names: ...
    def __getitem__(self, index: int | slice) -> str | Names:
        if isinstance(index, slice):
            return Names(self.table, self.ids[index])
        return self.table[int(self.ids[index])]

    def __iter__(self) -> Iterator[str]:
        table = self.table
        return (table[index] for index in self.ids.tolist())

    def find(self, name: str) -> int:
        """Number of the first thing called ``name``, or -1."""
        number = self.table.find(name)
        if number < 0:
            return -1
        found = np.flatnonzero(self.ids == number)
        return int(found[0]) if found.size else -1
