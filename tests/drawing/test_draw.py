"""A drawing is its netlist: no wire more, no wire less, and every polygon legal."""

from __future__ import annotations

import importlib.util
import json
from itertools import pairwise
from pathlib import Path

import pytest
from klayout import db

from sandgrain.drawing import CellNetlist, CellPort, Drawing, DrawingError, Instance, draw, map_to_cells
from sandgrain.drawing.library import full_name, master
from sandgrain.netlist import Design
from tests.drawing.conftest import ring
from tests.drawing.reading import expected, extracted, rule_violations


def test_the_drawing_connects_what_the_netlist_does(drawn: Drawing) -> None:
    signals, supplies = extracted(drawn.gds, drawn.placement)
    assert signals == expected(drawn.netlist)
    assert sorted(map(sorted, supplies)) == [["VGND"], ["VPWR"]]


def test_the_check_sees_a_missing_wire(drawn: Drawing, tmp_path: Path) -> None:
    layout = db.Layout()
    layout.read(str(drawn.gds))
    vias = layout.top_cell().shapes(layout.layer(69, 44))
    # On a track; the cuts of the power stacks are not.
    vias.erase(next(shape for shape in vias.each() if shape.bbox().center().x % 460 == 230))
    broken = tmp_path / "broken.gds"
    layout.write(str(broken))
    assert extracted(broken, drawn.placement)[0] != expected(drawn.netlist)


def test_widths_spaces_and_enclosures_are_legal(drawn: Drawing) -> None:
    assert rule_violations(drawn.gds) == {}


def test_the_masters_are_the_library_s(drawn: Drawing) -> None:
    layout = db.Layout()
    layout.read(str(drawn.gds))
    for name in ("nand2_1", "dfrtp_1", "tapvpwrvgnd_1"):
        library = db.Layout()
        library.read(str(master(name).gds))
        ours, theirs = layout.cell(full_name(name)), library.cell(full_name(name))
        for index in library.layer_indexes():
            info = library.get_info(index)
            here = db.Region(ours.begin_shapes_rec(layout.layer(info)))
            assert (here ^ db.Region(theirs.begin_shapes_rec(index))).is_empty(), info


def test_rows_are_without_gaps_and_overlaps(drawn: Drawing) -> None:
    record = json.loads(drawn.placement.read_text(encoding="utf-8"))
    for row in record["rows"]:
        here = sorted(
            (cell["x"], cell["x"] + master(cell["master"]).width)
            for cell in record["components"]
            if cell["y"] == row["y"]
        )
        assert here[0][0] == row["x"]
        assert here[-1][1] == row["x"] + 460 * row["sites"]
        assert all(one[1] == other[0] for one, other in pairwise(here))


def test_ports_and_supplies_are_labelled_pins(drawn: Drawing) -> None:
    layout = db.Layout()
    layout.read(str(drawn.gds))
    top = layout.top_cell()
    for metal, names in ((69, {"clk", "rst", "d", "unused", "q[0]", "q[1]", "one"}), (71, {"VPWR", "VGND"})):
        pins = db.Region(top.shapes(layout.layer(metal, 16)))
        texts = [shape.text for shape in top.shapes(layout.layer(metal, 5)).each(db.Shapes.STexts)]
        assert {text.string for text in texts} == names
        for text in texts:
            assert not (pins & db.Region(db.Box(text.x - 1, text.y - 1, text.x + 1, text.y + 1))).is_empty()
    assert top.shapes(layout.layer(235, 4)).size() == 1


def test_the_same_seed_gives_the_same_bytes(drawn: Drawing, tmp_path: Path) -> None:
    again = draw(ring(12), tmp_path / "again")
    for attribute in ("gds", "verilog", "powered_verilog", "placement"):
        assert getattr(again, attribute).read_bytes() == getattr(drawn, attribute).read_bytes()
    other = draw(ring(12), tmp_path / "other", seed=1)
    assert other.gds.read_bytes() != drawn.gds.read_bytes()
    assert other.verilog.read_bytes() == drawn.verilog.read_bytes()


def test_only_the_powered_netlist_has_power_and_fill(drawn: Drawing) -> None:
    plain, powered = (path.read_text(encoding="utf-8") for path in (drawn.verilog, drawn.powered_verilog))
    assert "VPWR" not in plain and "tapvpwrvgnd" not in plain
    assert ".VPWR(VPWR)" in powered and "sky130_fd_sc_hd__tapvpwrvgnd_1 TAP_0_0" in powered
    assert plain.count("sky130_fd_sc_hd__") == len(drawn.netlist.instances)


def test_a_cell_the_library_lacks_is_refused(tmp_path: Path) -> None:
    netlist = CellNetlist(
        "t", (Instance("u", full_name("nand9_1"), (("A", 0),)),), ("a",), (CellPort("a", "input", (0,)),)
    )
    with pytest.raises(DrawingError, match="nand9_1"):
        draw(netlist, tmp_path)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DrawingError, match="do not fit"):
        draw(ring(12), tmp_path, utilisations=(1.5,))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_serv_is_drawn_as_mapped(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("pythondata_cpu_serv")
    if spec is None or spec.origin is None:
        pytest.skip("pythondata_cpu_serv is not installed")
    root = Path(spec.origin).parent / "verilog" / "rtl"
    design = Design(root, tuple(sorted(path.name for path in root.glob("*.v"))), "serv_top")
    done = draw(map_to_cells(design), tmp_path, utilisations=(0.3, 0.25))
    assert len(done.netlist.instances) > 800
    signals, supplies = extracted(done.gds, done.placement)
    assert signals == expected(done.netlist)
    assert len(supplies) == 2
    assert rule_violations(done.gds) == {}
