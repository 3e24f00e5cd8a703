from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.aiger import read_aiger
from sandgrain.netlist.bench import read_bench
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, ZERO, Module
from tests.netlist.formats import abc, tables

S27 = """# s27
INPUT(G0)
INPUT(G1)
INPUT(G2)
INPUT(G3)

OUTPUT(G17)

G5 = DFF(G10)
G6 = DFF(G11)
G7 = DFF(G13)

G14 = NOT(G0)
G17 = NOT(G11)
G8 = AND(G14, G6)
G15 = OR(G12, G8)
G16 = OR(G3, G8)
G9 = NAND(G16, G15)
G10 = NOR(G14, G11)
G11 = NOR(G5, G9)
G12 = NOR(G1, G7)
G13 = NOR(G2, G12)
"""


def read(tmp_path: Path, text: str | bytes) -> Module:
    path = tmp_path / "f.bench"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_bench(path).top_module


def test_s27(tmp_path: Path) -> None:
    module = read(tmp_path, S27)
    assert [(port.name, port.direction) for port in module.ports] == [
        *((f"G{index}", "input") for index in range(4)),
        ("G17", "output"),
    ]
    assert module.cells.count_by_type() == {"$_FF_": 3, "not": 2, "and": 1, "or": 2, "nand": 1, "nor": 4}
    cell = module.cells.names.find("$nand$G9")
    pins = [(pin.name, pin.direction, module.nets[int(pin.bits[0])].name) for pin in module.cells.pins(cell)]
    assert pins == [("Y0", OUTPUT, "G9"), ("I0", INPUT, "G16"), ("I1", INPUT, "G15")]
    assert (place := module.cells.place(cell)) and place.line == 18
    abc("read_bench f.bench; strash; write_aiger -s a.aig", tmp_path)
    assert tables(read_aiger(tmp_path / "a.aig").top_module) == tables(module)


def test_the_dialects(tmp_path: Path) -> None:
    text = b"""INPUT( a[0] ) # comment
input(b)\r
OUTPUT(y)
  y=Xor ( a[0] ,b,
     one )
one = vdd
zero = gnd
z2 = GND()
n = LUT 0xe ( a[0], b )
k = LUT 0x1 ( )
p = BUFF(n)
i = INV(p)
q0 = DFF0(y)
q1 = dff1(y)
qx = DFFX(y)
\xff = and(a[0])
"""
    module = read(tmp_path, text)
    assert module.cells.count_by_type() == {"xor": 1, "buf": 5, "$lut": 1, "not": 1, "$_FF_": 3, "and": 1}
    bits = {name: module.cells.pin(module.cells.names.find(f"$buf${name}"), "I0").tolist() for name in ("one", "zero")}
    assert bits == {"one": [ONE], "zero": [ZERO]}
    lut = int(module.cells.of_type("$lut")[0])
    assert module.cells.parameters[lut] == {"LUT": "1110", "WIDTH": f"{2:032b}"}
    assert {net.name: net.init for net in module.nets if net.init} == {"q0": "0", "q1": "1"}
    assert [net.name for net in module.nets][-1] == "\\xff"


