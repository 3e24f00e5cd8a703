"""A pair of runs: every input of two runs from power-up that differ in one source alone, and what the outputs did.

Cycle ``t`` is the state after ``t`` clock edges from power-up together with the inputs of cycle ``t``; outputs are
sampled in it, before edge ``t + 1``. Registers without an initial value are 0 at power-up, in both runs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandgrain.formal._run_text import (
    MAX_CYCLES,
    BitText,
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

SCHEMA: Literal["sandgrain.pair/1"] = "sandgrain.pair/1"
"""What the ``schema`` key of a pair says."""

MEDIA_TYPE = "application/json"
"""Media type of a pair's file."""

FIRST: Final = 0
"""The first run."""

SECOND: Final = 1
"""The second run."""

_WHAT = "pair"
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True)

Bits = NDArray[np.uint8]
Segment = tuple[int, int, str, str]  # first cycle, cycle after the last, value in the first run, in the second


@dataclass(frozen=True, slots=True)
class PairLimits:
    """How much of a pair's file is read.

    Attributes:
        file_bytes: size of the JSON text.
    """

    file_bytes: int = 128 * 1024 * 1024


class Excepted(BaseModel):
    """An output port that the source was declared to reach, and when."""

    model_config = _STRICT

    port: PortName = Field(description="output port")
    when: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="Verilog expression: it may differ while this holds in both runs; always if null",
    )


@dataclass(frozen=True)
class Drive:
    """The inputs of one of the runs, as a simulator is told them.

    Attributes:
        top: top module.
        clock: clock port.
        clock_edge: edge on which registers change.
        cycles: length in clock cycles.
        inputs: input port to runs of its value, most significant bit first.
    """

    top: str
    clock: str
    clock_edge: Literal["rising", "falling"]
    cycles: int
    inputs: Mapping[str, Sequence[tuple[int, str]]]

    def width(self, port: str) -> int:
        """Bits of an input port."""
        return len(self.inputs[port][0][1])

    def expand(self, port: str) -> list[str]:
        """The value of an input port in each cycle, most significant bit first; ``cycles`` strings."""
        return [bits for count, bits in self.inputs[port] for _ in range(count)]


