"""Characters that hide."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.report._visible import visible


@pytest.mark.parametrize("text", ["mem_rdata[31:0]", "晶片 测试", "Müller & Söhne", "a\nb\tc", ""])
def test_ordinary_text_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "code", [0x00, 0x1B, 0x7F, 0x85, 0xAD, 0x200B, 0x202E, 0x2066, 0x2028, 0x3164, 0xFEFF, 0xE0041]
)
def test_hidden_characters_are_named(code: int) -> None:
    assert visible(f"a{chr(code)}b") == f"a⟨U+{code:04X}⟩b"


def test_a_terminal_line_stays_one_line() -> None:
    assert visible("a\nb", lines=False) == "a⟨U+000A⟩b"


def test_long_text_is_cut() -> None:
    assert visible("a" * 30, limit=10) == "a" * 10 + "…"


def test_piled_marks_are_named() -> None:
    assert "⟨U+0301⟩" in visible("a" + "\u0301" * 9)


@given(st.text())
def test_nothing_hidden_is_left(text: str) -> None:
    left = {unicodedata.category(character) for character in visible(text, lines=False)}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
