"""Expressions over ports and signals: the small Verilog subset in which services and declared states are written.

The grammar is the part of IEEE 1364-2005 clause 5 that needs no types: identifiers (hierarchical, escaped, through
generate blocks), bit and part selects, ``~ ! & | ^ && || == !=``, the reductions ``& | ^``, parentheses and constants.
Precedence, from tight to loose: unary, ``== !=``, ``&``, ``^``, ``|``, ``&&``, ``||``; all of them left-associative.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

from sandgrain.errors import LimitExceeded, SubmissionError


@dataclass(frozen=True)
class ExpressionLimits:
    """How large one expression may be.

    Attributes:
        characters: length of the text.
        depth: height of the syntax tree, which also bounds chains such as ``a | b | c``.
        bits: width of one constant.
    """

    characters: int = 4096
    depth: int = 100
    bits: int = 4096


@dataclass(frozen=True)
class Signal:
    r"""A port or signal, all of it or some of its bits.

    Attributes:
        name: the name in Verilog spelling, e.g. ``a``, ``u0.state``, ``gen[3].q`` or ``\odd+name `` (an escaped name
            keeps its backslash and the blank that ends it).
        high: leftmost bit selected, in the numbering of the declaration; None for all bits.
        low: rightmost bit selected, ``low <= high``; equal to ``high`` for a bit select; None for all bits.
    """

    name: str
    high: int | None = None
    low: int | None = None

    @property
    def plain(self) -> str:
        """The name without escapes, as a flattened netlist has it."""
        return re.sub(r"\\([!-~]+) ", r"\1", self.name)


@dataclass(frozen=True)
class Constant:
    """A non-negative number.

    Attributes:
        width: bits, or None where none was written (a plain decimal).
        value: the number, below ``2**width`` where there is a width.
    """

    width: int | None
    value: int


@dataclass(frozen=True)
class Unary:
    """An operator on one operand: ``~`` (each bit), ``!`` (logical), ``& | ^`` (reductions)."""

    op: str
    arg: Expression


@dataclass(frozen=True)
class Binary:
    """An operator on two operands: ``& | ^ && || == !=``."""

    op: str
    left: Expression
    right: Expression


Expression = Signal | Constant | Unary | Binary

BINARY_PRECEDENCE: Final = {"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6}
"""Binary operators, a higher number binding tighter."""

UNARY_OPERATORS: Final = frozenset("~!&|^")

_UNSIZED_BITS = 31  # a plain decimal is a signed 32-bit number in Verilog; beyond that tools disagree
_DIGITS = {"b": ("01", 2), "o": ("0-7", 8), "d": ("0-9", 10), "h": ("0-9a-f", 16)}
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<sized>[0-9][0-9_]*'[A-Za-z]*[0-9A-Za-z_?]*)
      | (?P<decimal>[0-9][0-9_]*)
      | (?P<name>[A-Za-z_][A-Za-z0-9_$]*)
      | (?P<escaped>\\[!-~]+)
      | (?P<op>===|!==|~&|~\||~\^|\^~|&&|\|\||==|!=|[~!&|^()\[\]:.])
    """,
    re.VERBOSE,
)
# An escaped name may hold any printable character; these would start a macro, a comment or a string for some tool.
_UNSAFE_ESCAPED = re.compile(r"""[`";\\]|//|/\*|\*/""")
_REFUSED_OPERATORS = {
    "===": "write `==`: four-valued comparison has no meaning in a proof",
    "!==": "write `!=`: four-valued comparison has no meaning in a proof",
    "~&": "write `~(&a)` for a reduction",
    "~|": "write `~(|a)` for a reduction",
    "~^": "write `~(^a)` for a reduction, `a ^ ~b` between two operands",
    "^~": "write `a ^ ~b` with a blank",
}
_GRAMMAR = "a Verilog expression of signals, constants, ~ ! & | ^ && || == != and parentheses"


def parse(
    text: str,
    *,
    file: str | None = None,
    line: int | None = None,
    field: str = "expression",
    limits: ExpressionLimits | None = None,
) -> Expression:
    """The syntax tree of ``text``.

    Args:
        text: the expression.
        file: the file it stands in, for errors.
        line: 1-based line in ``file``, for errors.
        field: what to call it in errors, e.g. ``services[0].expression``.
        limits: how large it may be.

    Raises:
        SubmissionError: it is not an expression of the subset; the message names the column, counted from 1.
        LimitExceeded: it is too long or too deep, or a constant is too wide.
    """
    return _Parser(text, _Where(file, line, field), limits or ExpressionLimits()).whole()


