"""Real chips, where they are at hand: proved as they are, refuted after every modification."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from klayout import db

from sandgrain.layout.compare import Subject, compare
from sandgrain.layout.files import Inputs, check_files, compare_files
from sandgrain.layout.read import Drawing
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.model import Module
from sandgrain.netlist.read import read_netlist
from sandgrain.verdict import Verdict
from tests.layout.changes import MAKERS, MORE
from tests.layout.small import LIBRARY, PROCESS

DATA = Path(os.environ.get("SANDGRAIN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "tinytapeout"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not DATA.is_dir(), reason="the taped-out chips are not here")]


@pytest.mark.parametrize("name", ["tt_um_test", "tt_um_MichaelBell_hovalaag"])
def test_a_chip_is_its_netlist(name: str, tmp_path: Path) -> None:
    inputs = Inputs(DATA / f"{name}.v", DATA / f"{name}.gds", PROCESS, lef=DATA / f"{name}.lef")
    result = compare_files(inputs)
    assert (result.verdict, result.findings) == (Verdict.PROVED, ())
    certificate = tmp_path / "chip.cert"
    certificate.write_text(result.certificate, encoding="utf-8")
    assert check_files(inputs, certificate).accepted


def test_a_netlist_from_before_the_layout() -> None:
    inputs = Inputs(DATA / "tt_um_test.nl.v", DATA / "tt_um_test.gds", PROCESS, pre_layout=True)
    result = compare_files(inputs)
    assert (result.verdict, result.findings) == (Verdict.PROVED, ())


@pytest.fixture(scope="module")
def netlist() -> Module:
    return flatten(read_netlist([DATA / "tt_um_test.v"]).netlist)


@pytest.mark.parametrize("kind", [*MAKERS, *MORE])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_modified_chip_is_refuted_at_the_place(kind: str, seed: int, netlist: Module) -> None:
    layout = db.Layout()
    layout.read(str(DATA / "tt_um_test.gds"))
    try:
        change = {**MAKERS, **MORE}[kind](layout, layout.cell("tt_um_test"), random.Random(seed * 7919 + 1))
    except LookupError:
        pytest.skip("no place for it")
    result = compare(Subject(netlist, Drawing(Path("chip.gds"), "0" * 64, layout)), LIBRARY)
    assert result.verdict is Verdict.REFUTED
    sides = [
        side * PROCESS.database_unit for side in (change.box.left, change.box.bottom, change.box.right, change.box.top)
    ]
    near = [
        finding
        for finding in result.findings
        if finding.box and all(abs(one - two) <= 1.0 for one, two in zip(finding.box, sides, strict=True))
    ]
    kinds = {finding.kind.value for finding in near}
    allowed = {change.kind, "dangling-wire"} if change.kind == "extra-wire" else {change.kind}
    assert kinds & allowed, (change, [(one.kind.value, one.box) for one in result.findings])
