"""Hostile evidence meets a named limit before it costs anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.errors import LimitExceeded
from sandgrain.transparency import _canonical, _hashing, archive, envelope, note, proof, timestamp, trust
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.seal import hash_tree
from tests.transparency.world import QUIET, World


def tree(root: Path) -> None:
    hash_tree(root / "submission", "submission", QUIET)


CASES: dict[str, tuple[object, int, Callable[[World], object]]] = {
    "files": (_hashing, 3, lambda world: tree(world.root)),
    "file_bytes": (_hashing, 1000, lambda world: tree(world.root)),
    "total_bytes": (_hashing, 1000, lambda world: tree(world.root)),
    "depth": (_hashing, 0, lambda world: tree(world.root)),
    "name_bytes": (_hashing, 10, lambda world: tree(world.root)),
    "envelope_bytes": (envelope, 100, lambda world: envelope.read_envelope(world.receipt.read_bytes())),
    "signatures": (envelope, 0, lambda world: envelope.read_envelope(world.receipt.read_bytes())),
    "note_bytes": (note, 10, lambda world: note.parse_note((world.log / "checkpoint").read_bytes())),
    "proof_bytes": (proof, 10, lambda world: proof.parse_proof(world.proof.read_bytes())),
    "trust_keys": (trust, 1, lambda world: trust.read_trust(world.pubs)),
    "timestamp_bytes": (timestamp, 1, lambda world: timestamp.timestamped_at(b"xx", b"", [], "x")),
}


@pytest.mark.parametrize("name", CASES)
def test_each_limit_is_named(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    module, value, work = CASES[name]
    monkeypatch.setattr(module, "LIMITS", replace(LIMITS, **{name: value}))
    with pytest.raises(LimitExceeded) as raised:
        work(world)
    assert name in str(raised.value)


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert _canonical.read_bounded(tmp_path / "x", 5, "x_bytes", "file") == b"12345"
    with pytest.raises(LimitExceeded, match="x_bytes"):
        _canonical.read_bounded(tmp_path / "x", 4, "x_bytes", "file")


def test_an_archive_has_limits_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(tmp_path / "a.sgcase", "w") as written:
        for number in range(5):
            written.addfile(tarfile.TarInfo(f"f{number}"))
    monkeypatch.setattr(archive, "LIMITS", replace(LIMITS, files=3))
    with pytest.raises(LimitExceeded), archive.opened(tmp_path / "a.sgcase"):
        pass
