from __future__ import annotations

import os
import random

import pytest

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist import Design, ElaborationLimits, elaborate
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
        '`ifdef SYNTHESIS import "DPI-C" function int getpid(); `endif',
        '`ifndef SYNTHESIS `else import "DPI-C" function int getpid(); `endif',
        '`ifndef OTHER import "DPI-C" function int getpid(); `endif',
        '`ifndef SYNTHESIS `endif import "DPI-C" function int getpid();',
        '`ifndef A `elsif SYNTHESIS import "DPI-C" function int getpid(); `endif',
        '`include "missing.vh"',
    ],
)
def test_what_leads_outside_is_refused_with_its_line(make_design: MakeDesign, line: str) -> None:
    design = make_design(f"// first\nmodule top;\n{line}\nendmodule\n")
    with pytest.raises(ElaborationError) as caught:
        scan_sources(design, LIMITS)
    assert caught.value.place == "top.v:3"
    assert caught.value.expected


_GUARDED = """`ifdef SYNTHESIS
`else
  `ifdef OTHER
    import "DPI-C" function int getpid();
  `endif
`endif
"""


def test_foreign_functions_left_out_of_synthesis_are_accepted_and_listed(make_design: MakeDesign) -> None:
    scan = scan_sources(make_design(_GUARDED), LIMITS)
    assert scan.foreign == [("top.v", 4)]


@pytest.mark.parametrize(
    "hidden",
    [
        # The condition is the text of a macro, whatever ends it, or a comment in that text.
        "`define X `ifndef SYNTHESIS\n",
        "`define X \\\n`ifndef SYNTHESIS\n",
        "`define X /*\n`ifndef SYNTHESIS\n*/\n",
        "/* `ifndef SYNTHESIS */\n",
        "// `ifndef SYNTHESIS\n",
        '"`ifndef SYNTHESIS"\n',
    ],
)
def test_a_condition_that_is_none_guards_nothing(make_design: MakeDesign, hidden: str) -> None:
    with pytest.raises(ElaborationError, match="foreign function"):
        scan_sources(make_design(hidden + 'import "DPI-C" function int getpid();\n'), LIMITS)


@pytest.mark.parametrize("back", ["`undef SYNTHESIS", "`undefineall", "`undef /**/ SYNTHESIS", "`undef `X"])
def test_the_guard_must_stand(make_design: MakeDesign, back: str) -> None:
    with pytest.raises(ElaborationError, match="foreign function"):
        scan_sources(make_design({"a.v": f"{back}\n", "top.v": _GUARDED}), LIMITS)


def test_text_with_a_foreign_function_is_never_read_by_a_front_end_that_could_call_it(make_design: MakeDesign) -> None:
    text = _GUARDED + "module top(output y); assign y = 1'b1; endmodule\n"
    assert elaborate(make_design(text)).frontend == "slang"
    # slang refuses this one, and nobody else is asked.
    with pytest.raises(ElaborationError):
        elaborate(make_design(text + "module m; initial for (;;) begin end garbage endmodule\n"))


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
