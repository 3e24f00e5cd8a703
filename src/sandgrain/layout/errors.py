"""Errors of the room: a drawing, a process or a cell library that cannot be used."""

from __future__ import annotations

from sandgrain.errors import SandgrainError


class LayoutError(SandgrainError):
    """A drawing (GDSII, OASIS, LEF, DEF) is not what its format demands, or cannot be placed in the process."""


class ProcessError(SandgrainError):
    """A layer stack is unknown, or its data file is wrong."""


class LibraryError(SandgrainError):
    """The trusted cell library is missing or contradicts itself."""
