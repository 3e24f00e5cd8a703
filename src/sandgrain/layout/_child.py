"""A child process that reads one file of a library's format and may run out of time or memory alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandgrain.errors import LimitExceeded
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits

OUT_OF_MEMORY = 3
"""Exit status of a child that could not have the memory it wanted."""


def converted(
    data: bytes, path: Path, module: str, suffixes: tuple[str, str], extra: tuple[str, ...], limits: LayoutLimits
) -> bytes:
    """What a child makes of a file.

    Args:
        data: the file's bytes.
        path: where they came from, for errors.
        module: of this room; its arguments are source, target, bytes of memory, bytes of output, and ``extra``.
        suffixes: of the source and of the target.
        extra: further arguments.
        limits: of time, memory and output.

    Raises:
        LayoutError: the file is damaged.
        LimitExceeded: the conversion ran out of time, memory or space.
    """
    with tempfile.TemporaryDirectory(prefix="sandgrain-layout-") as directory:
        source, target = Path(directory, f"drawing{suffixes[0]}"), Path(directory, f"drawn{suffixes[1]}")
        source.write_bytes(data)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        search = [os.path.abspath(entry) for entry in sys.path if entry]
        command = [sys.executable, "-P", "-m", f"sandgrain.layout.{module}", str(source), str(target)]
        command += [str(limits.convert_memory_bytes), str(limits.convert_bytes), *extra]
        try:
            run = subprocess.run(
                command,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limits.convert_seconds,
                check=False,
                env={**kept, "PYTHONPATH": os.pathsep.join(search), "HOME": directory, "LC_ALL": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired:
            raise _limit(path, "takes too long to unfold", f"{limits.convert_seconds:g} s", "convert_seconds") from None
        if run.returncode == 0:
            return target.read_bytes()
    said = run.stderr.decode("utf-8", "replace").strip().splitlines()
    last = said[-1][:200] if said else f"status {run.returncode}"
    if run.returncode == OUT_OF_MEMORY or run.returncode < 0 or "memory" in last.lower():
        raise _limit(path, "unfolds into too much", f"{limits.convert_memory_bytes:,} bytes", "convert_memory_bytes")
    raise LayoutError(
        f"the reader refuses it: {last}", file=path, expected="a file as its format has it", remedy="hand it over again"
    )


def _limit(path: Path, what: str, most: str, field: str) -> LimitExceeded:
    return LimitExceeded(
        f"the drawing {what}", file=path, expected=f"at most {most} (LayoutLimits.{field})", remedy="raise the limit"
    )
