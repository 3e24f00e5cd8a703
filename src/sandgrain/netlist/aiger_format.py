"""AIGER files as plain numbers: the and-inverter graph a file holds, apart from what anybody makes of it.

Sources: A. Biere, *The AIGER And-Inverter Graph (AIG) Format Version 20071012*, and A. Biere, K. Heljanko,
S. Wieringa, *AIGER 1.9 And Beyond*, FMV report 11/2 (reset values, bad states, invariant constraints, justice and
fairness properties). Both say that every line ends with a newline, and so a file cut short is told from a whole one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote

Literals = NDArray[np.int64]
"""int64 array of literals: ``2 * v`` is variable ``v``, ``2 * v + 1`` its negation, variable 0 is constant false."""

UNINITIALISED: Final = 2
"""Reset value of a latch that starts with any value."""

SECTIONS: Final = {"outputs": "o", "bad": "b", "constraint": "c", "justice": "j", "fairness": "f"}
"""The sections of properties, and the letter of each in the symbol table."""


def _none() -> Literals:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Aiger:
    """What an AIGER file holds.

    Attributes:
        inputs: int64 (inputs,) literals, even.
        latches: int64 (latches,) literals, even.
        nexts: int64 (latches,), the next-state literal of each latch.
        resets: int8 (latches,), 0, 1 or `UNINITIALISED`.
        ands: int64 (ands,) literals of the and-gates, even.
        fanins: int64 (ands, 2), what each and-gate reads.
        outputs, bad, constraint, fairness: int64 literals of these sections.
        justice: one array of literals per justice property.
        symbols: names by letter of the section (``i`` inputs, ``l`` latches, else `SECTIONS`) and position.
        latch_line: 1-based line of the first latch.
        and_line: 1-based line of the first and-gate, 0 in a binary file.
        comment: what follows the symbols.
    """

    inputs: Literals = field(default_factory=_none)
    latches: Literals = field(default_factory=_none)
    nexts: Literals = field(default_factory=_none)
    resets: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    ands: Literals = field(default_factory=_none)
    fanins: Literals = field(default_factory=lambda: np.empty((0, 2), np.int64))
    outputs: Literals = field(default_factory=_none)
    bad: Literals = field(default_factory=_none)
    constraint: Literals = field(default_factory=_none)
    justice: tuple[Literals, ...] = ()
    fairness: Literals = field(default_factory=_none)
    symbols: Mapping[tuple[str, int], bytes] = field(default_factory=dict)
    latch_line: int = 1
    and_line: int = 0
    comment: bytes = b""

    @property
    def properties(self) -> dict[str, list[Literals]]:
        """The literals of every output or property, by section; only those of justice may be more than one."""
        named = {name: list(getattr(self, name).reshape(-1, 1)) for name in SECTIONS if name != "justice"}
        return {name: list(self.justice) if name == "justice" else named[name] for name in SECTIONS}


def write(aiger: Aiger, stream: IO[bytes], *, binary: bool) -> None:
    """Write ``aiger``, whose variables are numbered inputs, latches, and-gates, each after what it reads.

    Args:
        aiger: what to write.
        stream: where to; bytes.
        binary: the binary format (``aig``), else the ASCII one (``aag``).

    Raises:
        ValueError: the variables are not numbered so.
        NetlistError: a name cannot be written.
    """
    count = aiger.inputs.size + aiger.latches.size + aiger.ands.size
    numbered = np.concatenate((aiger.inputs, aiger.latches, aiger.ands))
    # The larger fan-in first, as the binary format demands.
    fanins = np.sort(aiger.fanins, axis=1)[:, ::-1]
    if (numbered != 2 * np.arange(1, count + 1)).any() or (fanins[:, 0] >= aiger.ands).any():
        raise ValueError("the variables are numbered inputs, latches, and-gates, each after what it reads")
    sections = [aiger.bad.size, aiger.constraint.size, len(aiger.justice), aiger.fairness.size]
    while sections and not sections[-1]:
        sections.pop()
    counts = [count, aiger.inputs.size, aiger.latches.size, aiger.outputs.size, aiger.ands.size, *sections]
    stream.write(f"{'aig' if binary else 'aag'} {' '.join(map(str, counts))}\n".encode())
    if not binary:
        _write_lines(stream, aiger.inputs)
    for latch, following, reset in zip(
        aiger.latches.tolist(), aiger.nexts.tolist(), aiger.resets.tolist(), strict=True
    ):
        tail = "" if reset == 0 else f" {latch if reset == UNINITIALISED else 1}"
        stream.write(f"{following}{tail}\n".encode() if binary else f"{latch} {following}{tail}\n".encode())
    for literals in (aiger.outputs, aiger.bad, aiger.constraint):
        _write_lines(stream, literals)
    _write_lines(stream, np.array([item.size for item in aiger.justice], np.int64))
    for literals in (*aiger.justice, aiger.fairness):
        _write_lines(stream, literals)
    if binary:
        deltas = np.stack((aiger.ands - fanins[:, 0], fanins[:, 0] - fanins[:, 1]), axis=1)
        stream.write(_pack(deltas.ravel()))
    else:
        rows = np.column_stack((aiger.ands, fanins)).tolist()
        stream.write("".join(f"{a} {b} {c}\n" for a, b, c in rows).encode())
    for (letter, position), name in aiger.symbols.items():
        if b"\n" in name or not name:
            raise NetlistError(
                f"{quote(name)} cannot be written as a name in AIGER",
                expected="a name of one line that is not empty",
                remedy="rename the net",
            )
        stream.write(b"%s%d %s\n" % (letter.encode(), position, name))
    if aiger.comment:
        stream.write(b"c\n" + aiger.comment)


def _write_lines(stream: IO[bytes], literals: Literals) -> None:
    stream.write("".join(f"{literal}\n" for literal in literals.tolist()).encode())


def _pack(numbers: Literals) -> bytes:
    """Seven bits per byte, least significant first, the top bit saying that more follow."""
    lengths = np.ones(numbers.size, np.int64)
    for shift in range(7, 63, 7):
        lengths += numbers >= 1 << shift
    ends = np.cumsum(lengths)
    packed = np.empty(int(ends[-1]) if ends.size else 0, np.uint8)
    for part in range(int(lengths.max(initial=0))):
        chosen = lengths > part
        more = np.where(lengths[chosen] > part + 1, 0x80, 0)
        packed[(ends - lengths)[chosen] + part] = numbers[chosen] >> 7 * part & 0x7F | more
    return packed.tobytes()
