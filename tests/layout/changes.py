"""Modifications of a drawing, each with what it is and where: for tests and for measuring what is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from klayout import db

MET = {"li1": (67, 20), "met1": (68, 20), "met2": (69, 20), "met3": (70, 20), "met4": (71, 20)}
CUTS = {"mcon": (67, 44), "via": (68, 44), "via2": (69, 44), "via3": (70, 44)}
ORDER = ["li1", "met1", "met2", "met3", "met4"]


@dataclass(frozen=True)
class Change:
    """What was done: the kind a person would call it, and where (database units)."""

    kind: str
    box: db.Box
    note: str = ""


Maker = Callable[[db.Layout, db.Cell, random.Random], Change]


def _layer(layout: db.Layout, name: str) -> int:
    return layout.layer(*{**MET, **CUTS}[name])


def _flat(layout: db.Layout, top: db.Cell, name: str) -> db.Region:
    return db.Region(top.begin_shapes_rec(_layer(layout, name))).merged()


def _is_filler(name: str) -> bool:
    return any(part in name for part in ("decap", "fill_", "tap"))


def _instances(top: db.Cell, filler: bool) -> list[db.Instance]:
    return [one for one in top.each_inst() if _is_filler(one.cell.name) == filler and not one.is_regular_array()]


def _variant(layout: db.Layout, top: db.Cell, instance: db.Instance, rng: random.Random) -> db.Cell:
    """Give one placement a cell of its own, a copy of what it had."""
    copy = instance.cell.dup()
    layout.rename_cell(copy.cell_index(), f"{instance.cell.name}_v{rng.randrange(10**6)}")
    instance.cell_index = copy.cell_index()
    return copy


def cell_swapped(layout: db.Layout, top: db.Cell, rng: random.Random, library: object = None) -> Change:
    """A gate replaced by another of the design's cells of the same width."""
    gates = _instances(top, filler=False)
    rng.shuffle(gates)
    kinds = {one.cell_index: one.cell for one in gates}
    for one in gates:
        same = [
            cell for cell in kinds.values() if cell.cell_index() != one.cell_index and cell.bbox() == one.cell.bbox()
        ]
        if same:
            other = rng.choice(sorted(same, key=lambda cell: cell.name))
            note = f"{one.cell.name} -> {other.name}"
            one.cell_index = other.cell_index()
            return Change("cell-swapped", db.Box(0, 0, other.bbox().width() - 380, 2720).transformed(one.trans), note)
    raise LookupError


