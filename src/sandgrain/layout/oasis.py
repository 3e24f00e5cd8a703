"""OASIS turned into GDSII in a child process that may run out of time or memory without taking anything with it.

An OASIS file may hold compressed blocks and repetitions of any size, so nothing can be said of it beforehand; what
comes out of the child is then looked at like any other GDSII.
"""

from __future__ import annotations

from pathlib import Path

from sandgrain.layout._child import converted
from sandgrain.layout.limits import LayoutLimits


def records_of(data: bytes, path: Path, limits: LayoutLimits) -> bytes:
    """The same drawing as GDSII.

    Raises:
        LayoutError: the file is damaged.
        LimitExceeded: the conversion ran out of time, memory or space.
    """
    return converted(data, path, "_oasis_child", (".oas", ".gds"), (), limits)