def parse_constant(
    text: str,
    *,
    file: str | None = None,
    line: int | None = None,
    field: str = "value",
    limits: ExpressionLimits | None = None,
) -> Constant:
    """The constant ``text`` is, e.g. ``32'h0000_0013`` or ``5``; arguments and errors as for :func:`parse`."""
    where = _Where(file, line, field)
    expression = _Parser(text, where, limits or ExpressionLimits()).whole()
    if not isinstance(expression, Constant):
        where.refuse("not a constant", 1, expected="a constant such as 1'b1, 32'h13 or 5")
    return expression


def signals(expression: Expression) -> frozenset[str]:
    """The names used in ``expression``, without escapes (:attr:`Signal.plain`)."""
    return frozenset(signal.plain for signal in signal_uses(expression))


def signal_uses(expression: Expression) -> Iterator[Signal]:
    """Every use of a signal in ``expression``, from left to right."""
    match expression:
        case Signal():
            yield expression
        case Unary(arg=arg):
            yield from signal_uses(arg)
        case Binary(left=left, right=right):
            yield from signal_uses(left)
            yield from signal_uses(right)
        case Constant():
            pass


def to_verilog(expression: Expression) -> str:
    """``expression`` as Verilog text that :func:`parse` reads back into the same tree."""
    match expression:
        case Signal(name=name, high=None):
            return name
        case Signal(name=name, high=high, low=low):
            return f"{name}[{high}]" if high == low else f"{name}[{high}:{low}]"
        case Constant(width=None, value=value):
            return str(value)
        case Constant(width=width, value=value):
            return f"{width}'h{value:x}"
        case Unary(op=op, arg=arg):
            # `&` beside `&` would read as `&&`, and the standard wants a primary after a unary operator anyway.
            return op + (to_verilog(arg) if isinstance(arg, Signal | Constant) else f"({to_verilog(arg)})")
        case Binary(op=op, left=left, right=right):
            return f"{_operand(left, op, 0)} {op} {_operand(right, op, 1)}"


def _operand(operand: Expression, op: str, more: int) -> str:
    text = to_verilog(operand)
    if isinstance(operand, Binary) and BINARY_PRECEDENCE[operand.op] < BINARY_PRECEDENCE[op] + more:
        return f"({text})"
    return text


class _Where(NamedTuple):
    file: str | None
    line: int | None
    field: str

    def refuse(self, what: str, column: int, *, expected: str = _GRAMMAR, remedy: str | None = None) -> NoReturn:
        raise SubmissionError(
            f"{self.field}: {what} at column {column} of the expression",
            file=self.file,
            line=self.line,
            expected=expected,
            remedy=remedy or f"correct {self.field}",
        )

    def too_much(self, what: str, expected: str, remedy: str) -> NoReturn:
        raise LimitExceeded(f"{self.field}: {what}", file=self.file, line=self.line, expected=expected, remedy=remedy)


class _Token(NamedTuple):
    kind: str  # one of the groups of _TOKEN, or "end"
    text: str
    column: int


class _Tree(NamedTuple):
    expression: Expression
    height: int


