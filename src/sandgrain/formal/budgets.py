"""How much the search for states without return may take."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY_BYTES = 16 << 30
"""Memory beyond which no search goes on, unless another bound is given."""


@dataclass(frozen=True)
class ShutdownOptions:
    """Budgets of the search.

    Attributes:
        seconds: wall clock for the whole claim, elaboration not counted.
        memory_bytes: resident memory of the process and its children beyond which no search goes on.
        search_seconds: one bounded search for a run into a dead cube.
        exclude_seconds: processor time of one attempt to prove a dead cube unreachable; granted in full even to the
            last one, and several times over to one that was put off.
        soak_cycles: length of the undisturbed runs.
        depth: deepest bounded search, in cycles of operation.
        quiet_cycles: least cycles without service at the end of a witness.
        stops: undeclared stops to report before ending the search for more.
    """

    seconds: float = 300.0
    memory_bytes: int = MEMORY_BYTES
    search_seconds: float = 80.0
    exclude_seconds: float = 5.0
    soak_cycles: int = 8192
    depth: int = 400
    quiet_cycles: int = 1024
    stops: int = 1
