"""What else lies in the directory of a log: partial tiles of earlier sizes, and checkpoints that witnesses cosigned."""

from __future__ import annotations

import re
from pathlib import Path

from sandgrain.errors import SandgrainError
from sandgrain.transparency._durable import WRITING
from sandgrain.transparency.checkpoint import SignedCheckpoint, cosigned_at, in_order
from sandgrain.transparency.keys import Role
from sandgrain.transparency.log import Log
from sandgrain.transparency.merkle import HASH_BYTES, Tree, leaf_hash, root_of
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.tiles import ENTRIES, WIDTH, decode_bundle, partial_width, tile_path
from sandgrain.transparency.trust import Trust

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def check_left_over(log: Log, trust: Trust, size: int, tree: Tree, outcome: Outcome) -> None:
    """Verify the files of a log that its current checkpoint does not need, against the tree it has.

    A partial tile of an earlier size is the beginning of what is there now. A file that is nothing of the log is a
    fault; one beyond the current size is what an append left that did not come to its end, and is only noted.
    """
    unfinished = 0
    for file in sorted((log.root / "tile").rglob("*")):
        if file.is_dir() or (file.name.startswith(".") and file.name.endswith(WRITING)):
            continue
        name = file.relative_to(log.root).as_posix()
        match = _PATH.fullmatch(name)
        if match is None:
            outcome.fault(Kind.TILE, name, "this file is nothing of the log")
            continue
        index = int(match[2].replace("x", "").replace("/", ""))
        width = int(match[3]) if match[3] else WIDTH
        level = 0 if match[1] == ENTRIES else int(match[1])
        if (size >> (8 * level)) < index * WIDTH + width:
            unfinished += 1
        elif name != tile_path(match[1], index, width) or width > WIDTH:
            outcome.fault(Kind.TILE, name, "this file is nothing of the log")
        elif width < WIDTH and (index, width) != ((size >> (8 * level)) // WIDTH, partial_width(level, size)):
            _check_partial(file, name, match[1], level, index, width, tree, outcome)
    if unfinished:
        outcome.notes.append(f"{unfinished} files of an append that did not end; the next one replaces them")
    try:
        kept = log.cosigned()
    except SandgrainError as error:
        outcome.fault(Kind.CHECKPOINT, error.place, error.what, error.expected or "")
        return
    for signed in kept:
        name = f"cosigned/{signed.checkpoint.size}"
        if signed.checkpoint.size > size:
            outcome.fault(Kind.CHECKPOINT, name, f"the log has {size} entries only; the others were taken away")
        elif root_of(tree, signed.checkpoint.size) != signed.checkpoint.root:
            outcome.fault(Kind.CHECKPOINT, name, "it is of another history of this log")
        else:
            _check_cosignatures(signed, trust, name, outcome)


def _check_cosignatures(signed: SignedCheckpoint, trust: Trust, name: str, outcome: Outcome) -> None:
    """A checkpoint is kept for its cosignatures: as many as are asked for have to be there."""
    count = 0
    for one in trust.of_role(Role.WITNESS):
        try:
            count += cosigned_at(signed, one) is not None
        except SandgrainError as error:
            outcome.fault(Kind.COSIGNATURE, name, error.what)
            return
    if count < trust.threshold(Role.WITNESS):
        outcome.fault(Kind.COSIGNATURE, name, f"{count} of {trust.threshold(Role.WITNESS)} cosignatures of a witness")
    elif not in_order(signed):
        outcome.fault(Kind.COSIGNATURE, name, "its signatures are not one for each key, the log's first")


def _check_partial(
    file: Path, name: str, sort: str, level: int, index: int, width: int, tree: Tree, outcome: Outcome
) -> None:
    """Compare a partial tile or bundle of an earlier size with the beginning of the current one."""
    data = file.read_bytes()
    if sort == ENTRIES:
        try:
            found = [leaf_hash(entry) for entry in decode_bundle(data, file)]
        except SandgrainError as error:
            outcome.fault(Kind.ENTRY, name, error.what)
            return
    else:
        found = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
    expected = [tree.subtree(8 * level, index * WIDTH + at) for at in range(width)]
    if found != expected:
        kind = Kind.ENTRY if sort == ENTRIES else Kind.TILE
        at = next((i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), min(len(found), width))
        outcome.fault(kind, name, f"number {at} of this earlier, shorter part of the log was altered")
