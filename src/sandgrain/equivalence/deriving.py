"""Registers that are functions of the other side's: moved across logic, or holding a state in another code.

A register without a partner may be the value of a net of the other side that depends on registers alone: the register
behind a gate instead of those before it, one bit of a one-hot code for what a comparison decodes. Runs of both sides
propose the net, by what it shows beside the register in every cycle; whether a step keeps that is decided by `proving`.
What is derived from registers is never derived from a register that is derived itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import Derived, Ports, Relation, Words
from sandgrain.equivalence.resets import Resets, reset_cycles
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.stimulus import Stimulus
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import UNKNOWN, Literals
from sandgrain.logic.simulate import Simulator, read
from sandgrain.logic.structure import fanin_cone

_WORDS: Final = 8
_CYCLES: Final = 96
_MOST_CANDIDATES: Final = 6
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass
class _Signatures:
    """What variables show in runs, told short: equal where they show the same, and hardly ever otherwise.

    Attributes:
        hashes: uint64 (variables,), of what each shows, or of its negation where ``flips``, bool (variables,), says so.
    """

    hashes: NDArray[np.uint64]
    flips: NDArray[np.bool_]

    def add(self, rows: Words, multipliers: NDArray[np.uint64]) -> None:
        """Take in one more cycle, uint64 (variables, words)."""
        plain = rows ^ spread(self.flips)
        self.hashes += (plain * multipliers).sum(axis=1, dtype=np.uint64)
        self.hashes ^= self.hashes >> np.uint64(29)
        self.hashes *= _MIX


class Deriving:
    """The search for nets that registers without a partner are equal to.

    Args:
        first, second, ports, resets, relation: what is compared, and the classes of its registers.
        random: for the runs.
        apart: whether registers that the runs tell apart are taken out of their classes first.
    """

    def __init__(
        self,
        first: Side,
        second: Side,
        ports: Ports,
        resets: Resets,
        relation: Relation,
        random: np.random.Generator,
        *,
        apart: bool = False,
    ) -> None:
        self.sides = (first, second)
        self.ports, self.resets, self.relation, self.random = ports, resets, relation, random
        self.alone = _alone(relation)
        self.candidates: dict[tuple[int, int], list[int]] = {}
        if apart or any(latches.size for latches in self.alone):
            shown = self._signatures()
            if apart:
                self.relation = _apart(self.sides, relation, shown)
                self.alone = _alone(self.relation)
            self.candidates = self._candidates(shown)

    def run(self) -> Relation | None:
        """The relation with every register derived that has a candidate left; None if none has."""
        derived: list[Derived] = []
        # What others are derived from is not derived.
        bases: set[tuple[int, int]] = set()
        for (number, latch), candidates in sorted(self.candidates.items()):
            if not candidates or (number, latch) in bases:
                continue
            other = self.sides[1 - number].network
            support = fanin_cone(other, [candidates[0]])[other.first_latch : other.first_and]
            wanted = {(1 - number, at) for at in np.flatnonzero(support).tolist()}
            if wanted & {(item.side, item.latch) for item in derived}:
                continue
            bases |= wanted
            derived.append(Derived(number, latch, candidates[0]))
        if not derived:
            return None
        result = self.relation.copy()
        result.derived = tuple(derived)
        return result

    def drop(self, derived: Sequence[Derived]) -> None:
        """Give up the present candidates of registers."""
        for item in derived:
            del self.candidates[item.side, item.latch][0]

    def _candidates(self, shown: Sequence[_Signatures]) -> dict[tuple[int, int], list[int]]:
        """Literals of nets of the other side that showed what a register holds, by side and register."""
        found: dict[tuple[int, int], list[int]] = {}
        for number, latches in enumerate(self.alone):
            if not latches.size:
                continue
            mine, theirs = shown[number], shown[1 - number]
            nets: dict[int, list[int]] = {}
            for variable in _decoding(self.sides[1 - number]).tolist():
                nets.setdefault(int(theirs.hashes[variable]), []).append(variable)
            for latch in latches.tolist():
                at = self.sides[number].network.first_latch + latch
                alike = nets.get(int(mine.hashes[at]), [])[:_MOST_CANDIDATES]
                flip = bool(mine.flips[at])
                found[number, latch] = [2 * variable + int(flip ^ bool(theirs.flips[variable])) for variable in alike]
        return found

    def _signatures(self) -> list[_Signatures]:
        """What the variables of both sides show in runs."""
        multipliers = self.random.integers(0, 1 << 64, _WORDS, np.uint64) | np.uint64(1)
        shown: list[_Signatures] = []
        for values in self._runs():
            if not shown:
                shown = [_Signatures(np.zeros(len(rows), np.uint64), rows[:, 0] & np.uint64(1) != 0) for rows in values]
            for signatures, rows in zip(shown, values, strict=True):
                signatures.add(rows, multipliers)
        return shown

    def _runs(self) -> Iterator[tuple[Words, Words]]:
        """The values of all variables of both sides in every cycle after reset, registers of a class begun alike."""
        relation = self.relation
        begun = self.random.integers(0, 1 << 64, (relation.count, _WORDS), np.uint64)
        begun[0] = 0
        simulators = [Simulator(side.network, _WORDS) for side in self.sides]
        for simulator, classes, flips in zip(
            simulators, (relation.first, relation.second), (relation.first_flips, relation.second_flips), strict=True
        ):
            init = simulator.network.latch_init
            simulator.state[:] = begun[classes] ^ spread(flips)
            simulator.state[init != UNKNOWN] = spread(init[init != UNKNOWN] == 1)
        stimulus = Stimulus(self.ports, self.resets, _WORDS, self.random)
        lead = reset_cycles(self.resets)
        for cycle in range(lead + _CYCLES):
            drawn = stimulus.draw(cycle)
            for number in (1, 0):  # the netlist first: what the description leaves open is a value of it
                side, simulator = self.sides[number], simulators[number]
                places = (self.ports.first_inputs, self.ports.second_inputs)[number]
                simulator.inputs[places >= 0] = drawn[places[places >= 0]]
                if number == 0:
                    simulator.inputs[side.free] = read(simulators[1].values, relation.choices)
                else:
                    simulator.inputs[side.free] = self.random.integers(0, 1 << 64, (side.free.size, _WORDS), np.uint64)
                simulator.evaluate()
            if cycle >= lead:
                yield simulators[0].values, simulators[1].values
            for simulator in simulators:
                simulator.clock()


def derived_rows(first: Side, second: Side, relation: Relation, values: Words) -> None:
    """Set the rows of ``values``, uint64 (classes, words), of derived registers to what they are derived from."""
    sides = (first, second)
    for number in sorted({item.side for item in relation.derived}):
        other = 1 - number
        simulator = Simulator(sides[other].network, values.shape[1])
        flips = (relation.first_flips, relation.second_flips)
        classes = (relation.first, relation.second)
        simulator.state[:] = values[classes[other]] ^ spread(flips[other])
        simulator.evaluate()
        for item in relation.derived:
            if item.side == number:
                literal = np.array([item.literal ^ int(flips[number][item.latch])], np.uint32)
                values[classes[number][item.latch]] = read(simulator.values, literal)[0]


def _apart(sides: Sequence[Side], relation: Relation, shown: Sequence[_Signatures]) -> Relation:
    """The relation with the members of each class that runs tell apart in classes of their own."""
    labels = []
    numbers: dict[tuple[int, bool], int] = {(int(shown[0].hashes[0]), False): 0}
    for side, signatures, flips in zip(sides, shown, (relation.first_flips, relation.second_flips), strict=True):
        latches = slice(side.network.first_latch, side.network.first_and)
        kinds = zip(signatures.hashes[latches].tolist(), (signatures.flips[latches] ^ flips).tolist(), strict=True)
        labels.append(np.array([numbers.setdefault(kind, len(numbers)) for kind in kinds], np.int64))
    result = relation.copy()
    result.split(*labels)
    return result


def _alone(relation: Relation) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64: the first register of each class that has none of the other side."""
    first = np.bincount(relation.first, minlength=relation.count)
    second = np.bincount(relation.second, minlength=relation.count)
    alone1 = np.flatnonzero((second[relation.first] == 0) & (relation.first != 0))
    alone2 = np.flatnonzero((first[relation.second] == 0) & (relation.second != 0))
    return _leading(relation.first, alone1), _leading(relation.second, alone2)


def _leading(classes: NDArray[np.int64], latches: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of each class."""
    leaders: NDArray[np.int64] = latches[np.unique(classes[latches], return_index=True)[1]]
    return leaders


def _decoding(side: Side) -> NDArray[np.int64]:
    """int64: variables that depend on registers alone and are shown by a net, registers before gates."""
    network = side.network
    mixed = _with_inputs(network.fanin0, network.fanin1, network.first_latch, network.first_and)
    named = np.zeros(network.variable_count, np.bool_)
    literals: Literals = side.assembled.net_literals
    named[literals >> np.uint32(1)] = True
    named[: network.first_latch] = False
    return np.flatnonzero(named & ~mixed)


@numba.njit(cache=True)
def _with_inputs(fanin0, fanin1, first_latch, first_and):  # type: ignore[no-untyped-def]
    mixed = np.zeros(first_and + fanin0.size, np.bool_)
    mixed[1:first_latch] = True
    for gate in range(fanin0.size):
        mixed[first_and + gate] = mixed[fanin0[gate] >> 1] or mixed[fanin1[gate] >> 1]
    return mixed
