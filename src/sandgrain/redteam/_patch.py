"""Edits to a vendor's text at anchors: each must be found exactly once, or the edit fails loudly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sandgrain.redteam.errors import RedTeamError


@dataclass(frozen=True)
class Edit:
    """One substitution.

    Attributes:
        anchor: regular expression (multi-line mode) for the text to replace.
        replacement: template as of :func:`re.sub`; ``{stop}`` and the like are filled in before.
    """

    anchor: str
    replacement: str


@lru_cache(maxsize=128)
def find_once(text: str, anchor: str, *, file: str) -> re.Match[str]:
    """The only match of ``anchor`` in ``text``; kept, as every plant asks for all anchors of the same text.

    Raises:
        RedTeamError: there is none, or there are several.
    """
    matches = list(re.finditer(anchor, text, re.MULTILINE))
    if len(matches) != 1:
        raise RedTeamError(
            f"the anchor {anchor!r} was found {len(matches)} times",
            file=file,
            line=text.count("\n", 0, matches[1].start()) + 1 if matches else None,
            expected="the anchor exactly once, as in the version of the core this patch was written for",
            remedy="pip install sandgrain[examples], which pins that version",
        )
    return matches[0]


def substitute(text: str, edit: Edit, *, file: str) -> str:
    """``text`` with ``edit`` made at its only place; raises RedTeamError when it has not exactly one."""
    match = find_once(text, edit.anchor, file=file)
    return text[: match.start()] + match.expand(edit.replacement) + text[match.end() :]


def insert_after(text: str, anchor: str, lines: str, *, file: str) -> str:
    """``lines`` on lines of their own after the line ``anchor`` matches in; raises RedTeamError."""
    match = find_once(text, anchor, file=file)
    end = text.find("\n", match.end())
    end = len(text) if end < 0 else end
    return f"{text[:end]}\n{lines}{text[end:]}"


def insert_before(text: str, anchor: str, lines: str, *, file: str) -> str:
    """``lines`` and an empty line before the line ``anchor`` matches in; raises RedTeamError."""
    match = find_once(text, anchor, file=file)
    start = text.rfind("\n", 0, match.start()) + 1
    return f"{text[:start]}{lines}\n\n{text[start:]}"
