"""Boolean expressions as Liberty writes them, straight to gates.

Operators, tightest first: ``!`` ``~`` before and ``'`` after an operand; ``^``; ``&``, ``*`` and mere juxtaposition;
``|`` and ``+`` (Liberty User Guide, "function Attribute"). An operand may be a bus: then the operators work bit by
bit, and a single bit goes with every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sandgrain.netlist._quote import quote
from sandgrain.netlist.cell_function import FALSE, TRUE, FunctionBuilder

_TOKEN: Final = re.compile(
    r"""\s*+(?:(?P<name>[A-Za-z_][\w.$]*+(?>(?:\[[\w:]++\]|<\d++>)?)|\\*"[^"\\]++\\*")
      |(?P<constant>1'[bB][01]|[01](?![\w\[]))|(?P<sign>[!~'^&*|+()]))""",
    re.VERBOSE,
)
_BINARY: Final = {"^": 3, "&": 2, "*": 2, "|": 1, "+": 1}
_NOT: Final = 4
_AND: Final = 2

Vector = list[int]
"""Literals of the bits of an operand, most significant first."""


class ExpressionError(Exception):
    """The text is no expression.

    Args:
        what: what is wrong.
        offset: where in the text.
    """

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.what = what
        self.offset = offset


def expression(text: str, builder: FunctionBuilder, operand: Callable[[str], Vector]) -> Vector:
    """The literals of an expression.

    Args:
        text: the expression.
        builder: where the gates go.
        operand: the literals of a pin, bus or state; a ``KeyError`` says that there is none.

    Raises:
        ExpressionError: it is no expression, a name is unknown, or buses of different widths meet.
    """
    values: list[Vector] = []
    signs: list[tuple[str, int, int]] = []  # sign, how tight, where; an open parenthesis is looser than all

    def reduce(tightness: int, at: int) -> None:
        while signs and signs[-1][1] >= tightness:
            sign, level, _ = signs.pop()
            if level == _NOT:
                values[-1] = [literal ^ 1 for literal in values[-1]]
            else:
                right, left = values.pop(), values.pop()
                values.append(_join(builder, sign, left, right, at))

    at = 0
    complete = False  # whether an operand has just ended
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"{quote(text[at : at + 20].strip())} is no part of an expression", at)
        start, at = match.start(match.lastgroup or 0), match.end()
        sign = match["sign"]
        if complete and (sign is None or sign in "!~("):
            reduce(_AND, start)
            signs.append(("&", _AND, start))
            complete = False
        if sign is None:
            values.append(_operand(match, operand, start))
            complete = True
        elif sign in "!~" or sign == "(":
            signs.append((sign, 0 if sign == "(" else _NOT, start))
        elif not complete:
            raise ExpressionError(f"an operand is missing before {sign!r}", start)
        elif sign == "'":
            # What comes after binds tighter than what comes before; both only invert.
            values[-1] = [literal ^ 1 for literal in values[-1]]
        elif sign == ")":
            reduce(1, start)
            if not signs:
                raise ExpressionError("a parenthesis closes that was never opened", start)
            signs.pop()
        else:
            reduce(_BINARY[sign], start)
            signs.append((sign, _BINARY[sign], start))
            complete = False
    if not complete:
        raise ExpressionError("an operand is missing at the end", end)
    reduce(1, end)
    if signs:
        raise ExpressionError("a parenthesis is never closed", signs[-1][2])
    return values[0]


def _operand(match: re.Match[str], operand: Callable[[str], Vector], start: int) -> Vector:
    constant = match["constant"]
    if constant:
        return [TRUE if constant.endswith("1") else FALSE]
    name = match["name"].strip('\\"')
    try:
        return list(operand(name))
    except KeyError:
        raise ExpressionError(f"{quote(name)} is no pin or state of the cell", start) from None


def _join(builder: FunctionBuilder, sign: str, left: Vector, right: Vector, at: int) -> Vector:
    if len(left) != len(right):
        if 1 not in (len(left), len(right)):
            raise ExpressionError(f"a bus of {len(left)} bits meets one of {len(right)}", at)
        width = max(len(left), len(right))
        left, right = (item * (width // len(item)) for item in (left, right))
    join = {"^": builder.xor, "|": builder.lor, "+": builder.lor}.get(sign, builder.land)
    return [join(a, b) for a, b in zip(left, right, strict=True)]
