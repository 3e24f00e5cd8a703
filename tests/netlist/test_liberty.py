from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError, SandgrainError
from sandgrain.netlist.cell_function import FALSE, FLIP_FLOP, LATCH, Cell
from sandgrain.netlist.liberty import read_liberty, read_liberty_text
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, OUTPUT, UNKNOWN_DIRECTION
from sandgrain.netlist.yosys_json import read_yosys_json
from tests.netlist.behaviour import Behaviour, function_of, pins_of, table
from tests.netlist.formats import tables, yosys


def library(cells: str, limits: ReadLimits | None = None) -> dict[str, Cell]:
    return read_liberty_text(f"library (l) {{\n{cells}\n}}\n".encode(), "l.lib", limits)


def inputs(names: str) -> str:
    return "".join(f"pin ({name}) {{ direction : input; }} " for name in names.split())


def cell(body: str) -> Cell:
    return library(f"cell (c) {{ {body} }}")["c"]


def gate(expression: str, names: str = "A B C D") -> Cell:
    return cell(f'{inputs(names)} pin (Y) {{ direction : output; function : "{expression}"; }}')


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("A", "00001111"),
        ("!A", "11110000"),
        ("~A", "11110000"),
        ("A'", "11110000"),
        ("!A'", "00001111"),
        ("!!A''", "00001111"),
        ("A B", "00000011"),
        ("A*B", "00000011"),
        ("A&B", "00000011"),
        ("A B'", "00001100"),
        ("A'B", "00110000"),
        ("(A)(B)", "00000011"),
        ("A !B", "00001100"),
        ("A+B", "00111111"),
        ("A|B", "00111111"),
        ("A B + C", "01010111"),
        ("A | B & C", "00011111"),
        ("A ^ B & C", "00010100"),  # as (A ^ B) & C
        ("C & A ^ B", "00010100"),
        ("A ^ B + C", "01111101"),
        ("!A ^ B", "11000011"),
        ("!(A ^ B)'", "00111100"),
        ("(A + B)' C", "01000000"),
        ("!(A B) + !(B C)", "11111110"),
        ("1", "11111111"),
        ("0", "00000000"),
        ("A 1", "00001111"),
        ("A + 1'b1", "11111111"),
        (" ( ( A ) ) ", "00001111"),
        ('\\"A\\" + B', "00111111"),
    ],
)
def test_every_spelling_of_the_operators(expression: str, expected: str) -> None:
    assert table(gate(expression), "Y", "ABC") == expected


def random_expression(source: random.Random, depth: int) -> str:
    if depth == 0 or source.random() < 0.15:
        return source.choice(["A", "B", "C", "D", "A", "B", "C", "D", "1", "0"])
    kind = source.choice(["!", "'", "()", "^", "&", "*", " ", "|", "+"])
    left = random_expression(source, depth - 1)
    if kind == "!":
        return f"!{left}" if left[0].isalnum() and len(left) == 1 else f"!({left})"
    if kind == "'":
        return f"{left}'" if len(left) == 1 else f"({left})'"
    if kind == "()":
        return f"({left})"
    return f"{left} {kind} {random_expression(source, depth - 1)}"


def test_expressions_mean_what_yosys_reads(tmp_path: Path) -> None:
    source = random.Random(7)
    texts = [random_expression(source, 4) for _ in range(120)]
    body = "".join(
        f'cell (c{index}) {{ {inputs("A B C D")} pin (Y) {{ direction : output; function : "{text}"; }} }}\n'
        for index, text in enumerate(texts)
    )
    (tmp_path / "l.lib").write_text(f"library (l) {{\n{body}}}\n")
    yosys(tmp_path, "read_liberty l.lib", "write_json o.json")
    modules = json.loads((tmp_path / "o.json").read_text())["modules"]
    mine = read_liberty([tmp_path / "l.lib"])
    for index, text in enumerate(texts):
        module = modules[f"c{index}"]
        module["attributes"] = {"top": "1"}
        (tmp_path / "one.json").write_text(json.dumps({"creator": "", "modules": {"c": module}}))
        theirs = tables(read_yosys_json(tmp_path / "one.json").top_module)["Y"]
        assert int(table(mine[f"c{index}"], "Y", "DCBA")[::-1], 2) == theirs, text


