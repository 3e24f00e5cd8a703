"""A case appears whole or not at all, resumes, and notices altered evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandgrain.case import CASE_FILE, CaseWriter, case_json_schema, read_case, submission_hint
from sandgrain.errors import CaseError
from sandgrain.verdict import (
    Case,
    Claim,
    ClaimId,
    EvidenceFile,
    Finding,
    FindingStatus,
    SubmissionRecord,
    Text,
    Verdict,
    Witness,
)

KEY = {"submission": "0" * 64, "tool": "1", "options": {}}


def refuted(writer: CaseWriter, dump: bytes = b"$end\n") -> Claim:
    witness = Witness(
        service="fetch",
        cycles=9,
        reset_cycles=1,
        dead_from=4,
        last_service_cycle=3,
        stimulus=writer.keep(b"{}", ".stimulus.json", "application/json"),
        vcd=writer.keep(dump, ".vcd", "text/vcd"),
        relevant_inputs=[],
    )
    finding = Finding(
        id="stop-1",
        status=FindingStatus.UNDECLARED,
        title=Text(template="t"),
        explanation=Text(template="e"),
        witness=witness,
    )
    return Claim(
        id=ClaimId.NO_REMOTE_SHUTDOWN,
        verdict=Verdict.REFUTED,
        summary_text=Text(template="s"),
        examined=True,
        findings=[finding],
    )


def case_of(claim: Claim) -> Case:
    others = [
        Claim(id=other, verdict=Verdict.OPEN, summary_text=Text(template="not examined"), examined=False)
        for other in ClaimId
        if other is not claim.id
    ]
    record = SubmissionRecord(chip="c", vendor="v", date="2026-11-23", top="t", digest="0" * 64, files=[])
    return Case(tool_version="1", created="2026-11-23T00:00:00+00:00", submission=record, claims=[claim, *others])


def write(path: Path) -> Case:
    with CaseWriter(path, KEY) as writer:
        case = case_of(refuted(writer))
        writer.finish(case, {"report.html": "<p>"}, path.parent)
    return case


def test_a_finished_case_reads_back(tmp_path: Path) -> None:
    case = write(tmp_path / "case")
    assert read_case(tmp_path / "case") == case
    assert submission_hint(tmp_path / "case") == tmp_path
    assert sorted(file.name for file in tmp_path.iterdir()) == ["case"]


def test_case_json_follows_its_schema(tmp_path: Path) -> None:
    import jsonschema

    write(tmp_path / "case")
    raw = json.loads((tmp_path / "case" / CASE_FILE).read_text())
    jsonschema.validate(raw, case_json_schema())
    raw["claims"][0]["verdict"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(raw, case_json_schema())


def test_an_interrupted_run_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    def interrupted() -> None:
        with CaseWriter(tmp_path / "case", KEY) as writer:
            writer.keep_claim(refuted(writer))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / "case").exists()
    with pytest.raises(CaseError, match="not finished"):
        read_case(tmp_path / "case")


def test_the_next_run_resumes_only_the_same_work(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case", KEY) as writer:
        claim = refuted(writer)
        writer.keep_claim(claim)
    with CaseWriter(tmp_path / "case", KEY) as writer:
        assert writer.finished_claim(ClaimId.NO_REMOTE_SHUTDOWN) == claim
        assert writer.finished_claim(ClaimId.NO_COVERT_CHANNEL) is None
    with CaseWriter(tmp_path / "case", KEY, fresh=True) as writer:
        assert writer.finished_claim(ClaimId.NO_REMOTE_SHUTDOWN) is None
        writer.keep_claim(refuted(writer))
    with CaseWriter(tmp_path / "case", {**KEY, "tool": "2"}) as writer:
        assert writer.finished_claim(ClaimId.NO_REMOTE_SHUTDOWN) is None


def test_facts_outlive_other_options_and_are_gone_from_the_finished_case(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case", KEY) as writer:
        writer.write("a" * 64, b"proved")
    with CaseWriter(tmp_path / "case", {**KEY, "options": {"seconds": 9}}) as writer:
        assert writer.read("a" * 64, 100) == b"proved"
        assert writer.read("a" * 64, 3) is None and writer.read("b" * 64, 100) is None
        writer.finish(case_of(refuted(writer)), {}, tmp_path)
    assert not list((tmp_path / "case").rglob("facts"))
    with CaseWriter(tmp_path / "case", KEY, fresh=True) as writer:
        writer.write("a" * 64, b"proved")
    with CaseWriter(tmp_path / "case", KEY, fresh=True) as writer:
        assert writer.read("a" * 64, 100) is None


def test_altered_partial_evidence_is_not_resumed(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case", KEY) as writer:
        claim = refuted(writer)
        writer.keep_claim(claim)
        assert claim.findings[0].witness is not None
        (writer.partial / claim.findings[0].witness.vcd.path).write_bytes(b"other")
    with CaseWriter(tmp_path / "case", KEY) as writer:
        assert writer.finished_claim(ClaimId.NO_REMOTE_SHUTDOWN) is None


@pytest.mark.parametrize("change", ["alter", "remove", "link"])
def test_altered_evidence_is_noticed(tmp_path: Path, change: str) -> None:
    case = write(tmp_path / "case")
    witness = case.claims[0].findings[0].witness
    assert witness is not None
    file = tmp_path / "case" / witness.vcd.path
    if change == "alter":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    else:
        content = file.read_bytes()
        file.unlink()
        if change == "link":
            (tmp_path / "elsewhere").write_bytes(content)
            file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CaseError):
        read_case(tmp_path / "case")


@pytest.mark.parametrize("path", ["../../etc/passwd", "evidence/../case.json", "/etc/passwd"])
def test_evidence_outside_the_case_is_refused(tmp_path: Path, path: str) -> None:
    write(tmp_path / "case")
    file = tmp_path / "case" / CASE_FILE
    raw = json.loads(file.read_text())
    raw["claims"][0]["findings"][0]["witness"]["vcd"]["path"] = path
    file.write_text(json.dumps(raw))
    with pytest.raises(CaseError, match="no evidence path"):
        read_case(tmp_path / "case")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema_version": "9.0"}', '{"schema_version": 1}', "[" * 100000])
def test_garbage_is_no_case(tmp_path: Path, text: str) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / CASE_FILE).write_text(text)
    with pytest.raises(CaseError):
        read_case(tmp_path / "case")


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "case")
    with pytest.raises(CaseError, match="already"):
        CaseWriter(tmp_path / "case", KEY)
    with CaseWriter(tmp_path / "case", KEY, fresh=True) as writer:
        writer.finish(case_of(refuted(writer, b"new")), {}, tmp_path)
    assert read_case(tmp_path / "case").claims[0].findings
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.tex").write_text("years of work")
    with pytest.raises(CaseError, match="no case"):
        CaseWriter(tmp_path / "notes", KEY, fresh=True)


def test_the_models_refuse_to_claim_more_than_was_shown() -> None:
    text = Text(template="x")
    with pytest.raises(ValueError, match="witness"):
        Finding(id="a", status=FindingStatus.UNDECLARED, title=text, explanation=text)
    with pytest.raises(ValueError, match="certificate"):
        Claim(id=ClaimId.NO_HIDDEN_LOGIC, verdict=Verdict.PROVED, summary_text=text, examined=True)
    with pytest.raises(ValueError, match="undeclared"):
        Claim(id=ClaimId.NO_HIDDEN_LOGIC, verdict=Verdict.REFUTED, summary_text=text, examined=True)
    with pytest.raises(ValueError, match="nobody examined"):
        Claim(id=ClaimId.NO_HIDDEN_LOGIC, verdict=Verdict.REFUTED, summary_text=text, examined=False)
    with pytest.raises(ValueError, match="pattern"):
        EvidenceFile(path="evidence/x", sha256="x", size=0, media_type="text/plain")
