"""A drawing as DEF (Design Exchange Format, version 5.8): the same places and the same wires, box by box."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TextIO

from klayout import db

from sandgrain.drawing.cells import CellNetlist
from sandgrain.drawing.geometry import Wires
from sandgrain.drawing.library import rules
from sandgrain.drawing.placement import Placement

_CUTS: Final = {"mcon": ("li1", "met1"), "via": ("met1", "met2"), "via2": ("met2", "met3"), "via3": ("met3", "met4")}
_SUPPLIES: Final = {"VPWR": "POWER", "VGND": "GROUND"}


def write_def(netlist: CellNetlist, placement: Placement, wires: Wires, stream: TextIO) -> None:
    """Write DEF.

    Metal is written as rectangles, cuts as vias no larger than the cut, so that what a reader builds from it is the
    drawing to the polygon whatever widths and enclosures its technology has.
    """
    plan = placement.plan
    width, height = plan.die
    stream.write(
        f'VERSION 5.8 ;\nDIVIDERCHAR "/" ;\nBUSBITCHARS "[]" ;\nDESIGN {netlist.top} ;\n'
        f"UNITS DISTANCE MICRONS 1000 ;\nDIEAREA ( 0 0 ) ( {width} {height} ) ;\n"
    )
    stream.write(f"VIAS {len(_CUTS)} ;\n")
    for cut, (below, above) in _CUTS.items():
        x, y = rules()["vias"][cut]["cut"]
        layers = " ".join(f"+ RECT {layer} ( {-x} {-y} ) ( {x} {y} )" for layer in (below, cut, above))
        stream.write(f"- cut_{cut} {layers} ;\n")
    stream.write("END VIAS\n")
    cells = [
        *(
            (instance.name, instance.master, int(row), int(site))
            for instance, row, site in zip(netlist.instances, placement.rows, placement.sites, strict=True)
        ),
        *placement.fill,
    ]
    stream.write(f"COMPONENTS {len(cells)} ;\n")
    for name, kind, row, site in cells:
        x, y = plan.core[0] + site * rules()["site"]["width"], plan.row_bottom(row)
        stream.write(f"- {_name(name)} {kind} + PLACED ( {x} {y} ) {'FS' if row % 2 else 'N'} ;\n")
    stream.write("END COMPONENTS\n")
    ports = list(netlist.port_bits())
    stream.write(f"PINS {len(ports)} ;\n")
    for name, direction, net in ports:
        use = f"+ DIRECTION {direction.upper()} + USE SIGNAL"
        stream.write(f"- {_name(name)} + NET {_name(netlist.nets[net])} {use} ;\n")
    stream.write("END PINS\n")
    supplies = [supply for supply in _SUPPLIES if supply in wires]
    stream.write(f"SPECIALNETS {len(supplies)} ;\n")
    for supply in supplies:
        stream.write(f"- {supply} ( * {supply} ) + USE {_SUPPLIES[supply]}\n")
        for layer, box in wires[supply]:
            if layer in _CUTS:
                stream.write(f"  + ROUTED {_CUTS[layer][0]} 0 ( {box.center().x} {box.center().y} ) cut_{layer}\n")
            else:
                stream.write(f"  + RECT {layer} ( {box.left} {box.bottom} ) ( {box.right} {box.top} )\n")
        stream.write("  ;\n")
    stream.write("END SPECIALNETS\n")
    pins: dict[int, list[str]] = {}
    for instance in netlist.instances:
        for pin, net in instance.nets:
            pins.setdefault(net, []).append(f"( {_name(instance.name)} {pin} )")
    for name, _, net in netlist.port_bits():
        pins.setdefault(net, []).append(f"( PIN {_name(name)} )")
    signals = [number for number, name in enumerate(netlist.nets) if number in pins or name in wires]
    stream.write(f"NETS {len(signals)} ;\n")
    for number in signals:
        name = netlist.nets[number]
        stream.write(f"- {_name(name)} {' '.join(pins.get(number, ()))} + USE SIGNAL\n")
        _write_wires(wires.get(name, []), stream)
    stream.write("END NETS\nEND DESIGN\n")


def _write_wires(wires: list[tuple[str, db.Box]], stream: TextIO) -> None:
    head = "+ ROUTED"
    for line in _routes(wires):
        stream.write(f"  {head} {line}\n")
        head = "NEW"
    stream.write("  ;\n")


def _routes(wires: list[tuple[str, db.Box]]) -> Iterator[str]:
    for layer, box in wires:
        if layer in _CUTS:
            centre = box.center()
            yield f"{_CUTS[layer][0]} ( {centre.x} {centre.y} ) cut_{layer}"
        else:
            yield f"{layer} ( {box.left} {box.bottom} ) RECT ( 0 0 {box.width()} {box.height()} )"


def _name(name: str) -> str:
    """A name as DEF takes it: its dividers escaped, the brackets of a bus bit as they are."""
    return re.sub(r"[\s;/\\]", lambda found: "\\" + found[0], name)
