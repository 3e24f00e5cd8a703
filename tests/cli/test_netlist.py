"""``sandgrain netlist`` as a user runs it: info, convert, simulate, and what each says of wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NETLIST = """module chip (input clk, input rst, input [1:0] d, output [1:0] q, output never);
  wire n; wire stuck;
  not (n, d[0]);
  \\$_DFF_PN0_ f0 (.C(clk), .R(rst), .D(n), .Q(q[0]));
  \\$_DFF_PN0_ f1 (.C(clk), .R(rst), .D(d[1]), .Q(q[1]));
  \\$_DFF_PN0_ f2 (.C(clk), .R(rst), .D(stuck), .Q(stuck));
  and (never, stuck, q[0]);
endmodule
"""


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandgrain", "netlist", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "chip.v").write_text(NETLIST)
    return tmp_path


def test_info(here: Path) -> None:
    done = run("info", "chip.v", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "3 flip-flops" in done.stdout and "No black boxes." in done.stdout
    facts = json.loads(run("info", "chip.v", "--json", cwd=here).stdout)
    assert facts["top"] == "chip" and facts["flip_flops"] == 3
    assert {(item["net"], item["role"]): item["elements"] for item in facts["controls"]} == {
        ("clk", "rising"): 3,
        ("rst", "clears when low"): 3,
    }


def test_info_names_black_boxes_and_hides_nothing(here: Path) -> None:
    (here / "odd.v").write_text(NETLIST.replace("not (n, d[0]);", "\\mystery\u202e\x7f u (.A(d[0]), .Y(n));"))
    done = run("info", "odd.v", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "Black boxes" in done.stdout and "U+202E" in done.stdout
    assert not {"\u202e", "\x7f"} & set(done.stdout)
    assert "odd.v:3" in done.stdout


def test_convert_there_and_back(here: Path) -> None:
    for name in ("out.json", "out.v", "out.aig", "out.aag"):
        done = run("convert", "chip.v", "-o", name, cwd=here)
        assert done.returncode == 0, done.stderr
        facts = json.loads(run("info", name, "--json", cwd=here).stdout)
        assert facts["output_bits"] == 3
    wrong = run("convert", "chip.v", "-o", "out.gds", cwd=here)
    assert wrong.returncode == 2 and "one of the endings" in wrong.stderr


def test_simulate_finds_what_never_moves(here: Path) -> None:
    done = run("simulate", "chip.v", "--reset", "rst=0:2", "--cycles", 50, "--stimuli", 100, "--json", cwd=here)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["samples"] == 5_000
    assert {net["name"] for net in seen["still"]} == {"never", "stuck"}
    moving = {net["name"]: net for net in seen["rarest"]}
    assert 0.4 < moving["q[0]"]["ones"] / 5_000 < 0.5
    again = json.loads(
        run("simulate", "chip.v", "--reset", "rst=0:2", "--cycles", 50, "--stimuli", 100, "--json", cwd=here).stdout
    )
    assert {**again, "seconds": 0} == {**seen, "seconds": 0}


def test_simulate_holds_and_traces(here: Path) -> None:
    options = ("--reset", "rst=0:2", "--hold", "d=2", "--cycles", 6, "--stimuli", 1, "--vcd", "run.vcd")
    done = run("simulate", "chip.v", *options, "--watch", "q", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "never changed" in done.stdout
    trace = (here / "run.vcd").read_text()
    assert "$var wire 2" in trace and "b11 " in trace


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("info", "nothing.v"), "cannot be read"),
        (("info", "chip.txt"), "does not say its format"),
        (("info", "chip.v", "--top", "core"), "there is no module 'core'"),
        (("simulate", "chip.v", "--reset", "rst"), "is not PORT=0:CYCLES"),
        (("simulate", "chip.v", "--hold", "x=1"), "there is no input port 'x'"),
        (("simulate", "chip.v", "--hold", "d=7"), "does not fit"),
        (("simulate", "chip.v", "--clock", "d"), "d"),
        (("simulate", "chip.v", "--vcd", "no/run.vcd"), "cannot be written"),
        (("simulate", "chip.v", "--watch", "zz", "--vcd", "run.vcd"), "there is no net 'zz'"),
    ],
)
def test_wrong_use_is_told(here: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments, cwd=here)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr and "Traceback" not in done.stderr
    assert not (here / "run.vcd").exists()
