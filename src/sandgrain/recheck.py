"""Check certificates on the submission they are about: one by itself, or those of all proved claims of a case.

The submission is elaborated anew. Nothing of the engines that write certificates is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandgrain.case import read_case, submission_hint
from sandgrain.check import CertificateLimits, Checked, check
from sandgrain.errors import CaseError, SubmissionError
from sandgrain.netlist import Design, Elaborated, elaborate
from sandgrain.progress import Progress
from sandgrain.submission import FileRole, Submission, load
from sandgrain.verdict import Case, Claim, ClaimId, Verdict


@dataclass(frozen=True)
class Rechecked:
    """What the checker says of one certificate; ``file`` is empty for a certificate that should be there and is not."""

    file: str
    checked: Checked


def recheck(path: Path, submission_path: Path | None, progress: Progress) -> list[Rechecked]:
    """Check a certificate, or all certificates of a case.

    Args:
        path: a certificate, or the directory of a case.
        submission_path: the submission; for a case, where it was audited if None.
        progress: told what is being done.

    Raises:
        CaseError: there is no such file, the case is not whole, or nothing in it is proved.
        SubmissionError: the submission is wrong, or not the one the case is about.
        SandgrainError: its description cannot be read.
    """
    case = None if path.is_file() else read_case(path)
    root = submission_path or (submission_hint(path) if case is not None else None)
    if root is None:
        raise CaseError("nothing says where the submission is", file=path, remedy="name it with --submission")
    if case is not None and not any(claim.verdict is Verdict.PROVED for claim in case.claims):
        raise CaseError("there is no certificate to check", file=path, expected="a case with a proved claim")
    with progress.stage("intake"):
        submission = load(root)
    if case is not None and submission.digest != case.submission.digest:
        raise SubmissionError(
            "this is not the submission the case is about",
            file=root,
            expected=f"digest {case.submission.digest}, found {submission.digest}",
            remedy="name the submission that was audited with --submission",
        )
    with progress.stage("elaboration"):
        elaborated = _description(submission)
    if case is None:
        results = [Rechecked(str(path), check(_read(path), submission, elaborated, progress=progress, file=path))]
    else:
        results = list(_proved(path, case, submission, elaborated, progress))
    submission.verify_unchanged()
    return results


def _proved(
    path: Path, case: Case, submission: Submission, elaborated: Elaborated, progress: Progress
) -> Iterator[Rechecked]:
    """The certificates of all proved claims, and those a proved claim should have and has not."""
    for claim in case.claims:
        if claim.verdict is not Verdict.PROVED:
            continue
        accepted = set()
        for certificate in claim.certificates:
            file = path / certificate.file.path
            checked = check(_read(file), submission, elaborated, progress=progress, file=file)
            if checked.accepted and (checked.claim, checked.subject) != (claim.id, certificate.subject):
                checked = _rejected(claim, certificate.subject, "the certificate in this place is about something else")
            if checked.accepted:
                accepted.add(checked.subject)
            yield Rechecked(str(file), checked)
        for subject in _subjects(claim, submission):
            if subject not in accepted and subject not in {item.subject for item in claim.certificates}:
                yield Rechecked("", _rejected(claim, subject, "the claim is said to be proved without a certificate"))


def _subjects(claim: Claim, submission: Submission) -> list[str]:
    """What a proved claim needs certificates for; the claim itself if no certificates of it are known."""
    subjects = {
        ClaimId.NO_REMOTE_SHUTDOWN: [service.name for service in submission.manifest.services],
        ClaimId.NO_COVERT_CHANNEL: [source.name for source in submission.manifest.sources],
    }
    return subjects.get(claim.id) or [claim.id.value]


def _rejected(claim: Claim, subject: str, reason: str) -> Checked:
    return Checked(accepted=False, claim=claim.id.value, subject=subject, obligations=(), solver="", reason=reason)


def _read(file: Path) -> bytes:
    """The bytes of a certificate, one more than allowed at most, so that the checker refuses it."""
    try:
        with file.open("rb") as stream:
            return stream.read(CertificateLimits().file_bytes + 1)
    except OSError as error:
        raise CaseError(f"the certificate cannot be read: {error.strerror}", file=file) from error


def _description(submission: Submission) -> Elaborated:
    manifest = submission.manifest
    sources = tuple(file.path for file in submission.files_of(FileRole.RTL))
    if not sources:
        raise SubmissionError(
            "the submission names no RTL",
            file="submission.toml",
            expected='a [[files]] table with role = "rtl"',
            remedy="name the submission the certificate is about",
        )
    return elaborate(
        Design(
            root=submission.root,
            sources=sources,
            top=manifest.chip.top,
            include_dirs=tuple(manifest.elaboration.include_dirs),
            defines=dict(manifest.elaboration.defines),
            parameters=dict(manifest.elaboration.parameters),
        )
    )
