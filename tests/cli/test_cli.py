"""The commands as a user meets them: exit status, messages, and what is left behind. One process per call."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CLOCKED = """module top(input clk, input rst, input go, output reg busy);
  always @(posedge clk) if (rst) busy <= 0; else busy <= {next};
endmodule
"""
PLANTED = """module top(input clk, input rst, input go, output reg busy);
  reg [2:0] idle;
  always @(posedge clk) if (rst) idle <= 0; else if (!(&idle)) idle <= go ? 0 : idle + 1;
  always @(posedge clk) if (rst) busy <= 0; else busy <= ~busy & go & ~(&idle);
endmodule
"""
MANIFEST = """schema = 1
[chip]
name = "Small"
vendor = "V"
date = 2026-11-23
top = "top"
[[files]]
role = "rtl"
paths = ["{paths}"]
[[clocks]]
port = "{clock}"
edge = "rising"
[[resets]]
port = "{reset}"
active = "high"
synchronous = true
cycles = 2
[[services]]
name = "work"
expression = "{service}"
[recovery]
[recovery.inputs]
go = "1'b1"
"""


def submission(
    root: Path,
    rtl: str | bytes | None = None,
    *,
    paths: str = "*.v",
    clock: str = "clk",
    reset: str = "rst",
    service: str = "busy",
) -> Path:
    root.mkdir()
    source = CLOCKED.format(next="~busy & go") if rtl is None else rtl
    (root / "top.v").write_bytes(source.encode() if isinstance(source, str) else source)
    (root / "submission.toml").write_text(MANIFEST.format(paths=paths, clock=clock, reset=reset, service=service))
    return root


def run(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandgrain", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def refused(tmp_path: Path, *needles: str, rtl: str | bytes | None = None, **manifest: str) -> None:
    """The audit ends with status 2, says ``needles`` on standard error alone, and leaves no case."""
    done = run("audit", submission(tmp_path / "s", rtl, **manifest), "-o", tmp_path / "case")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    for needle in needles:
        assert needle in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "case").exists()


def test_usage_errors_are_status_2() -> None:
    assert run("audit").returncode == 2
    assert run("nonsense").returncode == 2
    assert run("schema", "nonsense").returncode == 2


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("sandgrain ")
    assert "audit" in run("--help").stdout


@pytest.mark.parametrize("name", ["submission", "case"])
def test_schema_is_json(name: str) -> None:
    assert json.loads(run("schema", name).stdout)["properties"]


def test_no_manifest(tmp_path: Path) -> None:
    done = run("audit", tmp_path, "-o", tmp_path / "case")
    assert done.returncode == 2
    assert "submission.toml" in done.stderr


def test_path_out_of_the_submission(tmp_path: Path) -> None:
    refused(tmp_path, "submission.toml:9", "../../etc/passwd", paths="../../etc/passwd")


def test_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    refused(tmp_path, "top.v:2", rtl="module top(input clk);\n  assign = 1;\nendmodule\n")


def test_service_naming_no_port(tmp_path: Path) -> None:
    refused(tmp_path, "submission.toml:20", "'bussy'", "busy", service="bussy")


def test_reset_that_does_not_exist(tmp_path: Path) -> None:
    refused(tmp_path, "submission.toml:14", "'reset_n'", "rst", reset="reset_n")


def test_clock_that_does_not_exist(tmp_path: Path) -> None:
    refused(tmp_path, "submission.toml:11", "'clock'", "clk", clock="clock")


def test_manifest_without_clock(tmp_path: Path) -> None:
    root = submission(tmp_path / "s")
    text = (root / "submission.toml").read_text().replace('[[clocks]]\nport = "clk"\nedge = "rising"\n', "")
    (root / "submission.toml").write_text(text)
    done = run("audit", root, "-o", tmp_path / "case")
    assert done.returncode == 2
    assert "clocks" in done.stderr


def test_garbage_as_verilog(tmp_path: Path) -> None:
    refused(tmp_path, "top.v", rtl=random.Random(1).randbytes(10_000_000))


def test_combinational_loop(tmp_path: Path) -> None:
    rtl = """module top(input clk, input rst, input go, output busy);
  wire a, b; assign a = b & go; assign b = a | rst; assign busy = a;
