"""Replaying a witness: the vendor's own description in simulators that share nothing with the engine.

Two of them: the simulator of Yosys, over the description as elaborated to words (never to the gates the engine reasons
on), and Icarus Verilog, which reads the sources by itself. Both start registers without an initial value at 0, as the
witness does, and both keep x: a service of unknown value has not been shown to be given or to be missing.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandgrain.errors import LimitExceeded, ReplayError, SandgrainError, SubmissionError
from sandgrain.formal import _testbench
from sandgrain.formal._icarus_process import SAFE_TASKS, run_limited
from sandgrain.formal.stimulus import Stimulus
from sandgrain.netlist import Design, ElaborationLimits, Module, elaborate, read_yosys_json, run_yosys
from sandgrain.netlist.yosys_process import quoted
from sandgrain.submission import Expression, FileRole, Submission, parse
from sandgrain.submission.manifest import Edge, Level

YOSYS = "yosys"
ICARUS = "icarus"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What one simulator saw.

    Attributes:
        simulator: ``yosys`` or ``icarus``.
        version: of the simulator.
        reproduced: whether the service was, from the end of reset on, in every cycle what the witness says.
        cycles: clock cycles simulated.
        service_last_seen: last cycle after reset in which the service was given, if there was one.
        detail: one sentence for a person.
    """

    simulator: str
    version: str
    reproduced: bool
    cycles: int
    service_last_seen: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class _Job:
    """What both simulators need: checked inputs, the flattened design, and a directory of one's own."""

    stimulus: Stimulus
    submission: Submission
    design: Design
    expression: Expression
    flat: Module
    work: Path
    limits: ElaborationLimits


def available_simulators() -> tuple[str, ...]:
    """The simulators that can be used here, best known first."""
    return (YOSYS, ICARUS) if shutil.which("iverilog") and shutil.which("vvp") else (YOSYS,)


def replay(
    stimulus: Stimulus,
    submission: Submission,
    *,
    limits: ElaborationLimits | None = None,
    simulators: Sequence[str] | None = None,
) -> list[ReplayResult]:
    """Run a witness again and compare.

    Args:
        stimulus: of the witness.
        submission: what it is a witness against.
        limits: time, memory and output of each child process.
        simulators: which ones must run it; by default all that are available and able to, the others being named in
            ``detail``.

    Returns:
        One result per simulator that ran. A design that behaves differently gives ``reproduced=False``.

    Raises:
        ReplayError: the stimulus is not one for this submission, or no simulator (or not each of those asked for)
            can run it.
        LimitExceeded: a child process needed too much.
    """
    limits = limits or ElaborationLimits()
    wanted = tuple(simulators) if simulators is not None else available_simulators()
    for name in wanted or ("",):
        if name not in available_simulators():
            raise ReplayError(
                f"the simulator {name!r} is not available",
                expected=f"some of {', '.join(available_simulators())}",
                remedy="install Icarus Verilog, or leave the choice of simulators out",
            )
    expression = _check_matches(stimulus, submission)
    results: list[ReplayResult] = []
    unable: list[str] = []
    with tempfile.TemporaryDirectory(prefix="sandgrain-replay-") as directory:
        job = _prepare(stimulus, submission, expression, limits, Path(directory))
        for name in wanted:
            try:
                version, trace, remark = _RUNNERS[name](job)
            except ReplayError as error:
                if simulators is not None or len(wanted) == 1:
                    raise
                unable.append(f"{name} could not run it: {error.what}.")
                first = error
            else:
                results.append(_compare(name, version, stimulus, trace, remark))
    if not results:
        raise first
    if not unable:
        return results
    return [
        ReplayResult(r.simulator, r.version, r.reproduced, r.cycles, r.service_last_seen, " ".join((r.detail, *unable)))
        for r in results
    ]


def _check_matches(stimulus: Stimulus, submission: Submission) -> Expression:
    """The service's expression, after checking that the stimulus speaks of this submission."""
    manifest = submission.manifest
    if stimulus.top != manifest.chip.top:
        raise _mismatch(f"the stimulus is for the top module {stimulus.top!r}", repr(manifest.chip.top))
    edges = {clock.port: clock.edge for clock in manifest.clocks}
    if edges.get(stimulus.clock) != Edge(stimulus.clock_edge):
        told = ", ".join(f"{port} ({edge.value})" for port, edge in edges.items())
        raise _mismatch(f"the stimulus has the clock {stimulus.clock} ({stimulus.clock_edge})", told)
    services = {service.name: service for service in manifest.services}
    if stimulus.service not in services:
        raise _mismatch(f"the stimulus is about a service {stimulus.service!r}", ", ".join(services))
    declared = services[stimulus.service].parsed()
    try:
        expression = parse(stimulus.service_expression, field="service_expression")
    except SubmissionError as error:
        raise _mismatch(error.what, error.expected or "") from error
    if expression != declared:
        raise _mismatch(
            f"the stimulus measures {stimulus.service!r} as {stimulus.service_expression!r}",
            repr(services[stimulus.service].expression),
        )
    for reset in manifest.resets:
        asserted = "1" if reset.active is Level.HIGH else "0"
        if reset.port not in stimulus.inputs:
            raise _mismatch(f"the stimulus does not drive the reset {reset.port!r}", "a value for every input")
        values = stimulus.expand(reset.port)
        if asserted in values[stimulus.reset_cycles :]:
            cycle = values.index(asserted, stimulus.reset_cycles)
            raise _mismatch(f"the stimulus asserts {reset.port!r} in cycle {cycle}", "no reset after power-up")
        if stimulus.reset_cycles < reset.cycles or any(bit != asserted for bit in values[: reset.cycles]):
            raise _mismatch(f"the stimulus resets too briefly by {reset.port!r}", f"{reset.cycles} cycles of reset")
    return expression


