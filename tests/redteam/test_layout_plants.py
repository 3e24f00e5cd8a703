"""Plants in layouts: the record tells where, the effect is real, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from klayout import db

from sandgrain.drawing import Drawing, draw
from sandgrain.redteam import RedTeamError
from sandgrain.redteam._layout import LAYERS
from sandgrain.redteam.layout_plants import VARIANTS, LayoutPlant, LayoutPlantKind, LayoutTarget, plant_layout
from tests.drawing.conftest import ring

K = LayoutPlantKind
FORMS = [(kind, form) for kind in K for form in VARIANTS[kind]]
TINYTAPEOUT = Path(__file__).resolve().parents[3] / "shared" / "data" / "tinytapeout"


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawing:
    return draw(ring(12), tmp_path_factory.mktemp("layout"))


@pytest.fixture(scope="session")
def target(drawn: Drawing) -> LayoutTarget:
    return LayoutTarget(drawn.gds)


def read(path: Path) -> db.Layout:
    layout = db.Layout()
    layout.read(str(path))
    return layout


def difference(one: db.Layout, other: db.Layout) -> db.Box:
    """The box around all polygons that differ on any layer."""
    found = db.Box()
    pairs = {(info.layer, info.datatype) for layout in (one, other) for info in layout.layer_infos()}
    for pair in pairs:
        here, there = (
            db.Region(layout.top_cell().begin_shapes_rec(layout.layer(*pair))).merged() for layout in (one, other)
        )
        found += (here ^ there).bbox()
    return found


def in_nanometres(box: tuple[float, float, float, float]) -> db.Box:
    return db.Box(*(round(value * 1000) for value in box))


def pins(target: LayoutTarget) -> set[frozenset[tuple[str, str]]]:
    return {frozenset((t.cell, t.pin) for t in net.terminals) for net in target.nets.values() if net.terminals}


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_what_changed_is_where_the_record_says(
    target: LayoutTarget, drawn: Drawing, tmp_path: Path, kind: K, form: str
) -> None:
    out = tmp_path / "planted.gds"
    record = plant_layout(target, kind, 3, out, variant=form)
    changed = difference(read(drawn.gds), read(out))
    box = in_nanometres(record.box)
    if form == "names exchanged":
        assert changed.empty()
        return
    margin = 400 if "cell" in record.layers else 0  # wells and implants of a cell reach over its outline
    assert box.enlarged(margin, margin).contains(changed.p1) and box.enlarged(margin, margin).contains(changed.p2)
    if "cell" not in record.layers:
        assert changed == box
    assert record.kind == kind and record.layers and record.what
    assert plant_layout(target, kind, 3, tmp_path / "again.gds", variant=form) == record
    assert (tmp_path / "again.gds").read_bytes() == out.read_bytes()


def plant(target: LayoutTarget, tmp_path: Path, kind: K, seed: int, form: str) -> tuple[LayoutPlant, LayoutTarget]:
    out = tmp_path / f"{kind}-{seed}.gds"
    record = plant_layout(target, kind, seed, out, variant=form)
    return record, LayoutTarget(out)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "form"), [(K.WIRE_CUT, "cut"), (K.VIA_REMOVED, "single")])
def test_a_cut_separates_pins_that_were_one_net(
    target: LayoutTarget, tmp_path: Path, kind: K, form: str, seed: int
) -> None:
    record, after = plant(target, tmp_path, kind, seed, form)
    lost, new = pins(target) - pins(after), pins(after) - pins(target)
    assert len(lost) == 1 and not record.redundant
    assert frozenset().union(*new) <= next(iter(lost)) and all(part < next(iter(lost)) for part in new)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "form"), [(K.WIRES_BRIDGED, "bridge"), (K.VIA_ADDED, "crossing")])
def test_a_bridge_joins_two_nets_and_touches_no_third(
    target: LayoutTarget, tmp_path: Path, kind: K, form: str, seed: int
) -> None:
    _, after = plant(target, tmp_path, kind, seed, form)
    lost, new = pins(target) - pins(after), pins(after) - pins(target)
    assert len(lost) == 2 and new == {frozenset().union(*lost)}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (K.VIA_REMOVED, "redundant"),
        (K.EXTRA_WIRE, "stub"),
        (K.TEXT_HIDING, "text"),
        (K.TRANSISTOR_WIDENED, "over the instance"),
    ],
)
def test_what_joins_and_separates_nothing_leaves_the_nets_alone(
    target: LayoutTarget, tmp_path: Path, kind: K, form: str
) -> None:
    record, after = plant(target, tmp_path, kind, 1, form)
    assert pins(after) == pins(target)
    assert record.redundant == (form == "redundant")


def test_a_wire_to_an_unused_pin_reaches_it(target: LayoutTarget, tmp_path: Path) -> None:
    record, after = plant(target, tmp_path, K.EXTRA_WIRE, 2, "unused pin")
    new = pins(after) - pins(target)
    assert len(new) == 1
    assert any(cell == record.cells[0] for cell, _ in next(iter(new)))


def test_a_wider_transistor_is_wider(target: LayoutTarget, drawn: Drawing, tmp_path: Path) -> None:
    out = tmp_path / "wide.gds"
    plant_layout(target, K.TRANSISTOR_WIDENED, 5, out, variant="own master")

    def gates(layout: db.Layout) -> tuple[int, int]:
        diff, poly = (
            db.Region(layout.top_cell().begin_shapes_rec(layout.layer(number, 20))).merged() for number in (65, 66)
        )
        return (diff & poly).count(), (diff & poly).area()

    (count, area), (after_count, after_area) = gates(read(drawn.gds)), gates(read(out))
    assert after_count == count and after_area > area


def test_one_kind_goes_to_many_places(target: LayoutTarget, tmp_path: Path) -> None:
    boxes = {plant_layout(target, K.WIRE_CUT, seed, tmp_path / "p.gds").box for seed in range(12)}
    assert len(boxes) > 8


def test_a_layout_without_a_place_is_refused(tmp_path: Path) -> None:
    layout = db.Layout()
    layout.create_cell("empty").shapes(layout.layer(235, 4)).insert(db.Box(0, 0, 1000, 1000))
    path = tmp_path / "empty.gds"
    layout.write(str(path))
    for kind in K:
        with pytest.raises(RedTeamError, match="no place"):
            plant_layout(path, kind, 0, tmp_path / "out.gds")
    assert not (tmp_path / "out.gds").exists()


def test_what_is_no_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.gds"
    path.write_bytes(b"\x00\x06\x00\x02not a layout")
    with pytest.raises(RedTeamError, match="cannot be read"):
        plant_layout(path, K.WIRE_CUT, 0, tmp_path / "out.gds")
    two = db.Layout()
    two.create_cell("a")
    two.create_cell("b")
    two.write(str(path))
    with pytest.raises(RedTeamError, match="2 top cells"):
        plant_layout(path, K.WIRE_CUT, 0, tmp_path / "out.gds")


def test_unknown_kinds_and_forms_are_refused(target: LayoutTarget, tmp_path: Path) -> None:
    with pytest.raises(RedTeamError, match="unknown plant"):
        plant_layout(target, "earthquake", 0, tmp_path / "out.gds")
    with pytest.raises(RedTeamError, match="unknown form"):
        plant_layout(target, K.WIRE_CUT, 0, tmp_path / "out.gds", variant="twice")


def taped_out(name: str) -> Path:
    path = TINYTAPEOUT / f"{name}.gds"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
    return path


def test_every_form_finds_places_on_a_taped_out_design(tmp_path: Path) -> None:
    path = taped_out("tt_um_test")
    target, original, out = LayoutTarget(path), read(path), tmp_path / "planted.gds"
    for kind, form in FORMS:
        record = plant_layout(target, kind, 1, out, variant=form)
        if "cell" in record.layers:
            continue
        planted, changed = read(out), db.Box()
        for layer in record.layers:
            pair = LAYERS[layer]
            one, other = (
                db.Region(layout.top_cell().begin_shapes_rec(layout.layer(*pair))).merged()
                for layout in (original, planted)
            )
            changed += (one ^ other).bbox()
        assert changed == in_nanometres(record.box), record


@pytest.mark.slow
def test_many_places_are_found_on_a_larger_one(tmp_path: Path) -> None:
    target = LayoutTarget(taped_out("tt_um_MichaelBell_hovalaag"))
    for kind in K:
        boxes = {plant_layout(target, kind, seed, tmp_path / "planted.gds").box for seed in range(12)}
        assert len(boxes) >= 8, kind
