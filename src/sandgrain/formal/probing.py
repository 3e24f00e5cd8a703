"""Small dead cubes first: force a few flip-flops of a healthy state and see whether the service ever comes back.

A hidden stop is a large set of states (one flip-flop, one counter value), a state that is merely unreachable is a small
one. So before asking a SAT solver for just any dead state, the large cubes are tried by simulation: every value of
every single flip-flop that no healthy run shows, every comparison of flip-flops with a constant that the logic
itself makes, and pairs that are equal for no reason. What does not recover is a candidate only; `Recoverability`
decides.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import Clauses, as_cubes
from sandgrain.formal.reachability import Cube
from sandgrain.formal.sampling import advance, recovery_times
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Words

_MOST_LITERALS = 64
_BATCH = 512


def comparisons(network: Network) -> list[Cube]:
    """Conjunctions of two or more latch literals that some and-tree of the network computes, smallest first."""
    first, last = network.first_latch, network.first_and
    trees: list[frozenset[int] | None] = [None] * network.and_count

    def leaves(literal: int) -> frozenset[int] | None:
        variable = literal >> 1
        if first <= variable < last:
            return frozenset((2 * (variable - first) + (literal & 1),))
        if variable >= last and not literal & 1:
            return trees[variable - last]
        return None

    for gate, (left, right) in enumerate(zip(network.fanin0.tolist(), network.fanin1.tolist(), strict=True)):
        a, b = leaves(left), leaves(right)
        if a is not None and b is not None and len(a) + len(b) <= _MOST_LITERALS:
            union = a | b
            if not any(literal ^ 1 in union for literal in union):
                trees[gate] = union
    found = {tuple(sorted(tree)) for tree in trees if tree is not None and len(tree) > 1}
    return sorted(found, key=lambda cube: (len(cube), cube))


def unseen_values(states: Words) -> list[Cube]:
    """The single latch literals that hold in none of ``states``: uint64 (latches, words)."""
    ones = np.bitwise_count(states).sum(axis=1, dtype=np.int64)
    total = 64 * states.shape[1]
    never = [2 * latch for latch in np.flatnonzero(ones == 0).tolist()]
    always = [2 * latch + 1 for latch in np.flatnonzero(ones == total).tolist()]
    return [(literal,) for literal in never + always]


def unproved_twins(likely: Clauses, proved: Collection[Cube]) -> list[Cube]:
    """Values of two flip-flops that are equal, or never equal, in all sampled states although no invariant says so.

    Each pair is one that no sample shows: two flip-flops may keep a secret between them that neither tells by itself.

    Args:
        likely: clauses that hold in all sampled states.
        proved: cubes proved unreachable.
    """
    pairs = [cube for cube in as_cubes(likely) if len(cube) == 2 and cube not in proved]
    found = set(pairs)
    return [cube for cube in pairs if (cube[0] ^ 1, cube[1] ^ 1) in found]


def falling_silent(
    environment: Environment, healthy: Words, cubes: list[Cube], goals: NDArray[np.uint32], limit: int
) -> list[tuple[Cube, NDArray[np.bool_]]]:
    """States in which the chip settles when one of ``cubes`` is forced on it and no goal is seen any more.

    Args:
        environment: the design and its recovery stimulus.
        healthy: uint64 (latches, 1), 64 states that recover.
        cubes: what to force, one at a time.
        goals: network literals.
        limit: cycles after which the chip must be silent for as many again, from half of the healthy states.

    Returns:
        Each cube that silences the chip and the state bool (latches,) it settles in, in the order of ``cubes``.
    """
    silent: list[tuple[Cube, NDArray[np.bool_]]] = []
    for start in range(0, len(cubes), _BATCH):
        batch = cubes[start : start + _BATCH]
        states = np.repeat(healthy, len(batch), axis=1)
        for column, cube in enumerate(batch):
            for literal in cube:
                states[literal >> 1, column] = np.uint64(0) if literal & 1 else np.uint64(0xFFFFFFFFFFFFFFFF)
        settled = advance(environment, states, limit)
        times = recovery_times(environment, settled, goals, limit).reshape(len(batch), 64)
        # Some of the healthy states are on their way to a declared stop and get there all the same.
        for column in np.flatnonzero((times < 0).sum(axis=1) >= 32).tolist():
            stream = np.uint64(np.flatnonzero(times[column] < 0)[0])
            silent.append((batch[column], ((settled[:, column] >> stream) & np.uint64(1)).astype(np.bool_)))
    return silent
