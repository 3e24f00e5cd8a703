"""Hashing the files of a directory, in threads, with marks on the way.

The SHA-256 of a file is read off every 64 KiB while it is computed. These prefix digests cost next to nothing and later
tell where a file begins to differ.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandgrain.errors import LimitExceeded
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.limits import LIMITS

STEP = 64 * 1024
_BUFFER = 1 << 20


@dataclass(frozen=True)
class Hashed:
    """One file.

    Attributes:
        path: POSIX path relative to the directory.
        size: bytes.
        sha256: 32 bytes.
        prefixes: SHA-256 of the first ``STEP`` bytes, the first ``2 * STEP`` and so on, and of the whole file, 32 bytes
            each; one digest for an empty file.
        secret: whether it is a private key, or the secret of a commitment.
    """

    path: str
    size: int
    sha256: bytes
    prefixes: bytes
    secret: bool = False


def list_files(root: Path, skip: Callable[[str], bool]) -> list[str]:
    """The regular files below a directory, as POSIX paths sorted by their bytes.

    Args:
        root: the directory.
        skip: says of a path at the top that it is left out.

    Raises:
        EvidenceError: there is a link, a device, or a name that is not UTF-8.
        LimitExceeded: too many, too deep or too long names.
    """
    found: list[str] = []
    for path, entry in _entries(root, "", 0):
        if skip(path):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise EvidenceError(
                f"{path!a} is a link or not a regular file",
                file=root,
                expected="regular files and directories",
                remedy="replace the link by the file itself",
            )
        found.append(path)
        if len(found) > LIMITS.files:
            raise LimitExceeded("more files than allowed", file=root, expected=f"at most {LIMITS.files} (files)")
    return sorted(found, key=str.encode)


def _entries(root: Path, base: str, depth: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    if depth > LIMITS.depth:
        raise LimitExceeded("deeper directories than allowed", file=root, expected=f"at most {LIMITS.depth} (depth)")
    try:
        with os.scandir(root / base) as listing:
            entries = list(listing)
    except OSError as error:
        raise EvidenceError(f"the directory cannot be read: {error.strerror}", file=root / base) from error
    for entry in entries:
        path = f"{base}/{entry.name}" if base else entry.name
        try:
            length = len(path.encode())
        except UnicodeEncodeError as error:
            raise EvidenceError(f"the name {path!a} is not UTF-8", file=root, remedy="rename the file") from error
        if length > LIMITS.name_bytes:
            raise LimitExceeded("a longer path than allowed", file=root, expected=f"{LIMITS.name_bytes} (name_bytes)")
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(root, path, depth + 1)
        else:
            yield path, entry


def hash_files(root: Path, paths: Sequence[str], told: Callable[[int, int], None]) -> list[Hashed]:
    """Hash files, as many at a time as there are processors.

    Args:
        root: the directory.
        paths: relative to it.
        told: told the number of files done and of all.

    Raises:
        EvidenceError: one cannot be read, or is no regular file any more.
        LimitExceeded: too many bytes.
    """
    hashed = []
    total = 0
    workers = max(1, min(len(os.sched_getaffinity(0)), len(paths)))
    with ThreadPoolExecutor(workers) as pool:
        try:
            for one in pool.map(lambda path: _hash(root, path), paths, chunksize=1):
                hashed.append(one)
                total += one.size
                if total > LIMITS.total_bytes:
                    raise LimitExceeded(
                        "more bytes than allowed", file=root, expected=f"{LIMITS.total_bytes} (total_bytes)"
                    )
                told(len(hashed), len(paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return hashed


def _hash(root: Path, path: str) -> Hashed:
    digest = hashlib.sha256()
    prefixes = []
    size = 0
    secret = False
    buffer = memoryview(bytearray(_BUFFER))
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise EvidenceError("this is not a regular file", file=root / path)
            while count := _fill(stream.readinto, buffer):
                if size == 0:
                    secret = is_secret(bytes(buffer[: min(count, 4096)]))
                size += count
                if size > LIMITS.file_bytes:
                    raise LimitExceeded("the file is larger than allowed", file=root / path, expected="file_bytes")
                for at in range(0, count, STEP):
                    digest.update(buffer[at : min(at + STEP, count)])
                    prefixes.append(digest.copy().digest())
    except OSError as error:
        raise EvidenceError(f"the file cannot be read: {error.strerror or error}", file=root / path) from error
    final = digest.digest()
    return Hashed(path, size, final, b"".join(prefixes) or final, secret)


def is_secret(head: bytes) -> bool:
    """Whether a file that begins so is a private key of Sandgrain, or the secret of a commitment."""
    key = head.startswith(b"Sandgrain-") and b" PRIVATE KEY-----" in head
    return key or (head.startswith(b'{"commitment":"') and b'"type":"sandgrain.opening/1"' in head)


def _fill(readinto: Callable[[memoryview], int | None], buffer: memoryview) -> int:
    """Fill the buffer unless the file ends."""
    count = 0
    while count < len(buffer) and (read := readinto(buffer[count:])):
        count += read
    return count
