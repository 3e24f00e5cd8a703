from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist import read_yosys_json
from sandgrain.netlist.aiger import read_aiger
from sandgrain.netlist.blif import read_blif
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, Module, Netlist, X
from tests.netlist.formats import abc, tables, yosys


def save(tmp_path: Path, text: str | bytes, name: str = "f.blif") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path: Path, text: str) -> Netlist:
    return read_blif(save(tmp_path, text))


def cell_texts(module: Module) -> list[str]:
    """``type name pin=net ...`` of every cell."""
    names = {int(net.bits[0]): net.name for net in module.nets} | {ZERO: "0", ONE: "1", X: "x"}
    return [
        " ".join(
            [
                module.cells.type_of(cell),
                module.cells.names[cell],
                *(f"{pin.name}={','.join(names[bit] for bit in pin.bits.tolist())}" for pin in module.cells.pins(cell)),
            ]
        )
        for cell in range(len(module.cells))
    ]


def test_a_whole_file(tmp_path: Path) -> None:
    text = """# first
.model top # a comment
.inputs a b \\
  c
.inputs d
.outputs y q
.clock clk
.names a b n
11 1
.names n c d y
1-0 0
01- 0
.latch y q re clk 1
.default_input_arrival 0 0
.subckt sub p=a r[0]=q r[1]=n
.end
.model sub
.inputs p r[0] r[1]
.outputs
.blackbox
.end
"""
    netlist = read(tmp_path, text)
    assert (netlist.top, list(netlist.modules)) == ("top", ["top", "sub"])
    top = netlist.top_module
    assert [(port.name, port.direction) for port in top.ports] == [
        *((name, "input") for name in ("a", "b", "c", "d", "clk")),
        ("y", "output"),
        ("q", "output"),
    ]
    assert cell_texts(top) == [
        "$_AND_ $names$n A=a B=b Y=n",
        "$sop $names$y A=n,c,d Y=y off-set",
        "$_NOT_ $not$y A=y off-set Y=y",
        "$_DFF_P_ $latch$q C=clk D=y Q=q",
        "sub $subckt$15 p=a r[0]=q r[1]=n",
    ]
    assert [top.cells.place(cell).line for cell in (0, 1, 2, 3, 4)] == [8, 10, 10, 13, 15]  # type: ignore[union-attr]
    assert top.cells.parameters[1] == {"DEPTH": f"{2:032b}", "WIDTH": f"{3:032b}", "TABLE": "001001010010"}
    assert {net.name: net.init for net in top.nets if net.init} == {"q": "1"}
    assert [net.name for net in top.nets if net.hidden] == ["y off-set"]
    assert top.nets[3].place is not None and top.nets[3].place.line == 5
    assert [pin.direction for pin in top.cells.pins(3)] == [INPUT, INPUT, OUTPUT]
    assert {pin.direction for pin in top.cells.pins(4)} == {UNKNOWN_DIRECTION}
    assert netlist.modules["sub"].black_box and not top.black_box
    assert str(netlist.modules["sub"].place).endswith("f.blif:17")


