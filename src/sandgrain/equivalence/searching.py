"""A run from power-up in which an output differs.

Three ways, the cheap ones first: random runs; the shortest run to a point that differs under the relation, while all
of the states still are related (so that both sides are one network); and from there on both sides by themselves until
an output shows it. Registers without an initial value begin at 0, as in the simulators that replay the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import ALL, Ports, Words
from sandgrain.equivalence.matching import Resets, reset_cycles, reset_value
from sandgrain.equivalence.proving import Proof
from sandgrain.equivalence.sides import Side
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import PORT_INPUT, UNKNOWN, Literals, Network
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import Ternary, evaluate
from sandgrain.progress import Progress

_WORDS: Final = 16
_RUN: Final = 192
_EPISODES: Final = 6
_SHORT: Final = 48
_DEPTH: Final = 60
_AFTER: Final = 24
_CONFLICT_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Trace:
    """Inputs from power-up, and the output bit that differs in the last cycle.

    Attributes:
        inputs: uint8 (cycles, input bits), 0, 1 or 2 where it does not matter.
        output: position in the compared outputs.
        values: of the description and of the netlist there.
    """

    inputs: NDArray[np.uint8]
    output: int
    values: tuple[int, int]


class Search:
    """The search for a run that tells two sides apart."""

    def __init__(
        self, first: Side, second: Side, ports: Ports, resets: Resets, progress: Progress, deadline: float
    ) -> None:
        self.first, self.second, self.ports, self.resets = first, second, ports, resets
        self.progress, self.deadline = progress, deadline
        self.random = np.random.default_rng(17)
        self.outputs1 = np.array([first.outputs[key] for key in ports.outputs], np.uint32)
        self.outputs2 = np.array([second.outputs[key] for key in ports.outputs], np.uint32)
        self.lead = reset_cycles(resets)

    def run(self, proof: Proof) -> Trace | None:
        """The shortest such run found, reduced to the inputs it needs; None if none was found in time."""
        with self.progress.stage("searching a difference"):
            found = self._random_runs(1, _SHORT) or self._guided(proof) or self._random_runs(_EPISODES, _RUN)
            return None if found is None else self._reduced(found)

    # --- what both sides do

    def _begin(self, side: Side, words: int) -> Ternary:
        init = side.network.latch_init
        ones = np.where(init == 1, ALL, np.uint64(0))[:, None].repeat(words, axis=1)
        return Ternary(ones, ~ones)

    def _given(self, side: Side, ones: Words, zeros: Words) -> Ternary:
        places = self.ports.first_inputs if side is self.first else self.ports.second_inputs
        known = places >= 0
        inputs = Ternary(*(np.zeros((side.network.input_count, ones.shape[1]), np.uint64) for _ in range(2)))
        inputs.ones[known], inputs.zeros[known] = ones[places[known]], zeros[places[known]]
        return inputs

    def _cycles(self, inputs: Iterator[tuple[Words, Words]], words: int) -> Iterator[tuple[Ternary, Ternary]]:
        """The outputs of both sides, cycle by cycle; unknown is what nothing defines."""
        states = [self._begin(side, words) for side in (self.first, self.second)]
        wanted = [
            np.concatenate((side.network.latch_next, outputs))
            for side, outputs in ((self.first, self.outputs1), (self.second, self.outputs2))
        ]
        for ones, zeros in inputs:
            shown = []
            for number, side in enumerate((self.first, self.second)):
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
        for episode in range(episodes):
            kept: list[Words] = []

            def drawn(kept: list[Words] = kept, episode: int = episode) -> Iterator[tuple[Words, Words]]:
                for cycle in range(self.lead + cycles):
                    ones = self._drawn(cycle, episode)
                    kept.append(ones)
                    yield ones, ~ones

            for cycle, (one, two) in enumerate(self._cycles(drawn(), _WORDS)):
                if cycle < self.lead:
                    continue
                apart = (one.ones & two.zeros) | (one.zeros & two.ones)
                if apart.any():
                    output, word = (int(at) for at in np.argwhere(apart)[0])
                    bit = int(apart[output, word]) & -int(apart[output, word])
                    shift = np.uint64(bit.bit_length() - 1)
                    inputs = np.array([(row[:, word] >> shift) & np.uint64(1) for row in kept], np.uint8)
                    value = int((one.ones[output, word] >> shift) & np.uint64(1))
                    if best is None or len(inputs) < len(best.inputs):
                        best = Trace(inputs, output, (value, 1 - value))
                    break
                if time.monotonic() > self.deadline:
                    return best
            if best is not None:
                return best
        return best

    def _drawn(self, cycle: int, episode: int) -> Words:
        """Random inputs: bits that are rarely 1, rarely 0, or either; resets now and then."""
        rows = len(self.ports.inputs)
        values = self.random.integers(0, 1 << 64, (rows, _WORDS), np.uint64)
        if episode % 2:
            for _ in range(2):
                values[:, : _WORDS // 2] &= self.random.integers(0, 1 << 64, (rows, _WORDS // 2), np.uint64)
        rare: Words = np.full(_WORDS, ALL)
        for _ in range(5):
            rare = rare & self.random.integers(0, 1 << 64, _WORDS, np.uint64)
        for at, key in enumerate(self.ports.inputs):
            if key in self.resets:
                values[at] = rare if self.resets[key][0] else ~rare
        for at, value in self._fixed(cycle):
            values[at] = ALL if value else 0
        return values

    # --- guided by the points that differ

    def _guided(self, proof: Proof) -> Trace | None:
        points = [item.point for item in proof.differences if item.model is not None]
        if not points:
            return None
        merged, bad = _merged(proof, [(point.literal, point.wanted) for point in points])
        start = self._start(proof)
        if start is None:
            return None
        graph = Graph(1 << 16)
        state = start.astype(np.uint32)
        rows: list[Literals] = []
        with GraphSolver(graph, "cadical153") as solver:
            for depth in range(_DEPTH):
                self.progress.update(f"cycle {depth}", None, None)
                inputs = graph.free(merged.input_count)
                rows.append(inputs[: len(self.ports.inputs)])
                values = graph.frame(merged, inputs, state)
                tries = 0
                for literal in literal_values(values, bad).tolist():
                    if time.monotonic() > self.deadline:
                        return None
                    if literal == 0 or (literal != 1 and not solver.solve([literal])):
                        continue
                    given = np.array(
                        [solver.model(row) if literal != 1 else np.zeros(row.size, np.bool_) for row in rows], np.uint8
                    )
                    found = self._onward(np.concatenate((self._lead_in(), given)))
                    if found is not None:
                        return found
                    tries += 1
                    if tries >= 8:
                        break
                state = literal_values(values, merged.latch_next)
        return None

    def _lead_in(self) -> NDArray[np.uint8]:
        rows = np.zeros((self.lead, len(self.ports.inputs)), np.uint8)
        for cycle in range(self.lead):
            for at, value in self._fixed(cycle):
                rows[cycle, at] = value
        return rows

    def _states_after(self, inputs: NDArray[np.uint8]) -> tuple[Ternary, Ternary]:
        """Both states after a run, 64 times the same."""
        states = [self._begin(side, 1) for side in (self.first, self.second)]
        for row in inputs:
            ones = np.where(row == 1, ALL, np.uint64(0))[:, None]
            for number, side in enumerate((self.first, self.second)):
                given = self._given(side, ones, ~ones)
                states[number] = evaluate(side.network, side.network.latch_next, given, states[number])
        return states[0], states[1]

    def _start(self, proof: Proof) -> NDArray[np.uint32] | None:
        """The values of the classes after reset; None if the states are not related then."""
        first, second = self._states_after(self._lead_in())
        relation = proof.relation
        values = np.full(relation.count, 2, np.uint32)
        values[0] = 0
        for state, classes, flips in (
            (second, relation.second, relation.second_flips),
            (first, relation.first, relation.first_flips),
        ):
            bits = (state.ones[:, 0] & np.uint64(1)).astype(np.uint32) ^ flips.astype(np.uint32)
            known = ((state.ones | state.zeros)[:, 0] & np.uint64(1)) == 1
            for latch in np.flatnonzero(known).tolist():
                which = int(classes[latch])
                if values[which] == 2:
                    values[which] = bits[latch]
                elif values[which] != bits[latch] and which:
                    return None
        values[values == 2] = 0
        return values[1:]

    def _onward(self, inputs: NDArray[np.uint8]) -> Trace | None:
        """Both sides by themselves after a run, until an output differs."""
        whole = self._shown(inputs)
        if whole is not None:
            return whole
        first, second = self._states_after(inputs[:-1])
        graph = Graph(1 << 16)
        states = []
        for side, state in ((self.first, first), (self.second, second)):
            bits = (state.ones[:, 0] & np.uint64(1)).astype(np.uint32)
            states.append(bits if side.network.latch_count else np.zeros(0, np.uint32))
        rows: list[Literals] = []
        until = time.monotonic() + _CONFLICT_SECONDS
        with GraphSolver(graph, "cadical153") as solver:
            for after in range(_AFTER):
                if time.monotonic() > min(until, self.deadline):
                    return None
                given = inputs[-1].astype(np.uint32) if after == 0 else graph.free(len(self.ports.inputs))
                rows.append(given)
                shown = []
                for number, (side, places, outputs) in enumerate(
                    (
                        (self.first, self.ports.first_inputs, self.outputs1),
                        (self.second, self.ports.second_inputs, self.outputs2),
                    )
                ):
                    own = np.zeros(side.network.input_count, np.uint32)
                    known = places >= 0
                    own[known] = given[places[known]]
                    values = graph.frame(side.network, own, states[number])
                    states[number] = literal_values(values, side.network.latch_next)
                    shown.append(literal_values(values, outputs))
                for at in np.flatnonzero(shown[0] != shown[1]).tolist():
                    a, b = int(shown[0][at]), int(shown[1][at])
                    for pair in ([a, b ^ 1], [a ^ 1, b]):
                        if 0 in pair or not solver.solve([literal for literal in pair if literal != 1]):
                            continue
                        more = [
                            row.astype(np.uint8) if index == 0 else solver.model(row).astype(np.uint8)
                            for index, row in enumerate(rows)
                        ]
                        found = self._shown(np.concatenate((inputs[:-1], np.array(more, np.uint8))))
                        if found is not None:
                            return found
        return None

    # --- one concrete run

    def _shown(self, inputs: NDArray[np.uint8], lanes: int = 1) -> Trace | None:
        """The first definite difference of a run (2 is unknown), in a cycle after reset."""

        def rows() -> Iterator[tuple[Words, Words]]:
            for row in inputs:
                yield (
                    np.where(row == 1, ALL, np.uint64(0))[:, None].repeat(lanes, axis=1),
                    np.where(row == 0, ALL, np.uint64(0))[:, None].repeat(lanes, axis=1),
                )

        for cycle, (one, two) in enumerate(self._cycles(rows(), lanes)):
            if cycle < self.lead:
                continue
            apart = ((one.ones & two.zeros) | (one.zeros & two.ones))[:, 0] & np.uint64(1)
            if apart.any():
                output = int(np.flatnonzero(apart)[0])
                value = int(one.ones[output, 0] & np.uint64(1))
                return Trace(inputs[: cycle + 1], output, (value, 1 - value))
        return None

    def _reduced(self, trace: Trace) -> Trace:
        """The same difference with as many inputs unknown as may be; resets stay as they are."""
        until = min(self.deadline, time.monotonic() + _CONFLICT_SECONDS)
        held = {at for at, key in enumerate(self.ports.inputs) if key in self.resets}
        chosen = [
            (cycle, at) for cycle in range(len(trace.inputs)) for at in range(trace.inputs.shape[1]) if at not in held
        ]
        inputs = trace.inputs.copy()

        def without(some: list[tuple[int, int]]) -> bool:
            attempt = inputs.copy()
            for cycle, at in some:
                attempt[cycle, at] = 2
            found = self._shown(attempt)
            if found is None or len(found.inputs) != len(inputs) or found.output != trace.output:
                return False
            inputs[:] = attempt
            return True

        stack = [chosen]
        while stack and time.monotonic() < until:
            some = stack.pop()
            if not some or without(some) or len(some) == 1:
                continue
            half = len(some) // 2
            stack += [some[half:], some[:half]]
        return Trace(inputs, trace.output, trace.values)


def _merged(proof: Proof, points: list[tuple[int, int]]) -> tuple[Network, Literals]:
    """Both sides as one network over the classes, after sweeping, and the literals that say that a point differs."""
    frame, relation = proof.frame, proof.relation
    following = np.zeros(relation.count, np.uint32)
    following[relation.first[::-1]] = frame.first_next[::-1]
    following[relation.second[::-1]] = frame.second_next[::-1]
    graph = Graph(2 * len(frame.graph))
    free = graph.free(frame.free_count - 1)
    nodes = np.zeros(len(frame.graph), np.uint32)
    nodes[1 : frame.free_count] = free
    swept = proof.swept.literals
    fanin0, fanin1 = frame.graph.fanin0.tolist(), frame.graph.fanin1.tolist()
    told = swept.tolist()
    values = nodes.tolist()
    for node in range(frame.free_count, len(frame.graph)):
        if told[node] >> 1 != node:
            values[node] = values[told[node] >> 1] ^ (told[node] & 1)
        else:
            values[node] = graph.land(
                values[fanin0[node] >> 1] ^ (fanin0[node] & 1), values[fanin1[node] >> 1] ^ (fanin1[node] & 1)
            )
    mapped = np.array(values, np.uint32)

    def of(literals: Literals) -> Literals:
        result: Literals = mapped[literals >> np.uint32(1)] ^ (literals & np.uint32(1))
        return result

    bad = []
    for a, b in points:
        one, other = (int(of(np.array([literal], np.uint32))[0]) for literal in (a, b))
        bad.append(graph.any_of([graph.land(one, other ^ 1), graph.land(one ^ 1, other)]))
    inputs = len(frame.inputs) + len(frame.unknown)
    latches = relation.count - 1
    first_and = 1 + inputs + latches
    network = Network(
        input_kinds=np.full(inputs, PORT_INPUT, np.uint8),
        latch_next=of(following[1:]),
        latch_init=np.full(latches, UNKNOWN, np.uint8),
        fanin0=graph.fanin0[first_and:].copy(),
        fanin1=graph.fanin1[first_and:].copy(),
    )
    return network, np.array(bad, np.uint32)
