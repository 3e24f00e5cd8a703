"""From the flat gate netlist to a `Model`: clocks resolved, every undefined bit a free input, nothing silently zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic.expressions import Signals, literal_of
from sandgrain.logic.graph import AND_BIT, NOT_BIT, Graph
from sandgrain.logic.model import InputBit, LatchBit, Model, PortBits
from sandgrain.logic.network import FREE_INPUT, PORT_INPUT, UNKNOWN, Literals, Network
from sandgrain.netlist.model import INPUT, ONE, ZERO, CellTable, Module, Net, X
from sandgrain.submission import Expression
from sandgrain.verdict import Place, Text

_FLIP_FLOPS = {"$_DFF_P_": "rising", "$_DFF_N_": "falling"}
_GATES = {"$_AND_": AND_BIT, "$_NOT_": NOT_BIT}
_FREE = "$anyseq"


@dataclass(frozen=True)
class ClockEdge:
    """A declared clock: input port and the edge (``rising`` or ``falling``) on which registers change."""

    port: str
    edge: str


@dataclass(frozen=True)
class Built:
    """A model and what of the design it leaves free.

    Attributes:
        not_modelled: sentences naming what became free inputs: other clock domains, latches, black boxes.
    """

    model: Model
    not_modelled: tuple[Text, ...]


def build(gates: Module, clock: ClockEdge, outputs: Mapping[str, Expression]) -> Built:
    """Build the model of a flat gate-level module.

    Args:
        gates: cells ``$_AND_``, ``$_NOT_``, ``$_DFF_P_``, ``$_DFF_N_``, ``$anyseq``; the outputs of anything else
            are free inputs and are named in ``not_modelled``.
        clock: registers on another clock or edge are left free and named.
        outputs: expressions over ports and signals to carry along, by name.

    Raises:
        NetworkError: no such clock, a net with two drivers, a combinational loop, an expression naming no signal.
    """
    return _Builder(gates, clock).build(outputs)


class _Builder:
    def __init__(self, gates: Module, clock: ClockEdge) -> None:
        self.gates = gates
        self.clock = clock
        self.clock_bit = self._clock_bit()
        self.inputs: list[InputBit] = []
        self.input_bits: list[int] = []
        self.kinds = np.zeros(gates.bit_count, np.uint8)
        self.left = np.full(gates.bit_count, -1, np.int64)
        self.right = np.full(gates.bit_count, -1, np.int64)
        self.driven = np.zeros(gates.bit_count, np.bool_)
        self.names = _bit_names(gates)
        self.extra = gates.bit_count  # ids of bits invented for x constants, one each
        self.not_modelled: list[Text] = []

    def build(self, outputs: Mapping[str, Expression]) -> Built:
        for port in self.gates.ports:
            if port.direction != "output":
                for index, bit in enumerate(port.bits.tolist()):
                    if bit >= 0:
                        self.driven[bit] = True
                        if bit != self.clock_bit:
                            self._input(bit, InputBit(port.name, index, f"{port.name}[{index}]"))
        self._gates()
        latches, next_bits = self._flip_flops()
        self._free_cells()
        self._other_cells()
        undriven = np.flatnonzero(~self.driven)
        for bit in undriven.tolist():
            self._free(bit, group=-2 - bit)
        self.left, unknown_left = self._constants(self.left)
        self.right, unknown_right = self._constants(self.right)
        next_array, unknown_next = self._constants(np.array(next_bits, np.int64))
        for bit in (*unknown_left, *unknown_right, *unknown_next):
            self._free(bit, group=-2 - bit)
        return self._freeze(latches, next_array, outputs)

    def _clock_bit(self) -> int:
        for port in self.gates.ports:
            if port.name == self.clock.port:
                if port.direction != "input" or port.width != 1:
                    raise NetworkError(
                        f"clock {self.clock.port!r} is not a one-bit input port of {self.gates.name!r}",
                        expected="a one-bit input port",
                        remedy="name the clock input in [[clocks]]",
                    )
                return int(port.bits[0])
        ports = ", ".join(port.name for port in self.gates.ports if port.direction == "input") or "none"
        raise NetworkError(
            f"clock {self.clock.port!r} is not a port of {self.gates.name!r}",
            expected=f"one of its input ports: {ports}",
            remedy="correct [[clocks]] in submission.toml",
        )

    def _input(self, bit: int, what: InputBit) -> None:
        self.inputs.append(what)
        self.input_bits.append(bit)

    def _free(self, bit: int, group: int) -> None:
        if bit < self.driven.size:
            self.driven[bit] = True
        name = self.names[bit][0] if bit < len(self.names) else "x"
        self._input(bit, InputBit(None, 0, name, group))

    def _drive(self, bits: NDArray[np.int64], kind: str) -> None:
        if bits.size and (int(bits.min()) < 0 or np.unique(bits).size != bits.size or self.driven[bits].any()):
            counts = Counter(bits.tolist())
            doubled = next(bit for bit, count in counts.items() if bit < 0 or count > 1 or self.driven[bit])
            name = self.names[doubled][0] if doubled >= 0 else "a constant"
            raise NetworkError(f"{name} has two drivers, one of them a {kind}", expected="one driver per net bit")
        self.driven[bits] = True

    def _gates(self) -> None:
        for kind, code in _GATES.items():
            cells = self.gates.cells.of_type(kind)
            out = _pin_column(self.gates.cells, cells, "Y")
            self._drive(out, kind)
            self.kinds[out] = code
            self.left[out] = _pin_column(self.gates.cells, cells, "A")
            if code == AND_BIT:
                self.right[out] = _pin_column(self.gates.cells, cells, "B")

    def _flip_flops(self) -> tuple[list[int], list[int]]:
        latches: list[int] = []
        next_bits: list[int] = []
        other: dict[str, int] = {}
        for kind, edge in _FLIP_FLOPS.items():
            cells = self.gates.cells.of_type(kind)
            clocks = _pin_column(self.gates.cells, cells, "C").tolist()
            states = _pin_column(self.gates.cells, cells, "Q")
            nexts = _pin_column(self.gates.cells, cells, "D").tolist()
            self._drive(states, kind)
            for clock, state, following in zip(clocks, states.tolist(), nexts, strict=True):
                if clock == self.clock_bit and edge == self.clock.edge:
                    latches.append(state)
                    next_bits.append(following)
                else:
                    name = self.names[clock][0] if clock >= 0 else "a constant"
                    key = f"{name} ({edge})"
                    other[key] = other.get(key, 0) + 1
                    self._free(state, group=-2 - state)
        for key, count in sorted(other.items()):
            self.not_modelled.append(
                Text(
                    template="{count} registers on the clock {clock} are left free: it is not the declared clock edge.",
                    args={"count": count, "clock": key},
                )
            )
        return latches, next_bits

    def _free_cells(self) -> None:
        for cell in self.gates.cells.of_type(_FREE).tolist():
            bits = self.gates.cells.pin(cell, "Y")
            self._drive(bits.astype(np.int64), _FREE)
            for bit in bits.tolist():
                self._free(bit, group=1 + cell)

    def _other_cells(self) -> None:
        known = {*_GATES, *_FLIP_FLOPS, _FREE}
        counts: dict[str, int] = {}
        for type_id, name in enumerate(self.gates.cells.type_names):
            if name in known:
                continue
            for cell in np.flatnonzero(self.gates.cells.type_ids == type_id).tolist():
                counts[name] = counts.get(name, 0) + 1
                for pin in self.gates.cells.pins(cell):
                    for bit in pin.bits.tolist():
                        if pin.direction != INPUT and bit >= 0 and not self.driven[bit]:
                            self._free(bit, group=1 + cell)
        for name, count in sorted(counts.items()):
            self.not_modelled.append(
                Text(
                    template="{count} instances of {type} have no modelled function: what they drive is left free.",
                    args={"count": count, "type": name},
                )
            )

    def _constants(self, bits: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
        """Map netlist constants to those of `Graph.resolve`, each x or z to a bit of its own."""
        unknown = np.flatnonzero(bits <= X)
        result = bits.copy()
        result[bits == ZERO] = -1
        result[bits == ONE] = -2
        fresh = np.arange(self.extra, self.extra + unknown.size, dtype=np.int64)
        result[unknown] = fresh
        self.extra += int(unknown.size)
        return result, fresh.tolist()

    def _freeze(self, latches: list[int], next_bits: NDArray[np.int64], outputs: Mapping[str, Expression]) -> Built:
        graph = Graph(max(1 << 10, 2 * self.extra))
        literals = np.zeros(self.extra, np.uint32)
        known = np.zeros(self.extra, np.bool_)
        grow = self.extra - self.kinds.size
        kinds = np.concatenate((self.kinds, np.zeros(grow, np.uint8)))
        pad = np.full(grow, -1, np.int64)
        input_bits = np.array(self.input_bits, np.int64)
        literals[input_bits] = graph.free(input_bits.size)
        latch_bits = np.array(latches, np.int64)
        state = graph.free(latch_bits.size)
        literals[latch_bits] = state
        known[input_bits] = True
        known[latch_bits] = True
        if not known[self.clock_bit]:
            # The clock as data: a free input, since within a cycle it is both.
            extra = graph.free(1)
            literals[self.clock_bit] = extra[0]
            known[self.clock_bit] = True
            clock_literal = int(extra[0])
        cycle = graph.resolve(
            kinds, np.concatenate((self.left, pad)), np.concatenate((self.right, pad)), literals, known
        )
        if cycle >= 0:
            name, place = self.names[cycle] if cycle < len(self.names) else ("a net", None)
            raise NetworkError(
                f"combinational loop through {name}",
                file=None if place is None else place.file,
                line=None if place is None else place.line,
                expected="every loop broken by a register",
                remedy="break the loop in the description",
            )
        signals = Signals(self.gates, literals)
        named = {name: literal_of(expression, signals, graph) for name, expression in outputs.items()}
        nexts = _bit_literals(next_bits, literals)
        data = np.concatenate((nexts, np.fromiter(named.values(), np.uint32, len(named))))
        self._refuse_clock_as_data(graph, clock_literal, data)
        return Built(self._model(graph, latches, nexts, named, literals), tuple(self.not_modelled))

    def _refuse_clock_as_data(self, graph: Graph, clock_literal: int, data: Literals) -> None:
        used = np.concatenate((graph.fanin0[graph.is_and], graph.fanin1[graph.is_and], data)) >> np.uint32(1)
        if (used == clock_literal >> 1).any():
            raise NetworkError(
                f"the clock {self.clock.port!r} is used as data",
                expected="a clock that only clocks registers (no gated clocks, no logic on the clock)",
                remedy="model the clock gate as an enable, or declare the gated clock's register as a black box",
            )

    def _model(
        self, graph: Graph, latches: list[int], nexts: Literals, named: Mapping[str, int], literals: Literals
    ) -> Model:
        # The clock's variable sits between latches and gates and nothing uses it: renumber past it.
        first = 1 + len(self.inputs) + len(latches)

        def without_clock(array: Literals) -> Literals:
            return np.where(array >> np.uint32(1) > first, array - np.uint32(2), array).astype(np.uint32)

        inits = _initial_values(self.gates)
        network = Network(
            input_kinds=np.array(
                [PORT_INPUT if item.port is not None else FREE_INPUT for item in self.inputs], np.uint8
            ),
            latch_next=without_clock(nexts),
            latch_init=np.array([inits.get(bit, UNKNOWN) for bit in latches], np.uint8),
            fanin0=without_clock(graph.fanin0[first + 1 :]),
            fanin1=without_clock(graph.fanin1[first + 1 :]),
        )
        carried = [
            port.name
            for port in self.gates.ports
            if port.direction == "output"
            and (_bit_literals(port.bits.astype(np.int64), literals) >> np.uint32(1) == first).any()
        ]
        self.not_modelled += [
            Text(template="The output {port} carries the clock: it is not looked at.", args={"port": name})
            for name in carried
        ]
        ports = tuple(
            PortBits(port.name, port.direction, without_clock(_bit_literals(port.bits.astype(np.int64), literals)))
            for port in self.gates.ports
            if port.name != self.clock.port and port.name not in carried
        )
        return Model(
            network=network,
            inputs=tuple(self.inputs),
            latches=tuple(LatchBit(*self.names[bit]) for bit in latches),
            outputs={name: int(without_clock(np.array([value], np.uint32))[0]) for name, value in named.items()},
            ports=ports,
        )


def _pin_column(cells: CellTable, rows: NDArray[np.int64], pin: str) -> NDArray[np.int64]:
    """The single bit of pin ``pin`` of each cell in ``rows``: int64 (rows,)."""
    if rows.size == 0:
        return np.empty(0, np.int64)
    pin_id = cells.pin_names.index(pin)
    owner = np.repeat(np.arange(len(cells)), np.diff(cells.pin_offsets))
    chosen = np.flatnonzero(cells.pin_ids == pin_id)
    column = np.full(len(cells), -1, np.int64)
    column[owner[chosen]] = chosen
    return cells.bits[cells.bit_offsets[column[rows]]].astype(np.int64)


def _bit_literals(bits: NDArray[np.int64], literals: Literals) -> Literals:
    """Literals of bits where -1 is 0 and anything below is 1 (x has been given a bit of its own before)."""
    safe = np.maximum(bits, 0)
    return np.where(bits >= 0, literals[safe], np.where(bits == -1, 0, 1)).astype(np.uint32)


def _bit_names(module: Module) -> list[tuple[str, Place | None]]:
    """The best name of every net bit: the vendor's own, at the highest level, shortest."""
    best: list[tuple[tuple[bool, int, int, str], Net, int] | None] = [None] * module.bit_count
    for net in module.nets:
        for index, bit in enumerate(net.bits.tolist()):
            if bit < 0:
                continue
            key = (net.hidden, net.name.count("."), len(net.name), net.name)
            known = best[bit]
            if known is None or key < known[0]:
                best[bit] = (key, net, index)
    return [("", None) if item is None else (item[1].bit_name(item[2]), item[1].place) for item in best]


def _initial_values(module: Module) -> dict[int, int]:
    values: dict[int, int] = {}
    for net in module.nets:
        if net.init is not None:
            for bit, value in zip(net.bits.tolist(), reversed(net.init), strict=False):
                if value in "01" and bit >= 0:
                    values[bit] = int(value)
    return values
