"""Certificates of the correspondence: accepted as written, refused after any change that matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.layout.certificate import Checked, check_certificate
from sandgrain.layout.read import Drawing
from tests.layout.small import CELLS, LIBRARY, PREFIX, Small, compared, module, small, verilog


def check(text: str, chip: Small, netlist: str, directory: Path, inputs: dict[str, str] | None = None) -> Checked:
    drawing = Drawing(Path("small.gds"), "0" * 64, chip.layout)
    return check_certificate(text, module(netlist, directory), drawing, LIBRARY, inputs or {})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    return compared(small(), verilog(), tmp_path_factory.mktemp("written")).certificate


def test_a_certificate_is_accepted(written: str, tmp_path: Path) -> None:
    checked = check(written, small(), verilog(), tmp_path)
    assert (checked.accepted, checked.reason, checked.cells) == (True, "", len(CELLS))


def lines(text: str) -> list[list[object]]:
    return [json.loads(line) for line in text.splitlines()]


def joined(values: list[list[object]]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def counted(values: list[list[object]], more: int) -> list[list[object]]:
    row = next(value for value in values if value[0] == "net")
    row[2] = int(str(row[2])) + more
    return values


def moved(values: list[list[object]]) -> list[list[object]]:
    rows = [value for value in values if value[0] == "cell"]
    rows[1][3:], rows[2][3:] = rows[2][3:], rows[1][3:]
    return values


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda values: values[1:], "no certificate"),
        (lambda values: values[:-1], "cut off"),
        (lambda values: [value for value in values if value[:2] != ["cell", "u3"]], "leaves out the instance 'u3'"),
        (lambda values: [*values[:3], ["cell", "u9", "x", 0, 0, 0], *values[3:]], "has no instance 'u9'"),
        (lambda values: [*values[:3], ["input", "a.v", "00"], *values[3:]], "not those the certificate was made of"),
        (moved, "the cell drawn for"),
        (lambda values: [["process", "other"] if value[0] == "process" else value for value in values], "of another"),
        (lambda values: [*values[:3], ["cell", "u1"], *values[3:]], "not said as it must be"),
        (lambda values: [*values[:-1], ["note", "all is well"], values[-1]], "not said as it must be"),
        (lambda values: [values[0], *values[2:4], values[1], *values[4:]], "out of order"),
        (lambda values: counted(values, 1), "pins"),
        (lambda values: [value for value in values if value[:2] != ["net", "q"]], "net"),
        (lambda values: [*values[:-1], ["end", *values[-1][1:2], 0]], "as many cells and nets"),
    ],
)
def test_an_altered_certificate_is_refused(
    change: Callable[[list[list[object]]], list[list[object]]], says: str, written: str, tmp_path: Path
) -> None:
    checked = check(joined(change(lines(written))), small(), verilog(), tmp_path)
    assert not checked.accepted and says in checked.reason


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_byte_can_be_altered(written: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Altered, left out or added: whatever the text then says, it is not what the chip is."""
    whole = bytearray(written.encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["alter", "leave out", "add", "cut"]))
    byte = data.draw(st.integers(0, 255))
    if how == "alter":
        whole[at] = byte
    elif how == "add":
        whole[at:at] = bytes([byte])
    else:
        del whole[at : at + 1 if how == "leave out" else len(whole)]
    text = whole.decode("utf-8", "replace")
    assert check(text, small(), verilog(), tmp_path_factory.mktemp("byte")).accepted == (text == written)


@pytest.mark.parametrize("text", ["", "{}", "[", "[]", "null\n", "[" * 3_000])
def test_no_text_is_too_odd(text: str, tmp_path: Path) -> None:
    assert not check(text, small(), verilog(), tmp_path).accepted


def test_it_is_refused_for_another_netlist_or_drawing(written: str, tmp_path: Path) -> None:
    netlist = verilog([(one, kind, {**nets, "B": "q"} if one == "u2" else nets) for one, kind, nets in CELLS])
    assert "in pieces" in check(written, small(), netlist, tmp_path).reason
    chip = small()
    x = chip.pins["u2", "Y"].x + 1_000
    chip.draw("met3", x, chip.tracks["n1"], x + 140, chip.tracks["n2"])
    assert "are one" in check(written, chip, verilog(), tmp_path).reason
    chip = small()
    chip.layout.cell(f"{PREFIX}nand2_1").shapes(chip.layer("diff")).insert(chip.layout.cell(f"{PREFIX}inv_1").bbox())
    assert "not drawn as the library" in check(written, chip, verilog(), tmp_path).reason
    swapped = small([(one, "nor2_1" if one == "u2" else kind, nets) for one, kind, nets in CELLS])
    assert "is a sky130_fd_sc_hd__nor2_1" in check(written, swapped, verilog(), tmp_path).reason