def filler_to_gate(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    fillers = _instances(top, filler=True)
    rng.shuffle(fillers)
    gates = {one.cell_index: one.cell for one in _instances(top, filler=False)}
    for one in fillers:
        same = [cell for cell in gates.values() if cell.bbox() == one.cell.bbox()]
        if same:
            other = rng.choice(sorted(same, key=lambda cell: cell.name))
            note = f"{one.cell.name} -> {other.name}"
            one.cell_index = other.cell_index()
            return Change(
                "filler-turned-into-gate", db.Box(0, 0, other.bbox().width() - 380, 2720).transformed(one.trans), note
            )
    raise LookupError


def wire_cut(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A gap in a routed wire, between two of its vias."""
    for _ in range(500):
        name = rng.choice(["met1", "met2", "met3", "met4"])
        index = _layer(layout, name)
        wires = [
            shape
            for shape in top.shapes(index).each()
            if not shape.is_text()
            and max(shape.bbox().width(), shape.bbox().height()) > 2_000
            and min(shape.bbox().width(), shape.bbox().height()) < 400
        ]
        if not wires:
            continue
        shape = rng.choice(wires)
        box = shape.bbox()
        if shape.is_path() and shape.path.num_points() > 2:
            continue
        wide = box.width() > box.height()
        at = rng.randrange(500, (box.width() if wide else box.height()) - 700)
        gap = (
            db.Box(box.left + at, box.bottom, box.left + at + 200, box.top)
            if wide
            else db.Box(box.left, box.bottom + at, box.right, box.bottom + at + 200)
        )
        # Not where something else holds the net together or ends in the gap.
        others = db.Region()
        for other in top.shapes(index).each_touching(gap.enlarged(50)):
            if not other.is_text():
                others.insert(other.bbox())
        if others.count() != 1:
            continue
        cuts = [cut for cut in CUTS for _ in top.shapes(_layer(layout, cut)).each_touching(gap.enlarged(100))]
        if cuts:
            continue
        rest = db.Region(shape.polygon) - db.Region(gap)
        shape.delete()
        top.shapes(index).insert(rest)
        return Change("open", gap, name)
    raise LookupError


def bridge(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A piece of metal between two neighbouring wires of one layer."""
    for _ in range(2_000):
        name = rng.choice(["met1", "met2", "met3"])
        index = _layer(layout, name)
        shapes = [shape for shape in top.shapes(index).each() if not shape.is_text() and shape.bbox().height() < 5_000]
        box = rng.choice(shapes).bbox()
        near = [
            other.bbox()
            for other in top.shapes(index).each_touching(box.enlarged(600))
            if not other.is_text() and not other.bbox().touches(box)
        ]
        for other in near:
            left, right = max(box.left, other.left), min(box.right, other.right)
            if right - left < 140:
                continue
            low, high = min(box.top, other.top), max(box.bottom, other.bottom)
            if high <= low:
                continue
            piece = db.Box(left, low - 20, left + 140, high + 20)
            whole = _flat(layout, top, name)
            met = whole.interacting(db.Region(piece))
            if met.count() != 2:
                continue
            top.shapes(index).insert(piece)
            return Change("short", piece, name)
    raise LookupError


def via_removed(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    for _ in range(200):
        name = rng.choice(list(CUTS))
        shapes = list(top.shapes(_layer(layout, name)).each())
        if not shapes:
            continue
        shape = rng.choice(shapes)
        box = shape.bbox()
        near = list(top.shapes(_layer(layout, name)).each_touching(box.enlarged(600)))
        if len(near) != 1:
            continue
        shape.delete()
        return Change("via-removed", box, name)
    raise LookupError


def via_added(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A cut where two wires of different nets cross."""
    for _ in range(200):
        number = rng.randrange(1, 4)
        lower, upper = ORDER[number], ORDER[number + 1]
        cut = ["via", "via2", "via3"][number - 1]
        one, two = _layer(layout, lower), _layer(layout, upper)
        wires = [shape.bbox() for shape in top.shapes(two).each() if not shape.is_text()]
        if not wires:
            continue
        box = rng.choice(wires)
        crossing = [
            other.bbox() & box
            for other in top.shapes(one).each_touching(box)
            if not other.is_text() and (other.bbox() & box).width() >= 150 and (other.bbox() & box).height() >= 150
        ]
        rng.shuffle(crossing)
        for here in crossing:
            if any(True for _ in top.shapes(_layer(layout, cut)).each_touching(here.enlarged(300))):
                continue
            at = here.center()
            piece = db.Box(at.x - 75, at.y - 75, at.x + 75, at.y + 75)
            top.shapes(_layer(layout, cut)).insert(piece)
            return Change("via-added", piece, cut)
    raise LookupError


def transistor_widened(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """The diffusion of one transistor of one placement made taller where there is room."""
    every = [one for one in top.each_inst() if not one.is_regular_array()]
    for _ in range(500):
        instance = rng.choice(every)
        cell = instance.cell
        diff, poly = layout.layer(65, 20), layout.layer(66, 20)
        gates = db.Region(cell.begin_shapes_rec(diff)) & db.Region(cell.begin_shapes_rec(poly))
        if gates.is_empty():
            continue
        gate = rng.choice(list(gates.merged().each())).bbox()
        piece = db.Box(gate.left - 50, gate.top, gate.right + 50, gate.top + 60)
        if not (db.Region(piece) & db.Region(cell.begin_shapes_rec(diff))).is_empty():
            continue
        copy = _variant(layout, top, instance, rng)
        copy.shapes(diff).insert(piece)
        return Change("transistor-altered", piece.transformed(instance.trans), cell.name)
    raise LookupError


def implant_changed(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """An implant of one placement with a piece taken out, or spread."""
    every = [one for one in top.each_inst() if not one.is_regular_array()]
    instance = rng.choice(every)
    name, gds = rng.choice([("nsdm", (93, 44)), ("psdm", (94, 20)), ("hvtp", (78, 44))])
    copy = _variant(layout, top, instance, rng)
    index = layout.layer(*gds)
    region = db.Region(copy.shapes(index)).merged()
    box = region.bbox()
    x = rng.randrange(box.left, box.right - 300)
    hole = db.Box(x, box.bottom + 100, x + 300, box.bottom + 400)
    if (db.Region(hole) & region).is_empty():
        raise LookupError
    copy.shapes(index).clear()
    copy.shapes(index).insert(region - db.Region(hole))
    return Change("implant-altered", (region & db.Region(hole)).bbox().transformed(instance.trans), name)


def text_hides(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A logo of metal with a floating polygon beneath it."""
    box = top.bbox()
    for _ in range(500):
        x, y = rng.randrange(10_000, box.right - 10_000), rng.randrange(10_000, box.top - 10_000)
        area = db.Box(x, y, x + 3_000, y + 1_600)
        if any(
            not other.is_text()
            for name in ("met3", "met4")
            for other in top.shapes(_layer(layout, name)).each_touching(area)
        ):
            continue
        for left in range(0, 3_000, 1_000):
            top.shapes(_layer(layout, "met4")).insert(db.Box(x + left, y, x + left + 600, y + 1_600))
        piece = db.Box(x + 200, y + 300, x + 2_400, y + 700)
        top.shapes(_layer(layout, "met3")).insert(piece)
        return Change("hidden-shape", piece, "met3")
    raise LookupError


def extra_wire(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A stub of met1 and an mcon on the pin of a cell that nothing is wired to."""
    gates = _instances(top, filler=False)
    rng.shuffle(gates)
    li1, met1, mcon = (_layer(layout, name) for name in ("li1", "met1", "mcon"))
    for one in gates:
        for shape in one.cell.shapes(layout.layer(67, 5)).each():
            if not shape.is_text() or shape.text.string in ("VPWR", "VGND"):
                continue
            at = one.trans * db.Point(shape.text.x, shape.text.y)
            pin = (
                db.Region(top.begin_shapes_rec_touching(li1, db.Box(at.x - 1, at.y - 1, at.x + 1, at.y + 1)))
            ).merged()
            near = pin.bbox().enlarged(10)
            if any(
                True for cut in top.shapes(mcon).each_touching(near) if pin.interacting(db.Region(cut.bbox())).count()
            ):
                continue
            cut = db.Box(at.x - 85, at.y - 85, at.x + 85, at.y + 85)
            wire = db.Box(at.x - 145, at.y - 115, at.x + 145, at.y + 200)
            if (db.Region(cut) - pin).is_empty() is False:
                continue
            if db.Region(top.begin_shapes_rec_touching(met1, wire)).interacting(db.Region(wire)).count():
                continue
            top.shapes(mcon).insert(cut)
            top.shapes(met1).insert(wire)
            return Change("extra-wire", wire, f"{one.cell.name} {shape.text.string}")
    raise LookupError


def via_lonely(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A cut beside or above a wire, where nothing is to be joined."""
    name = rng.choice(["via", "via2", "via3"])
    lower = ORDER[["via", "via2", "via3"].index(name) + 1]
    wires = [shape.bbox() for shape in top.shapes(_layer(layout, lower)).each() if not shape.is_text()]
    box = rng.choice(wires)
    piece = db.Box(box.center().x - 75, box.center().y - 75, box.center().x + 75, box.center().y + 75)
    if not db.Region(piece).interacting(db.Region(top.shapes(_layer(layout, name)))).is_empty():
        raise LookupError
    top.shapes(_layer(layout, name)).insert(piece)
    return Change("via-added", piece, name)


def via_any_removed(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """Any cut of the chip, one of many or the only one."""
    cuts = [(name, shape) for name in CUTS for shape in top.shapes(_layer(layout, name)).each()]
    name, shape = rng.choice(cuts)
    box = shape.bbox()
    shape.delete()
    return Change("via-removed", box, name)


def stroke_on_cell(layout: db.Layout, top: db.Cell, rng: random.Random) -> Change:
    """A transistor widened from above: diffusion drawn on the chip, not in the cell."""
    every = [one for one in top.each_inst() if not one.is_regular_array()]
    diff, poly = layout.layer(65, 20), layout.layer(66, 20)
    for _ in range(500):
        instance = rng.choice(every)
        cell = instance.cell
        gates = db.Region(cell.begin_shapes_rec(diff)) & db.Region(cell.begin_shapes_rec(poly))
        if gates.is_empty():
            continue
        gate = rng.choice(list(gates.merged().each())).bbox()
        piece = db.Box(gate.left - 50, gate.top, gate.right + 50, gate.top + 60)
        if (db.Region(piece) & db.Region(cell.begin_shapes_rec(diff))).is_empty():
            placed = piece.transformed(instance.trans)
            top.shapes(diff).insert(placed)
            return Change("transistor-altered", placed, cell.name)
    raise LookupError


MAKERS: dict[str, Maker] = {
    "cell-swapped": cell_swapped,
    "filler-turned-into-gate": filler_to_gate,
    "open": wire_cut,
    "short": bridge,
    "via-removed": via_removed,
    "via-added": via_added,
    "transistor-altered": transistor_widened,
    "implant-altered": implant_changed,
    "hidden-shape": text_hides,
    "extra-wire": extra_wire,
}
"""One maker of each kind."""

MORE: dict[str, Maker] = {
    "via-lonely": via_lonely,
    "via-any-removed": via_any_removed,
    "stroke-on-cell": stroke_on_cell,
}
"""Other ways to make some kinds."""
