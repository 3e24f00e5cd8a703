from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded
from sandgrain.submission._toml_lines import TomlLines

TEXT = '''\
# a comment with [brackets] = "and quotes
title = "a # not a comment"
multi = """
[not.a.table]
x = 1 \\""" still ""\"""
raw = \'\'\'
]] ''\'\'\'
"quoted.key" = [ # comment ]
  1,
  { a = "}", b = [2,
    3] },
]
dotted.a.b = 2026-11-23 10:00:00
[table]
x = 1
[table.sub]
'y' = { z.w = 1 }
[[many]]
n = 0
[many.inner]
k = 1
[[many]]
[[many.deep]]
q = 'last'
[[many.deep]]
q = 1
'''


def _lines(text: str) -> TomlLines:
    return TomlLines(text, file="t.toml", depth=16)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("multi",), 3),
        (("raw",), 6),
        (("quoted.key",), 8),
        (("quoted.key", 0), 9),
        (("quoted.key", 1), 10),
        (("quoted.key", 1, "b"), 10),
        (("quoted.key", 1, "b", 1), 11),
        (("dotted", "a", "b"), 13),
        (("table",), 14),
        (("table", "x"), 15),
        (("table", "sub", "y", "z", "w"), 17),
        (("many",), 18),
        (("many", 0), 18),
        (("many", 0, "n"), 19),
        (("many", 0, "inner", "k"), 21),
        (("many", 1), 22),
        (("many", 1, "deep", 0, "q"), 24),
        (("many", 1, "deep", 1, "q"), 26),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TEXT)
    lines = _lines(TEXT)
    assert lines.has(path)
    assert lines.line(path) == line


def test_unknown_places_fall_back_to_what_is_around_them() -> None:
    lines = _lines(TEXT)
    assert not lines.has(("many", 1, "deep", 1, "missing"))
    assert lines.line(("many", 1, "deep", 1, "missing")) == 25
    assert lines.line(("nowhere", 3)) == 1


def test_depth() -> None:
    TomlLines("a.b.c = 1", file="t.toml", depth=3)
    with pytest.raises(LimitExceeded) as caught:
        TomlLines("x = 1\na.b.c.d = 1", file="t.toml", depth=3)
    assert (caught.value.file, caught.value.line) == ("t.toml", 2)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*path, key), *_paths(item, (*path, key))]]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ",\n ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(char):04x}" if char in '"\\' or ord(char) < 32 else char for char in value) + '"'
    return str(value)


_KEYS = st.text(st.sampled_from("ab.\"'#[]={}\\ \n"), max_size=3)
_VALUES = st.recursive(
    st.integers(0, 9) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_finds_every_place_tomllib_finds(document: dict[str, Any]) -> None:
    text = "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in document.items())
    parsed = tomllib.loads(text)
    lines = _lines(text)
    assert all(lines.has(path) for path in _paths(parsed))


@example("a=[")
@example("a={")
@example("[[")
@example("a='''")
@given(st.text(st.sampled_from("ab.\"'#[]={}\\ \n,1"), max_size=60))
def test_any_text_ends(text: str) -> None:
    lines = _lines(text)
    try:
        parsed = tomllib.loads(text)
    except ValueError:
        return
    assert all(lines.has(path) for path in _paths(parsed))
