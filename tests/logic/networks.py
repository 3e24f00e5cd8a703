"""Small random networks and environments, and a slow, plain explicit-state interpreter to judge the engines by.

A state is an ``int`` with latch ``i`` in bit ``i``, the inputs of a cycle an ``int`` with input ``i`` in bit ``i``.
Nothing here uses the graph, the simulator or a solver.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.formal.environment import HELD, Environment
from sandgrain.formal.reachability import Cube
from sandgrain.logic.model import InputBit, LatchBit, Model
from sandgrain.logic.network import FREE_INPUT, PORT_INPUT, UNKNOWN, Network

OPEN = 2
"""In a row of inputs: any value, every cycle."""


@dataclass
class Circuit:
    """Writes a network gate by gate, without folding or hashing anything."""

    inputs: int
    latches: int
    gates: list[tuple[int, int]] = field(default_factory=list)

    def input(self, index: int) -> int:
        """Literal of input ``index``."""
        return 2 * (1 + index)

    def latch(self, index: int) -> int:
        """Literal of latch ``index``."""
        return 2 * (1 + self.inputs + index)

    def all_of(self, literals: Iterable[int]) -> int:
        """Conjunction; true when empty."""
        first, *others = [*literals] or [1]
        for literal in others:
            self.gates.append((first, literal))
            first = 2 * (self.inputs + self.latches + len(self.gates))
        return first

    def any_of(self, literals: Iterable[int]) -> int:
        """Disjunction."""
        return self.all_of(literal ^ 1 for literal in literals) ^ 1

    def mux(self, choose: int, then: int, otherwise: int) -> int:
        """``choose ? then : otherwise``."""
        return self.any_of((self.all_of((choose, then)), self.all_of((choose ^ 1, otherwise))))

    def equals(self, literals: Sequence[int], value: int) -> int:
        """Whether ``literals``, least significant first, are the number ``value``."""
        return self.all_of(literal ^ (1 - (value >> index & 1)) for index, literal in enumerate(literals))

    def network(self, nexts: Sequence[int], inits: Sequence[int] = (), free: Sequence[int] = ()) -> Network:
        """The network whose latches have these next-state literals; ``free`` inputs are undefined ones."""
        kinds = np.full(self.inputs, PORT_INPUT, np.uint8)
        kinds[list(free)] = FREE_INPUT
        return Network(
            input_kinds=kinds,
            latch_next=np.array(nexts, np.uint32),
            latch_init=np.array(inits or [UNKNOWN] * self.latches, np.uint8),
            fanin0=np.array([a for a, _ in self.gates], np.uint32),
            fanin1=np.array([b for _, b in self.gates], np.uint32),
        )


def model_of(network: Network, outputs: dict[str, int], groups: Sequence[int] = ()) -> Model:
    """``network`` with names ``in0``, ``free1``, ``q0``, ...; ``groups`` of the inputs, by default one each."""
    free = (network.input_kinds == FREE_INPUT).tolist()
    return Model(
        network=network,
        inputs=tuple(
            InputBit(None, 0, f"free{index}", groups[index] if groups else 1 + index)
            if undefined
            else InputBit(f"in{index}", 0, f"in{index}[0]")
            for index, undefined in enumerate(free)
        ),
        latches=tuple(LatchBit(f"q{index}", None) for index in range(network.latch_count)),
        outputs=outputs,
    )


def environment_of(
    network: Network,
    outputs: dict[str, int],
    stimulus: Sequence[Sequence[int]],
    *,
    reset: int | None = None,
    active: int = 1,
    cycles: int = 1,
) -> Environment:
    """``network`` under a stimulus with one row per cycle, input ``reset`` asserted for ``cycles`` at power-up."""
    asserted = np.full(network.input_count, OPEN, np.uint8)
    released = asserted.copy()
    rows = np.array(stimulus, np.uint8).reshape(len(stimulus), network.input_count)
    if reset is not None:
        asserted[reset], released[reset] = active, 1 - active
        rows[:, reset] = 1 - active
    return Environment(model_of(network, outputs), asserted, released, 0 if reset is None else cycles, rows)


def mostly_large(low: int, high: int) -> st.SearchStrategy[int]:
    """An integer from ``low`` to ``high``, more often a large one."""
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(max)


@st.composite
def small_networks(draw: st.DrawFn, min_latches: int = 0, max_free: int = 4) -> Network:
    """At most 4 inputs (some of them free), 5 latches and 15 and-gates with any fan-ins, constants among them."""
    inputs = draw(mostly_large(0, 4))
    latches = draw(mostly_large(min_latches, 5))
    first = 1 + inputs + latches
    kinds = draw(st.lists(st.sampled_from([PORT_INPUT, FREE_INPUT]), min_size=inputs, max_size=inputs))
    for index in [index for index, kind in enumerate(kinds) if kind == FREE_INPUT][max_free:]:
        kinds[index] = PORT_INPUT
    gates = [
        (draw(st.integers(0, 2 * variable - 1)), draw(st.integers(0, 2 * variable - 1)))
        for variable in range(first, first + draw(mostly_large(0, 15)))
    ]
    # Late gates first: the interesting functions are at the end.
    last = 2 * (first + len(gates)) - 1
    literal = st.integers(0, last).map(lambda number: last - number)
    return Network(
        input_kinds=np.array(kinds, np.uint8),
        latch_next=np.array(draw(st.lists(literal, min_size=latches, max_size=latches)), np.uint32),
        latch_init=np.array(draw(st.lists(st.integers(0, 2), min_size=latches, max_size=latches)), np.uint8),
        fanin0=np.array([a for a, _ in gates], np.uint32),
        fanin1=np.array([b for _, b in gates], np.uint32),
    )


@st.composite
def small_environments(draw: st.DrawFn, *, opens: bool = True) -> Environment:
    """A random network with services ``a`` and ``b`` under a random stimulus of one or two cycles, often with a reset.

    Args:
        opens: whether inputs may be undefined or arbitrary in every cycle of the stimulus.
    """
    network = draw(small_networks(min_latches=1, max_free=4 if opens else 0))
    ports = np.flatnonzero(network.input_kinds == PORT_INPUT).tolist()
    reset = draw(st.sampled_from([None, *ports]))
    period = draw(st.integers(1, 2))
    columns = []
    for kind in network.input_kinds.tolist():
        held = kind == PORT_INPUT and draw(st.booleans())
        value = st.integers(0, 2 if opens else 1)
        columns.append(
            [HELD] * period if held else [OPEN if kind == FREE_INPUT else draw(value) for _ in range(period)]
        )
    literal = st.integers(0, 2 * network.variable_count - 1)
    return environment_of(
        network,
        {"service a": draw(literal), "service b": draw(literal)},
        [[column[cycle] for column in columns] for cycle in range(period)],
        reset=reset,
        active=draw(st.integers(0, 1)),
        cycles=draw(st.integers(1, 2)),
    )


def bits(number: int, width: int) -> list[int]:
    """The bits of ``number``, least significant first."""
    return [number >> index & 1 for index in range(width)]


def number(values: Iterable[int]) -> int:
    """The number with these bits, least significant first."""
    return sum(int(value) << index for index, value in enumerate(values))


def inside(state: int, cube: Cube) -> bool:
    """Whether ``state`` is in ``cube``, a conjunction of latch literals ``2 * latch + negated``."""
    return all((state >> (literal >> 1) & 1) != (literal & 1) for literal in cube)


def choices(row: Sequence[int] | NDArray[np.uint8]) -> list[int]:
    """All inputs that ``row`` (0, 1, or 2 for either) allows."""
    options = [(0, 1) if int(value) == OPEN else (int(value),) for value in row]
    return [number(values) for values in itertools.product(*options)]


class Interpreter:
    """Evaluates a network one gate at a time, remembering what it has seen."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.states = range(1 << network.latch_count)
        self._gates = list(zip(network.fanin0.tolist(), network.fanin1.tolist(), strict=True))
        self._next: list[int] = network.latch_next.tolist()
        self._seen: dict[tuple[int, int], list[int]] = {}

    def values(self, state: int, inputs: int) -> list[int]:
        """The value of every variable, 0 or 1."""
        known = self._seen.get((state, inputs))
        if known is None:
            network = self.network
            known = [0, *bits(inputs, network.input_count), *bits(state, network.latch_count)]
            for a, b in self._gates:
                known.append((known[a >> 1] ^ (a & 1)) & (known[b >> 1] ^ (b & 1)))
            self._seen[state, inputs] = known
        return known

    def holds(self, literal: int, state: int, inputs: int) -> bool:
        """Whether a literal of the network holds."""
        return bool(self.values(state, inputs)[literal >> 1] ^ (literal & 1))

    def next(self, state: int, inputs: int) -> int:
        """The state one clock edge later."""
        values = self.values(state, inputs)
        return number(values[literal >> 1] ^ (literal & 1) for literal in self._next)

    def image(self, states: Iterable[int], rows: Iterable[int]) -> set[int]:
        """All states one cycle after any of ``states`` under any of the inputs ``rows``."""
        inputs = list(rows)
        return {self.next(state, row) for state in states for row in inputs}


