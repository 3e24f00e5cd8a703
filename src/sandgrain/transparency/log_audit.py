"""Verify a whole log: every entry, every tile, and the checkpoint."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from sandgrain.errors import SandgrainError
from sandgrain.progress import Progress
from sandgrain.transparency.acts import SIGNERS, Act, read_entry
from sandgrain.transparency.checkpoint import in_order
from sandgrain.transparency.envelope import check_signatures
from sandgrain.transparency.key_changes import learned
from sandgrain.transparency.log import Log
from sandgrain.transparency.log_files import check_left_over
from sandgrain.transparency.merkle import Tree
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.proof import check_checkpoint
from sandgrain.transparency.tiles import WIDTH, TileReader, tile_levels, tile_path
from sandgrain.transparency.trust import LogPoint, Moment, Trust

_MOST_NAMED = 100


def audit_log(log: Log, trust: Trust, progress: Progress, *, signatures: bool = True) -> Outcome:
    """Verify a log as it is on the disk.

    Every entry is hashed, every tile compared, the root hash compared with the checkpoint, and no entry may be there
    twice. With ``signatures``, every entry must also be an act signed by somebody trusted, keys that are rotated and
    revoked in the log counting from there on.
    """
    outcome = Outcome(f"log {log.key.name}")
    try:
        signed = log.checkpoint()
    except SandgrainError as error:
        outcome.fault(Kind.CHECKPOINT, error.place or log.key.name, error.what, error.expected or "")
        return outcome
    check_checkpoint(signed, trust, outcome, "the log", max(0, signed.checkpoint.size - 1))
    if not in_order(signed):
        outcome.fault(Kind.CHECKPOINT, "checkpoint", "its signatures are not one for each key, the log's first")
    if trust.find(log.key.keyid) is None:
        outcome.fault(Kind.CHECKPOINT, "log.pub", "the key beside the log is not among the trusted ones")
    size = signed.checkpoint.size
    reader = log.reader(size)
    found = Outcome(outcome.subject)
    with progress.stage("hashing"):
        leaves = _leaves(reader, progress, found)
    if not found.faults:
        with progress.stage("comparing"):
            tree = Tree(leaves)
            _compare(reader, tree, leaves, signed.checkpoint.root, found)
            check_left_over(log, trust, size, tree, found)
        _unique(leaves, found)
    if signatures and not found.faults:
        with progress.stage("signatures"):
            _signatures(log, reader, trust, progress, found)
    outcome.take(found)
    return outcome


def _leaves(reader: TileReader, progress: Progress, outcome: Outcome) -> list[bytes]:
    """The hash of every entry; a bundle that cannot be read is a fault."""
    bundles = range(-(-reader.size // WIDTH))
    leaves: list[bytes] = []

    def hashed(bundle: int) -> list[bytes]:
        return [sha256(b"\x00" + entry).digest() for entry in reader.entries(bundle)]

    # Threads read ahead while one hashes; entries are short, so that hashing itself gains little from them.
    with ThreadPoolExecutor(min(4, len(os.sched_getaffinity(0)))) as pool:
        try:
            for bundle, hashes in enumerate(pool.map(hashed, bundles)):
                leaves += hashes
                if bundle % 64 == 0:
                    progress.update(f"{len(leaves):,} of {reader.size:,} entries", len(leaves), reader.size)
        except SandgrainError as error:
            pool.shutdown(cancel_futures=True)
            outcome.fault(Kind.ENTRY, error.place or str(len(leaves)), error.what, error.expected or "")
    return leaves


def _compare(reader: TileReader, tree: Tree, leaves: list[bytes], root: bytes, outcome: Outcome) -> None:
    """Compare the tiles with the entries; the checkpoint says which of the two was altered where they differ."""
    right = tree.root() == root
    differing: list[tuple[int, int, int, str]] = []
    stored: list[bytes] = []
    for level in range(tile_levels(reader.size)):
        width = reader.size >> (8 * level)
        for tile in range(-(-width // WIDTH)):
            expected = [tree.subtree(8 * level, i) for i in range(tile * WIDTH, min((tile + 1) * WIDTH, width))]
            name = tile_path(level, tile, len(expected))
            try:
                found = reader.hashes(level, tile)
            except SandgrainError as error:
                outcome.fault(Kind.TILE, name, error.what, error.expected or "")
                continue
            if level == 0:
                stored += found
            differing += [
                (level, tile, at, name) for at, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b
            ]
    if right:
        outcome.holds.append(f"{reader.size:,} entries have the root hash of the checkpoint")
        for _, _, at, name in differing[:_MOST_NAMED]:
            outcome.fault(Kind.TILE, name, f"hash {at} of the tile was altered")
        return
    if len(stored) == reader.size and Tree(stored).root() == root:
        for _, tile, at, _ in [one for one in differing if one[0] == 0][:_MOST_NAMED]:
            index = tile * WIDTH + at
            outcome.fault(
                Kind.ENTRY,
                str(index),
                "the entry was altered",
                f"hash {stored[index].hex()}",
                f"hash {leaves[index].hex()}",
            )
        return
    outcome.fault(
        Kind.CHECKPOINT,
        f"{reader.size}",
        "neither the entries nor the tiles have the root hash that was signed",
        root.hex(),
        tree.root().hex(),
    )


def _unique(leaves: list[bytes], outcome: Outcome) -> None:
    """An act that is there twice was replayed: a random number makes each another one."""
    if len(set(leaves)) == len(leaves):
        return
    first: dict[bytes, int] = {}
    for index, leaf in enumerate(leaves):
        if leaf in first:
            outcome.fault(Kind.ENTRY, str(index), f"the entry is entry {first[leaf]} again")
        else:
            first[leaf] = index


def _signatures(log: Log, reader: TileReader, trust: Trust, progress: Progress, outcome: Outcome) -> None:
    """Every entry is an act, signed by somebody whose key counts at that place of the log."""
    origin = log.key.name
    for index, data in enumerate(log.entries(0, reader.size)):
        if index % 256 == 0:
            progress.update(f"{index:,} of {reader.size:,} signatures", index, reader.size)
        try:
            entry = read_entry(data, f"entry {index}")
        except SandgrainError as error:
            outcome.fault(Kind.ENTRY, str(index), error.what, error.expected or "")
            continue
        point = LogPoint(origin, index)
        if not check_signatures(
            entry.envelope, trust, SIGNERS[entry.act], Moment(point=point), outcome, f"of entry {index}"
        ):
            continue
        if entry.act in (Act.KEY_REVOKED, Act.KEY_ROTATED):
            try:
                trust = learned(trust, entry, point)
            except SandgrainError as error:
                outcome.fault(Kind.ENTRY, str(index), error.what)
    if not outcome.faults:
        outcome.holds.append(f"every one of {reader.size:,} entries is signed by somebody trusted")
