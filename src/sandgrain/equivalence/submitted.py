"""The netlist of a submission against its RTL."""

from __future__ import annotations

from sandgrain.check.agreed import Agreed
from sandgrain.equivalence.compare import CompareOptions, compare_rtl_netlist
from sandgrain.equivalence.outcome import Equivalence
from sandgrain.logic.assemble import Clock
from sandgrain.netlist.submitted import submitted_design, submitted_netlist
from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.submission.manifest import Level


def compare_submission(submission: Submission, progress: Progress, *, budget: float = 300.0) -> Equivalence | None:
    """Compare the netlist a submission brings with its RTL; None if it does not bring both.

    Clocks and resets are those of the manifest. Files of the role ``cell-library`` that are Liberty or Verilog say what
    cells compute; then the bundled table.

    Raises:
        SandgrainError: a file is wrong, or a side is no clocked network.
    """
    manifest = submission.manifest
    design = submitted_design(submission)
    delivered = submitted_netlist(submission, progress) if design.sources else None
    if delivered is None:
        return None
    netlist, library = delivered
    run = agreed(submission)
    clocks = tuple(Clock(clock.port, clock.edge.value) for clock in manifest.clocks)
    options = CompareOptions(clocks=clocks, held=run.held, resets=run.resets, budget=budget)
    return compare_rtl_netlist(design, netlist, library, options, progress)


def agreed(submission: Submission) -> Agreed:
    """How a submission says its chip is run: its clocks and resets; nothing is held."""
    manifest = submission.manifest
    return Agreed(
        clocks={clock.port: clock.edge.value for clock in manifest.clocks},
        resets={reset.port: (int(reset.active is Level.HIGH), reset.cycles) for reset in manifest.resets},
    )
