"""The cores do what their manifests say: service, recovery in time, the declared stop and the declared read-out."""

from __future__ import annotations

import random
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandgrain.redteam._cores import CORES

from .conftest import Write
from .simulation import NOP, RESET_CYCLES, busy_work, jump_to_start, load_word, needs_icarus, simulate

pytestmark = needs_icarus

# Shifts by 31 before a jump through a register, which is the longest way to the next fetch in PicoRV32; a misaligned
# load, which SERV answers with an exception; a division.
SLOWEST = {
    "picorv32": [31 << 20 | 9 << 15 | 5 << 12 | 9 << 7 | 0x13, 0x100 << 20 | 9 << 7 | 0x67],
    "serv": [0x401 << 20 | 2 << 12 | 9 << 7 | 0x03],
    "vexriscv": [31 << 20 | 9 << 15 | 5 << 12 | 9 << 7 | 0x13] * 3,
    "ibex": [1 << 25 | 9 << 20 | 8 << 15 | 4 << 12 | 9 << 7 | 0x33] * 3,
}
AT_LEAST = {"picorv32": 15, "serv": 60, "vexriscv": 30, "ibex": 30}
SPAN = {
    "picorv32": range(10, 34),
    "serv": range(36, 112, 4),
    "vexriscv": range(30, 90, 4),
    "ibex": range(72, 112, 8),
}
GAPS = {"picorv32": {2}, "serv": {34}, "vexriscv": {0}, "ibex": {0}}


def manifest(core: str) -> dict[str, Any]:
    return tomllib.loads(CORES[core].manifest)


def deadline(core: str) -> int:
    return int(manifest(core)["recovery"]["within_cycles"])


def in_bench(expression: str) -> str:
    """``expression`` over signals of the flat design, as the test bench reaches them."""

    def scoped(match: re.Match[str]) -> str:
        return f"planted.\\{match[1]} " if "." in match[1] else f"planted.{match[1]}"

    return re.sub(r"(?<![\w'.\\])([A-Za-z_][\w.]*)", scoped, expression)


@pytest.mark.parametrize("core", CORES)
def test_the_clean_core_serves_from_reset_on(core: str, write: Write, tmp_path: Path) -> None:
    clean = write(core)
    trace = simulate(core, clean, clean, tmp_path / "run", program=[NOP], cycles=600, recover_from=0)
    after = trace.planted[RESET_CYCLES:]
    assert max(len(gap) for gap in after.split("1")) < deadline(core)
    answered = simulate(core, clean, clean, tmp_path / "answered", program=[NOP], cycles=600, always_ready=True)
    gaps = [len(gap) for gap in answered.planted[RESET_CYCLES + 40 :].split("1")[1:-1]]
    assert set(gaps) == GAPS[core]


@pytest.mark.parametrize("core", CORES)
def test_the_clean_core_comes_back_in_time_whenever_it_is_interrupted(core: str, write: Write, tmp_path: Path) -> None:
    clean = write(core)
    program = [*load_word(8, 0x7FFF_FFFF), *load_word(9, 3)] * (core == "ibex") + SLOWEST[core]
    longest = 0
    for moment in SPAN[core]:
        trace = simulate(
            core, clean, clean, tmp_path / f"run{moment}", program=program + jump_to_start(len(SLOWEST[core])),
            cycles=moment + 150, recover_from=moment, always_ready=True,
        )  # fmt: skip
        longest = max(longest, trace.planted.index("1", moment) - moment + 1)
    assert longest <= deadline(core)
    assert longest >= AT_LEAST[core], "the deadline is not idle"


@pytest.mark.parametrize("core", CORES)
def test_the_read_out_shows_the_identity_while_a_debugger_is_attached(core: str, write: Write, tmp_path: Path) -> None:
    clean = write(core)
    trace = simulate(
        core,
        clean,
        clean,
        tmp_path / "run",
        program=[NOP],
        cycles=60,
        identity=0x1234_ABCD,
        watch="{3'b0, debug_en, p_debug_data}",
    )
    assert set(trace.watched[2:]) == {"000000000", "11234abcd"}
    (flow,) = manifest(core)["flows"]
    assert (flow["source"], flow["sinks"], flow["when"]) == ("device_id", ["debug_data"], "debug_en")


