"""One Yosys job in a child process that may crash, hang or eat memory without taking the audit with it.

``pyosys`` ends the process on a Yosys error, so every job is a process of its own, in a process group of its own,
with limits on address space, processor time, wall-clock time and log size.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist.limits import MEBIBYTE, ElaborationLimits

_POLL_SECONDS = 0.01
_OUT_OF_MEMORY = ("bad_alloc", "memoryerror", "cannot allocate memory", "out of memory", "failed to map segment")
# "file:line: ERROR: text" (Yosys), "file:line:column: error: text" (slang); columns may be ranges.
_PLACED = re.compile(
    r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+)(?:[:.](?P<column>\d+)[^:]*)?: (?:fatal )?error: (?P<text>.*)$",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"^ERROR: (?P<text>.*)$")
_MENTION = re.compile(r"(?:at |in line |\()?(?P<file>[\w./+-]+\.\w+):(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class YosysRun:
    """What a job that ended well left behind: its log, wall-clock seconds and peak resident memory in bytes."""

    log: str
    seconds: float
    peak_memory_bytes: int


def run_yosys(
    script: Sequence[str | list[str]],
    *,
    cwd: Path,
    limits: ElaborationLimits,
    what: str,
    signal_self: int | None = None,
) -> YosysRun:
    """Run Yosys commands one after another in a child process.

    Args:
        script: one Yosys command each, as a line (quote file names with :func:`quoted`) or as a list of words.
        cwd: directory the commands run in.
        limits: how long, how much memory, how much log.
        what: what the job does, for messages: ``"reading the description"``.
        signal_self: makes the child raise this signal instead (a rehearsal of a crash).

    Raises:
        ElaborationError: Yosys reported an error (with its file and line if it named one) or crashed.
        LimitExceeded: the job ran out of time, memory or log.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sandgrain-yosys-") as directory:
        job_file, log_file = Path(directory, "job.json"), Path(directory, "log.txt")
        job = {
            "script": list(script),
            "memory_bytes": limits.memory_bytes,
            # A little above the wall clock, which then is what ends a busy job of one thread.
            "cpu_seconds": math.ceil(limits.seconds) * 2 + 1,
            "file_bytes": max(limits.json_bytes, limits.log_bytes) + MEBIBYTE,
            "signal_self": signal_self,
            "parent": os.getpid(),
        }
        job_file.write_text(json.dumps(job), encoding="utf-8")
        with log_file.open("wb") as log:
            child = subprocess.Popen(
                # -P: the working directory is the submission, whose files must never be taken for Python modules.
                [sys.executable, "-P", "-m", "sandgrain.netlist._yosys_child", str(job_file)],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(directory),
                start_new_session=True,
            )
        try:
            status, peak = _wait(child, log_file, started, limits, what)
        finally:
            _kill(child)
        text = _read_log(log_file, limits)
    if status != 0:
        _raise(status, text, limits, what, peak)
    return YosysRun(text, time.monotonic() - started, peak)


def quoted(path: Path | str) -> str:
    """``path`` as one argument of a Yosys command.

    Raises:
        ElaborationError: the name holds a character Yosys cannot be handed.
    """
    text = str(path)
    if not text or any(character in '"\\\n\r' or ord(character) < 32 for character in text):
        raise ElaborationError(
            f"the path {text!r} cannot be handed to Yosys",
            expected="a path without quotes, backslashes and control characters",
            remedy="rename the file or directory",
        )
    return f'"{text}"'


