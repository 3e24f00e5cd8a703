"""What a comparison of a netlist with a drawing says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sandgrain.verdict import Figure, Text, Verdict


def say(template: str, **args: str | int) -> Text:
    """A sentence of a finding, in English; reports tell it in other languages too."""
    return Text(template=template, args=args)


Box = tuple[float, float, float, float]
"""Left, bottom, right, top in micrometres."""


class Kind(StrEnum):
    """What sort of difference a finding is."""

    CELL_GEOMETRY = "cell-geometry"
    """A cell is not drawn as the library draws it."""
    TRANSISTOR = "transistor-altered"
    """The channel of a transistor in a cell is not as the library draws it, or one was added or left out."""
    IMPLANT = "implant-altered"
    """An implant or well of a cell is not as the library draws it."""
    EXTRA_DEVICE_SHAPE = "extra-device-shape"
    """A shape on a layer of transistors, wells or implants that belongs to no cell."""
    CELLS_OVERLAP = "cells-overlap"
    """Two cells share ground."""
    CELL_SWAPPED = "cell-swapped"
    """A cell stands where the netlist has another type."""
    FILLER_TO_GATE = "filler-turned-into-gate"
    """A cell with signal pins stands where the netlist has a filler."""
    EXTRA_CELL = "extra-cell"
    """A cell the netlist does not have."""
    MISSING_CELL = "missing-cell"
    """An instance of the netlist that is not drawn."""
    OPEN = "open"
    """A net is in pieces; a wire is cut."""
    VIA_REMOVED = "via-removed"
    """A net is in pieces that lie above each other without a cut."""
    SHORT = "short"
    """Two nets are one; a wire bridges them."""
    VIA_ADDED = "via-added"
    """A cut joins two nets, or leads nowhere."""
    WRONG_NET = "wrong-net"
    """A pin is on another net than the netlist says."""
    EXTRA_WIRE = "extra-wire"
    """A wire on a pin or port that the netlist leaves unconnected, or on the inside of a cell."""
    DANGLING_WIRE = "dangling-wire"
    """A wire that leads nowhere."""
    FLOATING_METAL = "floating-metal"
    """Metal that no cell and no port is on."""
    HIDDEN_SHAPE = "hidden-shape"
    """A shape without purpose beneath metal without purpose."""
    CORNER_TOUCH = "corner-touch"
    """Two nets meet in a single point; whether they conduct cannot be said."""
    PORT = "port"
    """A port is missing, twice there, or not declared."""
    PIN_MARK = "pin-mark"
    """The mark of a pin lies where there is no metal."""
    TEXT = "text"
    """A text that names nothing of the netlist; it is no metal and decides nothing."""
    UNKNOWN_LAYER = "unknown-layer"
    """Shapes on a layer the process does not list."""
    UNKNOWN_CELL = "unknown-cell"
    """A cell nobody described."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be.

    Attributes:
        kind: what sort it is.
        layer: the layer of the process it is on, if it is on one.
        box: where, in micrometres, as exactly as can be told.
        expected: what the netlist or the library has there.
        found: what the drawing has.
        nets: nets of the netlist that take part.
        instances: instances of the netlist that take part.
        status: ``refutes``, ``open`` (cannot be decided) or ``note`` (decides nothing).
        cell: the library's cell that should stand in the box, where that is known.
        stray: whether it is a shape of devices that belongs to no cell.
    """

    kind: Kind
    box: Box | None
    expected: Text
    found: Text
    layer: str | None = None
    nets: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    status: str = "refutes"
    cell: str = ""
    stray: bool = False


@dataclass(frozen=True)
class Explained:
    """A class of things drawn that the netlist does not list or that have no function, and why that is in order."""

    what: str
    count: int
    reason: Text


@dataclass(frozen=True)
class LayoutComparison:
    """Netlist = layout?

    Attributes:
        verdict: *proved* only with an exact correspondence and nothing unexplained.
        top: the cell that is the chip.
        process: name of the layer stack.
        findings: differences, the refuting ones first.
        counts: how much was compared.
        explained: cells and shapes without function, by reason.
        not_covered: what this comparison cannot know.
        inputs: SHA-256 of every file, by name.
        certificate: the correspondence as text, empty unless proved.
        die: the drawing's extent in micrometres.
    """

    verdict: Verdict
    top: str
    process: str
    findings: tuple[Difference, ...]
    counts: tuple[Figure, ...]
    explained: tuple[Explained, ...]
    not_covered: tuple[Text, ...]
    inputs: Mapping[str, str]
    certificate: str = ""
    die: Box = (0.0, 0.0, 0.0, 0.0)
    seconds: Mapping[str, float] = field(default_factory=dict)
