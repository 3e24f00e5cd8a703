"""Plants inside cells: transistors made wider, implants changed; no wire looks different."""

from __future__ import annotations

import random

from klayout import db

from sandgrain.redteam._layout import Target, cell_name
from sandgrain.redteam._layout_edit import Edit

_WIDER = (50, 70, 90, 110)
_IMPLANT_MARGIN = 125


def widen_in_own_master(target: Target, rng: random.Random) -> Edit | None:
    """One instance gets a master of its own in which a transistor is wider: diffusion and contacts stretched."""
    instance = target.any_cell(rng)
    strip = widened_strip(target, instance.cell, rng)
    if strip is None:
        return None
    edit = Edit(target, "own master")
    made = edit.own_master(instance)
    made.shapes(target.index["diff"]).insert(strip)
    edit.touch("diff", instance.trans * strip)
    stretched = _stretched_contact(target, instance.cell, strip)
    if stretched is not None:
        contact, larger = stretched
        shapes = made.shapes(target.index["licon"])
        for shape in [shape for shape in shapes.each() if shape.bbox() == contact]:
            shapes.erase(shape)
        shapes.insert(larger)
        edit.touch("licon", instance.trans * larger)
    return _told(edit, instance, "a transistor is wider")


def widen_from_top(target: Target, rng: random.Random) -> Edit | None:
    """The piece of diffusion that makes a transistor wider lies in the top cell, over an instance left as it is."""
    instance = target.any_cell(rng)
    strip = widened_strip(target, instance.cell, rng)
    if strip is None:
        return None
    edit = Edit(target, "over the instance")
    edit.add("diff", instance.trans * strip)
    return _told(edit, instance, "diffusion drawn over it makes a transistor wider")


def swap_implant(target: Target, rng: random.Random) -> Edit | None:
    """Over one gate, the implant of the other kind takes the place of the right one."""
    found = _gate_under(target, rng, ("nsdm", "psdm"))
    if found is None:
        return None
    instance, layer, box = found
    other = "psdm" if layer == "nsdm" else "nsdm"
    edit = Edit(target, "swapped")
    made = edit.own_master(instance)
    _take(target, made, layer, box)
    made.shapes(target.index[other]).insert(box)
    for name in (layer, other):
        edit.touch(name, instance.trans * box)
    return _told(edit, instance, f"{other} instead of {layer} over a gate")


def remove_implant(target: Target, rng: random.Random) -> Edit | None:
    """A piece of the implant over one gate is gone."""
    found = _gate_under(target, rng, ("nsdm", "psdm"))
    if found is None:
        return None
    instance, layer, box = found
    edit = Edit(target, "removed")
    _take(target, edit.own_master(instance), layer, box)
    edit.touch(layer, instance.trans * box)
    return _told(edit, instance, f"no {layer} over a gate")


def change_threshold(target: Target, rng: random.Random) -> Edit | None:
    """A threshold implant over one gate: taken away where there is one, else low threshold drawn in the top cell."""
    found = _gate_under(target, rng, ("hvtp", "nsdm"))
    if found is None:
        return None
    instance, layer, box = found
    edit = Edit(target, "threshold")
    if layer == "hvtp":
        _take(target, edit.own_master(instance), layer, box)
        edit.touch(layer, instance.trans * box)
        return _told(edit, instance, "no hvtp over a gate")
    edit.add("lvtn", instance.trans * box)
    return _told(edit, instance, "lvtn drawn over a gate")


def widened_strip(target: Target, cell: db.Cell, rng: random.Random) -> db.Box | None:
    """A strip that, added to the diffusion of a master, makes a transistor of it wider and does nothing else."""
    diff, poly = _region(target, cell, "diff"), _region(target, cell, "poly")
    gates = [gate.bbox() for gate in (diff & poly).each()]
    if not gates:
        return None
    gate, more, up = rng.choice(gates), rng.choice(_WIDER), rng.random() < 0.5
    own = diff.interacting(db.Region(gate))
    y = gate.top if up else gate.bottom
    for edge in own.edges().each():
        if edge.dy() == 0 and edge.p1.y == y and edge.bbox().left < gate.left and gate.right < edge.bbox().right:
            box = edge.bbox()
            strip = db.Box(box.left, y, box.right, y + more) if up else db.Box(box.left, y - more, box.right, y)
            return strip if _only_widens(target, cell, diff, poly, own, strip) else None
    return None


def _only_widens(
    target: Target, cell: db.Cell, diff: db.Region, poly: db.Region, own: db.Region, strip: db.Box
) -> bool:
    wide = diff + db.Region(strip)
    before, after = (diff & poly), (wide.merged() & poly)
    if before.count() != after.count() or after.area() <= before.area():
        return False
    clear = db.Region(strip.enlarged(130, 130))
    taps = _region(target, cell, "tap")
    if not ((diff - own) & clear).is_empty() or not (taps & clear).is_empty():
        return False
    implants = [_region(target, cell, name) for name in ("nsdm", "psdm")]
    return any((db.Region(strip) - implant).is_empty() for implant in implants)


def _stretched_contact(target: Target, cell: db.Cell, strip: db.Box) -> tuple[db.Box, db.Box] | None:
    """The contact nearest to the strip and its stretched form, where li1 covers that."""
    li1 = _region(target, cell, "li1")
    near = []
    for shape in cell.shapes(target.index["licon"]).each():
        box = shape.bbox()
        if strip.left <= box.left and box.right <= strip.right:
            gap = max(strip.bottom - box.top, box.bottom - strip.top)
            near.append((gap, box))
    for _, box in sorted(near, key=lambda item: (item[0], item[1].left, item[1].bottom)):
        above = strip.bottom >= box.top
        larger = db.Box(box.left, box.bottom, box.right, box.top + strip.height()) if above else db.Box(
            box.left, box.bottom - strip.height(), box.right, box.top
        )  # fmt: skip
        if (db.Region(larger) - li1).is_empty():
            return box, larger
    return None


def _gate_under(target: Target, rng: random.Random, layers: tuple[str, ...]) -> tuple[db.Instance, str, db.Box] | None:
    """An instance, a layer that covers one of its gates, and the box over that gate on that layer."""
    instance = target.any_cell(rng)
    cell = instance.cell
    diff, poly = _region(target, cell, "diff"), _region(target, cell, "poly")
    gates = [gate.bbox() for gate in (diff & poly).each()]
    if not gates:
        return None
    gate = rng.choice(gates)
    for layer in layers:
        region = _region(target, cell, layer)
        if (db.Region(gate) - region).is_empty():
            grown = (db.Region(gate.enlarged(_IMPLANT_MARGIN, 0)) & region).bbox()
            return instance, layer, grown
    return None


def _take(target: Target, cell: db.Cell, layer: str, box: db.Box) -> None:
    shapes = cell.shapes(target.index[layer])
    rest = _region(target, cell, layer) - db.Region(box)
    for shape in [shape for shape in shapes.each() if not shape.is_text()]:
        shapes.erase(shape)
    shapes.insert(rest)


def _region(target: Target, cell: db.Cell, layer: str) -> db.Region:
    return db.Region(cell.begin_shapes_rec(target.index[layer])).merged()


def _told(edit: Edit, instance: db.Instance, what: str) -> Edit:
    edit.cells = [cell_name(instance.cell.name, instance.trans)]
    edit.what = f"{edit.cells[0]}: {what}"
    return edit
