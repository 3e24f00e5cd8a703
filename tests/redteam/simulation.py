"""Runs a core and its planted twin side by side in Icarus Verilog, on the same program and the same bus."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.yosys_process import run_yosys

from .benches import BENCHES, Bench

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None or shutil.which("vvp") is None,
    reason="Icarus Verilog is not installed",
)

RESET_CYCLES = 4
_TRANSLATED: dict[str, str] = {}
NOP = 0x00000013


@dataclass(frozen=True)
class Trace:
    """One character per cycle from power-up: ``1`` where the condition held.

    Attributes:
        clean: service of the clean core.
        planted: service of the planted core.
        differ: some output of the two cores differs (x equals x only), the sinks of a beacon excepted.
        halted: the planted core is in its declared halt.
        watched: the watched expression in each cycle, in hexadecimal.
    """

    clean: str
    planted: str
    differ: str
    halted: str
    watched: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What happens in a simulation.

    Attributes:
        program: the instructions and data in memory, from the first address on.
        cycles: how long it runs after power-up; the first :data:`RESET_CYCLES` are in reset.
        recover_from: from this cycle on the bus is as the manifest's recovery says.
        reset_again: in this cycle another reset begins.
        inputs: ports that only the planted core has, and their values.
        deposits: its registers that are set at ``deposit_at``.
        always_ready: whether every request is answered at once, rather than in half of the cycles.
        identity: the chip's identity.
        ignored: outputs that may differ.
        watch: an expression over outputs (``p_`` and ``c_`` before them) and signals of ``planted`` and ``clean``.
    """

    program: Sequence[int]
    cycles: int
    recover_from: int | None = None
    reset_again: int | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    deposits: Mapping[str, str] = field(default_factory=dict)
    deposit_at: int = 40
    always_ready: bool = False
    identity: int = 0x5AC3_9678
    ignored: frozenset[str] = frozenset()
    watch: str = "1'b0"


def simulate(core: str, clean: Path, planted: Path, work: Path, **how: Any) -> Trace:
    """Simulate both cores; ``how`` are the fields of a :class:`Run`."""
    run = Run(**how)
    bench = BENCHES[core]
    work.mkdir(parents=True, exist_ok=True)
    files = [
        *_sources(bench, clean, work / "clean", twin=True),
        *_sources(bench, planted, work / "planted", twin=False),
    ]
    text = work / "bench.v"
    text.write_text(_bench(bench, run))
    built = subprocess.run(
        [
            "iverilog",
            "-g2005-sv" if bench.systemverilog else "-g2005",
            "-DSERV_CLEAR_RAM",
            "-DSYNTHESIS",
            "-s",
            "bench",
            "-o",
            str(work / "bench.vvp"),
            *map(str, files),
            str(text),
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
        timeout=120,
    )
    rows = [line.split() for line in ran.stdout.splitlines() if line.startswith("@ ")]
    assert len(rows) == run.cycles
    clean_served, served, differ, halted = ("".join(column) for column in zip(*(row[1] for row in rows), strict=True))
    return Trace(clean_served, served, differ, halted, tuple(row[2] for row in rows))


def _sources(bench: Bench, submission: Path, work: Path, *, twin: bool) -> list[Path]:
    """Files Icarus can read; the twin's modules have names of their own."""
    files = sorted((submission / "rtl").glob("*.v"))
    if bench.systemverilog:
        files = [_translated(bench, submission)]
    if not twin:
        return files
    work.mkdir(exist_ok=True)
    renamed = []
    for source in files:
        renamed.append(work / source.name)
        renamed[-1].write_text(re.sub(rf"\b(?={bench.modules})", "clean_", source.read_text()))
    return renamed


def _translated(bench: Bench, submission: Path) -> Path:
    """The description as one module of plain Verilog, made by Yosys once per description."""
    plain = submission.parent / f"{submission.name}.v"
    sources = sorted((submission / "rtl").iterdir())
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    if digest not in _TRANSLATED:
        files = " ".join(f"rtl/{source.name}" for source in sources)
        run_yosys(
            [
                f"read_slang --top {bench.top} -I include -DSYNTHESIS {files}",
                f"hierarchy -check -top {bench.top}",
                "proc",
                "flatten",
                "chformal -remove",
                "delete t:$print t:$check",
                f"write_verilog -noattr {plain}",
            ],
            cwd=submission,
            limits=ElaborationLimits(),
            what="translating the description",
        )
        _TRANSLATED[digest] = plain.read_text()
    plain.write_text(_TRANSLATED[digest])
    return plain


def _bench(bench: Bench, run: Run) -> str:
    twin = re.sub(rf"^(?={bench.modules})", "clean_", bench.top)
    outputs = {**bench.outputs, "debug_data": 32}
    wires = "\n".join(f"  wire [{width - 1}:0] p_{name}, c_{name};" for name, width in outputs.items())
    rom = "\n".join(f"      {index}: word = 32'h{value:08x};" for index, value in enumerate(run.program))
    extra = "".join(f", .{port}({value})" for port, value in run.inputs.items())
    sets = " ".join(f"planted.{register} = {value};" for register, value in run.deposits.items())
    reset_again = run.reset_again

    def pins(prefix: str) -> str:
        identity = f", .device_id(32'd{run.identity}), .debug_en(debug_en)"
        return bench.pins + identity + "".join(f", .{name}({prefix}{name})" for name in outputs)

    differ = " | ".join(f"(p_{name} !== c_{name})" for name in outputs if name not in run.ignored)
    again = f"(t >= {reset_again} && t < {reset_again + RESET_CYCLES})" if reset_again is not None else "0"
    return f"""
`timescale 1ns/1ns
module bench;
  reg clk = 0, reset = 1, go = 0, recover = 0, debug_en = 0;
  integer t, seed = 1;
{wires}
  function [31:0] word(input [31:0] address);
    case ((address - {bench.start}) >> 2)
{rom}
      default: word = 32'h13;
    endcase
  endfunction
{bench.bus}
  {bench.top} planted({pins("p_")}{extra});
  {twin} clean({pins("c_")});
  initial for (t = 0; t < {run.cycles}; t = t + 1) begin
    reset = t < {RESET_CYCLES} || {again};
    go = {"1" if run.always_ready else "$random(seed) & 1"};
    debug_en = t % 7 == 3;
    recover = {"0" if run.recover_from is None else f"t >= {run.recover_from}"};
    if (t == {run.deposit_at}) begin {sets} end
    #4 $display("@ %b%b%b%b %h", {bench.service.format(u="c_")}, {bench.service.format(u="p_")}, {differ},
      {bench.halt.format(u="p_")}, {run.watch});
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


def store_at(value: int, address: int) -> list[int]:
    """Write ``value`` to any ``address``."""
    return [*load_word(5, value), *load_word(6, address), 5 << 20 | 6 << 15 | 2 << 12 | 0x23]


def load_from(address: int) -> list[int]:
    """LW from ``address``, which is below 2048."""
    return [address << 20 | 2 << 12 | 7 << 7 | 0x03]


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
