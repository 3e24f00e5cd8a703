"""Where the wires of a cell's pins begin: one contact on li1 per pin, a pad of met1, a via to a vertical track.

Chosen once per master, so that every legal placement is free of conflicts: the pads keep the space of met1 among
themselves and to the cell's own met1, and half of it to the cell's sides; no two pins take the same point of a track.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from klayout import db

from sandgrain.drawing.errors import DrawingError
from sandgrain.drawing.library import Master, MasterPin, Rect, master, rules

_STEP = 85
_SEARCH_LIMIT = 200_000


@dataclass(frozen=True)
class Access:
    """The access of one pin, in nanometres from the lower left corner of the cell placed upright.

    Attributes:
        pin: its name.
        contact: centre of the contact between li1 and met1; None where the pin is on met1 already.
        column: vertical track of the cell, from 0.
        y: height of the contact and of the via beside it.
        rows: horizontal tracks of the row at which nothing else may use that column; the nearest first.
    """

    pin: str
    contact: int | None
    column: int
    y: int
    rows: tuple[int, ...]


@lru_cache(maxsize=512)
def pin_access(cell: str) -> tuple[Access, ...]:
    """The access of every signal pin of the cell, in the order of its pins.

    Raises:
        DrawingError: the pins cannot all be reached.
    """
    found = master(cell)
    own = _CellMetal(found)
    choices = [own.on_met1(pin) if pin.met1 else own.on_li1(pin) for pin in found.signals]
    chosen = _choose(choices)
    if chosen is None:
        raise DrawingError(
            f"the pins of {found.name} cannot all be reached from vertical tracks",
            expected="a cell whose pins have room for a contact each",
            remedy="leave the cell out of data/sky130_cells.toml",
        )
    return tuple(chosen)


def pad(access: Access) -> db.Box:
    """The met1 that joins the contact and the via."""
    vias, tracks = rules()["vias"], rules()["tracks"]
    track = tracks["x_offset"] + access.column * tracks["x_pitch"]
    half, below = vias["mcon"]["above"][0], vias["via"]["below"]
    contact = track if access.contact is None else access.contact
    left = min(contact - half, track - below[0])
    right = max(contact + half, track + below[0])
    return db.Box(left, access.y - below[1], right, access.y + below[1])


class _CellMetal:
    """What of a cell stands in the way of contacts and pads."""

    def __init__(self, found: Master) -> None:
        layout = db.Layout()
        layout.read(str(found.gds))
        top = layout.cell(found.name)
        self.master = found
        self.met1, self.mcon = (
            db.Region(top.begin_shapes_rec(layout.layer(*rules()["layers"][name]))).merged()
            for name in ("met1", "mcon")
        )
        self.met1_keepout = self.met1.sized(rules()["spacing"]["met1"] - 1)
        self.mcon_keepout = self.mcon.sized(rules()["spacing"]["mcon"] - 1)

    def on_met1(self, pin: MasterPin) -> list[Access]:
        """Candidates for a pin that the cell itself brings to met1: a via on that metal."""
        tracks, half = rules()["tracks"], rules()["vias"]["via"]["cut"][0]
        own = self.met1.interacting(_region(pin.met1))
        others = (self.met1 - own).sized(rules()["spacing"]["met1"] - 1)
        found: list[tuple[int, Access]] = []
        for column in range(self.master.width // tracks["x_pitch"]):
            track = column * tracks["x_pitch"] + tracks["x_offset"]
            line = own.sized(0, 1 - half, 2) & db.Region(db.Box(track - half, 0, track + half, self.master.height))
            for part in line.decompose_trapezoids_to_region().each():
                y = part.bbox().center().y // 5 * 5
                access = Access(pin.name, None, column, y, _rows(y))
                cut = db.Region(db.Box(track - half, y - half, track + half, y + half))
                metal = pad(access)
                if self._inside(metal) and (cut - own).is_empty() and (others & db.Region(metal)).is_empty():
                    found.append((200 * (len(access.rows) - 1), access))
        return _cheapest_first(found)

    def on_li1(self, pin: MasterPin) -> list[Access]:
        """Candidates for a pin on li1: a contact, and a via on a track at most one away."""
        tracks, half = rules()["tracks"], rules()["vias"]["mcon"]["cut"][0]
        shape = _region(pin.li1).merged()
        # A box of the least width shrinks to nothing, one nanometre less leaves the line its centres may be on.
        centres = shape.sized(1 - half)
        found: list[tuple[int, Access]] = []
        heights = {
            row * tracks["y_pitch"] + tracks["y_offset"]
            for row in range(rules()["site"]["height"] // tracks["y_pitch"])
        }
        for part in centres.decompose_trapezoids_to_region().each():
            box = part.bbox()
            ys = {y for y in heights if box.bottom < y < box.top}
            ys |= set(range(-(-(box.bottom + 1) // _STEP) * _STEP, box.top, _STEP))
            ys.add((box.bottom + box.top) // 2 // 5 * 5)
            for y in ys:
                for column in range(self.master.width // tracks["x_pitch"]):
                    track = column * tracks["x_pitch"] + tracks["x_offset"]
                    contact = min(max(track, box.left + 1), box.right - 1) // 5 * 5
                    access = Access(pin.name, contact, column, y, _rows(y))
                    box_of_cut = db.Box(contact - half, y - half, contact + half, y + half)
                    if abs(contact - track) <= tracks["x_pitch"] and self._legal(shape, access, box_of_cut):
                        nearest = access.rows[0] * tracks["y_pitch"] + tracks["y_offset"]
                        cost = abs(contact - track) + abs(y - nearest) // 2 + 200 * (len(access.rows) - 1)
                        found.append((cost, access))
        return _cheapest_first(found)

    def _legal(self, shape: db.Region, access: Access, cut: db.Box) -> bool:
        metal, contact = pad(access), db.Region(cut)
        return (
            self._inside(metal)
            and (contact - shape).is_empty()
            and (self.met1_keepout & db.Region(metal)).is_empty()
            and (self.mcon_keepout & contact).is_empty()
        )

    def _inside(self, metal: db.Box) -> bool:
        side = rules()["spacing"]["met1"] // 2
        return bool(side <= metal.left and metal.right <= self.master.width - side)


def _cheapest_first(found: list[tuple[int, Access]]) -> list[Access]:
    found.sort(key=lambda item: (item[0], item[1].column, item[1].y, item[1].contact or 0))
    return [access for _, access in found]


def _region(rects: Sequence[Rect]) -> db.Region:
    found = db.Region()
    for rect in rects:
        found.insert(db.Box(*rect))
    return found


def _rows(y: int) -> tuple[int, ...]:
    """The tracks of the row at which another wire would come too close to a via at height ``y``."""
    tracks, vias = rules()["tracks"], rules()["vias"]
    reach = vias["via"]["above"][1] + vias["via2"]["below"][1] + rules()["spacing"]["met2"]
    rows = range(rules()["site"]["height"] // tracks["y_pitch"])
    away = {row: abs(row * tracks["y_pitch"] + tracks["y_offset"] - y) for row in rows}
    return tuple(sorted((row for row in rows if away[row] < reach), key=lambda row: (away[row], row)))


def _choose(choices: list[list[Access]]) -> list[Access] | None:
    """One candidate per pin, the cheap ones first, without conflicts; None if there is none."""
    order = sorted(range(len(choices)), key=lambda pin: len(choices[pin]))
    chosen: list[Access] = []
    tried = 0

    def search(depth: int) -> bool:
        nonlocal tried
        if depth == len(order):
            return True
        for candidate in choices[order[depth]]:
            tried += 1
            if tried > _SEARCH_LIMIT:
                return False
            if all(_apart(candidate, other) for other in chosen):
                chosen.append(candidate)
                if search(depth + 1):
                    return True
                chosen.pop()
        return False

    if not search(0):
        return None
    by_pin = dict(zip(order, chosen, strict=True))
    return [by_pin[pin] for pin in range(len(choices))]


def _apart(one: Access, other: Access) -> bool:
    if one.column == other.column and set(one.rows) & set(other.rows):
        return False
    space, a, b = rules()["spacing"]["met1"], pad(one), pad(other)
    across = max(a.left, b.left) - min(a.right, b.right)
    up = max(a.bottom, b.bottom) - min(a.top, b.top)
    return bool(across >= space or up >= space)
