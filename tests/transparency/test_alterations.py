"""Whatever is altered in a sealed submission, its receipt, the log or the proof is found, and named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.transparency.errors import EvidenceError, KeyFileError, LogError
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_acts import append_files, audit_with
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.proof import check_proof, write_proof
from sandgrain.transparency.receipt import check_receipt, write_receipt
from sandgrain.transparency.seal import seal
from sandgrain.transparency.tiles import decode_bundle, encode_bundle
from sandgrain.transparency.trust import Moment, read_trust
from sandgrain.transparency.verify import Beside, verify
from tests.transparency import spec
from tests.transparency.world import QUIET, World, cosign, make_world


def judged(world: World, *, signatures: bool = True) -> Outcome:
    """All that an auditor verifies: the receipt with its proof and submission, and that the log continues the proof."""
    beside = Beside(world.pubs, submission=world.submission, proof=world.proof)
    try:
        outcome = verify(world.receipt, beside, QUIET)
    except EvidenceError as error:
        outcome = Outcome("receipt")
        outcome.fault(Kind.RECEIPT, Path(error.place).name, error.what)
    try:
        outcome.take(audit_with(Log(world.log), world.pubs, [world.proof], QUIET, signatures=signatures))
    except (LogError, KeyFileError, EvidenceError) as error:
        outcome.fault(Kind.CHECKPOINT, error.place, error.what)
    return outcome


def named(outcome: Outcome, path: str) -> bool:
    """Whether a fault names the file that was altered, or the part of it."""
    text = "\n".join(map(str, outcome.faults))
    first = path.split("/", maxsplit=1)[0]
    if first == "submission":
        # A seal that was altered is named, and so is a file that took the place of another.
        return path.removeprefix("submission/") in text
    words = {
        "receipt.json": ("receipt.json",),
        "receipt.tlog-proof": ("receipt.tlog-proof", "checkpoint", "entry", "cosignature"),
        "log": (path.removeprefix("log/"), "checkpoint", "entry", "tile", "cosigned", "cosignature"),
    }[first]
    return any(word in text for word in words)


class Altering:
    """Alters one thing of a world at a time, and puts it back."""

    def __init__(self, world: World, older: dict[str, list[bytes]], seed: int) -> None:
        self.world = world
        self.older = older
        self.drawn = random.Random(seed)
        self.files = sorted(
            path.relative_to(world.root).as_posix()
            for path in world.root.rglob("*")
            if path.is_file() and path.name not in (".lock", "index.sqlite")
        )
        size = Log(world.log).checkpoint().checkpoint.size
        names = [(level, size // 256, size % 256) for level in ("entries", 0)] + [(1, 0, size // 256)]
        names += [(level, index, 256) for level in ("entries", 0) for index in range(size // 256)]
        self.needed = {f"log/{spec.tile_name(*one)}" for one in names if one[2]}
        self.kinds: list[Callable[[], list[str] | None]] = [
            self.flip,
            self.flip,
            self.flip,
            self.truncate,
            self.lengthen,
            self.swap_files,
            self.delete,
            self.add,
            self.reorder,
            self.swap_entries,
            self.replay_entry,
            self.replay_file,
        ]

    def read(self, name: str) -> bytes:
        return (self.world.root / name).read_bytes()

    def write(self, name: str, data: bytes) -> list[str]:
        (self.world.root / name).write_bytes(data)
        return [name]

    def pick(self, least: int = 1) -> str:
        # Every part of the evidence as often as the others, however many files it has.
        part = self.drawn.choice(["submission/", "receipt.json", "log/", "receipt.tlog-proof"])
        fitting = [
            name for name in self.files if name.startswith(part) and (self.world.root / name).stat().st_size >= least
        ]
        return self.drawn.choice(fitting)

    def flip(self) -> list[str]:
        name = self.pick()
        data = bytearray(self.read(name))
        data[self.drawn.randrange(len(data))] ^= 1 << self.drawn.randrange(8)
        return self.write(name, bytes(data))

    def truncate(self) -> list[str]:
        name = self.pick()
        data = self.read(name)
        return self.write(name, data[: self.drawn.randrange(len(data))])

    def lengthen(self) -> list[str]:
        name = self.pick(0)
        return self.write(name, self.read(name) + self.drawn.randbytes(self.drawn.randint(1, 40)))

    def swap_files(self) -> list[str] | None:
        one, other = self.pick(0), self.pick(0)
        first, second = self.read(one), self.read(other)
        if first == second:
            return None
        self.write(one, second)
        self.write(other, first)
        return [one, other]

    def delete(self) -> list[str] | None:
        name = self.pick(0)
        if name.startswith("log/tile") and name not in self.needed:
            return None  # earlier partial tiles may go once the full one is there
        if name.startswith("log/cosigned"):
            return None  # a cosignature nobody kept proves nothing, and nothing is claimed of it
        (self.world.root / name).unlink()
        return [name]

    def add(self) -> list[str]:
        name = self.drawn.choice(["submission/rtl/new.v", "submission/x", "log/tile/0/zzz", "log/tile/entries/x/000"])
        (self.world.root / name).parent.mkdir(parents=True, exist_ok=True)
        return self.write(name, b"module new; endmodule\n")

    def reorder(self) -> list[str] | None:
        """Two pieces of one file change places: lines of a text, blocks of anything else."""
        name = self.pick(64)
        data = self.read(name)
        if name.endswith((".tlog-proof", "checkpoint")):
            rows = data.split(b"\n")
        else:
            length = max(1, len(data) // self.drawn.randint(2, 40))
            rows = [data[at : at + length] for at in range(0, len(data), length)]
        if len(rows) < 2:
            return None
        one, other = self.drawn.sample(range(len(rows)), 2)
        rows[one], rows[other] = rows[other], rows[one]
        altered = (b"\n" if name.endswith((".tlog-proof", "checkpoint")) else b"").join(rows)
        return None if altered == data else self.write(name, altered)

    def bundle(self) -> tuple[str, list[bytes]]:
        names = [name for name in self.needed if "/entries/" in name]
        name = self.drawn.choice(sorted(names))
        return name, decode_bundle(self.read(name), Path(name))

    def swap_entries(self) -> list[str] | None:
        name, entries = self.bundle()
        if len(entries) < 2:
            return None
        one, other = self.drawn.sample(range(len(entries)), 2)
        entries[one], entries[other] = entries[other], entries[one]
        return self.write(name, encode_bundle(entries))

    def replay_entry(self) -> list[str] | None:
        name, entries = self.bundle()
        if len(entries) < 2:
            return None
        one, other = self.drawn.sample(range(len(entries)), 2)
        entries[one] = entries[other]
        return self.write(name, encode_bundle(entries))

    def replay_file(self) -> list[str] | None:
        """Something that was signed, and held once, in the place of what holds now."""
        name = self.drawn.choice(sorted(self.older))
        other = self.drawn.choice(self.older[name])
        return None if other == self.read(name) else self.write(name, other)


def older_of(world: World, tmp_path: Path) -> dict[str, list[bytes]]:
    """Genuine earlier and foreign versions: of another submission by the same people, and of the log before."""
    foreign = make_world(tmp_path / "foreign", seed=2)
    # The same signers: sealed and received anew with the keys of the world.
    shutil.copytree(foreign.submission, tmp_path / "again")
    shutil.rmtree(tmp_path / "again" / "seal")
    seal(tmp_path / "again", [world.vendor], QUIET)
    vendor = world.keys / "vendor.example.pub"
    assert write_receipt(tmp_path / "again", [world.examiner], [vendor], tmp_path / "old.json", None, QUIET).ok
    versions = {
        "receipt.json": [(tmp_path / "old.json").read_bytes(), foreign.receipt.read_bytes()],
        "submission/seal/seal.dsse.json": [(tmp_path / "again/seal/seal.dsse.json").read_bytes()],
        "submission/seal/prefixes.bin": [(tmp_path / "again/seal/prefixes.bin").read_bytes()],
        "submission/layout/chip.gds": [(tmp_path / "again/layout/chip.gds").read_bytes()],
        "receipt.tlog-proof": [foreign.proof.read_bytes()],
        "log/checkpoint": [(foreign.log / "checkpoint").read_bytes(), (world.root / "first").read_bytes()],
    }
    (world.root / "first").unlink()
    return versions


def build(tmp_path: Path, entries: int) -> tuple[World, dict[str, list[bytes]]]:
    """A world whose log has grown since its first checkpoint, which is kept as something to replay."""
    world = make_world(tmp_path / "w", entries=entries)
    before = (world.log / "checkpoint").read_bytes()
    append_files(Log(world.log), [world.receipt], world.examiner, world.log_key)
    for earlier in (world.log / "cosigned").iterdir():
        earlier.unlink()
    cosign(world, now=1_790_000_100)
    write_proof(Log(world.log), 1, world.proof, [world.witness.public])
    (world.root / "first").write_bytes(before)
    return world, older_of(world, tmp_path)


def alter(tmp_path: Path, entries: int, count: int, seed: int) -> None:
    world, older = build(tmp_path, entries)
    assert judged(world).ok, judged(world)
    assert spec.everything_holds(world.root, list(world.pubs))
    kept = tmp_path / "kept"
    shutil.copytree(world.root, kept)
    altering = Altering(world, older, seed)
    done = 0
    while done < count:
        kind = altering.drawn.choice(altering.kinds)
        touched = kind()
        if touched is None:
            continue
        done += 1
        # In a long log most of the time would go into signatures that every test of a short one verifies.
        outcome = judged(world, signatures=entries < 100 or done % 10 == 0)
        told = f"{kind.__name__} of {touched}: {[str(fault) for fault in outcome.faults]}"
        assert not outcome.ok, told
        assert any(named(outcome, path) for path in touched), told
        assert all(named(outcome, path) for path in touched if path.startswith("submission/")), told
        # The verifier of the specification knows the files that hold now, not those of earlier sizes.
        known = {*altering.needed, "log/checkpoint"}
        if not [path for path in touched if path.startswith("log/") and path not in known]:
            assert not spec.everything_holds(world.root, list(world.pubs)), told
        restore(world.root, kept, touched)
    assert judged(world).ok
    assert spec.everything_holds(world.root, list(world.pubs))


def restore(root: Path, kept: Path, touched: list[str]) -> None:
    for name in touched:
        if (kept / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept / name, root / name)
        else:
            (root / name).unlink()
            if not any((root / name).parent.iterdir()):
                (root / name).parent.rmdir()


def test_a_hundred_alterations(tmp_path: Path) -> None:
    alter(tmp_path, 4, 100, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_2000_alterations(tmp_path: Path, seed: int) -> None:
    """A log of more than one tile; 500 for each seed."""
    alter(tmp_path, 5 if seed % 2 else 260, 500, 100 + seed)


def test_one_bit_of_every_byte(world: World) -> None:
    """Not a sample: one bit of every byte of the proof and of the receipt makes it fail."""
    trust = read_trust(world.pubs)
    proof, receipt = world.proof.read_bytes(), world.receipt.read_bytes()
    assert check_proof(proof, trust, "p")[0].ok
    assert check_receipt(receipt, trust, Moment(), "r")[0].ok
    for at in range(len(proof)):
        assert not check_proof(flipped(proof, at), trust, "p")[0].ok, at
    for at in range(len(receipt)):
        assert not check_receipt(flipped(receipt, at), trust, Moment(), "r")[0].ok, at


def flipped(data: bytes, at: int) -> bytes:
    altered = bytearray(data)
    altered[at] ^= 1 << (at % 8)
    return bytes(altered)


def test_an_altered_file_is_named_with_its_bytes(copied: Callable[[], World]) -> None:
    world = copied()
    chip = world.submission / "layout" / "chip.gds"
    whole = chip.read_bytes()
    for data, words in (
        (whole[:70_000] + b"\0" + whole[70_001:], "first within bytes 65,536 to 131,071"),
        (whole[:-1] + b"\0", "first within bytes 196,608 to 199,999"),
        (whole + b"more", "lengthened, first within bytes 196,608 to 200,003"),
        (whole[:65_536], "cut off after byte 65,536"),
        (whole[:100], "shortened, first within bytes 0 to 199,999"),
        (b"", "cut off after byte 0"),
    ):
        chip.write_bytes(data)
        outcome = verify(world.submission, Beside(world.pubs), QUIET)
        (fault,) = outcome.faults
        assert (fault.kind, fault.where) == (Kind.FILE, "layout/chip.gds")
        assert words in fault.what
        assert f"{len(data):,} bytes" in fault.found
        assert "200,000 bytes" in fault.expected


def test_moved_swapped_and_missing_files_are_told_apart(copied: Callable[[], World]) -> None:
    world = copied()
    one, other = world.submission / "rtl" / "top.v", world.submission / "rtl" / "other.v"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    told = {fault.where: fault.what for fault in verify(world.submission, Beside(world.pubs), QUIET).faults}
    assert told == {
        "rtl/top.v": "the file was altered: it has the content of rtl/other.v",
        "rtl/other.v": "the file was altered: it has the content of rtl/top.v",
    }
    one.write_bytes(first)
    other.rename(world.submission / "rtl" / "renamed.v")
    (world.submission / "rtl" / "renamed.v").write_bytes(second)
    told = {fault.where: fault.what for fault in verify(world.submission, Beside(world.pubs), QUIET).faults}
    assert told == {
        "rtl/other.v": "the file is missing; its content is now in rtl/renamed.v",
        "rtl/renamed.v": "the file was added after sealing, with the content of rtl/other.v",
    }


def test_an_envelope_that_means_the_same_is_not_the_same(copied: Callable[[], World]) -> None:
    world = copied()
    receipt = json.loads(world.receipt.read_bytes())
    world.receipt.write_text(json.dumps(receipt, indent=1))
    (fault,) = [one for one in judged(world).faults if one.where == "receipt.json"]
    assert "canonical form" in fault.what


def test_certificates_may_come_later_and_are_told(copied: Callable[[], World]) -> None:
    world = copied()
    (world.submission / "certificates").mkdir()
    (world.submission / "certificates" / "x.cert").write_text("later")
    outcome = judged(world)
    assert outcome.ok
    assert "not sealed, to be judged by themselves: certificates/x.cert" in outcome.notes
    seal(world.submission, [world.vendor], QUIET)
    assert not judged(world).ok  # another seal than the one that was received
    assert verify(world.submission, Beside(world.pubs), QUIET).notes == []
    (world.submission / "certificates" / "x.cert").write_text("now it is sealed")
    assert not verify(world.submission, Beside(world.pubs), QUIET).ok


def test_someone_elses_keys_are_not_trusted(world: World, tmp_path: Path) -> None:
    foreign = make_world(tmp_path / "foreign")
    beside = Beside(foreign.pubs, submission=world.submission, proof=world.proof)
    outcome = verify(world.receipt, beside, QUIET)
    assert not outcome.ok
    assert {fault.kind for fault in outcome.faults} >= {Kind.SIGNATURE, Kind.CHECKPOINT}
    assert replace(world, root=world.root) == world
