"""Plants do with their trigger what their record says, and without it the planted core does what the clean one does."""

from __future__ import annotations

import random
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandgrain.redteam import PlantKind, PlantRecord, plant_record, supported_plants
from sandgrain.redteam._cores import CORES
from sandgrain.verdict import ClaimId, Grade

from .benches import BENCHES
from .conftest import Write
from .simulation import (
    NOP,
    RESET_CYCLES,
    Trace,
    busy_work,
    jump_to_start,
    load_from,
    needs_icarus,
    simulate,
    store_at,
    write_bus,
)

pytestmark = needs_icarus

TIMED = (PlantKind.TIME_BOMB, PlantKind.TIME_BOMB_64, PlantKind.HEARTBEAT, PlantKind.HEARTBEAT_24)
ONE_WRITE = (PlantKind.COUNTER_KILL, PlantKind.TRAP_KILL)
FAST = ("picorv32", PlantKind.BUS_KILL, PlantKind.BEACON_OUTPUT)
"""The core all of whose plants, and the plants that of every core, are tried in the short run of the tests."""
LENGTH = {"picorv32": 4000, "serv": 24_000, "vexriscv": 4000, "ibex": 1500}


def cases(*kinds: PlantKind, seeds: tuple[int | None, ...] = (None, 11)) -> list[Any]:
    """Every core with each of ``kinds`` it can take, plain or disguised; what takes long is marked so."""
    return [
        pytest.param(core, kind, seed, marks=[] if core == FAST[0] or kind in FAST else pytest.mark.slow)
        for core in CORES
        for kind in supported_plants(core)
        if kind in kinds
        for seed in (seeds if core == FAST[0] else seeds[-1:])
    ]


def kinds_of(claim: ClaimId) -> tuple[PlantKind, ...]:
    return tuple(kind for kind in PlantKind if kind.startswith("beacon") == (claim is ClaimId.NO_COVERT_CHANNEL))


KILLS = tuple(
    kind for kind in kinds_of(ClaimId.NO_REMOTE_SHUTDOWN) if kind not in (*TIMED, PlantKind.GEOFENCE)
)  # what words on the bus set off


def deadline(core: str) -> int:
    """The cycles in which a clean core is back, as its manifest says."""
    return int(tomllib.loads(CORES[core].manifest)["recovery"]["within_cycles"])


def loop(words: list[int]) -> list[int]:
    return words + jump_to_start(len(words))


def straps(record: PlantRecord, value: int | None = None) -> dict[str, str]:
    value = record.magic_words[2] if value is None and record.inputs else value
    return dict.fromkeys(record.inputs, f"8'd{value}")


def below(core: str, record: PlantRecord, role: str) -> str:
    """The planted signal ``role`` as the test bench reaches it."""
    return CORES[core].sites.scope * (role not in ("sending", "place")) + dict(record.names)[role]


def powered_up(core: str, record: PlantRecord) -> dict[str, Any]:
    """A flip-flop without an initial value is not unknown in silicon: it comes up as 0 here."""
    if record.kind is PlantKind.RESET_SURVIVING_KILL:
        return {"deposits": {below(core, record, "kill"): "0"}, "deposit_at": 0}
    return {}


def trigger(record: PlantRecord) -> list[int]:
    """Instructions that set a kill off."""
    if record.kind in ONE_WRITE:
        word, address = record.magic_words
        return store_at(word, address)
    return write_bus(*record.magic_words)


def near_misses(record: PlantRecord) -> list[int]:
    """Instructions that all but set it off."""
    if record.kind in ONE_WRITE:
        word, address = record.magic_words
        return [*store_at(word ^ 1, address), *store_at(word, address ^ 4), *store_at(address, word & ~3)]
    if record.kind is PlantKind.SEQUENCE_KILL:
        one, two, three, four = record.magic_words
        return write_bus(one, two, three, four ^ 1, two, three, four, one, two, 0, three, four, one, one, three, four)
    first, second = record.magic_words
    return write_bus(second, first, 0, second, first, first ^ 1, second, first, second ^ 1 << 31, second)


