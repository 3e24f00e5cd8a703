from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.aiger import read_aiger, write_aiger
from sandgrain.netlist.aiger_format import UNINITIALISED, Aiger, write
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, ZERO, Module, X
from tests.netlist.formats import abc, module_shape, tables, yosys

COUNTER = b"""aag 7 2 1 2 4
2
4
6 8 0
6
7
8 4 10
10 13 15
12 2 6
14 3 7
i0 enable
i1 reset
o0 Q
o1 !Q
l0 Q
c
a comment
of two lines
"""


def save(tmp_path: Path, data: bytes, name: str = "f.aag") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def written(module: Module, *, binary: bool = True) -> bytes:
    stream = io.BytesIO()
    write_aiger(module, stream, binary=binary)
    return stream.getvalue()


def test_ascii_is_read(tmp_path: Path) -> None:
    module = read_aiger(save(tmp_path, COUNTER)).top_module
    assert module.name == "f"
    assert [(port.name, port.direction, port.bits.tolist()) for port in module.ports] == [
        ("enable", "input", [0]),
        ("reset", "input", [1]),
        ("Q", "output", [2]),
        ("!Q", "output", [8]),
    ]
    # Negated: 3, 7, 13, 15; each by one inverter.
    assert module.cells.count_by_type() == {"$_FF_": 1, "$_AND_": 4, "$_NOT_": 4}
    assert [(pin.name, pin.direction, pin.bits.tolist()) for pin in module.cells.pins(0)] == [
        ("D", INPUT, [3]),
        ("Q", OUTPUT, [2]),
    ]
    assert [pin.bits.tolist() for pin in module.cells.pins(1)] == [[1], [4], [3]]
    assert list(module.cells.names) == [
        "latch6", "and8", "and10", "and12", "and14", "not3", "not7", "not13", "not15",
    ]  # fmt: skip
    assert [place and place.line for place in (module.cells.place(i) for i in (0, 1, 4, 5))] == [4, 7, 10, None]
    net = module.nets.find("Q")
    assert net is not None and net.init == "0" and net.place is not None and net.place.line == 4


def test_reset_values_and_properties(tmp_path: Path) -> None:
    text = b"aag 5 1 3 1 1 2 1 2 1\n2\n4 2 0\n6 2 1\n8 2 8\n3\n4\n5\n6\n1\n2\n8\n9\n2\n0\n10 6 4\nb1 oops\nj1 live\n"
    module = read_aiger(save(tmp_path, text)).top_module
    inits = {net.name: net.init for net in module.nets}
    assert (inits["l0"], inits["l1"], inits["l2"]) == ("0", "1", None)
    kinds = {port.name: (port.width, module.nets.find(port.name)) for port in module.ports}
    assert {name: (width, dict(net.attributes) if net else None) for name, (width, net) in kinds.items()} == {
        "i0": (1, {}),
        "o0": (1, {}),
        "b0": (1, {"aiger": "bad"}),
        "oops": (1, {"aiger": "bad"}),
        "c0": (1, {"aiger": "constraint"}),
        "j0": (1, {"aiger": "justice"}),
        "live": (2, {"aiger": "justice"}),
        "f0": (1, {"aiger": "fairness"}),
    }
    assert module.port("f0").bits.tolist() == [ZERO]
    again = read_aiger(save(tmp_path, written(module, binary=False), "g.aag")).top_module
    assert again.ports[6].width == 2 and (found := again.nets.find("live")) and found.attributes == {"aiger": "justice"}


