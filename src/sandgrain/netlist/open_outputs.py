"""Outputs tied to ``x`` or ``z``, as synthesis leaves them where a description says nothing: nets nothing drives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sandgrain.netlist.model import Module, X


def with_open_outputs(module: Module) -> Module:
    """The same module, every ``x`` or ``z`` at an output or inout port a net bit of its own that nothing drives.

    The new bits have no name but that of the port's bit; they come after all others.

    Args:
        module: any module; returned as it is if it has no such port.
    """
    count = module.bit_count
    ports = []
    for port in module.ports:
        unknown = port.bits <= X if port.direction != "input" else np.zeros(port.width, np.bool_)
        if unknown.any():
            bits = port.bits.copy()
            bits[unknown] = np.arange(count, count + int(unknown.sum()))
            count += int(unknown.sum())
            port = replace(port, bits=bits)
        ports.append(port)
    return module if count == module.bit_count else replace(module, ports=tuple(ports), bit_count=count)
