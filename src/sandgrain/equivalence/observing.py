"""What a register that differs needs to be seen: what others have to hold for it to reach an output, or come closer.

A register of a debug unit may differ in every other run and never be read, as what it selects is 0 throughout. A model
of a step in which the difference goes on says what has to be otherwise.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.faults import Faulty, vanishing, varied
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import read

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
    apart = [graph.xor(a, b) for a, b in zip(one[places].tolist(), other[places].tolist(), strict=True)]
    wanted = graph.any_of(apart)
    if not wanted:
        return None
    with GraphSolver(graph, _ENGINE) as solver:
        if not solver.solve_within([wanted], _CONFLICTS):
            return None
        shown = np.flatnonzero(solver.model(np.array(apart, np.uint32)))
        leaves = solver.model(np.concatenate((inputs, state)))
    goal = goals[places[shown[:1]]]
    # Whatever the latch is, the goal is the same where another has its other value.
    values = [read(varied(network, leaves, which).values, goal)[0] for which in (None, latch)]
    found = vanishing(network, values[0], values[1], leaves)
    found[:, latch] = False
    return found
