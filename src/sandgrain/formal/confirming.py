"""From a stimulus to a finding: run it on the whole chip, see the service end, grade the stop, keep the witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal import bounded
from sandgrain.formal.accelerating import jumped
from sandgrain.formal.environment import SERVICE, Bound
from sandgrain.formal.findings import Findings
from sandgrain.formal.grading import grade_stop
from sandgrain.formal.reachability import Cube
from sandgrain.formal.recoverability import Recoverability
from sandgrain.formal.waits import Wait
from sandgrain.formal.witness import find_delay, find_stop, record
from sandgrain.verdict import Finding, Grade


@dataclass(frozen=True)
class Confirmation:
    """Confirms runs for one service.

    Attributes:
        bound: the whole design and its cone.
        service: its name.
        frames: k, cycles within which the service has to return.
        quiet_cycles: least cycles of recovery stimulus at the end of a witness.
        promised: whether the manifest declares k; then a service that returns later is a finding too.
        findings: keeps what is confirmed.
    """

    bound: Bound
    service: str
    frames: int
    quiet_cycles: int
    promised: bool
    findings: Findings

    @property
    def tail(self) -> int:
        """Cycles of recovery stimulus at the end of every witness."""
        return max(4 * self.frames, self.quiet_cycles)

    def confirm(
        self,
        inputs: NDArray[np.uint8],
        run: bounded.Run | None,
        question: Recoverability,
        held: NDArray[np.uint8],
        recovery_from: int,
        explained: Sequence[str],
        entered: str | None = None,
        wait: Wait | None = None,
    ) -> tuple[Finding, Cube] | None:
        """The finding and the dead state the chip settles in, or None when the run shows nothing.

        Args:
            inputs: uint8 (cycles, inputs of the whole model), from power-up.
            run: what leads to the stop, if not the recovery stimulus alone.
            question: says whether a state is dead, and which inputs held constant that needs.
            held: uint8 (inputs of the cone,), constants on the inputs the recovery stimulus holds.
            recovery_from: cycle in which the recovery stimulus begins.
            explained: outputs of the model (declared functions) that would explain a stop.
            entered: the declared function that is entered without its declared trigger, if that is what is shown.
            wait: what the run is an abbreviation of, if it is one.
        """
        recording = record(self.bound.whole, inputs, jumped=None if wait is None else jumped(self.bound, wait))
        final = recording.states[-2 * self.frames][self.bound.latches]
        cube, needed = self._dead_state(question, final, held)
        stop = find_stop(self.bound, recording, self.service, cube, explained, 2 * self.frames)
        if stop is None and self.promised:
            stop = find_delay(self.bound, recording, self.service, explained, recovery_from, self.frames)
            if stop is not None:
                cube, needed = self._dead_state(question, recording.states[stop.dead_from][self.bound.latches], held)
        if stop is None:
            return None
        everywhere = np.zeros(recording.inputs.shape[1], np.uint8)
        everywhere[self.bound.inputs] = held
        last = stop.recording.cycles - 1
        graded = grade_stop(
            self.bound.whole,
            stop.recording.states[last],
            self.bound.whole.model.outputs[SERVICE + self.service],
            everywhere,
            max(0, last - recovery_from),
        )
        if graded.grade is Grade.SLOWED and not self.promised:
            return None
        kept = self.findings.keep_stop(stop, cube, run, needed, recovery_from, graded, entered, wait)
        return None if kept is None else (kept, cube)

    def _dead_state(
        self, question: Recoverability, state: NDArray[np.bool_], held: NDArray[np.uint8]
    ) -> tuple[Cube, list[tuple[int, int]]]:
        dead = question.is_dead(state, held)
        if dead is None:
            return (), []
        dead = question.minimise(dead)
        return dead.cube, question.held_needed(dead)
