"""The netlist of a submission against its RTL, with the clocks and resets of its manifest."""

from __future__ import annotations

from pathlib import Path

from sandgrain.equivalence import compare_submission
from sandgrain.progress import SilentProgress
from sandgrain.submission import load
from sandgrain.verdict import Verdict

MANIFEST = """
schema = 1
[chip]
name = "Blink"
vendor = "Example"
date = 2026-11-23
top = "top"
[[files]]
role = "rtl"
paths = ["top.v"]
{files}
[[clocks]]
port = "c"
edge = "rising"
[[resets]]
port = "r"
active = "high"
synchronous = true
cycles = 2
[[services]]
name = "light"
expression = "q"
[recovery]
"""
NETLIST = """
[[files]]
role = "netlist"
paths = ["top.nl.v"]
[[files]]
role = "cell-library"
paths = ["cells.lib"]
"""
RTL = """
module top(input c, input r, input e, output reg q);
  always @(posedge c) if (r) q <= 1'b1; else if (e) q <= ~q;
endmodule
"""
CELLS = """
library (l) {
  cell (EO) { pin (A) { direction : input; } pin (B) { direction : input; }
              pin (Y) { direction : output; function : "A ^ B"; } }
  cell (NR) { pin (A) { direction : input; } pin (B) { direction : input; }
              pin (Y) { direction : output; function : "!(A | B)"; } }
  cell (DFF) { ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; }
               pin (D) { direction : input; } pin (C) { direction : input; }
               pin (Q) { direction : output; function : "IQ"; } pin (QN) { direction : output; function : "IQN"; } }
}
"""
# The register holds the negation, so that a reset to 1 clears it.
MAPPED = """
module top(c, r, e, q);
  input c, r, e; output q; wire t, d;
  EO u1 (.A(q), .B(e), .Y(t)); NR u2 (.A(t), .B(r), .Y(d)); DFF u3 (.D(d), .C(c), .QN(q));
endmodule
"""


def _submission(root: Path, mapped: str | None) -> Path:
    (root / "top.v").write_text(RTL)
    if mapped is not None:
        (root / "top.nl.v").write_text(mapped)
        (root / "cells.lib").write_text(CELLS)
    (root / "submission.toml").write_text(MANIFEST.replace("{files}", NETLIST if mapped is not None else ""))
    return root


def test_the_netlist_of_a_submission_is_proved(tmp_path: Path) -> None:
    result = compare_submission(load(_submission(tmp_path, MAPPED)), SilentProgress())
    assert result is not None and result.verdict is Verdict.PROVED, result and result.not_covered
    assert result.certificate is not None and result.certificate.startswith(b"sandgrain-correspondence 3\n")


def test_another_netlist_is_refuted(tmp_path: Path) -> None:
    wrong = MAPPED.replace("EO u1 (.A(q), .B(e)", "NR u1 (.A(q), .B(e)")
    result = compare_submission(load(_submission(tmp_path, wrong)), SilentProgress())
    assert result is not None and result.verdict is Verdict.REFUTED
    assert result.counterexample is not None and result.counterexample.output == "q[0]"


def test_without_a_netlist_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert compare_submission(load(_submission(tmp_path, None)), SilentProgress()) is None
