"""What flip-flops of a gate netlist are called, and what they hold at power-up."""

from __future__ import annotations

from typing import Final

import numpy as np

from sandgrain.netlist import Module

FLIP_FLOPS: Final = {"$_DFF_P_": "rising", "$_DFF_N_": "falling"}
"""The clock edge of each type of flip-flop."""


def state_names(module: Module) -> dict[int, str]:
    """The best name of the output bit of each flip-flop: the vendor's own, at the highest level, the shortest.

    A bit without a name is left out; a name may be that of several bits.
    """
    cells, nets = module.cells, module.nets
    types = np.flatnonzero(np.isin(np.array(cells.type_names, np.str_), list(FLIP_FLOPS)))
    chosen = np.flatnonzero(np.isin(cells.type_ids, types))
    states = {int(bit) for cell in chosen.tolist() for bit in cells.pin(cell, "Q")}
    positions = np.flatnonzero(np.isin(nets.bits, np.fromiter(states, np.int64, len(states))))
    owners = np.searchsorted(nets.bit_offsets, positions, side="right") - 1
    best: dict[int, tuple[bool, int, int, str, int, int]] = {}
    for position, net in zip(positions.tolist(), owners.tolist(), strict=True):
        name, bit = nets.names[net], int(nets.bits[position])
        key = (bool(nets.hidden[net]), name.count("."), len(name), name, net, position)
        if bit >= 0 and (bit not in best or key < best[bit]):
            best[bit] = key
    return {bit: nets[key[4]].bit_name(key[5] - int(nets.bit_offsets[key[4]])) for bit, key in best.items()}


def initial_values(module: Module) -> dict[int, int]:
    """The value of each net bit that has one at power-up; a bit that is given two different ones has none."""
    values: dict[int, int] = {}
    for index, text in module.nets.inits.items():
        for bit, value in zip(module.nets[index].bits.tolist(), reversed(text), strict=False):
            if bit >= 0 and value in "01":
                values[bit] = int(value) if values.get(bit, int(value)) == int(value) else -1
    return {bit: value for bit, value in values.items() if value >= 0}
