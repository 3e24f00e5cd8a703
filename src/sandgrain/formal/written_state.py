"""The state in which a simulation by Yosys ended, in the RTLIL it wrote, with parts of it set to something else."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sandgrain.errors import ReplayError


def with_init(text: str, wire: str, values: Mapping[int, int]) -> str:
    """RTLIL in which some bits of a wire have other initial values.

    Args:
        text: what ``write_rtlil`` wrote after ``sim -w``.
        wire: a wire that registers drive.
        values: by position in it, 0 the least significant.

    Raises:
        ReplayError: it says of no initial value for each of them.
    """
    declared = re.compile(
        rf"^  attribute \\init (\d+)'([01xz]+)\n((?:  attribute .*\n)*  wire .*\\{re.escape(wire)}\n)", re.MULTILINE
    )
    found = declared.search(text)
    if found is None or len(found[2]) != int(found[1]) or len(found[2]) <= max(values):
        raise ReplayError(
            "Yosys does not say what the registers of the jump hold",
            expected="an initial value for each of them",
            remedy="replay with Icarus alone",
        )
    bits = list(reversed(found[2]))
    for at, value in values.items():
        bits[at] = str(value)
    changed = f"  attribute \\init {found[1]}'{''.join(reversed(bits))}\n{found[3]}"
    return text[: found.start()] + changed + text[found.end() :]
