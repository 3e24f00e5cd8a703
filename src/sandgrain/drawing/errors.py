"""What can go wrong when a design is drawn."""

from __future__ import annotations

from sandgrain.errors import SandgrainError


class DrawingError(SandgrainError):
    """A design cannot be mapped, placed or routed, or the cell library is missing or not as expected."""
