"""The walked graph as a `Network`: only what is used, inputs first, then latches, then gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic._assemble_tables import Tables
from sandgrain.logic._assemble_walk import Walk
from sandgrain.logic.network import FREE_INPUT, PORT_INPUT, Literals, Network

PRESENT: Final = 0
"""Role of a latch that holds the value of a state."""
PAST_DATA: Final = 1
"""Role of a latch that holds the data input of a flip-flop one step ago."""
PAST_CONTROL: Final = 2
"""Role of a latch that holds the control input of flip-flops one step ago."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Latches of the network to be, as columns.

    Attributes:
        variables: uint32, positive literal of each.
        following: uint32, literal of the next value.
        initial: uint8, 0, 1 or 2.
        states: int64, state of the design it belongs to.
        roles: uint8.
        kept: bool, kept even if nothing reads it.
    """

    variables: Literals
    following: Literals
    initial: NDArray[np.uint8]
    states: NDArray[np.int64]
    roles: NDArray[np.uint8]
    kept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a walked graph the network shall have.

    Attributes:
        phase: the phase whose net literals are shown.
        inputs: uint32, positive literal of each input.
        input_bits: int32, net bit of each or -1.
        input_ports: bool, whether it comes in through a port (then it is kept even if nothing reads it).
        memory: the latches.
    """

    phase: int
    inputs: Literals
    input_bits: NDArray[np.int32]
    input_ports: NDArray[np.bool_]
    memory: Memory


@dataclass(frozen=True, slots=True)
class Frozen:
    """A network and its origins, see `sandgrain.logic.assemble.Assembled`."""

    network: Network
    net_literals: Literals
    input_bits: NDArray[np.int32]
    latch_cells: NDArray[np.int32]
    latch_states: NDArray[np.int32]
    latch_roles: NDArray[np.uint8]
    latch_of_state: NDArray[np.int32]
    loops: tuple[tuple[int, int], ...]


@numba.njit(cache=True)
def _mark(marked, fanin0, fanin1, is_and):  # type: ignore[no-untyped-def]
    for variable in range(marked.size - 1, 0, -1):
        if marked[variable] and is_and[variable]:
            marked[fanin0[variable] >> 1] = True
            marked[fanin1[variable] >> 1] = True


@numba.njit(cache=True)
def _gates(marked, fanin0, fanin1, is_and, numbers, next_number):  # type: ignore[no-untyped-def]
    """Number the marked gates from ``next_number`` on, in order; their fan-ins in the new numbers."""
    count = 0
    for variable in range(marked.size):
        if marked[variable] and is_and[variable]:
            count += 1
    out0 = np.empty(count, np.uint32)
    out1 = np.empty(count, np.uint32)
    at = 0
    one = np.uint32(1)
    for variable in range(marked.size):
        if marked[variable] and is_and[variable]:
            left, right = fanin0[variable], fanin1[variable]
            out0[at] = numbers[left >> one] * np.uint32(2) + (left & one)
            out1[at] = numbers[right >> one] * np.uint32(2) + (right & one)
            numbers[variable] = next_number + at
            at += 1
    return out0, out1


def freeze(walk: Walk, tables: Tables, plan: Plan, closing: Mapping[int, int]) -> Frozen:
    """Keep what the shown nets and the latches need, and number it.

    Args:
        walk: the graph.
        tables: of the module.
        plan: what is to be kept.
        closing: what drives nodes at which a loop was cut open.
    """
    count = tables.node_count
    bit_count = tables.nodes.first_state
    shown = walk.literals[plan.phase * count : plan.phase * count + bit_count]
    memory = plan.memory
    cut = np.array(list(walk.cut), np.int32)
    inputs = np.concatenate((plan.inputs, np.array(list(walk.cut.values()), np.uint32)))
    input_bits = np.concatenate((plan.input_bits, np.where(cut < bit_count, cut, -1).astype(np.int32)))
    input_ports = np.concatenate((plan.input_ports, np.zeros(cut.size, np.bool_)))
    marked = np.zeros(walk.size, np.bool_)
    marked[shown >> 1] = True
    marked[memory.following >> 1] = True
    marked[np.array(list(closing.values()), np.uint32) >> 1] = True
    _mark(marked, walk.fanin0, walk.fanin1, walk.is_and)
    kept_inputs = np.flatnonzero(input_ports | marked[inputs >> 1])
    # Ports first, in the order of their net bits.
    kept_inputs = kept_inputs[np.argsort(~input_ports[kept_inputs], kind="stable")]
    kept = np.flatnonzero(memory.kept | marked[memory.variables >> 1])
    numbers = np.zeros(walk.size, np.uint32)
    first_latch = 1 + kept_inputs.size
    numbers[inputs[kept_inputs] >> 1] = np.arange(1, first_latch, dtype=np.uint32)
    numbers[memory.variables[kept] >> 1] = np.arange(first_latch, first_latch + kept.size, dtype=np.uint32)
    fanin0, fanin1 = _gates(marked, walk.fanin0, walk.fanin1, walk.is_and, numbers, first_latch + kept.size)

    def renumbered(literals: Literals) -> Literals:
        mapped: Literals = numbers[literals >> 1] * np.uint32(2) + (literals & np.uint32(1))
        return mapped

    states = memory.states[kept]
    latch_of_state = np.full(tables.nodes.state_cells.size, -1, np.int32)
    present = memory.roles[kept] == PRESENT
    latch_of_state[states[present]] = np.flatnonzero(present)
    cells = tables.nodes.state_cells
    # States of a cell are numbered together, in the order of its function.
    first_of_cell = np.searchsorted(cells, cells[states], side="left") if states.size else states
    return Frozen(
        network=Network(
            input_kinds=np.where(input_ports[kept_inputs], PORT_INPUT, FREE_INPUT).astype(np.uint8),
            latch_next=renumbered(memory.following[kept]),
            latch_init=memory.initial[kept],
            fanin0=fanin0,
            fanin1=fanin1,
        ),
        net_literals=renumbered(shown),
        input_bits=input_bits[kept_inputs],
        latch_cells=cells[states],
        latch_states=(states - first_of_cell).astype(np.int32),
        latch_roles=memory.roles[kept],
        latch_of_state=latch_of_state,
        loops=tuple(
            (int(numbers[walk.cut[node] >> 1]) - 1, int(renumbered(np.array([literal], np.uint32))[0]))
            for node, literal in closing.items()
            if marked[walk.cut[node] >> 1]
        ),
    )
