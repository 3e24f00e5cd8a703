"""The page: what it says, what it refuses to say, and that no name breaks out of it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sandgrain.report import Language, ReportLimits, render_html
from sandgrain.report.extract import messages
from sandgrain.verdict import Case, Claim, Finding

from .conftest import Setting


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.balanced = True
        self.feed(text)
        self.close()
        self.balanced &= not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "dt", "dd", "p", "li"):
            self.texts.append(" ")
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.balanced = False

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


def render(setting: Setting, language: Language = Language.EN, *, source: bool = True, **limits: int) -> str:
    return render_html(
        setting.case,
        setting.case_dir,
        language,
        source_root=setting.source_root if source else None,
        limits=replace(ReportLimits(), **limits),
    )


def with_findings(case: Case, findings: list[Finding]) -> Case:
    claims = [claim.model_copy(update={"findings": findings}) if claim.examined else claim for claim in case.claims]
    return case.model_copy(update={"claims": claims})


def examined(case: Case) -> Claim:
    return next(claim for claim in case.claims if claim.examined)


@pytest.mark.parametrize("name", ["refuted", "clean", "proved", "hostile"])
@pytest.mark.parametrize("language", Language)
def test_the_page_is_self_contained(name: str, language: Language, request: pytest.FixtureRequest) -> None:
    html = render(request.getfixturevalue(name), language)
    page = Page(html)
    assert page.balanced
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "img", "form", "base", "foreignobject"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("style", "src")]
    assert all(value.startswith("#") for name, value in page.attributes if name in ("href", "xlink:href"))
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert any(name == "content" and value.startswith(policy) for name, value in page.attributes)
    assert f'<html lang="{language.tag}">' in html
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for name, value in page.attributes if name == "href"}
    assert targets <= set(ids)


def test_what_was_found_where_and_how_to_check_it_is_said_first(refuted: Setting) -> None:
    text = Page(render(refuted)).text
    top = text[: text.index("The seven claims")]
    assert "PicoRV32" in top
    assert "Example Silicon Ltd" in top
    assert "Refuted" in top
    assert "This chip has a capability nobody declared." in top
    assert "Two words on the bus stop fetch for good" in top
    assert "rtl/picorv32.v:22" in top
    assert "sandgrain replay picorv32.case bus-halt-1" in top
    assert "1 of 7 claims were examined." in top


def test_undeclared_comes_before_suspect_before_declared(refuted: Setting) -> None:
    html = render(refuted)
    assert (
        html.index('id="finding-bus-halt-1"') < html.index('id="finding-suspect-1"') < html.index('id="finding-trap"')
    )


def test_the_source_lines_around_a_place_are_shown(refuted: Setting) -> None:
    page = Page(render(refuted))
    assert "▸22 bus_halt <= 1'b1;" in page.text
    assert "mem_rdata == 32'h5eed_c0de" in page.text
    assert "module picorv32 (" not in page.text


def test_without_a_source_root_only_the_place_is_shown(refuted: Setting) -> None:
    text = Page(render(refuted, source=False)).text
    assert "rtl/picorv32.v:22" in text
    assert "The submission was not at hand" in text
    assert "5eed_c0de" not in text


def test_a_changed_source_file_is_not_shown(refuted: Setting) -> None:
    file = refuted.source_root / "rtl" / "picorv32.v"
    file.write_text(file.read_text().replace("5eed_c0de", "0000_0000"))
    text = Page(render(refuted)).text
    assert "no longer the one that was audited" in text
    assert "0000_0000" not in text


def test_source_links_that_lead_out_are_not_followed(refuted: Setting, tmp_path: Path) -> None:
    file = refuted.source_root / "rtl" / "picorv32.v"
    elsewhere = tmp_path / "elsewhere.v"
    elsewhere.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(elsewhere)
    assert "The lines cannot be shown" in Page(render(refuted)).text


def test_a_pipe_in_place_of_a_source_file_does_not_hang(refuted: Setting) -> None:
    file = refuted.source_root / "rtl" / "picorv32.v"
    file.unlink()
    os.mkfifo(file)
    assert "The lines cannot be shown" in Page(render(refuted)).text


def test_the_dead_state_is_told_in_words_of_bits(refuted: Setting) -> None:
    text = Page(render(refuted)).text
    assert "cpu_state[7:3] 0 11·0" in text
    assert "bus_halt 1 rtl/picorv32.v:12" in text


def test_the_needed_inputs_are_told_in_words(refuted: Setting) -> None:
    assert "41 mem_rdata 0101 1110 1110 1101 1100 0000 1101 1110 = 0x5eedc0de" in Page(render(refuted)).text


def test_coverage_stands_beside_the_verdict(refuted: Setting) -> None:
    text = Page(render(refuted)).text
    between = text[text.index("How far the work got") : text.index("Where in the vendor's description")]
    assert "flip-flops modelled 1,588" in between
    assert "The clock clk runs." in between
    assert "States reachable only by pulling reset in mid-flight." in between


def test_the_waveform_is_drawn_from_intact_evidence(refuted: Setting) -> None:
    html = render(refuted)
    assert 'class="wave wave-plot"' in html
    assert "service last seen in cycle 57" in html
    assert "✓ unaltered" in Page(html).text


def test_missing_evidence_is_said_and_nothing_drawn(refuted: Setting) -> None:
    witness = examined(refuted.case).findings[2].witness
    assert witness is not None
    (refuted.case_dir / witness.vcd.path).unlink()
    html = render(refuted)
    assert "The evidence is missing" in html
    assert 'class="wave ' not in html
    assert "Two words on the bus" in html


def test_altered_evidence_is_said_and_nothing_drawn(refuted: Setting) -> None:
    witness = examined(refuted.case).findings[2].witness
    assert witness is not None
    file = refuted.case_dir / witness.vcd.path
    file.write_bytes(file.read_bytes().replace(b"#570", b"#571"))
    html = render(refuted)
    assert "The evidence was altered" in html
    assert 'class="wave ' not in html


def test_evidence_that_is_no_vcd_is_said(refuted: Setting) -> None:
    from .conftest import make_witness

    finding = examined(refuted.case).findings[2]
    broken = finding.model_copy(update={"witness": make_witness(refuted.case_dir, b"$var nonsense\n")})
    setting = replace(refuted, case=with_findings(refuted.case, [broken]))
    assert "The waveform file cannot be drawn" in render(setting)


def test_evidence_outside_the_case_is_not_opened(refuted: Setting, tmp_path: Path) -> None:
    finding = examined(refuted.case).findings[2]
    assert finding.witness is not None
    inside = refuted.case_dir / finding.witness.vcd.path
    (tmp_path / "outside.vcd").write_bytes(inside.read_bytes())
    vcd = finding.witness.vcd.model_copy(update={"path": "../outside.vcd"})
    moved = finding.model_copy(update={"witness": finding.witness.model_copy(update={"vcd": vcd})})
    html = render(replace(refuted, case=with_findings(refuted.case, [moved])))
    assert "not opened: it is not a readable file of this case" in html
    assert 'class="wave ' not in html


def test_a_vcd_over_the_limit_is_said(refuted: Setting) -> None:
    assert "too large to draw" in render(refuted, vcd_bytes=100)


def test_what_is_left_out_is_counted(refuted: Setting) -> None:
    text = Page(render(refuted, findings=1, places=1, state_bits=1, input_rows=1)).text
    assert "2 more findings are in case.json" in text
    assert "1 more places are in case.json." in text
    assert "3 more are in the stimulus file." in text


def test_a_clean_open_case_promises_nothing(clean: Setting) -> None:
    text = Page(render(clean)).text
    assert "No undeclared capability was shown, and none is excluded." in text
    assert "There are no findings." in text
    assert "nobody declared" not in text


def test_a_proved_claim_shows_its_certificate(proved: Setting) -> None:
    text = Page(render(proved)).text
    assert "Every claim that was examined is proved." in text
    assert "sandgrain check, MiniSat 2.2" in text


def test_a_lost_certificate_is_said_beside_the_verdict(proved: Setting) -> None:
    assert "Evidence files missing or altered" not in render(proved)
    (certificate,) = examined(proved.case).certificates
    (proved.case_dir / certificate.file.path).write_bytes(b"[]")
    text = Page(render(proved)).text
    assert "Evidence files missing or altered: 1." in text[: text.index("The seven claims")]


def test_seven_cards_each_with_icon_and_word(clean: Setting) -> None:
    html = render(clean)
    cards = re.findall(r'<li class="card card-.*?</li>', html, re.DOTALL)
    assert len(cards) == 7
    assert all("<svg" in card and "Open" in card for card in cards)
    assert sum("Open: not examined" in card for card in cards) == 6


@pytest.mark.parametrize("language", Language)
def test_hostile_names_stay_text(hostile: Setting, language: Language) -> None:
    html = render(hostile, language)
    assert "<script" not in html
    assert "<img" not in html
    assert "alert(1)" in html
    assert "\u202e" not in html
    assert "\u200b" not in html
    assert "⟨U+202E⟩" in html
    assert "49" not in Page(html).texts
    assert "root:" not in html


def test_the_chinese_page_has_no_sentence_in_english(refuted: Setting, clean: Setting, proved: Setting) -> None:
    for setting in (refuted, clean, proved):
        page = Page(render(setting, Language.ZH_CN))
        told = page.text + " ".join(value for name, value in page.attributes if name in ("title", "aria-label"))
        words = {text.strip() for text in page.texts}
        for message in messages():
            if not message.file.startswith("sandgrain/report/"):
                continue
            assert message.text not in words, message
            for piece in re.split(r"\{\w+\}", message.text):
                assert len(piece.strip()) < 12 or piece.strip() not in told, message


def test_hidden_evidence_paths(refuted: Setting) -> None:
    """A nul byte or a back-slash in a path is refused, not an exception."""
    finding = examined(refuted.case).findings[2]
    assert finding.witness is not None
    for path in ("a\0b", "..\\x", "/etc/passwd", "", "evidence"):
        vcd = finding.witness.vcd.model_copy(update={"path": path})
        moved = finding.model_copy(update={"witness": finding.witness.model_copy(update={"vcd": vcd})})
        assert "not opened" in render(replace(refuted, case=with_findings(refuted.case, [moved])))
