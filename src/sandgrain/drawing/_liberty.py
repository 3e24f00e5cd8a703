"""A Liberty text of the cells descriptions are mapped to: what they do and how large they are, nothing of timing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandgrain.drawing.library import cell_table, master

_KINDS = {"flip_flop": ("ff", "clocked_on", "next_state"), "latch": ("latch", "enable", "data_in")}


def liberty() -> str:
    """The text; cells without inputs (ties) are left out, they are not for a mapper to choose."""
    cells = [_cell(entry) for entry in cell_table() if any(p.direction == "input" for p in master(entry["name"]).pins)]
    return "library (sky130_fd_sc_hd) {\n  delay_model : table_lookup;\n" + "".join(cells) + "}\n"


def _cell(entry: Mapping[str, Any]) -> str:
    found = master(entry["name"])
    area = found.width * found.height / 1e6
    lines = [f"  cell ({found.name}) {{", f"    area : {area:.4f};"]
    states = [(kind, entry[kind]) for kind in _KINDS if kind in entry]
    for kind, state in states:
        group, control, data = _KINDS[kind]
        lines += [f"    {group} (IQ, IQN) {{", f'      {control} : "{state["control"]}";']
        lines += [f'      {data} : "{state["data"]}";']
        lines += [f'      {role} : "{state[role]}";' for role in ("clear", "preset") if role in state]
        lines += ["    }"]
    for pin in found.signals:
        lines += [f"    pin ({pin.name}) {{", f"      direction : {pin.direction};"]
        if pin.direction == "output":
            lines += [f'      function : "{entry["outputs"][pin.name]}";']
        if any(state["control"] == pin.name and kind == "flip_flop" for kind, state in states):
            lines += ["      clock : true;"]
        lines += ["    }"]
    return "\n".join([*lines, "  }", ""])
