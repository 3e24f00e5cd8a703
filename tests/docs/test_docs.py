"""The documentation says the same as the code, leads nowhere that is not there, and its commands run."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandgrain.cli import app
from sandgrain.formal.budgets import ShutdownOptions
from sandgrain.layout.limits import LayoutLimits
from sandgrain.netlist import ElaborationLimits
from sandgrain.netlist.limits import ReadLimits
from sandgrain.report.limits import ReportLimits
from sandgrain.submission import manifest_json_schema
from sandgrain.submission.expression import ExpressionLimits
from sandgrain.submission.limits import IntakeLimits
from sandgrain.submission.manifest import Manifest
from sandgrain.transparency.limits import EvidenceLimits
from sandgrain.verdict import Case, Claim, Finding, Leak, Witness

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LIMITS = (
    *(IntakeLimits, ExpressionLimits, ElaborationLimits, ReadLimits, LayoutLimits),
    *(ShutdownOptions, ReportLimits, EvidenceLimits),
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Words that judge intent or quality, and places that exist on one machine only.
FORBIDDEN = {
    "a word that judges intent": re.compile(r"back-?door|malicious|\bevil\b|spyware|\bspy\b|\bspies\b", re.IGNORECASE),
    "a word that praises": re.compile(
        r"state[- ]of[- ]the[- ]art|cutting[- ]edge|blazing|\brevolutionary|world[- ]class|unbreakable", re.IGNORECASE
    ),
    "a place on one machine": re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|var|mnt|opt)/"),
    "something unfinished": re.compile(r"\b(?:TODO|FIXME|TBD|XXX)\b|lorem ipsum", re.IGNORECASE),
}

per_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as mkdocs makes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def broken_links(page: Path, text: str) -> list[str]:
    """Internal links of a page that lead nowhere."""
    broken = []
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.is_file() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


def forbidden(text: str) -> list[str]:
    """What a text says that it should not."""
    return [f"{kind}: {match[0]!r}" for kind, pattern in FORBIDDEN.items() for match in pattern.finditer(text)]


def sections(page: Path) -> dict[str, str]:
    """The text under each heading of the second or third level."""
    parts = re.split(r"^##+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """The cells of each table row whose first cell is code, without its backquotes."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    return [[row[0].strip("`"), *row[1:]] for row in cells]


def commands(text: str) -> Iterator[tuple[str, int]]:
    """The commands of the console blocks and the exit status each is to end with."""
    for language, block in _FENCE.findall(text):
        if language != "console":
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                command, _, status = line[2:].partition(" # exit ")
                yield command.strip(), int(status or 0)


def tables_of_manifest(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The object schema of each table of the manifest."""
    tables = {"The top level": schema}
    for name, value in schema["properties"].items():
        reference = value.get("$ref") or value.get("items", {}).get("$ref")
        if reference:
            tables[name] = schema["$defs"][reference.rpartition("/")[2]]
    return tables


@per_page
def test_links_resolve(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@per_page
def test_words(page: Path) -> None:
    assert forbidden(page.read_text(encoding="utf-8")) == []


def test_the_checks_see_what_is_wrong(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# The Title\n", encoding="utf-8")
    assert broken_links(page, "[a](page.md#the-title) [b](#the-title) [c](https://example.org)") == []
    assert broken_links(page, "[a](none.md) [b](#none) ![c](none.png)") == ["none.md", "#none", "none.png"]
    assert forbidden("an undeclared capability, docs/opt/file") == []
    assert len(forbidden("a backdoor in /home/somebody, TODO")) == 3
    text = "```console\n$ a b # exit 3\nout\n$ c\n```\n```text\n$ d\n```\n"
    assert list(commands(text)) == [("a b", 3), ("c", 0)]


