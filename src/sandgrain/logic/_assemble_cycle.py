"""Mode ``cycle``: which sources are clocks, one period of them as a step, and clocks that have no sure edge refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic import _assemble_nodes as codes
from sandgrain.logic._assemble_clocks import SEVERAL, control_sources
from sandgrain.logic._assemble_freeze import PRESENT, Memory, Plan
from sandgrain.logic._assemble_tables import Tables
from sandgrain.logic._assemble_walk import Walk
from sandgrain.logic.network import Literals
from sandgrain.netlist.bit_names import bit_name, find_bit
from sandgrain.netlist.model import Module
from sandgrain.verdict import Text

_SHOWN: Final = 8
_LEVELS: Final = {"rising": 1, "falling": 0}


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock edge, ``rising`` or ``falling``; ``name`` is an input of one bit, ``clk[1]``, or an undriven net."""

    name: str
    edge: str = "rising"


@dataclass(frozen=True, slots=True)
class ClockDomain:
    """The latches that change at one edge of one clock.

    Attributes:
        bit: net bit of the clock.
        name: its name.
        edge: ``rising`` or ``falling``.
        active: whether it is the edge at which a step ends (else it is in the middle of the step).
        latches: int32, latches of the network.
    """

    bit: int
    name: str
    edge: str
    active: bool
    latches: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class WaitingDomain:
    """A `ClockDomain` whose states have no latch numbers yet."""

    bit: int
    name: str
    edge: str
    active: bool
    states: NDArray[np.int64]

    def numbered(self, latch_of_state: NDArray[np.int32]) -> ClockDomain:
        """The domain with latch numbers."""
        return ClockDomain(self.bit, self.name, self.edge, self.active, latch_of_state[self.states])


def cycle_walk(
    module: Module, tables: Tables, clocks: Sequence[Clock] | None, *, leave_free: bool
) -> tuple[Walk, Plan, list[Text], list[WaitingDomain]]:
    """Walk all nets and states for mode ``cycle``; also sentences for ``not_modelled`` and the clock domains.

    Raises:
        NetworkError: several clocks and none chosen, a clock that is none, a control without a sure edge.
    """
    cycle = _Cycle(module, tables, leave_free)
    levels = cycle.chosen(clocks) if clocks is not None else cycle.found()
    walk, plan = cycle.walk(levels)
    if clocks is None and levels and not cycle.events[0].any() and cycle.events[1].any():
        levels = dict.fromkeys(levels, 0)
        walk, plan = cycle.walk(levels)
    while (unsure := cycle.unsure(walk)).size:
        if not leave_free:
            raise cycle.refuse_unsure(unsure, levels)
        cycle.left_free[unsure] = cycle.without_edge[unsure] = True
        walk, plan = cycle.walk(levels)
    return walk, plan, cycle.told(levels), cycle.domains(levels)


@numba.njit(cache=True)
def _taint(tainted, fanin0, fanin1, is_and):  # type: ignore[no-untyped-def]
    for variable in range(tainted.size):
        if is_and[variable]:
            tainted[variable] = tainted[fanin0[variable] >> 1] or tainted[fanin1[variable] >> 1]


