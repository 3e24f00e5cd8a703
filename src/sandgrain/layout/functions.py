"""What the cells of the trusted library compute, for telling a resized cell from another one."""

from __future__ import annotations

from sandgrain.layout.cell import CellModel
from sandgrain.layout.library import Library
from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.library import read_library

_DEFINES = {"UNIT_DELAY": ""}


class Functions:
    """Functions of cells from the functional models beside their drawings.

    Args:
        library: where the cells are.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._cells: dict[str, Cell] | None = None

    def of(self, model: CellModel) -> str | None:
        """What a cell computes, as a text that is equal for equal functions of equal pins; None if nothing says."""
        if model.name not in self._library or model.physical_only:
            return None
        cell = self._read().get(model.name)
        if cell is None or cell.function is None:
            return None
        return f"{sorted(model.pins)} {sorted(cell.pins)} {cell.function!r}"

    def _read(self) -> dict[str, Cell]:
        if self._cells is None:
            models = [self._library.file(name).with_suffix(".functional.v") for name in self._library.names]
            models = [path for path in models if path.is_file()]
            # User-defined primitives lie beside the cells.
            primitives = {
                path
                for model in models[:1]
                for path in (model.parents[2] / "models").glob("*/*.v")
                if path.name.count(".") == 1
            }
            self._cells = dict(read_library([*models, *sorted(primitives)], defines=_DEFINES).cells)
        return self._cells
