"""Structural Verilog is read as written: against Yosys, against the full grammar alone, and message by message."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError, SandgrainError
from sandgrain.netlist import ElaborationLimits, Module, read_yosys_json, run_yosys
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import ONE, ZERO, X, Z
from sandgrain.netlist.verilog import VerilogSource, read_verilog, read_verilog_text
from tests.netlist.verilog.texts import connectivity, structural

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def read(text: str, *, compiled: bool = True, limits: ReadLimits | None = None, **defines: str) -> VerilogSource:
    return read_verilog_text(text.encode(), "n.v", limits, defines=defines, compiled=compiled)


def top(text: str, *, compiled: bool = True) -> Module:
    return read(text, compiled=compiled).netlist("top").top_module


def pins(module: Module, cell: int = 0) -> dict[str, list[int]]:
    return {pin.name: pin.bits.tolist() for pin in module.cells.pins(cell)}


def net(module: Module, name: str) -> list[int]:
    found = module.nets.find(name)
    assert found is not None
    return [int(bit) for bit in found.bits]


@pytest.mark.parametrize("compiled", [True, False])
def test_vectors_selects_concatenations_and_constants(compiled: bool) -> None:
    module = top(
        """
        module top (a, y);
          input [7:4] a; output [0:3] y; wire [3:0] \\w[0] ;
          cell u0 (.A(a[5]), .B({a[7:6], 1'b1, y[0]}), .C(4'b1x0z), .D(\\w[0] [2]), .E(), .F({2{a[4]}}), .G(8'hx));
          nand g1 (y[1], a[4], a[7]), g2 (y[2], 1'b0, 1'b1);
          not g3 (y[3], y[0], a[6]);
        endmodule""",
        compiled=compiled,
    )
    a, y, w = net(module, "a"), net(module, "y"), net(module, "w[0]")
    assert pins(module) == {
        "A": [a[1]],
        "B": [y[3], ONE, a[2], a[3]],
        "C": [Z, ZERO, X, ONE],
        "D": [w[2]],
        "E": [],
        "F": [a[0], a[0]],
        "G": [X] * 8,
    }
    assert pins(module, 1) == {"Y0": [y[2]], "I0": [a[0]], "I1": [a[3]]}
    assert pins(module, 2) == {"Y0": [y[1]], "I0": [ZERO], "I1": [ONE]}
    assert pins(module, 3) == {"Y0": [y[0]], "Y1": [y[3]], "I0": [a[2]]}
    assert [module.nets[0].bit_name(index) for index in range(4)] == ["a[4]", "a[5]", "a[6]", "a[7]"]
    assert module.port("y").upto and module.port("y").offset == 0
    assert [place.line if place else 0 for place in map(module.cells.place, range(4))] == [4, 5, 5, 6]


@pytest.mark.parametrize("compiled", [True, False])
def test_assignments_join_nets_and_supplies_are_constants(compiled: bool) -> None:
    module = top(
        """module top (input a, output y, output [1:0] z);
             supply0 gnd; supply1 vdd; wire w;
             assign w = a, y = w;
             assign z = {vdd, gnd};
             cell u0 (.A(gnd), .B(w), .C(implied));
           endmodule""",
        compiled=compiled,
    )
    assert module.port("y").bits.tolist() == module.port("a").bits.tolist() == net(module, "w")
    assert module.port("z").bits.tolist() == [ZERO, ONE]
    assert pins(module)["A"] == [ZERO] and pins(module)["B"] == net(module, "w")
    assert pins(module)["C"] == net(module, "implied")


def test_logic_in_assignments_becomes_gates() -> None:
    module = top(
        "module top (input [1:0] a, input s, output [1:0] y); assign y = s ? ~a : a & 2'b01 | {2{s}}; endmodule"
    )
    kinds = module.cells.count_by_type()
    assert kinds == {"$_NOT_": 2, "$_AND_": 2, "$_OR_": 2, "$_MUX_": 2}


def test_parameters_and_defparam() -> None:
    module = top(
        """module top (output y); parameter W = 3; localparam V = W * (2 + 1) - 1; wire [V:0] w;
             lut #(.INIT(16'h8000), .MODE("FAST"), .N(W)) u0 (.O(y), .I(w[V]));
             lut u1 (.O(w[0])); defparam u1.INIT = 4'b01x1;
           endmodule"""
    )
    assert module.cells.parameters[0] == {"INIT": "1000000000000000", "MODE": "FAST", "N": 3}
    assert module.cells.parameters[1] == {"INIT": "01x1"}
    assert len(net(module, "w")) == 9


def test_ports_that_are_expressions() -> None:
    module = top("module top (.x(w[1]), .y({w[0], v})); output [1:0] w; output v; cell u0 (w, v); endmodule")
    w = net(module, "w")
    assert module.port("x").bits.tolist() == [w[1]]
    assert module.port("y").bits.tolist() == [net(module, "v")[0], w[0]]
    assert pins(module) == {"#0": w, "#1": net(module, "v")}


def test_specify_blocks_and_primitives_are_set_apart() -> None:
    source = read(
        """primitive p (y, a); output y; input a; table 0 : 1; 1 : 0; endtable endprimitive
           module top (y, a); output y; input a; p #1 (y, a); specify (a => y) = 1; endspecify endmodule"""
    )
    assert source.primitives["p"].text.startswith("primitive p") and "endtable" in source.primitives["p"].text
    assert source.modules["top"].cells.type_names == ("p",)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(structural())
def test_the_compiled_reader_agrees_with_the_full_grammar(text: str) -> None:
    fast, slow = read(text), read(text, compiled=False)
    for name, module in fast.modules.items():
        other = slow.modules[name]
        assert connectivity(module) == connectivity(other)
        assert module.bit_count == other.bit_count
        assert list(module.nets.names) == list(other.nets.names)
        assert np.array_equal(module.nets.bits, other.nets.bits)
        assert np.array_equal(module.nets.places.lines, other.nets.places.lines)
        assert np.array_equal(module.cells.places.lines, other.cells.places.lines)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(structural(attributes=False), min_size=8, max_size=8))
def test_yosys_reads_the_same(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    root = tmp_path_factory.mktemp("v")
    script: list[str | list[str]] = []
    for index, text in enumerate(texts):
        (root / f"{index}.v").write_text(text)
        script += ["design -reset", f"read_verilog {index}.v", f"write_json {index}.json"]
    run_yosys(script, cwd=root, limits=ElaborationLimits(), what="reading")
    for index, text in enumerate(texts):
        theirs = read_yosys_json(root / f"{index}.json", top="top").top_module
        ours = read(text).modules["top"]
        positional = {f"#{position}": port.name for position, port in enumerate(read(text).modules["leaf"].ports)}
        assert _partition(ours, positional) == _partition(theirs, {"$1": "p0", "$2": "p1", "$3": "p2", "$4": "p3"})


def _partition(module: Module, positional: dict[str, str]) -> set[frozenset[tuple[object, ...]]]:
    groups: dict[int, set[tuple[object, ...]]] = {}
    for port in module.ports:
        for index, bit in enumerate(port.bits.tolist()):
            groups.setdefault(bit, set()).add(("port", port.name, index))
    cells = module.cells
    for cell in range(len(cells)):
        for pin in cells.pins(cell):
            for index, bit in enumerate(pin.bits.tolist()):
                groups.setdefault(bit, set()).add((cells.names[cell], positional.get(pin.name, pin.name), index))
    return {frozenset(group) for bit, group in groups.items() if bit >= 0}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("module top (a); input a; always @(posedge a) b = 1; endmodule", 1, "'always' describes behaviour"),
        ("module top (a);\n input a;\n cell u (.A(b[1]));\nendmodule", 3, "'b' is not declared"),
        ("module top (a);\n input a;\n cell u (.A(a), .A(a));\nendmodule", 3, "connected twice"),
        ("module top (a);\n input [3:0] a;\n cell u (.A(a[4]));\nendmodule", 3, "outside of the net"),
        ("module top (a);\n input a;\n wire [1:0] a;\nendmodule", 3, "declared before"),
        ("module top (a);\n wire a;\nendmodule", 1, "no direction"),
        ("module top (a);\n input a, b;\nendmodule", 2, "is no port"),
        ("module top (a);\n input a; assign a = 1'b0;\nendmodule", 2, "an input port"),
        ("module top (a);\n output a;\n assign a = 1'b0;\n assign a = 1'b1;\nendmodule", 4, "assigned already"),
        ("module top (a);\n input a;\n cell u (.A(a)\nendmodule", 4, "unexpected 'endmodule'"),
        ("module top (a);\n input a;\n cell u (a);", 3, "the text ends in the module"),
        ("module top (a);\n input a;\n nand g (a);\nendmodule", 3, "nand with 1 pins"),
        ("module top (a);\n input [1:0] a;\n not g (w, a);\nendmodule", 3, "pin I0 of 'g'"),
        ("module top (a);\n input a;\n /* open", 3, "not closed"),
        ("module top (a);\n input a;\n cell u (.A(`FOO));\nendmodule", 3, "`FOO is not defined"),
        ("`ifdef A\nmodule top; endmodule", 1, "not closed"),
        ("`define M(x) x\nmodule top (a);\n input a;\n cell u (.A(`M(a)));\nendmodule", 4, "takes arguments"),
        ("module top; endmodule\nmodule top (a); input a; endmodule", 2, "described twice (first at n.v:1)"),
        ("module top (a); input a; cell u (a.b); endmodule", 1, "unexpected '.'"),
        ("module top (a); input a; cell u [3:0] (a); endmodule", 1, "an array of instances"),
        ("module top (a); input a; wire b [3:0]; endmodule", 1, "unexpected '['"),
        ("garbage", 1, "unexpected 'garbage'"),
        ("", None, "describes no module"),
    ],
)
@pytest.mark.parametrize("compiled", [True, False])
def test_errors_name_the_place(text: str, line: int | None, said: str, compiled: bool) -> None:
    with pytest.raises(NetlistError) as raised:
        read(text, compiled=compiled)
    assert said in raised.value.what
    assert raised.value.line == line
    assert raised.value.file == "n.v" and raised.value.expected


