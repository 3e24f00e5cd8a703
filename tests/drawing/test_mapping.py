"""The cells do what the table says, and a mapped description is cells and nothing else."""

from __future__ import annotations

from io import StringIO
from itertools import product
from pathlib import Path

import pytest

from sandgrain.drawing import DrawingError, draw, map_to_cells, write_cells
from sandgrain.drawing._access import pad, pin_access
from sandgrain.drawing._liberty import liberty
from sandgrain.drawing.library import cell_table, full_name, master, rules
from sandgrain.netlist import Design
from sandgrain.netlist.library import read_library
from tests.drawing.reading import expected, extracted
from tests.netlist.sky130 import DEFINES, sky130_models

CELLS = [str(entry["name"]) for entry in cell_table()]

COUNTER = """
module counter(input clk, input rst_n, input en, input [3:0] load, input ld,
               output reg [3:0] q, output reg [1:0] up, output carry, one, same);
  assign carry = &q & en;
  assign one = 1'b1;
  assign same = en;
  always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (ld) q <= load; else if (en) q <= q + 1;
  always @(posedge clk) if (carry) up <= up + 1;
endmodule
"""


def test_every_cell_does_what_the_library_s_model_does(tmp_path: Path) -> None:
    ours_text = tmp_path / "ours.lib"
    ours_text.write_text(liberty(), encoding="utf-8")
    wanted = {full_name(cell) for cell in CELLS if cell != "conb_1"}
    names = {f"{name}.functional.v" for name in wanted}
    models = [path for path in sky130_models() if path.name in names or "models" in path.parts]
    ours, theirs = read_library([ours_text]).cells, read_library(models, defines=DEFINES).cells
    assert set(ours) == wanted
    for name in wanted:
        one, other = ours[name].function, theirs[name].function
        assert one is not None and other is not None, name
        assert sorted(one.inputs) == sorted(other.inputs), name
        assert [(s.kind, s.kind) for s in one.states] == [(s.kind, s.kind) for s in other.states], name
        for bits in product((False, True), repeat=len(one.inputs) + len(one.states)):
            values = dict(zip(one.inputs, bits, strict=False))
            states = bits[len(one.inputs) :]
            here, there = one.evaluate(values, states), other.evaluate(values, states)
            for output in other.outputs:
                a, b = one.outputs[output], other.outputs[output]
                assert here[a >> 1] ^ bool(a & 1) == there[b >> 1] ^ bool(b & 1), (name, bits)


@pytest.mark.parametrize("cell", CELLS)
def test_the_pins_of_every_cell_can_be_reached_without_conflict(cell: str) -> None:
    access, space = pin_access(cell), rules()["spacing"]["met1"]
    assert [one.pin for one in access] == [pin.name for pin in master(cell).signals]
    claims = [(one.column, row) for one in access for row in one.rows]
    assert len(set(claims)) == len(claims)
    for index, one in enumerate(access):
        box = pad(one)
        assert box.left >= space // 2 and box.right <= master(cell).width - space // 2
        for other in access[:index]:
            assert not box.enlarged(space - 1, space - 1).overlaps(pad(other))


def mapped(tmp_path: Path, text: str, top: str) -> Design:
    (tmp_path / "in.v").write_text(text, encoding="utf-8")
    return Design(tmp_path, ("in.v",), top)


def test_a_description_becomes_cells_and_a_drawing(tmp_path: Path) -> None:
    netlist = map_to_cells(mapped(tmp_path, COUNTER, "counter"))
    kinds = [instance.master.rpartition("__")[2] for instance in netlist.instances]
    assert kinds.count("dfrtp_1") == 4 and kinds.count("dfxtp_1") == 2
    assert kinds.count("conb_1") == 1 and "buf_1" in kinds
    bits = [net for _, _, net in netlist.port_bits()]
    assert len(set(bits)) == len(bits)
    done = draw(netlist, tmp_path / "out")
    assert extracted(done.gds, done.placement)[0] == expected(netlist)


def test_a_netlist_of_cells_stays_as_it_is(tmp_path: Path) -> None:
    text = StringIO()
    first = map_to_cells(mapped(tmp_path, COUNTER, "counter"))
    write_cells(first, text)
    again = map_to_cells(mapped(tmp_path, text.getvalue(), "counter"))
    assert sorted(one.master for one in again.instances) == sorted(one.master for one in first.instances)


def test_what_has_no_cell_is_refused(tmp_path: Path) -> None:
    both = "module t(input clk, input d, input e, inout io); assign io = e ? d : 1'bz; endmodule"
    with pytest.raises(DrawingError):
        map_to_cells(mapped(tmp_path, both, "t"))
