"""Two runs that differ in a source alone, as rows and cycles: what went in, and what came out of each."""

from __future__ import annotations

from collections.abc import Iterator

from sandgrain.report._bits import split_index
from sandgrain.report._scene import Mark, Scene, needed_bits, ports_of, reset_of, say, sentences
from sandgrain.report._trace import Trace
from sandgrain.report._wave_layout import WaveRow
from sandgrain.report._window import choose
from sandgrain.report.language import Translator
from sandgrain.report.limits import ReportLimits
from sandgrain.verdict import Leak


def leak_scene(trace: Trace, leak: Leak, translator: Translator, limits: ReportLimits) -> Scene:
    """What the picture of a leak shows.

    Args:
        trace: its value change dump, with a scope for either run.
        leak: the leak.
        translator: to the language of the report.
        limits: how many rows and cycles.
    """
    at = leak.first_difference
    text = say("the runs differ in cycle {cycle}", translator, cycle=at)
    return Scene(
        rows=list(_rows(trace, leak, translator, limits)),
        stretches=choose(leak.cycles, _interesting(trace, leak), limits.columns),
        needed=needed_bits(leak.relevant_inputs),
        reset_cycles=leak.reset_cycles,
        hatched_from=None,
        important=frozenset({at, *(item.cycle for item in leak.relevant_inputs)}),
        marks=[Mark(at, "leak", text)],
        description=sentences(translator, _described(leak, translator)),
        widths={signal.name: signal.width for signal in trace.first.values()},
    )


def _interesting(trace: Trace, leak: Leak) -> Iterator[tuple[int, int]]:
    """The first difference, what triggers it, the differences that follow, and the release of reset."""
    yield leak.first_difference - 2, leak.first_difference + 3
    relevant = sorted({item.cycle for item in leak.relevant_inputs}, reverse=True)
    yield from ((cycle, cycle) for cycle in relevant)
    differs = trace.own.get("differs")
    if differs is not None:
        last = leak.cycles if leak.leaked_in is None else leak.first_difference + leak.leaked_in
        cycles = [cycle for cycle in differs.changes() if leak.first_difference < cycle <= last]
        yield from ((cycle - 1, cycle) for cycle in cycles[:12])
    yield leak.reset_cycles - 1, leak.reset_cycles
    yield from ((cycle - 1, cycle + 1) for cycle in relevant)


def _rows(trace: Trace, leak: Leak, translator: Translator, limits: ReportLimits) -> Iterator[WaveRow]:
    _ = translator.gettext
    runs = ((trace.first, _("first run")), (trace.second, _("second run")))
    reset = reset_of(trace.first.values(), leak.reset_cycles, leak.cycles)
    if reset is not None:
        yield WaveRow(reset.name, "reset", (reset,), port=reset.name, note=_("reset"))
    source = list(dict.fromkeys(_named(trace, bit.name) for bit in leak.source_bits))
    shown = [port for port in ports_of(leak.relevant_inputs) if port in trace.first and port not in source]
    for port in [port for port in shown if reset is None or port != reset.name][: limits.port_rows]:
        yield WaveRow(port, "input", (trace.first[port],), port=port, note=_("input of both runs"))
    for name in [name for name in source if name in trace.first and name in trace.second][: limits.state_rows]:
        for signals, which in runs:
            yield WaveRow(name, "state", (signals[name],), note=which)
    if leak.sink in trace.first and leak.sink in trace.second:
        for signals, which in runs:
            yield WaveRow(leak.sink, "service", (signals[leak.sink],), note=which)
    differs = trace.own.get(f"{leak.sink}_differs") or trace.own.get("differs")
    if differs is not None:
        yield WaveRow(_("difference"), "dead", (differs,), note=leak.sink)


def _named(trace: Trace, bit: str) -> str:
    """What the dump calls the register or port that a bit of a source is of."""
    return bit if bit in trace.first else split_index(bit)[0]


def _described(leak: Leak, translator: Translator) -> Iterator[str]:
    yield say(
        "Two runs of {cycles} cycles, {reset} of them in reset, that differ in {source} alone.",
        translator,
        cycles=leak.cycles,
        reset=leak.reset_cycles,
        source=leak.source,
    )
    yield say(
        "In cycle {cycle} bit {bit} of {sink} is the first that tells them apart.",
        translator,
        cycle=leak.first_difference,
        bit=leak.bit,
        sink=leak.sink,
    )
    if leak.leaked_bits is not None and leak.leaked_in is not None:
        yield say(
            "{bits} bits of the source are seen to come out within {cycles} cycles.",
            translator,
            bits=leak.leaked_bits,
            cycles=leak.leaked_in,
        )
