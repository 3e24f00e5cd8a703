from __future__ import annotations

from importlib.resources import files

import pytest

from sandgrain.netlist.bundled import TABLES, bundled_cell, bundled_library
from sandgrain.netlist.cell_function import FLIP_FLOP
from sandgrain.netlist.model import INPUT, OUTPUT
from sandgrain.netlist.verilog import read_verilog
from tests.netlist.behaviour import Behaviour, function_of, pins_of, table
from tests.netlist.formats import SHARED

LIBRARY = bundled_library()


@pytest.mark.parametrize(
    ("name", "output", "inputs", "expected"),
    [
        ("AND3X1", "Q", ["IN1", "IN2", "IN3"], "00000001"),
        ("NAND2X0", "QN", ["IN1", "IN2"], "1110"),
        ("NOR2X0", "QN", ["IN1", "IN2"], "1000"),
        ("XNOR3X1", "Q", ["IN1", "IN2", "IN3"], "10010110"),
        ("AO21X1", "Q", ["IN1", "IN2", "IN3"], "01010111"),
        ("OAI21X1", "QN", ["IN1", "IN2", "IN3"], "11101010"),
        ("AO22X1", "Q", ["IN1", "IN2", "IN3", "IN4"], "0001000100011111"),
        ("AOI22X1_RS", "Y", ["A0", "A1", "B0", "B1"], "1110111011100000"),
        ("OAI21X1_RS", "Y", ["A0", "A1", "B0"], "11101010"),
        ("MUX21X1", "Q", ["S", "IN1", "IN2"], "00110101"),
        ("MX2X1_RS", "Y", ["S0", "A", "B"], "00110101"),
        ("ISOLANDX1", "Q", ["D", "ISO"], "0010"),
        ("ISOLORX1", "Q", ["D", "ISO"], "0111"),
        ("HADDX1", "C1", ["A0", "B0"], "0001"),
        ("FADDX1", "CO", ["A", "B", "CI"], "00010111"),
        ("FADDX1", "S", ["A", "B", "CI"], "01101001"),
        ("NBUFFX2", "Q", ["IN"], "01"),
        ("INVX0", "QN", ["IN"], "10"),
        ("TIEH", "Z", [], "1"),
        ("TIEL", "ZN", [], "0"),
    ],
)
def test_gates(name: str, output: str, inputs: list[str], expected: str) -> None:
    assert table(LIBRARY[name], output, inputs) == expected


def test_every_cell_has_pins_and_a_function() -> None:
    for name, cell in LIBRARY.items():
        assert cell.name == name and cell.origin.startswith("bundled table ")
        function = function_of(cell)
        assert cell.inert == (not function.outputs)
        assert {bit[0] for bit in function.inputs} <= {pin for pin, way in pins_of(cell).items() if way == INPUT}
        assert {bit[0] for bit in function.outputs} == {pin for pin, way in pins_of(cell).items() if way == OUTPUT}


def test_a_scan_flip_flop() -> None:
    running = Behaviour(LIBRARY["SDFFX1"], SE=1, SI=1)
    assert running.change(CLK=1).output("Q") is True
    assert running.change(CLK=0, SE=0).change(CLK=1).output("QN") is True


def test_the_flip_flop_of_netlists_of_primitives() -> None:
    (state,) = function_of(LIBRARY["dff"]).states
    assert (state.kind, state.both) == (FLIP_FLOP, "x")
    running = Behaviour(LIBRARY["dff"], RN=1, SN=1, D=1).change(CK=1)
    assert running.output("Q") is True
    assert running.change(RN=0).output("Q") is False
    assert running.change(RN=1).change(SN=0).output("Q") is True
    assert running.change(RN=0).output("Q") is None


def test_falling_clocks_and_latches() -> None:
    falling = Behaviour(LIBRARY["DFFNX2"], CLK=1, D=1)
    assert falling.change(CLK=0).change(D=0).change(CLK=1).output("Q") is True
    latch = Behaviour(LIBRARY["LATCHX1"], CLK=1, D=1)
    assert latch.change(CLK=0).change(D=0).output("QN") is False


def test_pins_tell_cells_of_one_name_apart() -> None:
    one = bundled_cell("NOR2X1", [("IN1", 1), ("IN2", 1), ("QN", 1)], {})
    other = bundled_cell("NOR2X1", [("A", 1), ("Y", 1)], {})
    assert one is not None and other is not None and list(one.pins) != list(other.pins)
    assert bundled_cell("NOR2X1", [("#0", 1), ("#1", 1)], {}) == LIBRARY["NOR2X1"]
    assert bundled_cell("NOR2X1", [("foo", 1)], {}) is None
    assert bundled_cell("nobody", [], {}) is None
    assert bundled_cell("NOR2X1", [], {"W": 1}) is None


def test_fillers_are_inert() -> None:
    pins = [(name, 1) for name in ("VGND", "VNB", "VPB", "VPWR")]
    for name in ("sky130_ef_sc_hd__decap_12", "sky130_ef_sc_hd__fill_8"):
        cell = bundled_cell(name, pins, {})
        assert cell is not None and cell.inert and not function_of(cell).outputs


def test_the_tables_are_there() -> None:
    found = {item.name for item in files("sandgrain.netlist").joinpath("data").iterdir()}
    assert found == {f"{table}.toml" for table in TABLES}


TRUSTHUB = sorted((SHARED / "trusthub").glob("[rs]*.v")) if SHARED.is_dir() else []


@pytest.mark.skipif(not TRUSTHUB, reason="the shared netlists are not here")
def test_every_cell_of_published_netlists_is_known() -> None:
    for path in TRUSTHUB:
        for module in read_verilog([path]).modules.values():
            cells = module.cells
            for kind in cells.type_names:
                first = int(cells.of_type(kind)[0])
                pins = [(pin.name, int(pin.bits.size)) for pin in cells.pins(first)]
                assert bundled_cell(kind, pins, {}) is not None, (path.name, kind, pins)
