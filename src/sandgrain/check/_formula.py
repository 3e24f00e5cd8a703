"""Steps of a circuit written into a SAT solver: constants folded, every gate once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from pysat.solvers import Solver

from sandgrain.check._circuit import TRUE, Circuit
from sandgrain.check._flat import FlatCircuit
from sandgrain.errors import LimitExceeded

SOLVER: Final = "glucose4"
"""Another solver than that of the engine which writes certificates; the fastest of those tried on PicoRV32."""
_BATCH: Final = 500  # clauses handed over at once: so few new lists do not call the garbage collector
_CONFLICTS: Final = 20_000  # between two looks at the clock
_SHIFT: Final = 1 << 32


class Formula:
    """And-gates over variables, and the clauses required of them; all queries end by ``deadline`` (monotonic time)."""

    def __init__(self, deadline: float, variables: int) -> None:
        self._deadline, self._most = deadline, variables
        self._left, self._right = [0, 0], [0, 0]
        self._gates: dict[int, int] = {}
        self._written = {TRUE}
        self._solver = Solver(name=SOLVER, bootstrap_with=[[TRUE]])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._solver.delete()

    def fresh(self, left: int = 0, right: int = 0) -> int:
        """A new variable."""
        self._left.append(left)
        self._right.append(right)
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
            literal = self._gates[key] = self.fresh(a, b)
        return literal

    def equal(self, a: int, b: int) -> int:
        """Whether two literals are equal."""
        return self.land(-self.land(a, -b), -self.land(-a, b))

    def step(self, circuit: Circuit | FlatCircuit, leaves: Mapping[int, int]) -> list[int]:
        """One copy of a circuit over literals of its leaves: that of node ``n`` at ``n``, its negation at ``-n``."""
        values = [0] * (2 * circuit.size - 1)
        for node, literal in {**leaves, TRUE: TRUE}.items():
            values[node], values[-node] = literal, -literal
        land = self.land
        for node, a, b in circuit.gates:
            values[node] = literal = land(values[a], values[b])
            values[-node] = -literal
        if 0 in values[1:]:
            raise AssertionError("a leaf of the circuit has no literal")
        if len(self._left) > self._most:
            raise LimitExceeded(f"more than {self._most} variables", expected="a smaller obligation (variables)")
        return values

    def over(self, gates: Mapping[int, tuple[int, int]], values: dict[int, int], root: int) -> int | None:
        """The literal of a node over literals of others; None if it depends on more than those.

        Args:
            gates: the two signed nodes that every and-gate reads.
            values: literals of nodes; those found on the way are added.
            root: signed node.
        """
        values[TRUE] = TRUE
        stack = [abs(root)]
        while stack:
            node = stack[-1]
            if node in values:
                stack.pop()
            elif node not in gates:
                return None
            elif waits := [abs(end) for end in gates[node] if abs(end) not in values]:
                stack += waits
            else:
                a, b = (values[abs(end)] if end > 0 else -values[abs(end)] for end in gates[node])
                values[node] = self.land(a, b)
        return values[root] if root > 0 else -values[-root]

    def require(self, clause: Iterable[int]) -> None:
        """Make a clause true from now on."""
        literals = list(clause)
        if TRUE not in literals:
            self._write(literals)
            self._solver.add_clause(literals)

    def holds(self, clause: Iterable[int]) -> bool:
        """Whether a clause follows from what is required."""
        literals = set(clause)
        trivial = TRUE in literals or any(-literal in literals for literal in literals)
        return trivial or not self.possible(-literal for literal in literals)

    def possible(self, literals: Iterable[int]) -> bool:
        """Whether all ``literals`` can be true together; raises LimitExceeded if that is not decided in time."""
        assumptions = list(literals)
        self._write(assumptions)
        while True:
            self.in_time()
            self._solver.conf_budget(_CONFLICTS)
            answer = self._solver.solve_limited(assumptions=assumptions)
            if answer is not None:
                return bool(answer)

    def in_time(self) -> None:
        """Raise LimitExceeded once the deadline is over."""
        if time.monotonic() >= self._deadline:
            raise LimitExceeded("not decided in time", expected="an answer sooner (seconds)")

    def _write(self, literals: Iterable[int]) -> None:
        clauses: list[list[int]] = []
        stack = [abs(literal) for literal in literals]
        while stack:
            gate = stack.pop()
            if gate not in self._written:
                self._written.add(gate)
                a, b = self._left[gate], self._right[gate]
                if a:
                    clauses += [[-gate, a], [-gate, b], [gate, -a, -b]]
                    stack += [abs(a), abs(b)]
            if len(clauses) > _BATCH or not stack:
                self._solver.append_formula(clauses)
                clauses = []
