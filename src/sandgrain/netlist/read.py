"""Reading a delivered netlist whatever its format: what a file is called decides, and else how it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandgrain.errors import NetlistError
from sandgrain.netlist.aiger import read_aiger
from sandgrain.netlist.bench import read_bench
from sandgrain.netlist.blif import read_blif
from sandgrain.netlist.edif import read_edif
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Module, Netlist
from sandgrain.netlist.verilog import Primitive, VerilogSource, read_verilog
from sandgrain.netlist.yosys_json import read_yosys_json
from sandgrain.verdict import Place

_PACKED: Final = (".gz", ".xz", ".zst")
_ENDINGS: Final = {
    ".v": "verilog",
    ".vg": "verilog",
    ".vo": "verilog",
    ".vqm": "verilog",
    ".sv": "verilog",
    ".blif": "blif",
    ".bench": "bench",
    ".aag": "aiger",
    ".aig": "aiger",
    ".edf": "edif",
    ".edif": "edif",
    ".edn": "edif",
    ".json": "json",
}
FORMATS: Final = ("verilog", "blif", "bench", "aiger", "edif", "json")
"""Names of the formats, as ``--format`` takes them."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What netlist files hold.

    Attributes:
        netlist: the modules, and which of them is the chip.
        form: one of `FORMATS`.
        primitives: user-defined primitives (Verilog only).
        unusual: where, and a sentence on something a careful reader would ask about.
    """

    netlist: Netlist
    form: str
    primitives: Mapping[str, Primitive] = field(default_factory=dict)
    unusual: tuple[tuple[Place, str], ...] = ()


def format_of(path: Path) -> str:
    """Format of a netlist file.

    Raises:
        NetlistError: neither its name nor its beginning says.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    if suffixes and suffixes[-1] in _ENDINGS:
        return _ENDINGS[suffixes[-1]]
    raise NetlistError(
        "the name of the file does not say its format",
        file=path,
        expected=f"one of the endings {', '.join(_ENDINGS)}, each possibly with {', '.join(_PACKED)}",
        remedy=f"rename the file, or name the format: --format {'|'.join(FORMATS)}",
    )


def read_netlist(
    paths: Sequence[Path],
    *,
    top: str | None = None,
    form: str | None = None,
    limits: ReadLimits | None = None,
    defines: Mapping[str, str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Delivered:
    """Read a netlist from one file, or from several of one format.

    Args:
        paths: the files, plain or compressed.
        top: the module that is the chip; by default the only one it can be.
        form: one of `FORMATS`; by default what the names of the files say.
        limits: bounds on hostile input.
        defines: macros of Verilog known beforehand.
        progress: called now and then with the share of the present file that has been read.

    Raises:
        NetlistError: with file, line, column, what was found and what was expected.
        LimitExceeded: naming the limit.
    """
    limits = limits or ReadLimits()
    if not paths:
        raise NetlistError("no file is named", expected="at least one netlist file")
    forms = {form or format_of(path) for path in paths}
    if len(forms) > 1:
        raise NetlistError(
            f"the files are of {len(forms)} formats: {', '.join(sorted(forms))}",
            expected="files of one format",
            remedy="read them one format at a time",
        )
    (form,) = forms
    if form == "verilog":
        source = read_verilog(paths, limits, defines=defines, progress=progress)
        return Delivered(source.netlist(top), form, source.primitives, source.unusual)
    found = [_read_one(path, form, limits, top) for path in paths]
    if len(found) == 1 and (top is None or found[0].top == top):
        return Delivered(found[0], form)
    modules: dict[str, Module] = {}
    for path, netlist in zip(paths, found, strict=True):
        for name, module in netlist.modules.items():
            if name in modules:
                raise NetlistError(f"the module {name!r} is described twice", file=path, expected="every module once")
            modules[name] = module
    return Delivered(VerilogSource(modules, {}).netlist(top), form)


def _read_one(path: Path, form: str, limits: ReadLimits, top: str | None) -> Netlist:
    if form == "json":
        return read_yosys_json(path, top=top)
    readers: Mapping[str, Callable[[Path, ReadLimits | None], Netlist]] = {
        "blif": read_blif,
        "bench": read_bench,
        "aiger": read_aiger,
        "edif": read_edif,
    }
    if form not in readers:
        raise NetlistError(f"{form!r} is no format", expected=f"one of: {', '.join(FORMATS)}")
    return readers[form](path, limits)
