from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError, SandgrainError
from sandgrain.netlist.cell_function import FALSE, FLIP_FLOP, LATCH, Cell
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, OUTPUT
from sandgrain.netlist.udp import udp_cell, udp_cells
from sandgrain.netlist.verilog import read_verilog_text
from tests.netlist.behaviour import Behaviour, function_of, pins_of, table


def primitive(ports: str, rows: str, extra: str = "reg q;") -> str:
    first, *inputs = ports.split()
    return (
        f"primitive p ({', '.join([first, *inputs])});\n  output {first};\n  input {', '.join(inputs)};\n  {extra}\n"
        f"  table\n{rows}\n  endtable\nendprimitive\n"
    )


def cell(ports: str, rows: str, extra: str = "reg q;") -> Cell:
    return udp_cell(primitive(ports, rows, extra), file="u.v", line=10)


MUX = "0 ? 0 : 0; 1 ? 0 : 1; ? 0 1 : 0; ? 1 1 : 1; 0 0 x : 0; 1 1 x : 1;"
D_FLIP_FLOP = """
  1 (01) : ? : 1 ; // clocked data
  0 (01) : ? : 0 ;
  1 (x1) : 1 : 1 ;
  0 (0x) : 0 : 0 ;
  ? (1x) : ? : - ;
  ? (?0) : ? : - ;
  *  ?   : ? : - ;
"""
RESET = """
  *   b     0   :  ?  :  -    ;
  ?  (?0)   0   :  ?  :  -    ;
  ?   b    (?0) :  ?  :  -    ;
  ?   ?     1   :  ?  :  0    ;
  0   r     ?   :  ?  :  0    ;
  1   r     0   :  ?  :  1    ;
  0  (x1)   ?   :  0  :  0    ;
  ?   b    (?x) :  0  :  0    ;
"""
# Set, reset, clock, data; the set wins.
SET_RESET = """
 0    1     ?    ?  :  ?  :  0    ;
 0    *     ?    ?  :  0  :  0    ;
 1    ?     ?    ?  :  ?  :  1    ;
 *    0     ?    ?  :  1  :  1    ;
 0    ?    (01)  0  :  ?  :  0    ;
 ?    0    (01)  1  :  ?  :  1    ;
 0    ?     p    0  :  0  :  0    ;
 0    0     n    ?  :  ?  :  -    ;
 0    0     ?    *  :  ?  :  -    ;
"""
LATCH_WITH_SUPPLY = """
 *    0      ?      1    0   :  ?  :   -    ;
 ?   (?0)    ?      1    0   :  ?  :   -    ;
 0   (?1)    ?      1    0   :  ?  :   0    ;
 1   (?1)    ?      1    0   :  ?  :   1    ;
(?0)  1      ?      1    0   :  ?  :   0    ;
(?1)  1      ?      1    0   :  ?  :   1    ;
 ?    ?      *      1    0   :  ?  :   x    ;
"""
FLIP_FLOP_WITH_SUPPLY = """
 1 (01) ? 1 0 : ? : 1 ;
 0 (01) ? 1 0 : ? : 0 ;
 ? (?0) ? 1 0 : ? : - ;
 *  b   ? 1 0 : ? : - ;
 ?  ?   * 1 0 : ? : x ;
 ?  ?   ? * ? : ? : x ;
 ?  ?   ? ? * : ? : x ;
"""


def test_a_combinational_table() -> None:
    found = udp_cell(primitive("y a b s", MUX, ""), file="u.v", line=3)
    assert pins_of(found) == {"y": OUTPUT, "a": INPUT, "b": INPUT, "s": INPUT}
    assert list(found.pins) == ["y", "a", "b", "s"]  # positions count
    assert table(found, "y", ["s", "a", "b"]) == "00110101"
    assert (found.name, found.origin, len(function_of(found).gates)) == ("p", "u.v:3", 3)


def test_what_no_row_speaks_of_is_unknown() -> None:
    found = cell("y a b", "0 0 : 0; 1 1 : 1; 0 1 : x;", "")
    assert table(found, "y", ["a", "b"]) == "0xx1"


