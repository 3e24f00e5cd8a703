"""One program of Icarus Verilog in a child process, under limits of time, memory and bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from sandgrain.errors import LimitExceeded, ReplayError
from sandgrain.netlist import ElaborationLimits

SAFE_TASKS = frozenset(
    "$display $displayb $displayh $displayo $write $writeb $writeh $writeo $monitor $strobe $finish $stop $time "
    "$stime $realtime $error $warning $info $fatal $signed $unsigned $clog2 $bits $size $left $right $low $high "
    "$increment $dimensions $rtoi $itor $realtobits $bitstoreal $countones $onehot $onehot0 $isunknown $timeformat "
    "`line `timescale `default_nettype `celldefine `endcelldefine `resetall `unconnected_drive `nounconnected_drive "
    "`begin_keywords `end_keywords".split()
)
"""System tasks and directives that cannot touch anything outside the simulation."""

_LAUNCH = """
import os, resource, sys
for kind, value in zip((resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE), map(int, sys.argv[1:4])):
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execv(sys.argv[4], sys.argv[4:])
"""


def run_limited(command: list[str], what: str, *, work: Path, root: Path, limits: ElaborationLimits) -> str:
    """Run one program of Icarus under limits; what it wrote.

    Args:
        command: the program, found on the path, and its arguments.
        what: what it is for, to be told in errors.
        work: the directory it runs in.
        root: of the submission, left out of messages.
        limits: seconds, memory and bytes.

    Raises:
        ReplayError: it is not installed, or refuses.
        LimitExceeded: it took too long.
    """
    program = shutil.which(command[0])
    if program is None:
        raise ReplayError(f"{command[0]} is not installed", expected="Icarus Verilog", remedy="install it")
    bounds = [limits.memory_bytes, int(limits.seconds) * 2 + 1, max(limits.json_bytes, limits.log_bytes)]
    with (work / "child.log").open("wb+") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _LAUNCH, *map(str, bounds), program, *command[1:]],
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "TMPDIR": str(work), "HOME": str(work), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            status = child.wait(limits.seconds)
        except subprocess.TimeoutExpired as error:
            raise LimitExceeded(
                f"it took longer than {limits.seconds:g} s to {what} with Icarus",
                expected=f"at most {limits.seconds:g} s per process (ElaborationLimits.seconds)",
                remedy="raise the limit, or replay with Yosys alone",
            ) from error
        finally:
            if child.returncode is None:
                # Its children too, which iverilog has.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        log.seek(0)
        said = log.read(limits.log_bytes).decode("utf-8", "replace")
    if status != 0:
        lines = [line for line in said.splitlines() if line.strip() and "warning" not in line.lower()]
        first = lines[0].removeprefix(f"{root}/") if lines else f"status {status}"
        raise ReplayError(
            f"Icarus could not {what}: {first}",
            expected="a description that Icarus Verilog reads",
            remedy="replay with Yosys",
        )
    return said
