"""The run in which a service stops, as rows and cycles."""

from __future__ import annotations

from collections.abc import Iterator

from sandgrain.report._bits import split_index
from sandgrain.report._scene import Mark, Scene, needed_bits, ports_of, reset_of, say, sentences
from sandgrain.report._trace import Signal, Trace
from sandgrain.report._wave_layout import WaveRow
from sandgrain.report._window import choose
from sandgrain.report.language import Translator
from sandgrain.report.limits import ReportLimits
from sandgrain.verdict import Witness


def witness_scene(trace: Trace, witness: Witness, translator: Translator, limits: ReportLimits) -> Scene:
    """What the picture of a witness shows.

    Args:
        trace: its value change dump.
        witness: the witness.
        translator: to the language of the report.
        limits: how many rows and cycles.
    """
    last = witness.last_service_cycle
    marks = []
    if last is not None:
        marks.append(Mark(last, "last", say("service last seen in cycle {cycle}", translator, cycle=last), after=True))
    marks.append(Mark(witness.dead_from, "dead", say("dead from cycle {cycle}", translator, cycle=witness.dead_from)))
    jump = witness.acceleration
    if jump is not None:
        text = say("{count:,} cycles proved, not run", translator, count=jump.skipped)
        marks.append(Mark(jump.cycle, "jump", text))
    return Scene(
        rows=list(_rows(trace, witness, translator, limits)),
        stretches=choose(witness.cycles, interesting(witness), limits.columns),
        needed=needed_bits(witness.relevant_inputs),
        reset_cycles=witness.reset_cycles,
        hatched_from=witness.dead_from,
        important=frozenset({witness.dead_from, *(item.cycle for item in witness.relevant_inputs)}),
        marks=marks,
        description=sentences(translator, _described(witness, translator)),
        widths={signal.name: signal.width for signal in trace.ports.values()},
    )


def interesting(witness: Witness) -> Iterator[tuple[int, int]]:
    """The parts of a witness to draw, the most important first.

    The end of the service and the first dead cycle come first, then the jump, then the inputs the trigger needs
    (latest first, since the trigger completes there), then the release of reset.
    """
    yield witness.dead_from - 2, witness.dead_from + 3
    if witness.last_service_cycle is not None:
        yield witness.last_service_cycle - 1, witness.last_service_cycle + 1
    if witness.acceleration is not None:
        yield witness.acceleration.cycle - 2, witness.acceleration.cycle + 1
    relevant = sorted({item.cycle for item in witness.relevant_inputs}, reverse=True)
    yield from ((cycle, cycle) for cycle in relevant)
    yield witness.reset_cycles - 1, witness.reset_cycles
    yield from ((cycle - 1, cycle + 1) for cycle in relevant)


def _rows(trace: Trace, witness: Witness, translator: Translator, limits: ReportLimits) -> Iterator[WaveRow]:
    _ = translator.gettext
    reset = reset_of(trace.ports.values(), witness.reset_cycles, witness.cycles)
    if reset is not None:
        yield WaveRow(reset.name, "reset", (reset,), port=reset.name, note=_("reset"))
    service = trace.own.get(f"service_{witness.service}")
    if service is not None:
        yield WaveRow(witness.service, "service", (service,), note=_("service"))
    ports = [port for port in ports_of(witness.relevant_inputs) if port in trace.ports]
    for port in [port for port in ports if reset is None or port != reset.name][: limits.port_rows]:
        yield WaveRow(port, "input", (trace.ports[port],), port=port, note=_("input"))
    yield from list(_state_rows(trace, _("state")))[: limits.state_rows]
    dead = trace.own.get("dead")
    if dead is not None:
        yield WaveRow(_("dead state"), "dead", (dead,))


def _state_rows(trace: Trace, note: str) -> Iterator[WaveRow]:
    groups: dict[str, list[tuple[int, Signal]]] = {}
    for name, signal in trace.own.items():
        if name != "dead" and not name.startswith("service_"):
            base, index = split_index(name)
            groups.setdefault(base, []).append((index or 0, signal))
    for base, bits in groups.items():
        indices = sorted((index for index, _ in bits), reverse=True)
        if len(bits) >= 3 and len(set(indices)) == len(bits):
            row = tuple(signal for _, signal in sorted(bits, key=lambda bit: -bit[0]))
            contiguous = indices[0] - indices[-1] + 1 == len(indices)
            which = f"{indices[0]}:{indices[-1]}" if contiguous else ",".join(map(str, indices))
            yield WaveRow(f"{base}[{which}]", "state", row, note=note)
        else:
            for _, signal in bits:
                yield WaveRow(signal.name, "state", (signal,), note=note)


def _described(witness: Witness, translator: Translator) -> Iterator[str]:
    yield say(
        "Run of {cycles} cycles, {reset} of them in reset.",
        translator,
        cycles=witness.cycles,
        reset=witness.reset_cycles,
    )
    service, last = witness.service, witness.last_service_cycle
    if last is None:
        yield say("Service {service} is never seen.", translator, service=service)
    else:
        yield say("Service {service} is last seen in cycle {cycle}.", translator, service=service, cycle=last)
    jump = witness.acceleration
    if jump is not None:
        yield say(
            "Before cycle {cycle} of this run {count:,} cycles are skipped, for which it is proved what they do.",
            translator,
            cycle=jump.cycle,
            count=jump.skipped,
        )
    yield say("Dead from cycle {cycle}.", translator, cycle=witness.dead_from)
