"""A case statement means what simulation says: the first item that matches wins, whatever promise stands before it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sandgrain.logic.build import ClockEdge, build
from sandgrain.logic.simulate import Simulator, read
from sandgrain.netlist import Design, elaborate
from sandgrain.submission import parse

BODIES: dict[str, tuple[str, Callable[[int, int, int], int]]] = {
    "item equal to the default": ("k: y = 0; r: y = c; default: y = 0;", lambda k, r, c: 0 if k else c if r else 0),
    "equal in the middle": (
        "k: y = 1; r: y = 0; c: y = 1; default: y = 0;",
        lambda k, r, c: 1 if k else 0 if r else 1 if c else 0,
    ),
    "all different": (
        "k: y = ~c; r: y = c; c: y = 0; default: y = 1;",
        lambda k, r, c: 1 - c if k else c if r else 0 if c else 1,
    ),
}


@pytest.mark.parametrize("promise", ["", "(* parallel_case *)", "(* parallel_case, full_case *)"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("unknown", [False, True], ids=["slang", "verilog"])
def test_first_match_wins(tmp_path: Path, promise: str, body: str, stored: bool, unknown: bool) -> None:
    """An unknown module is only taken by Yosys' own reader."""
    text, expected = BODIES[body]
    always = "always @(posedge clk)" if stored else "always @*"
    assign = text.replace("y =", "y <=") if stored else text
    instance = "nowhere u(.a(k));" if unknown else ""
    (tmp_path / "t.v").write_text(
        f"module top(input clk, input k, input r, input c, output reg y);\n{instance}\n"
        f"{always} {promise} case (1'b1) {assign} endcase\nendmodule\n"
    )
    elaborated = elaborate(Design(root=tmp_path, sources=("t.v",), top="top"))
    assert elaborated.frontend == ("verilog" if unknown else "slang")
    model = build(elaborated.gates.top_module, ClockEdge("clk", "rising"), {"y": parse("y")}).model
    simulator = Simulator(model.network, 1)
    index = model.input_index()
    for k, r, c in itertools.product((0, 1), repeat=3):
        simulator.inputs[:] = 0
        for port, value in (("k", k), ("r", r), ("c", c)):
            simulator.inputs[index[port, 0]] = np.uint64(value)
        for _ in range(2):
            simulator.evaluate()
            seen = int(read(simulator.values, np.array([model.outputs["y"]], np.uint32))[0, 0]) & 1
            simulator.clock()
        assert seen == expected(k, r, c), (k, r, c)
