"""Who instantiates whom: the modules a top reaches, children first, and how often each of them occurs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Module, Netlist

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The modules below a top module.

    Attributes:
        order: their names, every module after all it instantiates; the top is the last.
        children: per module, the modules it instantiates and how often.
        copies: per module, how often it occurs in the whole design; the top once.
        depth: number of levels; 1 if the top instantiates no module.
    """

    order: tuple[str, ...]
    children: Mapping[str, Mapping[str, int]]
    copies: Mapping[str, int]
    depth: int


def has_inside(module: Module) -> bool:
    """Whether the description says what the module does: it has cells, or wires ports to constants or to each other."""
    if module.black_box:
        return False
    if len(module.cells):
        return True
    bits = [bit for port in module.ports for bit in port.bits.tolist()]
    return len(set(bits)) < len(bits) or any(bit < 0 for bit in bits)


def top_module(netlist: Netlist, top: str | None = None) -> Module:
    """The module ``top``, by default the netlist's own.

    Raises:
        NetlistError: there is no such module.
    """
    name = netlist.top if top is None else top
    if name not in netlist.modules:
        known = ", ".join(quote(item) for item in sorted(netlist.modules)[:_SHOWN])
        raise NetlistError(
            f"there is no module {quote(name)}, which is to be the top",
            expected=f"the name of a module of the netlist: {known or '(it has none)'}",
            remedy="correct the name of the top module, or deliver the file that describes it",
        )
    return netlist.modules[name]


def hierarchy(netlist: Netlist, top: str, limits: ReadLimits, expands: Callable[[str], bool]) -> Hierarchy:
    """The modules that ``top`` instantiates, directly or not.

    Args:
        netlist: the modules.
        top: where to begin.
        limits: ``depth`` bounds the number of levels.
        expands: whether instances of a type are instances of a module with an inside.

    Raises:
        NetlistError: a module instantiates itself, directly or through others.
        LimitExceeded: too many levels.
    """
    order, children, levels = children_first(netlist, (top,), expands)
    if levels[top] > limits.depth:
        raise LimitExceeded(
            f"modules are nested {levels[top]:,} levels deep under {quote(top)}",
            file=_file(netlist.modules[top]),
            line=_line(netlist.modules[top]),
            expected=f"at most {limits.depth:,} (ReadLimits.depth)",
            remedy="raise the limit, or flatten the netlist in the tool that wrote it",
        )
    copies = dict.fromkeys(order, 0)
    copies[top] = 1
    for name in reversed(order):
        for child, count in children[name].items():
            copies[child] += copies[name] * count
    return Hierarchy(tuple(order), children, copies, levels[top])


def children_first(
    netlist: Netlist, roots: Iterable[str], expands: Callable[[str], bool]
) -> tuple[list[str], dict[str, dict[str, int]], dict[str, int]]:
    """The modules below ``roots`` in an order in which every module follows its children.

    Returns:
        The order, for each the modules it instantiates and how often, and for each the levels below and including it.

    Raises:
        NetlistError: a module instantiates itself, directly or through others.
    """
    order: list[str] = []
    children: dict[str, dict[str, int]] = {}
    levels: dict[str, int] = {}
    for root in roots:
        if root in levels:
            continue
        open_: dict[str, None] = {root: None}
        stack = [(root, iter(_used(netlist, root, expands, children)))]
        while stack:
            name, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                stack.pop()
                del open_[name]
                levels[name] = 1 + max((levels[below] for below in children[name]), default=0)
                order.append(name)
            elif child in open_:
                raise _circular(netlist, [*open_, child])
            elif child not in levels:
                open_[child] = None
                stack.append((child, iter(_used(netlist, child, expands, children))))
    return order, children, levels


def _used(
    netlist: Netlist, owner: str, expands: Callable[[str], bool], children: dict[str, dict[str, int]]
) -> dict[str, int]:
    module = netlist.modules[owner]
    counts = np.bincount(module.cells.type_ids, minlength=len(module.cells.type_names)).tolist()
    found = {
        name: count for name, count in zip(module.cells.type_names, counts, strict=True) if count and expands(name)
    }
    children[owner] = found
    return found


def _circular(netlist: Netlist, path: list[str]) -> NetlistError:
    cycle = path[path.index(path[-1]) :]
    shown = " -> ".join(quote(name) for name in (cycle if len(cycle) <= _SHOWN + 1 else [*cycle[:_SHOWN], cycle[-1]]))
    if len(cycle) > _SHOWN + 1:
        shown = shown.replace(f" -> {quote(cycle[_SHOWN - 1])}", f" -> {quote(cycle[_SHOWN - 1])} -> ...", 1)
    owner = netlist.modules[cycle[-2]]
    used = owner.cells.of_type(cycle[-1])
    place = owner.cells.place(int(used[0])) if used.size else owner.place
    return NetlistError(
        f"the module {quote(cycle[-1])} instantiates itself: {shown} ({len(cycle) - 1:,} modules in the circle)",
        file=None if place is None else place.file,
        line=None if place is None else place.line,
        expected="modules that contain only other modules",
        remedy="remove the instance, or correct its type",
    )


def _file(module: Module) -> str | None:
    return None if module.place is None else module.place.file


def _line(module: Module) -> int | None:
    return None if module.place is None else module.place.line
