"""State tables of Liberty as flip-flops and latches (Liberty Reference Manual, "statetable Group").

A row is ``inputs : state : next state``; the first that applies counts. What no row speaks of is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from sandgrain.netlist._liberty_syntax import Group, Source
from sandgrain.netlist._quote import quote
from sandgrain.netlist._udp_table import MOST_INPUTS, ONE, UNKNOWN, ZERO, NotExpressible, Values, memory
from sandgrain.netlist.cell_function import CellFunction

_HOLD: Final = 3
_NEXT: Final = {"L": ZERO, "H": ONE, "X": UNKNOWN, "-": UNKNOWN, "N": _HOLD}
_LEVELS: Final = {"L": 0, "H": 1, "-": 2}
_EDGES: Final = {"R": (1, True), "F": (0, True), "~R": (1, False), "~F": (0, False)}
_PAIRS: Final = {"H/L": ("H", "L"), "L/H": ("L", "H")}


class _Row(NamedTuple):
    inputs: list[str]
    state: str
    following: str


def table_function(group: Group, inputs: Sequence[str], node: str, source: Source) -> CellFunction:
    """The function of a state table with one node.

    Raises:
        NotExpressible: no flip-flop or latch does the same.
        NetlistError: a row is not written as it should be.
        LimitExceeded: it has too many rows.
    """
    attribute = group.attributes.get("table")
    if attribute is None:
        raise source.error("a statetable has no table", group.at, 'table : "inputs : state : next, .."')
    if len(inputs) > MOST_INPUTS:
        raise NotExpressible(f"it has {len(inputs)} inputs, more than the {MOST_INPUTS} a table is enumerated for")
    lines = attribute.text.split(",")
    if len(lines) > source.limits.table_rows:
        raise source.too_much(
            f"a state table has {len(lines):,} rows", group.at, source.limits.table_rows, "table_rows"
        )
    if len(lines) * len(inputs) << len(inputs) > 1 << 27:
        raise NotExpressible(f"its {len(lines):,} rows for {len(inputs)} inputs are too many to enumerate")
    rows = [row for line in lines for row in _rows(line, len(inputs), source, attribute.at)]
    shape = (2,) * len(inputs) + (2,)
    after = np.full((len(inputs), *shape), UNKNOWN, np.uint8)
    for row in reversed(rows):
        for changing in range(len(inputs)):
            _apply(after[changing], row, changing)
    for state in (0, 1):
        part = after[..., state]
        part[part == _HOLD] = state
    return memory(inputs, node, after)


def _rows(line: str, inputs: int, source: Source, at: int) -> list[_Row]:
    parts = [part.replace("/ ", "/").replace(" /", "/").upper().split() for part in line.split(":")]
    if [len(part) for part in parts] != [inputs, 1, 1]:
        raise source.error(f"{quote(line.strip())} is no row of the state table", at, f"{inputs} inputs : state : next")
    symbols, (state,), (following,) = parts
    expanded = []
    for choice in (0, 1) if any(item in _PAIRS for part in parts for item in part) else (0,):
        chosen = [_PAIRS.get(item, (item, item))[choice] for item in symbols]
        row = _Row(chosen, _PAIRS.get(state, (state,) * 2)[choice], _PAIRS.get(following, (following,) * 2)[choice])
        known = all(item in _LEVELS or item in _EDGES for item in row.inputs)
        if not known or row.state not in _LEVELS or row.following not in _NEXT:
            raise source.error(
                f"{quote(line.strip())} has a sign with no meaning",
                at,
                "L H - R F ~R ~F H/L L/H for inputs, L H - for the state, L H X N - H/L L/H for the next",
            )
        expanded.append(row)
    return expanded


def _apply(after: Values, row: _Row, changing: int) -> None:
    """Enter what ``row`` says of a change of input ``changing``."""
    where: list[slice] = []
    for index, sign in enumerate(row.inputs):
        level = _LEVELS.get(sign)
        if level is None:
            arrives, edge = _EDGES[sign]
            if index == changing:
                # A change that is not the rising edge is the falling one.
                level = arrives if edge else arrives ^ 1
            elif edge:
                return
            else:
                level = 2
        where.append(slice(None) if level == 2 else slice(level, level + 1))
    state = _LEVELS[row.state]
    where.append(slice(None) if state == 2 else slice(state, state + 1))
    after[tuple(where)] = _NEXT[row.following]
