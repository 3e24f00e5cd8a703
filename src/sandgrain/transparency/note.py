"""Signed notes (C2SP signed-note): a text and the signatures below it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePath

from cryptography.hazmat.primitives.asymmetric import ed25519

from sandgrain.errors import LimitExceeded
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import PublicKey, Role, SigningKey
from sandgrain.transparency.limits import LIMITS

ED25519 = 0x01
COSIGNATURE_V1 = 0x04

_LINE = re.compile(r"\u2014 (\S+) ([A-Za-z0-9+/]+=*)")
_VERIFIER_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True)
class NoteSignature:
    """One signature line: who, with which key (four bytes), and the signature as the algorithm defines it."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line without its newline."""
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True)
class Note:
    """A text that ends with a newline, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_bytes(self) -> bytes:
        """The note as it is stored."""
        return (self.text + "\n" + "".join(one.line() + "\n" for one in self.signatures)).encode()

    def of(self, name: str, key_id: bytes) -> list[bytes]:
        """The signatures by one key; more than one is unusual and no error."""
        return [one.signature for one in self.signatures if (one.name, one.key_id) == (name, key_id)]


def key_id(name: str, kind: int, raw: bytes) -> bytes:
    """The four bytes that name a key: SHA-256 of name, newline, kind of signature and public key, shortened."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + raw).digest()[:4]


def note_key_id(key: PublicKey) -> bytes:
    """The key ID of an Ed25519 key: as a witness's it makes cosignatures, as any other's it signs notes."""
    return key_id(key.name, COSIGNATURE_V1 if key.role is Role.WITNESS else ED25519, key.raw())


def verifier_key(key: PublicKey) -> str:
    """The key as ``name+id+base64``, which other tools for transparency logs read."""
    kind = COSIGNATURE_V1 if key.role is Role.WITNESS else ED25519
    return f"{key.name}+{note_key_id(key).hex()}+{base64.b64encode(bytes([kind]) + key.raw()).decode()}"


def parse_verifier_key(text: str) -> PublicKey:
    """The key in ``name+id+base64``: a witness's if it makes cosignatures, else a log's.

    Raises:
        EvidenceError: it is none, or the id is not that of name and key.
    """
    match = _VERIFIER_KEY.fullmatch(text)
    raw = _base64(match[3]) if match else None
    if match is None or raw is None or len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE_V1):
        raise EvidenceError(f"{text[:80]!a} is no verifier key", expected="NAME+ID+BASE64 of an Ed25519 key")
    if key_id(match[1], raw[0], raw[1:]).hex() != match[2]:
        raise EvidenceError(f"the id in {text[:80]!a} is not that of the key", expected="an unaltered verifier key")
    role = Role.WITNESS if raw[0] == COSIGNATURE_V1 else Role.LOG
    return PublicKey(role, match[1], ed25519.Ed25519PublicKey.from_public_bytes(raw[1:]))


def sign_text(text: str, key: SigningKey) -> NoteSignature:
    """The Ed25519 signature over a text."""
    public = key.public
    return NoteSignature(public.name, key_id(public.name, ED25519, public.raw()), key.sign(text.encode()))


def parse_note(data: bytes, *, file: PurePath | str | None = None) -> Note:
    """The note in ``data``, whose signatures nobody has verified.

    Raises:
        EvidenceError: it is none.
        LimitExceeded: it is too large or has too many signatures.
    """
    if len(data) > LIMITS.note_bytes:
        raise LimitExceeded("the note is larger than allowed", file=file, expected=f"{LIMITS.note_bytes} (note_bytes)")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_note(f"byte {error.start:,} is not UTF-8", file) from error
    for at, sign in enumerate(whole):
        if sign < " " and sign != "\n":
            raise _no_note(f"character {at:,} is a control character", file)
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise _no_note("there is no signature below an empty line", file)
    listed = lines[:-1].split("\n")
    if len(listed) > LIMITS.signatures:
        raise LimitExceeded("more signatures than allowed", file=file, expected=f"{LIMITS.signatures} (signatures)")
    signatures = []
    for number, line in enumerate(listed, text.count("\n") + 3):
        match = _LINE.fullmatch(line)
        blob = _base64(match[2]) if match else None
        if match is None or blob is None or len(blob) < 5 or "+" in match[1]:
            raise _no_note(f"line {number} is no signature", file)
        signatures.append(NoteSignature(match[1], blob[:4], blob[4:]))
    return Note(text + "\n", tuple(signatures))


def signed_by(note: Note, key: PublicKey) -> bool | None:
    """Whether the note has a signature of this key over its text that verifies; None if it has none of this key."""
    found = note.of(key.name, key_id(key.name, ED25519, key.raw()))
    if not found:
        return None
    return all(key.verifies(signature, note.text.encode()) for signature in found)


def _base64(text: str) -> bytes | None:
    """What is encoded, if it is encoded in the one way there is."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _no_note(why: str, file: PurePath | str | None) -> EvidenceError:
    return EvidenceError(
        f"this is no signed note: {why}",
        file=file,
        expected="a text, an empty line, and lines of the form: \u2014 NAME BASE64",
    )
