"""The plan of a drawing: rows of sites, columns of power between segments for cells, and the grid of wires."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from sandgrain.drawing.library import master, rules

_ASPECT: Final = 0.6
"""Width to height of the rows: of three layers of wires, two run up and down."""
_LEAST_SEGMENT: Final = 30
_LEAST_ROWS: Final = 2


@dataclass(frozen=True)
class Floorplan:
    """Rows of equal length; nanometres from the lower left corner of the die.

    Attributes:
        rows: number of rows; every second one is upside down, so that neighbours share a rail.
        segments: stretches of a row for cells, with a column of power before each and after the last.
        segment_sites: sites of one stretch.
    """

    rows: int
    segments: int
    segment_sites: int

    @property
    def column_sites(self) -> int:
        """Sites of one column of power."""
        width: int = rules()["site"]["width"]
        return sum(master(cell).width for cell in rules()["power"]["column"]) // width

    @property
    def sites(self) -> int:
        """Sites of a whole row."""
        return self.segments * (self.segment_sites + self.column_sites) + self.column_sites

    @property
    def core(self) -> tuple[int, int, int, int]:
        """Left, bottom, right and top of the rows."""
        width, height = rules()["site"]["width"], rules()["site"]["height"]
        left, bottom = 6 * width, height
        return left, bottom, left + self.sites * width, bottom + self.rows * height

    @property
    def die(self) -> tuple[int, int]:
        """Width and height of the die."""
        left, bottom, right, top = self.core
        return right + left, top + bottom

    @property
    def tracks(self) -> tuple[int, int]:
        """Vertical and horizontal tracks of wires, over the whole die."""
        width, height = self.die
        return width // rules()["tracks"]["x_pitch"], height // rules()["tracks"]["y_pitch"]

    def segment_left(self, segment: int) -> int:
        """The first site of a segment, counted from the left end of the row."""
        return segment * (self.segment_sites + self.column_sites) + self.column_sites

    def column_left(self, column: int) -> int:
        """The left edge of a column of power, in nanometres."""
        width: int = rules()["site"]["width"]
        return self.core[0] + column * (self.segment_sites + self.column_sites) * width

    def row_bottom(self, row: int) -> int:
        """The lower edge of a row, in nanometres."""
        height: int = rules()["site"]["height"]
        return self.core[1] + row * height

    def rail_net(self, rail: int) -> str:
        """The supply of a rail; rail 0 is below the first row."""
        return "VGND" if rail % 2 == 0 else "VPWR"


def plan(cell_sites: int, ports: int, utilisation: float) -> Floorplan:
    """A plan with room for cells of ``cell_sites`` sites at ``utilisation`` and for ``ports`` port bits.

    Half of the ports are at the lower edge, half at the upper one, each on a track of its own.
    """
    width, height = rules()["site"]["width"], rules()["site"]["height"]
    wanted = max(1, math.ceil(cell_sites / utilisation))
    most = rules()["power"]["column_pitch_sites"] - Floorplan(1, 1, 1).column_sites
    rows = max(_LEAST_ROWS, round(math.sqrt(wanted * (most + 12) / most * width / height / _ASPECT)))
    while True:
        per_row = math.ceil(wanted / rows)
        segments = max(1, math.ceil(per_row / most))
        found = Floorplan(rows, segments, max(_LEAST_SEGMENT, math.ceil(per_row / segments)))
        if ports <= 2 * (found.tracks[0] - 4):
            return found
        # Wider and lower; in the end, wider alone.
        wanted = wanted if rows > _LEAST_ROWS else wanted * 2
        rows = max(_LEAST_ROWS, rows * 4 // 5)
