"""Transistors drawn in a cell, against the library's own SPICE netlists of the same cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from klayout import db

from sandgrain.layout.errors import LibraryError
from sandgrain.layout.transistors import Transistor, drawn_transistors, reference_transistors, same_circuit
from tests.layout.small import LIBRARY, PREFIX, PROCESS


def both(name: str) -> tuple[list[Transistor], list[Transistor], tuple[dict[str, str], dict[str, str]]]:
    model = LIBRARY.model(name)
    drawn = drawn_transistors(model.regions, PROCESS)
    ports, wanted = reference_transistors(LIBRARY.file(name).with_suffix(".spice"), name)
    pins = {pin: f"n{model.pins[pin][0]}" for pin in ports}
    return drawn, wanted, (pins, {pin: pin for pin in ports})


@pytest.mark.parametrize("kind", ["inv_1", "nand2_1", "a21oi_1", "mux2_1", "decap_12", "xor2_1", "buf_16"])
def test_a_cell_is_the_circuit_of_its_netlist(kind: str) -> None:
    drawn, wanted, pins = both(PREFIX + kind)
    assert drawn and same_circuit(drawn, wanted, pins)


def test_a_cell_is_not_the_circuit_of_another() -> None:
    drawn, _, pins = both(f"{PREFIX}nand2_1")
    ports, other = reference_transistors(LIBRARY.file(f"{PREFIX}nor2_1").with_suffix(".spice"), f"{PREFIX}nor2_1")
    assert not same_circuit(drawn, other, (pins[0], {pin: pin for pin in ports}))


@pytest.mark.parametrize("layer", ["diff", "hvtp", "nsdm", "poly"])
def test_a_changed_layer_changes_the_circuit(layer: str) -> None:
    name = f"{PREFIX}inv_1"
    model = LIBRARY.model(name)
    _, wanted, pins = both(name)
    box = model.regions[layer].bbox()
    cut = db.Region(db.Box(box.left, box.bottom, box.right, box.bottom + box.height() // 2))
    regions = {**model.regions, layer: (model.regions[layer] - cut).merged()}
    assert not same_circuit(drawn_transistors(regions, PROCESS), wanted, pins)


def test_sizes_count() -> None:
    drawn, wanted, pins = both(f"{PREFIX}inv_1")
    wider = [Transistor(one.kind, one.gate, one.bulk, one.ends, one.width + 10, one.length) for one in wanted]
    assert same_circuit(drawn, wanted, pins) and not same_circuit(drawn, wider, pins)


def test_a_missing_netlist_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cell.spice"
    path.write_text(".subckt other A\n.ends\n", encoding="utf-8")
    with pytest.raises(LibraryError, match="no subcircuit 'cell'"):
        reference_transistors(path, "cell")
    path.write_text(".subckt cell A\nX0 a b c\n.ends\n", encoding="utf-8")
    with pytest.raises(LibraryError, match=r"cell.spice:2: no transistor"):
        reference_transistors(path, "cell")


@pytest.mark.slow
def test_all_cells_with_transistors_are_the_circuits_of_their_netlists() -> None:
    """The rest are a diode, which is no transistor, and a cell made of other cells."""
    same, other = 0, []
    for name in LIBRARY.names:
        try:
            drawn, wanted, pins = both(name)
        except (LibraryError, KeyError):
            other.append(name)
            continue
        if same_circuit(drawn, wanted, pins):
            same += 1
        else:
            other.append(name)
    assert same == len(LIBRARY.names) - 2 and set(other) == {f"{PREFIX}diode_2", f"{PREFIX}macro_sparecell"}
