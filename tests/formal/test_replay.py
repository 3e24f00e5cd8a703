"""A witness reproduces on the design it is about, in every simulator here, and nothing else passes for one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandgrain.errors import ReplayError
from sandgrain.formal import _testbench
from sandgrain.formal._icarus_process import SAFE_TASKS
from sandgrain.formal.replay import ICARUS, YOSYS, available_simulators, replay
from sandgrain.formal.stimulus import Stimulus, parse_stimulus
from sandgrain.submission import Submission, load
from sandgrain.verdict import RelevantInput

SIMULATORS = [
    YOSYS,
    pytest.param(ICARUS, marks=pytest.mark.skipif(ICARUS not in available_simulators(), reason="needs Icarus")),
]
CYCLES, RESET, KEY = 30, 3, 0xA5

CHIP = """
module chip (input clk, input resetn, input [7:0] data, output reg beat, output odd);
  reg kill;
  reg [2:0] count;
  reg [3:0] seen [0:1];
  wire armed = data == 8'ha5;
  lock u_lock (.clk(clk), .armed(armed), .odd(odd));
  always @(posedge clk) begin
    if (!resetn) begin
      kill <= 0;
      beat <= 0;
    end else begin
      if (armed) kill <= 1;
      beat <= !kill && count[0] == 0;
    end
    count <= count + 1;
    seen[count[0]] <= data[3:0] + seen[!count[0]];
  end
endmodule
module lock (input clk, input armed, output odd);
  reg parity;
  always @(posedge clk) parity <= parity ^ armed;
  assign odd = parity;
