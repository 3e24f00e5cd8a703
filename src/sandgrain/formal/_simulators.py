"""Running the vendor's own description in simulators that share nothing with the engine.

Two of them: the simulator of Yosys, over the description as elaborated to words (never to the gates the engine reasons
on), and Icarus Verilog, which reads the sources by itself. Both start registers without an initial value at 0, as the
engine does, and both keep x.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from sandgrain.errors import LimitExceeded, ReplayError, SandgrainError
from sandgrain.formal import _testbench
from sandgrain.formal._flat_state import jumped_bits, unnamed_state_bits
from sandgrain.formal._icarus_process import SAFE_TASKS, run_limited
from sandgrain.formal._testbench import Driven, Seen
from sandgrain.formal.sampled import sampled
from sandgrain.formal.stimulus import Jump
from sandgrain.formal.written_state import with_init
from sandgrain.netlist import Design, ElaborationLimits, Module, elaborate, read_yosys_json, run_yosys
from sandgrain.netlist.yosys_process import quoted
from sandgrain.submission import FileRole, Manifest, Submission
from sandgrain.submission.manifest import Edge, Level

YOSYS = "yosys"
ICARUS = "icarus"

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the simulators run: the description, read and flattened.

    Attributes:
        design: the sources and how they are read.
        flat: the flattened design in words.
        work: a directory of one's own, with ``flat.il``.
        limits: of each child process.
    """

    design: Design
    flat: Module
    work: Path
    limits: ElaborationLimits


@dataclass(frozen=True, slots=True)
class Job:
    """One run in one simulator.

    Attributes:
        prepared: what is run.
        driven: its inputs.
        seen: what is sampled.
        work: an empty directory.
        x_as_zero: whether values the description leaves unknown are read as 0.
        jump: registers to set in the middle of the run.
    """

    prepared: Prepared
    driven: Driven
    seen: Seen
    work: Path
    x_as_zero: bool
    jump: Jump | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """What one simulator saw.

    Attributes:
        version: of the simulator.
        rows: what was seen in each cycle, ``0 1 x z`` per bit; fewer than asked for if the description ended the run.
        remark: a sentence, or nothing.
    """

    version: str
    rows: Iterable[str]
    remark: str


class Simulator(Protocol):
    """Runs a job."""

    def __call__(self, job: Job) -> Simulated:
        """What it saw; ReplayError if it cannot run it, LimitExceeded if that takes too much."""


def available_simulators() -> tuple[str, ...]:
    """The simulators that can be used here, best known first."""
    return (YOSYS, ICARUS) if shutil.which("iverilog") and shutil.which("vvp") else (YOSYS,)


def run_each(
    simulators: Sequence[str] | None, run: Callable[[str, Simulator], _Result]
) -> tuple[list[_Result], list[str]]:
    """Run something in every simulator asked for; all that are available and able to if None.

    Returns:
        The results, and a sentence for each simulator that was not able to.

    Raises:
        ReplayError: one asked for is not available or cannot run it, or none can.
    """
    wanted = tuple(simulators) if simulators is not None else available_simulators()
    for name in wanted or ("",):
        if name not in available_simulators():
            raise ReplayError(
                f"the simulator {name!r} is not available",
                expected=f"some of {', '.join(available_simulators())}",
                remedy="install Icarus Verilog, or leave the choice of simulators out",
            )
    results: list[_Result] = []
    unable: list[str] = []
    for name in wanted:
        try:
            results.append(run(name, _SIMULATORS[name]))
        except ReplayError as error:
            if simulators is not None or len(wanted) == 1:
                raise
            unable.append(f"{name} could not run it: {error.what}.")
            first = error
    if not results:
        raise first
    return results, unable


def check_driven(driven: Driven, reset_cycles: int, manifest: Manifest, what: str) -> None:
    """Refuse a stimulus or pair (``what``) whose top module, clock or resets are not those of the manifest.

    Raises:
        ReplayError: they are not.
    """
    if driven.top != manifest.chip.top:
        raise mismatch(f"the {what} is for the top module {driven.top!r}", repr(manifest.chip.top))
    edges = {clock.port: clock.edge for clock in manifest.clocks}
    if edges.get(driven.clock) != Edge(driven.clock_edge):
        told = ", ".join(f"{port} ({edge.value})" for port, edge in edges.items())
        raise mismatch(f"the {what} has the clock {driven.clock} ({driven.clock_edge})", told)
    for reset in manifest.resets:
        asserted = "1" if reset.active is Level.HIGH else "0"
        if reset.port not in driven.inputs:
            raise mismatch(f"the {what} does not drive the reset {reset.port!r}", "a value for every input")
        values = driven.expand(reset.port)
        if asserted in values[reset_cycles:]:
            cycle = values.index(asserted, reset_cycles)
            raise mismatch(f"the {what} asserts {reset.port!r} in cycle {cycle}", "no reset after power-up")
        if reset_cycles < reset.cycles or any(bit != asserted for bit in values[: reset.cycles]):
            raise mismatch(f"the {what} resets too briefly by {reset.port!r}", f"{reset.cycles} cycles of reset")


