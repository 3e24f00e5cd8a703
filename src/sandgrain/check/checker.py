"""Checks a certificate against a submission, sharing nothing with the engine that wrote it.

Each obligation is told in docs/reference/certificate.md. Whatever cannot be read, stated, modelled or decided makes the
certificate not accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import pysat

from sandgrain.check._formula import SOLVER
from sandgrain.check._obligations import Channel, CheckLimits, Obligation, Shutdown
from sandgrain.check.certificate import Certificate, network_digest, parse, terms_digest
from sandgrain.check.errors import CertificateError
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.verdict import ClaimId


@dataclass(frozen=True)
class Checked:
    """What the checker says of a certificate.

    Attributes:
        accepted: whether every obligation holds; False unless all of them were decided.
        claim, subject: what the certificate is about; empty if it could not be read.
        obligations: those looked at, up to the first that does not hold.
        solver: which solver decided.
        reason: why it is not accepted; empty if it is.
    """

    accepted: bool
    claim: str
    subject: str
    obligations: tuple[Obligation, ...]
    solver: str
    reason: str


def check(
    data: bytes,
    submission: Submission,
    elaborated: Elaborated,
    *,
    progress: Progress,
    file: PurePath | str | None = None,
    limits: CheckLimits | None = None,
) -> Checked:
    """Check a certificate against a submission; never raises for what is in the certificate or the submission.

    Args:
        data: the text of the certificate.
        submission: what it is to be about.
        elaborated: the submission's description as netlists.
        progress: told which obligation is being looked at.
        file: what to call the certificate in messages.
        limits: how much it may take.
    """
    done: list[Obligation] = []
    claim = subject = ""
    try:
        certificate = parse(data, file=file)
        claim, subject = certificate.claim.value, certificate.subject
        _bind(certificate, submission, elaborated)
        kind = Channel if certificate.claim is ClaimId.NO_COVERT_CHANNEL else Shutdown
        obligations = kind(certificate, submission.manifest, elaborated, progress, limits or CheckLimits())
        done = obligations.done
        obligations.run()
        reason = "" if done and all(item.holds for item in done) else "an obligation does not hold"
    except SandgrainError as error:
        reason = str(error)
    return Checked(not reason, claim, subject, tuple(done), f"{SOLVER} (python-sat {pysat.__version__})", reason)


def _bind(certificate: Certificate, submission: Submission, elaborated: Elaborated) -> None:
    manifest = submission.manifest
    terms = terms_digest(manifest, certificate.claim, certificate.subject)
    for what, said, found in (
        ("top module", certificate.top, manifest.chip.top),
        ("network", certificate.network, network_digest(elaborated.gates.top_module)),
        ("set of terms in the manifest", certificate.terms, terms),
    ):
        if said != found:
            raise CertificateError(f"the certificate is about another {what}", expected=f"{found}, not {said}")