@pytest.mark.parametrize(
    ("expression", "message", "column"),
    [
        ("A +", "in 'A +': an operand is missing at the end", 4),
        ("", "in '': an operand is missing at the end", 1),
        ("+ A", "an operand is missing before '+'", 1),
        ("(A", "a parenthesis is never closed", 1),
        ("A)", "a parenthesis closes that was never opened", 2),
        ("A () B", "an operand is missing before ')'", 4),
        ("A + E1", "'E1' is no pin or state of the cell", 5),
        ("A ? B", "'? B' is no part of an expression", 2),
        ("A == B", "is no part of an expression", 2),
        ("2", "'2' is no part of an expression", 1),
    ],
)
def test_expressions_that_are_none(expression: str, message: str, column: int) -> None:
    with pytest.raises(NetlistError) as caught:
        gate(expression)
    line = f'cell (c) {{ {inputs("A B C D")} pin (Y) {{ direction : output; function : "'
    assert message in caught.value.what
    assert (caught.value.file, caught.value.line) == ("l.lib", 2)
    assert abs((caught.value.column or 0) - len(line) - column) <= 1
    assert caught.value.expected


def test_deep_expressions_need_no_stack() -> None:
    assert table(gate("(" * 100_000 + "A" + ")" * 100_000), "Y", "A") == "01"
    assert table(gate("!" * 100_001 + "A"), "Y", "A") == "10"
    assert table(gate("A" + "'" * 100_001), "Y", "A") == "10"
    assert table(gate(" + ".join(["A B"] * 20_000)), "Y", "AB") == "0001"


def test_the_pins_of_a_cell() -> None:
    found = cell(
        """area : 1.0; dont_touch : true; pg_pin (VDD) { pg_type : primary_power; }
        pin ("A", B) { direction : "input" ; capacitance : 0.1 }
        pin (P) { direction : inout; function : "A"; three_state : "B"; }
        pin (N) { direction : internal; function : "!A" }
        pin (Y) { direction : output; function : "N B"; timing () { related_pin : "A"; x (t) { values ("1"); } } }
        """
    )
    assert list(found.pins) == ["VDD", "A", "B", "P", "Y"] and found.origin == "l.lib:2"
    ways = {"VDD": INPUT, "A": INPUT, "B": INPUT, "P": UNKNOWN_DIRECTION, "Y": OUTPUT}
    assert pins_of(found) == ways
    assert table(found, "Y", "AB") == "0100" and table(found, "P", "AB") == "0011"
    assert Behaviour(found, B=1).drives("P") is False and Behaviour(found).drives("P") is True


def test_an_output_may_be_read_by_another_in_any_order() -> None:
    found = cell(
        f'{inputs("A B")} pin (Z) {{ direction : output; function : "Y\'"; }}'
        ' pin (Y) { direction : output; function : "A B"; }'
    )
    assert table(found, "Z", "AB") == "1110"
    loop = cell(
        f'{inputs("A")} pin (Z) {{ direction : output; function : "Y A"; }}'
        ' pin (Y) { direction : output; function : "Z"; }'
    )
    assert loop.function is None and "the function of 'Z' depends on itself" in loop.origin


def test_internal_pins_supplies_and_complements_meet() -> None:
    found = cell(
        inputs("A B C")
        + """pg_pin (VDD) { } pg_pin (VSS) { } pin (X) { direction : internal; function : "A IQN"; }
        ff (IQ, IQN) { clocked_on : "C"; next_state : "X B"; clear : "A"; preset : "B";
                       clear_preset_var1 : H; clear_preset_var2 : H; }
        pin (Y) { direction : output; function : "X VDD"; }"""
    )
    assert ("VDD", 0) in function_of(found).inputs and ("VSS", 0) not in function_of(found).inputs
    assert Behaviour(found, A=1, B=1, VDD=1).output("Y") is True
    assert Behaviour(found, A=1, B=1).output("Y") is False


