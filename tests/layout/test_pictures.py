"""Pictures and the page: well-formed, self-contained, deterministic, bounded, and told in two languages."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from klayout import db

from sandgrain.layout.page import kind_text, page
from sandgrain.layout.pictures import Pictures
from sandgrain.layout.read import Drawing
from sandgrain.layout.result import Kind
from sandgrain.report.language import Language, Translator
from tests.layout.small import CELLS, LIBRARY, Small, compared, small, verilog

_SVG = "{http://www.w3.org/2000/svg}"


def pictures(chip: Small) -> Pictures:
    return Pictures(Drawing(Path("small.gds"), "0" * 64, chip.layout), "row_of_cells", LIBRARY)


def bridged() -> tuple[Small, db.Box]:
    chip = small()
    x = chip.pins["u2", "Y"].x + 1_000
    return chip, chip.draw("met3", x, chip.tracks["n1"], x + 140, chip.tracks["n2"])


def colours(text: str) -> set[str]:
    """Fill colours of the third panel, where differences are."""
    root = ET.fromstring(text)
    panel = root.findall(f"{_SVG}svg")[2]
    return {path.get("fill", "") for path in panel.iter(f"{_SVG}path")}


def test_a_picture_shows_what_is_too_much(tmp_path: Path) -> None:
    chip, _ = bridged()
    result = compared(chip, verilog(), tmp_path)
    text = pictures(chip).svg(result.findings[0])
    assert text is not None and "#c1121f" in colours(text) and "#0353a4" not in colours(text)
    assert "href" not in text and "<script" not in text and "url(" not in text
    assert text == pictures(chip).svg(result.findings[0])
    assert len(text) < 200_000


def test_a_picture_shows_what_is_lacking(tmp_path: Path) -> None:
    chip = small()
    at = chip.pins["u2", "B"]
    chip.erase("via", db.Box(at.x - 100, at.y - 100, at.x + 100, at.y + 100))
    finding = next(one for one in compared(chip, verilog(), tmp_path).findings if one.kind is Kind.VIA_REMOVED)
    text = pictures(chip).svg(finding)
    assert text is not None and "#0353a4" in colours(text) and "#c1121f" not in colours(text)


def test_a_swapped_cell_is_drawn_beside_the_one_expected(tmp_path: Path) -> None:
    chip = small([(one, "nor2_1" if one == "u2" else kind, nets) for one, kind, nets in CELLS])
    finding = next(one for one in compared(chip, verilog(), tmp_path).findings if one.kind is Kind.CELL_SWAPPED)
    text = pictures(chip).svg(finding)
    assert text is not None and {"#c1121f", "#0353a4"} <= colours(text)


def test_names_of_the_vendor_are_escaped(tmp_path: Path) -> None:
    chip, _ = bridged()
    name = r"\<script>alert(1)</script> "
    text = verilog().replace("n1", name)
    result = compared(chip, text, tmp_path)
    drawn = [pictures(chip).svg(finding) for finding in result.findings]
    html = page(result, drawn)
    assert "&lt;script&gt;" in html and "<script" not in html
    assert html.count("<svg") >= 4


def test_the_page_is_told_in_chinese(tmp_path: Path) -> None:
    chip, _ = bridged()
    result = compared(chip, verilog(), tmp_path)
    tell = Translator(Language.ZH_CN).tell
    html = page(result, [None], tell, "zh-CN")
    assert 'lang="zh-CN"' in html and tell(kind_text(Kind.SHORT)) in html and "Nets joined" not in html


def test_every_kind_has_a_name() -> None:
    assert all(str(kind_text(kind)) for kind in Kind)


def test_a_proved_page_has_no_findings(tmp_path: Path) -> None:
    html = page(compared(small(), verilog(), tmp_path), [])
    assert "proved" in html and "<h2>Findings" not in html
