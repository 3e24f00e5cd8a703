"""The claim *no covert channel*: does a source reach an output that it was not declared to reach?

Two runs that differ in the source alone must agree on every output but where a declared flow allows otherwise. First
the registers that are equal in both runs are found; if they make every output equal the set is a certificate.
Otherwise a run is looked for in which an output tells two values of the source apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.allowance import Allowance
from sandgrain.check import check
from sandgrain.check.certificate import Certificate as CertificateText
from sandgrain.check.certificate import Literal, network_digest, terms_digest, write
from sandgrain.check.claim import MEDIA_TYPE, SUFFIX, assumptions
from sandgrain.formal.budgets import MEMORY_BYTES
from sandgrain.formal.leak_findings import LeakFindings
from sandgrain.formal.leak_search import Twosome, find_leak, reduced
from sandgrain.formal.mining import as_cubes, candidates, inductive_clauses
from sandgrain.formal.reachability import Cube
from sandgrain.formal.sampling import sample_states
from sandgrain.formal.source import Located, locate
from sandgrain.formal.twins import Sink, equal_registers, product, sinks_apart
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.submission.manifest import Source
from sandgrain.verdict import (
    Answer,
    Certificate,
    Claim,
    ClaimId,
    Coverage,
    EvidenceFile,
    Figure,
    Finding,
    Text,
    Verdict,
)

Keep = Callable[[bytes, str, str], EvidenceFile]

AFTERWARDS = 4096
"""Cycles after the first bit of a source has shown in which further bits are looked for."""


@dataclass(frozen=True)
class ChannelOptions:
    """Budgets of the claim.

    Attributes:
        seconds: wall clock for the whole claim, elaboration not counted.
        memory_bytes: resident memory of the process and its children beyond which no search goes on.
    """

    seconds: float = 300.0
    memory_bytes: int = MEMORY_BYTES


@dataclass(frozen=True)
class _Answer:
    """What became of one source."""

    located: Located
    equal: NDArray[np.bool_]
    apart: Sequence[Sink]
    invariant: Sequence[Cube]
    certificate: Certificate | None = None
    finding: Finding | None = None
    gaps: tuple[Text, ...] = ()


def examine(
    submission: Submission,
    elaborated: Elaborated,
    *,
    keep: Keep,
    progress: Progress,
    options: ChannelOptions | None = None,
) -> Claim:
    """Examine the claim for every source of the submission.

    Raises:
        SubmissionError: the manifest names something the design does not have.
        NetworkError: the design cannot be modelled soundly.
    """
    options = options or ChannelOptions()
    sources = submission.manifest.sources
    if not sources:
        return Claim(
            id=ClaimId.NO_COVERT_CHANNEL,
            verdict=Verdict.OPEN,
            summary_text=Text(template="The manifest declares no source, so there was nothing to examine."),
            examined=False,
        )
    deadline = time.monotonic() + options.seconds
    answers = []
    for position, source in enumerate(sources):
        share = (deadline - time.monotonic()) / (len(sources) - position)
        allowance = Allowance(time.monotonic() + share, options.memory_bytes)
        answers.append(_examine(submission, elaborated, source, keep, progress, allowance))
    return _claim(submission, elaborated, answers)


def _examine(
    submission: Submission, elaborated: Elaborated, source: Source, keep: Keep, progress: Progress, allowance: Allowance
) -> _Answer:
    seconds = allowance.seconds
    with progress.stage("source"):
        located = locate(submission, elaborated, source)
    environment, secret = located.environment, located.secret
    invariant: list[Cube] = []
    with progress.stage("equal registers"):
        equal = equal_registers(environment, secret)
        apart = sinks_apart(environment, secret, located.sinks, equal, invariant)
    if apart and not allowance.out_of_memory:
        with progress.stage("invariants"):
            states = sample_states(environment)
            clauses = inductive_clauses(environment, candidates(states), seconds=max(1.0, seconds / 4))
            invariant = as_cubes(clauses)
        with progress.stage("equal registers"):
            equal = equal_registers(environment, secret, invariant)
            apart = sinks_apart(environment, secret, located.sinks, equal, invariant)
    if not apart:
        certificate, gaps = _certified(submission, elaborated, source, located, equal, invariant, keep, progress)
        return _Answer(located, equal, apart, invariant, certificate, gaps=gaps)
    if allowance.out_of_memory:
        told = Text(
            template="{source}: the search ended because it took more memory than it may.", args={"source": source.name}
        )
        return _Answer(located, equal, apart, invariant, gaps=(told,))
    with progress.stage("leaks"):
        twins = product(environment, secret, apart, equal)
        found = find_leak(twins, seconds=max(1.0, allowance.seconds), tick=progress.update)
        shown = None if found is None else reduced(Twosome(environment, twins, secret), found, AFTERWARDS)
    if shown is None:
        return _Answer(located, equal, apart, invariant)
    findings = LeakFindings(submission, located, source, keep, progress)
    finding = findings.finding(shown)
    return _Answer(located, equal, apart, invariant, finding=finding, gaps=tuple(findings.gaps))


def _certified(
    submission: Submission,
    elaborated: Elaborated,
    source: Source,
    located: Located,
    equal: NDArray[np.bool_],
    invariant: Sequence[Cube],
    keep: Keep,
    progress: Progress,
) -> tuple[Certificate | None, tuple[Text, ...]]:
    """The certificate, if the checker accepts it, else a sentence why not."""
    latches = located.environment.model.latches
    claim = ClaimId.NO_COVERT_CHANNEL
    data = write(
        CertificateText(
            claim=claim,
            subject=source.name,
            top=submission.manifest.chip.top,
            network=network_digest(elaborated.gates.top_module),
            terms=terms_digest(submission.manifest, claim, source.name),
            frames=None,
            invariant=tuple(
                tuple(Literal(latches[literal >> 1].name, literal & 1) for literal in cube) for cube in invariant
            ),
            equal=tuple(sorted(latches[index].name for index in np.flatnonzero(equal).tolist())),
        )
    )
    with progress.stage("certificate"):
        checked = check(data, submission, elaborated, progress=progress)
    if checked.accepted:
        file = keep(data, SUFFIX, MEDIA_TYPE)
        return (
            Certificate(
                kind="equal registers", subject=source.name, file=file, checked_by=f"sandgrain check, {checked.solver}"
            ),
            (),
        )
    refused = Text(
        template="The checker did not accept the certificate for {service}: {reason}",
        args={"service": source.name, "reason": checked.reason.splitlines()[0]},
    )
    return None, (refused,)


def _claim(submission: Submission, elaborated: Elaborated, answers: Sequence[_Answer]) -> Claim:
    findings = [answer.finding for answer in answers if answer.finding is not None]
    general = _left_out(elaborated, answers)
    missing = [*general, *(text for answer in answers for text in _unfinished(answer))]
    # A certificate shows nothing where part of the design was left out.
    certificates = [answer.certificate for answer in answers if answer.certificate is not None and not general]
    proved = not findings and not missing and len(certificates) == len(answers)
    return Claim(
        id=ClaimId.NO_COVERT_CHANNEL,
        verdict=Verdict.REFUTED if findings else Verdict.PROVED if proved else Verdict.OPEN,
        summary_text=_summary(answers, findings, proved),
        examined=True,
        coverage=Coverage(
            figures=_figures(answers),
            assumptions=[
                *assumptions(ClaimId.NO_COVERT_CHANNEL, submission, elaborated),
                Text(template="What the description leaves undefined is the same in both runs."),
                Text(template="Outputs are compared in operation, not while reset is asserted."),
            ],
            not_covered=missing,
        ),
        findings=findings,
        certificates=certificates,
        answers=[_answer(answer, bool(general)) for answer in answers],
    )


def _answer(answer: _Answer, left_out: bool) -> Answer:
    name: dict[str, str | int] = {"source": answer.located.secret.name}
    if answer.finding is not None and answer.finding.leak is not None:
        return Answer(
            subject=answer.located.secret.name,
            verdict=Verdict.REFUTED,
            text=Text(
                template="{source} reaches {sink}, which no declared flow allows.",
                args=name | {"sink": answer.finding.leak.sink},
            ),
        )
    if answer.certificate is not None and not left_out:
        return Answer(
            subject=answer.located.secret.name,
            verdict=Verdict.PROVED,
            text=Text(template="{source} reaches no output it was not declared to reach.", args=name),
        )
    return Answer(
        subject=answer.located.secret.name,
        verdict=Verdict.OPEN,
        text=Text(
            template="{source} is not shown to be contained, and no run was found in which it is not.", args=name
        ),
    )


def _figures(answers: Sequence[_Answer]) -> list[Figure]:
    figures = []
    for answer in answers:
        name: dict[str, str | int] = {"source": answer.located.secret.name}
        figures += [
            Figure(name=Text(template="{source}: bits of the source", args=name), value=answer.located.secret.size),
            Figure(name=Text(template="{source}: output bits compared", args=name), value=len(answer.located.sinks)),
            Figure(
                name=Text(template="{source}: registers it never reaches", args=name), value=int(answer.equal.sum())
            ),
            Figure(name=Text(template="{source}: registers it may reach", args=name), value=int((~answer.equal).sum())),
            Figure(name=Text(template="{source}: output bits it may reach", args=name), value=len(answer.apart)),
        ]
    return figures


def _left_out(elaborated: Elaborated, answers: Sequence[_Answer]) -> list[Text]:
    """What of the design was not modelled, whatever the source."""
    missing = list(answers[0].located.not_modelled)
    missing += [
        Text(
            template="Module {module} has no description (instance {instance}).",
            args={"module": box.module, "instance": box.instance},
        )
        for box in elaborated.black_boxes
    ]
    missing += [
        Text(
            template="Memory {name} ({bits} bits) was left out: what is read from it is arbitrary.",
            args={"name": memory.name, "bits": memory.bits},
        )
        for memory in elaborated.abstracted_memories
    ]
    return missing


def _unfinished(answer: _Answer) -> list[Text]:
    """What was not done about one source."""
    missing = list(answer.gaps)
    if answer.certificate is None and answer.finding is None and not answer.gaps:
        missing.append(
            Text(
                template="{source}: {count} output bits could not be shown to be independent of it, and no run was "
                "found in which one is not: {sinks}.",
                args={
                    "source": answer.located.secret.name,
                    "count": len(answer.apart),
                    "sinks": ", ".join(f"{sink.port}[{sink.bit}]" for sink in answer.apart[:8]),
                },
            )
        )
    return missing


def _summary(answers: Sequence[_Answer], findings: Sequence[Finding], proved: bool) -> Text:
    if findings:
        leak = findings[0].leak
        return Text(
            template="{source} reaches {sink}, which no declared flow allows.",
            args={"source": leak.source if leak else "", "sink": leak.sink if leak else ""},
        )
    if proved:
        return Text(
            template="Nothing of the sources reaches an output it was not declared to reach: proved, with a "
            "certificate that anybody can check."
        )
    return Text(
        template="No covert channel was found, but {count} sources are not shown to be contained.",
        args={"count": sum(answer.certificate is None for answer in answers)},
    )
