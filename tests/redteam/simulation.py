"""Runs a core and its planted twin side by side in Icarus Verilog, on the same program and the same bus."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None or shutil.which("vvp") is None,
    reason="Icarus Verilog is not installed",
)

RESET_CYCLES = 4
NOP = 0x00000013

_PREFIX = {"picorv32": "picorv32", "serv": "serv_"}
_OUTPUTS = {
    "picorv32": {
        **dict.fromkeys(
            [
                "trap",
                "mem_valid",
                "mem_instr",
                "mem_la_read",
                "mem_la_write",
                "pcpi_valid",
            ],
            1,
        ),
        **dict.fromkeys(["mem_addr", "mem_wdata", "mem_la_addr", "mem_la_wdata"], 32),
        **dict.fromkeys(["pcpi_insn", "pcpi_rs1", "pcpi_rs2", "eoi"], 32),
        "mem_wstrb": 4,
        "mem_la_wstrb": 4,
        "trace_valid": 1,
        "trace_data": 36,
    },
    "serv": {
        **dict.fromkeys(["o_ibus_adr", "o_dbus_adr", "o_dbus_dat", "o_ext_rs1", "o_ext_rs2"], 32),
        **dict.fromkeys(["o_ibus_cyc", "o_dbus_cyc", "o_dbus_we", "o_mdu_valid"], 1),
        "o_dbus_sel": 4,
        "o_ext_funct3": 3,
    },
}
# {u} is the planted core's prefix "p_": the bus looks at the planted core; the clean one gets the same answers.
_BUS = {
    "picorv32": """
  reg [31:0] mem_rdata;
  wire mem_ready = recover | (p_mem_valid & go);
  always @* mem_rdata = recover ? 32'h13 : word(p_mem_addr);
""",
    "serv": """
  wire i_ibus_ack = !recover & p_o_ibus_cyc & go;
  wire i_dbus_ack = recover | (p_o_dbus_cyc & go);
  wire [31:0] i_ibus_rdt = recover ? 32'h13 : word(p_o_ibus_adr);
  wire [31:0] i_dbus_rdt = word(p_o_dbus_adr);
""",
}
_PINS = {
    "picorv32": (
        ".clk(clk), .resetn(!reset), .mem_ready(mem_ready), .mem_rdata(mem_rdata),"
        " .pcpi_wr(1'b0), .pcpi_rd(32'b0), .pcpi_wait(1'b0), .pcpi_ready(1'b0), .irq(32'b0)"
    ),
    "serv": (
        ".clk(clk), .i_rst(reset), .i_ibus_ack(i_ibus_ack), .i_ibus_rdt(i_ibus_rdt), .i_dbus_ack(i_dbus_ack),"
        " .i_dbus_rdt(i_dbus_rdt), .i_timer_irq(1'b0), .i_ext_rd(32'b0), .i_ext_ready(1'b0)"
    ),
}
_SERVICE = {"picorv32": "{u}mem_valid & {u}mem_instr", "serv": "{u}o_ibus_cyc"}
_HALT = {"picorv32": "{u}trap", "serv": "1'b0"}
_TOP = {"picorv32": "picorv32", "serv": "serv_rf_top"}


@dataclass(frozen=True)
class Trace:
    """One character per cycle from power-up: ``1`` where the condition held.

    Attributes:
        clean: service of the clean core.
        planted: service of the planted core.
        differ: some output of the two cores differs (x equals x only).
        halted: the planted core is in its declared halt.
    """

    clean: str
    planted: str
    differ: str
    halted: str


def simulate(
    core: str,
    clean: Path,
    planted: Path,
    work: Path,
    *,
    program: Sequence[int],
    cycles: int,
    recover_from: int | None = None,
    reset_again: int | None = None,
    inputs: Mapping[str, str] | None = None,
    deposits: Mapping[str, str] | None = None,
    deposit_at: int = 40,
    always_ready: bool = False,
) -> Trace:
    """Simulate both cores for ``cycles`` cycles after power-up; the first :data:`RESET_CYCLES` are in reset.

    ``inputs`` are ports that only the planted core has, ``deposits`` its registers that are set at ``deposit_at``.
    From ``recover_from`` on the bus is as the manifest's recovery says.
    """
    work.mkdir(parents=True, exist_ok=True)
    files = []
    for source in sorted((clean / "rtl").glob("*.v")):
        twin = work / f"clean_{source.name}"
        twin.write_text(re.sub(rf"\b{_PREFIX[core]}", "clean_", source.read_text()))
        files.append(str(twin))
    files += [str(source) for source in sorted((planted / "rtl").glob("*.v"))]
    bench = work / "bench.v"
    bench.write_text(
        _bench(
            core,
            program,
            cycles,
            recover_from,
            reset_again,
            inputs,
            deposits,
            deposit_at,
            always_ready,
        )
    )
    built = subprocess.run(
        [
            "iverilog",
            "-g2005",
            "-DSERV_CLEAR_RAM",
            "-s",
            "bench",
            "-o",
            str(work / "bench.vvp"),
            *files,
            str(bench),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    ran = subprocess.run(
        ["vvp", "-n", str(work / "bench.vvp")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = [line[2:] for line in ran.stdout.splitlines() if line.startswith("@ ")]
    assert len(rows) == cycles
    return Trace(*("".join(column) for column in zip(*rows, strict=True)))


def _bench(
    core: str,
    program: Sequence[int],
    cycles: int,
    recover_from: int | None,
    reset_again: int | None,
    inputs: Mapping[str, str] | None,
    deposits: Mapping[str, str] | None,
    deposit_at: int,
    always_ready: bool,
) -> str:
    top = _TOP[core]
    twin = re.sub(rf"^{_PREFIX[core]}", "clean_", top)
    outputs = _OUTPUTS[core]
    wires = "\n".join(f"  wire [{width - 1}:0] p_{name}, c_{name};" for name, width in outputs.items())
    rom = "\n".join(f"      {index}: word = 32'h{value:08x};" for index, value in enumerate(program))
    extra = "".join(f", .{port}({value})" for port, value in (inputs or {}).items())
    sets = " ".join(f"planted.{register} = {value};" for register, value in (deposits or {}).items())

    def pins(prefix: str) -> str:
        return _PINS[core] + "".join(f", .{name}({prefix}{name})" for name in outputs)

    differ = " | ".join(f"(p_{name} !== c_{name})" for name in outputs)
    again = f"(t >= {reset_again} && t < {reset_again + RESET_CYCLES})" if reset_again is not None else "0"
    return f"""
