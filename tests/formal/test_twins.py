"""Runs that differ in a source alone: what is said to stay equal does, judged by looking at every pair of states."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sandgrain.formal.environment import Environment
from sandgrain.formal.leak_search import Twosome, find_leak, reduced
from sandgrain.formal.twins import Secret, Sink, equal_registers, product, sinks_apart
from sandgrain.logic.network import PORT_INPUT
from tests.logic.networks import OPEN, Circuit, Explicit, choices, environment_of, small_environments

NONE = np.empty(0, np.int64)

Group = list[tuple[tuple[int, int], tuple[int, int]]]
"""Pairs of values that the source has in either run."""


@dataclass(frozen=True)
class Setting:
    environment: Environment
    secret: Secret
    sinks: list[Sink]


@st.composite
def settings_of(draw: st.DrawFn) -> Setting:
    """A random environment of which one or two inputs or a register are a source, and both services are sinks."""
    environment = draw(small_environments(opens=False))
    network = environment.model.network
    ports = [
        index
        for index in np.flatnonzero(network.input_kinds == PORT_INPUT).tolist()
        if environment.reset_asserted[index] == OPEN
    ]
    latches = list(range(network.latch_count))
    inputs = draw(st.lists(st.sampled_from(ports), max_size=2, unique=True)) if ports else []
    registers = [] if inputs else [draw(st.sampled_from(latches))]
    unless = draw(st.sampled_from([(), (environment.model.outputs["service b"],), (1,)]))
    sinks = [
        Sink("a", 0, environment.model.outputs["service a"], unless),
        Sink("b", 0, environment.model.outputs["service b"], ()),
    ]
    secret = Secret("s", draw(st.booleans()), np.array(inputs, np.int64), np.array(registers, np.int64))
    return Setting(environment, secret, sinks)


class Pairs(Explicit):
    """Every pair of states two runs can be in that begin alike and have the same inputs but for the source."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting.environment)
        self.secret = setting.secret
        self.mask_inputs = sum(1 << int(index) for index in setting.secret.inputs)
        self.mask_latches = sum(1 << int(index) for index in setting.secret.latches)

    def sources(self) -> list[tuple[int, int]]:
        """Values of the source, as what it adds to the inputs and to the state."""
        parts = [
            [sum(1 << int(index) for index in chosen) for size in range(len(where) + 1)
             for chosen in itertools.combinations(where.tolist(), size)]
            for where in (self.secret.inputs, self.secret.latches)
        ]  # fmt: skip
        return [(inputs, state) for inputs in parts[0] for state in parts[1]]

    def walk(self) -> dict[tuple[int, int], set[tuple[int, int, int, int]]]:
        """For either pair of sources (of a cycle, if they vary): the (inputs, state) of both runs met in operation."""
        sources = self.sources()
        met: set[tuple[int, int, int, int]] = set()
        pairs = itertools.product(sources, sources)
        if self.secret.varies:
            self._walk([list(pairs)], met)
        else:
            self._walk([[pair] for pair in pairs], met)
        return {(0, 0): met}

    def _walk(self, groups: list[Group], met: set[tuple[int, int, int, int]]) -> None:
        environment = self.environment
        power_ups = set(self.states) if environment.reset_cycles else set(choices(self.network.latch_init))
        for group in groups:
            current = {(state, state) for state in power_ups}
            for _ in range(environment.reset_cycles):
                current = self._step(current, choices(environment.reset_asserted), group, None)
            seen: set[tuple[int, int]] = set()
            while current - seen:
                seen |= current
                current = self._step(current, self.operation, group, met)

    def _step(
        self, states: set[tuple[int, int]], rows: list[int], group: Group, met: set[tuple[int, int, int, int]] | None
    ) -> set[tuple[int, int]]:
        result = set()
        for (one, two), row, (first, second) in itertools.product(states, rows, group):
            a = (row & ~self.mask_inputs) | first[0], (one & ~self.mask_latches) | first[1]
            b = (row & ~self.mask_inputs) | second[0], (two & ~self.mask_latches) | second[1]
            if met is not None:
                met.add((*a, *b))
            result.add((self.next(a[1], a[0]), self.next(b[1], b[0])))
        return result

    def told_apart(self, sinks: list[Sink]) -> bool:
        for row, one, other, two in self.walk()[0, 0]:
            for sink in sinks:
                values = self.holds(sink.literal, one, row), self.holds(sink.literal, two, other)
                excused = any(self.holds(at, one, row) and self.holds(at, two, other) for at in sink.unless)
                if values[0] != values[1] and not excused:
                    return True
        return False


