"""Registers that do not correspond one to one: kept twice, moved across logic, recoded, or clocked through a gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.check.correspondence import Member, Value, parse, write
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.equivalence import CompareOptions, compare
from sandgrain.netlist.flatten import flatten
from sandgrain.progress import SilentProgress
from sandgrain.verdict import Verdict
from tests.equivalence.small import AGREED, RESET, compared, linked

WITH_RESET = CompareOptions(resets=RESET, budget=20)

# What is read holds without a reset; the netlist keeps a second copy that follows the first, as synthesis does with the
# address of a memory.
HELD = """
module top(input c, input r, input e, input d, output q);
  wire k, a, n;
  \\$_MUX_ m (.A(a), .B(d), .S(e), .Y(n)); \\$_DFF_P_ f (.C(c), .D(n), .Q(a));
  xor (q, a, r);
endmodule
"""
TWICE = """
module top(input c, input r, input e, input d, output q);
  wire b, a, n;
  \\$_MUX_ m (.A(a), .B(d), .S(e), .Y(n)); \\$_DFF_P_ f2 (.C(c), .D(n), .Q(b)); \\$_DFF_P_ f (.C(c), .D(n), .Q(a));
  xor (q, b, r);
endmodule
"""


@pytest.mark.parametrize("names", [True, False])
def test_a_register_kept_twice(tmp_path: Path, names: bool) -> None:
    options = CompareOptions(resets=RESET, budget=20, use_names=names)
    result = compared(HELD, TWICE, tmp_path, options)
    assert result.verdict is Verdict.PROVED, result.not_covered
    wrong = TWICE.replace("f2 (.C(c), .D(n)", "f2 (.C(c), .D(d)")
    assert compared(HELD, wrong, tmp_path, options).verdict is Verdict.REFUTED


# The output register takes a and b where the description registers both and combines them after.
BEFORE = """
module top(input c, input r, input a, input b, output q);
  wire k, da, db, x, y;
  not (k, r); and (da, a, k); and (db, b, k);
  \\$_DFF_P_ fa (.C(c), .D(da), .Q(x)); \\$_DFF_P_ fb (.C(c), .D(db), .Q(y)); xor (q, x, y);
endmodule
"""
RETIMED = """
module top(input c, input r, input a, input b, output q);
  wire k, d, t;
  not (k, r); xor (t, a, b); and (d, t, k); \\$_DFF_P_ f (.C(c), .D(d), .Q(q));
endmodule
"""
# A ring of three states, one-hot in the description and binary in the netlist.
ONE_HOT = """
module top(input c, input r, input e, output q);
  wire k, n, s0, s1, s2, d0, d1, d2, t0, t1, t2;
  not (k, r); not (n, e);
  \\$_MUX_ m0 (.A(s0), .B(s2), .S(e), .Y(t0)); or (d0, t0, r);
  \\$_MUX_ m1 (.A(s1), .B(s0), .S(e), .Y(t1)); and (d1, t1, k);
  \\$_MUX_ m2 (.A(s2), .B(s1), .S(e), .Y(t2)); and (d2, t2, k);
  \\$_DFF_P_ f0 (.C(c), .D(d0), .Q(s0)); \\$_DFF_P_ f1 (.C(c), .D(d1), .Q(s1)); \\$_DFF_P_ f2 (.C(c), .D(d2), .Q(s2));
  buf (q, s2);
endmodule
"""
BINARY = """
module top(input c, input r, input e, output q);
  wire k, a, b, na, nb, zero, ta, tb, da, db;
  not (k, r); not (na, a); not (nb, b); and (zero, na, nb);
  \\$_MUX_ ma (.A(a), .B(zero), .S(e), .Y(ta)); and (da, ta, k);
  \\$_MUX_ mb (.A(b), .B(a), .S(e), .Y(tb)); and (db, tb, k);
  \\$_DFF_P_ fa (.C(c), .D(da), .Q(a)); \\$_DFF_P_ fb (.C(c), .D(db), .Q(b));
  buf (q, b);
