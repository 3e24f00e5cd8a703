"""Small designs written on the spot, and a slow but plain evaluator of gate netlists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sandgrain.netlist import Design, Module
from sandgrain.netlist.model import ONE, ZERO

MakeDesign = Callable[..., Design]


@pytest.fixture
def make_design(tmp_path: Path) -> MakeDesign:
    """Write source texts under a fresh root and describe them: ``make_design({"a.v": "..."}, top="a")``."""

    def make(sources: Mapping[str, str | bytes] | str, top: str = "top", **rest: object) -> Design:
        texts = {"top.v": sources} if isinstance(sources, str) else sources
        root = tmp_path / "submission"
        for name, text in texts.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        listed = tuple(name for name in texts if not name.endswith((".vh", ".hex")))
        return Design(root, listed, top, **rest)  # type: ignore[arg-type]

    return make


def evaluate(gates: Module, inputs: Mapping[str, int], free: int = 0) -> dict[str, int]:
    """Output port values for input port values, every free bit (and flip-flop) being ``free``."""
    cells = gates.cells
    values = {ZERO: 0, ONE: 1}
    for port in gates.ports:
        if port.direction == "input":
            values.update((bit, inputs.get(port.name, 0) >> i & 1) for i, bit in enumerate(port.bits.tolist()))
    driver = {}
    for cell in range(len(cells)):
        kind = cells.type_of(cell)
        if kind in ("$_AND_", "$_NOT_"):
            driver[int(cells.pin(cell, "Y")[0])] = cell

    def value(bit: int) -> int:
        if bit not in values:
            if bit in driver:
                cell = driver[bit]
                operands = [
                    value(int(cells.pin(cell, name)[0])) for name in "AB"[: 2 - (cells.type_of(cell) == "$_NOT_")]
                ]
                values[bit] = operands[0] & operands[1] if len(operands) == 2 else 1 - operands[0]
            else:
                values[bit] = free
        return values[bit]

    return {
        port.name: sum(value(bit) << i for i, bit in enumerate(port.bits.tolist()))
        for port in gates.ports
        if port.direction == "output"
    }
