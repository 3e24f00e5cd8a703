"""Write the tables of the reference from the code they describe.

``python docs/tables.py`` rewrites what stands between ``<!-- table -->`` and ``<!-- end of table -->`` in the pages of
``docs/reference``; the tests fail when a page and the code say different things.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import typer.main

from sandgrain.case import case_json_schema
from sandgrain.cli import app
from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.report.limits import ReportLimits
from sandgrain.submission import IntakeLimits, manifest_json_schema

REFERENCE = Path(__file__).parent / "reference"
START, END = "<!-- table -->", "<!-- end of table -->"

Schema = dict[str, Any]


def cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def kind(schema: Schema, top: Schema) -> str:
    """What a JSON Schema accepts, in few words; models become links to their tables."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        target = top["$defs"][name]
        if "enum" in target:
            return " or ".join(f"`{value}`" for value in target["enum"])
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(item, top) for item in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'], top)}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"table of name to {kind(values, top)}" if isinstance(values, dict) else "table"
    return str(schema.get("format") or schema.get("type"))


def model(name: str, schema: Schema, top: Schema) -> Iterator[str]:
    """A heading and the table of one model."""
    yield f"### {name}"
    yield ""
    if schema.get("description"):
        yield cell(schema["description"].split("\n\n")[0])
        yield ""
    yield "| key | value | required | meaning |"
    yield "|---|---|---|---|"
    for key, field in schema["properties"].items():
        meaning = cell(field.get("description", ""))
        yield f"| `{key}` | {kind(field, top)} | {'yes' if key in schema.get('required', []) else 'no'} | {meaning} |"
    yield ""


def models(top: Schema) -> Iterator[str]:
    """The tables of a schema: the whole first, then its parts in the order of their names."""
    yield from model(top["title"], top, top)
    for name, schema in top["$defs"].items():
        if "properties" in schema:
            yield from model(name, schema, top)


def limits() -> Iterator[str]:
    """One table per dataclass of limits, from its defaults and the ``Attributes:`` of its docstring."""
    for title, limit in (
        ("Reading a submission", IntakeLimits),
        ("Elaboration", ElaborationLimits),
        ("The report", ReportLimits),
    ):
        attributes = (limit.__doc__ or "").split("Attributes:")[1]
        meanings = dict(re.findall(r"^ {8}(\w+): (.+(?:\n {9,}.+)*)", attributes, re.MULTILINE))
        yield f"### {title}"
        yield ""
        yield "| limit | value | meaning |"
        yield "|---|---|---|"
        for field in dataclasses.fields(limit):
            meaning = re.sub(r"\s+", " ", meanings[field.name])
            yield f"| `{field.name}` | {field.default:,} | {cell(meaning.replace('``', '`'))} |"
        yield ""


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield f"### sandgrain {name}"
        yield ""
        yield re.sub(r"(?<!\n)\n(?!\n)", " ", command.help or "").strip()
        yield ""
        yield "| argument or option | default | meaning |"
        yield "|---|---|---|"
        context = click.Context(command, info_name=name)
        for parameter in command.params:
            yield parameter_row(parameter, context)
        yield ""


def parameter_row(parameter: Any, context: Any) -> str:
    """One argument or option as a row."""
    if parameter.param_type_name == "argument":
        spelling = str(parameter.name).upper()
    else:
        spelling = ", ".join(parameter.opts)
        if not parameter.is_flag:
            spelling += f" {str(parameter.name).upper()}"
    default = parameter.get_default(context)
    shown = "required" if parameter.required else f"`{default}`" if default not in (None, False) else ""
    return f"| `{spelling}` | {shown} | {cell(parameter.help or '')} |"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "submission.md": lambda: models(manifest_json_schema()),
    "case.md": lambda: models(case_json_schema()),
    "limits.md": limits,
    "command-line.md": commands,
}


def filled(text: str, lines: Iterator[str]) -> str:
    """A page with the table between its marks."""
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{START}\n\n" + "\n".join(lines).strip() + f"\n\n{END}{after}"


def main() -> None:
    """Rewrite every page."""
    for name, lines in PAGES.items():
        page = REFERENCE / name
        page.write_text(filled(page.read_text(encoding="utf-8"), lines()), encoding="utf-8")
        print(page)


if __name__ == "__main__":
    main()
