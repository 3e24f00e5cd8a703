"""Whether a difference gets anywhere, asked of property directed reachability.

Only a few registers are kept twice, of the network and of its faulty copy: those in which faults act, and those that
were seen to differ after them. Either nothing else ever differs, and an invariant says why; or a run makes another
register differ, which is kept twice from then on, or an output.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.faults import FAR, Faulty
from sandgrain.formal.sampling import spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Network
from sandgrain.logic.pdr import reach
from sandgrain.logic.simulate import Simulator, read

_MOST_TWICE: Final = 128
"""Registers kept twice at most."""

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
        good, bad: bool (latches,), where both copies begin.
        shown: what a run shows, uint8 (cycles, inputs of the network); None if it does not differ after all.
        deadline: monotonic time.
        runs: those in which a register differed that did not before, the latest last; more are added.
    """

    def __init__(
        self,
        faulty: Faulty,
        good: NDArray[np.bool_],
        bad: NDArray[np.bool_],
        shown: Callable[[NDArray[np.uint8]], T | None],
        deadline: float,
        runs: list[NDArray[np.uint8]],
    ) -> None:
        self.faulty, self.good, self.bad, self.shown, self.deadline = faulty, good, bad, shown, deadline
        self.runs = runs
        self.width = faulty.network.latch_count

    def run(self) -> T | Confined | None:
        """What a run shows, or the registers the difference is confined to; None if neither was found in time.

        A fault that acts in a run that shows nothing is one of the description's undefined values; without it the
        question is asked again, but then no answer confines anything.
        """
        apart = set(np.flatnonzero(self.good != self.bad).tolist())
        dropped = False
        twice = apart | self._sites()
        for rows in self.runs:
            differing, seen, _ = self._simulated(rows)
            twice |= set() if seen else differing
        while 0 < len(twice) <= _MOST_TWICE:
            network, literal, latches = self._both(twice)
            begin = np.concatenate((self.good, self.bad[list(latches)]))
            left = self.deadline - time.monotonic()
            found = reach(network, literal, begin, left) if literal else None
            if not literal or (found is not None and found.clauses is not None):
                return None if dropped else Confined(latches, found.clauses or () if found is not None else ())
            if found is None or found.inputs is None:
                return None
            self.runs.append(found.inputs)
            differing, seen, acted = self._simulated(found.inputs)
            if seen:
                told = self.shown(found.inputs)
                if told is not None:
                    return told
                dropped = True
                self._drop(acted)
                twice = apart | self._sites()
            elif differing <= set(latches):
                return None
            else:
                twice = set(latches) | differing
        return None

    def _sites(self) -> set[int]:
        return set(np.flatnonzero(self.faulty.network.latch_next != self.faulty.faulty_next).tolist())

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

    def _simulated(self, rows: NDArray[np.uint8]) -> tuple[set[int], bool, set[int]]:
        """The registers that differ in a run, whether an output does, and the registers in which faults acted first."""
        network = self.faulty.network
        sides = Simulator(network, 1), Simulator(network, 1)
        for side, state in zip(sides, (self.good, self.bad), strict=True):
            side.state[:] = spread(state)
        differing, acted = set[int](), set[int]()
        for row in rows:
            for side in sides:
                side.inputs[:] = spread(row == 1)
                side.evaluate()
            good, bad = sides
            shown = read(good.values, self.faulty.outputs) ^ read(bad.values, self.faulty.faulty_outputs)
            if shown.any():
                return differing, True, acted
            following = read(good.values, network.latch_next), read(bad.values, self.faulty.faulty_next)
            fresh = set(np.flatnonzero((following[0] ^ following[1])[:, 0]).tolist())
            acted = acted or fresh
            differing |= fresh
            good.state[:], bad.state[:] = following
        return differing, False, acted
