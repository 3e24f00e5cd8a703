"""A claim answered by certificates that came with the submission: checked, never searched for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sandgrain.check.certificate import CertificateLimits
from sandgrain.check.checker import Checked, check
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.verdict import Answer, Certificate, Claim, ClaimId, Coverage, EvidenceFile, Figure, Text, Verdict

DIRECTORY = "certificates"
"""Where in a submission its certificates lie; they are no part of what they are about, so no role names them."""
SUFFIX = ".cert"
MEDIA_TYPE = "text/plain"

_PROVED = {
    ClaimId.NO_REMOTE_SHUTDOWN: "From every state the chip can be in, the services return: proved, with a certificate "
    "that anybody can check.",
    ClaimId.NO_COVERT_CHANNEL: "Nothing of the sources reaches an output it was not declared to reach: proved, with a "
    "certificate that anybody can check.",
}

_SUBJECTS = {ClaimId.NO_REMOTE_SHUTDOWN: "service", ClaimId.NO_COVERT_CHANNEL: "source"}
_ANSWERS = {
    ClaimId.NO_REMOTE_SHUTDOWN: "{service} returns from every state the chip can be in.",
    ClaimId.NO_COVERT_CHANNEL: "{source} reaches no output it was not declared to reach.",
}


def subjects(claim: ClaimId, submission: Submission) -> list[str]:
    """What a claim needs certificates for: its services or its sources."""
    manifest = submission.manifest
    if claim is ClaimId.NO_REMOTE_SHUTDOWN:
        return [service.name for service in manifest.services]
    return [source.name for source in manifest.sources] if claim is ClaimId.NO_COVERT_CHANNEL else []


def place(submission: Submission, claim: ClaimId, subject: str) -> Path:
    """Where the certificate of a claim about one service or source lies."""
    return submission.root / DIRECTORY / f"{claim}.{subject}{SUFFIX}"


def certified_claim(
    claim: ClaimId,
    submission: Submission,
    description: Callable[[], Elaborated],
    *,
    keep: Callable[[bytes, str, str], EvidenceFile],
    progress: Progress,
) -> Claim | None:
    """The claim as proved, if the submission brings a certificate for each subject and every one is accepted."""
    found = [(subject, _read(place(submission, claim, subject))) for subject in subjects(claim, submission)]
    if not found or any(data is None for _, data in found):
        return None
    elaborated = description()
    accepted: list[tuple[str, bytes, Checked]] = []
    for subject, data in found:
        if data is None:
            return None
        with progress.stage("certificates"):
            checked = check(data, submission, elaborated, progress=progress)
        if not checked.accepted or (checked.claim, checked.subject) != (claim.value, subject):
            return None
        accepted.append((subject, data, checked))
    return Claim(
        id=claim,
        verdict=Verdict.PROVED,
        summary_text=Text(template=_PROVED[claim]),
        examined=True,
        coverage=Coverage(
            figures=[
                Figure(
                    name=Text(template="{subject}: obligations checked", args={"subject": subject}),
                    value=len(c.obligations),
                )
                for subject, _, c in accepted
            ],
            assumptions=assumptions(claim, submission, elaborated),
        ),
        certificates=[
            Certificate(
                kind="inductive invariant",
                subject=subject,
                file=keep(data, SUFFIX, MEDIA_TYPE),
                checked_by=f"sandgrain check, {checked.solver}",
            )
            for subject, data, checked in accepted
        ],
        answers=[
            Answer(subject=subject, verdict=Verdict.PROVED, text=Text(template=_ANSWERS[claim], args={key: subject}))
            for subject, _, _ in accepted
            for key in [_SUBJECTS[claim]]
        ],
    )


def assumptions(claim: ClaimId, submission: Submission, elaborated: Elaborated) -> list[Text]:
    """What a proof of the claim takes for granted, in sentences."""
    manifest = submission.manifest
    cycles = max((reset.cycles for reset in manifest.resets), default=0)
    told = [
        Text(
            template="Runs start with any power-up state and {cycles} cycles of reset; afterwards reset is not "
            "asserted again.",
            args={"cycles": cycles},
        )
        if cycles
        else Text(template="No reset is declared: runs start from the initial values of the description.")
    ]
    driven = {clock.port for clock in manifest.clocks} | {reset.port for reset in manifest.resets}
    held = sorted(
        port.name
        for port in elaborated.gates.top_module.ports
        if port.direction != "output" and port.name not in driven and port.name not in manifest.recovery.driven
    )
    if held and claim is ClaimId.NO_REMOTE_SHUTDOWN:
        told.append(
            Text(
                template="Inputs the recovery stimulus does not name are held at an arbitrary constant: {ports}.",
                args={"ports": ", ".join(held)},
            )
        )
    return [*told, *elaborated.notes]


def _read(file: Path) -> bytes | None:
    """The bytes of a certificate, at most one more than allowed so that it is refused; None if there is none."""
    if file.is_symlink() or file.parent.is_symlink() or not file.is_file():
        return None
    with file.open("rb") as stream:
        return stream.read(CertificateLimits().file_bytes + 1)
