"""Both sides of the comparison as one kind of graph: cells of a type, nets, and the nodes that join them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandgrain.layout.cell import CellModel
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.extraction import Extracted
from sandgrain.layout.library import Library
from sandgrain.netlist.model import ONE, ZERO, Module


@dataclass(frozen=True)
class Graph:
    """Cells and nets.

    Attributes:
        types: int32 (cells,), equal for cells of equal geometry on either side.
        edges: int32 (m, 3): cell, node of the cell's model, net; sorted by cell and node, none twice.
        nets: number of nets.
        ports: nets by port name.
        names: what the cells are called, or where they are.
        models: what the cells look like.
    """

    types: NDArray[np.int32]
    edges: NDArray[np.int32]
    nets: int
    ports: Mapping[str, tuple[int, ...]]
    models: tuple[CellModel, ...]
    cell_offsets: NDArray[np.int64] = field(init=False)
    net_offsets: NDArray[np.int64] = field(init=False)
    net_edges: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        cells = np.zeros(self.types.size + 1, np.int64)
        np.cumsum(np.bincount(self.edges[:, 0], minlength=self.types.size), out=cells[1:])
        nets = np.zeros(self.nets + 1, np.int64)
        np.cumsum(np.bincount(self.edges[:, 2], minlength=self.nets), out=nets[1:])
        object.__setattr__(self, "cell_offsets", cells)
        object.__setattr__(self, "net_offsets", nets)
        object.__setattr__(self, "net_edges", np.argsort(self.edges[:, 2], kind="stable"))

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.types.size)

    def pins(self, cell: int) -> NDArray[np.int32]:
        """int32 (k, 2): node and net of a cell's pins."""
        found: NDArray[np.int32] = self.edges[int(self.cell_offsets[cell]) : int(self.cell_offsets[cell + 1]), 1:]
        return found

    def on(self, net: int) -> NDArray[np.int32]:
        """int32 (k, 2): cell and node of the pins on a net."""
        rows = self.net_edges[int(self.net_offsets[net]) : int(self.net_offsets[net + 1])]
        found: NDArray[np.int32] = self.edges[rows, :2]
        return found


@dataclass(frozen=True)
class Expected:
    """The netlist as a graph.

    Attributes:
        graph: cells in the order of the netlist.
        net_names: what each net is called.
        cell_names: instance names.
        implied: whether supplies were added because the netlist leaves them out.
        joined: cell, pin and pin of one node that the netlist puts on two nets.
        left_out: cells of the netlist that the library and the drawing do not know, by type.
        supplies: nets that are a supply.
    """

    graph: Graph
    net_names: tuple[str, ...]
    cell_names: tuple[str, ...]
    implied: bool
    joined: tuple[tuple[int, str, int, int], ...]
    left_out: Mapping[str, int]
    supplies: Mapping[str, int]


class Types:
    """Numbers for types of cells and for their pins.

    Exactly, cells of equal geometry are one type, and a pin is the node of that geometry. By function, cells of equal
    function and pins are one type however strong they are, and a pin is its place among the sorted names.

    Args:
        functions: what a cell computes, by name; ``None`` compares exactly.
    """

    def __init__(self, functions: Callable[[CellModel], str | None] | None = None) -> None:
        self._numbers: dict[str, int] = {}
        self._functions = functions
        self._keys: dict[int, str] = {}

    @property
    def exact(self) -> bool:
        """Whether types are geometries."""
        return self._functions is None

    def number(self, model: CellModel) -> int:
        """The number of a cell's type."""
        key = model.digest
        if self._functions is not None:
            if id(model) not in self._keys:
                self._keys[id(model)] = self._functions(model) or model.digest
            key = self._keys[id(model)]
        return self._numbers.setdefault(key, len(self._numbers))

    def ids(self, model: CellModel, pin: str) -> tuple[int, ...]:
        """Numbers of a pin."""
        return model.pins[pin] if self.exact else (sorted(model.pins).index(pin),)

    def node(self, model: CellModel, number: int) -> int:
        """A node of the geometry that a numbered pin has."""
        return number if self.exact else model.pins[sorted(model.pins)[number]][0]

    def name(self, model: CellModel, number: int) -> str:
        """Name of a numbered pin; several for a node that has several."""
        if not self.exact:
            return sorted(model.pins)[number]
        return "/".join(pin for pin, nodes in model.pins.items() if number in nodes) or f"node {number}"


