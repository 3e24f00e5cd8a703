"""The lock names packages, versions and hashes, and no place they come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest


@pytest.fixture
def lock(root: Path) -> str:
    return (root / "requirements.lock").read_text(encoding="utf-8")


def requirements(text: str) -> list[str]:
    """Logical lines, comments left out."""
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("trace", ["://", "/opt", "--index", "--extra-index", "--find-links", "--trusted-host", "-e "])
def test_names_no_place(lock: str, trace: str) -> None:
    assert trace not in lock


def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    rows = requirements(lock)
    assert len(rows) > 10
    loose = [row for row in rows if not re.match(r"[a-z0-9._-]+==\S+( ; .+?)? --hash=sha256:[0-9a-f]{64}", row)]
    assert loose == []


def test_holds_the_build_backend_and_every_direct_dependency(lock: str, root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(item for name in ("dev", "examples") for item in project["project"]["optional-dependencies"][name]),
        "editables",
    ]
    names = {re.split(r"[<>=!~ \[;]", item)[0].lower() for item in wanted}
    locked = {row.split("==")[0] for row in requirements(lock)}
    assert names - locked == set()
