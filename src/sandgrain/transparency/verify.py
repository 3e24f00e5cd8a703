"""The one question: is this what was signed? Offline, reading only, trusting nothing but the keys that are passed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandgrain.case import read_case
from sandgrain.errors import SandgrainError
from sandgrain.progress import Progress
from sandgrain.submission import load
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency.archive import SUFFIX as ARCHIVE_SUFFIX
from sandgrain.transparency.archive import opened
from sandgrain.transparency.challenge import CHALLENGE_TYPE
from sandgrain.transparency.commitment import COMMITMENT_TYPE, read_commitment
from sandgrain.transparency.envelope import check_signatures, read_envelope
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.fork import check_fork, is_fork
from sandgrain.transparency.key_changes import learn
from sandgrain.transparency.keys import Role
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.proof import SUFFIX as PROOF_SUFFIX
from sandgrain.transparency.proof import check_proof, is_proof
from sandgrain.transparency.receipt import RECEIPT_TYPE, check_receipt, check_received
from sandgrain.transparency.seal import SEAL_FILE, SEAL_TYPE, SUBMISSION, kind_of, read_seal, seal_of
from sandgrain.transparency.seal_check import check_directory, check_seal_signatures
from sandgrain.transparency.timestamp import read_roots, timestamped_at
from sandgrain.transparency.trust import Moment, Trust, read_trust


@dataclass(frozen=True)
class Beside:
    """What a verification goes by.

    Attributes:
        trust: ``.pub`` and ``.toml`` files, and proofs of acts that revoke or rotate keys.
        submission: the submission that a case, receipt or proof is about.
        proof: a proof that what is verified is in a log.
        timestamp: an RFC 3161 timestamp over it.
        authorities: root certificates of timestamp authorities.
    """

    trust: tuple[Path, ...]
    submission: Path | None = None
    proof: Path | None = None
    timestamp: Path | None = None
    authorities: tuple[Path, ...] = ()


def verify(what: Path, beside: Beside, progress: Progress) -> Outcome:
    """Verify a submission, a case, an archive of one, a receipt, a seal, a commitment, or a proof.

    Raises:
        EvidenceError: there is nothing here that could be verified.
        KeyFileError: a key that should be trusted cannot be read, or none is trusted.
    """
    outcome = Outcome(str(what))
    trust = _trust(beside, outcome)
    if what.suffix == ARCHIVE_SUFFIX and what.is_file():
        try:
            with opened(what) as case:
                outcome.holds.append("the archive has the bytes of the case in it")
                outcome.take(_directory(case, trust, beside, progress))
        except EvidenceError as error:
            outcome.fault(Kind.CASE, what.name, error.what, error.expected or "")
    elif what.is_dir():
        if kind_of(what) is None:
            raise EvidenceError(
                "this is neither a submission nor a case",
                file=what,
                expected="a directory with submission.toml or case.json",
            )
        outcome.take(_directory(what, trust, beside, progress))
    else:
        data = read_bounded(what, LIMITS.envelope_bytes, "envelope_bytes", "file")
        outcome.take(_file(data, what, trust, beside, progress))
    return outcome


def _trust(beside: Beside, outcome: Outcome) -> Trust:
    files = [path for path in beside.trust if path.suffix != PROOF_SUFFIX]
    changes = [path for path in beside.trust if path.suffix == PROOF_SUFFIX]
    trust = read_trust(files)
    if not trust.keys:
        raise EvidenceError("no key is trusted", expected="at least one public key", remedy="pass --trust KEY.pub")
    if changes:
        proofs = [(str(path), read_bounded(path, LIMITS.proof_bytes, "proof_bytes", "proof")) for path in changes]
        trust, checked = learn(trust, proofs)
        outcome.take(checked)
    return trust


def _moment(data: bytes, name: str, digest: str, trust: Trust, beside: Beside, outcome: Outcome) -> Moment:
    """When something is shown to have existed at the latest, by a timestamp and by its place in a log."""
    moment = Moment()
    if beside.proof is not None:
        proof = read_bounded(beside.proof, LIMITS.proof_bytes, "proof_bytes", "proof")
        checked, entry, shown = check_proof(proof, trust, beside.proof.name)
        if entry is not None and digest not in {one.sha256 for one in entry.subjects}:
            about = ", ".join(f"{one.name} {one.sha256}" for one in entry.subjects)
            checked.fault(Kind.PROOF, beside.proof.name, f"the entry is not about {name}", digest, about)
        outcome.take(checked)
        if checked.ok:
            moment = Moment(shown.time, shown.point, moment.now)
    if beside.timestamp is not None:
        response = read_bounded(beside.timestamp, LIMITS.timestamp_bytes, "timestamp_bytes", "timestamp")
        try:
            at = timestamped_at(response, data, read_roots(beside.authorities), beside.timestamp.name)
        except EvidenceError as error:
            outcome.fault(Kind.TIMESTAMP, beside.timestamp.name, error.what, error.expected or "")
        else:
            outcome.holds.append(f"seen by a timestamp authority at {at.isoformat()}")
            moment = Moment(min(at, moment.time) if moment.time else at, moment.point, moment.now)
    return moment


def _directory(path: Path, trust: Trust, beside: Beside, progress: Progress) -> Outcome:
    """A submission or a case, by the seal in it."""
    outcome = Outcome(path.name)
    moment = Moment()
    try:
        seal = read_seal(path)
        data = (path / SEAL_FILE).read_bytes()
        moment = _moment(data, SEAL_FILE, seal.envelope.sha256, trust, beside, outcome)
    except SandgrainError:
        seal = None
    checked, seal = check_directory(path, trust, moment, progress)
    outcome.take(checked)
    if seal is None or kind_of(path) == SUBMISSION:
        return outcome
    try:
        case = read_case(path)
    except SandgrainError as error:
        outcome.fault(Kind.CASE, error.place or path.name, error.what, error.expected or "")
        return outcome
    if case.submission.digest != seal.digest:
        outcome.fault(Kind.CASE, path.name, "the case is not about the submission of its seal", seal.digest)
    if beside.submission is not None:
        outcome.take(_same_submission(beside.submission, case.submission.digest, "case"))
        checked, _ = check_directory(beside.submission, trust, Moment(), progress)
        outcome.take(checked)
    return outcome


def _same_submission(path: Path, digest: str, what: str) -> Outcome:
    outcome = Outcome(path.name)
    try:
        found = load(path).digest
    except SandgrainError as error:
        outcome.fault(Kind.FILE, error.place or path.name, error.what, error.expected or "")
        return outcome
    if found == digest:
        outcome.holds.append(f"the {what} is about this submission: {digest}")
    else:
        outcome.fault(Kind.FILE, path.name, f"this is not the submission the {what} is about", digest, found)
    return outcome


def _file(data: bytes, path: Path, trust: Trust, beside: Beside, progress: Progress) -> Outcome:
    if is_proof(data):
        return _proof(data, path, trust, beside, progress)
    if is_fork(data):
        return check_fork(data, trust, path.name)
    try:
        envelope = read_envelope(data, file=path.name)
    except SandgrainError as error:
        outcome = Outcome(path.name)
        outcome.fault(Kind.SIGNATURE, path.name, error.what, error.expected or "")
        return _by_its_own_seal(outcome, trust, beside, progress)
    kind = envelope.statement.kind
    outcome = Outcome(path.name)
    moment = _moment(data, path.name, envelope.sha256, trust, beside, outcome)
    if kind == RECEIPT_TYPE:
        checked, receipt = check_receipt(data, trust, moment, path.name)
        outcome.take(checked)
        if receipt is not None and beside.submission is not None:
            outcome.take(check_received(beside.submission, receipt.seal, receipt.seal_bytes, progress))
        elif receipt is None:
            return _by_its_own_seal(outcome, trust, beside, progress)
    elif kind == SEAL_TYPE:
        try:
            seal = seal_of(data, path.name)
        except SandgrainError as error:
            outcome.fault(Kind.SEAL, path.name, error.what, error.expected or "")
            return outcome
        outcome.take(check_seal_signatures(seal, trust, moment))
        if beside.submission is not None:
            outcome.take(check_received(beside.submission, seal, data, progress))
        else:
            outcome.notes.append("the seal alone; the files themselves were not compared")
    elif kind in (COMMITMENT_TYPE, CHALLENGE_TYPE):
        roles = frozenset({Role.VENDOR}) if kind == COMMITMENT_TYPE else frozenset({Role.EXAMINER, Role.AUDITOR})
        try:
            if kind == COMMITMENT_TYPE:
                read_commitment(data, path.name)
        except SandgrainError as error:
            outcome.fault(Kind.COMMITMENT, path.name, error.what, error.expected or "")
        for key in check_signatures(envelope, trust, roles, moment, outcome, path.name):
            outcome.holds.append(f"signed by {key.name}, {key.role}")
    else:
        outcome.fault(Kind.SIGNATURE, path.name, f"a statement of type {kind!a} is not known here")
    return outcome


def _by_its_own_seal(outcome: Outcome, trust: Trust, beside: Beside, progress: Progress) -> Outcome:
    """Where what should say so cannot be read, say at least which files are not as their own seal has them."""
    if beside.submission is not None:
        checked, _ = check_directory(beside.submission, trust, Moment(), progress)
        outcome.take(checked)
    return outcome


def _proof(data: bytes, path: Path, trust: Trust, beside: Beside, progress: Progress) -> Outcome:
    """A proof and, if it is named, the submission its entry is about, sealed before that entry."""
    outcome, entry, moment = check_proof(data, trust, path.name)
    if entry is None:
        return _by_its_own_seal(outcome, trust, beside, progress)
    if beside.submission is None:
        return outcome
    checked, seal = check_directory(beside.submission, trust, moment if outcome.ok else Moment(), progress)
    outcome.take(checked)
    if seal is not None and not {seal.envelope.sha256, seal.digest} & {one.sha256 for one in entry.subjects}:
        outcome.fault(
            Kind.PROOF,
            path.name,
            "the entry is not about this submission",
            f"seal {seal.envelope.sha256} or submission {seal.digest}",
            ", ".join(f"{one.name} {one.sha256}" for one in entry.subjects),
        )
    elif seal is not None and checked.ok:
        outcome.holds.append(f"the entry is about this submission: {seal.digest}")
    return outcome
