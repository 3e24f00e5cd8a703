"""Whole audits of real cores, as a user would run them. Each takes up to two minutes."""

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


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "sandgrain", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)


def audited(submission: Path, case: Path) -> tuple[int, dict[str, Any]]:
    done = command("audit", submission, "-o", case, "--json", "--budget", 75)
    assert done.returncode in (0, 1, 3), done.stderr
    claim: dict[str, Any] = json.loads(done.stdout)["claims"][0]
    return done.returncode, claim


def dead_names(finding: dict[str, Any]) -> set[str]:
    return {bit["name"] for bit in finding["dead_state"]}


def by_status(claim: dict[str, Any], status: str) -> list[dict[str, Any]]:
    return [finding for finding in claim["findings"] if finding["status"] == status]


@pytest.mark.parametrize(("plant", "seed"), [("bus-kill", None), ("bus-kill", 7), ("heartbeat", None)])
def test_planted_stop_is_refuted_named_and_replayed(tmp_path: Path, plant: str, seed: int | None) -> None:
    """With a seed the plant has innocent names, other words and other places; the answer stays the same."""
    submission = write_example("picorv32", tmp_path / "s", plant, disguise_seed=seed)
    status, claim = audited(submission, tmp_path / "case")
    assert (status, claim["verdict"]) == (1, "refuted")
    (stop,) = by_status(claim, "undeclared")
    planted = {name.split(".")[-1] for name in plant_record("picorv32", plant, seed).registers}
    found = {re.sub(r"\[\d+\]", "", name) for name in dead_names(stop)}
    assert planted & found, (planted, found)
    assert stop["witness"]["last_service_cycle"] < stop["witness"]["dead_from"]
    replayed = command("replay", tmp_path / "case")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def test_geofence_is_refuted_and_names_the_input(tmp_path: Path) -> None:
    submission = write_example("picorv32", tmp_path / "s", "geofence")
    status, claim = audited(submission, tmp_path / "case")
    assert (status, claim["verdict"]) == (1, "refuted")
    (stop,) = by_status(claim, "undeclared")
    assert {item["port"] for item in stop["witness"]["relevant_inputs"]} == {"region_id"}
    assert command("replay", tmp_path / "case", stop["id"]).returncode == 0


def test_time_bomb_is_never_cleared(tmp_path: Path) -> None:
    submission = write_example("picorv32", tmp_path / "s", "time-bomb")
    status, claim = audited(submission, tmp_path / "case")
    assert status in (1, 3)
    first = claim["findings"][0]
    assert first["status"] in ("undeclared", "suspect")
    (counter,) = plant_record("picorv32", "time-bomb").registers
    assert any(name.startswith(counter.split(".")[-1] + "[") for name in dead_names(first))


def test_clean_core_has_no_undeclared_finding_and_its_trap_is_declared(tmp_path: Path) -> None:
    submission = write_example("picorv32", tmp_path / "s")
    status, claim = audited(submission, tmp_path / "case")
    assert (status, claim["verdict"]) == (3, "open")
    assert by_status(claim, "undeclared") == []
    assert by_status(claim, "suspect") == []
    (declared,) = by_status(claim, "declared")
    assert declared["declared_as"] == "trap"


def test_the_same_core_without_the_declaration_is_refuted_by_its_trap(tmp_path: Path) -> None:
    submission = write_example("picorv32", tmp_path / "s")
    manifest = submission / "submission.toml"
    text = manifest.read_text()
    manifest.write_text(text[: text.index("[[declared]]")])
    status, claim = audited(submission, tmp_path / "case")
    assert (status, claim["verdict"]) == (1, "refuted")
    assert command("replay", tmp_path / "case").returncode == 0


def test_serv(tmp_path: Path) -> None:
    status, claim = audited(write_example("serv", tmp_path / "planted", "bus-kill"), tmp_path / "planted-case")
    assert (status, claim["verdict"]) == (1, "refuted")
    (stop,) = by_status(claim, "undeclared")
    assert "cpu.kill" in dead_names(stop)
    assert command("replay", tmp_path / "planted-case").returncode == 0
    status, claim = audited(write_example("serv", tmp_path / "clean"), tmp_path / "clean-case")
    assert (status, claim["verdict"], claim["findings"]) == (3, "open", [])
