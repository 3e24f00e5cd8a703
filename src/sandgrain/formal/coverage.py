"""How far the work on the claim got, in sentences and numbers: what was modelled, assumed and left out."""

from __future__ import annotations

from collections.abc import Sequence

from sandgrain.formal.environment import HELD, Bound
from sandgrain.formal.outcome import Outcome
from sandgrain.netlist import Elaborated
from sandgrain.verdict import Coverage, Figure, Text


def coverage(
    bound: Bound, elaborated: Elaborated, outcomes: Sequence[Outcome], suspects: int, gaps: Sequence[Text]
) -> Coverage:
    """Figures, assumptions and gaps of the claim.

    Args:
        bound: the whole design and its cone.
        elaborated: what could not be read or was left out.
        outcomes: one per service.
        suspects: states neither reached nor excluded.
        gaps: further sentences for what is not covered.
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
        assumptions=_assumptions(bound, elaborated),
        not_covered=[*_not_covered(bound, elaborated, outcomes), *gaps],
    )


def _assumptions(bound: Bound, elaborated: Elaborated) -> list[Text]:
    environment = bound.whole
    assumed = []
    if environment.reset_cycles:
        assumed.append(
            Text(
                template="Runs start with any power-up state and {cycles} cycles of reset; afterwards reset is not "
                "asserted again.",
                args={"cycles": environment.reset_cycles},
            )
        )
    else:
        assumed.append(Text(template="No reset is declared: runs start from the initial values of the description."))
    held = sorted(
        {
            bit.port
            for bit, row in zip(environment.model.inputs, environment.stimulus[0], strict=True)
            if bit.port is not None and row == HELD
        }
    )
    if held:
        assumed.append(
            Text(
                template="Inputs the recovery stimulus does not name are held at an arbitrary constant: {ports}.",
                args={"ports": ", ".join(held)},
            )
        )
    return [*assumed, *elaborated.notes]


def _not_covered(bound: Bound, elaborated: Elaborated, outcomes: Sequence[Outcome]) -> list[Text]:
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
    for outcome in outcomes:
        if not outcome.exhausted and not outcome.never_served:
            missing.append(
                Text(
                    template="{service}: the search for states without return ended before it was complete.",
                    args={"service": outcome.service},
                )
            )
    return missing
