"""What others have to hold for a register that differs to be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.observing import needed_to_see
from sandgrain.equivalence.rarities import Rarities
from sandgrain.equivalence.sides import RTL, make_side
from tests.equivalence.small import linked

# x is seen at q where m is 1 and p is 0; y is seen by x alone, where m is 0; z is never seen.
READ = """
module top(input c, input i, input j, output q);
  wire x, y, z, m, p, nm, np, a, b, dx, dm;
  not (nm, m); not (np, p); and (a, x, m); and (q, a, np); and (b, y, nm); or (dx, b, i); or (dm, m, j);
  \\$_DFF_P_ fx (.C(c), .D(dx), .Q(x)); \\$_DFF_P_ fy (.C(c), .D(j), .Q(y)); \\$_DFF_P_ fz (.C(c), .D(i), .Q(z));
  \\$_DFF_P_ fm (.C(c), .D(dm), .Q(m)); \\$_DFF_P_ fp (.C(c), .D(i), .Q(p));
endmodule
"""


def test_what_is_needed(tmp_path: Path) -> None:
    side = make_side(RTL, linked(READ, tmp_path), None, {})
    network, names = side.network, side.latch_names
    count = network.latch_count
    outputs = np.array([side.outputs["q[0]"]], np.uint32)
    distance = np.array([{"y": 1, "z": 1 << 20}.get(name, 0) for name in names])
    nothing, everything = np.zeros((2, count), np.bool_), np.ones(count, np.bool_)
    faulty = Faulty(network, network.latch_next, outputs, outputs, distance, nothing, everything)

    def told(name: str) -> tuple[set[str], set[str]] | None:
        needed = needed_to_see(faulty, names.index(name))
        if needed is None:
            return None
        ones, zeros = ({names[latch] for latch in np.flatnonzero(row)} for row in needed)
        return ones, zeros

    assert told("x") == ({"m"}, {"p"})
    assert told("y") == (set(), {"m"})
    assert told("z") is None


def test_they_are_looked_for_again(tmp_path: Path) -> None:
    side = make_side(RTL, linked(READ, tmp_path), None, {})
    count = side.network.latch_count
    nothing, everything = np.zeros((2, count), np.bool_), np.ones(count, np.bool_)
    nowhere = np.zeros(0, np.uint32)
    faulty = Faulty(
        side.network, side.network.latch_next, nowhere, nowhere, np.zeros(count, np.int64), nothing, everything
    )
    rarities = Rarities(faulty)
    state = np.zeros((count, 1), np.uint64)
    state[2] = 1 << 5
    assert rarities.fresh(state) and not rarities.fresh(state)
    wanted = nothing.copy()
    wanted[0, 2] = True
    rarities.look_for(wanted)
    assert rarities.fresh(state) == [(5, True)]
    assert not nothing.any() and not faulty.needed.any()
