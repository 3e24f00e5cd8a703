"""Modifications that end the service after a time, or in a place."""

from __future__ import annotations

import random
from functools import partial

from sandgrain.redteam._core import Sites
from sandgrain.redteam._kinds import Builder, Patch, PlantKind, choose, in_hex, register
from sandgrain.verdict import Verdict

_REFUTED_OR_OPEN = frozenset({Verdict.REFUTED, Verdict.OPEN})


def _time_bomb(width: int, sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    top_bits = 4 if rng is None else rng.randint(3, 8)
    return Patch(
        registers=("uptime",),
        wires=("expired",),
        declarations=(f"reg [{width - 1}:0] {{uptime}};", "wire {expired};"),
        statements=(
            f"assign {{expired}} = &{{uptime}}[{width - 1}:{width - top_bits}];",
            # The counter holds once it is there, else it would wrap and service would return.
            register(sites, "uptime", "!{expired}", "{uptime} + 1"),
        ),
        stop="{expired}",
        cycles=(1 << width) - (1 << width - top_bits),
        trigger=f"2**{width} - 2**{width - top_bits} clock cycles since reset",
        # Nobody simulates 2**48 cycles: an audit may leave it open, with the counter as a suspect.
        acceptable_verdicts=_REFUTED_OR_OPEN,
    )


def _heartbeat(default: int, cycles: int | None, sites: Sites, rng: random.Random | None, told: int) -> Patch:
    cycles = told if cycles is None else cycles
    (word,) = words = choose(rng, (default,))
    last = cycles - 1
    beat = f"{sites.write} && {sites.data} == {in_hex(word)}"
    return Patch(
        registers=("beat_age", "expired"),
        declarations=(
            f"reg [{last.bit_length() - 1}:0] {{beat_age}};",
            "reg {expired};",
        ),
        statements=(
            register(
                sites,
                "beat_age",
                "!{expired}",
                "{beat_age} + 1",
                clear=f"{sites.reset} || ({beat})",
            ),
            register(sites, "expired", f"{{beat_age}} == {last}", "1"),
        ),
        stop="{expired}",
        magic_words=words,
        cycles=cycles,
        trigger=f"{cycles} clock cycles without a bus write of {in_hex(word)}",
        # Thousands of cycles are within a simulator's reach, not always within a solver's.
        acceptable_verdicts=_REFUTED_OR_OPEN,
    )


def _geofence(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    regions = choose(rng, (0x01, 0x2C, 0x51, 0xA8), width=8)
    match = " || ".join(f"{{region_id}} == {in_hex(region, 8)}" for region in regions)
    return Patch(
        registers=("outside",),
        inputs=("region_id",),
        declarations=("reg {outside};",),
        port_declarations=("input      [ 7:0] {region_id},",),
        statements=(f"always @(posedge {sites.clock})\n\t{{outside}} <= !({match});",),
        stop="{outside}",
        magic_words=regions,
        trigger=f"{{region_id}} other than {', '.join(in_hex(region, 8) for region in regions)}",
        # Neither reset nor a power cycle matters: the right region does.
        grade=None,
    )


BUILDERS: dict[PlantKind, Builder] = {
    PlantKind.TIME_BOMB: partial(_time_bomb, 48),
    PlantKind.TIME_BOMB_64: partial(_time_bomb, 64),
    PlantKind.HEARTBEAT: partial(_heartbeat, 0x51C36E8D, None),
    PlantKind.HEARTBEAT_24: partial(_heartbeat, 0x9A07D4B2, 1 << 24),
    PlantKind.GEOFENCE: _geofence,
}
"""How each of these is made."""
