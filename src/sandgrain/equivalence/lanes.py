"""Random runs of a network and its faulty copy beside each other, in lanes of which the lively ones go on.

Random inputs drive most designs into a state they do not leave: a processor that is given an illegal instruction stops,
and hundreds of cycles are wasted on it. So every few cycles the lanes in which little changed take over the states of
lanes in which much did. Some lanes are left alone, as what differs may need a design that waits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import ALL, Words
from sandgrain.equivalence.stimulus import Stimulus
from sandgrain.logic.simulate import Simulator, read

SPREAD_WORDS: Final = 8
_PERIOD: Final = 16
"""Cycles from one selection to the next."""
_LIVELY: Final = 4
"""A lane is lively if at least this part of the registers change in it that change in the liveliest."""
_ALONE: Final = 64
"""Lanes that go on whatever they do."""


class Lanes:
    """Runs of both copies under the same inputs, 64 to a machine word.

    Args:
        faulty: the network.
        good, bad: bool (latches,), where all lanes begin.
        stimulus: random inputs, `SPREAD_WORDS` words of them.
        random: for the choice of lanes.
    """

    def __init__(
        self,
        faulty: Faulty,
        good: NDArray[np.bool_],
        bad: NDArray[np.bool_],
        stimulus: Stimulus,
        random: np.random.Generator,
    ) -> None:
        self.faulty, self.stimulus, self.random = faulty, stimulus, random
        self.sides = Simulator(faulty.network, SPREAD_WORDS), Simulator(faulty.network, SPREAD_WORDS)
        for side, state in zip(self.sides, (good, bad), strict=True):
            side.state[:] = np.where(state, ALL, np.uint64(0))[:, None]
        self.width = len(stimulus.ports.inputs)
        self.drawn: list[Words] = []
        self.parents: dict[int, NDArray[np.int64]] = {}
        self.before = self.good.copy()
        self.lively: NDArray[np.int64] = np.arange(64 * SPREAD_WORDS)
        stimulus.begin()

    @property
    def good(self) -> Words:
        """uint64 (latches, words): the states of the copy without faults."""
        return self.sides[0].state

    def step(self) -> Words:
        """Draw the inputs of a cycle and settle: uint64 (outputs, words), the lanes in which an output differs."""
        drawn = self.stimulus.draw(self.stimulus.lead)
        self.drawn.append(drawn)
        for side in self.sides:
            side.inputs[: self.width] = drawn
            side.evaluate()
        good, bad = self.sides
        apart: Words = read(good.values, self.faulty.outputs) ^ read(bad.values, self.faulty.faulty_outputs)
        return apart

    def clock(self) -> Words:
        """To the next cycle: uint64 (latches, words), the lanes in which a register differs."""
        following = read(self.sides[1].values, self.faulty.faulty_next)
        self.sides[0].clock()
        self.sides[1].state[:] = following
        if len(self.drawn) % _PERIOD == 0:
            self._select()
        apart: Words = self.sides[0].state ^ self.sides[1].state
        return apart

    def states(self, lane: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The states of both copies in a lane: bool (latches,) each."""
        word, shift = lane // 64, np.uint64(lane % 64)
        good, bad = (((side.state[:, word] >> shift) & np.uint64(1)).astype(np.bool_) for side in self.sides)
        return good, bad

    def rows(self, lane: int) -> NDArray[np.uint8]:
        """uint8 (cycles, input bits): the inputs that led to the present state of a lane."""
        found = np.zeros((len(self.drawn), self.width), np.uint8)
        for cycle in range(len(self.drawn) - 1, -1, -1):
            if cycle + 1 in self.parents:
                lane = int(self.parents[cycle + 1][lane])
            found[cycle] = (self.drawn[cycle][:, lane // 64] >> np.uint64(lane % 64)) & np.uint64(1)
        return found

    def living(self) -> int:
        """A lane in which much went on."""
        return int(self.random.choice(self.lively))

    def _select(self) -> None:
        """Let the lanes in which little changed go on from where others are."""
        changed = _bits(self.good ^ self.before).sum(axis=0, dtype=np.int64)
        slow = changed * _LIVELY < changed.max()
        self.lively = np.flatnonzero(~slow)
        slow[-_ALONE:] = False
        parents = np.arange(slow.size)
        parents[slow] = self.random.choice(self.lively, int(slow.sum()))
        if slow.any():
            for side in self.sides:
                side.state[:] = _words(_bits(side.state)[:, parents])
            # Lanes are exchanged between this clock edge and the next step.
            self.parents[len(self.drawn)] = parents
        self.before = self.good.copy()


def _bits(words: Words) -> NDArray[np.uint8]:
    """uint8 (rows, lanes)."""
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little")


def _words(bits: NDArray[np.uint8]) -> Words:
    """uint64 (rows, words)."""
    return np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little")).view(np.uint64)


def first_lane(lanes: Words) -> int:
    """The first lane that is set in uint64 (words,)."""
    word = int(np.flatnonzero(lanes)[0])
    low = int(lanes[word]) & -int(lanes[word])
    return 64 * word + low.bit_length() - 1
