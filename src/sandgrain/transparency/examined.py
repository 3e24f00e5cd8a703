"""The claim *evidence unaltered* of a case: every byte is the one both sides signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.transparency.claim import CERTIFICATE_SUFFIX, MEDIA_TYPE, judge_evidence
from sandgrain.transparency.outcome import Fault
from sandgrain.transparency.trust import read_trust
from sandgrain.verdict import (
    Certificate,
    Claim,
    ClaimId,
    Coverage,
    Difference,
    EvidenceFile,
    Finding,
    FindingStatus,
    Text,
    Verdict,
)

SUBJECT = "submission"
"""What the one certificate of the claim is about."""

_MOST_FINDINGS = 100


@dataclass(frozen=True)
class EvidenceOptions:
    """What the claim is judged by.

    Attributes:
        receipt: signed by vendor and examiner; without one nobody examines the claim.
        proof: that the receipt is in a log.
        trust: public keys and trust files.
    """

    receipt: Path | None = None
    proof: Path | None = None
    trust: tuple[Path, ...] = field(default=())

    def digests(self) -> list[str]:
        """SHA-256 of each of the files, in order; of none that is not there."""
        named = [path for path in (self.receipt, self.proof, *self.trust) if path is not None and path.is_file()]
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in named]


def examine(
    submission: Submission,
    options: EvidenceOptions,
    *,
    keep: Callable[[bytes, str, str], EvidenceFile],
    progress: Progress,
) -> Claim:
    """Examine the claim.

    Raises:
        EvidenceError: the receipt or the proof cannot be read.
        KeyFileError: a key cannot.
    """
    with progress.stage("evidence"):
        result = judge_evidence(submission, read_trust(options.trust), options.receipt, options.proof, progress)
    certificates = []
    if result.certificate is not None:
        certificates.append(
            Certificate(
                kind="receipt signed by both sides",
                subject=SUBJECT,
                file=keep(result.certificate, CERTIFICATE_SUFFIX, MEDIA_TYPE),
                checked_by="sandgrain verify, Ed25519 or ECDSA P-256 signatures and SHA-256",
            )
        )
    return Claim(
        id=ClaimId.EVIDENCE_UNALTERED,
        verdict=result.verdict,
        summary_text=result.summary,
        examined=True,
        coverage=Coverage(
            figures=list(result.figures), assumptions=list(result.assumptions), not_covered=list(result.not_covered)
        ),
        findings=_findings(result.faults, options) if result.verdict is Verdict.REFUTED else [],
        certificates=certificates,
    )


def _findings(faults: Sequence[Fault], options: EvidenceOptions) -> list[Finding]:
    command = f"sandgrain verify {options.receipt} --submission SUBMISSION"
    command += "".join(f" --trust {path}" for path in options.trust)
    return [
        Finding(
            id=f"altered-{number}",
            status=FindingStatus.UNDECLARED,
            title=Text(template="{file} is not as both sides signed it", args={"file": fault.where}),
            explanation=Text(
                template="The receipt that vendor and examiner signed names the file. What lies in its place: {what}.",
                args={"what": fault.what},
            ),
            difference=Difference(
                place=fault.where,
                expected=fault.expected or "as signed",
                found=fault.found or fault.what,
                command=command,
            ),
        )
        for number, fault in enumerate(faults[:_MOST_FINDINGS], 1)
    ]
