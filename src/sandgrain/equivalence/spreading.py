"""How a difference gets to an output: random runs and short bounded searches in turn, from the most promising state.

A state is a pair, of the description and of the netlist. It is the more promising the fewer clock edges lie between a
register that differs and an output. Random runs are cheap and go deep; a bounded search from a state finds the few
inputs out of millions that carry a difference one register further, or make one where there is none.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.copies import Copies
from sandgrain.equivalence.corpus import Corpus
from sandgrain.equivalence.faults import FAR, Faulty
from sandgrain.equivalence.joint import Words, lane_of
from sandgrain.equivalence.lanes import Lanes, first_lane
from sandgrain.equivalence.observing import needed_to_see
from sandgrain.equivalence.rarities import Rarities
from sandgrain.equivalence.stimulus import Stimulus
from sandgrain.equivalence.waiting import Wait, Waiting
from sandgrain.formal.sampling import spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals
from sandgrain.logic.sat import GraphSolver

_CYCLES: Final = 256
_FRAMES: Final = 12
_MOST_FRAMES: Final = 48
_CONFLICTS: Final = 1_000
_QUIET: Final = 300
"""Attempts in a row that make no further register differ."""
_NOTED: Final = 8
_PLAIN, _SELECTED, _BOUNDED, _WAITING = "plain", "selected", "bounded", "waiting"
"""Random runs side by side, those of which the lively ones go on, bounded searches, and what comes of long waits."""
_WAYS: Final = 4
_FIRST: Final = 1.0
"""Seconds that the others get before it is waited."""
_IN_VAIN: Final = 16
"""Draws without a new wait after which there is none."""
_STONES: Final = 3
"""States of one bounded search that are kept because another register differs in them."""
_PASSES: Final = 3
"""Passes of a loop that are run after those skipped."""
_NEAR_TRIES: Final = 12
_KEPT: Final = 256
"""States kept in which a register was what it never was before."""
_DEEPEST: Final = 2_048
_RECENT: Final = 8
"""Cycles that count as having led to a state."""
_REFUSED: Final = 3
"""Runs that showed an output differ in vain, after which it is not looked at, but for a part `_AGAIN` of the time."""
_AGAIN: Final = 0.1
_SHOWN: Final = 4
"""Runs of one round that are tried on both sides."""
_NODES: Final = 4_000_000
_NOWHERE: Final = 2 * FAR
"""Distance of a state in which nothing differs."""
_ENGINE: Final = "glucose4"

T = TypeVar("T")


@dataclass(frozen=True)
class _Pair:
    """Both states after some inputs: bool (latches,) each, and uint8 (cycles, inputs of the network).

    After the rows of a wait, if there is one, what it skips was skipped.
    """

    good: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    rows: NDArray[np.uint8]
    wait: Wait | None = None


_Told = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Rows of a run, and the outputs that differ at its end."""


