"""Replaying a pair: both runs in simulators that share nothing with the engine.

A leak is shown when, in both runs, every output that has a value has the one recorded in each cycle after reset, and
the bit that tells the runs apart has one: then the outputs first differ as the pair says. Where a flow excepts them its
condition is asked of the simulator too. An x elsewhere is let pass: it shows nothing, neither for nor against.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from sandgrain.errors import ReplayError, SubmissionError
from sandgrain.formal._flat_state import bit_number, bits_named
from sandgrain.formal._simulators import Job, Prepared, Simulator, check_driven, mismatch, prepare, run_each
from sandgrain.formal._testbench import Seen
from sandgrain.formal.pair import FIRST, SECOND, Pair
from sandgrain.formal.replay import ReplayResult, with_remarks
from sandgrain.netlist import ElaborationLimits, Module, Net
from sandgrain.submission import Expression, Manifest, Signal, Submission, parse, to_verilog
from sandgrain.submission.manifest import Source

_RUN = ("first", "second")


def replay_pair(
    pair: Pair,
    submission: Submission,
    *,
    limits: ElaborationLimits | None = None,
    simulators: Sequence[str] | None = None,
) -> list[ReplayResult]:
    """Run both runs of a pair again and compare.

    Args:
        pair: the runs.
        submission: what they are runs of.
        limits: time, memory and output of each child process.
        simulators: which ones must run it; by default all that are available and able to, the others being named in
            ``detail``.

    Returns:
        One result per simulator that ran, with the cycles of the shorter run. A design that behaves differently gives
        ``reproduced=False``.

    Raises:
        ReplayError: the pair is not one for this submission, or no simulator (or not each of those asked for) can run
            it.
        LimitExceeded: a child process needed too much.
    """
    manifest = submission.manifest
    for run in (FIRST, SECOND):
        check_driven(pair.drive(run), pair.reset_cycles, manifest, "pair")
    source = _check_source(pair, manifest)
    conditions = _check_flows(pair, manifest)
    with tempfile.TemporaryDirectory(prefix="sandgrain-replay-") as directory:
        work = Path(directory)
        prepared = prepare(pair.drive(FIRST), submission, limits or ElaborationLimits(), work, "pair")
        seen = [_seen(pair, run, prepared, source, tuple(conditions)) for run in (FIRST, SECOND)]

        def simulate(name: str, simulator: Simulator) -> ReplayResult:
            runs = []
            for run in (FIRST, SECOND):
                own = work / f"{name}-{run}"
                own.mkdir()
                runs.append(simulator(_job(prepared, pair, run, seen[run], own)))
            first, second = runs
            compared = _compare(pair, conditions, first.rows, second.rows)
            detail = f"{compared.detail} {first.remark}".rstrip()
            return ReplayResult(name, first.version, compared.reproduced, compared.cycles, None, detail)

        results, unable = run_each(simulators, simulate)
    return with_remarks(results, unable)


def _job(prepared: Prepared, pair: Pair, run: int, seen: Seen, work: Path) -> Job:
    return Job(prepared, pair.drive(run), seen, work, pair.x_as_zero)


def _check_source(pair: Pair, manifest: Manifest) -> Signal:
    """Where the source is, after checking that the pair treats it as the manifest says."""
    sources = {source.name: source for source in manifest.sources}
    source = sources.get(pair.source)
    if source is None:
        raise mismatch(f"the pair is about a source {pair.source!r}", ", ".join(sources) or "no source")
    if not source.kind.varies:
        for port, both in pair.source_inputs.items():
            if any(bits != runs[0][1] for runs in both for _, bits in runs):
                raise mismatch(
                    f"the pair changes {port!r} during a run", f"one value per run, {pair.source!r} being {source.kind}"
                )
    return _signal(source)


def _signal(source: Source) -> Signal:
    signal = parse(source.signal, field=f"source {source.name}")
    if not isinstance(signal, Signal):
        raise ReplayError(
            f"the source {source.name!r} is {source.signal!r}",
            expected="an input port or a register",
            remedy="correct submission.toml",
        )
    return signal


def _check_flows(pair: Pair, manifest: Manifest) -> dict[Expression, frozenset[str]]:
    """Each condition and the output ports excepted under it, after checking that the flows are the manifest's."""
    declared = {
        (sink, _told(flow.condition())) for flow in manifest.flows if flow.source == pair.source for sink in flow.sinks
    }
    conditions: dict[Expression, frozenset[str]] = {}
    given = set()
    for flow in pair.excepted:
        try:
            when = None if flow.when is None else parse(flow.when, field="when")
        except SubmissionError as error:
            raise mismatch(f"the condition of {flow.port!r}: {error.what}", error.expected or "") from error
        given.add((flow.port, _told(when)))
        if when is not None:
            conditions[when] = conditions.get(when, frozenset()) | {flow.port}
    if given != declared:
        port, when_told = min(given ^ declared, key=str)
        told = port if when_told is None else f"{port} when {when_told}"
        listed = "excepts" if (port, when_told) in given else "does not except"
        raise mismatch(f"the pair {listed} {told}", f"the declared flows of {pair.source!r}")
    return conditions


