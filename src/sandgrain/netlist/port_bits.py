"""What a bit of a port is called, however synthesis may have split the port."""

from __future__ import annotations

from sandgrain.netlist.model import Port


def port_bit_name(port: Port, position: int) -> str:
    """Bit ``position`` (0 the least significant) of a port as ``port[number]``, in the numbers of its declaration.

    Synthesis may have split a vector into ports called ``a[3]``; their only bit has that name too. A port of one bit
    without a range is ``a[0]``.
    """
    name = port.name.removeprefix("\\").strip()
    if port.width == 1 and name.endswith("]"):
        base, _, number = name[:-1].rpartition("[")
        if base and number.isdecimal():
            return f"{base}[{int(number)}]"
    number_at = port.offset + (port.width - 1 - position if port.upto else position)
    return f"{name}[{number_at}]"
