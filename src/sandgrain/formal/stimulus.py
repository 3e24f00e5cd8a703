"""The stimulus of a witness: every input in every cycle from power-up, and what the service did.

Cycle ``t`` is the state after ``t`` clock edges from power-up together with the inputs of cycle ``t``; the service is
sampled in it, before edge ``t + 1``. Registers without an initial value are 0 at power-up. Values are stored as runs,
``[count, bits]`` with the most significant bit first, because a witness is mostly the same value over and over.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandgrain.errors import ReplayError
from sandgrain.verdict import RelevantInput

SCHEMA: Literal["sandgrain.stimulus/1"] = "sandgrain.stimulus/1"
"""What the ``schema`` key of a stimulus says."""

MEDIA_TYPE = "application/json"
"""Media type of a stimulus file."""

MAX_CYCLES = 1_000_000
"""Most clock cycles a stimulus may have."""

_REMEDY = "take the stimulus from the case as the audit wrote it, or run the audit again"

# Names of the vendor's ports: anything printable, since Verilog knows escaped names; no blanks, they end one.
_Name = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=256)]
_Run = tuple[
    Annotated[int, Field(ge=1, le=MAX_CYCLES)],
    Annotated[str, Field(pattern=r"^[01]+$", max_length=65_536)],
]
_Runs = Annotated[tuple[_Run, ...], Field(min_length=1, max_length=MAX_CYCLES)]
_Cycle = Annotated[int, Field(ge=0, lt=MAX_CYCLES)]


@dataclass(frozen=True, slots=True)
class StimulusLimits:
    """How much of a stimulus file is read.

    Attributes:
        file_bytes: size of the JSON text.
    """

    file_bytes: int = 64 * 1024 * 1024


class Stimulus(BaseModel):
    """A run of the chip from power-up into a state from which a service does not come back.

    Every value is checked against the others: runs cover exactly ``cycles`` cycles at one width per port, the service
    is 0 from ``dead_from`` on, ``last_service_cycle`` is its last 1, and ``relevant_inputs`` are bits of ``inputs``.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    schema_name: Literal["sandgrain.stimulus/1"] = Field(default=SCHEMA, alias="schema")
    top: _Name = Field(description="top module")
    clock: _Name = Field(description="clock port; it is not among the inputs")
    clock_edge: Literal["rising", "falling"] = Field(description="edge on which registers change")
    cycles: int = Field(ge=1, le=MAX_CYCLES, description="length in clock cycles")
    reset_cycles: int = Field(ge=0, le=MAX_CYCLES, description="leading cycles with reset asserted")
    dead_from: _Cycle = Field(description="first cycle in the dead state")
    last_service_cycle: _Cycle | None = Field(description="last cycle in which the service was given, if it ever was")
    service: str = Field(min_length=1, max_length=64, description="name of the service")
    service_expression: str = Field(
        min_length=1,
        max_length=4096,
        description="Verilog expression, true while given",
    )
    inputs: dict[_Name, _Runs] = Field(description="input port to runs of its value, most significant bit first")
    service_trace: _Runs = Field(description="runs of the service, one bit")
    relevant_inputs: tuple[RelevantInput, ...] = Field(default=(), description="input bits that the trigger needs")
    x_as_zero: bool = Field(
        default=False,
        description="whether values the description leaves unknown are read as 0",
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.clock in self.inputs:
            raise ValueError(f"inputs: the clock {self.clock!r} is driven by the replay, not by the stimulus")
        if self.reset_cycles > self.cycles:
            raise ValueError(f"reset_cycles: {self.reset_cycles} in a stimulus of {self.cycles} cycles")
        if self.dead_from >= self.cycles:
            raise ValueError(f"dead_from: {self.dead_from} in a stimulus of {self.cycles} cycles")
        if self.dead_from < self.reset_cycles:
            raise ValueError(f"dead_from: {self.dead_from}, although reset lasts {self.reset_cycles} cycles")
        for port, runs in self.inputs.items():
            self._check_runs(f"inputs.{port}", runs, len(runs[0][1]))
        self._check_runs("service_trace", self.service_trace, 1)
        self._check_service()
        for relevant in self.relevant_inputs:
            self._check_relevant(relevant)
        return self

    def _check_runs(self, key: str, runs: Sequence[tuple[int, str]], width: int) -> None:
        covered = sum(count for count, _ in runs)
        if covered != self.cycles:
            raise ValueError(f"{key}: the runs cover {covered} cycles instead of {self.cycles}")
        if any(len(bits) != width for _, bits in runs):
            raise ValueError(f"{key}: a value that has not {width} bits")

    def _check_service(self) -> None:
        last = self._last_one(0)
        in_operation = self._last_one(self.reset_cycles)
        if last is not None and last >= self.dead_from:
            raise ValueError(f"service_trace: 1 in cycle {last}, although dead from cycle {self.dead_from}")
        # A 1 that is seen only while reset is asserted may be told or left out.
        if self.last_service_cycle not in ((in_operation,) if in_operation is not None else (None, last)):
            raise ValueError(f"last_service_cycle: {self.last_service_cycle}, but the trace has its last 1 at {last}")

    def _last_one(self, start: int) -> int | None:
        last, end = None, 0
        for count, bit in self.service_trace:
            end += count
            if bit == "1" and end > start:
                last = end - 1
        return last

    def _check_relevant(self, relevant: RelevantInput) -> None:
        where = f"relevant_inputs: {relevant.port}[{relevant.bit}] in cycle {relevant.cycle}"
        if relevant.port not in self.inputs:
            raise ValueError(f"{where} is not an input")
        if relevant.cycle >= self.cycles or relevant.bit >= self.width(relevant.port):
            raise ValueError(f"{where} is out of range")
        if int(self.value(relevant.port, relevant.cycle)[-1 - relevant.bit]) != relevant.value:
            raise ValueError(f"{where} is not {relevant.value}")

    @cached_property
    def _ends(self) -> dict[str, list[int]]:
        return {port: list(accumulate(count for count, _ in runs)) for port, runs in self.inputs.items()}

    def width(self, port: str) -> int:
        """Bits of an input port."""
        return len(self.inputs[port][0][1])

    def value(self, port: str, cycle: int) -> str:
        """The value of an input port in one cycle, most significant bit first."""
        return self.inputs[port][bisect_right(self._ends[port], cycle)][1]

    def expand(self, port: str) -> list[str]:
        """The value of an input port in each cycle, most significant bit first; ``cycles`` strings."""
        return [bits for count, bits in self.inputs[port] for _ in range(count)]

    def expand_trace(self) -> str:
        """The service in each cycle: ``cycles`` characters ``0`` or ``1``."""
        return "".join(bit * count for count, bit in self.service_trace)

    @classmethod
    def from_arrays(
        cls,
        *,
        top: str,
        clock: str,
        clock_edge: Literal["rising", "falling"],
        inputs: Mapping[str, NDArray[np.uint8]],
        service: str,
        service_expression: str,
        service_trace: NDArray[np.uint8],
        reset_cycles: int,
        dead_from: int,
        relevant_inputs: Sequence[RelevantInput] = (),
        x_as_zero: bool = False,
    ) -> Self:
        """A stimulus from bit arrays; ``cycles`` and ``last_service_cycle`` follow from the service trace.

        Args:
            top: top module.
            clock: clock port.
            clock_edge: edge on which registers change.
            inputs: uint8 (cycles, width) per input port but the clock, least significant bit first.
            service: name of the service.
            service_expression: its expression.
            service_trace: uint8 (cycles,).
            reset_cycles: leading cycles with reset asserted.
            dead_from: first cycle in the dead state.
            relevant_inputs: input bits that the trigger needs.
            x_as_zero: whether values the description leaves unknown are read as 0.

        Raises:
            ReplayError: the parts do not fit together.
        """
        trace = np.asarray(service_trace, np.uint8).reshape(-1)
        given = np.flatnonzero(trace[reset_cycles:])
        try:
            return cls(
                top=top,
                clock=clock,
                clock_edge=clock_edge,
                cycles=trace.size,
                reset_cycles=reset_cycles,
                dead_from=dead_from,
                last_service_cycle=int(given[-1]) + reset_cycles if given.size else None,
                service=service,
                service_expression=service_expression,
                inputs={port: _runs(bits) for port, bits in inputs.items()},
                service_trace=_runs(trace[:, None]),
                relevant_inputs=tuple(relevant_inputs),
                x_as_zero=x_as_zero,
            )
        except ValidationError as error:
            raise _refusal(error, None) from error

    def to_json_bytes(self) -> bytes:
        """The stimulus as JSON, UTF-8: one key of the outer object, one port and one relevant input per line."""
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        ports = ",\n".join(f"  {_json(port)}: {_json(runs)}" for port, runs in data["inputs"].items())
        relevant = ",\n".join(f"  {_json(item)}" for item in data["relevant_inputs"])
        blocks = {
            "inputs": f"{{\n{ports}\n }}" if ports else "{}",
            "relevant_inputs": f"[\n{relevant}\n ]" if relevant else "[]",
        }
        lines = ",\n".join(f" {_json(key)}: {blocks.get(key) or _json(value)}" for key, value in data.items())
        return f"{{\n{lines}\n}}\n".encode()


def read_stimulus(path: Path, limits: StimulusLimits | None = None) -> Stimulus:
    """The stimulus in the file ``path``.

    Raises:
        ReplayError: the file is missing, too large or no stimulus; the message says what was expected.
    """
    limits = limits or StimulusLimits()
    try:
        if not path.is_file():
            raise ReplayError(
                "no such file",
                file=path,
                expected="the stimulus of a witness",
                remedy=_REMEDY,
            )
        with path.open("rb") as file:
            data = file.read(limits.file_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ReplayError(
            f"cannot be read: {error}",
            file=path,
            expected="a readable file",
            remedy=_REMEDY,
        ) from error
    if len(data) > limits.file_bytes:
        raise ReplayError(
            "the file is too large",
            file=path,
            expected=f"at most {limits.file_bytes:,} bytes (StimulusLimits.file_bytes)",
            remedy=_REMEDY,
        )
    return parse_stimulus(data, file=path)


def parse_stimulus(data: bytes, *, file: Path | str | None = None) -> Stimulus:
    """The stimulus in JSON text; ``file`` is its name for messages.

    Raises:
        ReplayError: the text is no stimulus.
    """
    try:
        # Two parsers may take different ones of two equal keys, so there must not be two.
        json.loads(data, object_pairs_hook=_unique)
        return Stimulus.model_validate_json(data)
    except ValidationError as error:
        raise _refusal(error, file) from error
    except json.JSONDecodeError as error:
        raise ReplayError(
            f"not JSON: {error.msg}",
            file=file,
            line=error.lineno,
            column=error.colno,
            expected=f"a stimulus, schema {SCHEMA!r}",
            remedy=_REMEDY,
        ) from error
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else f"not a stimulus: {error}"
        raise ReplayError(what, file=file, expected=f"a stimulus, schema {SCHEMA!r}", remedy=_REMEDY) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is there twice")
    return result


def _json(value: object) -> str:
    return json.dumps(value, separators=(", ", ": "))


def _runs(bits: NDArray[np.uint8]) -> tuple[tuple[int, str], ...]:
    """Runs of equal rows of uint8 (cycles, width), least significant bit first."""
    bits = np.asarray(bits, np.uint8)
    if bits.ndim != 2 or bits.size == 0:
        return ()
    starts = np.concatenate(([0], np.flatnonzero((bits[1:] != bits[:-1]).any(axis=1)) + 1))
    counts = np.diff(np.append(starts, len(bits)))
    # Values other than 0 and 1 become characters that the model refuses.
    texts = np.ascontiguousarray(bits[starts, ::-1] + ord("0"))
    return tuple((int(count), row.tobytes().decode("latin-1")) for count, row in zip(counts, texts, strict=True))


def _refusal(error: ValidationError, file: Path | str | None) -> ReplayError:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"][:4])
    what = first["msg"].removeprefix("Value error, ")
    return ReplayError(
        f"not a stimulus: {key}: {what}" if key else f"not a stimulus: {what}",
        file=file,
        expected=f"a stimulus, schema {SCHEMA!r}, whose parts agree with one another",
        remedy=_REMEDY,
    )
