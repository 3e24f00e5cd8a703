"""A concrete run into a dead cube, by way of stepping stones where one bounded search would be too deep.

A trigger of several words is a chain of flip-flops each of which is never set in ordinary operation. So the values of
the target that no sampled run ever shows are followed backwards, one cycle at a time, to the unseen values they need;
then each is reached in turn from where the one before it was reached. Every step is an ordinary bounded search and the
whole is one concrete run, so nothing rests on the choice of stones but the time it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.bounded import DOES_NOT_MATTER, Run, search
from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube, Reachability
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Simulator, Words

_MOST_STONES = 16
_MOST_WAYS = 6
_WORD = 8
"""Least flip-flops of a word worth a stone of its own."""

_HOLD_DEPTH = 6
"""How far below its next state a flip-flop's own value is looked for."""


def hold_condition(network: Network, latch: int) -> int | None:
    """The literal under which ``latch`` keeps its value, as its next state is written; None if it shows none.

    A register that is written now and then is a multiplexer between its data and itself, so that some gate close to
    its next state is the conjunction of its own value and the condition.
    """
    own = 2 * (network.first_latch + latch)
    level = [int(network.latch_next[latch])]
    for _ in range(_HOLD_DEPTH):
        gates = [literal >> 1 for literal in level if literal >> 1 >= network.first_and]
        level = []
        for gate in gates:
            left, right = (int(side[gate - network.first_and]) for side in (network.fanin0, network.fanin1))
            if own in (left, right):
                return right if left == own else left
            level += [left, right]
    return None


