"""The function of a module that is made of known cells: how simulation models describe standard cells.

A functional model of a cell is a small module of primitives and user-defined primitives. Composing gives one
`CellFunction` for it, which then stands for every instance. What cannot be composed is a black box whose ``origin``
says why: a combinational loop, two drivers, a cell nobody describes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sandgrain.errors import NetlistError
from sandgrain.netlist._composition import Composition, NotComposable
from sandgrain.netlist._quote import quote
from sandgrain.netlist.cell_function import Cell, CellFunction, CellLibrary
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.model import INPUT, OUTPUT, UNKNOWN_DIRECTION, Module, Parameter
from sandgrain.netlist.signatures import CellLookup, PinShape

_DIRECTIONS: Final = {"input": INPUT, "output": OUTPUT, "inout": UNKNOWN_DIRECTION}
_NOTHING: Final = CellFunction((), (), (), {})
_SHOWN: Final = 8
_MOST_GATES: Final = 1 << 22
"""Gates of all modules together that are still a library of cells rather than a design."""


def compose(module: Module, lookup: CellLookup, *, complete: bool = False) -> Cell:
    """The function of ``module``.

    Args:
        module: a module without parts that are not cells ``lookup`` knows.
        lookup: what each of its cells is.
        complete: ``module`` is a whole functional model and no mere list of ports, so that one without a cell and
            without an output does nothing, whatever its bidirectional pins.

    Returns:
        The cell, its states named ``instance.state``; inert if it has no outputs; a black box, with the reason in
        ``origin``, if there is no such function.
    """
    pins = _pins(module)
    place = module.name if module.place is None else str(module.place)
    directions = {port.direction for port in module.ports}
    if not len(module.cells) and "output" not in directions:
        if complete or "inout" not in directions:
            return Cell(module.name, pins, _NOTHING, inert=True, origin=place)
        return Cell(module.name, pins, None, origin=f"{place}: it has bidirectional pins and no contents")
    try:
        function = Composition(module, lookup).function()
    except NotComposable as reason:
        return Cell(module.name, pins, None, origin=f"{place}: {reason}")
    return Cell(module.name, pins, function, inert=not function.outputs, origin=place)


def cells_of(
    modules: Mapping[str, Module],
    primitives: CellLibrary | None = None,
    library: CellLibrary | None = None,
    *,
    complete: bool = False,
) -> dict[str, Cell]:
    """The cells that modules describe, modules made of other modules included.

    Args:
        modules: functional models by name.
        primitives: user-defined primitives they may be made of (`sandgrain.netlist.udp.udp_cells`).
        library: other known cells they may be made of. Verilog primitives and Yosys gates are known anyway.
        complete: see `compose`.

    Returns:
        A cell for every module and every primitive; black boxes too.

    Raises:
        NetlistError: a module that contains itself.
    """
    found: dict[str, Cell] = dict(primitives or {})
    known: dict[str, Cell] = {**(library or {}), **found}

    def lookup(kind: str, pins: Sequence[PinShape], parameters: Mapping[str, Parameter]) -> Cell | None:
        if kind in modules:
            # Another value of a parameter may be another function.
            return None if parameters else known[kind]
        return known.get(kind) or generic_cell(kind, pins, parameters)

    gates = 0
    for name in _children_first(modules):
        module = modules[name]
        if gates > _MOST_GATES:
            cell = Cell(name, _pins(module), None, origin=f"the modules have more than {_MOST_GATES:,} gates together")
        else:
            cell = compose(module, lookup, complete=complete)
            gates += len(cell.function.gates) if cell.function else len(module.cells)
        found[name] = known[name] = cell
    return found


def _pins(module: Module) -> dict[str, tuple[int, int]]:
    return {port.name: (_DIRECTIONS[port.direction], port.width) for port in module.ports}


def _children_first(modules: Mapping[str, Module]) -> list[str]:
    """Names of the modules, each after those it instantiates."""
    order: dict[str, None] = {}
    for root in modules:
        if root in order:
            continue
        open_ = {root: iter(modules[root].cells.type_names)}
        while open_:
            name = next(reversed(open_))
            below = next((kind for kind in open_[name] if kind in modules and kind not in order), None)
            if below is None:
                del open_[name]
                order[name] = None
            elif below in open_:
                raise _circular(modules[name], [*open_, below])
            else:
                open_[below] = iter(modules[below].cells.type_names)
    return list(order)


def _circular(owner: Module, path: list[str]) -> NetlistError:
    circle = path[path.index(path[-1]) :]
    shown = " -> ".join(quote(name) for name in circle[:_SHOWN]) + (" -> ..." if len(circle) > _SHOWN else "")
    used = owner.cells.of_type(path[-1])
    place = owner.cells.place(int(used[0])) if used.size else owner.place
    return NetlistError(
        f"the module {quote(path[-1])} instantiates itself: {shown}",
        file=None if place is None else place.file,
        line=None if place is None else place.line,
        expected="modules that contain only other modules",
        remedy="remove the instance, or correct its type",
    )
