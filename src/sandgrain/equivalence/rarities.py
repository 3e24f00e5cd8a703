"""States worth going on from because a register has a value in them that it never had before.

Random inputs seldom make a processor decode the one instruction behind which a difference hides. Where they did, the
state is kept, and what a difference was seen to need is kept first.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import Words, lane_of
from sandgrain.equivalence.lanes import first_lane

_AT_ONCE: Final = 4


class Rarities:
    """What registers were seen to hold.

    Args:
        faulty: the network; what its faults need matters most.
    """

    def __init__(self, faulty: Faulty) -> None:
        self.missing = np.ones((2, faulty.network.latch_count), np.bool_)
        self.near = faulty.needed

    def look_for(self, needed: NDArray[np.bool_]) -> None:
        """From now on let values matter most, bool (2, latches) at 1 and at 0, seen before or not."""
        self.near = self.near | needed
        self.missing |= needed

    def fresh(self, state: Words) -> list[tuple[int, bool]]:
        """Some lanes in which a register is what none was before, and whether it matters most.

        Args:
            state: uint64 (latches, words).
        """
        now = np.stack((state.any(axis=1), (~state).any(axis=1))) & self.missing
        found: list[tuple[int, bool]] = []
        while now.any() and len(found) < _AT_ONCE:
            places = np.argwhere(now & self.near)
            near = bool(places.size)
            value, latch = (places if near else np.argwhere(now))[0].tolist()
            lane = first_lane(~state[latch] if value else state[latch])
            held = lane_of(state, lane) == 1
            covered = np.stack((held, ~held))
            self.missing &= ~covered
            now &= ~covered
            found.append((lane, near))
        return found
