"""A linked netlist written in another format."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from sandgrain.errors import NetlistError
from sandgrain.logic.aiger_out import write_network_aiger
from sandgrain.logic.assemble import Assembled, assemble
from sandgrain.logic.model import InputBit, LatchBit, Model, PortBits
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.link import Linked
from sandgrain.netlist.model import ONE, ZERO, Module, Netlist
from sandgrain.netlist.write_json import write_yosys_json
from sandgrain.netlist.write_verilog import write_verilog

ENDINGS: Final = (".v", ".json", ".aag", ".aig")
"""What a file may be called to be written: Verilog, Yosys JSON, AIGER in ASCII and in binary."""


def write_netlist(linked: Linked, out: Path, *, flat: bool = False) -> tuple[str, ...]:
    """Write a netlist; the ending of ``out`` says in which format.

    Args:
        linked: the netlist.
        out: one of `ENDINGS`; written beside its place first, so that no half-written file is ever there.
        flat: write one flat module (AIGER always is).

    Returns:
        Sentences on what the file does not say: what AIGER holds as free inputs.

    Raises:
        NetlistError: no such format, or a name it cannot hold.
        NetworkError: the netlist is no single-clock network (AIGER).
    """
    ending = out.suffix.lower()
    if ending not in ENDINGS:
        raise NetlistError(
            "the name of the file does not say what to write",
            file=out,
            expected=f"one of the endings {', '.join(ENDINGS)}",
            remedy="rename the file",
        )
    if ending in (".aag", ".aig"):
        module = flatten(linked)
        assembled = assemble(module, linked.lookup)
        model = _model(module, assembled)
        _whole(out, lambda stream: write_network_aiger(model, stream, binary=ending == ".aig"))
        return tuple(str(note) for note in assembled.not_modelled)
    netlist = linked.netlist
    if flat:
        module = flatten(linked)
        netlist = Netlist({module.name: module}, module.name)
    write = write_verilog if ending == ".v" else write_yosys_json

    def text(stream: IO[bytes]) -> None:
        wrapped = io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="\n")
        write(netlist, wrapped)
        wrapped.flush()
        wrapped.detach()

    _whole(out, text)
    return ()


def _whole(out: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file all at once or not at all."""
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as stream:
            write(stream)
        os.replace(part, out)
    except OSError as error:
        raise NetlistError(
            f"the file cannot be written: {error.strerror or error}", file=out, expected="a place that can be written"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _model(module: Module, assembled: Assembled) -> Model:
    """The network with the names of the flat module."""
    owner: dict[int, tuple[str | None, int]] = {
        bit: (port.name, index)
        for port in module.ports
        if port.direction != "output"
        for index, bit in enumerate(port.bits.tolist())
    }
    inputs = []
    for position, bit in enumerate(assembled.input_bits.tolist()):
        of_port, index = owner.get(bit, (None, 0))
        name = bit_name(module, bit) if bit >= 0 else f"unknown{position}"
        inputs.append(InputBit(of_port, index, name))
    latches = []
    for cell, state in zip(assembled.latch_cells.tolist(), assembled.latch_states.tolist(), strict=True):
        name = module.cells.names[cell] if cell >= 0 else "latch"
        latches.append(LatchBit(name if state == 0 else f"{name}.{state}", module.cells.place(cell)))
    ports = []
    for port in module.ports:
        literals = assembled.net_literals[port.bits.clip(0)].copy()
        literals[port.bits == ZERO] = 0
        literals[port.bits == ONE] = 1
        ports.append(PortBits(port.name, port.direction, literals))
    return Model(assembled.network, tuple(inputs), tuple(latches), {}, tuple(ports))
