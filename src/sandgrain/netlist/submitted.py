"""The hardware description of a submission as netlists."""

from __future__ import annotations

from sandgrain.errors import SubmissionError
from sandgrain.netlist.design import Design
from sandgrain.netlist.elaborate import Elaborated, elaborate
from sandgrain.progress import Progress
from sandgrain.submission import FileRole, Submission


def elaborate_submission(submission: Submission, progress: Progress) -> Elaborated:
    """Elaborate what a submission describes its chip with.

    Raises:
        SubmissionError: the submission has no RTL.
        ElaborationError: the description is wrong.
        LimitExceeded: it is too large, or took too long.
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