def test_power_good_passes_its_input_while_supplied() -> None:
    found = cell("y a p g", "0 1 0 : 0; 1 1 0 : 1; x 1 0 : x; ? 0 0 : x; ? 1 1 : x; ? x 0 : x;", "")
    assert table(found, "y", ["p", "g", "a"]) == "xxxx01xx"


def test_rows_with_an_unknown_input_have_no_effect() -> None:
    assert function_of(cell("y a b s", MUX, "")) == function_of(cell("y a b s", MUX[: MUX.index("0 0 x")], ""))


def state(found: Cell) -> tuple[str, int, int, int, int]:
    (element,) = function_of(found).states
    return element.kind, element.data, element.control, element.clear, element.preset


def test_a_flip_flop() -> None:
    assert state(cell("q d c", D_FLIP_FLOP)) == (FLIP_FLOP, 2, 4, FALSE, FALSE)


def test_a_falling_clock() -> None:
    rows = (
        D_FLIP_FLOP.replace("(01)", "f").replace("(?0)", "(?1)").replace("(1x)", "(0x)").replace("1 (x1) : 1 : 1 ;", "")
    )
    assert state(cell("q d c", rows)) == (FLIP_FLOP, 2, 5, FALSE, FALSE)


def test_clear_and_preset() -> None:
    assert state(cell("q d c r", RESET)) == (FLIP_FLOP, 2, 4, 6, FALSE)
    swapped = RESET.replace(":  0    ;", ":  ONE  ;").replace(
        "0   r     ?   :  ?  :  ONE", "1   r     ?   :  ?  :  ONE"
    )
    swapped = swapped.replace("1   r     0   :  ?  :  1", "0   r     0   :  ?  :  0").replace("ONE", "1")
    swapped = swapped.replace("0  (x1)   ?   :  0", "1  (x1)   ?   :  1").replace("(?x) :  0", "(?x) :  1")
    assert state(cell("q d c s", swapped)) == (FLIP_FLOP, 2, 4, FALSE, 6)
    found = cell("q s r c d", SET_RESET)
    running = Behaviour(found)
    for s, r, c, d, expected in [(0, 1, 0, 0, 0), (1, 1, 0, 0, 1), (0, 1, 0, 1, 0), (0, 0, 0, 1, 0), (0, 0, 1, 1, 1)]:
        assert running.change(s=s, r=r, d=d).change(c=c).output("q") is bool(expected)


def test_an_enable_is_part_of_the_data() -> None:
    rows = "1 1 r : ? : 1; 0 1 r : ? : 0; ? 0 r : ? : -; ? ? f : ? : -; * ? ? : ? : -; ? * ? : ? : -;"
    running = Behaviour(cell("q d e c", rows))
    assert running.change(d=1, e=1).change(c=1).output("q") is True
    assert running.change(d=0, e=0, c=0).change(c=1).output("q") is True
    assert running.change(e=1, c=0).change(c=1).output("q") is False


def test_a_toggle_flip_flop() -> None:
    running = Behaviour(cell("q c r", "r 0 : 0 : 1; r 0 : 1 : 0; f 0 : ? : -; ? 1 : ? : 0; ? f : ? : -;"))
    assert running.change(r=1).change(r=0).output("q") is False
    assert [running.change(c=1).change(c=0).output("q") for _ in range(3)] == [True, False, True]


def test_latches() -> None:
    assert state(cell("q d g", "? 0 : ? : -; 0 1 : ? : 0; 1 1 : ? : 1; 0 x : 0 : 0;")) == (LATCH, 2, 4, FALSE, FALSE)
    with_reset = "? 0 0 : ? : -; 0 1 0 : ? : 0; 1 1 0 : ? : 1; ? ? 1 : ? : 0;"
    assert state(cell("q d g r", with_reset)) == (LATCH, 2, 4, 6, FALSE)
    kind, _, control, clear, preset = state(cell("q s r", "1 ? : ? : 1; 0 1 : ? : 0; 0 0 : ? : -;"))
    assert (kind, control, preset) == (LATCH, FALSE, 2) and clear not in (FALSE, 4)


