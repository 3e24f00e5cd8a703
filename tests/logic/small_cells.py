"""A handful of cells, and a plain reading of networks, for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandgrain.logic.network import Network
from sandgrain.netlist.cell_function import FLIP_FLOP, LATCH, Cell, FunctionBuilder, StateElement
from sandgrain.netlist.model import INPUT, OUTPUT, Parameter


def _gate(name: str, inputs: str) -> Cell:
    b = FunctionBuilder([(pin, 0) for pin in inputs])
    p = [b.pin(pin) for pin in inputs]
    value = {
        "BUF": lambda: p[0],
        "INV": lambda: p[0] ^ 1,
        "AND": lambda: b.land(p[0], p[1]),
        "OR": lambda: b.lor(p[0], p[1]),
        "XOR": lambda: b.xor(p[0], p[1]),
        "MUX": lambda: b.mux(p[2], p[0], p[1]),
    }[name]()
    return Cell(name, {**dict.fromkeys(inputs, (INPUT, 1)), "Y": (OUTPUT, 1)}, b.finish({("Y", 0): value}))


def _register(name: str, kind: str, extra: str = "", both: str = "0", init: str = "0", inverted: bool = False) -> Cell:
    """``extra``: ``R`` and ``S`` are active-high clear and preset; ``N`` an output ``QN``."""
    pins = ["D", "C", *(pin for pin in extra if pin in "RS")]
    b = FunctionBuilder([(pin, 0) for pin in pins], ["IQ"])
    q = b.state("IQ")
    state = StateElement(
        "IQ",
        kind,
        b.pin("D"),
        b.pin("C") ^ int(inverted),
        clear=b.pin("R") if "R" in pins else 0,
        preset=b.pin("S") if "S" in pins else 0,
        both=both,
        init=init,
    )
    outputs = {("Q", 0): q} | ({("QN", 0): q ^ 1} if "N" in extra else {})
    directions = {**dict.fromkeys(pins, (INPUT, 1)), **{pin: (OUTPUT, 1) for pin, _ in outputs}}
    return Cell(name, directions, b.finish(outputs, [state]))


def _clock_gate() -> Cell:
    b = FunctionBuilder([("C", 0), ("E", 0)], ["L"])
    state = StateElement("L", LATCH, b.pin("E"), b.pin("C") ^ 1, init="0")
    value = b.land(b.pin("C"), b.state("L"))
    pins = {"C": (INPUT, 1), "E": (INPUT, 1), "G": (OUTPUT, 1)}
    return Cell("ICG", pins, b.finish({("G", 0): value}, [state]))


def _three_state() -> Cell:
    b = FunctionBuilder([("A", 0), ("E", 0)])
    pins = {"A": (INPUT, 1), "E": (INPUT, 1), "Y": (OUTPUT, 1)}
    return Cell("TRI", pins, b.finish({("Y", 0): b.pin("A")}, drives={("Y", 0): b.pin("E")}))


def _pull(name: str, value: int) -> Cell:
    return Cell(name, {"Y0": (OUTPUT, 1)}, FunctionBuilder([]).finish({("Y0", 0): value}))


def _adder() -> Cell:
    """Two bits and a carry on buses; the sum bit 0 does not depend on bit 1."""
    b = FunctionBuilder([("A", 0), ("A", 1), ("B", 0), ("B", 1)])
    half = b.xor(b.pin("A"), b.pin("B"))
    carry = b.land(b.pin("A"), b.pin("B"))
    upper = b.xor(b.xor(b.pin("A", 1), b.pin("B", 1)), carry)
    pins = {"A": (INPUT, 2), "B": (INPUT, 2), "S": (OUTPUT, 2)}
    return Cell("ADD2", pins, b.finish({("S", 0): half, ("S", 1): upper}))


def _unknown() -> Cell:
    """``Y`` is ``A`` while ``E`` holds and otherwise nobody knows."""
    b = FunctionBuilder([("A", 0), ("E", 0)], unknown=1)
    pins = {"A": (INPUT, 1), "E": (INPUT, 1), "Y": (OUTPUT, 1)}
    return Cell("UNK", pins, b.finish({("Y", 0): b.mux(b.pin("E"), b.pin("", 0), b.pin("A"))}))


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        _gate("BUF", "A"),
        _gate("INV", "A"),
        _gate("AND", "AB"),
        _gate("OR", "AB"),
        _gate("XOR", "AB"),
        _gate("MUX", "ABS"),
        _register("DFF", FLIP_FLOP, "N"),
        _register("DFFX", FLIP_FLOP, init="x"),
        _register("DFFN", FLIP_FLOP, init="1", inverted=True),
        _register("DFFR", FLIP_FLOP, "R"),
        _register("DFFSR", FLIP_FLOP, "RS", both="1"),
        _register("DFFSRX", FLIP_FLOP, "RS", both="x"),
        _register("LATCH", LATCH),
        _register("LATCHN", LATCH, init="1", inverted=True),
        _register("LATCHR", LATCH, "R"),
        _clock_gate(),
        _three_state(),
        _pull("pullup", 1),
        _pull("pulldown", 0),
        _adder(),
        _unknown(),
        Cell("FILL", {}, None, inert=True),
        Cell("RAM", {"A": (INPUT, 1), "Q": (OUTPUT, 1)}, None),
    )
}
"""Cells by name."""


def lookup(kind: str, pins: Sequence[tuple[str, int]], parameters: Mapping[str, Parameter]) -> Cell | None:
    """The cell of that name."""
    return CELLS.get(kind)


class Reading:
    """Steps a network with Python integers, one stimulus at a time."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.state = [int(value) & 1 for value in network.latch_init.tolist()]
        self.values: list[int] = []

    def step(self, inputs: Sequence[int]) -> None:
        """Evaluate with these inputs, then move on."""
        network = self.network
        self.values = [0, *inputs, *self.state]
        for left, right in zip(network.fanin0.tolist(), network.fanin1.tolist(), strict=True):
            self.values.append(self.of(left) & self.of(right))
        assert len(self.values) == network.variable_count
        self.state = [self.of(literal) for literal in network.latch_next.tolist()]

    def of(self, literal: int) -> int:
        """Value of a literal in the last step."""
        return self.values[literal >> 1] ^ (literal & 1)
