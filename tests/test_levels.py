"""The claim *description matches drawing* in an audit: one chip from RTL to layout, and two that are not."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from klayout import db

from sandgrain.drawing import draw
from sandgrain.levels import RTL_NETLIST, RUN, recheck_difference, recheck_level
from sandgrain.netlist.design import Design
from sandgrain.progress import SilentProgress
from sandgrain.submission import load
from sandgrain.verdict import ClaimId, Difference
from tests.equivalence.mapping import map_to_sky130
from tests.netlist.sky130 import sky130_models

RTL = """module ring(input clk, input rst, input go, output reg [2:0] q, output alive);
  assign alive = q[0];
  always @(posedge clk) if (rst) q <= 3'b001; else if (go) q <= {q[1:0], q[2]};
endmodule
"""
MANIFEST = """schema = 1
chip = { name = "Ring", vendor = "Example", date = 2026-11-28, top = "ring", process = "sky130" }
files = [
    { role = "rtl", paths = ["ring.v"] },
    { role = "netlist", paths = ["gates.v"] },
    { role = "cell-library", paths = ["cells/*.v"] },
    { role = "layout", paths = ["ring.gds"] },
]
clocks = [{ port = "clk", edge = "rising" }]
resets = [{ port = "rst", active = "high", synchronous = true, cycles = 2 }]
services = [{ name = "alive", expression = "alive" }]
recovery = { inputs = { go = "1'b1" } }
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission with RTL, gates, the models of its cells, and a layout."""
    at = tmp_path_factory.mktemp("levels") / "ring"
    (at / "cells").mkdir(parents=True)
    (at / "ring.v").write_text(RTL)
    (at / "submission.toml").write_text(MANIFEST)
    drawn = at.parent / "drawn"
    draw(Design(root=at, sources=("ring.v",), top="ring"), drawn)
    shutil.copy(drawn / "ring.gds", at / "ring.gds")
    shutil.copy(drawn / "ring.v", at / "gates.v")
    used = (at / "gates.v").read_text()
    for model in sky130_models():
        if "udp" in model.name or model.name.split(".")[0] in used:
            shutil.copy(model, at / "cells" / model.name)
    return at


def audited(submission: Path, case: Path) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "sandgrain", "audit", str(submission), "-o", str(case), "--json"]
    done = subprocess.run(
        [*command, "--claim", "description-matches-drawing"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode in (0, 1, 3), done.stderr
    claims = {claim["id"]: claim for claim in json.loads(done.stdout)["claims"]}
    return done.returncode, claims[ClaimId.DESCRIPTION_MATCHES_DRAWING]


def checked(case: Path, submission: Path | None = None) -> int:
    command = [sys.executable, "-m", "sandgrain", "check", str(case)]
    command += [] if submission is None else ["--submission", str(submission)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300).returncode


@pytest.mark.slow
def test_one_chip_is_proved_link_by_link(whole: Path, tmp_path: Path) -> None:
    status, claim = audited(whole, tmp_path / "case")
    assert (status, claim["verdict"]) == (0, "proved"), claim["coverage"]["not_covered"]
    assert [item["subject"] for item in claim["certificates"]] == ["rtl-netlist", "netlist-layout"]
    assert checked(tmp_path / "case") == 0
    # A proof about another reset is none about this one.
    other = tmp_path / "s"
    shutil.copytree(whole, other)
    (other / "submission.toml").write_text(MANIFEST.replace("cycles = 2", "cycles = 3"))
    file = tmp_path / "case" / claim["certificates"][0]["file"]["path"]
    told = [recheck_level(RTL_NETLIST, file, file.read_bytes(), load(at), SilentProgress()) for at in (whole, other)]
    assert not told[0] and "other resets" in told[1]


@pytest.mark.slow
def test_a_gate_that_does_something_else_refutes_it(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "s"
    shutil.copytree(whole, other)
    (other / "ring.v").write_text(RTL.replace("{q[1:0], q[2]}", "{q[1:0], q[2] & q[1]}"))
    status, claim = audited(other, tmp_path / "case")
    assert (status, claim["verdict"]) == (1, "refuted"), claim["coverage"]["not_covered"]
    assert claim["findings"][0]["id"] == "unequal-1"
    assert len(claim["findings"][0]["difference"]["files"]) == 2
    assert claim["findings"][0]["difference"]["checked_by"]
    assert checked(tmp_path / "case") == 0
    # The same case, of a submission in which nothing differs.
    assert checked(tmp_path / "case", whole) == 2


COUNTING = """module ring(input clk, input rst, input go, output late, output alive);
  reg [43:0] n;
  assign late = n[LATE] & go, alive = n[0];
  always @(posedge clk) if (rst) n <= 0; else n <= n + 1;
