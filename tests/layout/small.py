"""A row of real cells with real wires above it: small, made on the spot, and equal to its netlist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from klayout import db

from sandgrain.layout.compare import Subject, compare
from sandgrain.layout.library import Library
from sandgrain.layout.process import load_process
from sandgrain.layout.read import Drawing
from sandgrain.layout.result import LayoutComparison
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.model import Module
from sandgrain.netlist.read import read_netlist

PREFIX = "sky130_fd_sc_hd__"
PROCESS = load_process("sky130")
LIBRARY = Library(PROCESS)

Cells = Sequence[tuple[str, str, Mapping[str, str]]]
"""Instance, type without its prefix, nets by pin."""

CELLS: Cells = (
    ("tap0", "tapvpwrvgnd_1", {}),
    ("u1", "inv_1", {"A": "a", "Y": "n1"}),
    ("u2", "nand2_1", {"A": "n1", "B": "b", "Y": "n2"}),
    ("u3", "buf_1", {"A": "n2", "X": "y"}),
    ("f0", "decap_3", {}),
    ("u4", "dfxtp_1", {"CLK": "clk", "D": "n2", "Q": "q"}),
    ("u5", "conb_1", {"LO": "zero"}),
    ("f1", "fill_1", {}),
    ("u6", "nor2_1", {"A": "q", "B": "n1", "Y": "z"}),
    ("tap1", "tapvpwrvgnd_1", {}),
)
INPUTS = ("a", "b", "clk")
OUTPUTS = ("y", "q", "z", "zero")


@dataclass
class Small:
    """A drawing and what it is made of.

    Attributes:
        layout, top: the drawing.
        cells: what is placed.
        at: left edge of every instance, database units.
        tracks: height of every net's wire.
        pins: where each pin is contacted, by instance and pin.
    """

    layout: db.Layout
    top: db.Cell
    cells: Cells
    at: dict[str, int] = field(default_factory=dict)
    tracks: dict[str, int] = field(default_factory=dict)
    pins: dict[tuple[str, str], db.Point] = field(default_factory=dict)

    def layer(self, name: str) -> int:
        """Index of a layer of the process."""
        return int(self.layout.layer(*PROCESS.layers[name].gds))

    def draw(self, name: str, left: int, bottom: int, right: int, top: int) -> db.Box:
        """A box on the chip."""
        box = db.Box(left, bottom, right, top)
        self.top.shapes(self.layer(name)).insert(box)
        return box

    def erase(self, name: str, at: db.Box) -> None:
        """Take away what the chip draws in a box."""
        shapes = self.top.shapes(self.layer(name))
        rest = db.Region(shapes) - db.Region(at)
        texts = db.Texts(shapes)
        shapes.clear()
        shapes.insert(rest)
        shapes.insert(texts)


def small(cells: Cells = CELLS, *, labels: bool = True) -> Small:
    """The drawing of some cells in one row, each net a met3 wire of its own above."""
    layout = db.Layout()
    layout.dbu = PROCESS.database_unit
    chip = Small(layout, layout.create_cell("row_of_cells"), cells)
    x = 0
    for name, kind, _ in cells:
        drawn = _copy(layout, PREFIX + kind)
        chip.top.insert(db.CellInstArray(drawn.cell_index(), db.Trans(x, 0)))
        chip.at[name] = x
        x += LIBRARY.model(PREFIX + kind).footprint[2]
    nets = sorted({net for _, _, pins in cells for net in pins.values()})
    for number, net in enumerate(nets):
        chip.tracks[net] = 4_000 + 1_000 * number
    taken: list[int] = []
    for name, kind, pins in cells:
        for pin, net in sorted(pins.items()):
            chip.pins[name, pin] = _contact(chip, PREFIX + kind, name, pin, chip.tracks[net], taken)
    for net in nets:
        y = chip.tracks[net]
        at = [point.x for (name, pin), point in chip.pins.items() if _net(cells, name, pin) == net]
        port = net in (*INPUTS, *OUTPUTS)
        left = -2_000 if port else min(at) - 165
        chip.draw("met3", left, y - 150, max(at) + 165, y + 150)
        if port:
            chip.draw("met3_pin", left, y - 150, left + 500, y + 150)
            if labels:
                chip.top.shapes(chip.layer("met3_label")).insert(db.Text(net, db.Trans(left + 200, y)))
    for name, y in (("VGND", 0), ("VPWR", 2_720)):
        chip.draw("met1_pin", 200, y - 100, 600, y + 100)
        chip.top.shapes(chip.layer("met1_label")).insert(db.Text(name, db.Trans(400, y)))
    return chip


def _net(cells: Cells, name: str, pin: str) -> str | None:
    return next(pins.get(pin) for one, _, pins in cells if one == name)


def _copy(layout: db.Layout, name: str) -> db.Cell:
    if layout.has_cell(name):
        return layout.cell(name)
    _, source = LIBRARY.cell(name)
    cell = layout.create_cell(name)
    cell.copy_tree(source)
    return cell


def _metal(kind: str, pin: str) -> db.Region:
    """The li1 of a pin, in the cell's own coordinates."""
    model = LIBRARY.model(kind)
    li1 = [conductor.name for conductor in PROCESS.conductors].index("li1")
    region = db.Region()
    for row, layer, node in zip(model.shapes.trapezoids, model.shapes.layers, model.shapes.nodes, strict=True):
        if layer == li1 and node in model.pins[pin]:
            region.insert(db.Box(int(row[2]), int(row[0]), int(row[3]), int(row[1])))
    return region.merged()