def test_binary_and_ascii_say_the_same(tmp_path: Path) -> None:
    plain = read_aiger(save(tmp_path, COUNTER)).top_module
    packed = written(plain)
    assert packed.startswith(b"aig 7 2 1 2 4\n")
    module = read_aiger(save(tmp_path, packed)).top_module
    text = read_aiger(save(tmp_path, written(plain, binary=False))).top_module
    assert module_shape(module) == module_shape(text)
    assert tables(module) == tables(plain)
    assert module.cells.place(0) is not None and module.cells.place(2) is None
    (tmp_path / "a.aig").write_bytes(packed)
    # Yosys gives up where a register and an output have one name.
    (tmp_path / "b.aag").write_bytes(COUNTER.replace(b"l0 Q\n", b""))
    yosys(tmp_path, "read_aiger b.aag", "write_aiger -symbols c.aig")
    assert "are equivalent" in abc("cec a.aig c.aig", tmp_path)


def test_names_that_are_taken_give_way(tmp_path: Path) -> None:
    text = b"aag 3 2 1 3 0\n2\n4\n6 2\n2\n4\n3\ni0 a\ni1 a\nl0 a\no0 a\no1 i1\no2 \xff\xc3\xa9\n"
    module = read_aiger(save(tmp_path, text)).top_module
    assert [port.name for port in module.ports] == ["a", "i1", "o0", "o1", "\\xff\u00e9"]
    assert [net.name for net in module.nets] == ["a", "i1", "o0", "o1", "\\xff\u00e9", "l0"]


def test_and_gates_of_an_ascii_file_may_come_in_any_order(tmp_path: Path) -> None:
    module = read_aiger(save(tmp_path, b"aag 9 1 0 1 2\n2\n4\n4 18 18\n18 2 1\n")).top_module
    assert tables(module) == {"o0": 2}
    deep = 20_000
    rows = "".join(f"{2 * i} {2 * i + 2} 1\n" for i in range(2, deep + 2))
    text = f"aag {deep + 2} 1 0 1 {deep}\n{2 * (deep + 2)}\n4\n{rows}"
    assert len(read_aiger(save(tmp_path, text.encode())).top_module.cells) == deep


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b"", "the file is empty", 1),
        (b"aag 1 1 0 0 0", "starts with", 1),
        (b"module x;\n", "starts with 'module x;'", 1),
        (b"aag 1 1 0 0\n", "starts with", 1),
        (b"aag 1 2 0 0 0\n2\n4\n", "speaks of 1 variables", 1),
        (b"aig 3 1 0 0 1\n\x02\x01", "speaks of 3 variables", 1),
        (b"aag 5000 1 0 0 4999\n2\n", "promises 5,000", 1),
        (b"aag 1 1 0 1 0\n2\n2", "ends after '2'", 3),
        (b"aag 1 1 0 1 0\n2x\n2\n", "'2x' is no number", 2),
        (b"aag 1 1 0 1 0\n2 2\n2\n", "'2 2' has 2 numbers", 2),
        (b"aag 1 1 0 1 0\n2\n4\n", "'4' is no literal", 3),
        (b"aag 1 1 0 1 0\n3\n2\n", "literal 3 is defined", 2),
        (b"aag 1 1 0 1 0\n0\n2\n", "literal 0 is defined", 2),
        (b"aag 2 2 0 0 0\n2\n2\n", "literal 2 is defined twice, first on line 2", 3),
        (b"aag 2 1 0 0 1\n2\n2 0 1\n", "literal 2 is defined twice", 3),
        (b"aag 2 1 0 1 0\n2\n4\n", "nothing defines variable 2", None),
        (b"aag 3 1 0 0 1\n2\n4 2 6\n", "nothing defines variable 3", 3),
        (b"aag 3 1 1 0 0\n2\n4 6\n", "nothing defines variable 3", 3),
        (b"aag 2 1 1 0 0\n2\n4 2 5\n", "reset to 5", 3),
        (b"aag 3 1 0 0 2\n2\n4 6 2\n6 5 2\n", "reads itself", 3),
        (b"aag 1 0 0 0 1\n2 2 2\n", "reads itself", 2),
        (b"aag 1 1 0 0 0 0 0 1\n2\n999\n\n\n\n\n", "promise 999 literals", 3),
        (b"aag 1 1 0 0 0\n2\nhello\n", "'hello' is no symbol", 3),
        (b"aag 1 1 0 0 0\n2\ni1 a\n", "names what does not exist", 3),
        (b"aag 1 1 0 0 0\n2\ni0 a\ni0 b\n", "named twice", 4),
        (b"aag 1 1 0 0 0\n2\ni0 ab", "cut short", 3),
        (b"aig 3 1 0 0 2\n\x02\x01\x02", "ends within and-gate 6", 2),
        (b"aig 2 1 0 0 1\n\x80\x80\x80\x80\x80\x01\x01", "too long", 2),
        (b"aig 2 1 0 0 1\n\x00\x01", "smaller than its own", 2),
        (b"aig 2 1 0 0 1\n\x05\x01", "smaller than its own", 2),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, data: bytes, message: str, line: int | None) -> None:
    with pytest.raises(NetlistError) as caught:
        read_aiger(save(tmp_path, data))
    assert message in str(caught.value)
    assert caught.value.line == line
    assert caught.value.file is not None and caught.value.expected and caught.value.remedy