class Explicit(Interpreter):
    """What an environment can do, by looking at every state and every input."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment.model.network)
        self.environment = environment
        self.operation = choices(environment.reset_released)

    def after_reset(self) -> set[int]:
        """Every state the chip may be in when operation begins."""
        environment = self.environment
        if environment.reset_cycles == 0:
            return set(choices(self.network.latch_init))
        states = set(self.states)
        for _ in range(environment.reset_cycles):
            states = self.image(states, choices(environment.reset_asserted))
        return states

    def layers(self) -> list[set[int]]:
        """The states after exactly 0, 1, 2, ... cycles of operation; as many layers as there are states."""
        layers = [self.after_reset()]
        while len(layers) <= len(self.states):
            layers.append(self.image(layers[-1], self.operation))
        return layers

    def reachable(self) -> set[int]:
        """Every state operation ever gets into."""
        return set().union(*self.layers())

    def constants(self) -> list[int]:
        """Every choice of constants on the held inputs."""
        return choices([OPEN if value == HELD else 0 for value in self.environment.stimulus[0].tolist()])

    def recovery(self, cycle: int, held: int) -> list[int]:
        """The inputs the recovery stimulus allows in ``cycle`` with these constants on the held inputs."""
        row = self.environment.stimulus[cycle % len(self.environment.stimulus)].tolist()
        return choices([held >> index & 1 if value == HELD else value for index, value in enumerate(row)])

    def silent(
        self,
        states: Iterable[int],
        held: int,
        frames: int,
        goals: Sequence[int],
        *,
        explained: Sequence[Cube] = (),
        first: int = 1,
    ) -> bool:
        """Whether one recovery stimulus keeps all goals from all of ``states`` for ``frames`` cycles.

        Args:
            states: where to start.
            held: constants on the held inputs.
            frames: k.
            goals: network literals.
            explained: coming into one of these cubes counts as a goal too.
            first: a network literal that must hold in the first cycle.
        """

        def quiet(cycle: int, current: frozenset[int]) -> bool:
            if cycle == frames:
                return True
            if any(inside(state, cube) for state in current for cube in explained):
                return False
            for row in self.recovery(cycle, held):
                if any(self.holds(goal, state, row) for goal in goals for state in current):
                    continue
                if cycle == 0 and not all(self.holds(first, state, row) for state in current):
                    continue
                if quiet(cycle + 1, frozenset(self.image(current, [row]))):
                    return True
            return False

        return quiet(0, frozenset(states))
