"""Checks a netlist of gates must pass before anybody reasons about it: one driver per net, no combinational loop."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import ElaborationError
from sandgrain.netlist.model import INPUT, OUTPUT, Module, Net
from sandgrain.verdict import Place

_COMBINATIONAL = ("$_AND_", "$_NOT_")
_NAMED = 6
_LOOP_CELL = re.compile(r"^    cell (.*) \((\S+)\)(?: source: .*)?$")


def check_words(flat: Module, log: str) -> None:
    """Raise if the flat word-level module has a net with two drivers or a combinational loop.

    Asked before gates are made, because simplification can make either disappear.

    Args:
        flat: the module.
        log: what Yosys ``check`` printed about it.

    Raises:
        ElaborationError: with the names of the signals and the place of the first.
    """
    _check_drivers(flat)
    if named := _loop_in(log):
        cells = np.asarray([i for i, name in enumerate(flat.cells.names) if name in named], np.int64)
        raise _loop(flat, cells)


def check_gates(gates: Module) -> None:
    """Raise if a net of the gate-level module has two drivers or lies on a combinational loop.

    Raises:
        ElaborationError: with the names of the signals and the place of the first.
    """
    _check_drivers(gates)
    _check_loops(gates)


def _check_drivers(module: Module) -> None:
    cells = module.cells
    is_output = np.repeat(cells.pin_directions == OUTPUT, np.diff(cells.bit_offsets))
    inputs = [port.bits for port in module.ports if port.direction == "input"]
    bits, counts = np.unique(np.concatenate([cells.bits[is_output], *inputs]), return_counts=True)
    # An output or input tied to a constant comes from an assignment that contradicts another.
    conflicting = bits[(counts > 1) | (bits < 0)]
    if not conflicting.size:
        return
    place: Place | None = None
    if (shared := conflicting[conflicting >= 0]).size:
        nets = _nets_of(module, shared)
        names = _listed(nets) or "a net without a name"
        place = next((net.place for net, _ in nets if net.place), None)
    elif tied := [port for port in module.ports if port.direction == "input" and (port.bits < 0).any()]:
        names = f"the input {tied[0].name} is also driven by a constant"
        place = next((net.place for net in module.nets if net.name == tied[0].name), None)
    else:
        at = int(np.flatnonzero(is_output & (cells.bits < 0))[0])
        pin = int(np.searchsorted(cells.bit_offsets, at, side="right")) - 1
        cell = int(np.searchsorted(cells.pin_offsets, pin, side="right")) - 1
        names = f"a constant and the cell {cells.names[cell]}"
        place = cells.place(cell)
    raise ElaborationError(
        f"more than one driver: {names}",
        file=place.file if place else None,
        line=place.line if place else None,
        expected="one driver per net (three-state buffers excepted)",
        remedy="remove all drivers but one",
    )


def _loop_in(log: str) -> frozenset[str]:
    """Names of the cells on the first combinational loop that Yosys ``check`` reports in ``log``."""
    lines = iter(log.splitlines())
    names = []
    for line in lines:
        if "found logic loop in module" in line:
            for entry in lines:
                if not entry.startswith("    "):
                    break
                if match := _LOOP_CELL.match(entry):
                    names.append(match[1])
            break
    return frozenset(names)


def _loop(module: Module, on_loop: NDArray[np.int64]) -> ElaborationError:
    """The error about a loop through the cells ``on_loop``."""
    outputs = [pin.bits for cell in on_loop.tolist() for pin in module.cells.pins(cell) if pin.direction == OUTPUT]
    nets = _nets_of(module, np.unique(np.concatenate(outputs))) if outputs else []
    place = next((net.place for net, _ in nets if net.place), None)
    if place is None:
        place = next((found for cell in on_loop.tolist() if (found := module.cells.place(cell))), None)
    return ElaborationError(
        f"a combinational loop through {_listed(nets) or f'{on_loop.size} cells without named nets'}",
        file=place.file if place else None,
        line=place.line if place else None,
        expected="every loop to pass through a flip-flop",
        remedy="break the loop",
    )


def _check_loops(gates: Module) -> None:
    cells = gates.cells
    combinational = np.isin(cells.type_ids, [i for i, name in enumerate(cells.type_names) if name in _COMBINATIONAL])
    pin_cells = np.repeat(np.arange(len(cells)), np.diff(cells.pin_offsets))
    owner = np.repeat(pin_cells, np.diff(cells.bit_offsets))
    direction = np.repeat(cells.pin_directions, np.diff(cells.bit_offsets))
    relevant = combinational[owner] & (cells.bits >= 0)
    out, fan = relevant & (direction == OUTPUT), relevant & (direction == INPUT)
    driver = np.full(gates.bit_count, -1, np.int64)
    driver[cells.bits[out]] = owner[out]
    source, target = driver[cells.bits[fan]], owner[fan]
    kept = source >= 0
    left = _on_loops(source[kept], target[kept], len(cells))
    if left.size:
        raise _loop(gates, left)


def _on_loops(source: NDArray[np.int64], target: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Nodes on (or between) cycles of the graph ``source -> target``: what peeling sources, then sinks, leaves."""
    alive = np.ones(count, bool)
    for tail, head in ((source, target), (target, source)):
        order = np.argsort(tail, kind="stable")
        heads = head[order]
        starts = np.searchsorted(tail[order], np.arange(count + 1))
        live_edges = alive[tail] & alive[head]
        degree = np.bincount(head[live_edges], minlength=count)
        front = np.flatnonzero(alive & (degree == 0))
        while front.size:
            alive[front] = False
            lengths = starts[front + 1] - starts[front]
            offsets = np.repeat(starts[front] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
            reached = heads[offsets + np.arange(int(lengths.sum()))]
            reached = reached[alive[reached]]
            degree -= np.bincount(reached, minlength=count) if reached.size * 8 > count else 0
            if reached.size * 8 <= count:
                np.subtract.at(degree, reached, 1)
            candidates = np.unique(reached)
            front = candidates[degree[candidates] == 0]
    return np.flatnonzero(alive)


def _nets_of(gates: Module, bits: NDArray[np.int64]) -> list[tuple[Net, list[str]]]:
    """The nets named by the vendor that carry one of ``bits``, and the names of those bits; else hidden ones."""
    wanted = set(bits.tolist())
    found: dict[bool, list[tuple[Net, list[str]]]] = defaultdict(list)
    for net in gates.nets:
        names = [net.bit_name(index) for index, bit in enumerate(net.bits.tolist()) if bit in wanted]
        if names:
            found[net.hidden].append((net, names))
    return found[False]


def _listed(nets: list[tuple[Net, list[str]]]) -> str:
    """The names of nets: a whole word under one name, single bits under their own."""
    names = [name for net, bits in nets for name in ([net.name] if len(bits) == net.width else bits)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
