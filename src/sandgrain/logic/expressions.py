"""Manifest expressions as literals: the Verilog subset of `sandgrain.submission.expression` over an and-inverter graph.

Widths follow IEEE 1364-2005 clause 5.4: operands of a bitwise or comparison operator are extended with zeros to the
wider one; a logical operator first asks whether its operand is non-zero.
"""

from __future__ import annotations

import difflib

import numpy as np

from sandgrain.errors import NetworkError
from sandgrain.logic.graph import Graph
from sandgrain.logic.network import Literals
from sandgrain.netlist.model import Module, Net, X
from sandgrain.submission import Binary, Constant, Expression, Signal, Unary


class Signals:
    """The nets of a flat module by name, as literals."""

    def __init__(self, module: Module, literals: Literals) -> None:
        self._module = module
        self._literals = literals
        self._nets: dict[str, Net] = {net.name: net for net in module.nets if not net.hidden}

    def bits(self, signal: Signal) -> list[int]:
        """Literals of ``signal``, least significant first.

        Raises:
            NetworkError: no such signal, or bits it does not have.
        """
        net = self._nets.get(signal.plain)
        if net is None:
            close = difflib.get_close_matches(signal.plain, self._nets, 3)
            ports = ", ".join(port.name for port in self._module.ports)
            raise NetworkError(
                f"{signal.plain!r} is no port or signal of {self._module.name!r}",
                expected=f"did you mean {' or '.join(close)}?" if close else f"one of its ports: {ports}",
                remedy="correct the expression in submission.toml",
            )
        chosen = range(net.width)
        if signal.high is not None and signal.low is not None:
            numbers = [net.offset + (net.width - 1 - i if net.upto else i) for i in range(net.width)]
            chosen_list = [i for i, number in enumerate(numbers) if signal.low <= number <= signal.high]
            if len(chosen_list) != signal.high - signal.low + 1:
                raise NetworkError(
                    f"{signal.plain}[{signal.high}:{signal.low}] is out of range",
                    expected=f"bits {min(numbers)} to {max(numbers)}",
                    remedy="correct the expression in submission.toml",
                )
            return [self._literal(net, i) for i in chosen_list]
        return [self._literal(net, i) for i in chosen]

    def _literal(self, net: Net, index: int) -> int:
        bit = int(net.bits[index])
        if bit >= 0:
            return int(self._literals[bit])
        if bit <= X:
            raise NetworkError(
                f"{net.bit_name(index)} has no value: it is undriven",
                expected="a signal the description defines",
                remedy="use another signal in the expression",
            )
        return 0 if bit == -1 else 1


def literal_of(expression: Expression, signals: Signals, graph: Graph) -> int:
    """The literal that is true when ``expression`` is not zero."""
    return graph.any_of(_bits(expression, signals, graph))


def _bits(expression: Expression, signals: Signals, graph: Graph) -> list[int]:
    if isinstance(expression, Signal):
        return signals.bits(expression)
    if isinstance(expression, Constant):
        width = expression.width or max(1, expression.value.bit_length())
        return [(expression.value >> index) & 1 for index in range(width)]
    if isinstance(expression, Unary):
        return _unary(expression, _bits(expression.arg, signals, graph), graph)
    left, right = _bits(expression.left, signals, graph), _bits(expression.right, signals, graph)
    return _binary(expression, left, right, graph)


def _unary(expression: Unary, bits: list[int], graph: Graph) -> list[int]:
    if expression.op == "~":
        return [bit ^ 1 for bit in bits]
    if expression.op == "!":
        return [graph.any_of(bits) ^ 1]
    if expression.op == "&":
        return [graph.all_of(bits)]
    if expression.op == "|":
        return [graph.any_of(bits)]
    result = 0
    for bit in bits:
        result = _exclusive(result, bit, graph)
    return [result]


def _binary(expression: Binary, left: list[int], right: list[int], graph: Graph) -> list[int]:
    if expression.op in ("&&", "||"):
        one, other = graph.any_of(left), graph.any_of(right)
        return [graph.land(one, other) if expression.op == "&&" else graph.any_of((one, other))]
    width = max(len(left), len(right))
    left, right = left + [0] * (width - len(left)), right + [0] * (width - len(right))
    pairs = list(zip(left, right, strict=True))
    if expression.op == "&":
        return [graph.land(a, b) for a, b in pairs]
    if expression.op == "|":
        return [graph.any_of((a, b)) for a, b in pairs]
    if expression.op == "^":
        return [_exclusive(a, b, graph) for a, b in pairs]
    differs = graph.any_of(_exclusive(a, b, graph) for a, b in pairs)
    return [differs if expression.op == "!=" else differs ^ 1]


def _exclusive(a: int, b: int, graph: Graph) -> int:
    return graph.any_of((graph.land(a, b ^ 1), graph.land(a ^ 1, b)))


def constant_bits(value: int, width: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """``value`` as uint8 (width,), least significant first."""
    return np.array([(value >> index) & 1 for index in range(width)], np.uint8)
