"""Known modifications of a layout, planted so that what finds them can be measured.

Each kind has forms (variants) that are taken in turn with the seed. A place is chosen at random and taken only if the
claimed effect is real there, by an extraction of the red team's own: a cut must separate pins, a bridge or an added via
must join two nets and touch no third, a removed via must separate pins unless it is planted as redundant, a wider
transistor must be wider and nothing else. The record tells where it is and belongs to the red team alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from klayout import db

from sandgrain.redteam import _layout_cells as cells
from sandgrain.redteam import _layout_devices as devices
from sandgrain.redteam import _layout_wires as wires
from sandgrain.redteam._layout import Target
from sandgrain.redteam._layout_edit import Edit, hull
from sandgrain.redteam._layout_wires import Planter
from sandgrain.redteam.errors import RedTeamError

LayoutTarget = Target
"""A layout read and extracted once, for any number of plants."""
_TRIES: Final = 3000

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in micrometres."""


class LayoutPlantKind(StrEnum):
    """What can be planted in a layout."""

    CELL_SWAPPED = "cell-swapped"
    FILLER_TO_GATE = "filler-to-gate"
    WIRE_CUT = "wire-cut"
    WIRES_BRIDGED = "wires-bridged"
    VIA_REMOVED = "via-removed"
    VIA_ADDED = "via-added"
    TRANSISTOR_WIDENED = "transistor-widened"
    IMPLANT_CHANGED = "implant-changed"
    EXTRA_WIRE = "extra-wire"
    TEXT_HIDING = "text-hiding"
    MASTER_TRICK = "master-trick"


VARIANTS: Final[Mapping[LayoutPlantKind, Mapping[str, Planter]]] = MappingProxyType(
    {
        LayoutPlantKind.CELL_SWAPPED: {"swapped": cells.swap_cell},
        LayoutPlantKind.FILLER_TO_GATE: {
            "unconnected": cells.filler_to_gate,
            "connected": cells.filler_to_connected_gate,
        },
        LayoutPlantKind.WIRE_CUT: {"cut": wires.cut_wire},
        LayoutPlantKind.WIRES_BRIDGED: {"bridge": wires.bridge_wires},
        LayoutPlantKind.VIA_REMOVED: {"single": wires.remove_via, "redundant": wires.remove_redundant_via},
        LayoutPlantKind.VIA_ADDED: {"crossing": wires.add_via},
        LayoutPlantKind.TRANSISTOR_WIDENED: {
            "own master": devices.widen_in_own_master,
            "over the instance": devices.widen_from_top,
        },
        LayoutPlantKind.IMPLANT_CHANGED: {
            "swapped": devices.swap_implant,
            "removed": devices.remove_implant,
            "threshold": devices.change_threshold,
        },
        LayoutPlantKind.EXTRA_WIRE: {"unused pin": wires.wire_to_unused_pin, "stub": wires.dangling_stub},
        LayoutPlantKind.TEXT_HIDING: {"text": wires.hide_under_text},
        LayoutPlantKind.MASTER_TRICK: {
            "altered in place": cells.alter_master,
            "names exchanged": cells.exchange_names,
        },
    }
)
"""The forms of every kind."""


@dataclass(frozen=True)
class LayoutPlant:
    """What was planted. It belongs to the red team and is never part of a submission.

    Attributes:
        kind: what was planted.
        variant: in which form.
        seed: with which seed.
        layers: the layers that changed; ``cell`` for a whole cell.
        box: the box around all that changed.
        boxes: the single places.
        what: one sentence.
        nets, cells: names of nets and cells that take part, as far as they are known; a cell is its master, ``@``, its
            place in nanometres and its orientation.
        redundant: true where nothing is separated or joined that was not before.
    """

    kind: LayoutPlantKind
    variant: str
    seed: int
    layers: tuple[str, ...]
    box: Box
    boxes: tuple[Box, ...]
    what: str
    nets: tuple[str, ...]
    cells: tuple[str, ...]
    redundant: bool = False


def plant_layout(
    layout: Path | LayoutTarget, kind: str, seed: int, out: Path, *, variant: str | None = None
) -> LayoutPlant:
    """Plant a modification in a copy of a layout.

    Args:
        layout: GDS or OASIS of a design in sky130, or a target made from one, which saves reading it again.
        kind: a :class:`LayoutPlantKind`.
        seed: chooses the place; without ``variant`` also the form.
        out: the GDS file to write; it appears in one step, or not at all.
        variant: one of the forms in :data:`VARIANTS`.

    Returns:
        The record.

    Raises:
        RedTeamError: unknown kind or form, an unreadable layout, or a layout without a place for it.
    """
    found = _kind(kind)
    forms = VARIANTS[found]
    if variant is not None and variant not in forms:
        raise RedTeamError(
            f"unknown form {variant!r} of {found}",
            expected=f"one of {', '.join(forms)}",
            remedy="choose a form from the list, or leave it out",
        )
    target = layout if isinstance(layout, Target) else Target(layout)
    # Without a wish the forms take turns; a form this layout has no place for gives way to the next.
    names = (
        [variant] if variant is not None else [list(forms)[(seed + turn) % len(forms)] for turn in range(len(forms))]
    )
    for name in names:
        edit = _attempt(target, forms[name], random.Random(f"{found} {name} {seed}"))
        if edit is not None:
            edit.write(out)
            return _record(found, seed, edit)
    raise RedTeamError(
        f"no place for {found} ({', '.join(names)}) was found in {_TRIES} tries",
        file=target.path,
        expected="a layout with wires, vias, fill and cells of sky130_fd_sc_hd",
        remedy="choose another kind, another form, or a larger layout",
    )


def _attempt(target: Target, planter: Planter, rng: random.Random) -> Edit | None:
    if not target.placed:
        return None
    return next((edit for edit in (planter(target, rng) for _ in range(_TRIES)) if edit is not None), None)


def _kind(kind: str) -> LayoutPlantKind:
    if kind not in tuple(LayoutPlantKind):
        raise RedTeamError(
            f"unknown plant {kind!r}",
            expected=f"one of {', '.join(LayoutPlantKind)}",
            remedy="choose a plant from the list",
        )
    return LayoutPlantKind(kind)


def _record(kind: LayoutPlantKind, seed: int, edit: Edit) -> LayoutPlant:
    changed = edit.changed()
    return LayoutPlant(
        kind=kind,
        variant=edit.variant,
        seed=seed,
        layers=tuple(edit.layers),
        box=_micrometres(hull(changed)),
        boxes=tuple(_micrometres(box) for box in changed),
        what=edit.what,
        nets=tuple(edit.nets),
        cells=tuple(edit.cells),
        redundant=edit.redundant,
    )


def _micrometres(box: db.Box) -> Box:
    left, bottom, right, top = (round(value / 1000, 3) for value in (box.left, box.bottom, box.right, box.top))
    return left, bottom, right, top
