"""Sentences about a stop, in the vendor's own names."""

from __future__ import annotations

from collections.abc import Sequence

from sandgrain.formal.grading import Graded
from sandgrain.formal.witness import Stop
from sandgrain.verdict import Acceleration, Grade, Place, RelevantInput, StateBit, Text


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
    accelerated: Acceleration | None = None,
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
    if accelerated is not None:
        args |= {"counter": accelerated.counter, "skipped": accelerated.skipped, "after": accelerated.fires_after}
        if accelerated.seconds is None:
            return Text(
                template="The register {counter} counts by itself. {after:,} cycles after power-up it has counted to a "
                "value after which {service} does not return, not once in {quiet} cycles of the recovery stimulus: "
                "{state}. No declared function explains it. Of these cycles {skipped:,} were not run but proved.",
                args=args,
            )
        return Text(
            template="The register {counter} counts by itself. {after:,} cycles after power-up, which is {time} at the "
            "declared clock frequency, it has counted to a value after which {service} does not return, not once in "
            "{quiet} cycles of the recovery stimulus: {state}. No declared function explains it. Of these cycles "
            "{skipped:,} were not run but proved.",
            args=args | {"time": duration(accelerated.seconds)},
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


def duration(seconds: float) -> str:
    """A length of time in the unit in which it is easily read, e.g. ``5.5 a``; SI symbols, ``a`` for years."""
    for unit, length in (("a", 31_557_600.0), ("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:,.4g} {unit}" if seconds / length < 10_000 else f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def places(bits: Sequence[StateBit]) -> list[Place]:
    """Where bits are declared, each place once."""
    found: dict[Place, None] = {}
    for bit in bits:
        if bit.place is not None:
            found[bit.place] = None
    return list(found)
