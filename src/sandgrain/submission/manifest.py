"""What the vendor says about the chip: ``submission.toml`` as models.

The models say what each key means and which values it takes; :func:`manifest_json_schema` exports them. What needs
the files or an expression's syntax is checked by :mod:`sandgrain.submission.intake`.
"""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from sandgrain.errors import SandgrainError
from sandgrain.submission.expression import Constant, Expression, parse, parse_constant, to_verilog

MANIFEST_NAME = "submission.toml"
"""File name of the manifest, at the top of the submission."""

SEQUENCE_LENGTH = 4096
"""Most cycles a recovery sequence may list before it repeats."""

_IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_$]*$"
_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
# Control characters could drive a terminal, and bidirectional marks could make a report read as something else.
_PROSE = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+$"
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+$"
# Goes into a macro or a parameter: nothing that could end a quoted string or start another macro.
_VALUE = r"^[ !#%-:<-\[\]^_a-~]*$"

Identifier = Annotated[str, Field(pattern=_IDENTIFIER, max_length=256)]
Name = Annotated[str, Field(pattern=_NAME, max_length=64)]
Prose = Annotated[str, Field(pattern=_PROSE, max_length=10_000)]
Line = Annotated[str, Field(pattern=_LINE, max_length=500)]
PathText = Annotated[str, Field(min_length=1, max_length=1000)]
ValueText = Annotated[str, Field(pattern=_VALUE, max_length=1000)]


class _Table(BaseModel):
    """A TOML table: unknown keys are errors, values keep the type they were written with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileRole(StrEnum):
    """What a submitted file is."""

    RTL = "rtl"
    NETLIST = "netlist"
    CELL_LIBRARY = "cell-library"
    LAYOUT = "layout"
    SCAN = "scan"
    ATTESTATION = "attestation"
    BILL_OF_MATERIALS = "bill-of-materials"


class Edge(StrEnum):
    """The clock edge on which registers take their next state."""

    RISING = "rising"
    FALLING = "falling"


class Level(StrEnum):
    """The level at which a reset is asserted."""

    LOW = "low"
    HIGH = "high"


class DeclaredKind(StrEnum):
    """What kind of function is declared."""

    HALT = "halt"
    DEBUG_LOCK = "debug-lock"
    LICENCE_TIMER = "licence-timer"
    ID_READOUT = "id-readout"


class SourceKind(StrEnum):
    """What kind of information a source is: what stays the same for a chip's life, and what changes as it runs."""

    IDENTITY = "identity"
    FUSES = "fuses"
    KEY = "key"
    LOCATION = "location"
    TIME = "time"
    DEBUG = "debug"

    @property
    def varies(self) -> bool:
        """Whether it may be another value in every cycle, rather than one value per run."""
        return self in (SourceKind.LOCATION, SourceKind.TIME, SourceKind.DEBUG)


class Chip(_Table):
    """Which chip this is."""

    name: Line = Field(description="name of the chip")
    vendor: Line = Field(description="who submits it")
    date: datetime.date = Field(description="date of the submission, e.g. 2026-11-23 without quotes")
    top: Identifier = Field(description="name of the top module")
    process: Name | None = Field(default=None, description="process its layout is drawn in, e.g. sky130")


class FileGroup(_Table):
    """Files of one role; several groups of one role are read in their order."""

    role: FileRole = Field(strict=False, description=f"what the files are: {', '.join(FileRole)}")
    paths: tuple[PathText, ...] = Field(
        strict=False,
        min_length=1,
        description="globs relative to the submission, e.g. `rtl/*.v`; `*` and `?` stay in a directory, `**` does not",
    )


class Elaboration(_Table):
    """How the hardware description is turned into a netlist."""

    include_dirs: tuple[PathText, ...] = Field(
        default=(),
        strict=False,
        description="directories searched for `include`, relative to the submission; every file in them is submitted",
    )
    defines: dict[Identifier, ValueText] = Field(default_factory=dict, description="macros: name to text")
    parameters: dict[Identifier, int | ValueText] = Field(
        default_factory=dict, description="parameters of the top module: name to integer or text"
    )


