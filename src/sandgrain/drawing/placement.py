"""Where the cells are: a place for every cell of the netlist, ports at two edges, and fill in every gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.drawing._anneal import anneal, legalise
from sandgrain.drawing.cells import CellNetlist
from sandgrain.drawing.floorplan import Floorplan
from sandgrain.drawing.library import full_name, master, rules

IntArray = NDArray[np.int64]
_WIDE_NET: Final = 48
"""A net of more cells than this has no say in where they go."""
_ROUNDS: Final = 60
_MOVES_PER_CELL: Final = 24


@dataclass(frozen=True)
class Placement:
    """Places on a floorplan.

    Attributes:
        plan: the floorplan.
        rows, sites: row and first site of every instance of the netlist, int64 (cells,).
        fill: name, master, row and first site of every cell without signals.
        port_tracks: vertical track of every port bit, int64 (bits,), in the order of the netlist.
        port_above: whether it is at the upper edge, bool (bits,).
    """

    plan: Floorplan
    rows: IntArray
    sites: IntArray
    fill: tuple[tuple[str, str, int, int], ...]
    port_tracks: IntArray
    port_above: NDArray[np.bool_]


def place(netlist: CellNetlist, floorplan: Floorplan, seed: int) -> Placement | None:
    """Place every cell; None if the rows have no room for them."""
    widths = np.array([master(i.master).width for i in netlist.instances], np.int64) // rules()["site"]["width"]
    cells = len(netlist.instances)
    slot_of, columns = _slots(netlist, floorplan, seed)
    site = (slot_of % columns + 0.5) * floorplan.sites / columns - widths / 2
    wanted_site = np.maximum(0, site.astype(np.int64))
    order = np.lexsort((np.arange(cells), slot_of // columns, site)).astype(np.int64)
    lefts = np.array([floorplan.segment_left(segment) for segment in range(floorplan.segments)], np.int64)
    row_cost = rules()["site"]["height"] / rules()["site"]["width"]
    # Half of the empty sites is dealt out evenly, so that pins do not crowd where the cells do.
    spare = floorplan.rows * floorplan.segments * floorplan.segment_sites - int(widths.sum())
    for apart in sorted({max(0, spare // (2 * max(1, cells))), 0}, reverse=True):
        rows, sites = legalise(
            order, widths + apart, wanted_site, slot_of // columns, floorplan.rows, lefts, floorplan.segment_sites,
            row_cost,
        )  # fmt: skip
        if (rows >= 0).all():
            break
    if cells and rows.min() < 0:
        return None
    tracks, above = _ports(netlist, floorplan, rows, sites, widths)
    return Placement(floorplan, rows, sites, tuple(_fill(floorplan, rows, sites, widths)), tracks, above)


def _slots(netlist: CellNetlist, floorplan: Floorplan, seed: int) -> tuple[IntArray, int]:
    """A slot for every cell, and how many slots a row has."""
    cells = len(netlist.instances)
    columns = max(2, -(-cells * 6 // (floorplan.rows * 5)))
    width, height = rules()["site"]["width"], rules()["site"]["height"]
    slots = np.arange(floorplan.rows * columns)
    slot_x = (slots % columns + 0.5) * floorplan.sites * width / columns
    slot_y = (slots // columns + 0.5) * height
    members: list[list[int]] = [[] for _ in netlist.nets]
    for cell, instance in enumerate(netlist.instances):
        for _, net in instance.nets:
            if not members[net] or members[net][-1] != cell:
                members[net].append(cell)
    kept = [group for group in members if 1 < len(group) <= _WIDE_NET]
    starts, flat = _compressed(kept)
    nets_of: list[list[int]] = [[] for _ in range(cells)]
    for net, group in enumerate(kept):
        for cell in group:
            nets_of[cell].append(net)
    cell_starts, cell_nets = _compressed(nets_of)
    slot_of = np.linspace(0, len(slots) - 1, cells).astype(np.int64) if cells else np.zeros(0, np.int64)
    heat = float(floorplan.sites * width) / 4
    if cells > 1:
        rounds, moves = _ROUNDS, _MOVES_PER_CELL * cells
        anneal(slot_x, slot_y, columns, slot_of, starts, flat, cell_starts, cell_nets, rounds, moves, heat, seed + 1)
    return slot_of, columns


def _compressed(groups: list[list[int]]) -> tuple[IntArray, IntArray]:
    starts = np.zeros(len(groups) + 1, np.int64)
    np.cumsum([len(group) for group in groups], out=starts[1:])
    return starts, np.array([item for group in groups for item in group], np.int64)


def _ports(
    netlist: CellNetlist, floorplan: Floorplan, rows: IntArray, sites: IntArray, widths: IntArray
) -> tuple[IntArray, NDArray[np.bool_]]:
    """A track at the upper or lower edge for every port bit, near the cells it goes to."""
    bits = [net for _, _, net in netlist.port_bits()]
    tracks_x, _ = floorplan.tracks
    offset = floorplan.core[0] // rules()["site"]["width"]
    sums = np.zeros((3, len(netlist.nets)))
    for cell, instance in enumerate(netlist.instances):
        for _, net in instance.nets:
            sums[:, net] += (1, offset + sites[cell] + widths[cell] / 2, rows[cell])
    known = np.maximum(sums[0], 1)
    column = np.where(sums[0] > 0, sums[1] / known, tracks_x / 2)[bits]
    upper = np.where(sums[0] > 0, sums[2] / known, 0)[bits] - (floorplan.rows - 1) / 2
    # The upper half of them goes to the upper edge, so that both edges have room.
    above = np.zeros(len(bits), np.bool_)
    above[np.argsort(-upper, kind="stable")[: len(bits) // 2]] = True
    tracks = np.zeros(len(bits), np.int64)
    for side in (False, True):
        chosen = np.flatnonzero(above == side)
        chosen = chosen[np.argsort(column[chosen], kind="stable")]
        step = 2 if 2 * len(chosen) <= tracks_x - 4 else 1
        least = 2
        for index, bit in enumerate(chosen):
            most = tracks_x - 3 - step * (len(chosen) - 1 - index)
            tracks[bit] = min(max(least, round(column[bit])), most)
            least = tracks[bit] + step
    return tracks, above


def _fill(floorplan: Floorplan, rows: IntArray, sites: IntArray, widths: IntArray) -> list[tuple[str, str, int, int]]:
    """The columns of power, and decoupling and fill wherever a row is empty."""
    width = rules()["site"]["width"]
    power = [(full_name(cell), master(cell).width // width) for cell in rules()["power"]["column"]]
    fillers = [(full_name(cell), master(cell).width // width) for cell in rules()["fill"]["cells"]]
    found: list[tuple[str, str, int, int]] = []

    def put(kind: str, row: int, site: int) -> None:
        found.append((f"{'TAP' if '__tap' in kind else 'FILLER'}_{row}_{site}", kind, row, site))

    for row in range(floorplan.rows):
        here = np.flatnonzero(rows == row)
        here = here[np.argsort(sites[here], kind="stable")]
        taken = [(int(sites[cell]), int(widths[cell])) for cell in here]
        for column in range(floorplan.segments + 1):
            site = column * (floorplan.segment_sites + floorplan.column_sites)
            taken.append((site, floorplan.column_sites))
            for kind, wide in power:
                put(kind, row, site)
                site += wide
        free = 0
        for site, wide in [*sorted(taken), (floorplan.sites, 0)]:
            while free < site:
                kind, most = next((kind, wide) for kind, wide in fillers if wide <= site - free)
                put(kind, row, free)
                free += most
            free = site + wide
    return found
