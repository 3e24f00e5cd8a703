"""Steps of a circuit written into a SAT solver, every gate once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import pysat
from pysat.solvers import Solver

from sandgrain.check.circuit import TRUE, Circuit
from sandgrain.errors import LimitExceeded

SOLVER: Final = "glucose4"
"""Another solver than that of the engine which writes certificates."""
_SHIFT: Final = 1 << 32
_CONFLICTS: Final = 20_000  # between two looks at the clock


class Formula:
    """And-gates over variables, constants folded and equal gates shared, and what is known of them as clauses."""

    def __init__(self, deadline: float, variables: int) -> None:
        """Begin empty.

        Args:
            deadline: of all queries, as of `time.monotonic`.
            variables: most variables.
        """
        self._deadline, self._most = deadline, variables
        self._left, self._right = [0, 0], [0, 0]
        self._gates: dict[int, int] = {}
        self._written = {TRUE}
        self._solver = Solver(name=SOLVER, bootstrap_with=[[TRUE]])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._solver.delete()

    def fresh(self) -> int:
        """A new variable."""
        self._left.append(0)
        self._right.append(0)
        return len(self._left) - 1

    def land(self, a: int, b: int) -> int:
        """The conjunction of two literals."""
        if a > b:
            a, b = b, a
        if a == b or b == TRUE:
            return a
        if a == TRUE:
            return b
        if a == -b or a == -TRUE or b == -TRUE:
            return -TRUE
        key = a * _SHIFT + b
        literal = self._gates.get(key)
        if literal is None:
            literal = self._gates[key] = len(self._left)
            self._left.append(a)
            self._right.append(b)
        return literal

    def equal(self, a: int, b: int) -> int:
        """Whether two literals are equal."""
        return self.land(-self.land(a, -b), -self.land(-a, b))

    def step(self, circuit: Circuit, leaves: Mapping[int, int]) -> list[int]:
        """One copy of a circuit: the literal of node ``n`` at ``n``, its negation at ``-n``.

        Args:
            circuit: what to copy.
            leaves: a literal for every input, free node, source bit and state of the circuit.

        Raises:
            LimitExceeded: more variables than allowed.
        """
        values = [0] * (2 * circuit.size - 1)
        values[TRUE], values[-TRUE] = TRUE, -TRUE
        for node, literal in leaves.items():
            values[node], values[-node] = literal, -literal
        for node, a, b in circuit.gates:
            values[node] = literal = self.land(values[a], values[b])
            values[-node] = -literal
        if 0 in values[1:]:
            raise AssertionError("a leaf of the circuit has no literal")
        if len(self._left) > self._most:
            raise LimitExceeded("the obligation is too large", expected=f"at most {self._most} variables (variables)")
        return values

    def require(self, clause: Iterable[int]) -> None:
        """Make a clause true from now on."""
        literals = list(clause)
        if TRUE not in literals:
            self._write(literals)
            self._solver.add_clause(literals)

    def holds(self, clause: Sequence[int]) -> bool:
        """Whether a clause follows from what is required.

        Raises:
            LimitExceeded: it was not decided in time.
        """
        literals = set(clause)
        if TRUE in literals or any(-literal in literals for literal in literals):
            return True
        return not self.possible([-literal for literal in literals])

    def possible(self, literals: Sequence[int]) -> bool:
        """Whether all ``literals`` can be true together.

        Raises:
            LimitExceeded: it was not decided in time.
        """
        self._write(literals)
        while True:
            self._solver.conf_budget(_CONFLICTS)
            answer = self._solver.solve_limited(assumptions=list(literals))
            if answer is not None:
                return bool(answer)
            if time.monotonic() > self._deadline:
                raise LimitExceeded("the obligation was not decided in time", expected="an answer in time (seconds)")

    def value(self, literal: int) -> bool:
        """Whether ``literal`` is true in the last answer of :meth:`possible`; false if it does not matter."""
        model = self._solver.get_model() or []
        return abs(literal) <= len(model) and model[abs(literal) - 1] == literal

    def _write(self, literals: Iterable[int]) -> None:
        clauses: list[list[int]] = []
        stack = [abs(literal) for literal in literals]
        while stack:
            gate = stack.pop()
            if gate in self._written:
                continue
            self._written.add(gate)
            a, b = self._left[gate], self._right[gate]
            if a:
                clauses += [[-gate, a], [-gate, b], [gate, -a, -b]]
                stack += [abs(a), abs(b)]
        self._solver.append_formula(clauses)


def solver_name() -> str:
    """The solver and the version of the package it comes from."""
    return f"{SOLVER} (python-sat {pysat.__version__})"
