"""Wires for every net: a negotiation of routes on three layers until no two nets want the same place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.drawing._access import Access, pin_access
from sandgrain.drawing._maze import places, route_net, spanning_order
from sandgrain.drawing.cells import CellNetlist
from sandgrain.drawing.floorplan import Floorplan
from sandgrain.drawing.library import rules
from sandgrain.drawing.placement import Placement
from sandgrain.progress import Progress

IntArray = NDArray[np.int32]
_FREE: Final = -1
_BLOCKED: Final = -2
_ROUNDS: Final = 50
_PATIENCE: Final = 16
_MOST_PRESSURE: Final = 20.0
_ALL_EVERY: Final = 4


@dataclass(frozen=True)
class PinPlace:
    """A pin on the grid: its access, how its cell stands, and the node of met2 where its wire begins."""

    cell: int
    access: Access
    node: int


@dataclass(frozen=True)
class Routing:
    """Routes of all nets.

    Attributes:
        shape: columns and rows of the grid.
        pins: pins of cells, by net.
        ports: nodes of port bits, by net.
        paths: by net, nodes of its wires; each path ends with -1.
        rounds: rounds of negotiation.
    """

    shape: tuple[int, int]
    pins: tuple[tuple[PinPlace, ...], ...]
    ports: tuple[tuple[int, ...], ...]
    paths: tuple[IntArray, ...]
    rounds: int


def route(netlist: CellNetlist, placement: Placement, progress: Progress) -> Routing | None:
    """Route every net; None if conflicts remain after the last round."""
    nx, ny = placement.plan.tracks
    owner = np.full(3 * nx * ny, _FREE, np.int32)
    _block_power(owner, placement.plan)
    pins = _pins(netlist, placement, owner)
    ports = _ports(netlist, placement, owner)
    if pins is None:
        return None
    terminals = [
        np.array([*(pin.node for pin in here), *there], np.int32) for here, there in zip(pins, ports, strict=True)
    ]
    negotiation = _Negotiation((nx, ny), owner, terminals)
    fewest: list[int] = []
    for turn in range(_ROUNDS):
        conflicts = negotiation.round(turn)
        progress.update(f"round {turn + 1}: {max(conflicts, 0)} conflicts", turn + 1, _ROUNDS)
        if conflicts < 0:
            return None
        fewest.append(min([conflicts, *fewest[-1:]]))
        if turn and conflicts > fewest[0]:
            return None  # there is more to connect than tracks to do it with
        if turn >= _PATIENCE and fewest[-1] > 40 and fewest[-1] > 0.7 * fewest[-1 - _PATIENCE // 2]:
            return None  # this dense it will not come to an end
        if conflicts == 0:
            paths = tuple(negotiation.paths)
            return Routing((nx, ny), tuple(tuple(here) for here in pins), tuple(map(tuple, ports)), paths, turn + 1)
    return None


class _Negotiation:
    """Routes so far, and what each place of the grid has cost."""

    def __init__(self, shape: tuple[int, int], owner: IntArray, terminals: list[IntArray]) -> None:
        nx, ny = shape
        nodes, all_places = 3 * nx * ny, 3 * nx * ny + (nx + 1) * ny
        self.shape, self.owner = shape, owner
        self.used, self.history = np.zeros(all_places, np.int16), np.zeros(all_places, np.float32)
        states = 4 * nx * ny
        self.best, self.came = np.zeros(states, np.float32), np.zeros(states, np.int32)
        self.seen, self.in_tree = np.zeros(states, np.int32), np.zeros(nodes, np.int32)
        self.keys, self.heap = np.zeros(4 * nodes, np.float32), np.zeros(4 * nodes, np.int32)
        self.out = np.zeros(8 * nodes, np.int32)
        self.generation = 0
        self.pins, self.parents = [], []
        for nodes_of in terminals:
            order, parent = spanning_order(nodes_of % nx, nodes_of // nx) if len(nodes_of) else (nodes_of, nodes_of)
            self.pins.append(nodes_of[order])
            self.parents.append(nodes_of[parent])
        self.paths: list[IntArray] = [np.zeros(0, np.int32) for _ in terminals]
        self.taken: list[IntArray] = [np.zeros(0, np.int32) for _ in terminals]
        spans = [int(np.ptp(n % nx) + np.ptp(n // nx)) if len(n) else 0 for n in terminals]
        self.order = sorted((net for net, n in enumerate(terminals) if len(n) > 1), key=lambda net: (spans[net], net))

    def round(self, turn: int) -> int:
        """Route all nets, or from the second round on those in conflict; the number of places still contested.

        Negative if a net cannot be routed at all.
        """
        pressure, margin = min(_MOST_PRESSURE, 0.8 * 1.3**turn), 12 + 3 * turn
        for net in self.order:
            if turn % _ALL_EVERY and not (self.used[self.taken[net]] > 1).any():
                continue
            self.used[self.taken[net]] -= 1
            if not (self._route(net, pressure, margin) or self._route(net, pressure, sum(self.shape))):
                return -1
            self.used[self.taken[net]] += 1
        contested = self.used > 1
        self.history[contested] += 2.0
        return int(contested.sum())

    def _route(self, net: int, pressure: float, margin: int) -> bool:
        length, self.generation = route_net(
            net, self.pins[net], self.parents[net], self.shape, self.owner, self.used, self.history,
            pressure, margin, self.best, self.came, self.seen, self.in_tree, self.generation,
            self.keys, self.heap, self.out,
        )  # fmt: skip
        if length < 0:
            return False
        self.paths[net] = self.out[:length].copy()
        nodes = np.unique(self.paths[net])
        self.taken[net] = _places_of(nodes[nodes >= 0], self.shape)
        return True


def _places_of(nodes: IntArray, shape: tuple[int, int]) -> IntArray:
    found: set[int] = set()
    for node in nodes:
        found.update(places(node, *shape))
    found.discard(-1)
    return np.array(sorted(found), np.int32)


def _pins(netlist: CellNetlist, placement: Placement, owner: IntArray) -> list[list[PinPlace]] | None:
    """The pins of every net on the grid; what must stay free around them becomes theirs."""
    nx, _ = placement.plan.tracks
    per_row = rules()["site"]["height"] // rules()["tracks"]["y_pitch"]
    left = placement.plan.core[0] // rules()["site"]["width"]
    found: list[list[PinPlace]] = [[] for _ in netlist.nets]
    for cell, instance in enumerate(netlist.instances):
        nets, row = dict(instance.nets), int(placement.rows[cell])
        first = placement.plan.row_bottom(row) // rules()["tracks"]["y_pitch"]
        for access in pin_access(instance.master):
            if access.pin not in nets:
                continue
            column = left + int(placement.sites[cell]) + access.column
            rows = [first + (per_row - 1 - track if row % 2 else track) for track in access.rows]
            for track in rows:
                if owner[track * nx + column] != _FREE:
                    return None
                owner[track * nx + column] = nets[access.pin]
            found[nets[access.pin]].append(PinPlace(cell, access, rows[0] * nx + column))
    return found


def _ports(netlist: CellNetlist, placement: Placement, owner: IntArray) -> list[list[int]]:
    nx, ny = placement.plan.tracks
    found: list[list[int]] = [[] for _ in netlist.nets]
    for bit, (_, _, net) in enumerate(netlist.port_bits()):
        node = (ny - 1 if placement.port_above[bit] else 0) * nx + int(placement.port_tracks[bit])
        owner[node] = net
        found[net].append(node)
    return found


def power_stacks(plan: Floorplan) -> list[tuple[str, int, int]]:
    """Net, x and y of the middle of every stack of cuts between a rail and a strap, in nanometres."""
    return [
        (net, plan.column_left(column) + offset, plan.row_bottom(rail))
        for column in range(plan.segments + 1)
        for net, offset in rules()["power"]["straps"].items()
        for rail in range(plan.rows + 1)
        if plan.rail_net(rail) == net
    ]


def _block_power(owner: IntArray, plan: Floorplan) -> None:
    """Keep signals off the straps of met4 and the stacks below them."""
    nx, ny = plan.tracks
    tracks, vias, space = rules()["tracks"], rules()["vias"], rules()["spacing"]
    half_x, half_y = rules()["power"]["stack_half"]
    x = np.arange(nx) * tracks["x_pitch"] + tracks["x_offset"]
    y = np.arange(ny) * tracks["y_pitch"] + tracks["y_offset"]
    grid = owner.reshape(3, ny, nx)
    below = {0: (vias["via2"]["below"], space["met2"]), 1: (vias["via3"]["below"], space["met3"])}
    for _, at_x, at_y in power_stacks(plan):
        for layer, (metal, gap) in below.items():
            near_x = np.abs(x - at_x) < half_x + metal[0] + gap
            near_y = np.abs(y - at_y) < half_y + metal[1] + gap
            grid[layer][np.ix_(near_y, near_x)] = _BLOCKED
        near = np.abs(x - at_x) < half_x + vias["via3"]["above"][0] + space["met4"]
        grid[2][:, near] = _BLOCKED