def test_limits_are_named(tmp_path: Path) -> None:
    for limits, field in (
        (ReadLimits(cells=3), "cells"),
        (ReadLimits(width=1), "width"),
        (ReadLimits(name_bytes=4), "name_bytes"),
        (ReadLimits(file_bytes=10), "file_bytes"),
    ):
        with pytest.raises(LimitExceeded, match=f"ReadLimits.{field}"):
            read_aiger(save(tmp_path, COUNTER), limits)
    with pytest.raises(LimitExceeded, match="ReadLimits.width"):
        read_aiger(save(tmp_path, b"aig 1000000000 1000000000 0 0 0\n"))


def build(*cells: tuple[str, dict[str, int]], ports: str = "a:input b:input y:output") -> Module:
    """Nets 0, 1, 2, ... are the ports in order, then as many as are named in ``cells``."""
    builder = ModuleBuilder("m")
    for port in ports.split():
        name, direction = port.split(":")
        bits = builder.bits(1)
        builder.port(name, direction, bits)
        builder.net(name, bits)
    builder.bits(8)
    for index, (kind, pins) in enumerate(cells):
        directions = [(name, OUTPUT if name in "YQ" else INPUT, [bit]) for name, bit in pins.items()]
        builder.cell(kind, f"u{index}", directions)
    return builder.finish()


def test_what_nothing_defines_becomes_an_input(tmp_path: Path) -> None:
    module = build(("$_AND_", {"A": X, "B": 5, "Y": 2}))
    names = [port.name for port in read_aiger(save(tmp_path, written(module))).top_module.ports]
    assert names == ["a", "b", "n5", "x0", "y"]
    # Two unknown values need not be the same.
    module = build(("$_NOT_", {"A": X, "Y": 3}), ("$_AND_", {"A": X, "B": 3, "Y": 2}))
    assert tables(read_aiger(save(tmp_path, written(module))).top_module)["y"]


