"""Which cycles of a run are worth drawing, and which are left out behind a break mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_LONGEST = 10_000_000


@dataclass(frozen=True)
class Stretch:
    """Cycles ``first`` to ``last``, drawn one by one or, when ``hidden``, as one break."""

    first: int
    last: int
    hidden: bool


def choose(cycles: int, parts: Iterable[tuple[int, int]], columns: int) -> list[Stretch]:
    """The stretches of a run from its first cycle to its last.

    Args:
        cycles: length of the run.
        parts: first and last cycle of what is worth drawing, the most important first; the beginning and the end of
            the run come after them.
        columns: most cycles drawn, but for gaps that a break would not make shorter.
    """
    last = min(cycles, _LONGEST) - 1
    wanted: dict[int, None] = {}
    for first, final in (*parts, (0, 0), (last - 1, last)):
        for cycle in range(max(0, first), min(last, final) + 1):
            if len(wanted) < columns:
                wanted.setdefault(cycle)
    # A break costs as much room as a cycle: a gap of one or two is drawn.
    for before, after in pairwise(sorted(wanted)):
        if after - before <= 3:
            wanted.update(dict.fromkeys(range(before, after)))
    return _stretches(sorted(wanted), last)


def _stretches(cycles: list[int], last: int) -> list[Stretch]:
    out: list[Stretch] = []
    following = 0
    for cycle in cycles:
        if cycle > following:
            out.append(Stretch(following, cycle - 1, hidden=True))
            out.append(Stretch(cycle, cycle, hidden=False))
        elif out and not out[-1].hidden:
            out[-1] = Stretch(out[-1].first, cycle, hidden=False)
        else:
            out.append(Stretch(cycle, cycle, hidden=False))
        following = cycle + 1
    if following <= last:
        out.append(Stretch(following, last, hidden=True))
    return out
