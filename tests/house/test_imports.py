"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest


def imported(tree: ast.AST, module: tuple[str, ...], package: bool) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and full dotted name of everything a module imports from sandgrain."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module[: len(module) - node.level + package] if node.level else ()
            stem = base + (tuple(node.module.split(".")) if node.module else ())
            names = [(*stem, alias.name) for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name[0] == "sandgrain")


def trespasses(text: str, module: tuple[str, ...], package: bool = False) -> list[tuple[int, str]]:
    """Imports of a private module or name of another room; a room is the first name under ``sandgrain``."""
    room = module[1:2]
    return [
        (line, ".".join(name))
        for line, name in imported(ast.parse(text), module, package)
        if name[1:2] != room and any(part.startswith("_") and not part.endswith("__") for part in name[1:])
    ]


def test_no_module_imports_the_private_part_of_another_room(root: Path) -> None:
    found = []
    for path in sorted((root / "src" / "sandgrain").rglob("*.py")):
        parts = path.relative_to(root / "src").with_suffix("").parts
        package = parts[-1] == "__init__"
        text = path.read_text(encoding="utf-8")
        found += [
            f"{path.relative_to(root)}:{line}: {name}"
            for line, name in trespasses(text, parts[:-1] if package else parts, package)
        ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import sandgrain.netlist._sources",
        "from sandgrain.netlist import _sources",
        "from sandgrain.netlist._sources import plan",
        "from ..netlist import _sources",
        "from ..netlist._sources import plan",
        "def f():\n    from sandgrain.netlist.model import _name",
    ],
)
def test_the_scan_sees_a_trespass(text: str) -> None:
    assert trespasses(text, ("sandgrain", "logic", "build"))


@pytest.mark.parametrize(
    "text",
    [
        "from sandgrain.logic import _kernel",
        "from . import _kernel",
        "from ._kernel import fold",
        "from sandgrain import __version__",
        "from sandgrain.netlist.model import Netlist",
        "import numpy._core",
    ],
)
def test_the_scan_lets_the_rest_pass(text: str) -> None:
    assert trespasses(text, ("sandgrain", "logic", "build")) == []


def test_a_package_may_import_its_own_private_module() -> None:
    assert trespasses("from ._sources import plan", ("sandgrain", "netlist"), package=True) == []


def test_the_contracts_hold(root: Path) -> None:
    tool = Path(sysconfig.get_path("scripts")) / "lint-imports"
    run = subprocess.run([tool, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
