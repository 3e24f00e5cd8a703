"""From clauses learned one at a time to clauses proved by the hundred.

An invariant learned from one dead state is right but narrow: it speaks of that one instruction, that one bit. Which
flip-flops occur in a few dozen of them shows where the control state is; over those, combinations that simulation
never shows are proposed and the largest inductive set of them is kept. A few rounds of this do what thousands of
single dead states would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import as_clauses, as_cubes, inductive_clauses
from sandgrain.formal.patterns import absent_combinations
from sandgrain.formal.reachability import Cube
from sandgrain.logic.simulate import Words

_EVERY = 32
"""Learned clauses after which a round is due."""

_MOST_LATCHES = 150


class Strengthening:
    """Counts which flip-flops learned invariants speak of, and proposes more about them."""

    def __init__(self, environment: Environment, states: Words) -> None:
        self._environment = environment
        self._states = states
        self._seen: Counter[int] = Counter()
        self._pending = 0

    def note(self, cubes: Iterable[Cube]) -> None:
        """Take in newly learned clauses."""
        for cube in cubes:
            self._seen.update(literal >> 1 for literal in cube)
            self._pending += 1

    @property
    def due(self) -> bool:
        """Whether enough has been learned since the last round."""
        return self._pending >= _EVERY

    def round(
        self, known: Sequence[Cube], *, seconds: float, tick: Callable[[int], None] = lambda _alive: None
    ) -> list[Cube]:
        """Cubes newly proved unreachable, inductive together with ``known``.

        Args:
            known: cubes proved so far, inductive by themselves.
            seconds: budget; nothing comes of a round that does not end in it.
            tick: told how many candidates are left.
        """
        self._pending = 0
        latches = [latch for latch, _ in self._seen.most_common(_MOST_LATCHES)]
        proposed = absent_combinations(self._environment.model.network, self._states, latches, known)
        if not proposed:
            return []
        proved = inductive_clauses(self._environment, as_clauses(proposed), known=known, seconds=seconds, tick=tick)
        return as_cubes(proved)
