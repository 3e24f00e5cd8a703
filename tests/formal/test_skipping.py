"""Counters and loops: what is skipped is what a simulation of every cycle comes to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.equivalence.sides import RTL, make_side
from sandgrain.formal.counting import counters
from sandgrain.formal.loops import SETTLED, Loop, from_its_beginning, loop_of
from sandgrain.formal.sampling import spread
from sandgrain.formal.skipping import Stretch
from sandgrain.logic.network import Literals, Network
from sandgrain.logic.simulate import Simulator
from tests.equivalence.small import linked

WIDTH = 10
# Counts up while e is 1; every second bit is stored inverted. A second register follows bit 6.
LINES = ["module top(input c, input e, output q);", "wire k0; buf (k0, e);"]
for bit in range(WIDTH):
    LINES.append(f"wire n{bit}, s{bit}, d{bit}, r{bit}, k{bit + 1}; xor (s{bit}, n{bit}, k{bit});")
    LINES.append(f"and (k{bit + 1}, k{bit}, n{bit}); \\$_DFF_P_ f{bit} (.C(c), .D(d{bit}), .Q(r{bit}));")
    LINES += [f"{'not' if bit % 2 else 'buf'} ({x}, {y});" for x, y in ((f"d{bit}", f"s{bit}"), (f"n{bit}", f"r{bit}"))]
LINES += ["wire t; \\$_DFF_P_ ft (.C(c), .D(n6), .Q(t)); xor (q, t, n9);", "endmodule"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, tuple[str, ...]]:
    side = make_side(RTL, linked("\n".join(LINES) + "\n", tmp_path_factory.mktemp("counter")), None, {})
    return side.network, side.latch_names


def after(network: Network, state: NDArray[np.bool_], cycles: int) -> NDArray[np.bool_]:
    """bool (latches,): the state after some cycles with all inputs at 1."""
    simulator = Simulator(network, 1)
    simulator.state[:] = spread(state)
    simulator.inputs[:] = ~np.uint64(0)
    for _ in range(cycles):
        simulator.evaluate()
        simulator.clock()
    found: NDArray[np.bool_] = (simulator.state[:, 0] & np.uint64(1)).astype(np.bool_)
    return found


def loop(network: Network, start: NDArray[np.bool_]) -> Loop | None:
    states = np.stack([after(network, start, SETTLED + at) for at in range(24)])
    inputs = np.ones(network.input_count, np.uint8)
    found = loop_of(network, inputs, states, longest=4)
    return None if found is None else from_its_beginning(network, start, found)


def holding(place: dict[str, int], network: Network, number: int) -> NDArray[np.bool_]:
    """bool (latches,): the state in which the counter has counted to a number."""
    state = np.zeros(network.latch_count, np.bool_)
    for bit in range(WIDTH):
        state[place[f"r{bit}"]] = bool(number >> bit & 1) ^ bool(bit % 2)
    return state


@settings(deadline=None)
@given(number=st.integers(0, (1 << WIDTH) - 1))
def test_a_counter_is_found_whatever_it_holds(network: tuple[Network, tuple[str, ...]], number: int) -> None:
    net, names = network
    place = {name: at for at, name in enumerate(names)}
    state = holding(place, net, number)
    low = np.array([place["r0"], place["r1"]])
    (found,) = counters(net, np.ones(net.input_count, np.uint8), state, low)
    assert [names[latch] for latch in found.latches] == [f"r{bit}" for bit in range(WIDTH)]
    # What the highest bit would pass on nobody sees.
    assert (found.value(state) ^ number) % (1 << WIDTH - 1) == 0


@settings(deadline=None, max_examples=25)
@given(number=st.integers(0, 600), further=st.integers(1, 300))
def test_what_is_skipped_is_what_comes(network: tuple[Network, tuple[str, ...]], number: int, further: int) -> None:
    net, names = network
    place = {name: at for at, name in enumerate(names)}
    found = loop(net, holding(place, net, number))
    if found is None:  # the register that follows moved while it was looked at
        return
    (counter,) = found.counters
    state = found.states[0]
    now = counter.value(state)
    end = min(now + further, (1 << WIDTH) - 1)
    strict = Stretch(net, found)
    skip = strict.towards(state, 0, end)
    if skip is None:
        assert end <= now
        return
    assert (skip.after == after(net, state, skip.passes)).all()
    # Where the register that follows may hold anything it goes all the way, and everything else is as it comes.
    loose = strict.deviating(state, 0, end)
    assert loose.any() == (skip.passes < end - now)
    more = Stretch(net, found, loose=loose).towards(state, 0, end)
    assert more is not None and more.passes >= skip.passes
    assert (more.after == after(net, state, more.passes))[~loose[0]].all()
    if counter.latches.size == WIDTH:
        assert not loose.any() or np.flatnonzero(loose[0]).tolist() == [place["t"]]
        assert more.passes == end - now


def test_a_fault_ends_it(network: tuple[Network, tuple[str, ...]]) -> None:
    net, names = network
    place = {name: at for at, name in enumerate(names)}
    start = holding(place, net, 5)
    found = loop(net, start)
    assert found is not None
    faulty = net.latch_next.copy()
    faulty[place["r8"]] = faulty[place["t"]]
    stretch = Stretch(net, found, faulty, stretch_loose(found, place["t"]))
    skip = stretch.towards(found.states[0], 0, (1 << WIDTH) - 1)
    assert skip is not None
    apart = [at for at in range(skip.passes + 3) if differs(net, faulty, after(net, found.states[0], at))]
    assert apart[0] >= skip.passes


def stretch_loose(found: Loop, latch: int) -> NDArray[np.bool_]:
    loose = np.zeros(found.states.shape, np.bool_)
    loose[:, latch] = True
    return loose


def differs(network: Network, faulty: Literals, state: NDArray[np.bool_]) -> bool:
    """Whether the other next states are other ones in a state."""
    simulator = Simulator(network, 1)
    simulator.state[:] = spread(state)
    simulator.inputs[:] = ~np.uint64(0)
    simulator.evaluate()
    values = simulator.values[:, 0] & np.uint64(1)

    def of(literals: Literals) -> NDArray[np.uint64]:
        found: NDArray[np.uint64] = values[literals >> 1] ^ (literals & 1)
        return found

    return bool((of(network.latch_next) != of(faulty)).any())
