"""The jump in a run: what a wait skips, in the registers of either side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.check.acceleration import Stretch
from sandgrain.equivalence.joint import Relation
from sandgrain.equivalence.waiting import Wait
from sandgrain.formal.counting import Counter


@dataclass(frozen=True)
class Jumped:
    """What a jump does to one side.

    Attributes:
        counters: its registers that count in the loop.
        latches: int64, all of those.
        values: bool, what they hold after the jump.
        loose: for each cycle of a pass, int64, registers that may hold anything before it; after the jump, those of
            the first.
    """

    counters: tuple[Counter, ...]
    latches: NDArray[np.int64]
    values: NDArray[np.bool_]
    loose: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True)
class Jump:
    """Cycles of a run that are skipped.

    Attributes:
        cycle: before which registers are set; its inputs are those held meanwhile.
        skipped: cycles.
        period: of the loop.
        stretches: what is skipped, one after another.
        sides: what it does to the description, and to the netlist.
    """

    cycle: int
    skipped: int
    period: int
    stretches: tuple[Stretch, ...]
    sides: tuple[Jumped, Jumped]


def jump_of(wait: Wait, relation: Relation, lead: int) -> Jump | None:
    """The jump of a wait; None if a register that counts has not one counterpart on either side.

    Args:
        wait: of the network whose latches are the classes of a relation but the constant.
        relation: the relation.
        lead: cycles before the first of the wait.
    """
    first = _on_side(wait, relation.first, relation.first_flips)
    second = _on_side(wait, relation.second, relation.second_flips)
    if first is None or second is None:
        return None
    skip = wait.skip
    stretches = (Stretch(skip.passes, skip.counter, skip.limit),)
    return Jump(lead + len(wait.rows), skip.cycles, skip.loop.period, stretches, (first, second))


def _on_side(wait: Wait, classes: NDArray[np.int64], flips: NDArray[np.bool_]) -> Jumped | None:
    order = np.argsort(classes, kind="stable")
    told = []
    for counter in wait.skip.loop.counters:
        low, high = (np.searchsorted(classes[order], counter.latches + 1, side=side) for side in ("left", "right"))
        if (high - low != 1).any():
            return None
        latches = order[low]
        told.append(Counter(latches, counter.passes ^ flips[latches]))
    latches = np.concatenate([counter.latches for counter in told])
    # The constant is no latch of the network, and never loose.
    loose = tuple(np.flatnonzero(np.append(np.False_, row)[classes]) for row in wait.loose)
    return Jumped(tuple(told), latches, wait.skip.after[classes[latches] - 1] ^ flips[latches], loose)
