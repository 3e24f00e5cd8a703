"""A linked netlist written in another format."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import numpy as np

from sandgrain.errors import NetlistError
from sandgrain.logic.aiger_out import write_network_aiger
from sandgrain.logic.assemble import Assembled, assemble
from sandgrain.logic.model import InputBit, LatchBit, Model, PortBits
from sandgrain.logic.network import Literals, Network
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.link import Linked
from sandgrain.netlist.model import ONE, ZERO, Module, Netlist
from sandgrain.netlist.write_json import write_yosys_json
from sandgrain.netlist.write_verilog import write_verilog
from sandgrain.writing import write_whole

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
        write_whole(out, lambda stream: write_network_aiger(model, stream, binary=ending == ".aig"), NetlistError)
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

    write_whole(out, text, NetlistError)
    return ()


def _model(module: Module, assembled: Assembled) -> Model:
    """The network with the names of the flat module; inputs of ports first, in their order."""
    owner: dict[int, tuple[str | None, int]] = {
        bit: (port.name, index)
        for port in module.ports
        if port.direction != "output"
        for index, bit in enumerate(port.bits.tolist())
    }
    place = {bit: index for index, bit in enumerate(owner)}
    bits = assembled.input_bits.tolist()
    order = sorted(range(len(bits)), key=lambda index: (place.get(bits[index], len(place)), index))
    network, moved = _reordered(assembled.network, order)
    inputs = []
    for position, index in enumerate(order):
        bit = bits[index]
        of_port, at = owner.get(bit, (None, 0))
        if of_port is not None:
            name = f"{of_port}[{at}]"
        else:
            name = bit_name(module, bit) if bit >= 0 else f"unknown{position}"
        inputs.append(InputBit(of_port, at, name))
    latches = []
    for cell, state in zip(assembled.latch_cells.tolist(), assembled.latch_states.tolist(), strict=True):
        name = module.cells.names[cell] if cell >= 0 else "latch"
        latches.append(LatchBit(name if state == 0 else f"{name}.{state}", module.cells.place(cell)))
    ports = []
    for port in module.ports:
        literals = moved(assembled.net_literals[port.bits.clip(0)])
        literals[port.bits == ZERO] = 0
        literals[port.bits == ONE] = 1
        ports.append(PortBits(port.name, port.direction, literals))
    return Model(network, tuple(inputs), tuple(latches), {}, tuple(ports))


def _reordered(network: Network, order: list[int]) -> tuple[Network, Callable[[Literals], Literals]]:
    """The network with its inputs in another order, and what becomes of a literal."""
    new = np.arange(network.variable_count, dtype=np.uint32)
    new[1 + np.array(order, np.int64)] = 1 + np.arange(len(order), dtype=np.uint32)

    def moved(literals: Literals) -> Literals:
        result: Literals = (new[literals >> np.uint32(1)] << np.uint32(1)) | (literals & np.uint32(1))
        return result

    return (
        Network(
            input_kinds=network.input_kinds[order],
            latch_next=moved(network.latch_next),
            latch_init=network.latch_init,
            fanin0=moved(network.fanin0),
            fanin1=moved(network.fanin1),
        ),
        moved,
    )