def _told(expression: Expression | None) -> str | None:
    return None if expression is None else to_verilog(expression)


def _seen(pair: Pair, run: int, prepared: Prepared, source: Signal, conditions: Sequence[Expression]) -> Seen:
    """What to sample, and the bits of the source to hold, after checking that nothing else differs."""
    flat = prepared.flat
    outputs = {port.name: port.width for port in flat.ports if port.direction != "input"}
    for port in pair.outputs:
        if pair.width(port) != outputs.get(port):
            raise mismatch(f"the pair records {port!r}, {pair.width(port)} bits", f"outputs {outputs}")
    nets = {net.name: net for net in flat.nets if not net.hidden}
    net = nets.get(source.plain)
    if net is None:
        raise mismatch(f"{source.plain!r} is no port or signal of {pair.top!r}", "a source that is there")
    own = {int(net.bits[at]): at for at in range(net.width) if _selected(source, net, at)}
    ports = {port.name: port.bits.tolist() for port in flat.ports}
    for port, both in pair.source_inputs.items():
        for bit in _unlike(both[FIRST], both[SECOND]):
            if ports[port][bit] not in own:
                raise mismatch(f"the runs differ in bit {bit} of {port!r}", f"the source is {to_verilog(source)}")
    values = _held(pair, run, nets, own)
    driven = {int(bit) for port in flat.ports if port.direction != "output" for bit in port.bits}
    if values.keys() & driven or min(values, default=0) < 0:
        raise mismatch("the pair holds an input or a constant", "registers")
    if loose := own.keys() - values.keys() - driven:
        raise mismatch(f"the pair says nothing of {net.bit_name(own[min(loose)])}", "every bit of the source")
    return Seen(
        conditions,
        {port: pair.width(port) for port in pair.outputs},
        {(net.name, own[bit]): value for bit, value in values.items()},
        _forced(flat, net, own, values),
    )


def _selected(signal: Signal, net: Net, at: int) -> bool:
    number = bit_number(net, at)
    return signal.high is None or signal.low is None or signal.low <= number <= signal.high


def _unlike(first: Sequence[tuple[int, str]], second: Sequence[tuple[int, str]]) -> list[int]:
    """The bits that may differ: those that do not have one value throughout both runs, or not in the same cycles."""
    if first == second:
        return []
    width = len(first[0][1])
    columns = []
    for runs in (first, second):
        texts: list[list[tuple[int, str]]] = [[] for _ in range(width)]
        ends = accumulate(count for count, _ in runs)
        for end, (_, bits) in zip(ends, runs, strict=True):
            for bit, value in enumerate(reversed(bits)):
                if texts[bit] and texts[bit][-1][1] == value:
                    texts[bit].pop()
                texts[bit].append((end, value))
        columns.append(texts)
    return [bit for bit in range(width) if columns[0][bit] != columns[1][bit]]


def _held(pair: Pair, run: int, nets: Mapping[str, Net], own: Mapping[int, int]) -> dict[int, str]:
    """The value of each net bit held in one run."""
    values: dict[int, str] = {}
    for name, both in pair.source_registers.items():
        bits = bits_named(name, nets)
        if name in nets and len(bits) != len(both[run]):  # all of the source, which is part of a net
            bits = [bit for bit in bits if bit in own]
        if not bits or len(bits) != len(both[run]) or any(bit not in own for bit in bits):
            raise mismatch(f"the pair holds {name!r} at {len(both[run])} bits", "bits of the source")
        for bit, value in zip(bits, reversed(both[run]), strict=True):
            if values.setdefault(bit, value) != value:
                raise mismatch(f"the pair holds {name!r} at two values", "one")
    return values


