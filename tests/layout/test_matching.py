"""Isomorphism of cells and nets: found where there is one, never where there is none."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.layout.alignment import align
from sandgrain.layout.graph import Graph
from sandgrain.layout.matching import isomorphism, verifies


def graph(cells: list[tuple[int, list[int]]], nets: int) -> Graph:
    """A graph of cells: type, and the net of each pin."""
    types = np.array([kind for kind, _ in cells], np.int32)
    edges = [(cell, pin, net) for cell, (_, pins) in enumerate(cells) for pin, net in enumerate(pins)]
    return Graph(types, np.array(edges, np.int32).reshape(-1, 3), nets, {}, ())


def shuffled(cells: list[tuple[int, list[int]]], nets: int, rng: random.Random) -> tuple[Graph, list[int]]:
    order, names = list(range(len(cells))), list(range(nets))
    rng.shuffle(order)
    rng.shuffle(names)
    return graph([(cells[cell][0], [names[net] for net in cells[cell][1]]) for cell in order], nets), names


@st.composite
def circuits(draw: st.DrawFn) -> tuple[list[tuple[int, list[int]]], int]:
    nets = draw(st.integers(1, 12))
    cell = st.integers(0, 2).flatmap(
        lambda kind: st.lists(st.integers(0, nets - 1), min_size=kind + 1, max_size=kind + 1).map(
            lambda pins: (kind, pins)
        )
    )
    cells = draw(st.lists(cell, min_size=1, max_size=14))
    return cells, nets


@given(circuits(), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_a_shuffled_circuit_is_the_same(circuit: tuple[list[tuple[int, list[int]]], int], seed: int) -> None:
    cells, nets = circuit
    one = graph(cells, nets)
    two, _ = shuffled(cells, nets, random.Random(seed))
    found = isomorphism(one, two, ({}, {}))
    assert found is not None and verifies(one, two, found.cells, found.nets)


@given(circuits(), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_what_is_found_is_verified(circuit: tuple[list[tuple[int, list[int]]], int], seed: int) -> None:
    """After one pin is moved: either there still is an isomorphism, and it verifies, or none is claimed."""
    cells, nets = circuit
    rng = random.Random(seed)
    moved = [(kind, list(pins)) for kind, pins in cells]
    cell = rng.randrange(len(moved))
    moved[cell][1][rng.randrange(len(moved[cell][1]))] = rng.randrange(nets)
    one, (two, _) = graph(cells, nets), shuffled(moved, nets, rng)
    found = isomorphism(one, two, ({}, {}))
    if found is not None:
        assert verifies(one, two, found.cells, found.nets)


def ring(count: int, offset: int = 0) -> list[tuple[int, list[int]]]:
    return [(0, [offset + number, offset + (number + 1) % count]) for number in range(count)]


def test_colours_alone_do_not_decide() -> None:
    """A ring of twelve and two rings of six look alike to every colour."""
    one, two = graph(ring(12), 12), graph(ring(6) + ring(6, 6), 12)
    assert isomorphism(one, two, ({}, {})) is None
    assert isomorphism(one, graph(ring(12), 12), ({}, {})) is not None


def test_anchors_hold() -> None:
    one = graph(ring(6), 6)
    assert isomorphism(one, one, ({0: 1, 3: 2}, {0: 1, 3: 2})) is not None
    assert isomorphism(one, one, ({0: 1, 3: 2}, {0: 1, 2: 2})) is None


def test_verification_refuses_what_is_no_isomorphism() -> None:
    one = graph([(0, [0, 1]), (1, [1, 2])], 3)
    cells, nets = np.array([0, 1], np.int32), np.array([0, 1, 2], np.int32)
    assert verifies(one, one, cells, nets)
    assert not verifies(one, one, cells[::-1], nets)
    assert not verifies(one, one, cells, nets[[1, 0, 2]])
    assert not verifies(one, one, np.array([0, 0], np.int32), nets)
    assert not verifies(one, graph([(0, [0, 1]), (1, [2, 1])], 3), cells, nets)


@pytest.mark.parametrize("seed", range(5))
def test_alignment_keeps_what_is_untouched(seed: int) -> None:
    """With one pin moved in a circuit of some size, nearly all the rest is still matched as it was made."""
    rng = random.Random(seed)
    nets = 160
    cells = [(rng.randrange(4), [rng.randrange(nets) for _ in range(3)]) for _ in range(150)]
    moved = [(kind, list(pins)) for kind, pins in cells]
    moved[7][1][1] = (moved[7][1][1] + 1) % nets
    two, names = shuffled(moved, nets, rng)
    found = align(graph(cells, nets), two, ({}, {}))
    used = {net for _, pins in cells for net in pins}
    right = sum(int(found.nets[net]) == names[net] for net in used)
    assert right >= 0.9 * len(used)


def test_many_equal_parts_are_matched_each_for_itself() -> None:
    """Spare cells on nets of their own: thousands of equal colours, and no search through them."""
    parts = 3_000
    cells = [(0, [0, 1 + 2 * part, 2 + 2 * part]) for part in range(parts)]
    cells += [(1, [0, 2 + 2 * part]) for part in range(parts)]
    nets = 1 + 2 * parts
    two, _ = shuffled(cells, nets, random.Random(3))
    assert isomorphism(graph(cells, nets), two, ({}, {})) is not None
    crossed = [(kind, list(pins)) for kind, pins in cells]
    crossed[0][1][2] = crossed[1][1][1]
    two, _ = shuffled(crossed, nets, random.Random(3))
    assert isomorphism(graph(cells, nets), two, ({}, {})) is None
