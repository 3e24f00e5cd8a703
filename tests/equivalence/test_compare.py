"""Two descriptions of one machine are proved equal, those of different machines told apart, and nothing else passes."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandgrain.check.agreed import Agreed
from sandgrain.check.correspondence import parse
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.check.errors import CertificateError
from sandgrain.equivalence import CompareOptions
from sandgrain.errors import NetworkError
from sandgrain.netlist.flatten import flatten
from sandgrain.progress import SilentProgress
from sandgrain.verdict import Verdict
from tests.equivalence.small import AGREED, RESET, Machine, agree, compared, linked

WITH_RESET = CompareOptions(resets=RESET, budget=60)

COUNTER = """
module top(input c, input r, input e, output [1:0] q);
  wire k, t, u, d0, d1;
  not (k, r); xor (t, q[0], e); and (d0, t, k);
  and (u, q[0], e); wire v; xor (v, q[1], u); and (d1, v, k);
  \\$_DFF_P_ a (.C(c), .D(d0), .Q(q[0])); \\$_DFF_P_ b (.C(c), .D(d1), .Q(q[1]));
endmodule
"""
# The low bit is kept twice, the high bit inverted, and a register that reset makes a constant takes part.
RECODED = """
module top(input c, input r, input e, output [1:0] q);
  wire k, t, t2, u, d0, d0b, d1, w, nq, z, dz, e2;
  not (k, r); xor (t, q[0], e2); and (d0, t, k);
  xor (t2, w, e); and (d0b, t2, k);
  or (e2, e, z); and (dz, z, k); \\$_DFF_P_ zero (.C(c), .D(dz), .Q(z));
  and (u, w, e); wire v; xor (v, q[1], u); nand (d1, v, k);
  \\$_DFF_P_ a (.C(c), .D(d0), .Q(q[0])); \\$_DFF_P_ a2 (.C(c), .D(d0b), .Q(w));
  \\$_DFF_P_ b (.C(c), .D(d1), .Q(nq)); not (q[1], nq);