class Spread(Generic[T]):
    """The search on one faulty network.

    Args:
        faulty: the network.
        stimulus: random inputs, `lanes.SPREAD_WORDS` words of them.
        shown: whether a run (uint8 (cycles, inputs of the network) after the ones it began with, and what is skipped
            after the rows of a wait) differs; what it shows.
        deadline: monotonic time.
        seed: of random choices.
    """

    def __init__(
        self,
        faulty: Faulty,
        stimulus: Stimulus,
        shown: Callable[[NDArray[np.uint8], Wait | None], T | None],
        deadline: float,
        *,
        seed: int = 23,
    ) -> None:
        self.faulty, self.stimulus, self.shown, self.deadline = faulty, stimulus, shown, deadline
        self.random = np.random.default_rng(seed)
        self.width = faulty.network.input_count
        self.order = itertools.count()
        self.conditions: dict[int, tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {}
        self.visits: Counter[bytes] = Counter()
        self.seen = np.zeros(faulty.distance.size, np.bool_)
        self.spent = {_PLAIN: 0.0, _SELECTED: 0.0, _BOUNDED: 1.0, _WAITING: _FIRST}
        self.heap: list[tuple[int, int, int, _Pair]] = []
        self.rarities = Rarities(faulty)
        self.observed = np.zeros(faulty.distance.size, np.bool_)
        ports, resets = stimulus.ports, stimulus.resets
        fixed = [at for at, key in enumerate(ports.inputs) if key in resets]
        self.corpus = Corpus(self.width, np.array(fixed, np.int64), self.random)
        self.waiting = Waiting(faulty, stimulus, self.corpus, self.random)
        self.refused = np.zeros(faulty.outputs.size, np.int64)
        self.rare: deque[_Pair] = deque(maxlen=_KEPT)
        self.near: deque[tuple[_Pair, int]] = deque(maxlen=_KEPT)

    def run(self, good: NDArray[np.bool_], bad: NDArray[np.bool_], begun: Sequence[NDArray[np.uint8]] = ()) -> T | None:
        """What `shown` says of the first run that it accepts; None if there is none in time.

        Args:
            good, bad: bool (latches,), where both copies begin.
            begun: uint8 (cycles, inputs of the network) each, after which it is worth to go on.
        """
        start = _Pair(good, bad, np.zeros((0, self.width), np.uint8))
        self._push(start, 0)
        for rows in begun:
            self._push(self._after(start, rows), 0)
        quiet, reached, vain, turn = 0, 0, 0, 0
        while self.heap and time.monotonic() < self.deadline and quiet < _QUIET:
            quiet += 1
            if (count := int(self.seen.sum())) > reached:
                quiet, reached = 0, count
            if vain < _IN_VAIN and _WAYS * self.spent[_WAITING] <= sum(self.spent.values()):
                vain = 0 if self._waited(start) else vain + 1
                continue
            turn += 1
            tries, pair, rare = self._next(turn % 2 == 1)
            distance = self._distance(pair)
            started = time.monotonic()
            # All ways get about the same time; random runs are much the quicker.
            ways = (_PLAIN, _SELECTED) if rare and tries else (_PLAIN, _SELECTED, _BOUNDED)
            way = min(ways, key=lambda way: self.spent[way])
            if way == _BOUNDED:
                self._look_out(pair)
                runs = self._spread(pair, distance, tries) if distance < _NOWHERE else self._begun(pair, tries)
            else:
                runs = self._random_runs(pair, distance, selected=way == _SELECTED)
            for rows, outputs in runs:
                found = self.shown(rows, pair.wait)
                if found is not None:
                    return found
                self.refused[outputs] += 1
                if time.monotonic() > self.deadline:
                    return None
            self.spent[way] += time.monotonic() - started
            if not rare:
                self._push(pair, tries + 1)
        return None

    def _waited(self, start: _Pair) -> bool:
        """Go on from what is left of loops that are gone through for long, too; whether there are new ones."""
        began, found = time.monotonic(), False
        for wait in self.waiting.waits(start.good):
            found = True
            skipped = _Pair(wait.skip.after, wait.skip.after, wait.rows, wait)
            # While cycles are skipped, and in the one after them, inputs are held.
            for _ in range(_PASSES * wait.skip.loop.period):
                skipped = self._after(skipped, wait.row[None])
                if (skipped.good != skipped.bad).any():
                    break
            self.seen |= skipped.good != skipped.bad
            self._push(skipped, 0)
            self.near.append((skipped, 0))
            if time.monotonic() > self.deadline:
                break
        self.spent[_WAITING] += time.monotonic() - began
        return found

    def _look_out(self, pair: _Pair) -> None:
        """Have states kept in which a register that differs may be seen; once for each."""
        apart = np.flatnonzero((pair.good != pair.bad) & ~self.observed)
        if apart.size:
            latch = int(apart[self.faulty.distance[apart].argmin()])
            self.observed[latch] = True
            needed = needed_to_see(self.faulty, latch)
            if needed is not None:
                self.rarities.look_for(needed)

    def _next(self, rare: bool) -> tuple[int, _Pair, bool]:
        """Tries so far, where to go on, and whether that is where a register was what it never was before.

        Of those the latest comes first; what faults need is tried in turn.
        """
        if rare and self.near:
            pair, tries = self.near.pop()
            if tries + 1 < _NEAR_TRIES and len(self.near) < _KEPT:
                self.near.appendleft((pair, tries + 1))
            return tries, pair, True
        if rare and self.rare:
            return 0, self.rare.pop(), True
        _, tries, _, pair = heapq.heappop(self.heap)
        return tries, pair, False

    def _distance(self, pair: _Pair) -> int:
        apart = self.faulty.distance[pair.good != pair.bad]
        return int(apart.min()) if apart.size else _NOWHERE

    def _push(self, pair: _Pair, tries: int) -> None:
        distance, order = self._distance(pair), next(self.order)
        if distance == _NOWHERE:
            # The latest first: it takes a while to fill registers. What goes on for too long begins anew.
            if len(pair.rows) <= _DEEPEST:
                heapq.heappush(self.heap, (distance + tries, tries, -order, pair))
            return
        # What was tried in vain, or was there before, gives way to what is one register further from an output.
        differing = np.packbits(pair.good != pair.bad).tobytes()
        self.visits[differing] += not tries
        heapq.heappush(self.heap, (distance + tries + self.visits[differing], tries, order, pair))

    def _trusted(self) -> NDArray[np.bool_]:
        """bool (outputs,): where a difference is worth showing.

        An output that the description leaves undefined for now differs here, and nowhere else.
        """
        return (self.refused < _REFUSED) | (self.random.random(self.refused.size) < _AGAIN)

    # --- random runs

    def _random_runs(self, pair: _Pair, bound: int, *, selected: bool) -> Iterator[_Told]:
        """Runs that differ at an output; states closer to one are kept."""
        faulty = self.faulty
        begin = (pair.good, pair.bad)
        lanes = Lanes(faulty, *begin, self.stimulus, self.corpus, self.random, selected=selected)
        nearest, given, trusted = bound, 0, self._trusted()
        for _ in range(_CYCLES):
            apart = lanes.step()
            if given < _SHOWN and apart[trusted].any():
                given += 1
                lane = first_lane(np.bitwise_or.reduce(apart[trusted], axis=0))
                outputs = np.flatnonzero(lane_of(apart, lane))
                yield np.concatenate((pair.rows, lanes.rows(lane))), outputs
            apart = lanes.clock()
            differing = (apart != 0).any(axis=1)
            fresh_ones = np.flatnonzero(differing & ~self.seen)
            closest = int(faulty.distance[differing].min()) if differing.any() else _NOWHERE
            if closest < nearest:
                nearest = closest
                self._keep(pair, lanes, first_lane(np.bitwise_or.reduce(apart[faulty.distance == closest], axis=0)))
            elif fresh_ones.size:
                # It may have to go away from the outputs first: through a memory, say.
                self._keep(pair, lanes, first_lane(apart[fresh_ones[faulty.distance[fresh_ones].argmin()]]))
            self.seen |= differing
            self._note(lanes.good, apart, np.flatnonzero(differing))
            for lane, near in self.rarities.fresh(lanes.good):
                found = self._pair(pair, lanes, lane)
                self.corpus.add_rare(found.rows[-_RECENT:])
                if near:
                    self.near.append((found, 0))
                elif len(found.rows) <= _DEEPEST:
                    self.rare.append(found)
        self._keep(pair, lanes, lanes.living())

    def _note(self, state: Words, apart: Words, differing: NDArray[np.int64]) -> None:
        """Remember what every class was where one differed."""
        for latch in differing.tolist()[:_NOTED]:
            ones, zeros = self.conditions.setdefault(
                latch + 1, (np.zeros(state.shape[0] + 1, np.bool_), np.zeros(state.shape[0] + 1, np.bool_))
            )
            ones[1:] |= (state & apart[latch]).any(axis=1)
            zeros[1:] |= (~state & apart[latch]).any(axis=1)

    def _keep(self, pair: _Pair, lanes: Lanes, lane: int) -> None:
        self._push(self._pair(pair, lanes, lane), 0)

    def _pair(self, pair: _Pair, lanes: Lanes, lane: int) -> _Pair:
        """Where a lane is that began at a pair of states."""
        good, bad = lanes.states(lane)
        return _Pair(good, bad, np.concatenate((pair.rows, lanes.rows(lane))), pair.wait)

    # --- bounded searches

    def _begun(self, pair: _Pair, tries: int) -> Iterator[_Told]:
        """From where nothing differs, a run at the end of which something does; until then one copy is enough."""
        faulty, network = self.faulty, self.faulty.network
        points = np.flatnonzero(network.latch_next != faulty.faulty_next)
        good_next, bad_next = network.latch_next[points], faulty.faulty_next[points]
        graph, trusted = Graph(1 << 16), self._trusted()
        state = pair.good.astype(np.uint32)
        rows: list[Literals] = []
        with GraphSolver(graph, _ENGINE) as solver:
            for inputs in self._unrolled(graph, rows, tries):
                values = graph.frame(network, inputs, state)
                shown = literal_values(values, faulty.outputs)
                shown_bad = literal_values(values, faulty.faulty_outputs)
                good, bad = literal_values(values, good_next), literal_values(values, bad_next)
                apart = graph.any_of([_apart(graph, shown[trusted], shown_bad[trusted]), _apart(graph, good, bad)])
                if apart and solver.solve_within([apart], _CONFLICTS << (tries + 2)):
                    told = _told(solver, rows)
                    outputs = solver.model(shown) != solver.model(shown_bad)
                    if outputs.any():
                        yield np.concatenate((pair.rows, told)), np.flatnonzero(outputs)
                    self._push(self._after(pair, told), 0)
                    return
                state = literal_values(values, network.latch_next)

    def _spread(self, pair: _Pair, bound: int, tries: int) -> Iterator[_Told]:
        """Runs that differ at an output; a state closer to one is kept, and some in which others differ.

        What is closest may lead nowhere, where it is written again before it is read.
        """
        faulty, network = self.faulty, self.faulty.network
        graph = Graph(1 << 16)
        good, bad = pair.good.astype(np.uint32), pair.bad.astype(np.uint32)
        rows: list[Literals] = []
        trusted, goals = self._trusted(), [self._closer(bound), *_STONES * [self._unseen]]
        with GraphSolver(graph, _ENGINE) as solver:
            for inputs in self._unrolled(graph, rows, tries):
                values, values_bad = graph.frame(network, inputs, good), graph.frame(network, inputs, bad)
                shown = literal_values(values, faulty.outputs)
                shown_bad = literal_values(values_bad, faulty.faulty_outputs)
                apart = _apart(graph, shown[trusted], shown_bad[trusted])
                if apart and solver.solve_within([apart], _CONFLICTS << tries):
                    outputs = np.flatnonzero(trusted & (solver.model(shown) != solver.model(shown_bad)))
                    yield np.concatenate((pair.rows, _told(solver, rows))), outputs
                good = literal_values(values, network.latch_next)
                bad = literal_values(values_bad, faulty.faulty_next)
                for goal in goals[:2]:
                    wanted = goal()
                    apart = _apart(graph, good[wanted], bad[wanted])
                    if apart and solver.solve_within([apart], _CONFLICTS << tries):
                        goals.remove(goal)
                        found = self._after(pair, _told(solver, rows))
                        self.seen |= found.good != found.bad
                        self._push(found, 0)

    def _closer(self, bound: int) -> Callable[[], NDArray[np.bool_]]:
        return lambda: self.faulty.distance < bound

    def _unseen(self) -> NDArray[np.bool_]:
        """bool (latches,): what was never seen to differ, and may be seen at an output one day."""
        return (self.faulty.distance < FAR) & ~self.seen

    def _unrolled(self, graph: Graph, rows: list[Literals], tries: int) -> Iterator[Literals]:
        """The input literals of one cycle after another, as long as there is time; ``rows`` gets them too."""
        stop = min(self.deadline, time.monotonic() + max(2.0, self.spent[_PLAIN]))
        for _ in range(min(_FRAMES << tries, _MOST_FRAMES)):
            if time.monotonic() > stop or len(graph) > _NODES:
                return
            rows.append(graph.free(self.width))
            yield rows[-1]

    def _after(self, pair: _Pair, rows: NDArray[np.uint8]) -> _Pair:
        """Both states after more inputs."""
        copies = Copies(self.faulty, pair.good, pair.bad, 1)
        for row in rows:
            copies.step(spread(row == 1))
            copies.clock()
        return _Pair(*copies.states(0), np.concatenate((pair.rows, rows)), pair.wait)


def _apart(graph: Graph, one: Literals, other: Literals) -> int:
    """The literal that says that two vectors differ."""
    places = np.flatnonzero(one != other)
    pairs = zip(one[places].tolist(), other[places].tolist(), strict=True)
    return graph.any_of(graph.any_of([graph.land(a, b ^ 1), graph.land(a ^ 1, b)]) for a, b in pairs)


def _told(solver: GraphSolver, rows: list[Literals]) -> NDArray[np.uint8]:
    return np.array([solver.model(row) for row in rows], np.uint8)
