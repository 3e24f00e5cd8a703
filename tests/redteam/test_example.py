"""Examples are complete submissions, whatever was planted, and are written in one step or not at all."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from sandgrain.errors import SandgrainError
from sandgrain.redteam import (
    PlantKind,
    RedTeamError,
    plant_record,
    supported_plants,
    write_example,
)
from sandgrain.redteam._core import Core
from sandgrain.redteam._cores import CORES
from sandgrain.submission import Constant, FileRole, load
from sandgrain.submission.manifest import SourceKind

from .conftest import Write

LICENCES = {
    "picorv32": "Permission to use, copy, modify",
    "serv": "Permission to use, copy, modify",
    "vexriscv": "Permission is hereby granted",
    "ibex": "Apache License",
}
CASES = [(core, plant) for core in CORES for plant in (None, *supported_plants(core))]


@pytest.mark.parametrize(("core", "plant"), CASES)
def test_the_example_is_a_submission(core: str, plant: str | None, write: Write) -> None:
    out = write(core, plant)
    submission = load(out)
    assert submission.files_of(FileRole.RTL)
    assert [service.parsed() for service in submission.manifest.services]
    for declared in submission.manifest.declared:
        declared.parsed()
        assert declared.entered_after() is not None
        assert (out / declared.document.split(":")[0]).is_file()
    assert LICENCES[core] in (out / "LICENSE").read_text()
    assert any((out / "docs").iterdir())


@pytest.mark.parametrize(("core", "plant"), CASES)
def test_a_plant_changes_one_file_of_the_description_only(core: str, plant: str | None, write: Write) -> None:
    if plant is None:
        return
    clean, planted = write(core), write(core, plant)
    files = {path.relative_to(clean) for path in clean.rglob("*") if path.is_file()}
    assert files == {path.relative_to(planted) for path in planted.rglob("*") if path.is_file()}
    changed = [file.as_posix() for file in files if (clean / file).read_bytes() != (planted / file).read_bytes()]
    assert changed == [plant_record(core, plant).file]


@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_the_description_is_the_packages_and_the_identity(core: Core, write: Write) -> None:
    out = write(core.name)
    root = Path(importlib.import_module(core.package).data_location)
    packaged = {f"{place}/{file.name}": file for glob, place in core.files for file in root.glob(glob)}
    written = {
        f"{place}/{file.name}": file for place in {place for _, place in core.files} for file in (out / place).iterdir()
    }
    assert written.keys() == packaged.keys()
    changed = [name for name, file in written.items() if file.read_bytes() != packaged[name].read_bytes()]
    assert changed == [core.identity.file]
    before, after = (files[changed[0]].read_text().splitlines() for files in (packaged, written))
    rest = iter(after)
    assert all(line in rest for line in before), "nothing but additions"
    added = core.identity.port_text + "\n" + core.identity.body_text
    assert sorted(filter(None, after)) == sorted(filter(None, [*before, *added.splitlines()]))


@pytest.mark.parametrize("core", CORES)
def test_the_identity_is_declared_with_its_one_way_out(core: str, write: Write) -> None:
    out = write(core)
    manifest = load(out).manifest
    (source,), (flow,) = manifest.sources, manifest.flows
    assert (source.name, source.kind, source.signal) == ("device_id", SourceKind.IDENTITY, "device_id")
    assert (flow.source, flow.sinks, flow.when) == ("device_id", ("debug_data",), "debug_en")
    document = (out / flow.document.split(":")[0]).read_text()
    assert all(f"`{port}`" in document for port in ("device_id", "debug_en", "debug_data"))
    assert manifest.recovery.inputs["debug_en"] == Constant(1, 0)
    assert "device_id" not in manifest.recovery.inputs


def test_the_manifest_is_toml_with_comments(write: Write) -> None:
    text = (write("picorv32") / "submission.toml").read_text()
    manifest = tomllib.loads(text)
    assert manifest["chip"]["top"] == "picorv32"
    assert manifest["declared"][0]["name"] == "trap"
    assert "region_id" not in manifest["recovery"]["inputs"]
    assert text.count("# ") > 5


def test_the_excerpt_names_what_is_declared(write: Write) -> None:
    text = (write("picorv32") / "docs" / "README-excerpt.md").read_text()
    assert "CATCH_MISALIGN" in text and "CATCH_ILLINSN" in text and "ENABLE_PCPI" not in text
    assert "i_ibus_ack" in (write("serv") / "docs" / "modules-excerpt.rst").read_text()
    assert "Controlling sleep/wakeup on WFI" in (write("ibex") / "docs" / "controller-excerpt.rst").read_text()
    assert "IBusSimplePlugin" in (write("vexriscv") / "docs" / "README-excerpt.md").read_text()


def test_an_empty_directory_is_filled_and_a_missing_parent_made(tmp_path: Path, write: Write) -> None:
    write("picorv32")
    (tmp_path / "empty").mkdir()
    assert write_example("picorv32", tmp_path / "empty") == tmp_path / "empty"
    assert load(tmp_path / "empty")
    assert load(write_example("picorv32", tmp_path / "a" / "b"))


def test_what_is_there_stays(tmp_path: Path, write: Write) -> None:
    out = write("picorv32")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RedTeamError, match="something already"):
        write_example("picorv32", out, "bus-kill")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RedTeamError, match="something already"):
        write_example("picorv32", tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RedTeamError, match="something already"):
        write_example("picorv32", tmp_path / "link")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "file", tmp_path / "link"])
    assert (tmp_path / "file").read_text() == "mine"


def test_a_place_that_cannot_be_written_to(tmp_path: Path, write: Write) -> None:
    write("picorv32")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RedTeamError, match=r"cannot be written|something already"):
        write_example("picorv32", tmp_path / "file" / "below")


def test_a_failure_leaves_nothing(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("picorv32")

    def fail(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(RedTeamError, match="No space left"):
        write_example("picorv32", tmp_path / "new")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("core", CORES)
def test_a_missing_package_is_told_with_its_remedy(core: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(SandgrainError, match=r"pip install sandgrain\[examples\]"):
        write_example(core, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RedTeamError, match="picorv32, serv, vexriscv, ibex"):
        write_example("z80", tmp_path / "out")
    with pytest.raises(RedTeamError, match="without a plant"):
        write_example("picorv32", tmp_path / "out", disguise_seed=1)
    assert not (tmp_path / "out").exists()


def test_the_manual_lists_every_core_and_kind() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", manual[manual.index("## example") :], re.MULTILINE))
    assert {kind.value for kind in PlantKind} <= listed
    assert all(f"`{core}`" in manual for core in CORES)
