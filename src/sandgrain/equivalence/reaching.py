"""Whether a difference gets anywhere, asked of property directed reachability.

Only a few registers are kept twice, of the network and of its faulty copy: those that were seen to differ. Either
nothing else ever differs, and an invariant says why; or a run makes another register differ, or an output. From then on
that register is kept twice, and with it those that differ in runs nearly like it: a word is taken in at once, not bit
by bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.beginning import Beginning
from sandgrain.equivalence.copies import Copies
from sandgrain.equivalence.faults import FAR, Faulty
from sandgrain.equivalence.joint import ALL, Words
from sandgrain.formal.sampling import deviations, spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Network
from sandgrain.logic.pdr import reach

_MOST_TWICE: Final = 128
"""Registers kept twice at most."""
_WORDS: Final = 64
"""Words of 64 lanes of runs nearly like one."""
_RATES: Final = 6
"""Their inputs differ in one of two to one of ``2 ** _RATES`` values."""
_CYCLES: Final = 128
"""Cycles of such a run, which begins anew until then."""

T = TypeVar("T")


@dataclass(frozen=True)
class Confined:
    """Registers beside which nothing ever differs.

    Attributes:
        latches: those that may differ.
        clauses: true in every state that can be reached: literals ``2 * latch + negated``, where latch ``count + n``
            is what the ``n``-th of ``latches`` holds in the faulty copy.
    """

    latches: tuple[int, ...]
    clauses: tuple[tuple[int, ...], ...]


class Reaching(Generic[T]):
    """The question for one faulty network.

    Args:
        faulty: the network.
        beginning: where both copies begin.
        shown: what one of several runs shows, uint64 (inputs of the network, words) for each cycle, 64 runs to a word;
            None if none of them differs after all.
        deadline: monotonic time.
        runs: those in which a register differed that did not before, the latest last; more are added.
    """

    def __init__(
        self,
        faulty: Faulty,
        beginning: Beginning,
        shown: Callable[[Sequence[Words]], T | None],
        deadline: float,
        runs: list[NDArray[np.uint8]],
    ) -> None:
        self.faulty, self.beginning, self.shown, self.deadline = faulty, beginning, shown, deadline
        self.runs = runs
        self.width = faulty.network.latch_count
        self.random = np.random.default_rng(29)

    def run(self) -> T | Confined | None:
        """What a run shows, or the registers the difference is confined to; None if neither was found in time.

        A fault that acts in a run that shows nothing is one of the description's undefined values; without it the
        question is asked again, but then no answer confines anything. Runs begin with one power-up; what they never get
        to is asked of every other, too.
        """
        begun = self.beginning
        first = set(np.flatnonzero(begun.good != begun.bad).tolist())
        twice, dropped, any_power_up = set(first), False, False
        for rows in self.runs:
            told, differing = self._nearby(rows)
            if told is not None:
                return told
            twice |= differing
        while len(twice) <= _MOST_TWICE:
            network, literal, latches = self._both(twice)
            begin, open_ = begun.of(list(latches))
            open_ = open_ if any_power_up else np.full_like(open_, -1)
            found = reach(network, literal, begin, open_, self.deadline - time.monotonic())
            if found is None:
                return None
            if found.inputs is None:
                if dropped:
                    return None
                if any_power_up or not begun.open.any():
                    return Confined(latches, found.clauses or ())
                any_power_up = True
                twice = set(latches) | set(np.flatnonzero(begun.apart).tolist())
                continue
            differing, seen, acted = self._simulated(found.inputs, *self._halves(found.begin, latches))
            if not seen and differing <= set(latches):
                return None
            if any_power_up:
                if seen:
                    return None
                twice = set(latches) | differing
                continue
            self.runs.append(found.inputs)
            told, more = self._nearby(found.inputs)
            if told is not None:
                return told
            twice = set(latches) | differing | more
            if seen:
                self._drop(acted)
                dropped, twice = True, set(first)
        return None

    def _halves(
        self, state: NDArray[np.bool_], latches: tuple[int, ...]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The states of both copies, of one in which some latches are there twice."""
        good = state[: self.width]
        bad = good.copy()
        bad[list(latches)] = state[self.width :]
        return good, bad

    def _drop(self, acted: set[int]) -> None:
        """Take away the faults of some registers; where it was none of them, those of the outputs."""
        following, outputs = self.faulty.faulty_next.copy(), self.faulty.faulty_outputs
        following[list(acted)] = self.faulty.network.latch_next[list(acted)]
        if not acted:
            outputs = self.faulty.outputs
        self.faulty = replace(self.faulty, faulty_next=following, faulty_outputs=outputs)

    def _both(self, twice: set[int]) -> tuple[Network, int, tuple[int, ...]]:
        """A network with some registers twice, the literal that says that something else differs, and the registers.

        Those on which no output depends are kept twice, too, where they may differ.
        """
        network, far = self.faulty.network, self.faulty.distance == FAR
        while True:
            latches = tuple(sorted(twice))
            graph = Graph(4 * network.variable_count)
            inputs, state = graph.free(network.input_count), graph.free(self.width)
            other = state.copy()
            other[list(latches)] = graph.free(len(latches))
            values, values_bad = graph.frame(network, inputs, state), graph.frame(network, inputs, other)
            good, bad = literal_values(values, network.latch_next), literal_values(values_bad, self.faulty.faulty_next)
            more = set(np.flatnonzero((good != bad) & far).tolist()) - twice
            if not more:
                break
            twice = twice | more
        once = np.ones(self.width, np.bool_)
        once[list(latches)] = False
        shown, shown_bad = (
            literal_values(values, self.faulty.outputs),
            literal_values(values_bad, self.faulty.faulty_outputs),
        )
        ends = np.concatenate((good[once], shown)), np.concatenate((bad[once], shown_bad))
        literal = graph.any_of(graph.xor(a, b) for a, b in zip(*(end.tolist() for end in ends), strict=True) if a != b)
        first_and = 1 + network.input_count + self.width + len(latches)
        doubled = Network(
            input_kinds=network.input_kinds,
            latch_next=np.concatenate((good, bad[list(latches)])),
            latch_init=np.zeros(self.width + len(latches), np.uint8),
            fanin0=graph.fanin0[first_and:].copy(),
            fanin1=graph.fanin1[first_and:].copy(),
        )
        return doubled, literal, latches

    def _simulated(
        self, rows: NDArray[np.uint8], good: NDArray[np.bool_], bad: NDArray[np.bool_]
    ) -> tuple[set[int], bool, set[int]]:
        """The registers that differ in a run, whether an output does, and the registers in which faults acted first."""
        copies = Copies(self.faulty, good, bad, 1)
        differing, acted = set[int](), set[int]()
        for row in rows:
            if copies.step(spread(row == 1)).any():
                return differing, True, acted
            fresh = set(np.flatnonzero(copies.clock()[:, 0]).tolist())
            acted = acted or fresh
            differing |= fresh
        return differing, False, acted

    def _nearby(self, rows: NDArray[np.uint8]) -> tuple[T | None, set[int]]:
        """What a run shows that is nearly this one, if one shows anything; the registers that differ in such runs.

        A lane in which an output differs says no more after that: what differs there may be undefined.
        """
        copies = Copies(self.faulty, self.beginning.good, self.beginning.bad, _WORDS)
        open_: Words = np.full(_WORDS, ALL)
        differing: NDArray[np.bool_] = np.zeros(self.width, np.bool_)
        given: list[Words] = []
        last = 0
        for row in np.tile(rows, (-(-_CYCLES // len(rows)), 1))[: max(len(rows), _CYCLES)]:
            flips = deviations(int(self.random.integers(1 << 63)), row.size, _WORDS, _RATES)
            # The first lane is the run itself.
            flips[:, 0] &= ALL ^ np.uint64(1)
            given.append(spread(row == 1) ^ flips)
            shown = np.bitwise_or.reduce(copies.step(given[-1]), axis=0)
            if (shown & open_).any():
                last = len(given)
            open_ &= ~shown
            differing |= (copies.clock() & open_).any(axis=1)
        told = self.shown(given[:last]) if last else None
        return told, set(np.flatnonzero(differing).tolist())
