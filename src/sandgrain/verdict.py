"""The vocabulary of an audit: claims, verdicts, findings, witnesses, certificates, coverage, the case.

A verdict never says more than was shown. The models themselves refuse to: a *refuted* claim carries an
undeclared finding with a witness, a *proved* claim carries a certificate and nothing unexplained, and
everything else is *open*.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)(?::(,))?\}")
SCHEMA_VERSION = "1.0"
"""Version of ``case.json``: the major part changes when a reader of the old form would misread the new."""


class Model(BaseModel):
    """Base of every model of a case: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimId(StrEnum):
    """The seven questions a case answers."""

    NO_REMOTE_SHUTDOWN = "no-remote-shutdown"
    NO_COVERT_CHANNEL = "no-covert-channel"
    NO_HIDDEN_LOGIC = "no-hidden-logic"
    DESCRIPTION_MATCHES_DRAWING = "description-matches-drawing"
    DRAWING_MATCHES_DIE = "drawing-matches-die"
    EVIDENCE_UNALTERED = "evidence-unaltered"
    CUSTODY_UNBROKEN = "custody-unbroken"


class Grade(StrEnum):
    """What brings the service back after a stop."""

    SLOWED = "slowed"
    """It comes back by itself, later than it has to."""
    NEEDS_RESET = "needs-reset"
    """Reset brings it back."""
    NEEDS_POWER_CYCLE = "needs-power-cycle"
    """Reset does not, the values registers have at power-up do."""
    SURVIVES_RESET = "survives-reset"
    """Reset does not, and nothing says that a power cycle does."""


class Verdict(StrEnum):
    """The three ways a claim can end."""

    REFUTED = "refuted"
    PROVED = "proved"
    OPEN = "open"


class FindingStatus(StrEnum):
    """How far a finding got: shown and undeclared, explained by the manifest, or merely suspected."""

    UNDECLARED = "undeclared"
    DECLARED = "declared"
    SUSPECT = "suspect"


class Text(Model):
    """A sentence that can be told in another language: an English template and its arguments.

    ``template`` is the gettext message id; ``args`` fill its ``{name}`` fields in every language.
    """

    template: str
    args: dict[str, str | int] = Field(default_factory=dict)

    def __str__(self) -> str:
        # Not str.format: a case may have been altered by anybody, and its fields could read attributes.
        return _FIELD.sub(self._told, self.template)

    def _told(self, field: re.Match[str]) -> str:
        if field[1] is None:
            return field[0][0]
        value = self.args.get(field[1], field[0])
        return f"{value:,}" if field[2] and isinstance(value, int) else str(value)


class Place(Model):
    """A line of a submitted file, relative to the submission."""

    file: str
    line: int = Field(ge=1)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class StateBit(Model):
    """One flip-flop (or held input) of a dead state, in the vendor's own name, and the value it has there."""

    name: str
    value: int = Field(ge=0, le=1)
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


class RelevantInput(Model):
    """One input bit that matters to a witness: every other bit may be anything."""

    cycle: int = Field(ge=0)
    port: str
    bit: int = Field(ge=0)
    value: int = Field(ge=0, le=1)


