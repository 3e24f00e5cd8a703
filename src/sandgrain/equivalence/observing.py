"""What a register that differs needs to be seen: what others have to hold for it to reach an output, or come closer.

A register of a debug unit may differ in every other run and never be read, as what it selects is 0 throughout. A model
of a step in which the difference goes on says what has to be otherwise.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import ALL, lanes_of
from sandgrain.formal.sampling import spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import Simulator, read

_CONFLICTS: Final = 4_000
_ENGINE: Final = "glucose4"


def needed_to_see(faulty: Faulty, latch: int) -> NDArray[np.bool_] | None:
    """bool (2, latches): the latches that have to be 1, and 0, where a latch alone differs and its difference goes on.

    They are those of one state; others may do as well. None if the difference goes nowhere, or that was not decided.

    Args:
        faulty: the network.
        latch: the latch that differs.
    """
    network = faulty.network
    graph = Graph(4 * network.variable_count)
    inputs, state = graph.free(network.input_count), graph.free(network.latch_count)
    flipped = state.copy()
    flipped[latch] ^= 1
    goals = np.concatenate((faulty.outputs, network.latch_next[faulty.distance < faulty.distance[latch]]))
    one, other = (literal_values(graph.frame(network, inputs, each), goals) for each in (state, flipped))
    places = np.flatnonzero(one != other)
    apart = [graph.land(graph.land(a, b) ^ 1, graph.land(a ^ 1, b ^ 1) ^ 1) for a, b in _pairs(one, other, places)]
    wanted = graph.any_of(apart)
    if not wanted:
        return None
    with GraphSolver(graph, _ENGINE) as solver:
        if not solver.solve_within([wanted], _CONFLICTS):
            return None
        shown = np.flatnonzero(solver.model(np.array(apart, np.uint32)))
        leaves = solver.model(np.concatenate((inputs, state)))
    return _without(faulty, latch, int(goals[places[shown[0]]]), leaves)


def _pairs(one: NDArray[np.uint32], other: NDArray[np.uint32], places: NDArray[np.int64]) -> list[tuple[int, int]]:
    return list(zip(one[places].tolist(), other[places].tolist(), strict=True))


def _without(faulty: Faulty, latch: int, goal: int, leaves: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (2, latches): the latches whose other value makes a literal the same whatever ``latch`` is."""
    network = faulty.network
    count = network.latch_count
    # In every lane another latch has its other value; in those left over, none.
    simulators = [Simulator(network, -(-count // 64)) for _ in range(2)]
    latches = np.arange(count)
    for number, simulator in enumerate(simulators):
        simulator.values[1 : network.first_and] = spread(leaves)
        simulator.state[latches, latches // 64] ^= np.uint64(1) << (latches % 64).astype(np.uint64)
        if number:
            simulator.state[latch] ^= ALL
        simulator.evaluate()
    shown = [read(simulator.values, np.array([goal], np.uint32))[0] for simulator in simulators]
    equal = lanes_of(~(shown[0] ^ shown[1]))[:count] != 0
    equal[latch] = False
    held = leaves[network.input_count :]
    found: NDArray[np.bool_] = np.stack((equal & held, equal & ~held))
    return found