endmodule
"""


@pytest.mark.slow
def test_a_difference_after_years_is_found_and_checked_again(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "s"
    other.mkdir()
    (other / "ring.v").write_text(COUNTING.replace("LATE", "41"))
    (tmp_path / "changed.v").write_text(COUNTING.replace("LATE", "42"))
    read = [f"read_verilog {tmp_path / 'changed.v'}", "hierarchy -top ring"]
    map_to_sky130(read, tmp_path, other / "gates.v", flavour="plain")
    shutil.copytree(whole / "cells", other / "cells")
    for model in sky130_models():
        if model.name.split(".")[0] in (other / "gates.v").read_text():
            shutil.copy(model, other / "cells" / model.name)
    (other / "submission.toml").write_text(MANIFEST.replace('{ role = "layout", paths = ["ring.gds"] },', ""))
    status, claim = audited(other, tmp_path / "case")
    assert (status, claim["verdict"]) == (1, "refuted"), claim["coverage"]["not_covered"]
    (finding,) = claim["findings"]
    assert int(finding["difference"]["place"].rpartition(" ")[2]) > 1 << 41
    assert "skipped" in finding["explanation"]["template"]
    assert checked(tmp_path / "case") == 0
    submission = load(other)
    difference = Difference.model_validate(finding["difference"])
    (file,) = [tmp_path / "case" / one.path for one in difference.files if one.path.endswith(RUN)]
    run = file.read_bytes()
    assert recheck_difference(difference, run, submission, SilentProgress()) == ""
    moved = difference.model_copy(update={"place": "late, cycle 7"})
    assert "another difference" in recheck_difference(moved, run, submission, SilentProgress())
    words = [sys.executable, "-m", *shlex.split(finding["difference"]["command"])]
    assert subprocess.run(words, cwd=other, capture_output=True, check=False, timeout=300).returncode == 1
    assert "sandgrain check" in (tmp_path / "case" / "report.html").read_text()
    less = run.replace(b'"skipped": 21', b'"skipped": 20')
    assert less != run and "not what is skipped" in recheck_difference(difference, less, submission, SilentProgress())


@pytest.mark.slow
def test_a_wire_that_is_cut_refutes_it_with_a_picture(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "s"
    shutil.copytree(whole, other)
    layout = db.Layout()
    layout.read(str(other / "ring.gds"))
    vias = layout.top_cell().shapes(layout.layer(68, 44))
    for shape in list(vias.each())[:40]:
        vias.erase(shape)
    layout.write(str(other / "ring.gds"))
    status, claim = audited(other, tmp_path / "case")
    assert (status, claim["verdict"]) == (1, "refuted")
    drawn = [finding for finding in claim["findings"] if finding["id"].startswith("drawing-")]
    assert drawn and drawn[0]["difference"]["pictures"]
    page = (tmp_path / "case" / "report.html").read_text()
    (shown, *_) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    kept = tmp_path / "case" / drawn[0]["difference"]["pictures"][0]["path"]
    assert base64.b64decode(shown, validate=True) == kept.read_bytes(), "the picture is on the page, whole"
