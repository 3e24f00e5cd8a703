from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.cell_function import FLIP_FLOP, LATCH
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.model import INPUT, OUTPUT
from sandgrain.netlist.yosys_json import read_yosys_json
from tests.netlist.behaviour import Behaviour, function_of, pins_of, table
from tests.netlist.formats import yosys

GATES = {
    "and": all,
    "nand": lambda values: not all(values),
    "or": any,
    "nor": lambda values: not any(values),
    "xor": lambda values: sum(values) % 2 == 1,
    "xnor": lambda values: sum(values) % 2 == 0,
}


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_verilog_gates_have_as_many_inputs_as_their_pins(kind: str, count: int) -> None:
    names = [f"I{index}" for index in range(count)]
    cell = generic_cell(kind, [("Y0", 1), *((name, 1) for name in names)], {})
    meaning: Callable[[Sequence[int]], bool] = GATES[kind]
    expected = "".join(str(int(meaning(values))) for values in itertools.product((0, 1), repeat=count))
    assert table(cell, "Y0", names) == expected
    assert cell is not None and pins_of(cell) == {"Y0": OUTPUT, **dict.fromkeys(names, INPUT)}


def test_a_gate_of_very_many_inputs_is_a_shallow_tree() -> None:
    cell = generic_cell("xor", [("Y0", 1), *((f"I{index}", 1) for index in range(5_000))], {})
    assert len(function_of(cell).gates) == 3 * 4_999


def test_buffers_have_as_many_outputs_as_their_pins() -> None:
    cell = generic_cell("not", [("Y0", 1), ("Y1", 1), ("Y2", 1), ("I0", 1)], {})
    assert [table(cell, name, ["I0"]) for name in ("Y0", "Y1", "Y2")] == ["10"] * 3
    assert table(generic_cell("buf", [("Y0", 1), ("I0", 1)], {}), "Y0", ["I0"]) == "01"


@pytest.mark.parametrize(
    ("kind", "value", "drives"),
    [("bufif0", "0011", "1010"), ("bufif1", "0011", "0101"), ("notif0", "1100", "1010"), ("notif1", "1100", "0101")],
)
def test_three_state_buffers(kind: str, value: str, drives: str) -> None:
    cell = generic_cell(kind, [("Y0", 1), ("I0", 1), ("E", 1)], {})
    assert table(cell, "Y0", ["I0", "E"]) == value
    found = [Behaviour(cell, I0=i, E=e).drives("Y0") for i, e in itertools.product((0, 1), repeat=2)]
    assert found == [sign == "1" for sign in drives]


def test_pulls_are_constants() -> None:
    assert table(generic_cell("pullup", [("Y0", 1)], {}), "Y0", []) == "1"
    assert table(generic_cell("pulldown", [("Y0", 1)], {}), "Y0", []) == "0"


@pytest.mark.parametrize(
    "kind", ["nand2_1", "tran", "$_XYZ_", "$_DFF_X_", "$_DFF_PPP_", "$_DFF_0_", "$_SR_PP0_", "$add", ""]
)
def test_names_that_are_nobodys(kind: str) -> None:
    assert generic_cell(kind, [("A", 1)], {}) is None


def test_a_pin_with_a_huge_number_makes_no_huge_cell() -> None:
    cell = generic_cell("and", [("Y0", 1), ("I999999999", 1)], {})
    assert cell is not None and len(cell.pins) <= 4


YOSYS_GATES = {
    "$_BUF_": "A",
    "$_NOT_": "A",
    **{f"$_{name}_": "AB" for name in "AND NAND OR NOR XOR XNOR ANDNOT ORNOT".split()},
    "$_MUX_": "ABS",
    "$_NMUX_": "ABS",
    "$_MUX4_": "ABCDST",
    "$_MUX8_": "ABCDEFGHSTU",
    "$_AOI3_": "ABC",
    "$_OAI3_": "ABC",
    "$_AOI4_": "ABCD",
    "$_OAI4_": "ABCD",
}


def test_yosys_gates_compute_what_yosys_says(tmp_path: Path) -> None:
    text = []
    for number, (kind, names) in enumerate(YOSYS_GATES.items()):
        pins = ", ".join(f".{name}({name})" for name in (*names, "Y"))
        text.append(f"module g{number}(input {', '.join(names)}, output Y); \\{kind} u ({pins}); endmodule")
    (tmp_path / "g.v").write_text("\n".join(text))
    script = [
        "read_verilog -icells g.v",
        "techmap -map +/simcells.v",
        "flatten",
        "simplemap",
        "techmap",
        "write_json o.json",
    ]
    yosys(tmp_path, *script)
    modules = json.loads((tmp_path / "o.json").read_text())["modules"]
    for number, (kind, names) in enumerate(YOSYS_GATES.items()):
        module = modules[f"g{number}"]
        module["attributes"]["top"] = "1"
        (tmp_path / "one.json").write_text(json.dumps({"creator": "", "modules": {f"g{number}": module}}))
        theirs = tables_of(tmp_path / "one.json", names)
        assert table(generic_cell(kind, [], {}), "Y", names) == theirs, kind


