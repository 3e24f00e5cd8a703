"""What the description leaves undefined may be anything, so it is taken to be what the netlist made of it.

Each undefined value is bound to a value of the netlist at a point the undefined value can reach: the next state of the
register, or the output, that corresponds. Behind multiplexers, where a description mostly has its ``x``, that is always
a right choice. Which point, and in which polarity, is tried out by simulation; whether it is right is decided later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.codes import Code
from sandgrain.equivalence.constrained import repair, satisfied
from sandgrain.equivalence.deriving import derived_rows
from sandgrain.equivalence.joint import ALL, Frame, Ports, Relation, Words, words_of
from sandgrain.equivalence.sides import Side
from sandgrain.formal.mining import Clauses
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import Literals
from sandgrain.logic.simulate import Simulator, Ternary, evaluate, read
from sandgrain.logic.structure import fanin_cone

_WORDS: Final = 32
_NONE: Final = np.uint32(0xFFFFFFFF)
_SWEEPS: Final = 3


def targets(
    first: Side, second: Side, ports: Ports, relation: Relation, codes: Sequence[Code] = ()
) -> tuple[Literals, Literals]:
    """The points of the description and what each has to be, those of words in another code what is nearest to it.

    Returns:
        uint32 (points,) literals of the description's network, next states first and then outputs, and uint32 (points,)
        literals of the netlist's network; all ones where nothing is required.
    """
    network = second.network
    leaders = np.full(relation.count, -1, np.int64)
    leaders[relation.second[::-1]] = np.arange(network.latch_count)[::-1]
    chosen = leaders[relation.first]
    wanted = np.full(relation.first.size, _NONE, np.uint32)
    known = chosen >= 0
    flips = relation.first_flips.astype(np.uint32)
    wanted[known] = (
        network.latch_next[chosen[known]] ^ relation.second_flips[chosen[known]].astype(np.uint32) ^ flips[known]
    )
    constant = relation.first == 0
    wanted[constant] = flips[constant]
    for latch, other, opposite in (partner for code in codes for partner in code.partners()):
        wanted[latch] = network.latch_next[other] ^ np.uint32(opposite)
    keys = list(ports.outputs)
    outputs1 = np.array([first.outputs[key] for key in keys], np.uint32)
    outputs2 = np.array([second.outputs[key] for key in keys], np.uint32)
    return np.concatenate((first.network.latch_next, outputs1)), np.concatenate((wanted, outputs2))


@dataclass(frozen=True)
class Patterns:
    """States and inputs a choice has to be right in, 64 to a machine word.

    Attributes:
        classes, inputs, unknown: uint64 (rows, words), of classes, input bits and what the netlist leaves undefined.
    """

    classes: Words
    inputs: Words
    unknown: Words

    @staticmethod
    def of(frame: Frame, models: Sequence[NDArray[np.bool_]]) -> Patterns:
        """The patterns of answers about a frame."""
        bits = np.array(models, np.bool_)
        bits = np.resize(bits, (-(-len(models) // 64) * 64, bits.shape[1]))
        words = words_of(bits.T)

        def of(literals: Literals) -> Words:
            result: Words = words[literals >> np.uint32(1)]
            return result

        return Patterns(of(frame.classes), of(frame.inputs), of(frame.unknown))


def choose(
    first: Side,
    second: Side,
    ports: Ports,
    relation: Relation,
    clauses: Clauses,
    given: Sequence[Patterns] = (),
    codes: Sequence[Code] = (),
    *,
    seed: int = 5,
) -> Literals:
    """Bind every undefined value of the description: uint32 literals of the netlist's network.

    Args:
        first, second, ports, relation: what is compared.
        clauses: what holds of the classes, ``2 * class + negated``.
        given: states and inputs of this relation that a choice has to be right in, beside random ones.
        codes: words that are in another code on the other side.
        seed: of the random ones.
    """
    if not first.free.size:
        return np.zeros(0, np.uint32)
    return _Choosing(first, second, ports, relation, clauses, given, codes, seed).run()


class _Choosing:
    def __init__(
        self,
        first: Side,
        second: Side,
        ports: Ports,
        relation: Relation,
        clauses: Clauses,
        given: Sequence[Patterns],
        codes: Sequence[Code],
        seed: int,
    ) -> None:
        self.side = first
        random = np.random.default_rng(seed)

        def drawn(rows: int, more: Sequence[Words]) -> Words:
            fresh = random.integers(0, 1 << 64, (rows, _WORDS), np.uint64)
            return np.concatenate((fresh, *more), axis=1)

        values = drawn(relation.count, [item.classes for item in given])
        values[0] = 0
        for code in codes:
            code.draw(values[:, :_WORDS], relation, random)
        repair(values[:, :_WORDS], clauses, random)
        self.possible = satisfied(values, clauses) if len(clauses) else np.full(values.shape[1], ALL)
        derived_rows(first, second, relation, values)
        inputs = drawn(len(ports.inputs), [item.inputs for item in given])
        width = values.shape[1]
        self.netlist = Simulator(second.network, width)
        bound = ports.second_inputs >= 0
        self.netlist.inputs[second.free] = drawn(second.free.size, [item.unknown for item in given])
        self.netlist.inputs[bound] = inputs[ports.second_inputs[bound]]
        self.netlist.state[:] = values[relation.second] ^ spread(relation.second_flips)
        self.netlist.evaluate()
        self.description = Simulator(first.network, width)
        bound = ports.first_inputs >= 0
        self.description.inputs[bound] = inputs[ports.first_inputs[bound]]
        self.description.state[:] = values[relation.first] ^ spread(relation.first_flips)
        points, wanted = targets(first, second, ports, relation, codes)
        required = wanted != _NONE
        self.points, self.wanted = points[required], wanted[required]
        self.goal = read(self.netlist.values, self.wanted)
        self.choices = np.zeros(first.free.size, np.uint32)
        # Only what has a name can be told in a certificate.
        named = np.zeros(second.network.variable_count, np.bool_)
        named[second.assembled.net_literals >> np.uint32(1)] = True
        self.named = np.flatnonzero(named)
        self.seen = np.zeros(self.points.size, np.int64)
        self.differs: Words = self.goal

    def run(self) -> Literals:
        reach = self._reach()
        # First where most is seen of it: at a register that takes it now and then, it is seen only then.
        order = sorted(reach, key=lambda point: -int(self.seen[point]))
        fixed: set[int] = set()
        for point in order:
            for value in reach[point]:
                if value not in fixed:
                    fixed.add(value)
                    self.choices[value] = self.wanted[point]
        wrong = self._wrong()
        for _ in range(_SWEEPS):
            if not wrong.any():
                break
            before = self._count()
            for value in sorted({value for point in np.flatnonzero(wrong).tolist() for value in reach.get(point, [])}):
                wrong = self._try(value)
            if self._count() == before:
                break
        return self.choices

    def _try(self, value: int) -> NDArray[np.bool_]:
        """Look for a value of the netlist that is right wherever it matters; the points that are wrong then."""
        old, count = int(self.choices[value]), self._count()
        answers = []
        for option in (0, 1):
            self.choices[value] = option
            self._wrong()
            answers.append(self.differs)
        zero, one = answers
        matters = _some(zero ^ one)
        # 1 is needed where it makes a point right that 0 leaves wrong; contradicting needs are nobody's.
        need1 = np.bitwise_or.reduce((zero & ~one)[matters], axis=0) & self.possible
        need0 = np.bitwise_or.reduce((one & ~zero)[matters], axis=0) & self.possible
        need0, need1 = need0 & ~need1, need1 & ~need0
        near = self.wanted[np.flatnonzero(matters)]
        fits = ~((read(self.netlist.values, near) & need0) | (~read(self.netlist.values, near) & need1)).any(axis=1)
        # What the netlist made of a point it reaches, sooner than what happens to be right in these patterns.
        found = int(near[fits.argmax()]) if fits.any() else _fitting(self.netlist.values, self.named, need1, need0)
        self.choices[value] = old if found < 0 else found
        now = self._wrong()
        if self._count() >= count:
            self.choices[value] = old
            now = self._wrong()
        return now

    def _count(self) -> int:
        """In how many patterns points were wrong when they were last looked at."""
        return int(np.bitwise_count(self.differs).sum())

    def _reach(self) -> dict[int, list[int]]:
        """For each point at which an undefined value is seen, the undefined values it depends on."""
        network, free = self.side.network, self.side.free
        inputs, state = self.description.inputs, self.description.state
        ones, zeros = inputs.copy(), ~inputs
        ones[free] = 0
        zeros[free] = 0
        seen = evaluate(network, self.points, Ternary(ones, zeros), Ternary(state.copy(), ~state))
        self.seen = np.bitwise_count(~(seen.ones | seen.zeros) & self.possible).sum(axis=1, dtype=np.int64)
        unknown = self.seen > 0
        reach = {}
        for point in np.flatnonzero(unknown).tolist():
            cone = fanin_cone(network, self.points[point : point + 1])
            reach[point] = np.flatnonzero(cone[1 + free]).tolist()
        return reach

    def _wrong(self) -> NDArray[np.bool_]:
        """bool (points,): which are not what they have to be, with the present choices."""
        self.description.inputs[self.side.free] = read(self.netlist.values, self.choices)
        self.description.evaluate()
        found = read(self.description.values, self.points)
        self.differs = (found ^ self.goal) & self.possible
        return _some(self.differs)


def _some(words: Words) -> NDArray[np.bool_]:
    """bool (rows,): in which rows any bit is 1."""
    result: NDArray[np.bool_] = (words != 0).any(axis=1)
    return result


@numba.njit(cache=True)
def _fitting(values, rows, ones, zeros):  # type: ignore[no-untyped-def]
    """A literal that is 1 wherever ``ones`` and 0 wherever ``zeros`` says; -1 if there is none."""
    for row in rows:
        plain, opposite = True, True
        for word in range(values.shape[1]):
            value = values[row, word]
            if (ones[word] & ~value) | (zeros[word] & value):
                plain = False
            if (ones[word] & value) | (zeros[word] & ~value):
                opposite = False
            if not plain and not opposite:
                break
        if plain:
            return 2 * row
        if opposite:
            return 2 * row + 1
    return -1
