"""A copy of a layout while a modification is planted in it, and what came of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from klayout import db

from sandgrain.redteam._layout import CUTS, STACK, Target, library_master
from sandgrain.redteam.errors import RedTeamError

_SIZES: Final = {
    "mcon": ((85, 85), (85, 85), (145, 115)),
    "via": ((75, 75), (160, 130), (130, 160)),
    "via2": ((100, 100), (140, 185), (165, 165)),
    "via3": ((100, 100), (190, 160), (165, 165)),
}
"""Half sizes of a cut, of the metal below it and of the metal above it, in nanometres (technology LEF of sky130)."""


class Edit:
    """A copy of a target's layout, and every place in it that was touched.

    Attributes:
        touched: layer and place of every step, in nanometres.
        nets, cells: names of nets and cells that take part.
        what: one sentence.
        variant: which form of its kind.
        redundant: nothing is separated or joined that was not before.
    """

    def __init__(self, target: Target, variant: str) -> None:
        self.target = target
        self.layout = target.layout.dup()
        self.top = self.layout.cell(target.top.cell_index())
        self.variant = variant
        self.touched: list[tuple[str, db.Box]] = []
        self.nets: list[str] = []
        self.cells: list[str] = []
        self.what = ""
        self.redundant = False

    def touch(self, layer: str, box: db.Box) -> None:
        """Note that something changed."""
        self.touched.append((layer, box))

    @property
    def layers(self) -> list[str]:
        """What was touched, in the order of the first time."""
        return list(dict.fromkeys(layer for layer, _ in self.touched))

    def changed(self) -> list[db.Box]:
        """Where the layout is really another now: metal drawn over metal is no change.

        Whole cells, and places where only a name changed, count as they were noted.
        """
        found = []
        for layer, box in self.touched:
            if layer == "cell":
                found.append(box)
                continue
            index = self.target.index[layer]
            before, after = (
                db.Region(top.begin_shapes_rec_touching(index, box)).merged() & db.Region(box)
                for top in (self.target.top, self.top)
            )
            real = (before ^ after).bbox()
            if not real.empty():
                found.append(real)
        return found

    def add(self, layer: str, box: db.Box) -> None:
        """Draw a box in the top cell."""
        self.top.shapes(self.target.index[layer]).insert(box)
        self.touch(layer, box)

    def subtract(self, layer: str, box: db.Box) -> None:
        """Take ``box`` out of whatever the top cell has on ``layer``."""
        shapes = self.top.shapes(self.target.index[layer])
        hit = [shape for shape in shapes.each_overlapping(box) if not shape.is_text()]
        rest = [db.Region(shape.polygon) - db.Region(box) for shape in hit]
        for shape in hit:
            shapes.erase(shape)
        for region in rest:
            for part in region.decompose_trapezoids_to_region().each():
                shapes.insert(part.bbox() if part.is_box() else part)
        self.touch(layer, box)

    def via(self, cut: str, x: int, y: int) -> None:
        """Draw a cut with metal below and above it."""
        for layer, half in zip((cut, *CUTS[cut]), _SIZES[cut], strict=True):
            if layer != "li1":
                self.add(layer, around(x, y, half))

    def master(self, name: str) -> db.Cell:
        """The master ``name``, fetched from the library where the layout lacks it."""
        found = self.layout.cell(name)
        if found is None:
            found = self.layout.create_cell(name)
            found.copy_tree(library_master(name)[1])
        return found

    def same(self, instance: db.Instance) -> db.Instance:
        """The copy of an instance of the target."""
        for found in self.top.each_touching_inst(instance.bbox()):
            if found.cell_index == instance.cell_index and found.trans == instance.trans:
                return found
        raise RedTeamError(
            "an instance of the layout is not in its copy",
            file=self.target.path,
            expected="a layout without arrays of cells",
            remedy="flatten the arrays of the top cell",
        )

    def replace(self, instance: db.Instance, master: db.Cell) -> None:
        """Let the copy of ``instance`` be an instance of another master."""
        self.same(instance).cell_index = master.cell_index()

    def own_master(self, instance: db.Instance) -> db.Cell:
        """A copy of the instance's master that only this instance uses."""
        source = instance.cell
        made = self.layout.create_cell(f"{source.name}_{self.layout.cells()}")
        made.copy_tree(self.layout.cell(source.cell_index()))
        self.replace(instance, made)
        return made

    def write(self, out: Path) -> None:
        """Write GDS in one step; the same edit gives the same bytes."""
        for cell in self.layout.top_cells():
            if cell.cell_index() != self.top.cell_index():  # a master whose last instance has another now
                cell.delete()
        options = db.SaveLayoutOptions()
        options.format = "GDS2"
        options.gds2_write_timestamps = False
        try:
            with tempfile.TemporaryDirectory(prefix=".plant-", dir=out.parent) as name:
                made = Path(name, out.name)
                self.layout.write(str(made), options)
                os.replace(made, out)
        except (OSError, RuntimeError) as error:
            raise RedTeamError(
                f"the layout cannot be written: {error}",
                file=out,
                expected="a directory that can be written to",
                remedy="choose another file",
            ) from error


def around(x: int, y: int, half: tuple[int, int]) -> db.Box:
    """A box by its centre and half sizes."""
    return db.Box(x - half[0], y - half[1], x + half[0], y + half[1])


def pad_sizes(cut: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Half sizes of the metal below and above a cut."""
    return _SIZES[cut][1], _SIZES[cut][2]


def hull(boxes: Iterable[db.Box]) -> db.Box:
    """The box around all boxes."""
    found = db.Box()
    for box in boxes:
        found += box
    return found


def neighbours(layer: str) -> list[str]:
    """The cut layers directly below and above a metal."""
    at = STACK.index(layer)
    return [STACK[cut] for cut in (at - 1, at + 1) if 0 <= cut < len(STACK)]
