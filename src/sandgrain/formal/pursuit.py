"""A concrete run into a dead cube, by way of stepping stones where one bounded search would be too deep.

A trigger of several words is a chain of flip-flops each of which is never set in ordinary operation. So the values of
the target that no sampled run ever shows are followed backwards, one cycle at a time, to the unseen values they need;
then each is reached in turn from where the one before it was reached. Every step is an ordinary bounded search and the
whole is one concrete run, so nothing rests on the choice of stones but the time it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.bounded import DOES_NOT_MATTER, Run, search
from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube, Reachability
from sandgrain.formal.sampling import spread
from sandgrain.logic.simulate import Simulator, Words

_MOST_STONES = 16


@dataclass
class Pursuit:
    """Looks for runs from one concrete state.

    Attributes:
        environment: the design.
        start: bool (latches,), the state after reset.
        reach: knows what one cycle can do, under the proved invariant.
        states: uint64 (latches, words), sampled states: what ordinary operation shows.
        depth: deepest single search, in cycles.
        searched: the depth up to which the last target was searched for directly from the start.
    """

    environment: Environment
    start: NDArray[np.bool_]
    reach: Reachability
    states: Words
    depth: int
    searched: int = 0

    def __post_init__(self) -> None:
        ones = np.bitwise_count(self.states).sum(axis=1, dtype=np.int64)
        total = 64 * self.states.shape[1]
        self._unseen = np.stack((ones == 0, ones == total), axis=1).ravel()

    def run_into(self, cube: Cube, *, seconds: float, tick: Callable[[int], None] = lambda _depth: None) -> Run | None:
        """A run from the start into ``cube``, or None when ``seconds`` are not enough or there is none."""
        deadline = time.monotonic() + seconds
        stones = self.stones(cube)
        # With stones at hand the direct way only gets a short try.
        share = seconds / 4 if stones else seconds
        direct = search(self.environment, self.start, [cube], seconds=share, max_depth=self.depth, tick=tick)
        self.searched = direct.depth
        if direct.run is not None or not stones:
            return direct.run
        run: Run | None = None
        state = self.start
        for stone in [*stones, cube]:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            found = search(self.environment, state, [stone], seconds=left, max_depth=self.depth, tick=tick).run
            if found is None:
                return None
            run = found if run is None else run.then(found)
            state = self._after(state, found)
        return run

    def stones(self, cube: Cube) -> list[Cube]:
        """Unseen values on the way to ``cube``, in the order they are to be reached; empty when there are none."""
        target = tuple(literal for literal in cube if self._unseen[literal])
        chain: list[Cube] = []
        while target and target not in chain and len(chain) < _MOST_STONES:
            chain.append(target)
            before = self.reach.step_into(target)
            target = () if before is None else tuple(literal for literal in before if self._unseen[literal])
        return chain[::-1]

    def _after(self, state: NDArray[np.bool_], run: Run) -> NDArray[np.bool_]:
        """The state at the end of ``run``, inputs that do not matter as in recovery: bool (latches,)."""
        if not len(run.inputs):
            return state
        simulator = Simulator(self.environment.model.network, 1)
        simulator.state[:] = spread(state)
        usual = self.environment.recovery_values(len(run.inputs))
        for row in np.where(run.inputs == DOES_NOT_MATTER, usual, run.inputs):
            simulator.inputs[:] = spread(row)
            simulator.evaluate()
            simulator.clock()
        return (simulator.state[:, 0] & np.uint64(1)).astype(np.bool_)
