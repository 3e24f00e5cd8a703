"""Skipping what is always the same: how long a loop goes on, and the state in which it ends.

In a loop the rest of the chip repeats itself whatever its counters hold, up to a first value of one of them. For every
counter the least value at which the loop may end, the other counters holding anything, is found by SAT; before it, each
pass moves the counters on and changes nothing else, so that any number of passes is one addition. What happens then is
simulated again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.counting import Counter
from sandgrain.formal.loops import Bits, Loop
from sandgrain.formal.sampling import spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals, Network
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import Simulator

_WATCHED = 2048
"""Cycles simulated after the last skip, in which the loop has to end."""

_MOST_SKIPS = 8


@dataclass(frozen=True)
class Skip:
    """Passes of a loop that need not be simulated.

    Attributes:
        loop: the loop.
        passes: how many.
        counter: index of the counter by which they are bounded.
        limit: value of that counter from which on the loop may end; it is not reached.
        before, after: bool (latches,), the state at the beginning of the first pass and after the last one.
    """

    loop: Loop
    passes: int
    counter: int
    limit: int
    before: Bits
    after: Bits

    @property
    def cycles(self) -> int:
        """Clock cycles skipped."""
        return self.passes * self.loop.period


@dataclass(frozen=True)
class Ending:
    """How a loop ends.

    Attributes:
        skips: the passes before, in their order; at least one.
        cycles: clock cycles simulated after them until the loop has ended.
        state: bool (latches,), the state then.
    """

    skips: tuple[Skip, ...]
    cycles: int
    state: Bits

    @property
    def skipped(self) -> int:
        """Clock cycles skipped."""
        return sum(skip.cycles for skip in self.skips)


def find_ending(network: Network, loop: Loop) -> Ending | None:
    """How ``loop`` ends, or None if it never does, or if that is not understood."""
    stretch = Stretch(network, loop)
    state = loop.states[0]
    skips: list[Skip] = []
    while len(skips) < _MOST_SKIPS:
        skip = stretch.skip(state)
        if skip is None or skip.passes == 0:
            break
        skips.append(skip)
        state = skip.after
    if not skips:
        return None
    simulator = Simulator(network, 1)
    simulator.state[:] = spread(state)
    simulator.inputs[:] = spread(loop.inputs)
    for cycle in range(_WATCHED):
        expected = stretch.expected(state, cycle % loop.period)
        simulator.evaluate()
        simulator.clock()
        state = (simulator.state[:, 0] & np.uint64(1)).astype(np.bool_)
        if (state != expected).any():
            return Ending(tuple(skips), cycle + 1, state)
    return None


class Stretch:
    """The question whether one pass of a loop is as it should be, for any values of its counters.

    Args:
        network: the design.
        loop: the loop.
        faulty: uint32 (latches,), other next states; a pass in which they are not the same is not as it should be.
        loose: bool (period, latches), the latches that may hold anything before each cycle of a pass.
    """

    def __init__(
        self,
        network: Network,
        loop: Loop,
        faulty: Literals | None = None,
        loose: NDArray[np.bool_] | None = None,
    ) -> None:
        self._loop = loop
        self._loose = np.zeros(loop.states.shape, np.bool_) if loose is None else loose
        graph = Graph(4 * network.variable_count)
        self._broken: list[int] = []
        self._deviating: list[Literals] = []
        """Per position, whether each latch is not as it should be after it: graph literals."""
        self._counted: list[list[list[int]]] = []
        """Per position and counter, its bits as a number: graph literals, least significant first."""
        for position in range(loop.period):
            state = loop.states[position].astype(np.uint32)
            for counter in loop.counters:
                state[counter.latches] = graph.free(counter.latches.size)
            state[self._loose[position]] = graph.free(int(self._loose[position].sum()))
            values = graph.frame(network, loop.inputs.astype(np.uint32), state)
            after = literal_values(values, network.latch_next)
            expected = loop.states[(position + 1) % loop.period].astype(np.uint32)
            for counter, step in zip(loop.counters, loop.steps[:, position].tolist(), strict=True):
                expected[counter.latches] = _moved(graph, counter, state, step)
            anything = self._loose[(position + 1) % loop.period]
            expected[anything] = after[anything]
            deviating = np.zeros(after.size, np.uint32)
            for at in np.flatnonzero(after != expected):
                deviating[at] = graph.xor(int(after[at]), int(expected[at]))
            acting: list[int] = []
            if faulty is not None:
                other = literal_values(values, faulty)
                acting = [graph.xor(int(after[at]), int(other[at])) for at in np.flatnonzero(after != other)]
            self._broken.append(graph.any_of([*deviating.tolist(), *acting]))
            self._deviating.append(deviating)
            self._counted.append([_number(counter, state) for counter in loop.counters])
        self._graph = graph
        self._solver = GraphSolver(graph)
        self._solver.require(self._broken)

    def expected(self, state: Bits, position: int) -> Bits:
        """The state after ``state`` at a position of the loop, if the loop goes on."""
        after: Bits = self._loop.states[(position + 1) % self._loop.period].copy()
        for counter, step in zip(self._loop.counters, self._loop.steps[:, position].tolist(), strict=True):
            after[counter.latches] = counter.bits(counter.value(state) + step)
        return after

    def skip(self, state: Bits) -> Skip | None:
        """The most passes from ``state`` on that one counter shows to be as they should be; None if there is no end."""
        best: Skip | None = None
        for index, counter in enumerate(self._loop.counters):
            now, step = counter.value(state), self._step(index)
            limit = self._least(index, now)
            if limit is None or step == 0:
                continue
            passes = max(0, (limit - 1 - now) // step)
            if best is None or passes > best.passes:
                best = self._skipped(state, index, passes, limit)
        return best

    def towards(self, state: Bits, index: int, value: int) -> Skip | None:
        """Passes from ``state`` on after which a counter is at most at ``value``; None if a pass goes beyond that.

        They are as they should be, and fewer where the loop may end before, or none.
        """
        counter = self._loop.counters[index]
        now, step = counter.value(state), self._step(index)
        if step == 0 or now + step > value:
            return None
        least = self._least(index, now)
        limit = 1 << counter.latches.size if least is None else least
        return self._skipped(state, index, max(0, min(value, limit - 1) - now) // step, limit)

    def deviating(self, state: Bits, index: int, value: int) -> NDArray[np.bool_]:
        """What may not be as it should be in a pass in which a counter is not beyond ``value`` yet.

        Returns:
            bool (period, latches), latches before each cycle of a pass.
        """
        now = self._loop.counters[index].value(state)
        found = np.zeros_like(self._loose)
        for position, (deviating, counted) in enumerate(zip(self._deviating, self._counted, strict=True)):
            mine = found[(position + 1) % self._loop.period]
            within = [self._at_least(counted[index], now), self._at_least(counted[index], value + 1) ^ 1]
            while self._solver.solve([self._graph.any_of(deviating[~mine].tolist()), *within]):
                mine |= self._solver.model(deviating)
        return found

    def _step(self, index: int) -> int:
        """How far one pass moves a counter on."""
        return int(self._loop.steps[index].sum())

    def _skipped(self, state: Bits, index: int, passes: int, limit: int) -> Skip:
        after = state.copy()
        for number, counter in enumerate(self._loop.counters):
            after[counter.latches] = counter.bits(counter.value(state) + passes * self._step(number))
        return Skip(self._loop, passes, index, limit, state, after)

    def _least(self, index: int, now: int) -> int | None:
        """The least value of a counter, from ``now`` on, at which some step of a pass may not be as it should be."""
        found = [
            value
            for broken, counted in zip(self._broken, self._counted, strict=True)
            if (value := self._least_at(broken, counted[index], now)) is not None
        ]
        return min(found, default=None)

    def _least_at(self, broken: int, number: list[int], now: int) -> int | None:
        at_least = self._at_least(number, now)
        if not self._solver.solve([broken, at_least]):
            return None
        chosen: list[int] = []
        for literal in reversed(number):
            low = [*chosen, literal ^ 1]
            chosen = low if self._solver.solve([broken, at_least, *low]) else [*chosen, literal]
        return sum(1 << place for place, literal in enumerate(number) if literal in chosen)

    def _at_least(self, number: list[int], value: int) -> int:
        """A literal for ``number >= value``."""
        if value >> len(number):
            return 0
        result = 1
        for place, literal in enumerate(number):
            result = self._graph.land(result, literal) if value >> place & 1 else self._graph.any_of([result, literal])
        return result


def _number(counter: Counter, state: Literals) -> list[int]:
    """How far a counter has counted, least significant bit first: graph literals."""
    flips = (~counter.passes).astype(np.uint32)
    return [int(literal) for literal in state[counter.latches] ^ flips]


def _moved(graph: Graph, counter: Counter, state: Literals, step: int) -> Literals:
    """The flip-flops of a counter after it has moved on by ``step``, 0 or 1: graph literals."""
    bits: Literals = state[counter.latches].copy()
    carry = step
    for place, literal in enumerate(_number(counter, state)):
        bits[place] = graph.xor(int(bits[place]), carry)
        carry = graph.land(carry, literal)
    return bits
