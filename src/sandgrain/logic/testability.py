"""How hard a value is to reach and to see, and how often it occurs: SCOAP measures and signal probabilities.

Source:
    L. Goldstein and E. Thigpen, *SCOAP: Sandia controllability/observability analysis program*, DAC 1980, with the
    rules for an and-gate; an inverted fan-in exchanges the measures of 0 and 1 and costs nothing, since inverters are
    no gates here. A clock is an input: an edge costs 2 combinational steps and no decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.network import Literals, Network

UNREACHABLE: Final = np.uint32(0xFFFFFFFF)
"""A measure without bound: the value cannot be set, or cannot be seen. Sums stop here."""
_EDGE: Final = 2
_Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Scoap:
    """SCOAP measures of every variable; all uint32 (variables,), `UNREACHABLE` where there is no way.

    Attributes:
        cc0, cc1: combinational controllability, the number of settings and gates to make it 0 or 1.
        co: combinational observability, to see it at an output.
        sc0, sc1: sequential controllability, the number of clock edges.
        so: sequential observability.
    """

    cc0: NDArray[np.uint32]
    cc1: NDArray[np.uint32]
    co: NDArray[np.uint32]
    sc0: NDArray[np.uint32]
    sc1: NDArray[np.uint32]
    so: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Chance of a 1 of every variable.

    Attributes:
        ones: float64 (variables,).
        settled: whether the registers came to rest; if not, the values are those of the last pass.
        passes: how often the network was gone through.
    """

    ones: NDArray[np.float64]
    settled: bool
    passes: int


def scoap(network: Network, outputs: Literals | Sequence[int]) -> Scoap:
    """SCOAP measures, registers included by a least fixpoint.

    A latch that powers up with a value has it for the cost of a setting and no clock edge.

    Args:
        network: the network.
        outputs: literals where values are seen.

    Raises:
        NetworkError: an output that is not of the network.
    """
    roots = np.asarray(outputs, np.uint32)
    if roots.size and int(roots.max()) >> 1 >= network.variable_count:
        raise NetworkError("an output is not of this network", expected=f"below {2 * network.variable_count:,}")
    graph = (network.fanin0, network.fanin1, network.latch_next, network.latch_init)
    where = (network.first_latch, network.first_and)
    cc0, cc1 = _controllability(*graph, *where, 1, 1, _EDGE)
    sc0, sc1 = _controllability(*graph, *where, 0, 0, 1)
    co = _observability(network.fanin0, network.fanin1, network.latch_next, *where, cc0, cc1, roots, 1, _EDGE)
    so = _observability(network.fanin0, network.fanin1, network.latch_next, *where, sc0, sc1, roots, 0, 1)
    return Scoap(cc0, cc1, co, sc0, sc1, so)


def signal_probabilities(
    network: Network,
    inputs: float | NDArray[np.float64] = 0.5,
    *,
    tolerance: float = 1e-6,
    most_passes: int = 1_000,
) -> Probabilities:
    """Chances of a 1 if all fan-ins of a gate were independent; registers by going round until they rest.

    Args:
        network: the network.
        inputs: chance of a 1, of all inputs or float64 (inputs,).
        tolerance: registers rest when none moves by more.
        most_passes: bound on going round.

    Raises:
        NetworkError: a chance outside of 0 to 1, or not one for each input.
    """
    chances = np.broadcast_to(np.asarray(inputs, np.float64), (network.input_count,))
    if chances.size and not (chances.min() >= 0.0 and chances.max() <= 1.0):
        raise NetworkError("a chance is no probability", expected="numbers from 0 to 1")
    ones = np.zeros(network.variable_count, np.float64)
    ones[1 : network.first_latch] = chances
    ones[network.first_latch : network.first_and] = np.where(network.latch_init > 1, 0.5, network.latch_init)
    passes, moved = 0, np.inf
    while moved > tolerance and passes < most_passes:
        moved = _spread(
            ones, network.fanin0, network.fanin1, network.latch_next, network.first_latch, network.first_and
        )
        passes += 1
    return Probabilities(ones, bool(moved <= tolerance), passes)