@pytest.mark.parametrize("rows", [LATCH_WITH_SUPPLY, FLIP_FLOP_WITH_SUPPLY])
def test_supplies_and_notifiers(rows: str) -> None:
    """With good supplies the cell is the plain one; without, its value is unknown; a notifier is nothing."""
    running = Behaviour(cell("q d g n p v", rows), p=1, n=1)
    assert running.change(d=1).change(g=1).output("q") is True
    assert running.change(g=0).change(d=0).output("q") is True
    assert running.change(n=0).output("q") is True
    assert running.change(p=0).output("q") is None
    assert running.change(p=1).change(g=1).output("q") is False
    assert running.change(v=1).output("q") is None


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1 * : ? : 1; 0 * : ? : 0; * ? : ? : -;", "it is not a"),  # both edges
        ("1 r : ? : 1; 0 r : ? : 0; * ? : ? : -;", "a change of"),  # nothing about the falling edge
        ("1 r : ? : 1; 1 r : ? : 0; ? f : ? : -; * ? : ? : -;", "line 15 contradicts"),
        ("? ? : ? : -;", "no input changes the state"),
    ],
)
def test_what_cannot_be_expressed_is_a_black_box_with_its_reason(rows: str, reason: str) -> None:
    found = cell("q d c", rows)
    assert found.function is None and reason in found.origin and found.origin.startswith("u.v:10: ")
    assert pins_of(found) == {"q": OUTPUT, "d": INPUT, "c": INPUT}


def test_a_table_of_too_many_inputs_is_a_black_box() -> None:
    names = [f"i{index}" for index in range(11)]
    found = cell(" ".join(["y", *names]), f"{'? ' * 11}: 1;", "")
    assert found.function is None and "11 inputs, more than the 10" in found.origin


def test_headers_in_all_styles() -> None:
    rows = "table 0 (01) : ? : 0; 1 r:?:1; ?n:?:-; *?:?:-; endtable endprimitive"
    plain = function_of(udp_cell(f"primitive p (q, d, c); output q; reg q; input d, c; {rows}", file="u"))
    for head in (
        "primitive p (output reg q, input d, input c);",
        "(* a *) primitive /* x */ p (output reg q, input d, c);",
        "primitive p (q, d, c); output reg q; input d; input c;",
        "primitive p (q, d, c); // here\n reg q; output q; input c, d;",
    ):
        assert function_of(udp_cell(f"{head} {rows}", file="u")) == plain
    for start in ("output reg q = 1'b1, input d, c);", "q, d, c); output q; reg q; input d, c; initial q = 1'b1;"):
        assert function_of(udp_cell(f"primitive p ({start} {rows}", file="u")).states[0].init == "1"
    escaped = udp_cell(
        "primitive \\a$b (\\q! , \\d[0] ); output \\q! ; input \\d[0] ; table 0:1; 1:0; endtable endprimitive", file="u"
    )
    assert (escaped.name, list(escaped.pins)) == ("a$b", ["q!", "d[0]"])


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("module p;", "'module' stands where 'primitive' should", 1),
        ("primitive p (q", "the end of the text", None),
        ("primitive p (q, q);", "the port 'q' is listed twice", 1),
        ("primitive 1 (q);", "'1' is no name", 1),
        ("primitive p (q);\noutput q; table", "the primitive 'p' has no input", 2),
        ("primitive p (q, a);\ninput a; table", "the port 'q' of 'p' is not declared", 2),
        ("primitive p (q, a);\ninput q; input a; table", "the port 'q' of 'p' is input", 2),
        ("primitive p (q, a);\noutput q;\ninput q;", "the port 'q' is input and output", 3),
        ("primitive p (q, a);\noutput z;", "'z' is no port of the primitive", 2),
        ("primitive p (q, a);\nwire q;", "'wire' is no declaration", 2),
        ("primitive p (q, a);\ninitial q = 2;", "'2' is no initial value", 2),
        ("primitive p (q, a); \n $", "'$' has no meaning here", 2),
        (primitive("q a", "", ""), "the table is empty", 7),
        (primitive("q a", "0 : 1", ""), "the table ends in the middle of a row", 7),
        (primitive("q a", "0 : 7;", ""), "'7;' is no entry of a table", 6),
        (primitive("q a", "0 0 : 1;", ""), "the row '0 0 : 1' has not the parts of a row of 'p'", 6),
        (primitive("q a", "0 : ? : 1;", ""), "has not the parts of a row", 6),
        (primitive("q a", "0 : 1;"), "has not the parts of a row", 6),
        (primitive("q a", "r : 1;", ""), "has an edge in a primitive without a state", 6),
        (primitive("q a", "0 : -;", ""), "has no such state or output", 6),
        (primitive("q a", "0 : r : 1;"), "has no such state or output", 6),
        (primitive("q a", "- : ? : 1;"), "'-' is no level or edge", 6),
        (primitive("q a b", "r f : ? : 1;"), "has two edges in one row", 6),
        (
            primitive("q a", "0 : 1;", "").replace("endprimitive", "endmodule"),
            "'endmodule' stands where 'endprimitive'",
            8,
        ),
        ("primitive p (q, a); output q; input a; table 0 : 1;", "the end of the text is no entry of a table", 1),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str, line: int | None) -> None:
    with pytest.raises(NetlistError) as caught:
        udp_cell(text, file="u.v", line=1)
    assert message in caught.value.what, caught.value.what
    assert caught.value.file == "u.v" and caught.value.expected and caught.value.remedy
    assert line is None or caught.value.line == line


