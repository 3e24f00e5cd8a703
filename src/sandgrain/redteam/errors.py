"""What can go wrong when an example is written or a modification is planted."""

from __future__ import annotations

from sandgrain.errors import SandgrainError


class RedTeamError(SandgrainError):
    """An example cannot be written, or a modification cannot be planted where it was asked for."""
