"""Time per stage of whole audits of PicoRV32, clean and with a planted stop, and the largest memory of the process.

python benchmarks/audit_stages.py [--runs N] [--budget SECONDS]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sandgrain.redteam import write_example


def audit(submission: Path, case: Path, budget: float) -> tuple[str, float, dict[str, float]]:
    """Verdict, wall-clock seconds of the whole command, seconds per stage."""
    command = [sys.executable, "-m", "sandgrain", "audit", str(submission), "-o", str(case), "--json"]
    started = time.monotonic()
    done = subprocess.run([*command, "--budget", str(budget)], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout)
    return told["claims"][0]["verdict"], seconds, {stage["name"]: stage["seconds"] for stage in told["stages"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--budget", type=float, default=300.0)
    arguments = parser.parse_args()
    for plant in (None, "bus-kill"):
        with tempfile.TemporaryDirectory() as directory:
            submission = write_example("picorv32", Path(directory) / "submission", plant)
            runs = [
                audit(submission, Path(directory) / f"case-{number}", arguments.budget)
                for number in range(arguments.runs)
            ]
        print(f"\npicorv32 {plant or 'clean'}: {runs[0][0]}, median of {len(runs)}")
        for name in runs[0][2]:
            print(f"  {name:<20} {statistics.median(run[2].get(name, 0.0) for run in runs):8.2f} s")
        print(f"  {'whole command':<20} {statistics.median(run[1] for run in runs):8.2f} s")
    print(f"\nlargest child: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB resident")


if __name__ == "__main__":
    main()