def test_every_field_of_the_manifest_is_explained() -> None:
    page = DOCS / "reference" / "manifest.md"
    assert page.read_text(encoding="utf-8").startswith("# The manifest\n")
    text = sections(page)
    for name, table in tables_of_manifest(manifest_json_schema()).items():
        told = {row[0]: row[1] for row in rows(text[name])}
        required = table.get("required", [])
        assert told == {field: "yes" if field in required else "no" for field in table["properties"]}, name


def test_every_choice_in_the_manifest_is_explained() -> None:
    schema = manifest_json_schema()
    text = sections(DOCS / "reference" / "manifest.md")
    choices = 0
    for name, table in tables_of_manifest(schema).items():
        for field in table["properties"].values():
            values = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {}).get("enum", [])
            choices += len(values)
            assert [value for value in values if f"`{value}`" not in text[name]] == [], name
    assert choices


def test_the_example_manifest_is_one() -> None:
    block = dict(_FENCE.findall(sections(DOCS / "reference" / "manifest.md")["Example"]))["toml"]
    assert Manifest.model_validate(tomllib.loads(block)).chip.top == "picorv32"


@pytest.mark.parametrize(
    ("heading", "model"),
    [("case.json", Case), ("A claim", Claim), ("A finding", Finding), ("A witness", Witness), ("A leak", Leak)],
)
def test_every_field_of_a_case_is_explained(heading: str, model: type[Case | Claim | Finding | Witness | Leak]) -> None:
    told = [row[0] for row in rows(sections(DOCS / "reference" / "case.md")[heading])]
    assert told == list(model.model_fields)


@pytest.mark.parametrize("limits", LIMITS)
def test_every_limit_is_told_with_its_value(limits: type[Any]) -> None:
    text = sections(DOCS / "reference" / "limits.md")
    (heading,) = [title for title in text if title.endswith(f": {limits.__name__}")]
    told = {row[0]: float(row[1]) for row in rows(text[heading])}
    assert told == {field.name: float(getattr(limits(), field.name)) for field in dataclasses.fields(limits)}


EVIDENCE = ("keygen", "seal", "receive", "verify", "archive", "timestamp")
SAMPLING = ("commit", "challenge", "reveal", "check-reveal")
LOG = ("init", "append", "record", "revoke", "rotate", "checkpoint", "prove", "find", "witness", "cosign", "audit")


@pytest.mark.parametrize(
    "command",
    [
        *("audit", "prove", "check", "replay", "example", "schema", "netlist info", "compare netlist-layout"),
        *EVIDENCE,
        *SAMPLING,
        *(f"log {command}" for command in LOG),
    ],
)
def test_every_option_is_explained(command: str) -> None:
    assert options_told(command) == options_offered(command)


@pytest.mark.parametrize("command", ["netlist convert", "netlist simulate"])
def test_every_option_of_its_own_is_explained(command: str) -> None:
    shared = options_offered("netlist info")
    assert options_told(command) | shared == options_offered(command) | shared


def options_offered(command: str) -> set[str]:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", result.output)) - {"--help"}


def options_told(command: str) -> set[str]:
    text = sections(DOCS / "reference" / "cli.md")[command]
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - {"--help"}


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(PAGES) - 1
    loads = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"(?:https?:)?//|<link\b[^>]*\bhref=\"(?:https?:)?//")
    assert [page.name for page in pages if loads.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.slow
def test_the_commands_shown_run_as_shown(tmp_path: Path) -> None:
    shown = [
        item
        for page in (ROOT / "README.md", DOCS / "tutorial.md")
        for item in commands(page.read_text(encoding="utf-8"))
    ]
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ran = 0
    # What two pages show is run once.
    for command, status in dict.fromkeys(shown):
        words = shlex.split(command)
        if words[0] == "make":
            continue
        run = subprocess.run(
            ["/usr/bin/env", *words],
            cwd=tmp_path,
            env={**os.environ, "PATH": programs},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == status, f"{command}\n{run.stdout}\n{run.stderr}"
        ran += 1
    assert ran
    assert (tmp_path / "case" / "report.html").is_file()
