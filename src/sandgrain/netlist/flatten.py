"""Hierarchy dissolved: one module of leaf cells named ``a.b.c``, the nets that ports connect made one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist import _flatten_kernels as kernels
from sandgrain.netlist._hierarchy import Hierarchy, hierarchy, top_module
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.model import CellTable, Module, Netlist, NetTable, Parameter, Places
from sandgrain.netlist.names import Names, NameTable

_MOST_BITS: Final = (1 << 31) - 1


def flatten(source: Linked | Netlist, top: str | None = None, limits: ReadLimits | None = None) -> Module:
    """The whole design as one flat module.

    Cells come in the order of a breadth-first walk of the hierarchy, those of one occurrence of a module together.
    A path and a name are joined by ``.``; an escaped name may hold a ``.`` of its own, so names need not be unique.
    An input tied to ``x`` or ``z`` becomes a net nothing drives.

    Args:
        source: a netlist; one that is not linked is linked first, without a library.
        top: the module to flatten; by default the netlist's top.
        limits: ``depth``, ``cells``, ``bits`` bound the flat module, ``file_bytes`` the bytes of all its names.

    Returns:
        The top module itself if it instantiates no other.

    Raises:
        NetlistError: see `link`; or an instance joins a constant 0 and a constant 1.
        LimitExceeded: a limit is too low.
    """
    limits = limits or ReadLimits()
    if isinstance(source, Netlist):
        named = top_module(source, top)
        source = link(Netlist(source.modules, _key(source, named)), {}, limits=limits)
    elif top is not None:
        top_module(source.netlist, top)
    netlist = source.netlist
    name = netlist.top if top is None else top
    inside = source.expanded
    below = hierarchy(netlist, name, limits, lambda kind: kind in inside)
    module = netlist.modules[name]
    if not below.children[name]:
        return module
    _check(netlist, below, limits)
    return _Flattener(netlist.modules, below).module()


def _key(netlist: Netlist, module: Module) -> str:
    return next(name for name, item in netlist.modules.items() if item is module)


def _check(netlist: Netlist, below: Hierarchy, limits: ReadLimits) -> None:
    """Refuse what would become too large, before anything is made."""
    cells = bits = names = 0
    inner: dict[str, tuple[int, int]] = {}  # things with a name in one occurrence, and the bytes of their names
    for name in below.order:
        module, copies = netlist.modules[name], below.copies[name]
        cells += copies * len(module.cells)
        bits += copies * max(module.bit_count, int(module.cells.bits.size), int(module.nets.bits.size))
        lengths = np.diff(module.cells.names.table.offsets)[module.cells.names.ids]
        things = len(module.cells) + len(module.nets)
        length = int(lengths.sum()) + int(np.diff(module.nets.names.table.offsets)[module.nets.names.ids].sum())
        for child, count in below.children[name].items():
            used = module.cells.of_type(child)
            prefix = int(lengths[used].sum())
            things += count * inner[child][0]
            length += count * inner[child][1] + (prefix + count) * inner[child][0]
        inner[name] = (things, length)
    names = inner[below.order[-1]][1]
    top = netlist.modules[below.order[-1]]
    for found, limit, field, what in (
        (cells, limits.cells, "cells", "instances"),
        (bits, min(limits.bits, _MOST_BITS), "bits", "net and pin bits"),
        (names, limits.file_bytes, "file_bytes", "bytes of names"),
    ):
        if found > limit:
            raise LimitExceeded(
                f"the flat form of {quote(top.name)} would have {found:,} {what}",
                file=None if top.place is None else top.place.file,
                line=None if top.place is None else top.place.line,
                expected=f"at most {limit:,} (ReadLimits.{field})",
                remedy="raise the limit, or analyse a smaller module",
            )


@dataclass(frozen=True, slots=True)
class _Stack:
    """Columns of all modules one after another: things of module ``m`` are ``offsets[m] : offsets[m + 1]``."""

    offsets: NDArray[np.int64]
    name_ids: NDArray[np.int64]
    groups: NDArray[np.int64]
    inner: NDArray[np.int64]
    bits: NDArray[np.int32]


class _Flattener:
    def __init__(self, modules: Mapping[str, Module], below: Hierarchy) -> None:
        # The top first, so that its bits keep the lowest numbers.
        self.names = tuple(reversed(below.order))
        self.modules = [modules[name] for name in self.names]
        self.numbers = {name: index for index, name in enumerate(self.names)}
        self.below = below
        self.tables: list[NameTable] = []
        self.table_base: dict[int, int] = {}
        count = 0
        for module in self.modules:
            for table in (module.cells.names.table, module.nets.names.table):
                if id(table) not in self.table_base:
                    self.table_base[id(table)] = count
                    self.tables.append(table)
                    count += len(table)
        self.name_bytes = _joined([table.buffer for table in self.tables], np.uint8)
        self.name_offsets = _stacked([table.offsets for table in self.tables])

    def module(self) -> Module:
        cells = self.stack([module.cells for module in self.modules])
        nets = self.stack([module.nets for module in self.modules])
        types, type_ids = _merged_names([(module.cells.type_names, module.cells.type_ids) for module in self.modules])
        pins, pin_ids = _merged_names([(module.cells.pin_names, module.cells.pin_ids) for module in self.modules])
        child = np.array([self.numbers.get(name, -1) for name in types], np.int32)[type_ids]
        subs = np.flatnonzero(child >= 0)
        sub_offsets = np.searchsorted(subs, cells.offsets)
        count = sum(self.below.copies.values())
        module, parent, made_by = kernels.occurrences(count, sub_offsets, subs, child[subs], 0)
        sizes = np.array([item.bit_count for item in self.modules], np.int64)
        bases = np.zeros(count + 1, np.int64)
        np.cumsum(sizes[module], out=bases[1:])
        remap, bit_count = self.united(cells, child, pins, pin_ids, (module, parent, made_by), bases)
        path_bytes, path_offsets = kernels.paths(parent, made_by, cells.name_ids, self.name_offsets, self.name_bytes)
        path = (module, path_offsets, path_bytes)
        leaves = np.flatnonzero(child < 0)
        leaf_offsets = np.searchsorted(leaves, cells.offsets)
        leaf_count = int(np.diff(leaf_offsets)[module].sum())
        source, owner = kernels.copied(module, leaf_offsets, leaves, leaf_count)
        pin_offsets, chosen, bit_offsets, bits = kernels.gather(
            source, owner, bases, remap, cells.groups, cells.inner, cells.bits
        )
        directions = _joined([item.cells.pin_directions for item in self.modules], np.int8)
        flat_cells = CellTable(
            type_names=types,
            type_ids=type_ids[source],
            names=self.named(path, leaf_offsets, leaves, cells.name_ids, leaf_count),
            places=_chosen_places([item.cells.places for item in self.modules], source),
            pin_offsets=pin_offsets,
            pin_names=pins,
            pin_ids=pin_ids[chosen],
            pin_directions=directions[chosen],
            bit_offsets=bit_offsets,
            bits=bits,
            parameters=self.parameters(module, leaf_offsets, leaves, cells.offsets),
        )
        top = self.modules[0]
        return replace(
            top,
            ports=tuple(replace(port, bits=_mapped(remap, port.bits)) for port in top.ports),
            nets=self.nets(nets, path, bases, remap),
            cells=flat_cells,
            bit_count=int(bit_count),
        )

    def stack(self, tables: Sequence[CellTable] | Sequence[NetTable]) -> _Stack:
        """Cells with their pins, or nets (which are their own and only group), of all modules."""
        offsets = np.zeros(len(tables) + 1, np.int64)
        np.cumsum([len(table) for table in tables], out=offsets[1:])
        name_ids = [table.names.ids.astype(np.int64) + self.table_base[id(table.names.table)] for table in tables]
        groups = [
            table.pin_offsets if isinstance(table, CellTable) else np.arange(len(table) + 1, dtype=np.int64)
            for table in tables
        ]
        return _Stack(
            offsets,
            _joined(name_ids, np.int64),
            _stacked(groups),
            _stacked([table.bit_offsets for table in tables]),
            _joined([table.bits for table in tables], np.int32),
        )

    def united(
        self,
        cells: _Stack,
        child: NDArray[np.int32],
        pins: tuple[str, ...],
        pin_ids: NDArray[np.int32],
        tree: tuple[Any, Any, Any],
        bases: NDArray[np.int64],
    ) -> tuple[NDArray[np.int32], int]:
        ports: dict[tuple[int, str], int] = {}
        port_bits: list[NDArray[np.int32]] = []
        for number, module in enumerate(self.modules):
            for port in module.ports:
                ports[number, port.name] = len(port_bits)
                port_bits.append(port.bits)
        port_offsets = np.zeros(len(port_bits) + 1, np.int64)
        np.cumsum([item.size for item in port_bits], out=port_offsets[1:])
        owner = np.repeat(child, np.diff(cells.groups))
        inner_pins = np.flatnonzero(owner >= 0)
        pairs = owner[inner_pins].astype(np.int64) * len(pins) + pin_ids[inner_pins]
        distinct, which = np.unique(pairs, return_inverse=True)
        found = [ports[int(pair) // len(pins), pins[int(pair) % len(pins)]] for pair in distinct.tolist()]
        pin_ports = np.full(pin_ids.size, -1, np.int32)
        pin_ports[inner_pins] = np.array(found, np.int32)[which] if found else 0
        remap, bit_count, conflict = kernels.unite(
            *tree,
            bases,
            int(bases[-1]),
            cells.groups,
            pin_ports,
            cells.inner,
            cells.bits,
            port_offsets,
            _joined(port_bits, np.int32),
        )
        if conflict >= 0:
            raise self.shorted(cells, tree, int(conflict))
        return remap, int(bit_count)

    def shorted(self, cells: _Stack, tree: tuple[Any, Any, Any], index: int) -> NetlistError:
        made_by = int(tree[2][index])
        owner = int(np.searchsorted(cells.offsets, made_by, side="right")) - 1
        module, cell = self.modules[owner], made_by - int(cells.offsets[owner])
        place = module.cells.place(cell)
        return NetlistError(
            f"the instance {quote(module.cells.names[cell])} of {quote(module.cells.type_of(cell))} "
            "joins a constant 0 and a constant 1",
            file=None if place is None else place.file,
            line=None if place is None else place.line,
            expected="nets with one constant value at most",
            remedy="disconnect one of the constants",
        )

    def named(self, path: tuple[Any, Any, Any], offsets: Any, items: Any, name_ids: Any, count: int) -> Names:
        buffer, ends = kernels.long_names(*path, offsets, items, name_ids, self.name_offsets, self.name_bytes, count)
        return Names(NameTable(buffer, ends), np.arange(count, dtype=np.uint32))

    def nets(self, nets: _Stack, path: tuple[Any, Any, Any], bases: Any, remap: Any) -> NetTable:
        module = path[0]
        count = int(np.diff(nets.offsets)[module].sum())
        every = np.arange(int(nets.offsets[-1]), dtype=np.int64)
        source, owner = kernels.copied(module, nets.offsets, every, count)
        _, _, bit_offsets, bits = kernels.gather(source, owner, bases, remap, nets.groups, nets.inner, nets.bits)
        tables = [item.nets for item in self.modules]
        inits: dict[int, str] = {}
        attributes: dict[int, Mapping[str, Parameter]] = {}
        starts = np.zeros(module.size + 1, np.int64)
        np.cumsum(np.diff(nets.offsets)[module], out=starts[1:])
        for number, table in enumerate(tables):
            if table.inits or table.attributes:
                for start in starts[:-1][module == number].tolist():
                    inits.update((start + net, value) for net, value in table.inits.items())
                    attributes.update((start + net, value) for net, value in table.attributes.items())
        return NetTable(
            names=self.named(path, nets.offsets, every, nets.name_ids, count),
            bit_offsets=bit_offsets,
            bits=bits,
            places=_chosen_places([table.places for table in tables], source),
            offsets=_joined([table.offsets for table in tables], np.int32)[source],
            upto=_joined([table.upto for table in tables], np.bool_)[source],
            hidden=_joined([table.hidden for table in tables], np.bool_)[source],
            inits=inits,
            attributes=attributes,
        )

    def parameters(
        self, module: NDArray[np.int32], leaf_offsets: Any, leaves: Any, cell_offsets: Any
    ) -> dict[int, Mapping[str, Parameter]]:
        found: dict[int, Mapping[str, Parameter]] = {}
        starts = np.zeros(module.size + 1, np.int64)
        np.cumsum(np.diff(leaf_offsets)[module], out=starts[1:])
        for number, item in enumerate(self.modules):
            if not item.cells.parameters:
                continue
            chosen = leaves[int(leaf_offsets[number]) : int(leaf_offsets[number + 1])] - int(cell_offsets[number])
            kept = [
                (position, item.cells.parameters[cell])
                for position, cell in enumerate(chosen.tolist())
                if cell in item.cells.parameters
            ]
            for start in starts[:-1][module == number].tolist() if kept else ():
                found.update((start + position, value) for position, value in kept)
        return found


def _mapped(remap: NDArray[np.int32], bits: NDArray[np.int32]) -> NDArray[np.int32]:
    mapped: NDArray[np.int32] = np.where(bits >= 0, remap[np.maximum(bits, 0)], bits).astype(np.int32)
    return mapped


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _stacked(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Offsets of several columns as the offsets of all of them one after another."""
    sizes = np.concatenate([np.diff(part) for part in parts])
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _merged_names(
    parts: Sequence[tuple[tuple[str, ...], NDArray[np.int32]]],
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    numbers: dict[str, int] = {}
    columns = []
    for names, ids in parts:
        local = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)
        columns.append(local[ids] if local.size else ids)
    return tuple(numbers), _joined(columns, np.int32)


def _chosen_places(parts: Sequence[Places], source: NDArray[np.int64]) -> Places:
    files: dict[str, int] = {}
    ids = []
    for part in parts:
        local = np.array([*(files.setdefault(name, len(files)) for name in part.files), -1], np.int32)
        ids.append(local[part.file_ids])
    return Places(
        tuple(files), _joined(ids, np.int32)[source], _joined([part.lines for part in parts], np.uint32)[source]
    )
