"""Names as hints: registers of both sides that share a name may well correspond. Nothing is concluded from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandgrain.equivalence.sides import Side


class Hint(NamedTuple):
    """A latch of the description, one of the netlist, and whether they are opposite."""

    first: int
    second: int
    opposite: bool


def _names(side: Side) -> dict[str, tuple[int, bool]]:
    """Latch by every name of a net that shows it, and whether negated; names that two latches share are left out."""
    network, module = side.network, side.module
    literals = side.assembled.net_literals
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


def hints(first: Side, second: Side) -> list[Hint]:
    """Pairs of latches that share a name."""
    names = _names(second)
    return sorted(
        {
            Hint(latch, names[name][0], flipped != names[name][1])
            for name, (latch, flipped) in _names(first).items()
            if name in names
        }
    )
