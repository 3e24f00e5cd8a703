"""Cells from Liberty libraries: pins, functions, flip-flops, latches, state tables, clock gates.

Read are the parts of the format that say what a cell computes (Liberty Reference Manual, "cell Group" and "pin
Group"); timing, power and noise are skipped. A cell whose function the library does not tell is a black box whose
``origin`` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sandgrain.errors import NetlistError
from sandgrain.netlist._liberty_cell import liberty_cell
from sandgrain.netlist._liberty_pins import BusType, bus_type
from sandgrain.netlist._liberty_syntax import Source
from sandgrain.netlist._quote import quote
from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.source import load


def read_liberty(paths: Iterable[Path], limits: ReadLimits | None = None) -> dict[str, Cell]:
    """The cells of Liberty files, plain or compressed, by name.

    A cell may be in several files (the corners of one library) if they agree on its pins and its function.

    Args:
        paths: the files.
        limits: ``file_bytes``, ``expansion``, ``modules``, ``depth``, ``width``, ``name_bytes`` and ``table_rows``.

    Raises:
        NetlistError: with file, line and column; a file that includes another is refused.
        LimitExceeded: naming the limit.
    """
    limits = limits or ReadLimits()
    cells: dict[str, Cell] = {}
    for path in paths:
        for cell in read_liberty_text(load(path, limits), str(path), limits).values():
            _add(cells, cell, str(path))
    return cells


def read_liberty_text(data: bytes, file: str, limits: ReadLimits | None = None) -> dict[str, Cell]:
    """The cells of the text of one Liberty file; see `read_liberty`."""
    limits = limits or ReadLimits()
    source = Source(data.decode("utf-8", "backslashreplace"), file, limits)
    types: dict[str, dict[str, BusType]] = {}
    cells: dict[str, Cell] = {}
    for library, group in source.groups():
        if not group.arguments:
            raise source.error(f"a {group.kind} has no name", group.at, f"{group.kind} (name) {{")
        if group.kind == "type":
            types.setdefault(library, {})[group.arguments[0]] = bus_type(group, source)
            continue
        if len(cells) >= limits.modules:
            raise source.too_much(f"more than {limits.modules:,} cells", group.at, limits.modules, "modules")
        cell = liberty_cell(group, types.get(library, {}), source)
        _add(cells, cell, f"{file}:{source.line(group.at)}")
    return cells


def _add(cells: dict[str, Cell], cell: Cell, place: str) -> None:
    known = cells.setdefault(cell.name, cell)
    if known is cell or replace(known, origin=cell.origin) == cell:
        return
    file, _, line = place.rpartition(":")
    numbered = bool(file) and line.isdecimal()
    raise NetlistError(
        f"the cell {quote(cell.name)} is described twice, not in the same way (first in {known.origin})",
        file=file if numbered else place,
        line=int(line) if numbered else None,
        expected="one description of every cell, or several that agree",
        remedy="leave one of them out",
    )