@pytest.mark.parametrize(
    ("cover", "cell"),
    [
        (".names y\n", "$_BUF_ $names$y A=0 Y=y"),
        (".names y\n0\n", "$_BUF_ $names$y A=0 Y=y"),
        (".names y\n1\n", "$_BUF_ $names$y A=1 Y=y"),
        (".names a b y\n", "$_BUF_ $names$y A=0 Y=y"),
        (".names a y\n1 1\n", "$_BUF_ $names$y A=a Y=y"),
        (".names a y\n0 0\n", "$_BUF_ $names$y A=a Y=y"),
        (".names a y\n0 1\n", "$_NOT_ $names$y A=a Y=y"),
        (".names a y\n1 0\n", "$_NOT_ $names$y A=a Y=y"),
        (".names a y\n- 1\n", "$sop $names$y A=a Y=y"),
        (".names a b y\n11 0\n", "$_NAND_ $names$y A=a B=b Y=y"),
        (".names a b y\n1- 1\n-1 1\n", "$_OR_ $names$y A=a B=b Y=y"),
        (".names a b y\n00 1\n", "$_NOR_ $names$y A=a B=b Y=y"),
        (".names a b y\n10 1\n01 1\n", "$_XOR_ $names$y A=a B=b Y=y"),
        (".names a b y\n11 1\n00 1\n", "$_XNOR_ $names$y A=a B=b Y=y"),
        (".names a b y\n10 1\n", "$_ANDNOT_ $names$y A=a B=b Y=y"),
        (".names a b y\n01 1\n", "$_ANDNOT_ $names$y A=b B=a Y=y"),
        (".names a b y\n01 0\n", "$_ORNOT_ $names$y A=a B=b Y=y"),
        (".names a b y\n10 0\n", "$_ORNOT_ $names$y A=b B=a Y=y"),
        (".names a b y\n1- 1\n", "$sop $names$y A=a,b Y=y"),
        (".conn a y\n", "$_BUF_ $conn$y A=a Y=y"),
        (".short $true y\n", "$_BUF_ $conn$y A=1 Y=y"),
        (".names $undef b y\n11 1\n", "$_AND_ $names$y A=x B=b Y=y"),
        (".names $false\n.names $true\n1\n.names $undef\n.conn $undef y\n", "$_BUF_ $conn$y A=x Y=y"),
        (".latch a y\n", "$_FF_ $latch$y D=a Q=y"),
        (".latch a y 2\n", "$_FF_ $latch$y D=a Q=y"),
        (".latch a y fe b\n", "$_DFF_N_ $latch$y C=b D=a Q=y"),
        (".latch a y re NIL 3\n", "$_FF_ $latch$y D=a Q=y"),
        (".latch a y ah b\n", "$_DLATCH_P_ $latch$y E=b D=a Q=y"),
        (".latch a y al b 0\n", "$_DLATCH_N_ $latch$y E=b D=a Q=y"),
        (".latch a y as b\n", "latch_as $latch$y C=b D=a Q=y"),
        (".latch a y as NIL\n", "latch_as $latch$y D=a Q=y"),
        (".gate inv A=a O=y\n.cname u1\n", "inv u1 A=a O=y"),
        (".gate inv A=a O=y\n", "inv $gate$4 A=a O=y"),
        (".subckt box a[1]=b a[0]=a o[1]=y p=a q[0]=a q=b\n", "box $subckt$4 a=a,b o[1]=y p=a q[0]=a q=b"),
        (".mlatch ff D=a Q=y b 1\n", "ff $mlatch$4 D=a Q=y control=b"),
        (".mlatch ff D=a Q=y NIL\n", "ff $mlatch$4 D=a Q=y"),
    ],
)
def test_every_statement(tmp_path: Path, cover: str, cell: str) -> None:
    module = read(tmp_path, f".model m\n.inputs a b\n.outputs y\n{cover}.end").top_module
    assert cell_texts(module) == [cell]


def test_parameters_attributes_and_initial_values(tmp_path: Path) -> None:
    text = r""".inputs a
.outputs y
.attr keep 1
.gate ff D=a Q=y
.cname u
.attr src "x.v:1"
.param INIT 0101
.param NAME "a \"b\" c"
.param DIGITS "01"
.gateinit y=1
.mlatch ff D=a Q=z NIL 1
.end
"""
    module = read(tmp_path, text).top_module
    assert module.name == "f" and not module.black_box
    assert module.cells.parameters == {
        0: {"INIT": "0101", "NAME": 'a "b" c', "DIGITS": "01 "},
        1: {"init": "1"},
    }
    assert {net.name: net.init for net in module.nets if net.init} == {"y": "1"}
    for text in (".attr blackbox 00001\n", ".blackbox\n"):
        assert read(tmp_path, f".model m\n{text}.end\n").top_module.black_box


def test_names_given_twice_stay_as_given(tmp_path: Path) -> None:
    text = ".model m\n.gate g A=a\n.cname u\n.gate g A=a\n.cname u\n.gate g A=a\n.end\n"
    assert list(read(tmp_path, text).top_module.cells.names) == ["u", "u", "$gate$6"]


def test_an_empty_line_may_be_continued(tmp_path: Path) -> None:
    module = read(tmp_path, "\\\n \n.model m\n\\\n.inputs a\n.end\n").top_module
    assert [port.name for port in module.ports] == ["a"]


def test_a_port_may_be_input_and_output(tmp_path: Path) -> None:
    ports = read(tmp_path, ".model m\n.inputs a\n.clock a\n.outputs a\n.end\n").top_module.ports
    assert [(port.name, port.direction) for port in ports] == [("a", "inout")]


