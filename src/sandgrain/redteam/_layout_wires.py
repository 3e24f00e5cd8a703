"""Plants in wires and vias: cut, bridged, removed, added, led to a pin, hidden under a text."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from klayout import db

from sandgrain.redteam._layout import CUTS, LABELS, METALS, Net, Target, Terminal, parts_of
from sandgrain.redteam._layout_edit import Edit, around, neighbours, pad_sizes

Planter = Callable[[Target, random.Random], Edit | None]
"""One try at a random place: the edit, or None where nothing can be planted."""

WIDTH: Final = {"met1": 140, "met2": 140, "met3": 300, "met4": 300, "met5": 1600}
_SPACE: Final = {"li1": 170, "met1": 140, "met2": 140, "met3": 300, "met4": 300, "met5": 1600}
_GAP: Final = {"met1": 300, "met2": 300, "met3": 500, "met4": 500}
_REACH: Final = 1500
_JOINT: Final = 5000
_WORDS: Final = ("REV A", "LOT 7", "QA OK", "MASK 2", "N2", "C 26")


def cut_wire(target: Target, rng: random.Random) -> Edit | None:
    """Take a piece out of a wire, so that pins of its net are separated."""
    layer, box = _random_shape(target, rng, METALS)
    net = target.net_at(layer, box.center())
    if net is None or net.power or len(net.terminals) < 2:
        return None
    across, gap = box.width() >= box.height(), _GAP[layer]
    low, high = (box.left, box.right) if across else (box.bottom, box.top)
    if high - low < gap + 200:
        return None
    at = rng.randrange((low + 100) // 5, (high - 100 - gap) // 5 + 1) * 5
    piece = db.Box(at, box.bottom - 30, at + gap, box.top + 30) if across else db.Box(
        box.left - 30, at, box.right + 30, at + gap
    )  # fmt: skip
    if target.nets_under(layer, db.Region(piece)) != ({net.extracted.cluster_id}, False):
        return None
    if not _only_top(target, layer, piece) or not all(target.free(cut, piece, 60) for cut in neighbours(layer)):
        return None
    shapes = target.shapes_of(net)
    shapes[layer] -= db.Region(piece)
    parts = parts_of(shapes, net.terminals)
    if len(parts) < 2:
        return None
    edit = Edit(target, "cut")
    edit.subtract(layer, piece)
    edit.nets = [net.name]
    edit.cells = _cells_of(net, min(parts, key=len))
    edit.what = f"a piece of {layer} of net {net.name} is gone; its pins fall into {len(parts)} parts"
    return edit


def bridge_wires(target: Target, rng: random.Random) -> Edit | None:
    """Join two wires of different nets on one layer."""
    layer, box = _random_shape(target, rng, METALS)
    net = target.net_at(layer, box.center())
    if net is None or net.power:
        return None
    near = box.enlarged(_REACH, _REACH)
    others = [s.bbox() for s in target.top.shapes(target.index[layer]).each_touching(near)]
    rng.shuffle(others)
    for other in others[:12]:
        link = _between(box, other, WIDTH[layer], rng)
        if link is None:
            continue
        met = target.net_at(layer, other.center())
        if met is None or met is net or met.power:
            continue
        if target.nets_under(layer, db.Region(link)) == ({net.extracted.cluster_id, met.extracted.cluster_id}, False):
            edit = Edit(target, "bridge")
            edit.add(layer, link)
            edit.nets = [net.name, met.name]
            edit.what = f"{layer} joins the nets {net.name} and {met.name}"
            return edit
    return None


def remove_via(target: Target, rng: random.Random) -> Edit | None:
    """Take away a cut that alone holds pins of a net together."""
    cut, box = _random_shape(target, rng, tuple(CUTS))
    net = target.net_at(CUTS[cut][0], box.center())
    if net is None or net.power or len(net.terminals) < 2:
        return None
    shapes = target.shapes_of(net)
    shapes[cut] -= db.Region(box)
    parts = parts_of(shapes, net.terminals)
    if len(parts) < 2 or not _only_top(target, cut, box):
        return None
    edit = Edit(target, "single")
    edit.subtract(cut, box)
    edit.nets = [net.name]
    edit.cells = _cells_of(net, min(parts, key=len))
    edit.what = f"a {cut} of net {net.name} is gone; its pins fall into {len(parts)} parts"
    return edit


def remove_redundant_via(target: Target, rng: random.Random) -> Edit | None:
    """Take away a cut beside which another joins the same two pieces of metal."""
    cut, box = _random_shape(target, rng, tuple(CUTS))
    net = target.net_at(CUTS[cut][0], box.center())
    if net is None:
        return None
    near, others = box.enlarged(2000, 2000), db.Region()
    for shape in target.top.shapes(target.index[cut]).each_touching(near):
        others.insert(shape.bbox())
    others -= db.Region(box)
    for metal in CUTS[cut]:
        here = db.Region(target.top.begin_shapes_rec_touching(target.index[metal], near)).merged()
        others = others.interacting(here.interacting(db.Region(box)))
    if others.is_empty() or not _only_top(target, cut, box):
        return None
    edit = Edit(target, "redundant")
    edit.subtract(cut, box)
    edit.redundant, edit.nets = True, [net.name]
    edit.what = f"a {cut} of net {net.name} is gone; another beside it joins the same metal"
    return edit


def add_via(target: Target, rng: random.Random) -> Edit | None:
    """Join two wires of different nets where they cross on neighbouring layers."""
    cut = rng.choice([cut for cut in CUTS if cut in ("via", "via2", "via3")])
    lower, upper = CUTS[cut]
    layer, box = _random_shape(target, rng, (lower,))
    net = target.net_at(layer, box.center())
    if net is None or net.power:
        return None
    over = [s.bbox() for s in target.top.shapes(target.index[upper]).each_overlapping(box)]
    rng.shuffle(over)
    for other in over[:12]:
        met = target.net_at(upper, other.center())
        if met is None or met is net or met.power:
            continue
        at = (box & other).center()
        below, above = (around(at.x, at.y, half) for half in pad_sizes(cut))
        if (
            target.nets_under(lower, db.Region(below)) == ({net.extracted.cluster_id}, False)
            and target.nets_under(upper, db.Region(above)) == ({met.extracted.cluster_id}, False)
            and all(target.free(near, below + above, 60) for near in {*neighbours(lower), *neighbours(upper)})
        ):
            edit = Edit(target, "crossing")
            edit.via(cut, at.x, at.y)
            edit.nets = [net.name, met.name]
            edit.what = f"a {cut} joins the nets {net.name} ({lower}) and {met.name} ({upper}) where they cross"
            return edit
    return None


def wire_to_unused_pin(target: Target, rng: random.Random) -> Edit | None:
    """Lead a net to a pin of a cell that is not connected."""
    if not target.unused_pins:
        return None
    net, terminal = rng.choice(target.unused_pins)
    return link_pin(target, rng, net, terminal, Edit(target, "unused pin"))


def dangling_stub(target: Target, rng: random.Random) -> Edit | None:
    """Draw a wire that leaves a net and ends nowhere."""
    layer, box = _random_shape(target, rng, METALS)
    net = target.net_at(layer, box.center())
    if net is None or net.power or not net.terminals:
        return None
    half, length = WIDTH[layer] // 2, rng.randrange(120, 400) * 5
    x, y = rng.choice([(box.left, box.center().y), (box.right, box.center().y)]) if rng.random() < 0.5 else rng.choice(
        [(box.center().x, box.bottom), (box.center().x, box.top)]
    )  # fmt: skip
    dx, dy = rng.choice([(1, 0), (-1, 0), (0, 1), (0, -1)])
    stub = db.Box(x, y, x + dx * length, y + dy * length).enlarged(half, half)
    space = _SPACE[layer]
    if not target.top.bbox().contains(stub.p1) or not target.top.bbox().contains(stub.p2):
        return None
    only = ({net.extracted.cluster_id}, False)
    end = db.Point(x + dx * length, y + dy * length)
    if not target.free(layer, db.Box(end, end).enlarged(half, half), 0):
        return None  # it meets its own net again
    fresh = db.Region(stub) - db.Region(target.top.begin_shapes_rec_touching(target.index[layer], stub))
    reach = fresh.bbox()
    if min(reach.width(), reach.height()) < WIDTH[layer]:
        return None  # it runs along its own wire and makes that wider, which leads nowhere but is no wire
    if fresh.area() < WIDTH[layer] * 400 or target.nets_under(layer, db.Region(stub.enlarged(space, space))) != only:
        return None
    edit = Edit(target, "stub")
    edit.add(layer, stub)
    edit.nets = [net.name]
    edit.what = f"a wire of {layer} leaves net {net.name} and ends nowhere"
    return edit


def link_pin(target: Target, rng: random.Random, own: Net | None, terminal: Terminal, edit: Edit) -> Edit | None:
    """Lead some net down to a pin on li1: from a wire of met2 over it, or along met1.

    Args:
        target: the layout.
        rng: chooses.
        own: the net of the pin; None where the pin is new.
        terminal: the pin.
        edit: what to draw in; its layout has the pin.
    """
    spots = [point for layer, point in terminal.points if layer == "li1"]
    if not spots:
        return None
    label = rng.choice(spots)
    layer_index = target.index["li1"]
    metal = db.Region(edit.top.begin_shapes_rec_touching(layer_index, db.Box(label, label).enlarged(20, 20))).merged()
    metal = metal.interacting(db.Region(db.Box(label, label).enlarged(5, 5)))
    places = [part.bbox() for part in metal.sized(-84).decompose_trapezoids_to_region().each()]
    if not places:
        return None
    mine = set() if own is None else {own.extracted.cluster_id}
    for _ in range(12):
        box = rng.choice(places)
        x, y = rng.randint(box.left, box.right) // 5 * 5, rng.randint(box.bottom, box.top) // 5 * 5
        pad = around(x, y, pad_sizes("mcon")[1])
        line = db.Box(x - _JOINT, y, x + _JOINT, y).enlarged(0, 5)
        over = [s.bbox() for s in target.top.shapes(target.index["met2"]).each_touching(line)]
        for wire in sorted(over, key=lambda box: (abs(box.center().x - x), box.bottom))[:6]:
            at = wire.center().x if wire.height() >= wire.width() else x
            joint = db.Box(min(x, at), y, max(x, at), y).enlarged(160, 130)
            top_pad = around(at, y, pad_sizes("via")[1])
            net = target.net_at("met2", wire.center())
            if net is None or net.power or net is own or not wire.contains(db.Point(at, y)):
                continue
            under = target.nets_under("met1", db.Region(joint + pad))
            landed = target.nets_under("met2", db.Region(top_pad))
            if under[0] <= mine and not under[1] and landed == ({net.extracted.cluster_id}, False):
                edit.via("mcon", x, y)
                edit.add("met1", joint)
                edit.via("via", at, y)
                return _linked(edit, net, terminal, "met2")
        dx, dy = rng.choice([(1, 0), (-1, 0), (0, 1), (0, -1)])
        for length in range(300, 3001, 150):
            strip = db.Box(x, y, x + dx * length, y + dy * length).enlarged(70, 70)
            ids, unknown = target.nets_under("met1", db.Region(strip + pad))
            if unknown or len(ids - mine) > 1:
                break
            for found in ids - mine:
                net = target.nets[found]
                if not net.power and net is not own:
                    edit.via("mcon", x, y)
                    edit.add("met1", strip)
                    return _linked(edit, net, terminal, "met1")
            if ids - mine:
                break
    return None


def _linked(edit: Edit, net: Net, terminal: Terminal, layer: str) -> Edit:
    edit.nets = [net.name]
    edit.cells.append(terminal.cell)
    edit.what = f"{layer} of net {net.name} is led to pin {terminal.pin} of {terminal.cell}"
    return edit


def hide_under_text(target: Target, rng: random.Random) -> Edit | None:
    """Write a word in metal, and lay a floating piece of another layer under it."""
    text_layer = rng.choice(["met2", "met3", "met4", "met5"])
    below = ["li1", "met1", "met2", "met3", "met4"]
    hidden_layer = rng.choice(below[: below.index(text_layer)] if text_layer in below else below)
    word = rng.choice(_WORDS)
    scale = 8.0 if text_layer == "met5" else 2.5
    shape = db.TextGenerator.default_generator().text(word, target.layout.dbu, scale)
    die = target.top.bbox()
    size = shape.bbox()
    if die.width() <= size.width() or die.height() <= size.height():
        return None
    x = rng.randrange(die.left, die.right - size.width()) // 5 * 5
    y = rng.randrange(die.bottom, die.top - size.height()) // 5 * 5
    shape.move(x - size.left, y - size.bottom)
    area = shape.bbox()
    width = rng.randrange(60, 160) * 5
    height = WIDTH.get(hidden_layer, 170) + rng.randrange(0, 40) * 5
    if area.width() <= width or area.height() <= height:
        return None
    left = rng.randrange(area.left, area.right - width) // 5 * 5
    bottom = rng.randrange(area.bottom, area.top - height) // 5 * 5
    piece = db.Box(left, bottom, left + width, bottom + height)
    if not target.free(text_layer, area, _SPACE[text_layer]) or not target.free(
        hidden_layer, piece, _SPACE[hidden_layer]
    ):
        return None
    if not all(target.free(cut, area, 60) for cut in neighbours(text_layer)):
        return None
    if not all(target.free(cut, piece, 60) for cut in neighbours(hidden_layer)):
        return None
    edit = Edit(target, f"{text_layer} over {hidden_layer}")
    edit.top.shapes(target.index[text_layer]).insert(shape)
    edit.touch(text_layer, area)
    edit.add(hidden_layer, piece)
    middle = area.center()
    edit.top.shapes(edit.layout.layer(*LABELS[text_layer])).insert(db.Text(word, db.Trans(middle.x, middle.y)))
    edit.what = f"the word {word!r} in {text_layer}, with a floating piece of {hidden_layer} under it"
    return edit


def _random_shape(target: Target, rng: random.Random, layers: tuple[str, ...]) -> tuple[str, db.Box]:
    """A shape of the top cell, every one as likely as any other."""
    index = rng.randrange(max(1, sum(len(target.boxes(layer)) for layer in layers)))
    for layer in layers:
        boxes = target.boxes(layer)
        if index < len(boxes):
            return layer, boxes[index]
        index -= len(boxes)
    return layers[0], db.Box(0, 0, 0, 0)


def _only_top(target: Target, layer: str, box: db.Box) -> bool:
    """Whether no cell has anything of ``layer`` there, so that the top cell's shapes are all there is."""
    inside = target.top.begin_shapes_rec_touching(target.index[layer], box)
    inside.min_depth = 1
    return bool(inside.at_end())


def _between(one: db.Box, other: db.Box, width: int, rng: random.Random) -> db.Box | None:
    """A box of ``width`` that leads from one box to another beside or above it."""
    half = width // 2
    left, right = max(one.left, other.left) + half, min(one.right, other.right) - half
    if right >= left:
        x = rng.randrange(left // 5, right // 5 + 1) * 5
        low, high = sorted((one, other), key=lambda box: int(box.bottom))
        if low.top < high.bottom:
            return db.Box(x - half, low.top - 20, x + half, high.bottom + 20)
    bottom, top = max(one.bottom, other.bottom) + half, min(one.top, other.top) - half
    if top >= bottom:
        y = rng.randrange(bottom // 5, top // 5 + 1) * 5
        low, high = sorted((one, other), key=lambda box: int(box.left))
        if low.right < high.left:
            return db.Box(low.right - 20, y - half, high.left + 20, y + half)
    return None


def _cells_of(net: Net, members: set[int]) -> list[str]:
    return [f"{net.terminals[i].cell}/{net.terminals[i].pin}".lstrip("/") for i in sorted(members)][:8]
