"""Compiled kernels of placement: simulated annealing of slots, then legal places in rows.

A slot is a point of a regular raster that holds one cell or none; widths count only when cells are put into rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
_ACROSS = 1.5


@njit(cache=True)
def _random(state: NDArray[np.uint64]) -> float:
    """The next of xorshift64*, in [0, 1): the same on every machine."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def _length(net: int, starts: IntArray, members: IntArray, x: FloatArray, y: FloatArray) -> float:
    """Half the perimeter of the box around the cells of a net; across, for which one layer is there, counts more."""
    left = bottom = 1e18
    right = top = -1e18
    for index in range(starts[net], starts[net + 1]):
        cell = members[index]
        left, right = min(left, x[cell]), max(right, x[cell])
        bottom, top = min(bottom, y[cell]), max(top, y[cell])
    return (right - left) * _ACROSS + top - bottom


@njit(cache=True)
def _around(
    one: int,
    other: int,
    cell_starts: IntArray,
    cell_nets: IntArray,
    starts: IntArray,
    members: IntArray,
    x: FloatArray,
    y: FloatArray,
    stamp: IntArray,
    generation: int,
) -> float:
    """Length of all nets of two cells, each net once."""
    total = 0.0
    for cell in (one, other):
        if cell < 0:
            continue
        for index in range(cell_starts[cell], cell_starts[cell + 1]):
            net = cell_nets[index]
            if stamp[net] != generation:
                stamp[net] = generation
                total += _length(net, starts, members, x, y)
    return total


@njit(cache=True)
def anneal(
    slot_x: FloatArray,
    slot_y: FloatArray,
    columns: int,
    slot_of: IntArray,
    starts: IntArray,
    members: IntArray,
    cell_starts: IntArray,
    cell_nets: IntArray,
    rounds: int,
    moves: int,
    heat: float,
    seed: int,
) -> None:
    """Swap what two slots hold, ``moves`` times in each of ``rounds`` rounds; changes ``slot_of`` (cell to slot).

    Args:
        slot_x, slot_y: place of every slot, row by row, nanometres.
        columns: slots of a row.
        slot_of: slot of every cell.
        starts, members: cells of every net, in compressed rows.
        cell_starts, cell_nets: nets of every cell, in compressed rows.
        rounds, moves: how long.
        heat: an increase of length accepted with probability 1/e in the first round, nanometres.
        seed: of the random choices.
    """
    state = np.array([np.uint64(seed) * np.uint64(2654435761) + np.uint64(88172645463325252)], dtype=np.uint64)
    cells, slots = len(slot_of), len(slot_x)
    rows = slots // columns
    cell_at = np.full(slots, -1, np.int64)
    x, y = np.empty(cells), np.empty(cells)
    for cell in range(cells):
        cell_at[slot_of[cell]] = cell
        x[cell], y[cell] = slot_x[slot_of[cell]], slot_y[slot_of[cell]]
    stamp = np.zeros(len(starts) - 1, np.int64)
    generation = 0
    for turn in range(rounds):
        left_over = 1.0 - turn / rounds
        temperature = heat * 0.002 ** (turn / rounds)
        reach_x = max(2, int(columns * left_over))
        reach_y = max(1, int(rows * left_over))
        for _ in range(moves):
            one = min(cells - 1, int(_random(state) * cells))
            slot = slot_of[one]
            column = slot % columns + int((_random(state) * 2 - 1) * (reach_x + 1))
            row = slot // columns + int((_random(state) * 2 - 1) * (reach_y + 1))
            if column < 0 or column >= columns or row < 0 or row >= rows:
                continue
            target = row * columns + column
            if target == slot:
                continue
            other = cell_at[target]
            generation += 1
            before = _around(one, other, cell_starts, cell_nets, starts, members, x, y, stamp, generation)
            x[one], y[one] = slot_x[target], slot_y[target]
            if other >= 0:
                x[other], y[other] = slot_x[slot], slot_y[slot]
            generation += 1
            change = _around(one, other, cell_starts, cell_nets, starts, members, x, y, stamp, generation) - before
            if change <= 0 or _random(state) < np.exp(-change / temperature):
                slot_of[one], cell_at[target] = target, one
                cell_at[slot] = other
                if other >= 0:
                    slot_of[other] = slot
            else:
                x[one], y[one] = slot_x[slot], slot_y[slot]
                if other >= 0:
                    x[other], y[other] = slot_x[target], slot_y[target]


@njit(cache=True)
def legalise(
    order: IntArray,
    widths: IntArray,
    wanted_site: IntArray,
    wanted_row: IntArray,
    rows: int,
    lefts: IntArray,
    segment_sites: int,
    row_cost: float,
) -> tuple[IntArray, IntArray]:
    """Row and first site of every cell: in ``order``, each goes to the nearest place right of those before it.

    Args:
        order: cells by wanted place, left to right.
        widths: sites of every cell.
        wanted_site, wanted_row: where each would like to be.
        rows: number of rows.
        lefts: first site of every segment.
        segment_sites: sites of a segment.
        row_cost: sites that one row of distance counts.

    Returns:
        Row and site by cell; row -1 where there was no room.
    """
    cells, segments = len(order), len(lefts)
    free = np.empty((rows, segments), np.int64)
    for row in range(rows):
        free[row] = lefts
    placed_row, placed_site = np.full(cells, -1, np.int64), np.zeros(cells, np.int64)
    for cell in order:
        best = 1e18
        best_row = best_segment = best_site = -1
        for row in range(rows):
            away = abs(row - wanted_row[cell]) * row_cost
            if away >= best:
                continue
            for segment in range(segments):
                last = lefts[segment] + segment_sites - widths[cell]
                site = min(max(free[row, segment], wanted_site[cell]), last)
                if site < free[row, segment]:
                    continue
                cost = away + abs(site - wanted_site[cell])
                if cost < best:
                    best, best_row, best_segment, best_site = cost, row, segment, site
        if best_row < 0:
            continue
        placed_row[cell], placed_site[cell] = best_row, best_site
        free[best_row, best_segment] = best_site + widths[cell]
    return placed_row, placed_site
