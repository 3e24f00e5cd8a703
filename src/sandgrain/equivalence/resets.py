"""The declared resets: what their inputs are after power-up."""

from __future__ import annotations

from collections.abc import Mapping

Resets = Mapping[str, tuple[int, int]]
"""Key of an input bit -> level at which it resets, and for how many cycles after power-up."""


def reset_cycles(resets: Resets) -> int:
    """Cycles of reset after power-up."""
    return max((cycles for _, cycles in resets.values()), default=0)


def reset_value(resets: Resets, key: str, cycle: int) -> int | None:
    """What an input bit is in a cycle of the reset that follows power-up; None if it may be anything."""
    if key not in resets:
        return None
    level, cycles = resets[key]
    return level if cycle < cycles else 1 - level
