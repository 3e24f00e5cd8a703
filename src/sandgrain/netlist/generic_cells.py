"""Cells everybody knows by name: the primitives of Verilog and the internal gates of Yosys.

Verilog primitives as in IEEE 1364-2005 clause 7, with pins ``Y0``, ``Y1``, .. (outputs), ``I0``, ``I1``, .. (inputs)
and ``E`` (the control of ``bufif`` and ``notif``). Yosys gates as its ``help`` and its simulation models
(``simcells.v``) describe them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._generic_states import state_cell
from sandgrain.netlist._quote import quote
from sandgrain.netlist._truth_table import conjunction, disjunction, literal_of_table, parity
from sandgrain.netlist.cell_function import FALSE, TRUE, Cell, CellFunction, FunctionBuilder, PinBit
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, OUTPUT, Parameter

_VERILOG: Final = "Verilog"
_YOSYS: Final = "Yosys"
_MOST_TABLE_INPUTS: Final = 12
"""A ``$lut`` has ``2**inputs`` values."""

_MOST_PRODUCT_INPUTS: Final = ReadLimits().width

_Join = Callable[[FunctionBuilder, list[int]], int]
_GATES: Final[Mapping[str, tuple[_Join, bool]]] = {
    "and": (conjunction, False),
    "nand": (conjunction, True),
    "or": (disjunction, False),
    "nor": (disjunction, True),
    "xor": (parity, False),
    "xnor": (parity, True),
}
_BUFFERS: Final = {"buf": False, "not": True}
_THREE_STATE: Final = {"bufif0": (False, 0), "bufif1": (False, 1), "notif0": (True, 0), "notif1": (True, 1)}
_PULLS: Final = {"pullup": TRUE, "pulldown": FALSE}

# Inputs, and what the output is.
_SIMPLE: Final[Mapping[str, tuple[str, Callable[..., int]]]] = {
    "$_BUF_": ("A", lambda _, a: a),
    "$_NOT_": ("A", lambda _, a: a ^ 1),
    "$_AND_": ("AB", lambda b, x, y: b.land(x, y)),
    "$_NAND_": ("AB", lambda b, x, y: b.land(x, y) ^ 1),
    "$_OR_": ("AB", lambda b, x, y: b.lor(x, y)),
    "$_NOR_": ("AB", lambda b, x, y: b.lor(x, y) ^ 1),
    "$_XOR_": ("AB", lambda b, x, y: b.xor(x, y)),
    "$_XNOR_": ("AB", lambda b, x, y: b.xor(x, y) ^ 1),
    "$_ANDNOT_": ("AB", lambda b, x, y: b.land(x, y ^ 1)),
    "$_ORNOT_": ("AB", lambda b, x, y: b.lor(x, y ^ 1)),
    "$_MUX_": ("ABS", lambda b, x, y, s: b.mux(s, x, y)),
    "$_NMUX_": ("ABS", lambda b, x, y, s: b.mux(s, x, y) ^ 1),
    "$_MUX4_": ("ABCDST", lambda b, *v: _select(b, v[:4], v[4:])),
    "$_MUX8_": ("ABCDEFGHSTU", lambda b, *v: _select(b, v[:8], v[8:])),
    "$_MUX16_": ("ABCDEFGHIJKLMNOPSTUV", lambda b, *v: _select(b, v[:16], v[16:])),
    "$_AOI3_": ("ABC", lambda b, x, y, z: b.lor(b.land(x, y), z) ^ 1),
    "$_OAI3_": ("ABC", lambda b, x, y, z: b.land(b.lor(x, y), z) ^ 1),
    "$_AOI4_": ("ABCD", lambda b, x, y, z, w: b.lor(b.land(x, y), b.land(z, w)) ^ 1),
    "$_OAI4_": ("ABCD", lambda b, x, y, z, w: b.land(b.lor(x, y), b.lor(z, w)) ^ 1),
}
_FREE: Final = frozenset({"$anyseq", "$anyconst", "$allseq", "$allconst"})
_PIN: Final = re.compile(r"([YI])(\d{1,9})")


def generic_cell(kind: str, pins: Sequence[tuple[str, int]], parameters: Mapping[str, Parameter]) -> Cell | None:
    """The cell a type name stands for in Verilog or Yosys.

    Args:
        kind: the type: ``nand``, ``$_DFF_P_``, ``$lut``, ...
        pins: names and widths of the pins as connected; they say how many inputs a primitive has.
        parameters: of the instance; ``$lut`` and ``$sop`` have their table there.

    Returns:
        The cell, a black box (without a function, the reason in ``origin``) for what cannot be expressed, or ``None``
        for a name that is nobody's. The values of ``$anyconst`` are unknown like those of ``$anyseq``: what holds for
        values that change holds for values that do not.

    Raises:
        NetlistError: a table that does not fit its own parameters.
        LimitExceeded: a table with too many inputs.
    """
    if not kind.startswith("$"):
        return _primitive(kind, pins)
    if kind in _SIMPLE:
        names, function = _SIMPLE[kind]
        builder = FunctionBuilder([(name, 0) for name in names])
        return _gate(kind, _YOSYS, names, "Y", builder, function(builder, *(builder.pin(name) for name in names)))
    if kind == "$_TBUF_":
        builder = FunctionBuilder([("A", 0), ("E", 0)])
        return _gate(kind, _YOSYS, "AE", "Y", builder, builder.pin("A"), builder.pin("E"))
    if kind == "$lut":
        return _lut(kind, parameters)
    if kind == "$sop":
        return _sop(kind, parameters)
    if kind in _FREE:
        width = next((width for name, width in pins if name == "Y"), 1)
        builder = FunctionBuilder([], unknown=width)
        outputs: dict[PinBit, int] = {("Y", bit): builder.pin("", bit) for bit in range(width)}
        return Cell(kind, {"Y": (OUTPUT, width)}, builder.finish(outputs), origin=_YOSYS)
    if kind == "$scopeinfo":
        return Cell(kind, {}, CellFunction((), (), (), {}), inert=True, origin=_YOSYS)
    return state_cell(kind)


def _gate(
    kind: str, origin: str, inputs: Sequence[str], output: str, builder: FunctionBuilder, value: int, drive: int = -1
) -> Cell:
    """A cell of one-bit pins with one output."""
    drives = {} if drive < 0 else {(output, 0): drive}
    directions = {**dict.fromkeys(inputs, (INPUT, 1)), output: (OUTPUT, 1)}
    return Cell(kind, directions, builder.finish({(output, 0): value}, drives=drives), origin=origin)


def _select(builder: FunctionBuilder, values: Sequence[int], selects: Sequence[int]) -> int:
    """The value whose number the selects say, the first of them least significant."""
    for select in selects:
        pairs = zip(values[::2], values[1::2], strict=True)
        values = [builder.mux(select, low, high) for low, high in pairs]
    return values[0]


def _primitive(kind: str, pins: Sequence[tuple[str, int]]) -> Cell | None:
    """A primitive of Verilog with as many inputs and outputs as its pins say."""
    if kind in _PULLS:
        builder = FunctionBuilder([])
        return _gate(kind, _VERILOG, (), "Y0", builder, _PULLS[kind])
    if kind in _THREE_STATE:
        inverted, active = _THREE_STATE[kind]
        builder = FunctionBuilder([("I0", 0), ("E", 0)])
        value, enable = builder.pin("I0") ^ inverted, builder.pin("E") ^ (active ^ 1)
        return _gate(kind, _VERILOG, ("I0", "E"), "Y0", builder, value, enable)
    if kind in _BUFFERS:
        builder = FunctionBuilder([("I0", 0)])
        count = 1 + max((number for letter, number in _numbered(pins) if letter == "Y"), default=0)
        names = [f"Y{number}" for number in range(min(count, len(pins) + 1))]
        function = builder.finish({(name, 0): builder.pin("I0") ^ _BUFFERS[kind] for name in names})
        return Cell(kind, {**dict.fromkeys(names, (OUTPUT, 1)), "I0": (INPUT, 1)}, function, origin=_VERILOG)
    if kind in _GATES:
        join, inverted = _GATES[kind]
        count = 1 + max((number for letter, number in _numbered(pins) if letter == "I"), default=0)
        names = [f"I{number}" for number in range(min(count, len(pins) + 1))]
        builder = FunctionBuilder([(name, 0) for name in names])
        value = join(builder, [builder.pin(name) for name in names]) ^ inverted
        directions = {"Y0": (OUTPUT, 1), **dict.fromkeys(names, (INPUT, 1))}
        return Cell(kind, directions, builder.finish({("Y0", 0): value}), origin=_VERILOG)
    return None


def _numbered(pins: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    found = [_PIN.fullmatch(name) for name, _ in pins]
    return [(match[1], int(match[2])) for match in found if match]


def _lut(kind: str, parameters: Mapping[str, Parameter]) -> Cell:
    """A look-up table: bit ``A`` of parameter ``LUT``."""
    width = _number(kind, parameters, "WIDTH")
    if width > _MOST_TABLE_INPUTS:
        raise _too_wide(kind, width, _MOST_TABLE_INPUTS)
    digits = _digits(kind, parameters, "LUT", 1 << width)
    builder = FunctionBuilder([("A", bit) for bit in range(width)], unknown=int("x" in digits))
    # Axis 0 of the reshaped table is the most significant input.
    symbols = np.frombuffer(digits.encode(), np.uint8).reshape((2,) * width)
    variables = [builder.pin("A", bit) for bit in reversed(range(width))]
    value = literal_of_table(builder, variables, symbols == ord("1"), symbols != ord("x"))
    if "x" in digits:
        value = builder.mux(literal_of_table(builder, variables, symbols != ord("x")), builder.pin("", 0), value)
    return Cell(kind, {"A": (INPUT, width), "Y": (OUTPUT, 1)}, builder.finish({("Y", 0): value}), origin=_YOSYS)


def _sop(kind: str, parameters: Mapping[str, Parameter]) -> Cell:
    """A sum of products: per product and input two bits, must it be 0, must it be 1."""
    width, depth = _number(kind, parameters, "WIDTH"), _number(kind, parameters, "DEPTH")
    if width > _MOST_PRODUCT_INPUTS:
        raise _too_wide(kind, width, _MOST_PRODUCT_INPUTS)
    if width == 0:
        depth = min(depth, 1)  # every product of nothing is true
    digits = _digits(kind, parameters, "TABLE", 2 * width * depth)
    if "x" in digits:
        raise _wrong(kind, "TABLE", parameters.get("TABLE", ""), "0 and 1 only")
    builder = FunctionBuilder([("A", bit) for bit in range(width)])
    products = []
    for row in range(depth):
        part = digits[2 * width * row : 2 * width * (row + 1)]
        zeros = [builder.pin("A", bit) ^ 1 for bit in range(width) if part[2 * bit] == "1"]
        ones = [builder.pin("A", bit) for bit in range(width) if part[2 * bit + 1] == "1"]
        products.append(conjunction(builder, zeros + ones))
    function = builder.finish({("Y", 0): disjunction(builder, products)})
    return Cell(kind, {"A": (INPUT, width), "Y": (OUTPUT, 1)}, function, origin=_YOSYS)


def _number(kind: str, parameters: Mapping[str, Parameter], name: str) -> int:
    value = parameters.get(name)
    if isinstance(value, str) and value and set(value) <= {"0", "1"}:
        value = int(value, 2)
    if not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise _wrong(kind, name, value, "a number, as an integer or in binary digits")
    return value


def _digits(kind: str, parameters: Mapping[str, Parameter], name: str, width: int) -> str:
    """``width`` digits 0, 1, x of a parameter, **least significant first**."""
    value = parameters.get(name, "")
    text = f"{value:b}" if isinstance(value, int) else value.lower().replace("z", "x")
    if width > max(len(text), ReadLimits().width):
        raise _wrong(kind, name, value, f"{width:,} binary digits")
    text = text.rjust(width, "0")[::-1]
    if not set(text) <= {"0", "1", "x"} or "1" in text[width:] or "x" in text[width:]:
        raise _wrong(kind, name, value, f"{width:,} binary digits")
    return text[:width]


def _too_wide(kind: str, width: int, most: int) -> LimitExceeded:
    return LimitExceeded(
        f"a {kind} has {width:,} inputs", expected=f"at most {most:,}", remedy="map the netlist to smaller tables"
    )


def _wrong(kind: str, name: str, value: Parameter | None, expected: str) -> NetlistError:
    shown = "is missing" if value is None else f"is {quote(str(value)[:200])}"
    return NetlistError(
        f"the parameter {name} of a {kind} {shown}",
        expected=expected,
        remedy="correct the parameter in the tool that wrote the netlist",
    )
