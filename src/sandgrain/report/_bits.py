"""Bits told as words: ``a[3]=1, a[1]=0`` becomes ``a[3:0] = 1·0·``, a dot being a bit that may be anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandgrain.verdict import Place, RelevantInput, StateBit

ANY = "·"
_INDEXED = re.compile(r"(.+)\[(\d{1,6})\]\Z", re.DOTALL)
_WIDEST = 128


@dataclass(frozen=True)
class Word:
    """Bits of one register (or a single bit), most significant first."""

    name: str
    pattern: str
    hexadecimal: str | None
    places: tuple[Place, ...]


def split_index(name: str) -> tuple[str, int | None]:
    """``a[3]`` as ``("a", 3)``, ``a`` as ``("a", None)``."""
    match = _INDEXED.match(name)
    return (match.group(1), int(match.group(2))) if match else (name, None)


def grouped(pattern: str) -> str:
    """The pattern in groups of four from the right."""
    head = len(pattern) % 4
    groups = ([pattern[:head]] if head else []) + [pattern[i : i + 4] for i in range(head, len(pattern), 4)]
    return " ".join(groups)


def words(bits: Sequence[StateBit]) -> list[Word]:
    """The bits of a dead state grouped into words, in the order their first bit is named."""
    groups: dict[str, dict[int, StateBit]] = {}
    for bit in bits:
        base, index = split_index(bit.name)
        # A name used twice (an unindexed register beside its own bits) stays apart.
        key = base if index is not None else f"{base}\0"
        group = groups.setdefault(key, {})
        if (index or 0) in group:
            groups[f"{bit.name}\0{len(groups)}"] = {0: bit}
        else:
            group[index or 0] = bit
    return [word for key, group in groups.items() for word in _words_of(key, group)]


def _words_of(key: str, group: dict[int, StateBit]) -> Iterable[Word]:
    high, low = max(group), min(group)
    if len(group) == 1 or high - low >= _WIDEST:
        for bit in group.values():
            yield Word(bit.name, str(bit.value), None, (bit.place,) if bit.place else ())
        return
    pattern = "".join(str(group[index].value) if index in group else ANY for index in range(high, low - 1, -1))
    places = tuple(dict.fromkeys(bit.place for bit in group.values() if bit.place))
    yield Word(f"{key}[{high}:{low}]", grouped(pattern), hexadecimal(pattern), places)


def hexadecimal(pattern: str) -> str | None:
    """``0x..`` of a pattern without free bits that is wide enough for it to help."""
    if ANY in pattern or len(pattern) < 4:
        return None
    return f"0x{int(pattern, 2):0{(len(pattern) + 3) // 4}x}"


@dataclass(frozen=True)
class NeededInput:
    """The bits of one port that a trigger needs in one cycle."""

    cycle: int
    port: str
    pattern: str
    hexadecimal: str | None


def needed_inputs(inputs: Sequence[RelevantInput], widths: dict[str, int]) -> list[NeededInput]:
    """The relevant input bits by cycle and port; ``widths`` where the port's width is known (bits)."""
    groups: dict[tuple[int, str], dict[int, int]] = {}
    for item in inputs:
        groups.setdefault((item.cycle, item.port), {})[item.bit] = item.value
    out = []
    for (cycle, port), bits in sorted(groups.items()):
        width = max(widths.get(port, 1), max(bits) + 1)
        if width > _WIDEST:
            pattern = ", ".join(f"[{bit}]={value}" for bit, value in sorted(bits.items(), reverse=True)[:16])
            out.append(NeededInput(cycle, port, pattern, None))
            continue
        pattern = "".join(str(bits[bit]) if bit in bits else ANY for bit in range(width - 1, -1, -1))
        out.append(NeededInput(cycle, port, grouped(pattern), hexadecimal(pattern)))
    return out
