"""The solver agrees with truth tables, its cores are really unsatisfiable, its models really satisfy."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.allowance import Allowance
from sandgrain.errors import LimitExceeded
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Network
from sandgrain.logic.sat import GraphSolver
from tests.logic.networks import small_networks

ENGINES = ["cadical153", "glucose4"]


@dataclass
class Table:
    """A graph of two cycles of a network and the truth table of each of its variables, as a number."""

    graph: Graph
    network: Network

    def __post_init__(self) -> None:
        graph, network = self.graph, self.network
        self.free = graph.free(network.latch_count + network.input_count)
        state, inputs = self.free[: network.latch_count], self.free[network.latch_count :]
        values = graph.frame(network, inputs, state)
        graph.frame(network, inputs, literal_values(values, network.latch_next))
        self.rows = 1 << self.free.size
        self.everything = (1 << self.rows) - 1
        self.tables = [0]
        self.extend()

    def extend(self) -> None:
        """Take in what the graph has grown by."""
        graph = self.graph
        for variable in range(len(self.tables), len(graph)):
            if graph.is_and[variable]:
                left, right = (self.of(int(fanin[variable])) for fanin in (graph.fanin0, graph.fanin1))
                self.tables.append(left & right)
            else:
                self.tables.append(sum(1 << row for row in range(self.rows) if row >> (variable - 1) & 1))

    def of(self, literal: int) -> int:
        return self.tables[literal >> 1] ^ (self.everything if literal & 1 else 0)

    def all_of(self, literals: Sequence[int]) -> int:
        result = self.everything
        for literal in literals:
            result &= self.of(literal)
        return result


def check(solver: GraphSolver, table: Table, assumptions: list[int], allowed: int) -> None:
    """One query, where ``allowed`` are the assignments that the clauses leave."""
    expected = table.all_of(assumptions) & allowed
    assert solver.solve(assumptions) == bool(expected)
    if expected:
        chosen = solver.model(table.free)
        row = sum(1 << index for index, value in enumerate(chosen.tolist()) if value)
        unseen = [index for index in range(table.free.size) if not solver.knows(table.free)[index]]
        assert expected >> row & 1, "the model does not satisfy"
        for index in unseen:
            assert expected >> (row ^ 1 << index) & 1, "a variable the solver never saw matters"
        assert solver.model(assumptions).all()
    else:
        core = solver.core()
        assert core <= set(assumptions)
        assert not table.all_of(sorted(core)) & allowed


def queries(data: st.DataObject, table: Table) -> list[int]:
    literal = st.integers(0, 2 * len(table.graph) - 1).map(lambda number: 2 * len(table.graph) - 1 - number)
    return data.draw(st.lists(literal, max_size=5))


@pytest.mark.parametrize("engine", ENGINES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_truth_tables(engine: str, data: st.DataObject) -> None:
    """Queries and clauses in any order, while the graph keeps growing."""
    table = Table(Graph(1), data.draw(small_networks()))
    allowed = table.everything
    with GraphSolver(table.graph, engine) as solver:
        for step in range(6):
            check(solver, table, queries(data, table), allowed)
            if step % 2:
                clause = queries(data, table)
                if clause:
                    solver.add_clause(clause)
                    allowed &= table.everything ^ table.all_of([literal ^ 1 for literal in clause])
            elif len(table.graph) > 2:
                table.graph.all_of(queries(data, table))
                table.extend()


@pytest.mark.parametrize("engine", ENGINES)
def test_cores_leave_out_what_is_not_needed(engine: str) -> None:
    graph = Graph()
    a, b, c, d = graph.free(4).tolist()
    gate = graph.land(a, b)
    with GraphSolver(graph, engine) as solver:
        assert not solver.solve([c, gate, d, b ^ 1])
        assert solver.core() == {gate, b ^ 1}
        assert solver.solve([c, gate, d, b])
        assert not solver.solve([a, 0])
        assert solver.core() == {0}
        solver.add_clause([c ^ 1, d ^ 1])
        assert not solver.solve([c, d, a])
        assert solver.core() == {c, d}
        assert solver.solve([c, a])
        assert solver.model([a, c, d, d ^ 1, 0, 1]).tolist() == [True, True, False, True, False, True]


def test_only_the_cone_asked_about_is_encoded_once() -> None:
    graph = Graph()
    free = graph.free(5).tolist()
    first, second = graph.all_of(free[:3]), graph.all_of(free[2:])
    with GraphSolver(graph) as solver:
        assert solver.gates_encoded == 0
        solver.require([first])
        assert solver.gates_encoded == 2
        assert solver.knows(np.array(free, np.uint32)).tolist() == [True, True, True, False, False]
        assert solver.solve([first, first])
        assert solver.gates_encoded == 2
        solver.add_clause([second])
        assert solver.gates_encoded == 4
        assert solver.knows(np.array([*free, 2 * len(graph) + 100], np.uint32)).tolist() == [True] * 5 + [False]
        graph.free(5000)
        assert not solver.knows(np.array([2 * len(graph) - 2], np.uint32)).any()
        assert not solver.solve([free[4] ^ 1])


def test_a_model_needs_an_answer() -> None:
    graph = Graph()
    (a,) = graph.free(1).tolist()
    with GraphSolver(graph) as solver:
        assert not solver.solve([a, a ^ 1])
        with pytest.raises(RuntimeError, match="not satisfiable"):
            solver.model([a])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wanted", [0, 1])
def test_a_preference_is_only_a_hint(engine: str, wanted: int) -> None:
    graph = Graph()
    a, b = graph.free(2).tolist()
    with GraphSolver(graph, engine) as solver:
        solver.add_clause([a, b])
        solver.prefer([a ^ wanted, b ^ wanted])
        assert solver.solve()
        assert solver.model([a, b]).any()
        assert not solver.solve([a ^ 1, b ^ 1])


def pigeons(solver: GraphSolver, holes: int) -> None:
    """One pigeon more than there are holes, each in one: impossible, and hard to see."""
    places = solver.graph.free((holes + 1) * holes).reshape(holes + 1, holes)
    for pigeon in places.tolist():
        solver.add_clause(pigeon)
    for hole in places.T.tolist():
        for one, other in itertools.combinations(hole, 2):
            solver.add_clause((one ^ 1, other ^ 1))


@pytest.mark.parametrize("engine", [*ENGINES, "minisat22"])
def test_a_hard_question_ends_with_what_is_allowed(engine: str) -> None:
    with GraphSolver(Graph(), engine, allowance=Allowance(time.monotonic() + 0.2)) as solver:
        pigeons(solver, 12)
        with pytest.raises(LimitExceeded, match="time"):
            solver.solve()
        assert solver.solve_within([], 10) is None
    with GraphSolver(Graph(), engine, allowance=Allowance(time.monotonic() + 60)) as solver:
        pigeons(solver, 5)
        assert not solver.solve()
        assert solver.solve_within([], 100_000) is False
