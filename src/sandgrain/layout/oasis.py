"""OASIS turned into GDSII in a child process that may run out of time or memory without taking anything with it.

An OASIS file may hold compressed blocks and repetitions of any size, so nothing can be said of it beforehand; what
comes out of the child is then looked at like any other GDSII.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandgrain.errors import LimitExceeded
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits


def records_of(data: bytes, path: Path, limits: LayoutLimits) -> bytes:
    """The same drawing as GDSII.

    Raises:
        LayoutError: the file is damaged.
        LimitExceeded: the conversion ran out of time, memory or space.
    """
    with tempfile.TemporaryDirectory(prefix="sandgrain-layout-") as directory:
        source, target = Path(directory, "drawing.oas"), Path(directory, "drawing.gds")
        source.write_bytes(data)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        search = [os.path.abspath(entry) for entry in sys.path if entry]
        try:
            run = subprocess.run(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "sandgrain.layout._oasis_child",
                    str(source),
                    str(target),
                    str(limits.convert_memory_bytes),
                    str(limits.convert_bytes),
                ],
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
    if run.returncode == 3 or run.returncode < 0 or "memory" in last.lower():
        raise _limit(path, "unfolds into too much", f"{limits.convert_memory_bytes:,} bytes", "convert_memory_bytes")
    raise LayoutError(
        f"the reader refuses it: {last}", file=path, expected="OASIS as SEMI P39 has it", remedy="hand it over again"
    )


def _limit(path: Path, what: str, most: str, field: str) -> LimitExceeded:
    return LimitExceeded(
        f"the drawing {what}", file=path, expected=f"at most {most} (LayoutLimits.{field})", remedy="raise the limit"
    )
