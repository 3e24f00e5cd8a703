"""Netlists that leave open what the description says: a net that nothing drives, and gates in a ring."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandgrain.check.corresponding import Flat
from sandgrain.check.differing import check_difference
from sandgrain.equivalence import CompareOptions, Equivalence
from sandgrain.equivalence.sides import NETLIST, make_side
from sandgrain.equivalence.simulated import flat_verilog
from sandgrain.netlist.flatten import flatten
from sandgrain.verdict import Verdict
from tests.equivalence.small import AGREED, RESET, compared, linked

DESIGN = """
module top(input c, input r, input e, input x, output y, output z);
  wire k, d, q, n;
  not (k, r); and (d, {held}, x, k);
  \\$_DFF_P_ a (.C(c), .D(d), .Q(q));
  not (n, {inverted}); or (z, q, e); and (y, {shown}, e);
  {more}
endmodule
"""
GOOD = DESIGN.format(held="e", inverted="q", shown="n", more="")
CUT = {
    "through a register": DESIGN.format(held="f", inverted="q", shown="n", more="wire f;"),
    "to an output": DESIGN.format(held="e", inverted="f", shown="n", more="wire f;"),
}
RINGS = {
    "of itself": DESIGN.format(held="e", inverted="n", shown="n", more=""),
    "over an output": DESIGN.format(held="e", inverted="y", shown="n", more=""),
    "that holds": DESIGN.format(held="e", inverted="q", shown="m", more="wire m; and (m, m, n);"),
    "before a register": DESIGN.format(held="w", inverted="q", shown="n", more="wire w; or (w, w, e);"),
    "of two": DESIGN.format(held="e", inverted="q", shown="m", more="wire m, o; nand (m, n, o); and (o, m, m);"),
}
# What they hold was there at power-up, or has been taken in as the description's latch takes it.
LATCH = """
module top(input c, input r, input e, input d, output y);
  wire q, nq, k, s, nd, a, b;
  not (k, r); not (nd, d); {latch}
  and (s, {taken}, k); \\$_DFF_P_ f (.C(c), .D(s), .Q(y));