`timescale 1ns/1ns
module bench;
  reg clk = 0, reset = 1, go = 0, recover = 0;
  integer t, seed = 1;
{wires}
  function [31:0] word(input [31:0] address);
    case (address[31:2])
{rom}
      default: word = 32'h13;
    endcase
  endfunction
{_BUS[core]}
  {top} planted({pins("p_")}{extra});
  {twin} clean({pins("c_")});
  initial for (t = 0; t < {cycles}; t = t + 1) begin
    reset = t < {RESET_CYCLES} || {again};
    go = {"1" if always_ready else "$random(seed) & 1"};
    recover = {"0" if recover_from is None else f"t >= {recover_from}"};
    if (t == {deposit_at}) begin {sets} end
    #4 $display("@ %b%b%b%b", {_SERVICE[core].format(u="c_")}, {_SERVICE[core].format(u="p_")}, {differ},
      {_HALT[core].format(u="p_")});
    #1 clk = 1;
    #5 clk = 0;
  end
endmodule
"""


def load_word(register: int, value: int) -> list[int]:
    """LUI and ADDI that put ``value`` into ``register``."""
    low = value & 0xFFF
    high = (value + 0x800 >> 12) & 0xFFFFF
    return [
        high << 12 | register << 7 | 0x37,
        low << 20 | register << 15 | register << 7 | 0x13,
    ]


def store_word(register: int, address: int = 0x400) -> list[int]:
    """SW of ``register`` to ``address``."""
    return [address >> 5 << 25 | register << 20 | 2 << 12 | (address & 31) << 7 | 0x23]


def write_bus(*values: int) -> list[int]:
    """Write each of ``values`` to the bus, one after the other."""
    return [word for value in values for word in load_word(5, value) + store_word(5)]


def jump_to_start(length: int) -> list[int]:
    """JAL back over ``length`` instructions."""
    offset = -4 * length
    return [
        (offset >> 20 & 1) << 31
        | (offset >> 1 & 0x3FF) << 21
        | (offset >> 11 & 1) << 20
        | (offset >> 12 & 0xFF) << 12
        | 0x6F
    ]


def busy_work(rng: random.Random, length: int) -> list[int]:
    """``length`` instructions of arithmetic, shifts, loads, stores and forward branches; none of them traps."""
    words = [word for register in range(8, 16) for word in load_word(register, rng.getrandbits(32))]
    while len(words) < length:
        kind = rng.choice(("alu", "alui", "shift", "load", "store", "branch"))
        rd, rs1, rs2 = (rng.randrange(8, 16) for _ in range(3))
        if kind == "alu":
            function, seven = rng.choice(
                [
                    (0, 0),
                    (0, 32),
                    (1, 0),
                    (2, 0),
                    (3, 0),
                    (4, 0),
                    (5, 0),
                    (5, 32),
                    (6, 0),
                ]
            )
            words.append(seven << 25 | rs2 << 20 | rs1 << 15 | function << 12 | rd << 7 | 0x33)
        elif kind == "alui":
            words.append(rng.getrandbits(12) << 20 | rs1 << 15 | rng.choice([0, 2, 3, 4, 6, 7]) << 12 | rd << 7 | 0x13)
        elif kind == "shift":
            words.append(rng.choice([0, 32]) << 25 | rng.getrandbits(5) << 20 | rs1 << 15 | 5 << 12 | rd << 7 | 0x13)
        elif kind == "load":
            words.append(rng.randrange(0x100) << 22 | 2 << 12 | rd << 7 | 0x03)
        elif kind == "store":
            words += store_word(rs2, 4 * rng.randrange(0x100))
        else:  # over the next instruction
            words += [
                rs2 << 20 | rs1 << 15 | rng.choice([0, 1, 4, 5, 6, 7]) << 12 | 8 << 7 | 0x63,
                NOP,
            ]
    return words
