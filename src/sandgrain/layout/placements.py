"""What a drawing is made of: library cells at places, recognised by their geometry, and everything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from klayout import db

from sandgrain.errors import LimitExceeded
from sandgrain.layout.cell import CellModel, digest_of, model_of, regions_of
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.library import Library
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import Process
from sandgrain.layout.read import Drawing

_LARGEST_CELL_UM = 400.0


@dataclass(frozen=True)
class Master:
    """A cell of the drawing that was recognised, or that should have been.

    Attributes:
        drawn_as: its name on the drawing; a hint and nothing more.
        model: the library's cell it equals, or comes closest to; of the drawing itself for a foreign cell.
        shift: move from the library's coordinates to the drawing's.
        regions: its geometry as drawn.
        exact: whether it equals ``model`` polygon by polygon.
        foreign: whether no library cell was compared; its transistors then have to explain it.
        labels: labels as drawn: conductor, text, place.
    """

    drawn_as: str
    model: CellModel
    shift: tuple[int, int]
    regions: dict[str, db.Region]
    exact: bool
    foreign: bool = False
    labels: list[tuple[str, str, db.Point]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Placement:
    """A cell at a place: ``trans`` takes the library's coordinates to those of the chip."""

    master: Master
    trans: db.Trans

    @property
    def box(self) -> db.Box:
        """The footprint on the chip."""
        return db.Box(*self.master.model.footprint).transformed(self.trans)


@dataclass
class Placed:
    """A drawing taken apart.

    Attributes:
        drawing: what was read.
        top: the cell that is the chip.
        masters: recognised cells by the index of the drawing's cell.
        placements: cells at places, in the order of the drawing.
        others: index of each cell that is no master, and where it lies; the top first.
        unlisted: layers of the drawing the process does not list, with the number of shapes.
    """

    drawing: Drawing
    top: db.Cell
    masters: dict[int, Master]
    placements: list[Placement]
    others: list[tuple[int, db.Trans]]
    unlisted: dict[tuple[int, int], int]


def take_apart(
    drawing: Drawing,
    top: db.Cell,
    library: Library,
    limits: LayoutLimits | None = None,
    opaque: frozenset[str] = frozenset(),
) -> Placed:
    """Recognise the cells of a drawing.

    Args:
        drawing: what was read.
        top: the cell that is the chip.
        library: the trusted cells.
        limits: bounds on the number of placements.
        opaque: types of the netlist that the library lacks; a cell called so is looked at as a whole.

    Raises:
        LayoutError: a placement is scaled or turned by an odd angle, or no cell of the library is placed at all.
        LimitExceeded: there are too many placements.
    """
    limits = limits or LayoutLimits()
    process = library.process
    layout = drawing.layout
    finder = _Finder(layout, library, opaque)
    placed = Placed(drawing, top, {}, [], [], _unlisted(layout, top, process))
    waiting = [(top.cell_index(), db.Trans())]
    while waiting:
        index, trans = waiting.pop()
        placed.others.append((index, trans))
        for instance in layout.cell(index).each_inst():
            if instance.is_complex():
                raise LayoutError(
                    f"the cell {layout.cell(index).name!r} places {instance.cell.name!r} scaled or turned oddly",
                    file=drawing.file,
                    expected="placements turned by quarters and unscaled",
                    remedy="write the drawing anew with such cells resolved",
                )
            master = finder.master(instance.cell_index)
            for at in _each(instance):
                here = trans * at
                if master is None:
                    waiting.append((instance.cell_index, here))
                else:
                    placed.masters[instance.cell_index] = master
                    placed.placements.append(Placement(master, here * db.Trans(*master.shift)))
                if len(placed.placements) + len(placed.others) + len(waiting) > limits.instances:
                    raise LimitExceeded(
                        "too many placements",
                        file=drawing.file,
                        expected=f"at most {limits.instances:,} (LayoutLimits.instances)",
                        remedy="raise the limit",
                    )
    if not placed.placements:
        raise LayoutError(
            f"the cell {top.name!r} places no cell with transistors",
            file=drawing.file,
            expected="standard cells as cells of their own, not resolved into polygons",
            remedy="hand over the drawing with its hierarchy",
        )
    return placed


def _each(instance: db.Instance) -> Iterator[db.Trans]:
    if not instance.is_regular_array():
        yield instance.trans
        return
    for i in range(instance.na):
        for j in range(instance.nb):
            yield db.Trans(instance.a * i + instance.b * j) * instance.trans


