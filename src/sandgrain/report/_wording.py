"""The words every form of the report shares: what the claims ask, what verdicts and statuses mean."""

from __future__ import annotations

from sandgrain.verdict import Case, Claim, ClaimId, Finding, FindingStatus, Grade, Text, Verdict

CLAIM_NAMES: dict[ClaimId, Text] = {
    ClaimId.NO_REMOTE_SHUTDOWN: Text(template="No remote shutdown"),
    ClaimId.NO_COVERT_CHANNEL: Text(template="No covert channel"),
    ClaimId.NO_HIDDEN_LOGIC: Text(template="No hidden logic"),
    ClaimId.DESCRIPTION_MATCHES_DRAWING: Text(template="Description matches drawing"),
    ClaimId.DRAWING_MATCHES_DIE: Text(template="Drawing matches die"),
    ClaimId.EVIDENCE_UNALTERED: Text(template="Evidence unaltered"),
    ClaimId.CUSTODY_UNBROKEN: Text(template="Custody unbroken"),
}

CLAIM_QUESTIONS: dict[ClaimId, Text] = {
    ClaimId.NO_REMOTE_SHUTDOWN: Text(
        template="Is there a state, reachable from outside, from which the chip never serves again?"
    ),
    ClaimId.NO_COVERT_CHANNEL: Text(
        template="Does an identity, a location or a secret reach an output it was not declared to reach?"
    ),
    ClaimId.NO_HIDDEN_LOGIC: Text(
        template="Is there logic that looks planted: rare trigger, narrow payload, no declared purpose?"
    ),
    ClaimId.DESCRIPTION_MATCHES_DRAWING: Text(
        template="Do the hardware description, the netlist and the layout describe the same chip?"
    ),
    ClaimId.DRAWING_MATCHES_DIE: Text(template="Does the scan of the silicon show the layout that was submitted?"),
    ClaimId.EVIDENCE_UNALTERED: Text(template="Is every byte the one both sides signed?"),
    ClaimId.CUSTODY_UNBROKEN: Text(template="Does every die account for itself from mask to rack?"),
}

VERDICT_NAMES: dict[Verdict, Text] = {
    Verdict.REFUTED: Text(template="Refuted"),
    Verdict.PROVED: Text(template="Proved"),
    Verdict.OPEN: Text(template="Open"),
}

NOT_EXAMINED = Text(template="Open: not examined")

VERDICT_MEANINGS: dict[Verdict, Text] = {
    Verdict.REFUTED: Text(
        template="A run from reset or a comparison shows the opposite of the claim. Anyone can repeat it."
    ),
    Verdict.PROVED: Text(
        template="A certificate shows the claim. A checker with another solver accepts it without trusting the engine."
    ),
    Verdict.OPEN: Text(
        template="Neither shown nor excluded. The report says how far the work got and what is left to look at."
    ),
}

STATUS_NAMES: dict[FindingStatus, Text] = {
    FindingStatus.UNDECLARED: Text(template="Undeclared"),
    FindingStatus.SUSPECT: Text(template="Suspect"),
    FindingStatus.DECLARED: Text(template="Declared"),
}

DIFFERENCE_MEANING = Text(template="Two things that should be the same are not, as anybody can see by comparing them.")

STATUS_MEANINGS: dict[FindingStatus, Text] = {
    FindingStatus.UNDECLARED: Text(template="Shown by a run from reset, and explained by nothing the vendor declared."),
    FindingStatus.SUSPECT: Text(template="Neither reached nor excluded. It needs a closer look."),
    FindingStatus.DECLARED: Text(template="A capability the vendor declared."),
}

GRADE_NAMES: dict[Grade, Text] = {
    Grade.SLOWED: Text(template="Slowed down"),
    Grade.NEEDS_RESET: Text(template="Needs reset"),
    Grade.NEEDS_POWER_CYCLE: Text(template="Needs a power cycle"),
    Grade.SURVIVES_RESET: Text(template="Survives reset"),
}

GRADE_MEANINGS: dict[Grade, Text] = {
    Grade.SLOWED: Text(template="The service comes back by itself, later than it has to."),
    Grade.NEEDS_RESET: Text(template="Reset brings the service back."),
    Grade.NEEDS_POWER_CYCLE: Text(
        template="Reset does not bring the service back, the values registers have at power-up do."
    ),
    Grade.SURVIVES_RESET: Text(
        template="Reset does not bring the service back, and nothing says that a power cycle does."
    ),
}

STATUS_ORDER = (FindingStatus.UNDECLARED, FindingStatus.SUSPECT, FindingStatus.DECLARED)
"""The order findings are told in: what needs an answer first."""


def overall(case: Case) -> tuple[Verdict, Text]:
    """The one sentence at the top of a report, and the verdict its icon shows."""
    examined = [claim for claim in case.claims if claim.examined]
    refuted = [claim for claim in examined if claim.verdict is Verdict.REFUTED]
    if any(finding.witness or finding.leak for claim in refuted for finding in claim.findings):
        return Verdict.REFUTED, Text(template="This chip has a capability nobody declared.")
    if refuted:
        return Verdict.REFUTED, Text(template="What was handed over is not what it should be the same as.")
    if not examined:
        return Verdict.OPEN, Text(template="Nothing was examined yet.")
    if all(claim.verdict is Verdict.PROVED for claim in examined):
        return Verdict.PROVED, Text(template="Every claim that was examined is proved.")
    return Verdict.OPEN, Text(template="No undeclared capability was shown, and none is excluded.")


def ordered_claims(case: Case) -> list[Claim]:
    """The claims in the order of :class:`ClaimId`, however the case lists them."""
    order = list(ClaimId)
    return sorted(case.claims, key=lambda claim: order.index(claim.id))


def status_rank(status: FindingStatus) -> int:
    """Undeclared before suspect before declared."""
    return STATUS_ORDER.index(status)


def again(finding: Finding, case: str) -> str:
    """The command that shows a finding of a case again."""
    if finding.difference is None:
        return f"sandgrain replay {case} {finding.id}"
    return f"sandgrain check {case}" if finding.difference.checked_by else finding.difference.command


def duration(seconds: float) -> Text:
    """A length of time in the unit in which it is easily read."""
    if seconds >= 31_557_600:
        return Text(template="{number} years", args={"number": _readable(seconds / 31_557_600)})
    if seconds >= 86_400:
        return Text(template="{number} days", args={"number": _readable(seconds / 86_400)})
    if seconds >= 3600:
        return Text(template="{number} hours", args={"number": _readable(seconds / 3600)})
    return Text(template="{number} seconds", args={"number": _readable(seconds)})


def _readable(number: float) -> str:
    """Three or four digits that count; a small number as it is."""
    return f"{float(f'{number:.4g}'):,.0f}" if number >= 1000 else f"{number:.3g}"
