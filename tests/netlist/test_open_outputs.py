"""Outputs tied to nothing become nets of their own, and nothing else changes."""

from __future__ import annotations

import pytest

from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import ONE, ZERO, Module, X, Z
from sandgrain.netlist.open_outputs import with_open_outputs


def made(direction: str, bits: list[int]) -> Module:
    builder = ModuleBuilder("top")
    builder.port("a", "input", builder.bits(1))
    builder.port("y", direction, bits)
    return builder.finish()


@pytest.mark.parametrize("direction", ["output", "inout"])
def test_each_is_a_net_of_its_own(direction: str) -> None:
    module = made(direction, [X, 0, ZERO, Z, ONE, X])
    opened = with_open_outputs(module)
    bits = opened.port("y").bits.tolist()
    assert bits[1:3] == [0, ZERO] and bits[4] == ONE
    new = [bits[0], bits[3], bits[5]]
    assert new == list(range(module.bit_count, opened.bit_count))
    assert module.port("y").bits.tolist()[0] == X, "the module itself stays what it is"
    assert opened.cells is module.cells and opened.nets is module.nets
    assert with_open_outputs(opened) is opened


def test_others_stay_as_they_are() -> None:
    for module in (made("output", [0, ONE]), made("input", [X])):
        assert with_open_outputs(module) is module
