"""Writing files so that each is whole or not there, and stays there when the machine stops."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandgrain.transparency.errors import StorageError

WRITING = ".writing"
"""How the name of a file ends that is being written; after a crash it may be left, and means nothing."""


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write one file and make it last; see :func:`write_all`."""
    write_all([(path, data)], mode=mode)


def write_all(files: Iterable[tuple[Path, bytes]], *, mode: int = 0o644) -> None:
    """Write files so that each is whole or not there, and all of them last before this returns.

    Raises:
        StorageError: one cannot be written; files written before it are whole, no part of it is left.
    """
    directories: set[Path] = set()
    for path, data in files:
        try:
            directories |= _parents(path)
            _write(path, data, mode)
        except OSError as error:
            raise refused(path, error) from error
        directories.add(path.parent)
    for directory in sorted(directories):
        try:
            sync_directory(directory)
        except OSError as error:
            raise refused(directory, error) from error


def _parents(path: Path) -> set[Path]:
    """Make the directories of ``path``; those whose list of names changed."""
    made: set[Path] = set()
    directory = path.parent
    while not directory.is_dir():
        made.add(directory.parent)
        directory = directory.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    return made


def _write(path: Path, data: bytes, mode: int) -> None:
    # A name of its own, so that two that write the same file do not write into each other's.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}{WRITING}")
    try:
        with suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:  # an interruption too leaves nothing half written
        with suppress(OSError):
            temporary.unlink()
        raise


def replace_durably(source: Path, target: Path) -> None:
    """Give ``source`` the name ``target`` in one step that lasts.

    Raises:
        StorageError: it cannot be done; both stay as they are.
    """
    try:
        os.replace(source, target)
        sync_directory(target.parent)
    except OSError as error:
        raise refused(target, error) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that no other process or thread holds meanwhile; waits for it.

    Raises:
        StorageError: the file of the lock cannot be opened for writing.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise refused(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refused(path: Path, error: OSError) -> StorageError:
    """The error of a write that failed, with what to do about it."""
    remedies = {
        errno.ENOSPC: "free space on this disk, then run the same command again; nothing is lost",
        errno.EDQUOT: "free space within the quota, then run the same command again; nothing is lost",
        errno.EROFS: "use a disk that can be written to",
        errno.EACCES: "get write permission for this directory",
        errno.EPERM: "get write permission for this directory",
    }
    return StorageError(
        f"the file cannot be written: {error.strerror or error}",
        file=path,
        expected="a disk with room that can be written to",
        remedy=remedies.get(error.errno or 0, "find out why, then run the same command again; nothing is lost"),
    )
