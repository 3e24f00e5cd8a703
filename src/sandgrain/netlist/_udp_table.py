"""What the table of a user-defined primitive means for the values 0 and 1, and the cell that does the same.

A row with an edge speaks of the one input that changes, a row without of the levels after any change, and the latter
win (IEEE 1364-2005, clause 8.7). What no row speaks of is unknown. Rows that need an ``x`` never apply to 0 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist._truth_table import Table, literal_of_table, mux, tidy
from sandgrain.netlist.cell_function import (
    FALSE,
    FLIP_FLOP,
    LATCH,
    CellFunction,
    FunctionBuilder,
    StateElement,
)

ZERO: Final = 0
ONE: Final = 1
UNKNOWN: Final = 2
HOLD: Final = 3
"""A result that is the value the state had."""
_UNDECIDED: Final = 4

MOST_INPUTS: Final = 10
"""Inputs of a table that is enumerated; IEEE 1364-2005 demands no more of any tool."""

Values = NDArray[np.uint8]


class NotExpressible(Exception):
    """The table has a meaning, but none that a flip-flop or a latch has.

    Args:
        reason: why.
        missed: for how many levels of the inputs.
    """

    def __init__(self, reason: str, missed: int = 0) -> None:
        super().__init__(reason)
        self.missed = missed


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        levels: per input the values 0 and 1 it applies to: 0, 1, or 2 for both; after the change, for an edge.
        edge: the input whose change it speaks of, or -1.
        before: the values the changing input may have had: 0, 1, or 2 for both.
        state: the value of the state it applies to: 0, 1, or 2 for both.
        result: `ZERO`, `ONE`, `UNKNOWN` or `HOLD`.
        line: where it is written.
    """

    levels: tuple[int, ...]
    edge: int
    before: int
    state: int
    result: int
    line: int


def combinational(inputs: Sequence[str], output: str, rows: Sequence[Row]) -> CellFunction:
    """The function of a table without a state.

    Raises:
        NotExpressible: too many inputs, or rows that contradict each other.
    """
    values = np.full((2,) * len(inputs), UNKNOWN, np.uint8)
    _bounded(inputs, rows)
    said = np.zeros(values.shape, np.bool_)
    for row in rows:
        where = _where(row.levels)
        if (said[where] & (values[where] != row.result)).any():
            raise NotExpressible(f"the row in line {row.line} contradicts a row before it")
        values[where] = row.result
        said[where] = True
    builder = FunctionBuilder([(name, 0) for name in inputs], unknown=1)
    variables = [builder.pin(name) for name in inputs]
    return tidy(builder.finish({(output, 0): _literal(builder, variables, values)}))


def sequential(inputs: Sequence[str], output: str, rows: Sequence[Row], init: str) -> CellFunction:
    """The function of a table with a state: a flip-flop with clear and preset, or a latch.

    An input on whose level nothing depends and whose changes make the state unknown, if anything, is a notifier of
    timing checks: it is taken to be still.

    Raises:
        NotExpressible: too many inputs, rows that contradict each other, or another kind of memory.
    """
    _bounded(inputs, rows)
    return memory(inputs, output, _events(len(inputs), rows), init)


def memory(inputs: Sequence[str], output: str, after: Values, init: str = "x") -> CellFunction:
    """The function of a state, given what every event does to it.

    Args:
        inputs: names of the n inputs.
        output: name of the state and of the pin that shows it.
        after: uint8 (n, 2, .., 2, 2): the state (`ZERO`, `ONE` or `UNKNOWN`) after input ``i`` has changed, by the
            levels of the inputs after the change and by the state before it.
        init: the state at power-up.

    Raises:
        NotExpressible: neither a flip-flop with clear and preset nor a latch does the same.
    """
    still = frozenset(_notifiers(after))
    if (after[[index for index in range(len(inputs)) if index not in still]] == np.arange(2, dtype=np.uint8)).all():
        raise NotExpressible("no input changes the state")
    nearest: NotExpressible | None = None
    for clock, active in [(-1, 0), *((clock, active) for clock in range(len(inputs)) for active in (1, 0))]:
        if clock in still:
            continue
        try:
            return _state(inputs, output, after, still, clock, active, init)
        except NotExpressible as reason:
            if nearest is None or reason.missed < nearest.missed:
                nearest = reason
    raise nearest or NotExpressible("no input changes the state")


