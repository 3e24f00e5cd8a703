"""What is written is read back by a reader that knows the format and nothing of the writer."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import NetworkError
from sandgrain.logic.simulate import run
from sandgrain.logic.stimuli import Stimuli, Unknown, Values
from sandgrain.logic.vcd import PERIOD, Signal, Watch, vcd_name, write_vcd
from tests.logic.networks import Circuit


def written(signals: list[Signal], clock: str | None = None, edge: str = "rising", top: str = "chip") -> str:
    stream = io.StringIO()
    write_vcd(stream, signals, top=top, clock=clock, clock_edge="rising" if edge == "rising" else "falling")
    return stream.getvalue()


def read_back(text: str) -> tuple[dict[str, dict[int, str]], int]:
    """For each full name the value from each time on, and the last time."""
    head, body = text.split("$enddefinitions $end")
    words = iter(head.split())
    names: dict[str, tuple[str, int]] = {}
    path: list[str] = []
    for word in words:
        if word == "$scope":
            next(words)
            path.append(next(words))
        elif word == "$upscope":
            path.pop()
        elif word == "$var":
            next(words)
            size, code, name = int(next(words)), next(words), next(words)
            index = next(words)
            names[code] = (".".join([*path, name + (index if index != "$end" else "")]), size)
    found: dict[str, dict[int, str]] = {name: {} for name, _ in names.values()}
    now = 0
    for line in body.split("\n"):
        if line.startswith("#"):
            now = int(line[1:])
        elif line[:1] in "01xb" and line:
            value, code = line[1:].split() if line[0] == "b" else (line[0], line[1:])
            name, size = names[code]
            assert now not in found[name]
            # Values are written without leading zeros, and a leading x stands for as many as there is room for.
            found[name][now] = value.rjust(size, "x" if value[0] == "x" else "0")
    return found, now


def over_time(changes: dict[int, str], cycles: int) -> list[str]:
    value, values = "", []
    for cycle in range(cycles):
        value = changes.get(PERIOD * cycle, value)
        values.append(value)
    return values


@given(st.integers(1, 12), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_values_come_back(cycles: int, widths: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    signals = [
        Signal(f"s{index}", generator.integers(0, 3, (cycles, width), dtype=np.uint8), ("inner",) * (index % 2))
        for index, width in enumerate(widths)
    ]
    found, end = read_back(written(signals))
    assert end == PERIOD * cycles
    for index, signal in enumerate(signals):
        name = f"chip.inner.s{index}" if index % 2 else f"chip.s{index}"
        expected = ["".join("01x"[bit] for bit in row[::-1]) for row in signal.values.tolist()]
        assert over_time(found[name], cycles) == expected


@pytest.mark.parametrize(("edge", "first", "second"), [("rising", "1", "0"), ("falling", "0", "1")])
def test_the_clock_ticks_once_a_cycle(edge: str, first: str, second: str) -> None:
    text = written([Signal("a", np.zeros((3, 1), np.uint8))], "clk", edge)
    found, _ = read_back(text)
    assert found["chip.clk"] == {0: first, 5: second, 10: first, 15: second, 20: first, 25: second}


def test_one_stimulus_of_a_run() -> None:
    """A latch without initial value is X until it is loaded."""
    circuit = Circuit(inputs=2, latches=1)
    network = circuit.network([circuit.input(0)])
    stimuli = Stimuli([Values((1, 0, 1)), Unknown()])
    watch = Watch(("both", "q"), (np.array([2, 7], np.uint32), np.array([6], np.uint32)))
    result = run(network, stimuli, cycles=3, count=70, three_valued=True, trace=watch.literals, trace_stimulus=69)
    signals = watch.signals(result.traced)
    assert signals[0].values.tolist() == [[1, 2], [0, 0], [1, 1]]
    found, _ = read_back(written(signals))
    assert over_time(found["chip.both"], 3) == ["x1", "00", "11"]
    assert over_time(found["chip.q"], 3) == ["x", "1", "0"]


def test_a_trace_of_other_literals_is_refused() -> None:
    watch = Watch(("a",), (np.array([2, 4], np.uint32),))
    with pytest.raises(NetworkError, match=r"the trace is \(3, 1\)"):
        watch.signals(np.zeros((3, 1), np.uint8))
    assert Watch((), ()).literals.dtype == np.uint32
    assert Watch((), ()).signals(np.zeros((3, 0), np.uint8)) == []


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a b", "a_b"),
        ("gen[3].q", "gen(3).q"),
        ("q[3]", "q[3]"),
        ("\\esc ", "esc"),
        ("$end", "_$end"),
        ("", "_"),
        ("Schlüssel", "Schl_ssel"),
        ("taken", "taken~2"),
        ("taken[1]", "taken~2[1]"),
    ],
)
def test_names(name: str, result: str) -> None:
    taken = {"taken", "taken[1]"}
    assert vcd_name(name, taken) == result
    assert result in taken


def test_names_that_look_alike_stay_apart() -> None:
    zero, one = np.zeros((1, 1), np.uint8), np.ones((1, 1), np.uint8)
    found, _ = read_back(written([Signal("a b", zero), Signal("a_b", one)], clock="a\tb", top="to.p[1]"))
    assert found == {
        "to_p(1).a_b": {0: "1", 5: "0"},
        "to_p(1).a_b~2": {0: "0"},
        "to_p(1).a_b~3": {0: "1"},
    }


@pytest.mark.parametrize(
    "signals",
    [
        [Signal("good", np.zeros((2, 1), np.uint8)), Signal("bad", np.zeros((3, 1), np.uint8))],
        [Signal("bad", np.zeros((0, 1), np.uint8))],
        [Signal("bad", np.zeros((2, 0), np.uint8))],
        [Signal("bad", np.zeros(2, np.uint8))],
        [Signal("bad", np.full((2, 1), 3, np.uint8))],
    ],
)
def test_what_is_no_waveform_is_refused(signals: list[Signal]) -> None:
    with pytest.raises(NetworkError, match="cannot be written as a waveform"):
        written(signals)


def test_nothing_is_no_waveform() -> None:
    with pytest.raises(NetworkError, match="no signal"):
        written([])
