"""Instances meet their cells; contradictions are refused where they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.cell_function import Cell, FunctionBuilder
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.model import (
    INPUT,
    ONE,
    OUTPUT,
    UNKNOWN_DIRECTION,
    ZERO,
    Module,
    Netlist,
    Parameter,
    X,
    Z,
)
from sandgrain.verdict import Place


def cell(name: str, inputs: str, output: str = "Y", width: int = 1, three_state: bool = False) -> Cell:
    """The conjunction of its inputs, bit by bit."""
    b = FunctionBuilder([(pin, bit) for pin in inputs for bit in range(width)])
    outputs = {}
    for bit in range(width):
        value = 1
        for pin in inputs:
            value = b.land(value, b.pin(pin, bit))
        outputs[output, bit] = value
    drives = dict.fromkeys(outputs, b.pin(inputs[-1])) if three_state else {}
    pins = {**dict.fromkeys(inputs, (INPUT, width)), output: (OUTPUT, width)}
    return Cell(name, pins, b.finish(outputs, drives=drives))


LIBRARY = {
    item.name: item
    for item in (
        cell("INV", "A"),
        cell("AND", "AB"),
        cell("WIDE", "A", width=4),
        cell("LONG", "A", width=40),
        cell("TRI", "AE", three_state=True),
        Cell("FILL", {"VPWR": (UNKNOWN_DIRECTION, 1)}, None, inert=True),
        Cell("ROM", {"A": (INPUT, 1), "Q": (OUTPUT, 1)}, None),
    )
}


def at(line: int) -> Place:
    return Place(file="chip.v", line=line)


class Built:
    """A module whose cells stand in ``chip.v``, one a line from line 10 on."""

    def __init__(self, name: str, black_box: bool = False) -> None:
        self.module = ModuleBuilder(name, at(1), black_box=black_box)
        self.line = 10
        self.known: dict[str, int] = {}

    def bits(self, text: str) -> list[int]:
        constants = {"0": ZERO, "1": ONE, "x": X, "z": Z}
        found = []
        for name in text.split():
            if name in constants:
                found.append(constants[name])
                continue
            if name not in self.known:
                (self.known[name],) = self.module.bits(1)
                self.module.net(name, [self.known[name]], place=at(2))
            found.append(self.known[name])
        return found

    def port(self, name: str, direction: str, nets: str | None = None) -> Built:
        self.module.port(name, direction, self.bits(name if nets is None else nets))
        return self

    def add(self, kind: str, pins: Sequence[str] | Mapping[str, str], **parameters: Parameter) -> Built:
        named = pins if isinstance(pins, Mapping) else {f"#{index}": nets for index, nets in enumerate(pins)}
        self.module.cell(
            kind,
            f"u{self.line}",
            [(pin, UNKNOWN_DIRECTION, self.bits(nets)) for pin, nets in named.items()],
            place=at(self.line),
            parameters=parameters,
        )
        self.line += 1
        return self


def netlist(*modules: Built) -> Netlist:
    made = [item.module.finish() for item in modules]
    return Netlist({module.name: module for module in made}, made[-1].name)


def linked(*modules: Built, library: Mapping[str, Cell] = LIBRARY, limits: ReadLimits | None = None) -> Linked:
    return link(netlist(*modules), library, limits=limits)


def refused(*modules: Built) -> str:
    with pytest.raises(NetlistError) as caught:
        linked(*modules)
    return str(caught.value)


def pins_of(module: Module, index: int) -> list[tuple[str, int, list[int]]]:
    return [(pin.name, pin.direction, pin.bits.tolist()) for pin in module.cells.pins(index)]


def test_named_and_positional_pins_get_names_and_directions() -> None:
    built = Built("top").port("a", "input").add("AND", {"Y": "y", "A": "a", "B": "1"}).add("AND", ["a", "y", "z1"])
    top = linked(built).netlist.top_module
    a, y, z1 = (built.known[name] for name in ("a", "y", "z1"))
    assert pins_of(top, 0) == [("Y", OUTPUT, [y]), ("A", INPUT, [a]), ("B", INPUT, [ONE])]
    assert pins_of(top, 1) == [("A", INPUT, [a]), ("B", INPUT, [y]), ("Y", OUTPUT, [z1])]


def test_each_signature_is_looked_up_once_and_found_again() -> None:
    asked = []

    def generic(kind: str, pins: Sequence[tuple[str, int]], parameters: Mapping[str, Parameter]) -> Cell | None:
        asked.append((kind, tuple(pins), dict(parameters)))
        return cell(kind, "A") if kind == "$buf" else None

    built = Built("top").port("a", "input")
    for index in range(50):
        built.add("$buf", {"A": "a", "Y": f"y{index}"}, WIDTH=1 + index % 2)
    result = link(netlist(built), LIBRARY, generic)
    assert asked == [("$buf", (("A", 1), ("Y", 1)), {"WIDTH": width}) for width in (1, 2)]
    found = result.lookup("$buf", [("A", 1), ("Y", 1)], {"WIDTH": 2})
    assert found is not None and found.name == "$buf"
    assert result.lookup("$buf", [("A", 1), ("Y", 1)], {"WIDTH": 3}) is None
    assert result.black_boxes == {}


def test_a_linked_netlist_links_to_itself() -> None:
    first = linked(Built("top").port("a", "input").add("INV", ["a", "y"]))
    second = link(first.netlist, LIBRARY)
    assert second.netlist.top_module is first.netlist.top_module


def test_modules_are_linked_by_their_ports() -> None:
    child = Built("child").port("i", "input").port("o", "output").port("p", "inout").add("INV", ["i", "o"])
    top = Built("top").port("a", "input").add("child", ["a", "y", "pad"]).add("child", {"o": "z1", "i": "a"})
    result = linked(child, top)
    made = result.netlist.top_module
    assert [(name, way) for name, way, _ in pins_of(made, 0)] == [("i", INPUT), ("o", OUTPUT), ("p", UNKNOWN_DIRECTION)]
    assert result.expanded == {"top", "child"} and result.depth == 2


def test_what_nobody_knows_is_kept_counted_and_named() -> None:
    child = Built("child").port("i", "input").add("SECRET", {"A": "i", "B": "j"})
    top = Built("top").port("a", "input").add("child", ["a"]).add("child", ["a"]).add("ROM", {"A": "a", "Q": "q"})
    top.add("FILL", {"VPWR": "1"}).add("stub", {"d": "a"})
    stub = Built("stub").port("d", "input").port("q", "output")
    result = linked(stub, child, top)
    assert {name: item.instances for name, item in result.black_boxes.items()} == {"SECRET": 2, "ROM": 1, "stub": 1}
    assert result.black_boxes["SECRET"].place == at(10)
    assert result.black_boxes["SECRET"].pins == (("A", UNKNOWN_DIRECTION), ("B", UNKNOWN_DIRECTION))
    assert result.black_boxes["stub"].pins == (("d", INPUT),)
    known = result.lookup("stub", [("d", 1)], {})
    assert known is not None and known.function is None


def test_a_module_with_an_inside_wins_over_the_library_and_a_stub_does_not() -> None:
    inside = Built("INV").port("A", "input").port("Y", "output").add("AND", ["A", "A", "Y"])
    assert "INV" in linked(inside, Built("top").port("a", "input").add("INV", ["a", "y"])).expanded
    stub = Built("INV").port("A", "input").port("Y", "output")
    result = linked(stub, Built("top").port("a", "input").add("INV", ["a", "y"]))
    assert "INV" not in result.expanded and result.black_boxes == {}


def test_modules_the_top_does_not_reach_are_left_alone() -> None:
    wrong = Built("unused").add("INV", {"NOPE": "a"})
    source = netlist(wrong, Built("top").port("a", "input").add("INV", ["a", "y"]))
    assert link(source, LIBRARY).netlist.modules["unused"] is source.modules["unused"]


# -- what is refused


def test_an_unknown_pin_is_refused_with_the_known_ones() -> None:
    message = refused(Built("top").add("INV", ["a", "y"]).add("AND", {"A": "a", "C": "b"}))
    assert message.startswith("chip.v:11: ") and "'u11' of 'AND' has a pin 'C'" in message
    assert "one of its pins: 'A', 'B', 'Y'" in message


def test_too_many_positions_are_refused() -> None:
    message = refused(Built("top").add("INV", ["a", "y", "z1"]))
    assert message.startswith("chip.v:10: ") and "3 connections by position, but 'INV' has 2 pins" in message


def test_a_pin_connected_twice_is_refused() -> None:
    built = Built("top")
    built.module.cell("INV", "u", [("A", 2, built.bits("a")), ("A", 2, built.bits("b"))], place=at(10))
    assert "connects its pin 'A' twice" in refused(built)


def test_a_narrow_connection_is_refused() -> None:
    message = refused(Built("top").add("WIDE", {"A": "a b", "Y": "c d e f"}))
    assert message.startswith("chip.v:10: ") and "'A' of the instance 'u10' of 'WIDE' is 4 bits wide" in message
    assert "has 2" in message and "without a size" in message


def test_constants_without_a_size_fit_any_pin() -> None:
    thirty_two = " ".join(["1"] + ["0"] * 31)
    built = Built("top").add("WIDE", {"A": thirty_two, "Y": "c d e f"}).add("LONG", {"A": thirty_two})
    built.add("LONG", {"A": " ".join(["x"] * 32)})
    result = linked(built)
    top = result.netlist.top_module
    assert top.cells.pin(0, "A").tolist() == [ONE, ZERO, ZERO, ZERO]
    assert top.cells.pin(0, "Y").tolist() == built.bits("c d e f")
    assert top.cells.pin(1, "A").tolist() == [ONE] + [ZERO] * 39
    assert top.cells.pin(2, "A").tolist() == [X] * 40
    assert [said for _, said in result.warnings] == [
        "the pin 'A' of a 'LONG' in 'top' is 40 bits wide: a constant without a size is extended to it (2 times)"
    ]
    assert result.lookup("WIDE", [("A", 4), ("Y", 4)], {}) is LIBRARY["WIDE"]


def test_a_wide_connection_loses_its_high_bits_and_that_is_said() -> None:
    result = linked(Built("top").port("a", "input").add("INV", {"A": "a b c", "Y": "y"}))
    assert result.netlist.top_module.cells.pin(0, "A").tolist() == [0]
    ((place, said),) = result.warnings
    assert place == at(10) and "1 bits wide and its connection 3" in said


def test_a_negative_constant_without_a_size_is_not_guessed() -> None:
    assert "40 bits wide, but its connection has 32" in refused(Built("top").add("LONG", {"A": " ".join(["1"] * 32)}))


def test_an_open_connection_fits() -> None:
    assert linked(Built("top").add("WIDE", {"A": "", "Y": "a b c d"})).warnings == ()


def test_a_missing_top_is_refused() -> None:
    with pytest.raises(NetlistError, match="there is no module 'nobody'") as caught:
        link(Netlist(netlist(Built("top")).modules, "nobody"), {})
    assert "'top'" in str(caught.value)


def test_modules_in_a_circle_are_named() -> None:
    one = Built("one").add("two", [])
    two = Built("two").add("INV", ["a", "b"]).add("three", [])
    three = Built("three").add("one", [])
    message = refused(three, two, one)
    assert "'one' instantiates itself: 'one' -> 'two' -> 'three' -> 'one'" in message
    assert message.startswith("chip.v:10: ") and "3 modules in the circle" in message


def test_a_module_in_itself_is_named() -> None:
    assert "'top' instantiates itself: 'top' -> 'top'" in refused(Built("top").add("top", []))


@pytest.mark.parametrize("circular", [True, False])
def test_a_million_levels_are_a_message(circular: bool) -> None:
    count = 20_000  # the walk is the same for a million, only slower to build here
    cells = Built("shared").add("next", []).module.finish().cells
    modules = {}
    for index in range(count):
        following = f"m{index + 1}" if index + 1 < count else ("m0" if circular else "last")
        named = type(cells)(**{**{f: getattr(cells, f) for f in cells.__slots__}, "type_names": (following,)})
        empty = Built(f"m{index}").module.finish()
        modules[f"m{index}"] = Module(f"m{index}", empty.place, (), empty.nets, named, 0, black_box=False)
    error = NetlistError if circular else LimitExceeded
    with pytest.raises(error) as caught:
        link(Netlist(modules, "m0"), {})
    text = str(caught.value)
    assert ("20,000 modules in the circle" in text) if circular else ("20,000 levels deep" in text and "depth" in text)
    assert len(text) < 1_000


def test_depth_is_a_limit() -> None:
    parts = [Built("m0").add("INV", ["a", "y"])] + [Built(f"m{n}").add(f"m{n - 1}", []) for n in range(1, 5)]
    assert linked(*parts, limits=ReadLimits(depth=5)).depth == 5
    with pytest.raises(LimitExceeded, match=r"5 levels deep"):
        linked(*parts, limits=ReadLimits(depth=4))


# -- two drivers


def test_two_drivers_are_named_with_both_places() -> None:
    message = refused(Built("top").port("a", "input").add("INV", ["a", "y"]).add("INV", ["a", "y"]))
    assert message.startswith("chip.v:11: ") and "'y' of 'top' has two drivers" in message
    assert "'u10' (a 'INV') (chip.v:10)" in message and "'u11'" in message


def test_an_input_port_is_a_driver() -> None:
    message = refused(Built("top").port("a", "input").add("INV", ["b", "a"]))
    assert "an input port of 'top' (chip.v:1)" in message


def test_a_driven_constant_is_refused() -> None:
    assert "is the constant 1" in refused(Built("top").add("INV", ["a", "1"]))


def test_outputs_of_modules_are_drivers() -> None:
    child = Built("child").port("i", "input").port("o", "output").add("INV", ["i", "o"])
    assert "'o' of 'u11'" in refused(
        child, Built("top").port("a", "input").add("INV", ["a", "y"]).add("child", ["a", "y"])
    )
    stub = Built("stub").port("o", "output")
    assert "two drivers" in refused(stub, Built("top").add("stub", ["y"]).add("stub", ["y"]))


def test_three_state_drivers_share_a_net_through_modules_too() -> None:
    child = Built("child").port("i", "input").port("o", "output").add("TRI", ["i", "i", "o"])
    linked(child, Built("top").port("a", "input").add("TRI", ["a", "a", "y"]).add("child", ["a", "y"]))
    assert "two drivers" in refused(
        child, Built("top").port("a", "input").add("INV", ["a", "y"]).add("child", ["a", "y"])
    )


def test_an_output_nothing_drives_is_no_driver() -> None:
    child = Built("child").port("o", "output").add("INV", {"A": "1"})
    linked(child, Built("top").port("a", "input").add("child", ["y"]).add("INV", ["a", "y"]))


def test_pulls_are_no_second_driver() -> None:
    pull = {"pullup": Cell("pullup", {"Y0": (OUTPUT, 1)}, FunctionBuilder([]).finish({("Y0", 0): 1}))}
    linked(Built("top").port("a", "input").add("INV", ["a", "y"]).add("pullup", ["y"]), library={**LIBRARY, **pull})


def test_arrays_of_many_signatures_are_grouped_exactly() -> None:
    built = Built("top")
    for index in range(300):
        built.add("BOX", {f"p{index % 70}": " ".join(f"n{bit}" for bit in range(1 + index % 5))}, ID=index % 3)
    result = linked(built)
    assert result.black_boxes["BOX"].instances == 300
    assert np.array_equal(result.netlist.top_module.cells.bits, built.module.finish().cells.bits)
