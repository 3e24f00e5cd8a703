"""Nothing is lost and nothing forks, wherever a writer stops: by kill -9, at each call to the system, by the disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandgrain.transparency.errors import StorageError
from sandgrain.transparency.group_commit import GroupCommit
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_audit import audit_log
from sandgrain.transparency.seal import seal
from sandgrain.transparency.seal_check import check_directory
from sandgrain.transparency.trust import Moment, Trust
from tests.transparency.world import QUIET, make_key, make_submission

CALLS = ("write", "fsync", "replace", "open")


class Stopped(BaseException):
    """The process would not be there any more."""


@pytest.fixture
def log_key(tmp_path: Path) -> SigningKey:
    return make_key(tmp_path / "keys", Role.LOG, "log.example")


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, after: int, error: Callable[[], BaseException]) -> Iterator[list[str]]:
    """From the ``after``-th call to the system that writes, every one fails; gives the calls made."""
    made: list[str] = []

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name != "open" or arguments[1] & (os.O_WRONLY | os.O_RDWR):
                if len(made) >= after:
                    raise error()
                made.append(name)
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, wrapped(name, getattr(os, name)))
        yield made


def is_whole(log: Log, key: SigningKey) -> bool:
    return audit_log(log, Trust.of([key.public]), QUIET, signatures=False).ok


def grow(root: Path, key: SigningKey) -> Log:
    log = Log.create(root, key)
    log.append([b"%d" % number for number in range(254)], key)
    return log


def copy_of(log: Log, to: Path) -> Log:
    shutil.copytree(log.root, to)
    return Log(to)


@pytest.mark.parametrize("how", ["killed", "full", "read-only"])
def test_stopped_at_every_call_to_the_system(
    tmp_path: Path, log_key: SigningKey, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The append crosses a tile; after each stop the log is whole, has all or nothing of it, and takes the next one."""
    errors: dict[str, Callable[[], BaseException]] = {
        "killed": Stopped,
        "full": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        "read-only": lambda: OSError(errno.EROFS, os.strerror(errno.EROFS)),
    }
    base = grow(tmp_path / "base", log_key)
    reference = copy_of(base, tmp_path / "reference")
    with failing(monkeypatch, 10**9, Stopped) as calls:
        reference.append([b"a", b"b", b"c"], log_key)
    assert len(calls) > 20
    step = 1 if how == "killed" else 5
    for after in range(0, len(calls), step):
        log = copy_of(base, tmp_path / f"{how}-{after}")
        with failing(monkeypatch, after, errors[how]), pytest.raises((Stopped, StorageError)) as raised:
            log.append([b"a", b"b", b"c"], log_key)
        assert (raised.type is Stopped) == (how == "killed")
        assert is_whole(Log(log.root), log_key)
        before = log.checkpoint()
        done = Log(log.root).append([b"after"], log_key)
        assert done.first in (254, 257)
        # A checkpoint that was signed is never followed by another history.
        waited = done.first == 257
        assert list(log.entries(254, done.first + 1)) == ([b"a", b"b", b"c"] if waited else []) + [b"after"]
        assert before.checkpoint.size in (254, 257)
        assert is_whole(log, log_key)


