"""Replaying a witness: the vendor's own description in simulators that share nothing with the engine.

They keep x: a service of unknown value has not been shown to be given or to be missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandgrain.errors import SubmissionError
from sandgrain.formal._simulators import (
    ICARUS,
    YOSYS,
    Job,
    Simulator,
    available_simulators,
    check_driven,
    mismatch,
    prepare,
    run_each,
)
from sandgrain.formal._testbench import Seen
from sandgrain.formal.stimulus import Stimulus
from sandgrain.netlist import ElaborationLimits
from sandgrain.submission import Expression, Submission, parse

__all__ = ["ICARUS", "YOSYS", "ReplayResult", "available_simulators", "replay"]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What one simulator saw.

    Attributes:
        simulator: ``yosys`` or ``icarus``.
        version: of the simulator.
        reproduced: whether everything recorded was, from the end of reset on, in every cycle what the record says.
        cycles: clock cycles simulated.
        service_last_seen: last cycle after reset in which the service was given, if there was one.
        detail: one sentence for a person.
    """

    simulator: str
    version: str
    reproduced: bool
    cycles: int
    service_last_seen: int | None
    detail: str


def replay(
    stimulus: Stimulus,
    submission: Submission,
    *,
    limits: ElaborationLimits | None = None,
    simulators: Sequence[str] | None = None,
) -> list[ReplayResult]:
    """Run a witness again and compare.

    Args:
        stimulus: of the witness.
        submission: what it is a witness against.
        limits: time, memory and output of each child process.
        simulators: which ones must run it; by default all that are available and able to, the others being named in
            ``detail``.

    Returns:
        One result per simulator that ran. A design that behaves differently gives ``reproduced=False``.

    Raises:
        ReplayError: the stimulus is not one for this submission, or no simulator (or not each of those asked for)
            can run it.
        LimitExceeded: a child process needed too much.
    """
    seen = Seen((_check_matches(stimulus, submission),))
    with tempfile.TemporaryDirectory(prefix="sandgrain-replay-") as directory:
        work = Path(directory)
        prepared = prepare(stimulus, submission, limits or ElaborationLimits(), work, "stimulus")

        def run(name: str, simulator: Simulator) -> ReplayResult:
            own = work / name
            own.mkdir()
            simulated = simulator(Job(prepared, stimulus, seen, own, stimulus.x_as_zero, stimulus.jump))
            return _compare(name, simulated.version, stimulus, "".join(simulated.rows), simulated.remark)

        results, unable = run_each(simulators, run)
    return with_remarks(results, unable)


def with_remarks(results: Sequence[ReplayResult], unable: Sequence[str]) -> list[ReplayResult]:
    """The results, each of which tells which other simulators were not able to run it."""
    return [replace(result, detail=" ".join((result.detail, *unable))) for result in results]


def _check_matches(stimulus: Stimulus, submission: Submission) -> Expression:
    """The service's expression, after checking that the stimulus speaks of this submission."""
    manifest = submission.manifest
    check_driven(stimulus, stimulus.reset_cycles, manifest, "stimulus")
    services = {service.name: service for service in manifest.services}
    if stimulus.service not in services:
        raise mismatch(f"the stimulus is about a service {stimulus.service!r}", ", ".join(services))
    declared = services[stimulus.service].parsed()
    try:
        expression = parse(stimulus.service_expression, field="service_expression")
    except SubmissionError as error:
        raise mismatch(error.what, error.expected or "") from error
    if expression != declared:
        raise mismatch(
            f"the stimulus measures {stimulus.service!r} as {stimulus.service_expression!r}",
            repr(services[stimulus.service].expression),
        )
    return expression


def _compare(name: str, version: str, stimulus: Stimulus, trace: str, remark: str) -> ReplayResult:
    """The verdict over the service as simulated, ``0 1 x z`` per cycle."""
    start = stimulus.reset_cycles
    expected = stimulus.expand_trace()
    trace = trace[: stimulus.cycles]
    last = trace.rfind("1", start)
    reproduced = len(trace) == stimulus.cycles and trace[start:] == expected[start:]
    if reproduced:
        given = f"was last given in cycle {last}" if last >= 0 else "was never given after reset"
        detail = f"The service {given} and not once in the {stimulus.cycles - stimulus.dead_from} cycles from cycle "
        detail += f"{stimulus.dead_from} to the end."
    elif len(trace) < stimulus.cycles:
        detail = f"The description ended the simulation in cycle {len(trace)} of {stimulus.cycles}."
    else:
        cycle = next(t for t in range(start, stimulus.cycles) if trace[t] != expected[t])
        told = {"0": "not given", "1": "given"}
        seen = told.get(trace[cycle], "unknown (x), which shows nothing")
        detail = f"In cycle {cycle} the service should be {told[expected[cycle]]} and is {seen}."
    return ReplayResult(
        name, version, reproduced, len(trace), last if last >= 0 else None, f"{detail} {remark}".rstrip()
    )