def stopped_at(trace: Trace) -> int:
    """The cycle after the planted core's last service."""
    return trace.planted.rindex("1") + 1


def longest_gap(served: str) -> int:
    return max(len(gap) for gap in served.split("1"))


@pytest.mark.parametrize(("core", "plant", "seed"), cases(*PlantKind))
def test_without_the_trigger_nothing_differs(
    core: str, plant: PlantKind, seed: int | None, write: Write, tmp_path: Path
) -> None:
    # SERV needs more than the usual 2048 cycles from one beat to the next.
    rest = {"heartbeat_cycles": 20_000} if (core, plant) == ("serv", PlantKind.HEARTBEAT) else {}
    record = plant_record(core, plant, seed, **rest)
    program = busy_work(random.Random(3), 120)
    if plant in KILLS:
        program += near_misses(record)
    elif plant in (PlantKind.HEARTBEAT, PlantKind.HEARTBEAT_24):
        program += write_bus(*record.magic_words)
    elif record.magic_words and record.claim is ClaimId.NO_COVERT_CHANNEL:
        # What is written is no load, and another word is another word.
        program += write_bus(*record.magic_words)
        program += load_from(BENCHES[core].start + 4 * (len(program) + 2))
        program = [*loop(program), record.magic_words[0] ^ 1]
    trace = simulate(
        core,
        write(core),
        write(core, plant, disguise_seed=seed, **rest),
        tmp_path / "run",
        program=loop(program),
        cycles=LENGTH[core],
        inputs=straps(record),
        **powered_up(core, record),
    )
    assert "1" not in trace.differ[1:], "from the first clock edge on, in reset too"
    assert "x" not in trace.planted[RESET_CYCLES + 1 :]
    assert "1" not in trace.halted[RESET_CYCLES:]
    assert "1" in trace.planted[-2 * deadline(core) :]


