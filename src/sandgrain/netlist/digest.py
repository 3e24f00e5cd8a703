"""What a module is, as 32 bytes: equal for two descriptions of one structure, whatever they call and order things.

Two parts are hashed. The part from which outputs are reached backwards through nets with one driver is numbered from
the ports on and written down exactly (the drivers of a net and the pins of a cell, in order of name, leave no choice),
so that there equal digests mean equal structure. The rest (what drives nothing that is seen from outside, nets with
several drivers, pins without a direction) goes in as a multiset of colours by the refinement of Weisfeiler and Leman
(*The reduction of a graph to canonical form*, 1968); colours can be equal although structures are not, so a finding
that rests on such a part must be confirmed on the module itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist import _digest_kernels as kernels
from sandgrain.netlist._hierarchy import children_first, has_inside
from sandgrain.netlist.model import Module, Netlist
from sandgrain.netlist.signatures import first_bits, signatures

_ROUNDS: Final = 16
_INITS: Final = {"0": 1, "1": 2, "x": 3}


def module_digests(netlist: Netlist) -> dict[str, bytes]:
    """SHA-256 of the structure of every module, by name.

    Names of instances, nets and the module itself, the order of things, places and attributes do not count. Names,
    directions and order of bits of ports do, as do cell types, pin names, parameters and power-up values. A module
    without an inside counts by its name; an instance of a module by that module's digest. Link first: without the
    directions of pins all is left to the colours.

    Raises:
        NetlistError: a module instantiates itself, directly or through others.
    """
    order, _, _ = children_first(netlist, netlist.modules, lambda kind: kind in netlist.modules)
    digests: dict[str, bytes] = {}
    for name in order:
        digests[name] = _digest(netlist.modules[name], digests)
    return {name: digests[name] for name in netlist.modules}


def _digest(module: Module, children: Mapping[str, bytes]) -> bytes:
    hasher = hashlib.sha256(b"sandgrain.module/1\0")

    def put(*parts: bytes) -> None:
        for part in parts:
            hasher.update(len(part).to_bytes(8, "little"))
            hasher.update(part)

    ports = sorted(module.ports, key=lambda port: port.name)
    for port in ports:
        put(_raw(port.name), port.direction.encode(), port.width.to_bytes(8, "little"))
    put(b"ports")
    if not has_inside(module):
        put(_raw(module.name))
    cells = module.cells
    groups = signatures(cells)
    keys = []
    for cell in groups.first.tolist():
        kind = cells.type_of(cell)
        parts = [children.get(kind, b"cell " + _raw(kind))]
        parts += [_raw(f"{name}={value!r}") for name, value in sorted(cells.parameters.get(cell, {}).items())]
        keys.append(b"".join(len(part).to_bytes(8, "little") + part for part in parts))
    kinds, kind_ranks = _ranks(keys)
    used = np.zeros(len(cells.pin_names), np.bool_)
    used[cells.pin_ids] = True
    pins, ranks = _ranks([_raw(name) if used[index] else b"" for index, name in enumerate(cells.pin_names)])
    put(*kinds, b"kinds", *(pin for pin in pins if pin), b"pins")
    pin_ranks = ranks[cells.pin_ids] if ranks.size else np.empty(0, np.int32)
    # Ranks shift by one when an unused name is there.
    pin_ranks = pin_ranks - np.int32(bool(pins) and pins[0] == b"")
    order_offsets = np.zeros(len(keys) + 1, np.int64)
    orders = []
    for index, cell in enumerate(groups.first.tolist()):
        first, last = int(cells.pin_offsets[cell]), int(cells.pin_offsets[cell + 1])
        orders.append(np.argsort(pin_ranks[first:last], kind="stable"))
        order_offsets[index + 1] = order_offsets[index] + last - first
    order = np.concatenate([*orders, np.empty(0, np.int64)])
    start = np.concatenate([*(port.bits for port in ports), np.empty(0, np.int32)])
    owner = kernels.sole_drivers(
        first_bits(cells), cells.pin_offsets, cells.bit_offsets, cells.bits, cells.pin_directions, module.bit_count
    )
    stream, bit_numbers, cell_numbers = kernels.number(
        start,
        owner,
        _inits(module),
        groups.ids,
        kind_ranks,
        order_offsets,
        order,
        pin_ranks,
        cells.pin_offsets,
        cells.bit_offsets,
        cells.bits,
    )
    put(stream.astype("<i4").tobytes())
    rest = np.flatnonzero(cell_numbers < 0)
    if rest.size:
        put(_coloured(module, rest, kind_ranks[groups.ids[rest]], bit_numbers, pin_ranks))
    return hasher.digest()


def _coloured(
    module: Module,
    rest: NDArray[np.int64],
    kinds: NDArray[np.int32],
    bit_numbers: NDArray[np.int32],
    pin_ranks: NDArray[np.int32],
) -> bytes:
    cells = module.cells
    fresh = bit_numbers < 0
    bit_colours = np.empty((module.bit_count, 2), np.uint64)
    bit_colours[:] = np.where(fresh, _inits(module), bit_numbers.astype(np.int64) + 16).astype(np.uint64)[:, None]
    colours = np.repeat(kinds.astype(np.uint64)[:, None], 2, axis=1)
    distinct = 0
    for _ in range(_ROUNDS):
        kernels.refine(rest, colours, bit_colours, fresh, pin_ranks, cells.pin_offsets, cells.bit_offsets, cells.bits)
        now = int(np.unique(colours[:, 0]).size)
        if now == distinct:
            break
        distinct = now
    ordered = colours[np.lexsort((colours[:, 1], colours[:, 0]))]
    return ordered.astype("<u8").tobytes()


def _inits(module: Module) -> NDArray[np.int32]:
    """int32 (bit_count,): 0 where no power-up value is given, else its code."""
    found = np.zeros(module.bit_count, np.int32)
    for net, text in module.nets.inits.items():
        first, last = int(module.nets.bit_offsets[net]), int(module.nets.bit_offsets[net + 1])
        for bit, value in zip(module.nets.bits[first:last].tolist(), reversed(text), strict=False):
            if bit >= 0 and value in "01":
                found[bit] = _INITS[value]
    return found


def _ranks(keys: list[bytes]) -> tuple[list[bytes], NDArray[np.int32]]:
    """The distinct keys in order, and the place of each key among them."""
    distinct = sorted(set(keys))
    places = {key: index for index, key in enumerate(distinct)}
    return distinct, np.array([places[key] for key in keys], np.int32)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
