"""The flat module is the hierarchical one: same names, same nets, same function."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.link import link
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, Module, Netlist, X, Z
from sandgrain.verdict import Place
from tests.netlist.test_link import LIBRARY, Built, linked, netlist


def shown(module: Module) -> list[tuple[str, str, list[tuple[str, list[str]]]]]:
    """Cells with the names of their nets; a net has the name it got last, at the highest level."""
    names: dict[int, str] = {-1: "0", -2: "1", -3: "x", -4: "z"}
    for net in module.nets:
        for index, bit in enumerate(net.bits.tolist()):
            if bit >= 0 and (bit not in names or net.name.count(".") < names[bit].count(".")):
                names[bit] = net.bit_name(index)
    return [
        (
            module.cells.type_of(cell),
            module.cells.names[cell],
            [(pin.name, [names.get(bit, f"#{bit}") for bit in pin.bits.tolist()]) for pin in module.cells.pins(cell)],
        )
        for cell in range(len(module.cells))
    ]


def test_a_flat_module_is_handed_back_as_it_is() -> None:
    result = linked(Built("top").port("a", "input").add("INV", ["a", "y"]))
    assert flatten(result) is result.netlist.top_module


def test_names_nets_places_and_parameters_of_two_levels() -> None:
    leaf = Built("leaf").port("i", "input").port("o", "output").add("INV", ["i", "m"]).add("INV", ["m", "o"], WIDTH=1)
    leaf.module.net("again", leaf.bits("m"), init="1", attributes={"keep": 1})
    middle = (
        Built("middle").port("p", "input").port("q", "output").add("leaf", ["p", "k"]).add("leaf", {"o": "q", "i": "k"})
    )
    top = Built("top").port("a", "input").port("y", "output").add("INV", ["a", "b"]).add("middle", ["b", "y"])
    flat = flatten(linked(leaf, middle, top))
    assert shown(flat) == [
        ("INV", "u10", [("A", ["a"]), ("Y", ["b"])]),
        ("INV", "u11.u10.u10", [("A", ["b"]), ("Y", ["u11.u10.m"])]),
        ("INV", "u11.u10.u11", [("A", ["u11.u10.m"]), ("Y", ["u11.k"])]),
        ("INV", "u11.u11.u10", [("A", ["u11.k"]), ("Y", ["u11.u11.m"])]),
        ("INV", "u11.u11.u11", [("A", ["u11.u11.m"]), ("Y", ["y"])]),
    ]
    assert flat.bit_count == 6
    assert [str(flat.cells.place(cell)) for cell in range(3)] == ["chip.v:10", "chip.v:10", "chip.v:11"]
    assert dict(flat.cells.parameters) == {2: {"WIDTH": 1}, 4: {"WIDTH": 1}}
    assert [port.name for port in flat.ports] == ["a", "y"]
    again = [net for net in flat.nets if net.name.endswith("again")]
    assert [(net.name, net.init, dict(net.attributes)) for net in again] == [
        ("u11.u10.again", "1", {"keep": 1}),
        ("u11.u11.again", "1", {"keep": 1}),
    ]
    assert flat.nets.find("u11.u10.i") is not None
    assert flat.cells.names.find("u11.u11.u10") == 3


def test_a_port_wired_through_joins_the_nets_outside() -> None:
    through = Built("through").port("i", "input").port("o", "output", "i")
    flat = flatten(linked(through, Built("top").port("a", "input").add("through", ["a", "b"]).add("INV", ["b", "y"])))
    assert shown(flat) == [("INV", "u11", [("A", ["a"]), ("Y", ["y"])])]
    assert flat.bit_count == 2


def test_constants_travel_both_ways() -> None:
    tie = Built("tie").port("h", "output", "1").port("l", "output", "0")
    user = Built("user").port("i", "input").add("INV", ["i", "y"])
    top = Built("top").add("tie", ["hi", "lo"]).add("AND", ["hi", "lo", "y"]).add("user", ["1"]).add("user", ["lo"])
    flat = flatten(linked(tie, user, top))
    assert [pins[0] for _, _, pins in shown(flat)] == [("A", ["1"]), ("A", ["1"]), ("A", ["0"])]
    net = flat.nets.find("hi")
    assert net is not None and net.bits.tolist() == [ONE]


@pytest.mark.parametrize("constant", [X, Z])
def test_unknown_and_open_inputs_become_nets_nothing_drives(constant: int) -> None:
    user = Built("user").port("i", "input").add("INV", ["i", "y"])
    top = Built("top").add("user", [{X: "x", Z: "z"}[constant]]).add("user", {"i": ""}).add("user", {})
    flat = flatten(linked(user, top))
    assert [pins[0][1] for _, _, pins in shown(flat)] == [["u10.i"], ["u11.i"], ["u12.i"]]


def test_two_constants_on_one_net_are_refused() -> None:
    bad = Built("bad").port("p", "inout", "0")
    with pytest.raises(NetlistError, match="'u10' of 'bad' joins a constant 0 and a constant 1") as caught:
        flatten(linked(bad, Built("top").add("bad", ["1"])))
    assert caught.value.line == 10
    two = Built("two").port("p", "inout", "0").port("q", "inout", "1")
    with pytest.raises(NetlistError, match="joins a constant"):
        flatten(linked(two, Built("top").add("two", ["n", "n"])))


def test_a_plain_netlist_and_another_top() -> None:
    leaf = Built("leaf").port("i", "input").port("o", "output").add("INV", ["i", "o"])
    middle = Built("middle").port("p", "input").port("q", "output").add("leaf", ["p", "q"])
    source = netlist(leaf, middle, Built("top").port("a", "input").add("middle", ["a", "b"]))
    assert [name for _, name, _ in shown(flatten(source))] == ["u10.u10.u10"]
    assert [name for _, name, _ in shown(flatten(source, "middle"))] == ["u10.u10"]
    assert [name for _, name, _ in shown(flatten(link(source, LIBRARY), "middle"))] == ["u10.u10"]
    with pytest.raises(NetlistError, match="no module 'nope'"):
        flatten(source, "nope")
    with pytest.raises(NetlistError, match="no module 'nope'"):
        flatten(link(source, LIBRARY), "nope")


def test_names_of_several_tables_and_odd_bytes() -> None:
    leaf = ModuleBuilder("leaf", Place(file="b.v", line=3))
    (bit,) = leaf.bits(1)
    leaf.port("i", "input", [bit])
    leaf.cell("INV", "\\über.x ", [("A", UNKNOWN_DIRECTION, [bit])], place=Place(file="b.v", line=4))
    top = Built("top").port("a", "input").add("leaf", ["a"]).add("leaf", ["a"])
    flat = flatten(link(Netlist({"leaf": leaf.finish(), "top": top.module.finish()}, "top"), LIBRARY))
    assert list(flat.cells.names) == ["u10.\\über.x ", "u11.\\über.x "]
    assert [str(flat.cells.place(cell)) for cell in (0, 1)] == ["b.v:4", "b.v:4"]


def tower(levels: int, fan_out: int) -> Netlist:
    parts = [Built("m0").port("i", "input").add("INV", {"A": "i"})]
    for level in range(1, levels + 1):
        part = Built(f"m{level}").port("i", "input")
        for _ in range(fan_out):
            part.add(f"m{level - 1}", ["i"])
        parts.append(part)
    return netlist(*parts)


def test_what_would_explode_is_refused_before_it_does() -> None:
    with pytest.raises(LimitExceeded, match=r"would have [\d,]+ instances") as caught:
        flatten(tower(60, 10))
    assert "ReadLimits.cells" in str(caught.value)
    with pytest.raises(LimitExceeded, match=r"ReadLimits.bits"):
        flatten(tower(3, 10), limits=ReadLimits(bits=1_000))
    with pytest.raises(LimitExceeded, match=r"ReadLimits.file_bytes"):
        flatten(tower(3, 10), limits=ReadLimits(file_bytes=10_000))
    with pytest.raises(LimitExceeded, match=r"4 levels deep"):
        flatten(tower(3, 2), limits=ReadLimits(depth=3))
    assert len(flatten(tower(3, 10)).cells) == 1_000


def test_a_deep_hierarchy_within_the_limit_works() -> None:
    flat = flatten(tower(5_000, 1), limits=ReadLimits(depth=10_000))
    assert len(flat.cells) == 1 and flat.cells.names[0] == "u10." * 5_000 + "u10"
    assert flat.bit_count == 1


@st.composite
def trees(draw: st.DrawFn) -> Netlist:
    """Random modules of three levels with ports of several bits, constants and wires through."""
    parts: list[ModuleBuilder] = []
    shapes: dict[str, list[tuple[str, str, int]]] = {}
    for level in range(3):
        module = ModuleBuilder(f"m{level}")
        bits = module.bits(draw(st.integers(1, 6)))
        module.net("n", bits)
        one = st.sampled_from(bits)
        shapes[module.name] = []
        for index in range(draw(st.integers(0, 3))):
            width = draw(st.integers(1, 3))
            module.port(f"p{index}", "inout", [draw(one) for _ in range(width)])
            shapes[module.name].append((f"p{index}", "inout", width))
        for index in range(draw(st.integers(1, 3))):
            child = f"m{draw(st.integers(0, level - 1))}" if level and draw(st.booleans()) else "LEAF"
            pins = shapes.get(child, [("A", "input", 1), ("B", "input", 2)])
            constant = st.sampled_from([ZERO, X, Z]) if child in shapes else st.sampled_from([ZERO, ONE, X, Z])
            module.cell(
                child,
                f"u{index}",
                [(pin, INPUT, [draw(one | constant) for _ in range(width)]) for pin, _, width in pins],
            )
        parts.append(module)
    made = [part.finish() for part in parts]
    return Netlist({module.name: module for module in made}, "m2")


def expand(
    netlist: Netlist, name: str, path: str, joined: list[tuple[object, object]]
) -> list[tuple[str, list[object]]]:
    """The plain meaning: leaf cells with (path, bit) on their pins, and what ports join."""
    module = netlist.modules[name]

    def key(bit: int) -> object:
        return (path, bit) if bit >= 0 else bit

    found: list[tuple[str, list[object]]] = []
    for cell in range(len(module.cells)):
        here = path + module.cells.names[cell]
        kind = module.cells.type_of(cell)
        if kind not in netlist.modules:
            found.append((here, [key(bit) for pin in module.cells.pins(cell) for bit in pin.bits.tolist()]))
            continue
        child = netlist.modules[kind]
        for pin in module.cells.pins(cell):
            for outer, inner in zip(pin.bits.tolist(), child.port(pin.name).bits.tolist(), strict=True):
                joined.append((key(outer), (here + ".", inner)))
        found += expand(netlist, kind, here + ".", joined)
    return found


@settings(deadline=None, max_examples=150)
@given(trees())
def test_flattening_is_the_plain_expansion(tree: Netlist) -> None:
    flat = flatten(tree)
    joined: list[tuple[object, object]] = []
    wanted = dict(expand(tree, "m2", "", joined))
    parent: dict[object, object] = {}

    def root(item: object) -> object:
        while item in parent:
            item = parent[item]
        return item

    for one, other in joined:
        a, b = root(one), root(other)
        if a in (X, Z) or b in (X, Z) or a == b:
            continue
        if a == ZERO:
            a, b = b, a
        parent[a] = b
    numbers: dict[object, int] = {}
    for cell in range(len(flat.cells)):
        name = flat.cells.names[cell]
        got = [bit for pin in flat.cells.pins(cell) for bit in pin.bits.tolist()]
        for bit, item in zip(got, wanted.pop(name), strict=True):
            expected = root(item)
            if isinstance(expected, int):
                assert bit == expected
            else:
                assert numbers.setdefault(expected, bit) == bit
    assert not wanted
    assert len(set(numbers.values())) == len(numbers)
    assert all(value >= 0 for value in numbers.values())


def test_directions_survive() -> None:
    leaf = Built("leaf").port("i", "input").add("INV", ["i", "y"])
    flat = flatten(linked(leaf, Built("top").port("a", "input").add("leaf", ["a"])))
    assert flat.cells.pin_directions.tolist() == [INPUT, OUTPUT]
