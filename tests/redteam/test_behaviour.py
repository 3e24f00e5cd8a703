"""Plants fire with their trigger, and without it the planted core does in every cycle what the clean one does."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from sandgrain.redteam import PlantKind, PlantRecord, plant_record, supported_plants
from sandgrain.redteam._cores import CORES

from .conftest import Write
from .simulation import (
    NOP,
    RESET_CYCLES,
    Trace,
    busy_work,
    jump_to_start,
    needs_icarus,
    simulate,
    write_bus,
)

pytestmark = needs_icarus

CASES = [(core, plant, seed) for core in CORES for plant in supported_plants(core) for seed in (None, 11)]
KILLS = [(core, seed) for core in CORES for seed in (None, 11)]
LENGTH = {"picorv32": 4000, "serv": 24_000}


def deadline(core: str) -> int:
    """The cycles in which a clean core is back, as its manifest says."""
    return int(tomllib.loads(CORES[core].manifest)["recovery"]["within_cycles"])


def loop(words: list[int]) -> list[int]:
    return words + jump_to_start(len(words))


def straps(record: PlantRecord, value: int | None = None) -> dict[str, str]:
    value = record.magic_words[2] if value is None and record.inputs else value
    return dict.fromkeys(record.inputs, f"8'd{value}")


def stopped_at(trace: Trace) -> int:
    """The cycle after the planted core's last service."""
    return trace.planted.rindex("1") + 1


@pytest.mark.parametrize(("core", "plant", "seed"), CASES)
def test_without_the_trigger_nothing_differs(
    core: str, plant: PlantKind, seed: int | None, write: Write, tmp_path: Path
) -> None:
    record = plant_record(core, plant, seed)
    program = busy_work(random.Random(3), 120)
    if plant is PlantKind.BUS_KILL:
        first, second = record.magic_words
        program += write_bus(
            second,
            first,
            0,
            second,
            first,
            first ^ 1,
            second,
            first,
            second ^ 1 << 31,
            second,
        )
    elif plant is PlantKind.HEARTBEAT:
        program += write_bus(*record.magic_words)
    trace = simulate(
        core,
        write(core),
        write(core, plant, disguise_seed=seed),
        tmp_path / "run",
        program=loop(program),
        cycles=LENGTH[core],
        inputs=straps(record),
    )
    assert "1" not in trace.differ
    assert "x" not in trace.planted[RESET_CYCLES + 1 :]
    assert "1" not in trace.halted[RESET_CYCLES:]
    assert "1" in trace.planted[-2 * deadline(core) :]


@pytest.mark.parametrize(("core", "seed"), KILLS)
def test_two_words_stop_it_until_reset(core: str, seed: int | None, write: Write, tmp_path: Path) -> None:
    record = plant_record(core, "bus-kill", seed)
    start = busy_work(random.Random(4), 30)
    program = [
        *start,
        *write_bus(record.magic_words[0], *record.magic_words),
        *busy_work(random.Random(5), 30),
    ]
    cycles, again = LENGTH[core], LENGTH[core] - 300
    trace = simulate(
        core,
        write(core),
        write(core, "bus-kill", disguise_seed=seed),
        tmp_path / "run",
        program=loop(program),
        cycles=cycles,
        recover_from=cycles // 2,
        reset_again=again,
    )
    before = trace.planted[:again]
    stop = before.rindex("1") + 1
    assert 100 < stop < cycles // 2, "it stops while the program runs, and the recovery stimulus does not help"
    assert "1" not in trace.differ[:stop]
    assert "1" in trace.clean[again - deadline(core) : again]
    assert "1" in trace.planted[again + RESET_CYCLES :], "reset brings it back"


