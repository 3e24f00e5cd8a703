"""Writer of the JSON netlists that Yosys reads with ``read_json`` (Yosys ``help write_json``).

What `sandgrain.netlist.yosys_json.read_yosys_json` has read comes back the same: names, order, parameters, places,
power-up values and the numbers of the net bits, which are those in which a reader first meets them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TextIO

import numpy as np

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, ZERO, CellTable, Module, Netlist, X, Z
from sandgrain.netlist.names import Names
from sandgrain.verdict import Place

_CONSTANTS: Final = {ZERO: "0", ONE: "1", X: "x", Z: "z"}
_DIRECTIONS: Final = {INPUT: "input", OUTPUT: "output"}
_FIRST_BIT: Final = 2
"""Yosys leaves 0 and 1 to the constants."""
_SET: Final = f"{1:032b}"


def write_yosys_json(netlist: Netlist, stream: TextIO) -> None:
    """Write ``netlist`` as Yosys JSON.

    A pin whose direction is unknown is written without one. Of cells (or nets) with one name, and of those without,
    all but the first get a number after it, since the names of the format are unique.

    Raises:
        NetlistError: a cell has two pins of one name.
    """
    stream.write('{\n"creator": "Sandgrain",\n"modules": {')
    for index, (name, module) in enumerate(netlist.modules.items()):
        stream.write(f"{',' if index else ''}\n{json.dumps(name)}: ")
        _write_module(module, name == netlist.top, stream)
    stream.write("\n}\n}\n")


def _write_module(module: Module, is_top: bool, stream: TextIO) -> None:
    attributes = _source(module.place)
    if module.black_box:
        attributes["blackbox"] = _SET
    if is_top:
        attributes["top"] = _SET
    stream.write(f'{{\n"attributes": {json.dumps(attributes)},\n"ports": {{')
    for index, port in enumerate(module.ports):
        entry: dict[str, Any] = {"direction": port.direction, "bits": _bits(port.bits.tolist())}
        _number(entry, port.offset, port.upto)
        stream.write(f"{',' if index else ''}\n{json.dumps(port.name)}: {json.dumps(entry)}")
    stream.write('\n},\n"cells": {')
    cells = module.cells
    for index, name in enumerate(_unique(cells.names, "cell")):
        stream.write(f"{',' if index else ''}\n{json.dumps(name)}: {_cell(cells, index)}")
    stream.write('\n},\n"netnames": {')
    for index, name in enumerate(_unique(module.nets.names, "net")):
        net = module.nets[index]
        attributes = dict(net.attributes) | _source(net.place)
        if net.init is not None:
            attributes["init"] = net.init
        entry = {"hide_name": int(net.hidden), "bits": _bits(net.bits.tolist()), "attributes": attributes}
        _number(entry, net.offset, net.upto)
        stream.write(f"{',' if index else ''}\n{json.dumps(name)}: {json.dumps(entry)}")
    stream.write("\n}\n}")


def _cell(cells: CellTable, index: int) -> str:
    pins = list(cells.pins(index))
    connections = {pin.name: _bits(pin.bits.tolist()) for pin in pins}
    if len(connections) != len(pins):
        place = cells.place(index)
        raise NetlistError(
            f"cell {quote(cells.names[index])} has two pins of one name",
            file=place.file if place else None,
            line=place.line if place else None,
            expected="every pin connected once",
            remedy="correct the instance",
        )
    directions = {pin.name: _DIRECTIONS[pin.direction] for pin in pins if pin.direction in _DIRECTIONS}
    return json.dumps(
        {
            "hide_name": int(cells.names[index].startswith("$")),
            "type": cells.type_of(index),
            "parameters": dict(cells.parameters.get(index, {})),
            "attributes": _source(cells.place(index)),
            "port_directions": directions,
            "connections": connections,
        }
    )


def _source(place: Place | None) -> dict[str, Any]:
    return {} if place is None else {"src": f"{place.file}:{place.line}.1-{place.line}.1"}


def _bits(bits: Sequence[int]) -> list[int | str]:
    return [bit + _FIRST_BIT if bit >= 0 else _CONSTANTS[bit] for bit in bits]


def _number(entry: dict[str, Any], offset: int, upto: bool) -> None:
    if offset:
        entry["offset"] = offset
    if upto:
        entry["upto"] = 1


def _unique(names: Names, what: str) -> Sequence[str]:
    """``names``, a number added to those that are empty or were there before."""
    numbers = np.sort(names.ids)
    if not (numbers[1:] == numbers[:-1]).any() and names.find("") < 0:
        return names
    taken, given, result = set(names), set[str](), list[str]()
    for index, name in enumerate(names):
        free = name
        while not free or free in given or (free != name and free in taken):
            free = f"{free or what}${index}"
        given.add(free)
        result.append(free)
    return result