@pytest.mark.parametrize(("core", "plant", "seed"), cases(*KILLS))
def test_secret_words_stop_it(core: str, plant: PlantKind, seed: int | None, write: Write, tmp_path: Path) -> None:
    record = plant_record(core, plant, seed)
    start = busy_work(random.Random(4), 30)
    program = [*start, *trigger(record), *busy_work(random.Random(5), 30)]
    cycles = max(LENGTH[core], 3600 if plant is PlantKind.SLOW_KILL else 0)
    again = cycles - 300
    trace = simulate(
        core,
        write(core),
        write(core, plant, disguise_seed=seed),
        tmp_path / "run",
        program=loop(program),
        cycles=cycles,
        recover_from=cycles // 2,
        reset_again=again,
        **powered_up(core, record),
    )
    before = trace.planted[:again]
    back = "1" in trace.planted[again + RESET_CYCLES :]
    assert "1" in trace.clean[again - deadline(core) : again]
    if plant is PlantKind.SLOW_KILL:
        assert record.grade is Grade.SLOWED and record.cycles is not None
        assert longest_gap(before[200:]) >= record.cycles - 2
        assert "1" in before[cycles // 2 :], "it comes back by itself"
        return
    stop = before.rindex("1") + 1
    assert 50 < stop < cycles // 2, "it stops while the program runs, and the recovery stimulus does not help"
    assert "1" not in trace.differ[1:stop]
    assert back == (record.grade is Grade.NEEDS_RESET), "what brings it back is what the record says"
    assert ("1" in trace.halted[RESET_CYCLES:again]) == (plant is PlantKind.TRAP_KILL)


@pytest.mark.parametrize("plant", [PlantKind.XOR_KILL, PlantKind.LFSR_KILL, PlantKind.COUNTER_KILL])
def test_what_hides_the_kill_looks_busy_until_then(plant: PlantKind, write: Write, tmp_path: Path) -> None:
    """Two flip-flops that toggle in every cycle; a register that shows many words, never the parked one."""
    record = plant_record("picorv32", plant)
    names = dict(record.names)
    watched = {
        PlantKind.XOR_KILL: "{planted.phase_a, planted.phase_b}",
        PlantKind.LFSR_KILL: "planted.noise",
        PlantKind.COUNTER_KILL: "planted.count_instr",
    }[plant]
    start = busy_work(random.Random(4), 60)
    trace = simulate(
        "picorv32",
        write("picorv32"),
        write("picorv32", plant),
        tmp_path / "run",
        program=loop([*start, *trigger(record)]),
        cycles=4000,
        watch=f"{{{watched}, 3'b0, planted.{names.get('apart', names.get('parked'))}}}",
    )
    values = [(int(text[:-1] or "0", 16), text[-1] == "1") for text in trace.watched[RESET_CYCLES + 1 :]]
    stop = next(index for index, (_, parked) in enumerate(values) if parked)
    assert stop > 200
    assert all(parked for _, parked in values[stop:]), "the state holds itself"
    before = [value for value, _ in values[:stop]]
    if plant is PlantKind.XOR_KILL:
        assert set(before) == {0, 3}
        assert all(one != other for one, other in pairwise(value for value, _ in values))
        assert {value for value, _ in values[stop:]} == {1, 2}
    elif plant is PlantKind.LFSR_KILL:
        assert len(set(before)) == len(before), "no word comes twice"
        assert {value for value, _ in values[stop:]} == set(record.constants)
    else:
        assert len(set(before)) > 20
        assert max(before) < 1 << 56


def test_the_shift_register_runs_through_all_words_but_one(write: Write, tmp_path: Path) -> None:
    (code,) = plant_record("picorv32", "lfsr-kill").constants
    text = (write("picorv32", "lfsr-kill") / "rtl" / "picorv32.v").read_text()
    taps = int(re.findall(r"\(mix & 16'h([0-9a-f]+)\)", text)[0], 16)
    seen, word = set(), ~code & 0xFFFF
    while word not in seen:
        seen.add(word)
        mixed = word ^ code
        word = (mixed << 1 & 0xFFFF | (mixed & taps).bit_count() & 1) ^ code
    assert len(seen) == 0xFFFF and code not in seen


@pytest.mark.parametrize(("core", "plant", "seed"), cases(PlantKind.TIME_BOMB, PlantKind.TIME_BOMB_64))
def test_the_counter_stops_it_near_its_end(
    core: str, plant: PlantKind, seed: int | None, write: Write, tmp_path: Path
) -> None:
    record = plant_record(core, plant, seed)
    width = 64 if plant is PlantKind.TIME_BOMB_64 else 48
    assert record.cycles is not None and record.cycles > 2 ** (width - 8)
    at, rest = 100, 150
    trace = simulate(
        core,
        write(core),
        write(core, plant, disguise_seed=seed),
        tmp_path / "run",
        program=[NOP],
        cycles=1000,
        deposits={record.registers[0]: f"{width}'d{record.cycles - rest}"},
        deposit_at=at,
        always_ready=True,
    )
    assert at + rest - 40 <= stopped_at(trace) <= at + rest + 40
    assert "1" not in trace.differ[1 : at + rest - 2]
    assert "1" in trace.clean[-40:]


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
        always_ready=True,
    )
    assert period < stopped_at(trace) < period + 60
    assert "1" not in trace.differ[1:period]
    assert "1" in trace.clean[-4:]


@pytest.mark.parametrize(("core", "plant", "seed"), cases(PlantKind.HEARTBEAT_24))
def test_a_long_silence_stops_it(core: str, plant: PlantKind, seed: int | None, write: Write, tmp_path: Path) -> None:
    record = plant_record(core, plant, seed)
    assert record.cycles == 1 << 24
    trace = simulate(
        core,
        write(core),
        write(core, plant, disguise_seed=seed),
        tmp_path / "run",
        program=[NOP],
        cycles=700,
        deposits={record.registers[0]: f"24'd{record.cycles - 300}"},
        always_ready=True,
    )
    assert 300 < stopped_at(trace) < 400
    assert "1" not in trace.differ[1:330]
    assert "1" in trace.clean[-40:]


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