def _environment(directory: str) -> dict[str, str]:
    """What the child may know of this process's environment: where Python finds its modules, nothing else."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    # The package must be found without PYTHONPATH too, e.g. when it was put on sys.path by a test runner.
    search = [os.path.abspath(entry) for entry in sys.path if entry]
    return {**kept, "PYTHONPATH": os.pathsep.join(search), "TMPDIR": directory, "HOME": directory, "LC_ALL": "C.UTF-8"}


def _wait(
    child: subprocess.Popen[bytes], log_file: Path, started: float, limits: ElaborationLimits, what: str
) -> tuple[int, int]:
    """Wait for the child; its exit status as ``Popen.returncode`` has it, and its peak memory in bytes."""
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            unit = 1 if sys.platform == "darwin" else 1024
            return child.returncode, usage.ru_maxrss * unit
        if time.monotonic() - started > limits.seconds:
            raise LimitExceeded(
                f"{what} took longer than {limits.seconds:g} s",
                expected=f"at most {limits.seconds:g} s per Yosys job (ElaborationLimits.seconds)",
                remedy="raise the limit, or submit a smaller top module",
            )
        if log_file.stat().st_size > limits.log_bytes:
            raise LimitExceeded(
                f"{what} wrote a log of more than {limits.log_bytes:,} bytes",
                expected=f"at most {limits.log_bytes:,} bytes (ElaborationLimits.log_bytes)",
                remedy="look for a message repeated without end in the description",
            )
        time.sleep(_POLL_SECONDS)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started; reap it."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _read_log(log_file: Path, limits: ElaborationLimits) -> str:
    with log_file.open("rb") as log:
        return log.read(limits.log_bytes).decode("utf-8", "replace")


def _raise(status: int, log: str, limits: ElaborationLimits, what: str, peak: int) -> None:
    """Tell why a job ended badly."""
    # A failed allocation is told in the last words, or shows as a crash of a process close to its limit.
    last_words = log[-2000:].lower()
    close = status in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS) and peak > 0.8 * limits.memory_bytes
    if close or any(word in last_words for word in _OUT_OF_MEMORY):
        raise LimitExceeded(
            f"{what} needed more than {limits.memory_bytes:,} bytes of memory",
            expected=f"at most {limits.memory_bytes:,} bytes (ElaborationLimits.memory_bytes)",
            remedy="raise the limit, or submit a smaller top module",
        )
    if status == -signal.SIGXCPU:
        raise LimitExceeded(
            f"{what} used too much processor time",
            expected=f"at most {limits.seconds:g} s per Yosys job (ElaborationLimits.seconds)",
            remedy="raise the limit, or submit a smaller top module",
        )
    if status == -signal.SIGXFSZ:
        raise LimitExceeded(
            f"{what} wrote a file of more than {limits.json_bytes:,} bytes",
            expected=f"at most {limits.json_bytes:,} bytes (ElaborationLimits.json_bytes)",
            remedy="raise the limit, or submit a smaller top module",
        )
    if status == -signal.SIGKILL:
        raise LimitExceeded(
            f"the system killed Yosys while {what}; it does so when memory runs out",
            expected="enough free memory, or a lower ElaborationLimits.memory_bytes",
            remedy="free memory, or submit a smaller top module",
        )
    if status < 0:
        raise ElaborationError(
            f"Yosys crashed ({signal.Signals(-status).name}) while {what}",
            expected="a description Yosys can read",
            remedy=f"the last lines of its log were: {_tail(log)}",
        )
    raise error_in(log, what)


def error_in(log: str, what: str) -> ElaborationError:
    """The first error of a Yosys log, with its file and line if the log names them."""
    plain: str | None = None
    for line in log.splitlines():
        if placed := _PLACED.match(line):
            column = placed["column"]
            return ElaborationError(
                placed["text"].rstrip(".").replace("ERROR: ", ""),
                file=placed["file"].removeprefix("./"),
                line=int(placed["line"]),
                column=int(column) if column else None,
                expected="a description Yosys can read",
                remedy="correct the source, or the list of files in the manifest",
            )
        if plain is None and (match := _PLAIN.match(line)):
            plain = match["text"].strip()
    mention = _MENTION.search(plain) if plain else None
    return ElaborationError(
        plain.rstrip(".") if plain else f"Yosys failed while {what}: {_tail(log)}",
        file=mention["file"].removeprefix("./") if mention else None,
        line=int(mention["line"]) if mention else None,
        expected="a description Yosys can read",
        remedy="correct the source, or the list of files in the manifest",
    )


def _tail(log: str) -> str:
    """The last words of a log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) if lines else "(it wrote nothing)"
