"""Plants in whole cells: swapped, filler turned into a gate, masters that are not what their name says."""

from __future__ import annotations

import random
import re

from klayout import db

from sandgrain.redteam._layout import (
    LIBRARY,
    SUPPLIES,
    Target,
    Terminal,
    cell_name,
    cells_by_width,
    library_master,
    outline,
    shuffled,
)
from sandgrain.redteam._layout_devices import widened_strip
from sandgrain.redteam._layout_edit import Edit
from sandgrain.redteam._layout_wires import link_pin

_NO_LOGIC = ("fill", "decap", "tap", "diode", "lpflow", "probe", "macro", "conb")
_SAME_FUNCTION = {"clkbuf": "buf", "clkinv": "inv", "bufbuf": "buf", "bufinv": "inv", "clkinvlp": "inv"}
_FILL = re.compile(r"__(?:fill|decap)_\d+$")


def function_of(master: str) -> str:
    """A word that cells of one function share: the name without library and strength, delays and buffers as one."""
    base = master.split("__", 1)[-1].rpartition("_")[0]
    if base.startswith(("dly", "clkdly")):
        return "buf"
    return _SAME_FUNCTION.get(base, base)


def is_logic(target: Target, cell: db.Cell) -> bool:
    """Whether a master has signal pins and is no tie, tap, fill or diode."""
    base = cell.name.split("__", 1)[-1]
    return bool(set(target.pin_points(cell.name)) - SUPPLIES) and not base.startswith(_NO_LOGIC)


def swap_cell(target: Target, rng: random.Random) -> Edit | None:
    """Replace a cell by another of the same footprint that does something else; the same pins where there is one."""
    instance = target.any_cell(rng)
    cell = instance.cell
    box = outline(target.layout, cell)
    if box is None or not is_logic(target, cell):
        return None
    pins = set(target.pin_points(cell.name))
    others = [
        n for n in cells_by_width().get(box.width(), ()) if _usable(n) and function_of(n) != function_of(cell.name)
    ]
    alike = [name for name in others if _pins_of(name) == pins]
    if not others:
        return None
    chosen = rng.choice(alike or others)
    edit = Edit(target, "same pins" if alike else "other pins")
    edit.replace(instance, edit.master(chosen))
    edit.touch("cell", instance.trans * box)
    edit.cells = [cell_name(cell.name, instance.trans), chosen]
    edit.what = f"{edit.cells[0]} is now a {chosen}"
    return edit


def filler_to_gate(target: Target, rng: random.Random) -> Edit | None:
    """Replace fill or decoupling by a gate that nothing is connected to."""
    found = _gate_in_filler(target, rng)
    return None if found is None else found[0]


def filler_to_connected_gate(target: Target, rng: random.Random) -> Edit | None:
    """Replace fill or decoupling by a gate, and lead a net to one of its pins."""
    found = _gate_in_filler(target, rng)
    if found is None:
        return None
    edit, instance, gate = found
    layout, cell = library_master(gate)
    turn = instance.trans
    for pin in shuffled(sorted(_pins_of(gate) - SUPPLIES), rng):
        points = tuple(
            ("li1", turn * db.Point(shape.text.x, shape.text.y))
            for shape in cell.shapes(layout.layer(67, 5)).each(db.Shapes.STexts)
            if shape.text.string == pin
        )
        what = edit.what
        linked = link_pin(target, rng, None, Terminal(cell_name(gate, turn), pin, points), edit)
        if linked is not None:
            linked.variant = "connected"
            linked.what = f"{what}; {linked.what}"
            return linked
    return None


def _gate_in_filler(target: Target, rng: random.Random) -> tuple[Edit, db.Instance, str] | None:
    instance = rng.choice(target.placed)
    box = outline(target.layout, instance.cell)
    if box is None or not _FILL.search(instance.cell.name):
        return None
    gates = [name for name in cells_by_width().get(box.width(), ()) if _usable(name)]
    if not gates:
        return None
    gate = rng.choice(gates)
    edit = Edit(target, "unconnected")
    edit.replace(instance, edit.master(gate))
    edit.touch("cell", instance.trans * box)
    edit.cells = [cell_name(instance.cell.name, instance.trans), gate]
    edit.what = f"{edit.cells[0]} is now a {gate}"
    return edit, instance, gate


def alter_master(target: Target, rng: random.Random) -> Edit | None:
    """Widen a transistor in a master itself: every instance of it changes, no name does."""
    cell = target.any_cell(rng).cell
    strip = widened_strip(target, cell, rng) if is_logic(target, cell) else None
    if strip is None:
        return None
    edit = Edit(target, "altered in place")
    edit.layout.cell(cell.cell_index()).shapes(target.index["diff"]).insert(strip)
    for instance in target.placed:
        if instance.cell_index == cell.cell_index():
            edit.touch("diff", instance.trans * strip)
    edit.cells = [cell.name]
    edit.what = f"a transistor of {cell.name} is wider in all {len(edit.touched)} places, under the old name"
    return edit


def exchange_names(target: Target, rng: random.Random) -> Edit | None:
    """Exchange the names of two masters of one footprint: no polygon changes, what each is called does."""
    one = target.any_cell(rng).cell
    box = outline(target.layout, one)
    if box is None or not is_logic(target, one):
        return None
    others = sorted(
        {
            instance.cell.name
            for instance in target.placed
            if outline(target.layout, instance.cell) == box
            and is_logic(target, instance.cell)
            and function_of(instance.cell.name) != function_of(one.name)
        }
    )
    if not others:
        return None
    other = target.layout.cell(rng.choice(others))
    edit = Edit(target, "names exchanged")
    edit.layout.rename_cell(one.cell_index(), other.name)
    edit.layout.rename_cell(other.cell_index(), one.name)
    for instance in target.placed:
        if instance.cell_index in (one.cell_index(), other.cell_index()):
            edit.touch("cell", instance.trans * box)
    edit.cells = [one.name, other.name]
    edit.what = f"the masters {one.name} and {other.name} have each other's name"
    return edit


def _usable(name: str) -> bool:
    return name.startswith(LIBRARY) and not name.split("__", 1)[-1].startswith(_NO_LOGIC)


def _pins_of(name: str) -> set[str]:
    layout, cell = library_master(name)
    found: set[str] = set()
    for layer in ((67, 5), (68, 5)):
        index = layout.find_layer(*layer)
        if index is not None:
            found |= {shape.text.string for shape in cell.shapes(index).each(db.Shapes.STexts)}
    return found