def _forced(flat: Module, source: Net, own: Mapping[int, int], values: Mapping[int, str]) -> dict[str, str]:
    """What Icarus is told to force: every name of the bits held, since it knows nets where the engine knows bits."""
    if not values:
        return {}
    forced = {}
    for net in flat.nets:
        bits = net.bits.tolist()
        if not net.hidden and all(bit in values for bit in bits):
            forced[net.name] = "".join(values[bit] for bit in reversed(bits))
    if source.name not in forced:
        forced |= {source.bit_name(own[bit]): value for bit, value in values.items()}
    return forced


@dataclass(frozen=True, slots=True)
class _Compared:
    reproduced: bool
    cycles: int
    detail: str


def _compare(
    pair: Pair, conditions: Mapping[Expression, frozenset[str]], first: Iterable[str], second: Iterable[str]
) -> _Compared:
    """The verdict over what was seen in both runs, a row per cycle: the outputs, then whether each condition holds."""
    where = _places(pair)
    width = sum(len(bits) for bits in where.values())
    expected = zip(_expected(pair, FIRST), _expected(pair, SECOND), strict=True)
    cycle = -1
    for cycle, (rows, told) in enumerate(zip(zip(first, second, strict=False), expected, strict=False)):
        if cycle < pair.reset_cycles:
            continue
        wrong = _differs(pair, where, rows, told, cycle)
        if wrong is None and cycle <= pair.first_difference:
            holds = [all(row[width + at] == "1" for row in rows) for at in range(len(conditions))]
            fails = [any(row[width + at] == "0" for row in rows) for at in range(len(conditions))]
            wrong = _excuse(pair, where, told, cycle, [*zip(conditions.values(), holds, fails, strict=True)])
        if wrong is not None:
            return _Compared(False, cycle + 1, wrong)
    if cycle + 1 < pair.cycles:
        told_end = f"The description ended the simulation in cycle {cycle + 1} of {pair.cycles}."
        return _Compared(False, cycle + 1, told_end)
    sink = f"{pair.sink}[{pair.bit}]"
    return _Compared(True, pair.cycles, f"{sink} differs in cycle {pair.first_difference}, and nothing before it.")


def _places(pair: Pair) -> dict[str, range]:
    """Where in a row the bits of each output are."""
    ends = list(accumulate(pair.width(port) for port in pair.outputs))
    return {port: range(end - pair.width(port), end) for port, end in zip(pair.outputs, ends, strict=True)}


def _expected(pair: Pair, run: int) -> Iterator[str]:
    """The outputs in each cycle of one run, as a row shows them."""
    columns = [(bits for count, bits in pair.recorded(port, run) for _ in range(count)) for port in pair.outputs]
    return map("".join, zip(*columns, strict=True))


def _differs(
    pair: Pair, where: Mapping[str, range], rows: tuple[str, str], told: tuple[str, str], cycle: int
) -> str | None:
    """How a row differs from what the pair says, if it does."""
    sink = where[pair.sink][-1 - pair.bit]
    for name, row, expected in zip(_RUN, rows, told, strict=True):
        if row.startswith(expected):
            continue
        for at, value in enumerate(expected):
            unknown = row[at] not in "01"
            if row[at] == value or (unknown and (cycle, at) != (pair.first_difference, sink)):
                continue
            port = next(port for port, bits in where.items() if at in bits)
            seen = "unknown (x), which shows nothing" if unknown else row[at]
            return f"In cycle {cycle} of the {name} run {port}[{where[port][-1] - at}] should be {value} and is {seen}."
    return None


def _excuse(
    pair: Pair,
    where: Mapping[str, range],
    told: tuple[str, str],
    cycle: int,
    flows: Sequence[tuple[frozenset[str], bool, bool]],
) -> str | None:
    """What is wrong with the excuses of a cycle: one that the first difference has, or one that an earlier lacks."""
    always = {flow.port for flow in pair.excepted if flow.when is None}
    for port, bits in where.items():
        one, two = (row[bits.start : bits.stop] for row in told)
        if one == two or port in always:
            continue
        mine = [(holds, fails) for ports, holds, fails in flows if port in ports]
        if cycle == pair.first_difference:
            if port == pair.sink and not all(fails for _, fails in mine):
                return f"In cycle {cycle} a declared flow allows {port} to differ, or it is unknown whether one does."
        elif not any(holds for holds, _ in mine):
            return f"In cycle {cycle} {port} differs already, which no declared flow allows."
    return None
