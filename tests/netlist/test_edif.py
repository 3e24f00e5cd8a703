from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist import read_yosys_json
from sandgrain.netlist.edif import read_edif
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, OUTPUT, Module, Netlist, Z
from tests.netlist.formats import tables, yosys

HEAD = "(edif t (edifVersion 2 0 0) (edifLevel 0) (keywordMap (keywordLevel 0))\n"
LIBRARY = """(external L (edifLevel 0) (technology (numberDefinition))
 (cell AND2 (cellType GENERIC) (view v (viewType NETLIST)
  (interface (port A (direction INPUT)) (port B (direction INPUT)) (port Y (direction OUTPUT)))))
 (cell REG (cellType GENERIC) (view v (viewType NETLIST)
  (interface (port (array (rename D "D[3:0]") 4) (direction INPUT)) (port (array Q 4) (direction OUTPUT))))))
"""
VIEW = '(library W (edifLevel 0) (cell (rename t "the top") (cellType GENERIC) (view v (viewType NETLIST)\n'
INTERFACE = '(interface (port a (direction INPUT)) (port (array (rename x "x[7:4]") 4) (direction OUTPUT)))\n'
TAIL = "))) (design t (cellRef t (libraryRef W))))\n"


def file_of(contents: str, interface: str = INTERFACE, library: str = LIBRARY) -> str:
    return f"{HEAD}{library}{VIEW}{interface}(contents {contents}){TAIL}"


def read(tmp_path: Path, text: str | bytes) -> Netlist:
    path = tmp_path / "f.edif"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_edif(path)


def net_names(module: Module) -> dict[int, str]:
    return {bit: net.bit_name(index) for net in module.nets for index, bit in enumerate(net.bits.tolist())}


def test_a_whole_file(tmp_path: Path) -> None:
    contents = """
(instance (rename u1 "u/1") (viewRef v (cellRef AND2 (libraryRef L)))
  (property INIT (string "0110")) (property N (integer -3)) (property (rename S "s t") (string "a%34 9%b"))
  (property F (boolean (true))) (property E (number (e 12 -1))) (comment "x"))
(instance r (cellRef reg (libraryRef l)) (portInstance D))
(net n (joined (portRef A (instanceRef u1)) (portRef a) (portRef (member D 3) (instanceRef r))))
(net (rename y0 "y[0]") (joined (portRef y (instanceRef U1)) (portRef (member D 0) (instanceRef r)))
  (property keep (boolean (false))))
(net (array (rename q "q[0:3]") 4) (joined (portRef Q (instanceRef r)) (portRef x)))
"""
    netlist = read(tmp_path, file_of(contents))
    assert (netlist.top, list(netlist.modules)) == ("the top", ["AND2", "REG", "the top"])
    top = netlist.top_module
    assert netlist.modules["AND2"].black_box and not top.black_box
    assert [(p.name, p.direction, p.width, p.offset, p.upto) for p in top.ports] == [
        ("a", "input", 1, 0, False),
        ("x", "output", 4, 4, False),
    ]
    names = net_names(top)
    pins = [
        [(pin.name, pin.direction, [names.get(bit, bit) for bit in pin.bits.tolist()]) for pin in top.cells.pins(cell)]
        for cell in range(2)
    ]
    q = ["q[3]", "q[2]", "q[1]", "q[0]"]
    assert pins == [
        [("A", INPUT, ["n"]), ("Y", OUTPUT, ["y[0]"])],
        [("D", INPUT, ["n", Z, Z, "y[0]"]), ("Q", OUTPUT, q)],
    ]
    assert [names[bit] for bit in top.port("x").bits.tolist()] == q
    assert list(top.cells.names) == ["u/1", "r"]
    assert top.cells.parameters == {0: {"INIT": "0110 ", "N": -3, "s t": 'a"\tb', "F": 1, "E": "e 12 -1"}}
    assert (found := top.nets.find("y[0]")) and found.attributes == {"keep": 0}
    assert [place and place.line for place in (top.cells.place(0), top.cells.place(1), found.place)] == [10, 13, 15]
    assert (vector := top.nets.find("q")) and (vector.offset, vector.upto) == (0, True)


