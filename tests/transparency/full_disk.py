"""Run by itself on a small disk of its own: fills it, then makes it read-only, and looks at what is left.

    python -m tests.transparency.full_disk DIRECTORY

DIRECTORY is an empty file system of a few hundred kilobytes. Prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sandgrain.progress import SilentProgress
from sandgrain.transparency.errors import StorageError
from sandgrain.transparency.keys import Role, SigningKey, generate, read_signing, write_key
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_audit import audit_log
from sandgrain.transparency.trust import Trust


def refused(log: Log, key: SigningKey, entries: list[bytes]) -> str:
    try:
        log.append(entries, key)
    except StorageError as error:
        return f"{error.what} {error.remedy}"
    return ""


def main() -> None:
    root = Path(sys.argv[1])
    write_key(root / "log.key", *generate(Role.LOG, "log.example"))
    key = read_signing(str(root / "log.key"))
    log = Log.create(root / "log", key)
    trust = Trust.of([key.public])
    filler = root / "filler"
    filler.write_bytes(bytes(100_000))
    acknowledged = 0
    told = ""
    while not told and acknowledged < 10_000:
        told = refused(log, key, [b"%d" % (acknowledged + at) + bytes(500) for at in range(20)])
        acknowledged += 0 if told else 20
    whole = audit_log(log, trust, SilentProgress(), signatures=False).ok
    size = log.checkpoint().checkpoint.size
    left = [path.name for path in (root / "log").rglob("*.writing")]
    filler.unlink()
    after = log.append([b"there is room again"], key).first
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
    read_only = refused(log, key, [b"x"])
    row = {
        "acknowledged": acknowledged,
        "size": size,
        "whole": whole,
        "left": left,
        "after": after,
        "full": told,
        "read_only": read_only,
        "still": audit_log(log, trust, SilentProgress(), signatures=False).ok,
    }
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