endmodule
"""
LATCH_OF_GATES = "nand (a, d, e); nand (b, nd, e); nand (q, a, nq); nand (nq, b, q);"
HOLDING = {
    "from power-up": (
        GOOD,
        DESIGN.format(held="e", inverted="q", shown="m", more="wire m, o; and (m, n, o); or (o, o, m);"),
    ),
    "a latch": (
        LATCH.format(latch="\\$_DLATCH_P_ l (.E(e), .D(d), .Q(q));", taken="q"),
        LATCH.format(latch=LATCH_OF_GATES, taken="q"),
    ),
}
WITH_RESET = CompareOptions(resets=RESET, budget=30)


def refuted(first: str, second: str, work: Path) -> Equivalence:
    result = compared(first, second, work, WITH_RESET)
    assert result.verdict is Verdict.REFUTED and result.counterexample is not None, result.not_covered
    assert result.counterexample.netlist is None and result.counterexample.replayed_by
    assert "depends on a net that nothing drives, or on a ring of gates" in str(result.summary)
    return result


def accepted(told: Any, work: Path, second: str) -> bool:
    sides = [linked(text, work, name) for text, name in ((GOOD, "first.v"), (second, "second.v"))]
    flat = [Flat(flatten(side), side.lookup) for side in sides]
    return check_difference(json.dumps(told).encode(), flat[0], flat[1], agreed=AGREED).accepted


@pytest.mark.parametrize("kind", sorted(CUT))
def test_a_wire_that_is_cut_is_found_and_checked(tmp_path: Path, kind: str) -> None:
    shown = refuted(GOOD, CUT[kind], tmp_path).counterexample
    assert shown is not None and shown.checked_by
    told = json.loads(shown.stimulus)
    assert told["netlist"] is None and accepted(told, tmp_path, CUT[kind])
    # Of the good netlist it is not true, and neither is it that the description says something else.
    assert not accepted(told, tmp_path, GOOD)
    assert not accepted(told | {"description": 1 - told["description"]}, tmp_path, CUT[kind])
    assert not accepted(told | {"description": None}, tmp_path, CUT[kind])
    for value in (0, 1):
        assert not accepted(told | {"netlist": value}, tmp_path, CUT[kind])
    idle = [dict.fromkeys(row, 0) | {"r[0]": row["r[0]"]} for row in told["cycles"]]
    assert not accepted(told | {"cycles": idle}, tmp_path, CUT["through a register"])


@pytest.mark.parametrize("kind", sorted(RINGS))
def test_a_ring_of_gates_is_found(tmp_path: Path, kind: str) -> None:
    shown = refuted(GOOD, RINGS[kind], tmp_path).counterexample
    assert shown is not None
    assert b"\nx" in shown.vcd, "the waveform shows the unknown value"
    # The checker reads no loops; it says so rather than that the run is right.
    assert shown.checked_by == "" and not accepted(json.loads(shown.stimulus), tmp_path, RINGS[kind])


@pytest.mark.parametrize("kind", sorted(HOLDING))
def test_a_ring_that_holds_what_is_right_is_never_refuted(tmp_path: Path, kind: str) -> None:
    """Gone round from an unknown value it is unknown; but it is not."""
    result = compared(*HOLDING[kind], tmp_path, CompareOptions(resets=RESET, budget=6))
    assert result.verdict is Verdict.OPEN, result.summary


def test_a_latch_of_gates_that_takes_in_something_else_is_refuted(tmp_path: Path) -> None:
    first, second = HOLDING["a latch"]
    other = second.replace("nand (a, d, e); nand (b, nd, e);", "nand (a, nd, e); nand (b, d, e);")
    result = compared(first, other, tmp_path, WITH_RESET)
    assert result.verdict is Verdict.REFUTED


def test_a_wire_that_is_cut_where_it_does_not_matter_is_proved(tmp_path: Path) -> None:
    unread = DESIGN.format(held="e", inverted="q", shown="n", more="wire f, g; and (g, f, e);")
    masked = DESIGN.format(held="v", inverted="q", shown="n", more="wire f, g, v; and (g, f, e, k, r); or (v, e, g);")
    for text in (unread, masked):
        assert compared(GOOD, text, tmp_path, WITH_RESET).verdict is Verdict.PROVED


def test_a_ring_that_settles_is_never_refuted(tmp_path: Path) -> None:
    """Its value is that of the description whatever it was before; the checker reads no loops, so it stays open."""
    text = DESIGN.format(held="e", inverted="q", shown="m", more="wire m, o; and (o, m, e, r, k); or (m, n, o);")
    result = compared(GOOD, text, tmp_path, WITH_RESET)
    assert result.verdict is Verdict.OPEN
    assert any("loops of gates" in str(note) for note in result.not_covered)


def test_a_difference_beside_a_ring_that_settles_has_a_value(tmp_path: Path) -> None:
    text = DESIGN.format(held="x", inverted="q", shown="m", more="wire m, o; and (o, m, e, r, k); or (m, n, o);")
    result = compared(GOOD, text, tmp_path, WITH_RESET)
    assert result.verdict is Verdict.REFUTED
    assert result.counterexample is not None and result.counterexample.netlist in (0, 1)


def test_what_a_cell_without_a_function_drives_is_not_undetermined(tmp_path: Path) -> None:
    text = DESIGN.format(held="f", inverted="q", shown="n", more="wire f; unknown_cell u (.A(e), .Y(f));")
    assert compared(GOOD, text, tmp_path, CompareOptions(resets=RESET, budget=2)).verdict is Verdict.OPEN


def test_pins_that_are_not_connected_float(tmp_path: Path) -> None:
    text = GOOD.replace("\\$_DFF_P_ a (.C(c), .D(d), .Q(q));", "\\$_DFF_P_ a (.C(c), .D(), .Q(q));")
    shown = refuted(GOOD, text, tmp_path).counterexample
    assert shown is not None and shown.checked_by
    spare = GOOD.replace("endmodule", "\\$_DFF_P_ spare (.C(c), .D(d), .Q());\nendmodule")
    assert compared(GOOD, spare, tmp_path, WITH_RESET).verdict is Verdict.PROVED


def test_a_ring_is_written_out_once_for_each_place_it_is_cut_at(tmp_path: Path) -> None:
    side = make_side(NETLIST, linked(RINGS["that holds"], tmp_path), None, {})
    text = flat_verilog(side, "second")
    assert text.count("_r0 =") >= 1 and "_r1" not in text
    assert replace(side).loops == side.loops and len(side.loops) == 1


# An output that the description leaves open beside one that it does not.
OPEN_OUTPUT = """
module top(input c, input r, input e, output [1:0] y, output z);
  {gates}
endmodule
"""
UNDEFINED = OPEN_OUTPUT.format(gates="\\$anyseq #(.WIDTH(2)) u (.Y(y)); buf (z, e);")


@pytest.mark.parametrize("value", ["2'bxx", "2'bzz", "2'bx1", "2'b0z"])
def test_an_output_tied_to_nothing_may_be_anything(tmp_path: Path, value: str) -> None:
    """As synthesis writes what a description does not define."""
    open_ = OPEN_OUTPUT.format(gates=f"assign y = {value}; buf (z, e);")
    result = compared(UNDEFINED, open_, tmp_path, WITH_RESET)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]


@pytest.mark.parametrize("value", ["x", "z"])
def test_an_output_tied_to_nothing_is_not_what_is_defined(tmp_path: Path, value: str) -> None:
    defined = OPEN_OUTPUT.format(gates="buf (y[0], e); buf (y[1], e); buf (z, e);")
    shown = refuted(defined, defined.replace("buf (y[0], e);", f"assign y[0] = 1'b{value};"), tmp_path).counterexample
    assert shown is not None and shown.output == "y[0]" and shown.checked_by
