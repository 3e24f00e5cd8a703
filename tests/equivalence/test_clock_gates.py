"""Registers behind integrated clock gates of sky130 against registers with an enable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.check.agreed import Agreed
from sandgrain.check.correspondence import parse, write
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.equivalence import CompareOptions, Equivalence, compare_linked
from sandgrain.logic.assemble import Clock
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.read import read_netlist
from sandgrain.netlist.state_bits import flat_digest
from sandgrain.progress import SilentProgress
from sandgrain.verdict import Verdict
from tests.equivalence.mapping import cells

RTL = """
module top(input c, input r, input e, input t, input [1:0] d, output [1:0] q);
  wire k, en; wire [1:0] g, n;
  not (k, r); or (en, e, r);
  and (g[0], d[0], k); and (g[1], d[1], k);
  \\$_MUX_ m0 (.A(q[0]), .B(g[0]), .S(en), .Y(n[0])); \\$_MUX_ m1 (.A(q[1]), .B(g[1]), .S(en), .Y(n[1]));
  \\$_DFF_P_ f0 (.C(c), .D(n[0]), .Q(q[0])); \\$_DFF_P_ f1 (.C(c), .D(n[1]), .Q(q[1]));
endmodule
"""
GATED = """
module top(input c, input r, input e, input t, input [1:0] d, output [1:0] q);
  wire k, en, clk, clkb; wire [1:0] g;
  not (k, r); or (en, e, r); and (g[0], d[0], k); and (g[1], d[1], k);
  sky130_fd_sc_hd__sdlclkp_1 icg (.CLK(c), .GATE(en), .SCE(t), .GCLK(clk));
  sky130_fd_sc_hd__clkbuf_1 tree (.A(clk), .X(clkb));
  sky130_fd_sc_hd__dfxtp_1 f0 (.CLK(clkb), .D(g[0]), .Q(q[0]));
  sky130_fd_sc_hd__dfxtp_1 f1 (.CLK(clkb), .D(g[1]), .Q(q[1]));
endmodule
"""
OPTIONS = CompareOptions(clocks=(Clock("c"),), held={"t": 0}, resets={"r": (1, 2)}, budget=10)


def _linked(text: str, work: Path) -> Linked:
    file = work / "design.v"
    file.write_text(text)
    return link(read_netlist([file], top="top").netlist, cells(), generic_cell)


def _compared(netlist: str, work: Path, options: CompareOptions = OPTIONS) -> Equivalence:
    return compare_linked(_linked(RTL, work), _linked(netlist, work), options, SilentProgress())


def test_a_clock_gate_is_an_enable(tmp_path: Path) -> None:
    result = _compared(GATED, tmp_path)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]


def test_a_gate_without_its_test_enable(tmp_path: Path) -> None:
    plain = GATED.replace("sdlclkp_1", "dlclkp_1").replace(", .SCE(t)", "")
    options = CompareOptions(clocks=(Clock("c"),), resets={"r": (1, 2)}, budget=10)
    assert _compared(plain, tmp_path, options).verdict is Verdict.PROVED
    # The test enable opens the gate unless it is held.
    assert _compared(GATED, tmp_path, options).verdict is Verdict.REFUTED


@pytest.mark.parametrize(("old", "new"), [(".GATE(en)", ".GATE(e)"), (".GATE(en)", ".GATE(r)"), (".A(clk)", ".A(c)")])
def test_another_gate_is_refuted(tmp_path: Path, old: str, new: str) -> None:
    result = _compared(GATED.replace(old, new), tmp_path)
    assert result.verdict is Verdict.REFUTED, [str(text) for text in result.not_covered]


@pytest.mark.parametrize(
    "gate",
    [
        "and (clk, c, en);",  # nothing holds the enable while the clock is high
        "sky130_fd_sc_hd__dlclkp_1 icg (.CLK(n), .GATE(en), .GCLK(clk)); not (n, c);",  # open in the wrong half
        "wire w; not (clk, w); sky130_fd_sc_hd__dlclkp_1 icg (.CLK(c), .GATE(en), .GCLK(w));",  # the other edge
        "sky130_fd_sc_hd__dlclkp_1 icg (.CLK(c), .GATE(c), .GCLK(clk));",  # the clock as its own enable
    ],
)
def test_what_is_no_clock_gate_is_not_accepted(tmp_path: Path, gate: str) -> None:
    good = _compared(GATED, tmp_path)
    assert good.certificate is not None
    start = GATED.index("  sky130_fd_sc_hd__sdlclkp_1")
    wrong = GATED[:start] + f"  {gate}\n" + GATED[GATED.index("\n", start) + 1 :]
    result = _compared(wrong, tmp_path, replace(OPTIONS, budget=2))
    assert result.verdict is not Verdict.PROVED
    # The same relation, told of the other netlist.
    first, second = _linked(RTL, tmp_path), _linked(wrong, tmp_path)
    sides = [Flat(flatten(side), side.lookup) for side in (first, second)]
    item = parse(good.certificate)
    digests = (item.digests[0], flat_digest(sides[1].module, sides[1].lookup, {"t": 0}))
    forged = write(replace(item, digests=digests, lemmas=()))
    run = Agreed({"c": "rising"}, OPTIONS.held, OPTIONS.resets)
    told = check_correspondence(forged, *sides, agreed=run, progress=SilentProgress())
    assert not told.accepted and "another netlist" not in told.reason, told.reason
