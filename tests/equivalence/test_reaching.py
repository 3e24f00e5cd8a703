"""A difference gets to an output, or an invariant says why it never does; the certificate says it to the checker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.check.correspondence import parse, write
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.equivalence import CompareOptions, compare
from sandgrain.equivalence.searching import Search
from sandgrain.equivalence.spreading import Spread
from sandgrain.netlist.flatten import flatten
from sandgrain.progress import SilentProgress
from sandgrain.verdict import Verdict
from tests.equivalence.small import AGREED, RESET, compared, linked

# What is taken in at i goes from one register to the next, and is shown where a flag that goes along is 1. While both
# flags v and w are 1, the word is never shown: x is 1 wherever both are.
PIPE = """
module top(input c, input r, input i, input v, input w, output y);
  wire k, a, b, va, wa, vb, wb, xa, xb, da, dv, dw, dx, both, n, na, s;
  not (k, r); and (both, v, w); and (dv, v, k); and (dw, w, k); and (dx, both, k); and (da, {taken}, k);
  \\$_DFF_P_ f0 (.C(c), .D(da), .Q(a)); \\$_DFF_P_ f1 (.C(c), .D(dv), .Q(va)); \\$_DFF_P_ f2 (.C(c), .D(dw), .Q(wa));
  \\$_DFF_P_ f3 (.C(c), .D(dx), .Q(xa)); \\$_DFF_P_ f4 (.C(c), .D(a), .Q(b)); \\$_DFF_P_ f5 (.C(c), .D(va), .Q(vb));
  \\$_DFF_P_ f6 (.C(c), .D(wa), .Q(wb)); \\$_DFF_P_ f7 (.C(c), .D(xa), .Q(xb));
  not (n, {hidden}); and (s, b, vb); and (y, s, n);
  {more}
endmodule
"""
GOOD = PIPE.format(taken="i", hidden="xb", more="")
# The word is lost where both flags are 1: nobody sees it.
NEUTRAL = PIPE.format(taken="m", hidden="xb", more="wire nb, m; not (nb, both); and (m, i, nb);")
# It is lost where v is 1 and w is not, where it is shown.
SEEN = PIPE.format(
    taken="m", hidden="xb", more="wire nw, p, np, m; not (nw, w); and (p, v, nw); not (np, p); and (m, i, np);"
)
OPTIONS = CompareOptions(resets=RESET, budget=40, use_names=True)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other way to a proof or a run: neither guards that runs suggest nor random runs."""
    monkeypatch.setattr(compare, "guarded", lambda *_: None)
    monkeypatch.setattr(Spread, "run", lambda *_: None)
    monkeypatch.setattr(Search, "_random_runs", lambda *_: None)


@pytest.mark.usefixtures("alone")
def test_what_is_never_seen_is_proved(tmp_path: Path) -> None:
    result = compared(GOOD, NEUTRAL, tmp_path, OPTIONS)
    assert result.verdict is Verdict.PROVED, result.not_covered
    assert result.certificate is not None and result.checked is not None and result.checked.accepted
    sides = [linked(text, tmp_path, name) for text, name in ((GOOD, "1.v"), (NEUTRAL, "2.v"), (SEEN, "3.v"))]
    flat = [Flat(flatten(side), side.lookup) for side in sides]

    def accepted(data: bytes, second: Flat) -> bool:
        return check_correspondence(data, flat[0], second, agreed=AGREED, progress=SilentProgress()).accepted

    assert accepted(result.certificate, flat[1])
    assert not accepted(result.certificate, flat[2])
    # Without what it says of the flags it proves nothing.
    item = parse(result.certificate)
    assert item.invariant and not accepted(write(replace(item, invariant=())), flat[1])


@pytest.mark.usefixtures("alone")
def test_what_is_seen_is_refuted(tmp_path: Path) -> None:
    result = compared(GOOD, SEEN, tmp_path, OPTIONS)
    assert result.verdict is Verdict.REFUTED and result.counterexample is not None
    assert result.counterexample.output == "y[0]" and result.counterexample.checked_by
    assert result.counterexample.cycle <= 6
