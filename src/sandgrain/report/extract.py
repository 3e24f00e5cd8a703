"""Which sentences need a translation, and which lack one: ``python -m sandgrain.report.extract``.

A sentence is the first argument of ``_``, ``t``, ``gettext`` or ``say`` in a template or module, and every
``Text(template="...")``. The scan parses the package's source text; it imports and runs none of it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from io import BytesIO

from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from sandgrain.report.language import Language, catalogue_text, fields

_CALLS = ("_", "t", "gettext", "say")


@dataclass(frozen=True)
class Message:
    """One sentence and the first place it is used at."""

    text: str
    file: str
    line: int


def messages() -> list[Message]:
    """Every sentence of the package, once, in the order of files and lines."""
    found: dict[str, Message] = {}
    root = resources.files("sandgrain")
    for name, file in sorted(_files(root, "sandgrain"), key=lambda item: item[0]):
        text = file.read_text("utf-8")
        pairs = _of_python(text) if name.endswith(".py") else _of_template(text)
        for line, sentence in pairs:
            found.setdefault(sentence, Message(sentence, name, line))
    return list(found.values())


def missing(language: Language) -> list[Message]:
    """The sentences that have no translation, or one with other ``{fields}``."""
    translated = {
        message.id: message.string
        for message in read_po(BytesIO(catalogue_text(language)), abort_invalid=True)
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string and not message.fuzzy
    }
    return [
        message
        for message in messages()
        if message.text not in translated or fields(translated[message.text]) != fields(message.text)
    ]


def as_po(wanted: list[Message]) -> str:
    """Entries to paste into a ``.po`` file and fill in."""
    return "\n".join(f'#: {item.file}:{item.line}\nmsgid "{_escaped(item.text)}"\nmsgstr ""\n' for item in wanted)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _files(at: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for entry in at.iterdir():
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _files(entry, path)
        elif entry.name.endswith((".py", ".html.j2")):
            yield path, entry


def _of_template(text: str) -> Iterator[tuple[int, str]]:
    tree = Environment(autoescape=True).parse(text)
    for line, _, strings in extract_from_ast(tree, _CALLS, babel_style=False):
        if isinstance(strings, str):
            yield line, strings
        elif strings and strings[0]:
            yield line, strings[0]


def _of_python(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "Text":
            sentences = [keyword.value for keyword in node.keywords if keyword.arg == "template"]
        elif name in _CALLS:
            sentences = node.args[:1]
        else:
            continue
        for sentence in sentences:
            yield from _literals(sentence)


def _literals(node: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.lineno, node.value


def main() -> int:
    """Print what lacks a translation; 1 when something does."""
    wanted = [item for language in Language if language is not Language.EN for item in missing(language)]
    sys.stdout.write(as_po(wanted))
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main())
