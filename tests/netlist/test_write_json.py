from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import NetlistError
from sandgrain.netlist import read_yosys_json
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, Netlist, X, Z
from sandgrain.netlist.write_json import write_yosys_json
from sandgrain.verdict import Place
from tests.netlist.formats import shape, yosys


def text_of(netlist: Netlist) -> str:
    stream = io.StringIO()
    write_yosys_json(netlist, stream)
    return stream.getvalue()


def again(tmp_path: Path, netlist: Netlist) -> Netlist:
    (tmp_path / "again.json").write_text(text_of(netlist))
    return read_yosys_json(tmp_path / "again.json")


def places(netlist: Netlist) -> list[str]:
    return [
        str(place)
        for module in netlist.modules.values()
        for place in [
            module.place,
            *(net.place for net in module.nets),
            *(module.cells.place(i) for i in range(len(module.cells))),
        ]
    ]


def test_everything_comes_back(tmp_path: Path) -> None:
    builder = ModuleBuilder('top "x"', Place(file="a:b.v", line=3))
    a = builder.bits(2)
    builder.port("a", "input", a, offset=4, upto=True)
    builder.port("z", "inout", builder.bits(1))
    pins = [("A", INPUT, [*a, ZERO, ONE, X, Z]), ("Y", OUTPUT, builder.bits(1)), ("io", UNKNOWN_DIRECTION, [])]
    builder.cell("box", "\\u[1]", pins, place=Place(file="b.v", line=7), parameters={"P": "01 ", "N": 5})
    builder.net("a", a, place=Place(file="b.v", line=8), init="x1", offset=4, upto=True, attributes={"keep": "1"})
    builder.net("$h", [3], hidden=True)
    box = ModuleBuilder("box", black_box=True)
    netlist = Netlist({'top "x"': builder.finish(), "box": box.finish()}, 'top "x"')
    read = again(tmp_path, netlist)
    assert shape(read) == shape(netlist)
    assert places(read) == places(netlist)


def test_what_yosys_writes_comes_back_and_is_read_by_yosys(tmp_path: Path) -> None:
    (tmp_path / "f.v").write_text(
        """module s(input [7:4] p, output [0:3] q, inout z); assign q = p + 1; endmodule
        module t(input c, input [3:0] a, output reg [3:0] y = 4'b10x1, inout z); wire [0:3] w;
        s u(.p(a), .q(w), .z(z)); always @(posedge c) y <= w; endmodule"""
    )
    for commands in (["hierarchy -top t", "proc"], ["synth -top t"], ["synth -flatten -top t", "abc -g AND"]):
        yosys(tmp_path, "read_verilog f.v", *commands, "write_json f.json")
        netlist = read_yosys_json(tmp_path / "f.json")
        read = again(tmp_path, netlist)
        assert shape(read) == shape(netlist)
        assert places(read) == places(netlist)
        yosys(tmp_path, "read_json again.json", "hierarchy -check -top t", "write_json back.json")
        back = read_yosys_json(tmp_path / "back.json")
        for name, module in netlist.modules.items():
            assert back.modules[name].cells.count_by_type() == module.cells.count_by_type()
            assert {net.name for net in module.nets} == {net.name for net in back.modules[name].nets}


def test_names_are_made_unique() -> None:
    builder = ModuleBuilder("t")
    for name in ("u", "u", "", "u$1", ""):
        builder.cell("box", name, [])
    builder.net("n", [])
    builder.net("n", [])
    module = json.loads(text_of(Netlist({"t": builder.finish()}, "t")))["modules"]["t"]
    assert list(module["cells"]) == ["u", "u$1$1", "cell$2", "u$1", "cell$4"]
    assert list(module["netnames"]) == ["n", "n$1"]


def test_a_pin_given_twice_is_refused() -> None:
    builder = ModuleBuilder("t")
    builder.cell("box", "u", [("A", INPUT, []), ("A", INPUT, [])], place=Place(file="a.v", line=4))
    with pytest.raises(NetlistError, match="two pins of one name") as caught:
        text_of(Netlist({"t": builder.finish()}, "t"))
    assert (caught.value.file, caught.value.line) == ("a.v", 4)


BITS = st.lists(st.integers(Z, 5), max_size=4)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)


@st.composite
def netlists(draw: st.DrawFn) -> Netlist:
    modules = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        builder = ModuleBuilder(name, black_box=draw(st.booleans()))
        builder.bits(6)
        for port in draw(st.lists(NAMES, max_size=3, unique=True)):
            direction = draw(st.sampled_from(["input", "output", "inout"]))
            builder.port(port, direction, draw(BITS), offset=draw(st.integers(0, 9)), upto=draw(st.booleans()))
        for cell in draw(st.lists(NAMES, max_size=3, unique=True)):
            pins = [
                (pin, draw(st.integers(0, 2)), draw(BITS)) for pin in draw(st.lists(NAMES, max_size=3, unique=True))
            ]
            parameters = draw(st.dictionaries(NAMES, st.integers() | NAMES, max_size=2))
            builder.cell(draw(NAMES), cell, pins, parameters=parameters)
        for net in draw(st.lists(NAMES, max_size=3, unique=True)):
            bits = draw(BITS)
            init = draw(st.none() | st.text("01x", min_size=len(bits), max_size=len(bits))) if bits else None
            builder.net(net, bits, init=init, hidden=draw(st.booleans()))
        modules[name] = builder.finish()
    return Netlist(modules, next(iter(modules)))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(netlist=netlists())
def test_reading_back_is_identity(tmp_path: Path, netlist: Netlist) -> None:
    # Once, since the numbers of bits are those in which a reader meets them.
    first = again(tmp_path, netlist)
    assert shape(again(tmp_path, first)) == shape(first)
    for name, module in netlist.modules.items():
        read = first.modules[name]
        assert [(p.name, p.direction, p.width, p.offset, p.upto) for p in read.ports] == [
            (p.name, p.direction, p.width, p.offset, p.upto) for p in module.ports
        ]
        assert list(read.cells.names) == list(module.cells.names)
        assert read.cells.parameters == module.cells.parameters
        assert [(n.name, n.init, n.hidden) for n in read.nets] == [(n.name, n.init, n.hidden) for n in module.nets]
