"""The receipt: the examiner signs the vendor's signed seal, and from then on both hold one digest signed by both."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sandgrain.errors import SandgrainError
from sandgrain.progress import Progress
from sandgrain.submission import load
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._durable import write_durably
from sandgrain.transparency.envelope import (
    Envelope,
    Statement,
    Subject,
    add_signatures,
    base64_of,
    check_signatures,
    read_envelope,
    seal_statement,
)
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.seal import SEAL_FILE, SUBMISSION, Seal, seal_of
from sandgrain.transparency.seal_check import check_directory, check_files, check_seal_signatures
from sandgrain.transparency.trust import Moment, Trust, read_trust

RECEIPT_TYPE = "urn:sandgrain:receipt:1"
_EXAMINERS = frozenset({Role.EXAMINER})


@dataclass(frozen=True)
class Receipt:
    """What a receipt says.

    Attributes:
        seal: the vendor's seal, whole, its signatures among it.
        seal_bytes: the file it was.
        received: UTC, ISO 8601, as the examiner says.
        envelope: the signed statement.
    """

    seal: Seal
    seal_bytes: bytes
    received: str
    envelope: Envelope


def receive(path: Path, keys: Sequence[SigningKey], trust: Trust, progress: Progress) -> tuple[Outcome, bytes | None]:
    """Verify a sealed submission and counter-sign its seal.

    Args:
        path: the submission.
        keys: of the examiners.
        trust: the vendor's keys among it.
        progress: told what is being done.

    Returns:
        How the verification went, and the receipt; None unless everything holds.

    Raises:
        EvidenceError: a key is not an examiner's.
    """
    for key in keys:
        if key.public.role is not Role.EXAMINER:
            raise EvidenceError(f"a {key.public.role} does not receive a submission", expected="the key of an examiner")
    outcome, seal = check_directory(path, trust, Moment(), progress)
    if seal is not None and seal.kind != SUBMISSION:
        outcome.fault(Kind.SEAL, SEAL_FILE, f"this is the seal of a {seal.kind}", "the seal of a submission")
    if seal is None or not outcome.ok:
        return outcome, None
    with progress.stage("intake"):
        digest = load(path).digest
    if digest != seal.digest:
        outcome.fault(Kind.SEAL, SEAL_FILE, "the seal names another submission than its files are", seal.digest, digest)
        return outcome, None
    data = (path / SEAL_FILE).read_bytes()
    if hashlib.sha256(data).hexdigest() != seal.envelope.sha256:
        raise EvidenceError("the seal changed while it was verified", file=path / SEAL_FILE)
    statement = Statement(
        RECEIPT_TYPE,
        (Subject(SEAL_FILE, seal.envelope.sha256),),
        {
            "name": seal.name,
            "submission": seal.digest,
            "root": seal.root,
            "received": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seal": base64_of(data),
        },
    )
    return outcome, seal_statement(statement, keys)


def write_receipt(
    path: Path,
    keys: Sequence[SigningKey],
    vendor: Sequence[Path],
    out: Path,
    earlier: Path | None,
    progress: Progress,
) -> Outcome:
    """Receive a submission and write the receipt, unless something does not hold.

    Args:
        path: the submission.
        keys: of the examiners.
        vendor: files of keys that are trusted.
        out: the receipt to write.
        earlier: a receipt of other examiners, to which the signatures are added; None to write a new one.
        progress: told what is being done.

    Raises:
        EvidenceError: a key is not an examiner's, or has signed already, or there is something at ``out``.
    """
    if os.path.lexists(out):
        raise EvidenceError("there is something here already", file=out, expected="a new file")
    trust = read_trust(vendor)
    outcome, data = receive(path, keys, trust, progress)
    if data is not None and earlier is not None:
        kept = read_bounded(earlier, LIMITS.envelope_bytes, "envelope_bytes", "receipt")
        received = read_receipt(kept, earlier)
        if received.seal_bytes != read_receipt(data).seal_bytes:
            outcome.fault(
                Kind.RECEIPT, earlier.name, "the receipt is not about this seal", received.seal.envelope.sha256
            )
            return outcome
        data = add_signatures(kept, keys)
    if data is not None:
        write_durably(out, data)
    return outcome


def read_receipt(data: bytes, file: PurePath | str | None = None) -> Receipt:
    """What a receipt says, nobody having verified its signatures; it does not contradict itself.

    Raises:
        EvidenceError: it is no receipt.
    """
    envelope = read_envelope(data, file=file, what="receipt")
    try:
        return _receipt(envelope, envelope.statement.predicate)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise EvidenceError(
            f"this is no receipt: {error}", file=file, expected="a file written by `sandgrain receive`"
        ) from error


def _receipt(envelope: Envelope, said: Any) -> Receipt:
    statement = envelope.statement
    if statement.kind != RECEIPT_TYPE or set(said) != {"name", "submission", "root", "received", "seal"}:
        raise ValueError(f"it is a statement of type {statement.kind!a}")
    data = base64.b64decode(said["seal"], validate=True)
    seal = seal_of(data)
    if statement.subjects != (Subject(SEAL_FILE, seal.envelope.sha256),):
        raise ValueError("its subject is not the seal in it")
    if (said["name"], said["submission"], said["root"]) != (seal.name, seal.digest, seal.root):
        raise ValueError("what it says of the seal is not what the seal says")
    if not isinstance(said["received"], str):
        raise ValueError("it does not say when")
    return Receipt(seal, data, said["received"], envelope)


def check_receipt(data: bytes, trust: Trust, moment: Moment, where: str) -> tuple[Outcome, Receipt | None]:
    """Verify a receipt: the examiners' signatures over it, and the vendor's in it."""
    outcome = Outcome(f"receipt {where}")
    try:
        receipt = read_receipt(data, where)
    except SandgrainError as error:
        outcome.fault(Kind.RECEIPT, where, error.what, error.expected or "")
        return outcome, None
    accepted = check_signatures(receipt.envelope, trust, _EXAMINERS, moment, outcome, where)
    wanted = trust.threshold(Role.EXAMINER)
    if len(accepted) < wanted:
        outcome.fault(Kind.SIGNATURE, where, f"{len(accepted)} of {wanted} signatures of an examiner")
    elif accepted:
        names = ", ".join(sorted(key.name for key in accepted))
        outcome.holds.append(f"received by {names}, {Role.EXAMINER}: seal {receipt.seal.envelope.sha256}")
    outcome.take(check_seal_signatures(receipt.seal, trust, moment))
    return outcome, receipt


def check_received(path: Path, seal: Seal, seal_bytes: bytes, progress: Progress) -> Outcome:
    """Compare a submission with what was received: its files with the seal of then, and its seal with that one."""
    outcome = Outcome(path.name)
    try:
        data = (path / SEAL_FILE).read_bytes()
    except OSError as error:
        outcome.fault(Kind.SEAL, SEAL_FILE, f"the seal cannot be read: {error.strerror}")
    else:
        if data != seal_bytes:
            outcome.fault(
                Kind.SEAL,
                SEAL_FILE,
                "the seal here is not the one that was received",
                f"SHA-256 {seal.envelope.sha256}",
                f"SHA-256 {hashlib.sha256(data).hexdigest()}",
            )
    outcome.take(check_files(path, seal, progress))
    return outcome
