"""The main job: a submission in, a case out. It reads like the list of claims."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandgrain import __version__
from sandgrain.case import CaseWriter
from sandgrain.errors import SubmissionError
from sandgrain.formal.shutdown import ShutdownOptions, examine
from sandgrain.netlist import Design, Elaborated, elaborate
from sandgrain.progress import SilentProgress
from sandgrain.report import Language, render_html, render_sarif
from sandgrain.submission import FileRole, Submission, load
from sandgrain.verdict import Case, Claim, ClaimId, Text, Verdict

REPORT_FILE = "report.html"
SARIF_FILE = "findings.sarif"


@dataclass(frozen=True)
class AuditOptions:
    """How an audit is done.

    Attributes:
        shutdown: budgets of the claim *no remote shutdown*.
        language: of the report; the case itself is in English.
        fresh: neither resume earlier work nor spare a finished case at the same place.
    """

    shutdown: ShutdownOptions = field(default_factory=ShutdownOptions)
    language: Language = Language.EN
    fresh: bool = False


def audit(
    path: Path, out: Path, *, options: AuditOptions | None = None, progress: SilentProgress | None = None
) -> Case:
    """Audit the submission at ``path`` and write the case to ``out``.

    Raises:
        SandgrainError: the submission or its description is wrong, or ``out`` is taken; nothing is left at ``out``.
    """
    options = options or AuditOptions()
    progress = progress or SilentProgress()
    with progress.stage("intake"):
        submission = load(path)
    key = {
        "submission": submission.digest,
        "tool": __version__,
        "options": json.loads(json.dumps(asdict(options.shutdown))),
    }
    with CaseWriter(out, key, fresh=options.fresh) as writer:
        claims = [_claim(claim, submission, writer, options, progress) for claim in ClaimId]
        with progress.stage("unchanged"):
            submission.verify_unchanged()
        case = Case(
            tool_version=__version__,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            submission=submission.record(),
            claims=claims,
            stages=progress.stages,
        )
        with progress.stage("report"):
            files = {
                REPORT_FILE: render_html(
                    case, writer.partial, options.language, source_root=submission.root, name=out.name
                ),
                SARIF_FILE: json.dumps(render_sarif(case), indent=2, ensure_ascii=False) + "\n",
            }
            writer.finish(case, files, submission.root)
    return case


def _claim(
    claim: ClaimId, submission: Submission, writer: CaseWriter, options: AuditOptions, progress: SilentProgress
) -> Claim:
    """Answer one claim, or take the answer of an interrupted run."""
    examiners: dict[ClaimId, Callable[[], Claim]] = {
        ClaimId.NO_REMOTE_SHUTDOWN: lambda: examine(
            submission,
            description(submission, progress),
            keep=writer.keep,
            progress=progress,
            options=options.shutdown,
        ),
    }
    if claim not in examiners:
        return Claim(id=claim, verdict=Verdict.OPEN, summary_text=Text(template="not examined"), examined=False)
    kept = writer.finished_claim(claim)
    if kept is None:
        kept = examiners[claim]()
        writer.keep_claim(kept)
    return kept


def description(submission: Submission, progress: SilentProgress) -> Elaborated:
    """The hardware description of a submission as netlists.

    Raises:
        SubmissionError: the submission has no RTL.
        ElaborationError: the description is wrong.
    """
    manifest = submission.manifest
    sources = tuple(file.path for file in submission.files_of(FileRole.RTL))
    if not sources:
        raise SubmissionError(
            "the submission names no RTL",
            file="submission.toml",
            expected='a [[files]] table with role = "rtl"',
            remedy="add the RTL: other descriptions cannot be audited yet",
        )
    with progress.stage("elaboration"):
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
