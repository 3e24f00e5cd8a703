"""From truth tables to gates, and the gates of a function reduced to those that matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist.cell_function import FALSE, TRUE, CellFunction, FunctionBuilder, StateElement

Table = NDArray[np.bool_]
"""bool, shape (2,) * n: axis ``i`` is variable ``i``."""


def literal_of_table(builder: FunctionBuilder, variables: Sequence[int], on: Table, care: Table | None = None) -> int:
    """Literal of the function that is ``on`` wherever ``care`` holds, by Shannon expansion.

    Args:
        builder: where the gates go.
        variables: literals of the n variables.
        on: the values.
        care: where they matter; everywhere by default.
    """
    care = np.ones_like(on) if care is None else care
    forward = _Diagram(on, care)
    backward = _Diagram(on.transpose(), care.transpose())
    # Selecting inputs may come first or last in a description.
    if len(backward.nodes) < len(forward.nodes):
        return backward.literal(builder, variables[::-1])
    return forward.literal(builder, variables)


class _Diagram:
    """A table as a decision diagram, the variables in the order of its axes."""

    def __init__(self, on: Table, care: Table) -> None:
        self.nodes: list[tuple[int, int, int]] = []
        self.numbers: dict[tuple[int, int, int], int] = {}
        self.known: dict[tuple[int, bytes, bytes], int] = {}
        self.root = self.expand(0, on, care)

    def expand(self, depth: int, on: Table, care: Table) -> int:
        """``FALSE``, ``TRUE``, or 2 + the number of a node.

        The depth of the recursion is the number of variables, which a table of 2**n values bounds.
        """
        wanted = on & care
        if not wanted.any():
            return FALSE
        if (on | ~care).all():
            return TRUE
        key = (depth, wanted.tobytes(), care.tobytes())
        if key not in self.known:
            if not ((on[0] ^ on[1]) & care[0] & care[1]).any():
                found = self.expand(depth + 1, np.where(care[0], on[0], on[1]), care[0] | care[1])
            else:
                node = (depth, self.expand(depth + 1, on[0], care[0]), self.expand(depth + 1, on[1], care[1]))
                found = self.numbers.setdefault(node, 2 + len(self.nodes)) if node[1] != node[2] else node[1]
                if found == 2 + len(self.nodes):
                    self.nodes.append(node)
            self.known[key] = found
        return self.known[key]

    def literal(self, builder: FunctionBuilder, variables: Sequence[int]) -> int:
        """Literal of the root, every node a multiplexer."""
        literals = [FALSE, TRUE]
        for depth, low, high in self.nodes:
            literals.append(mux(builder, variables[depth], literals[low], literals[high]))
        return literals[self.root]


def mux(builder: FunctionBuilder, select: int, low: int, high: int) -> int:
    """Like `FunctionBuilder.mux`, with fewer gates where both sides are the same or opposite."""
    if low == high:
        return low
    if low == high ^ 1:
        return builder.xor(select, low)
    return builder.mux(select, low, high)


def conjunction(builder: FunctionBuilder, literals: Iterable[int]) -> int:
    """Literal of the and of all ``literals``, as a balanced tree."""
    return _tree(builder.land, list(literals), TRUE)


def disjunction(builder: FunctionBuilder, literals: Iterable[int]) -> int:
    """Literal of the or of all ``literals``, as a balanced tree."""
    return conjunction(builder, (literal ^ 1 for literal in literals)) ^ 1


def parity(builder: FunctionBuilder, literals: Iterable[int]) -> int:
    """Literal of the exclusive or of all ``literals``, as a balanced tree."""
    return _tree(builder.xor, list(literals), FALSE)


def _tree(join: Callable[[int, int], int], literals: list[int], empty: int) -> int:
    if not literals:
        return empty
    while len(literals) > 1:
        paired = [join(a, b) for a, b in zip(literals[::2], literals[1::2], strict=False)]
        literals = paired + literals[2 * len(paired) :]
    return literals[0]


def tidy(function: CellFunction) -> CellFunction:
    """``function`` without the gates and unknown values nothing reads."""
    roots = [*function.outputs.values(), *function.drives.values()]
    for state in function.states:
        roots += (state.data, state.control, state.clear, state.preset)
    used = bytearray(function.first_gate + len(function.gates))
    for root in roots:
        used[root >> 1] = 1
    for gate in range(len(function.gates) - 1, -1, -1):
        if used[function.first_gate + gate]:
            left, right = function.gates[gate]
            used[left >> 1] = used[right >> 1] = 1
    pins = len(function.inputs) - function.unknown
    unknown = sum(used[1 + pins : 1 + len(function.inputs)])
    number = [0] * len(used)
    following = 1
    for variable in range(1, len(used)):
        is_unknown = pins < variable <= len(function.inputs)
        if (is_unknown or variable >= function.first_gate) and not used[variable]:
            continue
        number[variable] = following
        following += 1

    def new(literal: int) -> int:
        return 2 * number[literal >> 1] + (literal & 1)

    return CellFunction(
        inputs=(*function.inputs[:pins], *(("", index) for index in range(unknown))),
        states=tuple(
            StateElement(
                state.name,
                state.kind,
                new(state.data),
                new(state.control),
                new(state.clear),
                new(state.preset),
                state.both,
                state.init,
            )
            for state in function.states
        ),
        gates=tuple(
            (new(left), new(right))
            for gate, (left, right) in enumerate(function.gates)
            if used[function.first_gate + gate]
        ),
        outputs={pin: new(literal) for pin, literal in function.outputs.items()},
        drives={pin: new(literal) for pin, literal in function.drives.items()},
        unknown=unknown,
    )
