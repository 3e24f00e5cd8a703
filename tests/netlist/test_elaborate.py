from __future__ import annotations

from pathlib import Path

import pytest

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist import FREE_TYPES, GATE_TYPES, Design, ElaborationLimits, elaborate
from sandgrain.netlist import _scripts as scripts
from sandgrain.netlist._sources import with_filling_unknowns

from .conftest import MakeDesign, evaluate


@pytest.fixture(params=["slang", "verilog"])
def frontend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two readers in turn: the other one is made to refuse."""
    if request.param == "verilog":
        monkeypatch.setattr(scripts, "read_with_slang", lambda *_: ["read_slang --no-such-option"])
    else:
        monkeypatch.setattr(scripts, "read_with_verilog", lambda *_: ["read_verilog --no-such-option"])
    return str(request.param)


COUNTER = """
module stage #(parameter WIDTH = 2) (input clk, input [WIDTH-1:0] d, output reg [WIDTH-1:0] q = 2'b01);
  always @(posedge clk) q <= d;
endmodule
module top #(parameter WIDTH = 2) (input clk, input rst, input [WIDTH-1:0] a, output [WIDTH-1:0] y);
  reg [WIDTH-1:0] sum;
  always @(negedge clk) if (rst) sum <= 0; else sum <= sum + a;
  stage #(.WIDTH(WIDTH)) u (.clk(clk), .d(sum), .q(y));
endmodule
"""


def test_hierarchy_names_places_and_initial_values(make_design: MakeDesign, frontend: str) -> None:
    result = elaborate(make_design(COUNTER))
    assert result.frontend == frontend
    assert result.delivered.top == "top"
    assert len(result.delivered.modules) == 2
    gates = result.gates.top_module
    assert gates.cells.count_by_type().keys() == GATE_TYPES
    assert gates.cells.count_by_type()["$_DFF_P_"] == gates.cells.count_by_type()["$_DFF_N_"] == 2
    nets = {net.name: net for net in gates.nets}
    assert nets["u.q"].init == "01"
    assert nets["sum"].init is None
    assert str(nets["sum"].place) == "top.v:6"
    assert str(gates.cells.place(int(gates.cells.of_type("$_DFF_N_")[0]))).startswith("top.v:")
    assert gates.port("y").bits.tolist() == nets["u.q"].bits.tolist()
    assert not result.black_boxes
    assert not result.abstracted_memories


def test_parameters_defines_and_includes(make_design: MakeDesign, frontend: str) -> None:
    source = """`include "width.vh"
    module top #(parameter N = 1, parameter [15:0] S = "zz", parameter [3:0] P = 0) (
      output [7:0] a, output [15:0] s, output [3:0] p, output [`WIDTH-1:0] w);
      assign a = N + `MORE; assign s = S; assign p = P; assign w = 1;
    endmodule"""
    design = make_design(
        {"top.v": source, "inc/width.vh": "`define WIDTH 3\n"},
        include_dirs=("inc",),
        defines={"MORE": "1 + 2"},
        parameters={"N": 5, "S": "ab", "P": "4'b1010"},
    )
    result = elaborate(design)
    assert evaluate(result.gates.top_module, {}) == {"a": 8, "s": 0x6162, "p": 10, "w": 1}
    assert result.gates.top_module.port("w").width == 3


def test_macros_carry_over_between_files(make_design: MakeDesign, frontend: str) -> None:
    design = make_design({"a.v": "`define VALUE 1\n", "top.v": "module top(output y); assign y = `VALUE; endmodule"})
    assert evaluate(elaborate(design).gates.top_module, {}) == {"y": 1}


FREE = """
module top(input a, input [1:0] i, input [2:0] v,
  output x, output u, output n, output z, output same, output two, output o, output k);
  wire undriven, other;
  assign x = a ? 1'bx : 1'b0;
  assign u = undriven & a;
  assign n = undriven ^ other;
  assign same = undriven ^ undriven;
  assign two = undriven & ~undriven;
  assign z = a ? 1'b1 : 1'bz;
  assign o = v[i];
  assign k = a;
endmodule
"""