def _mismatch(what: str, expected: str) -> ReplayError:
    return ReplayError(
        what,
        expected=f"{expected}, as the submission has it",
        remedy="replay it against the submission it was made for",
    )


def _prepare(
    stimulus: Stimulus, submission: Submission, expression: Expression, limits: ElaborationLimits, work: Path
) -> _Job:
    elaboration = submission.manifest.elaboration
    sources = submission.files_of(FileRole.RTL) or submission.files_of(FileRole.NETLIST)
    design = Design(
        root=submission.root,
        sources=tuple(file.path for file in sources),
        top=submission.manifest.chip.top,
        include_dirs=elaboration.include_dirs,
        defines=elaboration.defines,
        parameters=elaboration.parameters,
    )
    try:
        elaborate(design, limits, workdir=work)
        flat = read_yosys_json(work / "flat.json", limits, top=design.top).top_module
    except LimitExceeded:
        raise
    except SandgrainError as error:
        raise _cannot("the description cannot be read", error) from error
    inputs = {port.name: port.width for port in flat.ports if port.direction == "input" and port.name != stimulus.clock}
    known = {port.name: port.width for port in flat.ports if port.direction == "inout"} | inputs
    for port, width in inputs.items():
        if port not in stimulus.inputs:
            raise _mismatch(f"the stimulus does not drive the input {port!r}", f"{width} bits for it")
    for port in stimulus.inputs:
        if stimulus.width(port) != known.get(port):
            raise _mismatch(f"the stimulus drives {port!r}, {stimulus.width(port)} bits", f"inputs {known}")
    return _Job(stimulus, submission, design, expression, flat, work, limits)


def _run_yosys(job: _Job) -> tuple[str, str, str]:
    """Version, the service in each cycle, and a remark."""
    stimulus = job.stimulus
    bench = _testbench.yosys_bench(stimulus, job.expression, job.flat)
    size = stimulus.cycles * (16 + sum(stimulus.width(port) for port in stimulus.inputs))
    if size > job.limits.json_bytes:
        raise LimitExceeded(
            f"the stimulus takes {size:,} bytes when written out cycle by cycle",
            expected=f"at most {job.limits.json_bytes:,} bytes (ElaborationLimits.json_bytes)",
            remedy="raise the limit, or replay with Icarus alone",
        )
    _testbench.write_yosys_witness(stimulus, job.work / "inputs.yw")
    (job.work / "bench.v").write_text(bench.text, encoding="ascii")
    (job.work / "map.v").write_text(_testbench.PRIORITY_MAP, encoding="ascii")
    unknown = ["setundef -undriven -zero", "setundef -zero"] if stimulus.x_as_zero else []
    script: list[str | list[str]] = [
        "read_rtlil flat.il",
        "rename -top sandgrain_dut",
        "select -module sandgrain_dut",
        "techmap -map map.v",
        *unknown,
        "select -clear",
        "setattr -mod -unset top",
        "read_verilog bench.v",
        f"hierarchy -top {_testbench.BENCH}",
        "flatten -noscopeinfo",
        "memory_collect",
        *(
            ["connect", "-nomap", "-set", f"\\{wire}", f"\\{_testbench.INSTANCE}.{name}"]
            for wire, name in bench.watched.items()
        ),
        # Then only the ports are written down.
        "rename -hide w:*",
        "opt_clean",
        f"sim -q -zinit -r inputs.yw -vcd {quoted(job.work / 'out.vcd')} {_testbench.BENCH}",
    ]
    try:
        run_yosys(script, cwd=job.work, limits=job.limits, what="simulating the witness")
    except LimitExceeded:
        raise
    except SandgrainError as error:
        raise _cannot("Yosys cannot simulate the design", error) from error
    trace = _sampled((job.work / "out.vcd").read_text(encoding="ascii", errors="replace"), stimulus.cycles)
    remark = "Values the description leaves unknown were read as 0." if stimulus.x_as_zero else ""
    return importlib.metadata.version("pyosys"), trace, remark