def tables_of(path: Path, names: str) -> str:
    from tests.netlist.formats import tables

    number = tables(read_yosys_json(path).top_module)["Y"]
    rows = itertools.product((0, 1), repeat=len(names))
    return "".join(str(number >> sum(bit << index for index, bit in enumerate(row)) & 1) for row in rows)


def test_a_mux_of_sixteen() -> None:
    names = "ABCDEFGHIJKLMNOP"
    cell = generic_cell("$_MUX16_", [], {})
    for number, name in enumerate(names):
        selects = {select: number >> index & 1 for index, select in enumerate("STUV")}
        assert Behaviour(cell, **selects, **{name: 1}).output("Y") is True
        others = {other: 1 for other in names if other != name}
        assert Behaviour(cell, **selects, **others).output("Y") is False


def test_a_three_state_gate() -> None:
    cell = generic_cell("$_TBUF_", [], {})
    assert Behaviour(cell, A=1, E=0).drives("Y") is False
    assert Behaviour(cell, A=1, E=1).drives("Y") is True
    assert table(cell, "Y", "AE") == "0011"


def flip_flops() -> list[str]:
    signs = "NP"
    names = [f"$_DFF_{c}_" for c in signs] + [f"$_DFFE_{c}{e}_" for c in signs for e in signs]
    for c, r, v in itertools.product(signs, signs, "01"):
        names += [f"$_DFF_{c}{r}{v}_", f"$_SDFF_{c}{r}{v}_", f"$_DLATCH_{c}{r}{v}_"]
        for e in signs:
            names += [f"$_{kind}_{c}{r}{v}{e}_" for kind in ("DFFE", "SDFFE", "SDFFCE")]
    for c, s, r in itertools.product(signs, repeat=3):
        names += [f"$_DFFSR_{c}{s}{r}_", f"$_DLATCHSR_{c}{s}{r}_", f"$_ALDFFE_{c}{s}{r}_"]
        names += [f"$_DFFSRE_{c}{s}{r}{e}_" for e in signs]
    names += [f"$_DLATCH_{c}_" for c in signs]
    return names + [f"$_{kind}_{a}{b}_" for kind in ("ALDFF", "SR") for a in signs for b in signs]


class Model:
    """The simulation models of Yosys, by the letters of the type."""

    def __init__(self, kind: str) -> None:
        _, self.kind, letters, _ = kind.split("_")
        self.latch = self.kind in {"DLATCH", "DLATCHSR", "SR"}
        names = {"DFF": "CR", "DFFE": "CRE" if len(letters) > 2 else "CE", "SDFF": "CR", "SDFFE": "CRE"}
        names |= {"SDFFCE": "CRE", "DFFSR": "CSR", "DFFSRE": "CSRE", "ALDFF": "CL", "ALDFFE": "CLE"}
        names |= {"DLATCH": "ER", "DLATCHSR": "ESR", "SR": "SR"}
        signs = letters.translate(str.maketrans("", "", "01"))
        self.polarity = {name: sign == "P" for name, sign in zip(names[self.kind], signs, strict=False)}
        self.reset_value = "1" in letters
        self.q: bool | None = None

    def names(self) -> list[str]:
        return [*self.polarity, *([] if self.kind == "SR" else ["D"]), *(["AD"] if "L" in self.polarity else [])]

    def step(self, before: dict[str, int], after: dict[str, int]) -> bool | None:
        def on(name: str, pins: dict[str, int]) -> bool:
            return name in self.polarity and bool(pins[name]) == self.polarity[name]

        synchronous = self.kind.startswith("SDFF")
        if on("C", after) and not on("C", before):
            enabled = "E" not in self.polarity or on("E", before)
            if synchronous and on("R", before) and (enabled or self.kind != "SDFFCE"):
                self.q = self.reset_value
            elif enabled:
                self.q = bool(before["D"])
        if "S" in self.polarity and on("S", after):
            self.q = True
        elif self.latch and self.kind != "SR" and on("E", after):
            self.q = bool(after["D"])
        if on("L", after):
            self.q = bool(after["AD"])
        if not synchronous and on("R", after):
            self.q = self.reset_value
        return self.q