def test_what_is_unknown_is_free_and_not_a_convenience(make_design: MakeDesign, frontend: str) -> None:
    result = elaborate(make_design(FREE))
    gates = result.gates.top_module
    assert gates.cells.count_by_type().keys() <= GATE_TYPES | FREE_TYPES
    low, high = (evaluate(gates, {"a": 1}, free) for free in (0, 1))
    assert (low["x"], high["x"]) == (0, 1)
    assert (low["u"], high["u"]) == (0, 1)
    assert evaluate(gates, {"a": 0}, 1)["x"] == 0
    low, high = (evaluate(gates, {"a": 0}, free) for free in (0, 1))
    assert (low["z"], high["z"]) == (0, 1)
    # A bit outside the vector is x, the bits inside are not.
    assert [evaluate(gates, {"i": 3}, free)["o"] for free in (0, 1)] == [0, 1]
    assert [evaluate(gates, {"i": i, "v": 0b101})["o"] for i in range(3)] == [1, 0, 1]
    # Two undriven nets are two unknowns, and one undriven net is one.
    free_bits = {int(b) for c in gates.cells.of_type("$anyseq") for b in gates.cells.pin(int(c), "Y")}
    nets = {net.name: net.bits.tolist() for net in gates.nets}
    if {"undriven", "other"} <= nets.keys():
        assert {*nets["undriven"], *nets["other"]} <= free_bits
        assert nets["undriven"] != nets["other"]
    assert (low["two"], high["two"], low["same"], high["same"]) == (0, 0, 0, 0)
    assert any("free" in str(note) for note in result.notes)


def test_independent_undriven_inputs_are_not_merged(make_design: MakeDesign, frontend: str) -> None:
    source = "module top(output y, output z); wire p, q; assign y = p; assign z = q; endmodule"
    gates = elaborate(make_design(source)).gates.top_module
    assert gates.port("y").bits.tolist() != gates.port("z").bits.tolist()


CASES = """
module top(input [1:0] s, input [1:0] d, output reg p, output reg f);
  always @* begin
    p = 0;
    (* parallel_case *) case (1'b1) s[0]: p = d[0]; s[1]: p = d[1]; endcase
  end
  always @* begin
    (* full_case *) case (s) 2'd0: f = d[0]; 2'd1: f = d[1]; 2'd2: f = 1'b1; endcase
  end
endmodule
"""


def test_parallel_case_keeps_its_priority_and_full_case_is_free(make_design: MakeDesign, frontend: str) -> None:
    result = elaborate(make_design(CASES))
    gates = result.gates.top_module
    assert gates.cells.count_by_type().keys() <= GATE_TYPES | FREE_TYPES  # no latch
    for d in range(4):
        first, second = d & 1, d >> 1
        assert [evaluate(gates, {"s": s, "d": d})["p"] for s in range(4)] == [0, first, second, first]
        assert [evaluate(gates, {"s": s, "d": d})["f"] for s in range(3)] == [first, second, 1]
        assert [evaluate(gates, {"s": 3, "d": d}, free)["f"] for free in (0, 1)] == [0, 1]


def test_a_true_latch_is_kept_and_named(make_design: MakeDesign, frontend: str) -> None:
    source = "module top(input en, input d, output reg q); always @* if (en) q = d; endmodule"
    result = elaborate(make_design(source))
    assert result.gates.top_module.cells.count_by_type()["$_DLATCH_P_"] == 1
    assert any("$_DLATCH_P_" in str(note) for note in result.notes)


