"""How far the work on the claim got, in sentences and numbers: what was modelled, assumed and left out."""

from __future__ import annotations

from collections.abc import Sequence

from sandgrain.check.claim import assumptions
from sandgrain.formal.environment import Bound
from sandgrain.formal.outcome import Outcome
from sandgrain.netlist import Elaborated
from sandgrain.submission import Submission
from sandgrain.verdict import ClaimId, Coverage, Figure, Text


def coverage(
    submission: Submission,
    bound: Bound,
    elaborated: Elaborated,
    outcomes: Sequence[Outcome],
    suspects: int,
    gaps: Sequence[Text],
) -> Coverage:
    """Figures, assumptions and gaps of the claim.

    Args:
        submission: what was handed over.
        bound: the whole design and its cone.
        elaborated: what could not be read or was left out.
        outcomes: one per service.
        suspects: states neither reached nor excluded.
        gaps: sentences for what is not covered, beside what is unfinished about a service.
    """
    network, cone = bound.whole.model.network, bound.cone.model.network
    figures = [
        Figure(name=Text(template="flip-flops in the design"), value=network.latch_count),
        Figure(name=Text(template="flip-flops the services depend on"), value=cone.latch_count),
        Figure(name=Text(template="and-gates the services depend on"), value=cone.and_count),
        Figure(
            name=Text(template="inputs the description leaves undefined, taken as arbitrary"),
            value=int(bound.cone.model.free_inputs.sum()),
        ),
    ]
    for outcome in outcomes:
        name = {"service": outcome.service}
        figures += [
            Figure(name=Text(template="{service}: cycles to return", args=name), value=outcome.frames),
            Figure(name=Text(template="{service}: undisturbed cycles", args=name), value=outcome.soaked),
            Figure(
                name=Text(template="{service}: states without return looked at", args=name), value=outcome.dead_states
            ),
            Figure(
                name=Text(template="{service}: clauses of the proved invariant", args=name),
                value=outcome.mined + outcome.learned,
            ),
        ]
    figures.append(Figure(name=Text(template="states neither reached nor excluded"), value=suspects))
    return Coverage(
        figures=figures,
        assumptions=assumptions(ClaimId.NO_REMOTE_SHUTDOWN, submission, elaborated),
        not_covered=[*gaps, *(text for outcome in outcomes for text in unfinished(outcome))],
    )


def left_out(bound: Bound, elaborated: Elaborated) -> list[Text]:
    """What of the design was not modelled, whatever the service."""
    missing = list(bound.not_modelled)
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


def unfinished(outcome: Outcome) -> list[Text]:
    """What was not done about one service."""
    missing = []
    if not outcome.exhausted and not outcome.never_served:
        missing.append(
            Text(
                template="{service}: the search for states without return ended before it was complete.",
                args={"service": outcome.service},
            )
        )
    if outcome.ended_by:
        missing.append(
            Text(template="The proof was not finished: {reason}.", args={"reason": outcome.ended_by}),
        )
    if outcome.out_of_memory:
        missing.append(
            Text(
                template="{service}: the search ended because it took more memory than it may.",
                args={"service": outcome.service},
            )
        )
    if outcome.starved_by:
        missing.append(
            Text(
                template="The recovery stimulus starves {service}, which is given with one of: {ports}.",
                args={"service": outcome.service, "ports": ", ".join(outcome.starved_by)},
            )
        )
    missing += [
        Text(
            template="The trigger of the declared function {name} is told in prose only: that it is the only way "
            "in was not examined.",
            args={"name": name},
        )
        for name in outcome.without_trigger
    ]
    missing += [
        Text(template="The declared function {name} may be active as soon as reset ends.", args={"name": name})
        for name in outcome.entered_at_reset
    ]
    if outcome.unexplained_entries:
        missing.append(
            Text(
                template="{count} ways into a declared state without its trigger were neither excluded nor shown.",
                args={"count": len(outcome.unexplained_entries)},
            )
        )
    return missing