@pytest.mark.parametrize("kind", flip_flops())
def test_every_flip_flop_and_latch_behaves_like_its_model(kind: str) -> None:
    model = Model(kind)
    cell = generic_cell(kind, [], {})
    assert set(function_of(cell).inputs) == {(name, 0) for name in model.names()}
    assert function_of(cell).states[0].kind == (LATCH if model.latch else FLIP_FLOP)
    pins = dict.fromkeys(model.names(), 0)
    running = Behaviour(cell)
    model.step(pins, pins)
    # A walk over all edges of the cube of inputs, most of them more than once.
    for number in range(400):
        name = model.names()[(number * number + number // 7) % len(pins)]
        before, pins = pins, {**pins, name: 1 - pins[name]}
        assert running.change(**{name: pins[name]}).output("Q") == model.step(before, pins), (number, name, pins)


def test_a_flip_flop_without_a_clock_net_is_a_black_box() -> None:
    cell = generic_cell("$_FF_", [("D", 1), ("Q", 1)], {})
    assert cell is not None and cell.function is None and "its clock is no net" in cell.origin


@given(st.integers(0, 4).flatmap(lambda n: st.tuples(st.just(n), st.text("01x", min_size=1 << n, max_size=1 << n))))
@settings(deadline=None, max_examples=60)
def test_a_lookup_table_is_its_table(case: tuple[int, str]) -> None:
    width, digits = case
    cell = generic_cell("$lut", [], {"WIDTH": width, "LUT": digits})
    for index in range(1 << width):
        running = Behaviour(cell)
        running.inputs = {("A", bit): bool(index >> bit & 1) for bit in range(width)}
        assert running.output("Y") == {"0": False, "1": True, "x": None}[digits[::-1][index]]


def test_parameters_may_be_numbers_or_digits() -> None:
    for parameters in ({"WIDTH": 2, "LUT": 8}, {"WIDTH": f"{2:032b}", "LUT": "1000"}):
        assert function_of(generic_cell("$lut", [], parameters)).gates == ((2, 4),)


def test_a_sum_of_products() -> None:
    # Product 0: A[0] and not A[1]; product 1: A[1].
    cell = generic_cell("$sop", [], {"WIDTH": 2, "DEPTH": 2, "TABLE": "1000" + "0110"})
    found = []
    for index in range(4):
        running = Behaviour(cell)
        running.inputs = {("A", bit): bool(index >> bit & 1) for bit in range(2)}
        found.append(running.output("Y"))
    assert found == [False, True, True, True]
    assert table(generic_cell("$sop", [], {"WIDTH": 0, "DEPTH": 1 << 30, "TABLE": ""}), "Y", []) == "1"
    assert table(generic_cell("$sop", [], {"WIDTH": 0, "DEPTH": 0, "TABLE": ""}), "Y", []) == "0"


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("$lut", {}, "the parameter WIDTH of a $lut is missing"),
        ("$lut", {"WIDTH": "1x", "LUT": "10"}, "the parameter WIDTH of a $lut is '1x'"),
        ("$lut", {"WIDTH": -1, "LUT": "10"}, "the parameter WIDTH of a $lut is '-1'"),
        ("$lut", {"WIDTH": 1, "LUT": "102"}, "the parameter LUT of a $lut is '102'"),
        ("$lut", {"WIDTH": 1, "LUT": "110"}, "the parameter LUT of a $lut is '110'"),
        ("$lut", {"WIDTH": 1, "LUT": -2}, "the parameter LUT of a $lut is '-2'"),
        ("$sop", {"WIDTH": 1, "DEPTH": 1, "TABLE": "x1"}, "the parameter TABLE of a $sop is 'x1'"),
        ("$sop", {"WIDTH": 1 << 10, "DEPTH": 1 << 30, "TABLE": "1"}, "the parameter TABLE of a $sop is '1'"),
    ],
)
def test_tables_that_contradict_their_parameters(kind: str, parameters: dict[str, str | int], message: str) -> None:
    with pytest.raises(NetlistError) as caught:
        generic_cell(kind, [], parameters)
    assert caught.value.what == message and caught.value.expected and caught.value.remedy


@pytest.mark.parametrize("kind", ["$lut", "$sop"])
def test_tables_of_too_many_inputs(kind: str) -> None:
    with pytest.raises(LimitExceeded, match=r"has 1,048,577 inputs"):
        generic_cell(kind, [], {"WIDTH": (1 << 20) + 1, "DEPTH": 0, "LUT": 0, "TABLE": ""})


def test_free_values_are_unknown() -> None:
    cell = generic_cell("$anyseq", [("Y", 3)], {"WIDTH": 3})
    assert function_of(cell).unknown == 3 and [Behaviour(cell).output("Y", bit) for bit in range(3)] == [None] * 3


def test_scopes_are_inert() -> None:
    cell = generic_cell("$scopeinfo", [], {"TYPE": "module"})
    assert cell is not None and cell.inert
