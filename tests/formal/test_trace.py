"""The dump has the values and times of the run, and survives the names a vendor may choose."""

from __future__ import annotations

import io

import numpy as np
import pytest
from vcd.reader import TokenKind, tokenize

from sandgrain.errors import ReplayError
from sandgrain.formal.trace import TracedPort, write_vcd

CYCLES = 6
DEAD = np.array([0, 0, 0, 1, 1, 1], np.uint8)


def dump(
    top: str = "chip", edge: str = "rising", names: tuple[str, ...] = ("u0.kill", "count[3]"), cycles: int = CYCLES
) -> tuple[bytes, np.ndarray]:
    bits = np.random.default_rng(7).integers(0, 2, (cycles, 9)).astype(np.uint8)
    data = write_vcd(
        top=top,
        clock="clk",
        clock_edge=edge,  # type: ignore[arg-type]
        ports=[TracedPort("data", "input", bits), TracedPort("clk", "input", bits[:, :1])],
        services={"run": 1 - DEAD},
        dead=DEAD,
        dead_state=dict.fromkeys(names, DEAD),
    )
    return data, bits


def read(data: bytes) -> dict[str, dict[int, str]]:
    """Value by time, by scope and name."""
    scopes: list[str] = []
    names: dict[str, str] = {}
    values: dict[str, dict[int, str]] = {}
    now = 0
    for token in tokenize(io.BytesIO(data)):
        if token.kind is TokenKind.SCOPE:
            scopes.append(token.scope.ident)
        elif token.kind is TokenKind.UPSCOPE:
            scopes.pop()
        elif token.kind is TokenKind.VAR:
            index = token.var.bit_index if isinstance(token.var.bit_index, int) else None
            name = token.var.reference if index is None else f"{token.var.reference}[{index}]"
            names[token.var.id_code] = "/".join((*scopes, name))
        elif token.kind is TokenKind.CHANGE_TIME:
            now = token.time_change
        elif token.kind is TokenKind.CHANGE_SCALAR:
            values.setdefault(names[token.scalar_change.id_code], {})[now] = token.scalar_change.value
        elif token.kind is TokenKind.CHANGE_VECTOR:
            value = token.vector_change.value
            text = f"{value:b}" if isinstance(value, int) else value
            values.setdefault(names[token.vector_change.id_code], {})[now] = text
    return values


def at(changes: dict[int, str], time: int) -> str:
    return changes[max(change for change in changes if change <= time)]


@pytest.mark.parametrize(("edge", "active"), [("rising", "1"), ("falling", "0")])
def test_values_and_times(edge: str, active: str) -> None:
    data, bits = dump(edge=edge)
    values = read(data)
    assert set(values) == {
        "chip/clk",
        "chip/data",
        "sandgrain/service_run",
        "sandgrain/dead",
        "sandgrain/u0.kill",
        "sandgrain/count[3]",
    }
    for cycle in range(CYCLES):
        expected = sum(int(bit) << i for i, bit in enumerate(bits[cycle]))
        assert int(at(values["chip/data"], 10 * cycle), 2) == expected
        assert at(values["chip/clk"], 10 * cycle) == active
        assert at(values["chip/clk"], 10 * cycle + 5) != active
        assert at(values["sandgrain/dead"], 10 * cycle) == str(DEAD[cycle])
        assert at(values["sandgrain/service_run"], 10 * cycle) == str(1 - DEAD[cycle])


def test_the_dump_depends_on_nothing_but_the_run() -> None:
    assert dump()[0] == dump()[0]
    assert b"$date" not in dump()[0]


def test_odd_names() -> None:
    names = ("$end", "a b", "a\tb", "\\odd+name ", "gen[3].q", "gen[3].q[1]", "dead", "", "é", "x" * 300)
    values = read(dump(top="sand grain.$end[1]", names=names)[0])
    assert len(values) == 2 + 2 + len(names)
    own = {name.partition("/")[2] for name in values if name.startswith("sandgrain/")}
    assert {"_$end", "a_b", "a_b~2", "odd+name", "gen(3).q", "gen(3).q[1]", "dead", "dead~2"} <= own


def test_a_top_called_like_the_own_scope_stays_apart() -> None:
    values = read(dump(top="sandgrain")[0])
    assert "sandgrain/clk" not in values
    assert len(values) == 6


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ReplayError, match="data"):
        dump(cycles=CYCLES - 1)