def test_the_definition_stands_for_the_external_cell_of_its_name(tmp_path: Path) -> None:
    cell = "(cell AND2 (cellType GENERIC) (view v (viewType NETLIST) (interface {}) (contents)))"
    ports = "(port Y (direction OUTPUT)) (port A (direction INPUT)) (port B (direction INPUT))"
    text = file_of("(instance u (viewRef v (cellRef AND2 (libraryRef L))))")
    same = text.replace("(library W", f"(library D (edifLevel 0) {cell.format(ports)}) (library W")
    netlist = read(tmp_path, same)
    assert list(netlist.modules) == ["AND2", "REG", "the top"] and not netlist.modules["AND2"].black_box
    other = text.replace("(library W", f"(library D (edifLevel 0) {cell.format('')}) (library W")
    netlist = read(tmp_path, other)
    assert list(netlist.modules) == ["AND2", "REG", "D:AND2", "the top"] and netlist.modules["AND2"].black_box
    first = text.replace("(external L", f"(library D {cell.format(ports)}) (external L")
    netlist = read(tmp_path, first)
    assert list(netlist.modules) == ["AND2", "REG", "the top"] and not netlist.modules["AND2"].black_box
    assert netlist.top_module.cells.type_of(0) == "AND2"


def test_the_top_is_found_without_a_design(tmp_path: Path) -> None:
    text = file_of("(instance u (viewRef v (cellRef AND2 (libraryRef L))))")
    assert read(tmp_path, text.replace("(design t (cellRef t (libraryRef W)))", "")).top == "the top"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("hello", "'hello' stands outside"),
        ("(foo)", "starts with 'foo'"),
        ("(edif", "ends within 'edif'"),
        ("(edif t (", "ends within '('"),
        ('(edif t "abc)', "a string has no end"),
        ("(edif t))", "closes nothing"),
        ("(edif t) (x)", "something after the end"),
        ("(edif t ())", "a list is empty"),
        ("(edif t ((x)))", "a list has no keyword"),
        ("(edif t (edifVersion 4 0 0))", "version '4 0 0'"),
        ("(edif t (edifLevel 2))", "higher EDIF level"),
        ("(edif t (keywordMap (keywordLevel 1)))", "other meanings"),
        ("(edif t (wat))", "'wat' in the file"),
        ("(edif t)", "names no design, and 0 cells"),
        ("(edif t (library L (wat)))", "'wat' in a library"),
        ("(edif t (library L) (library L))", "library 'L' is there twice"),
        ("(edif t (library (array L 3)))", "has no name"),
        ("(edif t (library (rename L) (cell c)))", "something else than a name"),
        ("(edif t (library L (cell c) (cell c)))", "cell 'c' is there twice"),
        ("(edif t (library L (cell c (wat))))", "'wat' in a cell"),
        ("(edif t (library L (cell c (view v) (view v))))", "view 'v' is there twice"),
        ("(edif t (library L (cell c (view v (wat)))))", "'wat' in a view"),
        ("(edif t (library L (cell c (view v (viewType SCHEMATIC) (interface) (contents)))))", "that is no netlist"),
        ("(edif t (library L (cell c (view v (interface (wat))))))", "'wat' in an interface"),
        ("(edif t (library L (cell c (view v (interface (portBundle b))))))", "'portbundle' in an interface"),
        ("(edif t (library L (cell c (view v (interface (port a) (port a))))))", "port 'a' is declared twice"),
        ("(edif t (library L (cell c (view v (interface (port a (direction UP)))))))", "direction is not known"),
        ("(edif t (library L (cell c (view v (interface (port a (wat)))))))", "'wat' in a port"),
        ("(edif t (library L (cell c (view v (interface (port))))))", "a port has no name"),
        ("(edif t (library L (cell c (view v (interface (port (array a 2 2)))))))", "of one dimension"),
        ("(edif t (library L (cell c (view v (interface (port (array a x)))))))", "'x' is no number"),
        (file_of("(page p)"), "'page' in the contents"),
        (file_of("(instance u)"), "does not say of what"),
        (file_of("(instance u (viewRef v))"), "something else than a cell"),
        (file_of("(instance u (cellRef NO (libraryRef L)))"), "no cell 'NO' in library 'L'"),
        (file_of("(instance u (cellRef AND2))"), "there is no cell 'AND2'"),
        (file_of("(instance u (viewRef w (cellRef AND2 (libraryRef L))))"), "'AND2' has no such view"),
        (file_of("(instance (array u 3) (cellRef AND2 (libraryRef L)))"), "an array of instances"),
        (file_of("(instance u (cellRef AND2 (libraryRef L)))" * 2), "instance 'u' is there twice"),
        (file_of("(instance u (cellRef AND2 (libraryRef L)) (wat))"), "'wat' in an instance"),
        (file_of("(instance u (cellRef AND2 (libraryRef L)) (property p))"), "a property has no value"),
        (file_of("(instance u (cellRef AND2 (libraryRef L)) (property p (point 1 2)))"), "property 'p' is not read"),
        (file_of("(net)"), "a net has no name"),
        (file_of("(net n (wat))"), "'wat' in a net"),
        (file_of("(net n (joined (wat a)))"), "joins something else"),
        (file_of("(net n (joined (portRef no)))"), "has no port 'no'"),
        (file_of("(net n (joined (portRef A (instanceRef u))))"), "no instance 'u'"),
        (file_of("(net n (joined (portRef a (wat u))))"), "a way that is not read"),
        (file_of("(net n (joined (portRef x)))"), "net 'n' of 1 bits joins port 'x' of 4"),
        (file_of("(net n (joined (portRef (member x 4))))"), "port 'x' has no member 4"),
        (file_of("(net n (joined (portRef (member a 0))))"), "port 'a' has no member 0"),
        (file_of("(net n (joined (portRef a))) (net m (joined (portRef a)))"), "port 'a' is in two nets"),
        (file_of("(netBundle b (listOfNets (wat)))"), "something else than nets"),
        (file_of("").replace("(libraryRef W)", "(libraryRef V)"), "there is no cell 't'"),
        (file_of("").replace("(design t", "(design s (cellRef t)) (design t"), "a second design"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.line and caught.value.column
    assert caught.value.file and caught.value.expected and caught.value.remedy


def test_errors_say_where(tmp_path: Path) -> None:
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, file_of("\n  (net n\n   (joined (portRef a) (portRef no)))"))
    assert (caught.value.line, caught.value.column) == (11, 24)


