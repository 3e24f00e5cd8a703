"""Repetitions that never go back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandgrain import possessive

SOURCES = Path(possessive.__file__).parent


@pytest.mark.parametrize("sound", [True, False])
def test_it_takes_all_there_is_and_gives_nothing_back(monkeypatch: pytest.MonkeyPatch, sound: bool) -> None:
    if sound and not possessive._SOUND:
        pytest.skip("this Python goes wrong on it")
    monkeypatch.setattr(possessive, "_SOUND", sound)
    inside = possessive.repeated(r'[^*"]++|\*(?!/)|"[^"]*+"')
    found = re.compile(rf"/\*{inside}\*/").match('/* a "*/" b ** */ c')
    assert found is not None and found.end() == 17
    assert re.compile(possessive.repeated("ab|a") + "b").match("aab") is None


def test_nowhere_is_it_written_in_the_way_that_goes_wrong() -> None:
    wrong = re.compile(r"(?<!\\)\)(?:\*|\+|\?)\+")
    found = {
        path.name
        for path in SOURCES.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if wrong.search(line) and "re.escape" not in line and "_PLAIN" not in line
    }
    assert found == {"possessive.py"}
