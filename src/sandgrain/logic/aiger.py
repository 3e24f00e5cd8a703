"""Binary AIGER out: the exchange format of hardware model checkers (A. Biere, *The AIGER format*, 2007)."""

from __future__ import annotations

import numba
import numpy as np

from sandgrain.logic.network import Literals


@numba.njit(cache=True)
def _deltas(first, fanin0, fanin1, out):  # type: ignore[no-untyped-def]
    """Write the and-gates as pairs of variable-length differences; returns the number of bytes."""
    size = 0
    for gate in range(fanin0.size):
        own = np.int64(2 * (first + gate))
        high = max(np.int64(fanin0[gate]), np.int64(fanin1[gate]))
        low = min(np.int64(fanin0[gate]), np.int64(fanin1[gate]))
        for delta in (own - high, high - low):
            while delta >= 0x80:
                out[size] = (delta & 0x7F) | 0x80
                size += 1
                delta >>= 7
            out[size] = delta
            size += 1
    return size


def binary_aiger(inputs: int, latch_next: Literals, fanin0: Literals, fanin1: Literals, bad: int) -> bytes:
    """A network with all latches initially 0 and one output, the bad state.

    Args:
        inputs: number of inputs, variables ``1 .. inputs``; the latches follow, then the and-gates in topological order.
        latch_next: uint32 (latches,) next-state literals.
        fanin0, fanin1: uint32 (ands,) fan-in literals.
        bad: literal of the output.
    """
    latches, ands = latch_next.size, fanin0.size
    header = f"aig {inputs + latches + ands} {inputs} {latches} 1 {ands}\n"
    lines = "".join(f"{literal}\n" for literal in latch_next.tolist())
    out = np.zeros(20 * ands + 1, np.uint8)
    size = _deltas(1 + inputs + latches, fanin0, fanin1, out)
    return header.encode() + lines.encode() + f"{bad}\n".encode() + out[:size].tobytes()
