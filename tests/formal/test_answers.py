"""Every service has its own answer, and only what was proved for it has a certificate."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sandgrain.audit import AuditOptions, audit
from sandgrain.case import read_case
from sandgrain.errors import LimitExceeded
from sandgrain.formal.budgets import ShutdownOptions
from sandgrain.formal.recoverability import Recoverability
from sandgrain.formal.shutdown import examine
from sandgrain.netlist.submitted import elaborate_submission
from sandgrain.progress import SilentProgress
from sandgrain.recheck import recheck
from sandgrain.submission import load
from sandgrain.verdict import ClaimId, EvidenceFile, Verdict
from tests.formal.test_facts import Kept
from tests.formal.test_shutdown_soundness import MANIFEST

TWO = """module top(input clk, input rst, input a, input b, output busy, output aux);
  reg [2:0] s; reg stuck; reg [1:0] turn;
  assign busy = s[0];
  assign aux = turn == 3 & @alive@;
  always @(posedge clk) if (rst) begin s <= 1; stuck <= 0; turn <= 0; end
  else begin
    s <= {s[1:0], s[2]};
    turn <= turn + 1;
    stuck <= stuck | (b & turn == 2);
  end
endmodule
"""


def submission(root: Path, alive: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "top.v").write_text(TWO.replace("@alive@", alive))
    second = '[[services]]\nname = "help"\nexpression = "aux"\n[recovery]\n'
    (root / "submission.toml").write_text(MANIFEST.replace("[recovery]\n", second))
    return root


def answers(case: Path) -> dict[str, Verdict]:
    claim = next(claim for claim in read_case(case).claims if claim.id is ClaimId.NO_REMOTE_SHUTDOWN)
    assert {certificate.subject for certificate in claim.certificates} == {
        answer.subject for answer in claim.answers if answer.verdict is Verdict.PROVED
    }
    return {answer.subject: answer.verdict for answer in claim.answers}


def test_one_service_proved_and_one_refuted(tmp_path: Path) -> None:
    case = tmp_path / "case"
    result = audit(submission(tmp_path / "s", "~stuck"), case, options=AuditOptions.within(60))
    assert result.exit_code == 1
    assert answers(case) == {"work": Verdict.PROVED, "help": Verdict.REFUTED}
    checked = recheck(case, None, SilentProgress())
    assert [item.checked.accepted for item in checked] == [True]


def test_both_proved(tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert audit(submission(tmp_path / "s", "1'b1"), case, options=AuditOptions.within(60)).exit_code == 0
    assert answers(case) == {"work": Verdict.PROVED, "help": Verdict.PROVED}


def test_no_answer_says_more_than_its_claim_and_certificates(tmp_path: Path) -> None:
    case = tmp_path / "case"
    result = audit(submission(tmp_path / "s", "~stuck"), case, options=AuditOptions.within(60))
    claim = next(claim for claim in result.claims if claim.id is ClaimId.NO_REMOTE_SHUTDOWN)
    told = claim.model_dump()
    with pytest.raises(ValueError, match="certificate"):
        type(claim).model_validate({**told, "certificates": []})
    with pytest.raises(ValueError, match="refuted"):
        type(claim).model_validate({**told, "verdict": "open", "findings": []})


def test_memory_used_up_leaves_it_open_and_says_so(tmp_path: Path) -> None:
    result = audit(submission(tmp_path / "s", "1'b1"), tmp_path / "case", options=AuditOptions.within(60, 1 << 20))
    claim = next(claim for claim in result.claims if claim.id is ClaimId.NO_REMOTE_SHUTDOWN)
    assert claim.verdict is Verdict.OPEN
    assert any("memory" in str(text) for text in claim.coverage.not_covered)


def test_what_was_proved_is_kept_and_found_again(tmp_path: Path) -> None:
    loaded = load(submission(tmp_path / "s", "1'b1"))
    elaborated = elaborate_submission(loaded, SilentProgress())

    def keep(data: bytes, suffix: str, media_type: str) -> EvidenceFile:
        digest = hashlib.sha256(data).hexdigest()
        return EvidenceFile(path=f"evidence/{digest}{suffix}", sha256=digest, size=len(data), media_type=media_type)

    store, mined = Kept(), []
    for _ in range(2):
        claim = examine(
            loaded,
            elaborated,
            keep=keep,
            progress=SilentProgress(),
            options=ShutdownOptions(seconds=60),
            store=store,
        )
        assert claim.verdict is Verdict.PROVED
        mined.append(dict(store.held))
    assert len(mined[0]) == 1 and mined[0].keys() == mined[1].keys()


def test_a_limit_in_the_middle_of_the_search_leaves_it_open_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exceeded(_question: Recoverability) -> None:
        raise LimitExceeded("the replay took too long")

    monkeypatch.setattr(Recoverability, "find", exceeded)
    result = audit(submission(tmp_path / "s", "1'b1"), tmp_path / "case", options=AuditOptions.within(60))
    claim = next(claim for claim in result.claims if claim.id is ClaimId.NO_REMOTE_SHUTDOWN)
    assert claim.verdict is Verdict.OPEN and not claim.certificates
    assert any("the replay took too long" in str(text) for text in claim.coverage.not_covered)
