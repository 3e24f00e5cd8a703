"""Names to bits and back."""

from __future__ import annotations

import pytest

from sandgrain.netlist.bit_names import bit_name, find_bit, named_place
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import ONE, Module
from sandgrain.verdict import Place


@pytest.fixture
def module() -> Module:
    builder = ModuleBuilder("top")
    builder.bits(8)
    builder.net("made_up", [0], hidden=True)
    builder.net("u1.clk", [0])
    builder.net("clock", [0], place=Place(file="a.v", line=3))
    builder.net("bus", [1, 2, 3], offset=4)
    builder.net("turned", [4, 5, 6], upto=True)
    builder.net("one[0]", [7])
    builder.net("high", [ONE])
    builder.port("p", "input", [0])
    builder.port("bus", "output", [3, 2, 1])
    return builder.finish()


def test_the_best_name_is_the_vendors_at_the_highest_level(module: Module) -> None:
    assert named_place(module, 0) == ("clock", Place(file="a.v", line=3))
    assert [bit_name(module, bit) for bit in (2, 4, -2)] == ["bus[5]", "turned[2]", "1"]
    assert bit_name(ModuleBuilder("empty").finish(), 3) == "n3"


@pytest.mark.parametrize(
    ("name", "bit"),
    [
        ("p", 0),
        ("clock", 0),
        ("bus[0]", 3),
        ("bus[5]", 2),
        ("turned[0]", 6),
        ("turned[2]", 4),
        ("one[0]", 7),
        ("high", ONE),
        ("bus", -1),
        ("bus[9]", -1),
        ("bus[x]", -1),
        ("nobody", -1),
        ("p[", -1),
    ],
)
def test_a_name_means_a_bit(module: Module, name: str, bit: int) -> None:
    assert find_bit(module, name) == bit
