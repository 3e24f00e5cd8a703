"""A beacon tells the identity, all of it, on the outputs its record names, and on no other."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from sandgrain.redteam import PlantKind, plant_record
from sandgrain.verdict import ClaimId

from .benches import BENCHES
from .conftest import Write
from .simulation import NOP, RESET_CYCLES, Trace, busy_work, jump_to_start, load_from, needs_icarus, simulate
from .test_behaviour import cases, kinds_of

pytestmark = needs_icarus

IDENTITY = 0x8D51_F3A6
CYCLES = {"picorv32": 900, "serv": 9000, "vexriscv": 900, "ibex": 900}
IDLE = {
    "picorv32": ("p_mem_valid", "p_mem_wstrb"),
    "serv": ("p_o_dbus_cyc", "p_o_dbus_sel"),
    "vexriscv": ("p_dBusWishbone_CYC", "p_dBusWishbone_SEL"),
    "ibex": ("p_data_req_o", "p_data_be_o"),
}


def program(core: str, word: int) -> list[int]:
    """Loads ``word`` and then does nothing for ever."""
    code = [NOP, NOP, *load_from(BENCHES[core].start + 4 * 6), NOP, NOP, *jump_to_start(2)]
    return [*code[:5], jump_to_start(2)[0], word]


def told(core: str, kind: PlantKind, write: Write, work: Path, identity: int, seed: int | None, watch: str) -> Trace:
    record = plant_record(core, kind, seed)
    return simulate(
        core,
        write(core),
        write(core, kind, disguise_seed=seed),
        work,
        program=program(core, record.magic_words[0]),
        cycles=CYCLES[core],
        always_ready=True,
        identity=identity,
        # When a transfer begins shows on every output in the end.
        ignored=frozenset(() if kind is PlantKind.BEACON_TIMING else record.sinks),
        watch=watch,
    )


def sending_from(core: str, kind: PlantKind, seed: int | None) -> str:
    return f"planted.{dict(plant_record(core, kind, seed).names)['sending']}"


@pytest.mark.parametrize(("core", "kind", "seed"), cases(PlantKind.BEACON_OUTPUT))
def test_the_idle_output_shows_one_bit_per_cycle(
    core: str, kind: PlantKind, seed: int | None, write: Write, tmp_path: Path
) -> None:
    (sink,) = plant_record(core, kind, seed).sinks
    watch = f"{{3'b0, {sending_from(core, kind, seed)}, 3'b0, p_{sink} != 0}}"
    trace = told(core, kind, write, tmp_path / "run", IDENTITY, seed, watch)
    assert "1" not in trace.differ[1:]
    first = next(index for index, row in enumerate(trace.watched) if row[0] == "1")
    late = core == "picorv32"  # its output is a register
    bits = [row[1] for row in trace.watched[first + late : first + late + 64]]
    assert bits == [str(IDENTITY >> place & 1) for place in range(32)] * 2
    assert {row[1] for row in trace.watched[RESET_CYCLES + 1 : first]} == {"0"}


@pytest.mark.parametrize(("core", "kind", "seed"), cases(PlantKind.BEACON_STROBE))
def test_the_strobes_show_four_bits_between_transfers(
    core: str, kind: PlantKind, seed: int | None, write: Write, tmp_path: Path
) -> None:
    busy, strobe = IDLE[core]
    watch = f"{{3'b0, {sending_from(core, kind, seed)}, 3'b0, {busy}, {strobe}}}"
    trace = told(core, kind, write, tmp_path / "run", IDENTITY, seed, watch)
    assert "1" not in trace.differ[1:]
    first = next(index for index, row in enumerate(trace.watched) if row[0] == "1")
    symbols = [row[2] for row in trace.watched[first + 40 :] if row[1] == "0"]
    shown = [symbol for index, symbol in enumerate(symbols) if index == 0 or symbol != symbols[index - 1]]
    nibbles = [f"{IDENTITY >> 4 * slot & 15:x}" for slot in range(8)]
    assert len(set(pairwise(nibbles))) == 7, "neighbours differ, else they cannot be told apart"
    begin = next(index for index in range(len(shown)) if shown[index : index + 8] == nibbles)
    assert shown[begin : begin + 16] == nibbles * 2


@pytest.mark.parametrize(("core", "kind", "seed"), cases(PlantKind.BEACON_TIMING))
def test_a_fetch_waits_one_cycle_longer_for_each_bit(
    core: str, kind: PlantKind, seed: int | None, write: Write, tmp_path: Path
) -> None:
    counts = {}
    for identity in (0, IDENTITY, 0xFFFF_FFFF):
        trace = told(core, kind, write, tmp_path / f"{identity}", identity, seed, sending_from(core, kind, seed))
        first = trace.watched.index("1")
        assert "1" not in trace.differ[1:first]
        assert ("1" in trace.differ[first:]) == (identity != 0)
        assert "1" in trace.planted[-60:], "service goes on"
        counts[identity] = trace.planted[first:].count("1")
    # With its three waits per four bits the middle one is served less than the first and more than the last.
    assert counts[0] > counts[IDENTITY] > counts[0xFFFF_FFFF]


def test_gaps_between_fetches_spell_the_identity(write: Write, tmp_path: Path) -> None:
    kind = PlantKind.BEACON_TIMING
    trace = told("picorv32", kind, write, tmp_path / "run", IDENTITY, None, sending_from("picorv32", kind, None))
    first = trace.watched.index("1")
    gaps = [len(gap) for gap in trace.planted[first + 20 :].split("1")[1:-1]]
    # The loop of two instructions fetches in turns of two lengths; what is longer than the shortest of its turn is 1.
    turns = (gaps[0::2], gaps[1::2])
    bits = "".join(str(gap - min(turns[index % 2])) for index, gap in enumerate(gaps))
    wanted = "".join(str(IDENTITY >> place & 1) for place in range(32))
    assert wanted in bits


@pytest.mark.slow
@pytest.mark.parametrize(("core", "seed"), [("serv", 11)])
def test_the_spread_beacon_differs_once_in_65536_cycles(
    core: str, seed: int | None, write: Write, tmp_path: Path
) -> None:
    kind = PlantKind.BEACON_SPREAD
    record = plant_record(core, kind, seed)
    sink = record.sinks[0]
    assert record.cycles == 1 << 16
    names = dict(record.names)
    work = busy_work(random.Random(6), 60)
    bits = []
    for place in range(4):
        trace = simulate(
            core,
            write(core),
            write(core, kind, disguise_seed=seed),
            tmp_path / f"run{place}",
            program=work + jump_to_start(len(work)),
            cycles=66_000,
            deposits={names["place"]: f"5'd{8 + place}"},
            identity=IDENTITY,
            ignored=frozenset(record.sinks),
            watch=f"|(p_{sink} ^ c_{sink})",
        )
        assert "1" not in trace.differ[1:]
        different = [index for index, row in enumerate(trace.watched) if row == "1"]
        assert len(different) <= 1
        if different:
            assert (1 << 16) - 1 <= different[0] - RESET_CYCLES <= (1 << 16) + 1
        bits.append(len(different))
    assert bits == [IDENTITY >> 8 + place & 1 for place in range(4)]


@pytest.mark.parametrize(("core", "kind", "seed"), cases(*kinds_of(ClaimId.NO_COVERT_CHANNEL), seeds=(None,)))
def test_the_record_says_what_leaks_where(core: str, kind: PlantKind, seed: int | None, write: Write) -> None:
    record = plant_record(core, kind, seed)
    assert (record.claim, record.source, record.grade) == (ClaimId.NO_COVERT_CHANNEL, "device_id", None)
    assert record.sinks and set(record.sinks) <= set(BENCHES[core].outputs)
