"""The report as one HTML page that needs nothing else: no script, no network, no font, no second file."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sandgrain.errors import SandgrainError
from sandgrain.report import _wording
from sandgrain.report._bits import NeededInput, Word, needed_inputs, words
from sandgrain.report._evidence import FileState, check_evidence
from sandgrain.report._source import Excerpt, SourceReader
from sandgrain.report._visible import visible
from sandgrain.report.language import Language, Translator
from sandgrain.report.limits import LIMITS, ReportLimits
from sandgrain.report.waveform import Drawing, draw
from sandgrain.verdict import Case, Certificate, Claim, EvidenceFile, Finding, FindingStatus, Text, Verdict, Witness

SVG = "image/svg+xml"


@dataclass(frozen=True)
class EvidenceRow:
    """One evidence file as the report shows it."""

    role: Text
    file: EvidenceFile
    state: FileState


@dataclass(frozen=True)
class FindingView:
    """A finding with everything that had to be read for it."""

    finding: Finding
    command: str
    check_command: str
    excerpts: list[Excerpt]
    words: list[Word]
    needed: list[NeededInput]
    needed_left_out: int
    drawing: Drawing | None
    not_drawn: FileState | None
    pictures: list[Markup]
    evidence: list[EvidenceRow]


@dataclass(frozen=True)
class ClaimView:
    """A claim with its findings, worst first."""

    claim: Claim
    findings: list[FindingView]
    left_out: int
    counts: dict[FindingStatus, int]
    certificates: list[tuple[Certificate, EvidenceRow]]

    @property
    def evidence(self) -> list[EvidenceRow]:
        """Every evidence file the claim rests on, as far as the page names them."""
        rows = [row for finding in self.findings for row in finding.evidence]
        return rows + [row for _, row in self.certificates]


# A file too large to check is said to be unchecked beside its name; these are said at the top of the page.
_DAMAGED = frozenset({FileState.MISSING, FileState.ALTERED, FileState.REFUSED})


def render_html(
    case: Case,
    case_dir: Path,
    language: Language,
    *,
    source_root: Path | None,
    name: str | None = None,
    limits: ReportLimits = LIMITS,
) -> str:
    """The report of a case as one self-contained page.

    Args:
        case: the answer to tell.
        name: how the replay commands call the case; by default the name of ``case_dir``.
        case_dir: where its evidence files are; each is checked against its SHA-256 before anything is drawn from it.
        language: the language to tell it in.
        source_root: the submission, to show the lines a finding names; ``None`` shows only file and line. Only files
            whose bytes are still those the case recorded are shown.
        limits: how much is read and shown.
    """
    translator = Translator(language)
    builder = _Builder(
        case_dir, name or case_dir.name or ".", translator, SourceReader(source_root, case.submission, limits), limits
    )
    claims = [builder.claim(claim) for claim in _wording.ordered_claims(case)]
    verdict, sentence = _wording.overall(case)
    environment = _environment()
    template = environment.get_template("report.html.j2")
    return template.render(
        _=translator.gettext,
        t=_Teller(translator),
        language=language,
        case=case,
        overall=verdict,
        headline=sentence,
        claims=claims,
        examined=[view for view in claims if view.claim.examined],
        unexamined=[view for view in claims if not view.claim.examined],
        damaged=sum(row.state in _DAMAGED for view in claims for row in view.evidence),
        worst=[view for claim in claims for view in claim.findings if view.finding.status is FindingStatus.UNDECLARED],
        wording=_wording,
        Verdict=Verdict,
        Status=FindingStatus,
        FileState=FileState,
        limits=limits,
    )


class _Builder:
    """Reads what the page needs, once."""

    def __init__(
        self,
        case_dir: Path,
        name: str,
        translator: Translator,
        source: SourceReader,
        limits: ReportLimits,
    ) -> None:
        self.case_dir = case_dir
        self.name = name
        self.translator = translator
        self.source = source
        self.limits = limits

    def claim(self, claim: Claim) -> ClaimView:
        ordered = sorted(claim.findings, key=lambda finding: _wording.status_rank(finding.status))
        told = ordered[: self.limits.findings]
        return ClaimView(
            claim,
            [self.finding(finding) for finding in told],
            len(ordered) - len(told),
            {status: sum(finding.status is status for finding in ordered) for status in FindingStatus},
            [(item, self.evidence(Text(template="Certificate"), item.file)) for item in claim.certificates],
        )

    def evidence(self, role: Text, file: EvidenceFile) -> EvidenceRow:
        return EvidenceRow(role, file, check_evidence(self.case_dir, file, limits=self.limits).state)

    def finding(self, finding: Finding) -> FindingView:
        drawing, not_drawn, evidence = self.run(finding)
        shown = finding.witness or finding.leak
        needed = needed_inputs(shown.relevant_inputs, drawing.widths if drawing else {}) if shown else []
        rows = self.limits.input_rows
        return FindingView(
            finding,
            _wording.again(finding, shlex.quote(self.name)),
            f"sandgrain check {shlex.quote(self.name)}",
            self.source.excerpts(finding.places[: self.limits.places]),
            words(finding.dead_state[: self.limits.state_bits]),
            needed[:rows],
            max(0, len(needed) - rows),
            drawing,
            not_drawn,
            self.pictures(finding),
            evidence,
        )

    def pictures(self, finding: Finding) -> list[Markup]:
        """The pictures of a difference as data URIs: an image runs no script, whatever is in it."""
        found = []
        for file in [] if finding.difference is None else finding.difference.pictures[: self.limits.pictures]:
            checked = check_evidence(self.case_dir, file, keep=self.limits.picture_bytes, limits=self.limits)
            if checked.state is FileState.INTACT and checked.data is not None and file.media_type == SVG:
                found.append(Markup(f"data:{SVG};base64,{base64.b64encode(checked.data).decode()}"))  # noqa: S704
        return found

    def run(self, finding: Finding) -> tuple[Drawing | None, FileState | None, list[EvidenceRow]]:
        """The picture of the run (or pair of runs) that shows a finding, or why there is none, and its files."""
        shown = finding.witness or finding.leak
        if finding.difference is not None:
            pictures = [self.evidence(Text(template="Picture"), file) for file in finding.difference.pictures]
            return None, None, [*pictures, *(self.evidence(Text(template="File"), f) for f in finding.difference.files)]
        if shown is None:
            return None, None, []
        checked = check_evidence(self.case_dir, shown.vcd, keep=self.limits.vcd_bytes, limits=self.limits)
        rows = [
            self.evidence(Text(template="Stimulus"), shown.stimulus)
            if isinstance(shown, Witness)
            else self.evidence(Text(template="Pair of runs"), shown.pair),
            EvidenceRow(Text(template="Waveform (VCD)"), shown.vcd, checked.state),
        ]
        if isinstance(shown, Witness) and shown.acceleration is not None:
            rows.append(
                self.evidence(Text(template="Certificate of the skipped cycles"), shown.acceleration.certificate)
            )
        if checked.state is not FileState.INTACT:
            return None, checked.state, rows
        if checked.data is None:
            return None, FileState.TOO_LARGE, rows
        try:
            return draw(checked.data, shown, self.translator, name=f"w-{finding.id}", limits=self.limits), None, rows
        except SandgrainError:
            return None, FileState.REFUSED, rows


class _Teller:
    """Tells a sentence as markup, what came from the case or the vendor set apart from Sandgrain's own words."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def __call__(self, text: Text | str, **args: str | int) -> Markup:
        template, given = (text.template, text.args) if isinstance(text, Text) else (text, args)
        return Markup("").join(
            self._given(piece) if from_argument else escape(visible(piece))
            for piece, from_argument in self._translator.pieces(template, given)
        )

    @staticmethod
    def _given(piece: str) -> Markup:
        shown = visible(piece)
        if shown.replace(",", "").isdigit():
            return escape(shown)
        klass = "given" if " " in shown.strip() or not shown.isascii() else "given name"
        return Markup('<bdi class="{}">{}</bdi>').format(klass, shown)


def _finalize(value: object) -> object:
    """Every value a template prints that is not markup already is made visible, then escaped by Jinja."""
    return value if isinstance(value, Markup) else visible(str(value))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("sandgrain.report", "templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
