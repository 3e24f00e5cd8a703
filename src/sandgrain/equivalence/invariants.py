"""What the description's registers never show: two-literal clauses that hold after reset and in every later cycle.

Synthesis is told by the description (``parallel_case``, one-hot state machines) or finds out that some states never
occur, and uses it. Over all states the netlist then differs from the description; over the states that satisfy these
clauses it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Words
from sandgrain.equivalence.resets import Resets, reset_cycles, reset_value
from sandgrain.equivalence.sides import Side
from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import Clauses, candidates, inductive_clauses
from sandgrain.formal.sampling import sample_states
from sandgrain.logic.model import InputBit, LatchBit, Model

_ANYTHING: Final = 2
_WIDEST: Final = 40
_MOST_IN_PAIRS: Final = 600
_MOST: Final = 60_000
"""Candidates beyond this are accidents of the sample, and take too long to tell apart."""

NO_CLAUSES: Final[Clauses] = np.zeros((0, 2), np.int64)


def stacked(first: Clauses, second: Clauses) -> Clauses:
    """Clauses of both, one after another; shorter ones repeat their last literal."""
    width = max(first.shape[1], second.shape[1])
    wide = [
        np.concatenate((clauses, np.repeat(clauses[:, -1:], width - clauses.shape[1], axis=1)), axis=1)
        for clauses in (first, second)
    ]
    result: Clauses = np.concatenate(wide)
    return result


def environment_of(side: Side, resets: Resets) -> Environment:
    """One side by itself: any power-up, the declared reset, then anything at all, further resets included."""
    inputs = tuple(InputBit(None if key is None else key, 0, key or f"free{at}") for at, key in enumerate(side.inputs))
    latches = tuple(LatchBit(str(at), None) for at in range(side.network.latch_count))
    asserted = np.full(len(inputs), _ANYTHING, np.uint8)
    stimulus = np.full((1, len(inputs)), _ANYTHING, np.uint8)
    for at, key in enumerate(side.inputs):
        value = None if key is None else reset_value(resets, key, 0)
        if value is not None:
            asserted[at] = value
            # Released, with random deviations.
            stimulus[0, at] = 1 - value
    return Environment(
        Model(side.network, inputs, latches, {}),
        asserted,
        np.full(len(inputs), _ANYTHING, np.uint8),
        reset_cycles(resets),
        stimulus,
    )


def mine(
    side: Side,
    resets: Resets,
    latches: NDArray[np.bool_] | None = None,
    *,
    seconds: float,
    tick: Callable[[int], None] = lambda _alive: None,
) -> Clauses:
    """Clauses over the latches of a side: int64 (clauses, width) of ``2 * latch + negated``; none in vain.

    Args:
        side: the side.
        resets: what brings it to a known state.
        latches: bool (latches,), those to say something about; all by default.
        seconds: budget; half a fixpoint proves nothing, so nothing is found when it runs out.
        tick: told how many candidates are left.
    """
    if side.network.latch_count == 0:
        return NO_CLAUSES
    environment = environment_of(side, resets)
    states = sample_states(environment, words=32, episodes=8, cycles=96)
    pairs = candidates(states)
    if latches is not None:
        pairs = pairs[latches[pairs >> 1].all(axis=1)]
    if not len(pairs) or len(pairs) > _MOST:
        return NO_CLAUSES
    found = _one_of(states, pairs)
    return inductive_clauses(environment, _widened(pairs, found), seconds=seconds, tick=tick)


def _one_of(states: Words, pairs: Clauses) -> list[list[int]]:
    """Groups of latches of which exactly one is 1 in every sampled state, as the clauses that one of them is."""
    # Which pairs are worth a clause of their own is another question.
    rows = np.unique(pairs[(pairs & 1).all(axis=1) & (pairs[:, 0] != pairs[:, 1])] >> 1)
    if rows.size > _MOST_IN_PAIRS:
        return []
    apart = [~(states[rows] & states[row]).any(axis=1) for row in rows.tolist()]
    exclusive = {row: set(rows[alone].tolist()) for row, alone in zip(rows.tolist(), apart, strict=True)}
    groups = set()
    for seed, others in exclusive.items():
        group, left, chances = [seed], ~states[seed], set(others)
        while chances and left.any() and len(group) < _WIDEST:
            best = max(chances, key=lambda latch: (int(np.bitwise_count(states[latch] & left).sum()), -latch))
            if not (states[best] & left).any():
                break
            group.append(best)
            left &= ~states[best]
            chances &= exclusive[best]
        if not left.any():
            groups.add(tuple(sorted(group)))
    clauses = [[2 * latch for latch in group] for group in sorted(groups)]
    return clauses + [[2 * one + 1, 2 * other + 1] for group in sorted(groups) for one, other in combinations(group, 2)]


def _widened(pairs: Clauses, longer: list[list[int]]) -> Clauses:
    width = max([2, *map(len, longer)])
    rows = [[*row, *[row[-1]] * (width - len(row))] for row in [*pairs.tolist(), *longer]]
    return np.array(rows, np.int64).reshape(-1, width)
