"""What the search found, told in the vendor's own names and lines: findings, coverage and the verdict of the claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sandgrain.check import CertificateError, check
from sandgrain.check.claim import MEDIA_TYPE, SUFFIX
from sandgrain.errors import LimitExceeded, ReplayError
from sandgrain.formal import answering, wording
from sandgrain.formal.accelerating import jump_of, told
from sandgrain.formal.bounded import Run
from sandgrain.formal.certifying import shutdown_certificate
from sandgrain.formal.coverage import coverage, left_out, unfinished
from sandgrain.formal.environment import SERVICE, Bound
from sandgrain.formal.grading import Graded
from sandgrain.formal.outcome import Outcome
from sandgrain.formal.reachability import Cube
from sandgrain.formal.replay import replay
from sandgrain.formal.stimulus import Stimulus
from sandgrain.formal.trace import MEDIA_TYPE as VCD
from sandgrain.formal.trace import TracedPort, write_vcd
from sandgrain.formal.waits import Wait
from sandgrain.formal.witness import Recording, Stop, find_stop, relevant
from sandgrain.logic.simulate import Words
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import Submission, to_verilog
from sandgrain.verdict import (
    Acceleration,
    Certificate,
    Claim,
    ClaimId,
    EvidenceFile,
    Finding,
    FindingStatus,
    RelevantInput,
    StateBit,
    Text,
    Verdict,
    Witness,
)

_MOST_SUSPECTS = 20


class Findings:
    """Collects the findings of all services and makes the claim of them."""

    def __init__(
        self,
        submission: Submission,
        elaborated: Elaborated,
        bound: Bound,
        keep: Callable[[bytes, str, str], EvidenceFile],
        progress: Progress,
        states: Words,
    ) -> None:
        self.submission = submission
        self._elaborated = elaborated
        self._bound = bound
        self._keep = keep
        self._progress = progress
        ones = np.bitwise_count(states).mean(axis=1) / 64
        self._common = np.stack((ones, 1 - ones), axis=1).ravel()
        self._outcomes: list[Outcome] = []
        self._declared: list[Finding] = []
        self._caveats: list[Text] = []
        self._count = 0
        self._unreplayed: list[Text] = []

    def add(self, outcome: Outcome) -> None:
        """Take in the outcome of one service."""
        self._outcomes.append(outcome)

    def state_bits(self, cube: Cube) -> list[StateBit]:
        """A cube over the cone's latches in the vendor's names; what ordinary operation never shows comes first."""
        latches = self._bound.cone.model.latches
        return [
            StateBit(name=latches[literal >> 1].name, value=1 - (literal & 1), place=latches[literal >> 1].place)
            for literal in self._telling_first(cube)
        ]

    def _telling_first(self, cube: Cube) -> list[int]:
        """The literals of a cube, those ordinary operation never shows first, each kind by name."""
        latches = self._bound.cone.model.latches
        return sorted(cube, key=lambda literal: (self._common[literal] > 0, latches[literal >> 1].name))

    def keep_stop(
        self,
        stop: Stop,
        cube: Cube,
        run: Run | None,
        held: list[tuple[int, int]],
        recovery_from: int,
        graded: Graded,
        entered: str | None = None,
        wait: Wait | None = None,
    ) -> Finding | None:
        """Keep a stop as an undeclared finding once another simulator has replayed it; None when it does not.

        Args:
            stop: the recorded run.
            cube: the dead state it ends in.
            run: what led there, if not the recovery stimulus alone.
            held: held inputs that matter from then on, as (input of the cone, value).
            recovery_from: cycle in which the recovery stimulus begins.
            graded: what brings the service back.
            entered: the declared function that is entered without its declared trigger, if that is what is shown.
            wait: what the run is an abbreviation of, if it is one.
        """
        reset_cycles = self._bound.whole.reset_cycles
        inputs = [] if run is None else relevant(self._bound, run, reset_cycles)
        bits_held = [(self._bound.cone.model.inputs[index], value) for index, value in held]
        inputs += [
            RelevantInput(cycle=recovery_from, port=bit.port, bit=bit.bit, value=value)
            for bit, value in bits_held
            if bit.port is not None
        ]
        stimulus = self._replayed(stop, inputs, wait)
        if stimulus is None:
            self._unreplayed.append(
                Text(
                    template="A run in which {service} stops was found, but the simulator on the submitted description "
                    "did not reproduce it.",
                    args={"service": stop.service},
                )
            )
            return None
        bits = self.state_bits(cube)
        witness = self._witness(stop, cube, stimulus, inputs)
        if wait is not None:
            accelerated = self._accelerated(stop, stimulus, wait)
            if accelerated is None:
                return None
            witness = witness.model_copy(update={"acceleration": accelerated})
        self._count += 1
        return Finding(
            id=f"stop-{self._count}",
            status=FindingStatus.UNDECLARED,
            title=wording.title(stop, graded, entered),
            explanation=wording.explanation(
                stop,
                graded,
                entered,
                bits,
                inputs,
                [f"{bit.name}={value}" for bit, value in bits_held],
                witness.acceleration,
            ),
            service=stop.service,
            grade=graded.grade,
            dead_state=bits,
            places=wording.places(bits),
            witness=witness,
        )

    def _accelerated(self, stop: Stop, stimulus: Stimulus, wait: Wait) -> Acceleration | None:
        """What of the run was proved instead of run; None when the checker does not accept that."""
        try:
            with self._progress.stage("certificate"):
                return told(
                    self.submission,
                    self._elaborated,
                    self._bound,
                    wait,
                    stop,
                    stimulus.to_json_bytes(),
                    self._keep_bytes,
                )
        except (CertificateError, LimitExceeded) as error:
            self._unreplayed.append(
                Text(
                    template="The checker did not accept the certificate for {service}: {reason}",
                    args={"service": stop.service, "reason": error.what},
                )
            )
            return None

    def _replayed(self, stop: Stop, inputs: list[RelevantInput], wait: Wait | None = None) -> Stimulus | None:
        """The stimulus of ``stop`` in the form another simulator reproduces: x as x, else x read as 0; None if none."""
        for x_as_zero in (False, True):
            stimulus = self._stimulus(stop, inputs, x_as_zero, wait)
            with self._progress.stage("replay"):
                try:
                    results = replay(stimulus, self.submission)
                except ReplayError as error:
                    self._unreplayed.append(
                        Text(template="A witness could not be replayed: {reason}", args={"reason": error.what})
                    )
                    return None
            if results and all(result.reproduced for result in results):
                return stimulus
        return None

    def _stimulus(self, stop: Stop, inputs: list[RelevantInput], x_as_zero: bool, wait: Wait | None) -> Stimulus:
        manifest = self.submission.manifest
        recording = stop.recording
        clock = manifest.clocks[0]
        ports = {port.name for port in self._bound.whole.model.ports if port.direction != "output"}
        expression = next(item for item in manifest.services if item.name == stop.service).parsed()
        return Stimulus.from_arrays(
            top=manifest.chip.top,
            clock=clock.port,
            clock_edge=clock.edge.value,
            inputs={name: bits for name, bits in recording.ports.items() if name in ports},
            service=stop.service,
            service_expression=to_verilog(expression),
            service_trace=recording.outputs[SERVICE + stop.service],
            reset_cycles=self._bound.whole.reset_cycles,
            dead_from=stop.dead_from,
            relevant_inputs=inputs,
            x_as_zero=x_as_zero,
            jump=None if wait is None else jump_of(self._bound, wait),
        )

    def _witness(self, stop: Stop, cube: Cube, stimulus: Stimulus, inputs: list[RelevantInput]) -> Witness:
        return Witness(
            service=stop.service,
            cycles=stop.recording.cycles,
            reset_cycles=self._bound.whole.reset_cycles,
            dead_from=stop.dead_from,
            last_service_cycle=stop.last_service,
            stimulus=self._keep_bytes(stimulus.to_json_bytes(), ".stimulus.json", "application/json"),
            vcd=self._keep_bytes(self._vcd(stop, cube), ".vcd", VCD),
            relevant_inputs=inputs,
            x_as_zero=stimulus.x_as_zero,
        )

    def _vcd(self, stop: Stop, cube: Cube) -> bytes:
        recording = stop.recording
        manifest = self.submission.manifest
        latches = self._bound.cone.model.latches
        dead = np.zeros(recording.cycles, np.uint8)
        dead[stop.dead_from :] = 1
        return write_vcd(
            top=manifest.chip.top,
            clock=manifest.clocks[0].port,
            clock_edge=manifest.clocks[0].edge.value,
            ports=[
                TracedPort(port.name, port.direction, recording.ports[port.name])
                for port in self._bound.whole.model.ports
            ],
            services={stop.service: recording.outputs[SERVICE + stop.service]},
            dead=dead,
            dead_state={
                latches[literal >> 1].name: recording.states[:, self._bound.latches[literal >> 1]].astype(np.uint8)
                for literal in self._telling_first(cube)
            },
        )

    def _keep_bytes(self, data: bytes, suffix: str, media_type: str) -> EvidenceFile:
        return self._keep(data, suffix, media_type)

    def declared(
        self,
        name: str,
        service: str,
        cube: Cube,
        run: Run | None,
        recording: Recording | None,
        serves: bool,
        frames: int,
        only_after: bool,
    ) -> None:
        """Report what a declared function does to a service."""
        item = next(item for item in self.submission.manifest.declared if item.name == name)
        if serves:
            self._caveats.append(
                Text(
                    template="The state declared as {name} also holds where {service} returns, so runs through it "
                    "were taken as explained without being looked at.",
                    args={"name": name, "service": service},
                )
            )
        if not cube:
            return
        bits = self.state_bits(cube)
        witness = None
        if run is not None and recording is not None:
            stop = find_stop(self._bound, recording, service, cube, (), 2 * frames)
            if stop is not None:
                inputs = relevant(self._bound, run, self._bound.whole.reset_cycles)
                stimulus = self._replayed(stop, inputs)
                if stimulus is not None:
                    witness = self._witness(stop, cube, stimulus, inputs)
        self._declared.append(
            Finding(
                id=f"declared-{name.lower().replace('_', '-')}-{service.lower().replace('_', '-')}",
                status=FindingStatus.DECLARED,
                title=Text(
                    template="The declared function {name} stops {service}", args={"name": name, "service": service}
                ),
                explanation=Text(
                    template="Declared trigger: {trigger}. That it is entered only after {condition} has been proved."
                    if only_after
                    else "Declared trigger: {trigger}. That this is the only way in has not been shown.",
                    args={"trigger": item.trigger} | ({"condition": item.only_after or ""} if only_after else {}),
                ),
                service=service,
                dead_state=bits,
                places=wording.places(bits),
                declared_as=name,
                document=item.document,
                witness=witness,
            )
        )

    def undecided(self, name: str, service: str) -> None:
        """Report that there was not the time to tell what a declared function does to a service."""
        self._caveats.append(
            Text(
                template="What the declared function {name} does to {service} was not decided in time.",
                args={"name": name, "service": service},
            )
        )

    def claim(self) -> Claim:
        """The claim with all findings.

        Refuted by any undeclared stop; proved if nothing is left to show and another checker with another solver
        accepts the certificate of every service; otherwise open.
        """
        stops = [finding for outcome in self._outcomes for finding in outcome.stops]
        suspects = answering.suspects(self._outcomes, self.state_bits, self._unseen)
        gaps = [*left_out(self._bound, self._elaborated), *self._caveats, *self._unreplayed]
        declared = self._bound.cone.declared
        complete = [o for o in self._outcomes if not gaps and not unfinished(o) and o.proved(declared)]
        certificates, refused = self._certified(complete)
        certified = {certificate.subject for certificate in certificates}
        proved = not stops and certified == {outcome.service for outcome in self._outcomes}
        return Claim(
            id=ClaimId.NO_REMOTE_SHUTDOWN,
            verdict=Verdict.REFUTED if stops else Verdict.PROVED if proved else Verdict.OPEN,
            summary_text=answering.summary(self._outcomes, proved),
            examined=True,
            coverage=coverage(
                self.submission, self._bound, self._elaborated, self._outcomes, len(suspects), [*gaps, *refused]
            ),
            findings=[*stops, *suspects[:_MOST_SUSPECTS], *self._declared],
            certificates=certificates,
            answers=answering.answers(self._outcomes, certified),
        )

    def _certified(self, outcomes: Sequence[Outcome]) -> tuple[list[Certificate], list[Text]]:
        """The certificates the checker accepts, and a sentence for each it does not."""
        certificates, refused = [], []
        for outcome in outcomes:
            data = shutdown_certificate(self.submission, self._elaborated, self._bound, outcome)
            with self._progress.stage("certificate"):
                checked = check(data, self.submission, self._elaborated, progress=self._progress)
            if checked.accepted:
                kept = self._keep_bytes(data, SUFFIX, MEDIA_TYPE)
                certificates.append(
                    Certificate(
                        kind="inductive invariant",
                        subject=outcome.service,
                        file=kept,
                        checked_by=f"sandgrain check, {checked.solver}",
                    )
                )
            else:
                refused.append(
                    Text(
                        template="The checker did not accept the certificate for {service}: {reason}",
                        args={"service": outcome.service, "reason": checked.reason.splitlines()[0]},
                    )
                )
        return certificates, refused

    def _unseen(self, cube: Cube) -> bool:
        """Whether the cube holds a value that ordinary operation never shows."""
        return bool((self._common[list(cube)] == 0).any())
