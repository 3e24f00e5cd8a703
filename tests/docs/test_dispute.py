"""The dispute in the manual, in both directions, as it is shown there."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandgrain.cli import app
from sandgrain.errors import SandgrainError
from tests.docs.test_docs import DOCS, commands


def run(command: str) -> tuple[int, str]:
    """Exit status and output of a command; our own run in this process, as ``main`` would end them."""
    words = shlex.split(command)
    if words[0] != "sandgrain":
        done = subprocess.run(["/usr/bin/env", *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    result = CliRunner().invoke(app, words[1:])
    if isinstance(result.exception, SandgrainError):
        return result.exception.exit_code, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_dispute_is_settled_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "how-to" / "settle-a-dispute.md").read_text(encoding="utf-8")
    told = {}
    for command, status in commands(page):
        found, output = run(command)
        assert found == status, f"{command}\n{output}"
        told[command] = output
    (altered,) = [out for command, out in told.items() if command.startswith("sandgrain verify examiner/receipt.json")]
    assert "FAILS: file rtl/picorv32.v: the file was altered, first within bytes 0 to 65,535" in altered
    again = [out for command, out in told.items() if "--submission vendor/chip --proof" in command]
    assert "the seal here is not the one that was received" in again[0]
    assert "rtl/picorv32.v" in again[0]
    fork = told["sandgrain verify auditor/fork.json --trust auditor/log.pub"]
    assert "log.example signed two histories" in fork


def test_the_dispute_ends_otherwise_when_the_other_side_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same walk with an honest vendor and an examiner that altered its copy before showing it."""
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "how-to" / "settle-a-dispute.md").read_text(encoding="utf-8")
    before, _, after = page.partition("## The vendor says")
    for command, status in commands(before):
        assert run(command)[0] == status, command
    (tmp_path / "examiner" / "chip" / "rtl" / "picorv32.v").write_text("// another drawing\n")
    shown = [command for command, _ in commands(after)][:2]
    assert run(shown[0])[0] == 0
    status, output = run(shown[1])
    assert status == 1
    assert "rtl/picorv32.v: the file was altered" in output
    # The vendor's own copy is the one that both signed.
    assert run(shown[1].replace("auditor/chip", "vendor/chip"))[0] == 0
