"""Sentences about a stop, in the vendor's own names."""

from __future__ import annotations

from sandgrain.formal.grading import Graded
from sandgrain.formal.witness import Stop
from sandgrain.verdict import Grade, RelevantInput, StateBit, Text


def title(stop: Stop, graded: Graded, entered: str | None) -> Text:
    """What was found, in one line."""
    args: dict[str, str | int] = {"service": stop.service}
    if entered is not None:
        return Text(
            template="The declared function {name} can be entered without its declared trigger", args={"name": entered}
        )
    if stop.last_service is None:
        return Text(template="{service} can be kept from ever starting", args=args)
    if graded.grade is Grade.SLOWED:
        return Text(template="{service} can be slowed down", args=args)
    return Text(template="{service} can be stopped", args=args)


def explanation(
    stop: Stop,
    graded: Graded,
    entered: str | None,
    bits: list[StateBit],
    inputs: list[RelevantInput],
    held: list[str],
) -> Text:
    """How it comes about and what it does."""
    state = ", ".join(map(str, bits[:6])) + (" …" if len(bits) > 6 else "")
    args: dict[str, str | int] = {
        "service": stop.service,
        "cycle": stop.dead_from,
        "quiet": stop.recording.cycles - stop.dead_from,
        "bits": len(inputs),
        "state": state,
    }
    if entered is not None:
        return Text(
            template="{bits} input bits bring the chip into the state declared as {name} although the trigger declared "
            "for it does not hold; from cycle {cycle} on {service} does not return, not once in {quiet} cycles of the "
            "recovery stimulus.",
            args=args | {"name": entered},
        )
    if graded.grade is Grade.SLOWED:
        return Text(
            template="{bits} input bits bring the chip into a state in cycle {cycle} from which {service} returns only "
            "after {wait} cycles of the recovery stimulus: {state}. No declared function explains it.",
            args=args | {"wait": stop.recording.cycles - stop.dead_from + (graded.returns_after or 0)},
        )
    if held:
        return Text(
            template="While an input holds {inputs}, {service} does not return from cycle {cycle} on, not once in "
            "{quiet} cycles of the recovery stimulus. No declared function explains it.",
            args=args | {"inputs": ", ".join(held)},
        )
    if not inputs:
        return Text(
            template="Under the recovery stimulus alone the chip enters a state in cycle {cycle} from which "
            "{service} does not return, not once in {quiet} cycles: {state}. No declared function explains it.",
            args=args,
        )
    return Text(
        template="{bits} input bits bring the chip into a state in cycle {cycle} from which {service} does not "
        "return, not once in {quiet} cycles of the recovery stimulus: {state}. No declared function explains it.",
        args=args,
    )