class _Parser:
    """Precedence climbing; heights are carried along so that no later walk over the tree can recurse too deep."""

    def __init__(self, text: str, where: _Where, limits: ExpressionLimits) -> None:
        self.where = where
        self.limits = limits
        if len(text) > limits.characters:
            where.too_much(
                f"{len(text)} characters",
                f"at most {limits.characters} characters",
                "name the condition in the hardware description and refer to that signal",
            )
        self.tokens = self._split(text)
        self.at = 0
        self.nesting = 0

    def whole(self) -> Expression:
        if self.tokens[0].kind == "end":
            self.where.refuse("nothing", 1)
        tree = self._binary(1)
        if self._peek().kind != "end":
            self._unexpected(self._peek(), "an operator or the end")
        return tree.expression

    def _split(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self.where.refuse(f"unexpected character {text[at]!r}", at + 1)
            kind = str(match.lastgroup)
            if match[0] in _REFUSED_OPERATORS:
                self.where.refuse(
                    f"operator `{match[0]}` is not supported", at + 1, remedy=_REFUSED_OPERATORS[match[0]]
                )
            if kind != "space":
                tokens.append(_Token(kind, match[0], at + 1))
            at = match.end()
        return [*tokens, _Token("end", "", len(text) + 1)]

    def _peek(self) -> _Token:
        return self.tokens[self.at]

    def _next(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token.kind == "op" and token.text == text:
            self.at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            self._unexpected(self._peek(), f"`{text}`")

    def _unexpected(self, token: _Token, expected: str) -> NoReturn:
        found = "unexpected end" if token.kind == "end" else f"unexpected `{token.text}`"
        self.where.refuse(found, token.column, expected=expected)

    def _too_deep(self) -> NoReturn:
        self.where.too_much(
            "nested too deeply",
            f"at most {self.limits.depth} operators or parentheses inside one another",
            "split long chains with parentheses, or name a part in the hardware description",
        )

    def _tree(self, expression: Expression, height: int) -> _Tree:
        if height > self.limits.depth:
            self._too_deep()
        return _Tree(expression, height)

    def _binary(self, lowest: int) -> _Tree:
        left = self._unary()
        while True:
            op = self._peek()
            precedence = BINARY_PRECEDENCE.get(op.text, 0) if op.kind == "op" else 0
            if precedence < lowest or precedence == 0:
                return left
            self.at += 1
            right = self._binary(precedence + 1)
            node = Binary(op.text, left.expression, right.expression)
            left = self._tree(node, 1 + max(left.height, right.height))

    def _unary(self) -> _Tree:
        self.nesting += 1
        if self.nesting > self.limits.depth:
            self._too_deep()
        token = self._next()
        if token.kind == "op" and token.text in UNARY_OPERATORS:
            arg = self._unary()
            tree = self._tree(Unary(token.text, arg.expression), 1 + arg.height)
        elif token.kind == "op" and token.text == "(":
            tree = self._binary(1)
            self._expect(")")
        elif token.kind in ("name", "escaped"):
            tree = _Tree(self._signal(token), 1)
        elif token.kind in ("sized", "decimal"):
            tree = _Tree(self._constant(token), 1)
        else:
            self._unexpected(token, "a signal, a constant, `(` or one of ~ ! & | ^")
        self.nesting -= 1
        return tree

    def _signal(self, token: _Token) -> Signal:
        name = self._name_part(token)
        while True:
            high = low = None
            if self._take("["):
                bracket = self.tokens[self.at - 1]
                high = low = self._index()
                if self._take(":"):
                    low = self._index()
                    if low > high:
                        self.where.refuse("select from low to high", bracket.column, expected="[high:low]")
                self._expect("]")
            if not self._take("."):
                break
            if high != low:
                self._unexpected(self.tokens[self.at - 1], "no part select inside a hierarchical name")
            name += ("" if high is None else f"[{high}]") + "." + self._name_part(self._next())
        if self._peek().text == "[":
            self.where.refuse("second select", self._peek().column, expected="one bit or part select: no memory words")
        return Signal(name, high, low)

    def _name_part(self, token: _Token) -> str:
        if token.kind == "name":
            return token.text
        if token.kind == "escaped":
            if _UNSAFE_ESCAPED.search(token.text[1:]):
                self.where.refuse(
                    "unsafe escaped name", token.column, expected='no ` " ; \\ and no comment mark in an escaped name'
                )
            return token.text + " "
        self._unexpected(token, "a name")

    def _index(self) -> int:
        token = self._next()
        if token.kind != "decimal":
            self._unexpected(token, "a plain decimal bit number")
        return self._constant(token).value

    def _constant(self, token: _Token) -> Constant:
        if token.kind == "decimal":
            value = self._number(token, token.text, 10)
            if value >> _UNSIZED_BITS:
                self.where.refuse("number needs a width", token.column, expected="e.g. 64'd5000000000")
            return Constant(None, value)
        size, _, rest = token.text.partition("'")
        allowed, base = _DIGITS.get(rest[:1].lower(), ("", 0))
        if not allowed or not re.fullmatch(rf"[{allowed}][{allowed}_]*", rest[1:], re.IGNORECASE):
            self.where.refuse(
                f"bad constant `{token.text}`",
                token.column,
                expected="width'base digits with base b, o, d or h and no x, z or ?, e.g. 32'h13",
            )
        width, value = self._number(token, size, 10), self._number(token, rest[1:], base)
        if not 0 < width <= self.limits.bits:
            self.where.too_much(
                f"constant of {width} bits", f"1 to {self.limits.bits} bits", "split the comparison into parts"
            )
        if value >> width:
            self.where.refuse(
                f"constant `{token.text}` does not fit", token.column, expected=f"a value below 2**{width}"
            )
        return Constant(width, value)

    def _number(self, token: _Token, digits: str, base: int) -> int:
        try:
            return int(digits.replace("_", ""), base)
        except ValueError:  # more decimal digits than Python converts
            self.where.refuse("number too long", token.column, expected="a constant in base h")
