"""The log on disk: layout of C2SP tlog-tiles, growth, proofs, witnesses, forks, and the index."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.errors import SandgrainError
from sandgrain.transparency.checkpoint import parse_checkpoint, with_signatures
from sandgrain.transparency.errors import ForkError, LogError
from sandgrain.transparency.fork import check_fork, fork_between, is_fork
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_acts import audit_with, cosign_log, keep_cosignatures
from sandgrain.transparency.log_audit import audit_log
from sandgrain.transparency.log_index import find
from sandgrain.transparency.merkle import Tree, leaf_hash
from sandgrain.transparency.proof import check_proof, parse_proof, prove_entry, write_proof
from sandgrain.transparency.tiles import decode_bundle, encode_bundle, partial_width, tile_levels, tile_path
from sandgrain.transparency.trust import Trust, read_trust
from sandgrain.transparency.verify import Beside, verify
from sandgrain.transparency.witness import witness
from tests.transparency import spec
from tests.transparency.world import QUIET, World, make_key


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return make_key(tmp_path_factory.mktemp("keys"), Role.LOG, "log.example")


@pytest.fixture(scope="module")
def pub(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Path:
    path = tmp_path_factory.mktemp("pub") / "log.pub"
    path.write_bytes(key.public.to_bytes())
    return path


def test_the_paths_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 5, 17) == "tile/entries/005.p/17"
    assert tile_path(63, 0, 256) == "tile/63/000"
    # The example of the specification: a tree of 70,000.
    assert [partial_width(level, 70_000) for level in range(3)] == [112, 17, 1]
    assert [70_000 >> (8 * (level + 1)) for level in range(3)] == [273, 1, 0]
    assert tile_levels(70_000) == 3
    assert [partial_width(level, 256) for level in range(2)] == [0, 1]


@given(st.lists(st.binary(max_size=70), max_size=20))
def test_bundles(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data, Path("x")) == entries
    if data:
        with pytest.raises(LogError):
            decode_bundle(data[:-1] if entries[-1] else data + b"\0", Path("x"))


@pytest.mark.parametrize("sizes", [[1] * 6, [255, 1, 1], [256], [257, 255], [300, 1, 700], [1, 255, 513]])
def test_a_log_grows_as_the_specification_says(tmp_path: Path, key: SigningKey, pub: Path, sizes: list[int]) -> None:
    log = Log.create(tmp_path / "log", key)
    assert spec.log_holds(log.root, spec.Keys([pub]), witnesses=0) == 0
    total = 0
    for size in sizes:
        done = log.append([b"entry %d" % number for number in range(total, total + size)], key)
        assert done.first == total
        total += size
        keys = spec.Keys([pub])
        assert spec.log_holds(log.root, keys, witnesses=0) == total
        assert done.checkpoint.checkpoint.root == Tree(leaf_hash(b"entry %d" % n) for n in range(total)).root()
    assert list(log.entries(0, total)) == [b"entry %d" % number for number in range(total)]
    assert list(log.entries(total - 1, total)) == [b"entry %d" % (total - 1)]
    assert audit_log(log, Trust.of([key.public]), QUIET, signatures=False).ok
    # Partial tiles are gone once the full one is there.
    assert not (log.root / "tile" / "0" / "000.p").exists() or total < 256


def test_what_a_log_refuses(tmp_path: Path, key: SigningKey, world: World) -> None:
    log = Log.create(tmp_path / "log", key)
    with pytest.raises(LogError, match="already"):
        Log.create(tmp_path / "log", key)
    with pytest.raises(LogError, match="key of a vendor"):
        Log.create(tmp_path / "other", world.vendor)
    with pytest.raises(LogError, match="not the key of the log"):
        log.append([b"x"], world.log_key)
    with pytest.raises(LogError, match="65,536 bytes"):
        log.append([b"x" * 65_536], key)
    with pytest.raises(LogError, match="nothing to append"):
        log.append([], key)
    log.append([b"x" * 65_535], key)
    with pytest.raises(LogError, match="no log here"):
        Log(tmp_path)
    with pytest.raises(LogError, match="no entry 1"):
        prove_entry(log, 1)


def test_a_damaged_log_takes_no_entry(tmp_path: Path, key: SigningKey) -> None:
    log = Log.create(tmp_path / "log", key)
    log.append([b"a", b"b", b"c"], key)
    tile = log.root / "tile" / "0" / "000.p" / "3"
    tile.write_bytes(tile.read_bytes()[::-1])
    with pytest.raises(LogError, match="do not have the root hash"):
        log.append([b"d"], key)
    tile.unlink()
    with pytest.raises(LogError, match="missing"):
        log.append([b"d"], key)


def test_an_audit_names_the_entry_the_tile_or_the_checkpoint(tmp_path: Path, key: SigningKey) -> None:
    log = Log.create(tmp_path / "log", key)
    log.append([b"entry %d" % number for number in range(600)], key)
    trust = Trust.of([key.public])

    def told(path: str, change: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
        file = log.root / path
        data = file.read_bytes()
        file.write_bytes(change(data))
        outcome = audit_log(log, trust, QUIET, signatures=False)
        file.write_bytes(data)
        return [(fault.kind.value, fault.where) for fault in outcome.faults]

    assert told("tile/entries/001", lambda data: data.replace(b"entry 300", b"entry 999")) == [("entry", "300")]
    assert told("tile/0/001", lambda data: b"\0" * 32 + data[32:]) == [("tile", "tile/0/001")]
    assert told("tile/1/000.p/2", lambda data: data[32:] + data[:32]) == [("tile", "tile/1/000.p/2")] * 2
    assert told("checkpoint", lambda data: data.replace(b"\n600\n", b"\n599\n"))[0][0] == "checkpoint"
    both = told("tile/entries/002.p/88", lambda data: data.replace(b"entry 512", b"entry 511"))
    assert both == [("entry", "512"), ("entry", "512")]  # altered, and entry 511 again
    assert told("tile/0/000", lambda data: data[:-1])[0] == ("tile", "tile/0/000")
    assert audit_log(log, trust, QUIET, signatures=False).ok


def test_proofs_of_every_entry(tmp_path: Path, key: SigningKey, world: World) -> None:
    log = Log(world.log)
    trust = read_trust(world.pubs)
    size = log.checkpoint().checkpoint.size
    for index in range(size):
        proof = write_proof(log, index, tmp_path / "p")
        data = (tmp_path / "p").read_bytes()
        assert parse_proof(data) == proof
        assert check_proof(data, trust, "p")[0].ok
        # Not of another entry.
        other = replace(proof, index=(index + 1) % size).to_bytes()
        assert not check_proof(other, trust, "p")[0].ok
    assert parse_proof(world.proof.read_bytes()).to_bytes() == world.proof.read_bytes()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_refused(data: bytes) -> None:
    for text in (data, b"c2sp.org/tlog-proof@v1\n" + data, b"c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\n" + data):
        with pytest.raises(SandgrainError):
            parse_proof(text)


def test_a_proof_without_a_witness_is_told(world: World) -> None:
    trust = Trust.of([world.vendor.public, world.examiner.public, world.log_key.public])
    outcome, _, moment = check_proof(world.proof.read_bytes(), trust, "p")
    assert outcome.ok
    assert "no witness has cosigned" in outcome.notes[0]
    assert "signatures of others" in outcome.notes[1]
    assert moment.time is None
    demanding = replace(trust, thresholds=((Role.WITNESS, 1),))
    assert not check_proof(world.proof.read_bytes(), demanding, "p")[0].ok


def forked(tmp_path: Path, key: SigningKey, extra: list[bytes]) -> tuple[Log, Log]:
    """Two histories with one key: the first three entries are the same."""
    one, other = (Log.create(tmp_path / name, key) for name in ("one", "other"))
    for log in (one, other):
        log.append([b"a", b"b", b"c"], key)
    one.append([b"mine"], key)
    other.append(extra, key)
    return one, other


@pytest.mark.parametrize("extra", [[b"yours"], [b"yours", b"x", b"y"], [b"z"] * 300])
def test_a_witness_finds_a_fork_and_shows_it_to_others(
    tmp_path: Path, key: SigningKey, world: World, extra: list[bytes]
) -> None:
    one, other = forked(tmp_path, key, extra)
    state = tmp_path / "state"
    signed, _ = witness(one, key.public, world.witness, state, now=1)
    assert signed.checkpoint.size == 4
    with pytest.raises(ForkError) as raised:
        witness(other, key.public, world.witness, state, now=2)
    data = raised.value.proof
    assert data is not None
    assert is_fork(data)
    trust = Trust.of([key.public])
    outcome = check_fork(data, trust, "f")
    assert outcome.ok
    assert "two histories" in outcome.holds[0]
    # The witness still remembers the first history, and goes on with it.
    one.append([b"next"], key)
    assert witness(one, key.public, world.witness, state, now=3)[0].checkpoint.size == 5
    # Nobody else can be blamed with it, and no alteration shows anything.
    assert not check_fork(data, Trust.of([world.log_key.public]), "f").ok
    for at in range(0, len(data), 5):
        broken = bytearray(data)
        broken[at] ^= 4
        assert not check_fork(bytes(broken), trust, "f").ok


def test_an_honest_log_cannot_be_blamed(tmp_path: Path, key: SigningKey) -> None:
    log = Log.create(tmp_path / "log", key)
    log.append([b"a", b"b"], key)
    first = log.checkpoint()
    log.append([b"c"], key)
    data = fork_between(first, log.checkpoint(), log.reader(3)).to_bytes()
    (fault,) = check_fork(data, Trust.of([key.public]), "f").faults
    assert "consistent" in fault.what


def test_a_witness_refuses_an_older_or_damaged_log(tmp_path: Path, key: SigningKey, world: World) -> None:
    log = Log.create(tmp_path / "log", key)
    log.append([b"a", b"b"], key)
    old = (log.root / "checkpoint").read_bytes()
    log.append([b"c"], key)
    state = tmp_path / "state"
    witness(log, key.public, world.witness, state)
    new = (log.root / "checkpoint").read_bytes()
    (log.root / "checkpoint").write_bytes(old)
    with pytest.raises(LogError, match="has 2 entries and had 3"):
        witness(log, key.public, world.witness, state)
    (log.root / "checkpoint").write_bytes(new)
    with pytest.raises(LogError, match="not signed with the key"):
        witness(log, world.log_key.public, world.witness, state)
    with pytest.raises(LogError, match="key of a vendor"):
        witness(log, key.public, world.vendor, state)
    tile = log.root / "tile" / "0" / "000.p" / "3"
    tile.write_bytes(tile.read_bytes()[::-1])
    with pytest.raises(LogError, match="do not have the root hash"):
        witness(log, key.public, world.witness, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()
    state.write_bytes(parse_checkpoint(new).to_bytes().replace(b"\n3\n", b"\n2\n"))
    with pytest.raises(LogError, match="of another log, or altered"):
        witness(log, key.public, world.witness, state)


def test_cosignatures_are_kept_for_proofs(tmp_path: Path, key: SigningKey, world: World) -> None:
    log = Log.create(tmp_path / "log", key)
    log.append([b"a", b"b"], key)
    note, state = tmp_path / "note", tmp_path / "state"
    assert cosign_log(log.root, key.public, world.witness, state, note, None).ok
    log.append([b"c"], key)  # the log went on meanwhile
    pub = world.keys / "witness.example.pub"
    assert keep_cosignatures(log, [note], [pub]) == [(2, ["witness.example"])]
    assert log.best_checkpoint(0).checkpoint.size == 2
    assert log.best_checkpoint(2).checkpoint.size == 3
    assert len(log.best_checkpoint(0, [world.witness.public]).note.signatures) == 2
    with pytest.raises(LogError, match="no trusted witness"):
        keep_cosignatures(log, [log.root / "checkpoint"], [pub])
    foreign = Log.create(tmp_path / "foreign", key)
    foreign.append([b"x", b"y"], key)
    signed, signature = witness(foreign, key.public, world.witness, tmp_path / "s2")
    with pytest.raises(LogError, match="another history"):
        log.add_cosignatures(with_signatures(signed, []), [signature])


def test_a_fork_reaches_the_command_with_its_proof(tmp_path: Path, key: SigningKey, pub: Path, world: World) -> None:
    one, other = forked(tmp_path, key, [b"yours"])
    state, fork = tmp_path / "state", tmp_path / "fork.json"
    assert cosign_log(one.root, key.public, world.witness, state, tmp_path / "n", fork).ok
    assert not fork.exists()
    outcome = cosign_log(other.root, key.public, world.witness, state, tmp_path / "n2", fork)
    assert not outcome.ok
    assert not (tmp_path / "n2").exists()
    assert verify(fork, Beside((pub,)), QUIET).ok


def test_a_kept_proof_shows_that_a_log_went_back(copied: Callable[[], World]) -> None:
    world = copied()
    log = Log(world.log)
    older = Log.create(world.root / "older", world.log_key)
    older.append(list(log.entries(0, 2)), world.log_key)
    trust = tuple(path for path in world.pubs if "witness" not in path.name)
    assert audit_with(older, trust, [], QUIET).ok
    (fault,) = audit_with(older, trust, [world.proof], QUIET).faults
    assert "has 2 entries and had" in fault.what
    older.append([b"x"] * 9, world.log_key)
    faults = audit_with(older, trust, [world.proof], QUIET, signatures=False).faults
    assert any("again" in fault.what for fault in faults)


def test_the_index_follows_the_log_and_can_be_thrown_away(copied: Callable[[], World]) -> None:
    world = copied()
    log = Log(world.log)
    digest = parse_and_hash(world.receipt)
    assert [(one.index, one.act, one.subject) for one in find(log, digest)] == [(1, "received", "receipt.json")]
    before = find(log, digest)
    (log.root / "index.sqlite").unlink()
    assert find(log, digest) == before
    log.append(list(log.entries(1, 2)), world.log_key)
    assert len(find(log, digest)) == 2
    assert find(log, "0" * 64) == []
    (entry,) = log.entries(0, 1)
    assert find(log, leaf_hash(entry).hex())[0].index == 0
    # An index of another log is made anew.
    other = Log.create(world.root / "other", world.log_key)
    other.append([b"no act", b"neither"], world.log_key)
    os.replace(log.root / "index.sqlite", other.root / "index.sqlite")
    assert find(other, digest) == []
    assert find(other, leaf_hash(b"neither").hex())[0].act == ""
    (other.root / "index.sqlite").write_bytes(b"no base at all" * 100)
    with pytest.raises(LogError, match="delete the index"):
        find(other, digest)


def test_two_that_look_up_at_once_agree(copied: Callable[[], World]) -> None:
    world = copied()
    digest = parse_and_hash(world.receipt)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: find(Log(world.log), digest), range(16)))
    assert all(one == found[0] and len(one) == 1 for one in found)


def parse_and_hash(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
