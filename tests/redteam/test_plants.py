"""Plants are where they should be, in any disguise, and are refused where they cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.yosys_process import run_yosys
from sandgrain.redteam import (
    PlantKind,
    PlantRecord,
    RedTeamError,
    plant_record,
    plant_sources,
    supported_plants,
)
from sandgrain.redteam._cores import CORES
from sandgrain.redteam.example import core_sources
from sandgrain.verdict import Verdict

from .conftest import Write

CASES = [(core, plant) for core in CORES for plant in supported_plants(core)]


def sources_of(core: str) -> dict[str, str]:
    pytest.importorskip(CORES[core].package)
    return core_sources(CORES[core])


def added_lines(before: str, after: str) -> list[str]:
    """The lines of ``after`` beyond those of ``before``, as a sorted multiset without empty lines."""
    left = before.splitlines()
    for line in (lines := after.splitlines()).copy():
        if line in left:
            left.remove(line)
            lines.remove(line)
    return sorted(line.strip() for line in lines if line.strip())


def in_plain_words(lines: list[str], record: PlantRecord) -> list[str]:
    """``lines`` with names and secret words replaced by their roles."""
    scopeless = [register.rpartition(".")[2] for register in record.registers]
    roles = dict.fromkeys([*scopeless, *record.inputs, record.stop])
    text = "\n".join(lines)
    for index, name in enumerate(roles):
        text = re.sub(rf"\b{name}\b", f"<{index}>", text)
    for index, word in enumerate(record.magic_words):
        text = re.sub(rf"(?<='h)0*{word:x}\b", f"<word {index}>", text)
    return sorted(re.sub(r"\[47:\d+\]", "[47:top]", text).splitlines())


@pytest.mark.parametrize(("core", "plant"), CASES)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=15, deadline=None)
def test_a_disguise_is_the_same_modification(core: str, plant: PlantKind, seed: int) -> None:
    sources = sources_of(core)
    plain, hidden = plant_record(core, plant), plant_record(core, plant, seed)
    file = plain.file
    in_plain_sight = plant_sources(core, sources, plant)[file]
    disguised = plant_sources(core, sources, plant, seed)[file]
    assert disguised == plant_sources(core, sources, plant, seed)[file]
    assert hidden == plant_record(core, plant, seed)
    assert in_plain_words(added_lines(sources[file], disguised), hidden) == in_plain_words(
        added_lines(sources[file], in_plain_sight), plain
    )
    assert not set(hidden.registers + hidden.inputs) & set(plain.registers + plain.inputs)
    for name in (*hidden.registers, *hidden.inputs, hidden.stop):
        assert not re.search(rf"\b{name.rpartition('.')[2]}\b", sources[file])
    assert len(set(hidden.magic_words)) == len(plain.magic_words)
    if plain.magic_words:
        assert hidden.magic_words != plain.magic_words


@pytest.mark.parametrize(("core", "plant"), CASES)
def test_disguises_differ_in_place_and_name(core: str, plant: PlantKind) -> None:
    sources = sources_of(core)
    file = plant_record(core, plant).file
    texts = [plant_sources(core, sources, plant, seed)[file] for seed in range(12)]
    assert len(set(texts)) == 12
    assert len({plant_record(core, plant, seed).registers for seed in range(12)}) > 6
    # Where the first planted register is declared.
    places = {
        text.splitlines().index(next(line for line in text.splitlines() if re.match(rf"\s+reg .*\b{name}\b", line)))
        for seed, text in enumerate(texts)
        for name in [plant_record(core, plant, seed).registers[0].rpartition(".")[2]]
    }
    assert len(places) > 1


@pytest.mark.parametrize(("core", "plant"), CASES)
@pytest.mark.parametrize("seed", [None, 5])
def test_the_planted_text_has_no_comment(core: str, plant: PlantKind, seed: int | None) -> None:
    sources = sources_of(core)
    file = plant_record(core, plant).file
    lines = added_lines(sources[file], plant_sources(core, sources, plant, seed)[file])
    assert lines
    assert not [line for line in lines if "//" in line or "/*" in line]


@pytest.mark.parametrize(("core", "plant"), CASES)
def test_the_record_says_what_was_planted(core: str, plant: PlantKind) -> None:
    record = plant_record(core, plant)
    assert (record.core, record.kind, record.disguise_seed) == (core, plant, None)
    assert record.expected_verdict is Verdict.REFUTED
    assert Verdict.PROVED not in record.acceptable_verdicts
    text = plant_sources(core, sources_of(core), plant)[record.file]
    for register in record.registers:
        assert re.search(rf"^\s*reg (\[\d+:0\] )?{register.rpartition('.')[2]};$", text, re.MULTILINE)
    for word in record.magic_words:
        assert f"'h{word:02x}" in text
        assert f"{word:02x}" in record.trigger


def test_a_heartbeat_of_another_length() -> None:
    sources = sources_of("picorv32")
    assert plant_record("picorv32", "heartbeat").cycles == 2048
    assert plant_record("picorv32", "heartbeat", heartbeat_cycles=100).cycles == 100
    text = plant_sources("picorv32", sources, "heartbeat", heartbeat_cycles=100)["rtl/picorv32.v"]
    assert "reg [6:0] beat_age;" in text
    with pytest.raises(RedTeamError, match="at least 2"):
        plant_sources("picorv32", sources, "heartbeat", heartbeat_cycles=1)


def test_what_a_core_cannot_take_is_refused() -> None:
    sources = sources_of("serv")
    assert supported_plants("serv") == (PlantKind.BUS_KILL,)
    for plant in PlantKind:
        if plant is not PlantKind.BUS_KILL:
            with pytest.raises(RedTeamError, match="serv cannot take the plant"):
                plant_sources("serv", sources, plant)
    with pytest.raises(
        RedTeamError,
        match=r"unknown plant 'trojan'\n  expected: one of bus-kill, time-bomb",
    ):
        plant_sources("picorv32", {}, "trojan")


@pytest.mark.parametrize("core", CORES)
def test_every_anchor_must_be_there_exactly_once(core: str) -> None:
    sources, sites = sources_of(core), CORES[core].sites
    anchors = [
        *sites.declarations,
        *sites.statements,
        *(gate.anchor for gate in sites.gates),
    ]
    if sites.port is not None:
        anchors.append(sites.port)
    plant = PlantKind.BUS_KILL if sites.port is None else PlantKind.GEOFENCE
    text = sources[sites.file]
    for anchor in anchors:
        match = re.search(anchor, text, re.MULTILINE)
        assert match
        line = text[text.rfind("\n", 0, match.start()) + 1 : text.find("\n", match.end())]
        for broken, times in (
            (text.replace(line, ""), 0),
            (text + "\n" + line + "\n", 2),
        ):
            with pytest.raises(RedTeamError, match=f"found {times} times"):
                plant_sources(core, {**sources, sites.file: broken}, plant)


def test_a_core_without_the_file_or_with_the_name() -> None:
    sources = sources_of("picorv32")
    with pytest.raises(RedTeamError, match=r"lack rtl/picorv32\.v"):
        plant_sources("picorv32", {}, "bus-kill")
    clash = {"rtl/picorv32.v": sources["rtl/picorv32.v"] + "\n// kill\n"}
    with pytest.raises(RedTeamError, match="already has something named kill"):
        plant_sources("picorv32", clash, "bus-kill")
    assert plant_sources("picorv32", clash, "bus-kill", 1)


@pytest.mark.parametrize(("core", "plant"), CASES)
@pytest.mark.parametrize("reader", ["read_verilog -sv", "read_slang"])
def test_it_elaborates(core: str, plant: PlantKind, reader: str, write: Write, tmp_path: Path) -> None:
    top = {"picorv32": "picorv32", "serv": "serv_rf_top"}[core]
    for seed in (None, 3):
        out = write(core, plant, disguise_seed=seed)
        files = " ".join(f"rtl/{file.name}" for file in sorted((out / "rtl").glob("*.v")))
        read = f"{reader} --top {top} {files}" if reader.startswith("read_slang") else f"{reader} {files}"
        record = plant_record(core, plant, seed)
        names = [name.rpartition(".")[2] for name in (*record.registers, *record.inputs)]
        # An unknown cell or port is an error, and so is a planted name that did not come through.
        run_yosys(
            [
                read,
                f"hierarchy -check -top {top}",
                "proc",
                *(f"select -assert-any */w:*{name}" for name in names),
                *(f"select -assert-any {top}/i:{name}" for name in record.inputs),
            ],
            cwd=out,
            limits=ElaborationLimits(),
            what="reading the description",
        )
