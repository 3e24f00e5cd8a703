"""Random runs of a network and its faulty copy beside each other, in lanes of which the lively ones go on.

Random inputs drive most designs into a state they do not leave: a processor that is given an illegal instruction stops,
and hundreds of cycles are wasted on it. So every few cycles the lanes in which little happened take over the states
from which, a few cycles before, others did much; a register that changes in many lanes counts for nothing. What brought
lanes to such states is given to others too. Some lanes are left alone, as what differs may need a design that waits,
and in half of all runs all are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.copies import Copies
from sandgrain.equivalence.corpus import Corpus
from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import Words, lane_of, lanes_of, words_of
from sandgrain.equivalence.stimulus import Stimulus

SPREAD_WORDS: Final = 8
_PERIOD: Final = 8
"""Cycles from one selection to the next."""
_COMMON: Final = 0.25
"""Registers that change in this part of the lanes say nothing about one of them."""
_LIVELY: Final = 0.25
"""A lane is lively if it does this part of what the busy ones do."""
_NOTED: Final = 24
"""Lively lanes of which is noted what they were given."""
_ALONE: Final = 64
"""Lanes that go on whatever they do."""


class _Passed(NamedTuple):
    """The periods a lane has come through: the last of them, which lane it was then, and those before it."""

    before: _Passed | None
    period: int
    lane: int


class Lanes:
    """Runs of both copies under the same inputs, 64 to a machine word.

    Args:
        faulty: the network.
        good, bad: bool (latches,), where all lanes begin.
        stimulus: random inputs, `SPREAD_WORDS` words of them.
        corpus: inputs to mix with them; takes in what lively lanes were given.
        random: for the choice of lanes.
        selected: whether lanes take over the states of others; none does otherwise.
    """

    def __init__(
        self,
        faulty: Faulty,
        good: NDArray[np.bool_],
        bad: NDArray[np.bool_],
        stimulus: Stimulus,
        corpus: Corpus,
        random: np.random.Generator,
        *,
        selected: bool = True,
    ) -> None:
        self.faulty, self.stimulus, self.corpus, self.random = faulty, stimulus, corpus, random
        self.copies = Copies(faulty, good, bad, SPREAD_WORDS)
        self.width, self.selected = faulty.network.input_count, selected
        self.drawn: list[Words] = []
        self.passed: list[_Passed | None] = [None] * (64 * SPREAD_WORDS)
        self.before = [side.state.copy() for side in self.copies.sides]
        # Of every four lanes one has random inputs only.
        self.guided = np.arange(64 * SPREAD_WORDS) % 4 != 0
        self.guided[-_ALONE if selected else 0 :] = False
        self.lively: NDArray[np.int64] = np.arange(64 * SPREAD_WORDS)
        stimulus.begin()

    @property
    def good(self) -> Words:
        """uint64 (latches, words): the states of the copy without faults."""
        return self.copies.good

    def step(self) -> Words:
        """Draw the inputs of a cycle and settle: uint64 (outputs, words), the lanes in which an output differs."""
        ports = self.stimulus.draw(self.stimulus.lead)
        undefined = self.random.integers(0, 1 << 64, (self.width - len(ports), SPREAD_WORDS), np.uint64)
        drawn = self.corpus.mixed(np.concatenate((ports, undefined)), self.guided)
        self.drawn.append(drawn)
        return self.copies.step(drawn)

    def clock(self) -> Words:
        """To the next cycle: uint64 (latches, words), the lanes in which a register differs."""
        apart = self.copies.clock()
        if len(self.drawn) % _PERIOD:
            return apart
        self._select()
        return self.copies.apart

    def states(self, lane: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The states of both copies in a lane: bool (latches,) each."""
        return self.copies.states(lane)

    def rows(self, lane: int) -> NDArray[np.uint8]:
        """uint8 (cycles, inputs of the network): those that led to the present state of a lane."""
        found = [self._column(len(self.drawn) // _PERIOD, lane)]
        passed = self.passed[lane]
        while passed is not None:
            found.append(self._column(passed.period, passed.lane))
            passed = passed.before
        return np.concatenate(found[::-1])

    def living(self) -> int:
        """A lane in which much went on."""
        return int(self.random.choice(self.lively))

    def _column(self, period: int, lane: int) -> NDArray[np.uint8]:
        """uint8 (cycles, inputs of the network): what a lane was given in a period, as far as that has come."""
        drawn = self.drawn[_PERIOD * period : _PERIOD * (period + 1)]
        return np.array([lane_of(bits, lane) for bits in drawn], np.uint8).reshape(-1, self.width)

    def _select(self) -> None:
        """Let the lanes in which little happened go on from where others began to be busy."""
        period = len(self.drawn) // _PERIOD - 1
        changed = lanes_of(self.good ^ self.before[0])
        part = (changed.sum(axis=1, dtype=np.int64) + 1) / (changed.shape[1] + 1)
        # No matrix product: its threads would get in each other's way.
        busy = np.einsum("i,ij->j", np.where(part < _COMMON, -np.log(part), 0.0), changed)
        slow = busy <= _LIVELY * np.quantile(busy, 1 - _LIVELY / 2)
        began = self.passed
        self.passed = [_Passed(before, period, lane) for lane, before in enumerate(began)]
        if not slow.all():
            self.lively = np.flatnonzero(~slow)
            some = self.random.choice(self.lively, _NOTED).tolist()
            good = [passed for passed in (began[lane] for lane in some) if passed is not None]
            if good:
                self.corpus.add(np.concatenate([self._column(passed.period, passed.lane) for passed in good]))
            slow[-_ALONE if self.selected else 0 :] = False
            replaced = np.flatnonzero(slow)
            parents = self.random.choice(self.lively, replaced.size)
            for side, before in zip(self.copies.sides, self.before, strict=True):
                bits = lanes_of(side.state)
                bits[:, replaced] = lanes_of(before)[:, parents]
                side.state[:] = words_of(bits)
            for lane, parent in zip(replaced.tolist(), parents.tolist(), strict=True):
                self.passed[lane] = began[parent]
        self.before = [side.state.copy() for side in self.copies.sides]


def first_lane(lanes: Words) -> int:
    """The first lane that is set in uint64 (words,)."""
    word = int(np.flatnonzero(lanes)[0])
    low = int(lanes[word]) & -int(lanes[word])
    return 64 * word + low.bit_length() - 1
