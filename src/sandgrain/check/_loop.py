"""Cycles of a run that are proved instead of run: passes of a loop in which nothing but counters moves.

One pass is run as given. Then it is shown that a pass does the same whatever the counters hold, as long as one of them
is below a limit, and that the passes skipped keep it there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sandgrain.check._circuit import TRUE, Circuit
from sandgrain.check._flat import FlatCircuit
from sandgrain.check._formula import Formula
from sandgrain.check.acceleration import Stretch, refused

S = TypeVar("S")
_MOST_CYCLES: Final = 100_000
"""That are run one by one."""


@dataclass(frozen=True)
class Machine(Generic[S]):
    """A circuit that is run.

    Attributes:
        circuit: its gates.
        states: node of every register.
        nexts: literal of the next state of each.
        given: literals of all other leaves in a cycle.
    """

    circuit: Circuit | FlatCircuit
    states: Mapping[S, int]
    nexts: Mapping[S, int]
    given: Callable[[int], dict[int, int]]

    def values(self, formula: Formula, cycle: int, state: Mapping[S, int]) -> list[int]:
        """Literals by signed node in a cycle."""
        leaves = self.given(cycle) | {node: state[key] for key, node in self.states.items()}
        return formula.step(self.circuit, leaves)

    def step(self, formula: Formula, cycle: int, state: Mapping[S, int]) -> dict[S, int]:
        """The state one clock edge after a cycle."""
        values = self.values(formula, cycle, state)
        return {key: values[literal] for key, literal in self.nexts.items()}

    def run(self, formula: Formula, cycles: range, state: dict[S, int]) -> dict[S, int]:
        """The state after some cycles."""
        if len(cycles) > _MOST_CYCLES:
            raise refused(f"more than {_MOST_CYCLES} cycles to be run")
        for cycle in cycles:
            formula.in_time()
            state = self.step(formula, cycle, state)
        return state


@dataclass(frozen=True)
class Loop(Generic[S]):
    """What is said of a loop.

    Attributes:
        period: clock cycles of one pass.
        counters: the registers that count in it, least significant first, each with the value at which it passes the
            carry on.
        stretches: what is skipped, one after another.
        loose: for each cycle of a pass, registers of which nothing is said: they may hold anything before it, and those
            of the first after the last pass; none if it is empty.
    """

    period: int
    counters: Sequence[Sequence[tuple[S, int]]]
    stretches: Sequence[Stretch]
    loose: Sequence[Set[S]] = ()


def skipped(
    formula: Formula, machine: Machine[S], loop: Loop[S], cycle: int, state: dict[S, int]
) -> tuple[int, dict[S, int]]:
    """How many cycles are skipped, and the literal of every register after them.

    Registers of which it is not known what they hold in a pass are loose too.

    Args:
        formula: nothing is required of its variables.
        machine: what is run; its inputs are held from ``cycle`` on.
        loop: what is said of it.
        cycle: in which the first pass begins.
        state: literals of all registers then.

    Raises:
        CertificateError: it is not so.
        LimitExceeded: that was not decided in time.
    """
    return _Skipping(formula, machine, loop, cycle, state).run()


class _Skipping(Generic[S]):
    def __init__(self, formula: Formula, machine: Machine[S], loop: Loop[S], cycle: int, state: dict[S, int]) -> None:
        self.formula, self.machine, self.loop, self.cycle = formula, machine, loop, cycle
        counted = [key for counter in loop.counters for key, _ in counter]
        self.counted = set(counted)
        if not (loop.period and loop.counters and loop.stretches):
            raise refused("a loop without a pass, a counter or a stretch")
        if len(self.counted) < len(counted):
            raise refused("a register counts twice")
        loose = list(loop.loose) or [frozenset[S]()] * loop.period
        if len(loose) != loop.period:
            raise refused("not every cycle of a pass is told of")
        if not self.counted.union(*loose) <= set(machine.states):
            raise refused("a counter is no register of the model")
        self.passed = [state]
        for _ in range(loop.period):
            self.passed.append(machine.step(formula, cycle, self.passed[-1]))
        # What the last pass ends with is what the next one begins with.
        unknown = [{key for key, value in one.items() if abs(value) != TRUE} for one in self.passed]
        self.loose = [
            told | found for told, found in zip(loose, [unknown[0] | unknown[-1], *unknown[1:-1]], strict=True)
        ]
        if not self.counted.isdisjoint(set[S]().union(*self.loose)):
            raise refused("it is not known what a counter holds")
        self.steps = [
            [
                (self._value(index, after) - self._value(index, before)) % (1 << len(counter))
                for before, after in itertools.pairwise(self.passed)
            ]
            for index, counter in enumerate(loop.counters)
        ]

    def run(self) -> tuple[int, dict[S, int]]:
        if any(step not in (0, 1) for row in self.steps for step in row):
            raise refused("a counter does not count by one")
        first, last = self.passed[0], self.passed[-1]
        if any(first[key] != last[key] for key in first if key not in self.counted and key not in self.loose[0]):
            raise refused("the loop does not end where it began")
        now = [self._value(index, first) for index in range(len(self.loop.counters))]
        cycles = 0
        for stretch in self.loop.stretches:
            self._stretch(stretch, now)
            now = [
                (value + stretch.passes * sum(row)) % (1 << len(counter))
                for value, row, counter in zip(now, self.steps, self.loop.counters, strict=True)
            ]
            cycles += stretch.passes * self.loop.period
        after = first | {key: self.formula.fresh() for key in self.loose[0]}
        for counter, number in zip(self.loop.counters, now, strict=True):
            for place, (key, value) in enumerate(counter):
                after[key] = TRUE if value == number >> place & 1 else -TRUE
        return cycles, after

    def _stretch(self, stretch: Stretch, now: Sequence[int]) -> None:
        """Show that the passes of a stretch are as they should be."""
        if not 0 <= stretch.counter < len(now) or not stretch.passes:
            raise refused("a stretch without a counter or a pass")
        if now[stretch.counter] + stretch.passes * sum(self.steps[stretch.counter]) >= stretch.limit:
            raise refused("a counter reaches its limit in a stretch")
        if stretch.limit > 1 << len(self.loop.counters[stretch.counter]):
            raise refused("a limit that no value of the counter reaches")
        formula = self.formula
        for position, (before, after) in enumerate(itertools.pairwise(self.passed)):
            free = self.counted | self.loose[position]
            state = {key: formula.fresh() if key in free else literal for key, literal in before.items()}
            outside = [-clause for clause in self._between(stretch, state, now[stretch.counter])]
            found = self.machine.step(formula, self.cycle, state)
            expected = dict(after)
            for index in range(len(self.loop.counters)):
                expected |= self._moved(index, state, self.steps[index][position])
            for key in before.keys() - self.loose[(position + 1) % self.loop.period]:
                if not formula.holds([*outside, formula.equal(found[key], expected[key])]):
                    raise refused("a pass of the loop is not always the same")

    def _number(self, index: int, state: Mapping[S, int]) -> list[int]:
        """How far a counter has counted, least significant bit first."""
        return [state[key] if value else -state[key] for key, value in self.loop.counters[index]]

    def _value(self, index: int, state: Mapping[S, int]) -> int:
        return sum((literal == TRUE) << place for place, literal in enumerate(self._number(index, state)))

    def _moved(self, index: int, state: Mapping[S, int], step: int) -> dict[S, int]:
        """A counter after it has moved on by ``step``, 0 or 1."""
        carry = TRUE if step else -TRUE
        moved = {}
        for (key, _), literal in zip(self.loop.counters[index], self._number(index, state), strict=True):
            moved[key] = -self.formula.equal(state[key], carry)
            carry = self.formula.land(carry, literal)
        return moved

    def _between(self, stretch: Stretch, state: Mapping[S, int], least: int) -> Iterator[int]:
        """Literals that say that the counter of a stretch is not below ``least``, and below the limit."""
        land = self.formula.land
        at_least, below = TRUE, -TRUE
        for place, literal in enumerate(self._number(stretch.counter, state)):
            at_least = land(at_least, literal) if least >> place & 1 else -land(-at_least, -literal)
            below = -land(-below, literal) if stretch.limit >> place & 1 else land(below, -literal)
        yield at_least
        if stretch.limit < 1 << len(self.loop.counters[stretch.counter]):
            yield below