def _contact(chip: Small, kind: str, name: str, pin: str, track: int, taken: list[int]) -> db.Point:
    """A way from a pin up to the wire of its net: li1, met1, met2, met3."""
    own = _metal(kind, pin)
    box = own.bbox()
    for x in range(box.left + 85, box.right - 84, 20):
        if any(abs(x + chip.at[name] - other) < 320 for other in taken):
            continue
        heights = range(max(box.bottom + 85, 520), min(box.top - 84, 2_220), 20)
        y = next((y for y in heights if (db.Region(db.Box(x - 85, y - 85, x + 85, y + 85)) - own).is_empty()), None)
        if y is None:
            continue
        x += chip.at[name]
        taken.append(x)
        chip.draw("mcon", x - 85, y - 85, x + 85, y + 85)
        chip.draw("met1", x - 145, y - 160, x + 145, y + 160)
        chip.draw("via", x - 75, y - 75, x + 75, y + 75)
        chip.draw("met2", x - 140, y - 160, x + 140, track + 160)
        chip.draw("via2", x - 100, track - 100, x + 100, track + 100)
        return db.Point(x, y)
    raise LookupError(f"no way to {name}.{pin}")


def verilog(cells: Cells = CELLS, *, powered: bool = False, fillers: bool = True) -> str:
    """The netlist of the same cells."""
    supplies = {"VGND": "VGND", "VNB": "VGND", "VPB": "VPWR", "VPWR": "VPWR"}
    ports = [*INPUTS, *OUTPUTS, *(("VPWR", "VGND") if powered else ())]
    lines = [f"module row_of_cells ({', '.join(ports)});"]
    lines += [f"  input {name};" for name in (*INPUTS, *(("VPWR", "VGND") if powered else ()))]
    lines += [f"  output {name};" for name in OUTPUTS]
    nets = sorted({net for _, _, pins in cells for net in pins.values()} - {*INPUTS, *OUTPUTS})
    lines += [f"  wire {net};" for net in nets]
    for name, kind, pins in cells:
        if not pins and not fillers:
            continue
        joined = dict(pins)
        if powered:
            joined.update({pin: net for pin, net in supplies.items() if not kind.startswith("tap") or pin[1] != "N"})
        lines.append(f"  {PREFIX}{kind} {name} ({', '.join(f'.{pin}({net})' for pin, net in joined.items())});")
    return "\n".join([*lines, "endmodule", ""])


def module(text: str, directory: Path) -> Module:
    """A netlist from its text."""
    path = directory / "small.v"
    path.write_text(text, encoding="utf-8")
    return flatten(read_netlist([path]).netlist)


def compared(chip: Small, text: str, directory: Path, *, pre_layout: bool = False) -> LayoutComparison:
    """The comparison of a drawing in memory with the text of a netlist."""
    subject = Subject(
        module(text, directory), Drawing(Path("small.gds"), "0" * 64, chip.layout), "row_of_cells", {}, pre_layout
    )
    return compare(subject, LIBRARY)
