"""Folding, hashing and growth never change what a literal means."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.logic.graph import AND_BIT, NOT_BIT, Graph, literal_values
from sandgrain.logic.network import Network
from tests.logic.networks import Interpreter, bits, small_networks

FREE = 4
ROWS = 1 << (1 << FREE)
"""A truth table over the free variables is a number below this: bit ``j`` is the value under assignment ``j``."""


def tables(graph: Graph, free: int) -> list[int]:
    """The truth table of every variable of ``graph``, its first ``free`` variables being free ones."""
    rows = 1 << free
    everything = (1 << rows) - 1
    result = [0]
    result += [sum(1 << row for row in range(rows) if row >> variable & 1) for variable in range(free)]
    for variable in range(1 + free, len(graph)):
        assert graph.is_and[variable]
        operands = []
        for fanin in (graph.fanin0, graph.fanin1):
            literal = int(fanin[variable])
            assert literal >> 1 < variable
            operands.append(result[literal >> 1] ^ (everything if literal & 1 else 0))
        result.append(operands[0] & operands[1])
    return result


def meaning(table: list[int], literal: int, free: int = FREE) -> int:
    return table[literal >> 1] ^ ((1 << (1 << free)) - 1 if literal & 1 else 0)


@given(st.lists(st.tuples(*[st.integers(0, 10_000)] * 4), min_size=1, max_size=80))
@settings(max_examples=100, deadline=None)
def test_expressions_mean_what_was_asked_for(steps: list[tuple[int, int, int, int]]) -> None:
    """Small at first, so that it grows; every expression is worked out directly beside it."""
    graph = Graph(1)
    literals = [0, 1, *graph.free(FREE).tolist()]
    start = tables(graph, FREE)
    direct = [meaning(start, literal) for literal in literals]
    for kind, *picks in steps:
        chosen = [pick % len(literals) for pick in picks]
        flips = [pick // len(literals) & 1 for pick in picks]
        operands = [literals[at] ^ flip for at, flip in zip(chosen, flips, strict=True)]
        values = [direct[at] ^ (ROWS - 1 if flip else 0) for at, flip in zip(chosen, flips, strict=True)]
        if kind % 3 == 0:
            literals.append(graph.land(operands[0], operands[1]))
            direct.append(values[0] & values[1])
        elif kind % 3 == 1:
            literals.append(graph.all_of(operands))
            direct.append(values[0] & values[1] & values[2])
        else:
            literals.append(graph.any_of(operands))
            direct.append(values[0] | values[1] | values[2])
    table = tables(graph, FREE)
    assert [meaning(table, literal) for literal in literals] == direct
    gates = [(int(graph.fanin0[v]), int(graph.fanin1[v])) for v in range(1 + FREE, len(graph))]
    assert len(set(gates)) == len(gates)
    assert all(1 < a < b and a >> 1 != b >> 1 for a, b in gates)


@pytest.mark.parametrize("flip", [0, 1])
def test_one_level_rules(flip: int) -> None:
    graph = Graph()
    a, b = (int(literal) ^ flip for literal in graph.free(2))
    assert [graph.land(a, 0), graph.land(0, a), graph.land(a, a ^ 1)] == [0, 0, 0]
    assert [graph.land(a, 1), graph.land(1, a), graph.land(a, a)] == [a, a, a]
    assert len(graph) == 3
    gate = graph.land(a, b)
    assert gate == 6
    assert graph.land(b, a) == gate
    assert graph.land(a, b ^ 1) != gate
    assert len(graph) == 5


def test_nothing_to_combine() -> None:
    graph = Graph()
    assert (graph.all_of(()), graph.any_of(())) == (1, 0)
    assert len(graph) == 1


def test_growth_forgets_no_gate() -> None:
    graph = Graph(1)
    free = graph.free(60).tolist()
    pairs = list(itertools.combinations(free, 2))
    gates = [graph.land(a, b) for a, b in pairs]
    assert len(set(gates)) == len(pairs)
    size = len(graph)
    assert size == 1 + 60 + len(pairs)
    more = graph.free(500)
    assert [graph.land(b, a) for a, b in pairs] == gates
    assert len(graph) == size + 500
    assert not graph.is_and[more >> np.uint32(1)].any()
    assert graph.is_and.sum() == len(pairs)
    assert [(int(graph.fanin0[g >> 1]), int(graph.fanin1[g >> 1])) for g in gates] == pairs


def values_of(graph: Graph, assignment: dict[int, int]) -> list[int]:
    """The value of every variable when free variable ``v`` is ``assignment[v]``."""
    values = [0]
    for variable in range(1, len(graph)):
        if graph.is_and[variable]:
            a, b = int(graph.fanin0[variable]), int(graph.fanin1[variable])
            values.append((values[a >> 1] ^ (a & 1)) & (values[b >> 1] ^ (b & 1)))
        else:
            values.append(assignment[variable])
    return values


@given(small_networks())
@settings(max_examples=100, deadline=None)
def test_two_frames_are_two_cycles(network: Network) -> None:
    plain = Interpreter(network)
    graph = Graph(1)
    state = graph.free(network.latch_count)
    rows = [graph.free(network.input_count) for _ in range(2)]
    first = graph.frame(network, rows[0], state)
    second = graph.frame(network, rows[1], literal_values(first, network.latch_next))
    free = [int(literal) >> 1 for literal in np.concatenate((state, *rows))]
    for now in plain.states:
        for inputs in itertools.product(range(1 << network.input_count), repeat=2):
            if inputs[1] not in (0, inputs[0], inputs[0] ^ 5):
                continue
            known = bits(now, network.latch_count) + [bit for row in inputs for bit in bits(row, network.input_count)]
            values = values_of(graph, dict(zip(free, known, strict=True)))
            for frame, at, row in ((first, now, inputs[0]), (second, plain.next(now, inputs[0]), inputs[1])):
                assert [values[literal >> 1] ^ (literal & 1) for literal in frame.tolist()] == plain.values(at, row)


@given(small_networks(), st.integers(0, 15), st.integers(0, 31))
@settings(max_examples=100, deadline=None)
def test_a_frame_of_constants_is_constant(network: Network, inputs: int, state: int) -> None:
    inputs %= 1 << network.input_count
    state %= 1 << network.latch_count
    graph = Graph(1)
    values = graph.frame(
        network,
        np.array(bits(inputs, network.input_count), np.uint32),
        np.array(bits(state, network.latch_count), np.uint32),
    )
    assert values.tolist() == Interpreter(network).values(state, inputs)
    assert len(graph) == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99)), max_size=40), st.randoms())
@settings(max_examples=100, deadline=None)
def test_resolve_takes_gates_in_any_order(gates: list[tuple[bool, int, int]], random: Random) -> None:
    """Bits 0 .. 3 are given; every other bit is a gate of lower ones, before the bits are shuffled."""
    count = FREE + len(gates)
    order = list(range(count))
    random.shuffle(order)
    kinds = np.zeros(count, np.uint8)
    left, right = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    literals, known = np.zeros(count, np.uint32), np.zeros(count, np.bool_)
    graph = Graph(1)
    for bit, literal in enumerate(graph.free(FREE).tolist()):
        literals[order[bit]], known[order[bit]] = literal, True
    direct = [meaning(tables(graph, FREE), 2 * (1 + bit)) for bit in range(FREE)]
    for bit, (is_and, a, b) in enumerate(gates, FREE):
        operands = []
        for side, pick in ((left, a), (right, b)):
            at = pick % (bit + 2) - 2  # -2 is the constant 1, -1 the constant 0
            side[order[bit]] = order[at] if at >= 0 else at
            operands.append(direct[at] if at >= 0 else (0, ROWS - 1)[-1 - at])
        kinds[order[bit]] = AND_BIT if is_and else NOT_BIT
        direct.append(operands[0] & operands[1] if is_and else operands[0] ^ (ROWS - 1))
    assert graph.resolve(kinds, left, right, literals, known) == -1
    assert known.all()
    table = tables(graph, FREE)
    assert [meaning(table, int(literals[order[bit]])) for bit in range(count)] == direct


def test_resolve_names_a_bit_on_the_loop() -> None:
    """0 given; 1 = not 2, 2 = 0 and 3, 3 = not 1 close a loop, which 4 only hangs on."""
    kinds = np.array([0, NOT_BIT, AND_BIT, NOT_BIT, NOT_BIT], np.uint8)
    left, right = np.array([-1, 2, 0, 1, 1]), np.array([-1, -1, 3, -1, -1])
    for start in range(2):
        graph = Graph()
        known = np.array([True, False, False, False, False])
        literals = np.array([graph.free(1)[0], 0, 0, 0, 0], np.uint32)
        permuted = np.array([0, 4, 1, 2, 3]) if start else np.arange(5)  # the one that hangs on is met first
        back = np.argsort(permuted)
        moved = [np.where(side >= 0, permuted[side], side)[back] for side in (left, right)]
        cycle = graph.resolve(kinds[back], moved[0], moved[1], literals, known)
        assert back[cycle] in (1, 2, 3)
    right[2] = 0  # without the loop
    known[:] = [True, False, False, False, False]
    assert graph.resolve(kinds, left, right, literals, known) == -1


def test_literal_values_keeps_negations() -> None:
    values = np.array([0, 8, 5], np.uint32)
    assert literal_values(values, np.array([0, 1, 2, 3, 4, 5], np.uint32)).tolist() == [0, 1, 8, 9, 5, 4]