def test_an_internal_pin_in_a_state_table() -> None:
    found = cell(
        inputs("C") + 'pin (E) { direction : internal; internal_node : "Q"; } pin (Q) { direction : output; '
        'internal_node : "Q"; } statetable ("C E", "Q") { table : "H L : - : H, H H : - : H, L - : - : N"; }'
    )
    assert Behaviour(found, C=1).output("Q") is True


def test_tie_cells_fillers_and_unknown_cells() -> None:
    found = library(
        """cell (hi) { pin (Y) { direction : output; function : "1"; } }
        cell (lo) { pin (Y) { direction : output; function : "0" } }
        cell (fill) { area : 1; }
        cell (diode) { pin (A) { direction : input; } }
        cell (ram) { pin (A) { direction : input; } pin (Y) { direction : output; } }
        cell (half) { pin (A) { direction : input; } pin (Y) { direction : output; function : "A"; }
                      pin (Z) { direction : output; } }
        cell (x) { pin (A) { direction : input; }
                   pin (Y) { direction : output; function : "A"; x_function : "A"; } }"""
    )
    assert (table(found["hi"], "Y", ""), table(found["lo"], "Y", "")) == ("1", "0")
    assert found["fill"].inert and found["diode"].inert and not found["ram"].inert
    assert found["ram"].function is None and "the output 'Y' has no function" in found["ram"].origin
    assert found["half"].function is None and found["half"].origin == "l.lib:7: the output 'Z' has no function"
    assert table(found["x"], "Y", "A") == "0x"


def test_buses() -> None:
    found = library(
        """type (down) { base_type : array; data_type : bit; bit_width : 2; bit_from : 1; bit_to : 0; downto : true; }
        type (up) { bit_width : 2; bit_from : 0; bit_to : 1; downto : false; }
        cell (c) { type (own) { bit_from : 5; bit_to : 4; }
          bus (A) { bus_type : down; direction : input; }
          bus (B) { bus_type : up; direction : input; pin (B[0:1]) { capacitance : 1; } }
          pin (S) { direction : input; }
          bus (Y) { bus_type : own; direction : output; function : "A ^ B S"; }
          bus (Z) { bus_type : down; direction : output;
            pin (Z[1]) { function : "A[0] B[0]"; } pin (Z[0]) { function : "S"; } }
        }"""
    )["c"]
    assert found.pins == {"A": (INPUT, 2), "B": (INPUT, 2), "S": (INPUT, 1), "Y": (OUTPUT, 2), "Z": (OUTPUT, 2)}
    running = Behaviour(found, S=1)
    running.inputs |= {("A", 1): True, ("A", 0): False, ("B", 1): True, ("B", 0): True}
    # The left bit of B is B[0], which is bit 1 of the pin.
    assert [running.output("Y", bit) for bit in (1, 0)] == [False, True]
    assert [running.output("Z", bit) for bit in (1, 0)] == [False, True]
    running.inputs |= {("A", 0): True, ("B", 0): False}
    assert [running.output("Z", bit) for bit in (1, 0)] == [True, True]


def test_bundles_and_banks() -> None:
    found = cell(
        """bundle (D) { members (D1, D2); direction : input; }
        pin (CK R) { direction : input; }
        ff_bank (IQ, IQN, 2) { clocked_on : "CK"; next_state : "D"; clear : "R"; }
        bundle (Q) { members ("Q1 Q2"); direction : output; function : "IQ"; }
        bundle (N) { members (N1, N2); direction : output; function : "IQN"; pin (N2) { function : "D1"; } }"""
    )
    assert list(found.pins) == ["D1", "D2", "CK", "R", "Q1", "Q2", "N1", "N2"]
    assert [state.name for state in function_of(found).states] == ["IQ[0]", "IQ[1]"]
    running = Behaviour(found, D1=1, D2=0).change(CK=1)
    assert [running.output(name) for name in ("Q1", "Q2", "N1", "N2")] == [True, False, False, True]
    assert running.change(R=1).output("Q1") is False


