"""Every format by the name of its file, several files of one format, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sandgrain.errors import NetlistError
from sandgrain.netlist.read import format_of, read_netlist
from tests.netlist.corpus.samples import AAG, BENCH, BLIF, EDIF


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("n.blif", BLIF, "blif"),
        ("n.bench", BENCH, "bench"),
        ("n.aag", AAG, "aiger"),
        ("n.edf", EDIF, "edif"),
        ("n.nl.v", b"module t (a); input a; endmodule", "verilog"),
        ("n.json", b'{"modules": {"t": {}}}', "json"),
    ],
)
def test_the_name_says_the_format(tmp_path: Path, name: str, text: bytes, form: str) -> None:
    plain, packed = tmp_path / name, tmp_path / f"{name}.gz"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    top = None if form != "verilog" else "t"
    assert read_netlist([plain], top=top).form == form
    assert format_of(packed) == form
    if form != "json":
        assert read_netlist([packed], top=top).netlist.top == read_netlist([plain], top=top).netlist.top


def test_a_named_format_counts_more_than_the_name(tmp_path: Path) -> None:
    path = tmp_path / "netlist"
    path.write_bytes(BENCH)
    with pytest.raises(NetlistError, match="does not say its format"):
        read_netlist([path])
    assert read_netlist([path], form="bench").form == "bench"
    with pytest.raises(NetlistError, match="is no format"):
        read_netlist([path], form="gds")


def test_modules_of_several_files_are_one_netlist(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text("module leaf (y, a); output y; input a; not (y, a); endmodule")
    (tmp_path / "b.v").write_text("module chip (y, a); output y; input a; leaf u (y, a); endmodule")
    delivered = read_netlist([tmp_path / "a.v", tmp_path / "b.v"])
    assert delivered.netlist.top == "chip" and set(delivered.netlist.modules) == {"chip", "leaf"}
    with pytest.raises(NetlistError, match="there is no module 'core'"):
        read_netlist([tmp_path / "a.v", tmp_path / "b.v"], top="core")


def test_files_of_two_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="2 formats: bench, verilog"):
        read_netlist([tmp_path / "a.v", tmp_path / "b.bench"])
    with pytest.raises(NetlistError, match="no file"):
        read_netlist([])
