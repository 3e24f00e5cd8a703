"""What can be connected or assigned: names, parts of them, constants, concatenations, and bitwise logic.

Logic becomes gates (``$_AND_``, ``$_NOT_``, ...) with the meaning of IEEE 1364-2005 section 5: operands of a bitwise
operator are extended with zeros to the wider one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sandgrain.errors import LimitExceeded
from sandgrain.netlist.model import ONE, ZERO, X, Z
from sandgrain.netlist.verilog import _layout as k
from sandgrain.netlist.verilog._tables import ModuleTables
from sandgrain.netlist.verilog._tokens import Tokens

_BINARY: Final = {"|": (1, "$_OR_"), "^": (2, "$_XOR_"), "~^": (2, "$_XNOR_"), "^~": (2, "$_XNOR_"), "&": (3, "$_AND_")}
_LOGICAL: Final = {"||": (-2, "$_OR_"), "&&": (-1, "$_AND_")}
_REDUCTIONS: Final = {
    "&": ("$_AND_", False),
    "~&": ("$_AND_", True),
    "|": ("$_OR_", False),
    "~|": ("$_OR_", True),
    "!": ("$_OR_", True),
    "^": ("$_XOR_", False),
    "~^": ("$_XOR_", True),
    "^~": ("$_XOR_", True),
}
_DIGITS: Final = {"b": 1, "o": 3, "h": 4}
_ARITHMETIC: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}
_LOWEST: Final = -3
_T = TypeVar("_T")


class Expressions:
    """Reads expressions of one module body.

    Attributes:
        parameters: values of the module's parameters that are plain numbers.
        implicit: whether an undeclared name is a one-bit wire.
    """

    def __init__(self, tokens: Tokens, tables: ModuleTables, parameters: dict[str, int], *, implicit: bool) -> None:
        self.tokens = tokens
        self.tables = tables
        self.parameters = parameters
        self.implicit = implicit
        self._depth = 0

    # -- plain numbers: ranges, selects, replications

    def number(self, lowest: int = 1) -> int:
        """A constant integer expression.

        Raises:
            NetlistError: it is not one.
        """
        left = self._number_operand()
        while (level := _ARITHMETIC.get(self.tokens.text, 0) if self.tokens.kind == "mark" else 0) >= lowest:
            at = self.tokens.at
            operator = self.tokens.advance()
            right = self.number(level + 1)
            if operator in "/%" and right == 0:
                raise self.tokens.fail("a divisor that is not 0", at=at)
            left = {
                "+": lambda a, b: a + b,
                "-": lambda a, b: a - b,
                "*": lambda a, b: a * b,
                "/": lambda a, b: a // b,
                "%": lambda a, b: a % b,
            }[operator](left, right)
            if abs(left) >= 1 << 62:
                raise self.tokens.fail("a number below 2**62", at=at)
        return left

    def _number_operand(self) -> int:
        tokens = self.tokens
        if tokens.take("-"):
            return -self._nested(self._number_operand)
        if tokens.take("("):
            value = self._nested(self.number)
            tokens.expect(")")
            return value
        if tokens.kind == "number" and tokens.text.replace("_", "").isdecimal() and len(tokens.text) < 20:
            return int(tokens.advance().replace("_", ""))
        if tokens.kind == "constant":
            bits, _ = self._constant()
            if any(bit < ONE for bit in bits):
                raise tokens.fail("a number without x or z")
            return sum((bit == ONE) << index for index, bit in enumerate(bits[:64]))
        if tokens.is_name and tokens.text in self.parameters:
            return self.parameters[tokens.advance()]
        raise tokens.fail("a constant number")

    def range(self) -> tuple[int, int]:
        """``[left:right]``, from its bracket on."""
        tokens = self.tokens
        at = tokens.at
        tokens.expect("[")
        left = self.number()
        tokens.expect(":")
        right = self.number()
        tokens.expect("]")
        if min(left, right) < -(1 << 30) or max(left, right) >= 1 << 30:
            raise tokens.fail("bounds below 2**30", at=at)
        self._check_width(abs(left - right) + 1)
        return left, right

    def _check_width(self, width: int) -> None:
        if width > self.tables.limits.width:
            raise LimitExceeded(
                f"{width:,} bits in one vector",
                file=self.tables.file,
                line=self.tables.place(self.tokens.at).line,
                column=self.tables.column(self.tokens.at),
                expected=f"at most {self.tables.limits.width:,} (ReadLimits.width)",
                remedy="raise the limit",
            )

    def _nested(self, read: Callable[[], _T]) -> _T:
        self._depth += 1
        if self._depth > self.tables.limits.depth:
            raise LimitExceeded(
                "an expression is nested too deeply",
                file=self.tables.file,
                line=self.tables.place(self.tokens.at).line,
                column=self.tables.column(self.tokens.at),
                expected=f"at most {self.tables.limits.depth} levels (ReadLimits.depth)",
                remedy="split the expression",
            )
        result = read()
        self._depth -= 1
        return result

    # -- bits

    def bits(self) -> list[int]:
        """Bits of an expression, least significant first."""
        return self._expression(_LOWEST)

    def _expression(self, lowest: int) -> list[int]:
        left = self._operand()
        while self.tokens.kind == "mark":
            text = self.tokens.text
            at = self.tokens.at
            if text in _BINARY and _BINARY[text][0] >= lowest:
                level, gate = _BINARY[text]
                self.tokens.advance()
                right = self._nested(partial(self._expression, level + 1))
                left = self._bitwise(gate, left, right, at)
            elif text in _LOGICAL and _LOGICAL[text][0] >= lowest:
                level, gate = _LOGICAL[text]
                self.tokens.advance()
                right = self._nested(partial(self._expression, level + 1))
                left = [self._gate(gate, self._reduce("$_OR_", left, at), self._reduce("$_OR_", right, at), at)]
            elif text == "?" and lowest == _LOWEST:
                self.tokens.advance()
                high = self._nested(self.bits)
                self.tokens.expect(":")
                low = self._nested(self.bits)
                select = self._reduce("$_OR_", left, at)
                width = max(len(high), len(low))
                pairs = zip(_extended(low, width), _extended(high, width), strict=True)
                left = [self._multiplexer(a, b, select, at) for a, b in pairs]
            else:
                break
        return left

    def _operand(self) -> list[int]:
        tokens = self.tokens
        at = tokens.at
        if tokens.kind == "mark":
            if tokens.text == "~":
                tokens.advance()
                return [self._invert(bit, at) for bit in self._nested(self._operand)]
            if tokens.text in _REDUCTIONS:
                gate, inverted = _REDUCTIONS[tokens.advance()]
                bit = self._reduce(gate, self._nested(self._operand), at)
                return [self._invert(bit, at) if inverted else bit]
            if tokens.take("("):
                value = self._nested(self.bits)
                tokens.expect(")")
                return value
            if tokens.take("{"):
                return self._nested(self._concatenation)
        if tokens.kind == "constant":
            return self._constant()[0]
        if tokens.kind == "number":
            if not tokens.text.replace("_", "").isdecimal() or len(tokens.text) > 12:
                raise tokens.fail("a whole number below 2**32")
            return _integer_bits(int(tokens.advance().replace("_", "")))
        if tokens.is_name:
            return self._reference()
        raise tokens.fail("a net, a constant, a concatenation or a logic expression")

    def _concatenation(self) -> list[int]:
        """From after the brace."""
        tokens = self.tokens
        groups: list[list[int]] = []
        while True:
            at = tokens.at
            numeric = tokens.kind in ("number", "constant") or (tokens.is_name and tokens.text in self.parameters)
            if numeric and not groups and (count := self._replication()) is not None:
                inner = self._nested(self._concatenation)
                tokens.expect("}")
                self._check_width(count * len(inner))
                return inner * count
            if tokens.kind == "number":
                raise tokens.fail("a constant with a width, as every part of a concatenation", at=at)
            groups.append(self.bits())
            if tokens.take("}"):
                break
            tokens.expect(",")
        joined = [bit for group in reversed(groups) for bit in group]
        self._check_width(len(joined))
        return joined

    def _replication(self) -> int | None:
        """The count of ``{count{...}}`` if that is what comes, past the inner brace; else nothing is read."""
        tokens = self.tokens
        saved = (tokens.kind, tokens.text, tokens.at, tokens.after)
        count = self._number_operand() if tokens.kind != "constant" or set("xXzZ?").isdisjoint(tokens.text[1:]) else -1
        if tokens.take("{"):
            if not 0 < count <= self.tables.limits.width:
                raise tokens.fail(f"a count from 1 to {self.tables.limits.width:,}", at=saved[2])
            return count
        tokens.kind, tokens.text, tokens.at, tokens.after = saved
        return None

    def _constant(self) -> tuple[list[int], bool]:
        tokens = self.tokens
        at = tokens.at
        size, _, rest = tokens.advance().partition("'")
        rest = rest.lstrip("sS").lower()
        letter, digits = rest[0], rest[1:].strip().replace("_", "").replace("?", "z")
        width = int(size.strip().replace("_", "")) if size.strip() else 32
        if width < 1:
            raise tokens.fail("a constant of at least one bit", at=at)
        self._check_width(width)
        if letter == "d":
            if digits in ("x", "z"):
                found = [X if digits == "x" else Z]
            elif not digits.isdecimal() or len(digits) > 4_000:
                raise tokens.fail("decimal digits", at=at)
            else:
                value = int(digits)
                found = [ONE if value >> index & 1 else ZERO for index in range(value.bit_length())]
        else:
            step = _DIGITS[letter]
            found = []
            for digit in reversed(digits):
                if digit in "xz":
                    found += [X if digit == "x" else Z] * step
                elif int(digit, 16) >> step:
                    raise tokens.fail(f"digits of base {1 << step}", at=at)
                else:
                    found += [ONE if int(digit, 16) >> index & 1 else ZERO for index in range(step)]
        fill = found[-1] if found and found[-1] in (X, Z) else ZERO
        return (found + [fill] * (width - len(found)))[:width], bool(size.strip())

    def _reference(self) -> list[int]:
        tokens, tables = self.tokens, self.tables
        at = tokens.at
        name = tokens.name("a net")
        if tokens.at_mark("."):
            raise tokens.fail("a net of this module", remedy="hierarchical names are not structural: use a port")
        net = tables.find_net(name)
        if net < 0:
            if name in self.parameters:
                return _integer_bits(self.parameters[name])
            if not self.implicit or tokens.at_mark("["):
                raise tokens.fail(
                    "a declared net", what=f"{name!r} is not declared", at=at, remedy=f"declare it: wire {name};"
                )
            tables.declare(name, 1, 0, False, k.IS_IMPLICIT, at)
            net = tables.find_net(name)
        bits = tables.net_bits(net)
        if not tokens.take("["):
            return bits
        left = right = self.number()
        if tokens.at_mark("+:", "-:"):
            mark = tokens.advance()
            count = self.number()
            ascending = bool(tables.t.nets[net, k.UPTO])
            other = left + count - 1 if mark == "+:" else left - count + 1
            low, high = min(left, other), max(left, other)
            left, right = (low, high) if ascending else (high, low)
        elif tokens.take(":"):
            right = self.number()
        tokens.expect("]")
        bound, upto = int(tables.t.nets[net, k.RIGHT]), bool(tables.t.nets[net, k.UPTO])
        high, low = (bound - left, bound - right) if upto else (left - bound, right - bound)
        if not 0 <= low <= high < len(bits):
            first = bound - len(bits) + 1 if upto else bound + len(bits) - 1
            raise tokens.fail(
                f"bits of {name}[{first}:{bound}]", what=f"{name}[{left}:{right}] is outside of the net", at=at
            )
        return bits[low : high + 1]

    # -- gates

    def _gate(self, kind: str, a: int, b: int, at: int) -> int:
        out = self.tables.fresh(1)
        self._cell(kind, [("A", [a]), ("B", [b]), ("Y", out)], at)
        return out[0]

    def _cell(self, kind: str, pins: list[tuple[str, list[int]]], at: int) -> None:
        self.tables.cell(kind, f"$assign${self.tables.n[k.CELLS]}", at, pins)

    def _invert(self, bit: int, at: int) -> int:
        if bit in (ZERO, ONE):
            return ONE if bit == ZERO else ZERO
        out = self.tables.fresh(1)
        self._cell("$_NOT_", [("A", [bit]), ("Y", out)], at)
        return out[0]

    def _multiplexer(self, low: int, high: int, select: int, at: int) -> int:
        out = self.tables.fresh(1)
        self._cell("$_MUX_", [("A", [low]), ("B", [high]), ("S", [select]), ("Y", out)], at)
        return out[0]

    def _reduce(self, gate: str, bits: list[int], at: int) -> int:
        result = bits[0]
        for bit in bits[1:]:
            result = self._gate(gate, result, bit, at)
        return result

    def _bitwise(self, gate: str, left: list[int], right: list[int], at: int) -> list[int]:
        width = max(len(left), len(right))
        pairs = zip(_extended(left, width), _extended(right, width), strict=True)
        return [self._gate(gate, a, b, at) for a, b in pairs]


def _integer_bits(value: int) -> list[int]:
    """The 32 bits of an integer without a width."""
    return [ONE if value >> index & 1 else ZERO for index in range(32)]


def _extended(bits: list[int], width: int) -> list[int]:
    return bits + [ZERO] * (width - len(bits))
