"""Words of a hostile file, fit to be shown in a message."""

from __future__ import annotations

_MOST = 60


def quote(text: bytes | str) -> str:
    """``text`` in quotes, shortened, with everything that is not plainly printable escaped."""
    if isinstance(text, bytes):
        text = text[: 4 * _MOST].decode("utf-8", "backslashreplace")
    shown = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text[: _MOST + 1])
    return f"'{shown[:_MOST]}...'" if len(shown) > _MOST else f"'{shown}'"
