"""The files at the root say the same as the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import sandgrain

MOST_LINES = 450

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def test_the_licence_is_apache_2(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (root / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "Apache-2.0"
    assert re.search(r"Apache License\s+Version 2\.0", text)


def test_the_changelog_and_the_package_name_the_version(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert sandgrain.__version__ == version


def test_source_files_are_short(root: Path) -> None:
    sizes = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (root / "src").rglob("*.py")
    }
    long = {path: lines for path, lines in sizes.items() if lines > MOST_LINES}
    assert not long, f"split these by subject; more than {MOST_LINES} lines: {long}"


def test_ci_runs_what_make_test_runs(root: Path) -> None:
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^(exec )?make test$", script.read_text(encoding="utf-8"), re.MULTILINE)


@needs_make
def test_setup_does_nothing_twice_and_something_after_a_change(root: Path, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-data.lock"):
        shutil.copyfile(root / name, tmp_path / name)
        os.utime(tmp_path / name, (1_000, 1_000))
    (tmp_path / ".venv").mkdir()

    def make(option: str) -> int:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        command = ["make", option, "setup"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False).returncode

    # -q asks whether there is something to do (1) or not (0); -t marks it as done without doing it.
    assert make("-q") == 1
    assert make("-t") == 0
    assert make("-q") == 0
    for name in ("pyproject.toml", "requirements.lock", "requirements-data.lock"):
        os.utime(tmp_path / name, (4e9, 4e9))
        assert make("-q") == 1
        os.utime(tmp_path / name, (1_000, 1_000))
    assert make("-q") == 0


@needs_make
def test_setup_says_what_is_missing_without_a_python(root: Path, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-data.lock"):
        shutil.copyfile(root / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    make = shutil.which("make")
    assert make is not None
    for name in ("sh", "bash", "rm"):
        if program := shutil.which(name):
            (tools / name).symlink_to(program)
    run = subprocess.run(
        [make, "setup"], cwd=tmp_path, env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "Python 3.11 or newer" in run.stderr
    assert not (tmp_path / ".venv").exists()
