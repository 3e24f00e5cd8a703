"""Repetition in regular expressions that never goes back, on every Python there is.

Before 3.11.5 a possessive repetition of what has choices in it goes wrong (CPython issue 106052); an atomic group does
the same with more memory.
"""

from __future__ import annotations

import sys

_SOUND = sys.version_info >= (3, 11, 5)


def repeated(pattern: str) -> str:
    """An expression for any number of repetitions of ``pattern``, as many as there are."""
    return f"(?:{pattern})*+" if _SOUND else f"(?>(?:{pattern})*)"