class Clock(_Table):
    """A clock input."""

    port: Identifier = Field(description="input port of the top module")
    edge: Edge = Field(strict=False, description="edge on which registers change: rising or falling")
    frequency_hz: int | None = Field(default=None, gt=0, description="nominal frequency in hertz")


class Reset(_Table):
    """A reset input."""

    port: Identifier = Field(description="input port of the top module")
    active: Level = Field(strict=False, description="level that asserts the reset: low or high")
    synchronous: bool = Field(description="whether it takes effect at the next clock edge only")
    cycles: int = Field(ge=1, le=1_024, description="clock cycles it is asserted after power-up")


class Service(_Table):
    """Something the chip does for its user and must be able to do again."""

    name: Name = Field(description="short name, a letter then letters, digits and _")
    expression: str = Field(min_length=1, description="Verilog expression over ports, true in a cycle of service")
    description: Prose = Field(default="", description="what the service is, in prose")

    def parsed(self) -> Expression:
        """The expression as a tree; raises SubmissionError when it is none."""
        return parse(self.expression, field=f"service {self.name}")


def _as_constant(value: object) -> Constant:
    if isinstance(value, bool):
        return Constant(1, int(value))
    if isinstance(value, int) and value >= 0:
        return Constant(None, value)
    if isinstance(value, str):
        try:
            return parse_constant(value)
        except SandgrainError as error:
            raise ValueError(f"{error.what.removeprefix('value: ')} ({error.expected})") from error
    if isinstance(value, Constant):
        return value
    raise ValueError("not a non-negative integer, a boolean or a constant in Verilog notation")


def _as_input(value: object) -> object:
    if value == "free":
        return value
    if not isinstance(value, list | tuple):
        return _as_constant(value)
    if not 0 < len(value) <= SEQUENCE_LENGTH:
        raise ValueError(f"a sequence has 1 to {SEQUENCE_LENGTH} values")
    return tuple(_as_constant(item) for item in value)


def _input_text(value: Constant | tuple[Constant, ...] | str) -> str | list[str]:
    if isinstance(value, tuple):
        return [to_verilog(item) for item in value]
    return to_verilog(value) if isinstance(value, Constant) else value


_CONSTANT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "boolean"},
        {"type": "string", "pattern": r"^ *[0-9][0-9_]*('[bBoOdDhH][0-9a-fA-F_]+)? *$"},
    ]
}
RecoveryInput = Annotated[
    Constant | tuple[Constant, ...] | Literal["free"],
    BeforeValidator(_as_input),
    PlainSerializer(_input_text),
    WithJsonSchema(
        {
            "description": "a constant, a list of constants repeated for ever, or free: any value in each cycle",
            "anyOf": [
                *_CONSTANT_SCHEMA["anyOf"],
                {"const": "free"},
                {"type": "array", "items": _CONSTANT_SCHEMA, "minItems": 1, "maxItems": SEQUENCE_LENGTH},
            ],
        }
    ),
]
"""How one input is driven during recovery: held, cycling through a sequence, or free."""


class Attempt(_Table):
    """One of several stimuli that are tried one after the other."""

    cycles: int = Field(ge=1, le=1024, description="clock cycles before the next attempt")
    inputs: dict[Identifier, RecoveryInput] = Field(
        min_length=1, description="input port to value; every attempt names the same ports, none of them `free`"
    )


class Recovery(_Table):
    """The plain stimulus after which every service must come back."""

    description: Prose = Field(default="", description="the stimulus in prose")
    within_cycles: int | None = Field(
        default=None, ge=1, le=100_000, description="cycles until a service is back; chosen automatically if absent"
    )
    inputs: dict[Identifier, RecoveryInput] = Field(
        default_factory=dict,
        description="input port to value; inputs not named here are held at an arbitrary constant",
    )
    attempts: list[Attempt] = Field(
        default_factory=list, description="stimuli tried one after the other, then again from the first"
    )

    @property
    def driven(self) -> dict[str, Constant | tuple[Constant, ...] | Literal["free"]]:
        """Every input that is driven, the attempts written out as one sequence."""
        return dict(self.inputs) | {
            port: tuple(value for attempt in self.attempts for value in _lasting(attempt, port))
            for port in (self.attempts[0].inputs if self.attempts else ())
        }

    @property
    def attempted_in(self) -> int:
        """Clock cycles until every attempt has been made; 0 when there is one stimulus."""
        return sum(attempt.cycles for attempt in self.attempts)