endmodule
"""


def test_a_design_equals_itself(tmp_path: Path) -> None:
    result = compared(COUNTER, COUNTER, tmp_path)
    assert result.verdict is Verdict.PROVED and not result.open_points
    assert result.checked is not None and result.checked.accepted and result.checked.obligations > 0


@pytest.mark.parametrize("names", [True, False])
def test_duplicated_inverted_and_constant_registers(tmp_path: Path, names: bool) -> None:
    options = CompareOptions(resets=RESET, budget=60, use_names=names)
    result = compared(COUNTER, RECODED, tmp_path, options)
    assert result.verdict is Verdict.PROVED, result.not_covered


def test_what_only_reset_makes_true_is_not_proved_without_it(tmp_path: Path) -> None:
    result = compared(COUNTER, RECODED, tmp_path)
    assert result.verdict is not Verdict.PROVED


def test_a_difference_is_replayed_and_reduced(tmp_path: Path) -> None:
    wrong = COUNTER.replace("xor (v, q[1], u)", "or (v, q[1], u)")
    result = compared(COUNTER, wrong, tmp_path, WITH_RESET)
    assert result.verdict is Verdict.REFUTED and result.certificate is None
    found = result.counterexample
    assert found is not None and found.output == "q[1]" and found.replayed_by[0].startswith("Yosys")
    # Four increments bring the high bit back to 0, except where it is stuck at 1.
    assert found.cycle == 5 and sum(cycle.get("e[0]", 0) for cycle in found.inputs) == 4
    document = json.loads(found.stimulus)
    assert document["output"] == "q[1]" and len(document["cycles"]) == found.cycle + 1
    assert b"$enddefinitions" in found.vcd


def test_an_unused_change_is_proved_neutral(tmp_path: Path) -> None:
    same = COUNTER.replace("and (u, q[0], e);", "wire n; nand (n, e, q[0]); not (u, n);")
    assert compared(COUNTER, same, tmp_path).verdict is Verdict.PROVED


def test_black_boxes_and_unmatched_outputs_leave_it_open(tmp_path: Path) -> None:
    boxed = COUNTER.replace("not (k, r);", "MYSTERY m (.A(r), .Y(k));")
    quick = CompareOptions(budget=5)
    result = compared(COUNTER, boxed, tmp_path, quick)
    assert result.verdict is not Verdict.PROVED
    result = compared(boxed, COUNTER, tmp_path, quick)
    assert result.verdict is Verdict.OPEN and any("MYSTERY" in str(text) for text in result.not_covered)
    more = COUNTER.replace("output [1:0] q);", "output [1:0] q, output tap);\n  buf (tap, q[0]);")
    result = compared(COUNTER, more, tmp_path, quick)
    assert result.verdict is Verdict.OPEN and any("tap[0]" in str(text) for text in result.not_covered)


def test_a_scan_chain_is_held_out(tmp_path: Path) -> None:
    scanned = COUNTER.replace("input e,", "input e, input se, input si,").replace(
        "and (d0, t, k);", "wire n0; and (n0, t, k); \\$_MUX_ m (.A(n0), .B(si), .S(se), .Y(d0));"
    )
    held = CompareOptions(held={"se": 0}, budget=60)
    assert compared(COUNTER, scanned, tmp_path, held).verdict is Verdict.PROVED
    assert compared(COUNTER, scanned, tmp_path, WITH_RESET).verdict is not Verdict.PROVED
    with pytest.raises(NetworkError):
        compared(COUNTER, scanned, tmp_path, CompareOptions(held={"nosuch": 0}))


def test_split_ports_belong_together(tmp_path: Path) -> None:
    split = COUNTER.replace("output [1:0] q", "output \\q[1] , output \\q[0] ").replace("q[0]", "\\q[0] ")
    split = (
        split.replace("output \\\\q[0]  ", "output \\q[0] ").replace(" q[1]", " \\q[1] ").replace("(q[1]", "(\\q[1] ")
    )
    assert compared(COUNTER, split, tmp_path).verdict is Verdict.PROVED


def test_an_altered_certificate_is_rejected(tmp_path: Path) -> None:
    result = compared(COUNTER, RECODED, tmp_path, WITH_RESET)
    assert result.certificate is not None
    first, second = (linked(text, tmp_path, "x.v") for text in (COUNTER, RECODED))
    sides = [Flat(flatten(side), side.lookup) for side in (first, second)]
    whole = check_correspondence(result.certificate, *sides, agreed=AGREED, progress=SilentProgress())
    assert whole.accepted
    others = (
        Agreed({"c": "falling"}, resets=RESET),
        Agreed({"c": "rising"}, {"q[0]": 0}, RESET),
        Agreed({"c": "rising"}),
        Agreed({"c": "rising"}, resets={"r": (0, 1)}),
    )
    for other in others:
        told = check_correspondence(result.certificate, *sides, agreed=other, progress=SilentProgress())
        assert not told.accepted and "it is about other" in told.reason
    lines = result.certificate.decode().splitlines()
    for at in range(len(lines)):
        altered = "\n".join([*lines[:at], *lines[at + 1 :], ""]).encode()
        assert not check_correspondence(altered, *sides, agreed=AGREED, progress=SilentProgress()).accepted
    assert not check_correspondence(
        result.certificate, sides[1], sides[0], agreed=AGREED, progress=SilentProgress()
    ).accepted
    assert not check_correspondence(b"\xff\x00", *sides, agreed=AGREED, progress=SilentProgress()).accepted


def _forged(data: bytes, old: str, new: str) -> bytes:
    """A certificate with a line changed and a matching last line, as a forger would write it."""
    import hashlib

    text = data.decode()
    assert old in text
    body = text[: text.rindex("end ")].replace(old, new, 1).encode()
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()


def test_a_forged_relation_does_not_check(tmp_path: Path) -> None:
    result = compared(COUNTER, RECODED, tmp_path, WITH_RESET)
    assert result.certificate is not None
    first, second = (linked(text, tmp_path, "x.v") for text in (COUNTER, RECODED))
    sides = [Flat(flatten(side), side.lookup) for side in (first, second)]
    for old, new in (("2-nq", "2+nq"), ("cycles 1", "cycles 0"), ("2+z", "2-z"), ("1+q[0] ", "1-q[0] ")):
        forged = _forged(result.certificate, old, new)
        told = check_correspondence(forged, *sides, agreed=AGREED, progress=SilentProgress())
        assert not told.accepted and told.reason


def test_registers_that_are_output_bits_begin_at_zero_in_every_simulator(tmp_path: Path) -> None:
    """Nothing ever writes them, and Yosys gives registers names with a bracket in them."""
    text = """
module top(input c, input e, output [1:0] q);
  wire k, n; and (k, e, 1'b0); not (n, {held});
  \\$_DFFE_PP_ f (.C(c), .E(k), .D(e), .Q({held})); \\$_DFF_P_ g (.C(c), .D(e), .Q(q[1]));
  {shown}
endmodule
"""
    first, second = text.format(held="h", shown="wire h; buf (q[0], n);"), text.format(held="q[0]", shown="")
    result = compared(first, second, tmp_path, CompareOptions(budget=10))
    assert result.verdict is Verdict.REFUTED and result.counterexample is not None
    icarus = ("Icarus Verilog",) if shutil.which("iverilog") and shutil.which("vvp") else ()
    assert result.counterexample.replayed_by[1:] == icarus


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400))
def test_no_bytes_are_a_certificate(data: bytes) -> None:
    for text in (data, b"sandgrain-correspondence 3\n" + data):
        with pytest.raises(CertificateError):
            parse(text)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
@example(seed=126319)  # names say something about one register of five, and that misleads about the others
def test_it_agrees_with_a_search_of_all_states(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    machine = Machine.drawn(rng)
    other = machine if rng.random() < 0.3 else machine.changed(rng)
    inverted = [at for at in range(machine.registers) if rng.random() < 0.3]
    result = compared(machine.verilog(), other.verilog(rng, inverted=inverted), tmp_path, WITH_RESET)
    if agree(machine, other):
        assert result.verdict is not Verdict.REFUTED
        if machine == other:
            assert result.verdict is Verdict.PROVED, result.not_covered
    else:
        assert result.verdict is not Verdict.PROVED
