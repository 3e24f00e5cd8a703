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
@pytest.mark.parametrize("unknown", [False, True], ids=["slang", "verilog"])
def test_first_match_wins(tmp_path: Path, promise: str, unknown: bool) -> None:
    """An unknown module is only taken by Yosys' own reader."""
    blocks: list[str] = []
    expected: list[Callable[[int, int, int], int]] = []
    for always, assign in (("always @*", "="), ("always @(posedge clk)", "<=")):
        for text, wanted in BODIES.values():
            items = text.replace("y =", f"y[{len(expected)}] {assign}")
            blocks.append(f"{always} {promise} case (1'b1) {items} endcase")
            expected.append(wanted)
    instance = "nowhere u(.a(k));" if unknown else ""
    (tmp_path / "t.v").write_text(
        "\n".join(
            ["module top(input clk, input k, input r, input c, output reg [5:0] y);", instance, *blocks, "endmodule"]
        )
    )
    elaborated = elaborate(Design(root=tmp_path, sources=("t.v",), top="top"))
    assert elaborated.frontend == ("verilog" if unknown else "slang")
    outputs = [f"y[{at}]" for at in range(len(expected))]
    model = build(
        elaborated.gates.top_module, ClockEdge("clk", "rising"), {name: parse(name) for name in outputs}
    ).model
    simulator = Simulator(model.network, 1)
    index = model.input_index()
    for k, r, c in itertools.product((0, 1), repeat=3):
        simulator.inputs[:] = 0
        for port, value in (("k", k), ("r", r), ("c", c)):
            simulator.inputs[index[port, 0]] = np.uint64(value)
        for _ in range(2):
            simulator.evaluate()
            seen = read(simulator.values, np.array([model.outputs[name] for name in outputs], np.uint32))[:, 0]
            simulator.clock()
        assert (seen & np.uint64(1)).tolist() == [wanted(k, r, c) for wanted in expected], (k, r, c)
