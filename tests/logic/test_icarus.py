"""Delivered netlists step as Icarus Verilog steps them with simulation models of their cells."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from sandgrain.logic.assemble import assemble
from sandgrain.logic.simulate import Ternary, run
from sandgrain.logic.stimuli import Drive, Stimuli, Unknown, Values
from sandgrain.netlist import Module
from sandgrain.netlist.facts import gather
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.library import read_library
from sandgrain.netlist.link import link
from sandgrain.netlist.read import read_netlist
from sandgrain.netlist.signatures import CellLookup
from tests.netlist.icarus import run_icarus
from tests.netlist.sky130 import DEFINES, sky130_models

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CYCLES = 200
TAPED_OUT = {"tt_um_test.nl.v": False, "tt_um_test.v": True, "tt_um_MichaelBell_hovalaag.v": True}
"""The taped-out netlists, and whether their cells have supply pins."""
ACTIVE_LOW = {"rst_n": 3, "sys_rst_l": 3, "n1": 3}
"""Inputs that are mostly 1, and for how many cycles they are 0 first, in whatever netlist has them."""
ACTIVE_HIGH = ("test_se", "test_mode", "TM")
"""Inputs that are mostly 0."""
SUPPLIES = {"vccd1": 1, "vssd1": 0}

EXTRA = """
module sky130_ef_sc_hd__decap_12 (inout VPWR, VGND, VPB, VNB); endmodule
"""
# Written from the names of the cells alone, without the table they are to confirm.
MODELS = """
module dff (input RN, SN, CK, D, output reg Q);
  always @(posedge CK or negedge RN or negedge SN) if (!RN) Q <= 0; else if (!SN) Q <= 1; else Q <= D;
endmodule
module BUFX1_RS (input A, output Y); assign Y = A; endmodule
module INVX1_RS (input A, output Y); assign Y = ~A; endmodule
module AND2X1_RS (input A, B, output Y); assign Y = A & B; endmodule
module OR2X1_RS (input A, B, output Y); assign Y = A | B; endmodule
module OR4X1_RS (input A, B, C, D, output Y); assign Y = A | B | C | D; endmodule
module NAND2X1_RS (input A, B, output Y); assign Y = ~(A & B); endmodule
module NAND3X1_RS (input A, B, C, output Y); assign Y = ~(A & B & C); endmodule
module NAND4X1_RS (input A, B, C, D, output Y); assign Y = ~(A & B & C & D); endmodule
module NOR2X1_RS (input A, B, output Y); assign Y = ~(A | B); endmodule
module XOR2X1_RS (input A, B, output Y); assign Y = A ^ B; endmodule
module AOI21X1_RS (input A0, A1, B0, output Y); assign Y = ~((A0 & A1) | B0); endmodule
module OAI21X1_RS (input A0, A1, B0, output Y); assign Y = ~((A0 | A1) & B0); endmodule
module AOI22X1_RS (input A0, A1, B0, B1, output Y); assign Y = ~((A0 & A1) | (B0 & B1)); endmodule
module MX2X1_RS (input A, B, S0, output Y); assign Y = S0 ? B : A; endmodule
module SDFFSRX1_RS (input D, SI, SE, CK, SN, RN, output reg Q, output QN);
  assign QN = ~Q;
  always @(posedge CK or negedge SN or negedge RN)
    if (!RN) Q <= 0; else if (!SN) Q <= 1; else Q <= SE ? SI : D;
endmodule
module SDFFSRX1 (input D, SI, SE, CK, SN, RN, output Q, QN);
  SDFFSRX1_RS f (D, SI, SE, CK, SN, RN, Q, QN);
endmodule
module NBUFFX2 (input IN, output Q); assign Q = IN; endmodule
module INVX0 (input IN, output QN); assign QN = ~IN; endmodule
module AND2X1 (input IN1, IN2, output Q); assign Q = IN1 & IN2; endmodule
module AND3X1 (input IN1, IN2, IN3, output Q); assign Q = IN1 & IN2 & IN3; endmodule
module NAND2X0 (input IN1, IN2, output QN); assign QN = ~(IN1 & IN2); endmodule
module NOR2X0 (input IN1, IN2, output QN); assign QN = ~(IN1 | IN2); endmodule
module NOR4X0 (input IN1, IN2, IN3, IN4, output QN); assign QN = ~(IN1 | IN2 | IN3 | IN4); endmodule
module XNOR2X1 (input IN1, IN2, output Q); assign Q = ~(IN1 ^ IN2); endmodule
module XOR3X1 (input IN1, IN2, IN3, output Q); assign Q = IN1 ^ IN2 ^ IN3; endmodule
module XNOR3X1 (input IN1, IN2, IN3, output Q); assign Q = ~(IN1 ^ IN2 ^ IN3); endmodule
module AO22X1 (input IN1, IN2, IN3, IN4, output Q); assign Q = (IN1 & IN2) | (IN3 & IN4); endmodule
module AO221X1 (input IN1, IN2, IN3, IN4, IN5, output Q); assign Q = (IN1 & IN2) | (IN3 & IN4) | IN5; endmodule
module MUX21X1 (input IN1, IN2, S, output Q); assign Q = S ? IN2 : IN1; endmodule
module ISOLANDX1 (input D, ISO, output Q); assign Q = D & ~ISO; endmodule
module DFFX2 (input CLK, D, output reg Q, output QN); assign QN = ~Q; always @(posedge CK_) Q <= D; wire CK_ = CLK;
endmodule
module SDFFX1 (input D, SI, SE, CLK, output reg Q, output QN);
  assign QN = ~Q; always @(posedge CLK) Q <= SE ? SI : D;