def test_any_byte_but_a_blank_may_be_in_a_name(tmp_path: Path) -> None:
    module = read_blif(save(tmp_path, b".model m\r\n.inputs \xff\xc3\xa9 =(\r\n.end\r\n")).top_module
    assert [port.name for port in module.ports] == ["\\xff\u00e9", "=("]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "holds no model", 1, None),
        (".end\n", ".end ends no model", 1, None),
        ("hello\n", "'hello' starts no statement", 1, 1),
        (".model m\n.inputs a\n", "ends within model 'm'", 2, None),
        (".model m\n.inputs a \\", "ends in a continued line", 2, None),
        (".model\n", "followed by 0 words", 1, None),
        (".model m\n.end\n.inputs a\n", "statement after .end", 3, None),
        (".model m\n.end\n.model m\n", "'m' is defined twice", 3, 8),
        (".model m\n.exdc\n.names a\n.end\n", "'.exdc': external", 2, 1),
        (".model m\n.search x.blif\n.end\n", "no other file", 2, 1),
        (".model m\n.start_kiss\n.end\n", "KISS", 2, 1),
        (".model m\n  .wat 3\n.end\n", "'.wat' is no statement", 2, 3),
        (".model m\n.inputs a a\n.end\n", "input 'a' is listed twice", 2, 9),
        (".model m\n.outputs a\\\n a\n.end\n", "output 'a' is listed twice", 2, 10),
        (".model m\n.outputs a\n.outputs b \\\n  a\n.end\n", "output 'a' is listed twice", 4, 3),
        (".model m\n.names\n.end\n", "followed by nothing", 2, None),
        (".model m\n.names a b y\n111 1\n.end\n", "'111 1' is no product of 2", 3, None),
        (".model m\n.names a b y\n1x 1\n.end\n", "is no product of 2", 3, None),
        (".model m\n.names a b y\n11 2\n.end\n", "is no row", 3, None),
        (".model m\n.names a b y\n11\n.end\n", "is no row", 3, None),
        (".model m\n.names y\n-\n.end\n", "is no row", 3, None),
        (".model m\n.names a b y\n11 1\n# x\n00 0\n.end\n", "'00 0' gives another value", 5, None),
        (".model m\n.names a y\n1 1\n.names a y\n0 1\n.end\n", "'y' has two drivers, the other on line 2", 4, 10),
        (".model m\n.inputs a\n.latch a a\n.end\n", "'a' has two drivers, the other on line 2", 3, 8),
        (".model m\n.inputs $true\n.end\n", "name of a constant", 2, 9),
        (".model m\n.names a $true\n1 1\n.end\n", "name of a constant", 2, 10),
        (".model m\n.names $false\n1\n.end\n", "'$false' is defined as its opposite", 2, 8),
        (".model m\n.latch a\n.end\n", "followed by 1 words", 2, None),
        (".model m\n.latch a b xx c\n.end\n", "'xx' is no type of latch", 2, 12),
        (".model m\n.latch a b 4\n.end\n", "'4' is no initial value", 2, 12),
        (".model m\n.latch a b ah NIL\n.end\n", "no control", 2, 15),
        (".model m\n.gate\n.end\n", "names no cell", 2, None),
        (".model m\n.gate A=b\n.end\n", "names no cell", 2, None),
        (".model m\n.gate x A\n.end\n", "'A' is no connection", 2, 9),
        (".model m\n.gate x A=a A=b\n.end\n", "pin 'A' is connected twice", 2, 13),
        (".model m\n.mlatch x A=a\n.end\n", ".mlatch is not", 2, None),
        (".model m\n.mlatch x A=a c 7\n.end\n", ".mlatch is not", 2, None),
        (".model m\n.conn a\n.end\n", "followed by 1 words", 2, None),
        (".model m\n.cname a\n.end\n", ".cname names no cell", 2, None),
        (".model m\n.param a 1\n.end\n", ".param belongs", 2, None),
        (".model m\n.conn a b\n.param a 1\n.end\n", ".param belongs", 3, None),
        (".model m\n.gate x A=a\n.param a\n.end\n", "followed by 1 words", 3, None),
        (".model m\n.gate x A=a\n.param a 1 2\n.end\n", "'1 2' is no value", 3, None),
        (".model m\n.gateinit a=4\n.end\n", "'a=4' is no initial value", 2, 11),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, message: str, line: int, column: int | None) -> None:
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.file and caught.value.expected and caught.value.remedy


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (ReadLimits(name_bytes=3), ".model m\n.inputs long\n.end\n"),
        (ReadLimits(name_bytes=3), ".model long\n.end\n"),
        (ReadLimits(name_bytes=3), ".model m\n.gate g long=a\n.end\n"),
        (ReadLimits(name_bytes=3), ".model m\n.gate g a=a\n.cname long\n.end\n"),
        (ReadLimits(table_rows=1), ".model m\n.names a b y\n11 1\n00 1\n.end\n"),
        (ReadLimits(width=1), ".model m\n.names a b y\n11 1\n.end\n"),
        (ReadLimits(modules=1), ".model m\n.end\n.model n\n.end\n"),
        (ReadLimits(cells=1), ".model m\n.conn a b\n.conn b c\n.end\n"),
        (ReadLimits(bits=1), ".model m\n.inputs a b\n.end\n"),
    ],
)
def test_limits_are_named(tmp_path: Path, limits: ReadLimits, text: str) -> None:
    with pytest.raises(LimitExceeded, match="ReadLimits"):
        read_blif(save(tmp_path, text), limits)


