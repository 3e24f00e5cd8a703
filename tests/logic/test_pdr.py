"""What ABC says of a state, a run that gets there or clauses that keep out of it, judged by a search of all states."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandgrain.logic import pdr
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import PORT_INPUT, Network
from sandgrain.logic.pdr import reach

LATCHES, INPUTS = 4, 2
STATES = st.integers(0, (1 << LATCHES) - 1)


def bits(state: int) -> NDArray[np.bool_]:
    return np.array([state >> at & 1 for at in range(LATCHES)], np.bool_)


def step(network: Network, literals: list[int], state: int, inputs: int) -> list[int]:
    """Values of literals, one gate after another."""
    values = [0, *(inputs >> at & 1 for at in range(INPUTS)), *(state >> at & 1 for at in range(LATCHES))]
    for a, b in zip(network.fanin0.tolist(), network.fanin1.tolist(), strict=True):
        values.append((values[a >> 1] ^ (a & 1)) & (values[b >> 1] ^ (b & 1)))
    return [values[literal >> 1] ^ (literal & 1) for literal in literals]


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, int]:
    graph = Graph(64)
    inputs, state = graph.free(INPUTS), graph.free(LATCHES)
    made = [*inputs.tolist(), *state.tolist()]
    for _ in range(draw(st.integers(3, 10))):
        a, b = (draw(st.sampled_from(made)) ^ draw(st.integers(0, 1)) for _ in range(2))
        made.append(graph.land(a, b))
    chosen = [draw(st.sampled_from(made)) ^ draw(st.integers(0, 1)) for _ in range(LATCHES + 1)]
    first = 1 + INPUTS + LATCHES
    network = Network(
        np.full(INPUTS, PORT_INPUT, np.uint8),
        np.array(chosen[:LATCHES], np.uint32),
        np.zeros(LATCHES, np.uint8),
        graph.fanin0[first:].copy(),
        graph.fanin1[first:].copy(),
    )
    return network, chosen[LATCHES]


def reachable(network: Network, begins: set[int]) -> set[int]:
    found, stack = set(begins), list(begins)
    while stack:
        state = stack.pop()
        for inputs in range(1 << INPUTS):
            bits = step(network, network.latch_next.tolist(), state, inputs)
            after = sum(bit << at for at, bit in enumerate(bits))
            if after not in found:
                found.add(after)
                stack.append(after)
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=networks(),
    begin=STATES,
    open_=st.sampled_from([[-1] * 4, [0, -1, -1, -1], [-1, 0, 1, -1], [0, 0, -1, 1], [0, 1, 0, 0], [0, 1, 2, 3]]),
)
def test_it_is_right(asked: tuple[Network, int], begin: int, open_: list[int]) -> None:
    network, literal = asked
    begins = {
        sum((begin >> at & 1 if group < 0 else values[group]) << at for at, group in enumerate(open_))
        for values in itertools.product((0, 1), repeat=1 + max(open_))
    }
    found = reach(network, literal, bits(begin), np.array(open_), 20)
    states = reachable(network, begins)
    bad = {
        state
        for state, inputs in itertools.product(range(1 << LATCHES), range(1 << INPUTS))
        if step(network, [literal], state, inputs)[0]
    }
    assert found is not None
    if found.clauses is None:
        assert found.inputs is not None and found.inputs.shape[1] == INPUTS
        state = sum(bit << at for at, bit in enumerate(found.begin.tolist()))
        assert state in begins
        for row in found.inputs:
            inputs = sum(int(bit) << at for at, bit in enumerate(row.tolist()))
            after = step(network, [*network.latch_next.tolist(), literal], state, inputs)
            state = sum(bit << at for at, bit in enumerate(after[:LATCHES]))
        assert after[LATCHES]
        return
    assert not states & bad
    kept = {
        state
        for state in range(1 << LATCHES)
        if all(any((state >> (at >> 1) & 1) != at & 1 for at in clause) for clause in found.clauses)
    }
    assert states <= kept
    # With the literal false, the clauses keep themselves: ABC may take that for granted.
    for state in kept - bad:
        for inputs in range(1 << INPUTS):
            after = step(network, network.latch_next.tolist(), state, inputs)
            assert sum(bit << at for at, bit in enumerate(after)) in kept


def counter(bits: int) -> tuple[Network, int]:
    """A counter, and that all its bits are 1."""
    graph = Graph(64)
    graph.free(1)
    state = graph.free(bits)
    carry, nexts = 1, []
    for bit in state.tolist():
        nexts.append(graph.xor(bit, carry))
        carry = graph.land(bit, carry)
    first = 2 + bits
    return (
        Network(
            np.full(1, PORT_INPUT, np.uint8),
            np.array(nexts, np.uint32),
            np.zeros(bits, np.uint8),
            graph.fanin0[first:].copy(),
            graph.fanin1[first:].copy(),
        ),
        carry,
    )


NOTHING: NDArray[np.bool_] = np.zeros(40, np.bool_)
CLOSED: NDArray[np.int64] = np.full(40, -1)


def test_what_takes_too_long_is_not_decided() -> None:
    network, literal = counter(40)
    assert reach(network, literal, NOTHING, CLOSED, 1.5) is None
    assert reach(network, literal, NOTHING, CLOSED, 0.5) is None


def test_without_abc_nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    network, literal = counter(3)
    assert reach(network, literal, NOTHING[:3], CLOSED[:3], 20) is not None
    monkeypatch.setattr(pdr, "abc_program", lambda: None)
    assert reach(network, literal, NOTHING[:3], CLOSED[:3], 20) is None


@pytest.mark.parametrize(
    "text", ["", "nothing", "i9@0=1", "i0@0=1 i1@99999=0"], ids=["empty", "words", "input", "cycle"]
)
def test_a_run_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cex.txt").write_text(text)
    assert pdr._run(tmp_path / "cex.txt", 2, NOTHING[:3], CLOSED[:3]) is None
    assert pdr._run(tmp_path / "none.txt", 2, NOTHING[:3], CLOSED[:3]) is None


def test_what_rewriting_makes_constant_is_decided() -> None:
    """ABC calls it undecided: ``b & ~b & c``, which is two gates as it is written."""
    network = Network(
        np.zeros(INPUTS, np.uint8),
        np.array([2, 2, 2, 2], np.uint32),
        np.zeros(LATCHES, np.uint8),
        np.array([2, 3], np.uint32),
        np.array([4, 14], np.uint32),
    )
    never = reach(network, 16, NOTHING[:4], CLOSED[:4], 20)
    assert never is not None and never.clauses == ()
    always = reach(network, 17, NOTHING[:4], CLOSED[:4], 20)
    assert always is not None and always.inputs is not None and always.clauses is None


def test_literals_stay_what_they_are() -> None:
    """A latch that begins at 1 is kept the other way round inside only."""
    network, literal = counter(3)
    changed, other = pdr._from_zero(network, literal, np.array([True, False, True]), CLOSED[:3])
    graph = Graph(64)
    inputs, state = graph.free(1), graph.free(3)
    flips = np.array([1, 0, 1], np.uint32)
    for one, two in (
        (network.latch_next ^ flips, changed.latch_next),
        (np.array([literal], np.uint32), np.array([other], np.uint32)),
    ):
        values = graph.frame(network, inputs, state ^ flips), graph.frame(changed, inputs, state)
        assert (literal_values(values[0], one) == literal_values(values[1], two)).all()