def test_limits_are_named() -> None:
    deep = "module top (y, a); output y; input a; assign y = " + "(" * 500 + "a" + ")" * 500 + "; endmodule"
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.depth"):
        read(deep)
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.depth"):
        read(deep.replace("(" * 500, "~" * 1_000_000))
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.width"):
        read("module top (a); input [99999999:0] a; endmodule")
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.width"):
        read("module top (a); input a; cell u ({100000{ {100000{a}} }}); endmodule")
    with pytest.raises(NetlistError, match=r"ReadLimits\.name_bytes"):
        read(f"module top (a); input a; cell {'u' * 5000} (a); endmodule")
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.cells"):
        read("module top (a); input a; c u0 (a); c u1 (a); endmodule", limits=ReadLimits(cells=1))
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.modules"):
        read("module a; endmodule module b; endmodule", limits=ReadLimits(modules=1))


SAMPLE = b"""`timescale 1ns/1ps
module leaf (p, q); input [1:0] p; output q; endmodule
(* top *) module top (a, \\y[0] ); // a comment
  input [1:0] a; output \\y[0] ; supply0 g; wire w, v;
  leaf #(.N(2'b1x)) u0 (.p({a[0], 1'b1}), .q(w)); /* another */
  nand #1 (v, w, a[1]); assign \\y[0] = v & ~w;
endmodule
"""