def _sampled(text: str, cycles: int) -> str:
    """The one-bit variable ``service`` of a VCD at ``10 * t + 5``, for each cycle ``t``."""
    declared = re.search(r"^\$var \w+ 1 (\S+) service \$end$", text, re.MULTILINE)
    if declared is None:
        raise ReplayError(
            "the simulation left no trace of the service",
            expected="its value in every cycle",
            remedy="replay with another simulator",
        )
    code, value, cycle = declared[1], "x", 0
    trace: list[str] = []
    for line in text[text.index("$enddefinitions") :].splitlines():
        if line.startswith("#"):
            now = int(line[1:])
            # What stands until now is the value at every sample point before now.
            while len(trace) < cycles and 10 * cycle + 5 < now:
                trace.append(value)
                cycle += 1
        elif line.removeprefix("b")[1:].strip() == code:
            value = line.removeprefix("b")[:1]
    return "".join(trace)


def _run_icarus(job: _Job) -> tuple[str, str, str]:
    """Version, the service in each cycle, and a remark."""
    if job.stimulus.x_as_zero:
        raise ReplayError(
            "the witness reads unknown values as 0, which this simulator cannot be told",
            expected="a witness that holds with unknown values",
            remedy="replay with Yosys",
        )
    _testbench.write_runs(job.stimulus, job.work)
    command = [f"-D{name}={text}" if text else f"-D{name}" for name, text in job.design.defines.items()]
    command += [f"-I{job.design.root / directory}" for directory in job.design.include_dirs]
    command += [str(job.design.root / source) for source in job.design.sources]
    _run(job, ["iverilog", "-E", "-g2012", "-o", "vendor.v", *command], "preprocess the description")
    source = (job.work / "vendor.v").read_text(encoding="latin-1")
    if found := _testbench.foreign_tasks(source, SAFE_TASKS):
        raise ReplayError(
            f"the description uses {found[0][1]}, and is not run for that",
            expected="no system task that reaches outside the simulation",
            remedy="replay with Yosys, which runs no system task",
        )
    bench = _testbench.icarus_bench(job.stimulus, job.expression, job.flat, job.design.parameters, source)
    (job.work / "icarus.v").write_text(bench, encoding="latin-1")
    for generation in ("-g2012", "-g2005"):
        compile_ = ["iverilog", generation, "-s", _testbench.BENCH, "-o", "sim.vvp", "icarus.v", "vendor.v"]
        try:
            _run(job, compile_, "compile the description")
            break
        except ReplayError as error:
            refused = error
    else:
        raise refused
    _run(job, ["vvp", "-n", "sim.vvp"], "run the description")
    trace_file = job.work / _testbench.TRACE_FILE
    trace = trace_file.read_text(encoding="ascii", errors="replace") if trace_file.is_file() else ""
    unnamed = _testbench.unnamed_state_bits(job.flat)
    remark = f"{unnamed} state bits have no name and began unknown." if unnamed else ""
    return _icarus_version(job), trace, remark


def _icarus_version(job: _Job) -> str:
    match = re.search(r"version (\S+)", _run(job, ["vvp", "-V"], "tell its version"))
    return match[1] if match else "unknown"


def _run(job: _Job, command: list[str], what: str) -> str:
    return run_limited(command, what, work=job.work, root=job.design.root, limits=job.limits)


_RUNNERS: dict[str, Callable[[_Job], tuple[str, str, str]]] = {YOSYS: _run_yosys, ICARUS: _run_icarus}


def _cannot(what: str, error: SandgrainError) -> ReplayError:
    return ReplayError(
        f"{what}: {error.what}", file=error.file, line=error.line, expected=error.expected, remedy=error.remedy
    )


def _compare(name: str, version: str, stimulus: Stimulus, trace: str, remark: str) -> ReplayResult:
    """The verdict over the service as simulated, ``0 1 x z`` per cycle."""
    start = stimulus.reset_cycles
    expected = stimulus.expand_trace()
    trace = trace[: stimulus.cycles]
    last = trace.rfind("1", start)
    reproduced = len(trace) == stimulus.cycles and trace[start:] == expected[start:]
    if reproduced:
        given = f"was last given in cycle {last}" if last >= 0 else "was never given after reset"
        detail = f"The service {given} and not once in the {stimulus.cycles - stimulus.dead_from} cycles from cycle "
        detail += f"{stimulus.dead_from} to the end."
    elif len(trace) < stimulus.cycles:
        detail = f"The description ended the simulation in cycle {len(trace)} of {stimulus.cycles}."
    else:
        cycle = next(t for t in range(start, stimulus.cycles) if trace[t] != expected[t])
        told = {"0": "not given", "1": "given"}
        seen = told.get(trace[cycle], "unknown (x), which shows nothing")
        detail = f"In cycle {cycle} the service should be {told[expected[cycle]]} and is {seen}."
    return ReplayResult(
        name, version, reproduced, len(trace), last if last >= 0 else None, f"{detail} {remark}".rstrip()
    )
