"""Both sides from power-up through reset: what the description powers up as, and whether the relation holds then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.codes import Code
from sandgrain.equivalence.joint import ALL, Ports, Relation, derived_values, literal_flips
from sandgrain.equivalence.resets import Resets, reset_value
from sandgrain.equivalence.sides import Side
from sandgrain.formal.mining import Clauses
from sandgrain.formal.sampling import spread
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import UNKNOWN, Literals
from sandgrain.logic.simulate import Simulator

_WORDS = 8


@dataclass(frozen=True)
class Point:
    """Something that has to be equal.

    Attributes:
        kind: ``output``, or ``first`` or ``second`` for the next state of a register of that side.
        index: of the output in the ports, or of the latch.
        literal, wanted: in the graph of the frame.
    """

    kind: str
    index: int
    literal: int
    wanted: int


def mates_of(
    second: Side, ports: Ports, resets: Resets, relation: Relation, cycles: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Which register of the netlist the open ones of the description power up as: int64 (classes,), -1 if none.

    Of several in a class, the one that held at power-up most of what the class holds after reset: it is the one that
    reset leaves alone.
    """
    network = second.network
    simulator = Simulator(network, _WORDS)
    simulator.state[:] = random.integers(0, 1 << 64, simulator.state.shape, np.uint64)
    known = network.latch_init != UNKNOWN
    simulator.state[known] = spread(network.latch_init[known] == 1)
    begun = simulator.state.copy()
    for cycle in range(cycles):
        simulator.inputs[:] = random.integers(0, 1 << 64, simulator.inputs.shape, np.uint64)
        for at, place in enumerate(ports.second_inputs.tolist()):
            value = None if place < 0 else reset_value(resets, ports.inputs[place], cycle)
            if value is not None:
                simulator.inputs[at] = ALL if value else 0
        simulator.evaluate()
        simulator.clock()
    kept = np.bitwise_count(~(begun ^ simulator.state)).sum(axis=1, dtype=np.int64)
    result = np.full(relation.count, -1, np.int64)
    # The best of a class is written last; of equals, the first.
    order = np.lexsort((-np.arange(kept.size), kept))
    result[relation.second[order]] = order
    result[0] = -1
    return result


class Base:
    """Both sides from power-up through reset.

    The netlist powers up anyhow. A register of the description without an initial value may be chosen, and is: as its
    class has it, where that is the constant, or as the register of the netlist that ``mates`` (int64 by class, -1 if
    there is none) names, or as ``codes`` have it.

    Attributes:
        graph: the graph; its free variables come first.
        free_count: their number and 1 more.
        points: what has to be equal after the reset.
        clauses: what has to hold then, as graph literals.
    """

    def __init__(
        self,
        first: Side,
        second: Side,
        ports: Ports,
        resets: Resets,
        relation: Relation,
        clauses: Clauses,
        cycles: int,
        mates: NDArray[np.int64],
        guards: Clauses,
        codes: Sequence[Code] = (),
    ) -> None:
        network1, network2 = first.network, second.network
        self.graph = graph = Graph((cycles + 1) * (network1.variable_count + network2.variable_count))
        state2 = graph.free(network2.latch_count)
        own1 = graph.free(network1.latch_count)
        inputs = [graph.free(len(ports.inputs)) for _ in range(cycles)]
        unknown = [graph.free(second.free.size) for _ in range(cycles)]
        self.free_count = len(graph)
        state2 = _initial(network2.latch_init, state2)
        flips1, flips2 = literal_flips(relation.first_flips), literal_flips(relation.second_flips)
        state1 = own1.copy()
        bound = mates[relation.first]
        paired = bound >= 0
        state1[paired] = state2[bound[paired]] ^ flips2[bound[paired]] ^ flips1[paired]
        constant = relation.first == 0
        state1[constant] = flips1[constant]
        alike = ~paired & ~constant
        own = np.full(relation.count, -1, np.int64)
        own[relation.first[::-1]] = np.arange(network1.latch_count)[::-1]
        leader = own[relation.first[alike]]
        state1[alike] = own1[leader] ^ flips1[leader] ^ flips1[alike]
        begun = derived_values(graph, first, second, relation, state1, _initial(network2.latch_init, state2))
        for item, value in zip(relation.derived, begun.tolist(), strict=True):
            if item.side == 0:
                mine = relation.first == relation.first[item.latch]
                state1[mine] = value ^ flips1[item.latch] ^ flips1[mine]
        for code in codes:
            for latch, value in code.power_up(graph, state2):
                state1[latch] = value
        state1 = _initial(network1.latch_init, state1)
        for cycle in range(cycles):
            given = inputs[cycle].copy()
            for at, key in enumerate(ports.inputs):
                value = reset_value(resets, key, cycle)
                if value is not None:
                    given[at] = value
            inputs2 = np.zeros(network2.input_count, np.uint32)
            known = ports.second_inputs >= 0
            inputs2[known] = given[ports.second_inputs[known]]
            inputs2[second.free] = unknown[cycle]
            values2 = graph.frame(network2, inputs2, state2)
            inputs1 = np.zeros(network1.input_count, np.uint32)
            known = ports.first_inputs >= 0
            inputs1[known] = given[ports.first_inputs[known]]
            inputs1[first.free] = literal_values(values2, relation.choices)
            values1 = graph.frame(network1, inputs1, state1)
            state2 = literal_values(values2, network2.latch_next)
            state1 = literal_values(values1, network1.latch_next)
        self.points = []
        wanted: dict[int, int] = {0: 0}
        for kind, classes, state in (
            ("second", relation.second, state2 ^ flips2),
            ("first", relation.first, state1 ^ flips1),
        ):
            for latch, (which, literal) in enumerate(zip(classes.tolist(), state.tolist(), strict=True)):
                if which in wanted:
                    self.points.append(Point(kind, latch, literal, wanted[which]))
                else:
                    wanted[which] = literal
        held = derived_values(graph, first, second, relation, state1, state2)
        self.points += [
            Point(("first", "second")[item.side], item.latch, int((state1, state2)[item.side][item.latch]), value)
            for item, value in zip(relation.derived, held.tolist(), strict=True)
        ]
        self.clauses = [
            [int(state1[literal >> 1]) ^ (literal & 1) for literal in dict.fromkeys(clause)]
            for clause in clauses.tolist()
        ]
        held = np.zeros(relation.count, np.uint32)
        held[relation.second[::-1]] = (state2 ^ flips2)[::-1]
        held[relation.first[::-1]] = (state1 ^ flips1)[::-1]
        held[0] = 0
        self.clauses += [[int(held[literal >> 1]) ^ (literal & 1) for literal in clause] for clause in guards.tolist()]


def _initial(init: NDArray[np.uint8], state: Literals) -> Literals:
    result: Literals = np.where(init == UNKNOWN, state, init).astype(np.uint32)
    return result