def test_an_x_in_the_condition_does_not_open_a_latch_unseen(make_design: MakeDesign, frontend: str) -> None:
    source = """module top(input a, input d, output reg q);
      wire en = a ? 1'b1 : 1'bx;
      always @* if (en) q = d;
    endmodule"""
    gates = elaborate(make_design(source)).gates.top_module
    if "$_DLATCH_P_" not in gates.cells.count_by_type():
        assert [evaluate(gates, {"a": 0, "d": d}, free)["q"] for d in (0, 1) for free in (0, 1)] == [0, 0, 0, 1] or [
            evaluate(gates, {"a": 0, "d": 0}, free)["q"] for free in (0, 1)
        ] == [0, 1]


def test_asynchronous_reset_is_modelled_at_the_edge_with_a_note(make_design: MakeDesign, frontend: str) -> None:
    source = """module top(input clk, input rst_n, input d, output reg q);
      always @(posedge clk or negedge rst_n) if (!rst_n) q <= 1'b0; else q <= d;
    endmodule"""
    result = elaborate(make_design(source))
    assert result.gates.top_module.cells.count_by_type().keys() <= GATE_TYPES
    assert any("asynchronous" in str(note) for note in result.notes)


def test_simulation_only_cells_are_left_out_with_a_note(make_design: MakeDesign, frontend: str) -> None:
    source = """module top(input clk, input d, output reg q);
      always @(posedge clk) begin q <= d; if (d) $display("on"); assert (d); end
    endmodule"""
    result = elaborate(make_design(source))
    assert result.gates.top_module.cells.count_by_type() == {"$_DFF_P_": 1}
    assert any("left out" in str(note) for note in result.notes)


MEMORY = """
module ram(input clk, input we, input [3:0] wa, input [3:0] ra, input [7:0] d, output [7:0] q);
  reg [7:0] store [0:15];
  always @(posedge clk) if (we) store[wa] <= d;
  assign q = store[ra];
endmodule
module top(input clk, input we, input [3:0] wa, input [3:0] ra, input [7:0] d, output [7:0] q);
  ram u (.clk(clk), .we(we), .wa(wa), .ra(ra), .d(d), .q(q));
endmodule
"""


def test_a_small_memory_becomes_registers(make_design: MakeDesign, frontend: str) -> None:
    result = elaborate(make_design(MEMORY))
    counts = result.gates.top_module.cells.count_by_type()
    assert counts["$_DFF_P_"] == 128
    assert counts.keys() <= GATE_TYPES | FREE_TYPES
    assert not result.abstracted_memories


def test_a_large_memory_is_abstracted_and_named(make_design: MakeDesign, frontend: str) -> None:
    result = elaborate(make_design(MEMORY), ElaborationLimits(mapped_memory_bits=127))
    (memory,) = result.abstracted_memories
    assert (memory.name, memory.bits, str(memory.place)) == ("u.store", 128, "top.v:3")
    gates = result.gates.top_module
    assert "$_DFF_P_" not in gates.cells.count_by_type()
    assert [evaluate(gates, {}, free)["q"] for free in (0, 1)] == [0, 255]


def test_an_unknown_module_is_a_black_box(make_design: MakeDesign) -> None:
    source = """module top(input a, output y);
      wire w;
      mystery #(.N(3)) box (.in(a), .out(w));
      assign y = w & a;
    endmodule"""
    result = elaborate(make_design(source))
    assert result.frontend == "verilog"
    (box,) = result.black_boxes
    assert (box.module, box.instance, str(box.place)) == ("mystery", "box", "top.v:3")
    gates = result.gates.top_module
    assert [evaluate(gates, {"a": 1}, free)["y"] for free in (0, 1)] == [0, 1]
    assert result.delivered.top_module.cells.count_by_type()["mystery"] == 1


def test_a_module_marked_as_black_box_is_one(make_design: MakeDesign, frontend: str) -> None:
    source = """(* blackbox *) module macro(input a, output y); endmodule
    module top(input a, output y); macro m (.a(a), .y(y)); endmodule"""
    result = elaborate(make_design(source))
    assert [box.module for box in result.black_boxes] == ["macro"]
    assert evaluate(result.gates.top_module, {}, 1)["y"] == 1


