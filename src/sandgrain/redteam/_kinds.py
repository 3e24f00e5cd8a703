"""The modifications themselves, in terms of a core's clock, reset and bus."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandgrain.redteam._cores import Sites
from sandgrain.verdict import Verdict


class PlantKind(StrEnum):
    """The modifications that can be planted; each stops the memory interface until the next reset, if not for ever."""

    BUS_KILL = "bus-kill"
    """Two secret words are written to the bus one after the other."""
    TIME_BOMB = "time-bomb"
    """A 48-bit counter of clock cycles since reset is nearly full."""
    HEARTBEAT = "heartbeat"
    """No secret word was written to the bus for a while."""
    GEOFENCE = "geofence"
    """An additional input does not name one of four regions; not latched: service returns with the right region."""


@dataclass(frozen=True)
class Patch:
    """A modification before it is placed: declarations and statements are independent, so any order will do.

    ``{role}`` stands for the name of a register, wire or port; a tab for one level of indentation.
    """

    registers: tuple[str, ...]
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    stop: str
    trigger: str
    magic_words: tuple[int, ...] = ()
    wires: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    port_declarations: tuple[str, ...] = ()
    cycles: int | None = None
    acceptable_verdicts: frozenset[Verdict] = frozenset({Verdict.REFUTED})

    @property
    def roles(self) -> tuple[str, ...]:
        """Everything that needs a name."""
        return self.registers + self.wires + self.inputs


def _hex(word: int, width: int = 32) -> str:
    return f"{width}'h{word:0{width // 4}x}"


def _words(rng: random.Random | None, default: tuple[int, ...], width: int = 32) -> tuple[int, ...]:
    # Distinct, and never 0: a bus at rest must not set anything off.
    return default if rng is None else tuple(rng.sample(range(1, 1 << width), len(default)))


def _register(sites: Sites, role: str, when: str, value: str, *, clear: str | None = None) -> str:
    """A register that reset (or ``clear``) sets to 0 and that takes ``value`` while ``when`` holds."""
    return (
        f"always @(posedge {sites.clock}) begin\n"
        f"\tif ({clear or sites.reset})\n"
        f"\t\t{{{role}}} <= 0;\n"
        f"\telse if ({when})\n"
        f"\t\t{{{role}}} <= {value};\n"
        "end"
    )


def _bus_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    first, second = words = _words(rng, (0x8D2F61B4, 0x3E97A05C))
    return Patch(
        registers=("kill_armed", "kill"),
        declarations=("reg {kill_armed};", "reg {kill};"),
        statements=(
            _register(sites, "kill_armed", sites.write, f"{sites.data} == {_hex(first)}"),
            _register(
                sites,
                "kill",
                f"{sites.write} && {{kill_armed}} && {sites.data} == {_hex(second)}",
                "1",
            ),
        ),
        stop="{kill}",
        magic_words=words,
        trigger=f"a bus write of {_hex(first)}, and {_hex(second)} as the next word written",
    )


def _time_bomb(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    top_bits = 4 if rng is None else rng.randint(3, 8)
    return Patch(
        registers=("uptime",),
        wires=("expired",),
        declarations=("reg [47:0] {uptime};", "wire {expired};"),
        statements=(
            f"assign {{expired}} = &{{uptime}}[47:{48 - top_bits}];",
            # The counter holds once it is there, else it would wrap and service would return.
            _register(sites, "uptime", "!{expired}", "{uptime} + 1"),
        ),
        stop="{expired}",
        cycles=(1 << 48) - (1 << 48 - top_bits),
        trigger=f"2**48 - 2**{48 - top_bits} clock cycles since reset",
        # Nobody simulates 2**48 cycles: an audit may leave it open, with the counter as a suspect.
        acceptable_verdicts=frozenset({Verdict.REFUTED, Verdict.OPEN}),
    )


def _heartbeat(sites: Sites, rng: random.Random | None, heartbeat_cycles: int) -> Patch:
    (word,) = words = _words(rng, (0x51C36E8D,))
    last = heartbeat_cycles - 1
    beat = f"{sites.write} && {sites.data} == {_hex(word)}"
    return Patch(
        registers=("beat_age", "expired"),
        declarations=(
            f"reg [{last.bit_length() - 1}:0] {{beat_age}};",
            "reg {expired};",
        ),
        statements=(
            _register(
                sites,
                "beat_age",
                "!{expired}",
                "{beat_age} + 1",
                clear=f"{sites.reset} || ({beat})",
            ),
            _register(sites, "expired", f"{{beat_age}} == {last}", "1"),
        ),
        stop="{expired}",
        magic_words=words,
        cycles=heartbeat_cycles,
        trigger=f"{heartbeat_cycles} clock cycles without a bus write of {_hex(word)}",
        # Thousands of cycles are within a simulator's reach, not always within a solver's.
        acceptable_verdicts=frozenset({Verdict.REFUTED, Verdict.OPEN}),
    )


def _geofence(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    regions = _words(rng, (0x01, 0x2C, 0x51, 0xA8), width=8)
    match = " || ".join(f"{{region_id}} == {_hex(region, 8)}" for region in regions)
    return Patch(
        registers=("outside",),
        inputs=("region_id",),
        declarations=("reg {outside};",),
        port_declarations=("input      [ 7:0] {region_id},",),
        statements=(f"always @(posedge {sites.clock})\n\t{{outside}} <= !({match});",),
        stop="{outside}",
        magic_words=regions,
        trigger=f"{{region_id}} other than {', '.join(_hex(region, 8) for region in regions)}",
    )


BUILDERS: dict[PlantKind, Callable[[Sites, random.Random | None, int], Patch]] = {
    PlantKind.BUS_KILL: _bus_kill,
    PlantKind.TIME_BOMB: _time_bomb,
    PlantKind.HEARTBEAT: _heartbeat,
    PlantKind.GEOFENCE: _geofence,
}
"""How each kind is made for the sites of a core, a disguise (or None), and a heartbeat's cycles."""
