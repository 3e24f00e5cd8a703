"""From the vendor's sources to two netlists: as delivered (hierarchical, words) and as gates (flat, bits).

The gates are ``$_AND_``, ``$_NOT_``, ``$_DFF_P_`` and ``$_DFF_N_``, beside ``$anyseq`` cells for what the description
leaves free, and whatever could not be mapped, kept under its own type: latches and black boxes.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandgrain.errors import ElaborationError
from sandgrain.netlist import _scripts
from sandgrain.netlist._abstraction import (
    AbstractedMemory,
    BlackBox,
    black_boxes,
    memories_too_large,
    never_closed_latches,
)
from sandgrain.netlist._sources import SourceScan, scan_sources, with_filling_unknowns
from sandgrain.netlist._structure import check_gates, check_words
from sandgrain.netlist._undefined_registers import undefined_registers
from sandgrain.netlist.design import Design
from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.model import Module, Netlist
from sandgrain.netlist.yosys_json import read_yosys_json
from sandgrain.netlist.yosys_process import YosysRun, run_yosys
from sandgrain.verdict import Text

Frontend = Literal["slang", "verilog"]

GATE_TYPES = frozenset({"$_AND_", "$_NOT_", "$_DFF_P_", "$_DFF_N_"})
"""The cell types with a function in ``Elaborated.gates``."""
FREE_TYPES = frozenset({"$anyseq"})
"""The cell types whose output ``Y`` may be anything in every cycle."""

_ASYNCHRONOUS = ("$adff", "$adffe", "$aldff", "$aldffe", "$dffsr", "$dffsre")
_DIVISIONS = ("$div", "$mod", "$divfloor", "$modfloor")


@dataclass(frozen=True, slots=True)
class Elaborated:
    """A description turned into netlists.

    Attributes:
        delivered: hierarchical, word-level, as the vendor wrote it.
        gates: one flat module of gates; see :data:`GATE_TYPES` and :data:`FREE_TYPES`.
        frontend: which reader took it.
        black_boxes: instances without a description; what they drive is free.
        abstracted_memories: memories too large for registers; what is read from them is free.
        notes: what a reader of the verdict should know about how the description was read.
        log: of all Yosys processes, one after another.
        seconds: wall-clock seconds it all took.
        peak_memory_bytes: of the largest Yosys process.
    """

    delivered: Netlist
    gates: Netlist
    frontend: Frontend
    black_boxes: tuple[BlackBox, ...]
    abstracted_memories: tuple[AbstractedMemory, ...]
    notes: tuple[Text, ...]
    log: str
    seconds: float
    peak_memory_bytes: int


def elaborate(design: Design, limits: ElaborationLimits | None = None, *, workdir: Path | None = None) -> Elaborated:
    """Read a hardware description.

    Args:
        design: what to read.
        limits: how much of everything.
        workdir: where intermediate files go and stay; by default a temporary directory.

    Raises:
        ElaborationError: the description is wrong, reaches outside its directory, or has a combinational loop.
        LimitExceeded: it is too large, or took too long.
    """
    limits = limits or ElaborationLimits()
    started = time.monotonic()
    scan = scan_sources(design, limits)
    with _directory(workdir) as work:
        job = _Job(design, limits, work, scan)
        frontend, reading = job.read()
        delivered = job.netlist("delivered.json")
        flat = job.netlist("flat.json").top_module
        check_words(flat, reading.log)
        large = memories_too_large(flat, limits)
        opened = never_closed_latches(flat)
        runs = [reading, job.map_to_gates(flat, opened, [cell for cell, _ in large])]
        gates = job.netlist("gates.json")
        undefining = job.undefine(gates.top_module)
        if undefining is not None:
            runs.append(undefining)
            gates = job.netlist("gates.json")
    check_gates(gates.top_module)
    boxes = black_boxes(flat)
    return Elaborated(
        delivered=delivered,
        gates=gates,
        frontend=frontend,
        black_boxes=boxes,
        abstracted_memories=tuple(memory for _, memory in large),
        notes=tuple(_notes(frontend, delivered, flat, gates.top_module, scan, opened, job.priority_cases)),
        log="".join(run.log for run in runs),
        seconds=time.monotonic() - started,
        peak_memory_bytes=max(run.peak_memory_bytes for run in runs),
    )


@contextmanager
def _directory(workdir: Path | None) -> Iterator[Path]:
    """``workdir``, made if need be, or a temporary directory."""
    if workdir is not None:
        workdir.mkdir(parents=True, exist_ok=True)
        yield workdir.resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="sandgrain-elaborate-") as directory:
            yield Path(directory)


class _Job:
    """The Yosys processes of one elaboration and the files between them."""

    def __init__(self, design: Design, limits: ElaborationLimits, work: Path, scan: SourceScan) -> None:
        self.design = design
        self.limits = limits
        self.work = work
        self.root = design.root.resolve()
        self.reading = _beside(self.root, work / "sources", scan.unsized) if scan.unsized else self.root
        self.files = self._source_names(scan)
        # Only slang never calls a foreign function, so only slang may read text that has one, even left out.
        self.slang_only = bool(scan.foreign)
        self.priority_cases = 0

    def read(self) -> tuple[Frontend, YosysRun]:
        """Read with slang, else with Yosys' own front end, up to one flat word-level module."""
        arguments, dependencies = self.work / "slang.f", self.work / "opened.txt"
        arguments.write_text(_scripts.slang_arguments(self.design, dependencies), encoding="utf-8")
        try:
            run = self._run(_scripts.read_with_slang(self.design, arguments), "reading the description")
        except ElaborationError as first:
            if self.slang_only:
                raise
            try:
                return "verilog", self._run(_scripts.read_with_verilog(self.design), "reading the description")
            except ElaborationError as second:
                raise _better(first, second) from second
        self._check_opened(dependencies)
        return "slang", run

    def map_to_gates(self, flat: Module, opened: list[str], abstracted: list[str]) -> YosysRun:
        """From the flat word-level module to gates."""
        maps = self.work / "exact.v", self.work / "open_latch.v"
        maps[0].write_text(_scripts.PRIORITY_MAP, encoding="utf-8")
        maps[1].write_text(_scripts.OPEN_LATCH_MAP, encoding="utf-8")
        script = _scripts.gates_script(
            self.work / "flat.il",
            self.work / "gates.json",
            maps,
            open_latches=self._selection("open_latches.txt", flat, opened),
            abstracted=self._selection("abstracted.txt", flat, abstracted),
        )
        return run_yosys(script, cwd=self.work, limits=self.limits, what="mapping the description to gates")

    def undefine(self, gates: Module) -> YosysRun | None:
        """Make registers free that never hold anything that is defined; None if there are none."""
        selected = self._selection("undefined.txt", gates, undefined_registers(gates))
        if selected is None:
            return None
        map_ = self.work / "undefined.v"
        map_.write_text(_scripts.UNDEFINED_MAP, encoding="utf-8")
        script = _scripts.undefined_script(self.work / "gates.json", selected, map_)
        return run_yosys(script, cwd=self.work, limits=self.limits, what="mapping the description to gates")

    def netlist(self, name: str) -> Netlist:
        """One of the netlists the processes wrote."""
        return read_yosys_json(self.work / name, self.limits, top=self.design.top, files=self.files)

    def _run(self, reading: list[_scripts.Command], what: str) -> YosysRun:
        work = self.work
        raw = work / "read.il"
        read = run_yosys([*reading, _scripts.write_as_read(raw)], cwd=self.reading, limits=self.limits, what=what)
        self.priority_cases = _scripts.without_parallel_case(raw)
        flatten = _scripts.flatten_script(raw, work / "delivered.json", work / "flat.json", work / "flat.il")
        run = run_yosys(flatten, cwd=self.root, limits=self.limits, what="flattening the description")
        return YosysRun(
            read.log + run.log, read.seconds + run.seconds, max(read.peak_memory_bytes, run.peak_memory_bytes)
        )

    def _selection(self, name: str, flat: Module, cells: list[str]) -> Path | None:
        if not cells:
            return None
        path = self.work / name
        path.write_text(_scripts.selection([(flat.name, cell) for cell in cells]), encoding="utf-8")
        return path

    def _source_names(self, scan: SourceScan) -> Mapping[str, str]:
        """Submission-relative file name by each name a front end may use for it."""
        names = {}
        for file in scan.files:
            relative = (self.root / file).relative_to(self.root).as_posix()
            for name in (file, f"./{file}", str(self.root / file), str((self.root / file).resolve())):
                names[name] = relative
        return names

    def _check_opened(self, dependencies: Path) -> None:
        """The scan should have caught every path; this asks the front end what it did open."""
        if not dependencies.is_file():
            return
        for name in dependencies.read_text(encoding="utf-8", errors="replace").splitlines():
            if name.strip() and not (self.root / name.strip()).resolve().is_relative_to(self.root):
                raise ElaborationError(
                    f"the description reads {name.strip()!r}, outside the submission",
                    expected="a path inside the submission",
                    remedy="copy the file into the submission",
                )