def mismatch(what: str, expected: str) -> ReplayError:
    """That a record is not about this submission."""
    return ReplayError(
        what,
        expected=f"{expected}, as the submission has it",
        remedy="replay it against the submission it was made for",
    )


def prepare(driven: Driven, submission: Submission, limits: ElaborationLimits, work: Path, what: str) -> Prepared:
    """Read and flatten the description, and check that ``driven`` drives its inputs and nothing else.

    Raises:
        ReplayError: the description cannot be read, or has other inputs.
        LimitExceeded: that took too much.
    """
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
    inputs = {port.name: port.width for port in flat.ports if port.direction == "input" and port.name != driven.clock}
    known = {port.name: port.width for port in flat.ports if port.direction == "inout"} | inputs
    for port, width in inputs.items():
        if port not in driven.inputs:
            raise mismatch(f"the {what} does not drive the input {port!r}", f"{width} bits for it")
    for port in driven.inputs:
        if driven.width(port) != known.get(port):
            raise mismatch(f"the {what} drives {port!r}, {driven.width(port)} bits", f"inputs {known}")
    return Prepared(design, flat, work, limits)


def run_in_yosys(job: Job) -> Simulated:
    """Run a job in Yosys."""
    driven, seen, limits = job.driven, job.seen, job.prepared.limits
    _check_size("inputs", driven.cycles * (16 + sum(driven.width(port) for port in driven.inputs)), limits)
    _check_size("outputs", driven.cycles * (16 + seen.width), limits)
    if job.jump is None:
        _yosys(job, [*_bench_script(job), *_simulate(job, range(driven.cycles), "out", "-zinit")])
        rows = sampled(job.work / "out.vcd", driven.cycles, seen.width)
    else:
        rows = _run_with_jump(job, job.jump)
    remark = "Values the description leaves unknown were read as 0." if job.x_as_zero else ""
    return Simulated(importlib.metadata.version("pyosys"), rows, remark)


def _bench_script(job: Job, keep: Mapping[str, str] | None = None) -> list[str | list[str]]:
    """Commands that put the description into its bench; ``keep`` names wires of it that keep a name of the bench."""
    seen = job.seen
    bench = _testbench.yosys_bench(job.driven, seen, job.prepared.flat)
    (job.work / "bench.v").write_text(bench.text, encoding="ascii")
    (job.work / "map.v").write_text(_testbench.PRIORITY_MAP, encoding="ascii")
    unknown = ["setundef -undriven -zero", "setundef -zero"] if job.x_as_zero else []
    return [
        f"read_rtlil {quoted(job.prepared.work / 'flat.il')}",
        "rename -top sandgrain_dut",
        "select -module sandgrain_dut",
        "techmap -map map.v",
        # What drove it until now drives it no longer.
        *(["connect", "-set", f"\\{name} [{bit}]", f"1'{value}"] for (name, bit), value in seen.held.items()),
        *unknown,
        "select -clear",
        "setattr -mod -unset top",
        "read_verilog bench.v",
        f"proc {_testbench.BENCH}",
        f"hierarchy -top {_testbench.BENCH}",
        "flatten -noscopeinfo",
        "memory_collect",
        *(
            ["connect", "-nomap", "-set", f"\\{wire}", f"\\{_testbench.INSTANCE}.{name}"]
            for wire, name in bench.watched.items()
        ),
        f"cd {_testbench.BENCH}",
        *(["rename", f"\\{_testbench.INSTANCE}.{name}", f"\\{wire}"] for wire, name in (keep or {}).items()),
        "cd",
        # Then only the ports are written down.
        f"rename -hide w:* {' '.join(f'w:{wire} %d' for wire in keep or {})}",
        "opt_clean",
    ]


def _simulate(job: Job, cycles: range, name: str, *options: str) -> list[str | list[str]]:
    """The command that simulates some cycles, after writing down their inputs."""
    _testbench.write_yosys_witness(job.driven, job.work / f"{name}.yw", cycles)
    vcd = quoted(job.work / f"{name}.vcd")
    return [" ".join(("sim -q", *options, f"-r {name}.yw -vcd {vcd} {_testbench.BENCH}"))]


