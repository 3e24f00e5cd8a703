"""A reduced model does what the whole one does, on every trace; and it really is smaller."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.logic import reduce
from sandgrain.logic.model import Model
from sandgrain.logic.network import FREE_INPUT
from sandgrain.logic.reduce import Cone, cone_of_influence, mask_unknowns
from tests.logic.networks import Circuit, Interpreter, model_of, number, small_networks


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A random network with two outputs, its free inputs in at most three groups."""
    network = draw(small_networks())
    literal = st.integers(0, 2 * network.variable_count - 1)
    groups = draw(st.lists(st.integers(1, 3), min_size=network.input_count, max_size=network.input_count))
    return model_of(network, {"service a": draw(literal), "declared b": draw(literal)}, groups)


def picked(value: int, indices: np.ndarray) -> int:
    """The bits of ``value`` that are kept."""
    return number(value >> index & 1 for index in indices.tolist())


def check_cone(model: Model, cone: Cone) -> None:
    """The cone is a homomorphic image from every state and input, which makes it equal on every trace."""
    whole, small = Interpreter(model.network), Interpreter(cone.model.network)
    for state in whole.states:
        for inputs in range(1 << model.network.input_count):
            there = picked(state, cone.latches), picked(inputs, cone.inputs)
            for name, literal in cone.model.outputs.items():
                assert small.holds(literal, *there) == whole.holds(model.outputs[name], state, inputs)
            assert small.next(*there) == picked(whole.next(state, inputs), cone.latches)
    assert cone.model.inputs == tuple(model.inputs[index] for index in cone.inputs)
    assert cone.model.latches == tuple(model.latches[index] for index in cone.latches)
    assert cone.model.network.latch_init.tolist() == model.network.latch_init[cone.latches].tolist()
    assert cone.model.network.input_kinds.tolist() == model.network.input_kinds[cone.inputs].tolist()


def check_all_used(model: Model) -> None:
    """Every variable feeds an output, a next state or another gate."""
    network = model.network
    used = np.concatenate((network.latch_next, network.fanin0, network.fanin1, list(model.outputs.values())))
    assert set(range(1, network.variable_count)) <= set((used.astype(np.int64) >> 1).tolist())


@given(models())
@settings(max_examples=100, deadline=None)
def test_cone_has_the_same_outputs_on_every_trace(model: Model) -> None:
    cone = cone_of_influence(model)
    assert cone.model.outputs.keys() == model.outputs.keys()
    check_cone(model, cone)
    check_all_used(cone.model)
    again = cone_of_influence(cone.model)
    assert again.model.network.digest == cone.model.network.digest


@given(models())
@settings(max_examples=50, deadline=None)
def test_cone_of_some_outputs(model: Model) -> None:
    cone = cone_of_influence(model, lambda name: name.startswith("declared"))
    assert list(cone.model.outputs) == ["declared b"]
    check_cone(model, cone)
    check_all_used(cone.model)


def chain() -> Model:
    """q0 <- q1 <- in0; q2 <- q2; q3 <- in1 and q0: the output q0 needs neither q2, q3 nor in1."""
    circuit = Circuit(2, 4)
    gate = circuit.all_of((circuit.input(1), circuit.latch(0)))
    network = circuit.network([circuit.latch(1), circuit.input(0), circuit.latch(2), gate])
    return model_of(network, {"service": circuit.latch(0)})


def test_cone_follows_latches_and_nothing_else() -> None:
    cone = cone_of_influence(chain())
    assert (cone.latches.tolist(), cone.inputs.tolist(), cone.model.network.and_count) == ([0, 1], [0], 0)


def test_cone_of_a_constant_is_empty() -> None:
    model = chain()
    cone = cone_of_influence(model_of(model.network, {"service": 1}))
    assert cone.model.network.variable_count == 1
    assert cone.model.outputs == {"service": 1}


def roots(model: Model) -> list[int]:
    return [*model.network.latch_next.tolist(), *model.outputs.values()]


def depends(plain: Interpreter, literal: int, mask: int) -> bool:
    """Whether ``literal`` ever changes with the inputs in ``mask``."""
    inputs = range(1 << plain.network.input_count)
    return any(
        plain.holds(literal, state, row) != plain.holds(literal, state, row & ~mask | other & mask)
        for state in plain.states
        for row in inputs
        for other in (inputs if mask.bit_count() > 1 else (~row,))
    )


