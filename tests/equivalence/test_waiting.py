"""Differences behind counters that no run gets through: cycles are skipped, which the checker proves on each side."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.check.corresponding import Flat
from sandgrain.check.differing import Differing, check_difference
from sandgrain.equivalence import CompareOptions
from sandgrain.equivalence.outcome import Counterexample
from sandgrain.equivalence.waiting import least_with
from sandgrain.formal.counting import Counter
from sandgrain.netlist.flatten import flatten
from sandgrain.verdict import Verdict
from tests.equivalence.small import AGREED, RESET, compared, linked

WIDTH, CUT, SEEN = 48, 40, 41
OPTIONS = CompareOptions(resets=RESET, budget=60)


def counter(cut: int | None = None, *, renamed: bool = False) -> str:
    """Counts while ``e`` is 1, from reset on; bit `SEEN` is read when ``a`` is 1, and a register follows bit 30.

    What that register holds is lost every cycle, and is read during reset alone.
    """
    names = [f"x{(37 * at) % 101}" if renamed else f"n{at}" for at in range(WIDTH)]
    lines = ["module top(input c, input r, input e, input a, output q, output z);"]
    lines += [f"  wire {', '.join(names)}, t, k; not (k, r);", "  wire carry0; buf (carry0, e);"]
    for at, name in enumerate(names):
        lines.append(f"  wire carry{at + 1}, s{at}, d{at}; xor (s{at}, {name}, carry{at}); and (d{at}, s{at}, k);")
        lines.append(f"  and (carry{at + 1}, carry{at}, {name}{', r' if at == cut else ''});")
        lines.append(f"  \\$_DFF_P_ f{at} (.C(c), .D(d{at}), .Q({name}));")
    lines.append(f"  \\$_DFF_P_ ft (.C(c), .D({names[30]}), .Q(t)); and (z, t, r);")
    lines.append(f"  wire y; and (y, {names[SEEN]}, a); or (q, y, z);")
    return "\n".join([*lines, "endmodule"]) + "\n"


def sides(first: str, second: str, work: Path) -> tuple[Flat, Flat]:
    one, two = (linked(text, work, name) for text, name in ((first, "a.v"), (second, "b.v")))
    return Flat(flatten(one), one.lookup), Flat(flatten(two), two.lookup)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counterexample, tuple[Flat, Flat]]:
    """A difference of a counter that loses a carry, and both sides."""
    work = tmp_path_factory.mktemp("counter")
    result = compared(counter(), counter(CUT), work, OPTIONS)
    assert result.verdict is Verdict.REFUTED, [str(text) for text in result.not_covered]
    assert result.counterexample is not None
    return result.counterexample, sides(counter(), counter(CUT), work)


def checked(document: dict[str, Any], both: tuple[Flat, Flat]) -> Differing:
    return check_difference(json.dumps(document).encode(), *both, agreed=AGREED)


def test_a_lost_carry_is_found_and_checked(found: tuple[Counterexample, tuple[Flat, Flat]]) -> None:
    shown, both = found
    assert shown.skipped > 1 << CUT
    assert shown.replayed_by and shown.checked_by
    document = json.loads(shown.stimulus)
    assert document["jump"]["skipped"] == shown.skipped and document["output"] == shown.output == "q[0]"
    said = checked(document, both)
    assert said.accepted, said.reason
    assert (said.output, said.cycle, said.skipped) == ("q[0]", shown.cycle, shown.skipped)
    # A register that follows the counter is no part of what repeats itself.
    assert document["jump"]["netlist"]["loose"] == [["t"]]


@pytest.mark.slow
def test_it_is_found_under_other_names(tmp_path: Path) -> None:
    result = compared(counter(), counter(CUT, renamed=True), tmp_path, OPTIONS)
    assert result.verdict is Verdict.REFUTED, [str(text) for text in result.not_covered]
    assert result.counterexample is not None and result.counterexample.skipped > 1 << CUT


@pytest.mark.slow
def test_the_clean_twin_is_proved(tmp_path: Path) -> None:
    assert compared(counter(), counter(renamed=True), tmp_path, OPTIONS).verdict is Verdict.PROVED


def _registers(document: dict[str, Any]) -> None:
    registers = document["jump"]["netlist"]["registers"]
    registers["n3"] ^= 1


def _twice(document: dict[str, Any]) -> None:
    document["jump"]["description"]["counters"].append(document["jump"]["description"]["counters"][0][:1])


def _inverted(document: dict[str, Any]) -> None:
    document["jump"]["description"]["counters"][0][5][1] ^= 1


def _shorter(document: dict[str, Any]) -> None:
    """The counter as if it ended before what is skipped does."""
    for side in ("description", "netlist"):
        jump = document["jump"][side]
        jump["counters"][0] = jump["counters"][0][:CUT]
        jump["registers"] = {name: jump["registers"][name] for name, _ in jump["counters"][0]}


def _longer(document: dict[str, Any]) -> None:
    """One pass more than before the carry is lost."""
    jump = document["jump"]
    jump["stretches"][0][0] += 8
    jump["stretches"][0][2] += 8
    jump["skipped"] += 8
    value = sum(bit << at for at, (name, _) in enumerate(jump["netlist"]["counters"][0])
                for bit in [jump["netlist"]["registers"][name]]) + 8  # fmt: skip
    for side in ("description", "netlist"):
        for at, (name, _) in enumerate(jump[side]["counters"][0]):
            jump[side]["registers"][name] = value >> at & 1


def _reset(document: dict[str, Any]) -> None:
    document["cycles"][0]["r[0]"] = 0


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another schema": (lambda d: d.update(schema="x"), "not a run"),
    "no inputs": (lambda d: d["cycles"][-1].pop("a[0]"), "does not drive"),
    "an input held": (lambda d: d.update(held={"a[0]": 0}), "other held inputs"),
    "an output held": (lambda d: d.update(held={"q[0]": 0}), "other held inputs"),
    "another clock": (lambda d: d.update(clocks={"c": "falling"}), "other clocks"),
    "no reset": (_reset, "begin with the reset"),
    "during reset": (lambda d: d.update(cycle=0, jump=None), "during the reset"),
    "the same on both": (lambda d: d.update(netlist=d["description"]), "what differs"),
    "the other way round": (lambda d: d.update(netlist=d["description"], description=d["netlist"]), "does not have"),
    "another output": (lambda d: d.update(output="z[0]"), "does not have"),
    "no output": (lambda d: d.update(output="y"), "no output"),
    "an earlier cycle": (lambda d: d.update(cycle=d["cycle"] - 1), "does not have"),
    "no jump": (lambda d: d.update(jump=None), "does not have"),
    "more skipped": (lambda d: d["jump"].update(skipped=d["jump"]["skipped"] + 1), "not what is skipped"),
    "another register": (_registers, "not what is skipped"),
    "an unknown register": (lambda d: d["jump"]["netlist"]["counters"][0][0].__setitem__(0, "q0"), "no state bit"),
    "a register twice": (_twice, "counts twice"),
    "a counter upside down": (_inverted, "count"),
    "a shorter counter": (_shorter, "no value of the counter"),
    "a pass too many": (_longer, "not always the same"),
    "no pass": (lambda d: d["jump"].update(period=0), "without a pass"),
    "another pass": (lambda d: d["jump"].update(period=2), "every cycle of a pass"),
    "what follows it is fixed": (lambda d: d["jump"]["netlist"].update(loose=[]), "not always the same"),
    "a counter is loose": (lambda d: d["jump"]["netlist"].update(loose=[["n7"]]), "what a counter holds"),
    "beyond the limit": (lambda d: d["jump"]["stretches"][0].__setitem__(2, 5), "reaches its limit"),
    "no such counter": (lambda d: d["jump"]["stretches"][0].__setitem__(1, 1), "without a counter"),
    "a limit beyond it": (lambda d: d["jump"]["stretches"][0].__setitem__(2, 1 << 60), "no value of the counter"),
    "the jump elsewhere": (lambda d: d["jump"].update(cycle=d["jump"]["cycle"] - 1), ""),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_run_is_refused(found: tuple[Counterexample, tuple[Flat, Flat]], name: str) -> None:
    shown, both = found
    document = copy.deepcopy(json.loads(shown.stimulus))
    forge, reason = FORGERIES[name]
    forge(document)
    said = checked(document, both)
    assert not said.accepted and reason in said.reason, said.reason


def test_it_is_refused_of_equal_sides(found: tuple[Counterexample, tuple[Flat, Flat]], tmp_path: Path) -> None:
    shown, _ = found
    both = sides(counter(), counter(renamed=False), tmp_path)
    assert not check_difference(shown.stimulus, *both, agreed=AGREED).accepted


@given(st.binary(max_size=200))
def test_no_bytes_are_a_run(data: bytes) -> None:
    nothing: Any = None
    assert not check_difference(data, nothing, nothing, agreed=AGREED).accepted


@given(st.lists(st.sampled_from("01-"), min_size=1, max_size=8), st.data())
def test_the_least_value_with_some_bits(pattern: list[str], data: st.DataObject) -> None:
    width = len(pattern)
    now = data.draw(st.integers(0, (1 << width) - 1))
    passes = np.array(data.draw(st.lists(st.booleans(), min_size=width, max_size=width)))
    item = Counter(np.arange(width), passes)
    ones, zeros = (np.array([bit == value for bit in pattern]) for value in "10")

    def fits(value: int) -> bool:
        bits = item.bits(value)
        return bool((bits[ones]).all() and (~bits[zeros]).all())

    later = [value for value in range(now + 1, 1 << width) if fits(value)]
    expected = later[0] if later and (ones | zeros).any() else None
    assert least_with(item, ones, zeros, now) == expected
