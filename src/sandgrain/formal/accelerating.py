"""A wait as evidence: the jump in its stimulus, the certificate of what is skipped, and how it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sandgrain.check.accelerated import check_acceleration
from sandgrain.check.acceleration import MEDIA_TYPE, SUFFIX, Acceleration, Register, Stretch, write
from sandgrain.check.certificate import network_digest
from sandgrain.formal.environment import Bound
from sandgrain.formal.stimulus import Jump
from sandgrain.formal.waits import Wait
from sandgrain.formal.witness import Jumped, Stop
from sandgrain.netlist import Elaborated
from sandgrain.submission import Submission
from sandgrain.verdict import Acceleration as Told
from sandgrain.verdict import EvidenceFile, StateBit


def jumped(bound: Bound, wait: Wait) -> Jumped:
    """What the recording of the whole chip has to set, and when."""
    latches = wait.registers
    after = wait.ending.skips[-1].after
    return Jumped(bound.whole.reset_cycles + wait.jump, bound.latches[latches], after[latches])


def jump_of(bound: Bound, wait: Wait) -> Jump:
    """The jump as a stimulus says it."""
    names = bound.cone.model.latches
    after = wait.ending.skips[-1].after
    return Jump(
        cycle=bound.whole.reset_cycles + wait.jump,
        skipped=wait.ending.skipped,
        registers={names[latch].name: 1 if after[latch] else 0 for latch in wait.registers.tolist()},
    )


def told(
    submission: Submission,
    elaborated: Elaborated,
    bound: Bound,
    wait: Wait,
    stop: Stop,
    stimulus: bytes,
    keep: Callable[[bytes, str, str], EvidenceFile],
) -> Told:
    """What of a run was proved instead of run, with the certificate that the checker has accepted.

    Raises:
        CertificateError: the checker does not accept it.
        LimitExceeded: the checker did not come to an end.
    """
    names = bound.cone.model.latches
    manifest = submission.manifest
    data = write(
        Acceleration(
            top=manifest.chip.top,
            network=network_digest(elaborated.gates.top_module),
            stimulus=hashlib.sha256(stimulus).hexdigest(),
            period=wait.loop.period,
            counters=tuple(
                Register(
                    tuple(
                        (names[latch].name, int(passes))
                        for latch, passes in zip(counter.latches.tolist(), counter.passes.tolist(), strict=True)
                    )
                )
                for counter in wait.loop.counters
            ),
            stretches=tuple(Stretch(skip.passes, skip.counter, skip.limit) for skip in wait.ending.skips),
        )
    )
    check_acceleration(data, stimulus, manifest, elaborated)
    after = wait.ending.skips[-1].after
    fires_after = stop.dead_from + wait.ending.skipped
    frequency = manifest.clocks[0].frequency_hz
    return Told(
        counter=_common(
            [names[latch].name for latch in wait.loop.counters[wait.ending.skips[-1].counter].latches.tolist()]
        ),
        cycle=bound.whole.reset_cycles + wait.jump,
        skipped=wait.ending.skipped,
        state=[
            StateBit(name=names[latch].name, value=int(after[latch]), place=names[latch].place)
            for latch in wait.registers.tolist()
        ],
        fires_after=fires_after,
        seconds=None if frequency is None else fires_after / frequency,
        certificate=keep(data, SUFFIX, MEDIA_TYPE),
    )


def _common(names: list[str]) -> str:
    """What most of the bits of a register are called, without the index."""
    stems = [name.rpartition("[")[0] or name for name in names]
    return max(dict.fromkeys(stems), key=stems.count)
