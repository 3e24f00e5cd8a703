"""What a certificate has to show, worked out from the manifest and the gates, and decided by a solver of its own.

Each obligation is told in docs/reference/certificate.md. The certificate says what is true in every state of
operation, never what is to be shown. Whatever cannot be stated, modelled or decided makes it not accepted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath

from sandgrain.check.certificate import BOTH, Certificate, named, network_digest, parse, stopping, terms_digest
from sandgrain.check.circuit import Circuit
from sandgrain.check.errors import CertificateError
from sandgrain.check.formula import Formula, solver_name
from sandgrain.check.phases import Phases
from sandgrain.check.registers import initial_values, state_names
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import Expression, Signal, Submission
from sandgrain.submission import parse as parse_expression
from sandgrain.verdict import ClaimId


@dataclass(frozen=True)
class CheckLimits:
    """How much one check may take; reaching a limit means that the certificate is not accepted.

    Attributes:
        seconds: wall clock of all obligations.
        variables: of one obligation.
        reset_cycles: cycles of reset that are unrolled.
    """

    seconds: float = 600.0
    variables: int = 20_000_000
    reset_cycles: int = 256


@dataclass(frozen=True)
class Obligation:
    """One thing a certificate has to show: what, whether it does, in how many seconds, and why not."""

    name: str
    holds: bool
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Checked:
    """What the checker says of a certificate.

    Attributes:
        accepted: whether every obligation holds; False unless all of them were decided.
        claim, subject: what the certificate is about; empty if it could not be read.
        obligations: those looked at, up to the first that does not hold.
        solver: which solver decided.
        reason: why it is not accepted; empty if it is.
    """

    accepted: bool
    claim: str
    subject: str
    obligations: tuple[Obligation, ...]
    solver: str
    reason: str


def check(
    data: bytes,
    submission: Submission,
    elaborated: Elaborated,
    *,
    progress: Progress,
    file: PurePath | str | None = None,
    limits: CheckLimits | None = None,
) -> Checked:
    """Check a certificate against a submission; never raises for what is in the certificate or the submission.

    Args:
        data: the text of the certificate.
        submission: what it is to be about.
        elaborated: the submission's description as netlists.
        progress: told which obligation is being looked at.
        file: what to call the certificate in messages.
        limits: how much it may take.
    """
    done: list[Obligation] = []
    claim = subject = ""
    try:
        certificate = parse(data, file=file)
        claim, subject = certificate.claim.value, certificate.subject
        _Check(certificate, submission, elaborated, progress, limits or CheckLimits(), done).run()
        reason = "" if done and all(item.holds for item in done) else "an obligation does not hold"
    except SandgrainError as error:
        reason = str(error)
    return Checked(not reason, claim, subject, tuple(done), solver_name(), reason)


class _Check:
    """One certificate being checked; a run is one copy of the chip, of which *no covert channel* compares two."""

    def __init__(
        self, certificate: Certificate, submission: Submission, elaborated: Elaborated, progress: Progress, limits: CheckLimits
    ) -> None:
        self.certificate, self.manifest, self.elaborated = certificate, submission.manifest, elaborated
        self.progress, self.limits = progress, limits
        self.module = elaborated.gates.top_module
        self.deadline = time.monotonic() + limits.seconds
        self.channel = certificate.claim is ClaimId.NO_COVERT_CHANNEL
        self.done: list[Obligation] = []

    @contextmanager
    def obligation(self, name: str) -> Iterator[None]:
        """Time an obligation; it holds unless the block raises."""
        started, failed = time.monotonic(), "not decided"
        try:
            with self.progress.stage(f"checking: {name}"):
                yield
            failed = ""
        except SandgrainError as error:
            failed = error.what
            raise
        finally:
            self.done.append(Obligation(name, not failed, round(time.monotonic() - started, 3), failed))

    def run(self) -> None:
        """Go through the obligations.

        Raises:
            SandgrainError: one of them does not hold, or cannot be stated or decided.
        """
        with self.obligation("binding"):
            self.bind()
        with self.obligation("model"):
            self.phases = Phases(self.manifest, self.module)
            source = self.source() if self.channel else []
            self.circuit = Circuit(self.module, self.phases.clock, self.phases.edge, source)
            self.ask()
            self.read_names()
            self.circuit.close()
        with self.formula() as formula, self.obligation("reset"):
            states = self.after_reset(formula)
            self.show(formula, self.clauses(formula, states), "does not hold after reset")
            first = self.step(formula, self.phases.released, states)
            self.show(formula, self.never_at_first(first), "holds right after reset")
        with self.formula() as formula:
            with self.obligation("step"):
                states = self.operating(formula)
                now = self.step(formula, self.phases.released, states)
                nexts = self.nexts(now)
                self.show(formula, self.clauses(formula, nexts), "is not kept by a step")
            if self.channel:
                with self.obligation("sinks"):
                    self.show(formula, self.sinks(formula, now), "tells the two runs apart")
            else:
                with self.obligation("service"):
                    if not formula.possible([now[0][self.service]]):
                        raise CertificateError("the service is never given: its expression is false in every state")
                with self.obligation("declared"):
                    self.require(formula, nexts)
                    then = self.step(formula, self.phases.released, nexts)
                    self.show(formula, self.entered(now, then), "is entered without its trigger")
        if not self.channel:
            with self.formula() as formula, self.obligation("recovery"):
                self.recover(formula)