def test_limits_are_named(tmp_path: Path) -> None:
    path = tmp_path / "f.edif"
    path.write_text(file_of("(instance u (cellRef AND2 (libraryRef L)))" + "(net nn) (net mmmmm)"))
    for limits in (
        ReadLimits(depth=4),
        ReadLimits(name_bytes=4),
        ReadLimits(width=3),
        ReadLimits(modules=1),
        ReadLimits(cells=0),
        ReadLimits(bits=1),
    ):
        with pytest.raises(LimitExceeded, match="ReadLimits"):
            read_edif(path, limits)
    path.write_text("(edif t (comment " + "(x " * 1_000_000)
    with pytest.raises(LimitExceeded, match="nested more than 200 deep"):
        read_edif(path)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), left=st.integers(0, 9), upto=st.booleans())
def test_what_yosys_writes_is_what_it_meant(tmp_path: Path, seed: int, left: int, upto: bool) -> None:
    bounds = f"[{left}:{left + 2}]" if upto else f"[{left + 2}:{left}]"
    index = [left, left + 1, left + 2]
    text = f"""module t(input {bounds} a, input b, output {bounds} y, output z);
assign y[{index[0]}] = a[{index[seed % 3]}] ^ b, y[{index[1]}] = a[{index[seed // 3 % 3]}] & ~a[{index[0]}];
assign y[{index[2]}] = b ? a[{index[2]}] : a[{index[1]}]; assign z = |a;
endmodule
"""
    (tmp_path / "f.v").write_text(text)
    # Without optimisation, so that every output is driven by gates.
    yosys(
        tmp_path,
        "read_verilog f.v",
        "hierarchy -top t",
        "simplemap",
        "opt_clean",
        "write_json f.json",
        "write_edif -pvector bra f.edif",
    )
    ours, theirs = read_edif(tmp_path / "f.edif").top_module, read_yosys_json(tmp_path / "f.json").top_module
    order = [port.name for port in theirs.ports]
    arranged = [next(port for port in ours.ports if port.name == name) for name in order]
    assert [(p.name, p.offset, p.upto) for p in arranged] == [(p.name, p.offset, p.upto) for p in theirs.ports]
    rearranged = Module(ours.name, ours.place, tuple(arranged), ours.nets, ours.cells, ours.bit_count, False)
    assert tables(rearranged) == tables(theirs)
