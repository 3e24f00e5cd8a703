"""Drawing: a small placer and router that turns a design mapped to standard cells into a layout."""

from __future__ import annotations

from sandgrain.drawing.cells import CellNetlist, CellPort, Instance, write_cells
from sandgrain.drawing.draw import Drawing, draw
from sandgrain.drawing.errors import DrawingError
from sandgrain.drawing.mapping import map_to_cells

__all__ = [
    "CellNetlist",
    "CellPort",
    "Drawing",
    "DrawingError",
    "Instance",
    "draw",
    "map_to_cells",
    "write_cells",
]
