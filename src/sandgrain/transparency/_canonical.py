"""JSON with exactly one spelling, so that every altered byte is seen.

Keys are sorted, there is no white space but one final newline, and numbers are integers. What is read must be spelled
so: a document that merely means the same is refused.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import Any, NoReturn

from sandgrain.errors import LimitExceeded
from sandgrain.transparency.errors import EvidenceError


def encode(value: Any) -> bytes:
    """``value`` in its one spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def decode(data: bytes, *, file: PurePath | str | None, what: str) -> Any:
    """The value spelled in ``data``.

    Raises:
        EvidenceError: not JSON, or JSON in another spelling; names the first byte that differs.
    """
    try:
        value = json.loads(data, parse_float=_refused, parse_constant=_refused)
        again = encode(value)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise EvidenceError(
            f"this is no {what}: {reason}", file=file, expected="JSON as Sandgrain writes it"
        ) from error
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), min(len(again), len(data)))
        raise EvidenceError(
            f"the {what} is not in its canonical form; the first difference is at byte {at:,}",
            file=file,
            expected="sorted keys, no white space, one newline at the end",
            remedy="get the file as it was written",
        )
    return value


def read_bounded(path: Path, most: int, limit: str, what: str) -> bytes:
    """The bytes of a file that may not be larger than ``most``.

    Raises:
        EvidenceError: it cannot be read.
        LimitExceeded: it is larger; names ``limit``.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise EvidenceError(
            f"the {what} cannot be read: {error.strerror or error}", file=path, expected="a readable file"
        ) from error
    if len(data) > most:
        raise LimitExceeded(
            f"the {what} is larger than allowed", file=path, expected=f"at most {most:,} bytes ({limit})"
        )
    return data


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text} is no integer")
