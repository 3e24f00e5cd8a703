from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sandgrain.errors import NetlistError
from sandgrain.netlist import read_yosys_json
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, Module, Netlist, X, Z
from sandgrain.netlist.verilog import read_verilog
from sandgrain.netlist.write_verilog import identifier, write_verilog
from sandgrain.verdict import Place
from tests.netlist.formats import meaning, yosys

UNKNOWN = UNKNOWN_DIRECTION


def text_of(netlist: Netlist) -> str:
    stream = io.StringIO()
    write_verilog(netlist, stream)
    return stream.getvalue()


def one(module: Module) -> Netlist:
    return Netlist({module.name: module}, module.name)


def through_yosys(tmp_path: Path, netlist: Netlist) -> Netlist:
    (tmp_path / "w.v").write_text(text_of(netlist))
    yosys(tmp_path, "read_verilog -icells -noautowire w.v", "write_json w.json")
    # Yosys keeps the backslash of names that would be taken for its own.
    path = tmp_path / "w.json"
    path.write_text(path.read_text().replace('"\\\\', '"'))
    return read_yosys_json(tmp_path / "w.json")


def meanings(netlist: Netlist) -> dict[str, object]:
    return {name: meaning(module) for name, module in netlist.modules.items()}


def test_every_construct_is_written() -> None:
    builder = ModuleBuilder("t")
    a, b, y, w = builder.bits(4), builder.bits(1), builder.bits(4), builder.bits(3)
    for name, direction, bits, offset, upto in (
        ("a", "input", a, 4, False),
        ("b[0]", "input", b, 0, False),
        ("y", "output", y, 0, True),
        ("k", "output", [b[0], ONE, a[0], a[1]], 0, False),
    ):
        builder.port(name, direction, bits, offset=offset, upto=upto)
        builder.net(name, bits, offset=offset, upto=upto)
    builder.net("reg", [w[0]], init="1")
    builder.net("one", [w[1]], offset=3)
    builder.net("z", [ZERO, X, Z, Z], attributes={"note": 'a "b"\n', "n": 4})
    builder.net("$made up", [w[2]], hidden=True)
    builder.cell("$_AND_", "u", [("A", INPUT, [w[0]]), ("B", INPUT, [ONE]), ("Y", OUTPUT, [y[0]])])
    builder.cell("nand", "", [("I1", INPUT, [a[1]]), ("Y0", OUTPUT, [w[1]]), ("I0", INPUT, [a[0]])])
    builder.cell("bufif0", "g", [("Y0", OUTPUT, [y[1]]), ("I0", INPUT, [X]), ("E", INPUT, [w[2]])])
    builder.cell("box", "u2", [("#0", UNKNOWN, a[1:3]), ("#2", UNKNOWN, [])])
    builder.cell(
        "box",
        "reg",
        [("p.q", UNKNOWN, [y[3], y[2], a[0], a[1], a[2], a[3], ZERO, Z]), ("r", UNKNOWN, [Z, Z]), ("s", UNKNOWN, [])],
        parameters={"W": 3, "I": "0x1z", "S": "01 ", "T": 'say "\\\t"', "\u00e9"[:0] + "N.M": -2},
    )
    assert (
        text_of(one(builder.finish())) == r"""(* top *)
module t(a, \b[0] , y, k);
  input [7:4] a;
  input \b[0] ;
  output [0:3] y;
  output [3:0] k;
  (* init = 1'b1 *) wire \reg ;
  wire [3:3] one;
  (* note = "a \"b\"\012", n = 4 *) wire [3:0] z;
  wire n7;
  assign k = {a[5:4], 1'b1, \b[0] };
  assign z = 4'bzzx0;
  \$_AND_  u(.A(\reg ), .B(1'b1), .Y(y[3]));
  nand (one, a[4], a[5]);
  bufif0 g(y[2], 1'bx, n7);
  box u2(a[6:5], , );
  box #(.W(3), .I(4'b0x1z), .S("01"), .T("say \"\\\011\""), .\N.M (-2)) reg$4"""
        r"""(.\p.q ({2'bz0, a, y[1], y[0]}), .r(), .s());
endmodule

"""
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a", "a"),
        ("_a$1", "_a$1"),
        ("$a", "\\$a "),
        ("1a", "\\1a "),
        ("a[3]", "\\a[3] "),
        ("wire", "\\wire "),
        ("logic", "\\logic "),
        ("nand", "\\nand "),
        ("a\\b", "\\a\\b "),
    ],
)
def test_names_are_escaped_only_where_they_must_be(name: str, written: str) -> None:
    assert identifier(name) == written


@pytest.mark.parametrize("name", ["", "a b", "a\n", "\u00e9", "a\x7f"])
def test_names_verilog_cannot_spell(name: str) -> None:
    with pytest.raises(NetlistError, match="the cell .* cannot be written in Verilog") as caught:
        identifier(name, "cell", Place(file="a.v", line=3))
    assert caught.value.line == 3 and caught.value.remedy


