"""Stops that come by waiting: a counter runs out, however long that takes, and the service does not return.

The run has four parts: the recovery stimulus for a while, inputs held until the chip is in a loop, passes of the loop
that are proved instead of run, and the last cycles until the loop ends. A control goes with it: had the recovery
stimulus begun when the chip went into the loop, the service would have returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.bounded import DOES_NOT_MATTER, Run
from sandgrain.formal.environment import Environment
from sandgrain.formal.loops import Bits, Loop, find_loops
from sandgrain.formal.sampling import advance, recovery_times, spread
from sandgrain.formal.skipping import Ending, find_ending
from sandgrain.logic.network import Literals

_HEALTHY = 64
"""Cycles of the recovery stimulus before the chip is left waiting, in which it is seen to serve."""


@dataclass(frozen=True)
class Wait:
    """A run of operation whose service stops because a counter ran out.

    Attributes:
        inputs: uint8 (cycles, inputs), from the first cycle after reset until the loop has ended; the skipped cycles
            are not among them.
        jump: cycle after reset before which the registers of the counters are set.
        ending: the loop, what is skipped of it, and how it ends.
    """

    inputs: NDArray[np.uint8]
    jump: int
    ending: Ending

    @property
    def loop(self) -> Loop:
        """The loop waited in."""
        return self.ending.skips[0].loop

    @property
    def registers(self) -> NDArray[np.int64]:
        """Latches of all counters: int64, ascending."""
        return np.sort(np.concatenate([counter.latches for counter in self.loop.counters]))

    def differing(self, environment: Environment) -> list[int]:
        """The inputs that the loop holds at another value than the recovery stimulus begins with."""
        return np.flatnonzero(self.loop.inputs != environment.recovery_values(1)[0]).tolist()

    def run(self, environment: Environment) -> Run:
        """The inputs, those that are as in the recovery stimulus marked as not mattering."""
        usual = environment.recovery_values(len(self.inputs))
        return Run(np.where(self.inputs == usual, DOES_NOT_MATTER, self.inputs).astype(np.uint8), 0)


def find_waits(
    environment: Environment, begin: Bits, goals: Literals, frames: int, tick: Callable[[str], None]
) -> Iterator[Wait]:
    """Waits after which no goal is seen any more, the soonest first.

    Args:
        environment: the design.
        begin: bool (latches,), the state after reset.
        goals: network literals, one of which has to be seen; the first is the service.
        frames: cycles of the recovery stimulus within which it has to be.
        tick: told what is being done.
    """
    start = _bits(advance(environment, spread(begin), _HEALTHY))
    tick("loops")
    endings = []
    for number, loop in enumerate(find_loops(environment, start, int(goals[0]), frames), 1):
        tick(f"loop {number}, {len(loop.counters)} counters")
        ending = find_ending(environment.model.network, loop)
        if ending is not None:
            endings.append(ending)
    waits = [_wait(environment, ending) for ending in endings]
    for wait in sorted(waits, key=lambda found: (found.ending.skipped, len(found.differing(environment)))):
        if _times(environment, wait.loop.states[0], goals[:1], frames) < 0:
            continue  # it stops for waiting, not for how long
        if _times(environment, wait.ending.state, goals, frames) < 0:
            yield wait


def _wait(environment: Environment, ending: Ending) -> Wait:
    loop = ending.skips[0].loop
    healthy = environment.recovery_values(_HEALTHY)
    held = np.repeat(loop.inputs[None], loop.lead + ending.cycles, axis=0)
    return Wait(np.concatenate((healthy, held)), _HEALTHY + loop.lead, ending)


def _times(environment: Environment, state: Bits, goals: Literals, limit: int) -> int:
    """Cycles until a goal is seen once recovery has gone on for a while, or -1.

    For a while, because what was under way when the loop ended may still be completed.
    """
    settled = advance(environment, spread(state), 4 * limit)
    return int(recovery_times(environment, settled, goals, limit)[0])


def _bits(state: NDArray[np.uint64]) -> Bits:
    found: Bits = (state[:, 0] & np.uint64(1)).astype(np.bool_)
    return found
