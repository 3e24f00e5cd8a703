"""The kinds of modification, and what all of them are made of."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandgrain.redteam._core import Sites
from sandgrain.redteam._patch import Edit
from sandgrain.verdict import ClaimId, Grade, Verdict


class PlantKind(StrEnum):
    """The modifications that can be planted.

    All but the beacons end or slow the core's service; the beacons tell the identity of the chip.
    """

    BUS_KILL = "bus-kill"
    """Two secret words are written to the bus one after the other."""
    BUS_KILL_64 = "bus-kill-64"
    """The last two words written, compared as one value of 64 bits."""
    SEQUENCE_KILL = "sequence-kill"
    """Four secret words are written one after the other; a state machine of five states keeps count."""
    COUNTER_KILL = "counter-kill"
    """One write of a secret word to a secret address sets bits of the core's own counter that are never in use."""
    SLOW_KILL = "slow-kill"
    """From two secret words on, a pause of about a thousand cycles follows every fetch."""
    RESET_SURVIVING_KILL = "reset-surviving-kill"
    """Two secret words set a flip-flop that reset does not clear and that has no initial value."""
    FUSE_KILL = "fuse-kill"
    """The same with an initial value: only switching the power off and on brings the service back."""
    XOR_KILL = "xor-kill"
    """Two flip-flops toggle in every cycle; the trigger makes one of them miss a beat."""
    LFSR_KILL = "lfsr-kill"
    """A shift register of 16 bits runs freely; the trigger parks it on the one word that is not in its cycle."""
    TRAP_KILL = "trap-kill"
    """One write of a secret word to a secret address sends the core into its own declared trap."""
    TIME_BOMB = "time-bomb"
    """A 48-bit counter of clock cycles since reset is nearly full."""
    TIME_BOMB_64 = "time-bomb-64"
    """The same with 64 bits."""
    HEARTBEAT = "heartbeat"
    """No secret word was written to the bus for a while."""
    HEARTBEAT_24 = "heartbeat-24"
    """The same with a wait of 2**24 cycles."""
    GEOFENCE = "geofence"
    """An additional input does not name one of four regions; not latched: service returns with the right region."""
    BEACON_STROBE = "beacon-strobe"
    """After a secret word was loaded, the write strobes show four bits of the identity between transfers."""
    BEACON_TIMING = "beacon-timing"
    """After a secret word was loaded, a fetch waits one cycle longer when a bit of the identity is 1."""
    BEACON_OUTPUT = "beacon-output"
    """After a secret word was loaded, an output that is not in use shows the identity bit by bit."""
    BEACON_SPREAD = "beacon-spread"
    """Always, without a trigger: once in 2**16 cycles an output bit is inverted if a bit of the identity is 1."""


@dataclass(frozen=True)
class Patch:
    """A modification before it is placed: declarations and statements are independent, so any order will do.

    ``{role}`` stands for the name of a register, wire or port; a tab for one level of indentation.

    Attributes:
        registers, wires, inputs: roles that need a name.
        declarations, statements, port_declarations: lines to add.
        trigger: how to set it off.
        stop: condition that stops the memory interface; None where it does not stop it that way.
        edits: edits of the core's own lines, beside those that stop the memory interface.
        magic_words: secret words of the trigger, in its order.
        constants: other secret constants.
        cycles: clock cycles that belong to it.
        claim, grade, acceptable_verdicts, sinks: as in the record.
    """

    registers: tuple[str, ...]
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    trigger: str
    stop: str | None = None
    edits: tuple[Edit, ...] = ()
    magic_words: tuple[int, ...] = ()
    constants: tuple[int, ...] = ()
    wires: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    port_declarations: tuple[str, ...] = ()
    cycles: int | None = None
    claim: ClaimId = ClaimId.NO_REMOTE_SHUTDOWN
    grade: Grade | None = Grade.NEEDS_RESET
    acceptable_verdicts: frozenset[Verdict] = frozenset({Verdict.REFUTED})
    sinks: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """Everything that needs a name."""
        return self.registers + self.wires + self.inputs


Builder = Callable[[Sites, random.Random | None, int], Patch]
"""Makes a patch for the sites of a core, a disguise (or None), and a heartbeat's cycles."""


def in_hex(word: int, width: int = 32) -> str:
    """``word`` as a Verilog constant of ``width`` bits."""
    return f"{width}'h{word:0{width // 4}x}"


def choose(rng: random.Random | None, default: tuple[int, ...], width: int = 32, step: int = 1) -> tuple[int, ...]:
    """``default``, or as many other words for a disguise: distinct, multiples of ``step``, and never 0.

    A bus at rest must not set anything off.
    """
    if rng is None:
        return default
    return tuple(step * word for word in rng.sample(range(1, (1 << width) // step), len(default)))


def register(sites: Sites, role: str, when: str, value: str, *, clear: str | None = None) -> str:
    """A register that reset (or ``clear``) sets to 0 and that takes ``value`` while ``when`` holds."""
    return branching(sites, role, (clear or sites.reset, "0"), (when, value))


def branching(sites: Sites, role: str, *branches: tuple[str, str]) -> str:
    """A register that takes the value of the first branch whose condition holds; an empty condition always does."""
    lines = [f"always @(posedge {sites.clock}) begin"]
    for index, (when, value) in enumerate(branches):
        head = "" if index == 0 else "else "
        lines += [f"\t{head}if ({when})" if when else "\telse", f"\t\t{{{role}}} <= {value};"]
    return "\n".join([*lines, "end"])
