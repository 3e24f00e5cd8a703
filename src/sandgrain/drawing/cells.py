"""A flat netlist of library cells, as it is drawn: instances, nets and port bits by dense index.

Its text is structural Verilog, without power as a synthesis delivers it, or with power pins and the cells that carry
no signal, as a layout tool does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from sandgrain.drawing.library import POWER, master
from sandgrain.netlist.write_verilog import identifier

SUPPLIES: Final = ("VPWR", "VGND")


@dataclass(frozen=True)
class Instance:
    """A cell: its name, the full name of its master, and the net of each connected signal pin."""

    name: str
    master: str
    nets: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class CellPort:
    """A port: ``nets`` of its bits, the lowest first, numbered from ``offset`` unless it is a plain wire."""

    name: str
    direction: str
    nets: tuple[int, ...]
    offset: int = 0
    vector: bool = False

    def bit_names(self) -> tuple[str, ...]:
        """The name of every bit, as a label of a layout has it."""
        if not self.vector:
            return (self.name,)
        return tuple(f"{self.name}[{self.offset + bit}]" for bit in range(len(self.nets)))


@dataclass(frozen=True)
class CellNetlist:
    """A netlist of library cells.

    Attributes:
        top: name of the module.
        instances: the cells.
        nets: a name for every net; the bit of a port where it is one.
        ports: the ports; no net is on two of their bits.
    """

    top: str
    instances: tuple[Instance, ...]
    nets: tuple[str, ...]
    ports: tuple[CellPort, ...]

    def port_bits(self) -> Iterator[tuple[str, str, int]]:
        """Name, direction and net of every bit of every port."""
        for port in self.ports:
            for name, net in zip(port.bit_names(), port.nets, strict=True):
                yield name, port.direction, net


def write_cells(netlist: CellNetlist, stream: TextIO, *, physical: Iterable[tuple[str, str]] | None = None) -> None:
    """Write structural Verilog.

    Args:
        netlist: what to write.
        stream: where to.
        physical: name and master of the cells without signals; given, the text has power pins and ports.
    """
    powered = physical is not None
    top = identifier(netlist.top, "module")
    names = [*(SUPPLIES if powered else ()), *(port.name for port in netlist.ports)]
    stream.write(f"module {top} (" + ",\n    ".join(identifier(name, "port") for name in names) + ");\n")
    if powered:
        stream.writelines(f"  inout {name};\n" for name in SUPPLIES)
    spelled: dict[int, str] = {}
    for port in netlist.ports:
        name = identifier(port.name, "port")
        width = f"[{port.offset + len(port.nets) - 1}:{port.offset}] " if port.vector else ""
        stream.write(f"  {port.direction} {width}{name};\n")
        for bit, net in enumerate(port.nets):
            spelled[net] = f"{name}[{port.offset + bit}]" if port.vector else name
    for net, text in enumerate(netlist.nets):
        if net not in spelled:
            spelled[net] = identifier(text, "net")
            stream.write(f"  wire {spelled[net]};\n")
    for instance in netlist.instances:
        pins = [(pin, spelled[net]) for pin, net in instance.nets]
        _write_instance(stream, instance.name, instance.master, pins, powered)
    for cell, kind in physical or ():
        _write_instance(stream, cell, kind, [], True)
    stream.write("endmodule\n")


def _write_instance(stream: TextIO, name: str, kind: str, pins: list[tuple[str, str]], powered: bool) -> None:
    if powered:
        pins = [*((pin.name, POWER[pin.name]) for pin in master(kind).pins if pin.power), *pins]
    text = ", ".join(f".{identifier(pin, 'pin')}({net})" for pin, net in pins)
    stream.write(f"  {identifier(kind, 'cell type')} {identifier(name, 'instance')} ({text});\n")