def test_limits() -> None:
    with pytest.raises(LimitExceeded, match=r"more than 2 rows.*\n.*ReadLimits.table_rows"):
        udp_cell(primitive("q a", "0 : 1; 1 : 0; x : x;", ""), file="u", limits=ReadLimits(table_rows=2))
    with pytest.raises(LimitExceeded, match=r"ReadLimits.name_bytes"):
        udp_cell(f"primitive {'p' * 5_000} (q", file="u")


def test_a_long_table_is_read_in_linear_time() -> None:
    found = cell("y a b", "0 1 : 1;\n" * 100_000, "")
    assert table(found, "y", ["a", "b"]) == "x1xx"


def test_the_primitives_of_a_verilog_file() -> None:
    source = read_verilog_text(b"`timescale 1ns/1ps\n\n" + primitive("q d c", D_FLIP_FLOP).encode(), "m.v")
    found = udp_cells(source.primitives)
    assert found["p"].origin == "m.v:3" and state(found["p"])[0] == FLIP_FLOP


class Interpreter:
    """A table of a primitive, interpreted event by event (IEEE 1364-2005, clause 8.7)."""

    def __init__(self, rows: list[tuple[list[str], str, str]], inputs: dict[str, int]) -> None:
        self.rows = rows
        self.inputs = inputs
        self.q: str = "x"

    @staticmethod
    def level(symbol: str, value: str) -> bool:
        return value in {"?": "01x", "b": "01"}.get(symbol, symbol)

    def change(self, name: str) -> str:
        before = self.inputs[name]
        self.inputs[name] = 1 - before
        for want_edge in (False, True):
            for symbols, current, following in self.rows:
                has_edge = any(symbol in "rf*" for symbol in symbols)
                fits = self.level(current, self.q)
                for symbol, (key, value) in zip(symbols, self.inputs.items(), strict=True):
                    if symbol in "rf*":
                        fits &= key == name and symbol in ("*", "r" if before == 0 else "f")
                    else:
                        fits &= self.level(symbol, str(value))
                if has_edge == want_edge and fits:
                    self.q = self.q if following == "-" else following
                    return self.q
        self.q = "x"
        return self.q


