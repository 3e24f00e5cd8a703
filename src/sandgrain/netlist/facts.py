"""What a netlist is made of, before anybody reasons about it: modules, cells, clocks, resets, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.cell_function import FLIP_FLOP, CellFunction
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.link import Linked
from sandgrain.netlist.model import INPUT, Module, Z
from sandgrain.netlist.signatures import cell_key, signatures
from sandgrain.verdict import Place


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """A module: how often it occurs in the chip, and the instances written in it."""

    name: str
    copies: int
    instances: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class ControlFacts:
    """A net that controls state elements, directly or through buffers and inverters.

    Attributes:
        net: its name in the flat design, or ``0`` or ``1``; the net before the first buffer.
        role: ``rising``, ``falling`` (clocks), ``high``, ``low`` (enables of latches), ``clears when high``, ...
        elements: how many state bits it controls so.
    """

    net: str
    role: str
    elements: int


@dataclass(frozen=True, slots=True)
class BlackBoxFacts:
    """A cell type without a known function."""

    name: str
    instances: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class NetlistFacts:
    """What `gather` found.

    Attributes:
        modules: every module under the top, by name.
        depth: levels of modules.
        input_bits, output_bits, inout_bits: of the top module.
        cells: instances of the flat design.
        nets: net bits of the flat design.
        types: instances of the flat design by type, most frequent first.
        flip_flops, latches: state bits.
        inert: instances known to compute nothing: fillers, taps, decoupling, diodes.
        controls: nets that control state, by role and number.
        indirect: state bits controlled by logic inside their cell.
        black_boxes: types without a known function.
        floating: net bits something reads and nothing drives.
        unusual: where, and a sentence on something a careful reader would ask about.
    """

    top: str
    form: str
    modules: tuple[ModuleFacts, ...]
    depth: int
    input_bits: int
    output_bits: int
    inout_bits: int
    cells: int
    nets: int
    types: Mapping[str, int]
    flip_flops: int
    latches: int
    inert: int
    controls: tuple[ControlFacts, ...]
    indirect: int
    black_boxes: tuple[BlackBoxFacts, ...]
    floating: int
    unusual: tuple[tuple[Place | None, str], ...]


def gather(
    linked: Linked,
    form: str = "",
    unusual: tuple[tuple[Place | None, str], ...] = (),
    limits: ReadLimits | None = None,
) -> NetlistFacts:
    """Count what a linked netlist is made of.

    Args:
        linked: the netlist, every instance resolved as far as anybody knows.
        form: the format it came in.
        unusual: what the reader found unusual.
        limits: of the flat design.

    Raises:
        LimitExceeded: the flat design is too large.
        NetlistError: it contradicts itself.
    """
    flat = flatten(linked, limits=limits)
    top = linked.netlist.top_module
    states = _States(linked, flat)
    copies = _copies(linked)
    return NetlistFacts(
        top=top.name,
        form=form,
        modules=tuple(
            ModuleFacts(name, copies[name], len(linked.netlist.modules[name].cells), linked.netlist.modules[name].place)
            for name in sorted(copies, key=lambda name: (-copies[name], name))
        ),
        depth=linked.depth,
        input_bits=_width(top, "input"),
        output_bits=_width(top, "output"),
        inout_bits=_width(top, "inout"),
        cells=len(flat.cells),
        nets=flat.bit_count,
        types=dict(sorted(flat.cells.count_by_type().items(), key=lambda item: (-item[1], item[0]))),
        flip_flops=states.flip_flops,
        latches=states.latches,
        inert=states.inert,
        controls=states.controls(),
        indirect=states.indirect,
        black_boxes=tuple(
            BlackBoxFacts(item.name, item.instances, item.place)
            for item in sorted(linked.black_boxes.values(), key=lambda item: item.name)
        ),
        floating=_floating(flat),
        unusual=(*unusual, *linked.warnings),
    )


def _width(module: Module, direction: str) -> int:
    return sum(port.width for port in module.ports if port.direction == direction)


def _copies(linked: Linked) -> dict[str, int]:
    """How often each expanded module occurs, the top once."""
    copies = dict.fromkeys(linked.expanded, 0)
    copies[linked.netlist.top] = 1
    waiting = dict.fromkeys(linked.expanded, 0)
    below = {
        name: {
            kind: count
            for kind, count in linked.netlist.modules[name].cells.count_by_type().items()
            if kind in linked.expanded
        }
        for name in linked.expanded
    }
    for children in below.values():
        for child in children:
            waiting[child] += 1
    ready = [name for name, count in waiting.items() if count == 0]
    while ready:
        name = ready.pop()
        for child, count in below[name].items():
            copies[child] += copies[name] * count
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    return copies


def _floating(flat: Module) -> int:
    """Net bits that a pin or an output port reads and nothing drives."""
    cells = flat.cells
    directions = np.repeat(cells.pin_directions, np.diff(cells.bit_offsets))
    driven = np.zeros(flat.bit_count, np.bool_)
    read = np.zeros(flat.bit_count, np.bool_)
    real = cells.bits >= 0
    driven[cells.bits[real & (directions != INPUT)]] = True
    read[cells.bits[real & (directions == INPUT)]] = True
    for port in flat.ports:
        bits = port.bits[port.bits >= 0]
        (read if port.direction == "output" else driven)[bits] = True
    return int((read & ~driven).sum())


class _States:
    """The state elements of a flat module and what controls them."""

    def __init__(self, linked: Linked, flat: Module) -> None:
        self.flat = flat
        self.flip_flops = self.latches = self.inert = self.indirect = 0
        self._found: dict[tuple[int, tuple[str, str], int], int] = {}
        self._source = np.arange(flat.bit_count, dtype=np.int64)
        self._flipped = np.zeros(flat.bit_count, np.bool_)
        groups = signatures(flat.cells)
        order = np.argsort(groups.ids, kind="stable")
        bounds = np.searchsorted(groups.ids[order], np.arange(len(groups) + 1))
        for group, first in enumerate(groups.first.tolist()):
            kind, pins, parameters = cell_key(flat.cells, first)
            cell = linked.lookup(kind, pins, dict(parameters))
            members = order[bounds[group] : bounds[group + 1]]
            if cell is None or cell.function is None:
                continue
            self.inert += members.size if cell.inert else 0
            self._count(cell.function, members)
            self._pass_on(cell.function, members)

    def _pass_on(self, function: CellFunction, members: NDArray[np.int64]) -> None:
        """Remember which output is an input, or its negation."""
        for (pin, position), literal in function.outputs.items():
            variable = literal >> 1
            if not 0 < variable <= len(function.inputs) - function.unknown or (pin, position) in function.drives:
                continue
            out, into = self._bits(members, pin, position), self._bits(members, *function.inputs[variable - 1])
            real = (out >= 0) & (into >= 0)
            self._source[out[real]] = into[real]
            self._flipped[out[real]] = bool(literal & 1)

    def _count(self, function: CellFunction, members: NDArray[np.int64]) -> None:
        for state in function.states:
            flop = state.kind == FLIP_FLOP
            self.flip_flops += members.size if flop else 0
            self.latches += 0 if flop else members.size
            self._control(function, state.control, members, ("rising", "falling") if flop else ("high", "low"))
            self._control(function, state.clear, members, ("clears when high", "clears when low"))
            self._control(function, state.preset, members, ("sets when high", "sets when low"))

    def _control(
        self, function: CellFunction, literal: int, members: NDArray[np.int64], roles: tuple[str, str]
    ) -> None:
        variable, inverted = literal >> 1, literal & 1
        if variable == 0:
            return
        if variable > len(function.inputs) - function.unknown:
            self.indirect += members.size
            return
        pin, position = function.inputs[variable - 1]
        bits = self._bits(members, pin, position)
        found, counts = np.unique(bits, return_counts=True)
        for bit, count in zip(found.tolist(), counts.tolist(), strict=True):
            key = (bit, roles, inverted)
            self._found[key] = self._found.get(key, 0) + count

    def _bits(self, members: NDArray[np.int64], pin: str, position: int) -> NDArray[np.int32]:
        """The net bit at one bit of a pin of cells that look alike."""
        cells = self.flat.cells
        first = int(members[0])
        names = [item.name for item in cells.pins(first)]
        if pin not in names:  # not connected
            return np.full(members.size, Z, np.int32)
        pins = cells.pin_offsets[members] + names.index(pin)
        bits: NDArray[np.int32] = cells.bits[cells.bit_offsets[pins] + position]
        return bits

    def controls(self) -> tuple[ControlFacts, ...]:
        """The controlling nets, clocks first, those of most elements first."""
        counts: dict[tuple[int, str], int] = {}
        for (bit, roles, inverted), count in self._found.items():
            seen = {bit}
            while bit >= 0 and self._source[bit] != bit:
                inverted ^= int(self._flipped[bit])
                bit = int(self._source[bit])
                if bit in seen:  # a ring of buffers
                    break
                seen.add(bit)
            key = (bit, roles[inverted])
            counts[key] = counts.get(key, 0) + count
        ranks = {"rising": 0, "falling": 0, "high": 1, "low": 1}
        ordered = sorted(counts.items(), key=lambda item: (ranks.get(item[0][1], 2), -item[1], item[0]))
        return tuple(ControlFacts(bit_name(self.flat, bit), role, count) for (bit, role), count in ordered)