endmodule
"""


@pytest.mark.parametrize(
    ("first", "second", "right", "wrong"),
    [
        pytest.param(BEFORE, RETIMED, "xor (t, a, b)", "or (t, a, b)", id="retimed"),
        pytest.param(ONE_HOT, BINARY, "and (zero, na, nb)", "or (zero, na, nb)", id="recoded"),
    ],
)
def test_registers_that_are_others(tmp_path: Path, first: str, second: str, right: str, wrong: str) -> None:
    options = CompareOptions(resets=RESET, budget=10)
    for one, two in ((first, second), (second, first)):
        for names in (True, False):
            result = compared(one, two, tmp_path, replace(options, use_names=names))
            assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]
    # Without a reset nothing brings the two into related states.
    assert compared(first, second, tmp_path, CompareOptions(budget=1)).verdict is not Verdict.PROVED
    changed = second.replace(right, wrong)
    for one, two in ((first, changed), (changed, first)):
        assert compared(one, two, tmp_path, options).verdict is Verdict.REFUTED


def test_no_other_derivation_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An invariant may say the same.
    monkeypatch.setattr(compare, "confined", lambda *_: None)
    result = compared(BEFORE, RETIMED, tmp_path, CompareOptions(resets=RESET, budget=10))
    assert result.certificate is not None
    item = parse(result.certificate)
    sides = [linked(text, tmp_path, "side.v") for text in (BEFORE, RETIMED)]
    first, second = (Flat(flatten(side), side.lookup) for side in sides)

    def accepted(*derived: tuple[Member, Value]) -> bool:
        data = write(replace(item, derived=derived))
        return check_correspondence(data, first, second, agreed=AGREED, progress=SilentProgress()).accepted

    ((register, value),) = item.derived
    assert (register.side, value.side) == (2, 1) and accepted((register, value))
    opposite = value._replace(negated=True)
    assert (
        not accepted() and not accepted((register, opposite)) and accepted((register._replace(negated=True), opposite))
    )
    found = {bit for bit in range(first.module.bit_count) if accepted((register, value._replace(name=str(bit))))}
    # The exclusive-or of both registers is the output, and no other net is.
    assert found == {int(value.name)}
    # Neither from what is read of an input, nor from what is derived itself, nor twice.
    held = next(members[0] for members in item.classes if members[0].side == 1)
    for bit in range(second.module.bit_count):
        back = (held, Value(2, "bit", str(bit), False))
        assert not accepted((register, value), back) and not accepted(back, (register, value))
    assert not accepted((register, value), (register, opposite))


# A word that is read only where a flag hides what was read of it, as the register that is always zero of a processor.
SHOWN = """
module top(input c, input r, input a, input w, input d, output q);
  wire k, z, nz, m, n, rd, dm, dn, dr, dz, wm, wn, na;
  not (k, r); not (na, a); and (wm, w, na); and (wn, w, a); not (nz, z);
  \\$_MUX_ m0 (.A(m), .B(d), .S(wm), .Y(dm)); \\$_MUX_ m1 (.A(n), .B(d), .S(wn), .Y(dn));
  \\$_MUX_ m2 (.A(m), .B(n), .S(a), .Y(dr)); buf (dz, na);
  \\$_DFF_P_ fm (.C(c), .D(dm), .Q(m)); \\$_DFF_P_ fn (.C(c), .D(dn), .Q(n));
  \\$_DFF_P_ fr (.C(c), .D(dr), .Q(rd)); \\$_DFF_P_ fz (.C(c), .D(dz), .Q(z));
  and (q, rd, nz);
endmodule
"""


def test_what_a_guard_hides_is_neutral(tmp_path: Path) -> None:
    options = CompareOptions(resets=RESET, budget=10)
    stuck = SHOWN.replace("fm (.C(c), .D(dm)", "fm (.C(c), .D(1'b0)")
    result = compared(SHOWN, stuck, tmp_path, options)
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]
    assert result.certificate is not None and b" 2+rd\n" in result.certificate
    seen = stuck.replace("buf (dz, na)", "and (dz, na, d)")
    one = SHOWN.replace("buf (dz, na)", "and (dz, na, d)")
    assert compared(one, seen, tmp_path, options).verdict is Verdict.REFUTED
    assert (
        compared(SHOWN, SHOWN.replace("fn (.C(c), .D(dn)", "fn (.C(c), .D(1'b0)"), tmp_path).verdict is Verdict.REFUTED
    )


def test_what_a_guard_hides_powers_up_alike(tmp_path: Path) -> None:
    """What is shown is summed up from power-up on, so that the guard has to hold from the first cycle."""
    summed = SHOWN.replace(
        "and (q, rd, nz);",
        "wire v, s, ds; and (v, rd, nz); xor (ds, s, v); \\$_DFF_P_ fs (.C(c), .D(ds), .Q(s)); buf (q, s);",
    )
    stuck = summed.replace("fm (.C(c), .D(dm)", "fm (.C(c), .D(1'b0)")
    result = compared(summed, stuck, tmp_path, CompareOptions(resets=RESET, budget=10))
    assert result.verdict is Verdict.PROVED, [str(text) for text in result.not_covered]
    assert result.certificate is not None
    item = parse(result.certificate)
    assert {(one.name, other.name) for one, other in item.begins} == {("m", "m"), ("rd", "rd")}
    first, second = (
        Flat(flatten(side), side.lookup) for side in (linked(text, tmp_path, "side.v") for text in (summed, stuck))
    )
    assert check_correspondence(result.certificate, first, second, agreed=AGREED, progress=SilentProgress()).accepted
    for begins in ((), item.begins[:1], tuple((one, other._replace(negated=True)) for one, other in item.begins)):
        data = write(replace(item, begins=begins))
        assert not check_correspondence(data, first, second, agreed=AGREED, progress=SilentProgress()).accepted
