from __future__ import annotations

import os
import random

import pytest

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist import Design, ElaborationLimits
from sandgrain.netlist._sources import scan_sources

from .conftest import MakeDesign

LIMITS = ElaborationLimits()


@pytest.mark.parametrize(
    "line",
    [
        '`include "/etc/passwd"',
        '`include "../secret.v"',
        '`include /* here */ "../secret.v"',
        "`include <../secret.v>",
        "`include `NAME",
        'initial $readmemh("/etc/passwd", m);',
        'initial $readmemb ( "../../x.hex", m);',
        'integer f; initial f = $fopen("/tmp/out");',
        'initial $system("/bin/true");',
        'localparam FILE = "../x.hex"; initial $readmemh(FILE, m);',
        'import "DPI-C" function int getpid();',
        'import "DPI" function int getpid();',
        '`define I import "DPI-C"',
        '`include "missing.vh"',
    ],
)
def test_what_leads_outside_is_refused_with_its_line(make_design: MakeDesign, line: str) -> None:
    design = make_design(f"// first\nmodule top;\n{line}\nendmodule\n")
    with pytest.raises(ElaborationError) as caught:
        scan_sources(design, LIMITS)
    assert caught.value.place == "top.v:3"
    assert caught.value.expected


@pytest.mark.parametrize(
    "line",
    [
        '// `include "/etc/passwd"',
        '/* $readmemh("/etc/passwd", m); */',
        'initial $display("`include ../x");',
        'initial $readmemh("data/x.hex", m);',
        'parameter FILE = ""; initial $readmemh(FILE, m);',
        'initial $display("a/b");',
        "import package_name::*;",
        "// caf\xe9",
    ],
)
def test_what_stays_inside_is_accepted(make_design: MakeDesign, line: str) -> None:
    assert scan_sources(make_design(f"module top;\n{line}\nendmodule\n"), LIMITS).files == ["top.v"]


def test_included_files_are_scanned_too(make_design: MakeDesign) -> None:
    design = make_design({"top.v": '`include "a.vh"\n', "inc/a.vh": '\n`include "/etc/hosts"\n'}, include_dirs=("inc",))
    with pytest.raises(ElaborationError) as caught:
        scan_sources(design, LIMITS)
    assert caught.value.place == "inc/a.vh:2"


def test_an_include_circle_ends(make_design: MakeDesign) -> None:
    design = make_design({"top.v": '`include "a.vh"\n', "a.vh": '`include "top.v"\n'})
    assert scan_sources(design, LIMITS).files == ["top.v", "a.vh"]


def test_a_link_that_leads_outside_is_refused(make_design: MakeDesign) -> None:
    design = make_design("module top; endmodule")
    os.symlink("/etc/hosts", design.root / "link.v")
    with pytest.raises(ElaborationError, match="outside"):
        scan_sources(Design(design.root, ("link.v",), "top"), LIMITS)


@pytest.mark.parametrize("name", ["../x.v", "/etc/passwd", "-f", "a;b.v", 'a"b.v', "a\nb.v", "a*.v", ""])
def test_unsafe_file_names_are_refused(make_design: MakeDesign, name: str) -> None:
    design = make_design("module top; endmodule")
    with pytest.raises(ElaborationError, match="not allowed"):
        scan_sources(Design(design.root, (name,), "top"), LIMITS)


@pytest.mark.parametrize(
    "broken",
    [
        {"top": "a; exec -- true"},
        {"defines": {"A B": "1"}},
        {"parameters": {"-x": 1}},
        {"defines": {"A": '1\n"'}},
        {"parameters": {"FILE": "../../etc/passwd"}},
    ],
)
def test_names_and_texts_of_the_manifest_are_checked(make_design: MakeDesign, broken: dict[str, object]) -> None:
    top = broken.pop("top", "top")
    design = make_design("module top; endmodule", top=top, **broken)
    with pytest.raises(ElaborationError):
        scan_sources(design, LIMITS)


def test_ten_megabytes_of_garbage_are_refused_at_once(make_design: MakeDesign) -> None:
    garbage = random.Random(1).randbytes(10_000_000)
    with pytest.raises(ElaborationError, match="not text: byte 0x") as caught:
        scan_sources(make_design({"top.v": garbage}), LIMITS)
    assert caught.value.file == "top.v"


def test_sizes_and_counts_are_limited(make_design: MakeDesign) -> None:
    design = make_design({"a.v": "// a\n", "b.v": "// b\n"})
    with pytest.raises(LimitExceeded, match="source_bytes"):
        scan_sources(design, ElaborationLimits(source_bytes=7))
    with pytest.raises(LimitExceeded, match="source_files"):
        scan_sources(design, ElaborationLimits(source_files=1))
