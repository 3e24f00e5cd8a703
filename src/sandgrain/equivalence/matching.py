"""Which registers may correspond: partition refinement by simulation, blind to names.

All registers begin in two classes, those that reset brings to a known value (as the constant they then have) and the
others. States are drawn at random *per class*, so that members of a class are equal; registers of one class whose next
states differ are separated. Registers that correspond for every related state are never separated by this (van Eijk,
*Sequential equivalence checking based on structural similarities*, IEEE TCAD 19(7), 2000), however deep the states are
in which they matter. Three values are simulated: what the description leaves undefined may be anything, and a register
without a partner on the other side is unknown, so that it does not drag others along.

What comes out is a guess that `proving` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence._agreement import agree, clusters, pairings
from sandgrain.equivalence.constrained import class_clauses, repair
from sandgrain.equivalence.joint import ALL, Ports, Relation, Words
from sandgrain.equivalence.names import Hint
from sandgrain.equivalence.resets import Resets, reset_cycles, reset_value
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.stimulus import known_inputs
from sandgrain.formal.mining import Clauses
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import UNKNOWN, Network
from sandgrain.logic.simulate import Simulator, Ternary, evaluate

WORDS: Final = 8
"""Machine words of 64 patterns simulated at once."""
_DENSE: Final = 6
"""One in two to the power of this is 1, or 0, where few are."""
_QUIET: Final = 40
_ROUNDS: Final = 2_000
_ENOUGH: Final = 16
_RESCUES: Final = 20
_HISTORY: Final = 48


class Matching:
    """The search for a relation by simulation; ``dense`` also where nearly all registers are 1, or 0."""

    def __init__(
        self,
        first: Side,
        second: Side,
        ports: Ports,
        resets: Resets,
        clauses: Clauses,
        *,
        dense: bool = False,
        seed: int = 1,
    ) -> None:
        self.first, self.second, self.ports = first, second, ports
        self.random = np.random.default_rng(seed)
        self.split_at = first.network.latch_count
        self.resets, self.clauses, self.dense = resets, clauses, dense
        self.drawn = self._after_reset(resets)
        self.values = _NOTHING
        self.history: Ternary | None = None
        self.tried: set[tuple[int, int, bytes]] = set()
        self.broken: list[Hint] = []

    def run(self, hints: Sequence[Hint] = ()) -> Relation:
        """A relation that no simulation contradicts.

        Args:
            hints: latches that may well correspond. Without any, registers are told apart from scratch.
        """
        relation = self._start()
        if hints:
            self._hint(relation, hints)
        self._settle(relation)
        self.broken = [hint for hint in hints if relation.first[hint.first] != relation.second[hint.second]]
        self._part(relation)
        self._settle(relation)
        for _ in range(_RESCUES):
            attempt = relation.copy()
            if not self._rescue(attempt):
                break
            self._settle(attempt)
            # One false friend can separate many true ones.
            if _alone(attempt) < _alone(relation):
                relation = attempt
        self._idle(relation)
        return relation

    # --- simulation

    def _words(self, rows: int) -> Words:
        return self.random.integers(0, 1 << 64, (rows, WORDS), np.uint64)

    def _after_reset(self, resets: Resets) -> Words:
        """What registers hold after reset, from random power-up values: uint64 (latches of both, words)."""
        simulators = [Simulator(side.network, WORDS) for side in (self.first, self.second)]
        for simulator in simulators:
            simulator.state[:] = self._power_up(simulator.network)
        network = self.first.network
        unknown = Ternary(*(np.zeros((network.latch_count, WORDS), np.uint64) for _ in range(2)))
        unknown.ones[network.latch_init == 1] = ALL
        unknown.zeros[network.latch_init == 0] = ALL
        for cycle in range(reset_cycles(resets)):
            inputs = self._words(len(self.ports.inputs))
            for at, key in enumerate(self.ports.inputs):
                value = reset_value(resets, key, cycle)
                if value is not None:
                    inputs[at] = ALL if value else 0
            given = known_inputs(network, self.ports.first_inputs, inputs)
            unknown = evaluate(network, network.latch_next, given, unknown)
            for simulator, places in zip(simulators, (self.ports.first_inputs, self.ports.second_inputs), strict=True):
                known = places >= 0
                simulator.inputs[known] = inputs[places[known]]
                simulator.inputs[~known] = self._words(int((~known).sum()))
                simulator.evaluate()
                simulator.clock()
        self.unknown_after_reset = unknown
        return np.concatenate([simulator.state for simulator in simulators])

    def _power_up(self, network: Network) -> Words:
        """Random states, but for the registers with an initial value."""
        state = self._words(network.latch_count)
        known = network.latch_init != UNKNOWN
        state[known] = spread(network.latch_init[known] == 1)
        return state

    def _draw_inputs(self) -> Words:
        """Random inputs; a reset is asserted now and then."""
        inputs = self._words(len(self.ports.inputs))
        for at, key in enumerate(self.ports.inputs):
            if key in self.resets:
                rare = self._words(4)
                asserted = rare[0] & rare[1] & rare[2] & rare[3]
                inputs[at] = asserted if self.resets[key][0] else ~asserted
        return inputs

    def _draw_values(self, relation: Relation) -> tuple[Ternary, NDArray[np.uint64]]:
        """Values of the classes, and the patterns in which they are possible.

        Half the patterns go on from where the last round led, in the others the classes are drawn anew.
        """
        values = self._words(relation.count)
        # In some patterns nearly all are 1, or 0: only then do the high bits of a counter move.
        for _ in range(_DENSE if self.dense else 0):
            more = self._words(relation.count)[:, :2]
            values[:, WORDS - 1] |= more[:, 0]
            values[:, WORDS - 3] &= more[:, 1]
        known = Ternary(values, ~values)
        if self.values.ones.shape[0] == relation.count:
            again = np.where(np.arange(WORDS) % 2 == 0, np.uint64(0), ALL)
            again = np.where(_paired(relation)[:, None], again, np.uint64(0))
            known = Ternary(*((old & ~again) | (new & again) for old, new in zip(self.values, known, strict=True)))
        ones, zeros = known
        ones[0], zeros[0] = 0, ALL
        possible = repair(ones, class_clauses(self.clauses, relation), self.random)
        # What was unknown stays so; what was repaired is known.
        zeros = np.where(_paired(relation)[:, None], ~ones, zeros & ~ones)
        return Ternary(ones, zeros), possible

    def _next(self, relation: Relation) -> Ternary:
        """Next states of all registers, oriented as their classes; registers without a partner are unknown before."""
        values, possible = self._draw_values(relation)
        real = spread(_paired(relation))
        values = Ternary(values.ones & real, values.zeros & real)
        drawn = self._draw_inputs()
        ones, zeros = [], []
        for side, places, classes, flips in (
            (self.first, self.ports.first_inputs, relation.first, relation.first_flips),
            (self.second, self.ports.second_inputs, relation.second, relation.second_flips),
        ):
            network = side.network
            inputs = known_inputs(network, places, drawn)
            column = flips[:, None]
            state = Ternary(
                np.where(column, values.zeros[classes], values.ones[classes]),
                np.where(column, values.ones[classes], values.zeros[classes]),
            )
            following = evaluate(network, network.latch_next, inputs, state)
            ones.append(np.where(column, following.zeros, following.ones))
            zeros.append(np.where(column, following.ones, following.zeros))
        return Ternary(np.concatenate(ones) & possible, np.concatenate(zeros) & possible)

    # --- refinement

    def _start(self) -> Relation:
        """Registers with a known value after reset are that constant, all others one class."""
        one, zero = (self.drawn == ALL).all(axis=1), (self.drawn == 0).all(axis=1)
        classes = np.where(one | zero, 0, 1)
        at = self.split_at
        return Relation(
            first=classes[:at],
            second=classes[at:],
            first_flips=one[:at],
            second_flips=one[at:],
            count=2,
            choices=np.zeros(self.first.free.size, np.uint32),
        )

    def _settle(self, relation: Relation) -> None:
        """Refine until nothing changes any more."""
        quiet = 0
        for _ in range(_ROUNDS):
            quiet = 0 if self._refine(relation) else quiet + 1
            if quiet > _QUIET:
                return

    def _refine(self, relation: Relation) -> bool:
        """One round; whether a class was split."""
        following = self._next(relation)
        classes = np.concatenate((relation.first, relation.second))
        # The netlist's registers lead: their values are definite.
        order = np.concatenate((np.arange(self.split_at, classes.size), np.arange(self.split_at)))
        leaders = clusters(classes, relation.count, order, following.ones, following.zeros)
        labels = 1 + leaders
        grown = relation.split(labels[: self.split_at], labels[self.split_at :])
        values = Ternary(*(np.zeros((relation.count, WORDS), np.uint64) for _ in range(2)))
        for rows, rail in zip(values, following, strict=True):
            # The netlist's value counts where the description leaves it open.
            rows[relation.first] = rail[: self.split_at]
            rows[relation.second] = rail[self.split_at :]
        self.values = values
        return grown > 0

    def _part(self, relation: Relation) -> None:
        """Separate registers of the netlist that reset leaves different; their class mates then stand alone."""
        at = self.split_at
        own = self.drawn[at:] ^ spread(relation.second_flips)
        labels = np.unique(own, axis=0, return_inverse=True)[1].reshape(-1) + 1
        labels[~own.any(axis=1)] = 0
        pairs = np.stack((relation.second, labels), axis=1)
        kinds = np.unique(pairs, axis=0)
        torn = np.zeros(relation.count, np.bool_)
        torn[np.flatnonzero(np.bincount(kinds[:, 0], minlength=relation.count) > 1)] = True
        # What is constant in the netlist stays so; the others leave.
        torn[0] = False
        apart = labels.size + 2 + np.arange(at)
        first_labels = np.where(torn[relation.first], apart, 0)
        second_labels = np.where(torn[relation.second] | (relation.second == 0), labels, 0)
        relation.split(first_labels, second_labels)

    def _hint(self, relation: Relation, hints: Sequence[Hint]) -> None:
        """Begin with the classes that hints make, everything else alone."""
        at = self.split_at
        members = np.arange(at + relation.second.size)
        flips = np.concatenate((relation.first_flips, relation.second_flips))
        for hint in hints:
            one, other = hint.first, at + hint.second
            low, high = sorted((members[one], members[other]))
            if low != high:
                group = members == high
                flips[group] ^= flips[one] ^ flips[other] ^ hint.opposite
                members[group] = low
        relation.first_flips, relation.second_flips = flips[:at], flips[at:]
        relation.first, relation.second = 1 + members[:at], 1 + members[at:]
        relation.tidy()

    def _rescue(self, relation: Relation) -> bool:
        """Give registers without a partner the class they agree with wherever both are known, in either polarity."""
        rounds = [self._next(relation) for _ in range(8)]
        flips = spread(np.concatenate((relation.first_flips, relation.second_flips)))
        if self.history is None:
            self.history = self._run_on()
        ones, zeros = self.history
        rounds.append(Ternary((ones & ~flips) | (zeros & flips), (zeros & ~flips) | (ones & flips)))
        at, changed = self.split_at, False
        for own, other, base, own_flips in (
            (relation.first, relation.second, at, relation.first_flips),
            (relation.second, relation.first, 0, relation.second_flips),
        ):
            alone = np.flatnonzero(~_paired(relation)[own])
            _, leaders = np.unique(other, return_index=True)
            leaders = leaders[other[leaders] != 0]
            if not alone.size:
                continue
            # The last column is the constant.
            chances = np.full((alone.size, leaders.size + 1), 3, np.uint8)
            shared = np.zeros(chances.shape, np.int64)
            known = np.zeros(alone.size, np.int64)
            rows = alone + (at - base)
            for following in rounds:
                agree(rows, leaders + base, following.ones, following.zeros, chances, known, shared)
            chances[known < _ENOUGH] = 0
            columns = [*(np.flatnonzero(other == other[leader]).tobytes() for leader in leaders), b"constant"]
            rows_at = {int(row): at_row for at_row, row in enumerate(alone)}
            columns_at = {members: column for column, members in enumerate(columns)}
            for side, row, members in self.tried:
                if side == base and row in rows_at and members in columns_at:
                    chances[rows_at[row], columns_at[members]] = 0
            lonely = np.append(~_paired(relation)[other[leaders]], False)
            pairs = pairings(chances, shared, lonely, _ENOUGH)
            for row, column in zip(alone[pairs >= 0].tolist(), pairs[pairs >= 0].tolist(), strict=True):
                # A class that has got or lost members since is another one.
                self.tried.add((base, row, columns[column]))
                plain = bool(chances[np.searchsorted(alone, row), column] & 1)
                constant = column == leaders.size
                own[row] = 0 if constant else other[leaders[column]]
                # Values were compared as oriented by their classes.
                own_flips[row] ^= not plain
                changed = True
        relation.tidy()
        return changed

    def _idle(self, relation: Relation) -> None:
        """A register of the description that nothing gives a value is taken to be a constant."""
        alone = np.flatnonzero(~_paired(relation)[relation.first])
        rounds = [self._next(relation) for _ in range(8)]
        for row in alone.tolist():
            if not any(following.ones[row].any() for following in rounds):
                relation.first[row] = 0
            elif not any(following.zeros[row].any() for following in rounds):
                relation.first[row] = 0
                relation.first_flips[row] ^= True
        relation.tidy()

    def _run_on(self) -> Ternary:
        """Both sides after reset under the same random inputs, cycle by cycle: rails uint64 (latches, words)."""
        networks = (self.first.network, self.second.network)
        first = Ternary(*self.unknown_after_reset)
        second = Ternary(self.drawn[self.split_at :], ~self.drawn[self.split_at :])
        ones, zeros = [], []
        for _ in range(_HISTORY):
            drawn = self._draw_inputs()
            states = []
            for network, places, state in zip(
                networks, (self.ports.first_inputs, self.ports.second_inputs), (first, second), strict=True
            ):
                states.append(evaluate(network, network.latch_next, known_inputs(network, places, drawn), state))
            first, second = states
            ones.append(np.concatenate((first.ones, second.ones)))
            zeros.append(np.concatenate((first.zeros, second.zeros)))
        return Ternary(np.concatenate(ones, axis=1), np.concatenate(zeros, axis=1))


_NOTHING: Final = Ternary(np.zeros((0, WORDS), np.uint64), np.zeros((0, WORDS), np.uint64))


def _paired(relation: Relation) -> NDArray[np.bool_]:
    """bool (classes,): whether both sides have a register in it; the constant always."""
    paired: NDArray[np.bool_] = (np.bincount(relation.first, minlength=relation.count) > 0) & (
        np.bincount(relation.second, minlength=relation.count) > 0
    )
    paired[0] = True
    return paired


def _alone(relation: Relation) -> int:
    """How many registers have no partner."""
    paired = _paired(relation)
    return int((~paired[relation.first]).sum() + (~paired[relation.second]).sum())
