"""Manifest expressions as literals: the Verilog subset of `sandgrain.submission.expression` over an and-inverter graph.

Widths follow IEEE 1364-2005 clause 5.4: operands of bitwise operators and comparisons are extended with zeros to the
widest of their context before anything is computed; operands of reductions and logical operators stand by themselves.
"""

from __future__ import annotations

import difflib

from sandgrain.errors import NetworkError
from sandgrain.logic.graph import Graph
from sandgrain.logic.network import Literals
from sandgrain.netlist.model import Module, Net, X
from sandgrain.submission import Binary, Constant, Expression, Signal, Unary

_BITWISE = ("&", "|", "^")
_UNSIZED = 32
"""Width of a plain decimal."""


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
    return graph.any_of(_bits(expression, _width(expression, signals), signals, graph))


def _width(expression: Expression, signals: Signals) -> int:
    """Self-determined width in bits."""
    if isinstance(expression, Signal):
        return len(signals.bits(expression))
    if isinstance(expression, Constant):
        return expression.width or _UNSIZED
    if isinstance(expression, Unary):
        return _width(expression.arg, signals) if expression.op == "~" else 1
    if expression.op in _BITWISE:
        return max(_width(expression.left, signals), _width(expression.right, signals))
    return 1


def _bits(expression: Expression, width: int, signals: Signals, graph: Graph) -> list[int]:
    """Literals of ``expression`` in a context of ``width`` bits, to which its operands are extended first."""
    if isinstance(expression, Signal):
        bits = signals.bits(expression)
    elif isinstance(expression, Constant):
        bits = [(expression.value >> index) & 1 for index in range(expression.width or _UNSIZED)]
    elif isinstance(expression, Unary) and expression.op == "~":
        return [bit ^ 1 for bit in _bits(expression.arg, width, signals, graph)]
    elif isinstance(expression, Binary) and expression.op in _BITWISE:
        left = _bits(expression.left, width, signals, graph)
        right = _bits(expression.right, width, signals, graph)
        return [_bitwise(expression.op, a, b, graph) for a, b in zip(left, right, strict=True)]
    else:
        bits = [_truth(expression, signals, graph)]
    return bits + [0] * (width - len(bits))


def _truth(expression: Unary | Binary, signals: Signals, graph: Graph) -> int:
    """The one bit of a reduction, a logical operator or a comparison."""
    if isinstance(expression, Unary):
        bits = _bits(expression.arg, _width(expression.arg, signals), signals, graph)
        if expression.op == "!":
            return graph.any_of(bits) ^ 1
        if expression.op == "&":
            return graph.all_of(bits)
        if expression.op == "|":
            return graph.any_of(bits)
        parity = 0
        for bit in bits:
            parity = _exclusive(parity, bit, graph)
        return parity
    if expression.op in ("&&", "||"):
        one, other = literal_of(expression.left, signals, graph), literal_of(expression.right, signals, graph)
        return graph.land(one, other) if expression.op == "&&" else graph.any_of((one, other))
    width = max(_width(expression.left, signals), _width(expression.right, signals))
    left = _bits(expression.left, width, signals, graph)
    right = _bits(expression.right, width, signals, graph)
    differs = graph.any_of(_exclusive(a, b, graph) for a, b in zip(left, right, strict=True))
    return differs if expression.op == "!=" else differs ^ 1


def _bitwise(op: str, a: int, b: int, graph: Graph) -> int:
    if op == "&":
        return graph.land(a, b)
    if op == "|":
        return graph.any_of((a, b))
    return _exclusive(a, b, graph)


def _exclusive(a: int, b: int, graph: Graph) -> int:
    return graph.any_of((graph.land(a, b ^ 1), graph.land(a ^ 1, b)))
