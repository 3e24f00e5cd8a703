"""A family of recovery stimuli: what one of them brings back is recoverable, what none does is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandgrain.audit import AuditOptions, audit
from sandgrain.check import check
from sandgrain.check.claim import DIRECTORY
from sandgrain.errors import SubmissionError
from sandgrain.netlist.submitted import elaborate_submission
from sandgrain.progress import SilentProgress
from sandgrain.prove import prove
from sandgrain.submission import Constant, load
from sandgrain.verdict import ClaimId, Verdict
from tests.formal.test_shutdown_soundness import MANIFEST

# In either mode the service waits for the input to have one value, and the mode is kept.
CHIP = """module top(input clk, input rst, input a, input b, output busy);
  reg [2:0] s; reg mode; reg stuck;
  assign busy = s[0] & @alive@;
  always @(posedge clk) if (rst) begin s <= 1; mode <= 0; stuck <= 0; end
  else begin
    if (a != mode) s <= {s[1:0], s[2]};
    if (b & s[1]) mode <= 1;
    stuck <= stuck | (b & s[2] & mode);
  end
endmodule
"""
ATTEMPTS = """[recovery]
within_cycles = 12
[[recovery.attempts]]
cycles = 5
inputs = { a = "1'b1" }
[[recovery.attempts]]
cycles = 5
inputs = { a = ["1'b0", "1'b0", "1'b0"] }
[recovery.inputs]
b = "1'b0"
"""


def submission(root: Path, recovery: str, alive: str = "1'b1") -> Path:
    root.mkdir()
    (root / "top.v").write_text(CHIP.replace("@alive@", alive))
    (root / "submission.toml").write_text(MANIFEST[: MANIFEST.index("[recovery]")] + recovery)
    return root


def verdict(path: Path, case: Path) -> Verdict:
    options = AuditOptions.within(60, claims=(ClaimId.NO_REMOTE_SHUTDOWN,))
    claims = audit(path, case, options=options).claims
    return next(claim.verdict for claim in claims if claim.id is ClaimId.NO_REMOTE_SHUTDOWN)


def test_what_either_brings_back_is_proved(tmp_path: Path) -> None:
    assert verdict(submission(tmp_path / "s", ATTEMPTS), tmp_path / "case") is Verdict.PROVED
    single = ATTEMPTS[: ATTEMPTS.index("[[")] + '[recovery.inputs]\na = "1\'b1"\nb = "1\'b0"\n'
    assert verdict(submission(tmp_path / "one", single), tmp_path / "case-one") is Verdict.REFUTED


def test_what_none_brings_back_is_refuted(tmp_path: Path) -> None:
    assert verdict(submission(tmp_path / "s", ATTEMPTS, "~stuck"), tmp_path / "case") is Verdict.REFUTED


def test_a_certificate_is_for_these_attempts(tmp_path: Path) -> None:
    root = submission(tmp_path / "s", ATTEMPTS)
    prove(root, options=AuditOptions.within(60), progress=SilentProgress())
    (file,) = (root / DIRECTORY).iterdir()
    changes = (("", True), ("cycles = 5\ninputs = { a = [", False), ('{ a = "1\'b1" }', False))
    for old, accepted in changes:
        text = ATTEMPTS if accepted else ATTEMPTS.replace(old, old.replace("5", "4").replace("1'b1", "1'b0"))
        (root / "submission.toml").write_text(MANIFEST[: MANIFEST.index("[recovery]")] + text)
        loaded = load(root)
        elaborated = elaborate_submission(loaded, SilentProgress())
        assert check(file.read_bytes(), loaded, elaborated, progress=SilentProgress()).accepted is accepted


def test_they_are_one_sequence(tmp_path: Path) -> None:
    recovery = load(submission(tmp_path / "s", ATTEMPTS)).manifest.recovery
    assert recovery.attempted_in == 10
    assert recovery.driven == {
        "a": (Constant(1, 1),) * 5 + (Constant(1, 0),) * 5,
        "b": Constant(1, 0),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("within_cycles = 12", "within_cycles = 9", "more than within_cycles"),
        ('{ a = "1\'b1" }', '{ a = "free" }', "leaves a free"),
        ('{ a = "1\'b1" }', '{ b = "1\'b1" }', "attempt 1 drives b"),
        ('{ a = "1\'b1" }', "{ }", "inputs"),
        ("cycles = 5\n", "cycles = 0\n", "cycles"),
        ("{ a = ", "{ clk = ", "clk"),
    ],
)
def test_attempts_that_make_no_stimulus_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ATTEMPTS
    with pytest.raises(SubmissionError) as error:
        load(submission(tmp_path / "s", ATTEMPTS.replace(old, new)))
    assert message in str(error.value) and error.value.line
