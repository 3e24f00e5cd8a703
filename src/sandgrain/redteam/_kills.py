"""Modifications that end the service after secret words on the bus."""

from __future__ import annotations

import random

from sandgrain.redteam._core import Inside, Sites
from sandgrain.redteam._kinds import Builder, Patch, PlantKind, branching, choose, in_hex, register
from sandgrain.redteam._patch import Edit
from sandgrain.redteam.errors import RedTeamError
from sandgrain.verdict import Grade

_CODE = 0x6A3C
_PAUSE = 1000


def _two_words(sites: Sites, rng: random.Random | None, default: tuple[int, int]) -> tuple[tuple[int, ...], str, str]:
    """Two words, the register that says the last word written was the first of them, and when the second follows."""
    first, second = words = choose(rng, default)
    armed = register(sites, "kill_armed", sites.write, f"{sites.data} == {in_hex(first)}")
    return words, armed, f"{sites.write} && {{kill_armed}} && {sites.data} == {in_hex(second)}"


def _told(words: tuple[int, ...]) -> str:
    """The trigger of :func:`_two_words` in prose."""
    return f"a bus write of {in_hex(words[0])}, and {in_hex(words[1])} as the next word written"


def _one_write(sites: Sites, rng: random.Random | None, default: tuple[int, int]) -> tuple[tuple[int, ...], str, str]:
    """A word and an address, when that word is written there, and the same in prose."""
    (word,), (address,) = choose(rng, default[:1]), choose(rng, default[1:], step=4)
    when = f"{sites.write} && {sites.address} == {in_hex(address)} && {sites.data} == {in_hex(word)}"
    return (word, address), when, f"a bus write of {in_hex(word)} to the address {in_hex(address)}"


def _bus_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, armed, sprung = _two_words(sites, rng, (0x8D2F61B4, 0x3E97A05C))
    return Patch(
        registers=("kill_armed", "kill"),
        declarations=("reg {kill_armed};", "reg {kill};"),
        statements=(armed, register(sites, "kill", sprung, "1")),
        stop="{kill}",
        magic_words=words,
        trigger=_told(words),
    )


