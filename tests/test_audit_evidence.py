"""The claim *evidence unaltered* in an audit: proved by what both sides signed, refuted by an altered file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandgrain.case import read_case
from sandgrain.verdict import ClaimId, FindingStatus, Verdict

RTL = """module a(input clk, input rst, input go, output reg [2:0] q, output alive);
  assign alive = q[0];
  always @(posedge clk) if (rst) q <= 3'b001; else if (go) q <= {q[1:0], q[2]};
endmodule
"""
MANIFEST = """schema = 1
chip = { name = "Ring", vendor = "Example", date = 2026-11-28, top = "a" }
files = [{ role = "rtl", paths = ["rtl/*.v"] }]
clocks = [{ port = "clk", edge = "rising" }]
resets = [{ port = "rst", active = "high", synchronous = true, cycles = 2 }]
services = [{ name = "alive", expression = "alive" }]
recovery = { inputs = { go = "1'b1" } }
"""
TRUST = ["--trust", "vendor.pub", "--trust", "examiner.pub"]


def sandgrain(at: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "sandgrain", *words]
    return subprocess.run(line, cwd=at, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a submission, its keys and its receipt."""
    at = tmp_path_factory.mktemp("signed")
    (at / "ring" / "rtl").mkdir(parents=True)
    (at / "ring" / "rtl" / "a.v").write_text(RTL)
    (at / "ring" / "submission.toml").write_text(MANIFEST)
    for role in ("vendor", "examiner"):
        assert sandgrain(at, "keygen", "--role", role, "-o", f"{role}.key").returncode == 0
    assert sandgrain(at, "seal", "ring", "--key", "vendor.key").returncode == 0
    receive = ("receive", "ring", "--key", "examiner.key", "--vendor", "vendor.pub", "-o", "receipt.json")
    assert sandgrain(at, *receive).returncode == 0
    return at


def audited(at: Path, submission: str, case: str, *more: str) -> tuple[int, Path]:
    only = ["--claim", "evidence-unaltered", "--receipt", "receipt.json", *more]
    return sandgrain(at, "audit", submission, "-o", case, *only).returncode, at / case


def test_proved_by_the_receipt_and_checked_with_the_keys(signed: Path) -> None:
    status, path = audited(signed, "ring", "good", *TRUST)
    claim = next(claim for claim in read_case(path).claims if claim.id is ClaimId.EVIDENCE_UNALTERED)
    assert (status, claim.verdict, len(claim.certificates)) == (0, Verdict.PROVED, 1)
    done = sandgrain(signed, "check", "good", "--json", *TRUST)
    assert done.returncode == 0, done.stdout
    assert [row["checked"]["accepted"] if "checked" in row else row["accepted"] for row in json.loads(done.stdout)] == [
        True
    ]
    assert sandgrain(signed, "check", "good").returncode == 1, "without keys nothing is accepted"
    assert sandgrain(signed, "check", "good", "--trust", "vendor.pub").returncode == 1, "one side does not do"


def test_an_altered_file_refutes_it_and_is_named_on_the_page(signed: Path) -> None:
    (signed / "other" / "rtl").mkdir(parents=True)
    (signed / "other" / "seal").mkdir()
    for file in ("submission.toml", "rtl/a.v", "seal/seal.dsse.json"):
        (signed / "other" / file).write_bytes((signed / "ring" / file).read_bytes())
    (signed / "other" / "rtl" / "a.v").write_text(RTL.replace("q[0]", "q[1]"))
    status, path = audited(signed, "other", "bad", *TRUST)
    claim = next(claim for claim in read_case(path).claims if claim.id is ClaimId.EVIDENCE_UNALTERED)
    assert (status, claim.verdict) == (1, Verdict.REFUTED)
    altered = [item for item in claim.findings if item.status is FindingStatus.UNDECLARED]
    assert "rtl/a.v" in {item.difference.place for item in altered if item.difference is not None}
    page = (path / "report.html").read_text()
    assert "rtl/a.v" in page and "What was handed over is not what it should be the same as." in page
    assert "capability nobody declared" not in page


def test_who_nobody_trusts_signs_nothing(signed: Path) -> None:
    status, path = audited(signed, "ring", "untrusted")
    claim = next(claim for claim in read_case(path).claims if claim.id is ClaimId.EVIDENCE_UNALTERED)
    assert (status, claim.verdict) == (3, Verdict.OPEN)
