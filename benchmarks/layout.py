"""Netlist = layout beside a plain klayout XOR of the same drawing, and time against the size of the drawing.

A tile of real cells with real wires is drawn many times; the comparison recognises cells, follows wires, matches and
looks for shapes without purpose, while the XOR merely compares polygons of two equal drawings, flat, layer by layer.
Prints polygons/s of both in processor seconds (neither uses more than one core), their ratio, and how time grows:
python benchmarks/layout.py [--tiles 200] [--sizes 1 4 16]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from klayout import db

from sandgrain.layout.files import Inputs, compare_files
from sandgrain.layout.library import Library
from sandgrain.layout.process import load_process
from sandgrain.verdict import Verdict

PROCESS = load_process("sky130")
LIBRARY = Library(PROCESS)
PREFIX = "sky130_fd_sc_hd__"
CELLS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("tap", "tapvpwrvgnd_1", {}),
    ("i1", "inv_1", {"A": "a", "Y": "n1"}),
    ("g2", "nand2_1", {"A": "n1", "B": "b", "Y": "n2"}),
    ("f1", "decap_3", {}),
    ("b3", "buf_1", {"A": "n2", "X": "y"}),
    ("r4", "dfxtp_1", {"CLK": "clk", "D": "n2", "Q": "q"}),
    ("g6", "nor2_1", {"A": "q", "B": "n1", "Y": "z"}),
    ("f2", "fill_2", {}),
)
PORTS = {"a": "input", "b": "input", "clk": "input", "y": "output", "z": "output", "q": "output"}
PITCH = (18_000, 16_000)


def layer(layout: db.Layout, name: str) -> int:
    return int(layout.layer(*PROCESS.layers[name].gds))


def li1_of(kind: str, pin: str) -> db.Region:
    model = LIBRARY.model(kind)
    number = [conductor.name for conductor in PROCESS.conductors].index("li1")
    region = db.Region()
    rows = zip(model.shapes.trapezoids, model.shapes.layers, model.shapes.nodes, strict=True)
    for (low, high, left, right, *_), stratum, node in rows:
        if stratum == number and node in model.pins[pin]:
            region.insert(db.Box(int(left), int(low), int(right), int(high)))
    return region.merged()


def contact(kind: str, pin: str, x: int, taken: list[int]) -> tuple[int, int]:
    """Where a via fits on a pin, away from other ways up."""
    metal = li1_of(kind, pin)
    box = metal.bbox()
    for left in range(box.left + 85, box.right - 84, 20):
        if any(abs(left + x - other) < 320 for other in taken):
            continue
        for y in range(max(box.bottom + 85, 520), min(box.top - 84, 2_220), 20):
            if (db.Region(db.Box(left - 85, y - 85, left + 85, y + 85)) - metal).is_empty():
                taken.append(left + x)
                return left + x, y
    raise LookupError(pin)


def tile() -> tuple[list[tuple[str, int]], list[tuple[str, db.Box]], dict[str, int]]:
    """Cells and their places, wires, and the heights of the nets."""
    nets = sorted({net for _, _, pins in CELLS for net in pins.values()})
    heights = {net: 4_000 + 1_000 * number for number, net in enumerate(nets)}
    taken: list[int] = []
    places, wires, x = [], [], 0
    reach: dict[str, tuple[int, int]] = {}
    for _, kind, pins in CELLS:
        places.append((PREFIX + kind, x))
        for pin, net in sorted(pins.items()):
            at, y = contact(PREFIX + kind, pin, x, taken)
            track = heights[net]
            first, last = reach.get(net, (at, at))
            reach[net] = (min(first, at), max(last, at))
            wires += [
                ("mcon", db.Box(at - 85, y - 85, at + 85, y + 85)),
                ("met1", db.Box(at - 145, y - 160, at + 145, y + 160)),
                ("via", db.Box(at - 75, y - 75, at + 75, y + 75)),
                ("met2", db.Box(at - 140, y - 160, at + 140, track + 160)),
                ("via2", db.Box(at - 100, track - 100, at + 100, track + 100)),
            ]
        x += LIBRARY.model(PREFIX + kind).footprint[2]
    for net, (first, last) in reach.items():
        left = -1_500 if net in PORTS else first - 165
        wires.append(("met3", db.Box(left, heights[net] - 150, last + 165, heights[net] + 150)))
    return places, wires, heights


def chip(count: int, directory: Path) -> tuple[Path, Path, int]:
    """Drawing and netlist of ``count`` tiles, and the number of polygons drawn."""
    places, wires, heights = tile()
    layout = db.Layout()
    layout.dbu = PROCESS.database_unit
    top = layout.create_cell("tiles")
    for kind in {kind for kind, _ in places}:
        layout.create_cell(kind).copy_tree(LIBRARY.cell(kind)[1])
    across = max(1, round(count**0.5))
    ports, body = [], []
    for number in range(count):
        move = db.Trans(number % across * PITCH[0], number // across * PITCH[1])
        for kind, x in places:
            top.insert(db.CellInstArray(layout.cell(kind).cell_index(), move * db.Trans(x, 0)))
        for name, box in wires:
            top.shapes(layer(layout, name)).insert(box.transformed(move))
        for net, direction in PORTS.items():
            ports.append((f"{net}_{number}", direction))
            label = db.Text(f"{net}_{number}", move * db.Trans(-1_300, heights[net]))
            top.shapes(layer(layout, "met3_label")).insert(label)
        for net, y in (("VGND", 0), ("VPWR", 2_720)):
            # The substrate is one for the whole die, and so is the ground.
            name = net if net == "VGND" else f"{net}_{number}"
            if (name, "inout") not in ports[:8]:
                ports.append((name, "inout"))
            top.shapes(layer(layout, "met1_label")).insert(db.Text(name, move * db.Trans(230, y)))
        for name, kind, pins in CELLS:
            joined = {**{pin: f"{net}_{number}" for pin, net in pins.items()}, "VGND": "VGND", "VPWR": f"VPWR_{number}"}
            pins_text = ", ".join(f".{pin}({net})" for pin, net in joined.items())
            body.append(f"  {PREFIX}{kind} {name}_{number} ({pins_text});")
    drawing, netlist = directory / "tiles.gds", directory / "tiles.v"
    layout.write(str(drawing))
    head = [f"module tiles ({', '.join(name for name, _ in ports)});", *(f"  {how} {name};" for name, how in ports)]
    netlist.write_text("\n".join([*head, *body, "endmodule", ""]), encoding="utf-8")
    flat = sum(db.Region(top.begin_shapes_rec(index)).count() for index in layout.layer_indexes())
    return drawing, netlist, flat


def xor_seconds(drawing: Path) -> float:
    """Processor seconds klayout takes to load a drawing twice and compare all layers, flat."""
    started = time.process_time()
    one, two = db.Layout(), db.Layout()
    one.read(str(drawing))
    two.read(str(drawing))
    for info in one.layer_infos():
        first = db.Region(one.top_cell().begin_shapes_rec(one.layer(info)))
        second = db.Region(two.top_cell().begin_shapes_rec(two.layer(info)))
        assert (first ^ second).is_empty()
    return time.process_time() - started


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    before: tuple[int, float] | None = None
    with tempfile.TemporaryDirectory() as scratch:
        drawing, netlist, _ = chip(2, Path(scratch))
        compare_files(Inputs(netlist, drawing, PROCESS))  # the compiler runs here
        for size in options.sizes:
            drawing, netlist, polygons = chip(options.tiles * size, Path(scratch))
            started = time.process_time()
            result = compare_files(Inputs(netlist, drawing, PROCESS))
            ours = time.process_time() - started
            assert result.verdict is Verdict.PROVED, result.findings[:3]
            peer = xor_seconds(drawing)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            grown = ""
            if before is not None:
                grown = f"; {ours / before[1]:.1f} times the time for {size / before[0]:.0f} times the drawing"
            print(
                f"x{size}: {polygons:,} polygons: comparison {ours:.2f} s ({polygons / ours:,.0f} polygons/s), "
                f"klayout XOR {peer:.2f} s ({polygons / peer:,.0f} polygons/s), ratio {peer / ours:.2f}, "
                f"peak {memory:,.0f} MiB{grown}",
                flush=True,
            )
            before = (size, ours)


if __name__ == "__main__":
    main()