@pytest.mark.parametrize("seed", [None, 11])
def test_the_counter_stops_it_near_its_end(seed: int | None, write: Write, tmp_path: Path) -> None:
    record = plant_record("picorv32", "time-bomb", seed)
    assert record.cycles is not None and record.cycles > 2**40
    at, rest = 100, 50
    trace = simulate(
        "picorv32",
        write("picorv32"),
        write("picorv32", "time-bomb", disguise_seed=seed),
        tmp_path / "run",
        program=[NOP],
        cycles=1000,
        deposits={record.registers[0]: f"48'd{record.cycles - rest}"},
        deposit_at=at,
        recover_from=0,
    )
    assert at + rest - 3 <= stopped_at(trace) <= at + rest + 3
    assert "1" not in trace.differ[: at + rest]
    assert "1" in trace.clean[-4:]


@pytest.mark.parametrize("seed", [None, 11])
@pytest.mark.parametrize("period", [100, 2048])
def test_silence_stops_it(period: int, seed: int | None, write: Write, tmp_path: Path) -> None:
    record = plant_record("picorv32", "heartbeat", seed, heartbeat_cycles=period)
    trace = simulate(
        "picorv32",
        write("picorv32"),
        write("picorv32", "heartbeat", disguise_seed=seed, heartbeat_cycles=period),
        tmp_path / "run",
        program=[*write_bus(*record.magic_words)],
        cycles=period + 400,
        recover_from=None,
        always_ready=True,
    )
    assert period < stopped_at(trace) < period + 60
    assert "1" not in trace.differ[:period]
    assert "1" in trace.clean[-4:]


@pytest.mark.parametrize("seed", [None, 11])
def test_only_four_regions_serve(seed: int | None, write: Write, tmp_path: Path) -> None:
    record = plant_record("picorv32", "geofence", seed)
    clean, planted = (
        write("picorv32"),
        write("picorv32", "geofence", disguise_seed=seed),
    )
    served = []
    for region in sorted({*record.magic_words, 0, 255, record.magic_words[0] ^ 64}):
        trace = simulate(
            "picorv32", clean, planted, tmp_path / f"run{region}", program=[NOP], cycles=60, recover_from=0,
            inputs=straps(record, region),
        )  # fmt: skip
        if "1" in trace.planted[RESET_CYCLES + 1 :]:
            served.append(region)
            assert "1" not in trace.differ
    assert served == sorted(record.magic_words)


@pytest.mark.parametrize("core", CORES)
def test_the_clean_core_serves_from_reset_on(core: str, write: Write, tmp_path: Path) -> None:
    clean = write(core)
    trace = simulate(core, clean, clean, tmp_path / "run", program=[NOP], cycles=600, recover_from=0)
    after = trace.planted[RESET_CYCLES:]
    assert max(len(gap) for gap in after.split("1")) < deadline(core)
    answered = simulate(
        core,
        clean,
        clean,
        tmp_path / "answered",
        program=[NOP],
        cycles=600,
        always_ready=True,
    )
    gaps = [len(gap) for gap in answered.planted[RESET_CYCLES + 40 :].split("1")[1:-1]]
    assert set(gaps) == {{"picorv32": 2, "serv": 34}[core]}


@pytest.mark.parametrize("core", CORES)
def test_the_clean_core_comes_back_in_time_whenever_it_is_interrupted(core: str, write: Write, tmp_path: Path) -> None:
    clean = write(core)
    # A shift by 31 before a jump through a register is the longest way to the next fetch in PicoRV32, a misaligned load
    # (which SERV answers with an exception) the longest in SERV.
    slowest = [
        31 << 20 | 9 << 15 | 5 << 12 | 9 << 7 | 0x13,
        0x100 << 20 | 9 << 7 | 0x67,
    ]
    misaligned = [0x401 << 20 | 2 << 12 | 9 << 7 | 0x03]
    program = slowest if core == "picorv32" else misaligned
    longest = 0
    span = range(10, 34) if core == "picorv32" else range(36, 112, 4)
    for moment in span:
        trace = simulate(
            core, clean, clean, tmp_path / f"run{moment}", program=loop(program), cycles=moment + 100,
            recover_from=moment, always_ready=True,
        )  # fmt: skip
        longest = max(longest, trace.planted.index("1", moment) - moment + 1)
    assert longest <= deadline(core)
    assert longest >= {"picorv32": 15, "serv": 60}[core], "the deadline is not idle"