def _bounded(inputs: Sequence[str], rows: Sequence[Row]) -> None:
    if len(inputs) > MOST_INPUTS:
        raise NotExpressible(f"it has {len(inputs)} inputs, more than the {MOST_INPUTS} a table is enumerated for")
    if len(rows) << len(inputs) > 1 << 27:
        raise NotExpressible(f"its {len(rows):,} rows for {len(inputs)} inputs are too many to enumerate")


def _where(levels: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(None) if level > ONE else slice(level, level + 1) for level in levels)


def _events(inputs: int, rows: Sequence[Row]) -> Values:
    """uint8 (inputs, 2, .., 2, 2): the state after input ``i`` has changed, by the levels then and the state before."""
    shape = (2,) * inputs + (2,)
    edges = np.full((inputs, *shape), _UNDECIDED, np.uint8)
    levels = np.full(shape, _UNDECIDED, np.uint8)
    for row in rows:
        if row.edge < 0:
            _put(levels, _where((*row.levels, row.state)), row)
            continue
        arrived = row.levels[row.edge]
        for level in (ZERO, ONE):
            # The change to `level` came from the other value.
            if arrived in (level, 2) and row.before in (level ^ 1, 2):
                after = (*row.levels[: row.edge], level, *row.levels[row.edge + 1 :], row.state)
                _put(edges[row.edge], _where(after), row)
    result = np.where(levels != _UNDECIDED, levels, edges)
    result[result == _UNDECIDED] = UNKNOWN
    for state in (ZERO, ONE):
        part = result[..., state]
        part[part == HOLD] = state
    return result


def _put(values: Values, where: tuple[slice, ...], row: Row) -> None:
    there = values[where]
    results = np.broadcast_to(np.uint8(row.result), there.shape)
    if row.result == HOLD:
        results = np.broadcast_to(np.arange(2, dtype=np.uint8)[where[-1]], there.shape)
    if ((there != _UNDECIDED) & (there != results)).any():
        raise NotExpressible(f"the row in line {row.line} contradicts a row before it")
    values[where] = results


def _notifiers(after: Values) -> Iterator[int]:
    for index in range(after.shape[0]):
        others = np.delete(after, index, axis=0)
        if others.shape[0] == 0 or not (others.take(0, index + 1) == others.take(1, index + 1)).all():
            continue
        own = after[index]
        # Its changes may do what the levels do anyway, keep the state, or make it unknown.
        usual = ((others == own) | (own == UNKNOWN)).all(axis=0)
        keeps = own == np.arange(2, dtype=np.uint8)
        if (usual | keeps).all() and (others != own).any():
            yield index


def _state(
    inputs: Sequence[str], output: str, after: Values, still: frozenset[int], clock: int, active: int, init: str
) -> CellFunction:
    """The function, if the state changes with an edge of input ``clock`` to ``active`` (-1: with levels only)."""
    count = len(inputs)
    acting = [index for index in range(count) if index not in still]
    held = _levels(inputs, after, acting, clock, active)
    builder = FunctionBuilder([(name, 0) for name in inputs], (output,), unknown=1)
    variables = [builder.pin(name) for name in inputs]
    state = builder.state(output)
    if clock < 0:
        forced = _forced(held, acting)
        rest = (held == HOLD) | ~(forced[ZERO] | forced[ONE])
        element = StateElement(
            output,
            LATCH,
            data=_literal(builder, variables, held, rest & (held != HOLD)),
            control=literal_of_table(builder, variables, held != HOLD, rest),
            clear=literal_of_table(builder, variables, forced[ZERO]),
            preset=literal_of_table(builder, variables, forced[ONE]),
            init=init,
        )
    else:
        edge = np.zeros(held.shape, np.bool_)
        edge[(slice(None),) * clock + (active,)] = True
        # Where the levels decide, they decide at the edge too.
        care = np.broadcast_to((edge & (held == HOLD))[..., None], after[clock].shape)
        data = _literal(builder, [*variables, state], after[clock], care)
        unknown, undefined = builder.pin("", 0), literal_of_table(builder, variables, held == UNKNOWN)
        clear = builder.lor(literal_of_table(builder, variables, held == ZERO), builder.land(undefined, unknown ^ 1))
        preset = builder.lor(literal_of_table(builder, variables, held == ONE), builder.land(undefined, unknown))
        control = builder.pin(inputs[clock]) ^ (active ^ 1)
        element = StateElement(output, FLIP_FLOP, data, control, clear, preset, init=init)
    return tidy(builder.finish({(output, 0): state}, [element]))


