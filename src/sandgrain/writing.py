"""Files that are written all at once or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sandgrain.errors import SandgrainError


def write_whole(
    out: Path, content: bytes | Callable[[IO[bytes]], None], error: type[SandgrainError] = SandgrainError
) -> None:
    """Write a file all at once or not at all.

    Args:
        out: the file.
        content: its bytes, or what writes them to a stream.
        error: what to raise.

    Raises:
        SandgrainError: of the kind ``error``, it cannot be written.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as stream:
            if callable(content):
                content(stream)
            else:
                stream.write(content)
        os.replace(part, out)
    except OSError as problem:
        raise error(
            f"the file cannot be written: {problem.strerror or problem}",
            file=out,
            expected="a place that can be written",
        ) from problem
    finally:
        part.unlink(missing_ok=True)
