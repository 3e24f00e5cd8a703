"""A stimulus is read back as written, and one that contradicts itself is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.errors import ReplayError
from sandgrain.formal.stimulus import Stimulus, StimulusLimits, parse_stimulus, read_stimulus
from sandgrain.verdict import RelevantInput


def make(**changes: Any) -> Stimulus:
    trace = np.array([0, 0, 1, 1, 0, 0, 0, 0], np.uint8)
    key = np.zeros((8, 3), np.uint8)
    key[4] = (1, 0, 1)
    values: dict[str, Any] = {
        "top": "chip",
        "clock": "clk",
        "clock_edge": "rising",
        "inputs": {"key": key, "resetn": (np.arange(8) >= 2).astype(np.uint8)[:, None]},
        "service": "run",
        "service_expression": "alive",
        "service_trace": trace,
        "reset_cycles": 2,
        "dead_from": 5,
        "relevant_inputs": [RelevantInput(cycle=4, port="key", bit=2, value=1)],
    }
    return Stimulus.from_arrays(**{**values, **changes})


def test_runs_and_expansion() -> None:
    stimulus = make()
    assert stimulus.inputs["key"] == ((4, "000"), (1, "101"), (3, "000"))
    assert stimulus.service_trace == ((2, "0"), (2, "1"), (4, "0"))
    assert stimulus.expand("resetn") == ["0", "0", *"111111"]
    assert stimulus.expand_trace() == "00110000"
    assert stimulus.last_service_cycle == 3
    assert [stimulus.value("key", cycle) for cycle in (3, 4, 5)] == ["000", "101", "000"]


def test_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "stimulus.json"
    path.write_bytes(make().to_json_bytes())
    assert read_stimulus(path) == make()
    data = json.loads(path.read_bytes())
    assert data["schema"] == "sandgrain.stimulus/1"
    assert data["inputs"]["key"] == [[4, "000"], [1, "101"], [3, "000"]]


@given(st.integers(1, 40), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_any_bits_round_trip(cycles: int, width: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, (cycles, width)).astype(np.uint8)
    inputs = {"a": bits, "b": np.repeat(bits[:1], cycles, axis=0)}
    none = np.zeros(cycles, np.uint8)
    stimulus = make(inputs=inputs, service_trace=none, reset_cycles=0, dead_from=0, relevant_inputs=[])
    assert parse_stimulus(stimulus.to_json_bytes()) == stimulus
    for port, expected in inputs.items():
        found = [[int(bit) for bit in reversed(value)] for value in stimulus.expand(port)]
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "sandgrain.stimulus/2"}, "schema"),
        ({"cycles": 9}, "cover 8 cycles instead of 9"),
        ({"cycles": 8.0}, "cycles"),
        ({"cycles": 1_000_001}, "cycles"),
        ({"cycles": True}, "cycles"),
        ({"clock_edge": "both"}, "clock_edge"),
        ({"clock": "key"}, "the clock 'key'"),
        ({"dead_from": 8}, "dead_from"),
        ({"dead_from": 3}, "dead from cycle 3"),
        ({"dead_from": 1}, "dead_from"),
        ({"reset_cycles": 9}, "reset_cycles"),
        ({"last_service_cycle": 2}, "last_service_cycle"),
        ({"last_service_cycle": None}, "last_service_cycle"),
        ({"service_trace": [[8, "x"]]}, "service_trace"),
        ({"service_trace": [[8, "00"]]}, "has not 1 bits"),
        ({"inputs": {"key": [[4, "000"], [4, "00"]]}}, "has not 3 bits"),
        ({"inputs": {"key": [[8, "012"]]}}, "inputs.key"),
        ({"inputs": {"key": [[0, "000"], [8, "000"]]}}, "inputs.key"),
        ({"inputs": {"a b": [[8, "0"]]}}, "inputs.a b"),
        ({"inputs": {"resetn": [[8, "1"]]}}, "key[2] in cycle 4 is not an input"),
        ({"relevant_inputs": [{"cycle": 4, "port": "key", "bit": 3, "value": 1}]}, "out of range"),
        ({"relevant_inputs": [{"cycle": 8, "port": "key", "bit": 0, "value": 1}]}, "out of range"),
        ({"relevant_inputs": [{"cycle": 4, "port": "key", "bit": 0, "value": 0}]}, "is not 0"),
        ({"more": 1}, "more"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], said: str) -> None:
    data = {**json.loads(make().to_json_bytes()), **changes}
    with pytest.raises(ReplayError) as error:
        parse_stimulus(json.dumps(data).encode(), file="s.json")
    assert said in str(error.value)
    assert error.value.file == "s.json"
    assert error.value.expected


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": 1, "a": 1}', make().to_json_bytes()[:-30]],
)
def test_other_text_is_refused(data: bytes) -> None:
    with pytest.raises(ReplayError):
        parse_stimulus(data)


def test_missing_and_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "stimulus.json"
    with pytest.raises(ReplayError, match="no such file"):
        read_stimulus(path)
    path.write_bytes(make().to_json_bytes())
    with pytest.raises(ReplayError, match="too large"):
        read_stimulus(path, StimulusLimits(file_bytes=100))


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ReplayError, match="cover 7 cycles"):
        make(inputs={"key": np.zeros((7, 1), np.uint8)}, relevant_inputs=[])
    with pytest.raises(ReplayError):
        make(inputs={"key": np.full((8, 1), 2, np.uint8)}, relevant_inputs=[])
