"""Which cycles of a witness are worth drawing, and which are left out behind a break mark."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sandgrain.verdict import Witness


@dataclass(frozen=True)
class Stretch:
    """Cycles ``first`` to ``last``, drawn one by one or, when ``hidden``, as one break."""

    first: int
    last: int
    hidden: bool


def choose(witness: Witness, columns: int) -> list[Stretch]:
    """The stretches of a witness from its first cycle to its last, at most ``columns`` cycles drawn.

    The end of the service and the first dead cycle come first, then the inputs the trigger needs (latest first,
    since the trigger completes there), then the release of reset, then the end of the run.
    """
    last = min(witness.cycles, 10_000_000) - 1
    wanted: dict[int, None] = {}

    def want(first: int, final: int) -> None:
        for cycle in range(max(0, first), min(last, final) + 1):
            if len(wanted) < columns:
                wanted.setdefault(cycle)

    want(witness.dead_from - 2, witness.dead_from + 3)
    if witness.last_service_cycle is not None:
        want(witness.last_service_cycle - 1, witness.last_service_cycle + 1)
    relevant = sorted({item.cycle for item in witness.relevant_inputs}, reverse=True)
    for cycle in relevant:
        want(cycle, cycle)
    want(witness.reset_cycles - 1, witness.reset_cycles)
    for cycle in relevant:
        want(cycle - 1, cycle + 1)
    want(0, 0)
    want(last - 1, last)
    cycles = sorted(wanted)
    # A break costs as much room as a cycle: a gap of one or two is drawn.
    for before, after in pairwise(cycles):
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
