"""Checkpoints (C2SP tlog-checkpoint) and the cosignatures of witnesses (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import PublicKey, SigningKey
from sandgrain.transparency.merkle import HASH_BYTES
from sandgrain.transparency.note import COSIGNATURE_V1, Note, NoteSignature, key_id, parse_note, sign_text, signed_by

# The last second of the year 9999; the format allows more, the calendar of Python does not.
_LAST_SECOND = 253_402_300_799
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself.

    Attributes:
        origin: which log.
        size: number of entries.
        root: root hash over them, 32 bytes.
        extensions: further lines, opaque.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint and the note it came in."""

    checkpoint: Checkpoint
    note: Note

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return self.note.to_bytes()


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> SignedCheckpoint:
    """The checkpoint, signed by its log."""
    text = checkpoint.text()
    return SignedCheckpoint(checkpoint, Note(text, (sign_text(text, key),)))


def parse_checkpoint(data: bytes, *, file: PurePath | str | None = None) -> SignedCheckpoint:
    """The checkpoint in ``data``, whose signatures nobody has verified.

    Raises:
        EvidenceError: it is none.
    """
    note = parse_note(data, file=file)
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise _no_checkpoint("it has fewer than three lines, or an empty one", file)
    if not _SIZE.fullmatch(lines[1]):
        raise _no_checkpoint(f"line 2 is {lines[1][:40]!a}, not a number of entries", file)
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != lines[2]:
        raise _no_checkpoint("line 3 is not the base64 encoding of 32 bytes", file)
    return SignedCheckpoint(Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:])), note)


def signed_by_log(signed: SignedCheckpoint, key: PublicKey) -> bool:
    """Whether this log key, whose name is the origin, signed the checkpoint."""
    return key.name == signed.checkpoint.origin and signed_by(signed.note, key) is True


def cosign(signed: SignedCheckpoint, key: SigningKey, timestamp: int) -> NoteSignature:
    """A witness's cosignature of version 1 over a checkpoint.

    Args:
        signed: the checkpoint, which the witness has verified.
        key: the witness's.
        timestamp: seconds since the epoch.
    """
    public = key.public
    signature = timestamp.to_bytes(8, "big") + key.sign(_cosigned(signed, timestamp))
    return NoteSignature(public.name, key_id(public.name, COSIGNATURE_V1, public.raw()), signature)


def cosigned_at(signed: SignedCheckpoint, witness: PublicKey) -> int | None:
    """When this witness cosigned, in seconds since the epoch; None if it did not.

    Raises:
        EvidenceError: there is a cosignature of this witness and it does not verify.
    """
    found = signed.note.of(witness.name, key_id(witness.name, COSIGNATURE_V1, witness.raw()))
    times = []
    for blob in found:
        timestamp = int.from_bytes(blob[:8], "big")
        if len(blob) != 72 or timestamp > _LAST_SECOND or not witness.verifies(blob[8:], _cosigned(signed, timestamp)):
            raise EvidenceError(
                f"the cosignature of {witness.name} does not verify", expected="an unaltered checkpoint"
            )
        times.append(timestamp)
    return min(times, default=None)


def with_signatures(signed: SignedCheckpoint, more: list[NoteSignature]) -> SignedCheckpoint:
    """The checkpoint with further signatures, one for each key: the log's first, then by name."""
    kept = {(one.name, one.key_id): one for one in more}
    kept.update({(one.name, one.key_id): one for one in signed.note.signatures})
    return SignedCheckpoint(signed.checkpoint, Note(signed.note.text, _in_order(signed, kept.values())))


def in_order(signed: SignedCheckpoint) -> bool:
    """Whether the signatures are as :func:`with_signatures` writes them: one for each key, the log's first."""
    once = {(one.name, one.key_id): one for one in signed.note.signatures}
    return _in_order(signed, once.values()) == signed.note.signatures


def _in_order(signed: SignedCheckpoint, signatures: Iterable[NoteSignature]) -> tuple[NoteSignature, ...]:
    origin = signed.checkpoint.origin
    return tuple(sorted(signatures, key=lambda one: (one.name != origin, one.name, one.key_id)))


def _cosigned(signed: SignedCheckpoint, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{signed.note.text}".encode()


def _no_checkpoint(why: str, file: PurePath | str | None) -> EvidenceError:
    return EvidenceError(
        f"this is no checkpoint: {why}", file=file, expected="origin, number of entries and root hash, one a line"
    )
