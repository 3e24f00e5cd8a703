"""Making names that want to hide visible: controls, bidirectional overrides, characters of no width."""

from __future__ import annotations

import unicodedata

from sandgrain.report.limits import LIMITS

# Letters by category, blank on the screen: Hangul fillers, the braille blank, the Mongolian vowel separator.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u180e")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# A name may pile marks on its neighbours until they cannot be read; no language needs more than a few.
_MARKS_IN_A_ROW = 4


def visible(text: str, *, lines: bool = True, limit: int = LIMITS.text) -> str:
    """``text`` with every character that would not be seen written as ``⟨U+202E⟩``.

    Args:
        text: anything a vendor, a file or a description may have put there.
        lines: keep line feeds and tabs, which a page shows as spaces and a terminal does not.
        limit: characters kept; the rest becomes an ellipsis.
    """
    kept = text if len(text) <= limit else text[:limit] + "…"
    if kept.isascii() and kept.isprintable():
        return kept
    told = []
    marks = 0
    for character in kept:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if lines and character in "\n\t":
            told.append(character)
        elif category in _HIDDEN_CATEGORIES or character in _BLANK_LETTERS or marks > _MARKS_IN_A_ROW:
            told.append(f"⟨U+{ord(character):04X}⟩")
        else:
            told.append(character)
    return "".join(told)