@st.composite
def memories(draw: st.DrawFn) -> list[tuple[list[str], str, str]]:
    """Tables near those of real cells: asynchronous rows, a clock or a gate, and what does nothing."""
    clocked, falling = draw(st.booleans()), draw(st.booleans())
    clear, preset = draw(st.sampled_from(["0", "1", ""])), draw(st.sampled_from(["0", "1", ""]))
    idle = {"0": "1", "1": "0", "": "?"}
    rows: list[tuple[list[str], str, str]] = []
    if preset:
        rows.append((["?", "?", "?", preset], "?", "1"))
    if clear:
        rows.append((["?", "?", clear, idle[preset]], "?", "0"))
    free = [idle[clear], idle[preset]]
    if clocked:
        rows += [([value, "f" if falling else "r", *free], "?", value) for value in "01"]
        rows.append((["?", "r" if falling else "f", *free], "?", "-"))
        rows.append((["*", "?", *free], "?", "-"))
    else:
        rows += [([value, "0" if falling else "1", *free], "?", value) for value in "01"]
        rows.append((["?", "1" if falling else "0", *free], "?", "-"))
    rows.append((["?", "?", "*", free[1]], "?", "-"))
    rows.append((["?", "?", free[0], "*"], "?", "-"))
    if draw(st.integers(0, 3)) == 0:
        rows.pop(draw(st.integers(0, len(rows) - 1)))
    if draw(st.integers(0, 3)) == 0:
        index = draw(st.integers(0, len(rows) - 1))
        symbols, current, _ = rows[index]
        rows[index] = (symbols, current, draw(st.sampled_from("01x-")))
    return rows


@given(memories(), st.integers(0, 1 << 30))
@settings(deadline=None, max_examples=150)
def test_what_is_expressed_does_what_the_table_says(rows: list[tuple[list[str], str, str]], seed: int) -> None:
    text = "\n".join(f"{' '.join(symbols)} : {current} : {following};" for symbols, current, following in rows)
    found = cell("q d c r s", text)
    if found.function is None:
        return
    names = ["d", "c", "r", "s"]
    running = Behaviour(found)
    theirs = Interpreter(rows, dict.fromkeys(names, 0))
    events = random.Random(seed)
    known = {(name, 0) for name in names}
    assert set(function_of(found).inputs) <= known | {("", 0)}
    for _ in range(60):
        name = events.choice(names)
        value = theirs.change(name)
        mine = running.change(**{name: theirs.inputs[name]}).output("q")
        # Where the table does not know, the cell may: a notifier, a supply, a state that cannot be.
        if value != "x":
            assert mine is None or mine is (value == "1"), (text, name, theirs.inputs)


@given(st.text(alphabet="primtveousdng(),;:=01xbrf?*-' \n\\/q a", max_size=120))
@settings(deadline=None)
def test_no_text_breaks_the_reader(text: str) -> None:
    for whole in (text, primitive("q a b", text), f"primitive p (q, a); {text}"):
        try:
            udp_cell(whole, file="u")
        except SandgrainError:
            continue


def test_every_table_of_two_inputs_and_a_state_that_is_a_latch() -> None:
    """All level-only tables of one input: what is held, forced or unknown is exactly what the table says."""
    for results in itertools.product("01-x", repeat=4):
        levels = list(itertools.product("01", repeat=2))
        rows = " ".join(f"{a} {b} : ? : {result};" for (a, b), result in zip(levels, results, strict=True))
        found = cell("q a b", rows)
        if found.function is None:
            assert set(results) == {"-"} or "x" in results, rows
            continue
        for (a, b), result in zip(levels, results, strict=True):
            for start_a, start_b in itertools.product((0, 1), repeat=2):
                running = Behaviour(found, a=start_a, b=start_b)
                running.states = [True]
                before = running.change(a=start_a, b=start_b).output("q")
                after = running.change(a=int(a), b=int(b)).output("q")
                assert after is {"0": False, "1": True, "x": None, "-": before}[result], (rows, a, b)