endmodule
"""


def stimuli(module: Module, clock: str | None, seed: int) -> dict[str, list[str]]:
    """A random value for every input in every cycle, resets and scan enables mostly at rest."""
    choose = random.Random(seed)
    inputs = {}
    for port in module.ports:
        if port.direction == "output" or port.name == clock:
            continue
        if port.name in SUPPLIES:
            inputs[port.name] = [str(SUPPLIES[port.name])] * CYCLES
        elif port.width == 1 and port.name in ACTIVE_LOW:
            begin = ACTIVE_LOW[port.name]
            inputs[port.name] = ["0" if cycle < begin or choose.random() < 0.02 else "1" for cycle in range(CYCLES)]
        elif port.width == 1 and port.name in ACTIVE_HIGH:
            inputs[port.name] = [str(int(choose.random() < 0.05)) for _ in range(CYCLES)]
        else:
            inputs[port.name] = [format(choose.getrandbits(port.width), f"0{port.width}b") for _ in range(CYCLES)]
    return inputs


def stepped(module: Module, inputs: Mapping[str, Sequence[str]], lookup: CellLookup) -> list[str]:
    """The bits of all outputs in each cycle as the network says, least significant first, x where unknown."""
    supplies = {port.name: SUPPLIES[port.name] for port in module.ports if port.name in SUPPLIES}
    assembled = assemble(module, lookup, held=supplies, leave_free=True)
    place = {bit: index for index, bit in enumerate(assembled.input_bits.tolist())}
    # What no port drives is a ring of inverters that was cut open.
    drives: dict[int, Drive] = dict.fromkeys(range(assembled.network.input_count), Unknown())
    for port in module.ports:
        if port.name in inputs:
            for index, bit in enumerate(port.bits.tolist()):
                if bit in place:
                    drives[place[bit]] = Values(tuple(int(row[-1 - index]) for row in inputs[port.name]))
    outputs = [port for port in module.ports if port.direction == "output"]
    bits = np.concatenate([port.bits for port in outputs])
    literals = np.where(bits >= 0, assembled.net_literals[bits.clip(0)], (bits == -2).astype(np.uint32))
    done = run(
        assembled.network,
        Stimuli.of(assembled.network, drives),
        cycles=CYCLES,
        count=1,
        three_valued=True,
        record=literals.astype(np.uint32),
    )
    assert isinstance(done.recorded, Ternary)
    ones, zeros = (rail[:, :, 0] & np.uint64(1) for rail in (done.recorded.ones, done.recorded.zeros))
    told = np.where(ones == 1, "1", np.where(zeros == 1, "0", "x"))
    return ["".join(row) for row in told]


def netlists() -> list[str]:
    found = [f"tinytapeout/{name}" for name in TAPED_OUT]
    found += sorted(path.relative_to(DATA).as_posix() for path in DATA.glob("trusthub/[rs]*.v"))
    return found + sorted(path.relative_to(DATA).as_posix() for path in DATA.glob("iccad2025a/*/*.v"))


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the development netlists are not here")
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")
@pytest.mark.parametrize("name", netlists())
def test_a_delivered_netlist_steps_as_in_icarus(name: str, tmp_path: Path) -> None:
    path = DATA / name
    defines = ["UNIT_DELAY=#1"]
    models = [tmp_path / "models.v"]
    if path.name in TAPED_OUT:
        powered = TAPED_OUT[path.name]
        library = read_library([*sky130_models(power_pins=powered), "bundled"], defines=DEFINES)
        models[0].write_text(EXTRA if powered else re.sub(r"\(.*\)", "()", EXTRA))
        defines += ["USE_POWER_PINS="] if powered else []
        for index, source in enumerate(sky130_models(power_pins=powered)):
            text = re.sub(r"^\s*`include.*$", "", source.read_text(), flags=re.MULTILINE)
            if "__inv" in source.name:  # a ring of inverters without a delay would never let time pass
                text = re.sub(r"^(\s*not) ", r"\1 #1 ", text, flags=re.MULTILINE)
            models.append(tmp_path / f"m{index}.v")
            models[-1].write_text(text)
    else:
        library = read_library(["bundled"])
        models[0].write_text(MODELS)
    delivered = read_netlist([path])
    linked = link(delivered.netlist, library.cells, library.generic)
    assert not linked.black_boxes
    module = flatten(linked)
    clocks = {item.net for item in gather(linked, delivered.form).controls if item.role == "rising"} | {"clk"}
    clock = next((port.name for port in module.ports if port.name in clocks), None)
    inputs = stimuli(module, clock, seed=1)
    theirs = run_icarus(module, [path, *models], clock, inputs, tmp_path, defines)
    ours = stepped(module, inputs, linked.lookup)
    outputs = [port for port in module.ports if port.direction == "output"]
    known = compared = 0
    for cycle, (row, told) in enumerate(zip(theirs, ours, strict=True)):
        wanted = "".join(row[port.name][::-1] for port in outputs)
        for index, (value, our) in enumerate(zip(wanted, told, strict=True)):
            known += value in "01"
            if value in "01" and our in "01":
                assert our == value, f"cycle {cycle}, output bit {index}"
                compared += 1
    # Registers of a derived clock are left free, and so unknown, in the network alone.
    assert known > 100 and compared > known / 4
