"""A gate netlist run by Icarus Verilog with the simulation models of its cells, cycle by cycle."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandgrain.netlist import Module

SECONDS = 300
"""Of one simulation: gates without a delay could chase each other for ever."""


def run_icarus(
    module: Module,
    files: Sequence[Path],
    clock: str | None,
    inputs: Mapping[str, Sequence[str]],
    directory: Path,
    defines: Sequence[str] = (),
) -> list[dict[str, str]]:
    """Values of the output ports just before each active edge, most significant bit first, x and z included.

    Args:
        module: the top module.
        files: the netlist and the models.
        clock: port that rises once a cycle, if there is one.
        inputs: for every other input port its value in each cycle, in binary.
        directory: where files may be left.
        defines: macros, ``NAME`` or ``NAME=TEXT``.
    """
    cycles = len(next(iter(inputs.values())))
    outputs = [port for port in module.ports if port.direction == "output"]
    lines = ["`timescale 1ns/1ps", "module bench;"]
    lines += [] if clock is None else [f"  reg {clock} = 0;"]
    lines += [f"  reg [{len(rows[0]) - 1}:0] {name};" for name, rows in inputs.items()]
    lines += [f"  wire [{port.width - 1}:0] {port.name};" for port in outputs]
    ports = ", ".join(f".{port.name}({port.name})" for port in module.ports)
    lines += [f"  {module.name} dut ({ports});", "  initial begin"]
    shown = " ".join("%b" for _ in outputs)
    names = ", ".join(port.name for port in outputs)
    for cycle in range(cycles):
        lines += [f"    {name} = {len(rows[cycle])}'b{rows[cycle]};" for name, rows in inputs.items()]
        lines += [f'    #10 $display("{shown}", {names});']
        lines += [] if clock is None else [f"    {clock} = 1;", f"    #10 {clock} = 0;"]
    lines += ["  end", "endmodule"]
    bench = directory / "bench.v"
    bench.write_text("\n".join(lines))
    program = directory / "bench.vvp"
    options = [f"-D{one}" for one in defines]
    command = ["iverilog", "-g2005", *options, "-s", "bench", "-o", str(program), str(bench), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory)
    done = subprocess.run(
        ["vvp", "-n", str(program)], check=True, capture_output=True, text=True, cwd=directory, timeout=SECONDS
    )
    rows = [line.split() for line in done.stdout.splitlines() if set(line) <= set("01xz ") and line.strip()]
    assert len(rows) == cycles
    return [{port.name: value for port, value in zip(outputs, row, strict=True)} for row in rows]
