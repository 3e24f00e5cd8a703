"""The shape of a network: levels, who reads whom, cones, loops through registers, what everything must pass through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.network import Literals, Network

NOWHERE = -1
"""The dominator of a variable from which no path leads to a root."""


@dataclass(frozen=True, slots=True)
class Adjacency:
    """A directed graph over ``n`` nodes in compressed rows.

    Attributes:
        offsets: int64 (n + 1,), the neighbours of node ``i`` are ``targets[offsets[i] : offsets[i + 1]]``.
        targets: uint32.
    """

    offsets: NDArray[np.int64]
    targets: NDArray[np.uint32]

    def of(self, node: int) -> NDArray[np.uint32]:
        """Neighbours of one node."""
        return self.targets[int(self.offsets[node]) : int(self.offsets[node + 1])]


def levels(network: Network) -> NDArray[np.int32]:
    """Longest path in and-gates from an input, a latch or the constant: int32 (variables,)."""
    result = np.zeros(network.variable_count, np.int32)
    _levels(network.fanin0, network.fanin1, network.first_and, result)
    return result


def fanout(network: Network, *, sequential: bool = False) -> Adjacency:
    """The and-gates that read each variable, ascending; a gate that reads it twice counts once.

    Args:
        network: the network.
        sequential: a latch counts as a reader of its next state.
    """
    latch_next = network.latch_next if sequential else np.empty(0, np.uint32)
    counts = np.zeros(network.variable_count + 1, np.int64)
    _count_readers(network.fanin0, network.fanin1, latch_next, counts)
    offsets = np.cumsum(counts)
    targets = np.empty(int(offsets[-1]), np.uint32)
    _list_readers(
        network.fanin0, network.fanin1, latch_next, network.first_latch, network.first_and, offsets[:-1].copy(), targets
    )
    return Adjacency(offsets, targets)


def fanin_cone(network: Network, literals: Literals | Sequence[int], *, cycles: int | None = 0) -> NDArray[np.bool_]:
    """What the literals depend on: bool (variables,), they themselves included.

    Args:
        network: the network.
        literals: roots.
        cycles: how many clock edges back to go; ``None`` for any number.

    Raises:
        NetworkError: a literal that is not of the network.
    """
    marked = np.zeros(network.variable_count, np.bool_)
    _fanin(
        _variables(network, literals),
        network.fanin0,
        network.fanin1,
        network.latch_next,
        network.first_latch,
        network.first_and,
        -1 if cycles is None else cycles,
        marked,
    )
    return marked


def fanout_cone(network: Network, literals: Literals | Sequence[int], *, cycles: int | None = 0) -> NDArray[np.bool_]:
    """What depends on the literals: bool (variables,), they themselves included; see `fanin_cone`."""
    marked = np.zeros(network.variable_count, np.bool_)
    readers = fanout(network, sequential=True)
    _fanout(
        _variables(network, literals),
        readers.offsets,
        readers.targets,
        network.first_latch,
        network.first_and,
        -1 if cycles is None else cycles,
        marked,
    )
    return marked


def latch_graph(network: Network) -> Adjacency:
    """For each latch the latches its next state depends on, ascending, through and-gates alone.

    The time is that of looking at every latch's cone once.
    """
    return Adjacency(
        *_latch_graph(network.latch_next, network.fanin0, network.fanin1, network.first_latch, network.first_and)
    )


def components(network: Network) -> NDArray[np.int32]:
    """Strongly connected components of the sequential network: int32 (variables,), one number per component.

    Two variables share a number if each depends on the other in some number of cycles. A component's number is greater
    than those of the components it depends on.

    Source:
        R. Tarjan, *Depth-first search and linear graph algorithms*, SIAM J. Computing 1(2), 1972.
    """
    return np.asarray(
        _components(
            network.fanin0,
            network.fanin1,
            network.latch_next,
            network.first_latch,
            network.first_and,
            network.variable_count,
        )
    )


def dominators(network: Network, roots: Literals | Sequence[int]) -> NDArray[np.int64]:
    """The next variable that every combinational path from each variable to the roots passes through.

    Args:
        network: the network.
        roots: literals where paths end; paths do not cross latches.

    Returns:
        int64 (variables,): the immediate dominator; ``variable_count`` where paths share nothing but ending at a root
        (roots among them); `NOWHERE` where no path leads to a root.

    Source:
        K. Cooper, T. Harvey and K. Kennedy, *A simple, fast dominance algorithm*, 2001, in one pass since there is no
        loop.
    """
    readers = fanout(network)
    is_root = np.zeros(network.variable_count, np.bool_)
    is_root[_variables(network, roots)] = True
    return np.asarray(_dominators(readers.offsets, readers.targets, is_root))


def _variables(network: Network, literals: Literals | Sequence[int]) -> NDArray[np.int64]:
    variables = np.asarray(literals, np.int64) >> 1
    if variables.size and (variables.min() < 0 or variables.max() >= network.variable_count):
        raise NetworkError(
            "a literal is not of this network", expected=f"literals below {2 * network.variable_count:,}"
        )
    return variables


@numba.njit(cache=True)
def _levels(fanin0, fanin1, first_and, result):  # type: ignore[no-untyped-def]
    for gate in range(fanin0.size):
        result[first_and + gate] = 1 + max(result[fanin0[gate] >> 1], result[fanin1[gate] >> 1])


@numba.njit(cache=True)
def _count_readers(fanin0, fanin1, latch_next, counts):  # type: ignore[no-untyped-def]
    for gate in range(fanin0.size):
        left, right = fanin0[gate] >> 1, fanin1[gate] >> 1
        counts[left + 1] += 1
        if right != left:
            counts[right + 1] += 1
    for literal in latch_next:
        counts[(literal >> 1) + 1] += 1


@numba.njit(cache=True)
def _list_readers(fanin0, fanin1, latch_next, first_latch, first_and, at, targets):  # type: ignore[no-untyped-def]
    for latch in range(latch_next.size):
        variable = latch_next[latch] >> 1
        targets[at[variable]] = first_latch + latch
        at[variable] += 1
    for gate in range(fanin0.size):
        left, right = fanin0[gate] >> 1, fanin1[gate] >> 1
        targets[at[left]] = first_and + gate
        at[left] += 1
        if right != left:
            targets[at[right]] = first_and + gate
            at[right] += 1


@numba.njit(cache=True)
def _fanin(roots, fanin0, fanin1, latch_next, first_latch, first_and, cycles, marked):  # type: ignore[no-untyped-def]
    stack = np.empty(marked.size + 1, np.int64)
    frontier = np.empty(marked.size + roots.size + 1, np.int64)
    waiting = 0
    frontier[: roots.size] = roots
    waiting = roots.size
    cycle = 0
    while waiting:
        # Marked only now: within the cycle before, it might have been met at no clock edge.
        top = 0
        for index in range(waiting):
            if not marked[frontier[index]]:
                marked[frontier[index]] = True
                stack[top] = frontier[index]
                top += 1
        waiting = 0
        while top:
            top -= 1
            variable = stack[top]
            if variable >= first_and:
                for fanin in (fanin0[variable - first_and] >> 1, fanin1[variable - first_and] >> 1):
                    if not marked[fanin]:
                        marked[fanin] = True
                        stack[top] = fanin
                        top += 1
            elif variable >= first_latch and cycle != cycles:
                frontier[waiting] = latch_next[variable - first_latch] >> 1
                waiting += 1
        cycle += 1


@numba.njit(cache=True)
def _fanout(roots, offsets, targets, first_latch, first_and, cycles, marked):  # type: ignore[no-untyped-def]
    stack = np.empty(marked.size + 1, np.int64)
    frontier = np.empty(marked.size + roots.size + 1, np.int64)
    waiting = 0
    frontier[: roots.size] = roots
    waiting = roots.size
    cycle = 0
    while waiting:
        # Marked only now: within the cycle before, it might have been met at no clock edge.
        top = 0
        for index in range(waiting):
            if not marked[frontier[index]]:
                marked[frontier[index]] = True
                stack[top] = frontier[index]
                top += 1
        waiting = 0
        while top:
            top -= 1
            variable = stack[top]
            for index in range(offsets[variable], offsets[variable + 1]):
                reader = targets[index]
                if marked[reader]:
                    continue
                if reader >= first_and:
                    marked[reader] = True
                    stack[top] = reader
                    top += 1
                elif reader >= first_latch and cycle != cycles:
                    frontier[waiting] = reader
                    waiting += 1
        cycle += 1


@numba.njit(cache=True)
def _latch_graph(latch_next, fanin0, fanin1, first_latch, first_and):  # type: ignore[no-untyped-def]
    size = first_and + fanin0.size
    seen = np.full(size, -1, np.int64)
    stack = np.empty(size + 2, np.int64)
    offsets = np.zeros(latch_next.size + 1, np.int64)
    targets = np.empty(max(16, 4 * latch_next.size), np.uint32)
    count = 0
    for latch in range(latch_next.size):
        stack[0] = latch_next[latch] >> 1
        seen[stack[0]] = latch
        top = 1
        while top:
            top -= 1
            variable = stack[top]
            if variable >= first_and:
                for fanin in (fanin0[variable - first_and] >> 1, fanin1[variable - first_and] >> 1):
                    if seen[fanin] != latch:
                        seen[fanin] = latch
                        stack[top] = fanin
                        top += 1
            elif variable >= first_latch:
                if count == targets.size:
                    longer = np.empty(2 * count, np.uint32)
                    longer[:count] = targets
                    targets = longer
                targets[count] = variable - first_latch
                count += 1
        targets[offsets[latch] : count].sort()
        offsets[latch + 1] = count
    return offsets, targets[:count].copy()


@numba.njit(cache=True)
def _components(fanin0, fanin1, latch_next, first_latch, first_and, size):  # type: ignore[no-untyped-def]
    index = np.full(size, -1, np.int64)
    low = np.zeros(size, np.int64)
    step = np.zeros(size, np.uint8)
    component = np.full(size, -1, np.int32)
    path = np.empty(size + 1, np.int64)
    calls = np.empty(size + 1, np.int64)
    counter = 0
    found = 0
    pending = 0
    for start in range(size):
        if index[start] >= 0:
            continue
        calls[0] = start
        depth = 1
        while depth:
            variable = calls[depth - 1]
            if step[variable] == 0:
                index[variable] = low[variable] = counter
                counter += 1
                path[pending] = variable
                pending += 1
            child = np.int64(-1)
            while child < 0:
                if variable >= first_and and step[variable] < 2:
                    fanins = fanin0 if step[variable] == 0 else fanin1
                    literal = fanins[variable - first_and]
                elif first_latch <= variable < first_and and step[variable] < 1:
                    literal = latch_next[variable - first_latch]
                else:
                    break
                step[variable] += 1
                other = np.int64(literal >> 1)
                if index[other] < 0:
                    child = other
                elif component[other] < 0:
                    low[variable] = min(low[variable], index[other])
            if child >= 0:
                calls[depth] = child
                depth += 1
                continue
            step[variable] = 3
            depth -= 1
            if depth:
                parent = calls[depth - 1]
                low[parent] = min(low[parent], low[variable])
            if low[variable] == index[variable]:
                while True:
                    pending -= 1
                    member = path[pending]
                    component[member] = found
                    if member == variable:
                        break
                found += 1
    return component


@numba.njit(cache=True)
def _dominators(offsets, targets, is_root):  # type: ignore[no-untyped-def]
    size = is_root.size
    parent = np.full(size + 1, NOWHERE, np.int64)
    depth = np.zeros(size + 1, np.int64)
    parent[size] = size
    for variable in range(size - 1, -1, -1):
        meet = size if is_root[variable] else NOWHERE
        for index in range(offsets[variable], offsets[variable + 1]):
            reader = np.int64(targets[index])
            if parent[reader] == NOWHERE:
                continue
            if meet == NOWHERE:
                meet = reader
                continue
            while meet != reader:
                if depth[meet] >= depth[reader]:
                    meet = parent[meet]
                else:
                    reader = parent[reader]
        if meet != NOWHERE:
            parent[variable] = meet
            depth[variable] = depth[meet] + 1
    return parent[:size].copy()