@given(models())
@settings(max_examples=100, deadline=None)
def test_masked_model_has_the_same_behaviours(model: Model) -> None:
    masked = mask_unknowns(model)
    before, after = Interpreter(model.network), Interpreter(masked.network)
    assert list(masked.outputs) == list(model.outputs)
    for state in before.states:
        for inputs in range(1 << model.network.input_count):
            assert [after.holds(literal, state, inputs) for literal in roots(masked)] == [
                before.holds(literal, state, inputs) for literal in roots(model)
            ]
    assert masked.inputs == model.inputs
    assert masked.network.latch_init.tolist() == model.network.latch_init.tolist()


@given(models())
@settings(max_examples=60, deadline=None)
def test_what_is_not_decided_soon_stays_as_it_is(model: Model) -> None:
    with mock.patch.object(reduce, "_CONFLICTS", 0):
        undecided = mask_unknowns(model)
    before, after = Interpreter(model.network), Interpreter(undecided.network)
    for state in before.states:
        for inputs in range(1 << model.network.input_count):
            assert [after.holds(literal, state, inputs) for literal in roots(undecided)] == [
                before.holds(literal, state, inputs) for literal in roots(model)
            ]


@given(models())
@settings(max_examples=100, deadline=None)
def test_what_makes_no_difference_is_gone(model: Model) -> None:
    """A group of free inputs on which no root depends is not read any more; a root that needs none reads none."""
    plain = Interpreter(model.network)
    masked = mask_unknowns(model)
    named = {str(index): root for index, root in enumerate(roots(masked))}
    frozen = replace(masked.network, latch_next=masked.network.latch_next * 0)
    one_cycle = replace(masked, outputs=named, network=frozen)
    free = {index for index, bit in enumerate(model.inputs) if bit.port is None}
    for group in {model.inputs[index].group for index in free}:
        members = {index for index in free if model.inputs[index].group == group}
        if not any(depends(plain, root, sum(1 << index for index in members)) for root in roots(model)):
            assert not members & set(cone_of_influence(one_cycle).inputs.tolist())
    for name, root in zip(named, roots(model), strict=True):
        if not depends(plain, root, sum(1 << index for index in free)):
            assert not free & set(cone_of_influence(one_cycle, name.__eq__).inputs.tolist())


def register(enabled: bool) -> Model:
    """q0 <- in0 ? in1 : (in0 and x), which is in1 where enabled; without the enable x gets in."""
    circuit = Circuit(3, 1)
    enable, data, unknown = (circuit.input(index) for index in range(3))
    following = circuit.mux(enable, data, circuit.all_of((enable, unknown)) if enabled else unknown)
    return model_of(circuit.network([following], free=[2]), {"service": circuit.latch(0)})


@pytest.mark.parametrize("enabled", [True, False])
def test_only_an_unknown_nobody_looks_at_is_fixed(enabled: bool) -> None:
    masked = cone_of_influence(mask_unknowns(register(enabled)))
    assert masked.inputs.tolist() == ([0, 1] if enabled else [0, 1, 2])
    assert (FREE_INPUT in masked.model.network.input_kinds) == (not enabled)


def test_an_unknown_that_one_root_needs_is_gone_from_the_others() -> None:
    """Output a is x; output b reads x where it makes no difference."""
    circuit = Circuit(2, 0)
    unknown, data = circuit.input(0), circuit.input(1)
    noise = circuit.all_of((unknown, data, unknown ^ 1))
    other = circuit.any_of((data, noise))
    model = model_of(circuit.network([], free=[0]), {"a": unknown, "b": other})
    assert cone_of_influence(model, "b".__eq__).inputs.tolist() == [0, 1]
    masked = mask_unknowns(model)
    assert cone_of_influence(masked, "b".__eq__).inputs.tolist() == [1]
    assert cone_of_influence(masked, "a".__eq__).inputs.tolist() == [0]


def test_one_group_stands_or_falls_together() -> None:
    """x0 matters, x1 does not: in one group both stay, in two only x0 does."""
    circuit = Circuit(2, 0)
    noise = circuit.all_of((circuit.input(0), circuit.input(1), circuit.input(0) ^ 1))
    output = circuit.any_of((circuit.input(0), noise))
    network = circuit.network([], free=[0, 1])
    for groups, kept in (([1, 1], 2), ([1, 2], 1)):
        masked = mask_unknowns(model_of(network, {"service": output}, groups))
        assert cone_of_influence(masked).inputs.size == kept
    both = circuit.all_of((circuit.input(0), circuit.input(1)))
    masked = mask_unknowns(model_of(circuit.network([], free=[0, 1]), {"service": both}, [1, 2]))
    assert cone_of_influence(masked).inputs.tolist() == [0, 1]


def test_a_network_without_latches_or_inputs() -> None:
    network = Circuit(0, 0).network([])
    assert mask_unknowns(model_of(network, {"service": 1})).outputs == {"service": 1}
    assert cone_of_influence(model_of(network, {"service": 0})).model.outputs == {"service": 0}
