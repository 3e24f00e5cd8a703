"""Where each value of a pass over the and-gates lives: rows that are used again once nobody reads what they hold.

Renaming by liveness is register allocation over straight-line code (Poletto and Sarkar, *Linear scan register
allocation*, ACM TOPLAS 21(5), 1999) without spilling: a row is free from the last gate that reads it. A processor of
25 thousand variables gets by with 3 thousand rows, so that many more stimuli of it fit into the cache at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.network import Literals, Network

NOWHERE = -1
"""Row of a variable that nothing reads."""


class Gates(NamedTuple):
    """A pass over the and-gates, in terms of rows.

    Attributes:
        out: uint32 (gates,), row of each gate's value.
        left, right: uint32 (gates,), ``2 * row + negated`` of its two fan-ins.
        sources: int32 (inputs + latches,), row each input and latch is loaded into, or ``NOWHERE``.
    """

    out: NDArray[np.uint32]
    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    sources: NDArray[np.int32]


class Plan(NamedTuple):
    """`Gates`, how many rows they need, and where variables are found after the pass.

    Attributes:
        rows: number of rows; row 0 is constant false.
        row_of: int32 (variables,); meaningful after the pass for variables that were asked for, and in a plan of all.
    """

    gates: Gates
    rows: int
    row_of: NDArray[np.int32]

    def places(self, literals: Literals) -> NDArray[np.uint32]:
        """``2 * row + negated`` of literals that were asked for when the plan was made."""
        found: NDArray[np.uint32] = self.row_of[literals >> 1].astype(np.uint32) * np.uint32(2) + (
            literals & np.uint32(1)
        )
        return found


def plan_all(network: Network) -> Plan:
    """A plan in which every variable has a row of its own: row ``v`` is variable ``v``."""
    check(network)
    row_of = np.arange(network.variable_count, dtype=np.int32)
    gates = Gates(
        row_of[network.first_and :].astype(np.uint32),
        np.ascontiguousarray(network.fanin0, np.uint32),
        np.ascontiguousarray(network.fanin1, np.uint32),
        row_of[1 : network.first_and].copy(),
    )
    return Plan(gates, network.variable_count, row_of)


def plan_for(network: Network, wanted: Literals) -> Plan:
    """A plan that computes the ``wanted`` literals and what they depend on, in as few rows as liveness allows."""
    check(network)
    pinned = np.zeros(network.variable_count, np.bool_)
    pinned[0] = True
    pinned[np.asarray(wanted, np.uint32) >> 1] = True
    out, left, right, row_of, rows = _allocate(
        np.ascontiguousarray(network.fanin0, np.uint32),
        np.ascontiguousarray(network.fanin1, np.uint32),
        network.first_and,
        pinned,
    )
    sources = np.ascontiguousarray(row_of[1 : network.first_and])
    return Plan(Gates(out, left, right, sources), int(rows), row_of)


def check(network: Network) -> None:
    """Refuse a network whose arrays would lead a kernel astray.

    Raises:
        NetworkError: a fan-in that is not smaller than its gate, a next-state literal of no variable.
    """
    limits = np.arange(network.first_and, network.variable_count, dtype=np.int64) * 2
    late = np.flatnonzero((network.fanin0 >= limits) | (network.fanin1 >= limits))
    if late.size:
        gate = int(late[0])
        raise NetworkError(
            f"and-gate {gate} reads literals {network.fanin0[gate]} and {network.fanin1[gate]}",
            expected=f"literals below its own, {limits[gate]}",
            remedy="number and-gates in topological order",
        )
    check_literals(network, network.latch_next, "the next state of a latch")


def check_literals(network: Network, literals: Literals, what: str) -> None:
    """Refuse literals the network does not have.

    Raises:
        NetworkError: naming the first of them.
    """
    wrong = np.flatnonzero(np.asarray(literals, np.int64) >= 2 * network.variable_count)
    if wrong.size:
        raise NetworkError(
            f"{what} is literal {int(literals[wrong[0]])}, which the network does not have",
            expected=f"literals from 0 to {2 * network.variable_count - 1}",
        )


@numba.njit(cache=True)
def _allocate(fanin0, fanin1, first_and, pinned):  # type: ignore[no-untyped-def]
    """Cone of the pinned variables, last reader of each variable, then a stack of free rows."""
    variables = pinned.size
    needed = pinned.copy()
    for gate in range(fanin0.size - 1, -1, -1):
        if needed[first_and + gate]:
            needed[fanin0[gate] >> np.uint32(1)] = True
            needed[fanin1[gate] >> np.uint32(1)] = True
    last = np.full(variables, -1, np.int64)
    kept = 0
    for gate in range(fanin0.size):
        if needed[first_and + gate]:
            kept += 1
            last[fanin0[gate] >> np.uint32(1)] = gate
            last[fanin1[gate] >> np.uint32(1)] = gate
    row_of = np.full(variables, NOWHERE, np.int32)
    row_of[0] = 0
    rows = 1
    for variable in range(1, first_and):
        if needed[variable]:
            row_of[variable] = rows
            rows += 1
    free = np.empty(rows + kept, np.int32)
    frees = 0
    out = np.empty(kept, np.uint32)
    left = np.empty(kept, np.uint32)
    right = np.empty(kept, np.uint32)
    at = 0
    for gate in range(fanin0.size):
        own = first_and + gate
        if not needed[own]:
            continue
        a = np.int64(fanin0[gate] >> np.uint32(1))
        b = np.int64(fanin1[gate] >> np.uint32(1))
        left[at] = np.uint32(row_of[a]) * np.uint32(2) + (fanin0[gate] & np.uint32(1))
        right[at] = np.uint32(row_of[b]) * np.uint32(2) + (fanin1[gate] & np.uint32(1))
        # A gate reads a stretch of both fan-ins before it writes that stretch, so it may write over one of them.
        if last[a] == gate and not pinned[a]:
            free[frees] = row_of[a]
            frees += 1
        if b != a and last[b] == gate and not pinned[b]:
            free[frees] = row_of[b]
            frees += 1
        if frees:
            frees -= 1
            row_of[own] = free[frees]
        else:
            row_of[own] = rows
            rows += 1
        out[at] = row_of[own]
        at += 1
    return out, left, right, row_of, rows
