"""The vendor's side: prove the claims before handing the submission over, and put the certificates into it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sandgrain.audit import AuditOptions, examiners
from sandgrain.check.claim import place
from sandgrain.errors import SubmissionError
from sandgrain.netlist.submitted import elaborate_submission
from sandgrain.progress import Progress
from sandgrain.submission import load
from sandgrain.verdict import Claim, EvidenceFile
from sandgrain.writing import write_whole


@dataclass(frozen=True)
class Proof:
    """How one claim went, and the certificates written for it."""

    claim: Claim
    files: tuple[Path, ...]


def prove(path: Path, *, options: AuditOptions | None = None, progress: Progress) -> list[Proof]:
    """Prove what can be proved of the submission at ``path`` and write the certificates into it.

    A service or source for which a claim is refuted or open leaves no certificate, and takes away one that was there.

    Raises:
        SandgrainError: the submission or its description is wrong, or cannot be written to.
    """
    options = options or AuditOptions()
    with progress.stage("intake"):
        submission = load(path)
    elaborated = elaborate_submission(submission, progress)
    kept: dict[str, bytes] = {}

    def keep(data: bytes, suffix: str, media_type: str) -> EvidenceFile:
        digest = hashlib.sha256(data).hexdigest()
        name = f"evidence/{digest}{suffix}"
        kept[name] = data
        return EvidenceFile(path=name, sha256=digest, size=len(data), media_type=media_type)

    proofs = []
    for claim_id, examine in examiners(submission, lambda: elaborated, keep, options, progress).items():
        claim = examine()
        written = []
        for certificate in claim.certificates:
            file = place(submission, claim_id, certificate.subject)
            _directory(file.parent)
            write_whole(file, kept[certificate.file.path], SubmissionError)
            written.append(file)
        for old in place(submission, claim_id, "x").parent.glob(f"{claim_id}.*.cert"):
            if old not in written:
                old.unlink()
        proofs.append(Proof(claim, tuple(written)))
    submission.verify_unchanged()
    return proofs


def _directory(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise SubmissionError(
            f"the certificates cannot be written: {error.strerror or error}",
            file=path,
            expected="a submission that can be written to",
            remedy="prove on a copy",
        ) from error