def test_a_port_may_be_input_and_output(tmp_path: Path) -> None:
    assert [port.direction for port in read(tmp_path, "INPUT(a)\nOUTPUT(a)").ports] == ["inout"]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "no inputs and no outputs", 1, None),
        ("# c\nhello\n", "'hello' starts no statement", 2, 1),
        ("INPUT(a)\n  a b c\n", "'a b c' is no statement", 2, 3),
        ("INPUT(a\n", "'INPUT(a' is no statement", 1, 1),
        ("INPUT(a)\nINPUT(a)\n", "input 'a' is declared twice, first on line 1", 2, 7),
        ("OUTPUT(a)\nOUTPUT(a)\n", "output 'a' is declared twice", 2, 8),
        ("INPUT(a, b)\n", "'INPUT' starts no statement", 1, 1),
        ("INPUT(a)\na = NOT(a)\n", "'a' has two drivers, the other on line 1", 2, 1),
        ("INPUT(a)\ny = NOT(a)\ny = NOT(a)\n", "'y' has two drivers, the other on line 2", 3, 1),
        ("INPUT(a)\ny = FOO(a)\n", "'FOO' is no function", 2, 5),
        ("INPUT(a)\ny = a\n", "'a' has no arguments", 2, 5),
        ("INPUT(a)\ny = NOT(a, a)\n", "'NOT' has 2 inputs", 2, 5),
        ("INPUT(a)\ny = AND()\n", "'AND' has 0 inputs", 2, 5),
        ("INPUT(a)\ny = AND(a,,a)\n", "is no list of names", 2, None),
        ("INPUT(a)\ny = AND(a a)\n", "is no list of names", 2, None),
        ("INPUT(a)\ny = DFF(a, a)\n", "'DFF' has 2 inputs", 2, 5),
        ("INPUT(a)\ny = AND 0x3 (a)\n", "'0x3' does not belong", 2, 9),
        ("INPUT(a)\ny = LUT 0x4 (a)\n", "'0x4' has more entries than 1", 2, 9),
        ("INPUT(a)\ny = DFFRSE(a, gnd, gnd, a, gnd)\n", "'DFFRSE' is no function", 2, 5),
        ("INPUT(a)\ny = LUT (a)\n", "'LUT' is no function", 2, 5),
        ("INPUT(a)\n\ny = NOT(bb)\n", "'bb' is used but nothing drives it", 3, 9),
        ("OUTPUT(y)\n", "'y' is used but nothing drives it", 1, 8),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, message: str, line: int, column: int | None) -> None:
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.file and caught.value.expected and caught.value.remedy


def test_limits_are_named(tmp_path: Path) -> None:
    path = tmp_path / "f.bench"
    path.write_text(S27)
    for limits in (ReadLimits(cells=3), ReadLimits(bits=3), ReadLimits(name_bytes=2)):
        with pytest.raises(LimitExceeded, match="ReadLimits"):
            read_bench(path, limits)
    with pytest.raises(LimitExceeded, match="21 inputs"):
        read(tmp_path, f"INPUT(a)\ny = LUT 0x1 ({', '.join(['a'] * 21)})\n")


@st.composite
def circuits(draw: st.DrawFn) -> str:
    names = [f"i{index}" for index in range(draw(st.integers(1, 4)))]
    lines = [f"INPUT({name})" for name in names]
    for index in range(draw(st.integers(1, 10))):
        kind = draw(st.sampled_from(["AND", "NAND", "OR", "NOR", "XOR", "XNOR", "NOT", "BUFF", "LUT"]))
        # What ABC does not survive: the same input twice, a parity of three.
        most = {"NOT": 1, "BUFF": 1, "XOR": 2, "XNOR": 2}.get(kind, 4)
        read = draw(st.permutations(names))[: draw(st.integers(1 if most == 1 else 2, most))]
        if kind == "LUT":
            # Nor a constant of one input.
            value = draw(st.integers(1, 2) if len(read) == 1 else st.integers(0, (1 << (1 << len(read))) - 1))
            kind = f"LUT 0x{value:0{max(1, (1 << len(read)) // 4)}x} "
        elif len(read) == 1 and most > 1:
            kind = "BUFF"
        lines.append(f"n{index} = {kind}({', '.join(read)})")
        names.append(f"n{index}")
    lines += [f"OUTPUT({name})" for name in names if name.startswith("n")]
    return "\n".join(lines) + "\n"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=circuits())
def test_abc_computes_the_same(tmp_path: Path, text: str) -> None:
    module = read(tmp_path, text)
    (tmp_path / "a.aig").unlink(missing_ok=True)
    abc("read_bench f.bench; strash; write_aiger -s a.aig", tmp_path)
    assert tables(read_aiger(tmp_path / "a.aig").top_module) == tables(module)


def test_what_abc_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "g.bench").write_text(S27)
    abc("read_bench g.bench; strash; write_bench -l f.bench; if -K 4; write_bench h.bench", tmp_path)
    module = read_bench(tmp_path / "f.bench").top_module
    mapped = read_bench(tmp_path / "h.bench").top_module
    assert "$lut" in mapped.cells.count_by_type()
    plain = tables(read_bench(tmp_path / "g.bench").top_module)
    assert list(tables(module).values()) == list(plain.values()) == list(tables(mapped).values())
