"""The facts of a netlist: counted by hand on a small one, and on what laboratories are handed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandgrain.netlist.facts import NetlistFacts, gather
from sandgrain.netlist.library import read_library
from sandgrain.netlist.link import link
from sandgrain.netlist.read import read_netlist
from sandgrain.netlist.verilog import read_verilog_text
from tests.netlist.sky130 import DEFINES, sky130_models

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

SMALL = b"""
module half (input clk, input d, output q);
  wire n, cn, g;
  not (n, d);
  not (cn, clk);
  \\$_DFF_N_ f (.C(cn), .D(n), .Q(q));
  \\$_DLATCH_P_ l (.E(d), .D(n), .Q(g));
endmodule
module chip (input clk, input rst, input [1:0] d, output [1:0] q, output z);
  wire floating;
  half h0 (clk, d[0], q[0]);
  half h1 (clk, d[1], q[1]);
  \\$_DFF_PN0_ r (.C(clk), .R(rst), .D(floating), .Q(z));
  mystery m (.A(z), .B(d[0]));
endmodule
"""


def facts(text: bytes) -> NetlistFacts:
    library = read_library([])
    return gather(link(read_verilog_text(text, "n.v").netlist(), library.cells, library.generic), "verilog")


def test_a_small_design_counted_by_hand() -> None:
    found = facts(SMALL)
    assert (found.top, found.depth, found.cells) == ("chip", 2, 10)
    assert {module.name: module.copies for module in found.modules} == {"chip": 1, "half": 2}
    assert (found.input_bits, found.output_bits, found.inout_bits) == (4, 3, 0)
    assert (found.flip_flops, found.latches, found.inert, found.indirect) == (3, 2, 0, 0)
    assert found.types == {"not": 4, "$_DFF_N_": 2, "$_DLATCH_P_": 2, "$_DFF_PN0_": 1, "mystery": 1}
    controls = {(item.net, item.role): item.elements for item in found.controls}
    # Falling edges of the inverted clock are rising edges of the clock.
    assert controls == {
        ("clk", "rising"): 3,
        ("d[0]", "high"): 1,
        ("d[1]", "high"): 1,
        ("rst", "clears when low"): 1,
    }
    assert [(box.name, box.instances) for box in found.black_boxes] == [("mystery", 1)]
    assert found.floating == 1


def test_a_ring_of_buffers_ends() -> None:
    ring = b"wire a, b; buf (a, b); not (b, a); \\$_DFF_P_ f (.C(a), .D(d), .Q(q)); endmodule"
    assert sum(item.elements for item in facts(b"module t (input d, output q); " + ring).controls) == 1


@pytest.mark.skipif(not DATA.is_dir(), reason="the development netlists are not here")
def test_taped_out_designs_have_no_black_boxes() -> None:
    for name, power_pins, flops in (
        ("tt_um_test.nl.v", False, 9),
        ("tt_um_test.v", True, 9),
        ("tt_um_MichaelBell_hovalaag.v", True, 156),
    ):
        library = read_library([*sky130_models(power_pins=power_pins), "bundled"], defines=DEFINES)
        delivered = read_netlist([DATA / "tinytapeout" / name])
        found = gather(link(delivered.netlist, library.cells, library.generic), delivered.form)
        assert found.black_boxes == ()
        assert found.flip_flops == flops


@pytest.mark.skipif(not DATA.is_dir(), reason="the development netlists are not here")
def test_benchmark_netlists_resolve_with_the_bundled_table() -> None:
    library = read_library(["bundled"])
    files = [path for path in sorted(DATA.rglob("*.v")) if "tinytapeout" not in str(path) and path.name != "ports.v"]
    assert len(files) == 19
    for path in files:
        delivered = read_netlist([path])
        found = gather(link(delivered.netlist, library.cells, library.generic), delivered.form)
        assert found.black_boxes == (), path.name
        assert found.cells > 50