class _Cycle:
    def __init__(self, module: Module, tables: Tables, leave_free: bool) -> None:
        self.module = module
        self.tables = tables
        self.leave_free = leave_free
        nodes = tables.nodes
        self.count = int(nodes.state_cells.size)
        self.flip_flop = tables.states.flip_flop[nodes.state_kinds] if self.count else np.zeros(0, np.bool_)
        self.origin = control_sources(module, tables, leave_free=leave_free)
        self.events = np.zeros((2, self.count), np.bool_)
        self.left_free = np.zeros(self.count, np.bool_)
        self.without_edge = np.zeros(self.count, np.bool_)
        self.chosen_by_name = False

    def net_bit(self, source: int) -> int:
        """The net bit a source is, or -1."""
        return int(self.tables.source_bits[np.searchsorted(self.tables.sources, source)])

    def names(self, sources: Sequence[int]) -> str:
        """The names of the first few sources."""
        return ", ".join(self.name(source) for source in sources[:_SHOWN]) + (", ..." if len(sources) > _SHOWN else "")

    def instance(self, state: int) -> str:
        """The name of the cell of a state."""
        return self.module.cells.names[int(self.tables.nodes.state_cells[state])]

    def name(self, source: int) -> str:
        """What to call a source."""
        bit = self.net_bit(source)
        return bit_name(self.module, bit) if bit >= 0 else "a value nothing defines"

    def found(self) -> dict[int, int]:
        """The only source that clocks flip-flops, taken to be active at 1."""
        single, counts = np.unique(self.origin[self.origin >= 0], return_counts=True)
        if single.size > 1:
            listed = ", ".join(
                f"{self.name(source)} ({count:,} registers)"
                for source, count in list(zip(single.tolist(), counts.tolist(), strict=True))[:_SHOWN]
            )
            raise NetworkError(
                f"{single.size} clocks: {listed}{', ...' if single.size > _SHOWN else ''}",
                expected="one clock, or a choice of those that step together",
                remedy="name the clocks that step together, or assemble in mode 'event'",
            )
        if not single.size and (self.origin == SEVERAL).any():
            state = int(np.flatnonzero(self.origin == SEVERAL)[0])
            raise self.refuse(
                [state], "is clocked through gates by several inputs, of which none is known to be the clock"
            )
        return {int(source): 1 for source in single.tolist()}

    def chosen(self, clocks: Sequence[Clock]) -> dict[int, int]:
        """The sources called ``clocks`` and their active level; flip-flops of other sources are left free."""
        self.chosen_by_name = True
        levels: dict[int, int] = {}
        for clock in clocks:
            bit = find_bit(self.module, clock.name)
            found = self.tables.sources[self.tables.source_bits == bit] if bit >= 0 else np.empty(0, np.int32)
            if not found.size or clock.edge not in _LEVELS:
                raise NetworkError(
                    f"{clock.edge} edge of {clock.name!r}: there is no such clock",
                    expected="rising or falling, and one of: "
                    + (
                        ", ".join(sorted({self.name(int(s)) for s in self.origin[self.origin >= 0]})[:_SHOWN]) or "none"
                    ),
                    remedy="name an input port, or a net nothing drives, that clocks registers",
                )
            levels.setdefault(int(found[0]), _LEVELS[clock.edge])
        single = self.origin >= 0
        self.left_free = single & ~np.isin(self.origin, np.array(list(levels), np.int64))
        return levels

    def walk(self, levels: dict[int, int]) -> tuple[Walk, Plan]:
        """All literals, given which sources are clocks."""
        tables, nodes = self.tables, self.tables.nodes
        nodes.events[:] = 0
        nodes.shared[:] = False
        walk = Walk(
            self.module,
            tables,
            cycle=True,
            variables=tables.sources.size + self.count + 2,
            gates=3 * self.module.bit_count,
            leave_free=self.leave_free,
        )
        walk.restless = int(walk.free(1)[0])
        is_clock = np.isin(tables.sources, np.array(list(levels), np.int32))
        inputs = walk.free(tables.sources.size)
        present = walk.free(self.count)
        nodes.present[:] = present
        data = tables.sources[~is_clock]
        free_states = nodes.first_state + np.flatnonzero(self.left_free)
        for phase in (codes.AFTER, codes.BEFORE, codes.EDGE, codes.MIDDLE):
            for source, level in levels.items():
                active = phase in (codes.AFTER, codes.EDGE)
                walk.give(phase, np.array([source]), level if active else 1 - level)
            restless = phase == codes.EDGE
            walk.give(phase, data, walk.restless if restless else inputs[~is_clock])
            walk.give(phase, free_states, walk.restless if restless else present[self.left_free])
        state_nodes = nodes.first_state + np.arange(self.count)
        walk.run(codes.BEFORE, np.arange(nodes.first_state))
        kept = ~self.left_free
        following = np.zeros(self.count, np.uint32)
        following[kept] = walk.run(codes.NEXT, state_nodes[kept])
        self.events = nodes.events != 0
        memory = Memory(
            variables=present[kept],
            following=following[kept],
            initial=tables.initial[kept],
            states=np.flatnonzero(kept),
            roles=np.full(int(kept.sum()), PRESENT, np.uint8),
            kept=self.flip_flop[kept],
        )
        plan = Plan(
            codes.BEFORE,
            np.concatenate((inputs[~is_clock], present[self.left_free])),
            np.concatenate((tables.source_bits[~is_clock], np.full(int(self.left_free.sum()), -1, np.int32))),
            np.concatenate((tables.source_ports[~is_clock], np.zeros(int(self.left_free.sum()), np.bool_))),
            memory,
        )
        return walk, plan

    def unsure(self, walk: Walk) -> NDArray[np.int64]:
        """The states whose control reacts to the edge it makes."""
        tainted = np.zeros(walk.size, np.bool_)
        tainted[walk.restless >> 1] = True
        _taint(tainted, walk.fanin0, walk.fanin1, walk.is_and)
        events: Literals = self.tables.nodes.events
        return np.flatnonzero(tainted[events[0] >> 1] | tainted[events[1] >> 1])

    def refuse_unsure(self, unsure: NDArray[np.int64], levels: dict[int, int]) -> NetworkError:
        """The error that a control reacts to the edge it makes."""
        return self.refuse(
            unsure.tolist(),
            f"has no clock that is surely an edge of {self.names(list(levels)) or 'any input'}: an input, or what a "
            "register shows, takes part in it at that very edge",
        )

    def refuse(self, states: Sequence[int], why: str) -> NetworkError:
        """The error that flip-flops cannot be stepped by the clock."""
        cell = int(self.tables.nodes.state_cells[states[0]])
        place = self.module.cells.place(cell)
        more = f" (and {len(states) - 1:,} more registers)" if len(states) > 1 else ""
        return NetworkError(
            f"the register {self.module.cells.names[cell]!r}{more} {why}",
            file=None if place is None else place.file,
            line=None if place is None else place.line,
            expected="a clock that comes from an input through buffers, inverters and gates whose enables are held by "
            "a latch, or change at the other edge",
            remedy="name the clocks, or assemble in mode 'event', which takes clocks as inputs",
        )

    def told(self, levels: dict[int, int]) -> list[Text]:
        """Sentences on what was taken for granted."""
        notes = []
        if self.without_edge.any():
            notes.append(
                Text(
                    template="{count} registers have no sure clock edge and are left free, among them {name}.",
                    args={
                        "count": int(self.without_edge.sum()),
                        "name": self.instance(int(np.flatnonzero(self.without_edge)[0])),
                    },
                )
            )
        other = self.left_free & ~self.without_edge
        if other.any():
            origins, counts = np.unique(self.origin[other], return_counts=True)
            listed = list(zip(origins.tolist(), counts.tolist(), strict=True))
            notes += [
                Text(
                    template="{count} registers on the clock {clock} are left free: it is not the declared clock edge.",
                    args={"count": count, "clock": self.name(source)},
                )
                for source, count in listed[:_SHOWN]
            ]
            if listed[_SHOWN:]:
                notes.append(
                    Text(
                        template="{count} registers on {clocks} more clocks are left free.",
                        args={
                            "count": sum(count for _, count in listed[_SHOWN:]),
                            "clocks": len(listed) - _SHOWN,
                        },
                    )
                )
        middle = int(self.events[1].sum())
        if middle:
            notes.append(
                Text(
                    template="{count} registers act in the middle of the clock period; inputs are taken to change at "
                    "its beginning only.",
                    args={"count": middle},
                )
            )
        if len(levels) > 1:
            notes.append(
                Text(
                    template="The clocks {names} are taken to step together.",
                    args={"names": self.names(list(levels))},
                )
            )
        still = int((self.flip_flop & ~self.left_free & ~self.events.any(axis=0)).sum())
        if still:
            notes.append(
                Text(
                    template="{count} registers are never clocked: they keep what they hold at power-up.",
                    args={"count": still},
                )
            )
        return notes

    def domains(self, levels: dict[int, int]) -> list[WaitingDomain]:
        """The edges that step and the states they move."""
        found = []
        for source, level in levels.items():
            mine = (self.origin == source) | ((self.origin == SEVERAL) & (source == next(iter(levels))))
            for which, edge_level in ((0, level), (1, 1 - level)):
                states = np.flatnonzero(mine & self.events[which] & ~self.left_free)
                if states.size:
                    edge = "rising" if edge_level else "falling"
                    found.append(WaitingDomain(self.net_bit(source), self.name(source), edge, which == 0, states))
        return found
