"""What the search proved, as the text of a certificate that somebody else can check."""

from __future__ import annotations

from sandgrain.check.certificate import Certificate, Literal, network_digest, terms_digest, write
from sandgrain.formal.environment import Bound
from sandgrain.formal.outcome import Outcome
from sandgrain.netlist import Elaborated
from sandgrain.submission import Submission
from sandgrain.verdict import ClaimId


def shutdown_certificate(submission: Submission, elaborated: Elaborated, bound: Bound, outcome: Outcome) -> bytes:
    """The certificate that ``outcome.service`` always returns: the invariant behind it, in the vendor's names.

    Raises:
        CertificateError: no text says this.
    """
    latches = bound.cone.model.latches
    # A cube says where the chip never is; the clause is its negation.
    invariant = sorted(
        (tuple(Literal(latches[literal >> 1].name, literal & 1) for literal in cube) for cube in outcome.invariant),
        key=lambda clause: (len(clause), clause),
    )
    claim = ClaimId.NO_REMOTE_SHUTDOWN
    return write(
        Certificate(
            claim=claim,
            subject=outcome.service,
            top=submission.manifest.chip.top,
            network=network_digest(elaborated.gates.top_module),
            terms=terms_digest(submission.manifest, claim, outcome.service),
            frames=outcome.frames,
            invariant=tuple(invariant),
        )
    )