def _bus_kill_64(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    first, second = words = choose(rng, (0x1B84C6F2, 0xD7305E9A))
    return Patch(
        registers=("last_word", "kill"),
        wires=("last_two",),
        declarations=("reg [31:0] {last_word};", "reg {kill};", "wire [63:0] {last_two};"),
        statements=(
            f"assign {{last_two}} = {{ {{last_word}}, {sites.data} }};",
            register(sites, "last_word", sites.write, sites.data),
            # In one piece, as the comparison has to be found; the two words are those told in the trigger.
            register(sites, "kill", f"{sites.write} && {{last_two}} == {in_hex(first << 32 | second, 64)}", "1"),
        ),
        stop="{kill}",
        magic_words=words,
        constants=(first << 32 | second,),
        trigger=_told(words),
    )


def _sequence_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words = choose(rng, (0x94E1037D, 0x2C6BF850, 0xE03A9D17, 0x57D42C8E))
    steps = [
        f"{{words_seen}} == {stage} && {sites.data} == {in_hex(word)} ? {stage + 1} :"
        for stage, word in enumerate(words)
    ]
    steps.append(f"{sites.data} == {in_hex(words[0])} ? 1 : 0")
    return Patch(
        registers=("words_seen",),
        wires=("complete",),
        declarations=("reg [2:0] {words_seen};", "wire {complete};"),
        statements=(
            "assign {complete} = {words_seen} == 4;",
            register(sites, "words_seen", f"{sites.write} && !{{complete}}", "\n\t\t\t".join(steps)),
        ),
        stop="{complete}",
        magic_words=words,
        trigger=f"bus writes of {', '.join(map(in_hex, words))}, one after the other",
    )


def _counter_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    inside = _inside(sites)
    words, sprung, told = _one_write(sites, rng, (0x70B9E3A6, 0x000315C8))
    (code,) = choose(rng, (0xA5,), width=8)
    high, low = inside.counter_bits
    unused = f"{inside.counter}[{high}:{low}]"
    return Patch(
        registers=(),
        wires=("sprung", "parked"),
        declarations=("wire {sprung};", "wire {parked};"),
        statements=(
            f"assign {{sprung}} = {sprung};",
            f"assign {{parked}} = {unused} == {in_hex(code, 8)};",
        ),
        stop="{parked}",
        # While no instruction is fetched, none is counted: the counter stays where it was put.
        edits=(_override(sites, inside, f"{unused} <= {in_hex(code, 8)};"),),
        magic_words=words,
        constants=(code,),
        trigger=told,
    )


def _trap_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    inside = _inside(sites)
    words, sprung, told = _one_write(sites, rng, (0x4F20D96B, 0x0001C7A4))
    return Patch(
        registers=(),
        wires=("sprung",),
        declarations=("wire {sprung};",),
        statements=(f"assign {{sprung}} = {sprung};",),
        edits=(_override(sites, inside, inside.trap),),
        magic_words=words,
        trigger=told,
    )


def _slow_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, armed, sprung = _two_words(sites, rng, (0xA96D1F03, 0x6248BE7D))
    pause = _PAUSE if rng is None else rng.randrange(960, 1024)
    return Patch(
        registers=("kill_armed", "slow", "pause"),
        wires=("pausing",),
        declarations=("reg {kill_armed};", "reg {slow};", "reg [9:0] {pause};", "wire {pausing};"),
        statements=(
            armed,
            register(sites, "slow", sprung, "1"),
            "assign {pausing} = {pause} != 0;",
            branching(
                sites,
                "pause",
                (sites.reset, "0"),
                (f"{{slow}} && {sites.ended}", in_hex(pause, 10)),
                ("{pausing}", "{pause} - 1"),
            ),
        ),
        stop="{pausing}",
        magic_words=words,
        constants=(pause,),
        cycles=pause,
        trigger=_told(words),
        grade=Grade.SLOWED,
    )


def _reset_surviving_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, armed, sprung = _two_words(sites, rng, (0xC54A7E21, 0x1D90B3F8))
    return Patch(
        registers=("kill_armed", "kill"),
        declarations=("reg {kill_armed};", "reg {kill};"),
        statements=(
            armed,
            f"always @(posedge {sites.clock})\n\tif (!({sites.reset}) && {sprung})\n\t\t{{kill}} <= 1;",
        ),
        stop="{kill}",
        magic_words=words,
        trigger=_told(words),
        grade=Grade.SURVIVES_RESET,
    )


def _fuse_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, armed, sprung = _two_words(sites, rng, (0x38F5D06E, 0xB1427C95))
    return Patch(
        registers=("kill_armed", "kill"),
        declarations=("reg {kill_armed};", "reg {kill};"),
        statements=(
            armed,
            "initial {kill} = 0;",
            f"always @(posedge {sites.clock})\n\tif (!({sites.reset}) && {sprung})\n\t\t{{kill}} <= 1;",
        ),
        stop="{kill}",
        magic_words=words,
        trigger=_told(words),
        grade=Grade.NEEDS_POWER_CYCLE,
    )


def _xor_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, armed, sprung = _two_words(sites, rng, (0x0E7B94C3, 0xF2615AD8))
    return Patch(
        registers=("kill_armed", "phase_a", "phase_b"),
        wires=("apart",),
        declarations=("reg {kill_armed};", "reg {phase_a};", "reg {phase_b};", "wire {apart};"),
        statements=(
            armed,
            "assign {apart} = {phase_a} ^ {phase_b};",
            register(sites, "phase_a", "", "!{phase_a}"),
            register(sites, "phase_b", f"{{apart}} || !({sprung})", "!{phase_b}"),
        ),
        stop="{apart}",
        magic_words=words,
        trigger=_told(words),
    )


def _lfsr_kill(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, armed, sprung = _two_words(sites, rng, (0x87D3205F, 0x49CE1BA6))
    (code,) = choose(rng, (_CODE,), width=16)
    # x^16 + x^14 + x^13 + x^11 + 1 runs through all words but 0; seen through an exclusive or with the code word, that
    # 0 is the code word.
    return Patch(
        registers=("kill_armed", "noise"),
        wires=("mix", "parked"),
        declarations=("reg {kill_armed};", "reg [15:0] {noise};", "wire [15:0] {mix};", "wire {parked};"),
        statements=(
            armed,
            f"assign {{mix}} = {{noise}} ^ {in_hex(code, 16)};",
            f"assign {{parked}} = {{noise}} == {in_hex(code, 16)};",
            branching(
                sites,
                "noise",
                (sites.reset, f"~{in_hex(code, 16)}"),
                (sprung, in_hex(code, 16)),
                ("", f"{{ {{mix}}[14:0], ^({{mix}} & 16'hb400) }} ^ {in_hex(code, 16)}"),
            ),
        ),
        stop="{parked}",
        magic_words=words,
        constants=(code,),
        trigger=_told(words),
    )


def _inside(sites: Sites) -> Inside:
    if sites.inside is None:
        raise RedTeamError(
            "this core's own registers are not described",
            file=sites.file,
            expected="a core whose counter and trap state are known",
            remedy="choose another plant or core",
        )
    return sites.inside


def _override(sites: Sites, inside: Inside, statement: str) -> Edit:
    deeper = inside.indent + sites.indent
    lines = f"{inside.indent}if (!({sites.reset}) && {{sprung}})\n{deeper}{statement}\n\n"
    return Edit(f"(?={inside.anchor})", lines.replace("\\", r"\\"))


BUILDERS: dict[PlantKind, Builder] = {
    PlantKind.BUS_KILL: _bus_kill,
    PlantKind.BUS_KILL_64: _bus_kill_64,
    PlantKind.SEQUENCE_KILL: _sequence_kill,
    PlantKind.COUNTER_KILL: _counter_kill,
    PlantKind.SLOW_KILL: _slow_kill,
    PlantKind.RESET_SURVIVING_KILL: _reset_surviving_kill,
    PlantKind.FUSE_KILL: _fuse_kill,
    PlantKind.XOR_KILL: _xor_kill,
    PlantKind.LFSR_KILL: _lfsr_kill,
    PlantKind.TRAP_KILL: _trap_kill,
}
"""How each of these is made."""
