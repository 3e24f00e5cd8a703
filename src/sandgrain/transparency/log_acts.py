"""What people do with a log: enter files, revoke, cosign, and audit with what they kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandgrain.errors import SandgrainError
from sandgrain.progress import Progress
from sandgrain.transparency import _canonical
from sandgrain.transparency._durable import write_durably
from sandgrain.transparency.acts import Act, entry, revocation
from sandgrain.transparency.challenge import CHALLENGE_TYPE
from sandgrain.transparency.checkpoint import cosigned_at, parse_checkpoint, with_signatures
from sandgrain.transparency.commitment import COMMITMENT_TYPE
from sandgrain.transparency.envelope import Subject, read_envelope
from sandgrain.transparency.errors import EvidenceError, ForkError, LogError
from sandgrain.transparency.keys import PublicKey, Role, SigningKey, read_public
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.log import Appended, Log
from sandgrain.transparency.log_audit import audit_log
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.proof import parse_proof
from sandgrain.transparency.receipt import RECEIPT_TYPE, read_receipt
from sandgrain.transparency.reveal import REVEAL_TYPE
from sandgrain.transparency.seal import SEAL_TYPE, seal_of
from sandgrain.transparency.trust import read_trust
from sandgrain.transparency.witness import continues, witness


def append_files(log: Log, files: Sequence[Path], key: SigningKey, log_key: SigningKey) -> Appended:
    """Enter what happened with signed files; only their digests go into the log.

    Raises:
        EvidenceError: a file is nothing that is entered, or its act is not one of this key's role.
        LogError: the log does not take them.
    """
    return log.append([entry(*act_of(file), key) for file in files], log_key)


def act_of(file: Path) -> tuple[Act, list[Subject], dict[str, Any]]:
    """What happened with a file, and the digests it is about.

    Raises:
        EvidenceError: it is nothing that is entered.
    """
    data = _canonical.read_bounded(file, LIMITS.reveal_bytes, "reveal_bytes", "file")
    own = Subject(file.name, hashlib.sha256(data).hexdigest())
    if data.endswith(f'"type":"{REVEAL_TYPE}"}}\n'.encode()):
        return Act.REVEALED, [own], {}
    kind = read_envelope(data, file=file).statement.kind
    if kind == SEAL_TYPE:
        seal = seal_of(data, file)
        return Act.SEALED, [own, Subject("submission", seal.digest)], {"kind": seal.kind, "root": seal.root}
    if kind == RECEIPT_TYPE:
        seal = read_receipt(data, file).seal
        subjects = [own, Subject("seal", seal.envelope.sha256), Subject("submission", seal.digest)]
        return Act.RECEIVED, subjects, {"root": seal.root}
    if kind == COMMITMENT_TYPE:
        return Act.COMMITTED, [own], {}
    if kind == CHALLENGE_TYPE:
        return Act.CHALLENGED, [own], {}
    raise EvidenceError("this is nothing that is entered", file=file, expected="seal, receipt, commitment, challenge")


def append_revocation(log: Log, subject: Path, reason: str, key: SigningKey, log_key: SigningKey) -> Appended:
    """Enter that a key, in a ``.pub`` file, or a report does not count any more.

    Raises:
        KeyFileError: it is no key.
        LogError: the log does not take it.
    """
    if subject.suffix == ".pub":
        return log.append([revocation(read_public(subject).keyid, reason, key)], log_key)
    data = _canonical.read_bounded(subject, LIMITS.reveal_bytes, "reveal_bytes", "report")
    about = [Subject(subject.name, hashlib.sha256(data).hexdigest())]
    return log.append([entry(Act.REPORT_REVOKED, about, {"reason": reason}, key)], log_key)


def cosign_log(root: Path, log_key: PublicKey, key: SigningKey, state: Path, out: Path, fork: Path | None) -> Outcome:
    """Witness a log and write the cosigned checkpoint; a fork is a fault, and its proof is written to ``fork``.

    Raises:
        LogError: the log is not whole, older than before, or another one's.
    """
    outcome = Outcome(f"log {log_key.name}")
    try:
        signed, signature = witness(Log(root), log_key, key, state)
    except ForkError as error:
        outcome.fault(Kind.CHECKPOINT, log_key.name, error.what, error.expected or "")
        if error.proof is not None and fork is not None:
            write_durably(fork, error.proof)
            outcome.notes.append(f"{fork} shows both histories to anybody who has the log's public key")
        return outcome
    write_durably(out, with_signatures(signed, [signature]).to_bytes())
    outcome.holds.append(f"{signed.checkpoint.size} entries continue what {key.public.name} saw before; cosigned")
    return outcome


def keep_cosignatures(log: Log, notes: Sequence[Path], trust: Sequence[Path]) -> list[tuple[int, list[str]]]:
    """Keep what trusted witnesses cosigned: the size of each checkpoint, and who cosigned it.

    Raises:
        EvidenceError: a cosignature does not verify.
        LogError: a checkpoint is not one of this log's, or no trusted witness has cosigned it.
    """
    witnesses = read_trust(trust).of_role(Role.WITNESS)
    kept = []
    for path in notes:
        signed = parse_checkpoint(
            _canonical.read_bounded(path, LIMITS.note_bytes, "note_bytes", "checkpoint"), file=path
        )
        named = {one.name: one for one in witnesses if cosigned_at(signed, one) is not None}
        if not named:
            raise LogError("no trusted witness has cosigned this", file=path, expected="a cosignature of a trusted key")
        log.add_cosignatures(signed, [one for one in signed.note.signatures if one.name in named])
        kept.append((signed.checkpoint.size, sorted(named)))
    return kept


def audit_with(
    log: Log, trust: Sequence[Path], proofs: Sequence[Path], progress: Progress, *, signatures: bool = True
) -> Outcome:
    """Verify a whole log, and that it continues the checkpoints of proofs kept from before.

    Raises:
        KeyFileError: a key cannot be read.
    """
    outcome = audit_log(log, read_trust(trust), progress, signatures=signatures)
    if outcome.faults:
        return outcome
    for path in proofs:
        try:
            data = _canonical.read_bounded(path, LIMITS.proof_bytes, "proof_bytes", "proof")
            kept = parse_proof(data, path).signed
            continues(kept, log.checkpoint(), log)
        except SandgrainError as error:
            outcome.fault(Kind.CHECKPOINT, path.name, error.what, error.expected or "")
        else:
            outcome.holds.append(f"the log continues the {kept.checkpoint.size} entries of {path.name}")
    return outcome
