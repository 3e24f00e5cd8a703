from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sandgrain.errors import NetlistError
from sandgrain.logic.aiger_out import write_network_aiger
from sandgrain.logic.build import ClockEdge, build
from sandgrain.logic.model import InputBit, LatchBit, Model, PortBits
from sandgrain.logic.network import FREE_INPUT, PORT_INPUT, UNKNOWN, Network
from sandgrain.netlist import read_yosys_json
from sandgrain.netlist.aiger import read_aiger, write_aiger
from tests.netlist.formats import abc, tables, yosys


def small(latch: str = "q") -> Model:
    """Variables: 1 a, 2 free, 3 and 4 latches, 5 = a & ~free, 6 = ~5 & latch."""
    return Model(
        network=Network(
            input_kinds=np.array([PORT_INPUT, FREE_INPUT], np.uint8),
            latch_next=np.array([12, 3], np.uint32),
            latch_init=np.array([1, UNKNOWN], np.uint8),
            fanin0=np.array([2, 6], np.uint32),
            fanin1=np.array([5, 11], np.uint32),
        ),
        inputs=(InputBit("a", 0, "a[0]"), InputBit(None, 0, "x")),
        latches=(LatchBit(latch, None), LatchBit("", None)),
        outputs={"served": 13},
        ports=(
            PortBits("a", "input", np.array([2], np.uint32)),
            PortBits("y", "output", np.array([10, 1], np.uint32)),
            PortBits("z", "output", np.array([6], np.uint32)),
        ),
    )


def written(model: Model, *, binary: bool = True) -> bytes:
    stream = io.BytesIO()
    write_network_aiger(model, stream, binary=binary)
    return stream.getvalue()


def test_ascii() -> None:
    assert written(small(), binary=False).decode().splitlines() == [
        "aag 6 2 2 4 2", "2", "4", "6 12 1", "8 3 8", "10", "1", "6", "13", "10 5 2", "12 11 6",
        "i0 a", "i1 x", "l0 q", "o0 y[0]", "o1 y[1]", "o2 z", "o3 served",
    ]  # fmt: skip


def test_binary_says_the_same(tmp_path: Path) -> None:
    found = []
    for binary in (False, True):
        path = tmp_path / f"f{binary}"
        path.write_bytes(written(small(), binary=binary))
        found.append(read_aiger(path).top_module)
    assert tables(found[0]) == tables(found[1])
    assert [net.init for net in found[1].nets if net.name in {"q", "l1"}] == ["1", None]


def test_names_of_several_lines_are_refused() -> None:
    with pytest.raises(NetlistError, match="cannot be written as a name"):
        written(small("a\nb"))


def test_the_model_is_the_design(tmp_path: Path) -> None:
    (tmp_path / "f.v").write_text(
        """module t(input clk, input [7:0] a, b, input s, output reg [7:0] y, output [8:0] z);
        initial y = 8'h5a; assign z = a + b + y; always @(posedge clk) y <= s ? a * b : y ^ a; endmodule"""
    )
    yosys(
        tmp_path,
        "read_verilog f.v",
        "synth -flatten -top t",
        "dfflegalize -cell $_DFF_P_ 01",
        "aigmap",
        "clean",
        "write_json f.json",
        "write_aiger -symbols theirs.aig",
    )
    module = read_yosys_json(tmp_path / "f.json").top_module
    model = build(module, ClockEdge("clk", "rising"), {}).model
    (tmp_path / "ours.aig").write_bytes(written(model))
    theirs = read_aiger(tmp_path / "theirs.aig").top_module
    # Yosys lists the clock, which nothing reads.
    theirs = replace(theirs, ports=tuple(port for port in theirs.ports if port.name != "clk"))
    ours = read_aiger(tmp_path / "ours.aig").top_module
    assert sorted(port.name for port in ours.ports) == sorted(port.name for port in theirs.ports)
    with (tmp_path / "theirs.aig").open("wb") as stream:
        write_aiger(theirs, stream)
    assert "are equivalent" in abc("cec ours.aig theirs.aig", tmp_path)
