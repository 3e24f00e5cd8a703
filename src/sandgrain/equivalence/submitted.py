"""The netlist of a submission against its RTL."""

from __future__ import annotations

from typing import Final

from sandgrain.equivalence.compare import CompareOptions, compare_rtl_netlist
from sandgrain.equivalence.outcome import Equivalence
from sandgrain.logic.assemble import Clock
from sandgrain.netlist.design import Design
from sandgrain.netlist.library import BUNDLED, read_library
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import Progress
from sandgrain.submission import FileRole, Submission
from sandgrain.submission.manifest import Level

_CELLS: Final = (".lib", ".liberty", ".v", ".vg")
_PACKED: Final = (".gz", ".xz", ".zst")


def compare_submission(submission: Submission, progress: Progress, *, budget: float = 300.0) -> Equivalence | None:
    """Compare the netlist a submission brings with its RTL; None if it does not bring both.

    Clocks and resets are those of the manifest. Files of the role ``cell-library`` that are Liberty or Verilog say what
    cells compute; then the bundled table.

    Raises:
        SandgrainError: a file is wrong, or a side is no clocked network.
    """
    manifest = submission.manifest
    sources = submission.files_of(FileRole.RTL)
    netlists = submission.files_of(FileRole.NETLIST)
    if not sources or not netlists:
        return None
    elaboration = manifest.elaboration
    design = Design(
        root=submission.root,
        sources=tuple(file.path for file in sources),
        top=manifest.chip.top,
        include_dirs=tuple(elaboration.include_dirs),
        defines=dict(elaboration.defines),
        parameters=dict(elaboration.parameters),
    )
    libraries = [submission.root / file.path for file in submission.files_of(FileRole.CELL_LIBRARY)]
    cells = [path for path in libraries if _suffix(path.name) in _CELLS]
    with progress.stage("reading the netlist"):
        library = read_library([*cells, BUNDLED], defines={"UNIT_DELAY": ""})
        delivered = read_netlist([submission.root / file.path for file in netlists], top=manifest.chip.top)
    options = CompareOptions(
        clocks=tuple(Clock(clock.port, clock.edge.value) for clock in manifest.clocks),
        resets={reset.port: (int(reset.active is Level.HIGH), reset.cycles) for reset in manifest.resets},
        budget=budget,
    )
    return compare_rtl_netlist(design, delivered.netlist, library, options, progress)


def _suffix(name: str) -> str:
    """The ending of a file name, without that of a compression."""
    parts = name.lower().split(".")
    if len(parts) > 2 and f".{parts[-1]}" in _PACKED:
        parts.pop()
    return f".{parts[-1]}"
