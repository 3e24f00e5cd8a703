"""A growing, structurally hashed and-inverter graph: the workspace of every unrolling.

Hashing and constant folding follow the one-level rules of Kuehlmann et al., *Robust Boolean reasoning for
equivalence checking and functional property verification*, IEEE TCAD 21(12), 2002.
"""

from __future__ import annotations

from collections.abc import Iterable

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.network import TRUE, Literals, Network

AND_BIT = 1
"""Kind of a net bit driven by a two-input and-gate, for `Graph.resolve`."""
NOT_BIT = 2
"""Kind of a net bit driven by an inverter, for `Graph.resolve`."""

_EMPTY = np.uint32(0xFFFFFFFF)


@numba.njit(cache=True, inline="always")
def _slot(a, b, mask):  # type: ignore[no-untyped-def]
    mixed = (np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F))
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))


@numba.njit(cache=True)
def _rehash(table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    mask = table.size - 1
    table[:] = _EMPTY
    for variable in range(size):
        if is_and[variable]:
            slot = _slot(fanin0[variable], fanin1[variable], mask)
            while table[slot] != _EMPTY:
                slot = (slot + 1) & mask
            table[slot] = variable


@numba.njit(cache=True, inline="always")
def _land(a, b, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    """And of two literals -> (literal, new size)."""
    if a > b:
        a, b = b, a
    if a == 0 or a == (b ^ np.uint32(1)):
        return np.uint32(0), size
    if a == 1 or a == b:
        return b, size
    mask = table.size - 1
    slot = _slot(a, b, mask)
    while table[slot] != _EMPTY:
        found = table[slot]
        if fanin0[found] == a and fanin1[found] == b:
            return np.uint32(found * 2), size
        slot = (slot + 1) & mask
    table[slot] = size
    fanin0[size] = a
    fanin1[size] = b
    is_and[size] = True
    return np.uint32(size * 2), size + 1


@numba.njit(cache=True)
def _frame(net0, net1, first_and, values, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    for gate in range(net0.size):
        a = values[net0[gate] >> 1] ^ (net0[gate] & np.uint32(1))
        b = values[net1[gate] >> 1] ^ (net1[gate] & np.uint32(1))
        values[first_and + gate], size = _land(a, b, table, fanin0, fanin1, is_and, size)
    return size


@numba.njit(cache=True)
def _land_pairs(a, b, out, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    for index in range(a.size):
        out[index], size = _land(a[index], b[index], table, fanin0, fanin1, is_and, size)
    return size


@numba.njit(cache=True)
def _resolve(kinds, left, right, literals, known, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    """Literals of all gate bits, depth first; returns (new size, bit on a cycle or -1)."""
    busy = np.zeros(kinds.size, np.bool_)
    stack = np.empty(kinds.size + 2, np.int64)
    for root in range(kinds.size):
        if known[root]:
            continue
        top = 0
        stack[0] = root
        top = 1
        while top:
            bit = stack[top - 1]
            if known[bit]:
                top -= 1
                continue
            a, b = left[bit], right[bit]
            waits = False
            if a >= 0 and not known[a]:
                waits = True
                child = a
            elif kinds[bit] == AND_BIT and b >= 0 and not known[b]:
                waits = True
                child = b
            if waits:
                busy[bit] = True
                if busy[child]:
                    return size, child
                stack[top] = child
                top += 1
                continue
            la = literals[a] if a >= 0 else np.uint32(-1 - a)
            if kinds[bit] == NOT_BIT:
                literals[bit] = la ^ np.uint32(1)
            else:
                lb = literals[b] if b >= 0 else np.uint32(-1 - b)
                literals[bit], size = _land(la, lb, table, fanin0, fanin1, is_and, size)
            known[bit] = True
            busy[bit] = False
            top -= 1
    return size, -1


class Graph:
    """An and-inverter graph that only grows; variable 0 is constant false, literals as in `Network`."""

    __slots__ = ("_fanin0", "_fanin1", "_is_and", "_size", "_table")

    def __init__(self, capacity: int = 1 << 16) -> None:
        capacity = 1 << max(4, (capacity - 1).bit_length())  # the hash table is masked, so a power of two
        self._fanin0 = np.zeros(capacity, np.uint32)
        self._fanin1 = np.zeros(capacity, np.uint32)
        self._is_and = np.zeros(capacity, np.bool_)
        self._table = np.full(4 * capacity, _EMPTY, np.uint32)
        self._size = 1

    def __len__(self) -> int:
        return self._size

    @property
    def fanin0(self) -> Literals:
        """uint32 (variables,): first fan-in literal; meaningless where not `is_and`."""
        return self._fanin0[: self._size]

    @property
    def fanin1(self) -> Literals:
        """uint32 (variables,): second fan-in literal; meaningless where not `is_and`."""
        return self._fanin1[: self._size]

    @property
    def is_and(self) -> NDArray[np.bool_]:
        """bool (variables,): whether the variable is an and-gate rather than a free variable."""
        return self._is_and[: self._size]

    def _reserve(self, extra: int) -> None:
        needed = self._size + extra
        if needed <= self._fanin0.size:
            return
        capacity = self._fanin0.size
        while capacity < needed:
            capacity *= 2
        for name in ("_fanin0", "_fanin1", "_is_and"):
            old = getattr(self, name)
            new = np.zeros(capacity, old.dtype)
            new[: self._size] = old[: self._size]
            setattr(self, name, new)
        self._table = np.empty(4 * capacity, np.uint32)
        _rehash(self._table, self._fanin0, self._fanin1, self._is_and, self._size)

    def free(self, count: int) -> Literals:
        """``count`` new free variables as positive literals."""
        self._reserve(count)
        start = self._size
        self._is_and[start : start + count] = False
        self._size += count
        return np.arange(start, start + count, dtype=np.uint32) * np.uint32(2)

    def frame(self, network: Network, inputs: Literals, state: Literals) -> Literals:
        """One copy of ``network`` over the given literals.

        Args:
            network: the network to copy.
            inputs: uint32 (inputs,) literals of this graph.
            state: uint32 (latches,) literals of this graph.

        Returns:
            uint32 (variables of network,): the literal of each network variable in this graph.
        """
        self._reserve(network.and_count)
        values = np.zeros(network.variable_count, np.uint32)
        values[1 : network.first_latch] = inputs
        values[network.first_latch : network.first_and] = state
        self._size = _frame(
            network.fanin0,
            network.fanin1,
            network.first_and,
            values,
            self._table,
            self._fanin0,
            self._fanin1,
            self._is_and,
            self._size,
        )
        return values

    def resolve(
        self,
        kinds: NDArray[np.uint8],
        left: NDArray[np.int64],
        right: NDArray[np.int64],
        literals: Literals,
        known: NDArray[np.bool_],
    ) -> int:
        """Build the and-gates of a gate netlist.

        Args:
            kinds: uint8 (bits,), ``AND_BIT`` or ``NOT_BIT`` wherever not yet ``known``.
            left, right: int64 (bits,), the driving gate's input bits; -1 is constant 0 and -2 constant 1.
            literals: uint32 (bits,), filled in for every bit.
            known: bool (bits,), the bits whose literal is given (inputs, latches); all true afterwards.

        Returns:
            -1, or a bit on a combinational cycle (then ``literals`` is incomplete).
        """
        self._reserve(int((~known).sum()))
        self._size, cycle = _resolve(
            kinds,
            left,
            right,
            literals,
            known,
            self._table,
            self._fanin0,
            self._fanin1,
            self._is_and,
            self._size,
        )
        return int(cycle)

    def land(self, a: int, b: int) -> int:
        """The literal of ``a and b``."""
        self._reserve(1)
        out = np.zeros(1, np.uint32)
        self._size = _land_pairs(
            np.array([a], np.uint32),
            np.array([b], np.uint32),
            out,
            self._table,
            self._fanin0,
            self._fanin1,
            self._is_and,
            self._size,
        )
        return int(out[0])

    def xor(self, a: int, b: int) -> int:
        """The literal of ``a != b``."""
        return self.land(self.land(a, b) ^ 1, self.land(a ^ 1, b ^ 1) ^ 1)

    def all_of(self, literals: Iterable[int]) -> int:
        """The literal of the conjunction; true when empty."""
        result = int(TRUE)
        for literal in literals:
            result = self.land(result, int(literal))
        return result

    def any_of(self, literals: Iterable[int]) -> int:
        """The literal of the disjunction; false when empty."""
        return self.all_of(int(literal) ^ 1 for literal in literals) ^ 1


def literal_values(values: Literals, literals: Literals) -> Literals:
    """Map literals of a network through ``values`` (as `Graph.frame` returns) to literals of the graph."""
    mapped: Literals = values[literals >> np.uint32(1)] ^ (literals & np.uint32(1))
    return mapped
