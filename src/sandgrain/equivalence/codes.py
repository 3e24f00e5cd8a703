"""Words that hold a state in one code here and in another there, and that no reset brings to a known one.

What the description's word powers up as is chosen by what the netlist's did: as a table that runs fill in where they
show both. What the netlist's word may power up as beside these is taken to be a value that the description's never
holds in a run; until it is written for the first time, its behaviour is that of such a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from sandgrain.equivalence.constrained import over_classes
from sandgrain.equivalence.invariants import NO_CLAUSES, environment_of, stacked
from sandgrain.equivalence.joint import Relation, Words, words_of
from sandgrain.equivalence.resets import Resets
from sandgrain.equivalence.sides import Side
from sandgrain.formal.environment import Environment
from sandgrain.formal.mining import Clauses, as_cubes, candidates, inductive_clauses
from sandgrain.formal.sampling import sample_states
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.model import LatchBit, Model
from sandgrain.logic.network import UNKNOWN, Literals, Network

WIDEST: Final = 6
"""Bits of a word on either side, at most."""


@dataclass(frozen=True)
class Code:
    """A word of the description as a function of a word of the netlist.

    Attributes:
        first, second: latches of either side.
        table: by value of the netlist's word (its first latch the lowest bit), the value of the description's.
        unused: values of the description's word that no run showed.
        unwritten: clauses over latches of the description, what else holds while it has one of those.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    table: tuple[int, ...]
    unused: tuple[int, ...]
    unwritten: Clauses = field(default_factory=lambda: NO_CLAUSES)

    def clauses(self, relation: Relation) -> Clauses:
        """The table, and what holds while nothing was written, as clauses over classes, ``2 * class + negated``."""
        rows = []
        for value, held in enumerate(self.table):
            row = [
                2 * int(relation.second[latch]) + (value >> at & 1 ^ int(relation.second_flips[latch]))
                for at, latch in enumerate(self.second)
            ]
            for at, latch in enumerate(self.first):
                negated = (held >> at & 1) == int(relation.first_flips[latch])
                rows.append([*row, 2 * int(relation.first[latch]) + int(negated)])
        return stacked(np.array(rows, np.int64), over_classes(self.unwritten, relation))

    def without(self, rows: Sequence[int]) -> Code | None:
        """The same without some rows of its clauses; None if the table is among them."""
        own = [row - len(self.table) * len(self.first) for row in rows]
        if min(own, default=0) < 0:
            return None
        return replace(self, unwritten=np.delete(self.unwritten, own, axis=0))

    def partners(self) -> Iterator[tuple[int, int, bool]]:
        """Latches of the description with one of the netlist that they equal, or are opposite to, in all used codes."""
        used = [(value, held) for value, held in enumerate(self.table) if held not in self.unused]
        for at, latch in enumerate(self.first):
            for place, other in enumerate(self.second):
                same = {(held >> at & 1) == (value >> place & 1) for value, held in used}
                if len(same) == 1:
                    yield latch, other, not same.pop()
                    break

    def ones(self) -> Iterator[tuple[int, list[int]]]:
        """Latches of the description, and the values of the netlist's word for which each is 1."""
        for at, latch in enumerate(self.first):
            yield latch, [value for value, held in enumerate(self.table) if held >> at & 1]

    def power_up(self, graph: Graph, state: Literals) -> Iterator[tuple[int, int]]:
        """Latches of the description and what they power up as, from the netlist's state: literals of a graph."""
        for latch, values in self.ones():
            yield latch, graph.any_of(_holding(graph, state, self.second, value) for value in values)

    def draw(self, values: Words, relation: Relation, random: np.random.Generator) -> None:
        """Let the word hold an unused value in some patterns, ``values`` uint64 (classes, words), changed in place.

        Of random values hardly any would satisfy all that holds then.
        """
        rows = [at for at, held in enumerate(self.table) if held in self.unused]
        if not rows:
            return
        lanes = 64 * values.shape[1]
        chosen = random.integers(0, 4, lanes) == 0
        row = random.choice(rows, lanes)
        held = np.array(self.table)[row]
        mask = words_of(chosen[None])[0]
        for word, classes, flips, value in (
            (self.second, relation.second, relation.second_flips, row),
            (self.first, relation.first, relation.first_flips, held),
        ):
            for at, latch in enumerate(word):
                bits = words_of(((value >> at & 1) ^ int(flips[latch]) == 1)[None])[0]
                values[classes[latch]] = (values[classes[latch]] & ~mask) | (bits & mask)
        own = {int(relation.first[latch]) for latch in self.first}
        for clause in over_classes(self.unwritten, relation).tolist():
            for literal in clause:
                if literal >> 1 not in own and literal >> 1:
                    values[literal >> 1] = values[literal >> 1] & ~mask if literal & 1 else values[literal >> 1] | mask


