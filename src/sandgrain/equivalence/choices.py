"""What the description leaves undefined may be anything, so it is taken to be what the netlist made of it.

Each undefined value is bound to a value of the netlist at a point the undefined value can reach: the next state of the
register, or the output, that corresponds. Behind multiplexers, where a description mostly has its ``x``, that is always
a right choice. Which point, and in which polarity, is tried out by simulation; whether it is right is decided later.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.constrained import class_clauses, repair
from sandgrain.equivalence.joint import ALL, Ports, Relation, Words
from sandgrain.equivalence.sides import Side
from sandgrain.formal.mining import Clauses
from sandgrain.logic.network import Literals
from sandgrain.logic.simulate import Simulator, Ternary, evaluate, read
from sandgrain.logic.structure import fanin_cone

_WORDS: Final = 32
_NONE: Final = np.uint32(0xFFFFFFFF)
_SWEEPS: Final = 3


def targets(first: Side, second: Side, ports: Ports, relation: Relation) -> tuple[Literals, Literals]:
    """The points of the description and what each has to be.

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
        network.latch_next[chosen[known]]
        ^ relation.second_flips[chosen[known]].astype(np.uint32)
        ^ flips[known]
    )
    constant = relation.first == 0
    wanted[constant] = flips[constant]
    keys = list(ports.outputs)
    outputs1 = np.array([first.outputs[key] for key in keys], np.uint32)
    outputs2 = np.array([second.outputs[key] for key in keys], np.uint32)
    return np.concatenate((first.network.latch_next, outputs1)), np.concatenate((wanted, outputs2))


def choose(
    first: Side, second: Side, ports: Ports, relation: Relation, clauses: Clauses, *, seed: int = 5
) -> Literals:
    """Bind every undefined value of the description: uint32 literals of the netlist's network."""
    if not first.free.size:
        return np.zeros(0, np.uint32)
    return _Choosing(first, second, ports, relation, clauses, seed).run()


class _Choosing:
    def __init__(
        self, first: Side, second: Side, ports: Ports, relation: Relation, clauses: Clauses, seed: int
    ) -> None:
        self.side = first
        random = np.random.default_rng(seed)
        values = random.integers(0, 1 << 64, (relation.count, _WORDS), np.uint64)
        values[0] = 0
        self.possible = repair(values, class_clauses(clauses, relation), random)
        drawn = random.integers(0, 1 << 64, (len(ports.inputs), _WORDS), np.uint64)
        self.netlist = Simulator(second.network, _WORDS)
        known = ports.second_inputs >= 0
        self.netlist.inputs[:] = random.integers(0, 1 << 64, (known.size, _WORDS), np.uint64)
        self.netlist.inputs[known] = drawn[ports.second_inputs[known]]
        self.netlist.state[:] = values[relation.second] ^ _mask(relation.second_flips)
        self.netlist.evaluate()
        self.description = Simulator(first.network, _WORDS)
        known = ports.first_inputs >= 0
        self.description.inputs[known] = drawn[ports.first_inputs[known]]
        self.description.state[:] = values[relation.first] ^ _mask(relation.first_flips)
        points, wanted = targets(first, second, ports, relation)
        required = wanted != _NONE
        self.points, self.wanted = points[required], wanted[required]
        self.goal = read(self.netlist.values, self.wanted)
        self.choices = np.zeros(first.free.size, np.uint32)
        self.seen = np.zeros(self.points.size, np.int64)
        self.differs = self.goal

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
            before = wrong.sum()
            for value in sorted({value for point in np.flatnonzero(wrong).tolist() for value in reach.get(point, [])}):
                wrong = self._try(value, wrong)
            if wrong.sum() == before:
                break
        return self.choices

    def _try(self, value: int, wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Look for a value of the netlist that is right wherever it matters; the points that are wrong then."""
        old = int(self.choices[value])
        answers = []
        for option in (0, 1):
            self.choices[value] = option
            self._wrong()
            answers.append(self.differs)
        zero, one = answers
        matters = ((zero ^ one) & self.possible).any(axis=1)
        # 1 is needed where it makes a point right that 0 leaves wrong; contradicting needs are nobody's.
        need1 = np.bitwise_or.reduce((zero & ~one)[matters], axis=0) & self.possible
        need0 = np.bitwise_or.reduce((one & ~zero)[matters], axis=0) & self.possible
        found = _fitting(self.netlist.values, need1 & ~need0, need0 & ~need1)
        self.choices[value] = old if found < 0 else found
        now = self._wrong()
        if now.sum() > wrong.sum():
            self.choices[value] = old
            now = self._wrong()
        return now

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
        result: NDArray[np.bool_] = self.differs.any(axis=1)
        return result


def _mask(flips: NDArray[np.bool_]) -> Words:
    result: Words = np.where(flips, ALL, np.uint64(0))[:, None]
    return result


@numba.njit(cache=True)
def _fitting(values, ones, zeros):  # type: ignore[no-untyped-def]
    """A literal that is 1 wherever ``ones`` and 0 wherever ``zeros`` says; -1 if there is none."""
    for row in range(values.shape[0]):
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
