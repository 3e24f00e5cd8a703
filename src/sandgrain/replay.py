"""Replay the witnesses of a case on the submission it is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandgrain.case import read_case, submission_hint
from sandgrain.errors import CaseError, ReplayError, SubmissionError
from sandgrain.formal.pair import read_pair
from sandgrain.formal.pair_replay import replay_pair
from sandgrain.formal.replay import ReplayResult, replay
from sandgrain.formal.stimulus import read_stimulus
from sandgrain.progress import Progress
from sandgrain.submission import Submission, load
from sandgrain.verdict import Finding


@dataclass(frozen=True)
class Replayed:
    """What the simulators made of one finding's witness."""

    finding: str
    results: tuple[ReplayResult, ...]


def replay_case(path: Path, finding: str | None, submission_path: Path | None, progress: Progress) -> list[Replayed]:
    """Replay one finding, or every finding that has a witness.

    Args:
        path: the case.
        finding: id of the finding; all of them if None.
        submission_path: the submission; where it was audited if None.
        progress: told what is being done.

    Raises:
        CaseError: the case is not whole, or has no such finding.
        SubmissionError: the submission is not the one the case is about.
        ReplayError: there is nothing to replay, or a simulator cannot run it.
    """
    case = read_case(path)
    root = submission_path or submission_hint(path)
    if root is None:
        raise CaseError("the case does not say where the submission was", file=path, remedy="name it with --submission")
    with progress.stage("intake"):
        submission = load(root)
    if submission.digest != case.submission.digest:
        raise SubmissionError(
            "this is not the submission the case is about",
            file=root,
            expected=f"digest {case.submission.digest}, found {submission.digest}",
            remedy="name the submission that was audited with --submission",
        )
    findings = [item for claim in case.claims for item in claim.findings]
    if finding is not None and finding not in {item.id for item in findings}:
        raise CaseError(
            f"the case has no finding {finding!r}",
            file=path,
            expected=f"one of: {', '.join(item.id for item in findings) or 'none'}",
        )
    chosen = [item for item in findings if (item.witness or item.leak) and finding in (None, item.id)]
    if not chosen:
        raise ReplayError("there is no witness to replay", file=path, expected="a finding with a witness")
    replayed = []
    for item in chosen:
        with progress.stage(f"replay {item.id}"):
            replayed.append(Replayed(item.id, tuple(_replay(item, path, submission))))
    submission.verify_unchanged()
    return replayed


def _replay(finding: Finding, case: Path, submission: Submission) -> list[ReplayResult]:
    results = []
    if finding.witness is not None:
        results += replay(read_stimulus(case / finding.witness.stimulus.path), submission)
    if finding.leak is not None:
        results += replay_pair(read_pair(case / finding.leak.pair.path), submission)
    return results
