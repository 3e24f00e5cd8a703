"""Where clocks come from: the sources that reach the controls of flip-flops through gates alone."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic import _assemble_nodes as codes
from sandgrain.logic._assemble_tables import Tables
from sandgrain.logic._assemble_walk import Walk
from sandgrain.netlist.model import Module

NO_SOURCE: Final = -1
"""Nothing but constants and states reaches the control."""
SEVERAL: Final = -2
"""More than one source reaches the control."""


@numba.njit(cache=True)
def _follow(origin, fanin0, fanin1, is_and):  # type: ignore[no-untyped-def]
    """Fill ``origin``, the only source each variable depends on, for the gates."""
    for variable in range(origin.size):
        if is_and[variable]:
            one, other = origin[fanin0[variable] >> 1], origin[fanin1[variable] >> 1]
            if one in (NO_SOURCE, other):
                origin[variable] = other
            else:
                origin[variable] = one if other == NO_SOURCE else SEVERAL


def control_sources(module: Module, tables: Tables, *, leave_free: bool) -> NDArray[np.int64]:
    """For every state, the one source that reaches its control through gates, `NO_SOURCE` or `SEVERAL`.

    Gates that held inputs make constant lead nowhere. Of latches the answer is `NO_SOURCE`: their control is a level,
    not a clock edge.

    Raises:
        NetworkError: the controls depend on a loop of gates.
    """
    nodes = tables.nodes
    out = np.full(nodes.state_cells.size, NO_SOURCE, np.int64)
    if not out.size:
        return out
    flip_flops = np.flatnonzero(tables.states.flip_flop[nodes.state_kinds])
    walk = Walk(
        module, tables, cycle=False, variables=tables.sources.size + out.size + 1, gates=1 << 12, leave_free=leave_free
    )
    inputs = walk.free(tables.sources.size)
    walk.give(codes.AFTER, tables.sources, inputs)
    walk.give(codes.AFTER, nodes.first_state + np.arange(out.size), walk.free(out.size))
    controls = walk.run(codes.PAST_CONTROL, nodes.first_state + flip_flops)
    origin = np.full(walk.size, NO_SOURCE, np.int64)
    origin[inputs >> 1] = tables.sources
    _follow(origin, walk.fanin0, walk.fanin1, walk.is_and)
    out[flip_flops] = origin[controls >> 1]
    return out
