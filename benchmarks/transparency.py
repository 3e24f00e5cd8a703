"""Sealing beside sha256sum on the same files, appending to a log, and verifying a log of a million entries.

    python -m benchmarks.transparency [--megabytes 512] [--entries 1000000] [--directory DIR]

Both readers find the files in the page cache. sha256sum runs on one processor, as it does; sealing takes all there are.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from sandgrain.progress import SilentProgress
from sandgrain.transparency.group_commit import GroupCommit
from sandgrain.transparency.keys import Role, SigningKey, generate, read_signing, write_key
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_audit import audit_log
from sandgrain.transparency.seal import SUBMISSION, hash_tree
from sandgrain.transparency.trust import Trust


def make_files(root: Path, megabytes: int) -> list[Path]:
    """A few large files and many small ones, as a layout and its sources are."""
    drawn = random.Random(1)
    sizes = [megabytes * 1_000_000 // 4] * 3 + [megabytes * 1_000_000 // 4 // 2_000] * 2_000
    paths = []
    for number, size in enumerate(sizes):
        path = root / f"{number // 500}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn.randbytes(size))
        paths.append(path)
    return paths


def seconds_of(work: object) -> float:
    """The best of three runs."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()  # type: ignore[operator]
        best = min(best, time.perf_counter() - started)
    return best


def sealing(root: Path, megabytes: int) -> None:
    paths = make_files(root, megabytes)
    total = sum(path.stat().st_size for path in paths) / 1e6
    peer = shutil.which("sha256sum")
    if peer is None:
        print("  sha256sum: not installed")
        return
    names = "\0".join(map(str, paths)).encode()
    theirs = seconds_of(
        lambda: subprocess.run(["xargs", "-0", peer], input=names, stdout=subprocess.DEVNULL, check=True)
    )
    ours = seconds_of(lambda: hash_tree(root, SUBMISSION, SilentProgress()))
    print(f"seal       {total:8.0f} MB in {len(paths):,} files   sandgrain {ours:6.2f} s {total / ours:7.0f} MB/s")
    print(f"           {total:8.0f} MB in {len(paths):,} files   sha256sum {theirs:6.2f} s {total / theirs:7.0f} MB/s")
    print(f"           we are {theirs / ours:.2f} times as fast with {len(os.sched_getaffinity(0))} processors")


def log_key(root: Path) -> SigningKey:
    public, private = generate(Role.LOG, "bench.example/log")
    write_key(root / "log.key", public, private)
    return read_signing(str(root / "log.key"))


def appending(root: Path, key: SigningKey, entries: int) -> Log:
    log = Log.create(root / "log", key)
    payload = random.Random(2).randbytes(600)
    batch = 5_000
    started = time.perf_counter()
    for first in range(0, entries, batch):
        log.append([b"%d " % number + payload for number in range(first, min(first + batch, entries))], key)
    spent = time.perf_counter() - started
    print(f"append     {entries:,} entries of 600 bytes, {batch:,} a batch: {entries / spent:,.0f} entries/s")
    return log


def group_commit(root: Path, key: SigningKey) -> None:
    log = Log.create(root / "group", key)
    count, threads = 200, 64
    with GroupCommit(log, key) as commit:

        def work(number: int) -> None:
            for one in range(count):
                commit.submit(b"%d %d" % (number, one)).result()

        running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        started = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        spent = time.perf_counter() - started
    print(f"append     {threads} threads that each wait for every entry: {threads * count / spent:,.0f} entries/s")


def verifying(log: Log, key: SigningKey) -> None:
    started = time.perf_counter()
    outcome = audit_log(log, Trust.of([key.public]), SilentProgress(), signatures=False)
    spent = time.perf_counter() - started
    assert outcome.ok, outcome
    print(f"verify     {log.checkpoint().checkpoint.size:,} entries, every hash and tile: {spent:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="work here instead of in the directory for temporary files")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory) as scratch:
        root = Path(scratch)
        sealing(root / "files", chosen.megabytes)
        key = log_key(root)
        group_commit(root, key)
        verifying(appending(root, key, chosen.entries), key)


if __name__ == "__main__":
    main()
