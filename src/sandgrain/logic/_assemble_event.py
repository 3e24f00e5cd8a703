"""Mode ``event``: clocks are inputs, flip-flops remember what their inputs were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandgrain.logic import _assemble_nodes as codes
from sandgrain.logic._assemble_freeze import PAST_CONTROL, PAST_DATA, PRESENT, Memory, Plan
from sandgrain.logic._assemble_tables import Tables
from sandgrain.logic._assemble_walk import Walk
from sandgrain.logic.network import UNKNOWN
from sandgrain.netlist.model import Module


def event_walk(module: Module, tables: Tables, *, leave_free: bool) -> tuple[Walk, Plan]:
    """Walk all nets and states for mode ``event``."""
    nodes = tables.nodes
    count = nodes.state_cells.size
    flip_flops = np.flatnonzero(tables.states.flip_flop[nodes.state_kinds]) if count else np.empty(0, np.int64)
    keys = _control_keys(tables)[flip_flops]
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    walk = Walk(
        module,
        tables,
        cycle=False,
        variables=tables.sources.size + 2 * count + 1,
        gates=3 * module.bit_count,
        leave_free=leave_free,
    )
    inputs = walk.free(tables.sources.size)
    present = walk.free(count)
    data = walk.free(flip_flops.size)
    control = walk.free(first.size)
    walk.give(codes.AFTER, tables.sources, inputs)
    nodes.present[:] = present
    nodes.past_data[flip_flops] = data
    nodes.past_control[flip_flops] = control[which]
    walk.run(codes.AFTER, np.arange(nodes.first_state))
    state_nodes = nodes.first_state + np.arange(count)
    following = walk.run(codes.AFTER, state_nodes)
    next_data = walk.run(codes.PAST_DATA, state_nodes[flip_flops])
    next_control = walk.run(codes.PAST_CONTROL, state_nodes[flip_flops[first]])
    memory = Memory(
        variables=np.concatenate((present, data, control)),
        following=np.concatenate((following, next_data, next_control)),
        # A control that was 1 all along: the first step has no edge.
        initial=np.concatenate(
            (
                tables.initial,
                np.full(data.size, UNKNOWN, np.uint8),
                np.ones(control.size, np.uint8),
            )
        ),
        states=np.concatenate((np.arange(count), flip_flops, flip_flops[first])),
        roles=np.repeat(np.array([PRESENT, PAST_DATA, PAST_CONTROL], np.uint8), [count, data.size, control.size]),
        kept=np.concatenate(
            (
                tables.states.flip_flop[nodes.state_kinds] if count else np.zeros(0, np.bool_),
                np.zeros(data.size + control.size, np.bool_),
            )
        ),
    )
    return walk, Plan(codes.AFTER, inputs, tables.source_bits, tables.source_ports, memory)


def _control_keys(tables: Tables) -> NDArray[np.int64]:
    """One number per state, equal where the controls are the same net or the same inverted net."""
    nodes, cones = tables.nodes, tables.cones
    count = nodes.state_cells.size
    own = -1 - np.arange(count, dtype=np.int64)
    if not count:
        return own
    references = tables.states.control[nodes.state_kinds]
    cone = references >> 1
    first = cones.slot_offsets[cone]
    plain = (cones.slot_offsets[cone + 1] - first == 1) & (cones.gate_offsets[cone] == cones.gate_offsets[cone + 1])
    slot = cones.slots[np.minimum(first, max(cones.slots.size - 1, 0))] if cones.slots.size else first
    index = nodes.slot_offsets[nodes.state_cells] + np.where(plain, slot, 0)
    node = nodes.slots[np.minimum(index, max(nodes.slots.size - 1, 0))].astype(np.int64)
    keys: NDArray[np.int64] = np.where(plain & (node >= 0), 2 * node + ((cones.roots[cone] ^ references) & 1), own)
    return keys