def expected_graph(module: Module, library: Library, foreign: Mapping[str, CellModel], types: Types) -> Expected:
    """The graph of a flat module.

    Args:
        module: leaf cells only.
        library: known cells.
        foreign: cells of the drawing that the library lacks, by the name of a type.
        types: numbers shared by both sides.

    Raises:
        LayoutError: a pin is wider than a bit, or a cell has no such pin.
    """
    cells = module.cells
    models: dict[str, CellModel | None] = {
        name: foreign.get(name) or (library.model(name) if name in library else None)
        for name, count in cells.count_by_type().items()
        if count
    }
    rules = library.process.library
    named = {cells.pin_names[int(number)] for number in np.unique(cells.pin_ids)}
    bulks = {
        pin: rules.supplies[pin]
        for pin in (library.process.well_pin, library.process.substrate_pin)
        if pin in rules.supplies and pin not in named
    }
    powered = _powered(module, models, rules.power | rules.ground)
    supplies: dict[str, int] = {}
    names = _bit_names(module)
    nets = module.bit_count
    constants = {ZERO: -1, ONE: -1}
    for text in rules.supplies.values():
        if text not in supplies and not powered:
            supplies[text] = nets
            names.append(text)
            nets += 1
    kinds: list[int] = []
    edges: list[tuple[int, int, int]] = []
    chosen: list[CellModel] = []
    cell_names: list[str] = []
    joined: list[tuple[int, str, int, int]] = []
    left_out: dict[str, int] = {}
    for cell in range(len(cells)):
        kind = cells.type_of(cell)
        model = models[kind]
        if model is None:
            left_out[kind] = left_out.get(kind, 0) + 1
            continue
        number = len(kinds)
        kinds.append(types.number(model))
        chosen.append(model)
        cell_names.append(cells.names[cell])
        on: dict[int, tuple[str, int]] = {}
        given: dict[str, int] = {}
        for pin in cells.pins(cell):
            if pin.name not in model.pins:
                raise LayoutError(
                    f"the instance {cells.names[cell]!r} names the pin {pin.name!r}, which its type {kind!r} lacks",
                    expected=f"one of: {', '.join(model.pins)}",
                    remedy="hand over the netlist this drawing was made from",
                )
            if pin.bits.size > 1:
                raise LayoutError(f"the pin {pin.name!r} of {cells.names[cell]!r} is {pin.bits.size} bits wide")
            if pin.bits.size and int(pin.bits[0]) >= 0:
                given[pin.name] = int(pin.bits[0])
            elif pin.bits.size and int(pin.bits[0]) in constants:
                bit = int(pin.bits[0])
                if constants[bit] < 0:
                    supply = _constant(bit, module, powered, supplies, rules.supplies)
                    constants[bit] = supply
                given[pin.name] = constants[bit]
        if not powered:
            for pin_name, supply_name in rules.supplies.items():
                if pin_name in model.pins:
                    given.setdefault(pin_name, supplies[supply_name])
        for bulk, rail in bulks.items():
            # A netlist that names no bulk pin anywhere means the supply of the cell.
            meant = next((pin for pin in rules.supplies if pin in given and rules.supplies[pin] == rail), None)
            if bulk in model.pins and meant is not None:
                given.setdefault(bulk, given[meant])
        for pin_name, net in given.items():
            for node in types.ids(model, pin_name):
                if node in on and on[node][1] != net:
                    joined.append((number, pin_name, on[node][1], net))
                on.setdefault(node, (pin_name, net))
        for pin_name in model.pins:
            for node in types.ids(model, pin_name):
                if node not in on:
                    on[node] = (pin_name, nets)
                    names.append(f"{cells.names[cell]}.{pin_name} (unconnected)")
                    nets += 1
        edges += [(number, node, net) for node, (_, net) in sorted(on.items())]
    ports = {}
    for port in module.ports:
        for index, bit in enumerate(port.bits.tolist()):
            label = port.name if port.width == 1 and port.offset == 0 else f"{port.name}[{_index(port, index)}]"
            if bit >= 0:
                ports[label] = (bit,)
    graph = Graph(np.array(kinds, np.int32), np.array(edges, np.int32).reshape(-1, 3), nets, ports, tuple(chosen))
    return Expected(graph, tuple(names), tuple(cell_names), not powered, tuple(joined), left_out, supplies)


def _index(port: object, index: int) -> int:
    width, offset, upto = port.width, port.offset, port.upto  # type: ignore[attr-defined]
    return int(offset + (width - 1 - index if upto else index))


def _constant(bit: int, module: Module, powered: bool, supplies: Mapping[str, int], meanings: Mapping[str, str]) -> int:
    wanted = meanings["VGND"] if bit == ZERO else meanings["VPWR"]
    if not powered:
        return supplies[wanted]
    raise LayoutError(
        f"the netlist ties a pin to the constant {'0' if bit == ZERO else '1'} and names its supplies",
        expected="a tie cell or the supply net in place of the constant",
        remedy=f"write the netlist of {module.name!r} with tie cells, or without supplies",
    )


def _powered(module: Module, models: Mapping[str, CellModel | None], supplies: frozenset[str]) -> bool:
    """Whether any cell of the netlist names a supply pin."""
    used = {module.cells.pin_names[int(number)] for number in np.unique(module.cells.pin_ids)}
    return bool(used & supplies) and any(models.values())


def _bit_names(module: Module) -> list[str]:
    """A name of every bit, the shortest there is."""
    names = [""] * module.bit_count
    for net in module.nets:
        for index, bit in enumerate(net.bits.tolist()):
            if bit >= 0:
                name = net.bit_name(index)
                if not names[bit] or (len(name), name) < (len(names[bit]), names[bit]):
                    names[bit] = name
    return [name or f"net {bit}" for bit, name in enumerate(names)]


def drawn_graph(extracted: Extracted, types: Types, ports: Mapping[str, tuple[int, ...]]) -> Graph:
    """The graph of a drawing: nets are clusters."""
    placements = extracted.placed.placements
    kinds, edges, models = [], [], []
    for number, placement in enumerate(placements):
        model = placement.master.model
        kinds.append(types.number(model))
        models.append(model)
        pins = {number: members for pin, members in model.pins.items() for number in types.ids(model, pin)}
        for node, members in sorted(pins.items()):
            # Of a pin in several pieces every piece counts, so that one that is cut off shows.
            clusters = {extracted.pin_cluster(number, member) for member in (members if not types.exact else (node,))}
            edges += [(number, node, cluster) for cluster in sorted(clusters)]
    return Graph(
        np.array(kinds, np.int32),
        np.array(edges, np.int32).reshape(-1, 3),
        extracted.connected.count,
        ports,
        tuple(models),
    )
