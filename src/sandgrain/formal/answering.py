"""The answer for each service, and for all of them, in a sentence; the states that remain suspects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sandgrain.formal.outcome import Outcome
from sandgrain.formal.reachability import Cube
from sandgrain.formal.wording import places
from sandgrain.verdict import Answer, Finding, FindingStatus, StateBit, Text, Verdict


def suspects(
    outcomes: Sequence[Outcome], state_bits: Callable[[Cube], list[StateBit]], unseen: Callable[[Cube], bool]
) -> list[Finding]:
    """Dead states neither excluded nor reached: those with values never seen first, then the largest sets.

    Args:
        outcomes: one per service.
        state_bits: a cube in the vendor's names.
        unseen: whether a cube holds a value that ordinary operation never shows.
    """
    ranked = sorted(
        ((suspect, outcome) for outcome in outcomes for suspect in outcome.suspects),
        key=lambda item: (not unseen(item[0].cube), len(item[0].cube), item[0].cube),
    )
    found = []
    for number, (suspect, outcome) in enumerate(ranked, 1):
        bits = state_bits(suspect.cube)
        found.append(
            Finding(
                id=f"suspect-{number}",
                status=FindingStatus.SUSPECT,
                title=Text(
                    template="A state without return for {service} was neither reached nor excluded",
                    args={"service": outcome.service},
                ),
                explanation=Text(
                    template="If the chip ever gets into it, {service} does not return within {frames} cycles of "
                    "the recovery stimulus. No run of fewer than {depth} cycles leads there from the simulated "
                    "power-up.",
                    args={"service": outcome.service, "frames": outcome.frames, "depth": suspect.depth},
                ),
                service=outcome.service,
                dead_state=bits,
                places=places(bits),
            )
        )
    return found


def answers(outcomes: Sequence[Outcome], certified: Collection[str]) -> list[Answer]:
    """One answer per service.

    Args:
        outcomes: one per service.
        certified: services with a certificate that the checker accepted, nothing else being open.
    """
    told = []
    for outcome in outcomes:
        proved = outcome.service in certified
        verdict = Verdict.REFUTED if outcome.stops else Verdict.PROVED if proved else Verdict.OPEN
        told.append(Answer(subject=outcome.service, verdict=verdict, text=_answer(outcome, proved)))
    return told


def _answer(outcome: Outcome, proved: bool) -> Text:
    name: dict[str, str | int] = {"service": outcome.service}
    if proved:
        return Text(template="{service} returns from every state the chip can be in.", args=name)
    return summary([outcome], False)


def summary(outcomes: Sequence[Outcome], proved: bool) -> Text:
    """What became of the services together."""
    stopped = [outcome.service for outcome in outcomes if outcome.stops]
    if stopped:
        return Text(
            template="{service} can be stopped by something no declared function explains.",
            args={"service": stopped[0]},
        )
    if proved:
        return Text(
            template="From every state the chip can be in, the services return: proved, with a certificate that "
            "anybody can check."
        )
    unserved = [outcome.service for outcome in outcomes if outcome.never_served]
    if unserved:
        return Text(
            template="The recovery stimulus never brings {service} after reset, so nothing could be examined.",
            args={"service": ", ".join(unserved)},
        )
    left = sum(len(outcome.suspects) for outcome in outcomes)
    if left:
        return Text(
            template="No way to stop the services was found, but {count} states without return are not excluded.",
            args={"count": left},
        )
    if all(outcome.exhausted for outcome in outcomes):
        return Text(
            template="Every state without return is declared or excluded by an inductive invariant, but not all of "
            "it is certified: see what was not covered."
        )
    return Text(
        template="No undeclared stop was found; {count} states without return were excluded before the time was up.",
        args={"count": sum(outcome.dead_states for outcome in outcomes)},
    )