def _holding(graph: Graph, state: Literals, word: Sequence[int], value: int) -> int:
    """Whether a word of latches has a value in a state: a literal of the graph."""
    return graph.all_of(int(state[latch]) ^ (value >> at & 1 ^ 1) for at, latch in enumerate(word))


def without(codes: Sequence[Code], relation: Relation, rows: Sequence[int]) -> tuple[Code, ...] | None:
    """The same codes without some rows of all their clauses one after another.

    None if a table is among them, or a row of something else.
    """
    kept, begin = [], 0
    for code in codes:
        end = begin + len(code.clauses(relation))
        left = code.without([row - begin for row in rows if begin <= row < end])
        if left is None:
            return None
        kept.append(left)
        begin = end
    return tuple(kept) if max(rows, default=-1) < begin else None


def apart(relation: Relation, codes: Sequence[Code]) -> None:
    """Put every register of these words into a class of its own."""
    for side, flips, words in (
        (relation.first, relation.first_flips, [code.first for code in codes]),
        (relation.second, relation.second_flips, [code.second for code in codes]),
    ):
        for latch in (latch for word in words for latch in word):
            side[latch], flips[latch] = relation.count, False
            relation.count += 1
    relation.tidy()


def until_written(side: Side, resets: Resets, code: Code, known: Clauses, *, seconds: float) -> Clauses:
    """What holds while the description's word has a value that no run showed: clauses over its latches.

    What the description leaves undefined is taken to be 0, so this is a guess: what is undefined may be that value too,
    and is chosen otherwise.

    Args:
        side: the description.
        resets: what it begins with.
        code: of one word.
        known: clauses that hold as well.
        seconds: how long it may take.
    """
    plain = environment_of(side, resets)
    if not code.unused or plain.reset_cycles == 0:
        return NO_CLAUSES
    environment, flag = _flagged(plain, code)
    pairs = candidates(sample_states(environment, words=32, episodes=8, cycles=96))
    others = ~np.isin(pairs >> 1, [flag, *code.first])
    pairs = pairs[((pairs == 2 * flag + 1).any(axis=1)) & others.any(axis=1)]
    # A flag that is not what the word holds is not reached: cubes.
    flags = [
        (
            2 * flag + int(value in code.unused),
            *(2 * latch + (value >> at & 1 ^ 1) for at, latch in enumerate(code.first)),
        )
        for value in range(1 << len(code.first))
    ]
    found = inductive_clauses(environment, pairs, known=[*flags, *as_cubes(known)], seconds=seconds)
    rows = []
    for pair in found.tolist():
        other = pair[0] if pair[1] >> 1 == flag else pair[1]
        rows += [
            [*(2 * latch + (value >> at & 1) for at, latch in enumerate(code.first)), other] for value in code.unused
        ]
    return np.array(rows, np.int64).reshape(-1, len(code.first) + 1)


def _flagged(environment: Environment, code: Code) -> tuple[Environment, int]:
    """The same design with one more latch, which is 1 while the word has an unused value; after a cycle it is."""
    model = environment.model
    network = model.network
    graph = Graph(2 * network.variable_count)
    inputs, state = graph.free(network.input_count), graph.free(network.latch_count)
    graph.free(1)
    first_and = len(graph)
    inputs[model.free_inputs] = 0
    following = literal_values(graph.frame(network, inputs, state), network.latch_next)
    flag = graph.any_of(_holding(graph, following, code.first, value) for value in code.unused)
    flagged = Network(
        input_kinds=network.input_kinds,
        latch_next=np.append(following, np.uint32(flag)),
        latch_init=np.append(network.latch_init, np.uint8(UNKNOWN)),
        fanin0=graph.fanin0[first_and:].copy(),
        fanin1=graph.fanin1[first_and:].copy(),
    )
    latches = (*model.latches, LatchBit("flag", None))
    return replace(environment, model=Model(flagged, model.inputs, latches, {})), network.latch_count
