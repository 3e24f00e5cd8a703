"""Check certificates on the submission they are about: one by itself, or all of a case.

A case has one for every service or source of a proved claim, and one for every witness of which a part was proved
instead of run. A run in which RTL and netlist differ is its own: it is run again.

The submission is elaborated anew. Nothing of the engines that write certificates is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandgrain.case import read_case, submission_hint
from sandgrain.check import CertificateLimits, Checked, check
from sandgrain.check.accelerated import STIMULUS_BYTES, checked_acceleration
from sandgrain.check.claim import subjects
from sandgrain.check.differing import DIFFERENCE_BYTES
from sandgrain.errors import CaseError, SubmissionError
from sandgrain.levels import RUN, SUBJECTS, recheck_difference, recheck_level
from sandgrain.netlist import Elaborated
from sandgrain.netlist.submitted import elaborate_submission
from sandgrain.progress import Progress
from sandgrain.submission import Submission, load
from sandgrain.transparency.claim import recheck_evidence
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.examined import SUBJECT
from sandgrain.transparency.trust import read_trust
from sandgrain.verdict import Case, Claim, ClaimId, Finding, Verdict


@dataclass(frozen=True)
class Rechecked:
    """What the checker says of one certificate; ``file`` is empty for a certificate that should be there and is not."""

    file: str
    checked: Checked


def recheck(
    path: Path, submission_path: Path | None, progress: Progress, trust: Sequence[Path] = ()
) -> list[Rechecked]:
    """Check a certificate, or all certificates of a case.

    Args:
        path: a certificate, or the directory of a case.
        submission_path: the submission; for a case, where it was audited if None.
        progress: told what is being done.
        trust: public keys, for the claim that the evidence is unaltered.

    Raises:
        CaseError: there is no such file, the case is not whole, or there is no certificate in it.
        SubmissionError: the submission is wrong, or not the one the case is about.
        SandgrainError: its description cannot be read.
    """
    case = None if path.is_file() else read_case(path)
    root = submission_path or (submission_hint(path) if case is not None else None)
    if root is None:
        raise CaseError("nothing says where the submission is", file=path, remedy="name it with --submission")
    if case is not None and not _has_certificates(case):
        raise CaseError(
            "there is no certificate to check",
            file=path,
            expected="a case with a proved claim, a witness that skips cycles, or RTL and netlist that differ",
        )
    with progress.stage("intake"):
        submission = load(root)
    if case is not None and submission.digest != case.submission.digest:
        raise SubmissionError(
            "this is not the submission the case is about",
            file=root,
            expected=f"digest {case.submission.digest}, found {submission.digest}",
            remedy="name the submission that was audited with --submission",
        )
    elaborated = elaborate_submission(submission, progress)
    if case is None:
        results = [Rechecked(str(path), check(_read(path), submission, elaborated, progress=progress, file=path))]
    else:
        results = [
            *_proved(path, case, submission, elaborated, progress, trust),
            *_accelerated(path, case, submission, elaborated, progress),
            *_different(path, case, submission, progress),
        ]
    submission.verify_unchanged()
    return results


def _proved(
    path: Path, case: Case, submission: Submission, elaborated: Elaborated, progress: Progress, trust: Sequence[Path]
) -> Iterator[Rechecked]:
    """The certificates of all proved claims and answers, and those that should be there and are not."""
    for claim in case.claims:
        if not _says_proved(claim):
            continue
        for certificate in claim.certificates:
            file = path / certificate.file.path
            if claim.id is ClaimId.EVIDENCE_UNALTERED:
                checked = _signed(_read(file), claim, submission, trust, progress)
            elif claim.id is ClaimId.DESCRIPTION_MATCHES_DRAWING:
                checked = _level(certificate.subject, file, claim, submission, progress)
            else:
                checked = check(_read(file), submission, elaborated, progress=progress, file=file)
            if checked.accepted and (checked.claim, checked.subject) != (claim.id, certificate.subject):
                checked = _rejected(claim, certificate.subject, "the certificate in this place is about something else")
            yield Rechecked(str(file), checked)
        named = {certificate.subject for certificate in claim.certificates}
        # A claim of which no certificates are known stands for itself, so that it is never passed over.
        others = {ClaimId.EVIDENCE_UNALTERED: (SUBJECT,), ClaimId.DESCRIPTION_MATCHES_DRAWING: SUBJECTS}
        every = subjects(claim.id, submission) or others.get(claim.id, (claim.id.value,))
        proved = {answer.subject for answer in claim.answers if answer.verdict is Verdict.PROVED}
        for subject in every if claim.verdict is Verdict.PROVED else sorted(proved):
            if subject not in named:
                yield Rechecked("", _rejected(claim, subject, "the claim is said to be proved without a certificate"))


def _signed(data: bytes, claim: Claim, submission: Submission, trust: Sequence[Path], progress: Progress) -> Checked:
    """What the public keys say of the certificate that the evidence is unaltered."""
    if not trust:
        return _rejected(claim, SUBJECT, "nothing says whose signatures count: name the public keys with --trust")
    try:
        result = recheck_evidence(submission, read_trust(trust), data, progress)
    except EvidenceError as error:
        return _rejected(claim, SUBJECT, error.what)
    if result.verdict is not Verdict.PROVED:
        return _rejected(claim, SUBJECT, str(result.summary))
    return Checked(accepted=True, claim=claim.id.value, subject=SUBJECT, obligations=(), solver="signatures", reason="")


def _level(subject: str, file: Path, claim: Claim, submission: Submission, progress: Progress) -> Checked:
    """What the checkers of correspondences and placements say of a certificate that two levels are one."""
    if subject not in SUBJECTS:
        return _rejected(claim, subject, "there is no such comparison")
    reason = recheck_level(subject, file, _read(file), submission, progress)
    if reason:
        return _rejected(claim, subject, reason)
    return Checked(accepted=True, claim=claim.id.value, subject=subject, obligations=(), solver="compared", reason="")


def _says_proved(claim: Claim) -> bool:
    """Whether the claim, or the answer for one of its services or sources, is *proved*."""
    return Verdict.PROVED in (claim.verdict, *(answer.verdict for answer in claim.answers))


def _has_certificates(case: Case) -> bool:
    return any(_says_proved(claim) for claim in case.claims) or any(
        (finding.witness is not None and finding.witness.acceleration is not None) or _checked(finding)
        for claim in case.claims
        for finding in claim.findings
    )


def _checked(finding: Finding) -> bool:
    """Whether the finding is a difference that a checker can show again."""
    return finding.difference is not None and bool(finding.difference.checked_by)


def _accelerated(
    path: Path, case: Case, submission: Submission, elaborated: Elaborated, progress: Progress
) -> Iterator[Rechecked]:
    """The certificates of the cycles that witnesses skip."""
    for claim in case.claims:
        for finding in claim.findings:
            witness = finding.witness
            if witness is None or witness.acceleration is None:
                continue
            file = path / witness.acceleration.certificate.path
            stimulus = _read(path / witness.stimulus.path, STIMULUS_BYTES)
            with progress.stage(f"check the skipped cycles of {finding.id}"):
                checked = checked_acceleration(_read(file), stimulus, submission.manifest, elaborated, claim, finding)
            yield Rechecked(str(file), checked)


def _different(path: Path, case: Case, submission: Submission, progress: Progress) -> Iterator[Rechecked]:
    """The runs in which RTL and netlist differ."""
    for claim in case.claims:
        for finding in claim.findings:
            difference = finding.difference
            if difference is None or not _checked(finding):
                continue
            runs = [path / file.path for file in difference.files if file.path.endswith(RUN)]
            if claim.id is not ClaimId.DESCRIPTION_MATCHES_DRAWING or len(runs) != 1:
                yield Rechecked("", _rejected(claim, finding.id, "the difference is said to be checked without a run"))
                continue
            with progress.stage(f"check the difference of {finding.id}"):
                reason = recheck_difference(difference, _read(runs[0], DIFFERENCE_BYTES), submission, progress)
            accepted = Checked(True, claim.id.value, finding.id, (), "run again", "")
            yield Rechecked(str(runs[0]), _rejected(claim, finding.id, reason) if reason else accepted)


def _rejected(claim: Claim, subject: str, reason: str) -> Checked:
    return Checked(accepted=False, claim=claim.id.value, subject=subject, obligations=(), solver="", reason=reason)


def _read(file: Path, most: int = CertificateLimits().file_bytes) -> bytes:
    """The bytes of a file, one more than allowed at most, so that the checker refuses it."""
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise CaseError(f"the certificate cannot be read: {error.strerror}", file=file) from error