def test_the_clock_is_left_out(tmp_path: Path) -> None:
    module = build(("$_DFF_N_", {"C": 0, "D": 1, "Q": 3}), ("$_NOT_", {"A": 3, "Y": 4}), ("$_BUF_", {"A": 4, "Y": 2}))
    again = read_aiger(save(tmp_path, written(module))).top_module
    assert [port.name for port in again.ports] == ["b", "y"]
    assert tables(again) == {"y": 0b0011, "register 0": 0b1010}


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (build(("$_XOR_", {"A": 0, "B": 1, "Y": 2})), "'\\$_XOR_' is no and-gate"),
        (build(("$_AND_", {"A": 0, "Y": 2})), "has the pins A, Y"),
        (build(("$_NOT_", {"A": 0, "Y": 2}), ("$_NOT_", {"A": 1, "Y": 2})), "'y', which has another driver"),
        (build(("$_NOT_", {"A": 0, "Y": ONE})), "drives a constant"),
        (build(("$_NOT_", {"A": 0, "Y": 1})), "input 'b' is driven"),
        (build(("$_NOT_", {"A": 2, "Y": 2})), "'y' depends on itself"),
        (build(("$_NOT_", {"A": 3, "Y": 2}), ("$_AND_", {"A": 0, "B": 2, "Y": 3})), "depends on itself"),
        (build(ports="a:inout"), "inout"),
        (build(("$_DFF_P_", {"C": 0, "D": 1, "Q": 2}), ("$_DFF_N_", {"C": 0, "D": 1, "Q": 3})), "2 clocks"),
        (build(("$_DFF_P_", {"C": 0, "D": 0, "Q": 2})), "'a' is used as data"),
        (build(("$_DFF_P_", {"C": 3, "D": 0, "Q": 2}), ("$_NOT_", {"A": 1, "Y": 3})), "'n3' is no input port"),
        (build(("$_DFF_P_", {"C": X, "D": 0, "Q": 2})), "is no input port"),
        (build(("$_DFF_P_", {"C": 0, "D": 1, "Q": 2}), ("$_FF_", {"D": 1, "Q": 3})), "some none"),
    ],
)
def test_what_is_no_graph_is_not_written(module: Module, message: str) -> None:
    with pytest.raises(NetlistError, match=message):
        written(module)


def test_names_aiger_cannot_hold() -> None:
    builder = ModuleBuilder("m")
    builder.port("a\nb", "input", builder.bits(1))
    with pytest.raises(NetlistError, match="cannot be written as a name"):
        written(builder.finish())
    with pytest.raises(ValueError, match="numbered"):
        write(Aiger(inputs=np.array([4])), io.BytesIO(), binary=False)


@st.composite
def graphs(draw: st.DrawFn) -> Aiger:
    inputs, latches, ands = draw(st.integers(0, 4)), draw(st.integers(0, 3)), draw(st.integers(0, 300))
    first = 1 + inputs + latches
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    fanins = np.array([seed.integers(0, 2 * (first + i), 2) for i in range(ands)], np.int64).reshape(-1, 2)
    most = 2 * (first + ands)
    return Aiger(
        inputs=2 * np.arange(1, 1 + inputs),
        latches=2 * np.arange(1 + inputs, first),
        nexts=seed.integers(0, most, latches),
        resets=seed.integers(0, 1 + UNINITIALISED, latches).astype(np.int8),
        ands=2 * np.arange(first, first + ands),
        fanins=fanins,
        outputs=seed.integers(0, most, draw(st.integers(1, 4))),
    )


def power_up(module: Module) -> list[str | None]:
    """The reset value of every register."""
    inits = {int(net.bits[0]): net.init for net in module.nets if net.init}
    return [inits.get(int(module.cells.pin(cell, "Q")[0])) for cell in module.cells.of_type("$_FF_").tolist()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), binary=st.booleans())
def test_random_graphs_come_back_whole(tmp_path: Path, graph: Aiger, binary: bool) -> None:
    stream = io.BytesIO()
    write(graph, stream, binary=binary)
    module = read_aiger(save(tmp_path, stream.getvalue())).top_module
    again = read_aiger(save(tmp_path, written(module, binary=not binary))).top_module
    assert tables(again) == tables(module)
    assert power_up(again) == power_up(module)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs())
def test_abc_finds_no_difference(tmp_path: Path, graph: Aiger) -> None:
    # Combinational, since the checker compares registers by position only if none of them is dead.
    graph = Aiger(**{**vars(graph), "outputs": np.concatenate((graph.outputs, graph.nexts))})
    with (tmp_path / "a.aig").open("wb") as stream:
        write(graph, stream, binary=True)
    with (tmp_path / "b.aig").open("wb") as stream:
        write_aiger(read_aiger(tmp_path / "a.aig").top_module, stream)
    assert "Networks are equivalent" in abc("cec -n a.aig b.aig", tmp_path)