def _yosys(job: Job, script: Sequence[str | list[str]]) -> None:
    try:
        run_yosys(script, cwd=job.work, limits=job.prepared.limits, what="simulating the run")
    except LimitExceeded:
        raise
    except SandgrainError as error:
        raise _cannot("Yosys cannot simulate the design", error) from error


def _run_with_jump(job: Job, jump: Jump) -> Iterator[str]:
    """Simulate up to the jump, take what registers hold then, set those of the jump, and simulate from there on."""
    flat, cycles = job.prepared.flat, job.driven.cycles
    values = jumped_bits(flat, jump)
    wires = {net.name: net for net in flat.nets if not net.hidden and any(int(bit) in values for bit in net.bits)}
    keep = {f"jump{number}": name for number, name in enumerate(wires)}
    # The state written back is that of the last cycle simulated.
    before = _simulate(job, range(jump.cycle + 1), "before", "-zinit", "-w")
    _yosys(job, [*_bench_script(job, keep), *before, "write_rtlil before.il"])
    text = (job.work / "before.il").read_text(encoding="latin-1")
    for wire, name in keep.items():
        chosen = {at: values[int(bit)] for at, bit in enumerate(wires[name].bits.tolist()) if int(bit) in values}
        text = with_init(text, wire, chosen)
    (job.work / "after.il").write_text(text, encoding="latin-1")
    _yosys(job, ["read_rtlil after.il", *_simulate(job, range(jump.cycle, cycles), "after")])
    yield from sampled(job.work / "before.vcd", jump.cycle, job.seen.width)
    yield from sampled(job.work / "after.vcd", cycles - jump.cycle, job.seen.width)


def _check_size(what: str, size: int, limits: ElaborationLimits) -> None:
    if size > limits.json_bytes:
        raise LimitExceeded(
            f"the {what} of the run take {size:,} bytes when written out cycle by cycle",
            expected=f"at most {limits.json_bytes:,} bytes (ElaborationLimits.json_bytes)",
            remedy="raise the limit, or replay with Icarus alone",
        )


def run_in_icarus(job: Job) -> Simulated:
    """Run a job in Icarus Verilog."""
    design = job.prepared.design
    if job.x_as_zero:
        raise ReplayError(
            "the run reads unknown values as 0, which this simulator cannot be told",
            expected="a run that holds with unknown values",
            remedy="replay with Yosys",
        )
    _testbench.write_runs(job.driven, job.work)
    command = [f"-D{name}={text}" if text else f"-D{name}" for name, text in design.defines.items()]
    command += [f"-I{design.root / directory}" for directory in design.include_dirs]
    command += [str(design.root / source) for source in design.sources]
    _run(job, ["iverilog", "-E", "-g2012", "-o", "vendor.v", *command], "preprocess the description")
    source = (job.work / "vendor.v").read_text(encoding="latin-1")
    if found := _testbench.foreign_tasks(source, SAFE_TASKS):
        raise ReplayError(
            f"the description uses {found[0][1]}, and is not run for that",
            expected="no system task that reaches outside the simulation",
            remedy="replay with Yosys, which runs no system task",
        )
    bench = _testbench.icarus_bench(job.driven, job.seen, job.prepared.flat, design.parameters, source, job.jump)
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
    unnamed = unnamed_state_bits(job.prepared.flat)
    remark = f"{unnamed} state bits have no name and began unknown." if unnamed else ""
    match = re.search(r"version (\S+)", _run(job, ["vvp", "-V"], "tell its version"))
    rows = _lines(job.work / _testbench.TRACE_FILE, job.driven.cycles, job.seen.width)
    return Simulated(match[1] if match else "unknown", rows, remark)


def _lines(path: Path, cycles: int, width: int) -> Iterator[str]:
    if not path.is_file():
        return
    with path.open(encoding="ascii", errors="replace") as file:
        for _, line in zip(range(cycles), file, strict=False):
            row = line.rstrip("\n")
            if len(row) != width:
                return
            yield row


def _run(job: Job, command: list[str], what: str) -> str:
    return run_limited(command, what, work=job.work, root=job.prepared.design.root, limits=job.prepared.limits)


_SIMULATORS: dict[str, Simulator] = {YOSYS: run_in_yosys, ICARUS: run_in_icarus}


def _cannot(what: str, error: SandgrainError) -> ReplayError:
    return ReplayError(
        f"{what}: {error.what}", file=error.file, line=error.line, expected=error.expected, remedy=error.remedy
    )