def element(found: Cell) -> tuple[str, int, int, int, int, str]:
    (state,) = function_of(found).states
    return state.kind, state.data, state.control, state.clear, state.preset, state.both


FLIP_FLOP_PINS = inputs("D C R S") + 'pin (Q) { direction : output; function : "IQ"; } '
COMPLEMENT = 'pin (N) { direction : output; function : "IQN"; } '


def test_flip_flops() -> None:
    found = cell(FLIP_FLOP_PINS + 'ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }')
    assert element(found) == (FLIP_FLOP, 2, 4, FALSE, FALSE, "x")
    found = cell(FLIP_FLOP_PINS + 'ff ("IQ","IQN") { next_state : "D R\'"; clocked_on : "!C"; }')
    assert element(found)[:3] == (FLIP_FLOP, 12, 5)
    for code, both in (("L", "0"), ("H", "1"), ("X", "x")):
        text = (
            f'ff (IQ, IQN) {{ clocked_on : C; next_state : D; clear : "R\'"; preset : "S\'"; clear_preset_var1 : {code}'
        )
        assert element(cell(f"{FLIP_FLOP_PINS} {text}; }}")) == (FLIP_FLOP, 2, 4, 7, 9, both)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("L", "H", (False, True)), ("H", "H", (True, True)), ("L", "L", (False, False)), ("H", "L", (True, False))],
)
def test_clear_and_preset_at_once(first: str, second: str, expected: tuple[bool, bool]) -> None:
    group = (
        f'ff (IQ, IQN) {{ clocked_on : "C"; next_state : "D"; clear : "R"; preset : "S"; clear_preset_var1 : {first};'
    )
    found = cell(f"{FLIP_FLOP_PINS} {COMPLEMENT} {group} clear_preset_var2 : {second}; }}")
    running = Behaviour(found).change(R=1)
    assert (running.output("Q"), running.output("N")) == (False, True)
    running.change(S=1)
    assert (running.output("Q"), running.output("N")) == expected


def test_no_change_and_unknown_at_clear_and_preset() -> None:
    for kind, pair in (("ff", ("clocked_on", "next_state")), ("latch", ("enable", "data_in"))):
        body = f'{kind} (IQ, IQN) {{ {pair[0]} : "C"; {pair[1]} : "D"; clear : "R"; preset : "S";'
        held = Behaviour(cell(f"{FLIP_FLOP_PINS} {COMPLEMENT} {body} clear_preset_var1 : N; clear_preset_var2 : N; }}"))
        assert held.change(S=1).change(R=1).output("Q") is True
        assert held.change(C=1).output("N") is False
        unknown = Behaviour(cell(f"{FLIP_FLOP_PINS} {COMPLEMENT} {body} }}"))
        assert unknown.change(S=1).output("N") is False
        assert unknown.change(R=1).output("Q") is None and unknown.output("N") is None


