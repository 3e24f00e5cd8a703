"""How long a piece of work may take, and how large the process may get over it."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sandgrain.errors import LimitExceeded

_PROCESSES = Path("/proc")


def resident_bytes() -> int:
    """Memory this process and its children hold now; where the system does not say, the most it ever held."""
    try:
        return _resident("self") + sum(_child(pid) for pid in _children())
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _resident(process: str) -> int:
    pages = int((_PROCESSES / process / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _children() -> list[str]:
    found: list[str] = []
    for task in (_PROCESSES / "self" / "task").iterdir():
        found += (task / "children").read_text().split()
    return found


def _child(pid: str) -> int:
    try:
        return _resident(pid)
    except (OSError, ValueError, IndexError):
        # It has just ended.
        return 0


@dataclass(frozen=True)
class Allowance:
    """What a piece of work may use.

    Attributes:
        deadline: monotonic time at which it has to end.
        memory_bytes: resident memory of the process and its children beyond which it has to end; None for any.
    """

    deadline: float
    memory_bytes: int | None = None

    @property
    def seconds(self) -> float:
        """Wall clock left, negative once it is used up."""
        return self.deadline - time.monotonic()

    @property
    def used_up(self) -> bool:
        """Whether time or memory is."""
        return self.seconds < 0 or self.out_of_memory

    @property
    def out_of_memory(self) -> bool:
        """Whether the process is larger than it may be."""
        return self.memory_bytes is not None and resident_bytes() > self.memory_bytes

    def check(self) -> None:
        """Go on, or not.

        Raises:
            LimitExceeded: time or memory is used up.
        """
        if self.seconds < 0:
            raise LimitExceeded("the time for this was used up", expected="a larger budget (--budget)")
        if self.out_of_memory:
            raise LimitExceeded(
                f"this took more than {self.memory_bytes:,} bytes of memory", expected="a larger budget (--memory)"
            )

    def later(self, seconds: float) -> Allowance:
        """The same with a later end."""
        return Allowance(self.deadline + seconds, self.memory_bytes)
