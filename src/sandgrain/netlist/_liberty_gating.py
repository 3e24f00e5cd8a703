"""Integrated clock gates that a Liberty library names but does not describe.

``clock_gating_integrated_cell`` says what kind of gate a cell is, and the roles of its pins say the rest (Liberty
Reference Manual, "clock_gating_integrated_cell"). A ``posedge`` gate is ``clock & enable``, for flip-flops that rise
with the clock; a ``negedge`` gate rests at 1: ``clock | !enable``. A latch before it is open while the gate rests.
"""

from __future__ import annotations

import re
from typing import Final

from sandgrain.netlist._liberty_pins import Driven, Pins
from sandgrain.netlist._liberty_states import Memory, Register, Unsupported
from sandgrain.netlist._liberty_syntax import Attribute, Group, Source
from sandgrain.netlist._quote import quote

_KIND: Final = re.compile(r"(latch|none)_(posedge|negedge)(_precontrol|_postcontrol|_control)?")
_STATE: Final = "IQ_of_clock_gate"


def gating_states(cell: Group, pins: Pins, source: Source) -> list[Memory]:
    """The memory of a clock gate; gives its output the function, too. Nothing for another cell.

    Raises:
        Unsupported: a kind of clock gate that is not known, or roles of pins that do not fit.
    """
    kind = cell.text("clock_gating_integrated_cell").strip()
    if not kind:
        return []
    match = _KIND.fullmatch(kind)
    if match is None:
        raise Unsupported(f"it is a clock gate of the kind {quote(kind)} without a function")
    roles = {
        role: [
            name
            for name, attributes in pins.attributes.items()
            if f"clock_gate_{role}_pin" in attributes
            and attributes[f"clock_gate_{role}_pin"].text.strip().lower() == "true"
        ]
        for role in ("clock", "enable", "test", "out", "obs")
    }
    wanted = {"clock": 1, "enable": 1, "test": 1 if match[3] else 0, "out": 1, "obs": 0}
    if any(len(roles[role]) != count for role, count in wanted.items()):
        raise Unsupported(f"it is a clock gate of the kind {quote(kind)} whose pins have not the roles of one")
    clock, enable, out = (roles[role][0] for role in ("clock", "enable", "out"))
    if (out, 0) not in pins.driven or len([bit for _, bit in pins.driven if bit >= 0]) != 1:
        raise Unsupported(f"it is a clock gate of the kind {quote(kind)} with other outputs than its clock")
    rising = match[2] == "posedge"
    test = roles["test"][0] if match[3] else ""
    opened = f'"{enable}" | "{test}"' if match[3] in {"_precontrol", "_control"} else f'"{enable}"'
    memory: list[Memory] = []
    if match[1] == "latch":
        attributes = {
            "enable": Attribute(f'!"{clock}"' if rising else f'"{clock}"', cell.at),
            "data_in": Attribute(opened, cell.at),
        }
        memory = [Register(Group("latch", [_STATE], cell.at, attributes), source)]
        opened = _STATE
    if match[3] == "_postcontrol":
        opened = f'{opened} | "{test}"'
    text = f'"{clock}" & ({opened})' if rising else f'"{clock}" | !({opened})'
    pins.driven[out, 0] = Driven({"function": Attribute(text, cell.at)}, 0, 1)
    return memory
