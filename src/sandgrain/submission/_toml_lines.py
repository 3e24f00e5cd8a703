"""Where each key of a TOML text stands, which :mod:`tomllib` does not tell.

The scanner is tolerant: it never judges the syntax (tomllib does), it only has to agree with tomllib on texts that are
correct, and up to the first error on those that are not. It runs first, so that its depth limit guards what follows.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence

from sandgrain.errors import LimitExceeded
from sandgrain.possessive import repeated

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_LONG = repeated(r"""[^"\\]++|\\.|"(?!"")""")
_LONG_LITERAL = repeated(r"""[^']++|'(?!'')""")
_SHORT = repeated(r"""[^"\\\n]++|\\.""")
_STRING = re.compile(
    rf'''"""{_LONG}"{{3,5}}|\'\'\'{_LONG_LITERAL}'{{3,5}}|"{_SHORT}"|'[^'\n]*+\'''',
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]*")
_REST = re.compile(r"[^\n]*\n?")


class TomlLines:
    """The 1-based line of every key, table and array item of a TOML text.

    Args:
        text: the TOML text.
        file: its name, for errors.
        depth: most nesting of tables, arrays and dotted keys.

    Raises:
        LimitExceeded: the text is nested deeper than ``depth``.
    """

    def __init__(self, text: str, *, file: str, depth: int) -> None:
        self._lines: dict[Path, int] = {}
        self._text = text
        self._file = file
        self._depth = depth
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._arrays: dict[Path, int] = {}  # arrays of tables and how many tables each has so far
        self._document()

    def line(self, path: Sequence[str | int]) -> int:
        """The line of ``path``, else of the nearest table around it, else 1."""
        known = tuple(path)
        while known and known not in self._lines:
            known = known[:-1]
        return self._lines.get(known, 1)

    def has(self, path: Sequence[str | int]) -> bool:
        """Whether ``path`` itself stands in the text."""
        return tuple(path) in self._lines

    def _document(self) -> None:
        table: Path = ()
        while self._skip(_BLANK_LINES) < len(self._text):
            start = self._at
            if self._text.startswith("[", start):
                table = self._header()
            else:
                self._key_value(table)
            if self._at == start or not self._text.startswith("\n", self._at - 1):
                self._skip(_REST)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._at

    def _record(self, path: Path, at: int) -> None:
        line = bisect_right(self._starts, at)
        if len(path) > self._depth:
            raise LimitExceeded(
                "tables, arrays or dotted keys nested too deeply",
                file=self._file,
                line=line,
                expected=f"at most {self._depth} levels",
                remedy="write the manifest as the reference shows it",
            )
        self._lines.setdefault(path, line)

    def _header(self) -> Path:
        start = self._at
        is_array = self._text.startswith("[[", start)
        self._at += 2 if is_array else 1
        keys = self._keys()
        path: Path = ()
        for i, key in enumerate(keys):
            path += (key,)
            self._record(path, start)
            if is_array and i == len(keys) - 1:
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                path += (self._arrays[path] - 1,)
                self._record(path, start)
        return path

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            match = _KEY.match(self._text, self._at)
            if match is None or len(keys) > self._depth:  # one key too many is enough for _record to refuse
                return keys
            self._at = match.end()
            keys.append(_unquote(match[0]))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _key_value(self, table: Path) -> None:
        start = self._at
        path = table
        for key in self._keys():
            path += (key,)
            self._record(path, start)
        self._skip(_BLANK)
        if path != table and self._text.startswith("=", self._at):
            self._at += 1
            self._skip(_BLANK)
            self._value(path)

    def _value(self, path: Path) -> None:
        self._record(path, self._at)
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._at += 1
            self._items(path)
        elif opening == "{":
            self._at += 1
            self._inline_table(path)
        elif opening in ('"', "'"):
            self._skip(_STRING)
        else:
            self._skip(_SCALAR)

    def _items(self, path: Path) -> None:
        index = 0
        while self._skip(_BLANK_LINES) < len(self._text) and self._text[self._at] != "]":
            start = self._at
            self._value((*path, index))
            index += 1
            self._skip(_BLANK_LINES)
            if self._text.startswith(",", self._at):
                self._at += 1
            if self._at == start:
                return
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        while self._skip(_BLANK_LINES) < len(self._text) and self._text[self._at] != "}":
            start = self._at
            self._key_value(path)
            self._skip(_BLANK_LINES)
            if self._text.startswith(",", self._at):
                self._at += 1
            if self._at == start:
                return
        self._at += 1


def _unquote(key: str) -> str:
    if key[0] not in "\"'":
        return key
    try:
        return str(tomllib.loads(f"key = {key}")["key"])
    except ValueError:
        return key[1:-1]