def _forced(held: Values, acting: Sequence[int]) -> dict[int, Table]:
    """Where one input alone, by its level, makes the state 0 or 1: the clear and the preset of a latch."""
    found = {ZERO: np.zeros(held.shape, np.bool_), ONE: np.zeros(held.shape, np.bool_)}
    open_ = held != UNKNOWN
    for index, level, value in [(i, j, value) for i in acting for j in (0, 1) for value in (ZERO, ONE)] * 2:
        region = open_ & _at(held.shape, index, level)
        if region.any() and (held[region] == value).all():
            found[value] |= region
            open_ &= ~region
    return found


def _levels(inputs: Sequence[str], after: Values, acting: Sequence[int], clock: int, active: int) -> Values:
    """uint8 (2, .., 2): what the state is at these levels, or `HOLD`, however they were reached.

    The one exception is an edge of the clock to levels that hold. A state that levels have forced is known when they
    change, so that only transitions from that value count; an unknown value that is kept stays unknown. An input at
    one of whose levels everything is unknown is a supply: switching it on does not count.
    """
    shape = (2,) * len(inputs)
    held = np.full(shape, _UNDECIDED, np.uint8)
    # What is decided spreads from neighbour to neighbour, and so across the cube in as many steps as it has sides.
    for _ in range(2 * len(inputs) + 4):
        consistent = {what: np.ones(shape, np.bool_) for what in (HOLD, ZERO, ONE, UNKNOWN)}
        for index in acting:
            before = np.flip(held, index)
            unsupplied = np.zeros(shape, np.bool_)
            for level in (0, 1):
                if (held.take(level, index) == UNKNOWN).all():
                    unsupplied |= _at(shape, index, level ^ 1)
            for state in (ZERO, ONE):
                possible = (before != (state ^ 1)) & ~unsupplied
                result = after[index][..., state]
                for what in (ZERO, ONE, UNKNOWN):
                    consistent[what] &= ~possible | (result == what)
                keeps = ~possible | (result == state) | ((before == UNKNOWN) & (result == UNKNOWN))
                if index == clock:
                    keeps = keeps | _at(shape, clock, active)
                consistent[HOLD] &= keeps
        decided = held.copy()
        for what in (UNKNOWN, ONE, ZERO, HOLD):
            decided[(held == _UNDECIDED) & consistent[what]] = what
        if (decided == held).all():
            break
        held = decided
    open_ = np.argwhere(held == _UNDECIDED)
    if open_.size:
        raise NotExpressible(_reason(inputs, after, open_[0], acting, clock), len(open_))
    return held


def _at(shape: tuple[int, ...], axis: int, value: int) -> Table:
    there = np.zeros(shape, np.bool_)
    there[(slice(None),) * axis + (value,)] = True
    return there


def _reason(inputs: Sequence[str], after: Values, levels: NDArray[np.int64], acting: Sequence[int], clock: int) -> str:
    shown = ", ".join(f"{name}={level}" for name, level in zip(inputs, levels.tolist(), strict=True))
    where = tuple(levels.tolist())
    signs = "01x"
    told = [
        f"{inputs[index]} makes 0 {signs[int(after[index][where][0])]} and 1 {signs[int(after[index][where][1])]}"
        for index in acting
    ]
    kind = "a latch" if clock < 0 else f"a flip-flop clocked by {inputs[clock]}"
    return f"it is not {kind}: at {shown} a change of {'; of '.join(told)}"


def _literal(builder: FunctionBuilder, variables: Sequence[int], values: Values, care: Table | None = None) -> int:
    """Literal of a table of `ZERO`, `ONE` and `UNKNOWN`."""
    matters = np.ones(values.shape, np.bool_) if care is None else care
    known = matters & (values != UNKNOWN)
    value = literal_of_table(builder, variables, values == ONE, known)
    if not (matters & (values == UNKNOWN)).any():
        return value
    is_known = literal_of_table(builder, variables, values != UNKNOWN, matters)
    return mux(builder, is_known, builder.pin("", 0), value) if is_known != FALSE else builder.pin("", 0)
