"""A counterexample run again, on both sides, in simulators that share nothing with the engine.

Yosys simulates the description as elaborated to words (before it became gates) beside the netlist; Icarus Verilog,
where it is installed, simulates the same two. Registers without an initial value begin at 0.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.check.differing import SCHEMA, SIDES
from sandgrain.equivalence.joint import Ports
from sandgrain.equivalence.jumping import Jump
from sandgrain.equivalence.outcome import Counterexample
from sandgrain.equivalence.searching import UNDETERMINED, Trace
from sandgrain.equivalence.setting import SetWire, wires_set
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.simulated import flat_verilog
from sandgrain.errors import LimitExceeded, ReplayError, SandgrainError
from sandgrain.formal.sampled import sampled
from sandgrain.formal.trace import write_scopes
from sandgrain.formal.written_state import with_init
from sandgrain.logic.assemble import Clock
from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.port_bits import port_bit_name
from sandgrain.netlist.yosys_process import quoted, run_yosys

_ICARUS_SECONDS: Final = 60
_SET: Final = "sandgrain_set"
"""What wires are called that a jump sets."""


class Replay:
    """Runs traces on two sides.

    Args:
        first: the description.
        second: the netlist.
        ports: what belongs together.
        clocks: the edges that step.
        work: directory of the elaboration of the description; None if there is none, and its netlist is run instead.
    """

    def __init__(self, first: Side, second: Side, ports: Ports, clocks: Sequence[Clock], work: Path | None) -> None:
        self.first, self.second, self.ports = first, second, ports
        self.clocks = {clock.name: clock.edge for clock in clocks}
        self.work = work
        self.place = {key: at for at, key in enumerate(ports.inputs)}

    def run(self, trace: Trace) -> Counterexample | None:
        """The counterexample, if every simulator that can run it shows the difference; None if one does not.

        Raises:
            ReplayError: no simulator can run it.
            LimitExceeded: that takes too much.
        """
        inputs = np.where(trace.inputs == 1, 1, 0).astype(np.uint8)
        with tempfile.TemporaryDirectory(prefix="sandgrain-replay-") as directory:
            work = Path(directory)
            wires = self._wires_set(trace)
            rows, version = self._in_yosys(inputs, work, trace.jump, wires)
            shown = [(f"Yosys {version}", rows)]
            if shutil.which("iverilog") and shutil.which("vvp"):
                again = self._in_icarus(inputs, work, trace.jump, wires)
                if again is not None:
                    shown.append(("Icarus Verilog", again))
        count = len(self.ports.outputs)
        # What nothing drives is z where it is shown itself.
        shown = [(name, [row.replace("z", "x") for row in found]) for name, found in shown]
        for _, found in shown:
            if len(found) < len(inputs):
                return None
            last = found[len(inputs) - 1]
            # The vector shows the netlist's outputs first, the highest of them leftmost.
            netlist, description = (text[count - 1 - trace.output] for text in (last[:count], last[count:]))
            if (description, netlist) != tuple("01x"[value] for value in trace.values):
                return None
        return self._told(trace, inputs, shown[0][1], tuple(name for name, _ in shown))

    # --- the bench

    def _bench(self) -> str:
        count = len(self.ports.outputs)
        width = max(len(self.place), 1)
        lines = [f"module sandgrain_bench(input clk, input [{width - 1}:0] in, output [{2 * count - 1}:0] seen);"]
        for number, (side, name) in enumerate(((self.first, "sandgrain_first"), (self.second, "sandgrain_second"))):
            generated = number == 1 or self.work is None
            connections, shown = [], {}
            for index, port in enumerate(side.module.ports):
                formal = f"p{index}" if generated else _identifier(port.name)
                if port.direction == "input":
                    bits = [self._driven(side, port_bit_name(port, at), port.name) for at in range(port.width)]
                    connections.append(f".{formal}({{{', '.join(reversed(bits))}}})")
                else:
                    wire = f"out{number}_{index}"
                    lines.append(f"  wire [{port.width - 1}:0] {wire};")
                    connections.append(f".{formal}({wire})")
                    for at in range(port.width):
                        shown[port_bit_name(port, at)] = f"{wire}[{at}]"
            lines.append(f"  {name} u{number} ({', '.join(connections)});")
            low = number * count
            lines += [f"  assign seen[{low + at}] = {shown[key]};" for at, key in enumerate(self.ports.outputs)]
        return "\n".join([*lines, "endmodule"]) + "\n"

    def _driven(self, side: Side, key: str, port: str) -> str:
        edge = self.clocks.get(port) or self.clocks.get(key)
        if edge is not None:
            return "clk" if edge == "rising" else "~clk"
        held = side.held.get(port, side.held.get(key))
        if held is not None:
            return f"1'b{held}"
        return f"in[{self.place[key]}]" if key in self.place else "1'b0"

    # --- the simulators

    def _wires_set(self, trace: Trace) -> list[SetWire]:
        sides = ((self.first, self.work is None), (self.second, True))
        return [] if trace.jump is None else wires_set(sides, trace.jump)

    def _in_yosys(
        self, inputs: NDArray[np.uint8], work: Path, jump: Jump | None, wires: Sequence[SetWire]
    ) -> tuple[list[str], str]:
        (work / "second.v").write_text(flat_verilog(self.second, "sandgrain_second"), encoding="ascii")
        (work / "bench.v").write_text(self._bench(), encoding="ascii")
        script: list[str | list[str]] = []
        if self.work is not None:
            script += [
                f"read_rtlil {quoted(self.work / 'flat.il')}",
                "rename -top sandgrain_first",
                f"techmap -map {quoted(self.work / 'exact.v')}",
                "setattr -mod -unset top",
            ]
        else:
            (work / "first.v").write_text(flat_verilog(self.first, "sandgrain_first"), encoding="ascii")
            script += ["read_verilog first.v"]
        script += [
            "read_verilog second.v",
            "read_verilog bench.v",
            "hierarchy -top sandgrain_bench",
            "proc -noopt",
            "flatten -noscopeinfo",
            # As registers, memories begin at 0 like all others.
            "memory_map",
            "cd sandgrain_bench",
            *(["rename", f"\\{wire.name}", f"\\{_SET}{number}"] for number, wire in enumerate(wires)),
            "cd",
            f"rename -hide w:* {' '.join(f'w:{_SET}{number} %d' for number in range(len(wires)))}",
            "opt_clean",
            "write_verilog -noattr both.v",
        ]
        count, cut = 2 * len(self.ports.outputs), len(inputs) if jump is None else jump.cycle
        try:
            if jump is None:
                self._yosys([*script, self._simulate(inputs, "run", work, "-zinit")], work)
            else:
                # The state written back is that of the last cycle simulated.
                before = self._simulate(inputs[: cut + 1], "run", work, "-zinit", "-w")
                self._yosys([*script, before, "write_rtlil before.il"], work)
                text = (work / "before.il").read_text(encoding="latin-1")
                for number, wire in enumerate(wires):
                    # A register that nothing reads is gone.
                    if f"\\{_SET}{number}\n" in text:
                        text = with_init(text, f"{_SET}{number}", wire.values)
                (work / "after.il").write_text(text, encoding="latin-1")
                self._yosys(["read_rtlil after.il", self._simulate(inputs[cut:], "after", work)], work)
        except LimitExceeded:
            raise
        except SandgrainError as error:
            raise ReplayError(
                f"Yosys cannot simulate both sides: {error.what}", expected=error.expected, remedy=error.remedy
            ) from error
        rows = list(sampled(work / "run.vcd", cut, count))
        if jump is not None:
            rows += sampled(work / "after.vcd", len(inputs) - cut, count)
        return rows, importlib.metadata.version("pyosys")

    def _simulate(self, inputs: NDArray[np.uint8], name: str, work: Path, *options: str) -> str:
        """The command that simulates some cycles, after writing down their inputs."""
        head = {
            "format": "Yosys Witness Trace",
            "generator": "sandgrain",
            "clocks": [{"path": ["\\clk"], "edge": "posedge", "offset": 0}],
            "signals": [{"path": ["\\in"], "width": max(len(self.place), 1), "offset": 0, "init_only": False}],
            "steps": [{"bits": "".join(map(str, reversed(row.tolist()))) or "0"} for row in inputs],
        }
        (work / f"{name}.yw").write_text(json.dumps(head), encoding="ascii")
        return " ".join(("sim -q", *options, f"-r {name}.yw -vcd {name}.vcd sandgrain_bench"))

    def _yosys(self, script: Sequence[str | list[str]], work: Path) -> None:
        run_yosys(script, cwd=work, limits=ElaborationLimits(), what="replaying the difference")

    def _in_icarus(
        self, inputs: NDArray[np.uint8], work: Path, jump: Jump | None, wires: Sequence[SetWire]
    ) -> list[str] | None:
        """What Icarus shows of the same two sides; None if it cannot run them."""
        width, count = max(len(self.place), 1), 2 * len(self.ports.outputs)
        rows = "\n".join("".join(map(str, reversed(row.tolist()))) or "0" for row in inputs)
        at = -1 if jump is None else jump.cycle
        text = (work / "both.v").read_text(encoding="utf-8", errors="replace")
        sets = [
            line
            for number, wire in enumerate(wires)
            if re.search(rf"\b{_SET}{number}\b", text)
            for line in wire.assignments(f"bench.{_SET}{number}")
        ]
        (work / "rows.mem").write_text(rows + "\n", encoding="ascii")
        (work / "drive.v").write_text(
            f"""`timescale 1ns/1ps
module drive;
  reg clk = 0; reg [{width - 1}:0] rows [0:{len(inputs) - 1}]; reg [{width - 1}:0] in; wire [{count - 1}:0] seen;
  integer cycle, file;
  sandgrain_bench bench(.clk(clk), .in(in), .seen(seen));
  initial begin
    $readmemb("rows.mem", rows);
    file = $fopen("seen.txt", "w");
    in = rows[0]; #5;
    for (cycle = 0; cycle < {len(inputs)}; cycle = cycle + 1) begin
      if (cycle == {at}) begin {" ".join(sets)} end
      in = rows[cycle]; #5; $fwrite(file, "%b\\n", seen); #1 clk = 1; #2 clk = 0; #2;
    end
    $fclose(file); $finish(0);
  end
endmodule
""",
            encoding="ascii",
        )
        # Registers begin at 0, as in the other simulator.
        (work / "zero.v").write_text(
            re.sub(r"^(  reg (?:\[[^\]]*\] )?(?:\\\S+ |[\w$]+));$", r"\1 = 0;", text, flags=re.MULTILINE)
        )
        for command in (
            ["iverilog", "-g2005", "-s", "drive", "-o", "sim.vvp", "drive.v", "zero.v"],
            ["vvp", "-n", "sim.vvp"],
        ):
            try:
                done = subprocess.run(
                    command,
                    cwd=work,
                    capture_output=True,
                    timeout=_ICARUS_SECONDS,
                    check=False,
                    stdin=subprocess.DEVNULL,
                )
            except (subprocess.TimeoutExpired, OSError):
                return None
            if done.returncode:
                return None
        seen = work / "seen.txt"
        return seen.read_text(encoding="ascii").splitlines() if seen.is_file() else None

    # --- telling it

    def _told(
        self, trace: Trace, inputs: NDArray[np.uint8], rows: Sequence[str], replayed_by: tuple[str, ...]
    ) -> Counterexample:
        count = len(self.ports.outputs)
        needed = tuple(
            {
                key: int(trace.inputs[cycle, at])
                for at, key in enumerate(self.ports.inputs)
                if trace.inputs[cycle, at] < 2
            }
            for cycle in range(len(inputs))
        )
        output = self.ports.outputs[trace.output]
        netlist = None if trace.values[1] == UNDETERMINED else trace.values[1]
        columns = [("inputs", key, inputs[:, at : at + 1]) for at, key in enumerate(self.ports.inputs)]
        for scope, low in (("description", 0), ("netlist", count)):
            for at, key in enumerate(self.ports.outputs):
                bits = [["01".find(row[2 * count - 1 - low - at]) % 3] for row in rows[: len(inputs)]]
                columns.append((scope, key, np.array(bits, np.uint8)))
        clock = next(iter(self.clocks), "clock")
        edge = self.clocks.get(clock, "rising")
        document = {
            "schema": SCHEMA,
            "rtl_top": self.first.module.name,
            "netlist_top": self.second.module.name,
            "clocks": self.clocks,
            "held": {**self.first.held, **self.second.held},
            "inputs": list(self.ports.inputs),
            "cycles": [
                {key: int(inputs[cycle, at]) for at, key in enumerate(self.ports.inputs)}
                for cycle in range(len(inputs))
            ],
            "needed": list(needed),
            "output": output,
            "cycle": len(inputs) - 1,
            "description": trace.values[0],
            "netlist": netlist,
            "replayed_by": list(replayed_by),
            "jump": None if trace.jump is None else self._jump(trace.jump),
        }
        return Counterexample(
            output=output,
            cycle=len(inputs) - 1,
            description=trace.values[0],
            netlist=netlist,
            inputs=needed,
            stimulus=json.dumps(document, indent=1).encode() + b"\n",
            vcd=write_scopes("inputs", clock, "falling" if edge == "falling" else "rising", columns, len(inputs)),
            replayed_by=replayed_by,
            skipped=0 if trace.jump is None else trace.jump.skipped,
        )

    def _jump(self, jump: Jump) -> dict[str, object]:
        """What the document says of the jump: how long, why, and what registers hold after it."""
        told: dict[str, object] = {
            "cycle": jump.cycle,
            "skipped": jump.skipped,
            "period": jump.period,
            "stretches": [[one.passes, one.counter, one.limit] for one in jump.stretches],
        }
        for name, side, jumped in zip(SIDES, (self.first, self.second), jump.sides, strict=True):
            told[name] = {
                "counters": [
                    [
                        [side.latch_names[latch], int(value)]
                        for latch, value in zip(counter.latches.tolist(), counter.passes.tolist(), strict=True)
                    ]
                    for counter in jumped.counters
                ],
                "registers": {
                    side.latch_names[latch]: int(value)
                    for latch, value in zip(jumped.latches.tolist(), jumped.values.tolist(), strict=True)
                },
                "loose": [[side.latch_names[latch] for latch in row.tolist()] for row in jumped.loose],
            }
        return told


_SIMPLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


def _identifier(name: str) -> str:
    return name if _SIMPLE.fullmatch(name) else f"\\{name} "
