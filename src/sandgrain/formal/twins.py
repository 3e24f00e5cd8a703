"""Two runs of one design that differ in a source alone: what stays equal in both, and both as one network.

Self-composition (G. Barthe, P. D'Argenio and T. Rezk, *Secure information flow by self-composition*, CSFW 2004), with
everything that is provably equal in both runs kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.model import InputBit, LatchBit, Model
from sandgrain.logic.network import PORT_INPUT, UNKNOWN, Literals, Network
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import Words

_OPEN = 2


@dataclass(frozen=True)
class Secret:
    """Where a source is in a model.

    Attributes:
        name: of the source.
        varies: whether it may change in every cycle, rather than being one value per run.
        inputs, latches: int64, the network inputs and latches that are its bits.
    """

    name: str
    varies: bool
    inputs: NDArray[np.int64]
    latches: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of bits."""
        return int(self.inputs.size + self.latches.size)


@dataclass(frozen=True)
class Sink:
    """One bit of an output port.

    Attributes:
        port, bit: which.
        literal: its value, a literal of the network.
        unless: literals; where one of them holds in both runs the bit may differ.
    """

    port: str
    bit: int
    literal: int
    unless: tuple[int, ...]


class TwinFrame:
    """One cycle of both runs over free states, registers known to be equal sharing their variable."""

    def __init__(self, environment: Environment, secret: Secret, equal: NDArray[np.bool_]) -> None:
        network = environment.model.network
        self.graph = graph = Graph(6 * network.variable_count)
        self.first = graph.free(network.latch_count)
        self.second = self.first.copy()
        self.second[~equal] = graph.free(int((~equal).sum()))
        inputs = environment.operation_inputs(graph)
        other = inputs.copy()
        other[secret.inputs] = graph.free(secret.inputs.size)
        self._values = graph.frame(network, inputs, self.first), graph.frame(network, other, self.second)
        self.nexts = tuple(literal_values(values, network.latch_next) for values in self._values)

    def both(self, literal: int) -> tuple[int, int]:
        """A literal of the network in either run."""
        one, two = (int(values[literal >> 1]) ^ (literal & 1) for values in self._values)
        return one, two

    def assume(self, solver: GraphSolver, invariant: Iterable[Cube]) -> None:
        """Leave out states of either run that are known to be unreachable."""
        for cube in invariant:
            for state in (self.first, self.second):
                solver.add_clause([int(state[literal >> 1]) ^ (literal & 1) ^ 1 for literal in cube])


def differ(graph: Graph, a: int, b: int) -> int:
    """The literal of ``a`` unlike ``b``."""
    return graph.any_of((graph.land(a, b ^ 1), graph.land(a ^ 1, b)))


def equal_registers(environment: Environment, secret: Secret, invariant: Sequence[Cube] = ()) -> NDArray[np.bool_]:
    """The registers that have the same value in both runs in every cycle of operation: bool (latches,).

    The largest set that is equal after reset and that a step preserves, given the cubes of ``invariant``.
    """
    equal = _equal_after_reset(environment, secret)
    while True:
        frame = TwinFrame(environment, secret, equal)
        one, two = frame.nexts
        asked = np.flatnonzero(equal & (one != two))
        if not asked.size:
            return equal
        with GraphSolver(frame.graph) as solver:
            frame.assume(solver, invariant)
            dropped = _separable(solver, frame.graph, one[asked], two[asked])
        if not dropped.any():
            return equal
        equal[asked[dropped]] = False


