"""Run by itself, so that it is one thread and may fork: kills writers at random moments and looks at what is left.

    python -m tests.transparency.killing DIRECTORY ROUNDS SEED

Prints one JSON object: how many rounds, entries acknowledged, and everything that was lost or broken.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandgrain.progress import SilentProgress
from sandgrain.transparency.keys import Role, SigningKey, generate, read_signing, write_key
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_audit import audit_log
from sandgrain.transparency.seal import seal
from sandgrain.transparency.seal_check import check_directory
from sandgrain.transparency.trust import Moment, Trust
from tests.transparency.world import make_submission


def key(root: Path, role: Role) -> SigningKey:
    write_key(root / f"{role}.key", *generate(role, f"{role}.example"))
    return read_signing(str(root / f"{role}.key"))


def append_until_killed(log: Path, signer: SigningKey, tell: int, seed: int) -> None:
    """Append entries in batches for ever; each index is told only after it was acknowledged."""
    drawn = random.Random(seed)
    opened = Log(log)
    number = 0
    while True:
        batch = [b"%d-%d" % (seed, number + at) for at in range(drawn.choice([1, 1, 2, 7, 300]))]
        done = opened.append(batch, signer)
        os.write(tell, struct.pack("<QQ", done.first, len(batch)) + b"%-32d" % number)
        number += len(batch)


def forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def kill_appenders(root: Path, rounds: int, seed: int) -> dict[str, object]:
    signer = key(root, Role.LOG)
    trust = Trust.of([signer.public])
    log = Log.create(root / "log", signer)
    drawn = random.Random(seed)
    acknowledged = 0
    lost: list[str] = []
    for number in range(rounds):
        reading, writing = os.pipe()
        writers = [seed * 1_000_000 + number * 2 + one for one in range(1 + number % 2)]
        children = [forked(partial(append_until_killed, log.root, signer, writing, one)) for one in writers]
        os.close(writing)
        if number % 4:
            # On a busy machine a writer may not have begun yet; most are to be killed in the middle of their work.
            select.select([reading], [], [], 5)
        time.sleep(drawn.uniform(0.001, 0.03))
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as told:
            rows = told.read()
        rows = rows[: len(rows) // 48 * 48]
        size = log.checkpoint().checkpoint.size
        stored = list(log.entries(0, size))
        for at in range(0, len(rows), 48):
            first, count = struct.unpack("<QQ", rows[at : at + 16])
            start = int(rows[at + 16 : at + 48])
            acknowledged += count
            found = [entry.split(b"-", 1) for entry in stored[first : first + count]]
            if [int(end) for _, end in found] != list(range(start, start + count)):
                lost.append(f"round {number}: entries {first} to {first + count} are not what was acknowledged")
        if number % 20 == 0 or number == rounds - 1:
            outcome = audit_log(log, trust, SilentProgress(), signatures=False)
            lost += [f"round {number}: {fault}" for fault in outcome.faults]
        log.append([b"after-%d" % number], signer)
    return {"rounds": rounds, "acknowledged": acknowledged, "size": log.checkpoint().checkpoint.size, "lost": lost}


def kill_sealers(root: Path, rounds: int, seed: int) -> dict[str, object]:
    signer = key(root, Role.VENDOR)
    trust = Trust.of([signer.public])
    drawn = random.Random(seed)
    submission = make_submission(root / "submission")
    seal(submission, [signer], SilentProgress())
    broken: list[str] = []
    for number in range(rounds):
        child = forked(lambda: seal(submission, [signer], SilentProgress()))
        time.sleep(drawn.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        outcome, _ = check_directory(submission, trust, Moment(), SilentProgress())
        broken += [f"round {number}: {fault}" for fault in outcome.faults]
    return {"rounds": rounds, "lost": broken}


def main() -> None:
    root, rounds, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    told = {"log": kill_appenders(root, rounds, seed), "seal": kill_sealers(root, rounds // 4, seed)}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
