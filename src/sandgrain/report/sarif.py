"""The case as SARIF 2.1.0 (OASIS Standard), for the tools that gather findings of many analysers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from sandgrain.report import _wording
from sandgrain.report._visible import visible
from sandgrain.report.language import Language, Translator
from sandgrain.verdict import Case, Claim, ClaimId, EvidenceFile, Finding, FindingStatus, Leak, Place, Text, Verdict

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_ROOT = "SUBMISSION"

# SARIF 3.27.9 and 3.27.10: a level other than "none" goes with kind "fail" only. "review" is for what a person must
# decide; a declared capability is what was evaluated and told, "informational".
_KIND = {
    FindingStatus.UNDECLARED: ("fail", "error"),
    FindingStatus.SUSPECT: ("review", "none"),
    FindingStatus.DECLARED: ("informational", "none"),
}
_CLAIM_KIND = {Verdict.PROVED: "pass", Verdict.OPEN: "open", Verdict.REFUTED: "fail"}


def render_sarif(case: Case) -> dict[str, Any]:
    """The case as a SARIF log with one run: one rule per claim, one result per finding.

    A claim that was examined and has no finding yet gives one result of kind ``pass`` or ``open``, so that a proved
    claim and an unfinished one are not told apart by silence. A claim nobody examined gives none; the run's
    properties name it. Messages are English.
    """
    claims = _wording.ordered_claims(case)
    return {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Sandgrain",
                        "version": case.tool_version,
                        "rules": [_rule(claim) for claim in claims],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the vendor's submission."}}},
                "artifacts": [
                    {
                        "location": _artifact(file.path),
                        "length": file.size,
                        "hashes": {"sha-256": file.sha256},
                    }
                    for file in case.submission.files
                ],
                "results": [result for index, claim in enumerate(claims) for result in _results(case, claim, index)],
                "properties": {
                    "chip": case.submission.chip,
                    "vendor": case.submission.vendor,
                    "submissionDigest": case.submission.digest,
                    "created": case.created,
                    "verdicts": {
                        claim.id.value: {"verdict": claim.verdict.value, "examined": claim.examined} for claim in claims
                    },
                },
            }
        ],
    }


def _rule(claim: Claim) -> dict[str, Any]:
    return {
        "id": claim.id.value,
        "name": "".join(part.capitalize() for part in claim.id.value.split("-")),
        "shortDescription": {"text": str(_wording.CLAIM_NAMES[claim.id])},
        "fullDescription": {"text": str(_wording.CLAIM_QUESTIONS[claim.id])},
        "defaultConfiguration": {"level": "error"},
    }


def _results(case: Case, claim: Claim, index: int) -> list[dict[str, Any]]:
    results = [_result(case, claim.id, index, finding) for finding in claim.findings]
    unfinished = all(finding.status is FindingStatus.DECLARED for finding in claim.findings)
    if claim.examined and unfinished:
        results.append(
            {
                "ruleId": claim.id.value,
                "ruleIndex": index,
                "kind": _CLAIM_KIND[claim.verdict],
                "level": "none",
                "message": {"text": _sentence(claim.summary_text)},
                "partialFingerprints": {"sandgrainFinding/v1": _fingerprint(case, claim.id, claim.verdict.value)},
            }
        )
    return results


def _result(case: Case, claim: ClaimId, index: int, finding: Finding) -> dict[str, Any]:
    kind, level = _KIND[finding.status]
    title, explanation = _sentence(finding.title), _sentence(finding.explanation)
    result: dict[str, Any] = {
        "ruleId": claim.value,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": f"{title}. {explanation}" if title[-1:].isalnum() else f"{title} {explanation}"},
        "partialFingerprints": {"sandgrainFinding/v1": _fingerprint(case, claim, _substance(finding))},
        "properties": {
            "findingId": finding.id,
            "status": finding.status.value,
            "deadState": [{"name": bit.name, "value": bit.value} for bit in finding.dead_state],
            **({"declaredAs": finding.declared_as} if finding.declared_as else {}),
            **({"grade": finding.grade.value} if finding.grade else {}),
            **({"leak": _leak(finding.leak)} if finding.leak else {}),
        },
    }
    if finding.places:
        result["locations"] = [_location(finding.places[0])]
    if len(finding.places) > 1:
        result["relatedLocations"] = [
            {"id": number, **_location(place)} for number, place in enumerate(finding.places[1:], start=1)
        ]
    attached = list(_attachments(finding))
    if attached:
        result["attachments"] = [
            {"description": {"text": description}, "artifactLocation": {"uri": quote(evidence.path)}}
            for description, evidence in attached
        ]
    return result


def _leak(leak: Leak) -> dict[str, str | int]:
    return {"source": leak.source, "sink": leak.sink, "bit": leak.bit, "firstDifference": leak.first_difference}


def _attachments(finding: Finding) -> Iterator[tuple[str, EvidenceFile]]:
    if finding.witness is not None:
        yield "Stimulus that shows the finding, in the case directory.", finding.witness.stimulus
        yield "Waveform of the run (VCD), in the case directory.", finding.witness.vcd
        if finding.witness.acceleration is not None:
            yield "Certificate of the skipped cycles, in the case directory.", finding.witness.acceleration.certificate
    if finding.difference is not None:
        for picture in finding.difference.pictures:
            yield "Picture of the difference (SVG), in the case directory.", picture
        for file in finding.difference.files:
            yield "What shows the difference, in the case directory.", file
    if finding.leak is not None:
        yield "Pair of runs that shows the finding, in the case directory.", finding.leak.pair
        yield "Waveform of both runs (VCD), in the case directory.", finding.leak.vcd


def _sentence(text: Text) -> str:
    """A sentence as SARIF wants it (3.11.5, 3.11.6): no brace is a placeholder, no name becomes a link."""
    told = visible(Translator(Language.EN).tell(text), lines=False)
    return told.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _artifact(path: str) -> dict[str, str]:
    # quote() also turns ":" into %3A, so that no path becomes an absolute URI with a scheme of its own.
    return {"uri": quote(path.lstrip("/")), "uriBaseId": _ROOT}


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": _artifact(place.file), "region": {"startLine": place.line}},
    }


def _substance(finding: Finding) -> str:
    """What makes a finding the same one in a later audit: what leaks where, its dead state, its place, else its id."""
    if finding.difference is not None:
        return finding.difference.place
    if finding.leak is not None:
        return f"{finding.leak.source} {finding.leak.sink}"
    if finding.dead_state:
        return " ".join(sorted(str(bit) for bit in finding.dead_state))
    return " ".join(map(str, finding.places)) or finding.id


def _fingerprint(case: Case, claim: ClaimId, substance: str) -> str:
    parts = (case.submission.chip, case.submission.top, claim.value, substance)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
