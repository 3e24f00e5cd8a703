"""The compiled walk that gives every net bit and every state its literal, depth first, in each phase of a step."""

from __future__ import annotations

import numba
import numpy as np

from sandgrain.logic._assemble_nodes import (
    AFTER,
    AT,
    BEFORE,
    BUSY,
    DONE,
    EDGE,
    GROW_GRAPH,
    GROW_STACK,
    IS_STATE,
    KNOWN,
    LOOP,
    MARGIN,
    MIDDLE,
    NEXT,
    PAST_CONTROL,
    PAST_DATA,
    ROOT,
    SIZE,
    TOP,
)
from sandgrain.logic.graph import _land


@numba.njit(cache=True)
def _and(a, b, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    # One copy of the compiled code for all the callers here; inlined everywhere, compiling takes a minute.
    literal, size = _land(a, b, table, fanin0, fanin1, is_and, size)
    return np.uint32(literal), size


@numba.njit(cache=True)
def _unknown(cones, nodes, status, reference, cell, phase, start):  # type: ignore[no-untyped-def]
    """Position of the first slot from ``start`` of a cone that has no literal yet, and its node; -1 if none."""
    if reference < 0:
        return -1, -1
    cone = reference >> 1
    count = nodes.kinds.size
    for index in range(cones.slot_offsets[cone] + start, cones.slot_offsets[cone + 1]):
        node = nodes.slots[nodes.slot_offsets[cell] + cones.slots[index]]
        if node >= 0 and status[phase * count + node] != KNOWN:
            return index - cones.slot_offsets[cone], phase * count + node
    return -1, -1


@numba.njit(cache=True)
def _value(cones, nodes, literals, buffer, reference, cell, phase, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    """Literal of a cone whose slots all have one: (literal, new size)."""
    cone = reference >> 1
    count = nodes.kinds.size
    buffer[0] = 0
    at = 1
    for index in range(cones.slot_offsets[cone], cones.slot_offsets[cone + 1]):
        node = nodes.slots[nodes.slot_offsets[cell] + cones.slots[index]]
        buffer[at] = literals[phase * count + node] if node >= 0 else np.uint32(-1 - node)
        at += 1
    one = np.uint32(1)
    for gate in range(cones.gate_offsets[cone], cones.gate_offsets[cone + 1]):
        left, right = cones.gate0[gate], cones.gate1[gate]
        buffer[at], size = _and(
            buffer[left >> one] ^ (left & one),
            buffer[right >> one] ^ (right & one),
            table,
            fanin0,
            fanin1,
            is_and,
            size,
        )
        at += 1
    root = cones.roots[cone]
    return np.uint32(buffer[root >> one] ^ (root & one) ^ np.uint32(reference & 1)), size


@numba.njit(cache=True)
def _mux(select, high, low, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    one = np.uint32(1)
    if select == 1 or high == low:
        return high, size
    if select == 0:
        return low, size
    a, size = _and(select, high, table, fanin0, fanin1, is_and, size)
    b, size = _and(select ^ one, low, table, fanin0, fanin1, is_and, size)
    c, size = _and(a ^ one, b ^ one, table, fanin0, fanin1, is_and, size)
    return c ^ one, size


@numba.njit(cache=True)
def _forced(  # type: ignore[no-untyped-def]
    value, state, cones, states, nodes, literals, buffer, phase, table, fanin0, fanin1, is_and, size
):
    """A value under the clear and preset of a state: (literal, new size)."""
    kind = nodes.state_kinds[state]
    cell = nodes.state_cells[state]
    one = np.uint32(1)
    clear = np.uint32(0)
    preset = np.uint32(0)
    if states.clear[kind] >= 0:
        clear, size = _value(
            cones, nodes, literals, buffer, states.clear[kind], cell, phase, table, fanin0, fanin1, is_and, size
        )
    if states.preset[kind] >= 0:
        preset, size = _value(
            cones, nodes, literals, buffer, states.preset[kind], cell, phase, table, fanin0, fanin1, is_and, size
        )
    both, size = _and(clear, preset, table, fanin0, fanin1, is_and, size)
    value, size = _and(value ^ one, preset ^ one, table, fanin0, fanin1, is_and, size)
    value, size = _and(value ^ one, clear ^ one, table, fanin0, fanin1, is_and, size)
    if both != 0:
        node = nodes.both[state]
        other = literals[phase * nodes.kinds.size + node] if node >= 0 else np.uint32(-1 - node)
        value, size = _mux(both, other, value, table, fanin0, fanin1, is_and, size)
    return value, size


@numba.njit(cache=True)
def drive(node, phase, cones, nodes, literals, buffer, table, fanin0, fanin1, is_and, size):  # type: ignore[no-untyped-def]
    """Literal of what drives a net, all it depends on having one: (literal, new size)."""
    first, last = nodes.driver_offsets[node], nodes.driver_offsets[node + 1]
    if last == first + 1 and nodes.driver_conditions[first] < 0:
        return _value(
            cones,
            nodes,
            literals,
            buffer,
            nodes.driver_values[first],
            nodes.driver_cells[first],
            phase,
            table,
            fanin0,
            fanin1,
            is_and,
            size,
        )
    one = np.uint32(1)
    value = np.uint32(0)
    driven = np.uint32(0)
    for driver in range(first, last):
        cell = nodes.driver_cells[driver]
        here, size = _value(
            cones,
            nodes,
            literals,
            buffer,
            nodes.driver_values[driver],
            cell,
            phase,
            table,
            fanin0,
            fanin1,
            is_and,
            size,
        )
        condition, size = _value(
            cones,
            nodes,
            literals,
            buffer,
            nodes.driver_conditions[driver],
            cell,
            phase,
            table,
            fanin0,
            fanin1,
            is_and,
            size,
        )
        overlap, size = _and(driven, condition, table, fanin0, fanin1, is_and, size)
        if overlap != 0:
            nodes.shared[node] = True
        here, size = _and(here, condition, table, fanin0, fanin1, is_and, size)
        value, size = _and(value ^ one, here ^ one, table, fanin0, fanin1, is_and, size)
        value ^= one
        driven, size = _and(driven ^ one, condition ^ one, table, fanin0, fanin1, is_and, size)
        driven ^= one
    default = nodes.defaults[node]
    other = literals[phase * nodes.kinds.size + default] if default >= 0 else np.uint32(-1 - default)
    other, size = _and(other, driven ^ one, table, fanin0, fanin1, is_and, size)
    value, size = _and(value ^ one, other ^ one, table, fanin0, fanin1, is_and, size)
    return value ^ one, size


@numba.njit(cache=True)
def _state(  # type: ignore[no-untyped-def]
    node, phase, cycle, restless, cones, states, nodes, literals, status, buffer, table, fanin0, fanin1, is_and, size
):
    """Literal of a state in a phase: (missing node or -1, literal, new size)."""
    count = nodes.kinds.size
    state = node - nodes.first_state
    kind = nodes.state_kinds[state]
    cell = nodes.state_cells[state]
    flips = states.flip_flop[kind]
    one = np.uint32(1)
    nothing = np.uint32(0)
    # Where clear, preset and a latch's enable are read; where the control of a flip-flop is; where its data are.
    where = np.int64(AFTER)
    if cycle:
        where = np.int64(BEFORE) if phase == NEXT else np.int64(phase)
    at_edge = where
    data_at = where
    if cycle and flips:
        at_edge = np.int64(EDGE) if phase in (EDGE, NEXT) else np.int64(MIDDLE)
        data_at = np.int64(BEFORE) if phase == NEXT else np.int64(AFTER)
    if cycle or phase != PAST_CONTROL:
        for reference in (states.clear[kind], states.preset[kind]):
            _, missing = _unknown(cones, nodes, status, reference, cell, where, 0)
            if missing >= 0:
                return missing, nothing, size
    old = nodes.present[state]
    if cycle and phase != AFTER:
        before = (BEFORE if phase in (EDGE, NEXT) else AFTER) * count + node
        if status[before] != KNOWN:
            return before, nothing, size
        old = literals[before]
        if phase == NEXT and not flips:
            return -1, old, size
    load = nothing
    fresh = nothing
    if not cycle and phase == PAST_DATA:
        load = one
    elif not (cycle and flips and phase == AFTER):
        _, missing = _unknown(cones, nodes, status, states.control[kind], cell, at_edge, 0)
        if missing >= 0:
            return missing, nothing, size
        load, size = _value(
            cones, nodes, literals, buffer, states.control[kind], cell, at_edge, table, fanin0, fanin1, is_and, size
        )
        if not cycle and phase == PAST_CONTROL:
            return -1, load, size
    past = nothing  # what the control was before the edge
    if load != 0 and flips:
        if not cycle and phase == AFTER:
            past = nodes.past_control[state]
            fresh = nodes.past_data[state]
        elif cycle and phase in (EDGE, MIDDLE):
            return -1, np.uint32(restless), size
        elif cycle:
            _, missing = _unknown(cones, nodes, status, states.control[kind], cell, data_at, 0)
            if missing >= 0:
                return missing, nothing, size
            past, size = _value(
                cones, nodes, literals, buffer, states.control[kind], cell, data_at, table, fanin0, fanin1, is_and, size
            )
        load, size = _and(load, np.uint32(past ^ one), table, fanin0, fanin1, is_and, size)
    if load != 0 and (cycle or not flips or phase == PAST_DATA):
        for reference in (states.data[kind], states.clear[kind], states.preset[kind]):
            _, missing = _unknown(cones, nodes, status, reference, cell, data_at, 0)
            if missing >= 0:
                return missing, nothing, size
        fresh, size = _value(
            cones, nodes, literals, buffer, states.data[kind], cell, data_at, table, fanin0, fanin1, is_and, size
        )
        if cycle and flips:
            fresh, size = _forced(
                fresh, state, cones, states, nodes, literals, buffer, data_at, table, fanin0, fanin1, is_and, size
            )
    value, size = _mux(load, fresh, old, table, fanin0, fanin1, is_and, size)
    if cycle and flips and phase in (BEFORE, NEXT):
        nodes.events[0 if phase == NEXT else 1, state] = load
        if phase == NEXT:
            return -1, value, size
    value, size = _forced(
        value, state, cones, states, nodes, literals, buffer, where, table, fanin0, fanin1, is_and, size
    )
    return -1, value, size


@numba.njit(cache=True)
def walk(  # type: ignore[no-untyped-def]
    roots, cycle, restless, cones, states, nodes, literals, status, stack, buffer, table, fanin0, fanin1, is_and, n
):
    """Give literals to ``roots`` (``phase * nodes + node``) and all they need; can be called again to go on.

    Returns:
        DONE, GROW_GRAPH or GROW_STACK (make room and call again), or LOOP (the stack holds the loop, its last
        entry is closed by node ``n[AT]``).
    """
    count = nodes.kinds.size
    size = n[SIZE]
    top = n[TOP]
    while True:
        if top == 0:
            if n[ROOT] == roots.size:
                n[SIZE], n[TOP] = size, 0
                return DONE
            root = roots[n[ROOT]]
            n[ROOT] += 1
            if status[root] == KNOWN:
                continue
            stack[0, 0], stack[0, 1], stack[0, 2] = root, 0, 0
            top = 1
        if size + 8 * buffer.size + MARGIN > fanin0.size:
            n[SIZE], n[TOP] = size, top
            return GROW_GRAPH
        if top + 2 > stack.shape[0]:
            n[SIZE], n[TOP] = size, top
            return GROW_STACK
        this = stack[top - 1, 0]
        if status[this] == KNOWN:  # a loop was cut open here
            top -= 1
            continue
        phase = this // count
        node = this - phase * count
        status[this] = BUSY
        child = np.int64(-1)
        if nodes.kinds[node] == IS_STATE:
            missing, value, size = _state(
                node,
                phase,
                cycle,
                restless,
                cones,
                states,
                nodes,
                literals,
                status,
                buffer,
                table,
                fanin0,
                fanin1,
                is_and,
                size,
            )
            child = missing
            if child < 0:
                literals[this] = value
        else:
            # stack[.., 1] is twice the driver looked at (plus one at its condition), stack[.., 2] the slot.
            first = nodes.driver_offsets[node]
            drivers = 2 * (nodes.driver_offsets[node + 1] - first)
            part, start = stack[top - 1, 1], stack[top - 1, 2]
            while part < drivers:
                driver = first + (part >> 1)
                reference = nodes.driver_conditions[driver] if part & 1 else nodes.driver_values[driver]
                position, missing = _unknown(cones, nodes, status, reference, nodes.driver_cells[driver], phase, start)
                if missing >= 0:
                    child = missing
                    stack[top - 1, 1], stack[top - 1, 2] = part, position
                    break
                part += 1
                start = 0
            if child < 0:
                # A net with very many drivers may need more room than the margin of one cone.
                if size + drivers * (buffer.size + 4) + MARGIN > fanin0.size:
                    stack[top - 1, 1] = drivers
                    n[SIZE], n[TOP] = size, top
                    return GROW_GRAPH
                literals[this], size = drive(
                    node, phase, cones, nodes, literals, buffer, table, fanin0, fanin1, is_and, size
                )
        if child < 0:
            status[this] = KNOWN
            top -= 1
        else:
            if status[child] == BUSY:
                n[SIZE], n[TOP], n[AT] = size, top, child
                return LOOP
            stack[top, 0], stack[top, 1], stack[top, 2] = child, 0, 0
            top += 1