@pytest.mark.parametrize("core", CORES)
def test_outputs_do_not_depend_on_the_identity(core: str, write: Write, tmp_path: Path) -> None:
    """All but the read-out, with the same program on two chips; the bits of both are opposite."""
    clean = write(core)
    program = busy_work(random.Random(8), 60)
    program += jump_to_start(len(program))
    outputs = ", ".join(f"p_{name}" for name in _outputs(core))
    runs = [
        simulate(
            core, clean, clean, tmp_path / f"{identity}", program=program, cycles=800, identity=identity,
            watch=f"{{{outputs}}}",
        )
        for identity in (0x0F1E_2D3C, 0xF0E1_D2C3)
    ]  # fmt: skip
    assert runs[0].watched == runs[1].watched


def _outputs(core: str) -> list[str]:
    from .benches import BENCHES

    return list(BENCHES[core].outputs)


def wild_work(core: str, rng: random.Random) -> list[int]:
    """Busy work with instructions among it that jump anywhere, access anything, or are none at all."""

    def wild(word: int) -> int:
        kind = rng.random()
        if kind < 0.02:
            return rng.getrandbits(32)
        if kind < 0.05:
            return rng.getrandbits(25) << 7 | rng.choice([0x6F, 0x67])
        if kind < 0.08:
            return (
                rng.getrandbits(12) << 20 | rng.randrange(8, 16) << 15 | rng.choice([0, 1, 2, 4, 5]) << 12 | 9 << 7 | 3
            )
        if kind < 0.1:
            return rng.getrandbits(13) << 19 | rng.randrange(8, 16) << 15 | rng.randrange(3) << 12 | 4 << 7 | 0x23
        if kind < 0.11:
            return rng.choice([0x73, 0x0010_0073])
        if kind < 0.15:
            return 0x1050_0073
        return word

    work = busy_work(rng, 120)
    return work[:16] + [wild(word) for word in work[16:]]


@pytest.mark.parametrize(
    ("core", "runs"),
    [
        ("picorv32", 40),
        pytest.param("picorv32", 150, marks=pytest.mark.slow),
        pytest.param("ibex", 12, marks=pytest.mark.slow),
    ],
)
def test_the_declared_stop_is_entered_after_its_trigger_and_only_then(
    core: str, runs: int, write: Write, tmp_path: Path
) -> None:
    clean = write(core)
    (declared,) = manifest(core)["declared"]
    state, after = in_bench(declared["state"]), in_bench(declared["only_after"])
    entered = 0
    for seed in range(runs):
        trace = simulate(
            core,
            clean,
            clean,
            tmp_path / f"run{seed}",
            program=wild_work(core, random.Random(seed)),
            cycles=500,
            watch=f"{{3'b0, ({state}) != 0, 3'b0, ({after}) != 0}}",
        )
        rows = trace.watched[RESET_CYCLES + 1 :]
        assert rows[0][0] == "0", "reset leads out of it"
        for now, then in pairwise(rows):
            if now[0] == "0":
                # A comparison with an unknown value, of a register that was never written, does not hold.
                assert then[0] == now[1].replace("X", "0"), (seed, now, then)
                entered += then[0] == "1"
    assert entered > runs / 4


def test_the_planted_way_into_the_trap_is_not_the_declared_one(write: Write, tmp_path: Path) -> None:
    from sandgrain.redteam import plant_record

    from .simulation import store_at

    (declared,) = manifest("picorv32")["declared"]
    state, after = in_bench(declared["state"]), in_bench(declared["only_after"])
    trace = simulate(
        "picorv32",
        write("picorv32"),
        write("picorv32", "trap-kill"),
        tmp_path / "run",
        program=store_at(*plant_record("picorv32", "trap-kill").magic_words),
        cycles=300,
        watch=f"{{3'b0, ({state}) != 0, 3'b0, ({after}) != 0}}",
    )
    rows = trace.watched[RESET_CYCLES + 1 :]
    assert set(rows) == {"00", "10"}
    assert rows[-1] == "10"