def small(setting: Setting) -> bool:
    network = setting.environment.model.network
    return network.latch_count <= 4 and network.input_count <= 3


@given(settings_of())
@settings(max_examples=60, deadline=None)
def test_what_is_called_equal_is_equal_in_every_pair_of_runs(setting: Setting) -> None:
    assume(small(setting))
    equal = equal_registers(setting.environment, setting.secret)
    met = Pairs(setting).walk()[0, 0]
    for latch in np.flatnonzero(equal).tolist():
        assert all((one >> latch & 1) == (two >> latch & 1) for _, one, _, two in met)


@given(settings_of())
@settings(max_examples=80, deadline=None)
def test_sinks_said_to_be_independent_never_tell(setting: Setting) -> None:
    assume(small(setting))
    equal = equal_registers(setting.environment, setting.secret)
    apart = sinks_apart(setting.environment, setting.secret, setting.sinks, equal, [])
    if not apart:
        assert not Pairs(setting).told_apart(setting.sinks)


@given(settings_of())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_a_leak_that_is_found_is_one(setting: Setting) -> None:
    assume(small(setting) and setting.secret.size)
    equal = equal_registers(setting.environment, setting.secret)
    apart = sinks_apart(setting.environment, setting.secret, setting.sinks, equal, [])
    assume(apart)
    twins = product(setting.environment, setting.secret, apart, equal)
    found = find_leak(twins, seconds=0.5)
    if found is not None:
        assert Pairs(setting).told_apart(setting.sinks)


def telltale(*, gated: bool) -> tuple[Environment, Secret, list[Sink]]:
    """A two-bit identity of which bit 1 shows on an output while ``tell`` is set, which a magic nibble sets."""
    circuit = Circuit(7, 1)
    word = [circuit.input(index) for index in range(4)]
    identity = [circuit.input(4), circuit.input(5)]
    tell = circuit.latch(0)
    shown = circuit.all_of((identity[1], tell))
    following = circuit.any_of((tell, circuit.equals(word, 0b1011)))
    network = circuit.network([circuit.all_of((following, circuit.input(6) ^ 1))])
    environment = environment_of(network, {"allowed": tell}, [[0, 0, 0, 0, 3, 3, 0]], reset=6)
    sinks = [Sink("out", 0, shown, (tell,) if gated else ())]
    return environment, Secret("id", False, np.array([4, 5]), NONE), sinks


def test_the_bit_that_shows_is_named_and_what_sets_it_off() -> None:
    environment, secret, sinks = telltale(gated=False)
    equal = equal_registers(environment, secret)
    assert equal.tolist() == [True]
    apart = sinks_apart(environment, secret, sinks, equal, [])
    assert apart == sinks
    found = find_leak(product(environment, secret, apart, equal), seconds=30)
    assert found is not None
    shown = reduced(Twosome(environment, product(environment, secret, apart, equal), secret), found, 16)
    assert shown is not None
    assert shown.visible.tolist() == [False, True]
    assert (shown.first != shown.second).tolist() == [False, True]
    assert [tuple(row[:4]) for row in shown.inputs.tolist()].count((1, 1, 0, 1)) == 1


def test_a_declared_flow_excuses_it() -> None:
    environment, secret, sinks = telltale(gated=True)
    assert sinks_apart(environment, secret, sinks, equal_registers(environment, secret), []) == []


def test_an_invariant_can_be_what_it_takes() -> None:
    """Bit 1 would show in a state that is never reached; only who knows that can clear it."""
    circuit = Circuit(2, 2)
    never, id_bit = circuit.latch(0), circuit.input(0)
    shown = circuit.all_of((never, id_bit))
    following = circuit.all_of((never, circuit.latch(1)))
    network = circuit.network([circuit.all_of((following, circuit.input(1) ^ 1)), circuit.latch(0)])
    environment = environment_of(network, {}, [[3, 0]], reset=1)
    secret, sinks = Secret("id", False, np.array([0]), NONE), [Sink("out", 0, shown, ())]
    equal = equal_registers(environment, secret)
    assert sinks_apart(environment, secret, sinks, equal, []) == sinks
    assert sinks_apart(environment, secret, sinks, equal, [(0,)]) == []