def _lasting(attempt: Attempt, port: str) -> list[Constant]:
    """The values of a port in each cycle of an attempt."""
    value = attempt.inputs[port]
    values = value if isinstance(value, tuple) else (value,)
    return [item for cycle in range(attempt.cycles) if not isinstance(item := values[cycle % len(values)], str)]


class Declared(_Table):
    """A function the vendor declares, such as a halt or a debug lock."""

    name: Name = Field(description="short name, a letter then letters, digits and _")
    kind: DeclaredKind = Field(strict=False, description=f"what it is: {', '.join(DeclaredKind)}")
    state: str = Field(min_length=1, description="Verilog expression over ports or signals, true while it is active")
    trigger: Prose = Field(description="what activates it, in prose")
    only_after: str | None = Field(
        default=None,
        min_length=1,
        description="Verilog expression over ports or signals that holds in the cycle before the state is entered",
    )
    document: Line = Field(description="which document says so")

    def parsed(self) -> Expression:
        """The state as a tree; raises SubmissionError when it is none."""
        return parse(self.state, field=f"declared function {self.name}")

    def entered_after(self) -> Expression | None:
        """The trigger as a tree, None if it is told in prose only; raises SubmissionError when it is no expression."""
        return None if self.only_after is None else parse(self.only_after, field=f"declared function {self.name}")


class Source(_Table):
    """Something that must not reach an output it was not declared to reach."""

    name: Name = Field(description="short name, a letter then letters, digits and _")
    kind: SourceKind = Field(strict=False, description=f"what it is: {', '.join(SourceKind)}")
    signal: str = Field(min_length=1, max_length=500, description="input port or register that holds it")
    description: Prose = Field(default="", description="what it is, in prose")


class Flow(_Table):
    """A declared flow of information from a source to sinks."""

    source: Name = Field(description="name of the source")
    sinks: tuple[Identifier, ...] = Field(strict=False, min_length=1, description="output ports it may reach")
    when: str | None = Field(
        default=None, min_length=1, description="Verilog expression: it may flow while it holds; always if absent"
    )
    document: Line = Field(description="which document says so")

    def condition(self) -> Expression | None:
        """The condition as a tree, None for always; raises SubmissionError when it is no expression."""
        return None if self.when is None else parse(self.when, field=f"flow from {self.source}")


def _no_lookalike(value: object) -> object:
    return value if type(value) is int else repr(value)  # true and 1.0 equal 1 in Python


class Manifest(_Table):
    """``submission.toml``: what a vendor hands over and what it declares."""

    schema_version: Annotated[Literal[1], BeforeValidator(_no_lookalike)] = Field(
        alias="schema", description="version of this format: 1"
    )
    chip: Chip = Field(description="which chip this is")
    files: tuple[FileGroup, ...] = Field(strict=False, min_length=1, description="the files handed over, by role")
    elaboration: Elaboration = Field(default_factory=Elaboration, description="how the description is read")
    clocks: tuple[Clock, ...] = Field(strict=False, min_length=1, description="the clock inputs")
    resets: tuple[Reset, ...] = Field(default=(), strict=False, description="the reset inputs")
    services: tuple[Service, ...] = Field(strict=False, min_length=1, description="what the chip must go on doing")
    recovery: Recovery = Field(description="the stimulus after which every service must come back")
    declared: tuple[Declared, ...] = Field(default=(), strict=False, description="functions the vendor declares")
    sources: tuple[Source, ...] = Field(
        default=(), strict=False, description="what must not reach an output: identities, keys, location, time"
    )
    flows: tuple[Flow, ...] = Field(default=(), strict=False, description="flows of information the vendor declares")


def manifest_json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of ``submission.toml``; TOML dates are strings of format ``date``."""
    schema = Manifest.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
