"""``sandgrain check`` says what the checker says, for one certificate and for a case."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sandgrain.case import CaseWriter
from sandgrain.check import CertificateLimits, CheckLimits, write
from sandgrain.cli import app
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated
from sandgrain.submission import Submission
from sandgrain.verdict import Case, Certificate, Claim, ClaimId, Text, Verdict
from tests.check import chips

PULSE = [*chips.RING_INVARIANT, "-ring[0] -ring[1]", "-ring[0] -beat", "-ring[1] -beat"]


def run(*arguments: object) -> Result:
    """The command; errors a user can act on stay exceptions, which end with status 2."""
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def refused(result: Result, needle: str) -> None:
    assert isinstance(result.exception, SandgrainError)
    assert result.exception.exit_code == 2
    assert needle in str(result.exception)


@pytest.fixture
def certificates(ring: Elaborated, ring_submission: Submission) -> dict[str, bytes]:
    """A good certificate of each service."""
    beat = chips.shutdown(ring_submission, ring, chips.RING_INVARIANT)
    return {"beat": write(beat), "pulse": write(chips.shutdown(ring_submission, ring, PULSE, service="pulse"))}


def case(path: Path, submission: Submission, certificates: dict[str, bytes], verdict: Verdict = Verdict.PROVED) -> Path:
    """A case in which *no remote shutdown* is proved with these certificates."""
    with CaseWriter(path, {}) as writer:
        kept = [
            Certificate(kind="k", subject=name, file=writer.keep(data, ".cert", "text/plain"), checked_by="nobody")
            for name, data in certificates.items()
        ]
        claims = [
            Claim(
                id=claim,
                verdict=verdict if claim is ClaimId.NO_REMOTE_SHUTDOWN else Verdict.OPEN,
                summary_text=Text(template="told"),
                examined=claim is ClaimId.NO_REMOTE_SHUTDOWN,
                certificates=kept if claim is ClaimId.NO_REMOTE_SHUTDOWN else [],
            )
            for claim in ClaimId
        ]
        answer = Case(tool_version="0", created="2026-11-23", submission=submission.record(), claims=claims)
        writer.finish(answer, {}, submission.root)
    return path


def test_one_certificate(tmp_path: Path, ring_submission: Submission, certificates: dict[str, bytes]) -> None:
    file = tmp_path / "a.cert"
    file.write_bytes(certificates["beat"])
    result = run(file, "--submission", ring_submission.root)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].startswith("no-remote-shutdown beat: accepted, ")
    assert "recovery: holds" in result.stdout
    refused(run(file), "--submission")
    refused(run(tmp_path / "none", "--submission", ring_submission.root), "no case")


def test_a_rejected_certificate_as_json(
    tmp_path: Path, ring: Elaborated, ring_submission: Submission, certificates: dict[str, bytes]
) -> None:
    file = tmp_path / "a.cert"
    file.write_bytes(write(chips.shutdown(ring_submission, ring, ["-dead"])))
    result = run(file, "--submission", ring_submission.root, "--json")
    assert result.exit_code == 1
    (told,) = json.loads(result.stdout)
    assert (told["file"], told["accepted"], told["claim"]) == (str(file), False, "no-remote-shutdown")
    assert told["obligations"][-1]["name"] == "step"
    assert not told["obligations"][-1]["holds"]
    file.write_bytes(certificates["beat"].replace(b"frames 4", b"frames 5"))
    altered = run(file, "--submission", ring_submission.root)
    assert altered.exit_code == 1
    assert "REJECTED" in altered.stdout and f"{file}:12" in altered.stdout
    file.write_bytes(b"\x1b[2J\xff")
    garbage = run(file, "--submission", ring_submission.root)
    assert garbage.exit_code == 1
    assert "\x1b" not in garbage.stdout


def test_a_case_finds_its_submission(
    tmp_path: Path, ring_submission: Submission, certificates: dict[str, bytes]
) -> None:
    result = run(case(tmp_path / "case", ring_submission, certificates), "--json")
    assert result.exit_code == 0, result.output
    assert [(row["subject"], row["accepted"]) for row in json.loads(result.stdout)] == [("beat", True), ("pulse", True)]


def test_a_service_without_a_certificate_is_not_proved(
    tmp_path: Path, ring_submission: Submission, certificates: dict[str, bytes]
) -> None:
    del certificates["pulse"]
    result = run(case(tmp_path / "case", ring_submission, certificates))
    assert result.exit_code == 1
    assert "no-remote-shutdown pulse: REJECTED" in result.stdout
    certificates["pulse"] = certificates["beat"]
    swapped = run(case(tmp_path / "swapped", ring_submission, certificates))
    assert swapped.exit_code == 1
    assert "something else" in swapped.stdout


def test_a_case_about_another_submission(
    tmp_path: Path, ring_submission: Submission, certificates: dict[str, bytes]
) -> None:
    other = chips.submission(tmp_path, chips.RING_MANIFEST + "# more\n", chips.RING)
    written = case(tmp_path / "case", ring_submission, certificates)
    refused(run(written, "--submission", other.root), "not the submission")
    evidence = next((written / "evidence").iterdir())
    evidence.write_bytes(evidence.read_bytes().replace(b"frames 4", b"frames 3"))
    refused(run(written), "altered")


def test_a_case_without_a_proof(tmp_path: Path, ring_submission: Submission) -> None:
    refused(run(case(tmp_path / "case", ring_submission, {}, Verdict.OPEN)), "no certificate to check")


def test_every_option_is_told() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    section = text.split("\n## check\n")[1].split("\n## ")[0]
    assert all(option in section for option in ("CASE|CERT", "`--submission`", "`--json`", "| 0 |", "| 1 |", "| 2 |"))


def test_every_limit_is_told_with_its_value() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "certificate.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.split("| limit |")[1].split("\n\n")[0].splitlines()[2:]]
    told = {row[1].strip(" `"): float(row[2]) for row in rows}
    fields = [
        (limits, field.name) for limits in (CertificateLimits(), CheckLimits()) for field in dataclasses.fields(limits)
    ]
    assert told == {name: float(getattr(limits, name)) for limits, name in fields}


def test_every_obligation_is_told(ring: Elaborated, ring_submission: Submission) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "certificate.md").read_text(encoding="utf-8")
    checked = chips.verdict(chips.shutdown(ring_submission, ring, chips.RING_INVARIANT), ring_submission, ring)
    assert all(f"| `{item.name}` |" in text for item in checked.obligations)
