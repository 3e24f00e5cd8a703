"""A `Model` as an AIGER file, for other tools to reason on and to check ours against."""

from __future__ import annotations

from typing import IO

import numpy as np

from sandgrain.logic.model import Model
from sandgrain.logic.network import UNKNOWN
from sandgrain.netlist.aiger_format import UNINITIALISED, Aiger, write


def write_network_aiger(model: Model, stream: IO[bytes], *, binary: bool = True) -> None:
    """Write ``model`` as AIGER 1.9; the variables keep their numbers.

    The outputs are the bits of the output ports, then the named expressions of the model.

    Args:
        model: what to write. Free inputs are inputs like any other.
        stream: where to; bytes.
        binary: the binary format (``aig``), else the ASCII one (``aag``).

    Raises:
        NetlistError: a name holds a newline.
    """
    network = model.network
    outputs = [
        (port.name if port.literals.size == 1 else f"{port.name}[{index}]", literal)
        for port in model.ports
        if port.direction == "output"
        for index, literal in enumerate(port.literals.tolist())
    ]
    outputs += model.outputs.items()
    widths = {port.name: port.literals.size for port in model.ports}
    symbols: dict[tuple[str, int], bytes] = {}
    for letter, names in (
        ("i", [bit.port if bit.port and widths.get(bit.port) == 1 else bit.name for bit in model.inputs]),
        ("l", [latch.name for latch in model.latches]),
        ("o", [name for name, _ in outputs]),
    ):
        symbols |= {
            (letter, index): name.encode("utf-8", "surrogateescape") for index, name in enumerate(names) if name
        }
    resets = np.where(network.latch_init == UNKNOWN, UNINITIALISED, network.latch_init)
    variables = 2 * np.arange(network.variable_count, dtype=np.int64)
    write(
        Aiger(
            inputs=variables[1 : network.first_latch],
            latches=variables[network.first_latch : network.first_and],
            nexts=network.latch_next.astype(np.int64),
            resets=resets.astype(np.int8),
            ands=variables[network.first_and :],
            fanins=np.column_stack((network.fanin0, network.fanin1)).astype(np.int64).reshape(-1, 2),
            outputs=np.array([literal for _, literal in outputs], np.int64),
            symbols=symbols,
        ),
        stream,
        binary=binary,
    )
