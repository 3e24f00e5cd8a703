"""What is known of cells: from functional Verilog, from Liberty, from the bundled table."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandgrain.errors import NetlistError
from sandgrain.netlist.library import Library, read_library
from tests.netlist.sky130 import DEFINES, sky130_models

LIBERTY = """library (l) { cell (nand2) { pin (A) { direction : input; } pin (B) { direction : input; }
  pin (Y) { direction : output; function : "!(A & B)"; } } }
"""
VERILOG = "module nand2 (Y, A, B); output Y; input A, B; nor (Y, A, B); endmodule"


@pytest.fixture(scope="module", params=[False, True], ids=["signals", "power pins"])
def sky130(request: pytest.FixtureRequest) -> Library:
    return read_library(sky130_models(power_pins=request.param), defines=DEFINES)


def test_every_sky130_cell_has_a_function(sky130: Library) -> None:
    cells = {name: cell for name, cell in sky130.cells.items() if "udp" not in name}
    assert len(cells) == 437
    assert [name for name, cell in cells.items() if cell.function is None] == []
    inert = {name.removeprefix("sky130_fd_sc_hd__").rstrip("_0123456789") for name, cell in cells.items() if cell.inert}
    assert inert >= {"decap", "fill", "diode", "tapvpwrvgnd"}
    assert inert.isdisjoint({"inv", "nand2", "dfxtp", "conb", "dlclkp"})


def test_sky130_functions_are_what_the_names_say(sky130: Library) -> None:
    def value(name: str, pin: str, **inputs: int) -> bool:
        function = sky130.cells[f"sky130_fd_sc_hd__{name}"].function
        assert function is not None and function.combinational
        powered = {"VPWR": 1, "VPB": 1, "VGND": 0, "VNB": 0, **inputs}
        values = function.evaluate({item: bool(powered.get(item[0], 0)) for item in function.inputs})
        literal = function.outputs[pin, 0]
        return values[literal >> 1] ^ bool(literal & 1)

    for a in (0, 1):
        assert value("inv_1", "Y", A=a) == (not a)
        for b in (0, 1):
            assert value("nand2_1", "Y", A=a, B=b) == (not (a and b))
            assert value("xor2_2", "X", A=a, B=b) == (a != b)
            for c in (0, 1):
                assert value("mux2_1", "X", A0=a, A1=b, S=c) == bool(b if c else a)
                assert value("maj3_1", "X", A=a, B=b, C=c) == (a + b + c > 1)
                assert value("a21oi_1", "Y", A1=a, A2=b, B1=c) == (not ((a and b) or c))
                assert value("fa_1", "SUM", A=a, B=b, CIN=c) == bool((a + b + c) % 2)


def test_the_file_named_first_is_asked(tmp_path: Path) -> None:
    liberty, verilog = tmp_path / "a.lib", tmp_path / "b.v"
    liberty.write_text(LIBERTY)
    verilog.write_text(VERILOG)
    for sources, expected in (((liberty, verilog), True), ((verilog, liberty), False)):
        function = read_library(sources).cells["nand2"].function
        assert function is not None
        values = function.evaluate({("A", 0): True, ("B", 0): False})
        literal = function.outputs["Y", 0]
        assert (values[literal >> 1] ^ bool(literal & 1)) == expected


def test_the_bundled_table_is_asked_only_when_named() -> None:
    pins = [("IN1", 1), ("IN2", 1), ("QN", 1)]
    assert read_library([]).generic("NAND2X0", pins, {}) is None
    assert read_library([]).generic("nand", [("Y0", 1), ("I0", 1), ("I1", 1)], {}) is not None
    found = read_library(["bundled"]).generic("NAND2X0", pins, {})
    assert found is not None and found.function is not None
    # Another maker's cell of that name has other pins, and is not this one.
    assert read_library(["bundled"]).generic("NAND2X0", [("P", 1), ("Q", 1), ("R", 1)], {}) is None


def test_a_list_of_ports_does_not_hide_who_knows_the_function(tmp_path: Path) -> None:
    ports = tmp_path / "ports.v"
    ports.write_text(
        "module nand2 (Y, A, B); output Y; input A, B; endmodule "
        "module NAND2X0 (IN1, QN); input IN1; output QN; endmodule"
    )
    (tmp_path / "a.lib").write_text(LIBERTY)
    assert read_library([ports]).cells["nand2"].function is None
    assert read_library([ports, tmp_path / "a.lib"]).cells["nand2"].function is not None
    assert "NAND2X0" not in read_library([ports, "bundled"]).cells


def test_a_file_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="Liberty file"):
        read_library([tmp_path / "cells.txt"])