class Pair(BaseModel):
    """Two runs of the chip from power-up that differ in one source, and the first output bit that tells them apart.

    Every value is checked against the others: runs cover exactly ``cycles`` cycles at one width per port, the source
    differs, from the end of reset to ``first_difference`` no output differs but those of ``excepted``, and in that
    cycle the bit named does. Whether a condition of ``excepted`` held, only a simulation tells.
    """

    model_config = _STRICT

    schema_name: Literal["sandgrain.pair/1"] = Field(default=SCHEMA, alias="schema")
    top: PortName = Field(description="top module")
    clock: PortName = Field(description="clock port; it is not among the inputs")
    clock_edge: Literal["rising", "falling"] = Field(description="edge on which registers change")
    cycles: int = Field(ge=1, le=MAX_CYCLES, description="length of either run in clock cycles")
    reset_cycles: int = Field(ge=0, le=MAX_CYCLES, description="leading cycles with reset asserted")
    source: str = Field(min_length=1, max_length=64, description="name of the source")
    sink: PortName = Field(description="output port that differs first")
    bit: int = Field(ge=0, lt=65_536, description="bit of that port, 0 the least significant")
    first_difference: Cycle = Field(description="first cycle in which outputs differ that no flow excepts")
    excepted: tuple[Excepted, ...] = Field(default=(), max_length=65_536, description="declared flows of the source")
    inputs: dict[PortName, Runs] = Field(description="input port to runs of its value, the same in both runs")
    source_inputs: dict[PortName, tuple[Runs, Runs]] = Field(
        default_factory=dict, description="input port of the source to runs in the first and in the second run"
    )
    source_registers: dict[PortName, tuple[BitText, BitText]] = Field(
        default_factory=dict,
        description="register or net of the source to its value in every cycle of the first and of the second run",
    )
    outputs: dict[PortName, tuple[Runs, Runs | None]] = Field(
        description="output port to runs in the first and in the second run; null if they are the same"
    )
    relevant_inputs: tuple[RelevantInput, ...] = Field(default=(), description="input bits that the leak needs")
    x_as_zero: bool = Field(default=False, description="whether values the description leaves unknown are read as 0")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.reset_cycles > self.cycles:
            raise ValueError(f"reset_cycles: {self.reset_cycles} in a pair of {self.cycles} cycles")
        if not self.reset_cycles <= self.first_difference < self.cycles:
            raise ValueError(
                f"first_difference: {self.first_difference}, in a pair of {self.cycles} cycles of which "
                f"{self.reset_cycles} are reset"
            )
        groups = ({self.clock}, self.inputs.keys(), self.source_inputs.keys(), self.outputs.keys())
        taken: set[str] = set()
        for names in groups:
            if twice := sorted(taken & names):
                raise ValueError(f"{twice[0]}: twice among the clock, the inputs, the source's and the outputs")
            taken |= names
        for port, runs in self.inputs.items():
            check_runs(f"inputs.{port}", runs, len(runs[0][1]), self.cycles)
        for port, both in self.source_inputs.items():
            for runs in both:
                check_runs(f"source_inputs.{port}", runs, len(both[0][0][1]), self.cycles)
        for name, (one, two) in self.source_registers.items():
            if len(one) != len(two):
                raise ValueError(f"source_registers.{name}: values of {len(one)} and of {len(two)} bits")
        for port, (first, second) in self.outputs.items():
            for runs in (first, second or first):
                check_runs(f"outputs.{port}", runs, len(first[0][1]), self.cycles)
        self._check_source()
        self._check_difference()
        self._check_relevant()
        return self

    def _check_source(self) -> None:
        if any(one != two for one, two in self.source_registers.values()):
            return
        starts = [
            next((start for start, _, one, two in segments(*both) if one != two), self.cycles)
            for both in self.source_inputs.values()
        ]
        if min(starts, default=self.cycles) > self.first_difference:
            raise ValueError("source_inputs: the source is the same in both runs up to the first difference")

    def _check_difference(self) -> None:
        if self.sink not in self.outputs:
            raise ValueError(f"sink: {self.sink} is no output recorded")
        if self.bit >= self.width(self.sink):
            raise ValueError(f"bit: {self.bit} of {self.sink}, which has {self.width(self.sink)} bits")
        excepted = {flow.port for flow in self.excepted}
        if any(flow.port == self.sink and flow.when is None for flow in self.excepted):
            raise ValueError(f"sink: {self.sink} is always excepted")
        for port in self.outputs.keys() - excepted:
            for start, end, one, two in self.differences(port):
                if max(start, self.reset_cycles) < min(end, self.first_difference):
                    cycle = max(start, self.reset_cycles)
                    raise ValueError(f"outputs.{port}: {one} and {two} in cycle {cycle}, before the first difference")
        one, two = (self.output(self.sink, run, self.first_difference)[-1 - self.bit] for run in (FIRST, SECOND))
        if one == two:
            raise ValueError(f"outputs.{self.sink}: bit {self.bit} is {one} in both runs in the first difference")

    def _check_relevant(self) -> None:
        driven = self.driven(FIRST)
        ends: dict[str, list[int]] = {}
        for relevant in self.relevant_inputs:
            where = f"relevant_inputs: {relevant.port}[{relevant.bit}] in cycle {relevant.cycle}"
            runs = driven.get(relevant.port)
            if runs is None:
                raise ValueError(f"{where} is not an input")
            if relevant.cycle >= self.cycles or relevant.bit >= len(runs[0][1]):
                raise ValueError(f"{where} is out of range")
            if relevant.port not in ends:
                ends[relevant.port] = _ends(runs)
            if int(runs[bisect_right(ends[relevant.port], relevant.cycle)][1][-1 - relevant.bit]) != relevant.value:
                raise ValueError(f"{where} is not {relevant.value} in the first run")

    def width(self, output: str) -> int:
        """Bits of a recorded output port."""
        return len(self.outputs[output][FIRST][0][1])

    def recorded(self, output: str, run: int) -> Runs:
        """The runs of an output port in the first (0) or second (1) run."""
        first, second = self.outputs[output]
        return first if run == FIRST or second is None else second

    def output(self, output: str, run: int, cycle: int) -> str:
        """The value of an output port in one run and cycle, most significant bit first."""
        runs = self.recorded(output, run)
        return runs[bisect_right(_ends(runs), cycle)][1]

    def differences(self, output: str) -> Iterator[Segment]:
        """Where an output port differs: first cycle, cycle after the last, value in the first run, in the second."""
        if self.outputs[output][SECOND] is None:
            return iter(())
        both = segments(self.recorded(output, FIRST), self.recorded(output, SECOND))
        return (segment for segment in both if segment[2] != segment[3])

    def driven(self, run: int) -> dict[str, Runs]:
        """The runs of every input port in the first (0) or second (1) run."""
        return self.inputs | {port: both[run] for port, both in self.source_inputs.items()}

    def drive(self, run: int) -> Drive:
        """The inputs of the first (0) or second (1) run."""
        return Drive(self.top, self.clock, self.clock_edge, self.cycles, self.driven(run))

    @classmethod
    def from_arrays(
        cls,
        *,
        top: str,
        clock: str,
        clock_edge: Literal["rising", "falling"],
        reset_cycles: int,
        source: str,
        sink: str,
        bit: int,
        first_difference: int,
        inputs: Mapping[str, Bits],
        outputs: Mapping[str, tuple[Bits, Bits | None]],
        source_inputs: Mapping[str, tuple[Bits, Bits]] | None = None,
        source_registers: Mapping[str, tuple[Bits, Bits]] | None = None,
        excepted: Sequence[tuple[str, str | None]] = (),
        relevant_inputs: Sequence[RelevantInput] = (),
        x_as_zero: bool = False,
    ) -> Self:
        """A pair from bit arrays, least significant bit first; ``cycles`` is the length of the sink's.

        Args:
            top: top module.
            clock: clock port.
            clock_edge: edge on which registers change.
            reset_cycles: leading cycles with reset asserted.
            source: name of the source.
            sink: output port that differs first.
            bit: bit of that port.
            first_difference: cycle in which it does.
            inputs: uint8 (cycles, width) per input port but the clock and the source's.
            outputs: uint8 (cycles, width) per output port, in the first and in the second run; None if the same.
            source_inputs: uint8 (cycles, width) per input port of the source, in the first and in the second run.
            source_registers: uint8 (width,) per register or net of the source, in the first and in the second run.
            excepted: output port and condition of each declared flow of the source; None for always.
            relevant_inputs: input bits that the leak needs.
            x_as_zero: whether values the description leaves unknown are read as 0.

        Raises:
            ReplayError: the parts do not fit together.
        """
        recorded: dict[str, Any] = {}
        for port, (one, two) in outputs.items():
            first, second = runs_of(one), None if two is None else runs_of(two)
            recorded[port] = first, None if second == first else second
        registers = (source_registers or {}).items()
        try:
            return cls(
                top=top,
                clock=clock,
                clock_edge=clock_edge,
                cycles=len(outputs[sink][FIRST]) if sink in outputs else 0,
                reset_cycles=reset_cycles,
                source=source,
                sink=sink,
                bit=bit,
                first_difference=first_difference,
                excepted=tuple(Excepted(port=port, when=when) for port, when in excepted),
                inputs={port: runs_of(bits) for port, bits in inputs.items()},
                source_inputs={
                    port: (runs_of(one), runs_of(two)) for port, (one, two) in (source_inputs or {}).items()
                },
                source_registers={name: (_text(one), _text(two)) for name, (one, two) in registers},
                outputs=recorded,
                relevant_inputs=tuple(relevant_inputs),
                x_as_zero=x_as_zero,
            )
        except ValidationError as error:
            raise refusal(error, None, what=_WHAT, schema=SCHEMA) from error

    def to_json_bytes(self) -> bytes:
        """The pair as JSON, UTF-8: one key of the outer object, one port, flow and relevant input per line."""
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        lines = []
        for key, value in data.items():
            text = json_text(value)
            if isinstance(value, dict) and value:
                inner = ",\n".join(f"  {json_text(name)}: {json_text(item)}" for name, item in value.items())
                text = f"{{\n{inner}\n }}"
            elif isinstance(value, list) and value:
                inner = ",\n".join(f"  {json_text(item)}" for item in value)
                text = f"[\n{inner}\n ]"
            lines.append(f" {json_text(key)}: {text}")
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _ends(runs: Sequence[tuple[int, str]]) -> list[int]:
    return list(accumulate(count for count, _ in runs))