def test_latches() -> None:
    found = cell(FLIP_FLOP_PINS + 'latch (IQ, IQN) { enable : "C"; data_in : "D"; clear : "R"; }')
    assert element(found) == (LATCH, 2, 4, 6, FALSE, "x")
    found = cell(FLIP_FLOP_PINS + 'latch (IQ, IQN) { clear : "R"; preset : "S"; clear_preset_var1 : L; }')
    assert element(found) == (LATCH, FALSE, FALSE, 6, 8, "0")
    found = cell(
        "bundle (D) { members (a, b); direction : input; } pin (G) { direction : input; }"
        ' latch_bank (IQ, IQN, 2) { enable : "G"; data_in : "D"; }'
        ' bundle (Q) { members (q, r); direction : output; function : "IQ"; }'
    )
    assert [state.data for state in function_of(found).states] == [2, 4]


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ('ff (IQ, IQN) { clocked_on : "C"; clocked_on_also : "R"; next_state : "D"; }', "its ff has a second clock"),
        ('latch (IQ, IQN) { enable : "C"; enable_also : "R"; data_in : "D"; }', "its latch has a second clock"),
        ('ff (IQ, IQN) { clocked_on : "C"; }', "its ff has not both clocked_on and next_state"),
        ('latch (IQ, IQN) { data_in : "D"; }', "its latch has not both enable and data_in"),
        ("latch (IQ, IQN) { }", "its latch never changes"),
        ('ff (D, IQN) { clocked_on : "C"; next_state : "R"; }', "'D' is a pin and a state"),
        (
            'ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; clear : "R"; preset : "S"; clear_preset_var1 : T; }',
            "its ff has clear_preset_var1 'T'",
        ),
        (
            'ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; } ff (IQ, X) { clocked_on : "C"; next_state : "D"; }',
            "two of its states have one name",
        ),
        ('statetable ("D C", "IQ J") { table : "L R : - - : L L"; }', "its state table has 2 nodes"),
        ('statetable ("D C", "IQ") { table : "L R : - : L, H F : - : H, - - : - : N"; }', "its state table: it is not"),
    ],
)
def test_memories_that_cannot_be_expressed_are_black_boxes(group: str, reason: str) -> None:
    found = cell(FLIP_FLOP_PINS + group)
    assert found.function is None and reason in found.origin, found.origin


def test_state_tables() -> None:
    gate_cell = cell(
        inputs("CK E")
        + """pin (IQ) { direction : internal; internal_node : "IQ"; }
        statetable ("CK E", "IQ") { table : "L  L : - : L , \\
                                             L  H : - : H , \\
                                             H  - : - : N "; }
        pin (G) { direction : output; state_function : "CK IQ"; }"""
    )
    assert element(gate_cell)[:4] == (LATCH, 4, 3, FALSE)
    running = Behaviour(gate_cell, E=1)
    assert running.change(CK=1).change(E=0).output("G") is True
    assert running.change(CK=0).change(CK=1).output("G") is False
    edge = cell(
        inputs("D CP R")
        + """statetable ("D CP R", "Q") { table : "- - H : - : L, H/L R L : - : H/L, - ~R L : - : N"; }
        pin (Q) { direction : output; internal_node : "Q"; }
        pin (QN) { direction : output; internal_node : "Q"; inverted_output : true; }"""
    )
    running = Behaviour(edge, D=1).change(CP=1)
    assert (running.output("Q"), running.output("QN")) == (True, False)
    assert running.change(D=0).change(CP=0).output("Q") is True
    assert running.change(R=1).output("Q") is False


def test_a_state_table_with_mapped_inputs_is_a_black_box() -> None:
    found = cell(
        inputs("A") + 'statetable ("A", "Q") { table : "L : - : L, H : - : H"; }'
        ' pin (Q) { direction : output; internal_node : "Q"; input_map : "A"; }'
    )
    assert found.function is None and "maps the inputs" in found.origin


def clock_gate(kind: str, test: str = "", more: str = "") -> Cell:
    pins = "pin (CK) { direction : input; clock_gate_clock_pin : true; }"
    pins += "pin (E) { direction : input; clock_gate_enable_pin : true; }"
    pins += "pin (T) { direction : input; clock_gate_test_pin : true; }" if test else ""
    pins += "pin (G) { direction : output; clock_gate_out_pin : true; }"
    return cell(f'clock_gating_integrated_cell : "{kind}"; {pins} {more}')


