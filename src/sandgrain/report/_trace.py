"""The VCD of a run, or of two, as values per clock cycle; the file is read as if an adversary had written it."""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass, field

from vcd.reader import TokenKind, VarDecl, VCDParseError, tokenize

from sandgrain.errors import CaseError, LimitExceeded
from sandgrain.report.limits import LIMITS, ReportLimits

OWN_SCOPE = "sandgrain"
"""The scope that holds what the description does not: the service, the dead flag, the dead-state bits."""

FIRST_SCOPE, SECOND_SCOPE = "first", "second"
"""The scopes of either run of a pair."""

# Nanoseconds from one clock cycle to the next, and how far into a cycle its values are sampled.
_PERIOD = 10
_SAMPLE = 5


@dataclass
class Signal:
    """One variable: its width in bits and its values, as strings of 0, 1, x and z, from the cycle they begin in."""

    name: str
    width: int
    _cycles: list[int] = field(default_factory=list)
    _values: list[str] = field(default_factory=list)

    def set(self, cycle: int, value: str) -> None:
        """Record that the signal has ``value`` from ``cycle`` on; cycles never decrease."""
        if self._cycles and self._cycles[-1] == cycle:
            self._values[-1] = value
        else:
            self._cycles.append(cycle)
            self._values.append(value)

    def at(self, cycle: int) -> str:
        """The value in a cycle, most significant bit first; all x before the first change."""
        index = bisect_right(self._cycles, cycle) - 1
        return self._values[index] if index >= 0 else "x" * self.width

    def changes(self) -> list[int]:
        """The cycles in which a value begins."""
        return list(self._cycles)

    def steady(self, first: int, last: int) -> bool:
        """Whether the value is the same in every cycle from ``first`` to ``last``."""
        begin = bisect_right(self._cycles, first)
        end = bisect_right(self._cycles, last)
        return all(value == self.at(first) for value in self._values[begin:end])


@dataclass(frozen=True)
class Trace:
    """The signals of a dump.

    Attributes:
        ports: of the top module, in the dump of a witness.
        own: what Sandgrain computed beside them.
        first, second: of either run, in the dump of a pair.
    """

    ports: dict[str, Signal] = field(default_factory=dict)
    own: dict[str, Signal] = field(default_factory=dict)
    first: dict[str, Signal] = field(default_factory=dict)
    second: dict[str, Signal] = field(default_factory=dict)


def read_trace(data: bytes, *, limits: ReportLimits = LIMITS) -> Trace:
    """Read a VCD with 1 ns timescale and 10 ns per clock cycle.

    Raises:
        LimitExceeded: a limit of :class:`ReportLimits` was reached.
        CaseError: not a VCD, or not of that layout.
    """
    if len(data) > limits.vcd_bytes:
        raise LimitExceeded("the VCD is too large to draw", expected=f"at most {limits.vcd_bytes:,} bytes")
    try:
        return _Reader(limits).read(data)
    except (VCDParseError, ValueError, IndexError, RuntimeError) as error:
        raise CaseError(
            "the VCD of a witness cannot be read", expected=f"a value change dump ({str(error)[:200]})"
        ) from error


class _Reader:
    def __init__(self, limits: ReportLimits) -> None:
        self.limits = limits
        self.scopes: list[str] = []
        self.signals: dict[str, list[Signal]] = {}
        self.trace = Trace()
        self.declared = 0
        self.changes = 0

    def read(self, data: bytes) -> Trace:
        cycle = 0
        for token in tokenize(io.BytesIO(data)):
            kind = token.kind
            if kind is TokenKind.CHANGE_SCALAR:
                self.change(token.scalar_change.id_code, cycle, token.scalar_change.value)
            elif kind is TokenKind.CHANGE_VECTOR:
                self.change(token.vector_change.id_code, cycle, token.vector_change.value)
            elif kind is TokenKind.CHANGE_TIME:
                now = (token.time_change + _SAMPLE) // _PERIOD
                if now < cycle:
                    raise ValueError("time runs backwards")
                cycle = now
            elif kind is TokenKind.TIMESCALE:
                if str(token.timescale) != "1 ns":
                    raise ValueError("the timescale is not 1 ns")
            elif kind is TokenKind.SCOPE:
                self.scopes.append(token.scope.ident)
            elif kind is TokenKind.UPSCOPE:
                self.scopes.pop()
            elif kind is TokenKind.VAR:
                self.declare(token.var)
        return self.trace

    def declare(self, var: VarDecl) -> None:
        self.declared += 1
        if self.declared > self.limits.vcd_signals:
            raise LimitExceeded("the VCD declares too many signals", expected=f"at most {self.limits.vcd_signals:,}")
        if not 1 <= var.size <= self.limits.vcd_width or len(var.ref_str) > self.limits.text:
            raise LimitExceeded("the VCD declares a signal that is too wide", expected=f"{self.limits.vcd_width} bits")
        # A range belongs to the width; a single index is part of the name of a dead-state bit.
        name = var.reference if isinstance(var.bit_index, tuple) else var.ref_str
        signal = Signal(name, var.size)
        if OWN_SCOPE in self.scopes:
            self.trace.own.setdefault(name, signal)
        elif len(self.scopes) == 1:
            self.trace.ports.setdefault(name, signal)
            if self.scopes[0] == FIRST_SCOPE:
                self.trace.first.setdefault(name, signal)
            elif self.scopes[0] == SECOND_SCOPE:
                self.trace.second.setdefault(name, signal)
        else:
            return
        self.signals.setdefault(var.id_code, []).append(signal)

    def change(self, code: str, cycle: int, value: int | str) -> None:
        self.changes += 1
        if self.changes > self.limits.vcd_changes:
            raise LimitExceeded("the VCD holds too many changes", expected=f"at most {self.limits.vcd_changes:,}")
        for signal in self.signals.get(code, ()):
            text = f"{value:b}" if isinstance(value, int) else value.lower()
            # A shorter value is extended with 0, or with x or z where that is its first character.
            fill = text[0] if text[:1] in ("x", "z") else "0"
            signal.set(cycle, text.rjust(signal.width, fill)[-signal.width :])