class EvidenceFile(Model):
    """A file of the case, named by its SHA-256: ``evidence/<sha256>.<suffix>``."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")
    media_type: str


class Acceleration(Model):
    """A stretch of a run that is not simulated but proved: a register that counts whatever happens jumps ahead.

    The certificate shows that while the inputs are as in the run, or whatever they are, nothing but the counter takes
    part in the wait, so that the run with the jump and the whole run end alike.
    """

    counter: str = Field(description="name of the register that counts")
    cycle: int = Field(ge=0, description="cycle of the witness before which the jump is made")
    skipped: int = Field(ge=1, description="clock cycles skipped")
    state: list[StateBit] = Field(description="the counter's bits after the jump")
    fires_after: int = Field(ge=1, description="clock cycles from power-up after which the service does not come back")
    seconds: float | None = Field(default=None, ge=0, description="the same at the declared clock frequency")
    certificate: EvidenceFile


class Witness(Model):
    """A run from reset into a state from which the service does not come back.

    Cycles count clock edges from power-up; cycle ``t`` is the state before the ``t+1``-th edge together with the
    inputs applied in it.
    """

    service: str = Field(description="name of the service that stops")
    cycles: int = Field(ge=1, description="length of the stimulus in clock cycles")
    reset_cycles: int = Field(ge=0, description="leading cycles with reset asserted")
    dead_from: int = Field(ge=0, description="first cycle in the dead state")
    last_service_cycle: int | None = Field(description="last cycle in which the service was given, if it ever was")
    stimulus: EvidenceFile
    vcd: EvidenceFile
    relevant_inputs: list[RelevantInput] = Field(
        description="input bits outside reset that the trigger needs, at the cycles it needs them"
    )
    x_as_zero: bool = Field(
        default=False, description="whether the run needs values the description leaves unknown (x) to be read as 0"
    )
    acceleration: Acceleration | None = Field(default=None, description="what of the run was proved instead of run")


class Leak(Model):
    """Two runs from power-up that differ in one source alone, and the first output bit that tells them apart."""

    source: str = Field(description="name of the source")
    sink: str = Field(description="output port that differs first")
    bit: int = Field(ge=0, description="bit of that port")
    cycles: int = Field(ge=1, description="length of either run in clock cycles")
    reset_cycles: int = Field(ge=0, description="leading cycles with reset asserted")
    first_difference: int = Field(ge=0, description="first cycle in which the outputs differ where no flow is declared")
    source_bits: list[StateBit] = Field(description="bits of the source that differ, with their value in the first run")
    relevant_inputs: list[RelevantInput] = Field(description="input bits outside reset that the leak needs")
    leaked_bits: int | None = Field(default=None, ge=1, description="bits of the source seen to reach the sinks")
    leaked_in: int | None = Field(default=None, ge=1, description="clock cycles in which they do")
    pair: EvidenceFile
    vcd: EvidenceFile


class Difference(Model):
    """Where two things that should be one and the same are not: the byte, the polygon, the register."""

    place: str = Field(description="where, as far as it can be told: file and byte, layer and position, register")
    expected: str = Field(description="what is there on the side that is relied on")
    found: str = Field(description="what is there on the side that was examined")
    box: tuple[float, float, float, float] | None = Field(
        default=None, description="left, bottom, right, top on the die in micrometres"
    )
    pictures: list[EvidenceFile] = Field(default_factory=list, description="SVG, the most telling first")
    files: list[EvidenceFile] = Field(default_factory=list, description="what shows it, beside pictures")
    command: str = Field(default="", description="what shows it again")
    checked_by: str = Field(default="", description="the checker and solver that ran it again; empty if none can")


class Certificate(Model):
    """A proof an independent checker validates without trusting the engine that found it."""

    kind: str
    subject: str = Field(description="the service or source it is about")
    file: EvidenceFile
    checked_by: str = Field(description="the checker and solver that accepted it")


class Finding(Model):
    """One thing found about one claim."""

    id: str = Field(pattern=r"^[a-z0-9-]+$", description="stable within the case; what `replay CASE FINDING` takes")
    status: FindingStatus
    title: Text
    explanation: Text
    service: str | None = None
    dead_state: list[StateBit] = Field(default_factory=list)
    places: list[Place] = Field(default_factory=list)
    declared_as: str | None = Field(default=None, description="name of the declared function that explains it")
    document: str | None = Field(default=None, description="document that declares it")
    grade: Grade | None = Field(default=None, description="what brings the service back")
    witness: Witness | None = None
    leak: Leak | None = None
    difference: Difference | None = None

    @model_validator(mode="after")
    def _says_no_more_than_was_shown(self) -> Self:
        if self.status is FindingStatus.UNDECLARED and not (self.witness or self.leak or self.difference):
            raise ValueError(f"finding {self.id}: an undeclared finding needs a witness, else it is a suspect")
        if self.status is FindingStatus.DECLARED and self.declared_as is None:
            raise ValueError(f"finding {self.id}: a declared finding names the declaration that explains it")
        return self


class Figure(Model):
    """One number that says how far the work got, e.g. ``flip-flops modelled: 1,588``."""

    name: Text
    value: int | str


class Coverage(Model):
    """How far the work on a claim got: what was modelled, what was assumed, what was left out."""

    figures: list[Figure] = Field(default_factory=list)
    assumptions: list[Text] = Field(default_factory=list)
    not_covered: list[Text] = Field(default_factory=list)


class Answer(Model):
    """What became of one service or source of a claim."""

    subject: str = Field(description="name of the service or source")
    verdict: Verdict
    text: Text


class Question(Model):
    """What the examiner may want to ask the vendor: nothing was declared about it, and nothing is concluded from it."""

    text: Text
    places: list[Place] = Field(default_factory=list)


class Claim(Model):
    """One of the seven questions and its answer."""

    id: ClaimId
    verdict: Verdict
    summary: str = Field(default="", description="the summary in English, as ``str(summary_text)``")
    summary_text: Text
    examined: bool
    coverage: Coverage = Field(default_factory=Coverage)
    findings: list[Finding] = Field(default_factory=list)
    certificates: list[Certificate] = Field(default_factory=list, description="one per service or source")
    answers: list[Answer] = Field(default_factory=list, description="one per service or source")
    questions: list[Question] = Field(default_factory=list, description="what to ask the vendor about")

    @model_validator(mode="before")
    @classmethod
    def _summary_in_english(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("summary") and data.get("summary_text") is not None:
            return {**data, "summary": str(Text.model_validate(data["summary_text"]))}
        return data

    @model_validator(mode="after")
    def _says_no_more_than_was_shown(self) -> Self:
        statuses = {finding.status for finding in self.findings}
        if not self.examined and (self.verdict is not Verdict.OPEN or self.findings):
            raise ValueError(f"{self.id}: a claim nobody examined is open and has no findings")
        if (self.verdict is Verdict.REFUTED) != (FindingStatus.UNDECLARED in statuses):
            raise ValueError(f"{self.id}: refuted exactly when an undeclared finding has a witness")
        if self.verdict is Verdict.PROVED:
            if not self.certificates:
                raise ValueError(f"{self.id}: proved needs a certificate")
            if FindingStatus.SUSPECT in statuses or self.coverage.not_covered:
                raise ValueError(f"{self.id}: proved leaves no suspect and nothing uncovered")
            if any(answer.verdict is not Verdict.PROVED for answer in self.answers):
                raise ValueError(f"{self.id}: proved only if it is for every service and source")
        certified = {certificate.subject for certificate in self.certificates}
        if any(a.verdict is Verdict.PROVED and a.subject not in certified for a in self.answers):
            raise ValueError(f"{self.id}: proved for a service or source needs its certificate")
        if self.verdict is not Verdict.REFUTED and any(a.verdict is Verdict.REFUTED for a in self.answers):
            raise ValueError(f"{self.id}: refuted if it is for any service or source")
        return self


class SubmittedFileRecord(Model):
    """One file of the submission as it was audited."""

    path: str
    role: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")


class SubmissionRecord(Model):
    """What was audited: enough to tell whether another directory holds the same submission."""

    chip: str
    vendor: str
    date: str
    top: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 over the sorted file records and the manifest")
    files: list[SubmittedFileRecord]


class Stage(Model):
    """One stage of the audit and the wall-clock seconds it took."""

    name: str
    seconds: float = Field(ge=0)


class Case(Model):
    """The whole answer; ``case.json`` is this model."""

    schema_version: str = SCHEMA_VERSION
    tool_version: str
    created: str = Field(description="UTC, ISO 8601")
    submission: SubmissionRecord
    claims: list[Claim]
    stages: list[Stage] = Field(default_factory=list)

    @model_validator(mode="after")
    def _every_claim_once(self) -> Self:
        if sorted(claim.id for claim in self.claims) != sorted(ClaimId):
            raise ValueError("a case answers each of the seven claims exactly once")
        return self

    @property
    def exit_code(self) -> int:
        """0 every examined claim proved or explained as declared, 1 a claim refuted, 3 something open."""
        examined = [claim.verdict for claim in self.claims if claim.examined]
        if Verdict.REFUTED in examined:
            return 1
        return 3 if Verdict.OPEN in examined or not examined else 0
