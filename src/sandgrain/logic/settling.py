"""Loops of gates gone round: what they settle at, where that does not depend on what they were at.

A loop is cut open, and what runs round it is a free variable. Whatever value it is at once it has settled is the one
its gates make of that very value, so they may be written out before it as often as one likes, and nothing that can be
is lost. Once for each loop is enough for three-valued simulation to tell whether gates of any delays settle (Brzozowski
and Seger, *Asynchronous Circuits*, 1995): what is unknown then may be at either value, or never come to rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from sandgrain.logic.assemble import Assembled
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Network

_ROUNDS: Final = 4
"""How often loops are gone round at most: there may be thousands, and each time the network grows by its size."""


def rounds(assembled: Assembled) -> int:
    """How often the loops that were cut open are gone round."""
    return min(len(assembled.loops), _ROUNDS)


def settled(assembled: Assembled) -> Assembled:
    """A network in which every loop that was cut open is gone round, once for each loop but four times at most.

    The inputs that stand for the loops stay: they are what the loops are at before they are gone round.
    """
    if not assembled.loops:
        return assembled
    network = assembled.network
    graph = Graph(2 * network.variable_count)
    inputs, state = graph.free(network.input_count), graph.free(network.latch_count)
    cut = np.array([at for at, _ in assembled.loops], np.int64)
    driving = np.array([literal for _, literal in assembled.loops], np.uint32)
    values = graph.frame(network, inputs, state)
    for _ in range(rounds(assembled)):
        inputs = inputs.copy()
        inputs[cut] = literal_values(values, driving)
        values = graph.frame(network, inputs, state)
    return replace(
        assembled,
        network=Network(
            input_kinds=network.input_kinds,
            latch_next=literal_values(values, network.latch_next),
            latch_init=network.latch_init,
            fanin0=graph.fanin0[network.first_and :].copy(),
            fanin1=graph.fanin1[network.first_and :].copy(),
        ),
        loops=tuple(zip(cut.tolist(), literal_values(values, driving).tolist(), strict=True)),
        net_literals=literal_values(values, assembled.net_literals),
    )