def test_clock_gates_without_a_function() -> None:
    running = Behaviour(clock_gate("latch_posedge"), E=1)
    assert running.change(CK=1).output("G") is True
    assert running.change(E=0).output("G") is True
    assert running.change(CK=0).change(CK=1).output("G") is False
    assert running.change(E=1).output("G") is False
    running = Behaviour(clock_gate("latch_negedge"), E=1, CK=1)
    assert running.change(CK=0).output("G") is False
    assert running.change(CK=1).change(E=0).change(CK=0).output("G") is True
    running = Behaviour(clock_gate("latch_posedge_precontrol", "T"), T=1)
    assert running.change(CK=1).output("G") is True
    assert running.change(T=0).output("G") is True
    running = Behaviour(clock_gate("latch_posedge_postcontrol", "T")).change(CK=1)
    assert running.output("G") is False
    assert running.change(T=1).output("G") is True
    assert table(clock_gate("none_posedge"), "G", ["CK", "E"]) == "0001"
    assert table(clock_gate("none_negedge"), "G", ["CK", "E"]) == "1011"
    assert table(clock_gate("none_posedge_control", "T"), "G", ["CK", "E", "T"]) == "00000111"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (clock_gate("generic"), "of the kind 'generic' without a function"),
        (clock_gate("latch_posedge_precontrol_obs", "T"), "'latch_posedge_precontrol_obs' without a function"),
        (clock_gate("latch_posedge_precontrol"), "whose pins have not the roles of one"),
        (clock_gate("latch_posedge", "T"), "whose pins have not the roles of one"),
        (clock_gate("latch_posedge", "", "pin (Z) { direction : output; }"), "with other outputs than its clock"),
    ],
)
def test_clock_gates_that_are_not_understood(found: Cell, reason: str) -> None:
    assert found.function is None and reason in found.origin, found.origin


def test_comments_continuations_and_missing_semicolons() -> None:
    text = b"""/* a { comment " */
library ("my lib") { // to the end of the line "{
  define ("x", "cell", "string"); time_unit : "1ns" ; comment : "}{ /* no comment */" ;
  lu_table_template ("t{") { index_1 ("1, 2, \\
     3"); }
  operating_conditions (o) { process : 1 tree_type : "balanced" }
  cell ("c") {
    area : 3 /* why */
    pin (A) { direction : input
              capacitance : 0.1 }
    pin (Y) { direction : output ; /* x */ function \\
       : "A" ; timing () { values ("}", "\\"", \\
          "{"); } }
    test_cell () { pin (A) { direction : input; } ff (IQ, IQN) { next_state : "}"; } }
  }
  cell (d) { } ;
}
"""
    found = read_liberty_text(text.replace(b"\n", b"\r\n"), "l.lib")
    assert list(found) == ["c", "d"] and table(found["c"], "Y", "A") == "01" and found["c"].origin == "l.lib:7"


