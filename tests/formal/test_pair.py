"""A pair is read back as written, and one that contradicts itself is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import ReplayError
from sandgrain.formal.pair import FIRST, SECOND, Pair, PairLimits, parse_pair, read_pair, segments
from sandgrain.verdict import RelevantInput

CYCLES = 8


def column(*ones: int, width: int = 1) -> np.ndarray:
    bits = np.zeros((CYCLES, width), np.uint8)
    bits[list(ones), 0] = 1
    return bits


def make(**changes: Any) -> Pair:
    ident = np.zeros((CYCLES, 4), np.uint8)
    values: dict[str, Any] = {
        "top": "chip",
        "clock": "clk",
        "clock_edge": "rising",
        "reset_cycles": 2,
        "source": "identity",
        "sink": "out",
        "bit": 0,
        "first_difference": 5,
        "inputs": {"resetn": column(2, 3, 4, 5, 6, 7), "data": column(4, width=3)},
        "source_inputs": {"ident": (ident, ident ^ 1)},
        "outputs": {"out": (column(3, 5, 6, width=2), column(3, 7, width=2)), "odd": (column(4), None)},
        "relevant_inputs": [RelevantInput(cycle=4, port="data", bit=0, value=1)],
    }
    return Pair.from_arrays(**{**values, **changes})


def test_runs_and_values() -> None:
    pair = make()
    assert pair.cycles == CYCLES
    assert pair.inputs["data"] == ((4, "000"), (1, "001"), (3, "000"))
    assert pair.source_inputs["ident"] == (((8, "0000"),), ((8, "1111"),))
    assert pair.outputs["odd"] == (((4, "0"), (1, "1"), (3, "0")), None)
    assert [pair.output("out", run, 5) for run in (FIRST, SECOND)] == ["01", "00"]
    assert [pair.output("odd", run, 4) for run in (FIRST, SECOND)] == ["1", "1"]
    assert list(pair.differences("odd")) == []
    assert list(pair.differences("out")) == [(5, 7, "01", "00"), (7, 8, "00", "01")]
    assert pair.drive(SECOND).expand("ident") == ["1111"] * CYCLES
    assert pair.drive(FIRST).width("data") == 3


def test_outputs_that_are_the_same_are_told_once() -> None:
    outputs = {"out": (column(5), column()), "odd": (column(4), column(4))}
    assert make(outputs=outputs).outputs["odd"][1] is None


def test_file_round_trip(tmp_path: Path) -> None:
    pair = make(source_registers={"u.key": (np.array([1, 0, 0]), np.array([0, 0, 1]))}, excepted=[("odd", "a & b")])
    path = tmp_path / "pair.json"
    path.write_bytes(pair.to_json_bytes())
    assert read_pair(path) == pair
    data = json.loads(path.read_bytes())
    assert data["schema"] == "sandgrain.pair/1"
    assert data["source_registers"] == {"u.key": ["001", "100"]}
    assert data["excepted"] == [{"port": "odd", "when": "a & b"}]
    assert data["outputs"]["odd"] == [[[4, "0"], [1, "1"], [3, "0"]], None]


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_any_bits_round_trip(cycles: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    first = random.integers(0, 2, (cycles, width)).astype(np.uint8)
    second = first.copy()
    at, bit = int(random.integers(cycles)), int(random.integers(width))
    second[at, bit] ^= 1
    second[at + 1 :] = random.integers(0, 2, (cycles - at - 1, width))
    pair = make(
        inputs={"data": first}, outputs={"out": (first, second)}, source_inputs={"ident": (first, first ^ 1)},
        reset_cycles=0, bit=bit, first_difference=at, relevant_inputs=[],
    )  # fmt: skip
    assert parse_pair(pair.to_json_bytes()) == pair
    assert parse_pair(pair.to_json_bytes()).to_json_bytes() == pair.to_json_bytes()
    for run, bits in ((FIRST, first), (SECOND, second)):
        told = [pair.output("out", run, cycle) for cycle in range(cycles)]
        assert told == ["".join(map(str, row[::-1])) for row in bits]


@given(st.data())
@settings(deadline=None)
def test_segments_are_the_cycles_of_both_runs(data: st.DataObject) -> None:
    texts = data.draw(st.integers(1, 12).flatmap(lambda n: st.tuples(*[st.text("01", min_size=n, max_size=n)] * 2)))
    runs = [[(1, bit) for bit in text] for text in texts]
    cut = list(segments(*runs))
    assert "".join(one * (end - start) for start, end, one, _ in cut) == texts[0]
    assert "".join(two * (end - start) for start, end, _, two in cut) == texts[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"first_difference": 4}, "both runs"),
        ({"first_difference": 6}, "before the first difference"),
        ({"first_difference": 1}, "first_difference"),
        ({"first_difference": 8}, "first_difference"),
        ({"first_difference": -1}, "first_difference"),
        ({"reset_cycles": 9}, "reset_cycles"),
        ({"bit": 1}, "bit 1 is 0 in both"),
        ({"bit": 2}, "2 bits"),
        ({"sink": "odd"}, "bit 0 is 0 in both"),
        ({"sink": "other"}, "cycles"),
        ({"excepted": [("out", None)]}, "always excepted"),
        ({"source_inputs": {}}, "same in both"),
        ({"source_inputs": {"ident": (column(), column())}}, "same in both"),
        ({"source_inputs": {"ident": (column(), column(6, 7))}}, "same in both"),
        ({"source_inputs": {"data": (column(), column(1))}}, "twice"),
        ({"source_inputs": {"clk": (column(), column(1))}}, "twice"),
        ({"source_inputs": {"ident": (column(), column(1, width=2))}}, "bits"),
        ({"source_inputs": {"ident": (column(), column(1)[:7])}}, "7 cycles"),
        ({"source_registers": {"key": (np.array([1]), np.array([1, 0]))}}, "bits"),
        ({"source_registers": {"key": (np.array([2]), np.array([1]))}}, "key"),
        ({"inputs": {"data": column()[:5]}, "relevant_inputs": []}, "5 cycles"),
        ({"inputs": {"data": column() + 2}, "relevant_inputs": []}, "data"),
        ({"outputs": {"out": (column(5), column()), "odd": (column(3), column())}}, "odd"),
        ({"outputs": {"out": (column(5), column()), "data": (column(3), column())}}, "twice"),
        ({"relevant_inputs": [RelevantInput(cycle=4, port="data", bit=1, value=1)]}, "is not 1"),
        ({"relevant_inputs": [RelevantInput(cycle=4, port="data", bit=3, value=1)]}, "range"),
        ({"relevant_inputs": [RelevantInput(cycle=8, port="data", bit=0, value=1)]}, "range"),
        ({"relevant_inputs": [RelevantInput(cycle=4, port="none", bit=0, value=1)]}, "not an input"),
        ({"clock": "a b"}, "clock"),
        ({"clock_edge": "both"}, "clock_edge"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ReplayError, match=said) as error:
        make(**changes)
    assert error.value.expected and error.value.remedy


def test_outputs_may_differ_in_reset_and_where_excepted() -> None:
    out = column(5), column()
    assert make(outputs={"out": out, "odd": (column(1), column())})
    assert make(outputs={"out": out, "odd": (column(3), column())}, excepted=[("odd", None)])
    assert make(outputs={"out": out, "odd": (column(3), column())}, excepted=[("odd", "debug")])


ALTERATIONS: list[Callable[[dict[str, Any]], Any]] = [
    lambda data: data.update(schema="sandgrain.pair/2"),
    lambda data: data.update(more=1),
    lambda data: data.pop("inputs"),
    lambda data: data.update(cycles="8"),
    lambda data: data.update(cycles=9),
    lambda data: data.update(x_as_zero=0),
    lambda data: data["outputs"].update(out=[data["outputs"]["out"][0], None]),
    lambda data: data["outputs"].update(out=data["outputs"]["out"][:1]),
    lambda data: data["outputs"]["odd"][0].append([0, "0"]),
    lambda data: data["inputs"]["data"][0].__setitem__(0, 4_000_000_000),
    lambda data: data["inputs"]["data"][0].__setitem__(1, "00x"),
    lambda data: data["source_inputs"]["ident"].__setitem__(1, data["source_inputs"]["ident"][0]),
    lambda data: data.update(excepted=[{"port": "odd", "whenever": None}]),
    lambda data: data.update(excepted=[{"port": "odd", "when": ""}]),
]


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_altered_files_are_refused(alter: Callable[[dict[str, Any]], Any]) -> None:
    data = json.loads(make().to_json_bytes())
    alter(data)
    with pytest.raises(ReplayError):
        parse_pair(json.dumps(data).encode())


def test_files_that_are_no_pair(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="no such file"):
        read_pair(tmp_path / "none.json")
    path = tmp_path / "pair.json"
    path.write_bytes(make().to_json_bytes())
    with pytest.raises(ReplayError, match=r"PairLimits\.file_bytes"):
        read_pair(path, PairLimits(file_bytes=100))
    text = make().to_json_bytes()
    for data in (b"", b"[]", b"\xff", b"[" * 100_000, text[:-20], text.replace(b'"bit": 0', b'"bit": 0, "bit": 0')):
        with pytest.raises(ReplayError) as error:
            parse_pair(data, file="pair.json")
        assert "pair.json" in str(error.value)


@given(st.binary(max_size=200) | st.from_regex(r'\{("[a-z_]{1,9}": ?[0-9"\[\]{},]{1,9},? ?){0,5}\}').map(str.encode))
@settings(deadline=None)
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ReplayError):
        parse_pair(data)


@given(st.data())
@settings(deadline=None)
def test_a_file_altered_anywhere_is_a_sound_pair_or_refused(data: st.DataObject) -> None:
    text = bytearray(make().to_json_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from(b'01x"[],:{} aZ\xff'))
    try:
        pair = parse_pair(bytes(text))
    except ReplayError:
        return
    at = [pair.output(pair.sink, run, pair.first_difference)[-1 - pair.bit] for run in (FIRST, SECOND)]
    assert sorted(at) == ["0", "1"]
    assert parse_pair(pair.to_json_bytes()) == pair
