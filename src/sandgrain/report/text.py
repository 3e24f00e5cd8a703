"""The case in a terminal: what was found, where, how to check it, and how far the work got."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text as Line

from sandgrain.report import _wording
from sandgrain.report._visible import visible
from sandgrain.report.language import Language, Translator
from sandgrain.report.limits import LIMITS, ReportLimits
from sandgrain.verdict import Case, Claim, Finding, FindingStatus, Text, Verdict

# A shape and a word for every verdict; the colour only repeats them.
_VERDICT_MARKS = {
    Verdict.REFUTED: ("✕", "bold red"),
    Verdict.PROVED: ("✓", "bold green"),
    Verdict.OPEN: ("◐", "bold yellow"),
}
_STATUS_MARKS = {
    FindingStatus.UNDECLARED: ("!", "bold red"),
    FindingStatus.SUSPECT: ("?", "bold yellow"),
    FindingStatus.DECLARED: ("·", "dim"),
}
_UNEXAMINED = ("○", "dim")


def summary(
    case: Case,
    language: Language,
    console: Console,
    *,
    case_dir: Path | None = None,
    limits: ReportLimits = LIMITS,
) -> None:
    """Print the case to ``console``; rich leaves colour out where the console is no terminal.

    Args:
        case_dir: named in the replay commands; ``CASE`` stands there when it is not given.
        limits: how many findings and gaps are told.
    """
    _Summary(case, Translator(language), console, case_dir, limits).print()


class _Summary:
    def __init__(
        self, case: Case, translator: Translator, console: Console, case_dir: Path | None, limits: ReportLimits
    ) -> None:
        self.case = case
        self.translator = translator
        self.console = console
        self.name = "CASE" if case_dir is None else shlex.quote(str(case_dir))
        self.limits = limits

    def tell(self, text: Text) -> str:
        return visible(self.translator.tell(text), lines=False, limit=self.limits.text)

    def line(self, text: str, *, indent: int = 0, style: str = "") -> None:
        """One paragraph. ``Line`` holds plain text: nothing in it is read as markup, a link or an emoji."""
        paragraph = Line(visible(text, lines=False, limit=self.limits.text * 2), style=style)
        width = max(20, self.console.width - indent)
        for part in paragraph.wrap(self.console, width):
            self.console.print(Line(" " * indent) + part, soft_wrap=True, highlight=False)

    def print(self) -> None:
        submission = self.case.submission
        self.line(f"{submission.chip} · {submission.vendor} · {submission.date}", style="bold")
        self.line(f"SHA-256 {submission.digest}", style="dim")
        self.console.print()
        verdict, headline = _wording.overall(self.case)
        mark, style = _VERDICT_MARKS[verdict]
        self.line(f"{mark} {self.tell(_wording.VERDICT_NAMES[verdict])}: {self.tell(headline)}", style=style)
        self.console.print()
        claims = _wording.ordered_claims(self.case)
        for claim in claims:
            self.verdict(claim)
        for claim in claims:
            if claim.examined:
                self.claim(claim)

    def verdict(self, claim: Claim) -> None:
        mark, style = _VERDICT_MARKS[claim.verdict] if claim.examined else _UNEXAMINED
        word = _wording.VERDICT_NAMES[claim.verdict] if claim.examined else _wording.NOT_EXAMINED
        self.line(f"{mark} {self.tell(_wording.CLAIM_NAMES[claim.id])}: {self.tell(word)}", style=style)

    def claim(self, claim: Claim) -> None:
        _ = self.translator.gettext
        self.console.print()
        self.line(self.tell(_wording.CLAIM_NAMES[claim.id]), style="bold")
        self.line(self.tell(claim.summary_text), indent=2)
        for answer in claim.answers[: self.limits.items] if len(claim.answers) > 1 else ():
            mark, style = _VERDICT_MARKS[answer.verdict]
            word = self.tell(_wording.VERDICT_NAMES[answer.verdict])
            self.line(f"{mark} {answer.subject}: {word}. {self.tell(answer.text)}", indent=4, style=style)
        ordered = sorted(claim.findings, key=lambda finding: _wording.status_rank(finding.status))
        for finding in ordered[: self.limits.findings]:
            self.finding(finding)
        left_out = len(ordered) - self.limits.findings
        if left_out > 0:
            self.line(
                self.tell(Text(template="{count} more findings are in case.json.", args={"count": left_out})), indent=2
            )
        coverage = claim.coverage
        if coverage.figures:
            self.line(_("Figures"), indent=2, style="bold")
            for figure in coverage.figures[: self.limits.items]:
                value = f"{figure.value:,}" if isinstance(figure.value, int) else figure.value
                self.line(f"{self.tell(figure.name)}: {value}", indent=4)
        for title, texts in ((_("Assumed"), coverage.assumptions), (_("Not covered"), coverage.not_covered)):
            if texts:
                self.line(title, indent=2, style="bold")
            for text in texts[: self.limits.items]:
                self.line(f"- {self.tell(text)}", indent=4)
        if claim.questions:
            self.line(_("Questions for the vendor"), indent=2, style="bold")
        for question in claim.questions[: self.limits.items]:
            at = f" ({', '.join(map(str, question.places[:3]))})" if question.places else ""
            self.line(f"- {self.tell(question.text)}{at}", indent=4)

    def finding(self, finding: Finding) -> None:
        _ = self.translator.gettext
        mark, style = _STATUS_MARKS[finding.status]
        status = self.tell(_wording.STATUS_NAMES[finding.status])
        self.line(f"{mark} {status}: {self.tell(finding.title)}", indent=2, style=style)
        self.line(self.tell(finding.explanation), indent=6)
        if finding.grade is not None:
            name, meaning = _wording.GRADE_NAMES[finding.grade], _wording.GRADE_MEANINGS[finding.grade]
            self.line(f"{self.tell(name)}: {self.tell(meaning)}", indent=6)
        for place in finding.places[: self.limits.places]:
            self.line(f"{_('at')} {place}", indent=6)
        if finding.declared_as is not None:
            where = f" ({finding.document})" if finding.document else ""
            self.line(f"{_('Declared as')}: {finding.declared_as}{where}", indent=6)
        if finding.difference is not None:
            apart = finding.difference
            for label, value in ((_("Where"), apart.place), (_("Expected"), apart.expected), (_("Found"), apart.found)):
                self.line(f"{label}: {value}", indent=6)
        if finding.witness is not None or finding.leak is not None or finding.difference is not None:
            self.line(f"{_('Check it yourself')}: {_wording.again(finding, self.name)}", indent=6)
        if finding.witness is not None and finding.witness.acceleration is not None:
            self.line(f"{_('And the cycles that were skipped')}: sandgrain check {self.name}", indent=6)
