"""A flat netlist of known cells as plain Verilog that any simulator runs: gates as assignments, states as processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandgrain.equivalence.sides import Side
from sandgrain.netlist.cell_function import FLIP_FLOP, CellFunction, StateElement
from sandgrain.netlist.model import ONE, ZERO
from sandgrain.netlist.state_bits import functions_of


def flat_verilog(side: Side, name: str) -> str:
    """The flat module of a side as a Verilog module called ``name``, with the ports ``p0``, ``p1``, .. in order."""
    module = side.module
    functions, ids = functions_of(module.cells, side.linked.lookup)
    ports = ", ".join(f"p{number}" for number in range(len(module.ports)))
    lines = [f"module {name}({ports});"]
    for number, port in enumerate(module.ports):
        lines.append(f"  {port.direction} [{port.width - 1}:0] p{number};")
    lines += [f"  wire n{bit};" for bit in range(module.bit_count)]
    for number, port in enumerate(module.ports):
        for position, bit in enumerate(port.bits.tolist()):
            if port.direction == "output":
                lines.append(f"  assign p{number}[{position}] = {_net(bit)};")
            elif bit >= 0:
                lines.append(f"  assign n{bit} = p{number}[{position}];")
    for cell, group in enumerate(ids):
        function = functions[group]
        if function is not None:
            pins = {pin.name: pin.bits.tolist() for pin in module.cells.pins(cell)}
            lines += _cell(cell, function, pins)
    return "\n".join([*lines, "endmodule"]) + "\n"


def _net(bit: int) -> str:
    if bit >= 0:
        return f"n{bit}"
    return {ZERO: "1'b0", ONE: "1'b1"}.get(bit, "1'bx")


def _cell(cell: int, function: CellFunction, pins: dict[str, list[int]]) -> Iterator[str]:
    inputs = len(function.inputs) - function.unknown

    def variable(at: int) -> str:
        if at == 0:
            return "1'b0"
        if at <= inputs:
            pin, position = function.inputs[at - 1]
            return _net(pins[pin][position]) if pin in pins else "1'bx"
        if at < function.first_state:
            return "1'bx"
        return f"c{cell}_{at}"

    def literal(value: int) -> str:
        return f"~{variable(value >> 1)}" if value & 1 else variable(value >> 1)

    for number, state in enumerate(function.states):
        yield from _state(f"c{cell}_{function.first_state + number}", state, literal)
    for number, (left, right) in enumerate(function.gates):
        yield f"  wire c{cell}_{function.first_gate + number} = {literal(left)} & {literal(right)};"
    for (pin, position), value in function.outputs.items():
        bit = pins[pin][position] if pin in pins else -1
        if bit >= 0:
            driven = function.drives.get((pin, position))
            shown = literal(value) if driven is None else f"({literal(driven)}) ? {literal(value)} : 1'bz"
            yield f"  assign n{bit} = {shown};"


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