@dataclass
class Pursuit:
    """Looks for runs from one concrete state.

    Attributes:
        environment: the design.
        start: bool (latches,), the state after reset.
        reach: knows what one cycle can do, under the proved invariant.
        states: uint64 (latches, words), sampled states: what ordinary operation shows.
        depth: deepest single search, in cycles.
        unusual: states that are no way to come from, if there is another: nothing ordinary is in them.
        searched: the depth up to which the last target was searched for directly from the start.
    """

    environment: Environment
    start: NDArray[np.bool_]
    reach: Reachability
    states: Words
    depth: int
    unusual: Sequence[Cube] = ()
    searched: int = 0

    def __post_init__(self) -> None:
        self._stepped: dict[tuple[bytes, Cube], Run] = {}
        ones = np.bitwise_count(self.states).sum(axis=1, dtype=np.int64)
        total = 64 * self.states.shape[1]
        self._unseen = np.stack((ones == 0, ones == total), axis=1).ravel()

    def is_unusual(self, cube: Cube) -> bool:
        """Whether ``cube`` holds a value that ordinary operation never shows."""
        return bool(self._unseen[list(cube)].any())

    def is_unseen(self, cube: Iterable[int]) -> bool:
        """Whether no sampled state is in ``cube``."""
        row = np.full(self.states.shape[1], 0xFFFFFFFFFFFFFFFF, np.uint64)
        for literal in cube:
            row &= ~self.states[literal >> 1] if literal & 1 else self.states[literal >> 1]
        return not row.any()

    def run_into(self, cube: Cube, *, seconds: float, tick: Callable[[int], None] = lambda _depth: None) -> Run | None:
        """A run from the start into ``cube``, or None when ``seconds`` are not enough or there is none."""
        deadline = time.monotonic() + seconds
        found = Event()
        with ThreadPoolExecutor(1) as pool:
            # The direct way at the same time, in a process of its own.
            direct = pool.submit(
                search,
                self.environment,
                self.start,
                [cube],
                seconds=seconds,
                max_depth=self.depth,
                tick=tick,
                ended=found.is_set,
            )

            def over() -> bool:
                return direct.done() and direct.result().run is not None

            try:
                run = self._by_ways(cube, deadline, over)
                if run is not None:
                    found.set()
                self.searched = direct.result().depth
            finally:
                found.set()
        return run or direct.result().run

    def _by_ways(self, cube: Cube, deadline: float, over: Callable[[], bool]) -> Run | None:
        """A run by one of the ways; None too when it is ``over``."""
        ways = self.ways(cube)
        for position, stones in enumerate(ways):
            left = deadline - time.monotonic()
            if left <= 0 or over():
                return None
            run = self._along(
                stones if stones[-1] == cube else [*stones, cube], left / 2 if position < len(ways) - 1 else left, over
            )
            if run is not None:
                return run
        return None

    def _along(self, stones: list[Cube], seconds: float, over: Callable[[], bool]) -> Run | None:
        """A run that reaches each of ``stones`` in turn."""
        deadline = time.monotonic() + seconds
        run: Run | None = None
        state = self.start
        for stone in stones:
            left = deadline - time.monotonic()
            if left <= 0 or over():
                return None
            key = (state.tobytes(), stone)
            found = self._stepped.get(key)
            if found is None:
                found = search(self.environment, state, [stone], seconds=left, max_depth=self.depth, ended=over).run
            if found is None:
                return None
            self._stepped[key] = found
            run = found if run is None else run.then(found)
            state = self._after(state, found)
        return run

    def ways(self, cube: Cube) -> list[list[Cube]]:
        """Ways to ``cube`` by stepping stones, the most promising first; empty when there are none to step on.

        The last way back goes to single values that ordinary operation never shows. Where these come to an end, a step
        may still need a whole word at once that some register has kept from before: reaching that word is the first
        stone then, one way for each register that is kept.
        """
        chains = [self.stones(cube)]
        if len(cube) > 1 and not self._unseen[list(cube)].any():
            # A part that no sample shows may come about in other ways than the whole.
            chains.insert(0, self._back_from(cube))
        # A chain of one is the target again, for which the direct way is tried.
        found = list(dict.fromkeys(tuple(chain) for chain in chains if len(chain) > 1))
        chain = chains[0]
        for length in range(max(1, len(chain)), 0, -1):
            rest = chain[-length:]
            before = self.reach.step_into(rest[0] if rest else cube, self.unusual)
            words = [] if before is None else self._kept_words(before)
            found += [(word, *rest) for word in words if word not in rest]
        return [list(way) for way in found[:_MOST_WAYS]]

    def stones(self, cube: Cube) -> list[Cube]:
        """Unseen values on the way to ``cube``, in the order they are to be reached; empty when there are none."""
        return self._back_from(tuple(literal for literal in cube if self._unseen[literal]) or self._unseen_part(cube))

    def _back_from(self, target: Cube) -> list[Cube]:
        """``target`` and before it the unseen values that each step towards it needs."""
        chain: list[Cube] = []
        while target and target not in chain and len(chain) < _MOST_STONES:
            chain.append(target)
            before = self.reach.step_into(target, self.unusual)
            # A value of a whole word is no stone: of the bits of data that happen to be unseen nothing follows.
            words = set[int]().union(*([] if before is None else self._kept_words(before)))
            target = tuple(literal for literal in before or () if self._unseen[literal] and literal not in words)
        return chain[::-1]

    def _unseen_part(self, cube: Cube) -> Cube:
        """A smallest part of ``cube`` that no sampled state is in; empty if there is none."""
        ones = np.bitwise_count(self.states).sum(axis=1, dtype=np.int64)
        total = 64 * self.states.shape[1]

        def common(literal: int) -> int:
            count = int(ones[literal >> 1])
            return total - count if literal & 1 else count

        part = sorted(cube, key=lambda literal: (-abs(2 * common(literal) - total), literal))
        if not self.is_unseen(part):
            return ()
        # The most lopsided values first: what a register of even bits holds is kept to the last.
        for literal in tuple(part):
            rest = [other for other in part if other != literal]
            if rest and self.is_unseen(rest):
                part = rest
        return tuple(sorted(part))

    def _kept_words(self, cube: Cube) -> list[Cube]:
        """The parts of ``cube`` that lie in registers written together and else kept, the largest first."""
        words: dict[int, list[int]] = {}
        for literal in cube:
            kept_while = hold_condition(self.environment.model.network, literal >> 1)
            if kept_while is not None:
                words.setdefault(kept_while, []).append(literal)
        large = [tuple(word) for word in words.values() if len(word) >= _WORD]
        return sorted(large, key=lambda word: (-len(word), word))

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
