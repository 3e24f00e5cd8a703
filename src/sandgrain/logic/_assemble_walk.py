"""Running the compiled walk: room for the graph and the stack, and the message when gates form a loop."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic import _assemble_nodes as codes
from sandgrain.logic._assemble_kernel import drive, walk
from sandgrain.logic._assemble_tables import Tables
from sandgrain.logic.graph import _rehash
from sandgrain.logic.network import Literals
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.model import Module

_SHOWN: Final = 8
_PHASES: Final = 5


class Walk:
    """A graph in the making and the literal of every node in every phase.

    Attributes:
        literals: uint32 (phases * nodes,), ``literals[phase * nodes + node]``.
        cut: literal of every node at which a loop was cut open.
    """

    def __init__(
        self, module: Module, tables: Tables, *, cycle: bool, variables: int, gates: int, leave_free: bool = False
    ) -> None:
        self.module = module
        self.tables = tables
        self.cycle = cycle
        self.restless = 0
        self.leave_free = leave_free
        self.cut: dict[int, int] = {}
        count = tables.node_count
        self.literals: Literals = np.zeros(_PHASES * count, np.uint32)
        self._status = np.zeros(_PHASES * count, np.uint8)
        capacity = 1 << max(10, (variables + gates).bit_length())
        self._fanin0 = np.zeros(capacity, np.uint32)
        self._fanin1 = np.zeros(capacity, np.uint32)
        self._is_and = np.zeros(capacity, np.bool_)
        self._table = np.full(2 * capacity, np.uint32(0xFFFFFFFF), np.uint32)
        self._stack = np.zeros((1 << 12, 3), np.int64)
        self._n = np.zeros(codes.COUNTERS, np.int64)
        self._n[codes.SIZE] = 1
        widest = 1 + np.diff(tables.cones.slot_offsets) + np.diff(tables.cones.gate_offsets)
        self._buffer = np.zeros(2 + int(widest.max(initial=0)), np.uint32)

    @property
    def size(self) -> int:
        """Number of variables."""
        return int(self._n[codes.SIZE])

    @property
    def fanin0(self) -> Literals:
        """uint32 (variables,), meaningless where not `is_and`."""
        return self._fanin0[: self.size]

    @property
    def fanin1(self) -> Literals:
        """uint32 (variables,), meaningless where not `is_and`."""
        return self._fanin1[: self.size]

    @property
    def is_and(self) -> NDArray[np.bool_]:
        """bool (variables,)."""
        return self._is_and[: self.size]

    def free(self, count: int) -> Literals:
        """``count`` new free variables as positive literals."""
        start = self.size
        self._n[codes.SIZE] += count
        while self.size > self._fanin0.size:
            self._grow()
        return np.arange(start, start + count, dtype=np.uint32) * np.uint32(2)

    def give(self, phase: int, nodes: NDArray[np.integer], literals: Literals | int) -> None:
        """Say what nodes are in a phase."""
        where = phase * self.tables.node_count + nodes
        self.literals[where] = literals
        self._status[where] = codes.KNOWN

    def run(self, phase: int, nodes: NDArray[np.integer]) -> Literals:
        """The literals of ``nodes`` in a phase.

        Raises:
            NetworkError: they depend on a loop of gates.
        """
        roots = phase * self.tables.node_count + nodes.astype(np.int64)
        self._n[codes.ROOT] = 0
        while True:
            code = walk(
                roots,
                self.cycle,
                np.uint32(self.restless),
                self.tables.cones,
                self.tables.states,
                self.tables.nodes,
                self.literals,
                self._status,
                self._stack,
                self._buffer,
                self._table,
                self._fanin0,
                self._fanin1,
                self._is_and,
                self._n,
            )
            if code == codes.DONE:
                result: Literals = self.literals[roots]
                return result
            if code == codes.LOOP:
                if not self.leave_free:
                    raise self._loop()
                self._cut()
            if code == codes.GROW_STACK:
                self._stack = np.concatenate((self._stack, np.zeros_like(self._stack)))
            else:
                self._grow()

    def _cut(self) -> None:
        """Make the node that closes a loop a free variable, in every phase that does not know it yet."""
        count = self.tables.node_count
        node = int(self._n[codes.AT]) % count
        if node not in self.cut:
            self.cut[node] = int(self.free(1)[0])
        for phase in range(codes.NEXT):
            where = phase * count + node
            if self._status[where] != codes.KNOWN:
                restless = self.cycle and phase == codes.EDGE
                self.literals[where] = self.restless if restless else self.cut[node]
                self._status[where] = codes.KNOWN

    def closing(self) -> dict[int, int]:
        """What drives each net at which a loop was cut open, if that is the same all through a period of the clock."""
        found = {}
        for node in list(self.cut):
            if self.tables.nodes.kinds[node] == codes.IS_NET:
                before, after = (self._driven(phase, node) for phase in (codes.BEFORE, codes.AFTER))
                if before == after:
                    found[node] = before
        return found

    def _driven(self, phase: int, net: int) -> int:
        """The literal of what drives a net at which a loop was cut open; the loop stays so."""
        nodes, cones = self.tables.nodes, self.tables.cones
        for driver in range(int(nodes.driver_offsets[net]), int(nodes.driver_offsets[net + 1])):
            cell = nodes.driver_cells[driver]
            for reference in (nodes.driver_values[driver], nodes.driver_conditions[driver]):
                if reference >= 0:
                    cone = reference >> 1
                    slots = cones.slots[cones.slot_offsets[cone] : cones.slot_offsets[cone + 1]]
                    needed = nodes.slots[nodes.slot_offsets[cell] + slots]
                    self.run(phase, needed[needed >= 0])
        drivers = 2 * int(nodes.driver_offsets[net + 1] - nodes.driver_offsets[net])
        while self.size + (drivers + 8) * (self._buffer.size + 4) + codes.MARGIN > self._fanin0.size:
            self._grow()
        literal, size = drive(
            net,
            phase,
            cones,
            nodes,
            self.literals,
            self._buffer,
            self._table,
            self._fanin0,
            self._fanin1,
            self._is_and,
            self.size,
        )
        self._n[codes.SIZE] = size
        return int(literal)

    def _grow(self) -> None:
        for name in ("_fanin0", "_fanin1", "_is_and"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate((old, np.zeros_like(old))))
        self._table = np.empty(2 * self._fanin0.size, np.uint32)
        _rehash(self._table, self._fanin0, self._fanin1, self._is_and, min(self.size, self._fanin0.size // 2))

    def _loop(self) -> NetworkError:
        count = self.tables.node_count
        path = self._stack[: int(self._n[codes.TOP]), 0]
        begin = int(np.flatnonzero(path == self._n[codes.AT])[-1])
        nodes = path[begin:] % count
        bits = [int(node) for node in nodes.tolist() if node < self.module.bit_count]
        states = nodes[(nodes >= self.tables.nodes.first_state)] - self.tables.nodes.first_state
        # The walk goes from a net to what it depends on; signals flow the other way.
        shown = " -> ".join(repr(bit_name(self.module, bit)) for bit in reversed(bits[:_SHOWN]))
        more = f" and {len(bits) - _SHOWN:,} more nets" if len(bits) > _SHOWN else ""
        cells = [int(self.tables.nodes.driver_cells[int(self.tables.nodes.driver_offsets[bit])]) for bit in bits]
        place = next((found for found in map(self.module.cells.place, cells) if found is not None), None)
        what = "a combinational loop"
        if states.size:
            cell = int(self.tables.nodes.state_cells[int(states[0])])
            what = f"a loop through the transparent or asynchronous input of {self.module.cells.names[cell]!r}"
            place = place or self.module.cells.place(cell)
        return NetworkError(
            f"{what}: {shown or 'inside one cell'}{more}",
            file=None if place is None else place.file,
            line=None if place is None else place.line,
            expected="every loop broken by a register",
            remedy="break the loop in the description, or ask for loops to be cut open",
        )
