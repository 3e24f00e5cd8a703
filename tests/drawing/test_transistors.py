"""Layout versus schematic of a whole drawing at transistor level, by klayout against the library's own circuits."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from klayout import db

from sandgrain.drawing import CellNetlist, CellPort, Drawing, Instance, draw
from sandgrain.drawing.library import POWER, full_name, master

_HEADER = re.compile(r"^\.SUBCKT (\S+) (.*)$", re.MULTILINE)
_SIZE = re.compile(r"\b([wl])=([\d.]+)\b")


def chain() -> CellNetlist:
    """One cell of many kinds after another; the ties are resistors and stay out."""
    kinds = "nand2_1 nor2_1 xor2_1 a21oi_1 o21ai_1 mux2_1 inv_1 and2_1 buf_1 dfxtp_1 dfrtp_1".split()
    nets, instances = ["clk", "rst", "a", "b"], []
    last = 3
    for stage, kind in enumerate(kinds):
        pins = []
        for pin in master(kind).signals:
            if pin.direction == "output":
                nets.append(f"n{stage}")
                pins.append((pin.name, len(nets) - 1))
            else:
                fixed = {"CLK": 0, "RESET_B": 1, "A": last, "D": last, "A1": last, "S": 2, "B": 2}
                pins.append((pin.name, fixed.get(pin.name, (stage * 7) % (len(nets) - 1))))
        instances.append(Instance(f"u{stage}", full_name(kind), tuple(pins)))
        last = len(nets) - 1
    ports = [CellPort(name, "input", (net,)) for net, name in enumerate(nets[:4])]
    nets[last] = "q"
    return CellNetlist("chain", tuple(instances), tuple(nets), (*ports, CellPort("q", "output", (last,))))


def extracted(gds: Path) -> db.Netlist:
    """The transistors of a layout, flat."""
    layout = db.Layout()
    layout.read(str(gds))
    extraction = db.LayoutToNetlist(db.RecursiveShapeIterator(layout, layout.top_cell(), []))

    def layer(number: int, datatype: int, name: str) -> db.Region:
        return extraction.make_layer(layout.layer(number, datatype), name)

    nwell, diff, tap, poly = layer(64, 20, "nwell"), layer(65, 20, "diff"), layer(65, 44, "tap"), layer(66, 20, "poly")
    nsdm, psdm, hvtp = layer(93, 44, "nsdm"), layer(94, 20, "psdm"), layer(78, 44, "hvtp")
    bulk = extraction.make_layer("bulk")
    ndiff, pdiff = (diff & nsdm) - nwell, diff & psdm & nwell
    ngate, pgate = ndiff & poly, pdiff & poly & hvtp
    nsd, psd = ndiff - poly, pdiff - poly
    ptap, ntap = (tap & psdm) - nwell, tap & nsdm & nwell
    for kind, sd, gate, well in (("nfet_01v8", nsd, ngate, bulk), ("pfet_01v8_hvt", psd, pgate, nwell)):
        device = db.DeviceExtractorMOS4Transistor(kind)
        extraction.extract_devices(device, {"SD": sd, "G": gate, "P": poly, "W": well})
    stack = [layer(number, datatype, name) for number, datatype, name in (
        (66, 44, "licon"), (67, 20, "li1"), (67, 44, "mcon"), (68, 20, "met1"), (68, 44, "via"), (69, 20, "met2"),
        (69, 44, "via2"), (70, 20, "met3"), (70, 44, "via3"), (71, 20, "met4"))]  # fmt: skip
    for region in (nsd, psd, poly, nwell, ptap, ntap, *stack):
        extraction.connect(region)
    for below, above in pairwise(stack):
        extraction.connect(below, above)
    for region in (nsd, psd, poly, ptap, ntap):
        extraction.connect(region, stack[0])
    extraction.connect(ntap, nwell)
    extraction.connect_global(bulk, "SUBSTRATE")
    extraction.connect_global(ptap, "SUBSTRATE")
    for metal, number in ((stack[5], 69), (stack[9], 71)):
        extraction.connect(metal, extraction.make_text_layer(layout.layer(number, 5), f"label {number}"))
    extraction.extract_netlist()
    return flat(extraction.netlist(), layout.top_cell().name)


def schematic(drawing: Drawing, directory: Path) -> db.Netlist:
    """The same from the netlist and the library's circuits."""
    placed = json.loads(drawing.placement.read_text(encoding="utf-8"))["components"]
    nets = {instance.name: dict(instance.nets) for instance in drawing.netlist.instances}
    texts, orders = [], {}
    for kind in sorted({cell["master"] for cell in placed}):
        text = master(kind).gds.with_suffix(".cdl").read_text(encoding="utf-8")
        header = _HEADER.search(text.replace("\n+", ""))
        assert header is not None
        orders[kind] = header[2].split()
        # The special transistor differs in its simulation model alone, not in its masks.
        texts.append(_SIZE.sub(r"\1=\2u", text.replace("special_nfet_01v8", "nfet_01v8")))
    names = [name for name, _, _ in drawing.netlist.port_bits()]
    lines = [f".SUBCKT {drawing.netlist.top} {' '.join(names)} VPWR VGND"]
    for index, cell in enumerate(placed):
        pins = nets.get(cell["name"], {})
        wires = [POWER.get(pin) or drawing.netlist.nets[pins[pin]] for pin in orders[cell["master"]]]
        lines.append(f"X{index} {' '.join(wires)} {cell['master']}")
    path = directory / "schematic.cdl"
    path.write_text("\n".join([*texts, *lines, ".ENDS", ""]), encoding="utf-8")
    netlist = db.Netlist()
    netlist.read(str(path), db.NetlistSpiceReader())
    return flat(netlist, drawing.netlist.top)


def flat(netlist: db.Netlist, top: str) -> db.Netlist:
    """One circuit of transistors, fingers of one joined."""
    netlist = netlist.dup()
    for circuit in [circuit for circuit in netlist.each_circuit_bottom_up() if circuit.name.upper() != top.upper()]:
        netlist.flatten_circuit(circuit)
    netlist.combine_devices()
    netlist.make_top_level_pins()
    netlist.purge()
    return netlist


def equal(layout: db.Netlist, reference: db.Netlist) -> bool:
    comparer = db.NetlistComparer()
    comparer.same_circuits(layout.top_circuit(), reference.top_circuit())
    comparer.max_branch_complexity, comparer.max_depth = 2000, 40
    return bool(comparer.compare(layout, reference))


@pytest.mark.slow
def test_transistors_are_those_of_the_netlist(tmp_path: Path) -> None:
    done = draw(chain(), tmp_path)
    layout, reference = extracted(done.gds), schematic(done, tmp_path)
    devices = [sum(1 for _ in netlist.circuit_by_name(name).each_device()) for netlist, name in (
        (layout, "chain"), (reference, reference.top_circuit().name))]  # fmt: skip
    assert devices[0] == devices[1] > 100
    assert equal(layout, reference)


@pytest.mark.slow
def test_one_transistor_less_is_seen(tmp_path: Path) -> None:
    done = draw(chain(), tmp_path)
    broken = db.Layout()
    broken.read(str(done.gds))
    poly = broken.cell(full_name("xor2_1")).shapes(broken.layer(66, 20))
    poly.erase(next(iter(poly.each())))
    path = tmp_path / "broken.gds"
    broken.write(str(path))
    assert not equal(extracted(path), schematic(done, tmp_path))
