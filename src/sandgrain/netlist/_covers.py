"""What a cover of BLIF computes, as a cell.

A cover (Berkeley Logic Interchange Format, 1992, section "Logic gates") lists products of the inputs and the value the
output has where one of them holds; elsewhere it has the other value. One- and two-input covers that are a known
gate become that gate, all others Yosys ``$sop`` cells (Yosys ``help $sop``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandgrain.netlist._columns import PinShape
from sandgrain.netlist.model import INPUT, OUTPUT, Parameter


class CoverError(Exception):
    """A row of a cover is not what it should be.

    Args:
        what: what is wrong.
        expected: what would have been accepted.
        row: index of the row.
    """

    def __init__(self, what: str, expected: str, row: int) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.row = row


@dataclass(frozen=True, slots=True)
class Cover:
    """The cell of a cover.

    Attributes:
        kind: its type; ``$_BUF_`` with a constant input where the cover is constant.
        pins: its pins.
        order: for a gate, which inputs of the cover its pins read, in order.
        constant: the value of a cover that is constant.
        inverted: whether a ``$_NOT_`` follows, since the rows say where the output is 0.
        parameters: of the ``$sop``.
    """

    kind: str
    pins: tuple[PinShape, ...]
    order: tuple[int, ...] = ()
    constant: bool | None = None
    inverted: bool = False
    parameters: Mapping[str, Parameter] | None = None


_A: Final = ("A", INPUT, 1)
_B: Final = ("B", INPUT, 1)
_Y: Final = ("Y", OUTPUT, 1)
_BUFFER: Final = Cover("$_BUF_", (_A, _Y), (0,))
# By the truth table: bit i is the value where the first input is bit 0 of i, the second bit 1.
_ONE_INPUT: Final = {0b10: _BUFFER, 0b01: Cover("$_NOT_", (_A, _Y), (0,))}
_TWO_INPUTS: Final = {
    table: Cover(kind, (_A, _B, _Y), order)
    for table, kind, order in (
        (0b1000, "$_AND_", (0, 1)),
        (0b0111, "$_NAND_", (0, 1)),
        (0b1110, "$_OR_", (0, 1)),
        (0b0001, "$_NOR_", (0, 1)),
        (0b0110, "$_XOR_", (0, 1)),
        (0b1001, "$_XNOR_", (0, 1)),
        (0b0010, "$_ANDNOT_", (0, 1)),
        (0b0100, "$_ANDNOT_", (1, 0)),
        (0b1011, "$_ORNOT_", (0, 1)),
        (0b1101, "$_ORNOT_", (1, 0)),
    )
}
_SIGNS: Final = frozenset(b"01-")
# Per input, most significant first: must it be 1, must it be 0.
_TABLE: Final = {ord("0"): "01", ord("1"): "10", ord("-"): "00"}


def cover_of(inputs: int, rows: Sequence[Sequence[bytes]]) -> Cover:
    """The cell that computes the cover ``rows``, each split at blanks, over ``inputs`` inputs.

    Raises:
        CoverError: a row is not a product and a value, or the rows do not agree on the value.
    """
    patterns, value = _checked(inputs, rows)
    if inputs == 0 or not rows:
        # No row at all: the output is never 1.
        return Cover("$_BUF_", (_A, _Y), constant=value and bool(rows))
    if inputs <= 2:
        table = sum(
            1 << index for index in range(1 << inputs) if any(_matches(pattern, index) for pattern in patterns) == value
        )
        known = (_ONE_INPUT if inputs == 1 else _TWO_INPUTS).get(table)
        if known is not None:
            return known
    # Row 0 stands lowest in the table, and in a row input 0.
    text = "".join(pattern[::-1].translate(_TABLE) for pattern in reversed([p.decode() for p in patterns]))
    return Cover(
        "$sop",
        (("A", INPUT, inputs), _Y),
        tuple(range(inputs)),
        inverted=not value,
        parameters={"DEPTH": f"{len(patterns):032b}", "TABLE": text, "WIDTH": f"{inputs:032b}"},
    )


def _checked(inputs: int, rows: Sequence[Sequence[bytes]]) -> tuple[list[bytes], bool]:
    words = 2 if inputs else 1
    expected = f"{inputs} of 0, 1 and - for the inputs, a blank, and 0 or 1" if inputs else "0 or 1"
    value = rows[0][-1] if rows else b"1"
    for number, row in enumerate(rows):
        if len(row) != words or row[-1] not in {b"0", b"1"}:
            raise CoverError("is no row of a cover", expected, number)
        if inputs and (len(row[0]) != inputs or not _SIGNS.issuperset(row[0])):
            raise CoverError(f"is no product of {inputs} inputs", expected, number)
        if row[-1] != value:
            raise CoverError("gives another value than the rows before it", f"{value.decode()} in every row", number)
    return [row[0] for row in rows], value == b"1"


def _matches(pattern: bytes, index: int) -> bool:
    return all(sign == ord("-") or sign - ord("0") == index >> position & 1 for position, sign in enumerate(pattern))
