"""The commands as a user meets them: exit status, messages, and what is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandgrain.cli import app
from sandgrain.errors import SandgrainError
from sandgrain.transparency.log import Log
from tests.transparency.test_evidence import make_case
from tests.transparency.test_sampling import draw_chip
from tests.transparency.world import MANIFEST, World, make_submission


def run(*words: object) -> tuple[int, str]:
    """Exit status and output, errors as ``main`` tells them."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, SandgrainError):
        return result.exception.exit_code, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_trust_as_a_shell_spells_it_out(world: World) -> None:
    """``--trust *.pub`` becomes one option and further names."""
    status, output = run("verify", world.receipt, "--trust", *world.pubs)
    assert status == 0, output
    status, output = run("verify", world.receipt, "--submission", world.submission, "--trust", *world.pubs, "--json")
    told = json.loads(output)
    assert (status, told["ok"], told["faults"]) == (0, True, [])
    assert run("verify", world.receipt, world.proof, "--trust", *world.pubs)[0] == 2
    assert run("verify", "--trust", *world.pubs)[0] == 2
    assert run("verify", world.receipt)[0] == 2


def test_wrong_usage_is_status_2_and_an_alteration_1(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    assert run("verify", tmp_path / "none", "--trust", *world.pubs)[0] == 2
    assert run("verify", tmp_path, "--trust", *world.pubs)[0] == 2
    assert run("verify", world.receipt, "--trust", tmp_path / "none.pub")[0] == 2
    assert run("keygen", "--role", "judge", "-o", tmp_path / "k")[0] == 2
    assert run("keygen", "--role", "log", "--algorithm", "ecdsa-p256", "-o", tmp_path / "k")[0] == 2
    (world.submission / "rtl" / "top.v").write_text("\n")
    status, output = run("verify", world.submission, "--trust", *world.pubs)
    assert status == 1
    assert "FAILS: file rtl/top.v: the file was altered" in output
    assert "NOT as it was signed" in output
    vendor, examiner = world.keys / "vendor.example.pub", world.keys / "examiner.example.key"
    status, output = run("receive", world.submission, "--key", examiner, "--vendor", vendor, "-o", tmp_path / "r")
    assert status == 1
    assert not (tmp_path / "r").exists()


def test_a_terminal_is_not_driven_by_what_is_verified(copied: Callable[[], World]) -> None:
    world = copied()
    (world.submission / "rtl" / "\x1b[31mred.v").write_text("")
    _, output = run("verify", world.submission, "--trust", *world.pubs)
    assert "red.v" in output
    assert "\x1b" not in output


def test_the_acts_of_a_case_from_end_to_end(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    case = make_case(tmp_path / "case", world.submission)
    examiner, log_key = world.keys / "examiner.example.key", world.keys / "log.example-chips.key"
    signed = ("--key", examiner, "--log-key", log_key)
    status, output = run("log", "record", world.log, case, *signed, "--json")
    told = json.loads(output)
    assert (status, told["count"]) == (0, 10)
    assert run("seal", case, "--key", examiner)[0] == 0
    assert run("archive", case, "-o", tmp_path / "c.sgcase")[0] == 0
    assert run("log", "append", world.log, case / "seal" / "seal.dsse.json", *signed)[0] == 0
    report = case / "report.html"
    assert run("log", "find", world.log, report)[1].startswith(f"{told['first'] + 9}: report-issued report.html")
    assert run("log", "find", world.log, "0" * 64)[0] == 1
    assert run("log", "revoke", world.log, report, "--reason", "a mistake", *signed)[0] == 0
    assert "report-revoked" in run("log", "find", world.log, report)[1]
    witness = ("--key", world.keys / "witness.example.key", "--log-pub", world.keys / "log.example-chips.pub")
    state = world.root.parent / "w-witness"
    assert run("log", "witness", world.log, *witness, "--state", state, "-o", tmp_path / "note")[0] == 0
    pub = world.keys / "witness.example.pub"
    assert run("log", "cosign", world.log, tmp_path / "note", "--trust", pub)[0] == 0
    size = Log(world.log).checkpoint().checkpoint.size
    proof = tmp_path / "p.tlog-proof"
    assert run("log", "prove", world.log, size - 2, "-o", proof, "--witness", pub)[0] == 0
    status, output = run("verify", tmp_path / "c.sgcase", "--proof", proof, "--trust", *world.pubs)
    assert status == 0, output
    status, output = run("log", "audit", world.log, "--trust", *world.pubs, "--proof", world.proof, "--proof", proof)
    assert status == 0, output
    assert run("log", "checkpoint", world.log)[1].startswith(f"log.example/chips\n{size}\n")
    assert run("log", "prove", world.log, size, "-o", proof)[0] == 2
    assert run("log", "init", world.log, "--log-key", log_key)[0] == 2


def test_rotation_from_end_to_end(copied: Callable[[], World], tmp_path: Path) -> None:
    world = copied()
    new = tmp_path / "new.key"
    assert run("keygen", "--role", "vendor", "--name", "vendor.example", "-o", new)[0] == 0
    log_key = world.keys / "log.example-chips.key"
    old = world.keys / "vendor.example.key"
    assert run("log", "rotate", world.log, tmp_path / "new.pub", "--key", old, "--log-key", log_key)[0] == 0
    assert (
        run("log", "rotate", world.log, world.keys / "examiner.example.pub", "--key", old, "--log-key", log_key)[0] == 2
    )


def test_a_drawing_from_end_to_end(world: World, tmp_path: Path) -> None:
    submission = make_submission(tmp_path / "s")
    (submission / "layout" / "empty.gds").unlink()
    draw_chip(submission / "layout" / "chip.gds")
    names = ("commitment", "secret", "challenge", "reveal")
    files = {name: tmp_path / name for name in names}
    vendor, examiner = world.keys / "vendor.example.key", world.keys / "examiner.example.key"
    status, output = run(
        "commit", submission, "--key", vendor, "--tile", 5, "-o", files["commitment"], "--secret", files["secret"]
    )
    assert status == 0, output
    assert "24 pieces of the layout, 4 of the description" in output
    drawn = ("--randomness", "00" * 32, "--source", "a beacon", "--layout", 6, "-o", files["challenge"])
    status, output = run("challenge", files["commitment"], "--key", examiner, *drawn)
    assert "layout: 1 modified pieces are missed with probability 0.75" in output
    opened = ("--commitment", files["commitment"], "--challenge", files["challenge"])
    assert run("reveal", submission, *opened, "--secret", files["secret"], "-o", files["reveal"])[0] == 0
    trusted = ("--trust", *world.pubs)
    status, output = run("check-reveal", files["reveal"], *opened, *trusted, "-o", tmp_path / "out")
    assert status == 0, output
    assert "netlist: 1 modified pieces are missed with probability 1" in output
    files["reveal"].write_bytes(files["reveal"].read_bytes().replace(b'"leaf":', b'"leaf":1', 1))
    assert run("check-reveal", files["reveal"], *opened, *trusted)[0] == 1
    assert run("challenge", files["commitment"], "--key", examiner, *drawn[:4], "-o", tmp_path / "n")[0] == 2
    assert run("verify", files["commitment"], "--trust", *world.pubs)[0] == 0
    assert run("timestamp", files["commitment"], "-o", tmp_path / "c.tsq")[0] == 0
    assert (tmp_path / "c.tsq").read_bytes()[:1] == b"\x30"


def test_the_program_itself_ends_as_it_should(world: World) -> None:
    """In a process of its own: status 2 without a traceback."""
    command = [sys.executable, "-m", "sandgrain", "verify", str(world.receipt), "--trust", str(world.root / "none.pub")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none.pub" in done.stderr
    assert "Traceback" not in done.stderr
    assert MANIFEST


@pytest.mark.parametrize("command", ["keygen", "seal", "receive", "verify", "archive", "commit", "log"])
def test_help(command: str) -> None:
    assert run(command, "--help")[0] == 0
