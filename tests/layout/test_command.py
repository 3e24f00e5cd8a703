"""``sandgrain compare netlist-layout`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sandgrain.cli import app
from sandgrain.errors import SandgrainError
from tests.layout.small import CELLS, PREFIX, PROCESS, small, verilog


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    netlist, layout = tmp_path / "row.v", tmp_path / "row.gds"
    netlist.write_text(verilog(), encoding="utf-8")
    small().layout.write(str(layout))
    return netlist, layout


def run(netlist: Path, layout: Path, *rest: object) -> Result:
    words = ["compare", "netlist-layout", "--netlist", netlist, "--layout", layout, *rest]
    return CliRunner().invoke(app, [str(word) for word in words])


def test_proved_with_a_certificate_that_checks(files: tuple[Path, Path], tmp_path: Path) -> None:
    certificate = tmp_path / "row.cert"
    done = run(*files, "--top", "row_of_cells", "--certificate", certificate)
    assert done.exit_code == 0 and done.stdout.startswith("netlist = layout: proved")
    assert run(*files, "--check", certificate).exit_code == 0
    certificate.write_text(certificate.read_text(encoding="utf-8").replace('"u1"', '"u2"'), encoding="utf-8")
    done = run(*files, "--check", certificate)
    assert done.exit_code == 1 and "REJECTED" in done.stdout


def test_refuted_with_pictures_and_a_page(files: tuple[Path, Path], tmp_path: Path) -> None:
    netlist, layout = files
    small([(one, "nor2_1" if one == "u2" else kind, nets) for one, kind, nets in CELLS]).layout.write(str(layout))
    pictures, page = tmp_path / "pictures", tmp_path / "page.html"
    done = run(netlist, layout, "--pictures", pictures, "--report", page, "--language", "zh", "--json")
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert result["verdict"] == "refuted" and result["findings"][0]["kind"] == "cell-swapped"
    assert (pictures / "001-cell-swapped.svg").is_file() and "<svg" in page.read_text(encoding="utf-8")
    assert not list(tmp_path.rglob(".*.writing"))


def test_open_is_status_three(files: tuple[Path, Path]) -> None:
    small(labels=False).layout.write(str(files[1]))
    assert run(*files).exit_code == 3


def test_the_lef_says_where_ports_are(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A port without a label is found by its place; one that is elsewhere is refuted."""
    chip = small(labels=False)
    chip.layout.write(str(files[1]))

    def lef(tracks: dict[str, int]) -> Path:
        path = tmp_path / "row.lef"
        unit = PROCESS.database_unit
        pins = [
            f"PIN {net}\n PORT\n LAYER met3 ;\n RECT -2.0 {(y - 150) * unit} -1.5 {(y + 150) * unit} ;\n"
            f" END\nEND {net}\n"
            for net, y in tracks.items()
        ]
        path.write_text("MACRO row_of_cells\n" + "".join(pins) + "END row_of_cells\n", encoding="utf-8")
        return path

    ports = {net: y for net, y in chip.tracks.items() if net in ("a", "b", "clk", "y", "q", "z", "zero")}
    assert run(*files, "--lef", lef(ports)).exit_code == 0
    ports["a"], ports["b"] = ports["b"], ports["a"]
    assert run(*files, "--lef", lef(ports)).exit_code == 1


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (["--process", "unheard"], "no layer map for the process 'unheard'"),
        (["--process", "../sky130"], "no layer map"),
        (["--library", "."], "the trusted cell library has no GDS file"),
    ],
)
def test_wrong_options_say_what_is_wrong(files: tuple[Path, Path], rest: list[str], says: str, tmp_path: Path) -> None:
    if rest[0] == "--library":
        rest = ["--library", str(tmp_path / "empty")]
        (tmp_path / "empty").mkdir()
    done = run(*files, *rest)
    assert isinstance(done.exception, SandgrainError) and says in str(done.exception)
    assert done.exception.exit_code == 2


def test_a_pin_no_cell_has(files: tuple[Path, Path]) -> None:
    files[0].write_text(verilog().replace(f"{PREFIX}inv_1 u1 (.A(", f"{PREFIX}inv_1 u1 (.Q("), encoding="utf-8")
    done = run(*files)
    assert isinstance(done.exception, SandgrainError) and "names the pin 'Q'" in str(done.exception)
