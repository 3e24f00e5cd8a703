"""``sandgrain compare rtl-netlist`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from sandgrain.cli import app
from tests.equivalence.test_submitted import CELLS, MAPPED, RTL


def _run(root: Path, netlist: str, *more: str) -> tuple[int, str]:
    (root / "top.v").write_text(RTL)
    (root / "top.nl.v").write_text(netlist)
    (root / "cells.lib").write_text(CELLS)
    files = ["--rtl", str(root / "top.v"), "--netlist", str(root / "top.nl.v"), "--cells", str(root / "cells.lib")]
    result = CliRunner().invoke(app, ["compare", "rtl-netlist", *files, "--top", "top", *more])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_proved_and_its_certificate(tmp_path: Path) -> None:
    status, text = _run(tmp_path, MAPPED, "--reset", "r=1:2", "--certificate", str(tmp_path / "top.cert"), "--json")
    assert status == 0
    shown = json.loads(text)
    assert shown["verdict"] == "proved" and shown["open"] == [] and "glucose" in shown["checker"]
    assert (tmp_path / "top.cert").read_bytes().startswith(b"sandgrain-correspondence 3\n")


def test_refuted_and_its_run(tmp_path: Path) -> None:
    wrong = MAPPED.replace("EO u1 (.A(q), .B(e)", "NR u1 (.A(q), .B(e)")
    status, text = _run(tmp_path, wrong, "--reset", "r=1:2", "--counterexample", str(tmp_path / "differs"))
    assert status == 1 and text.startswith("refuted: ")
    document = json.loads((tmp_path / "differs" / "counterexample.json").read_text())
    assert document["output"] == "q[0]" and document["description"] != document["netlist"]
    assert (tmp_path / "differs" / "counterexample.vcd").is_file()


def test_open_names_what_is_not_known(tmp_path: Path) -> None:
    status, text = _run(tmp_path, MAPPED.replace("NR u2 (", "NOBODY u2 ("), "--reset", "r=1:2", "--budget", "5")
    assert status in (1, 3) and "NOBODY" in text
