"""From a description to library cells: Yosys maps it, every port bit gets a net of its own."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sandgrain.drawing._liberty import liberty
from sandgrain.drawing.cells import CellNetlist, CellPort, Instance
from sandgrain.drawing.errors import DrawingError
from sandgrain.drawing.library import LIBRARY, full_name, library_root, master
from sandgrain.netlist import Design, ElaborationLimits, run_yosys
from sandgrain.netlist.yosys_process import quoted

_BUFFER: Final = full_name("buf_1")
_TIE: Final = full_name("conb_1")
_CELL = re.compile(rf"\b{LIBRARY}__(\w+)")
_LATCHES: Final = f"""
(* techmap_celltype = "$_DLATCH_P_" *)
module high_latch (input E, input D, output Q);
  {full_name("dlxtp_1")} latch (.GATE(E), .D(D), .Q(Q));
endmodule
(* techmap_celltype = "$_DLATCH_N_" *)
module low_latch (input E, input D, output Q);
  {full_name("dlxtp_1")} latch (.GATE(!E), .D(D), .Q(Q));
endmodule
"""


def map_to_cells(design: Design, limits: ElaborationLimits | None = None) -> CellNetlist:
    """Map a description to cells of sky130_fd_sc_hd.

    The description is flattened, memories become flip-flops, power-up values are dropped (silicon has none), and
    undefined values become 0. Instances of library cells stay as they are.

    Args:
        design: what to map: RTL, or a netlist of library cells.
        limits: on the Yosys process.

    Raises:
        ElaborationError: Yosys cannot read it.
        LimitExceeded: it takes too long or too much memory.
        DrawingError: something remains that is no cell of the library, or a net with several drivers or none.
    """
    limits = limits or ElaborationLimits()
    with tempfile.TemporaryDirectory(prefix="sandgrain-mapping-") as name:
        work = Path(name)
        library, latches, mapped = work / "cells.lib", work / "latches.v", work / "mapped.json"
        library.write_text(liberty(), encoding="utf-8")
        latches.write_text(_LATCHES, encoding="utf-8")
        script = [*_read(design), *_map(design.top, library, latches, mapped)]
        run_yosys(script, cwd=design.root, limits=limits, what="mapping the description to cells")
        module = json.loads(mapped.read_text(encoding="utf-8"))["modules"][design.top]
    return _netlist(design.top, module)


def _read(design: Design) -> list[str | list[str]]:
    used = {"buf_1", "dlxtp_1", "conb_1"}
    for source in design.sources:
        used |= set(_CELL.findall((design.root / source).read_text(encoding="utf-8", errors="replace")))
    boxes = [master(cell).gds.with_suffix(".blackbox.v") for cell in sorted(used) if (_exists(cell))]
    read = ["read_verilog", "-sv"]
    for directory in design.include_dirs:
        read += ["-I", directory]
    for name, text in design.defines.items():
        read += ["-D", f"{name}={text}" if text else name]
    hierarchy = ["hierarchy", "-check", "-top", design.top]
    for name, value in design.parameters.items():
        hierarchy += ["-chparam", name, str(value)]
    return [
        *(f"read_verilog -lib {quoted(box)}" for box in boxes),
        [*read, *(quoted(source) for source in design.sources)],
        hierarchy,
    ]


def _exists(cell: str) -> bool:
    return (library_root() / cell.rpartition("_")[0] / f"{LIBRARY}__{cell}.lef").is_file()


def _map(top: str, library: Path, latches: Path, mapped: Path) -> list[str | list[str]]:
    return [
        f"synth -flatten -top {top}",
        "setattr -unset init",
        f"techmap -map {quoted(latches)}",
        f"dfflibmap -liberty {quoted(library)}",
        "setundef -undriven -zero",
        "setundef -zero",
        f"abc -liberty {quoted(library)}",
        "opt_clean -purge",
        f"hilomap -hicell {_TIE} HI -locell {_TIE} LO",
        "opt_clean -purge",
        f"write_json {quoted(mapped)}",
    ]


def _netlist(top: str, module: Mapping[str, Any]) -> CellNetlist:
    numbers: dict[int, int] = {}
    cells: list[tuple[str, str, dict[str, int]]] = []
    for name, cell in module["cells"].items():
        kind = str(cell["type"])
        if not kind.startswith(f"{LIBRARY}__"):
            raise DrawingError(
                f"the cell {name} is of type {kind}",
                expected=f"cells of {LIBRARY} alone after mapping",
                remedy="give the description of that module, or replace what has no cell (a tri-state, a black box)",
            )
        pins = {}
        for pin, bits in cell["connections"].items():
            if bits and isinstance(bits[0], int):
                pins[pin] = numbers.setdefault(bits[0], len(numbers))
        cells.append((name, kind, pins))
    taken: set[int] = set()
    ports: list[CellPort] = []
    for name, port in module["ports"].items():
        nets = []
        for bit in port["bits"]:
            net = numbers.setdefault(bit, len(numbers))
            if net in taken:  # an output that is an input or another output: a buffer gives it a net of its own
                new = len(numbers)
                numbers[-new - 1] = new
                cells.append((f"port_buffer_{new}", _BUFFER, {"A": net, "X": new}))
                net = new
            taken.add(net)
            nets.append(net)
        vector = len(nets) > 1 or "offset" in port
        ports.append(CellPort(name, str(port["direction"]), tuple(nets), int(port.get("offset", 0)), vector))
    _check_drivers(cells, ports, len(numbers))
    names = _net_names(module, numbers, ports)
    instances = _named(cells, {name for port in ports for name in (port.name, *port.bit_names())} | set(names))
    return CellNetlist(top, instances, tuple(names), tuple(ports))


def _check_drivers(cells: list[tuple[str, str, dict[str, int]]], ports: list[CellPort], count: int) -> None:
    drivers = [0] * count
    for port in ports:
        if port.direction == "inout":
            raise DrawingError(
                f"the port {port.name} goes both ways",
                expected="inputs and outputs",
                remedy="split it into an input, an output and an enable",
            )
        if port.direction == "input":
            for net in port.nets:
                drivers[net] += 1
    for _, kind, pins in cells:
        directions = {pin.name: pin.direction for pin in master(kind).pins}
        for pin, net in pins.items():
            drivers[net] += directions.get(pin) == "output"
    wrong = next((net for net in range(count) if drivers[net] != 1), None)
    if wrong is not None:
        raise DrawingError(
            f"a net of the mapped design has {drivers[wrong]} drivers",
            expected="exactly one driver on every net",
            remedy="look for a net that nothing or several things drive in the description",
        )


def _net_names(module: Mapping[str, Any], numbers: Mapping[int, int], ports: list[CellPort]) -> list[str]:
    names: list[str] = [""] * len(numbers)
    used: set[str] = set()
    for port in ports:
        used.add(port.name)
        for name, net in zip(port.bit_names(), port.nets, strict=True):
            names[net] = name
            used.add(name)
    ranked = sorted(module["netnames"].items(), key=lambda item: (item[1].get("hide_name", 0), len(item[0]), item[0]))
    for text, net in ranked:
        offset = int(net.get("offset", 0))
        for index, bit in enumerate(net["bits"]):
            found = numbers.get(bit) if isinstance(bit, int) else None
            name = text if len(net["bits"]) == 1 else f"{text}[{offset + index}]"
            # Names that only Yosys could have made get a plain number below.
            if found is not None and not names[found] and not net.get("hide_name") and name not in used:
                names[found] = name
                used.add(name)
    for net, name in enumerate(names):
        if not name:
            names[net] = _free(f"_{net:05d}_", used)
    return names


def _named(cells: list[tuple[str, str, dict[str, int]]], used: set[str]) -> tuple[Instance, ...]:
    instances = []
    for index, (name, kind, pins) in enumerate(cells):
        plain = name if re.fullmatch(r"[!-~]+", name) and "$" not in name else f"_c{index:05d}_"
        instances.append(Instance(_free(plain, used), kind, tuple(sorted(pins.items()))))
    return tuple(instances)


def _free(name: str, used: set[str]) -> str:
    """``name``, with a number after it where it is taken; takes it."""
    number, text = 0, name
    while text in used:
        number += 1
        text = f"{name}_{number}"
    used.add(text)
    return text