def segments(first: Sequence[tuple[int, str]], second: Sequence[tuple[int, str]]) -> Iterator[Segment]:
    """Both runs cut into stretches in which neither changes."""
    at = i = j = 0
    end_first, end_second = first[0][0], second[0][0]
    while True:
        end = min(end_first, end_second)
        yield at, end, first[i][1], second[j][1]
        at = end
        if end_first == end:
            i += 1
            if i == len(first):
                return
            end_first += first[i][0]
        if end_second == end:
            j += 1
            if j == len(second):
                return
            end_second += second[j][0]


def read_pair(path: Path, limits: PairLimits | None = None) -> Pair:
    """The pair in the file ``path``.

    Raises:
        ReplayError: the file is missing, too large or no pair; the message says what was expected.
    """
    limits = limits or PairLimits()
    data = read_bytes(path, limits.file_bytes, what=_WHAT, limit_name="PairLimits.file_bytes")
    return parse_pair(data, file=path)


def parse_pair(data: bytes, *, file: Path | str | None = None) -> Pair:
    """The pair in JSON text; ``file`` is its name for messages.

    Raises:
        ReplayError: the text is no pair.
    """
    return parse_model(Pair, data, what=_WHAT, schema=SCHEMA, file=file)


def _text(bits: Bits) -> str:
    return (np.asarray(bits, np.uint8).reshape(-1)[::-1] + ord("0")).astype(np.uint8).tobytes().decode("latin-1")
