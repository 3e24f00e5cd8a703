"""A vendor, an examiner, a witness and a log, and evidence that they made: where every test begins."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from sandgrain.progress import SilentProgress
from sandgrain.transparency.acts import entry
from sandgrain.transparency.checkpoint import with_signatures
from sandgrain.transparency.keys import Algorithm, Role, SigningKey, generate, read_signing, write_key
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_acts import act_of
from sandgrain.transparency.proof import write_proof
from sandgrain.transparency.receipt import write_receipt
from sandgrain.transparency.seal import SEAL_FILE, seal
from sandgrain.transparency.witness import witness

QUIET = SilentProgress()
ORIGIN = "log.example/chips"

MANIFEST = """schema = 1
[chip]
name = "Small"
vendor = "V"
date = 2026-11-23
top = "top"
[[files]]
role = "rtl"
paths = ["rtl/*.v"]
[[files]]
role = "layout"
paths = ["layout/*"]
[[clocks]]
port = "clk"
edge = "rising"
[[services]]
name = "work"
expression = "busy"
[recovery]
"""
RTL = "module top(input clk, output reg busy);\n  always @(posedge clk) busy <= ~busy;\nendmodule\n"


def make_submission(root: Path, *, seed: int = 1) -> Path:
    """A submission of a few files, one of them of several steps of the prefix digests."""
    drawn = random.Random(seed)
    for name, data in {
        "submission.toml": MANIFEST.encode(),
        "rtl/top.v": RTL.encode(),
        "rtl/other.v": b"module other(input a); endmodule\n",
        "layout/chip.gds": drawn.randbytes(200_000),
        "layout/empty.gds": b"",
        "notes/read me \u4e2d.txt": b"not named by the manifest, sealed all the same\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def make_key(root: Path, role: Role, name: str, algorithm: Algorithm = Algorithm.ED25519) -> SigningKey:
    """A key in files below ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{name.replace('/', '-')}.key"
    write_key(path, *generate(role, name, algorithm))
    return read_signing(str(path))


@dataclass(frozen=True)
class World:
    """Where the evidence is.

    Attributes:
        root: a directory with everything.
        submission: sealed by the vendor.
        receipt: signed by the examiner.
        log: with the seal, the receipt and more; cosigned.
        proof: that the receipt is in the log.
    """

    root: Path
    vendor: SigningKey
    examiner: SigningKey
    witness: SigningKey
    log_key: SigningKey

    @property
    def submission(self) -> Path:
        return self.root / "submission"

    @property
    def receipt(self) -> Path:
        return self.root / "receipt.json"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def proof(self) -> Path:
        return self.root / "receipt.tlog-proof"

    @property
    def keys(self) -> Path:
        return self.root.parent / f"{self.root.name}-keys"

    @property
    def pubs(self) -> tuple[Path, ...]:
        return tuple(sorted(self.keys.glob("*.pub")))


def make_world(root: Path, *, entries: int = 0, seed: int = 1) -> World:
    """All evidence of one submission; with ``entries`` more acts in the log."""
    keys = root.parent / f"{root.name}-keys"
    world = World(
        root,
        make_key(keys, Role.VENDOR, "vendor.example"),
        make_key(keys, Role.EXAMINER, "examiner.example", Algorithm.ECDSA_P256),
        make_key(keys, Role.WITNESS, "witness.example"),
        make_key(keys, Role.LOG, ORIGIN),
    )
    make_submission(world.submission, seed=seed)
    seal(world.submission, [world.vendor], QUIET)
    assert write_receipt(
        world.submission, [world.examiner], [keys / "vendor.example.pub"], world.receipt, None, QUIET
    ).ok
    log = Log.create(world.log, world.log_key)
    log.append([entry(*act_of(world.submission / SEAL_FILE), world.vendor)], world.log_key)
    log.append([entry(*act_of(world.receipt), world.examiner)], world.log_key)
    if entries:
        act, subjects, details = act_of(world.submission / SEAL_FILE)
        more = [entry(act, subjects, details, world.vendor) for _ in range(entries)]
        log.append(more, world.log_key)
    cosign(world, now=1_790_000_000)
    write_proof(log, 1, world.proof, [world.witness.public])
    return world


def cosign(world: World, *, now: int) -> None:
    """Let the witness cosign what the log has."""
    log = Log(world.log)
    state = world.root.parent / f"{world.root.name}-witness"
    signed, signature = witness(log, world.log_key.public, world.witness, state, now=now)
    log.add_cosignatures(with_signatures(signed, []), [signature])