def _unlisted(layout: db.Layout, top: db.Cell, process: Process) -> dict[tuple[int, int], int]:
    called = {top.cell_index(), *top.called_cells()}
    out = {}
    for index in layout.layer_indexes():
        info = layout.get_info(index)
        if (info.layer, info.datatype) not in process.by_gds:
            count = sum(layout.cell(cell).shapes(index).size() for cell in called)
            if count:
                out[(info.layer, info.datatype)] = count
    return out


class _Finder:
    """Masters of a drawing's cells, each looked at once."""

    def __init__(self, layout: db.Layout, library: Library, opaque: frozenset[str]) -> None:
        self.layout = layout
        self.opaque = opaque
        self.library = library
        self.process = library.process
        self.known: dict[int, Master | None] = {}

    def master(self, index: int) -> Master | None:
        """The library cell a drawn cell is, or None if it is a part of the chip to be descended into."""
        if index not in self.known:
            self.known[index] = self._recognise(index)
        return self.known[index]

    def _recognise(self, index: int) -> Master | None:
        cell = self.layout.cell(index)
        if cell.name in self.opaque and cell.name not in self.process.library.variants:
            own = model_of(self.layout, cell, self.process)
            return Master(cell.name, own, (0, 0), dict(own.regions), exact=False, foreign=True)
        if not self._could_be(cell):
            return None
        regions = regions_of(self.layout, cell, self.process)
        digest, corner = digest_of(regions)
        model = self.library.find(digest, cell.name)
        if model is not None:
            shift = (corner[0] - model.corner[0], corner[1] - model.corner[1])
            return Master(cell.name, model, shift, regions, exact=True)
        if cell.child_instances():
            # It holds cells of its own: they are looked at one by one, and what it adds to them counts as wiring.
            return None
        if cell.name not in self.process.library.variants:
            for model in self._variants().values():
                if model.digest == digest:
                    return Master(cell.name, model, (0, 0), regions, exact=True)
        nearest = self._nearest(cell, regions)
        if nearest is not None:
            return Master(cell.name, nearest, (0, 0), regions, exact=False)
        own = model_of(self.layout, cell, self.process)
        return Master(cell.name, own, (0, 0), regions, exact=False, foreign=True)

    def _could_be(self, cell: db.Cell) -> bool:
        """Whether a cell has transistors or wells, and the size of a cell."""
        box = cell.bbox()
        if max(box.width(), box.height()) * self.layout.dbu > _LARGEST_CELL_UM:
            return False
        for layer in self.process.using("device"):
            index = self.layout.find_layer(*layer.gds)
            if index is not None and not cell.bbox(index).empty():
                return True
        return False

    def _nearest(self, cell: db.Cell, regions: dict[str, db.Region]) -> CellModel | None:
        """The library cell that an altered one was: the one it is called as, or of its footprint and least changed."""
        if cell.name in self.library.process.library.variants:
            return None
        if cell.name in self.library:
            return self.library.model(cell.name)
        best: tuple[float, str] | None = None
        foreign = self._variants()
        box = cell.bbox(self.layout.layer(*self.process.layers[self.process.library.boundary].gds))
        for name in self.library.names:
            layout, other = self.library.cell(name)
            if other.bbox(layout.layer(*self.process.layers[self.process.library.boundary].gds)) != box:
                continue
            measure = (_changed(regions, self.library.model(name)), name)
            if best is None or measure < best:
                best = measure
        for name, model in foreign.items():
            measure = (_changed(regions, model), name)
            if best is None or measure < best:
                best = measure
        if best is None or best[0] > 0.35 * len(regions):
            return None
        return foreign[best[1]] if best[1] in foreign else self.library.model(best[1])

    def _variants(self) -> dict[str, CellModel]:
        """Cells of the drawing that the library lacks and the process explains by their transistors."""
        out = {}
        for name in self.process.library.variants:
            if self.layout.has_cell(name):
                master = self.master(self.layout.cell(name).cell_index())
                if master is not None and master.foreign:
                    out[name] = master.model
        return out


def _changed(regions: dict[str, db.Region], model: CellModel) -> float:
    """How much differs, weighed by layer: one narrow channel must count beside a broad well."""
    changed = 0.0
    for layer in {*regions, *model.regions}:
        one, two = regions.get(layer, db.Region()), model.regions.get(layer, db.Region())
        changed += (one ^ two).area() / max(1.0, one.area() + two.area())
    return changed
