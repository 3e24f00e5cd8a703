"""What happens to a case, as entries of a log: each act is a signed statement with the digests it is about."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandgrain.case import CASE_FILE, evidence_of, read_case
from sandgrain.transparency import _canonical
from sandgrain.transparency.envelope import Envelope, Statement, Subject, read_envelope, seal_statement
from sandgrain.transparency.errors import EvidenceError, LogError
from sandgrain.transparency.keys import PublicKey, Role, SigningKey, public_of
from sandgrain.transparency.log import Appended, Log
from sandgrain.verdict import Case

ACT_TYPE = "urn:sandgrain:act:1"


class Act(StrEnum):
    """What happened."""

    SEALED = "sealed"
    RECEIVED = "received"
    ELABORATED = "elaborated"
    CLAIM_JUDGED = "claim-judged"
    WITNESS_STORED = "witness-stored"
    REPORT_ISSUED = "report-issued"
    REPORT_REVOKED = "report-revoked"
    COMMITTED = "committed"
    CHALLENGED = "challenged"
    REVEALED = "revealed"
    KEY_REVOKED = "key-revoked"
    KEY_ROTATED = "key-rotated"


_JUDGES = frozenset({Role.EXAMINER, Role.AUDITOR})
_ANYBODY = frozenset(Role)
SIGNERS: dict[Act, frozenset[Role]] = {
    Act.SEALED: frozenset({Role.VENDOR, *_JUDGES}),
    Act.RECEIVED: frozenset({Role.EXAMINER}),
    Act.ELABORATED: _JUDGES,
    Act.CLAIM_JUDGED: _JUDGES,
    Act.WITNESS_STORED: _JUDGES,
    Act.REPORT_ISSUED: _JUDGES,
    Act.REPORT_REVOKED: _JUDGES,
    Act.COMMITTED: frozenset({Role.VENDOR}),
    Act.CHALLENGED: _JUDGES,
    Act.REVEALED: frozenset({Role.VENDOR}),
    Act.KEY_REVOKED: _ANYBODY,
    Act.KEY_ROTATED: _ANYBODY,
}
"""Who may do what."""

_TOOLS = ("sandgrain", "pyosys", "python-sat", "klayout", "numba", "numpy", "cryptography")


@dataclass(frozen=True)
class Entry:
    """An entry of a log: what happened, to what, and what else is said about it."""

    act: Act
    subjects: tuple[Subject, ...]
    details: dict[str, Any]
    time: str
    envelope: Envelope


def entry(act: Act, subjects: Sequence[Subject], details: dict[str, Any], key: SigningKey) -> bytes:
    """The bytes of an entry, signed. A random number in it makes every act another one.

    Raises:
        EvidenceError: this role does not do that.
    """
    if key.public.role not in SIGNERS[act]:
        raise EvidenceError(
            f"{act} is no act of a {key.public.role}", expected=f"the key of a {' or '.join(sorted(SIGNERS[act]))}"
        )
    predicate = {
        "act": act.value,
        "details": details,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "nonce": secrets.token_hex(16),
    }
    return seal_statement(Statement(ACT_TYPE, tuple(subjects), predicate), [key])


def read_entry(data: bytes, where: str) -> Entry:
    """What an entry says, nobody having verified its signature.

    Raises:
        EvidenceError: it is no act.
    """
    envelope = read_envelope(data, file=where, what="entry")
    said = envelope.statement.predicate
    try:
        if envelope.statement.kind != ACT_TYPE or set(said) != {"act", "details", "time", "nonce"}:
            raise ValueError(f"it is a statement of type {envelope.statement.kind!a}")
        act = Act(said["act"])
        if not isinstance(said["details"], dict) or not isinstance(said["time"], str):
            raise ValueError("its fields have other types")
    except (ValueError, TypeError) as error:
        raise EvidenceError(f"this is no act: {error}", file=where, expected="an entry written by Sandgrain") from error
    return Entry(act, envelope.statement.subjects, said["details"], said["time"], envelope)


def record_case(path: Path, log: Log, key: SigningKey, log_key: SigningKey) -> Appended:
    """Append every act of a finished case to a log, all at once.

    Raises:
        CaseError: the case is not whole.
        LogError: the log does not take them.
        StorageError: the disk refuses; nothing was appended.
    """
    case = read_case(path)
    return log.append([entry(act, subjects, details, key) for act, subjects, details in case_acts(case, path)], log_key)


def case_acts(case: Case, path: Path) -> list[tuple[Act, list[Subject], dict[str, Any]]]:
    """The acts of a case in their order: what was taken in, with which tools, each claim, each witness, the report."""
    submission = Subject("submission", case.submission.digest)
    acts: list[tuple[Act, list[Subject], dict[str, Any]]] = [
        (Act.RECEIVED, [submission], {"chip": case.submission.chip, "files": len(case.submission.files)}),
        (Act.ELABORATED, [submission], {"top": case.submission.top, "tools": tool_versions()}),
    ]
    for claim in case.claims:
        digest = hashlib.sha256(_canonical.encode(claim.model_dump(mode="json"))).hexdigest()
        said = {"claim": claim.id.value, "verdict": claim.verdict.value, "examined": claim.examined}
        acts.append((Act.CLAIM_JUDGED, [submission, Subject(f"claim {claim.id}", digest)], said))
        acts += [
            (Act.WITNESS_STORED, [submission, Subject(file.path, file.sha256)], {"claim": claim.id.value})
            for file in evidence_of(claim)
        ]
    issued = [
        Subject(file.name, hashlib.sha256(file.read_bytes()).hexdigest())
        for file in (path / CASE_FILE, path / "report.html", path / "findings.sarif")
        if file.is_file()
    ]
    acts.append((Act.REPORT_ISSUED, [submission, *issued], {"tool": case.tool_version, "created": case.created}))
    return acts


def tool_versions() -> dict[str, str]:
    """The versions of what an audit is made with."""
    return {name: importlib.metadata.version(name) for name in _TOOLS}


def revocation(keyid: str, reason: str, key: SigningKey) -> bytes:
    """An entry that says a key does not count from this entry on."""
    return entry(Act.KEY_REVOKED, [], {"keyid": keyid, "reason": reason}, key)


def rotation(new: PublicKey, key: SigningKey) -> bytes:
    """An entry that says a new key counts in place of the one that signs it, from this entry on.

    Raises:
        EvidenceError: the new key is of another role.
    """
    if new.role is not key.public.role:
        raise EvidenceError(f"a {key.public.role} does not pass its role on as {new.role}")
    return entry(Act.KEY_ROTATED, [], {"keyid": key.public.keyid, "key": new.to_bytes().decode()}, key)


def new_key_of(entry: Entry, where: str) -> PublicKey:
    """The key a rotation brings.

    Raises:
        LogError: there is none in it.
    """
    text = entry.details.get("key")
    if entry.act is not Act.KEY_ROTATED or not isinstance(text, str):
        raise LogError("this entry brings no key", file=where)
    return public_of(text.encode(), where)