endmodule
"""
    refused(tmp_path, "loop", rtl=rtl)


@pytest.mark.parametrize("rtl", ["", "// nothing\n", "module other(input clk); endmodule\n"])
def test_empty_design(tmp_path: Path, rtl: str) -> None:
    refused(tmp_path, "top", rtl=rtl)


@pytest.fixture(scope="module")
def sticky(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, subprocess.CompletedProcess[str]]:
    """A design whose service a single input stops for good, audited."""
    rtl = """module top(input clk, input rst, input go, input [7:0] word, output reg busy);
  reg quiet;
  always @(posedge clk) if (rst) quiet <= 0; else if (word == 8'ha5) quiet <= 1;
  always @(posedge clk) if (rst) busy <= 0; else busy <= ~busy & go & ~quiet;
endmodule
"""
    root = tmp_path_factory.mktemp("sticky")
    text = submission(root / "s", rtl)
    manifest = (text / "submission.toml").read_text()
    (text / "submission.toml").write_text(manifest + 'word = "8\'h00"\n')
    return root / "s", root / "case", run("audit", root / "s", "-o", root / "case", "--json", "--budget", 30)


def test_refuted_is_status_1_and_json_is_the_case(
    sticky: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    _, case, done = sticky
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads((case / "case.json").read_text())
    assert told["claims"][0]["id"] == "no-remote-shutdown"
    assert set(told["claims"][0]) >= {"id", "verdict", "summary", "coverage", "findings"}
    assert {claim["verdict"] for claim in told["claims"][1:]} == {"open"}
    stop = told["claims"][0]["findings"][0]
    assert {"name": "quiet", "value": 1, "place": {"file": "top.v", "line": 2}} in stop["dead_state"]
    words = [item for item in stop["witness"]["relevant_inputs"] if item["port"] == "word"]
    assert sum(item["value"] << item["bit"] for item in words) == 0xA5
    assert len({item["cycle"] for item in words}) == 1
    for name in ("report.html", "findings.sarif"):
        assert (case / name).stat().st_size > 1000


def test_replay_reproduces_and_a_changed_submission_is_refused(
    sticky: tuple[Path, Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _, case, _ = sticky
    done = run("replay", case, "stop-1", "--json")
    assert done.returncode == 0, done.stderr
    assert all(row["reproduced"] for row in json.loads(done.stdout))
    assert run("replay", case, "nothing").returncode == 2
    other = submission(tmp_path / "other")
    done = run("replay", case, "--submission", other)
    assert done.returncode == 2
    assert "not the submission" in done.stderr


def test_altered_evidence_is_not_replayed(
    sticky: tuple[Path, Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    import shutil

    root, case, _ = sticky
    shutil.copytree(case, tmp_path / "copy")
    for file in (tmp_path / "copy" / "evidence").glob("*.stimulus.json"):
        file.write_text(file.read_text().replace('"dead_from": ', '"dead_from": 1'))
    done = run("replay", tmp_path / "copy", "--submission", root)
    assert done.returncode == 2
    assert "altered" in done.stderr


def test_a_second_audit_does_not_overwrite(
    sticky: tuple[Path, Path, subprocess.CompletedProcess[str]],
) -> None:
    root, case, _ = sticky
    done = run("audit", root, "-o", case)
    assert done.returncode == 2
    assert "--fresh" in done.stderr


def test_clean_twin_is_proved_and_its_certificate_checks(tmp_path: Path) -> None:
    root = submission(tmp_path / "s")
    done = run("audit", root, "-o", tmp_path / "case", "--json", "--budget", 30)
    assert done.returncode == 0, done.stderr
    claim = json.loads(done.stdout)["claims"][0]
    assert claim["verdict"] == "proved"
    assert claim["findings"] == []
    assert claim["coverage"]["not_covered"] == []
    assert run("check", tmp_path / "case").returncode == 0
    # The planted twin is another design: the certificate of the clean one says nothing about it.
    (certificate,) = claim["certificates"]
    other = submission(tmp_path / "other", PLANTED)
    refused = run("check", tmp_path / "case" / certificate["file"]["path"], "--submission", other)
    assert refused.returncode == 1
    assert "REJECTED" in refused.stdout


def test_prove_writes_certificates_that_the_audit_only_checks(tmp_path: Path) -> None:
    root = submission(tmp_path / "s")
    assert run("prove", root).returncode == 0
    (written,) = (root / "certificates").iterdir()
    done = run("audit", root, "-o", tmp_path / "case", "--json")
    assert done.returncode == 0, done.stderr
    case = json.loads(done.stdout)
    assert case["claims"][0]["verdict"] == "proved"
    assert "dead states" not in {stage["name"] for stage in case["stages"]}
    # A certificate that is not accepted is of no use, and does no harm: the audit examines the claim itself.
    written.write_bytes(written.read_bytes().replace(b"frames", b"Frames"))
    again = run("audit", root, "-o", tmp_path / "again", "--json")
    assert "dead states" in {stage["name"] for stage in json.loads(again.stdout)["stages"]}


def test_prove_leaves_no_certificate_on_a_planted_design(tmp_path: Path) -> None:
    root = submission(tmp_path / "s", PLANTED)
    assert run("prove", root).returncode == 1
    assert not (root / "certificates").exists()


def test_missing_module_is_named_and_leaves_the_claim_open(tmp_path: Path) -> None:
    rtl = """module top(input clk, input rst, input go, output reg busy);
  wire w; vault u0(.a(go), .y(w));
  always @(posedge clk) if (rst) busy <= 0; else busy <= ~busy & go;
endmodule
"""
    done = run("audit", submission(tmp_path / "s", rtl), "-o", tmp_path / "case", "--json", "--budget", 30)
    assert done.returncode == 3, done.stderr
    claim = json.loads(done.stdout)["claims"][0]
    assert claim["verdict"] == "open"
    assert any("vault" in json.dumps(text) for text in claim["coverage"]["not_covered"])


def test_stimulus_that_never_brings_the_service_is_open_not_refuted(tmp_path: Path) -> None:
    root = submission(tmp_path / "s")
    text = (root / "submission.toml").read_text().replace('go = "1\'b1"', 'go = "1\'b0"')
    (root / "submission.toml").write_text(text)
    done = run("audit", root, "-o", tmp_path / "case", "--json", "--budget", 30)
    assert done.returncode == 3, done.stderr
    claim = json.loads(done.stdout)["claims"][0]
    assert "never brings work" in claim["summary"]
    (starved,) = [text["args"] for text in claim["coverage"]["not_covered"] if "starves" in text["template"]]
    assert starved["ports"] == "go = 1'h1"


def test_chinese_report(tmp_path: Path) -> None:
    root = submission(tmp_path / "s")
    done = run("audit", root, "-o", tmp_path / "case", "--lang", "zh_CN", "--budget", 30)
    assert done.returncode == 0, done.stderr
    assert "已证明" in done.stdout
    assert 'lang="zh' in (tmp_path / "case" / "report.html").read_text()


def test_interrupted_audit_leaves_no_case(tmp_path: Path) -> None:
    root = submission(tmp_path / "s")
    command = [sys.executable, "-m", "sandgrain", "audit", str(root), "-o", str(tmp_path / "case")]
    # A run started in the background ignores Ctrl-C, and so would its children: the audit is to hear it.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, heard)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".case.partial/run.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not (tmp_path / "case").exists()
    assert run("audit", root, "-o", tmp_path / "case", "--budget", 30).returncode == 0
