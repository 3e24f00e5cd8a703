"""What the claim *evidence unaltered* needs: is every byte the one both sides signed?"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.transparency._canonical import decode, encode, read_bounded
from sandgrain.transparency.envelope import base64_of
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.outcome import Fault, Kind, Outcome
from sandgrain.transparency.proof import check_proof
from sandgrain.transparency.receipt import Receipt, check_receipt, check_received
from sandgrain.transparency.seal import SEAL_FILE
from sandgrain.transparency.trust import Moment, Trust
from sandgrain.verdict import Figure, Text, Verdict

CERTIFICATE_TYPE = "sandgrain.evidence/1"
CERTIFICATE_SUFFIX = ".evidence.json"
MEDIA_TYPE = "application/json"


@dataclass(frozen=True)
class EvidenceResult:
    """The answer, in the parts a claim is made of.

    Attributes:
        verdict: proved if everything holds, refuted if a file is not what both sides signed, open if it is not shown
            that they did.
        summary: one sentence.
        figures: how much was verified.
        assumptions: what the proof takes for granted.
        not_covered: what keeps an open claim open.
        faults: what is altered, of a refuted claim; what does not hold, of an open one.
        certificate: what a checker needs beside the submission and the public keys; None unless proved.
    """

    verdict: Verdict
    summary: Text
    figures: tuple[Figure, ...] = ()
    assumptions: tuple[Text, ...] = ()
    not_covered: tuple[Text, ...] = ()
    faults: tuple[Fault, ...] = ()
    certificate: bytes | None = None


def judge_evidence(
    submission: Submission, trust: Trust, receipt: Path | None, proof: Path | None, progress: Progress
) -> EvidenceResult:
    """Judge whether a submission is, byte for byte, what both sides signed.

    Args:
        submission: as it was taken in.
        trust: public keys of the vendor and the examiner, and of log and witnesses if there is a proof.
        receipt: the receipt signed by both; without one the claim is open.
        proof: a proof that the receipt is in a log; None if there is none.
        progress: told what is being done.

    Raises:
        EvidenceError: the receipt or the proof cannot be read.
    """
    if receipt is None:
        return _open(Text(template="The submission has no receipt signed by both sides."))
    if not trust.keys:
        return _open(Text(template="Nothing says whose signatures count."))
    data = read_bounded(receipt, LIMITS.envelope_bytes, "envelope_bytes", "receipt")
    logged = b"" if proof is None else read_bounded(proof, LIMITS.proof_bytes, "proof_bytes", "proof")
    return _judge(submission, trust, data, logged, progress)


def recheck_evidence(submission: Submission, trust: Trust, certificate: bytes, progress: Progress) -> EvidenceResult:
    """Judge again from the certificate of a claim that was proved, the submission and the public keys.

    Raises:
        EvidenceError: the bytes are no such certificate.
    """
    value = decode(certificate, file=None, what="certificate of evidence")
    try:
        if set(value) != {"type", "receipt", "proof"} or value["type"] != CERTIFICATE_TYPE:
            raise ValueError("it has other fields")
        receipt, proof = (base64.b64decode(value[name], validate=True) for name in ("receipt", "proof"))
    except (TypeError, ValueError) as error:
        raise EvidenceError(f"this is no certificate of evidence: {error}") from error
    return _judge(submission, trust, receipt, proof, progress)


def _judge(submission: Submission, trust: Trust, data: bytes, logged: bytes, progress: Progress) -> EvidenceResult:
    signed, moment = Outcome("evidence"), Moment()
    about: set[str] | None = None
    if logged:
        checked, entry, shown = check_proof(logged, trust, "proof")
        signed.take(checked)
        moment = shown if checked.ok else moment
        about = set() if entry is None else {one.sha256 for one in entry.subjects}
    checked, received = check_receipt(data, trust, moment, "receipt")
    signed.take(checked)
    if received is not None:
        if received.seal.digest != submission.digest:
            signed.fault(
                Kind.SEAL, SEAL_FILE, "the seal is about another submission", received.seal.digest, submission.digest
            )
        if about is not None and not about & {received.envelope.sha256, received.seal.envelope.sha256}:
            signed.fault(Kind.PROOF, "proof", "the entry is about something else", received.envelope.sha256)
    compared = (
        Outcome("files")
        if received is None
        else check_received(submission.root, received.seal, received.seal_bytes, progress)
    )
    # Only against a digest that both sides signed can anything be called altered.
    if received is not None and checked.ok and compared.faults:
        return _refuted(compared)
    if received is None or signed.faults:
        return _open(
            Text(
                template="What should show that both sides signed does not hold: {what}.",
                args={"what": "; ".join(fault.what for fault in signed.faults[:3])},
            ),
            signed,
        )
    return _proved(received, trust, data, logged)


def _refuted(compared: Outcome) -> EvidenceResult:
    summary = Text(
        template="{count} files are not as both sides signed them; the first is {first}.",
        args={"count": len(compared.faults), "first": compared.faults[0].where},
    )
    return EvidenceResult(Verdict.REFUTED, summary, faults=tuple(compared.faults))


def _proved(received: Receipt, trust: Trust, data: bytes, logged: bytes) -> EvidenceResult:
    files = received.seal.files
    summary = Text(
        template="Every one of {files:,} files is the one that {vendor} and {examiner} signed.",
        args={
            "files": len(files),
            "vendor": _names(trust, received.seal.envelope.signatures),
            "examiner": _names(trust, received.envelope.signatures),
        },
    )
    unlogged = Text(
        template="The receipt is not shown to be in a log: when it was made is the word of those who signed it."
    )
    return EvidenceResult(
        Verdict.PROVED,
        summary,
        figures=(
            Figure(name=Text(template="files sealed"), value=len(files)),
            Figure(name=Text(template="bytes sealed"), value=sum(one.size for one in files)),
            Figure(name=Text(template="root hash of the seal"), value=received.seal.root),
        ),
        assumptions=() if logged else (unlogged,),
        certificate=encode({"type": CERTIFICATE_TYPE, "receipt": base64_of(data), "proof": base64_of(logged)}),
    )


def _open(why: Text, signed: Outcome | None = None) -> EvidenceResult:
    faults = () if signed is None else tuple(signed.faults)
    return EvidenceResult(Verdict.OPEN, why, not_covered=(why,), faults=faults)


def _names(trust: Trust, signatures: tuple[tuple[str, bytes], ...]) -> str:
    keys = [one.key.name for keyid, _ in signatures if (one := trust.find(keyid)) is not None]
    return ", ".join(sorted(keys))
