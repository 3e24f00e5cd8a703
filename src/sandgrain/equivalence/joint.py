"""Both sides over one state: a graph in which corresponding registers are one variable.

A `Relation` puts the registers of both sides into classes of equal (or opposite) value; class 0 is the constant 0.
Over a state that satisfies it, both sides become functions of the same variables, and comparing them is a combinational
question. What the description leaves undefined may be chosen: every such value is bound to a value of the netlist.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.sides import Side
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals

Words = NDArray[np.uint64]
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def words_of(bits: NDArray[np.uint8] | NDArray[np.bool_]) -> Words:
    """Bits of rows by lane, (rows, lanes), as uint64 (rows, words); the lanes are whole words."""
    packed: Words = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little")).view(np.uint64)
    return packed


def lanes_of(words: Words) -> NDArray[np.uint8]:
    """Words of rows, uint64 (..., words), as bits by lane: uint8 (..., lanes)."""
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=-1, bitorder="little")


def lane_of(words: Words, lane: int) -> NDArray[np.uint8]:
    """One lane of words of rows, uint64 (..., words): uint8 (...,)."""
    bits = (words[..., lane // 64] >> np.uint64(lane % 64)) & np.uint64(1)
    return bits.astype(np.uint8)


@dataclass(frozen=True)
class Derived:
    """A register that is a function of registers of the other side.

    Attributes:
        side: 0 for a register of the description, 1 for one of the netlist.
        latch: the register, the first of its class.
        literal: of the other side's network, a function of registers that are not derived.
    """

    side: int
    latch: int
    literal: int


@dataclass
class Relation:
    """Classes of registers.

    Attributes:
        first, second: int64 (latches,) of each side, the class of each register.
        first_flips, second_flips: bool (latches,), whether the register is the negation of its class.
        count: number of classes, the constant's included.
        choices: uint32, for each undefined value of the description the literal of the netlist's network it is taken
            to be.
        derived: registers whose class is the value of a net of the other side.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    first_flips: NDArray[np.bool_]
    second_flips: NDArray[np.bool_]
    count: int
    choices: Literals
    derived: tuple[Derived, ...] = ()

    def copy(self) -> Relation:
        """The same relation, to be changed by itself."""
        return Relation(
            self.first.copy(),
            self.second.copy(),
            self.first_flips.copy(),
            self.second_flips.copy(),
            self.count,
            self.choices.copy(),
            self.derived,
        )

    def tidy(self) -> None:
        """Number the classes in use from 0, the constant's."""
        both = np.concatenate(([0], self.first, self.second))
        _, numbers = np.unique(both, return_inverse=True)
        self.first = numbers[1 : 1 + self.first.size].astype(np.int64)
        self.second = numbers[1 + self.first.size :].astype(np.int64)
        self.count = int(numbers.max()) + 1

    def split(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> int:
        """Separate within each class what has different labels; the constant keeps those labelled 0.

        Returns:
            By how many the classes grew.
        """
        classes = np.concatenate(([0], self.first, self.second))
        labels = np.concatenate(([0], first, second)).astype(np.int64)
        pairs = np.stack((classes, labels), axis=1)
        _, numbers = np.unique(pairs, axis=0, return_inverse=True)
        numbers = numbers.reshape(-1)
        order = np.where(numbers == numbers[0], 0, 1 + numbers)
        before = self.count
        self.first, self.second = order[1 : 1 + self.first.size], order[1 + self.first.size :]
        self.tidy()
        return self.count - before


def derived_classes(relation: Relation) -> NDArray[np.bool_]:
    """bool (classes,): those whose value is derived."""
    found = np.zeros(relation.count, np.bool_)
    for item in relation.derived:
        found[(relation.first, relation.second)[item.side][item.latch]] = True
    return found


def literal_flips(flips: NDArray[np.bool_]) -> Literals:
    """uint32: what to exclusive-or literals with."""
    result: Literals = flips.astype(np.uint32)
    return result


@dataclass(frozen=True)
class Ports:
    """What of the ports of both sides belongs together.

    Attributes:
        inputs: bits that are inputs of either side.
        outputs: output bits of both.
        only_first, only_second: output bits of one side alone.
        extra_inputs: input bits the description does not have.
        first_inputs, second_inputs: int64 (network inputs,) of each side, the position in ``inputs``, -1 for undefined.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    extra_inputs: tuple[str, ...]
    first_inputs: NDArray[np.int64]
    second_inputs: NDArray[np.int64]


def match_ports(first: Side, second: Side) -> Ports:
    """Match the ports of both sides by the names of their bits."""
    keys = {key for side in (first, second) for key in side.inputs if key is not None}
    inputs = tuple(sorted(keys))
    place = {key: at for at, key in enumerate(inputs)}
    known = {key for key in first.inputs if key is not None} | set(first.held)

    def placed(side: Side) -> NDArray[np.int64]:
        return np.array([-1 if key is None else place[key] for key in side.inputs], np.int64)

    return Ports(
        inputs=inputs,
        outputs=tuple(sorted(first.outputs.keys() & second.outputs.keys())),
        only_first=tuple(sorted(first.outputs.keys() - second.outputs.keys())),
        only_second=tuple(sorted(second.outputs.keys() - first.outputs.keys())),
        extra_inputs=tuple(sorted(key for key in second.inputs if key is not None and key not in known)),
        first_inputs=placed(first),
        second_inputs=placed(second),
    )


@dataclass(frozen=True)
class Frame:
    """One step of both sides over a related state.

    Attributes:
        graph: the graph; its free variables come first.
        inputs: literals of the port inputs.
        unknown: literals of the netlist's undefined values.
        classes: literals of the classes, class 0 false.
        first_values, second_values: literal of every network variable of each side.
        first_next, second_next: next state of every register, as its class would have it.
        first_outputs, second_outputs: the output bits of both.
        derived_next, derived_wanted: next state of every derived register, and of what it is derived from.
    """

    graph: Graph
    inputs: Literals
    unknown: Literals
    classes: Literals
    first_values: Literals
    second_values: Literals
    first_next: Literals
    second_next: Literals
    first_outputs: Literals
    second_outputs: Literals
    derived_next: Literals
    derived_wanted: Literals
    free_count: int = field(default=0)


def build_frame(first: Side, second: Side, ports: Ports, relation: Relation) -> Frame:
    """Both sides over the variables of a relation."""
    graph = Graph(2 * (first.network.variable_count + second.network.variable_count))
    inputs = graph.free(len(ports.inputs))
    unknown = graph.free(second.free.size)
    classes = np.concatenate((np.zeros(1, np.uint32), graph.free(relation.count - 1)))
    free_count = len(graph)
    _derive(graph, first, second, relation, classes)
    second_inputs = np.zeros(second.network.input_count, np.uint32)
    known = ports.second_inputs >= 0
    second_inputs[known] = inputs[ports.second_inputs[known]]
    second_inputs[second.free] = unknown
    second_flips = literal_flips(relation.second_flips)
    second_values = graph.frame(second.network, second_inputs, classes[relation.second] ^ second_flips)
    first_inputs = np.zeros(first.network.input_count, np.uint32)
    known = ports.first_inputs >= 0
    first_inputs[known] = inputs[ports.first_inputs[known]]
    first_inputs[first.free] = literal_values(second_values, relation.choices)
    first_flips = literal_flips(relation.first_flips)
    first_values = graph.frame(first.network, first_inputs, classes[relation.first] ^ first_flips)
    outputs = list(ports.outputs)
    nexts = (
        literal_values(first_values, first.network.latch_next),
        literal_values(second_values, second.network.latch_next),
    )
    return Frame(
        graph=graph,
        inputs=inputs,
        unknown=unknown,
        classes=classes,
        first_values=first_values,
        second_values=second_values,
        first_next=nexts[0] ^ first_flips,
        second_next=nexts[1] ^ second_flips,
        first_outputs=literal_values(first_values, np.array([first.outputs[key] for key in outputs], np.uint32)),
        second_outputs=literal_values(second_values, np.array([second.outputs[key] for key in outputs], np.uint32)),
        derived_next=np.array([nexts[item.side][item.latch] for item in relation.derived], np.uint32),
        derived_wanted=derived_values(graph, first, second, relation, *nexts),
        free_count=free_count,
    )


def derived_values(
    graph: Graph, first: Side, second: Side, relation: Relation, state1: Literals, state2: Literals
) -> Literals:
    """What derived registers have to hold over both states: uint32 (derived,) literals of a graph."""
    found = np.zeros(len(relation.derived), np.uint32)
    for other, network, state in ((0, first.network, state1), (1, second.network, state2)):
        mine = [at for at, item in enumerate(relation.derived) if item.side != other]
        if mine:
            # No input is read by what they are derived from.
            values = graph.frame(network, np.zeros(network.input_count, np.uint32), state)
            found[mine] = literal_values(values, np.array([relation.derived[at].literal for at in mine], np.uint32))
    return found


def _derive(graph: Graph, first: Side, second: Side, relation: Relation, classes: Literals) -> None:
    """Make the classes of derived registers what they are derived from."""
    flips1, flips2 = literal_flips(relation.first_flips), literal_flips(relation.second_flips)
    state1, state2 = classes[relation.first] ^ flips1, classes[relation.second] ^ flips2
    values = derived_values(graph, first, second, relation, state1, state2)
    for item, value in zip(relation.derived, values.tolist(), strict=True):
        of, flips = ((relation.first, flips1), (relation.second, flips2))[item.side]
        classes[of[item.latch]] = value ^ int(flips[item.latch])
