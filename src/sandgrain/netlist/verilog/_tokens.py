"""Tokens of the full grammar, made one at a time from an offset on."""

from __future__ import annotations

import re
from typing import Final

from sandgrain.errors import NetlistError
from sandgrain.netlist.verilog._tables import ModuleTables
from sandgrain.netlist.verilog._words import KEYWORDS

_BLANK: Final = re.compile(
    rb'(?:[\x00-\x20]+|//[^\n]*|/\*.*?\*/|\(\*(?!\))(?:"(?:\\.|[^"\\])*"|[^*"]|\*(?!\)))*\*\))*', re.DOTALL
)
_TOKEN: Final = re.compile(
    rb"""(?P<name>[A-Za-z_][\w$]*)
    |(?P<escaped>\\[!-\xff]+)
    |(?P<constant>(?:[0-9][0-9_]*[ \t]*)?'[sS]?[bBoOdDhH][ \t]*[0-9a-fA-FxXzZ?_]+)
    |(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<string>"(?:\\.|[^"\\\n])*")
    |(?P<system>\$[\w$]+)
    |(?P<mark>\~\^|\^\~|\~&|\~\||===?|!==?|<=|>=|&&|\|\||<<|>>|\+:|-:|[-(){}\[\];:,.\#=~&|^?!+*/<>%@'])""",
    re.VERBOSE,
)
_KEYWORDS: Final = frozenset(KEYWORDS)
END: Final = ""
"""The text of the token at the end of the source."""


class Tokens:
    """The tokens from an offset on, one ahead.

    Attributes:
        kind: ``name``, ``escaped``, ``constant``, ``number``, ``string``, ``system``, ``mark`` or ``end``.
        text: the present token; an escaped name without its backslash.
        at: its offset.
    """

    def __init__(self, source: bytes, tables: ModuleTables, pos: int) -> None:
        self.source = source
        self.tables = tables
        self.after = pos
        self.kind = self.text = ""
        self.at = pos
        self.advance()

    def advance(self) -> str:
        """Go to the next token; the text of the one left behind."""
        left = self.text
        start = _BLANK.match(self.source, self.after).end()  # type: ignore[union-attr]  # matches the empty text
        self.at = start
        if self.source.startswith((b"/*", b"(*"), start) and not self.source.startswith(b"(*)", start):
            raise self.fail("its end", remedy="close it", what="a comment or an attribute is not closed")
        token = _TOKEN.match(self.source, start)
        if token is None:
            if start >= len(self.source):
                self.kind, self.text = "end", END
                return left
            raise self.fail("Verilog")
        self.kind = token.lastgroup or ""
        self.after = token.end()
        raw = token.group()
        if self.kind == "escaped":
            raw = raw[1:]
        if len(raw) > self.tables.limits.name_bytes and self.kind in ("name", "escaped"):
            raise self.fail(
                f"at most {self.tables.limits.name_bytes:,} bytes (ReadLimits.name_bytes)",
                what=f"a name of {len(raw):,} bytes",
                remedy="shorten the name, or raise the limit",
            )
        self.text = raw.decode("utf-8", "surrogateescape")
        return left

    @property
    def is_name(self) -> bool:
        """Whether the token is an identifier (a keyword is not one unless escaped)."""
        return self.kind == "escaped" or (self.kind == "name" and not self.is_keyword)

    @property
    def is_keyword(self) -> bool:
        """Whether the token is a reserved word."""
        return self.kind == "name" and self.text in _KEYWORDS

    def at_mark(self, *texts: str) -> bool:
        """Whether the token is one of those marks or keywords."""
        return self.kind in ("mark", "name") and self.text in texts

    def take(self, text: str) -> bool:
        """Go past the mark or keyword ``text`` if it is there."""
        if self.at_mark(text):
            self.advance()
            return True
        return False

    def expect(self, text: str) -> None:
        """Go past the mark or keyword ``text``.

        Raises:
            NetlistError: something else is there.
        """
        if not self.take(text):
            raise self.fail(repr(text))

    def name(self, what: str) -> str:
        """Go past an identifier.

        Raises:
            NetlistError: something else is there.
        """
        if not self.is_name:
            raise self.fail(what)
        return self.advance()

    def fail(
        self, expected: str, *, what: str | None = None, remedy: str | None = None, at: int | None = None
    ) -> NetlistError:
        """The error that says what is here, and what was expected."""
        at = self.at if at is None else at
        if what is None:
            found = _TOKEN.match(self.source, at)
            shown = (found.group() if found else self.source[at : at + 1]).decode("utf-8", "backslashreplace")[:60]
            what = f"unexpected {shown!r}" if at < len(self.source) else "the text ends here"
        return NetlistError(
            what,
            file=self.tables.file,
            line=self.tables.place(at).line,
            column=self.tables.column(at),
            expected=expected,
            remedy=remedy or "correct the netlist, or write it again with the tool it came from",
        )