endmodule
"""

MANIFEST = """
schema = 1
[chip]
name = "Chip"
vendor = "Somebody"
date = 2026-11-23
top = "chip"
[[files]]
role = "rtl"
paths = ["rtl/*.v"]
[elaboration]
parameters = {{ {parameters} }}
[[clocks]]
port = "clk"
edge = "{edge}"
[[resets]]
port = "resetn"
active = "low"
synchronous = true
cycles = 3
[[services]]
name = "beat"
expression = "{expression}"
description = "it beats"
[recovery]
"""

Make = Callable[..., Submission]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(
        text: str = CHIP, expression: str = "beat", edge: str = "rising", parameters: str = "", name: str = "chip"
    ) -> Submission:
        root = tmp_path / name
        (root / "rtl").mkdir(parents=True)
        (root / "rtl" / "chip.v").write_text(text)
        (root / "submission.toml").write_text(MANIFEST.format(expression=expression, edge=edge, parameters=parameters))
        return load(root)

    return build


def trace_of(killed_at: int | None = 10, cycles: int = CYCLES) -> np.ndarray:
    """What the chip above does, worked out by hand: all state 0 at power-up, ``kill`` one cycle after the key."""
    beat = np.zeros(cycles, np.uint8)
    for cycle in range(RESET + 1, cycles):
        killed = killed_at is not None and cycle - 1 > killed_at
        beat[cycle] = not killed and (cycle - 1) % 2 == 0
    return beat


def witness(
    cycles: int = CYCLES, expression: str = "beat", edge: str = "rising", key: int = KEY, **changes: Any
) -> Stimulus:
    data = np.zeros((cycles, 8), np.uint8)
    data[10] = [key >> i & 1 for i in range(8)]
    values: dict[str, Any] = {
        "top": "chip",
        "clock": "clk",
        "clock_edge": edge,
        "inputs": {"resetn": (np.arange(cycles) >= RESET).astype(np.uint8)[:, None], "data": data},
        "service": "beat",
        "service_expression": expression,
        "service_trace": trace_of(cycles=cycles),
        "reset_cycles": RESET,
        "dead_from": 12,
        "relevant_inputs": [RelevantInput(cycle=10, port="data", bit=0, value=key & 1)],
    }
    return Stimulus.from_arrays(**{**values, **changes})


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_witness_reproduces(make: Make, simulator: str) -> None:
    [result] = replay(witness(), make(), simulators=[simulator])
    assert result.reproduced, result.detail
    assert (result.simulator, result.cycles, result.service_last_seen) == (simulator, CYCLES, 11)
    assert result.version[0].isdecimal()


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize(
    ("edge", "declared", "level"),
    [("negedge resetn", "", "!resetn"), ("posedge reset", "  wire reset = !resetn;\n", "reset")],
)
def test_a_reset_that_acts_at_once_is_released_after_the_edge(
    make: Make, simulator: str, edge: str, declared: str, level: str
) -> None:
    text = CHIP.replace(
        "  always @(posedge clk) begin\n    if (!resetn) begin",
        f"{declared}  always @(posedge clk or {edge}) begin\n    if ({level}) begin",
    )
    text = text.replace(
        "    count <= count + 1;\n    seen[", "  end\n  always @(posedge clk) begin\n    count <= count + 1;\n    seen["
    )
    assert edge in text
    # Released at the very edge that ends reset, the register would take its next value there already.
    [result] = replay(witness(), make(text), simulators=[simulator])
    assert result.reproduced, result.detail


def test_by_default_all_simulators_run_and_agree(make: Make) -> None:
    results = replay(witness(), make())
    assert [result.simulator for result in results] == list(available_simulators())
    assert all(result.reproduced for result in results)


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("bit", [0, 3, 7])
def test_one_flipped_bit_does_not_reproduce(make: Make, simulator: str, bit: int) -> None:
    [result] = replay(witness(key=KEY ^ 1 << bit), make(), simulators=[simulator])
    assert not result.reproduced
    assert result.service_last_seen is not None and result.service_last_seen >= CYCLES - 2
    assert "cycle 13" in result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize(("cycle", "to"), [(5, 0), (6, 1), (11, 0)])
def test_an_altered_trace_does_not_reproduce(make: Make, simulator: str, cycle: int, to: int) -> None:
    trace = trace_of()
    trace[cycle] = to
    [result] = replay(witness(service_trace=trace), make(), simulators=[simulator])
    assert not result.reproduced
    assert f"cycle {cycle} " in result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_what_happens_before_the_end_of_reset_is_not_compared(make: Make, simulator: str) -> None:
    trace = trace_of()
    trace[1] = 1
    [result] = replay(witness(service_trace=trace), make(), simulators=[simulator])
    assert result.reproduced, result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_falling_edge(make: Make, simulator: str) -> None:
    submission = make(CHIP.replace("posedge", "negedge"), edge="falling")
    [result] = replay(witness(edge="falling"), submission, simulators=[simulator])
    assert result.reproduced, result.detail
    with pytest.raises(ReplayError, match="clock"):
        replay(witness(edge="rising"), submission, simulators=[simulator])


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize(
    "expression",
    ["beat & !kill", "beat & ~u_lock.parity", "beat && count[2:1] != 2'd3 | beat"],
)
def test_signals_inside_the_design(make: Make, simulator: str, expression: str) -> None:
    trace = trace_of()
    trace[11] = expression.startswith("beat &&")
    stimulus = witness(expression=expression, service_trace=trace)
    [result] = replay(stimulus, make(expression=expression), simulators=[simulator])
    assert result.reproduced, result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_signal_that_is_not_there(make: Make, simulator: str) -> None:
    with pytest.raises(ReplayError):
        replay(witness(expression="nothing"), make(expression="nothing"), simulators=[simulator])


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_an_unknown_service_shows_nothing(make: Make, simulator: str) -> None:
    # The value under the key is unknown: it may be 0, but nobody has shown it.
    text = CHIP.replace("beat <= !kill && count[0] == 0;", "beat <= kill ? 1'bx : count[0] == 0;")
    [result] = replay(witness(), make(text), simulators=[simulator])
    assert not result.reproduced
    assert "unknown" in result.detail


def test_unknown_as_zero_is_said(make: Make) -> None:
    text = CHIP.replace("beat <= !kill && count[0] == 0;", "beat <= kill ? 1'bx : count[0] == 0;")
    submission = make(text)
    [result] = replay(witness(x_as_zero=True), submission)
    assert result.simulator == YOSYS and result.reproduced
    assert "read as 0" in result.detail
    if ICARUS in available_simulators():
        with pytest.raises(ReplayError, match="unknown"):
            replay(witness(x_as_zero=True), submission, simulators=[ICARUS])


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_initial_values_are_kept(make: Make, simulator: str) -> None:
    # The counter starts at 1, so that it beats in the other cycles.
    text = CHIP.replace("reg [2:0] count;", "reg [2:0] count = 1;")
    [result] = replay(witness(), make(text), simulators=[simulator])
    assert not result.reproduced
    trace = np.roll(trace_of(killed_at=9), 1)
    trace[4] = 1 - trace[5]
    [result] = replay(witness(service_trace=np.where(np.arange(CYCLES) > 11, 0, trace)),
                      load(make(text, name="again").root), simulators=[simulator])  # fmt: skip
    assert result.reproduced, result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_memories_start_at_zero(make: Make, simulator: str) -> None:
    # The sum in the memory is 0 as long as the data are: unknown words would make it unknown.
    expression = "beat & probe"
    text = CHIP.replace("reg kill;", "reg kill; wire probe = seen[0] == 0;")
    trace = trace_of()
    trace[11] = 0
    stimulus = witness(expression=expression, service_trace=trace)
    [result] = replay(stimulus, make(text, expression), simulators=[simulator])
    assert result.reproduced, result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_parameters_and_odd_names(make: Make, simulator: str) -> None:
    text = CHIP.replace("module chip (", 'module chip #(parameter [7:0] K = 0, parameter MODE = "off") (')
    text = text.replace("8'ha5", "K").replace("!kill &&", '!kill && MODE == "on" &&').replace("kill", "\\kill[0]+ ")
    submission = make(text, parameters='K = "8\'ha5", MODE = "on"')
    [result] = replay(witness(), submission, simulators=[simulator])
    assert result.reproduced, result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_the_first_matching_case_wins(make: Make, simulator: str) -> None:
    text = CHIP.replace(
        "beat <= !kill && count[0] == 0;",
        "(* parallel_case *) case (1'b1) kill: beat <= data[7]; resetn: beat <= !count[0]; default: beat <= 0; endcase",
    )
    [result] = replay(witness(), make(text), simulators=[simulator])
    assert result.reproduced, result.detail


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_long_runs(make: Make, simulator: str) -> None:
    [result] = replay(witness(cycles=10_000), make(), simulators=[simulator])
    assert result.reproduced, result.detail
    assert result.cycles == 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"top": "other"},
        {"clock": "clock"},
        {"service": "other"},
        {"service_expression": "beat | odd"},
        {"service_expression": "beat &"},
        {"reset_cycles": 2},
    ],
)
def test_a_stimulus_for_something_else_is_refused(make: Make, changes: dict[str, Any]) -> None:
    with pytest.raises(ReplayError) as error:
        replay(witness(**changes), make())
    assert error.value.expected and error.value.remedy


def test_inputs_must_be_those_of_the_design(make: Make) -> None:
    submission = make()
    inputs = {
        port: np.array([[int(bit) for bit in reversed(value)] for value in witness().expand(port)], np.uint8)
        for port in ("resetn", "data")
    }
    reset = inputs["resetn"]
    again = reset.copy()
    again[20] = 0
    wrong: list[tuple[dict[str, np.ndarray], str]] = [
        ({"resetn": reset}, "data"),
        ({"data": inputs["data"]}, "reset"),
        ({**inputs, "data": inputs["data"][:, :7]}, "7 bits"),
        ({**inputs, "odd": reset}, "odd"),
        ({**inputs, "kill": reset}, "kill"),
        ({**inputs, "resetn": again}, "cycle 20"),
    ]
    for given, said in wrong:
        with pytest.raises(ReplayError, match=said):
            replay(witness(inputs=given, relevant_inputs=[]), submission)


def test_a_truncated_stimulus_is_refused() -> None:
    with pytest.raises(ReplayError):
        parse_stimulus(witness().to_json_bytes()[:-40])


def test_an_unknown_simulator_is_refused(make: Make) -> None:
    for names in (["other"], []):
        with pytest.raises(ReplayError, match="not available"):
            replay(witness(), make() if names else load(make(name="b").root), simulators=names)


def test_a_description_that_cannot_be_read(make: Make) -> None:
    with pytest.raises(ReplayError, match="cannot be read"):
        replay(witness(), make(CHIP.replace("endmodule", "", 1)))


@pytest.mark.skipif(ICARUS not in available_simulators(), reason="needs Icarus")
@pytest.mark.parametrize(
    "task",
    [
        'initial $system("touch escaped");',
        'initial \\$system ("touch escaped");',
        '`define T(x) $sys``x\n initial `T(tem)("touch escaped");',
        'integer f; initial f = $fopen("escaped", "w");',
        'initial $dumpfile("escaped");',
    ],
)
def test_icarus_does_not_run_tasks_that_reach_outside(make: Make, task: str, tmp_path: Path) -> None:
    submission = make(CHIP.replace("reg kill;", f"reg kill;\n`ifdef OUTSIDE\n`endif\n{task}\n"))
    with pytest.raises(ReplayError):
        replay(witness(), submission, simulators=[ICARUS])
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.skipif(ICARUS not in available_simulators(), reason="needs Icarus")
def test_without_icarus_the_others_say_so(make: Make) -> None:
    submission = make(CHIP.replace("reg kill;", "reg kill; integer r; initial r = $random;"))
    results = replay(witness(), submission)
    assert [result.simulator for result in results] == [YOSYS]
    assert results[0].reproduced
    assert "icarus could not run it" in results[0].detail


@pytest.mark.skipif(ICARUS not in available_simulators(), reason="needs Icarus")
def test_a_description_that_ends_the_simulation(make: Make) -> None:
    submission = make(CHIP.replace("reg kill;", "reg kill;\n`ifdef __ICARUS__\ninitial #75000 $finish;\n`endif\n"))
    [result] = replay(witness(), submission, simulators=[ICARUS])
    assert not result.reproduced
    assert "ended the simulation in cycle 8" in result.detail


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = $signed(b); // $system", []),
        ('/* $system */ $display("$system");', []),
        ("x = q[$]; a$b = 1;", []),
        ('\n$system("x");', [(2, "$system")]),
        ('\\foo/* $system("x"); \\bar*/ ', [(1, "$system")]),
        ("\\$system (1);", [(1, "\\$system")]),
        ('"""\n$system', [(1, '"""'), (2, "$system")]),
        ("`include `FILE", [(1, "`include"), (1, "`FILE")]),
        ("$ system", [(1, "$")]),
    ],
)
def test_tasks_are_found_where_icarus_sees_them(text: str, found: list[tuple[int, str]]) -> None:
    assert _testbench.foreign_tasks(text, SAFE_TASKS) == found


@pytest.mark.slow
def test_picorv32_in_all_simulators(tmp_path: Path) -> None:
    core = pytest.importorskip("pythondata_cpu_picorv32")
    source = next(Path(core.__file__).parent.rglob("picorv32.v"))
    (tmp_path / "rtl").mkdir()
    shutil.copy(source, tmp_path / "rtl")
    text = MANIFEST.format(expression="mem_valid & mem_instr", edge="rising", parameters="")
    (tmp_path / "submission.toml").write_text(text.replace('"chip"', '"picorv32"'))
    cycles = 104
    widths = {"mem_ready": 1, "mem_rdata": 32, "pcpi_wr": 1, "pcpi_rd": 32, "pcpi_wait": 1, "pcpi_ready": 1, "irq": 32}
    values = {"mem_ready": 1, "mem_rdata": 0x13}
    inputs = {
        port: np.tile(np.array([values.get(port, 0) >> i & 1 for i in range(width)], np.uint8), (cycles, 1))
        for port, width in widths.items()
    }
    inputs["resetn"] = (np.arange(cycles) >= 4).astype(np.uint8)[:, None]
    # A no-operation takes three cycles, the first fetch begins in cycle 6; the last cycle is given as dead.
    fetches = (np.arange(cycles) >= 6) & (np.arange(cycles) % 3 == 0)
    trace = np.where(np.arange(cycles) < cycles - 1, fetches, 0).astype(np.uint8)
    assert fetches[cycles - 1] == 0
    stimulus = Stimulus.from_arrays(
        top="picorv32", clock="clk", clock_edge="rising", inputs=inputs, service="beat",
        service_expression="mem_valid & mem_instr", service_trace=trace, reset_cycles=4, dead_from=cycles - 1,
    )  # fmt: skip
    results = replay(stimulus, load(tmp_path))
    assert [result.simulator for result in results] == list(available_simulators())
    for result in results:
        assert result.reproduced, result
        assert result.service_last_seen == 102
