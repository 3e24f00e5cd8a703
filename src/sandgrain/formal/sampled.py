"""What a simulation shows: one variable of its value change dump, once per cycle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sandgrain.errors import ReplayError


def sampled(path: Path, cycles: int, width: int) -> Iterator[str]:
    """The variable ``seen`` of a VCD at ``10 * t + 5``, for each cycle ``t``.

    Args:
        path: the dump.
        cycles: how many values.
        width: bits of the variable.

    Raises:
        ReplayError: the dump has no such variable.
    """
    declared = re.compile(rf"\$var \w+ {width} (\S+) seen(?: \[\d+:\d+\])? \$end")
    code, value, cycle = None, "x" * width, 0
    with path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            if found := declared.match(line.strip()):
                code = found[1]
            if line.startswith("$enddefinitions"):
                break
        if code is None:
            raise ReplayError(
                "the simulation left no trace of what was to be seen",
                expected="its value in every cycle",
                remedy="replay with another simulator",
            )
        for line in file:
            if line.startswith("#"):
                now = int(line[1:])
                # What stands until now is the value at every sample point before now.
                while cycle < cycles and 10 * cycle + 5 < now:
                    yield value
                    cycle += 1
            elif line.startswith("b"):
                text, _, name = line[1:].strip().partition(" ")
                if name == code:
                    value = text.rjust(width, "0" if text.startswith("1") else text[:1] or "x")
            elif line[1:].strip() == code:
                value = line[0]
