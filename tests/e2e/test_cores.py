"""Whole audits of real cores, as a user would run them. Each takes up to some minutes.

Every core with every plant is what ``benchmarks/verdicts.py --all`` goes through; here is one of each sort.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandgrain.redteam import plant_record, write_example

pytestmark = pytest.mark.slow

SHUTDOWN, CHANNEL = 0, 1


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "sandgrain", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=840, check=False)


def audited(submission: Path, case: Path, *only: str) -> tuple[int, list[dict[str, Any]]]:
    chosen = [part for claim in only for part in ("--claim", claim)]
    done = command("audit", submission, "-o", case, "--json", *chosen)
    assert done.returncode in (0, 1, 3), done.stderr
    claims: list[dict[str, Any]] = json.loads(done.stdout)["claims"]
    return done.returncode, claims


def dead_names(finding: dict[str, Any]) -> set[str]:
    return {bit["name"] for bit in finding["dead_state"]}


def by_status(claim: dict[str, Any], status: str) -> list[dict[str, Any]]:
    return [finding for finding in claim["findings"] if finding["status"] == status]


def refuted(tmp_path: Path, core: str, plant: str, seed: int | None = None) -> dict[str, Any]:
    """The one undeclared stop that the audit finds and another simulator reproduces."""
    submission = write_example(core, tmp_path / "s", plant, disguise_seed=seed)
    status, claims = audited(submission, tmp_path / "case", "no-remote-shutdown")
    claim = claims[SHUTDOWN]
    assert (status, claim["verdict"]) == (1, "refuted"), claim["summary"]
    (stop,) = by_status(claim, "undeclared")
    replayed = command("replay", tmp_path / "case", stop["id"])
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    return stop


def test_planted_stop_is_refuted_named_and_replayed(tmp_path: Path) -> None:
    """The plant has innocent names, other words and other places; the tutorial finds one that has not."""
    core, plant, seed = "serv", "bus-kill", 7
    stop = refuted(tmp_path, core, plant, seed)
    record = plant_record(core, plant, seed)
    planted = {name.split(".")[-1] for name in record.registers}
    found = {re.sub(r"\[\d+\]", "", name.split(".")[-1]) for name in dead_names(stop)}
    assert planted & found, (planted, found)
    assert stop["grade"] == record.grade
    assert stop["witness"]["last_service_cycle"] < stop["witness"]["dead_from"]


def test_a_stop_that_hides_in_the_declared_trap_is_refuted(tmp_path: Path) -> None:
    stop = refuted(tmp_path, "picorv32", "trap-kill")
    assert "without its declared trigger" in stop["title"]["template"]


def test_a_clean_core_is_proved_and_its_certificates_spare_the_search(tmp_path: Path) -> None:
    """As ``make demo`` proves PicoRV32, in minutes."""
    submission = write_example("serv", tmp_path / "s")
    proved = command("prove", submission)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert len(list((submission / "certificates").iterdir())) == 2
    status, claims = audited(submission, tmp_path / "case")
    assert status == 0
    assert [claims[index]["verdict"] for index in (SHUTDOWN, CHANNEL)] == ["proved", "proved"]
    assert command("check", tmp_path / "case").returncode == 0
    # The same certificates say nothing about the same core with something planted in it.
    planted = write_example("serv", tmp_path / "planted", "bus-kill")
    for certificate in (submission / "certificates").iterdir():
        assert command("check", certificate, "--submission", planted).returncode == 1


def test_the_same_core_without_the_declaration_is_refuted_by_its_trap(tmp_path: Path) -> None:
    submission = write_example("picorv32", tmp_path / "s")
    manifest = submission / "submission.toml"
    text = manifest.read_text()
    manifest.write_text(text[: text.index("[[declared]]")])
    status, claims = audited(submission, tmp_path / "case", "no-remote-shutdown")
    assert (status, claims[SHUTDOWN]["verdict"]) == (1, "refuted")
    assert command("replay", tmp_path / "case").returncode == 0


def test_beacon_is_refuted_by_a_pair_of_runs(tmp_path: Path) -> None:
    submission = write_example("serv", tmp_path / "s", "beacon-strobe")
    status, claims = audited(submission, tmp_path / "case", "no-covert-channel")
    claim = claims[CHANNEL]
    assert (status, claim["verdict"]) == (1, "refuted"), claim["summary"]
    (leak,) = by_status(claim, "undeclared")
    assert leak["leak"]["source"] == "device_id"
    replayed = command("replay", tmp_path / "case", leak["id"])
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
