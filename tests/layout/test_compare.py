"""Netlist = layout on a row of real cells: the clean drawing is proved, every modification refuted where it is."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from klayout import db

from sandgrain.layout.errors import LayoutError
from sandgrain.layout.result import Difference, Kind, LayoutComparison
from sandgrain.verdict import Verdict
from tests.layout.small import CELLS, LIBRARY, PREFIX, PROCESS, Cells, Small, compared, small, verilog


def found(result: LayoutComparison, kind: Kind, box: db.Box) -> Difference:
    """The finding of a kind within a micrometre of a place."""
    assert result.verdict is Verdict.REFUTED, result.findings
    unit = PROCESS.database_unit
    sides = tuple(side * unit for side in (box.left, box.bottom, box.right, box.top))
    for finding in result.findings:
        at = finding.box
        if finding.kind is not kind or finding.status != "refutes" or at is None:
            continue
        if all(abs(one - two) <= 1.0 for one, two in zip(at, sides, strict=True)):
            return finding
    pytest.fail(f"no {kind} at {sides}: {[(one.kind.value, one.box) for one in result.findings]}")


@pytest.mark.parametrize(("powered", "fillers"), [(False, True), (True, True), (False, False)])
def test_the_clean_drawing_is_proved(powered: bool, fillers: bool, tmp_path: Path) -> None:
    result = compared(small(), verilog(powered=powered, fillers=fillers), tmp_path)
    assert (result.verdict, result.findings) == (Verdict.PROVED, ())
    assert {item.what for item in result.explained} == {
        PREFIX + kind for kind in ("tapvpwrvgnd_1", "decap_3", "fill_1")
    }
    assert result.certificate


@pytest.mark.parametrize("seed", range(3))
def test_names_and_order_decide_nothing(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    chip = small()
    for number, cell in enumerate(list(chip.layout.each_cell())):
        if cell.name != "row_of_cells":
            # A gate may be called a filler: what it is follows from its geometry.
            chip.layout.rename_cell(cell.cell_index(), f"{PREFIX}fill_{100 + number}")
    nets = {net for _, _, pins in CELLS for net in pins.values()} - {"a", "b", "clk", "y", "q", "z", "zero"}
    names = {net: f"m{rng.randrange(10**6)}" for net in sorted(nets)}
    cells = [
        (f"i{rng.randrange(10**9)}", kind, {pin: names.get(net, net) for pin, net in pins.items()})
        for _, kind, pins in CELLS
    ]
    rng.shuffle(cells)
    assert compared(chip, verilog(cells), tmp_path).verdict is Verdict.PROVED


def changed(name: str, **pins: str) -> Cells:
    """The cells with some pins of one on other nets."""
    return [(one, kind, {**nets, **pins} if one == name else nets) for one, kind, nets in CELLS]


def test_pins_are_not_swappable(tmp_path: Path) -> None:
    """The two inputs of a NAND compute the same; they are not the same pin."""
    result = compared(small(), verilog(changed("u2", A="b", B="n1")), tmp_path)
    assert result.verdict is Verdict.REFUTED


def test_ports_in_each_others_place(tmp_path: Path) -> None:
    text = verilog().replace(".A(a)", ".A(t)").replace(".B(b)", ".B(a)").replace(".A(t)", ".A(b)")
    result = compared(small(), text, tmp_path)
    assert result.verdict is Verdict.REFUTED
    assert {"a", "b"} <= {net for finding in result.findings for net in finding.nets}


def test_another_cell_in_the_netlist(tmp_path: Path) -> None:
    text = verilog().replace(f"{PREFIX}nand2_1 u2", f"{PREFIX}nor2_1 u2")
    chip = small()
    result = compared(chip, text, tmp_path)
    finding = found(result, Kind.CELL_SWAPPED, db.Box(chip.at["u2"], 0, chip.at["u2"] + 1_380, 2_720))
    assert finding.instances == ("u2",)


def test_a_swapped_cell(tmp_path: Path) -> None:
    chip = small([(one, "nor2_1" if one == "u2" else kind, nets) for one, kind, nets in CELLS])
    found(
        compared(chip, verilog(), tmp_path), Kind.CELL_SWAPPED, db.Box(chip.at["u2"], 0, chip.at["u2"] + 1_380, 2_720)
    )


def test_a_filler_turned_into_a_gate(tmp_path: Path) -> None:
    chip = small([(one, "nor2_1" if one == "f0" else kind, nets) for one, kind, nets in CELLS])
    at = chip.at["f0"]
    found(compared(chip, verilog(), tmp_path), Kind.FILLER_TO_GATE, db.Box(at, 0, at + 1_380, 2_720))


def test_a_cut_wire(tmp_path: Path) -> None:
    chip = small()
    y, x = chip.tracks["n2"], chip.pins["u4", "D"].x
    gap = db.Box(x - 1_200, y - 150, x - 1_000, y + 150)
    chip.erase("met3", gap)
    finding = found(compared(chip, verilog(), tmp_path), Kind.OPEN, gap)
    assert (finding.layer, finding.nets) == ("met3", ("n2",))


def test_a_bridge(tmp_path: Path) -> None:
    chip = small()
    low, high = chip.tracks["n1"], chip.tracks["n2"]
    x = chip.pins["u2", "Y"].x + 1_000
    bridge = chip.draw("met3", x, low, x + 140, high)
    finding = found(compared(chip, verilog(), tmp_path), Kind.SHORT, bridge)
    assert set(finding.nets) == {"n1", "n2"}


@pytest.mark.parametrize("cut", ["mcon", "via", "via2"])
def test_a_removed_via(cut: str, tmp_path: Path) -> None:
    chip = small()
    at = chip.pins["u2", "B"]
    y = chip.tracks["b"] if cut == "via2" else at.y
    place = db.Box(at.x - 100, y - 100, at.x + 100, y + 100)
    chip.erase(cut, place)
    finding = found(compared(chip, verilog(), tmp_path), Kind.VIA_REMOVED, place)
    assert (finding.layer, finding.nets) in {(cut, ("b",)), (cut, ())}


def test_an_added_via(tmp_path: Path) -> None:
    chip = small()
    crossing = chip.pins["u4", "CLK"].x, chip.tracks["b"]
    cut = chip.draw("via2", crossing[0] - 100, crossing[1] - 100, crossing[0] + 100, crossing[1] + 100)
    chip.draw("met3", crossing[0] - 150, crossing[1] - 150, crossing[0] + 150, crossing[1] + 150)
    if chip.pins["u2", "B"].x < crossing[0]:
        chip.draw("met3", chip.pins["u2", "B"].x, crossing[1] - 150, crossing[0], crossing[1] + 150)
    result = compared(chip, verilog(), tmp_path)
    assert {finding.kind for finding in result.findings} & {Kind.VIA_ADDED, Kind.SHORT}
    assert result.verdict is Verdict.REFUTED
    assert cut.width() == 200


def test_a_via_that_leads_nowhere(tmp_path: Path) -> None:
    chip = small()
    x, y = chip.pins["u2", "B"].x, chip.tracks["b"]
    cut = chip.draw("via3", x - 600, y - 100, x - 400, y + 100)
    found(compared(chip, verilog(), tmp_path), Kind.VIA_ADDED, cut)


def variant(chip: Small, name: str) -> db.Cell:
    """The cell of one placement made one of its own, so that changing it changes nothing else."""
    for instance in chip.top.each_inst():
        if instance.trans.disp.x == chip.at[name]:
            copy = instance.cell.dup()
            instance.cell_index = copy.cell_index()
            return copy
    raise LookupError(name)


def test_a_widened_transistor(tmp_path: Path) -> None:
    chip = small()
    cell = variant(chip, "u2")
    diff, poly = chip.layer("diff"), chip.layer("poly")
    gate = next((db.Region(cell.shapes(diff)) & db.Region(cell.shapes(poly))).merged().each()).bbox()
    piece = db.Box(gate.left - 60, gate.top, gate.right + 60, gate.top + 70)
    cell.shapes(diff).insert(piece)
    found(compared(chip, verilog(), tmp_path), Kind.TRANSISTOR, piece.moved(chip.at["u2"], 0))


def test_a_widened_transistor_drawn_from_above(tmp_path: Path) -> None:
    chip = small()
    cell = chip.layout.cell(f"{PREFIX}nand2_1")
    gate = next(
        (db.Region(cell.shapes(chip.layer("diff"))) & db.Region(cell.shapes(chip.layer("poly")))).merged().each()
    ).bbox()
    at = chip.at["u2"]
    piece = chip.draw("diff", at + gate.left - 60, gate.top, at + gate.right + 60, gate.top + 70)
    found(compared(chip, verilog(), tmp_path), Kind.TRANSISTOR, piece)


@pytest.mark.parametrize("layer", ["nsdm", "psdm", "hvtp", "nwell", "lvtn"])
def test_a_changed_implant(layer: str, tmp_path: Path) -> None:
    chip = small()
    cell = variant(chip, "u2")
    shapes = cell.shapes(chip.layer(layer))
    region = db.Region(shapes).merged()
    if layer == "lvtn":
        hole = db.Box(300, 300, 700, 700)
        shapes.insert(hole)
    else:
        box = region.bbox()
        hole = db.Box(box.left + 300, box.bottom + 100, box.left + 600, box.bottom + 400)
        shapes.clear()
        shapes.insert(region - db.Region(hole))
    found(compared(chip, verilog(), tmp_path), Kind.IMPLANT, hole.moved(chip.at["u2"], 0))


def test_an_altered_cell_of_many_places_is_told_at_each(tmp_path: Path) -> None:
    chip = small()
    chip.layout.cell(f"{PREFIX}tapvpwrvgnd_1").shapes(chip.layer("psdm")).insert(db.Box(100, 1_500, 300, 1_700))
    result = compared(chip, verilog(), tmp_path)
    lefts = {round(finding.box[0] * 1_000) for finding in result.findings if finding.box}
    assert {chip.at["tap0"] + 100, chip.at["tap1"] + 100} <= lefts


def test_a_wire_on_an_unused_pin(tmp_path: Path) -> None:
    chip = small()
    metal = LIBRARY.model(f"{PREFIX}conb_1")
    assert "HI" in metal.pins
    from tests.layout.small import _metal

    own = _metal(f"{PREFIX}conb_1", "HI")
    at = next(
        (x, y)
        for x in range(own.bbox().left + 85, own.bbox().right, 20)
        for y in range(900, 2_000, 20)
        if (db.Region(db.Box(x - 85, y - 85, x + 85, y + 85)) - own).is_empty()
    )
    x, y = at[0] + chip.at["u5"], at[1]
    chip.draw("mcon", x - 85, y - 85, x + 85, y + 85)
    wire = chip.draw("met1", x - 145, y - 130, x + 145, y + 130)
    finding = found(compared(chip, verilog(), tmp_path), Kind.EXTRA_WIRE, wire)
    assert finding.nets[0].startswith("u5.HI")


def test_metal_text_over_a_polygon(tmp_path: Path) -> None:
    chip = small()
    for number in range(3):
        chip.draw("met4", -8_000 + number * 900, 6_000, -7_400 + number * 900, 7_500)
    hidden = chip.draw("met2", -7_800, 6_300, -6_000, 6_700)
    result = compared(chip, verilog(), tmp_path)
    found(result, Kind.HIDDEN_SHAPE, hidden)
    assert Kind.FLOATING_METAL in {finding.kind for finding in result.findings}


def test_poly_beneath_metal_text(tmp_path: Path) -> None:
    chip = small()
    chip.draw("met4", -8_000, 6_000, -6_000, 7_500)
    hidden = chip.draw("poly", -7_500, 6_300, -6_500, 6_700)
    found(compared(chip, verilog(), tmp_path), Kind.HIDDEN_SHAPE, hidden)


def test_a_wire_that_goes_on(tmp_path: Path) -> None:
    """A stub on its own layer: nothing but how far it goes tells it from the wire."""
    chip = small()
    y, x = chip.tracks["n1"], max(chip.pins[one].x for one in (("u1", "Y"), ("u2", "A"), ("u6", "B")))
    stub = chip.draw("met3", x + 100, y - 150, x + 2_000, y + 150)
    found(compared(chip, verilog(), tmp_path), Kind.DANGLING_WIRE, stub)


def test_a_port_that_goes_on_beyond_its_mark(tmp_path: Path) -> None:
    chip = small()
    y = chip.tracks["a"]
    more = chip.draw("met3", -6_000, y - 150, -1_900, y + 150)
    finding = next(one for one in compared(chip, verilog(), tmp_path).findings if one.kind is Kind.DANGLING_WIRE)
    assert finding.box is not None and abs(finding.box[0] * 1_000 - more.left) <= 1_000


def test_a_cut_of_another_shape(tmp_path: Path) -> None:
    chip = small()
    at = chip.pins["u2", "B"]
    long = chip.draw("via", at.x - 75, at.y - 75, at.x + 75, at.y + 900)
    found(compared(chip, verilog(), tmp_path), Kind.VIA_ADDED, long)


def test_a_dangling_wire_on_another_layer(tmp_path: Path) -> None:
    chip = small()
    x, y = chip.pins["u3", "X"].x, chip.tracks["y"]
    chip.draw("via3", x - 100, y - 100, x + 100, y + 100)
    wire = chip.draw("met4", x - 150, y - 150, x + 3_000, y + 150)
    found(compared(chip, verilog(), tmp_path), Kind.DANGLING_WIRE, wire)


def test_more_metal_on_an_unused_port(tmp_path: Path) -> None:
    chip = small()
    chip.draw("met3", -4_000, 20_000, -3_500, 20_300)
    chip.draw("met3_pin", -4_000, 20_000, -3_500, 20_300)
    chip.top.shapes(chip.layer("met3_label")).insert(db.Text("spare", db.Trans(-3_800, 20_150)))
    text = verilog().replace("(a, b,", "(spare, a, b,").replace("  input a;", "  input spare;\n  input a;")
    assert compared(chip, text, tmp_path).verdict is Verdict.PROVED
    more = chip.draw("met3", -3_500, 20_000, -2_000, 20_300)
    found(compared(chip, text, tmp_path), Kind.EXTRA_WIRE, more)


def test_cells_on_each_other(tmp_path: Path) -> None:
    chip = small()
    cell = chip.layout.cell(f"{PREFIX}fill_1")
    chip.top.insert(db.CellInstArray(cell.cell_index(), db.Trans(chip.at["f0"] + 100, 0)))
    assert Kind.CELLS_OVERLAP in {finding.kind for finding in compared(chip, verilog(), tmp_path).findings}


def test_an_extra_and_a_missing_cell(tmp_path: Path) -> None:
    chip = small()
    right = chip.at["tap1"] + 460
    cell = chip.layout.cell(f"{PREFIX}inv_1")
    chip.top.insert(db.CellInstArray(cell.cell_index(), db.Trans(right, 0)))
    found(compared(chip, verilog(), tmp_path), Kind.EXTRA_CELL, db.Box(right, 0, right + 1_380, 2_720))
    text = verilog([*CELLS, ("more", "inv_1", {"A": "q"})])
    missing = [one for one in compared(small(), text, tmp_path).findings if one.kind is Kind.MISSING_CELL]
    assert [one.instances for one in missing] == [("more",)]


Step = Callable[[Small], object]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (lambda chip: chip.top.shapes(chip.layout.layer(200, 7)).insert(db.Box(0, 0, 10, 10)), Kind.UNKNOWN_LAYER),
        (lambda chip: chip.draw("met3", -1_500, 15_000, -1_300, 15_150), Kind.FLOATING_METAL),
    ],
)
def test_what_nobody_explains_is_never_proved(step: Step, kind: Kind, tmp_path: Path) -> None:
    chip = small()
    step(chip)
    result = compared(chip, verilog(), tmp_path)
    assert result.verdict is not Verdict.PROVED
    assert kind in {finding.kind for finding in result.findings}


def test_ports_without_labels_leave_it_open(tmp_path: Path) -> None:
    result = compared(small(labels=False), verilog(), tmp_path)
    assert result.verdict is Verdict.OPEN
    assert {finding.kind for finding in result.findings} == {Kind.PORT}


def test_a_pin_the_netlist_has_no_port_for(tmp_path: Path) -> None:
    chip = small()
    chip.top.shapes(chip.layer("met3_label")).insert(db.Text("debug", db.Trans(-1_700, chip.tracks["a"])))
    result = compared(chip, verilog(), tmp_path)
    assert [(finding.kind, finding.status) for finding in result.findings] == [(Kind.PORT, "refutes")]


def test_an_unknown_cell_of_the_netlist_is_open_or_refuted(tmp_path: Path) -> None:
    text = verilog().replace(f"{PREFIX}buf_1 u3", "mystery u3")
    result = compared(small(), text, tmp_path)
    assert result.verdict is not Verdict.PROVED
    assert Kind.UNKNOWN_CELL in {finding.kind for finding in result.findings}


def test_an_older_netlist(tmp_path: Path) -> None:
    """Before layout a buffer may have been weaker; another function never passes."""
    weaker = verilog(fillers=False).replace(f"{PREFIX}buf_1 u3", f"{PREFIX}clkbuf_2 u3")
    assert compared(small(), weaker, tmp_path).verdict is Verdict.REFUTED
    result = compared(small(), weaker, tmp_path, pre_layout=True)
    assert result.verdict is Verdict.PROVED
    assert f"{PREFIX}buf_1" in {item.what for item in result.explained}
    other = verilog(fillers=False).replace(f"{PREFIX}nand2_1 u2", f"{PREFIX}nor2_1 u2")
    assert compared(small(), other, tmp_path, pre_layout=True).verdict is Verdict.REFUTED


def test_a_macro_nobody_describes_leaves_it_open(tmp_path: Path) -> None:
    """A hard macro that netlist and drawing agree on: its inside is not known, so nothing is proved."""
    chip = small()
    cell = chip.layout.cell(f"{PREFIX}buf_1")
    macro = chip.layout.create_cell("macro")
    macro.insert(db.CellInstArray(cell.cell_index(), db.Trans()))
    for layer in ("li1_label", "met1_label", "nwell_label", "pwell_label"):
        for shape in list(cell.shapes(chip.layer(layer)).each()):
            macro.shapes(chip.layer(layer)).insert(shape)
    macro.shapes(chip.layer("standard_cell")).insert(db.Box(0, 0, 1_380, 2_720))
    for instance in chip.top.each_inst():
        if instance.cell.name == cell.name:
            instance.cell_index = macro.cell_index()
    result = compared(chip, verilog().replace(f"{PREFIX}buf_1 u3", "macro u3"), tmp_path)
    assert result.verdict is Verdict.OPEN
    assert [(one.kind, one.status) for one in result.findings] == [(Kind.UNKNOWN_CELL, "open")]


def test_a_drawing_without_hierarchy_is_no_input(tmp_path: Path) -> None:
    chip = small()
    chip.top.flatten(True)
    with pytest.raises(LayoutError, match="places no cell with transistors"):
        compared(chip, verilog(), tmp_path)


def test_a_supply_label_on_the_other_supply(tmp_path: Path) -> None:
    chip = small()
    shapes = chip.top.shapes(chip.layer("met1_label"))
    shapes.clear()
    for name, y in (("VPWR", 0), ("VGND", 2_720)):
        shapes.insert(db.Text(name, db.Trans(400, y)))
    result = compared(chip, verilog(), tmp_path)
    assert {(one.kind, one.status) for one in result.findings} == {(Kind.WRONG_NET, "refutes")}


def test_a_bulk_pin_no_netlist_names_is_the_supply_of_its_cell(tmp_path: Path) -> None:
    text = verilog(powered=True).replace(", .VNB(VGND)", "").replace(", .VPB(VPWR)", "").replace(".VPB(VPWR), ", "")
    assert "VPB" not in text and "VNB" not in text
    assert compared(small(), text, tmp_path).verdict is Verdict.PROVED


def test_a_well_without_a_tap_is_not_connected(tmp_path: Path) -> None:
    cells = [one for one in CELLS if not one[1].startswith("tap")]
    result = compared(small(cells), verilog(cells), tmp_path)
    assert result.verdict is Verdict.REFUTED
    assert {one.kind for one in result.findings} & {Kind.OPEN, Kind.VIA_REMOVED}


def test_an_aligned_copy_of_a_cell_under_another_origin_is_that_cell(tmp_path: Path) -> None:
    chip = small()
    cell = chip.layout.cell(f"{PREFIX}nand2_1")
    for info in chip.layout.layer_indexes():
        cell.shapes(info).transform(db.Trans(5_000, -300))
    for instance in chip.top.each_inst():
        if instance.cell_index == cell.cell_index():
            instance.trans = instance.trans * db.Trans(-5_000, 300)
    assert compared(chip, verilog(), tmp_path).verdict is Verdict.PROVED
