"""Runs side by side: what led to a lane is what it went through, whoever's states it took over on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sandgrain.equivalence.corpus import Corpus
from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import match_ports
from sandgrain.equivalence.lanes import SPREAD_WORDS, Lanes, first_lane
from sandgrain.equivalence.rarities import Rarities
from sandgrain.equivalence.sides import NETLIST, RTL, make_side
from sandgrain.equivalence.stimulus import Stimulus
from sandgrain.logic.simulate import Simulator
from tests.equivalence.small import linked

# It counts while it is given the one word out of eight that it knows, and stops for good at any other.
STOPS = """
module top(input c, input [2:0] w, output q);
  wire known, dead, nd, d, alive, t0, t1, t2, t3, c1, c2, n0, n1, n2, n3, nw, k;
  not (nw, w[1]); and (k, w[0], nw); and (known, k, w[2]); not (nd, known); or (d, dead, nd); not (alive, d);
  \\$_DFF_P_ stop (.C(c), .D(d), .Q(dead));
  xor (t0, n0, alive); and (c1, n0, alive); xor (t1, n1, c1); and (c2, n1, c1); xor (t2, n2, c2);
  \\$_DFF_P_ f0 (.C(c), .D(t0), .Q(n0)); \\$_DFF_P_ f1 (.C(c), .D(t1), .Q(n1)); \\$_DFF_P_ f2 (.C(c), .D(t2), .Q(n2));
  buf (q, n2);
endmodule
"""


def _lanes(work: Path, *, selected: bool) -> tuple[Faulty, Lanes]:
    side = linked(STOPS, work, "side.v")
    first, second = make_side(RTL, side, None, {}), make_side(NETLIST, side, None, {})
    network = first.network
    ports = match_ports(first, second)
    outputs = np.array([first.outputs[key] for key in ports.outputs], np.uint32)
    count = network.latch_count
    nothing, everything = np.zeros((2, count), np.bool_), np.ones(count, np.bool_)
    distance = np.zeros(count, np.int64)
    faulty = Faulty(network, network.latch_next, outputs, outputs, distance, nothing, everything)
    random = np.random.default_rng(7)
    stimulus = Stimulus(ports, {}, SPREAD_WORDS, random)
    corpus = Corpus(network.input_count, np.zeros(0, np.int64), random)
    start = np.zeros(count, np.bool_)
    return faulty, Lanes(faulty, start, start, stimulus, corpus, random, selected=selected)


@pytest.mark.parametrize("selected", [True, False])
def test_the_inputs_of_a_lane_lead_to_its_state(tmp_path: Path, selected: bool) -> None:
    faulty, lanes = _lanes(tmp_path, selected=selected)
    for _ in range(43):
        assert not lanes.step().any()
        assert not lanes.clock().any()
    for lane in (*range(0, 64 * SPREAD_WORDS, 37), lanes.living()):
        simulator = Simulator(faulty.network, 1)
        rows = lanes.rows(lane)
        # A lane that took over a state is as far back as that was.
        assert rows.shape[1] == lanes.width and 0 < len(rows) <= 43 and (selected or len(rows) == 43)
        for row in rows:
            simulator.inputs[: lanes.width, 0] = row
            simulator.evaluate()
            simulator.clock()
        good, bad = lanes.states(lane)
        np.testing.assert_array_equal(simulator.state[:, 0] & np.uint64(1), good)
        np.testing.assert_array_equal(good, bad)


def test_selected_lanes_stay_alive(tmp_path: Path) -> None:
    """One word in eight does not stop it for good, so that by itself no lane lasts."""
    alive = []
    for selected in (True, False):
        faulty, lanes = _lanes(tmp_path, selected=selected)
        rarities = Rarities(faulty)
        for _ in range(64):
            lanes.step()
            lanes.clock()
            for lane, near in rarities.fresh(lanes.good):
                assert 0 <= lane < 64 * SPREAD_WORDS and not near
        assert not rarities.fresh(lanes.good)
        # A lane has stopped if the register that says so is 1; those of the counter are so at times.
        alive.append(int(np.bitwise_count(~lanes.good).sum(axis=1).min()))
    assert alive[0] > 4 * alive[1]


def test_what_faults_need_comes_first() -> None:
    count = 3
    needed = np.zeros((2, count), np.bool_)
    needed[0, 2] = True
    rarities = Rarities.__new__(Rarities)
    rarities.missing, rarities.near = np.ones((2, count), np.bool_), needed
    state = np.zeros((count, 1), np.uint64)
    state[0, 0], state[2, 0] = 1 << 5, 1 << 9
    found = rarities.fresh(state)
    assert found[0] == (9, True) and {lane for lane, near in found if not near} >= {5}
    assert not rarities.fresh(state)
    assert first_lane(np.array([0, 1 << 3], np.uint64)) == 67