def built(*ports: tuple[str, str, list[int]], cells: dict[str, list[str]] | None = None) -> Module:
    builder = ModuleBuilder("t")
    builder.bits(4)
    for name, direction, bits in ports:
        builder.port(name, direction, bits)
    for kind, pins in (cells or {}).items():
        builder.cell(kind, "u", [(pin, INPUT, [0]) for pin in pins])
    return builder.finish()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (built(("a", "input", [0]), ("b", "input", [0])), "'b' of module 't' is another"),
        (built(("a", "input", [0, 0])), "'a' of module 't' is another"),
        (built(("a", "inout", [ZERO])), "a constant"),
        (built(("a", "output", [])), "has no bits"),
        (built(cells={"box": ["#0", "A"]}), "beside pins by position"),
        (built(cells={"box": ["#99999999999"]}), "beside pins by position"),
        (built(cells={"and": ["A"]}), "has a pin 'A'"),
        (built(cells={"and": ["Y0", "I0", "I2"]}), "lacks a pin"),
    ],
)
def test_what_verilog_cannot_say_is_refused(module: Module, message: str) -> None:
    with pytest.raises(NetlistError, match=message):
        text_of(one(module))


def test_a_net_called_like_another_port_gets_a_number() -> None:
    builder = ModuleBuilder("t")
    builder.port("a", "input", builder.bits(1))
    builder.net("a", builder.bits(1))
    builder.cell("box", "a", [])
    text = text_of(one(builder.finish()))
    assert "wire a$0;" in text
    assert "box a$0$0();" in text


DESIGN = """module s(input [7:4] p, output [0:3] q, inout z); assign q = p + 1; endmodule
(* blackbox *) module bb(input [1:0] i, output o); parameter W = 3; parameter [3:0] V = 0; parameter N = "x"; endmodule
module t(input c, input [3:0] a, output reg [3:0] y = 4'b10x1, inout z, output [1:0] same, output \\odd[3]x );
wire [0:3] w; wire \\b.c = w[0]; assign same = {a[2], a[2]}; assign \\odd[3]x = 1'b0;
s u(.p(a), .q(w), .z(z)); always @(posedge c) y <= w; bb #(.W(5), .V(4'b10x1), .N("hi")) v(.i({w[2], 1'b1}));
endmodule
"""


@pytest.mark.parametrize("commands", [["proc"], ["synth -top t"], ["synth -flatten -top t", "abc -g AND"]])
def test_yosys_reads_back_what_was_written(tmp_path: Path, commands: list[str]) -> None:
    (tmp_path / "f.v").write_text(DESIGN)
    yosys(tmp_path, "read_verilog f.v", "hierarchy -top t", *commands, "write_json f.json")
    netlist = read_yosys_json(tmp_path / "f.json")
    back = through_yosys(tmp_path, netlist)
    assert back.top == "t"
    assert meanings(back) == meanings(netlist)
    for name, module in netlist.modules.items():
        inits = {net.name: net.init for net in module.nets if net.init}
        assert inits == {net.name: net.init for net in back.modules[name].nets if net.init}


@pytest.mark.parametrize("commands", [["synth -top t"], ["synth -flatten -top t", "abc -g AND"]])
def test_our_reader_reads_back_what_was_written(tmp_path: Path, commands: list[str]) -> None:
    (tmp_path / "f.v").write_text(DESIGN)
    yosys(tmp_path, "read_verilog f.v", "hierarchy -top t", *commands, "write_json f.json")
    netlist = read_yosys_json(tmp_path / "f.json")
    (tmp_path / "w.v").write_text(text_of(netlist))
    back = read_verilog([tmp_path / "w.v"]).netlist("t")
    (tmp_path / "w2.v").write_text(text_of(back))
    again = read_verilog([tmp_path / "w2.v"]).netlist("t")
    assert meanings(again) == meanings(back)
    for name, module in netlist.modules.items():
        assert back.modules[name].cells.count_by_type() == module.cells.count_by_type()
        assert set(back.modules[name].cells.names) == set(module.cells.names)


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=4)
# Yosys writes names that start with these in a way of its own.
YOSYS_NAMES = NAMES.filter(lambda name: name[0] not in '0123456789$\\"')


@st.composite
def modules(draw: st.DrawFn, of: st.SearchStrategy[str] = NAMES) -> Module:
    """Ports, aliases, constants and instances over a handful of bits."""
    names = draw(st.lists(of, min_size=8, max_size=8, unique=True))
    builder = ModuleBuilder("t")
    for name, direction in zip(names[:3], ("input", "output", "inout"), strict=True):
        bits = builder.bits(draw(st.integers(1, 4)))
        offset, upto = draw(st.integers(0, 5)), draw(st.booleans()) and len(bits) > 1
        builder.port(name, direction, bits, offset=offset, upto=upto)
        builder.net(name, bits, offset=offset, upto=upto)
    inner = builder.bits(3)
    builder.net(names[3], inner)
    bit = st.integers(Z + 1, inner[-1])
    # Other names of the same nets; not of the ports, which no assignment joins to each other.
    builder.net(names[4], draw(st.lists(st.sampled_from([*inner, ZERO, ONE]), min_size=1, max_size=4)))
    for name in names[5:]:
        pins = draw(st.lists(of.filter(lambda pin: pin[0] != "#"), max_size=3, unique=True))
        builder.cell("box", name, [(pin, UNKNOWN, draw(st.lists(bit, min_size=1, max_size=5))) for pin in pins])
    return builder.finish()


@settings(
    max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(module=modules(YOSYS_NAMES))
def test_random_modules_come_back_from_yosys(tmp_path: Path, module: Module) -> None:
    assert meanings(through_yosys(tmp_path, one(module))) == meanings(one(module))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(module=modules())
def test_random_modules_come_back_from_our_reader(tmp_path: Path, module: Module) -> None:
    (tmp_path / "w.v").write_text(text_of(one(module)))
    assert meanings(read_verilog([tmp_path / "w.v"]).netlist("t")) == meanings(one(module))
