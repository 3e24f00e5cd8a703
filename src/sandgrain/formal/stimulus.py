"""The stimulus of a witness: every input in every cycle from power-up, and what the service did.

Cycle ``t`` is the state after ``t`` clock edges from power-up together with the inputs of cycle ``t``; the service is
sampled in it, before edge ``t + 1``. Registers without an initial value are 0 at power-up. Values are stored as runs,
``[count, bits]`` with the most significant bit first, because a witness is mostly the same value over and over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandgrain.formal._run_text import (
    MAX_CYCLES,
    Cycle,
    PortName,
    Runs,
    check_runs,
    json_text,
    parse_model,
    read_bytes,
    refusal,
    runs_of,
)
from sandgrain.verdict import RelevantInput

SCHEMA: Literal["sandgrain.stimulus/1"] = "sandgrain.stimulus/1"
"""What the ``schema`` key of a stimulus says."""

MEDIA_TYPE = "application/json"
"""Media type of a stimulus file."""

_WHAT = "stimulus"


@dataclass(frozen=True, slots=True)
class StimulusLimits:
    """How much of a stimulus file is read.

    Attributes:
        file_bytes: size of the JSON text.
    """

    file_bytes: int = 64 * 1024 * 1024


class Jump(BaseModel):
    """Cycles that are not run but proved: before ``cycle`` the registers named are set, all others stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cycle: Cycle = Field(description="cycle before which the jump is made")
    skipped: int = Field(ge=1, lt=1 << 256, description="clock cycles skipped")
    registers: dict[PortName, Literal[0, 1]] = Field(
        min_length=1, max_length=65_536, description="register bit by name, and the value it has after the jump"
    )


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
    top: PortName = Field(description="top module")
    clock: PortName = Field(description="clock port; it is not among the inputs")
    clock_edge: Literal["rising", "falling"] = Field(description="edge on which registers change")
    cycles: int = Field(ge=1, le=MAX_CYCLES, description="length in clock cycles")
    reset_cycles: int = Field(ge=0, le=MAX_CYCLES, description="leading cycles with reset asserted")
    dead_from: Cycle = Field(description="first cycle in the dead state")
    last_service_cycle: Cycle | None = Field(description="last cycle in which the service was given, if it ever was")
    service: str = Field(min_length=1, max_length=64, description="name of the service")
    service_expression: str = Field(
        min_length=1,
        max_length=4096,
        description="Verilog expression, true while given",
    )
    inputs: dict[PortName, Runs] = Field(description="input port to runs of its value, most significant bit first")
    service_trace: Runs = Field(description="runs of the service, one bit")
    relevant_inputs: tuple[RelevantInput, ...] = Field(default=(), description="input bits that the trigger needs")
    x_as_zero: bool = Field(
        default=False,
        description="whether values the description leaves unknown are read as 0",
    )
    jump: Jump | None = Field(default=None, description="cycles that were proved instead of run, if any were")

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
            check_runs(f"inputs.{port}", runs, len(runs[0][1]), self.cycles)
        check_runs("service_trace", self.service_trace, 1, self.cycles)
        self._check_service()
        for relevant in self.relevant_inputs:
            self._check_relevant(relevant)
        if self.jump is not None and not self.reset_cycles <= self.jump.cycle <= self.dead_from:
            raise ValueError(f"jump: in cycle {self.jump.cycle}, not between reset and {self.dead_from}")
        return self

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
        jump: Jump | None = None,
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
            jump: cycles that were proved instead of run.

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
                inputs={port: runs_of(bits) for port, bits in inputs.items()},
                service_trace=runs_of(trace[:, None]),
                relevant_inputs=tuple(relevant_inputs),
                x_as_zero=x_as_zero,
                jump=jump,
            )
        except ValidationError as error:
            raise refusal(error, None, what=_WHAT, schema=SCHEMA) from error

    def to_json_bytes(self) -> bytes:
        """The stimulus as JSON, UTF-8: one key of the outer object, one port and one relevant input per line."""
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        ports = ",\n".join(f"  {json_text(port)}: {json_text(runs)}" for port, runs in data["inputs"].items())
        relevant = ",\n".join(f"  {json_text(item)}" for item in data["relevant_inputs"])
        blocks = {
            "inputs": f"{{\n{ports}\n }}" if ports else "{}",
            "relevant_inputs": f"[\n{relevant}\n ]" if relevant else "[]",
        }
        lines = ",\n".join(f" {json_text(key)}: {blocks.get(key) or json_text(value)}" for key, value in data.items())
        return f"{{\n{lines}\n}}\n".encode()


def read_stimulus(path: Path, limits: StimulusLimits | None = None) -> Stimulus:
    """The stimulus in the file ``path``.

    Raises:
        ReplayError: the file is missing, too large or no stimulus; the message says what was expected.
    """
    limits = limits or StimulusLimits()
    data = read_bytes(path, limits.file_bytes, what=_WHAT, limit_name="StimulusLimits.file_bytes")
    return parse_stimulus(data, file=path)


def parse_stimulus(data: bytes, *, file: Path | str | None = None) -> Stimulus:
    """The stimulus in JSON text; ``file`` is its name for messages.

    Raises:
        ReplayError: the text is no stimulus.
    """
    return parse_model(Stimulus, data, what=_WHAT, schema=SCHEMA, file=file)