def _equal_after_reset(environment: Environment, secret: Secret) -> NDArray[np.bool_]:
    network = environment.model.network
    graph = Graph(8 * network.variable_count)
    first = environment.initial_state(graph)
    second = first.copy()
    for state in (first, second):
        state[secret.latches] = graph.free(secret.latches.size)
    kept = first[secret.latches], second[secret.latches]
    constant = graph.free(secret.inputs.size), graph.free(secret.inputs.size)
    for _ in range(environment.reset_cycles):
        inputs = environment.reset_inputs(graph)
        other = inputs.copy()
        if secret.varies:
            other[secret.inputs] = graph.free(secret.inputs.size)
        else:
            inputs[secret.inputs], other[secret.inputs] = constant
        first = literal_values(graph.frame(network, inputs, first), network.latch_next)
        second = literal_values(graph.frame(network, other, second), network.latch_next)
        first[secret.latches], second[secret.latches] = kept
    equal = np.ones(network.latch_count, np.bool_)
    equal[secret.latches] = False
    asked = np.flatnonzero(equal & (first != second))
    if asked.size:
        with GraphSolver(graph) as solver:
            equal[asked[_separable(solver, graph, first[asked], second[asked])]] = False
    return equal


def _separable(solver: GraphSolver, graph: Graph, one: Literals, two: Literals) -> NDArray[np.bool_]:
    """Which pairs of literals can differ: bool (pairs,)."""
    unlike = [differ(graph, int(a), int(b)) for a, b in zip(one, two, strict=True)]
    found = np.zeros(len(unlike), np.bool_)
    while not found.all():
        some = int(graph.free(1)[0])
        solver.add_clause([some ^ 1, *(literal for literal, out in zip(unlike, found, strict=True) if not out)])
        if not solver.solve([some]):
            break
        found |= solver.model(unlike)
        solver.add_clause([some ^ 1])
    return found


def sinks_apart(
    environment: Environment, secret: Secret, sinks: Sequence[Sink], equal: NDArray[np.bool_], invariant: Sequence[Cube]
) -> list[Sink]:
    """The sinks that may tell the runs apart while the registers ``equal`` are equal."""
    frame = TwinFrame(environment, secret, equal)
    found = []
    with GraphSolver(frame.graph) as solver:
        frame.assume(solver, invariant)
        for sink in sinks:
            one, two = frame.both(sink.literal)
            if one != two and solver.solve([_leaks(frame.graph, sink, frame)]):
                found.append(sink)
    return found


def _leaks(graph: Graph, sink: Sink, frame: TwinFrame) -> int:
    one, two = frame.both(sink.literal)
    excused = [graph.land(*frame.both(literal)) for literal in sink.unless]
    return graph.all_of((differ(graph, one, two), *(literal ^ 1 for literal in excused)))


@dataclass(frozen=True)
class TwinEnvironment(Environment):
    """Both runs as one network, whose last latch remembers for a cycle that a sink told them apart.

    Attributes:
        twin_of: int64 (latches,), for each latch of the second run the latch of the first; -1 for all others.
        secret_latches: int64 (2, bits), where the source is kept in either run; empty when it varies.
    """

    twin_of: NDArray[np.int64]
    secret_latches: NDArray[np.int64]

    @property
    def apart(self) -> int:
        """Index of the latch that remembers a difference."""
        return self.model.network.latch_count - 1

    def initial_state(self, graph: Graph) -> Literals:
        """Power-up: the same in both runs but for the source."""
        state = super().initial_state(graph)
        twins = self.twin_of >= 0
        state[twins] = state[self.twin_of[twins]]
        state[self.secret_latches.ravel()] = graph.free(self.secret_latches.size)
        state[self.apart] = 0
        return state

    def power_up_states(self, states: Words) -> Words:
        """``states`` with the second run powered up like the first."""
        twins = self.twin_of >= 0
        states[twins] = states[self.twin_of[twins]]
        states[self.apart] = 0
        return states


