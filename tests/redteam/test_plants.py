"""Plants are where they should be, in any disguise, and are refused where they cannot be."""

from __future__ import annotations

import re
import tomllib
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
from sandgrain.verdict import ClaimId, Verdict

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
    text = "\n".join(lines)
    for role, name in record.names:
        text = re.sub(rf"(?<!\.)\b{re.escape(name)}\b", f"<{role}>", text)
    for index, word in enumerate((*record.magic_words, *record.constants)):
        text = re.sub(rf"(?<='h)0*{word:x}\b", f"<word {index}>", text)
    return sorted(re.sub(r"\[(47|63):(4|5|6)\d\]", r"[\1:top]", text).splitlines())


@pytest.mark.parametrize(("core", "plant"), CASES)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=4, deadline=None)
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
    for _, name in hidden.names:
        assert not re.search(rf"\b{name}\b", sources[file])
    assert not {name for _, name in hidden.names} & {name for _, name in plain.names}
    assert len(set(hidden.magic_words)) == len(plain.magic_words)
    if plain.magic_words:
        assert hidden.magic_words != plain.magic_words


@pytest.mark.parametrize(("core", "plant"), CASES)
def test_disguises_differ_in_place_and_name(core: str, plant: PlantKind) -> None:
    sources = sources_of(core)
    file = plant_record(core, plant).file
    seeds = range(6)
    texts = [plant_sources(core, sources, plant, seed)[file] for seed in seeds]
    records = [plant_record(core, plant, seed) for seed in seeds]
    assert len(set(texts)) == len({record.names for record in records}) == len(seeds)
    # Where the first planted signal is declared.
    places = {
        next(
            index
            for index, line in enumerate(text.splitlines())
            if re.match(rf"\s+(reg|wire) .*\b{record.names[0][1]}\b", line)
        )
        for text, record in zip(texts, records, strict=True)
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
        assert re.search(rf"'h0*{word:x}\b", text) or record.constants
        assert f"{word:02x}" in record.trigger
    for word in record.constants:
        assert re.search(rf"'h0*{word:x}\b", text)
    if record.claim is ClaimId.NO_COVERT_CHANNEL:
        assert "device_id_q" in "".join(added_lines(sources_of(core)[record.file], text))
    else:
        assert (record.grade is None) == (plant is PlantKind.GEOFENCE)


def test_a_heartbeat_of_another_length() -> None:
    sources = sources_of("picorv32")
    assert plant_record("picorv32", "heartbeat").cycles == 2048
    assert plant_record("picorv32", "heartbeat", heartbeat_cycles=100).cycles == 100
    text = plant_sources("picorv32", sources, "heartbeat", heartbeat_cycles=100)["rtl/picorv32.v"]
    assert "reg [6:0] beat_age;" in text
    with pytest.raises(RedTeamError, match="at least 2"):
        plant_sources("picorv32", sources, "heartbeat", heartbeat_cycles=1)


def test_what_a_core_cannot_take_is_refused() -> None:
    assert supported_plants("picorv32") == tuple(PlantKind)
    lacking = {PlantKind.COUNTER_KILL, PlantKind.TRAP_KILL, PlantKind.GEOFENCE}
    for core in ("serv", "vexriscv", "ibex"):
        assert set(PlantKind) - set(supported_plants(core)) == lacking
        for plant in lacking:
            with pytest.raises(RedTeamError, match=f"{core} cannot take the plant"):
                plant_sources(core, {}, plant)
    with pytest.raises(
        RedTeamError,
        match=r"unknown plant 'trojan'\n  expected: one of bus-kill, bus-kill-64",
    ):
        plant_sources("picorv32", {}, "trojan")


@pytest.mark.parametrize("core", CORES)
def test_every_anchor_must_be_there_exactly_once(core: str) -> None:
    sources = sources_of(core)
    for sites, plant in (
        (CORES[core].sites, PlantKind.GEOFENCE if CORES[core].sites.port else PlantKind.BUS_KILL),
        (CORES[core].beacon_sites, PlantKind.BEACON_TIMING),
        *((CORES[core].beacon_sites, PlantKind(kind)) for kind in CORES[core].beacon_sites.sinks),
    ):
        edits = [*sites.gates, *(sites.sinks[plant].edits if plant in sites.sinks else ())]
        anchors = [*sites.declarations, *sites.statements, *(edit.anchor for edit in edits)]
        if plant is PlantKind.GEOFENCE and sites.port is not None:
            anchors.append(sites.port)
        if plant not in (PlantKind.GEOFENCE, PlantKind.BUS_KILL, PlantKind.BEACON_TIMING):
            anchors = [edit.anchor for edit in sites.sinks[plant].edits]
        text = sources[sites.file]
        for anchor in anchors:
            match = re.search(anchor, text, re.MULTILINE)
            assert match
            # All of the lines it matches in; a multi-line anchor takes its last line break along.
            start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", max(match.end() - 1, match.start()))
            lines = text[start:end]
            for broken, times in (
                (text[:start] + text[end:], 0),
                (text + "\n" + lines + "\n", 2),
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


@pytest.mark.parametrize(
    ("core", "reader"),
    [
        ("picorv32", "read_verilog -sv"),
        ("picorv32", "read_slang"),
        ("serv", "read_verilog -sv"),
        ("serv", "read_slang"),
        pytest.param("vexriscv", "read_verilog -sv", marks=pytest.mark.slow),
        pytest.param("vexriscv", "read_slang", marks=pytest.mark.slow),
        pytest.param("ibex", "read_slang", marks=pytest.mark.slow),
    ],
)
def test_all_of_them_elaborate(core: str, reader: str, write: Write, tmp_path: Path) -> None:
    top = tomllib.loads(CORES[core].manifest)["chip"]["top"]
    script: list[str | list[str]] = []
    for plant in supported_plants(core):
        # One front end sees the plant as it is, the other in disguise.
        seed = 3 if reader == "read_slang" else None
        out = write(core, plant, disguise_seed=seed)
        files = " ".join(str(file) for file in sorted((out / "rtl").iterdir()))
        slang = f"read_slang --top {top} -I {out / 'include'} {files}"
        record = plant_record(core, plant, seed)
        # An unknown cell or port is an error, and so is a planted name that did not come through.
        script += [
            slang if reader == "read_slang" else f"{reader} {files}",
            f"hierarchy -check -top {top}",
            "proc",
            *(f"select -assert-any */w:*{name}" for _, name in record.names),
            *(f"select -assert-any {top}/i:{name}" for name in record.inputs),
            "design -reset",
        ]
    run_yosys(script, cwd=tmp_path, limits=ElaborationLimits(), what="reading the descriptions")
