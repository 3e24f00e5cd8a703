"""A flat netlist of known cells as plain Verilog that any simulator runs: gates as assignments, states as processes.

A loop of gates would keep a simulator busy for ever, or at what it was before. So what lies on loops is written out as
often as the engine goes round them, the first time from unknown values; see `sandgrain.logic.settling`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sandgrain.equivalence.sides import Side
from sandgrain.errors import ReplayError
from sandgrain.logic.settling import rounds
from sandgrain.netlist.cell_function import FLIP_FLOP, CellFunction, StateElement
from sandgrain.netlist.model import ONE, ZERO
from sandgrain.netlist.state_bits import functions_of

_Pins = dict[str, list[int]]


@dataclass(frozen=True)
class _Copy:
    """How nets are called in one copy of what lies on loops.

    Attributes:
        suffix: of what this copy has for itself.
        own: the nets that it has for itself.
        read: other names under which nets are read.
        hidden: nets that it does not drive.
    """

    suffix: str
    own: frozenset[int]
    read: Mapping[int, str]
    hidden: frozenset[int]

    def net(self, bit: int) -> str:
        """What a net is called where it is read."""
        if bit in self.read:
            return self.read[bit]
        if bit >= 0:
            return self.driven(bit)
        return {ZERO: "1'b0", ONE: "1'b1"}.get(bit, "1'bx")

    def driven(self, bit: int) -> str:
        """What a net is called where it is driven."""
        return f"n{bit}{self.suffix if bit in self.own else ''}"


def flat_verilog(side: Side, name: str) -> str:
    """The flat module of a side as a Verilog module called ``name``, with the ports ``p0``, ``p1``, .. in order.

    Raises:
        ReplayError: a loop of gates goes through a register, or is not gone round.
    """
    module = side.module
    functions, ids = functions_of(module.cells, side.linked.lookup)
    cells = {
        cell: (function, {pin.name: pin.bits.tolist() for pin in module.cells.pins(cell) if pin.bits.size})
        for cell, group in enumerate(ids)
        if (function := functions[group]) is not None
    }
    ports = ", ".join(f"p{number}" for number in range(len(module.ports)))
    lines = [f"module {name}({ports});"]
    for number, port in enumerate(module.ports):
        lines.append(f"  {port.direction} [{port.width - 1}:0] p{number};")
    lines += [f"  wire n{bit};" for bit in range(module.bit_count)]
    read, around = dict[int, str](), side.loops
    if around or side.unsettled:
        lines += _rounds(side, cells, read)
    whole = _Copy("", frozenset(), read, around)
    for number, port in enumerate(module.ports):
        for position, bit in enumerate(port.bits.tolist()):
            if port.direction == "output":
                lines.append(f"  assign p{number}[{position}] = {whole.net(bit)};")
            elif bit >= 0:
                lines.append(f"  assign n{bit} = p{number}[{position}];")
    for cell, (function, pins) in cells.items():
        lines += _cell(cell, function, pins, whole)
    return "\n".join([*lines, "endmodule"]) + "\n"


def _rounds(side: Side, cells: Mapping[int, tuple[CellFunction, _Pins]], read: dict[int, str]) -> Iterator[str]:
    """What lies on loops, as often as they are gone round; ``read`` then says what it comes to."""
    looping, on_loops = _on_loops(side, cells)
    read |= dict.fromkeys(side.loops, "1'bx")
    for number in range(rounds(side.assembled)):
        copy = _Copy(f"_r{number}", looping, dict(read), frozenset())
        yield from (f"  wire {copy.driven(bit)};" for bit in sorted(looping))
        for cell in on_loops:
            function, pins = cells[cell]
            yield from _cell(cell, function, pins, copy)
        read |= {bit: copy.driven(bit) for bit in side.loops}


def _on_loops(side: Side, cells: Mapping[int, tuple[CellFunction, _Pins]]) -> tuple[frozenset[int], list[int]]:
    """The nets that lie between the places where loops are cut open, and the cells that drive them."""
    readers, drivers = defaultdict[int, list[int]](list), dict[int, int]()
    inputs, outputs = dict[int, list[int]](), dict[int, list[int]]()
    for cell, (function, pins) in cells.items():
        inputs[cell] = [pins[pin][at] for pin, at in function.inputs[: -function.unknown or None] if pin in pins]
        outputs[cell] = [pins[pin][at] for pin, at in function.outputs if pin in pins]
        drivers |= dict.fromkeys(outputs[cell], cell)
        # A register passes nothing on within a cycle; a loop that goes through one all the same is found below.
        for bit in inputs[cell] if not function.states else ():
            readers[bit].append(cell)

    def reached(further: Callable[[int], Iterator[int]]) -> set[int]:
        found, stack = set(side.loops), list(side.loops)
        while stack:
            for bit in further(stack.pop()):
                if bit >= 0 and bit not in found:
                    found.add(bit)
                    stack.append(bit)
        return found

    after = reached(lambda bit: (out for cell in readers[bit] for out in outputs[cell]))
    before = reached(lambda bit: iter(inputs[drivers[bit]] if bit in drivers else ()))
    looping = frozenset(after & before)
    on_loops = sorted({drivers[bit] for bit in looping if bit in drivers})
    if side.unsettled or any(cells[cell][0].states for cell in on_loops):
        raise ReplayError(
            "a loop of gates cannot be simulated",
            expected="loops through gates alone, the same all through a period of the clock",
            remedy="break the loop",
        )
    return looping, on_loops


def _cell(cell: int, function: CellFunction, pins: _Pins, copy: _Copy) -> Iterator[str]:
    inputs = len(function.inputs) - function.unknown
    own = f"c{cell}{copy.suffix}"

    def variable(at: int) -> str:
        if at == 0:
            return "1'b0"
        if at <= inputs:
            pin, position = function.inputs[at - 1]
            return copy.net(pins[pin][position]) if pin in pins else "1'bx"
        if at < function.first_state:
            return "1'bx"
        return f"{own}_{at}"

    def literal(value: int) -> str:
        return f"~{variable(value >> 1)}" if value & 1 else variable(value >> 1)

    for number, state in enumerate(function.states):
        yield from _state(f"{own}_{function.first_state + number}", state, literal)
    for number, (left, right) in enumerate(function.gates):
        yield f"  wire {own}_{function.first_gate + number} = {literal(left)} & {literal(right)};"
    for (pin, position), value in function.outputs.items():
        bit = pins[pin][position] if pin in pins else -1
        if bit >= 0 and bit not in copy.hidden and (bit in copy.own or not copy.own):
            driven = function.drives.get((pin, position))
            shown = literal(value) if driven is None else f"({literal(driven)}) ? {literal(value)} : 1'bz"
            yield f"  assign {copy.driven(bit)} = {shown};"


def _state(name: str, state: StateElement, literal: Callable[[int], str]) -> Iterator[str]:
    init = f" = 1'b{state.init}" if state.init in "01" else ""
    yield f"  reg {name}{init};"
    for part in ("data", "control", "clear", "preset"):
        yield f"  wire {name}_{part} = {literal(getattr(state, part))};"
    forced = [
        (f"{name}_clear & {name}_preset", f"1'b{state.both}") if state.clear and state.preset else None,
        (f"{name}_clear", "1'b0") if state.clear else None,
        (f"{name}_preset", "1'b1") if state.preset else None,
    ]
    tests = [item for item in forced if item is not None]
    after = "".join(f"if ({test}) {name} {{assign}} {value}; else " for test, value in tests)
    if state.kind == FLIP_FLOP:
        edges = [f"posedge {name}_control"]
        edges += [f"posedge {name}_{part}" for part in ("clear", "preset") if getattr(state, part)]
        yield f"  always @({' or '.join(edges)}) {after.format(assign='<=')}{name} <= {name}_data;"
    else:
        yield f"  always @* {after.format(assign='=')}if ({name}_control) {name} = {name}_data;"