@st.composite
def networks(draw: st.DrawFn) -> str:
    """A combinational model whose covers are anything at all."""
    names = [f"i{index}" for index in range(draw(st.integers(1, 5)))]
    lines = [".model m", ".inputs " + " ".join(names)]
    outputs = []
    for index in range(draw(st.integers(1, 8))):
        # Not what ABC falls over: the same input twice, a cover without rows, a row that holds always.
        count = draw(st.integers(0, min(4, len(names))))
        read = draw(st.permutations(names))[:count]
        value = draw(st.sampled_from("01"))
        output = f"n[{index}]"
        lines.append(f".names {' '.join([*read, output])}")
        if count:
            row = st.text("01-", min_size=count, max_size=count).filter(lambda text: text.strip("-"))
            rows = draw(st.lists(row, min_size=1, max_size=5))
            lines += [f"{row} {value}" for row in rows]
        elif draw(st.booleans()):
            lines.append(value)
        names.append(output)
        outputs.append(output)
    lines.insert(2, ".outputs " + " ".join(outputs))
    return "\n".join([*lines, ".end", ""])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=networks())
def test_abc_computes_the_same(tmp_path: Path, text: str) -> None:
    module = read(tmp_path, text).top_module
    (tmp_path / "a.aig").unlink(missing_ok=True)
    abc("read_blif f.blif; strash; write_aiger -s a.aig", tmp_path)
    assert tables(read_aiger(tmp_path / "a.aig").top_module) == tables(module)


def test_yosys_reads_the_same(tmp_path: Path) -> None:
    text = """.model m
.inputs a b c clk
.outputs y k q0 q1 q2
.names a b c y
1-0 0
01- 0
.names k
1
.latch a q0 re clk 0
.latch y q1 fe clk 1
.latch b q2 ah clk 2
.latch b q3 0
.subckt box p=a q=y
.cname named
.end
"""
    ours = read(tmp_path, text).top_module
    yosys(tmp_path, "read_blif -sop f.blif", "write_json f.json")
    theirs = read_yosys_json(tmp_path / "f.json").top_module
    assert [(p.name, p.direction) for p in ours.ports] == [(p.name, p.direction) for p in theirs.ports]
    counts = theirs.cells.count_by_type()
    # Yosys makes a connection of a constant, we a buffer that has a place in the file.
    assert ours.cells.count_by_type() == {**counts, "$_BUF_": 1}
    inits = {net.name: net.init for net in ours.nets if net.init}
    assert inits == {net.name: net.init for net in theirs.nets if net.init}
    sop = int(theirs.cells.of_type("$sop")[0])
    assert ours.cells.parameters[0] == theirs.cells.parameters[sop]
    assert "named" in list(ours.cells.names)


def test_what_yosys_writes_is_read(tmp_path: Path) -> None:
    save(tmp_path, "module s(input p, output q); endmodule module t(input [2:0] a, output [1:0] y, z);"
        "assign y = a[1:0] + a[2:1]; assign z = 1'b1; s u(.p(a[0])); endmodule", "f.v")  # fmt: skip
    yosys(tmp_path, "read_verilog f.v", "synth -top t", "write_blif -attr -cname -param -iname -iattr f.blif")
    plain = read_blif(tmp_path / "f.blif")
    assert plain.top == "t" and set(plain.modules) <= {"t", "s"}
    yosys(tmp_path, "read_verilog f.v", "synth -top t", "write_blif -icells -conn -blackbox -param f.blif")
    module = read_blif(tmp_path / "f.blif").top_module
    assert "$_XOR_" in module.cells.count_by_type() or "$_XNOR_" in module.cells.count_by_type()