def test_a_signed_checkpoint_is_published_by_whoever_comes_next(
    tmp_path: Path, log_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between signing and publishing: somebody may have seen the checkpoint, so it holds."""
    log = grow(tmp_path / "log", log_key)
    with monkeypatch.context() as patch:
        real = os.replace

        def replace(source: Path, target: Path) -> None:
            if Path(target).name == "checkpoint":
                raise Stopped
            real(source, target)

        patch.setattr(os, "replace", replace)
        with pytest.raises(Stopped):
            log.append([b"signed"], log_key)
    assert log.checkpoint().checkpoint.size == 254
    assert log.append([b"next"], log_key).first == 255
    assert list(log.entries(254, 256)) == [b"signed", b"next"]
    assert is_whole(log, log_key)


def test_entries_last_before_the_checkpoint_does(
    tmp_path: Path, log_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What power failure may take is what was not synced: every file and directory is, before the checkpoint."""
    log = grow(tmp_path / "log", log_key)
    opened: dict[int, str] = {}
    synced: list[str] = []
    events: list[tuple[str, str]] = []
    real_open, real_fsync, real_replace = os.open, os.fsync, os.replace

    def note_open(path: Any, *arguments: Any, **options: Any) -> int:
        descriptor = real_open(path, *arguments, **options)
        opened[descriptor] = str(path)
        return descriptor

    def note_fsync(descriptor: int) -> None:
        synced.append(opened[descriptor])
        events.append(("sync", opened[descriptor]))
        real_fsync(descriptor)

    def note_replace(source: Path, target: Path) -> None:
        assert str(source) in synced, "a file got its name before it lasted"
        events.append(("name", str(target)))
        real_replace(source, target)

    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    synced.append(str(log.root / "checkpoint.next"))
    log.append([b"x", b"y", b"z"], log_key)
    names = [event for event in events if event[0] == "name"]
    assert [Path(name).name for _, name in names[-2:]] == ["checkpoint.next", "checkpoint"]
    published = events.index(names[-1])
    for _, name in names[:-2]:
        assert ("sync", str(Path(name).parent)) in events[: events.index(names[-2])], name
    assert ("sync", str(log.root)) in events[events.index(names[-2]) : published]
    assert events[-1] == ("sync", str(log.root))


def run_killing(tmp_path: Path, rounds: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.transparency.killing", str(tmp_path), str(rounds), str(seed)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["log"]["lost"] == []
    assert told["seal"]["lost"] == []
    assert told["log"]["acknowledged"] > rounds
    return told


def test_kill_9_at_a_few_moments(tmp_path: Path) -> None:
    run_killing(tmp_path, 12, 1)


@pytest.mark.slow
def test_kill_9_at_200_moments(tmp_path: Path) -> None:
    assert run_killing(tmp_path, 200, 2)["log"]["rounds"] == 200


def test_a_disk_that_is_really_full_and_then_read_only(tmp_path: Path) -> None:
    """A file system of 400 KB, where the system lets us make one."""
    inside = f"mount -t tmpfs -o size=400k tmpfs {tmp_path} && exec {sys.executable} -m tests.transparency.full_disk"
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", f"{inside} {tmp_path}"]
    root = Path(__file__).resolve().parents[2]
    if shutil.which("unshare") is None or subprocess.run([*command[:4], "-c", "true"], check=False).returncode:
        pytest.skip("no mount of our own is allowed here")
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if "mount:" in done.stderr:
        pytest.skip("no mount of our own is allowed here")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["size"] == told["acknowledged"] == told["after"] > 20
    assert told["whole"] and told["still"]
    assert told["left"] == []
    assert "No space left" in told["full"] and "free space" in told["full"]
    assert "Read-only" in told["read_only"] and "can be written to" in told["read_only"]


def test_two_handles_and_many_threads_do_not_fork(tmp_path: Path, log_key: SigningKey) -> None:
    log = Log.create(tmp_path / "log", log_key)
    told: dict[bytes, int] = {}

    def work(name: int) -> None:
        mine = Log(log.root)
        for number in range(12):
            told[b"%d/%d" % (name, number)] = mine.append([b"%d/%d" % (name, number)], log_key).first

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = list(log.entries(0, 48))
    assert {entry: at for at, entry in enumerate(stored)} == told
    assert is_whole(log, log_key)


def test_group_commit_tells_each_writer_its_index(tmp_path: Path, log_key: SigningKey) -> None:
    log = Log.create(tmp_path / "log", log_key)
    with GroupCommit(log, log_key) as commit:
        futures = {number: commit.submit(b"%d" % number) for number in range(500)}
        indexes = {number: future.result() for number, future in futures.items()}
    stored = list(log.entries(0, 500))
    assert all(stored[index] == b"%d" % number for number, index in indexes.items())
    assert is_whole(log, log_key)


def test_group_commit_tells_each_writer_of_a_full_disk(
    tmp_path: Path, log_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log.create(tmp_path / "log", log_key)
    with failing(monkeypatch, 0, lambda: OSError(errno.ENOSPC, "full")), GroupCommit(log, log_key) as commit:
        refused = commit.submit(b"x").exception()
    assert isinstance(refused, StorageError)
    assert log.checkpoint().checkpoint.size == 0


def test_a_full_disk_leaves_the_earlier_seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = make_key(tmp_path / "keys", Role.VENDOR, "vendor.example")
    submission = make_submission(tmp_path / "s")
    seal(submission, [vendor], QUIET)
    for after in range(3):
        full = failing(monkeypatch, after, lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        with full, pytest.raises(StorageError, match="No space left") as raised:
            seal(submission, [vendor], QUIET)
        assert "free space" in str(raised.value)
        assert check_directory(submission, Trust.of([vendor.public]), Moment(), QUIET)[0].ok
        assert not list(submission.rglob("*.writing"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to(tmp_path: Path, log_key: SigningKey) -> None:
    log = Log.create(tmp_path / "log", log_key)
    log.root.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="Permission denied"):
            log.append([b"x"], log_key)
    finally:
        log.root.chmod(0o700)
    assert log.append([b"x"], log_key).first == 0
