"""Instances of gates and modules in the full grammar: drive strengths, delays, parameters, pins."""

from __future__ import annotations

from typing import Final

from sandgrain.netlist.model import ONE, ZERO, Parameter, X
from sandgrain.netlist.verilog import _layout as k
from sandgrain.netlist.verilog._expressions import Expressions
from sandgrain.netlist.verilog._tables import ModuleTables
from sandgrain.netlist.verilog._tokens import Tokens
from sandgrain.netlist.verilog._words import GATES

_STRENGTHS: Final = frozenset(
    "strong0 strong1 pull0 pull1 weak0 weak1 highz0 highz1 supply0 supply1 small medium large".split()
)


class Instances:
    """Reads what stands in one statement, from its `Tokens` on."""

    def __init__(self, tokens: Tokens, tables: ModuleTables, expressions: Expressions) -> None:
        self.tokens = tokens
        self.tables = tables
        self.expressions = expressions

    def strength(self) -> None:
        """Go past ``(strong0, pull1)``: how hard a gate drives says nothing about what it computes."""
        tokens = self.tokens
        tokens.expect("(")
        while tokens.kind == "name" and tokens.text in _STRENGTHS:
            tokens.advance()
            if not tokens.take(","):
                break
        tokens.expect(")")

    def delay(self) -> None:
        """Go past ``#3`` or ``#(1:2:3, 4)``."""
        tokens = self.tokens
        if not tokens.take("#"):
            return
        if tokens.take("("):
            past_group(tokens)
        else:
            tokens.advance()

    def parameter_value(self) -> Parameter:
        """A number as an integer, a sized constant as its bits (most significant first), anything else as text."""
        tokens = self.tokens
        if tokens.kind == "string":
            return tokens.advance()[1:-1]
        if tokens.kind == "constant":
            size = tokens.text.partition("'")[0].strip()
            bits = self.expressions.bits()
            text = "".join({ZERO: "0", ONE: "1", X: "x"}.get(bit, "z") for bit in reversed(bits))
            return text if size else int(text, 2) if set(text) <= {"0", "1"} else text
        if tokens.kind == "number" and not tokens.text.replace("_", "").isdecimal():
            return tokens.advance()
        return self.expressions.number()

    def gates(self) -> None:
        tokens = self.tokens
        word = tokens.advance()
        if tokens.at_mark("(") and _past_strength(tokens):
            self.strength()
        self.delay()
        while True:
            at = tokens.at
            name = tokens.advance() if tokens.is_name else f"${word}${self.tables.n[k.CELLS]}"
            count, ranged = 1, tokens.at_mark("[")
            if ranged:
                left, right = self.expressions.range()
                count = abs(left - right) + 1
            tokens.expect("(")
            pins = self._positional()
            if word in GATES:
                names = _gate_pins(word, len(pins))
                if names is None:
                    raise tokens.fail(_gate_expectation(word), at=at, what=f"{word} with {len(pins)} pins")
            else:
                names = [f"#{index}" for index in range(len(pins))]
            for index in range(count):
                one = [(pin, _of_array(bits, index, count)) for pin, bits in zip(names, pins, strict=True)]
                wrong = next((pin for pin, bits in one if len(bits) != 1), None)
                if wrong is not None:
                    raise tokens.fail(
                        "one bit at every pin of a gate primitive", at=at, what=f"pin {wrong} of {name!r}"
                    )
                self.tables.cell(word, f"{name}[{min(left, right) + index}]" if ranged else name, at, one)
            if not tokens.take(","):
                break
        tokens.expect(";")

    def _positional(self) -> list[list[int]]:
        """Connections by position, to after the closing parenthesis."""
        tokens = self.tokens
        pins: list[list[int]] = []
        if tokens.take(")"):
            return pins
        while True:
            pins.append([] if tokens.at_mark(",", ")") else self.expressions.bits())
            if tokens.take(")"):
                return pins
            tokens.expect(",")

    def instances(self) -> None:
        tokens = self.tokens
        kind = tokens.advance()
        if kind in GATES:
            raise tokens.fail("a module that is not called like a gate primitive", what=f"an instance of {kind!r}")
        parameters = self._parameter_list()
        while True:
            at = tokens.at
            name = tokens.advance() if tokens.is_name else None
            if tokens.at_mark("["):
                raise tokens.fail("one instance", what="an array of instances", remedy="write the instances one by one")
            if name is None and not tokens.at_mark("("):
                raise tokens.fail("the name of an instance")
            tokens.expect("(")
            if tokens.at_mark("."):
                pins = self._named()
            else:
                pins = [(f"#{index}", bits) for index, bits in enumerate(self._positional())]
            self.tables.cell(kind, name or f"${kind}${self.tables.n[k.CELLS]}", at, pins, dict(parameters))
            if not tokens.take(","):
                break
        tokens.expect(";")

    def _parameter_list(self) -> dict[str, Parameter]:
        tokens = self.tokens
        if not tokens.take("#"):
            return {}
        if not tokens.take("("):
            # One delay of a user-defined primitive, or one parameter by position.
            return {"#0": self.parameter_value()}
        found: dict[str, Parameter] = {}
        while not tokens.take(")"):
            if tokens.take("."):
                name = tokens.name("the name of a parameter")
                tokens.expect("(")
                if not tokens.at_mark(")"):
                    found[name] = self.parameter_value()
                tokens.expect(")")
            else:
                found[f"#{len(found)}"] = self.parameter_value()
            if not tokens.at_mark(")"):
                tokens.expect(",")
        return found

    def _named(self) -> list[tuple[str, list[int]]]:
        tokens = self.tokens
        pins: dict[str, list[int]] = {}
        while True:
            at = tokens.at
            tokens.expect(".")
            if tokens.at_mark("*"):
                raise tokens.fail("every connection by name", remedy="write the connections out")
            name = tokens.advance() if tokens.is_name or tokens.is_keyword else tokens.name("the name of a pin")
            if name in pins:
                raise tokens.fail("every pin once", at=at, what=f"the pin {name!r} is connected twice")
            if tokens.take("("):
                pins[name] = [] if tokens.at_mark(")") else self.expressions.bits()
                tokens.expect(")")
            else:
                net = self.tables.find_net(name)
                if net < 0:
                    raise tokens.fail(f"a net called {name!r}", at=at, what=f"{name!r} is not declared")
                pins[name] = self.tables.net_bits(net)
            if tokens.take(")"):
                return list(pins.items())
            tokens.expect(",")


