"""Single changes of a mapped netlist: another cell with the same pins, a pin elsewhere, at a constant, or inverted."""

from __future__ import annotations

import random
import re

_CELL = re.compile(r"  (sky130_fd_sc_hd__(\w+)_\d) (\S+) \(\n((?:    \.\w+\(.*?\),?\n)+)  \);")
_PIN = re.compile(r"\.(\w+)\((.*?)\)")
_OUTPUTS = {"X", "Y", "Q", "Q_N", "HI", "LO", "COUT", "SUM"}


def mutate(text: str, seed: int) -> tuple[str, str]:
    """A netlist with one change, and what was changed."""
    rng = random.Random(seed)
    cells = list(_CELL.finditer(text))
    while True:
        cell = rng.choice(cells)
        pins = _PIN.findall(cell[4])
        inputs = [pin for pin in pins if pin[0] not in {*_OUTPUTS, "CLK"}]
        kind = rng.choice(["swap", "rewire", "stuck", "invert"])
        if not inputs:
            continue
        pin, net = rng.choice(inputs)
        if kind == "swap":
            names = [name for name, _ in pins]
            alike = {(other[1], other[2]) for other in cells if [name for name, _ in _PIN.findall(other[4])] == names}
            others = sorted(name for name, function in alike if function != cell[2])
            if not others:
                continue
            new = rng.choice(others)
            return text[: cell.start(1)] + new + text[cell.end(1) :], f"{cell[3]} becomes {new}"
        before = ""
        if kind == "stuck":
            to = rng.choice(["1'b0", "1'b1"])
        elif kind == "rewire":
            drivers = [value for name, value in _PIN.findall(rng.choice(cells)[4]) if name in {"X", "Y", "Q"}]
            if not drivers:
                continue
            to = drivers[0]
        else:
            to = "mutated"
            before = f"  wire mutated;\n  sky130_fd_sc_hd__inv_1 mutation (\n    .A({net}),\n    .Y(mutated)\n  );\n"
        body = cell[0].replace(f".{pin}({net})", f".{pin}({to})", 1)
        return text[: cell.start()] + before + body + text[cell.end() :], f"{cell[3]}.{pin}: {kind} {net} {to}"