def test_keep_hierarchy_hides_nothing(make_design: MakeDesign, frontend: str) -> None:
    source = """(* keep_hierarchy *) module sub(input a, output y); assign y = ~a; endmodule
    module top(input a, output y); (* keep_hierarchy *) sub m (.a(a), .y(y)); endmodule"""
    result = elaborate(make_design(source))
    assert not result.black_boxes
    assert evaluate(result.gates.top_module, {"a": 0})["y"] == 1


def test_three_state_buffers_are_free_while_none_drives(make_design: MakeDesign, frontend: str) -> None:
    source = "module top(input [1:0] e, input [1:0] d, output y); assign y = e[0] ? d[0] : 1'bz; endmodule"
    result = elaborate(make_design(source))
    gates = result.gates.top_module
    assert [evaluate(gates, {"e": 1, "d": d}, 1 - d)["y"] for d in (0, 1)] == [0, 1]
    assert [evaluate(gates, {"e": 0}, free)["y"] for free in (0, 1)] == [0, 1]
    assert any("three-state" in str(note) for note in result.notes)


def test_text_hidden_from_synthesis_is_noted(make_design: MakeDesign) -> None:
    source = "module top(output y); assign y = 1;\n// synopsys translate_off\n// synopsys translate_on\nendmodule"
    assert any("top.v:2" in str(note) for note in elaborate(make_design(source)).notes)


def test_a_syntax_error_has_its_line(make_design: MakeDesign, frontend: str) -> None:
    with pytest.raises(ElaborationError) as caught:
        elaborate(
            make_design({"ok.v": "module ok; endmodule\n", "top.v": "module top(input a);\n  assign = ;\nendmodule\n"})
        )
    assert caught.value.place.startswith("top.v:2")
    assert caught.value.expected
    assert caught.value.remedy


def test_when_both_refuse_slang_is_told_first(make_design: MakeDesign) -> None:
    with pytest.raises(ElaborationError, match=r"top.v:2.*\n(.|\n)*Yosys' own reader says"):
        elaborate(make_design("module top(input a);\n  assign = ;\nendmodule\n"))


@pytest.mark.parametrize(
    "source",
    [
        "module top(output a); wire b; assign a = ~b;\n assign b = a; endmodule",
        "module top(input s, output a); wire b, c; assign b = s & c;\n assign c = b | s; assign a = c; endmodule",
    ],
)
def test_a_combinational_loop_names_its_signals(make_design: MakeDesign, source: str, frontend: str) -> None:
    with pytest.raises(ElaborationError, match=r"combinational loop through .*\b[abc]\b") as caught:
        elaborate(make_design(source))
    assert caught.value.file == "top.v"
    assert caught.value.line == 1


@pytest.mark.parametrize(
    "body", ["assign y = a; assign y = b;", "assign y = a & b; assign y = a | b;", "assign y = a & b; assign y = 1'b0;"]
)
def test_two_drivers_are_refused(make_design: MakeDesign, body: str, frontend: str) -> None:
    with pytest.raises(ElaborationError, match="(?i)driver"):
        elaborate(make_design(f"module top(input a, input b, output y); {body} endmodule"))


def test_a_loop_through_instances_and_words_is_found(make_design: MakeDesign, frontend: str) -> None:
    source = """module sub(input [3:0] a, output [3:0] y); assign y = a + 4'd1; endmodule
    module top(input [3:0] x, output [3:0] y); wire [3:0] back;
      sub u (.a(back), .y(y)); assign back = y ^ x;
    endmodule"""
    with pytest.raises(ElaborationError, match="combinational loop through .*y"):
        elaborate(make_design(source))


def test_bits_of_a_word_that_feed_each_other_in_turn_are_no_loop(make_design: MakeDesign, frontend: str) -> None:
    source = """module top(input [3:0] x, output [3:0] y);
      assign y[0] = x[0]; assign y[3:1] = y[2:0] ^ x[3:1];
    endmodule"""
    assert evaluate(elaborate(make_design(source)).gates.top_module, {"x": 0b0101})["y"] == 0b0011


