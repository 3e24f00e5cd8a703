"""Where the ports of the chip are, from its LEF (Library Exchange Format, version 5.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandgrain.layout._bytes import read_bytes
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import Process


@dataclass(frozen=True, slots=True)
class PortShape:
    """A rectangle of a port: its conductor, and left, bottom, right, top in database units."""

    port: str
    conductor: str
    box: tuple[int, int, int, int]


def read_lef(path: Path, process: Process, limits: LayoutLimits | None = None) -> tuple[PortShape, ...]:
    """Rectangles of the pins of the one macro a file describes.

    Raises:
        LayoutError: with the line of what is wrong.
        LimitExceeded: the file is too large.
    """
    limits = limits or LayoutLimits()
    text = read_bytes(path, "a LEF file", limits).decode("utf-8", "replace")
    out: list[PortShape] = []
    pin: str | None = None
    layer: str | None = None
    macros = 0
    in_port = False
    unit = process.database_unit
    conductors = {conductor.layer: conductor.name for conductor in process.conductors}
    for line, words in _statements(text):
        head = words[0].upper()
        if head == "MACRO":
            macros += 1
        elif head == "PIN" and len(words) == 2:
            pin = words[1]
        elif head == "PORT" and pin is not None:
            in_port, layer = True, None
        elif head == "LAYER" and in_port and len(words) > 1:
            layer = words[1]
        elif head == "RECT" and in_port and pin is not None and layer is not None:
            try:
                left, bottom, right, top = (round(float(word) / unit) for word in words[1:5])
            except (ValueError, OverflowError) as error:
                raise LayoutError(
                    "a rectangle without four numbers", file=path, line=line, expected="RECT x1 y1 x2 y2"
                ) from error
            if layer in conductors:
                out.append(PortShape(pin, conductors[layer], (left, bottom, right, top)))
        elif head == "END":
            in_port = False
            if len(words) > 1 and words[1] == pin:
                pin = None
    if macros != 1:
        raise LayoutError(f"the file describes {macros} macros", file=path, expected="the one macro that is the chip")
    return tuple(out)


_BLOCKS: Final = {"MACRO": 1, "PIN": 1, "PORT": 0, "OBS": 0}
"""Words that open a block, and how many words follow; every other statement ends with a semicolon."""


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Statements and the line each begins on, however they are spread over lines."""
    words: list[str] = []
    begun = 0
    for number, line in enumerate(text.splitlines(), 1):
        rest = line.split("#", 1)[0].replace(";", " ; ").split()
        while rest:
            word = rest.pop(0)
            if not words:
                begun = number
                head = word.upper()
                if head in _BLOCKS or head == "END":
                    named = _BLOCKS.get(head, 1)
                    yield number, [word, *rest[:named]]
                    del rest[:named]
                    continue
            if word != ";":
                words.append(word)
            elif words:
                yield begun, words
                words = []
    if words:
        yield begun, words
