"""The main job: a submission in, a case out. It reads like the list of claims."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from sandgrain import __version__, levels
from sandgrain.case import CaseWriter
from sandgrain.check.claim import certified_claim
from sandgrain.formal import covert_channel, shutdown
from sandgrain.formal.budgets import MEMORY_BYTES, ShutdownOptions
from sandgrain.formal.covert_channel import ChannelOptions
from sandgrain.formal.environment import whole_environment
from sandgrain.formal.facts import Store
from sandgrain.formal.read_outs import questions
from sandgrain.netlist import Elaborated
from sandgrain.netlist.submitted import elaborate_submission
from sandgrain.progress import Progress, SilentProgress
from sandgrain.report import Language, render_html, render_sarif
from sandgrain.submission import Submission, load
from sandgrain.transparency import examined as evidence
from sandgrain.transparency.examined import EvidenceOptions
from sandgrain.verdict import Case, Claim, ClaimId, EvidenceFile, Text, Verdict

REPORT_FILE = "report.html"
SARIF_FILE = "findings.sarif"


@dataclass(frozen=True)
class AuditOptions:
    """How an audit is done.

    Attributes:
        shutdown: budgets of the claim *no remote shutdown*.
        channel: budgets of the claim *no covert channel*.
        evidence: what both sides signed, for the claim *evidence unaltered*.
        language: of the report; the case itself is in English.
        fresh: neither resume earlier work nor spare a finished case at the same place.
        claims: the claims to examine, all others being left open; all that can be examined if empty.
    """

    shutdown: ShutdownOptions = field(default_factory=ShutdownOptions)
    channel: ChannelOptions = field(default_factory=ChannelOptions)
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)
    language: Language = Language.EN
    fresh: bool = False
    claims: tuple[ClaimId, ...] = ()

    @classmethod
    def within(
        cls,
        seconds: float,
        memory_bytes: int = MEMORY_BYTES,
        language: Language = Language.EN,
        *,
        fresh: bool = False,
        claims: tuple[ClaimId, ...] = (),
        evidence: EvidenceOptions | None = None,
    ) -> Self:
        """Options with ``seconds`` and ``memory_bytes`` for each claim."""
        return cls(
            ShutdownOptions(seconds=seconds, memory_bytes=memory_bytes),
            ChannelOptions(seconds=seconds, memory_bytes=memory_bytes),
            evidence or EvidenceOptions(),
            language,
            fresh,
            claims,
        )


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
        "options": json.loads(
            json.dumps([asdict(options.shutdown), asdict(options.channel), options.evidence.digests(), options.claims])
        ),
    }
    with CaseWriter(out, key, fresh=options.fresh) as writer:
        description = cache(lambda: elaborate_submission(submission, progress))
        claims = [_claim(claim, submission, description, writer, options, progress) for claim in ClaimId]
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


Keep = Callable[[bytes, str, str], EvidenceFile]


def examiners(
    submission: Submission,
    description: Callable[[], Elaborated],
    keep: Keep,
    options: AuditOptions,
    progress: Progress,
    store: Store | None = None,
) -> dict[ClaimId, Callable[[], Claim]]:
    """How each claim that can be examined is examined.

    Args:
        submission: what was handed over.
        description: its description as netlists, made once.
        keep: where evidence goes.
        options: budgets.
        progress: told what is being done.
        store: where proven facts are kept for a later run.
    """
    signed = {
        ClaimId.EVIDENCE_UNALTERED: lambda: evidence.examine(
            submission, options.evidence, keep=keep, progress=progress
        ),
    }
    compared = {
        ClaimId.DESCRIPTION_MATCHES_DRAWING: lambda: levels.examine(
            submission, keep=keep, progress=progress, seconds=options.shutdown.seconds
        ),
    }
    return {
        **(signed if options.evidence.receipt is not None else {}),
        **(compared if levels.can_be_examined(submission) else {}),
        ClaimId.NO_REMOTE_SHUTDOWN: lambda: shutdown.examine(
            submission, description(), keep=keep, progress=progress, options=options.shutdown, store=store
        ),
        ClaimId.NO_COVERT_CHANNEL: lambda: covert_channel.examine(
            submission, description(), keep=keep, progress=progress, options=options.channel
        ),
    }


def _claim(
    claim: ClaimId,
    submission: Submission,
    description: Callable[[], Elaborated],
    writer: CaseWriter,
    options: AuditOptions,
    progress: Progress,
) -> Claim:
    """Answer one claim: as an interrupted run did, by the vendor's certificates, or by examining it."""
    examine = examiners(submission, description, writer.keep, options, progress, writer).get(claim)
    if examine is None or (options.claims and claim not in options.claims):
        return Claim(id=claim, verdict=Verdict.OPEN, summary_text=Text(template="not examined"), examined=False)
    kept = writer.finished_claim(claim)
    if kept is None:
        kept = certified_claim(claim, submission, description, keep=writer.keep, progress=progress) or examine()
        if claim is ClaimId.NO_COVERT_CHANNEL:
            kept = _asking(kept, submission, description(), progress)
        writer.keep_claim(kept)
    return kept


def _asking(claim: Claim, submission: Submission, elaborated: Elaborated, progress: Progress) -> Claim:
    """The claim with what the vendor is to be asked about; a claim about which something is asked is examined."""
    with progress.stage("constants that look like identities"):
        environment, _ = whole_environment(submission, elaborated, {})
        asked = questions(environment.model, lambda done, total: progress.update("selects", done, total))
    return claim.model_copy(update={"questions": asked, "examined": True}) if asked else claim