def product(
    environment: Environment, secret: Secret, sinks: Sequence[Sink], equal: NDArray[np.bool_]
) -> TwinEnvironment:
    """Both runs as one network.

    Its inputs are those of one run, and the second's source if that varies; its latches are those of the first run, of
    the second where they may differ, the source of either, and whether a sink told the runs apart in the cycle before.
    """
    network = environment.model.network
    graph = Graph(6 * network.variable_count)
    count, latches = network.input_count, network.latch_count
    register = np.zeros(latches, np.bool_)
    register[secret.latches] = True
    doubled = np.flatnonzero(~equal & ~register)
    extra = (secret.inputs.size + 2 * secret.latches.size) if secret.varies else 0
    held = 0 if secret.varies else secret.inputs.size
    inputs = graph.free(count + extra)
    state = graph.free(latches + doubled.size + secret.latches.size + 2 * held + 1)
    first = state[:latches]
    second = first.copy()
    second[doubled] = state[latches : latches + doubled.size]
    at = latches + doubled.size
    second[secret.latches] = state[at : at + secret.latches.size]
    at += secret.latches.size
    driven, other = inputs[:count].copy(), inputs[:count].copy()
    if secret.varies:
        other[secret.inputs] = inputs[count : count + secret.inputs.size]
    else:
        driven[secret.inputs] = state[at : at + held]
        other[secret.inputs] = state[at + held : at + 2 * held]
    one, two = graph.frame(network, driven, first), graph.frame(network, other, second)

    def both(literal: int) -> tuple[int, int]:
        return tuple(int(values[literal >> 1]) ^ (literal & 1) for values in (one, two))  # type: ignore[return-value]

    leaks = []
    for sink in sinks:
        excused = [graph.land(*both(literal)) for literal in sink.unless]
        leaks.append(graph.all_of((differ(graph, *both(sink.literal)), *(literal ^ 1 for literal in excused))))
    apart = graph.any_of(leaks)
    nexts = np.zeros(state.size, np.uint32)
    nexts[:latches] = literal_values(one, network.latch_next)
    nexts[latches : latches + doubled.size] = literal_values(two, network.latch_next)[doubled]
    at = latches + doubled.size
    if secret.varies:
        fresh = inputs[count + secret.inputs.size :]
        nexts[secret.latches] = fresh[: secret.latches.size]
        nexts[at : at + secret.latches.size] = fresh[secret.latches.size :]
    else:
        nexts[secret.latches] = first[secret.latches]
        nexts[at : at + secret.latches.size + 2 * held] = state[at : at + secret.latches.size + 2 * held]
    nexts[-1] = apart
    inits = np.full(state.size, UNKNOWN, np.uint8)
    inits[:latches] = network.latch_init
    inits[latches : latches + doubled.size] = network.latch_init[doubled]
    first_secret = np.concatenate((secret.latches, np.arange(held) + at + secret.latches.size)).astype(np.int64)
    second_secret = np.concatenate(
        (np.arange(secret.latches.size) + at, np.arange(held) + at + secret.latches.size + held)
    ).astype(np.int64)
    # The concrete power-up of searches: every bit of the source differs.
    inits[first_secret], inits[second_secret], inits[-1] = 0, 1, 0
    first_and = 1 + inputs.size + state.size
    twins = np.full(state.size, -1, np.int64)
    twins[latches : latches + doubled.size] = doubled
    names = environment.model.latches
    told = [*names, *(replace(names[index], name=f"{names[index].name} (second run)") for index in doubled.tolist())]
    told += [LatchBit("source", None)] * (state.size - len(told))
    model = Model(
        network=Network(
            input_kinds=np.concatenate((network.input_kinds, np.full(extra, PORT_INPUT, np.uint8))),
            latch_next=nexts,
            latch_init=inits,
            fanin0=graph.fanin0[first_and:].copy(),
            fanin1=graph.fanin1[first_and:].copy(),
        ),
        inputs=(*environment.model.inputs, *(InputBit("source", bit, f"source[{bit}]") for bit in range(extra))),
        latches=tuple(told),
        outputs={},
    )
    open_inputs = np.full(extra, _OPEN, np.uint8)
    return TwinEnvironment(
        model,
        np.concatenate((environment.reset_asserted, open_inputs)),
        np.concatenate((environment.reset_released, open_inputs)),
        environment.reset_cycles,
        np.concatenate((environment.stimulus, np.tile(open_inputs, (len(environment.stimulus), 1))), axis=1),
        twins,
        np.empty((2, 0), np.int64) if secret.varies else np.stack((first_secret, second_secret)),
    )
