"""Processor cores and their netlists of sky130 cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandgrain.equivalence import CompareOptions, Equivalence, compare_rtl_netlist
from sandgrain.logic.assemble import Clock
from sandgrain.netlist import Design, ElaborationLimits, _scripts, run_yosys
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.library import Library
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import SilentProgress
from sandgrain.submission import FileRole, load
from sandgrain.submission.manifest import Level
from tests.equivalence.mapping import Command, cells, map_to_sky130


@dataclass(frozen=True)
class MappedCore:
    """A core as submitted, and the netlist it was mapped to."""

    design: Design
    netlist: Path
    options: CompareOptions

    def compared(self, text: str | None = None, *, budget: float = 120.0, use_names: bool = True) -> Equivalence:
        """The comparison with the netlist, or with another text of it."""
        file = self.netlist
        if text is not None:
            file = self.netlist.with_suffix(".changed.v")
            file.write_text(text)
        netlist = read_netlist([file], top=self.design.top).netlist
        options = CompareOptions(self.options.clocks, {}, self.options.resets, budget, use_names)
        library = Library(cells(), generic_cell)
        return compare_rtl_netlist(self.design, netlist, library, options, SilentProgress())


def _read(design: Design, work: Path) -> Sequence[Command]:
    """Commands that read a description; SystemVerilog by slang, and its ``unique case`` is no promise either."""
    if not any(source.endswith(".sv") for source in design.sources):
        return _scripts.read_with_verilog(design)
    arguments, rtlil = work / "slang.f", work / "read.il"
    arguments.write_text(_scripts.slang_arguments(design, work / "dependencies"))
    commands = [*_scripts.read_with_slang(design, arguments), _scripts.write_as_read(rtlil)]
    run_yosys(commands, cwd=design.root, limits=ElaborationLimits(seconds=600), what="reading a core")
    _scripts.without_parallel_case(rtlil)
    return [f"read_rtlil {rtlil}", f"hierarchy -top {design.top}"]


def mapped(submission: Path, work: Path, flavour: str) -> MappedCore:
    """Map the core of an example submission.

    ``parallel_case`` is taken out first: synthesis takes it as a promise that holds in no simulation of PicoRV32.
    """
    loaded = load(submission)
    manifest = loaded.manifest
    sources = [file.path for file in loaded.files_of(FileRole.RTL)]
    elaboration = manifest.elaboration
    design = Design(
        root=submission,
        sources=tuple(sources),
        top=manifest.chip.top,
        include_dirs=tuple(elaboration.include_dirs),
        defines=dict(elaboration.defines),
        parameters=dict(elaboration.parameters),
    )
    plain = work / "sources"
    included = (file for directory in design.include_dirs for file in (submission / directory).rglob("*"))
    for name in [*sources, *(str(file.relative_to(submission)) for file in included if file.is_file())]:
        file = plain / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = (submission / name).read_text(encoding="utf-8")
        file.write_text(text.replace("parallel_case, full_case", "full_case").replace("(* parallel_case *)", ""))
    read = _read(replace(design, root=plain), work)
    netlist = map_to_sky130(read, work, work / f"{flavour}.v", flavour=flavour, cwd=plain)
    clock = manifest.clocks[0]
    return MappedCore(
        design,
        netlist,
        CompareOptions(
            clocks=(Clock(clock.port, clock.edge.value),),
            resets={reset.port: (int(reset.active is Level.HIGH), reset.cycles) for reset in manifest.resets},
        ),
    )
