"""What a drawing connects, read back by the red team's extraction, which shares nothing with the router."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from klayout import db

from sandgrain.drawing import CellNetlist
from sandgrain.redteam.layout_plants import LayoutTarget

Pins = frozenset[tuple[str, str]]


def placed_names(record: Path) -> dict[str, str]:
    """Names of cells by master, place and orientation as the extraction has them."""
    names = {}
    for cell in json.loads(record.read_text(encoding="utf-8"))["components"]:
        origin = cell["y"] + (2720 if cell["orientation"] == "FS" else 0)
        names[f"{cell['master']}@{cell['x']},{origin},{cell['orientation']}"] = cell["name"]
    return names


def extracted(gds: Path, record: Path) -> tuple[set[Pins], list[set[str]]]:
    """Signal nets as sets of (cell, pin), those of a single pin left out, and the power pins on each supply net."""
    names, target = placed_names(record), LayoutTarget(gds)
    signals: set[Pins] = set()
    supplies = []
    for net in target.nets.values():
        pins = {(names[t.cell] if t.cell else "", t.pin) for t in net.terminals}
        if net.power:
            supplies.append({pin for _, pin in pins})
        elif len(pins) > 1:
            signals.add(frozenset(pins))
    return signals, supplies


def expected(netlist: CellNetlist) -> set[Pins]:
    """The nets of a netlist with more than one pin, in the same form."""
    nets: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for instance in netlist.instances:
        for pin, net in instance.nets:
            nets[net].add((instance.name, pin))
    for name, _, net in netlist.port_bits():
        nets[net].add(("", name))
    return {frozenset(pins) for pins in nets.values() if len(pins) > 1}


def rule_violations(gds: Path) -> dict[str, int]:
    """Widths, spaces, areas and enclosures of the wires that are below what sky130 asks."""
    layout = db.Layout()
    layout.read(str(gds))
    top = layout.top_cell()

    def region(layer: int, datatype: int) -> db.Region:
        return db.Region(top.begin_shapes_rec(layout.layer(layer, datatype))).merged()

    found = {}
    for layer, width, space, area in ((67, 170, 170, 0), (68, 140, 140, 83_000), (69, 140, 140, 67_600),
                                      (70, 300, 300, 240_000), (71, 300, 300, 240_000)):  # fmt: skip
        metal = region(layer, 20)
        found[f"width {layer}"] = metal.width_check(width).count()
        found[f"space {layer}"] = metal.space_check(space).count()
        found[f"area {layer}"] = sum(polygon.area() < area for polygon in metal.each())
    for layer, above, space in ((67, 68, 190), (68, 69, 170), (69, 70, 200), (70, 71, 200)):
        cuts = region(layer, 44)
        found[f"cut space {layer}"] = cuts.space_check(space).count()
        found[f"open cut {layer}"] = (cuts - (region(layer, 20) & region(above, 20))).count()
    return {rule: count for rule, count in found.items() if count}
