"""Whole audits of real cores, clean and planted: verdict, time, and how much quicker checking is than proving.

Prints one line per design, then the median per core: python benchmarks/verdicts.py [--cores picorv32 serv ...] [--all]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sandgrain.redteam import PlantKind, supported_plants, write_example
from sandgrain.verdict import ClaimId

USUAL: tuple[str | None, ...] = (None, "bus-kill", "beacon-strobe")
"""The designs of a core that are audited unless all are asked for; None is the clean one."""


def sandgrain(*arguments: object) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Seconds and outcome of one command."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "sandgrain", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return time.monotonic() - started, done


def told(case: dict[str, Any]) -> str:
    """The verdicts of the claims this is about, with the grade of a stop."""
    words = []
    for claim in case["claims"]:
        if claim["id"] in (ClaimId.NO_REMOTE_SHUTDOWN, ClaimId.NO_COVERT_CHANNEL):
            grades = [finding["grade"] for finding in claim["findings"] if finding.get("grade")]
            words.append(f"{claim['id']} {claim['verdict']}" + (f" ({grades[0]})" if grades else ""))
    return ", ".join(words)


def main() -> None:
    """Audit, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", nargs="+", default=["serv", "picorv32", "vexriscv", "ibex"])
    parser.add_argument("--all", action="store_true", help="every plant of each core")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for core in options.cores:
            plants = [None, *map(str, supported_plants(core))] if options.all else list(USUAL)
            seconds = [audit(Path(scratch), core, plant) for plant in plants]
            print(f"{core}: median audit {statistics.median(seconds):.0f} s over {len(seconds)} designs", flush=True)


def audit(scratch: Path, core: str, plant: str | None) -> float:
    """Audit one design and print how it went; returns the seconds it took."""
    name = f"{core}-{plant or 'clean'}"
    submission = write_example(core, scratch / name, None if plant is None else PlantKind(plant))
    seconds, done = sandgrain("audit", submission, "-o", scratch / f"{name}-case", "--json")
    if done.returncode not in (0, 1, 3):
        print(f"{name}: failed\n{done.stderr}", flush=True)
        return seconds
    print(f"{name}: {told(json.loads(done.stdout))}, {seconds:.0f} s", flush=True)
    if plant is None and done.returncode == 0:
        finding, proved = sandgrain("prove", submission)
        checking, checked = sandgrain("audit", submission, "-o", scratch / f"{name}-checked", "--json")
        if proved.returncode == checked.returncode == 0:
            print(
                f"{name}: proving {finding:.0f} s, audit with its certificates {checking:.1f} s, "
                f"ratio {finding / checking:.0f}",
                flush=True,
            )
    return seconds


if __name__ == "__main__":
    main()
