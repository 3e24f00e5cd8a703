"""The languages a report is told in, and the translator that tells a :class:`~sandgrain.verdict.Text`."""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Self

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from sandgrain.errors import SandgrainError
from sandgrain.verdict import Text

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)(?::(,))?\}")


class LanguageError(SandgrainError):
    """A language no report is written in."""


class Language(StrEnum):
    """A language a report can be told in; ``Language("zh")`` and ``Language("zh-CN")`` are understood too."""

    EN = "en"
    ZH_CN = "zh_CN"

    @property
    def tag(self) -> str:
        """The BCP 47 tag, as HTML's ``lang`` wants it."""
        return self.value.replace("_", "-")

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        name = str(value).strip().replace("-", "_").split(".")[0].lower()
        if name in ("en", "en_us", "en_gb", "c"):
            return cls("en")
        if name in ("zh", "zh_cn", "zh_hans", "zh_hans_cn", "zh_sg"):
            return cls("zh_CN")
        return None

    @classmethod
    def parse(cls, name: str) -> Self:
        """The language ``name`` stands for.

        Raises:
            LanguageError: no report is written in that language.
        """
        try:
            return cls(name)
        except ValueError:
            raise LanguageError(
                f"no report is written in the language {name!r}",
                expected="en or zh_CN (zh and zh-CN mean the same)",
                remedy="choose one of the two",
            ) from None


class Translator:
    """Tells sentences in one language.

    Args:
        language: the language to tell them in; its catalogue is read once per process.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def gettext(self, text: str) -> str:
        """``text`` in the translator's language; ``text`` itself where the catalogue has nothing."""
        # The empty message id is the catalogue's header, not a sentence.
        return self._catalogue.gettext(text) if text else ""

    def tell(self, text: Text) -> str:
        """``text`` as a sentence: its template translated, then filled with its arguments."""
        return "".join(piece for piece, _ in self.pieces(text.template, text.args))

    def pieces(self, template: str, args: Mapping[str, str | int]) -> list[tuple[str, bool]]:
        """The translated sentence in pieces, each with whether it came from an argument.

        Unlike ``str.format`` this reads no attributes and knows no widths, so that a template out of an altered
        case can neither reach into objects nor ask for a gigabyte of spaces. A field without an argument stays.
        """
        told = self.gettext(template)
        out: list[tuple[str, bool]] = []
        last = 0
        for match in _FIELD.finditer(told):
            out.append((told[last : match.start()], False))
            name = match.group(1)
            if name is None:
                out.append((match.group()[0], False))
            elif name in args:
                value = args[name]
                out.append((f"{value:,}" if match.group(2) and isinstance(value, int) else str(value), True))
            else:
                out.append((match.group(), False))
            last = match.end()
        out.append((told[last:], False))
        return [piece for piece in out if piece[0]]


def fields(template: str) -> frozenset[str]:
    """The ``{names}`` of a template."""
    return frozenset(match.group(1) for match in _FIELD.finditer(template) if match.group(1))


@cache
def catalogue(language: Language) -> gettext.NullTranslations:
    """The catalogue of a language, compiled in memory from its ``.po`` file; English needs none."""
    if language is Language.EN:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(catalogue_text(language)), abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalogue_text(language: Language) -> bytes:
    """The bytes of a language's ``.po`` file."""
    at = resources.files("sandgrain.report").joinpath("locale", language.value, "LC_MESSAGES", "sandgrain.po")
    return at.read_bytes()