def _beside(root: Path, copy: Path, changed: list[str]) -> Path:
    """A directory like ``root`` with links to all that is in it, but for files with constants that slang misreads."""
    inside = {Path(name): (root / name).read_text(encoding="latin-1") for name in changed}
    shutil.rmtree(copy, ignore_errors=True)
    directories = {parent for name in inside for parent in name.parents}
    for directory in sorted(directories):
        (copy / directory).mkdir(parents=True)
        for entry in (root / directory).iterdir():
            name = directory / entry.name
            if name not in directories and name not in inside:
                (copy / name).symlink_to(entry)
    for name, text in inside.items():
        (copy / name).write_text(with_filling_unknowns(text), encoding="latin-1")
    return copy


def _better(slang: ElaborationError, verilog: ElaborationError) -> ElaborationError:
    """Of two refusals the one that names a line, slang's if both do, with the other's first line beside it."""
    chosen, other, name = (slang, verilog, "Yosys' own reader")
    if slang.line is None and verilog.line is not None:
        chosen, other, name = verilog, slang, "slang"
    if other.what == chosen.what:
        return chosen
    said = str(other).splitlines()[0]
    return ElaborationError(
        chosen.what,
        file=chosen.file,
        line=chosen.line,
        column=chosen.column,
        expected=chosen.expected,
        remedy=f"{chosen.remedy} ({name} says: {said})",
    )


