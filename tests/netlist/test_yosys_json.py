from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandgrain.errors import ElaborationError, LimitExceeded, SandgrainError
from sandgrain.netlist import ElaborationLimits, read_yosys_json
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, X, Z, bit_text, place_of

GOOD: dict[str, Any] = {
    "creator": "Yosys",
    "modules": {
        "top": {
            "attributes": {"top": "00000000000000000000000000000001", "src": "a.v:1.1-9.10"},
            "ports": {"a": {"direction": "input", "bits": [2, 3]}, "y": {"direction": "output", "bits": [9]}},
            "cells": {
                "g": {
                    "type": "$_AND_",
                    "attributes": {"src": "/abs/a.v:4.2-4.8|b.v:7.1-7.2"},
                    "port_directions": {"A": "input", "B": "input", "Y": "output"},
                    "connections": {"A": [2], "B": ["1"], "Y": [9]},
                },
                "u": {"type": "box", "parameters": {"N": 3}, "connections": {"p": [3, "0", "x", "z"]}},
            },
            "netnames": {
                "y": {"hide_name": 0, "bits": [9], "attributes": {"init": "1", "src": "a.v:2.1-2.2"}},
                "bus": {"hide_name": 1, "bits": [2, 3], "offset": 4, "attributes": {"init": "1"}},
                "up": {"hide_name": 0, "bits": [2, 3], "upto": 1, "attributes": {"keep": "1"}},
            },
        }
    },
}


def write(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "n.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    module = read_yosys_json(write(tmp_path, GOOD), files={"a.v": "rtl/a.v", "b.v": "b.v"}).top_module
    assert (module.name, str(module.place), module.bit_count, module.black_box) == ("top", "rtl/a.v:1", 3, False)
    assert module.port("a").bits.tolist() == [0, 1]
    assert module.port("y").width == 1
    cells = module.cells
    assert (len(cells), cells.count_by_type()) == (2, {"$_AND_": 1, "box": 1})
    assert [(pin.name, pin.direction, pin.bits.tolist()) for pin in cells.pins(0)] == [
        ("A", INPUT, [0]),
        ("B", INPUT, [ONE]),
        ("Y", OUTPUT, [2]),
    ]
    assert [(pin.direction, pin.bits.tolist()) for pin in cells.pins(1)] == [(UNKNOWN_DIRECTION, [1, ZERO, X, Z])]
    assert cells.parameters == {1: {"N": 3}}
    assert str(cells.place(0)) == "b.v:7"
    assert cells.place(1) is None
    assert cells.of_type("box").tolist() == [1]
    assert cells.of_type("nope").size == 0
    with pytest.raises(KeyError):
        cells.pin(0, "Q")
    nets = {net.name: net for net in module.nets}
    assert (nets["y"].init, nets["y"].bit_name(0), nets["y"].hidden) == ("1", "y", False)
    assert (nets["bus"].init, nets["bus"].bit_name(1), nets["bus"].hidden) == ("x1", "bus[5]", True)
    assert (nets["up"].bit_name(0), nets["up"].attributes) == ("up[1]", {"keep": "1"})
    with pytest.raises(KeyError):
        module.port("nope")


def test_places_and_bits_have_words() -> None:
    assert place_of("", {}) is None
    assert place_of("a.v:0.1", {}) is None
    assert str(place_of("c:/x.v:12.3-4.5", {})) == "c:/x.v:12"
    assert [bit_text(bit) for bit in (7, ZERO, ONE, X, Z)] == ["n7", "0", "1", "x", "z"]


def broken(*path: str, value: Any) -> Any:
    document = json.loads(json.dumps(GOOD))
    here = document
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return document


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[",
        "[]",
        "\x00\x01",
        "[" * 100_000,
        {},
        {"modules": []},
        {"modules": {}},
        {"modules": {"a": {}, "b": {}}},
        broken("modules", "top", value=3),
        broken("modules", "top", "ports", "a", "direction", value="sideways"),
        broken("modules", "top", "ports", "a", "bits", value=["q"]),
        broken("modules", "top", "ports", "a", "bits", value=[-1]),
        broken("modules", "top", "ports", "a", "bits", value=[True]),
        broken("modules", "top", "ports", "a", "bits", value=[[1]]),
        broken("modules", "top", "ports", "a", "bits", value=7),
        broken("modules", "top", "cells", "g", "type", value=None),
        broken("modules", "top", "cells", "g", "connections", value=[]),
        broken("modules", "top", "cells", "g", "port_directions", value={"A": 5}),
        broken("modules", "top", "netnames", "y", "attributes", value={"init": "12"}),
        broken("modules", "top", "netnames", "y", "offset", value="1"),
    ],
)
def test_garbage_is_refused_with_what_was_expected(tmp_path: Path, document: Any) -> None:
    with pytest.raises(ElaborationError) as caught:
        read_yosys_json(write(tmp_path, document))
    assert caught.value.file == "n.json"
    assert caught.value.expected


def test_size_top_and_missing_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(LimitExceeded, match="json_bytes"):
        read_yosys_json(path, ElaborationLimits(json_bytes=10))
    with pytest.raises(ElaborationError, match="no module nope"):
        read_yosys_json(path, top="nope")
    with pytest.raises(ElaborationError, match="cannot be read"):
        read_yosys_json(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["bits", "type", "connections", "attributes", "cells", "ports", "init"]), inner
        )
    ),
    max_leaves=10,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(part=st.sampled_from(["ports", "cells", "netnames", "attributes"]), value=JSON)
def test_arbitrary_parts_are_read_or_refused(tmp_path: Path, part: str, value: Any) -> None:
    try:
        read_yosys_json(write(tmp_path, broken("modules", "top", part, value=value)), top="top")
        read_yosys_json(write(tmp_path, broken("modules", "top", part, value={"k": value})), top="top")
    except SandgrainError:
        pass
