"""The claim *no remote shutdown*: is there a state, reachable from outside, from which the chip never serves again?

In this order, cheapest first: long runs that nobody disturbs, small dead cubes found by forcing flip-flops, then dead
states from SAT until there are none left or the budget ends. Each dead cube is excluded by an inductive invariant,
reached by a concrete run and so becomes a witness, or stays as a suspect.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sandgrain.allowance import Allowance
from sandgrain.formal.budgets import ShutdownOptions
from sandgrain.formal.environment import Bound, bind
from sandgrain.formal.facts import NoStore, Store, keep_facts, proved_again
from sandgrain.formal.findings import Findings
from sandgrain.formal.mining import Clauses, as_cubes, candidates, inductive_clauses
from sandgrain.formal.reachability import Cube
from sandgrain.formal.sampling import sample_states
from sandgrain.formal.service_search import ServiceSearch
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.verdict import Claim, EvidenceFile

Keep = Callable[[bytes, str, str], EvidenceFile]
"""Keeps evidence: (data, file suffix, media type) to the record of the file."""


def examine(
    submission: Submission,
    elaborated: Elaborated,
    *,
    keep: Keep,
    progress: Progress,
    options: ShutdownOptions | None = None,
    store: Store | None = None,
) -> Claim:
    """Examine the claim for every service of the submission.

    Args:
        submission: what was handed over.
        elaborated: its description as netlists.
        keep: where evidence goes.
        progress: told what is being done.
        options: budgets.
        store: where proven facts are kept for a later run.

    Raises:
        SubmissionError: the manifest names something the design does not have.
        NetworkError: the design cannot be modelled soundly.
    """
    options = options or ShutdownOptions()
    store = store or NoStore()
    deadline = time.monotonic() + options.seconds
    with progress.stage("model"):
        bound = bind(submission, elaborated)
    services = list(bound.cone.services)
    with progress.stage("sampling"):
        states = sample_states(bound.cone)
    findings = Findings(submission, elaborated, bound, keep, progress, states)
    with progress.stage("invariants"):
        likely = candidates(states)
        invariant = _proved_before(store, bound, options, progress) or _mine(bound, likely, options, progress)

    def note(proved: list[Cube]) -> None:
        keep_facts(store, bound.cone, proved)

    note(invariant)
    for position, service in enumerate(services):
        now = time.monotonic()
        allowance = Allowance(now + (deadline - now) / (len(services) - position), options.memory_bytes)
        search = ServiceSearch(bound, service, states, likely, invariant, options, progress, findings, allowance, note)
        outcome = search.run()
        findings.add(outcome)
        invariant = outcome.invariant or invariant
        note(invariant)
    return findings.claim()


def _proved_before(store: Store, bound: Bound, options: ShutdownOptions, progress: Progress) -> list[Cube]:
    """What an interrupted run proved, proved again."""
    return proved_again(
        store,
        bound.cone,
        seconds=options.seconds / 2,
        tick=lambda alive: progress.update(f"{alive} clauses left"),
    )


def _mine(bound: Bound, likely: Clauses, options: ShutdownOptions, progress: Progress) -> list[Cube]:
    """Cubes proved unreachable by mined inductive clauses."""
    clauses = inductive_clauses(
        bound.cone,
        likely,
        seconds=options.seconds / 2,
        tick=lambda alive: progress.update(f"{alive} clauses left"),
    )
    return as_cubes(clauses)