def _notes(
    frontend: Frontend,
    delivered: Netlist,
    flat: Module,
    gates: Module,
    scan: SourceScan,
    opened: list[str],
    priority_cases: int,
) -> Iterator[Text]:
    """What a reader of the verdict should know."""
    flat_counts = flat.cells.count_by_type()
    gate_counts = gates.cells.count_by_type()

    def total(counts: Mapping[str, int], kinds: Iterable[str]) -> int:
        return sum(counts.get(kind, 0) for kind in kinds)

    if frontend == "verilog":
        yield Text(template="The description was read by Yosys' own Verilog reader, because slang refused it.")
    if scan.hidden_text:
        file, line = scan.hidden_text[0]
        yield Text(
            template="Text between translate_off and translate_on was not read (first at {file}:{line}).",
            args={"file": file, "line": line},
        )
    removed = sum(total(module.cells.count_by_type(), _scripts.FORMAL_CELLS) for module in delivered.modules.values())
    if removed:
        yield Text(template="{count} assertions and print statements were left out.", args={"count": removed})
    if asynchronous := total(flat_counts, _ASYNCHRONOUS):
        yield Text(
            template="{count} registers with asynchronous set or reset were modelled as if it acted at the clock edge.",
            args={"count": asynchronous},
        )
    if opened:
        yield Text(
            template="{count} signals of a full_case without default are free where no case matches.",
            args={"count": len(opened)},
        )
    if priority_cases:
        yield Text(template="A parallel_case was read as in simulation: the first case that matches wins.")
    if divisions := total(flat_counts, _DIVISIONS):
        yield Text(
            template="{count} dividers: the result of a division by zero is what the usual circuit gives.",
            args={"count": divisions},
        )
    if buffers := flat_counts.get("$tribuf", 0):
        yield Text(
            template="{count} three-state buffers: their net is free while none of them drives.",
            args={"count": buffers},
        )
    if free := gate_counts.get("$anyseq", 0):
        yield Text(
            template="{count} signals the description leaves undefined (x or undriven) are free.", args={"count": free}
        )
    kept = sorted(
        kind for kind in gate_counts if kind.startswith("$") and kind not in GATE_TYPES and kind not in FREE_TYPES
    )
    if kept:
        yield Text(template="Cells kept as they are, without a gate: {types}.", args={"types": ", ".join(kept)})