def test_an_inout_pin_is_free_while_the_chip_does_not_drive(make_design: MakeDesign, frontend: str) -> None:
    source = "module top(input e, input d, inout p, output y); assign p = e ? d : 1'bz; assign y = p; endmodule"
    gates = elaborate(make_design(source)).gates.top_module
    assert [evaluate(gates, {"e": 1, "d": d}, 1 - d)["y"] for d in (0, 1)] == [0, 1]
    assert [evaluate(gates, {"e": 0}, free)["y"] for free in (0, 1)] == [0, 1]


def test_two_three_state_buffers_share_a_net(make_design: MakeDesign, frontend: str) -> None:
    source = """module top(input [1:0] e, input [1:0] d, output y);
      assign y = e[0] ? d[0] : 1'bz; assign y = e[1] ? d[1] : 1'bz;
    endmodule"""
    gates = elaborate(make_design(source)).gates.top_module
    assert [evaluate(gates, {"e": 1, "d": d})["y"] for d in (0, 1)] == [0, 1]
    assert [evaluate(gates, {"e": 2, "d": d << 1})["y"] for d in (0, 1)] == [0, 1]
    assert [evaluate(gates, {"e": 0}, free)["y"] for free in (0, 1)] == [0, 1]


def test_registers_without_initial_value_are_not_merged_or_removed(make_design: MakeDesign, frontend: str) -> None:
    source = """module top(input clk, input d, output y, output z);
      reg p, q, stuck; always @(posedge clk) begin p <= d; q <= d; stuck <= stuck; end
      assign y = p ^ q; assign z = stuck;
    endmodule"""
    assert elaborate(make_design(source)).gates.top_module.cells.count_by_type()["$_DFF_P_"] == 3


def test_two_drivers_in_different_modules_are_refused(make_design: MakeDesign, frontend: str) -> None:
    source = """module sub(input a, output y); assign y = ~a; endmodule
    module top(input a, input b, output y); sub p (.a(a), .y(y)); sub q (.a(b), .y(y)); endmodule"""
    with pytest.raises(ElaborationError, match="(?i)driver"):
        elaborate(make_design(source))


def test_an_empty_design_and_a_missing_top(make_design: MakeDesign, tmp_path: Path) -> None:
    with pytest.raises(ElaborationError, match="no source file"):
        elaborate(Design(tmp_path, (), "top"))
    with pytest.raises(ElaborationError):
        elaborate(make_design("\n"))
    with pytest.raises(ElaborationError, match="nope") as caught:
        elaborate(make_design(COUNTER, top="nope"))
    assert caught.value.remedy


def test_limits_name_their_field(make_design: MakeDesign) -> None:
    design = make_design(COUNTER)
    with pytest.raises(LimitExceeded, match="ElaborationLimits.seconds"):
        elaborate(design, ElaborationLimits(seconds=0.001))
    with pytest.raises(LimitExceeded, match="ElaborationLimits.json_bytes"):
        elaborate(design, ElaborationLimits(json_bytes=100))


def test_workdir_keeps_the_intermediate_files(make_design: MakeDesign, tmp_path: Path) -> None:
    elaborate(make_design(COUNTER), workdir=tmp_path / "work")
    assert (tmp_path / "work" / "gates.json").is_file()


def test_picorv32() -> None:
    core = pytest.importorskip("pythondata_cpu_picorv32")
    result = elaborate(Design(Path(core.data_location), ("picorv32.v",), "picorv32"))
    counts = result.gates.top_module.cells.count_by_type()
    assert counts.keys() <= GATE_TYPES | FREE_TYPES
    assert counts["$_DFF_P_"] > 1500
    assert not result.black_boxes
    nets = {net.name: net for net in result.gates.top_module.nets}
    place = nets["trap"].place
    assert place is not None
    assert place.file == "picorv32.v"


