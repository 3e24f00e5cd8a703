"""What a picture of a run is to show, before anything is drawn: rows, cycles, marks, and the words for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandgrain.report._trace import Signal
from sandgrain.report._visible import visible
from sandgrain.report._wave_layout import WaveRow
from sandgrain.report._window import Stretch
from sandgrain.report.language import Language, Translator
from sandgrain.verdict import RelevantInput

_MOST_BITS = 64


@dataclass(frozen=True)
class Mark:
    """A flag at a cycle.

    Attributes:
        cycle: the cycle.
        kind: ``last``, ``dead``, ``jump`` or ``leak``; the class it is styled by.
        text: what the flag says.
        after: whether it stands at the end of the cycle rather than at its beginning.
    """

    cycle: int
    kind: str
    text: str
    after: bool = False


@dataclass(frozen=True)
class Scene:
    """What a picture shows.

    Attributes:
        rows: from top to bottom.
        stretches: the cycles, from first to last.
        needed: the bits of an input port that matter in a cycle, as text, by port and cycle.
        reset_cycles: leading cycles with reset asserted.
        hatched_from: first cycle of the hatched zone, None if there is none.
        important: cycles whose number is set in bold.
        marks: flags; they take turns in height.
        description: in words what the picture shows.
        widths: bits of each port by name.
    """

    rows: Sequence[WaveRow]
    stretches: Sequence[Stretch]
    needed: Mapping[tuple[str, int], Sequence[str]]
    reset_cycles: int
    hatched_from: int | None
    important: frozenset[int]
    marks: Sequence[Mark]
    description: str
    widths: Mapping[str, int]


def say(template: str, translator: Translator, **args: str | int) -> str:
    """A sentence in the report's language, with what is hidden in its arguments made visible."""
    return visible("".join(piece for piece, _ in translator.pieces(template, args)), lines=False)


def sentences(translator: Translator, parts: Iterable[str]) -> str:
    """Sentences one after another."""
    return ("" if translator.language is Language.ZH_CN else " ").join(parts)


def needed_bits(inputs: Iterable[RelevantInput]) -> dict[tuple[str, int], list[str]]:
    """Input bits by port and cycle, as text."""
    needed: dict[tuple[str, int], list[str]] = {}
    for item in inputs:
        bits = needed.setdefault((item.port, item.cycle), [])
        if len(bits) < _MOST_BITS:
            bits.append(f"[{item.bit}]={item.value}")
    return needed


def ports_of(inputs: Iterable[RelevantInput]) -> list[str]:
    """The ports of input bits, in the order they are needed."""
    return list(dict.fromkeys(item.port for item in sorted(inputs, key=lambda item: item.cycle)))


def reset_of(ports: Iterable[Signal], reset_cycles: int, cycles: int) -> Signal | None:
    """The port that changes when reset ends and is steady before and after; a case does not name it."""
    if reset_cycles == 0 or reset_cycles >= cycles:
        return None
    for signal in ports:
        called = signal.name.lower()
        before, after = signal.at(reset_cycles - 1), signal.at(reset_cycles)
        if (
            signal.width == 1
            and ("rst" in called or "reset" in called)
            and {before, after} == {"0", "1"}
            and signal.steady(0, reset_cycles - 1)
            and signal.steady(reset_cycles, cycles - 1)
        ):
            return signal
    return None
