"""A difference gets to an output, or an invariant says why it never does; the certificate says it to the checker."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sandgrain.check.correspondence import parse, write
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.equivalence import CompareOptions, compare, reaching
from sandgrain.equivalence.beginning import Beginning
from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.invariants import NO_CLAUSES
from sandgrain.equivalence.proving import Prover
from sandgrain.equivalence.reaching import Confined, Reaching
from sandgrain.equivalence.searching import Search
from sandgrain.equivalence.spreading import Spread
from sandgrain.logic.graph import Graph
from sandgrain.logic.network import PORT_INPUT, Network
from sandgrain.logic.pdr import Reached, reach
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


# Two registers take in a value and its opposite once a flag says so; the flag is reset, they are not. Both 1 at once
# they are from power-up only, which is not shown.
PAIR = """
module top(input c, input r, input i, input e, input b, output y);
  wire k, n, v, g, f, dv, dg, df, tv, {more};
  not (k, r); not (n, i); or (tv, v, e); and (dv, tv, k);
  \\$_MUX_ mg (.A(g), .B(i), .S(e), .Y(dg)); \\$_MUX_ mf (.A(f), .B(n), .S(e), .Y(df));
  \\$_DFF_P_ fv (.C(c), .D(dv), .Q(v)); \\$_DFF_P_ fg (.C(c), .D(dg), .Q(g)); \\$_DFF_P_ ff (.C(c), .D(df), .Q(f));
  {shown}
endmodule
"""
OF_THE_PAIR = PAIR.format(more="s, t", shown="or (s, g, f); and (t, s, b); and (y, t, v);")
BOTH = PAIR.format(
    more="s, t, w", shown="or (s, g, f); and (t, s, b); and (w, g, f); wire x; or (x, t, w); and (y, x, v);"
)
# From a power-up with both 1, and without the flag, this one shows it.
AT_POWER_UP = BOTH.replace("and (y, x, v);", "wire z; and (z, t, v); or (y, z, w);")


@pytest.mark.usefixtures("alone")
def test_what_is_never_seen_is_never_seen_from_any_power_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prover, "_mine", lambda *_: NO_CLAUSES)
    result = compared(OF_THE_PAIR, BOTH, tmp_path, OPTIONS)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]
    assert compared(OF_THE_PAIR, AT_POWER_UP, tmp_path, OPTIONS).verdict is Verdict.OPEN


def test_a_word_is_taken_in_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bit of a word is taken in or lost by itself, and never shown: its bits would be met one after another."""
    width = 24
    graph = Graph(1 << 10)
    inputs, state = graph.free(2 * width), graph.free(width)
    lost = [graph.land(value, keep) for value, keep in zip(*inputs.reshape(2, width).tolist(), strict=True)]
    first = 1 + 3 * width
    network = Network(
        np.full(2 * width, PORT_INPUT, np.uint8),
        inputs[:width],
        np.full(width, 2, np.uint8),
        graph.fanin0[first:].copy(),
        graph.fanin1[first:].copy(),
    )
    shown = np.array([graph.land(int(state[0]), int(state[0]) ^ 1)], np.uint32)
    false = np.zeros(width, np.bool_)
    faulty = Faulty(
        network, np.array(lost, np.uint32), shown, shown, np.zeros(width, np.int64), np.stack((false, false)), ~false
    )
    asked: list[bool] = []

    def counted(
        network: Network, literal: int, begin: NDArray[np.bool_], open_: NDArray[np.int64], seconds: float
    ) -> Reached | None:
        asked.append(bool((open_ >= 0).any()))
        return reach(network, literal, begin, open_, seconds)

    monkeypatch.setattr(reaching, "reach", counted)
    beginning = Beginning(false, false, ~false, false)
    found = Reaching[None](faulty, beginning, lambda _: None, time.monotonic() + 30, []).run()
    assert isinstance(found, Confined) and found.latches == tuple(range(width))
    # A run, and that there is no other; once more for any power-up.
    assert asked == [False, False, True]
