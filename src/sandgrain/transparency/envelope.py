"""Signed statements: in-toto statements of version 1 in DSSE envelopes, in one canonical spelling."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from securesystemslib.dsse import Envelope as Dsse
from securesystemslib.exceptions import FormatError
from securesystemslib.signer import Signature

from sandgrain.errors import LimitExceeded
from sandgrain.transparency import _canonical
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import PublicKey, Role, SigningKey
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.trust import Moment, Trust

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Subject:
    """What a statement is about: a name and a SHA-256 in hexadecimal."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Statement:
    """What is signed.

    Attributes:
        kind: the predicate type.
        subjects: what it is about.
        predicate: what it says, JSON without fractions.
    """

    kind: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """The payload that is signed."""
        return _canonical.encode(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": one.name, "digest": {"sha256": one.sha256}} for one in self.subjects],
                "predicateType": self.kind,
                "predicate": dict(self.predicate),
            }
        )


@dataclass(frozen=True)
class Envelope:
    """A statement and its signatures, which nobody has verified.

    Attributes:
        statement: what is said.
        signatures: the id of each key, and its signature.
        sha256: of the envelope's bytes, hexadecimal.
    """

    statement: Statement
    signatures: tuple[tuple[str, bytes], ...]
    sha256: str
    _dsse: Dsse

    def pae(self) -> bytes:
        """The bytes that the signatures are over."""
        return bytes(self._dsse.pae())


def seal_statement(statement: Statement, keys: Sequence[SigningKey]) -> bytes:
    """The statement in an envelope, signed by each of the keys."""
    return _signed(Dsse(statement.to_bytes(), PAYLOAD_TYPE, {}), keys)


def add_signatures(data: bytes, keys: Sequence[SigningKey]) -> bytes:
    """The envelope with further signatures.

    Raises:
        EvidenceError: a key has signed it already, or it is no envelope.
    """
    envelope = read_envelope(data)
    known = {keyid for keyid, _ in envelope.signatures}
    for key in keys:
        if key.public.keyid in known:
            raise EvidenceError(f"{key.public.name} has signed this already", expected="the key of somebody else")
    return _signed(envelope._dsse, keys)  # noqa: SLF001 - own class


def _signed(dsse: Dsse, keys: Sequence[SigningKey]) -> bytes:
    for key in keys:
        dsse.signatures[key.public.keyid] = Signature(key.public.keyid, key.sign(dsse.pae()).hex())
    return _canonical.encode(dsse.to_dict())


def read_envelope(data: bytes, *, file: PurePath | str | None = None, what: str = "signed statement") -> Envelope:
    """The statement in ``data``.

    Raises:
        EvidenceError: it is none, or spelled in another way.
        LimitExceeded: it is too large or has too many signatures.
    """
    if len(data) > LIMITS.envelope_bytes:
        raise LimitExceeded(
            f"the {what} is larger than allowed", file=file, expected=f"{LIMITS.envelope_bytes} bytes (envelope_bytes)"
        )
    value = _canonical.decode(data, file=file, what=what)
    shape = isinstance(value, dict) and set(value) == {"payload", "payloadType", "signatures"}
    if not shape or value["payloadType"] != PAYLOAD_TYPE or not isinstance(value["signatures"], list):
        raise EvidenceError(f"this is no {what}", file=file, expected="a DSSE envelope with an in-toto statement")
    if len(value["signatures"]) > LIMITS.signatures:
        raise LimitExceeded("more signatures than allowed", file=file, expected=f"{LIMITS.signatures} (signatures)")
    try:
        if any(set(one) != {"keyid", "sig"} for one in value["signatures"]):
            raise ValueError("a signature has other fields than keyid and sig")
        dsse = Dsse.from_dict(value)
        signatures = tuple((str(keyid), bytes.fromhex(one.signature)) for keyid, one in dsse.signatures.items())
        payload = bytes(dsse.payload)
    except (ValueError, TypeError, KeyError, AttributeError, FormatError) as error:
        raise EvidenceError(f"this is no {what}: {error}", file=file, expected="a DSSE envelope") from error
    # Base64 has several spellings of the same bytes; only the one that is written is read.
    if _canonical.encode(dsse.to_dict()) != data:
        raise EvidenceError(f"the {what} is not in its canonical form", file=file, expected="base64 as it was written")
    statement = _statement(_canonical.decode(payload, file=file, what=f"{what} (its payload)"), file, what)
    return Envelope(statement, signatures, hashlib.sha256(data).hexdigest(), dsse)


def _statement(value: Any, file: PurePath | str | None, what: str) -> Statement:
    try:
        if set(value) != {"_type", "subject", "predicateType", "predicate"} or value["_type"] != STATEMENT_TYPE:
            raise ValueError("other fields than those of an in-toto statement of version 1")
        subjects = tuple(Subject(one["name"], one["digest"]["sha256"]) for one in value["subject"])
        statement = Statement(value["predicateType"], subjects, value["predicate"])
        if not isinstance(statement.kind, str) or not isinstance(statement.predicate, dict):
            raise ValueError("the predicate is no object")
        if not all(isinstance(one.name, str) and _HEX.fullmatch(one.sha256) for one in subjects):
            raise ValueError("a subject without name or SHA-256")
    except (ValueError, TypeError, KeyError) as error:
        raise EvidenceError(f"the payload of the {what} is no statement: {error}", file=file) from error
    return statement


def check_signatures(
    envelope: Envelope, trust: Trust, roles: frozenset[Role], moment: Moment, outcome: Outcome, where: str
) -> list[PublicKey]:
    """The trusted keys that signed, one for each signature; everything else goes to ``outcome`` as a fault.

    Args:
        envelope: the statement.
        trust: whose keys count.
        roles: in which its signers may sign.
        moment: when it was signed at the latest.
        outcome: told what is wrong.
        where: how the statement is called there.
    """
    accepted = []
    pae = envelope.pae()
    if not envelope.signatures:
        outcome.fault(Kind.SIGNATURE, where, "nobody has signed it")
    for keyid, signature in envelope.signatures:
        key, why = trust.judge(keyid, roles, moment)
        if key is None:
            outcome.fault(Kind.SIGNATURE, where, why, found=f"key {keyid[:16]}")
        elif not key.verifies(signature, pae):
            outcome.fault(
                Kind.SIGNATURE,
                where,
                f"the signature of {key.name} does not verify",
                expected=f"a signature of {keyid[:16]}",
            )
        else:
            accepted.append(key)
    return accepted


def base64_of(data: bytes) -> str:
    """The base64 encoding of ``data`` as text."""
    return base64.b64encode(data).decode()