def probability_interval(
    ones: NDArray[np.uint64], samples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Share of ones in a simulation, with the bounds of its 95 % interval: three float64 (variables,).

    The samples are taken to be independent; cycles of one run are not quite.

    Source:
        E. Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22, 1927.
    """
    if samples < 1:
        raise NetworkError("no samples", expected="at least one")
    share = ones.astype(np.float64) / samples
    square = _Z95 * _Z95
    middle = (share + square / (2 * samples)) / (1 + square / samples)
    half = _Z95 * np.sqrt(share * (1 - share) / samples + square / (4 * samples * samples)) / (1 + square / samples)
    return share, np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


@numba.njit(cache=True)
def _plus(a, b):  # type: ignore[no-untyped-def]
    """Sum of two measures that stops at `UNREACHABLE`."""
    total = np.uint64(a) + np.uint64(b)
    return np.uint32(min(total, np.uint64(0xFFFFFFFF)))


@numba.njit(cache=True)
def _controllability(  # type: ignore[no-untyped-def]
    fanin0, fanin1, latch_next, latch_init, first_latch, first_and, setting, gate_cost, edge
):
    size = first_and + fanin0.size
    zero = np.full(size, UNREACHABLE, np.uint32)
    one = np.full(size, UNREACHABLE, np.uint32)
    zero[0] = 0
    zero[1:first_latch] = setting
    one[1:first_latch] = setting
    for latch in range(latch_next.size):
        if latch_init[latch] == 0:
            zero[first_latch + latch] = setting
        elif latch_init[latch] == 1:
            one[first_latch + latch] = setting
    changed = True
    while changed:
        for gate in range(fanin0.size):
            a, b, out = fanin0[gate] >> 1, fanin1[gate] >> 1, first_and + gate
            zero0, one0 = (one[a], zero[a]) if fanin0[gate] & 1 else (zero[a], one[a])
            zero1, one1 = (one[b], zero[b]) if fanin1[gate] & 1 else (zero[b], one[b])
            zero[out] = _plus(min(zero0, zero1), gate_cost)
            one[out] = _plus(_plus(one0, one1), gate_cost)
        changed = False
        for latch in range(latch_next.size):
            row, out = latch_next[latch] >> 1, first_latch + latch
            low, high = (one[row], zero[row]) if latch_next[latch] & 1 else (zero[row], one[row])
            low, high = _plus(low, edge), _plus(high, edge)
            if low < zero[out]:
                zero[out] = low
                changed = True
            if high < one[out]:
                one[out] = high
                changed = True
    return zero, one


@numba.njit(cache=True)
def _observability(  # type: ignore[no-untyped-def]
    fanin0, fanin1, latch_next, first_latch, first_and, zero, one, outputs, gate_cost, edge
):
    seen = np.full(first_and + fanin0.size, UNREACHABLE, np.uint32)
    for literal in outputs:
        seen[literal >> 1] = 0
    changed = True
    while changed:
        for gate in range(fanin0.size - 1, -1, -1):
            a, b, out = fanin0[gate] >> 1, fanin1[gate] >> 1, first_and + gate
            one0 = zero[a] if fanin0[gate] & 1 else one[a]
            one1 = zero[b] if fanin1[gate] & 1 else one[b]
            seen[a] = min(seen[a], _plus(_plus(seen[out], one1), gate_cost))
            seen[b] = min(seen[b], _plus(_plus(seen[out], one0), gate_cost))
        changed = False
        for latch in range(latch_next.size):
            row = latch_next[latch] >> 1
            through = _plus(seen[first_latch + latch], edge)
            if through < seen[row]:
                seen[row] = through
                changed = True
    return seen


@numba.njit(cache=True)
def _spread(ones, fanin0, fanin1, latch_next, first_latch, first_and):  # type: ignore[no-untyped-def]
    """One pass over the gates and one clock edge; how far a register moved."""
    for gate in range(fanin0.size):
        a, b = ones[fanin0[gate] >> 1], ones[fanin1[gate] >> 1]
        ones[first_and + gate] = (1.0 - a if fanin0[gate] & 1 else a) * (1.0 - b if fanin1[gate] & 1 else b)
    following = np.empty(latch_next.size, np.float64)
    moved = 0.0
    for latch in range(latch_next.size):
        value = ones[latch_next[latch] >> 1]
        following[latch] = 1.0 - value if latch_next[latch] & 1 else value
        moved = max(moved, abs(following[latch] - ones[first_latch + latch]))
    ones[first_latch:first_and] = following
    return moved
