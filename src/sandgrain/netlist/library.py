"""The cell functions an examiner brings along: Liberty files, functional Verilog models, the bundled table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandgrain.errors import NetlistError
from sandgrain.netlist.bundled import bundled_cell, bundled_library
from sandgrain.netlist.cell_function import Cell, CellLibrary
from sandgrain.netlist.compose import cells_of
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.liberty import read_liberty
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Parameter
from sandgrain.netlist.signatures import CellLookup, PinShape
from sandgrain.netlist.udp import udp_cells
from sandgrain.netlist.verilog import read_verilog

BUNDLED: Final = "bundled"
"""The name that stands for the bundled table."""
_PACKED: Final = (".gz", ".xz", ".zst")


@dataclass(frozen=True, slots=True)
class Library:
    """Cells for `sandgrain.netlist.link.link`.

    Attributes:
        cells: those that files describe, by type name.
        generic: those known by a rule: Verilog primitives, Yosys gates, and the bundled table if it was asked for.
    """

    cells: CellLibrary
    generic: CellLookup


def read_library(
    sources: Sequence[str | Path], limits: ReadLimits | None = None, *, defines: Mapping[str, str] | None = None
) -> Library:
    """What the examiner knows of cells.

    Args:
        sources: Liberty files (``.lib``), functional Verilog models (``.v``), or `BUNDLED`. Of two files that know a
            cell, the one named first is asked; the bundled table only about what no file describes.
        limits: bounds on hostile input.
        defines: macros of Verilog known beforehand.

    Raises:
        NetlistError: a file that is neither, or is wrong.
        LimitExceeded: naming the limit.
    """
    kinds = [(source, _kind(source)) for source in sources]
    models = [Path(source) for source, kind in kinds if kind == "verilog"]
    described: dict[str, Cell] = {}
    if models:
        # Together, since the primitives of one file are used in another.
        read = read_verilog(models, limits, defines=defines)
        described = cells_of(read.modules, udp_cells(read.primitives, limits), complete=True)
    found: dict[str, Cell] = {}
    for source, kind in kinds:
        if kind == BUNDLED:
            continue
        cells = read_liberty([Path(source)], limits) if kind == "liberty" else described
        for name, cell in cells.items():
            # A list of ports without an inside says nothing of the function; another source may.
            if name not in found or (found[name].function is None and cell.function is not None):
                found[name] = cell
    if any(kind == BUNDLED for _, kind in kinds):
        found = {
            name: cell for name, cell in found.items() if cell.function is not None or name not in bundled_library()
        }
    return Library(found, _with_bundled if any(kind == BUNDLED for _, kind in kinds) else generic_cell)


def _with_bundled(kind: str, pins: Sequence[PinShape], parameters: Mapping[str, Parameter]) -> Cell | None:
    return generic_cell(kind, pins, parameters) or bundled_cell(kind, pins, parameters)


def _kind(source: str | Path) -> str:
    if str(source) == BUNDLED:
        return BUNDLED
    suffixes = [suffix.lower() for suffix in Path(source).suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    if suffixes and suffixes[-1] in (".lib", ".liberty"):
        return "liberty"
    if suffixes and suffixes[-1] in (".v", ".vg"):
        return "verilog"
    raise NetlistError(
        "the name of the file does not say what it is",
        file=str(source),
        expected=f"a Liberty file (.lib), functional Verilog models (.v), or the word {BUNDLED}",
        remedy="rename the file",
    )
