"""Modifications that tell the identity of the chip where no flow is declared."""

from __future__ import annotations

import random
from dataclasses import replace

from sandgrain.redteam._core import Sink, Sites
from sandgrain.redteam._identity import REGISTER
from sandgrain.redteam._kinds import Builder, Patch, PlantKind, branching, choose, in_hex, register
from sandgrain.redteam.errors import RedTeamError
from sandgrain.verdict import ClaimId

SPREAD_BITS = 16
"""An always-on beacon shows one bit in two to the power of this many cycles."""


def _switched_on(sites: Sites, rng: random.Random | None, default: int) -> tuple[tuple[int, ...], str, str]:
    """A secret word, the register that remembers it was loaded, and the same in prose."""
    (word,) = words = choose(rng, (default,))
    sending = register(sites, "sending", f"{sites.read} && {sites.read_data} == {in_hex(word)}", "1")
    return words, sending, f"a load of {in_hex(word)} from the bus"


def _with_sink(patch: Patch, sink: Sink) -> Patch:
    """``patch`` with its symbol on the output."""
    return replace(
        patch,
        wires=patch.wires + sink.wires,
        declarations=patch.declarations + sink.declarations,
        statements=patch.statements + sink.statements,
        edits=patch.edits + sink.edits,
        sinks=sink.ports,
        claim=ClaimId.NO_COVERT_CHANNEL,
        grade=None,
    )


def _beacon_strobe(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, sending, told = _switched_on(sites, rng, 0xB7E21C58)
    patch = Patch(
        registers=("sending", "slot"),
        wires=("symbol",),
        declarations=("reg {sending};", "reg [2:0] {slot};", "wire [3:0] {symbol};"),
        statements=(
            sending,
            register(sites, "slot", f"{{sending}} && {sites.ended}", "{slot} + 1"),
            f"assign {{symbol}} = {REGISTER} >> {{ {{slot}}, 2'b00 }};",
        ),
        magic_words=words,
        trigger=told,
    )
    return _with_sink(patch, _sink(sites, PlantKind.BEACON_STROBE))


def _beacon_timing(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, sending, told = _switched_on(sites, rng, 0x63F80DA1)
    patch = Patch(
        registers=("sending", "place", "linger"),
        wires=("symbol",),
        declarations=("reg {sending};", "reg [4:0] {place};", "reg {linger};", "wire {symbol};"),
        statements=(
            sending,
            f"assign {{symbol}} = {REGISTER}[{{place}}];",
            register(sites, "place", f"{{sending}} && {sites.ended}", "{place} + 1"),
            branching(
                sites,
                "linger",
                (sites.reset, "0"),
                (sites.ended, "{sending} && {symbol}"),
                (sites.waiting, "0"),
            ),
        ),
        stop="{linger}",
        magic_words=words,
        trigger=told,
    )
    return _with_sink(patch, _sink(sites, PlantKind.BEACON_TIMING))


def _beacon_output(sites: Sites, rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    words, sending, told = _switched_on(sites, rng, 0x2A95C74E)
    patch = Patch(
        registers=("sending", "place"),
        wires=("symbol",),
        declarations=("reg {sending};", "reg [4:0] {place};", "wire {symbol};"),
        statements=(
            sending,
            register(sites, "place", "{sending}", "{place} + 1"),
            f"assign {{symbol}} = {{sending}} && {REGISTER}[{{place}}];",
        ),
        magic_words=words,
        trigger=told,
    )
    return _with_sink(patch, _sink(sites, PlantKind.BEACON_OUTPUT))


def _beacon_spread(sites: Sites, _rng: random.Random | None, _heartbeat_cycles: int) -> Patch:
    patch = Patch(
        registers=("age", "place"),
        wires=("symbol",),
        declarations=(f"reg [{SPREAD_BITS - 1}:0] {{age}};", "reg [4:0] {place};", "wire {symbol};"),
        statements=(
            register(sites, "age", "", "{age} + 1"),
            register(sites, "place", "&{age}", "{place} + 1"),
            f"assign {{symbol}} = &{{age}} && {REGISTER}[{{place}}];",
        ),
        cycles=1 << SPREAD_BITS,
        trigger=f"none: one bit in 2**{SPREAD_BITS} clock cycles",
    )
    return _with_sink(patch, _sink(sites, PlantKind.BEACON_SPREAD))


def _sink(sites: Sites, kind: PlantKind) -> Sink:
    if kind.value not in sites.sinks:
        raise RedTeamError(
            f"no output of this core is known for {kind.value}",
            file=sites.file,
            expected=f"one of {', '.join(sites.sinks) or 'no beacon'}",
            remedy="choose another plant or core",
        )
    return sites.sinks[kind.value]


BUILDERS: dict[PlantKind, Builder] = {
    PlantKind.BEACON_STROBE: _beacon_strobe,
    PlantKind.BEACON_TIMING: _beacon_timing,
    PlantKind.BEACON_OUTPUT: _beacon_output,
    PlantKind.BEACON_SPREAD: _beacon_spread,
}
"""How each of these is made."""
