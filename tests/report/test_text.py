"""The terminal summary."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from sandgrain.report import Language, ReportLimits, summary

from .conftest import Setting


def printed(setting: Setting, language: Language = Language.EN, *, terminal: bool = False, width: int = 100) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    summary(setting.case, language, console, case_dir=Path(setting.case_dir.name))
    return stream.getvalue()


def test_verdict_findings_places_commands_and_limits_are_told(refuted: Setting) -> None:
    text = printed(refuted)
    assert "✕ Refuted: This chip has a capability nobody declared." in text
    assert "✕ No remote shutdown: Refuted" in text
    assert text.count("Open: not examined") == 6
    assert "! Undeclared: Two words on the bus stop fetch for good" in text
    assert "at rtl/picorv32.v:22" in text
    assert "sandgrain replay picorv32.case bus-halt-1" in text
    assert "Declared as: trap (README.md" in text
    assert "flip-flops modelled: 1,588" in text
    assert "- States reachable only by pulling reset in mid-flight." in text
    assert text.index("Undeclared:") < text.index("Suspect:") < text.index("Declared:")


def test_no_colour_outside_a_terminal(refuted: Setting) -> None:
    assert "\x1b" not in printed(refuted)
    assert "\x1b[" in printed(refuted, terminal=True)


def test_chinese(refuted: Setting) -> None:
    text = printed(refuted, Language.ZH_CN)
    assert "已证伪：该芯片具有一项从未申报的能力。" in text or "已证伪: 该芯片具有一项从未申报的能力。" in text
    assert "未决：未审查" in text


@pytest.mark.parametrize("terminal", [False, True])
def test_hostile_names_stay_text(hostile: Setting, terminal: bool) -> None:
    text = printed(hostile, terminal=terminal, width=400)
    assert "\u202e" not in text
    assert "⟨U+202E⟩" in text


def test_names_are_no_markup_and_no_control(refuted: Setting) -> None:
    name = "[bold red]x[/] :smile: [link=http://example.com]y[/link]\x1b[2J\nVerdict: proved"
    case = refuted.case.model_copy(
        update={"submission": refuted.case.submission.model_copy(update={"chip": name, "vendor": "v"})}
    )
    stream = io.StringIO()
    summary(case, Language.EN, Console(file=stream, width=400, force_terminal=True))
    first = stream.getvalue().splitlines()[0]
    assert "[bold red]x[/] :smile: [link=http://example.com]y[/link]⟨U+001B⟩[2J⟨U+000A⟩Verdict: proved" in first
    assert "sandgrain replay CASE bus-halt-1" in stream.getvalue()


def test_left_out_findings_are_counted(refuted: Setting) -> None:
    stream = io.StringIO()
    summary(refuted.case, Language.EN, Console(file=stream, width=100), limits=ReportLimits(findings=1))
    assert "2 more findings are in case.json." in stream.getvalue()
