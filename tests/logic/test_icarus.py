"""Taped-out netlists step as Icarus Verilog steps them with the cells' own simulation models."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from sandgrain.logic.assemble import assemble
from sandgrain.logic.simulate import Ternary, run
from sandgrain.logic.stimuli import Drive, Stimuli, Values
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.library import read_library
from sandgrain.netlist.link import link
from sandgrain.netlist.read import read_netlist
from tests.netlist.icarus import run_icarus
from tests.netlist.sky130 import DEFINES, sky130_models

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "tinytapeout"
CYCLES = 300
EXTRA = "module sky130_ef_sc_hd__decap_12 (); endmodule\n"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the development netlists are not here")
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")
def test_a_taped_out_design_steps_as_in_icarus(tmp_path: Path) -> None:
    path = DATA / "tt_um_test.nl.v"
    library = read_library([*sky130_models(), "bundled"], defines=DEFINES)
    linked = link(read_netlist([path]).netlist, library.cells, library.generic)
    module = flatten(linked)
    assembled = assemble(module, linked.lookup)
    choose = random.Random(1)
    inputs = {
        port.name: [format(choose.getrandbits(port.width), f"0{port.width}b") for _ in range(CYCLES)]
        for port in module.ports
        if port.direction == "input" and port.name != "clk"
    }
    inputs["rst_n"] = ["0" if cycle < 3 or choose.random() < 0.02 else "1" for cycle in range(CYCLES)]

    models = []
    for index, source in enumerate(sky130_models()):
        text = re.sub(r"^\s*`include.*$", "", source.read_text(), flags=re.MULTILINE)
        models.append(tmp_path / f"m{index}.v")
        models[-1].write_text(text)
    (tmp_path / "extra.v").write_text(EXTRA)
    theirs = run_icarus(module, [path, *models, tmp_path / "extra.v"], "clk", inputs, tmp_path, ["UNIT_DELAY="])

    place = {bit: index for index, bit in enumerate(assembled.input_bits.tolist())}
    drives: dict[int, Drive] = {}
    for port in module.ports:
        if port.name in inputs:
            for index, bit in enumerate(port.bits.tolist()):
                if bit in place:
                    drives[place[bit]] = Values(tuple(int(row[-1 - index]) for row in inputs[port.name]))
    outputs = [port for port in module.ports if port.direction == "output"]
    literals = np.concatenate([assembled.net_literals[port.bits.clip(0)] for port in outputs])
    for port, start in zip(outputs, np.cumsum([0, *(port.width for port in outputs)]), strict=False):
        for index, bit in enumerate(port.bits.tolist()):
            if bit < 0:
                literals[start + index] = 0 if bit == -1 else 1
    done = run(
        assembled.network,
        Stimuli.of(assembled.network, drives),
        cycles=CYCLES,
        count=1,
        three_valued=True,
        record=literals,
    )
    assert isinstance(done.recorded, Ternary)
    ones, zeros = (rail[:, :, 0] & np.uint64(1) for rail in (done.recorded.ones, done.recorded.zeros))
    known = 0
    for cycle, row in enumerate(theirs):
        told = "".join(row[port.name][::-1] for port in outputs)
        for index, value in enumerate(told):
            ours = "1" if ones[cycle, index] else "0" if zeros[cycle, index] else "x"
            if value in "01" and ours in "01":
                assert ours == value, f"cycle {cycle}, output bit {index}"
                known += 1
            elif cycle > 3:
                assert value == ours == "x", f"cycle {cycle}, output bit {index}: {value} and {ours}"
    assert known > 0.9 * CYCLES * literals.size