def test_serv() -> None:
    core = pytest.importorskip("pythondata_cpu_serv")
    root = Path(core.data_location)
    sources = tuple(sorted(path.relative_to(root).as_posix() for path in root.glob("rtl/*.v")))
    result = elaborate(Design(root, sources, "serv_rf_top"))
    assert result.gates.top_module.cells.count_by_type().keys() <= GATE_TYPES | FREE_TYPES
    assert len(result.delivered.modules) > 5
    assert not result.black_boxes


UNSIZED = """
module top(input clk, input e, input [35:0] d, output reg [35:0] q, output [35:0] v, output [35:0] w, output [7:0] s);
  always @(posedge clk) if (e) q <= 'bx; else q <= d;
  assign v = e ? 'hx : d;
  assign w = 36'bx;  // 'bx in a comment
  assign s = e ? 8 'bz : "'bx";
endmodule
"""


def test_an_unsized_unknown_is_as_wide_as_what_it_is_in(make_design: MakeDesign, frontend: str) -> None:
    design = make_design(UNSIZED)
    gates = elaborate(design).gates.top_module
    low, high = (evaluate(gates, {"e": 1, "d": 0}, free) for free in (0, 1))
    for port in ("v", "w"):
        assert (low[port], high[port]) == (0, (1 << 36) - 1)
    assert evaluate(gates, {"e": 0, "d": 5}, 1)["v"] == 5
    assert evaluate(gates, {"e": 0}, 1)["s"] == ord("x")
    assert (design.root / "top.v").read_text() == UNSIZED


def test_an_unsized_unknown_in_an_included_file(make_design: MakeDesign, frontend: str) -> None:
    files = {
        "rtl/top.v": '`include "value.vh"\n'
        "module top(output [39:0] y, output [3:0] z); assign y = `VALUE; sub u(z); endmodule",
        "rtl/sub.v": "module sub(output [3:0] z); assign z = 4'd9; endmodule",
        "inc/value.vh": "`define VALUE 'hX\n",
    }
    design = make_design(files, include_dirs=("inc",))
    gates = elaborate(design).gates.top_module
    assert [evaluate(gates, {}, free) for free in (0, 1)] == [{"y": 0, "z": 9}, {"y": (1 << 40) - 1, "z": 9}]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a = 'bx;", "a = 'x ;"),
        ("a = 'hXX + 'bz?", "a = 'x   + 'z  "),
        ("4'bx 4 'bx `W'bx (W)'bx", "4'bx 4 'bx `W'bx (W)'bx"),
        ("`define A 'bx\n`define B() 'bx", "`define A 'x \n`define B() 'bx"),
        ("'bx0 'bxz 'sbx 'dx_ 'x", "'bx0 'bxz 'sbx 'dx_ 'x"),
        ("\"'bx\" // 'bx\n/* 'bx */ 'bx", "\"'bx\" // 'bx\n/* 'bx */ 'x "),
    ],
)
def test_only_unsized_constants_of_nothing_else_are_filled(text: str, filled: str) -> None:
    assert with_filling_unknowns(text) == filled


UNDEFINED = """
module top(input clk, input e, input f, input d, output reg never, output reg twice, output reg shared,
  output reg other, output reg once, output reg known);
  initial known = 0;
  wire x;
  always @(posedge clk) begin
    if (e) never <= 1'bx;
    if (e) begin if (f) twice <= 1'bx; end else twice <= 1'bx;
    if (e) begin shared <= x; other <= x; end
    if (e) once <= f ? 1'bx : d;
    if (e) known <= 1'bx;
  end
endmodule
"""


def test_a_register_that_holds_nothing_defined_is_free(make_design: MakeDesign, frontend: str) -> None:
    gates = elaborate(make_design(UNDEFINED)).gates.top_module
    free = {int(bit) for cell in gates.cells.of_type("$anyseq") for bit in gates.cells.pin(int(cell), "Y")}
    assert {port.name for port in gates.ports if int(port.bits[0]) in free} == {"never", "twice"}
    assert gates.cells.count_by_type()["$_DFF_P_"] == 4
