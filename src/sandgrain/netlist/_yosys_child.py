"""The child side of :mod:`sandgrain.netlist.yosys_process`: ``python -m sandgrain.netlist._yosys_child job.json``.

The only module that imports ``pyosys``. A Yosys error ends the process; nothing here can or should catch that.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from pathlib import Path


def _limit(kind: int, value: int) -> None:
    """Lower one resource limit, never above the hard limit this process was born with."""
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when the audit ends, however that comes about; elsewhere the time limit does."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


def main(job_file: str) -> int:
    """Run the commands of the job; the exit status is 0 if all of them ended well."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    _die_with_parent(int(job["parent"]))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, int(job["memory_bytes"]))
    _limit(resource.RLIMIT_CPU, int(job["cpu_seconds"]))
    _limit(resource.RLIMIT_FSIZE, int(job["file_bytes"]))
    if job.get("signal_self"):  # lets the tests see how a crash inside Yosys is told
        signal.raise_signal(job["signal_self"])
    libyosys = importlib.import_module("pyosys.libyosys")
    design = libyosys.Design()
    for command in job["script"]:
        # A list goes through as words, because Yosys splits a line at blanks and keeps quotes.
        libyosys.Pass.call(design, command)
    libyosys.log_flush()
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1])
    # Interpreter shutdown frees a design of millions of cells one by one: leave that to the kernel.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
