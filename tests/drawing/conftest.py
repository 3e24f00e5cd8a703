"""Small designs, drawn once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandgrain.drawing import CellNetlist, CellPort, Drawing, Instance, draw
from sandgrain.drawing.library import full_name


def ring(cells: int) -> CellNetlist:
    """A chain of flip-flops with some logic between them: one input more than it needs, one output twice."""
    nets = ["clk", "rst", "d", "unused"]
    instances, last = [], 2
    for stage in range(cells):
        gated, held = len(nets), len(nets) + 1
        nets += [f"gated{stage}", f"held{stage}"]
        kind, pins = [("nand2_1", "A B Y"), ("nor2_1", "A B Y"), ("xor2_1", "A B X")][stage % 3]
        names = pins.split()
        instances.append(Instance(f"g{stage}", full_name(kind), ((names[0], last), (names[1], 2), (names[2], gated))))
        flop = (("CLK", 0), ("D", gated), ("Q", held), ("RESET_B", 1))
        instances.append(Instance(f"f{stage}", full_name("dfrtp_1"), flop))
        last = held
    instances.append(Instance("tie", full_name("conb_1"), (("HI", len(nets)),)))
    ports = [CellPort(name, "input", (net,)) for net, name in enumerate(nets[:4])]
    ports += [CellPort("q", "output", (last, last - 2), vector=True), CellPort("one", "output", (len(nets),))]
    nets[last], nets[last - 2] = "q[0]", "q[1]"
    return CellNetlist("ring", tuple(instances), (*nets, "one"), tuple(ports))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawing:
    """A ring of twelve stages, drawn."""
    out: Path = tmp_path_factory.mktemp("ring")
    return draw(ring(12), out)
