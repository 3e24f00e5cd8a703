from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist import ElaborationLimits, run_yosys
from sandgrain.netlist.yosys_process import error_in, quoted

LIMITS = ElaborationLimits()
ENDLESS = """module top(output [63:0] y); localparam n = f(0);
  function integer f(input integer a); begin while (a < 1) a = a; f = a; end endfunction assign y = n;
endmodule"""


def test_a_job_leaves_its_log_and_its_measures(tmp_path: Path) -> None:
    run = run_yosys(["log hello"], cwd=tmp_path, limits=LIMITS, what="saying hello")
    assert "hello" in run.log
    assert run.seconds > 0
    assert run.peak_memory_bytes > 1_000_000


def test_an_error_has_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text("module a;\n  wire = ;\nendmodule\n")
    with pytest.raises(ElaborationError, match="syntax error") as caught:
        run_yosys(["read_verilog a.v"], cwd=tmp_path, limits=LIMITS, what="reading")
    assert caught.value.place == "a.v:2"


@pytest.mark.parametrize("name", ["json.py", "pyosys.py", "sitecustomize.py", "sandgrain/__init__.py"])
def test_python_files_in_the_working_directory_are_not_run(tmp_path: Path, name: str) -> None:
    trap = tmp_path / name
    trap.parent.mkdir(exist_ok=True)
    trap.write_text("open('ran', 'w'); raise SystemExit(9)\n")
    run_yosys(["log hello"], cwd=tmp_path, limits=LIMITS, what="saying hello")
    assert not (tmp_path / "ran").exists()


def test_too_slow(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text(ENDLESS)
    children = _children()
    with pytest.raises(LimitExceeded, match=r"reading took longer than 1 s(.|\n)*ElaborationLimits.seconds"):
        run_yosys(["read_verilog a.v"], cwd=tmp_path, limits=ElaborationLimits(seconds=1), what="reading")
    assert _children() == children


def test_too_much_memory(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text("module a(input [2000000:0] x, output [2000000:0] y); assign y = ~x; endmodule\n")
    limits = ElaborationLimits(memory_bytes=200 << 20)
    with pytest.raises(LimitExceeded, match=r"ElaborationLimits.memory_bytes"):
        run_yosys(["read_verilog a.v", "techmap", "simplemap"], cwd=tmp_path, limits=limits, what="reading")


def test_too_long_a_log(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text(ENDLESS)
    limits = ElaborationLimits(log_bytes=1000, seconds=20)
    with pytest.raises(LimitExceeded, match="ElaborationLimits.log_bytes"):
        run_yosys(["help -all", "read_verilog a.v"], cwd=tmp_path, limits=limits, what="asking")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_told_by_its_signal(tmp_path: Path, number: int) -> None:
    with pytest.raises(ElaborationError, match=rf"crashed \({signal.Signals(number).name}\) while reading"):
        run_yosys(["help"], cwd=tmp_path, limits=LIMITS, what="reading", signal_self=number)


def test_killed_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="killed Yosys"):
        run_yosys(["help"], cwd=tmp_path, limits=LIMITS, what="reading", signal_self=signal.SIGKILL)


def test_an_interrupt_takes_the_child_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.v").write_text(ENDLESS)
    children = _children()

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_yosys(["read_verilog a.v"], cwd=tmp_path, limits=LIMITS, what="reading")
    assert _children() == children


@pytest.mark.parametrize(
    ("log", "place", "what"),
    [
        ("a.v:3: ERROR: syntax error, unexpected '='\n", "a.v:3", "syntax error, unexpected '='"),
        ("./rtl/a.v:3:14: error: expected expression\n", "rtl/a.v:3:14", "expected expression"),
        ("ERROR: Module `top' not found!\n", "", "Module `top' not found!"),
        ("a.v:1:1: warning: careful\nb.v:2:1: error: bad\n", "b.v:2:1", "bad"),
        ("nothing to see", "", "nothing to see"),
    ],
)
def test_errors_are_found_in_logs(log: str, place: str, what: str) -> None:
    error = error_in(log, "reading")
    assert error.place == place
    assert what in error.what


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", ""])
def test_names_that_cannot_be_quoted(name: str) -> None:
    with pytest.raises(ElaborationError):
        quoted(name)
    assert quoted("a b.v") == '"a b.v"'


def _children() -> set[str]:
    """Process numbers of this process's living children."""
    task = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return set(task.read_text().split()) if task.exists() else set()


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for nobody to ask does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has ended")
def test_no_yosys_outlives_the_audit(tmp_path: Path) -> None:
    (tmp_path / "top.v").write_text(ENDLESS)
    text = (
        "from pathlib import Path\n"
        "from sandgrain.netlist import ElaborationLimits, run_yosys\n"
        "run_yosys(['read_verilog top.v'], cwd=Path.cwd(), limits=ElaborationLimits(), what='reading')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", text], cwd=tmp_path)
    deadline = time.monotonic() + 60
    child = 0
    while not child and time.monotonic() < deadline:
        time.sleep(0.05)
        for found in Path(f"/proc/{parent.pid}/task").glob("*/children"):
            for pid in found.read_text().split():
                # Past the import of Yosys it is at its endless work.
                if "libyosys" in Path(f"/proc/{pid}/maps").read_text():
                    child = int(pid)
    assert _alive(child)
    parent.kill()
    parent.wait()
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)
