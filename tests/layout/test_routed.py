"""DEF beside a drawing: the same chip, another chip, and bytes that are no DEF."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.drawing import Drawing, draw
from sandgrain.errors import LimitExceeded, SandgrainError
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.files import Inputs, compare_files
from sandgrain.layout.library import technology
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.result import Kind, LayoutComparison
from sandgrain.layout.routed import read_def
from sandgrain.verdict import Verdict
from tests.drawing.conftest import ring
from tests.layout.small import PROCESS


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawing:
    return draw(ring(3), tmp_path_factory.mktemp("ring"))


def with_def(drawn: Drawing, text: str, directory: Path) -> LayoutComparison:
    path = directory / "other.def"
    path.write_text(text, encoding="utf-8")
    return compare_files(Inputs(drawn.powered_verilog, drawn.gds, PROCESS, routed=path))


def test_a_drawing_is_its_def(drawn: Drawing) -> None:
    result = compare_files(Inputs(drawn.powered_verilog, drawn.gds, PROCESS, routed=drawn.routed))
    assert (result.verdict, result.findings) == (Verdict.PROVED, ())
    counts = {str(figure.name): figure.value for figure in result.counts}
    assert counts["components of the DEF"] == counts["cells drawn"]
    assert counts["nets the DEF calls otherwise"] == 0 and int(counts["nets of the DEF"]) > 10


@pytest.mark.parametrize(
    ("pattern", "instead", "kind"),
    [
        (r"^- g0 sky130_fd_sc_hd__nand2_1 ", "- g0 sky130_fd_sc_hd__nor2_1 ", Kind.CELL_SWAPPED),
        (r"^(- g0 .* \( )\d+", r"\g<1>1", Kind.MISSING_CELL),
        (r"^(- g0 .* \( )\d+", r"\g<1>1", Kind.EXTRA_CELL),
        (r"^  NEW met2 .*RECT.*\n", "", Kind.EXTRA_WIRE),
        (r"^  NEW met2 .*cut_via2.*\n", "", Kind.VIA_ADDED),
        (r"^(  NEW met2 \( \d+ \d+ \) RECT \( 0 0 )", r"\g<1>9", Kind.OPEN),
    ],
)
def test_a_def_of_another_chip(drawn: Drawing, pattern: str, instead: str, kind: Kind, tmp_path: Path) -> None:
    text = drawn.routed.read_text()
    other = re.sub(pattern, instead, text, count=0 if kind is Kind.EXTRA_WIRE else 1, flags=re.MULTILINE)
    assert other != text
    result = with_def(drawn, other, tmp_path)
    assert result.verdict is Verdict.REFUTED
    assert kind in {one.kind for one in result.findings}, result.findings


def test_nets_that_have_each_others_wires(drawn: Drawing, tmp_path: Path) -> None:
    """The wires of two nets of the DEF joined under one name: the drawing has them apart."""
    text = drawn.routed.read_text()
    other = text.replace("- gated1 ", "- gated0 ")
    result = with_def(drawn, other, tmp_path)
    assert any(one.kind is Kind.OPEN and one.nets == ("gated0",) for one in result.findings), result.findings


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "empty"),
        (lambda text: text[: len(text) // 2], "refuses"),
        (lambda text: text.replace("MICRONS 1000", "MICRONS none"), "refuses"),
        (lambda text: text.replace("cut_via2", "no_such_via", 3), "refuses"),
        (lambda text: re.sub(r"COMPONENTS(.|\n)*END COMPONENTS\n", "", text), "no component"),
    ],
)
def test_a_damaged_def(drawn: Drawing, change: object, says: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.def"
    path.write_text(change(drawn.routed.read_text()), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(LayoutError, match=says) as caught:
        read_def(path, PROCESS, technology(PROCESS))
    assert caught.value.file is not None


def test_a_def_that_is_too_much(drawn: Drawing, tmp_path: Path) -> None:
    tech = technology(PROCESS)
    for limits, field in (
        (LayoutLimits(file_bytes=100), "file_bytes"),
        (LayoutLimits(instances=3), "instances"),
        (LayoutLimits(shapes=3), "shapes"),
        (LayoutLimits(convert_seconds=0.01), "convert_seconds"),
    ):
        with pytest.raises(LimitExceeded, match=field):
            read_def(drawn.routed, PROCESS, tech, limits)
    path = tmp_path / "large.def"
    with path.open("wb") as stream:
        stream.truncate(10 << 30)
    with pytest.raises(LimitExceeded, match="file_bytes"):
        read_def(path, PROCESS, tech)


def test_a_process_without_a_technology(drawn: Drawing) -> None:
    bare = replace(PROCESS, library=replace(PROCESS.library, technology=""))
    with pytest.raises(SandgrainError, match="technology's LEF"):
        compare_files(Inputs(drawn.powered_verilog, drawn.gds, bare, routed=drawn.routed))


@settings(max_examples=4, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 1 << 16))
def test_any_bytes_are_read_or_refused(drawn: Drawing, data: bytes, at: int) -> None:
    text = drawn.routed.read_bytes()
    at %= len(text)
    path = drawn.routed.with_name("bytes.def")
    path.write_bytes(text[:at] + data + text[at:])
    try:
        read_def(path, PROCESS, technology(PROCESS), LayoutLimits(convert_memory_bytes=1 << 30, convert_seconds=60))
    except SandgrainError as error:
        assert error.file is not None
