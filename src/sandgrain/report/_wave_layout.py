"""Rows and columns of a waveform."""

from __future__ import annotations

from dataclasses import dataclass

from sandgrain.report._trace import Signal
from sandgrain.report._window import Stretch


@dataclass(frozen=True)
class WaveRow:
    """One line of the picture: a bit, a bus, or bits told as a bus (most significant first)."""

    label: str
    kind: str
    signals: tuple[Signal, ...]
    port: str | None = None
    note: str | None = None

    @property
    def is_bit(self) -> bool:
        """Whether the row is drawn as a level rather than as boxes."""
        return len(self.signals) == 1 and self.signals[0].width == 1

    def at(self, cycle: int) -> str:
        """The value in a cycle, most significant bit first."""
        return "".join(signal.at(cycle) for signal in self.signals)

    def steady(self, first: int, last: int) -> bool:
        """Whether no value changes from ``first`` to ``last``."""
        return all(signal.steady(first, last) for signal in self.signals)

    def text(self, cycle: int) -> str:
        """The value as a person reads it: hexadecimal where every bit is known, else bits."""
        value = self.at(cycle)
        if set(value) <= {"0", "1"}:
            return f"{int(value, 2):0{(len(value) + 3) // 4}x}" if len(value) >= 4 else value
        if set(value) == {"x"} or set(value) == {"z"}:
            return value[0]
        return value


@dataclass(frozen=True)
class WaveColumn:
    """A cycle (``first == last``, not hidden) or a break, from ``x`` on."""

    stretch: Stretch
    x: float
    width: float

    @property
    def cycle(self) -> int:
        """The cycle of a column that is none of a break."""
        return self.stretch.first

    @property
    def right(self) -> float:
        """Where the next column begins."""
        return self.x + self.width
