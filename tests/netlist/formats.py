"""What the tests of the readers and writers share: the tools they compare with, and what a small module computes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from sandgrain.netlist import ElaborationLimits, Module, run_yosys
from sandgrain.netlist.model import ONE, ZERO, Net, Netlist

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def abc(script: str, cwd: Path) -> str:
    """What ``yosys-abc`` prints for ``script``."""
    spec = find_spec("pyosys")
    assert spec is not None and spec.origin is not None
    program = Path(spec.origin).parent / "yosys-abc"
    run = subprocess.run([program, "-q", script], cwd=cwd, capture_output=True, text=True, check=True, timeout=120)
    return run.stdout


def yosys(cwd: Path, *script: str) -> str:
    """What Yosys prints for ``script``."""
    return run_yosys(script, cwd=cwd, limits=ElaborationLimits(), what="comparing").log


def _sop(cell: Mapping[str, object], a: Sequence[int], ones: int) -> int:
    table, width = str(cell["TABLE"])[::-1], len(a)
    result = 0
    for row in range(int(str(cell["DEPTH"]), 2)):
        product = ones
        for pin, value in enumerate(a):
            first = 2 * (width * row + pin)
            if table[first] == "1":
                product &= ~value
            if table[first + 1] == "1":
                product &= value
        result |= product
    return result & ones


def _lut(cell: Mapping[str, object], a: Sequence[int], ones: int) -> int:
    result = 0
    for index, entry in enumerate(str(cell["LUT"])[::-1]):
        if entry == "1":
            row = ones
            for pin, value in enumerate(a):
                row &= value if index >> pin & 1 else ~value
            result |= row
    return result & ones


def _fold(operator: Callable[[int, int], int], values: Sequence[int]) -> int:
    result = values[0]
    for value in values[1:]:
        result = operator(result, value)
    return result


def _gate(kind: str, values: Sequence[int], ones: int) -> int:
    word = kind.strip("$_").lower()
    if word in {"andnot", "ornot"}:
        other = ~values[1] & ones
        return values[0] & other if word == "andnot" else values[0] | other
    if word == "mux":
        return (values[0] & ~values[2]) | (values[1] & values[2])
    inverted = word in {"nand", "nor", "xnor", "not", "inv"}
    plain = {"nand": "and", "nor": "or", "xnor": "xor", "not": "buf", "inv": "buf"}.get(word, word)
    result = {
        "and": lambda: _fold(int.__and__, values),
        "or": lambda: _fold(int.__or__, values),
        "xor": lambda: _fold(int.__xor__, values),
        "buf": lambda: values[0],
        "buff": lambda: values[0],
    }[plain]()
    return result ^ ones if inverted else result


STATE_OUTPUT = "Q"


def tables(module: Module) -> dict[str, int]:
    """The truth table of every output port bit and every register's data, as a number of 2^inputs bits.

    The inputs are the bits of the input ports and then the outputs of the registers, in order.
    """
    cells = module.cells
    registers = [cell for cell in range(len(cells)) if any(pin.name == STATE_OUTPUT for pin in cells.pins(cell))]
    leaves = [bit for port in module.ports if port.direction == "input" for bit in port.bits.tolist()]
    leaves += [int(cells.pin(cell, STATE_OUTPUT)[0]) for cell in registers]
    rows = 1 << len(leaves)
    ones = (1 << rows) - 1
    values = {ZERO: 0, ONE: ones}
    for index, bit in enumerate(leaves):
        values[bit] = sum(1 << row for row in range(rows) if row >> index & 1)
    driver = {}
    for cell in range(len(cells)):
        for pin in cells.pins(cell):
            if pin.name in {"Y", "Y0"}:
                driver[int(pin.bits[0])] = cell

    def value(bit: int) -> int:
        if bit not in values:
            cell = driver[bit]
            operands = [value(b) for pin in cells.pins(cell) if pin.name[0] != "Y" for b in pin.bits.tolist()]
            kind, parameters = cells.type_of(cell), dict(cells.parameters.get(cell, {}))
            if kind == "$sop":
                values[bit] = _sop(parameters, operands, ones)
            elif kind == "$lut":
                values[bit] = _lut(parameters, operands, ones)
            else:
                values[bit] = _gate(kind, operands, ones)
        return values[bit]

    result = {}
    for port in module.ports:
        if port.direction == "output":
            for index, bit in enumerate(port.bits.tolist()):
                result[port.name if port.width == 1 else f"{port.name}[{index}]"] = value(bit)
    for number, cell in enumerate(registers):
        result[f"register {number}"] = value(int(cells.pin(cell, "D")[0]))
    return result


def shape(netlist: Netlist) -> object:
    """Everything of a netlist that can be compared with ``==``, without the places."""
    return netlist.top, {name: module_shape(module) for name, module in netlist.modules.items()}


def module_shape(module: Module) -> object:
    """Everything of a module that can be compared with ``==``, without the places; bits as they are numbered."""
    cells = module.cells
    return (
        module.name,
        module.black_box,
        module.bit_count,
        [(port.name, port.direction, port.bits.tolist(), port.offset, port.upto) for port in module.ports],
        [
            (net.name, net.bits.tolist(), net.hidden, net.init, dict(net.attributes), net.offset, net.upto)
            for net in module.nets
        ],
        [
            (
                cells.type_of(cell),
                cells.names[cell],
                [(pin.name, pin.direction, pin.bits.tolist()) for pin in cells.pins(cell)],
                dict(cells.parameters.get(cell, {})),
            )
            for cell in range(len(cells))
        ],
    )


def _made_up(net: Net) -> bool:
    return net.hidden or net.name.startswith("$")


def meaning(module: Module) -> object:
    """What a module says, whatever its bits are numbered: bits are told by the sorted names they have."""
    names: dict[int, list[str]] = {}
    for net in module.nets:
        for index, bit in enumerate(net.bits.tolist()):
            if bit >= 0 and not _made_up(net):
                names.setdefault(bit, []).append(net.bit_name(index))
    told = {bit: tuple(sorted(found)) for bit, found in names.items()}

    def bits(of: Sequence[int]) -> list[object]:
        return [told.get(bit, ("nameless",)) if bit >= 0 else bit for bit in of]

    cells = module.cells
    return (
        module.name,
        module.black_box,
        {port.name: (port.direction, bits(port.bits.tolist()), port.offset, port.upto) for port in module.ports},
        {net.name: (bits(net.bits.tolist()), net.offset, net.upto) for net in module.nets if not _made_up(net)},
        {
            cells.names[cell]: (
                cells.type_of(cell),
                {pin.name: bits(pin.bits.tolist()) for pin in cells.pins(cell)},
                dict(cells.parameters.get(cell, {})),
            )
            for cell in range(len(cells))
        },
    )
