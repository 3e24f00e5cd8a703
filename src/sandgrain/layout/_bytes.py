"""Files read once, and never more of them than the limit."""

from __future__ import annotations

from pathlib import Path

from sandgrain.errors import LimitExceeded
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits


def read_bytes(path: Path, what: str, limits: LayoutLimits) -> bytes:
    """The bytes of a file.

    Args:
        path: the file.
        what: what it should be, for the error.
        limits: ``file_bytes`` bounds it.

    Raises:
        LayoutError: it cannot be read.
        LimitExceeded: it is too large.
    """
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            # A pipe or a device says nothing of its size; no more than the limit is taken from it.
            data = stream.read(limits.file_bytes + 1) if size <= limits.file_bytes else b""
    except OSError as error:
        raise LayoutError(
            f"cannot be read: {error.strerror}", file=path, expected=what, remedy="name another file"
        ) from error
    size = max(size, len(data))
    if size > limits.file_bytes:
        raise LimitExceeded(
            f"the file has {size:,} bytes",
            file=path,
            expected=f"at most {limits.file_bytes:,} (LayoutLimits.file_bytes)",
            remedy="raise the limit, or cut the file into parts",
        )
    return data
