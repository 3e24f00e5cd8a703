"""What the flat word-level module holds that gates cannot say: memories, latches, black boxes."""

from __future__ import annotations

from dataclasses import dataclass

from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.model import ONE, ZERO, Module
from sandgrain.verdict import Place

_MEMORY_TYPES = ("$mem", "$mem_v2")
_PASS_THROUGH = ("$buf", "$pos", "$_BUF_")


@dataclass(frozen=True, slots=True)
class BlackBox:
    """An instance nobody described the inside of: what it drives is free."""

    module: str
    instance: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class AbstractedMemory:
    """A memory too large to become registers: what is read from it is free."""

    name: str
    bits: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class _Memory:
    cell: int
    name: str
    bits: int


def black_boxes(flat: Module) -> tuple[BlackBox, ...]:
    """The instances left in the flat module: Yosys cell types begin with ``$``, but so do derived modules."""
    cells = flat.cells
    opaque = [index for index, name in enumerate(cells.type_names) if not is_primitive(name)]
    return tuple(
        BlackBox(readable_module(cells.type_of(int(cell))), cells.names[cell], cells.place(int(cell)))
        for kind in opaque
        for cell in cells.of_type(cells.type_names[kind])
    )


def is_primitive(cell_type: str) -> bool:
    """Whether ``cell_type`` is a Yosys cell rather than a module of the design."""
    return cell_type.startswith("$") and not cell_type.startswith(("$paramod", "$array", "$extern"))


def readable_module(name: str) -> str:
    r"""The vendor's name of a module: ``sub`` for ``$paramod\sub\W=...``, ``$paramod$<hash>\sub`` and ``sub$top.u``."""
    if name.startswith("$paramod"):
        return name.split("\\")[1] if "\\" in name else name
    return name.partition("$")[0] or name


def memories_too_large(flat: Module, limits: ElaborationLimits) -> list[tuple[str, AbstractedMemory]]:
    """Cell name and description of the memories that do not become registers.

    Smaller memories come first, so that one large memory does not push the others over the limit.
    """
    found = []
    for kind in _MEMORY_TYPES:
        for cell in map(int, flat.cells.of_type(kind)):
            parameters = flat.cells.parameters.get(cell, {})
            size, width = (number(parameters.get(key, 0)) for key in ("SIZE", "WIDTH"))
            name = str(parameters.get("MEMID", flat.cells.names[cell])).strip().removeprefix("\\")
            found.append(_Memory(cell, name, size * width))
    found.sort(key=lambda memory: (memory.bits, memory.name))
    total, large = 0, []
    for memory in found:
        total += memory.bits
        if total > limits.mapped_memory_bits:
            place = flat.cells.place(memory.cell)
            large.append((flat.cells.names[memory.cell], AbstractedMemory(memory.name, memory.bits, place)))
    return large


def never_closed_latches(flat: Module) -> list[str]:
    """Names of the ``$dlatch`` cells whose enable is never definitely inactive.

    A front end builds one for a ``full_case`` without default: its enable is active in every case and x elsewhere.
    The enable is followed through multiplexers to constants; anything else may be either value.
    """
    cells = flat.cells
    latches = [int(cell) for cell in cells.of_type("$dlatch")]
    if not latches:
        return []
    drivers = _mux_drivers(flat)
    names = []
    for latch in latches:
        active = number(cells.parameters.get(latch, {}).get("EN_POLARITY", 1)) & 1
        inactive = ZERO if active else ONE
        enable = int(cells.pin(latch, "EN")[0])
        if not _may_be(flat, drivers, enable, inactive):
            names.append(cells.names[latch])
    return names


def _mux_drivers(flat: Module) -> dict[int, tuple[int, int]]:
    """Cell and bit position in its output that drives a net bit, for multiplexers and buffers."""
    cells = flat.cells
    drivers = {}
    for kind in ("$mux", "$pmux", *_PASS_THROUGH):
        for cell in map(int, cells.of_type(kind)):
            for position, bit in enumerate(cells.pin(cell, "Y").tolist()):
                drivers[bit] = (cell, position)
    return drivers


def _may_be(flat: Module, drivers: dict[int, tuple[int, int]], bit: int, value: int) -> bool:
    """Whether net bit ``bit`` may definitely be the constant ``value``."""
    cells = flat.cells
    waiting, seen = [bit], {bit}
    while waiting:
        here = waiting.pop()
        if here < 0:
            if here == value:
                return True
            continue
        if here not in drivers:
            return True
        cell, position = drivers[here]
        width = cells.pin(cell, "Y").size
        sources = [int(cells.pin(cell, "A")[position])]
        if cells.type_of(cell) in ("$mux", "$pmux"):
            sources += cells.pin(cell, "B")[position::width].tolist()
        for source in sources:
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return False


def number(value: str | int) -> int:
    """A Yosys parameter as an integer: they come as binary strings; x counts as 0."""
    if isinstance(value, int):
        return value
    text = value.strip().replace("x", "0").replace("z", "0")
    return int(text, 2) if text and not set(text) - {"0", "1"} else 0
