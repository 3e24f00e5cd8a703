"""What we read is what Yosys reads: both write the same netlist as AIGER, and ABC proves the two equal."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.errors import NetlistError, NetworkError
from sandgrain.logic.convert import write_netlist
from sandgrain.netlist import ElaborationLimits, Netlist, run_yosys
from sandgrain.netlist.library import read_library
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.read import read_netlist
from tests.netlist.verilog.texts import connectivity

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LIMITS = ElaborationLimits()

SMALL = """
module half (input clk, input d, output q);
  wire n; not (n, d); \\$_DFF_P_ f (.C(clk), .D(n), .Q(q));
endmodule
module chip (input clk, input [1:0] d, output [1:0] q, output z);
  half h0 (clk, d[0], q[0]); half h1 (clk, d[1], q[1]); xor (z, q[0], q[1]);
endmodule
"""

# Cleared or set, it shows that at once; Yosys' own reading of two asynchronous controls has undefined values.
DFF = """
module dff (input RN, SN, CK, D, output Q);
  reg state; assign Q = RN & (~SN | state);
  always @(posedge CK) state <= RN & (~SN | D);
endmodule
"""


def linked(path: Path, *cells: str) -> Linked:
    library = read_library(cells)
    return link(read_netlist([path]).netlist, library.cells, library.generic)


def packaged(package: str, *parts: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent.joinpath(*parts)


def abc(script: str, cwd: Path) -> str:
    program = packaged("pyosys", "yosys-abc")
    return subprocess.run(
        [program, "-c", script], cwd=cwd, capture_output=True, text=True, timeout=300, check=True
    ).stdout


def symbols(aiger: bytes, letter: str) -> list[str]:
    """Names of inputs (``i``) or outputs (``o``) in order, out of the symbol table of a binary AIGER file."""
    # The table follows the binary gates without a line feed, and no name holds a blank.
    table = aiger[aiger.rfind(b"i0 ", 0, aiger.find(b"\no0 ")) :]
    found = re.findall(rb"^%b([0-9]+) (.+)$" % letter.encode(), table, re.MULTILINE)
    return [name.decode() for _, name in sorted(found, key=lambda item: int(item[0]))]


def ordered(given: Linked, theirs: bytes) -> Linked:
    """``given`` with the ports of its top in the order of ``theirs``; ABC matches inputs and outputs by position."""
    names = [re.sub(r"\[[0-9]+\]$", "", name) for letter in "io" for name in symbols(theirs, letter)]
    place = {name: index for index, name in reversed(list(enumerate(names)))}
    top = given.netlist.top_module
    ports = sorted(top.ports, key=lambda port: place.get(port.name, len(names)))
    modules = {**given.netlist.modules, top.name: replace(top, ports=tuple(ports))}
    return replace(given, netlist=Netlist(modules, top.name))


def assert_equal_to_yosys(netlist: Path, top: str, clock: str | None, cwd: Path, *cells: str, models: str = "") -> None:
    """Our AIGER of ``netlist`` and that of Yosys compute the same from the same initial state."""
    (cwd / "models.v").write_text(models)
    read: list[str | list[str]] = [["read_verilog", "-icells", str(netlist)]]
    read += [["read_verilog", "models.v"]] if models else []
    run_yosys(
        [
            *read,
            f"hierarchy -top {top}",
            "proc",
            "flatten",
            "simplemap",
            "async2sync",
            "dfflegalize -cell $_DFF_P_ x",
            "aigmap",
            "opt_clean",
            *([f"delete -port {top}/{clock}"] if clock else []),
            "write_aiger -symbols theirs.aig",
        ],
        cwd=cwd,
        limits=LIMITS,
        what="writing AIGER",
    )
    theirs = (cwd / "theirs.aig").read_bytes()
    write_netlist(ordered(linked(netlist, *cells), theirs), cwd / "ours.aig")
    ours = (cwd / "ours.aig").read_bytes()
    inputs = symbols(theirs, "i")
    # Inputs of ports come first, then what nothing defines.
    assert inputs and symbols(ours, "i")[: len(inputs)] == inputs
    assert symbols(ours, "o") == symbols(theirs, "o")
    # Inputs nothing depends on are left out: the value of a register that is cleared and set at once, which never is.
    script = "read {0}.aig; zero; trim; write {0}_zero.aig"
    latches = theirs.split(maxsplit=4)[3] != b"0"
    prove = "dsec" if latches else "cec"
    told = abc(f"{script.format('ours')}; {script.format('theirs')}; {prove} ours_zero.aig theirs_zero.aig", cwd)
    assert "Networks are equivalent" in told, told


def synthesised(read: list[str], top: str, target: Path) -> None:
    """Write a core as a flat netlist of gates and flip-flops of every kind, nothing undefined."""
    run_yosys(
        [
            read,
            f"synth -flatten -noabc -top {top}",
            "setundef -undriven -zero",
            "setundef -zero",
            "opt_clean",
            ["write_verilog", "-noattr", "-noexpr", str(target)],
        ],
        cwd=target.parent,
        limits=LIMITS,
        what="synthesising",
    )


def test_aiger_of_a_small_design_is_that_of_yosys(tmp_path: Path) -> None:
    path = tmp_path / "n.v"
    path.write_text(SMALL)
    assert_equal_to_yosys(path, "chip", "clk", tmp_path)
    # The proof can fail: another gate is not equal.
    path.write_text(SMALL.replace("xor (z", "xnor (z"))
    write_netlist(linked(path), tmp_path / "ours.aig")
    told = abc("read ours.aig; zero; trim; write ours_zero.aig; dsec ours_zero.aig theirs_zero.aig", tmp_path)
    assert "NOT EQUIVALENT" in told.upper()


@pytest.mark.slow
def test_picorv32_reads_as_yosys_reads_it(tmp_path: Path) -> None:
    core = packaged("pythondata_cpu_picorv32", "verilog", "picorv32.v")
    synthesised(["read_verilog", str(core)], "picorv32", tmp_path / "n.v")
    assert_equal_to_yosys(tmp_path / "n.v", "picorv32", "clk", tmp_path)


@pytest.mark.slow
def test_serv_reads_as_yosys_reads_it(tmp_path: Path) -> None:
    root = packaged("pythondata_cpu_serv", "verilog", "rtl")
    sources = [path for path in sorted(root.glob("*.v")) if "synth" not in path.name]
    synthesised(["read_verilog", f"-I{root}", *map(str, sources)], "serv_rf_top", tmp_path / "n.v")
    assert_equal_to_yosys(tmp_path / "n.v", "serv_rf_top", "clk", tmp_path)


@pytest.mark.slow
def test_vexriscv_reads_as_yosys_reads_it(tmp_path: Path) -> None:
    core = packaged("pythondata_cpu_vexriscv", "verilog", "VexRiscv_Min.v")
    synthesised(["read_verilog", str(core)], "VexRiscv", tmp_path / "n.v")
    assert_equal_to_yosys(tmp_path / "n.v", "VexRiscv", "clk", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the development netlists are not here")
@pytest.mark.parametrize(
    "name",
    # The larger ones are equal as well, after minutes in ABC.
    sorted(
        path.relative_to(DATA / "iccad2025a").as_posix()
        for path in DATA.glob("iccad2025a/*/*.v")
        if path.stat().st_size < 110_000
    ),
)
def test_benchmark_netlists_read_as_yosys_reads_them(name: str, tmp_path: Path) -> None:
    path = DATA / "iccad2025a" / name
    module = linked(path, "bundled").netlist.top_module
    clocks = {
        int(pin.bits[0])
        for cell in module.cells.of_type("dff").tolist()
        for pin in module.cells.pins(cell)
        if pin.name == "CK"
    }
    clock = next((port.name for port in module.ports if port.width == 1 and int(port.bits[0]) in clocks), None)
    assert_equal_to_yosys(path, "top", clock, tmp_path, "bundled", models=DFF)


def test_every_format_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "n.v"
    path.write_text(SMALL)
    given = linked(path)
    for name in ("out.v", "out.json"):
        write_netlist(given, tmp_path / name)
        again = read_netlist([tmp_path / name], top="chip").netlist
        assert set(again.modules) == {"chip", "half"}
        flat = tmp_path / f"flat_{name}"
        write_netlist(given, flat, flat=True)
        modules = read_netlist([flat], top="chip").netlist.modules
        assert [len(modules[one].cells) for one in modules] == [5]
    assert connectivity(read_netlist([tmp_path / "out.v"], top="chip").netlist.top_module)
    with pytest.raises(NetlistError, match="one of the endings"):
        write_netlist(given, tmp_path / "out.gds")
    with pytest.raises(NetlistError, match="cannot be written"):
        write_netlist(given, tmp_path / "nowhere" / "out.v")
    path.write_text(SMALL.replace("half h1 (clk", "half h1 (d[0]"))
    with pytest.raises(NetworkError):
        write_netlist(linked(path), tmp_path / "two.aig")
    assert not (tmp_path / "two.aig").exists()
    assert [item.name for item in tmp_path.glob(".*")] == []
