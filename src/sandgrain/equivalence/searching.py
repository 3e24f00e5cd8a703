"""A run from power-up in which an output differs.

Two ways, the cheap one first: random runs of both sides; and, guided by a proof that did not succeed, the spread of a
difference through one network with faults. Registers without an initial value begin at 0, as in the simulators that
replay the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.beginning import Beginning, apart_after
from sandgrain.equivalence.faults import Faulty, faulty_of
from sandgrain.equivalence.guarding import Conditions
from sandgrain.equivalence.joint import ALL, Ports, Relation, Words, lane_of, lanes_of
from sandgrain.equivalence.jumping import Jump, Jumped, jump_of
from sandgrain.equivalence.lanes import SPREAD_WORDS, first_lane
from sandgrain.equivalence.proofs import Proof
from sandgrain.equivalence.reaching import Confined, Reaching
from sandgrain.equivalence.reducing import Reducing
from sandgrain.equivalence.resets import Resets, reset_cycles, reset_value
from sandgrain.equivalence.resting import Resting
from sandgrain.equivalence.shortening import shorten
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.spreading import Spread
from sandgrain.equivalence.stimulus import Stimulus
from sandgrain.equivalence.waiting import Wait
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import UNKNOWN
from sandgrain.logic.simulate import Ternary, evaluate
from sandgrain.progress import Progress

_WORDS: Final = 16
_RUN: Final = 192
_EPISODES: Final = 6
_SHORT: Final = 48
_REDUCE_SECONDS: Final = 6.0
_SHORTEN_SECONDS: Final = 6.0
_TRIED: Final = 4
"""Of many runs that seem to differ, how many are looked at alone."""
_RUNS: Final = 8
"""Runs to go on from at most."""
UNDETERMINED: Final = 2
"""The value of an output that nothing determines."""


@dataclass(frozen=True)
class Trace:
    """Inputs from power-up, and the output bit that differs in the last cycle.

    Attributes:
        inputs: uint8 (cycles, input bits), 0, 1 or 2 where it does not matter.
        output: position in the compared outputs.
        values: of the description and of the netlist there; 2 of the netlist where nothing determines it.
        jump: cycles between those of the inputs that are skipped.
    """

    inputs: NDArray[np.uint8]
    output: int
    values: tuple[int, int]
    jump: Jump | None = None


class Search:
    """The search for a run that tells two sides apart.

    Args:
        first, second: the sides.
        ports: what belongs together.
        resets: what begins every run.
        progress: told what is going on.
        deadline: monotonic time.
        seed: of random choices.
        runs: after the reset, in which something differs; more are added.
    """

    def __init__(
        self,
        first: Side,
        second: Side,
        ports: Ports,
        resets: Resets,
        progress: Progress,
        deadline: float,
        *,
        seed: int = 0,
        runs: list[NDArray[np.uint8]] | None = None,
    ) -> None:
        self.first, self.second, self.ports, self.resets = first, second, ports, resets
        self.progress, self.deadline = progress, deadline
        self.random = np.random.default_rng(17 + seed)
        self.outputs1 = np.array([first.outputs[key] for key in ports.outputs], np.uint32)
        self.outputs2 = np.array([second.outputs[key] for key in ports.outputs], np.uint32)
        self.conditions: Conditions = {}
        self.lead = reset_cycles(resets)
        self.loose = second.open_ends
        self.runs = [] if runs is None else runs

    def quick(self) -> Trace | None:
        """Such a run, if random ones show one."""
        with self.progress.stage("simulating both sides"):
            found = self._random_runs(2, _SHORT)
            return None if found is None else self._reduced(found)

    def run(self, proof: Proof) -> Trace | None:
        """The shortest such run found, reduced to the inputs it needs; None if none was found in time."""
        with self.progress.stage("searching a difference"):
            found = self._guided(proof) or self._random_runs(_EPISODES, _RUN)
            return None if found is None else self._reduced(found)

    # --- what both sides do

    def _begin(self, side: Side, words: int, *, powered: bool = True) -> Ternary:
        init = side.network.latch_init
        ones = spread(init == 1).repeat(words, axis=1)
        return Ternary(ones, ~ones if powered else spread(init == 0).repeat(words, axis=1))

    def _given(self, side: Side, ones: Words, zeros: Words) -> Ternary:
        places = self.ports.first_inputs if side is self.first else self.ports.second_inputs
        known = places >= 0
        inputs = Ternary(*(np.zeros((side.network.input_count, ones.shape[1]), np.uint64) for _ in range(2)))
        inputs.ones[known], inputs.zeros[known] = ones[places[known]], zeros[places[known]]
        return inputs

    def _cycles(
        self, inputs: Iterator[tuple[Words, Words]], words: int, jump: Jump | None = None
    ) -> Iterator[tuple[Ternary, Ternary]]:
        """The outputs of both sides, cycle by cycle; unknown is what nothing defines."""
        states = [self._begin(side, words) for side in (self.first, self.second)]
        wanted = [
            np.concatenate((side.network.latch_next, outputs))
            for side, outputs in ((self.first, self.outputs1), (self.second, self.outputs2))
        ]
        for cycle, (ones, zeros) in enumerate(inputs):
            shown = []
            for number, side in enumerate((self.first, self.second)):
                if jump is not None and cycle == jump.cycle:
                    states[number] = _set(states[number], jump.sides[number])
                found = evaluate(side.network, wanted[number], self._given(side, ones, zeros), states[number])
                latches = side.network.latch_count
                states[number] = Ternary(found.ones[:latches], found.zeros[:latches])
                shown.append(Ternary(found.ones[latches:], found.zeros[latches:]))
            yield shown[0], shown[1]

    def _fixed(self, cycle: int) -> list[tuple[int, int]]:
        """Input bits and the value they have in a cycle of reset."""
        found = []
        for at, key in enumerate(self.ports.inputs):
            value = reset_value(self.resets, key, cycle) if cycle < self.lead else None
            if value is not None:
                found.append((at, value))
        return found

    # --- random runs

    def _random_runs(self, episodes: int, cycles: int) -> Trace | None:
        best: Trace | None = None
        for _ in range(episodes):
            kept: list[Words] = []
            stimulus = Stimulus(self.ports, self.resets, _WORDS, self.random)

            def drawn(kept: list[Words] = kept, stimulus: Stimulus = stimulus) -> Iterator[tuple[Words, Words]]:
                for cycle in range(self.lead + cycles):
                    ones = stimulus.draw(cycle)
                    kept.append(ones)
                    yield ones, ~ones

            last, vain = self.lead + cycles - 1, False
            for cycle, (one, two) in enumerate(self._cycles(drawn(), _WORDS)):
                # What turned out not to differ is looked at once more with all of the run.
                if cycle < self.lead or (vain and cycle < last):
                    continue
                apart = _apart(one, two, loose=self.loose)
                if apart.any():
                    lane = first_lane(np.bitwise_or.reduce(apart, axis=0))
                    inputs = np.array([lane_of(row, lane) for row in kept])
                    found = self._shown(inputs, None)
                    if found is not None:
                        best = found
                        break
                    vain = True
                if time.monotonic() > self.deadline:
                    return best
            if best is not None:
                return best
        return best

    # --- guided by the points that differ

    def reach(self, proof: Proof) -> Trace | Confined | None:
        """Such a run, or the registers beside which nothing ever differs; None if neither is found in time."""
        with self.progress.stage("asking where a difference gets"):
            faulty = faulty_of(proof)
            beginning = self._beginning(proof.relation, faulty)
            found = Reaching[Trace](faulty, beginning, self._tried_lanes, self.deadline, self.runs).run()
            return self._reduced(found) if isinstance(found, Trace) else found

    def _held(self, relation: Relation) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """What the classes but the constant hold after the reset, in the description and in the netlist."""
        first, second = self._states_after(self._lead_in())
        good, bad = np.zeros(relation.count, np.uint8), np.zeros(relation.count, np.uint8)
        for state, classes, flips, into in (
            (second, relation.second, relation.second_flips, (good, bad)),
            (first, relation.first, relation.first_flips, (good,)),
        ):
            known = ((state.ones | state.zeros)[:, 0] & np.uint64(1)) == 1
            bits = (state.ones[:, 0] & np.uint64(1)).astype(np.uint8) ^ flips.astype(np.uint8)
            for values in into:
                values[classes[known]] = bits[known]
        missing = np.bincount(relation.second, minlength=relation.count) == 0
        bad[missing] = good[missing]
        return good[1:] != 0, bad[1:] != 0

    def _beginning(self, relation: Relation, faulty: Faulty) -> Beginning:
        """What the classes but the constant hold after the reset, from every power-up."""
        resets = self._resets_only()
        open_, power_up = np.ones(relation.count, np.bool_), np.full(relation.count, UNKNOWN, np.uint8)
        states = self._states_after(resets, powered=False)
        for side, state, classes, flips in (
            (self.first, states[0], relation.first, relation.first_flips),
            (self.second, states[1], relation.second, relation.second_flips),
        ):
            open_[classes[(state.ones | state.zeros)[:, 0] != 0]] = False
            init = side.network.latch_init
            known = init != UNKNOWN
            power_up[classes[known]] = init[known] ^ flips[known]
        apart = apart_after(faulty, power_up[1:], resets, self.random)
        return Beginning(*self._held(relation), open_[1:], apart)

    def _guided(self, proof: Proof) -> Trace | None:
        relation = proof.relation
        spread = Spread[Trace](
            faulty_of(proof),
            Stimulus(self.ports, self.resets, SPREAD_WORDS, self.random),
            lambda rows, wait: self._tried(rows, wait, relation),
            self.deadline,
        )
        self.conditions = spread.conditions
        return spread.run(*self._held(relation), self.runs[-_RUNS:])

    def _lead_in(self) -> NDArray[np.uint8]:
        rows = self._resets_only()
        rows[rows == 2] = 0
        return rows

    def _resets_only(self) -> NDArray[np.uint8]:
        """What leads in, with all that is no reset unknown."""
        rows = np.full((self.lead, len(self.ports.inputs)), 2, np.uint8)
        for cycle in range(self.lead):
            for at, value in self._fixed(cycle):
                rows[cycle, at] = value
        return rows

    def _states_after(self, inputs: NDArray[np.uint8], *, powered: bool = True) -> tuple[Ternary, Ternary]:
        """Both states after a run (2 is unknown), 64 times the same; registers power up as 0, or as anything."""
        states = [self._begin(side, 1, powered=powered) for side in (self.first, self.second)]
        for row in inputs:
            ones, zeros = spread(row == 1), spread(row == 0)
            for number, side in enumerate((self.first, self.second)):
                given = self._given(side, ones, zeros)
                states[number] = evaluate(side.network, side.network.latch_next, given, states[number])
        return states[0], states[1]

    # --- one concrete run, or one of many

    def _tried_lanes(self, given: Sequence[Words]) -> Trace | None:
        """The first difference of runs after reset, uint64 (inputs of the network, words) for each cycle."""
        lead = [spread(row == 1).repeat(given[0].shape[1], axis=1) for row in self._lead_in()]
        ones = np.stack([*lead, *(row[: len(self.ports.inputs)] for row in given)])
        cycles = self._first_difference(ones, ~ones, None)
        for lane in sorted(np.flatnonzero(cycles >= 0).tolist(), key=lambda lane: (cycles[lane], lane))[:_TRIED]:
            found = self._shown(lane_of(ones[: cycles[lane] + 1], lane), None)
            if found is not None:
                return found
        return None

    def _tried(self, rows: NDArray[np.uint8], wait: Wait | None, relation: Relation) -> Trace | None:
        """The difference of a run after reset, with what a wait skips."""
        jump = None if wait is None else jump_of(wait, relation, self.lead)
        if wait is not None and jump is None:
            return None
        given = rows[:, : len(self.ports.inputs)]
        return self._shown(np.concatenate((self._lead_in(), given)), jump)

    def _shown(self, inputs: NDArray[np.uint8], jump: Jump | None) -> Trace | None:
        """The first difference of a run (2 is unknown), in a cycle after reset and after what is skipped.

        Where the description has a value and the netlist is unknown, it has to be seen to be another.
        """
        undetermined: list[tuple[int, int, int]] = []
        rows = ((spread(row == 1), spread(row == 0)) for row in inputs)
        for cycle, (one, two) in enumerate(self._cycles(rows, 1, jump)):
            if cycle < self._from(jump):
                continue
            for output in np.flatnonzero(_apart(one, two, loose=False)[:, 0] & np.uint64(1)).tolist()[:1]:
                value = int(one.ones[output, 0] & np.uint64(1))
                return Trace(inputs[: cycle + 1], output, (value, 1 - value), jump)
            if self.loose and jump is None:
                outputs = np.flatnonzero(_apart(one, two, loose=True)[:, 0] & np.uint64(1)).tolist()
                undetermined += [(cycle, output, int(one.ones[output, 0] & np.uint64(1))) for output in outputs]
        return self._undetermined(inputs, undetermined)

    def _undetermined(self, inputs: NDArray[np.uint8], places: Sequence[tuple[int, int, int]]) -> Trace | None:
        """The first cycle, output and value of the description at which the netlist does not have that value."""
        if not places:
            return None
        wanted = {(cycle, output): value for cycle, output, value in places}
        outputs = np.array([self.second.opened_outputs[key] for key in self.ports.outputs], np.uint32)
        place = Resting(self.second, self.ports.second_inputs, outputs, self.random).differing(inputs, wanted)
        return None if place is None else Trace(inputs[: place[0] + 1], place[1], (wanted[place], UNDETERMINED))

    def _from(self, jump: Jump | None) -> int:
        """The first cycle in which a difference counts, and whose inputs are free."""
        return self.lead if jump is None else max(self.lead, jump.cycle + 1)

    def _reduced(self, trace: Trace) -> Trace:
        """A shorter difference with as many inputs unknown as may be; resets stay, and what leads to a jump."""
        jump, begin = trace.jump, self._from(trace.jump)
        until = min(self.deadline, time.monotonic() + _SHORTEN_SECONDS)
        shorter = shorten(
            trace.inputs, begin, lambda one, zero: self._first_difference(one, zero, jump), until, self.random
        )
        trace = self._shown(shorter, jump) or trace
        if trace.values[1] == UNDETERMINED:
            # An unknown input would hide where the unknown output comes from.
            return trace
        until = min(self.deadline, time.monotonic() + _REDUCE_SECONDS)
        reducing = Reducing(trace.inputs, lambda ones, zeros: self._same(trace, ones, zeros), until)
        open_ = [at for at, key in enumerate(self.ports.inputs) if key not in self.resets]
        cycles = range(0 if jump is None else begin, len(trace.inputs))
        reducing.drop([[(cycle, at) for at in open_] for cycle in cycles])
        reducing.drop([[(cycle, at) for cycle in cycles] for at in open_])
        reducing.drop([[(cycle, at)] for cycle in cycles for at in open_])
        return replace(trace, inputs=reducing.inputs)

    def _first_difference(self, ones: Words, zeros: Words, jump: Jump | None) -> NDArray[np.int64]:
        """int64 (lanes,): the cycle in which lanes of uint64 (cycles, input bits, words) first differ, -1 if none."""
        found = np.full(64 * ones.shape[2], -1, np.int64)
        for cycle, (one, two) in enumerate(self._cycles(zip(ones, zeros, strict=True), ones.shape[2], jump)):
            if cycle < self._from(jump):
                continue
            apart = np.bitwise_or.reduce(_apart(one, two, loose=self.loose), axis=0)
            differs = lanes_of(apart) != 0
            found[differs & (found < 0)] = cycle
        return found

    def _same(self, trace: Trace, ones: Words, zeros: Words) -> Words:
        """uint64 (words,): the lanes of uint64 (cycles, input bits, words) that show the difference of a run."""
        lanes = ones.shape[2]
        open_: Words = np.full(lanes, ALL)
        last = len(trace.inputs) - 1
        for cycle, (one, two) in enumerate(self._cycles(zip(ones, zeros, strict=True), lanes, trace.jump)):
            apart = _apart(one, two, loose=False)
            if cycle == last:
                open_ &= apart[trace.output]
            elif cycle >= self._from(trace.jump):
                open_ &= ~np.bitwise_or.reduce(apart, axis=0)
        return open_


def _apart(one: Ternary, two: Ternary, *, loose: bool) -> Words:
    """Where two values differ; with ``loose`` also where the first is one and the second unknown."""
    apart: Words = (one.ones & two.zeros) | (one.zeros & two.ones)
    if loose:
        apart |= (one.ones | one.zeros) & ~(two.ones | two.zeros)
    return apart


def _set(state: Ternary, jumped: Jumped) -> Ternary:
    """The state after a jump."""
    found = Ternary(state.ones.copy(), state.zeros.copy())
    values = spread(jumped.values).repeat(state.ones.shape[1], axis=1)
    found.ones[jumped.latches], found.zeros[jumped.latches] = values, ~values
    found.ones[jumped.loose[0]] = found.zeros[jumped.loose[0]] = 0
    return found
