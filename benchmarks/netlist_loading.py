"""Loading a flat structural Verilog netlist: us, najaeda and Yosys in one run, on PicoRV32 replicated x1, x10, x100.

    python -m benchmarks.netlist_loading [--copies 1 10 100] [--peers-up-to 10] [--directory DIR]

Every load runs in a process of its own, so that the memory printed is its own peak. najaeda is used when installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_LOADERS = {
    "sandgrain": """
from pathlib import Path
from sandgrain.netlist.verilog import read_verilog
read_verilog([Path(warm)])
start = time.perf_counter()
source = read_verilog([Path(path)])
seconds = time.perf_counter() - start
cells = sum(len(module.cells) for module in source.modules.values())
""",
    "najaeda": """
from najaeda import netlist
start = time.perf_counter()
netlist.load_verilog([cells_file, path])
seconds = time.perf_counter() - start
cells = sum(1 for _ in netlist.get_top().get_child_instances())
""",
    "yosys": """
from pyosys import libyosys
start = time.perf_counter()
libyosys.run_pass("read_verilog -icells " + path, libyosys.Design())
seconds = time.perf_counter() - start
cells = 0
""",
}
_FRAME = """
import json, resource, sys, time
path, warm, cells_file = sys.argv[1:]
{body}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT " + json.dumps(dict(seconds=seconds, cells=cells, mebibytes=peak)))
"""


def synthesise(target: Path) -> None:
    """Write PicoRV32 as a flat netlist of simple gates, one pin a line, as Yosys does."""
    from sandgrain.netlist import ElaborationLimits, run_yosys

    spec = importlib.util.find_spec("pythondata_cpu_picorv32")
    if spec is None or spec.origin is None:
        raise SystemExit("the package pythondata-cpu-picorv32 is needed: pip install sandgrain[examples]")
    core = Path(spec.origin).parent / "verilog" / "picorv32.v"
    run_yosys(
        [
            ["read_verilog", str(core)],
            "synth -flatten -noabc -top picorv32",
            # Two-input gates and plain flip-flops: some 22 thousand cells.
            "dfflegalize -cell $_DFF_P_ x",
            "aigmap -nand",
            "opt_clean",
            ["write_verilog", "-noattr", "-noexpr", str(target)],
        ],
        cwd=target.parent,
        limits=ElaborationLimits(),
        what="synthesising PicoRV32",
    )


def replicate(source: Path, copies: int, target: Path) -> None:
    """Write ``copies`` of the flat module in ``source`` as one flat module with ports of its own for each copy."""
    from sandgrain.netlist.model import INPUT
    from sandgrain.netlist.verilog import read_verilog

    netlist = read_verilog([source]).netlist()
    module = netlist.top_module
    names = [""] * module.bit_count
    for net in module.nets:
        for index, bit in enumerate(net.bits.tolist()):
            if bit >= 0:
                names[bit] = re.sub(r"\W", "_", net.bit_name(index))
    constants = {-1: "1'h0", -2: "1'h1", -3: "1'hx", -4: "1'hz"}
    cells = module.cells
    used = sorted({bit for bit in cells.bits.tolist() if bit >= 0})
    ports = {bit: port.direction for port in module.ports for bit in port.bits.tolist() if bit >= 0}
    with target.open("w") as out:
        listed = [f"{names[bit]}_c{copy}" for copy in range(copies) for bit in ports]
        out.write("module top (" + ",\n  ".join(listed) + ");\n")
        for copy in range(copies):
            for bit, direction in ports.items():
                out.write(f"  {direction} {names[bit]}_c{copy};\n")
            for bit in used:
                if bit not in ports:
                    out.write(f"  wire {names[bit]}_c{copy};\n")
            for cell in range(len(cells)):
                kind = f"\\{cells.type_of(cell)} "
                pins = ",\n".join(
                    f"    .{pin.name}({constants.get(int(pin.bits[0])) or names[int(pin.bits[0])] + f'_c{copy}'})"
                    for pin in cells.pins(cell)
                )
                out.write(f"  {kind} u{cell}_c{copy} (\n{pins}\n  );\n")
        out.write("endmodule\n")
    assert INPUT == 0


def cell_stubs(source: Path, target: Path) -> None:
    """Write the ports of the gates used, for readers that want every module declared."""
    from sandgrain.netlist.verilog import read_verilog

    cells = read_verilog([source]).netlist().top_module.cells
    pins = {cells.type_of(cell): [pin.name for pin in cells.pins(cell)] for cell in range(len(cells))}
    outputs = ("Y", "Q")
    with target.open("w") as out:
        for kind, names in pins.items():
            plain = f"\\{kind} "
            declared = " ".join(f"{'output' if name in outputs else 'input'} {name};" for name in names)
            out.write(f"module {plain} ({', '.join(names)}); {declared} endmodule\n")


def load(loader: str, path: Path, warm: Path, stubs: Path) -> dict[str, float] | None:
    """Run one loader in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _FRAME.format(body=_LOADERS[loader]), str(path), str(warm), str(stubs)],
        capture_output=True,
        text=True,
        check=False,
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        print(f"  {loader}: failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
        return None
    return dict(json.loads(line.removeprefix("RESULT ")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--peers-up-to", type=int, default=10, help="copies the peers are still asked to load")
    parser.add_argument("--directory", type=Path, help="keep the netlists here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = chosen.directory or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        base, stubs = directory / "picorv32_gates.v", directory / "cells.v"
        if not base.exists():
            synthesise(base)
        cell_stubs(base, stubs)
        for copies in chosen.copies:
            path = directory / f"picorv32_x{copies}.v"
            if not path.exists():
                started = time.perf_counter()
                replicate(base, copies, path)
                print(f"(wrote {path.name} in {time.perf_counter() - started:.0f} s)")
            megabytes = path.stat().st_size / 1e6
            ours: float | None = None
            for loader in _LOADERS:
                if loader != "sandgrain" and copies > chosen.peers_up_to:
                    continue
                if loader == "najaeda" and importlib.util.find_spec("najaeda") is None:
                    print("  najaeda: not installed (pip install najaeda)")
                    continue
                result = load(loader, path, base, stubs)
                if result is None:
                    continue
                speed = megabytes / result["seconds"]
                ours = speed if loader == "sandgrain" else ours
                ratio = "" if ours is None or loader == "sandgrain" else f"   we are {ours / speed:.1f} times as fast"
                print(
                    f"x{copies:<4} {megabytes:8.1f} MB {int(result['cells']):>9,} cells  {loader:<10}"
                    f"{result['seconds']:8.2f} s {speed:7.1f} MB/s  peak {result['mebibytes']:7.0f} MiB{ratio}"
                )


if __name__ == "__main__":
    main()
