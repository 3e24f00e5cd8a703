"""The memory of a flat module, bit by bit, and what each bit is called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from sandgrain.netlist.cell_function import CellFunction
from sandgrain.netlist.model import CellTable, Module
from sandgrain.netlist.signatures import CellLookup, cell_key, signatures

State = tuple[int, int]
"""A cell, and which state of its function."""


def functions_of(cells: CellTable, lookup: CellLookup) -> tuple[list[CellFunction | None], Sequence[int]]:
    """The function of every signature, None for black boxes, and the signature of every cell."""
    groups = signatures(cells)
    found: list[CellFunction | None] = []
    for first in groups.first.tolist():
        kind, pins, parameters = cell_key(cells, first)
        cell = lookup(kind, pins, dict(parameters))
        found.append(None if cell is None else cell.function)
    return found, groups.ids.tolist()


def states_of(module: Module, lookup: CellLookup) -> list[State]:
    """Every state bit of a flat module, in the order of the cells."""
    functions, ids = functions_of(module.cells, lookup)
    counts = [0 if function is None else len(function.states) for function in functions]
    return [(cell, state) for cell, group in enumerate(ids) for state in range(counts[group])]


def state_names(module: Module, lookup: CellLookup) -> dict[State, str]:
    """A name of its own for every state bit: the best name of a net that shows it, else its instance.

    The vendor's own names come before generated ones, higher levels before lower ones, short ones before long ones.
    """
    functions, ids = functions_of(module.cells, lookup)
    shown: dict[int, State] = {}
    for cell, group in enumerate(ids):
        function = functions[group]
        if function is None or not function.states:
            continue
        pins = {pin.name: pin.bits for pin in module.cells.pins(cell) if pin.bits.size}
        for (pin, position), literal in function.outputs.items():
            state = (literal >> 1) - function.first_state
            if literal & 1 or not 0 <= state < len(function.states) or (pin, position) in function.drives:
                continue
            if pin in pins and int(pins[pin][position]) >= 0:
                shown.setdefault(int(pins[pin][position]), (cell, state))
    nets = module.nets
    best: dict[State, tuple[bool, int, int, str]] = {}
    positions = np.flatnonzero(np.isin(nets.bits, np.fromiter(shown, np.int64, len(shown))))
    owners = np.searchsorted(nets.bit_offsets, positions, side="right") - 1
    for position, net in zip(positions.tolist(), owners.tolist(), strict=True):
        name = nets[net].bit_name(position - int(nets.bit_offsets[net]))
        key = (bool(nets.hidden[net]), name.count("."), len(name), name)
        state_bit = shown[int(nets.bits[position])]
        if state_bit not in best or key < best[state_bit]:
            best[state_bit] = key
    names: dict[State, str] = {}
    taken: set[str] = set()
    for cell, state in states_of(module, lookup):
        known = best.get((cell, state))
        name = known[3] if known is not None else f"{module.cells.names[cell]}.{state}"
        if name in taken or not name:
            name = f"{module.cells.names[cell]}.{state}#{cell}"
        taken.add(name)
        names[cell, state] = name
    return names


def flat_digest(module: Module, lookup: CellLookup, held: Mapping[str, int]) -> str:
    """SHA-256, hexadecimal, over a flat module as read, what its cells compute, and the inputs held."""
    hasher = hashlib.sha256(b"sandgrain.flat/1\0")
    cells = module.cells
    functions, _ = functions_of(cells, lookup)
    text = repr(
        (
            [(port.name, port.direction, port.bits.tolist()) for port in module.ports],
            cells.type_names,
            cells.pin_names,
            [None if item is None else _told(item) for item in functions],
            sorted(held.items()),
            sorted((index, init) for index, init in module.nets.inits.items()),
            [cells.names[cell] for cell in range(len(cells))],
        )
    )
    hasher.update(text.encode("utf-8", "surrogateescape"))
    for array in (cells.type_ids, cells.pin_offsets, cells.pin_ids, cells.bit_offsets, cells.bits):
        hasher.update(np.ascontiguousarray(array, "<i8").tobytes())
    return hasher.hexdigest()


def _told(function: CellFunction) -> tuple[object, ...]:
    return (
        function.inputs,
        function.states,
        function.gates,
        sorted(function.outputs.items()),
        sorted(function.drives.items()),
        function.unknown,
    )
