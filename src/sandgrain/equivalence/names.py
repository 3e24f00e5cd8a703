"""Names as hints: registers of both sides that share a name may well correspond. Nothing is concluded from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandgrain.equivalence.resets import Resets
from sandgrain.equivalence.sides import Side
from sandgrain.logic.graph import Graph, literal_values


class Hint(NamedTuple):
    """A latch of the description, one of the netlist, and whether they are opposite."""

    first: int
    second: int
    opposite: bool


def _names(side: Side, resets: Resets) -> dict[str, tuple[int, bool]]:
    """Latch by every name of a net that shows it, and whether negated; names that two latches share are left out.

    Looked at is what nets show while no reset is asserted: an asynchronous one overrides what a register shows.
    """
    network, module = side.network, side.module
    graph = Graph(network.variable_count)
    inputs, state = graph.free(network.input_count), graph.free(network.latch_count)
    for at, key in enumerate(side.inputs):
        if key is not None and key in resets:
            inputs[at] = 1 - resets[key][0]
    literals = literal_values(graph.frame(network, inputs, state), side.assembled.net_literals)
    first, last = network.first_latch, network.first_and
    nets = module.nets
    variables = literals[np.maximum(nets.bits, 0)] >> np.uint32(1)
    shows = (nets.bits >= 0) & (variables >= first) & (variables < last)
    found: dict[str, tuple[int, bool]] = {}
    for position in np.flatnonzero(shows).tolist():
        net = int(np.searchsorted(nets.bit_offsets, position, side="right")) - 1
        if nets.hidden[net]:
            continue
        name = nets[net].bit_name(position - int(nets.bit_offsets[net])).replace("\\", "").replace(" ", "")
        shown = int(variables[position]) - first, bool(literals[nets.bits[position]] & 1)
        found[name] = shown if found.get(name, shown) == shown else (-1, False)
    return {name: shown for name, shown in found.items() if shown[0] >= 0}


def hints(first: Side, second: Side, resets: Resets) -> list[Hint]:
    """Pairs of latches that share a name."""
    names = _names(second, resets)
    return sorted(
        {
            Hint(latch, names[name][0], flipped != names[name][1])
            for name, (latch, flipped) in _names(first, resets).items()
            if name in names
        }
    )
