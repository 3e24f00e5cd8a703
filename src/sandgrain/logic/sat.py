"""From the and-inverter graph to a SAT solver: cone-wise Tseitin encoding, assumptions, unsat cores.

Encoding: G. S. Tseitin, *On the complexity of derivation in propositional calculus*, 1968. Only the cone of what is
asked about is ever encoded, each gate once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

import numba
import numpy as np
from numpy.typing import NDArray
from pysat.solvers import Solver

from sandgrain.logic.graph import Graph
from sandgrain.logic.network import Literals


@numba.njit(cache=True)
def _cone(roots, fanin0, fanin1, is_and, done):  # type: ignore[no-untyped-def]
    """And-gates below ``roots`` that are not ``done`` yet, marking them; int64 array in no particular order."""
    stack = np.empty(1024, np.int64)
    found = np.empty(1024, np.int64)
    top = 0
    count = 0
    for root in roots:
        if top + 2 > stack.size:
            stack = np.concatenate((stack, np.empty(stack.size, np.int64)))
        stack[top] = root >> 1
        top += 1
        while top:
            top -= 1
            variable = stack[top]
            if done[variable]:
                continue
            done[variable] = True
            if not is_and[variable]:
                continue
            if count == found.size:
                found = np.concatenate((found, np.empty(found.size, np.int64)))
            found[count] = variable
            count += 1
            if top + 2 > stack.size:
                stack = np.concatenate((stack, np.empty(stack.size, np.int64)))
            stack[top] = fanin0[variable] >> 1
            stack[top + 1] = fanin1[variable] >> 1
            top += 2
    return found[:count]


def _dimacs(literals: Literals | NDArray[np.int64]) -> NDArray[np.int64]:
    """AIGER literals to DIMACS: variable ``v`` becomes ``v + 1`` so that the constant has a number too."""
    wide = np.asarray(literals, dtype=np.int64)
    return np.where(wide & 1, -((wide >> 1) + 1), (wide >> 1) + 1)


class GraphSolver:
    """A SAT solver over the literals of one `Graph`.

    Literals are those of the graph (`int`, AIGER style) everywhere; the solver's own numbering stays inside.
    """

    def __init__(self, graph: Graph, engine: str = "cadical153") -> None:
        self.graph = graph
        self._solver = Solver(name=engine)
        self._engine = engine
        self._done = np.zeros(1024, np.bool_)
        self._done[0] = True
        self._solver.add_clause([-1])
        self.gates_encoded = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._solver.delete()

    def require(self, literals: Iterable[int]) -> None:
        """Encode the cones of ``literals`` so that they mean what the graph says."""
        roots = np.fromiter((int(literal) for literal in literals), np.int64)
        if roots.size == 0:
            return
        if self._done.size < len(self.graph):
            grown = np.zeros(max(len(self.graph), 2 * self._done.size), np.bool_)
            grown[: self._done.size] = self._done
            self._done = grown
        gates = _cone(roots, self.graph.fanin0, self.graph.fanin1, self.graph.is_and, self._done)
        if gates.size == 0:
            return
        self.gates_encoded += int(gates.size)
        out = _dimacs(gates * 2)
        left = _dimacs(self.graph.fanin0[gates])
        right = _dimacs(self.graph.fanin1[gates])
        add = self._solver.add_clause
        for pair in np.stack((-out, left), axis=1).tolist():
            add(pair)
        for pair in np.stack((-out, right), axis=1).tolist():
            add(pair)
        for triple in np.stack((out, -left, -right), axis=1).tolist():
            add(triple)

    def add_clause(self, literals: Sequence[int]) -> None:
        """Add a clause over graph literals, encoding their cones first."""
        self.require(literals)
        self._solver.add_clause(_dimacs(np.asarray(list(literals), np.int64)).tolist())

    def prefer(self, literals: Sequence[int]) -> None:
        """Try ``literals`` true first wherever the solver is free to choose (a hint; not every engine heeds it)."""
        try:
            self._solver.set_phases(_dimacs(np.asarray(list(literals), np.int64)).tolist())
        except NotImplementedError:
            return

    def solve(self, assumptions: Sequence[int] = ()) -> bool:
        """Whether the clauses are satisfiable under ``assumptions``."""
        self.require(assumptions)
        return bool(self._solver.solve(assumptions=_dimacs(np.asarray(list(assumptions), np.int64)).tolist()))

    def possible(self, assumptions: Sequence[int], conflicts: int) -> bool | None:
        """As `solve`, but None where that takes more conflicts; not every engine can be held to a number of them."""
        self.require(assumptions)
        self._solver.conf_budget(conflicts)
        told = _dimacs(np.asarray(list(assumptions), np.int64)).tolist()
        answer: bool | None = self._solver.solve_limited(assumptions=told)
        return answer

    def model(self, literals: Literals | Sequence[int]) -> NDArray[np.bool_]:
        """Values of ``literals`` in the last model; a variable the solver never saw reads as false.

        Only meaningful for literals whose cones have been encoded (`require`) or free variables.
        """
        model = self._solver.get_model()
        if model is None:
            raise RuntimeError("no model: the last query was not satisfiable")
        values = np.zeros(max(len(self.graph) + 1, len(model) + 1), np.bool_)
        values[1 : len(model) + 1] = np.asarray(model, np.int64) > 0
        wide = np.asarray(literals, np.int64)
        result: NDArray[np.bool_] = values[(wide >> 1) + 1] ^ (wide & 1).astype(np.bool_)
        return result

    def knows(self, literals: Literals) -> NDArray[np.bool_]:
        """bool array: which of ``literals`` occur in what has been encoded so far."""
        variables = np.asarray(literals, np.int64) >> 1
        inside = variables < self._done.size
        result = np.zeros(variables.size, np.bool_)
        result[inside] = self._done[variables[inside]]
        return result

    def core(self) -> set[int]:
        """The assumptions (graph literals) that made the last query unsatisfiable."""
        core = self._solver.get_core() or []
        return {2 * (abs(literal) - 1) + (literal < 0) for literal in core}