def test_several_files_and_libraries_and_compressed_ones(tmp_path: Path) -> None:
    one = "library (a) { cell (x) { pin (Y) { direction : output; function : 1; } } }"
    two = one.replace("(x)", "(y)") + one.replace("(x)", "(z)").replace("(a)", "(b)")
    (tmp_path / "1.lib").write_text(one)
    (tmp_path / "2.lib").write_bytes(gzip.compress(two.encode()))
    (tmp_path / "3.lib").write_text("\n" + one)
    found = read_liberty(tmp_path / f"{number}.lib" for number in (1, 2, 3))
    assert list(found) == ["x", "y", "z"] and found["x"].origin == f"{tmp_path / '1.lib'}:1"
    (tmp_path / "4.lib").write_text("\n" + one.replace("1;", "0;"))
    with pytest.raises(NetlistError, match=r"4.lib.*the cell 'x' is described twice, not in the same way") as caught:
        read_liberty([tmp_path / "1.lib", tmp_path / "4.lib"])
    assert str(tmp_path / "1.lib") in caught.value.what


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "the file holds no library", (1, 1)),
        ("hello", "'hello' is no statement", (1, 1)),
        ("module (a) { }", "'module' stands where a library should begin", (1, 1)),
        ("library (l);", "'library' stands where a library should begin", (1, 1)),
        ("library (l) {\n cell (c) {", "the group 'cell' never ends", (2, 2)),
        ("library (l) {\n x (c) { y () { } ", "a group never ends", (2, 9)),
        ("library (l) { } }", "a group ends that never began", (1, 17)),
        ('library (l) {\n  include_file ("x.lib");\n}', "the library includes another file: '\"x.lib\"'", (2, 3)),
        ('library (l) {\n x () { " } }', "a text in quotes never ends", (2, 9)),
        ("library (l) {\n x () { /* } }", "a comment never ends", (2, 9)),
        ("library (l) {\n /* }", "'/* }' is no statement", (2, 2)),
        ("library (l) { cell () { } }", "a cell has no name", (1, 15)),
        ("library (l) { cell (c) { pin () { } } }", "a pin has no name", (1, 26)),
        ("library (l) { cell (c) { pin (A) { } } }", "the pin 'A' has no direction", (1, 26)),
        ("library (l) { cell (c) { pin (A) { direction : up; } } }", "the pin 'A' has the direction 'up'", (1, 48)),
        ("library (l) { cell (c) { pin (A A) { direction : input; } } }", "the pin 'A' is described twice", (1, 26)),
        (
            "library (l) { cell (c) { bus (A) { bus_type : t; direction : input; } } }",
            "is of the unknown type 't'",
            (1, 26),
        ),
        ("library (l) { type (t) { bit_from : 1; } }", "the type of a bus has no range", (1, 15)),
        (
            (
                "library (l) { type (t) { bit_width : 2; } cell (c) { bus (A) { bus_type : t; direction : input;"
                " pin (A[2]) { } } } }"
            ),
            "'A[2]' is no bit of the bus 'A'",
            (1, 97),
        ),
        ("library (l) { cell (c) { bundle (A) { direction : input; } } }", "the bundle 'A' has no members", (1, 26)),
        ("library (l) { cell (c) { pin(Y) { direction : output; } ff () { } } }", "a ff has 0 names", (1, 57)),
        (
            "library (l) { cell (c) { pin(Y) { direction : output; } ff_bank (a, b) { } } }",
            "a ff_bank has no width",
            (1, 57),
        ),
        (
            "library (l) { cell (c) { pin(Y) { direction : output; } statetable (a) { } } }",
            "a statetable has not two lists of names",
            (1, 57),
        ),
        (
            'library (l) { cell (c) { pin(Y) { direction : output; } statetable (a, b) { table : "L : L"; } } }',
            "'L : L' is no row of the state table",
            (1, 86),
        ),
        (
            'library (l) { cell (c) { pin(Y) { direction : output; } statetable (a, b) { table : "L : Q : L"; } } }',
            "'L : Q : L' has a sign with no meaning",
            (1, 86),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(NetlistError) as caught:
        read_liberty_text(text.encode(), "l.lib")
    assert message in caught.value.what, caught.value.what
    assert (caught.value.file, caught.value.line, caught.value.column) == ("l.lib", *place)
    assert caught.value.expected and caught.value.remedy


def test_buses_of_different_widths_do_not_meet() -> None:
    types = "type (a) { bit_width : 2; } type (b) { bit_width : 3; }"
    body = "bus (A) { bus_type : a; direction : input; } bus (B) { bus_type : b; direction : input; }"
    with pytest.raises(NetlistError, match="a bus of 2 bits meets one of 3"):
        library(f'{types} cell (c) {{ {body} bus (Y) {{ bus_type : a; direction : output; function : "A B"; }} }}')
    with pytest.raises(NetlistError, match="the expression 'B' has 3 bits"):
        library(f'{types} cell (c) {{ {body} bus (Y) {{ bus_type : a; direction : output; function : "B"; }} }}')


@pytest.mark.parametrize(
    ("text", "limits", "name"),
    [
        ("cell (a) { } cell (b) { }", ReadLimits(modules=1), "modules"),
        ("cell (a) { pin (b) { pin (c) { } } }", ReadLimits(depth=3), "depth"),
        ("cell (a) { " + "pin (b) { " * 1_000_000, ReadLimits(), "depth"),
        ("x (a) { " + "y () {" * 1_000_000, ReadLimits(), "depth"),
        (f"cell ({'a' * 5_000}) {{ }}", ReadLimits(), "name_bytes"),
        ("type (t) { bit_width : 999999999; }", ReadLimits(), "width"),
        ("cell (a) { pin(Y) { direction : output; } ff_bank (a, b, 99999999) { } }", ReadLimits(), "width"),
        (
            'cell (a) { pin(Y) { direction : output; } statetable (a, b) { table : "L : - : L, H : - : H"; } }',
            ReadLimits(table_rows=1),
            "table_rows",
        ),
    ],
)
def test_limits(text: str, limits: ReadLimits, name: str) -> None:
    with pytest.raises(LimitExceeded, match=f"ReadLimits.{name}") as caught:
        library(text, limits)
    assert caught.value.file == "l.lib" and caught.value.line == 2


def test_many_wide_buses_are_refused() -> None:
    bus = "".join(f"bus (b{index}) {{ bus_type : t; direction : input; }} " for index in range(20))
    with pytest.raises(LimitExceeded, match=r"more than 400 bits(.|\n)*ReadLimits.width"):
        library(f"type (t) {{ bit_width : 90; }} cell (c) {{ {bus} }}", ReadLimits(width=100))


def test_hostile_repetitions_are_read_in_linear_time() -> None:
    for text in ("/*" * 500_000, '"' * 999_999, "\\" * 1_000_000, "(" * 1_000_000, "a : b " * 200_000, "// " * 300_000):
        for whole in (f"library (l) {{ {text}", f"library (l) {{ x () {{ {text}", f"library (l) {{ x ({text}"):
            with pytest.raises(SandgrainError):
                read_liberty_text(whole.encode(), "l.lib")


def test_a_large_library(tmp_path: Path) -> None:
    values = ", ".join(["0.123456"] * 7)
    tables_ = f'timing () {{ cell_rise (t) {{ values ("{values}", \\\n "{values}"); }} }}' * 10
    pin = f'pin (Y) {{ direction : output; function : "A B"; {tables_} }}'
    found = library("\n".join(f"cell (c{index}) {{ {inputs('A B')} {pin} }}" for index in range(2_000)))
    assert len(found) == 2_000 and table(found["c1999"], "Y", "AB") == "0001"
    assert found["c1999"].origin == "l.lib:22002" or found["c1999"].origin.startswith("l.lib:")


PIECES = [
    "cell",
    "pin",
    "bus",
    "ff",
    "(",
    ")",
    "{",
    "}",
    ":",
    ";",
    '"',
    "A",
    "Y",
    "direction",
    "input",
    "output",
    "\\\n",
]
PIECES += ["function", "/*", "*/", "//", "library", ",", "!", "'", "statetable", "table", "L", "H", "-", "members", " "]


@given(st.lists(st.sampled_from(PIECES), max_size=60))
@settings(deadline=None, max_examples=200)
def test_no_text_breaks_the_reader(pieces: list[str]) -> None:
    text = " ".join(pieces)
    for whole in (text, f"library (l) {{ {text} }}", f"library (l) {{ cell (c) {{ {inputs('A')} {text} }} }}"):
        try:
            read_liberty_text(whole.encode(), "l.lib")
        except SandgrainError:
            continue


@given(st.text(max_size=40))
@settings(deadline=None)
def test_no_expression_breaks_the_reader(text: str) -> None:
    plain = text.replace("\\", "").replace('"', "")
    try:
        gate(plain)
    except SandgrainError as error:
        assert "l.lib" in str(error)