def past_group(tokens: Tokens, opening: str = "(", closing: str = ")") -> None:
    """Go past what is left of a group and its closing mark."""
    depth = 1
    while depth:
        if tokens.kind == "end":
            raise tokens.fail(repr(closing))
        depth += tokens.at_mark(opening) - tokens.at_mark(closing)
        tokens.advance()


def _past_strength(tokens: Tokens) -> bool:
    """Whether the parenthesis at hand holds a drive strength."""
    after = tokens.source[tokens.after : tokens.after + 40].lstrip()
    return any(after.startswith(word.encode()) for word in _STRENGTHS)


def _gate_pins(word: str, count: int) -> list[str] | None:
    """Names of the pins of a gate primitive with ``count`` pins, or ``None`` if it cannot have that many."""
    outputs, inputs = GATES[word]
    control = word in ("bufif0", "bufif1", "notif0", "notif1")
    if outputs < 0:
        outputs = count - 1
    if inputs < 0:
        inputs = count - outputs
        if inputs < 1:
            return None
    if outputs < 1 or outputs + inputs + control != count:
        return None
    return [
        *(f"Y{index}" for index in range(outputs)),
        *(f"I{index}" for index in range(inputs)),
        *(["E"] if control else []),
    ]


def _gate_expectation(word: str) -> str:
    outputs, inputs = GATES[word]
    if outputs < 0:
        return "outputs, then one input"
    if inputs < 0:
        return "one output, then its inputs"
    return "one output" + (", one input, one control" if inputs else "")


def _of_array(bits: list[int], index: int, count: int) -> list[int]:
    """The bits of instance ``index`` of an array: its own slice, or all bits when they are for every instance."""
    if count == 1 or len(bits) == 1:
        return bits
    width = len(bits) // count
    return bits[index * width : (index + 1) * width]
