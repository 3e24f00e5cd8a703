"""Functions of well-known cells, for netlists that come without the library they were mapped to.

The tables under ``data/`` state plain facts: names, pins, and what the outputs are, in the notation of Liberty.
A design's own library always comes first; these are for what it leaves open.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from sandgrain.netlist._liberty_expression import expression
from sandgrain.netlist._truth_table import tidy
from sandgrain.netlist.cell_function import FALSE, FLIP_FLOP, LATCH, Cell, CellFunction, FunctionBuilder, StateElement
from sandgrain.netlist.model import INPUT, OUTPUT, Parameter
from sandgrain.netlist.signatures import PinShape

TABLES: Final = ("saed90", "sky130_ef", "generic_scan", "generic")
"""The tables, the more specific first: of two cells of one name that both fit, the first counts."""
_STATE: Final = "IQ"


def bundled_library() -> dict[str, Cell]:
    """All cells by name; of several of one name, that of the first of `TABLES`."""
    return {name: variants[0] for name, variants in _cells().items()}


def bundled_cell(kind: str, pins: Sequence[PinShape], parameters: Mapping[str, Parameter]) -> Cell | None:
    """The cell of type ``kind`` that has all of ``pins``: a `CellLookup`.

    Libraries of several makers use one name with different pins, which is how they are told apart. ``None`` if no
    cell of that name has these pins; an instance with parameters is nobody's.
    """
    if parameters:
        return None
    names = {name for name, _ in pins if not name.startswith("#")}
    return next((cell for cell in _cells().get(kind, ()) if names <= cell.pins.keys()), None)


@lru_cache(maxsize=1)
def _cells() -> Mapping[str, tuple[Cell, ...]]:
    found: dict[str, list[Cell]] = {}
    for table in TABLES:
        text = files("sandgrain.netlist").joinpath("data", f"{table}.toml").read_text(encoding="utf-8")
        for entry in tomllib.loads(text)["cell"]:
            made = _made(entry, table)
            for name in entry["names"].split():
                cell = Cell(name, made.pins, made.function, made.inert, made.origin)
                found.setdefault(name, []).append(cell)
    return {name: tuple(cells) for name, cells in found.items()}


def _made(entry: Mapping[str, Any], table: str) -> Cell:
    """The cell of one entry.

    An entry has ``names`` and ``inputs`` (split at blanks), ``outputs`` (expressions by pin), for a state
    ``flip_flop`` or ``latch`` (``control``, ``data``, and as needed ``clear``, ``preset``, ``both``), and for
    three-state outputs ``drives``.
    """
    inputs: list[str] = entry.get("inputs", "").split()
    outputs: dict[str, str] = entry.get("outputs", {})
    pins = {**dict.fromkeys(inputs, (INPUT, 1)), **dict.fromkeys(outputs, (OUTPUT, 1))}
    origin = f"bundled table {table}"
    if not outputs:
        return Cell("", pins, CellFunction((), (), (), {}), inert=True, origin=origin)
    kind = next((kind for kind in (FLIP_FLOP, LATCH) if kind.replace("-", "_") in entry), None)
    builder = FunctionBuilder([(name, 0) for name in inputs], (_STATE,) if kind else ())

    def literal(text: str) -> int:
        return expression(text, builder, lambda name: [builder.state(name) if name == _STATE else builder.pin(name)])[0]

    states = []
    if kind:
        state: dict[str, str] = entry[kind.replace("-", "_")]
        clear, preset = (literal(state[name]) if name in state else FALSE for name in ("clear", "preset"))
        both = state.get("both", "x")
        data, control = literal(state["data"]), literal(state["control"])
        states = [StateElement(_STATE, kind, data, control, clear, preset, both)]
    function = builder.finish(
        {(name, 0): literal(text) for name, text in outputs.items()},
        states,
        {(name, 0): literal(text) for name, text in entry.get("drives", {}).items()},
    )
    return Cell("", pins, tidy(function), origin=origin)
