"""The hardware description of a submission as netlists."""

from __future__ import annotations

from typing import Final

from sandgrain.errors import SubmissionError
from sandgrain.netlist.design import Design
from sandgrain.netlist.elaborate import Elaborated, elaborate
from sandgrain.netlist.library import BUNDLED, Library, read_library
from sandgrain.netlist.model import Netlist
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import Progress
from sandgrain.submission import FileRole, Submission

_CELLS: Final = (".lib", ".liberty", ".v", ".vg")
_PACKED: Final = (".gz", ".xz", ".zst")


def submitted_netlist(submission: Submission, progress: Progress) -> tuple[Netlist, Library] | None:
    """The gate netlist a submission brings, and what its cells compute; None if it brings none.

    Files of the role ``cell-library`` that are Liberty or Verilog say what cells compute; then the bundled table.

    Raises:
        NetlistError: a file is wrong.
        LimitExceeded: one is too large.
    """
    netlists = submission.files_of(FileRole.NETLIST)
    if not netlists:
        return None
    libraries = [submission.root / file.path for file in submission.files_of(FileRole.CELL_LIBRARY)]
    cells = [path for path in libraries if _suffix(path.name) in _CELLS]
    with progress.stage("reading the netlist"):
        library = read_library([*cells, BUNDLED], defines={"UNIT_DELAY": ""})
        paths = [submission.root / file.path for file in netlists]
        return read_netlist(paths, top=submission.manifest.chip.top).netlist, library


def _suffix(name: str) -> str:
    """The ending of a file name, without that of a compression."""
    parts = name.lower().split(".")
    if len(parts) > 2 and f".{parts[-1]}" in _PACKED:
        parts.pop()
    return f".{parts[-1]}"


def submitted_design(submission: Submission) -> Design:
    """The description of a submission as it is to be elaborated; without sources if there is no RTL."""
    manifest = submission.manifest
    return Design(
        root=submission.root,
        sources=tuple(file.path for file in submission.files_of(FileRole.RTL)),
        top=manifest.chip.top,
        include_dirs=tuple(manifest.elaboration.include_dirs),
        defines=dict(manifest.elaboration.defines),
        parameters=dict(manifest.elaboration.parameters),
    )


def elaborate_submission(submission: Submission, progress: Progress) -> Elaborated:
    """Elaborate what a submission describes its chip with.

    Raises:
        SubmissionError: the submission has no RTL.
        ElaborationError: the description is wrong.
        LimitExceeded: it is too large, or took too long.
    """
    design = submitted_design(submission)
    if not design.sources:
        raise SubmissionError(
            "the submission names no RTL",
            file="submission.toml",
            expected='a [[files]] table with role = "rtl"',
            remedy="add the RTL: other descriptions cannot be audited yet",
        )
    with progress.stage("elaboration"):
        return elaborate(design)
