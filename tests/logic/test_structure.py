"""Levels, readers, cones, components and dominators against plain searches over the same small networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import NetworkError
from sandgrain.logic.network import Network
from sandgrain.logic.structure import (
    NOWHERE,
    components,
    dominators,
    fanin_cone,
    fanout,
    fanout_cone,
    latch_graph,
    levels,
)
from tests.logic.networks import small_networks


def edges(network: Network, *, sequential: bool) -> set[tuple[int, int]]:
    """(variable, one that reads it)."""
    found = set()
    for gate in range(network.and_count):
        for literal in (network.fanin0[gate], network.fanin1[gate]):
            found.add((int(literal) >> 1, network.first_and + gate))
    if sequential:
        for latch, literal in enumerate(network.latch_next.tolist()):
            found.add((literal >> 1, network.first_latch + latch))
    return found


def reached(network: Network, roots: set[int], cycles: int | None, *, forward: bool) -> set[int]:
    """Plain breadth-first search, a clock edge at a time."""
    within = edges(network, sequential=False)
    across = edges(network, sequential=True) - within
    known: dict[int, int] = dict.fromkeys(roots, 0)
    changed = True
    while changed:
        changed = False
        for pairs, cost in ((within, 0), (across, 1)):
            for read, reader in pairs:
                start, end = (read, reader) if forward else (reader, read)
                if start in known and known[start] + cost < known.get(end, 1 << 30):
                    if cycles is not None and known[start] + cost > cycles:
                        continue
                    known[end] = known[start] + cost
                    changed = True
    return set(known)


@settings(max_examples=150, deadline=None)
@given(small_networks())
def test_levels_and_readers(network: Network) -> None:
    level = levels(network)
    for gate in range(network.and_count):
        below = [int(level[int(literal) >> 1]) for literal in (network.fanin0[gate], network.fanin1[gate])]
        assert level[network.first_and + gate] == 1 + max(below)
    assert not level[: network.first_and].any()
    for sequential in (False, True):
        readers = fanout(network, sequential=sequential)
        told = {(v, int(r)) for v in range(network.variable_count) for r in readers.of(v)}
        assert told == edges(network, sequential=sequential)
        assert all((np.diff(readers.of(v).astype(np.int64)) > 0).all() for v in range(network.variable_count))


@settings(max_examples=150, deadline=None)
@given(small_networks(), st.data())
def test_cones(network: Network, data: st.DataObject) -> None:
    literals = data.draw(st.lists(st.integers(0, 2 * network.variable_count - 1), max_size=3))
    cycles = data.draw(st.sampled_from([0, 1, 2, None]))
    roots = {literal >> 1 for literal in literals}
    assert set(np.flatnonzero(fanin_cone(network, literals, cycles=cycles)).tolist()) == reached(
        network, roots, cycles, forward=False
    )
    assert set(np.flatnonzero(fanout_cone(network, literals, cycles=cycles)).tolist()) == reached(
        network, roots, cycles, forward=True
    )


@settings(max_examples=150, deadline=None)
@given(small_networks())
def test_latch_graph(network: Network) -> None:
    graph = latch_graph(network)
    for latch, literal in enumerate(network.latch_next.tolist()):
        cone = reached(network, {literal >> 1}, 0, forward=False)
        wanted = [v - network.first_latch for v in sorted(cone) if network.first_latch <= v < network.first_and]
        assert graph.of(latch).tolist() == wanted


@settings(max_examples=150, deadline=None)
@given(small_networks())
def test_components(network: Network) -> None:
    found = components(network)
    below = [reached(network, {v}, None, forward=False) for v in range(network.variable_count)]
    for a, b in itertools.combinations(range(network.variable_count), 2):
        assert (found[a] == found[b]) == (a in below[b] and b in below[a])
        if a in below[b] and found[a] != found[b]:
            assert found[a] < found[b]


@settings(max_examples=150, deadline=None)
@given(small_networks(), st.data())
def test_dominators(network: Network, data: st.DataObject) -> None:
    literals = data.draw(st.lists(st.integers(0, 2 * network.variable_count - 1), min_size=1, max_size=3))
    roots = {literal >> 1 for literal in literals}
    found = dominators(network, literals)
    pairs = edges(network, sequential=False)

    def escapes(start: int, without: int) -> bool:
        """Whether a path from ``start`` to a root avoids ``without``."""
        waiting, seen = [start], {start, without}
        while waiting:
            here = waiting.pop()
            if here in roots:
                return True
            for read, reader in pairs:
                if read == here and reader not in seen:
                    seen.add(reader)
                    waiting.append(reader)
        return False

    for variable in range(network.variable_count):
        if not escapes(variable, -1):
            assert found[variable] == NOWHERE
            continue
        strict = [
            other for other in range(network.variable_count) if other != variable and not escapes(variable, other)
        ]
        chain, at = [], int(found[variable])
        while at != network.variable_count:
            chain.append(at)
            at = int(found[at])
        assert sorted(chain) == strict


def test_a_literal_of_nothing_is_refused() -> None:
    network = Network(
        np.zeros(1, np.uint8),
        np.zeros(0, np.uint32),
        np.zeros(0, np.uint8),
        np.zeros(0, np.uint32),
        np.zeros(0, np.uint32),
    )
    for call in (fanin_cone, fanout_cone, dominators):
        with pytest.raises(NetworkError, match="not of this network"):
            call(network, [4])
