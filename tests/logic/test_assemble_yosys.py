"""The network of a synthesised design does what Yosys says the design does, step by step."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sandgrain.logic.assemble import Clock, assemble
from sandgrain.netlist import ElaborationLimits, Module, read_yosys_json, run_yosys
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.link import link
from tests.logic.small_cells import Reading

SOURCE = """
module part(input c, input r, input s, input [1:0] d, output reg [1:0] q, output reg f);
  initial begin q = 2'b10; f = 0; end
  always @(posedge c or posedge r) if (r) q <= 2'b01; else q <= q + d;
  always @(negedge c or posedge r or posedge s) if (r) f <= 0; else if (s) f <= 1; else f <= d[1] & q[0];
endmodule
module top(input c, input r, input s, input [1:0] d, output [1:0] q, output reg p, output reg l, output f, output g);
  reg en; wire k = c & en; wire f2; wire [1:0] q2;
  initial begin en = 0; p = 1; l = 0; end
  part one(c, r, s, d, q, f);
  part two(.c(c), .r(s), .s(1'b0), .d({q[0], d[1]}), .q(q2), .f(f2));
  always @* if (!c) en = d[0] ^ q[1];
  always @(posedge k) p <= ~p ^ d[1];
  always @* if (r) l = 0; else if (s) l = q[0];
  assign g = f ^ l ^ p ^ f2 ^ q2[1];
endmodule
"""
PORTS = ["q", "p", "l", "f", "g"]


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The gates, and what ``clk2fflogic`` makes of them: one global clock, everything else data."""
    root = tmp_path_factory.mktemp("yosys")
    (root / "top.v").write_text(SOURCE)
    script: list[str | list[str]] = ["read_verilog top.v", "hierarchy -top top", "proc", "opt", "techmap", "opt_clean"]
    script += [
        ["write_json", "gates.json"],
        "flatten",
        "clk2fflogic",
        "techmap",
        "opt_clean",
        ["write_json", "steps.json"],
    ]
    run_yosys(script, cwd=root, limits=ElaborationLimits(), what="synthesising a test design")
    return root / "gates.json", root / "steps.json"


class YosysSteps:
    """A plain evaluator of what ``clk2fflogic`` writes."""

    def __init__(self, module: Module) -> None:
        self.module = module
        cells = module.cells
        self.driver = {}
        self.state = {}
        inits = {}
        for net in module.nets:
            for bit, value in zip(net.bits.tolist(), reversed(net.init or ""), strict=False):
                inits[bit] = int(value == "1")
        for cell in range(len(cells)):
            pins = {pin.name: int(pin.bits[0]) for pin in cells.pins(cell)}
            kind = cells.type_of(cell)
            if kind == "$_FF_":
                self.state[pins["Q"]] = (pins["D"], inits[pins["Q"]])
            elif kind != "$scopeinfo":
                self.driver[pins["Y"]] = (kind, pins)
        self.now = {q: init for q, (_, init) in self.state.items()}

    def step(self, inputs: dict[str, int]) -> dict[str, int]:
        values = {-1: 0, -2: 1, -3: 0, **self.now}  # what x is must not matter
        for port in self.module.ports:
            if port.direction == "input":
                values.update((bit, inputs[port.name] >> i & 1) for i, bit in enumerate(port.bits.tolist()))

        def of(bit: int) -> int:
            if bit not in values:
                kind, pins = self.driver[bit]
                a = of(pins["A"])
                b = of(pins["B"]) if "B" in pins else 0
                values[bit] = {
                    "$_AND_": a & b,
                    "$_OR_": a | b,
                    "$_XOR_": a ^ b,
                    "$_NOT_": 1 - a,
                    "$_MUX_": (b if of(pins["S"]) else a) if "S" in pins else 0,
                }[kind]
            return values[bit]

        shown = {
            port.name: sum(of(bit) << i for i, bit in enumerate(port.bits.tolist()))
            for port in self.module.ports
            if port.direction == "output"
        }
        self.now = {q: of(d) for q, (d, _) in self.state.items()}
        return shown


@pytest.mark.parametrize("mode", ["event", "cycle"])
def test_the_network_agrees_with_clk2fflogic(designs: tuple[Path, Path], mode: str) -> None:
    gates, steps = designs
    linked = link(read_yosys_json(gates, top="top"), {}, generic_cell)
    assert linked.black_boxes == {} and linked.depth == 2
    flat = flatten(linked)
    made = assemble(flat, linked.lookup, [Clock("c")], "event" if mode == "event" else "cycle")
    reading = Reading(made.network)
    plain = YosysSteps(read_yosys_json(steps, top="top").top_module)
    rng = random.Random(3)
    for _ in range(400):
        inputs = {
            "r": int(rng.random() < 0.1),
            "s": int(rng.random() < 0.2),
            "d": rng.randrange(4),
            "c": rng.randrange(2),
        }
        if mode == "cycle":
            inputs["c"] = 1
            plain.step(inputs)
            inputs["c"] = 0
        wanted = plain.step(inputs)
        bits = {
            bit: inputs[p.name] >> i & 1
            for p in flat.ports
            if p.name in inputs
            for i, bit in enumerate(p.bits.tolist())
        }
        reading.step([bits.get(bit, 1) for bit in made.input_bits.tolist()])
        got = {
            port.name: sum(reading.of(int(made.net_literals[bit])) << i for i, bit in enumerate(port.bits.tolist()))
            for port in flat.ports
            if port.name in PORTS
        }
        assert got == wanted