def test_every_truncation_is_refused_or_read() -> None:
    for length in range(len(SAMPLE)):
        try:
            read_verilog_text(SAMPLE[:length], "n.v")
        except SandgrainError:
            continue
        assert SAMPLE[:length].rstrip().endswith((b"endmodule", b"(* top *)")), SAMPLE[:length]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_raise_nothing_else(flips: list[tuple[int, int]]) -> None:
    text = bytearray(SAMPLE)
    for position, value in flips:
        text[position] = value
    for compiled in (True, False):
        try:
            read_verilog_text(bytes(text), "n.v", compiled=compiled)
        except SandgrainError as error:
            assert error.file == "n.v"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_else(text: bytes) -> None:
    for compiled in (True, False):
        with pytest.raises(SandgrainError):
            read_verilog_text(b"module top (a); " + text, "n.v", compiled=compiled)


def test_compressed_files(tmp_path: Path) -> None:
    for name, packed in (
        ("n.v.gz", gzip.compress(SAMPLE)),
        ("n.v.xz", lzma.compress(SAMPLE)),
        ("n.v.zst", zstandard.compress(SAMPLE)),
    ):
        path = tmp_path / name
        path.write_bytes(packed)
        assert set(read_verilog([path]).modules) == {"leaf", "top"}
        path.write_bytes(packed[:-9])
        with pytest.raises(NetlistError):
            read_verilog([path])
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b" " * (64 << 20)))
    with pytest.raises(LimitExceeded, match=r"ReadLimits\.expansion"):
        read_verilog([bomb], ReadLimits(expansion=100))


def test_tables_grow_and_names_survive() -> None:
    cells = 20_000
    text = "module top (a);\n input a;\n" + "".join(f" c{i % 7} u{i} (.A(w{i}), .B(w{i + 1}));\n" for i in range(cells))
    module = top(text + "endmodule")
    assert len(module.cells) == cells and len(module.nets) == cells + 2
    assert module.cells.names[cells - 1] == f"u{cells - 1}"
    place = module.cells.place(cells - 1)
    assert place is not None and place.line == cells + 2
    assert pins(module, 17)["B"] == pins(module, 18)["A"] == net(module, "w18")


@pytest.mark.skipif(not DATA.is_dir(), reason="the development netlists are not here")
def test_real_netlists() -> None:
    files = sorted(DATA.rglob("*.v"))
    assert len(files) > 15
    for path in files:
        source = read_verilog([path])
        assert sum(len(module.cells) for module in source.modules.values()) > 0 or path.name == "ports.v"
    unusual = [said for _, said in read_verilog([DATA / "trusthub" / "ports.v"]).unusual]
    assert any("comma is missing" in said for said in unusual)
