"""Chosen signals of one stimulus as a value change dump (IEEE 1364-2005 clause 18) that any waveform viewer shows.

Timescale 1 ns, ``PERIOD`` ns per clock cycle: at ``PERIOD * t`` the active level of the clock begins and the values of
cycle ``t`` appear, half a period later the clock goes inactive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import Any, Literal, TextIO

import numpy as np
from numpy.typing import NDArray
from vcd import VCDWriter

from sandgrain.errors import NetworkError
from sandgrain.logic.network import Literals

PERIOD = 10
"""Nanoseconds per clock cycle."""

_DIGITS = np.frombuffer(b"01x", np.uint8)
_INDEX = re.compile(r"(.*?)(\[\d{1,9}\])?", re.DOTALL)


@dataclass(frozen=True, eq=False, slots=True)
class Signal:
    """A signal over time.

    Attributes:
        name: in the vendor's words.
        values: uint8 (cycles, width), least significant bit first; 0, 1, or 2 for X.
        scope: the module it is shown in, names from the top down; empty for the top.
    """

    name: str
    values: NDArray[np.uint8]
    scope: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Number of bits."""
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Watch:
    """Signals to trace in a simulation: the literals to ask for, and how their values become signals again.

    Attributes:
        names: what the signals are called.
        bits: uint32 literals of each, least significant first.
    """

    names: tuple[str, ...]
    bits: tuple[Literals, ...]

    @property
    def literals(self) -> Literals:
        """All literals, for ``trace=`` of `sandgrain.logic.simulate.run`."""
        return np.concatenate([np.empty(0, np.uint32), *self.bits]).astype(np.uint32)

    def signals(self, traced: NDArray[np.uint8]) -> list[Signal]:
        """The signals, given ``traced`` of the run: uint8 (cycles, literals)."""
        ends = np.cumsum([len(bits) for bits in self.bits])
        if traced.ndim != 2 or traced.shape[1] != (ends[-1] if len(ends) else 0):
            raise NetworkError(f"the trace is {traced.shape}", expected="one column for each literal watched")
        return [
            Signal(name, traced[:, end - len(bits) : end])
            for name, bits, end in zip(self.names, self.bits, ends.tolist(), strict=True)
        ]


def write_vcd(
    stream: TextIO,
    signals: Sequence[Signal],
    *,
    top: str,
    clock: str | None = None,
    clock_edge: Literal["rising", "falling"] = "rising",
) -> None:
    """Write signals as a VCD file.

    Args:
        stream: open for writing; every character written is ASCII.
        signals: all over the same number of cycles, one or more; a signal of width 0 is an error.
        top: top module, the outermost scope.
        clock: name of a clock to draw in the top scope, if any.
        clock_edge: the edge on which registers change.

    Raises:
        NetworkError: signals of different lengths, of no cycles, of no bits, or of values other than 0, 1 and 2.
    """
    cycles = max((len(signal.values) for signal in signals), default=0)
    for signal in signals:
        values = signal.values
        if values.ndim != 2 or len(values) != cycles or cycles == 0 or not signal.width or values.max() > 2:
            raise NetworkError(
                f"the values of {signal.name!r} cannot be written as a waveform: {values.dtype} {values.shape}",
                expected=f"0, 1 or 2 (cycles, bits), one bit or more, {max(cycles, 1)} cycles",
            )
    if not signals:
        raise NetworkError("there is no signal to write as a waveform", expected="one signal or more")
    with VCDWriter(
        stream, timescale="1 ns", comment=f"cycle t begins at {PERIOD}*t ns", version="sandgrain", date=""
    ) as writer:
        taken: dict[tuple[str, ...], set[str]] = {}
        active, inactive = ("1", "0") if clock_edge == "rising" else ("0", "1")
        ticking: Any = None
        if clock is not None:
            ticking = _declare(writer, taken, (top,), clock, 1, active)
        later: list[Iterable[tuple[int, int, str]]] = []
        variables = []
        for number, signal in enumerate(signals):
            changes = _changes(signal.values, number)
            variables.append(_declare(writer, taken, (top, *signal.scope), signal.name, signal.width, next(changes)[2]))
            later.append(changes)
        ticks = _ticks(cycles, active, inactive) if ticking is not None else ()
        for time, number, value in merge(ticks, *later, key=itemgetter(0)):
            writer.change(variables[number] if number >= 0 else ticking, time, value)
        writer.close(PERIOD * cycles)


def vcd_name(name: str, taken: set[str]) -> str:
    """``name`` as an identifier of a VCD: no blanks, still recognisable, not yet in ``taken`` (to which it is added).

    Only a trailing ``[3]`` is left in brackets, because viewers take brackets for a range: ``gen[3].q`` becomes
    ``gen(3).q``.
    """
    found = _INDEX.fullmatch(name.replace("\\", "").strip())
    stem, index = found.groups() if found else (name, None)
    stem = re.sub(r"[^!-~]", "_", stem).replace("[", "(").replace("]", ")")
    if not stem or stem.startswith("$"):  # $end would end the declaration
        stem = "_" + stem
    result = stem + (index or "")
    number = 1
    while result in taken:
        number += 1
        result = f"{stem}~{number}{index or ''}"
    taken.add(result)
    return result


def _declare(
    writer: VCDWriter, taken: dict[tuple[str, ...], set[str]], scope: tuple[str, ...], name: str, width: int, first: str
) -> Any:
    # Dots separate scopes in the writer, brackets are for ranges only.
    path = tuple(vcd_name(part, set()).replace("[", "(").replace("]", ")").replace(".", "_") for part in scope)
    unique = vcd_name(name, taken.setdefault(path, set()))
    return writer.register_var(path, unique, "wire", size=width, init=first)


def _ticks(cycles: int, active: str, inactive: str) -> Iterator[tuple[int, int, str]]:
    for cycle in range(cycles):
        if cycle:
            yield PERIOD * cycle, -1, active
        yield PERIOD * cycle + PERIOD // 2, -1, inactive


def _changes(values: NDArray[np.uint8], number: int) -> Iterator[tuple[int, int, str]]:
    """Where uint8 (cycles, width) changes, and to what, most significant bit first; cycle 0 first."""
    starts = np.concatenate(([0], np.flatnonzero((values[1:] != values[:-1]).any(axis=1)) + 1))
    texts = np.ascontiguousarray(_DIGITS[values[starts, ::-1]])
    for start, row in zip(starts.tolist(), texts, strict=True):
        yield PERIOD * start, number, row.tobytes().decode("ascii")
