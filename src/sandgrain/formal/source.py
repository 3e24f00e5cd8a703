"""Where a source of the manifest is in the design, and which outputs must not tell its values apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandgrain.errors import NetworkError, SubmissionError
from sandgrain.formal.environment import Environment, whole_environment
from sandgrain.formal.twins import Secret, Sink
from sandgrain.logic.network import TRUE
from sandgrain.netlist import Elaborated, Module
from sandgrain.submission import Expression, Signal, Submission, parse
from sandgrain.submission.manifest import MANIFEST_NAME, Source
from sandgrain.verdict import Text

_BIT = "source "
_WHEN = "when "


@dataclass(frozen=True)
class Located:
    """A source bound to the elaborated design.

    Attributes:
        environment: of the whole design.
        secret: its bits.
        names: the vendor's name of each bit, in the order of ``secret``.
        sinks: the output bits to look at.
        not_modelled: sentences for what was left free.
    """

    environment: Environment
    secret: Secret
    names: tuple[str, ...]
    sinks: tuple[Sink, ...]
    not_modelled: tuple[Text, ...]


def locate(submission: Submission, elaborated: Elaborated, source: Source) -> Located:
    """Find ``source`` and its sinks.

    Raises:
        SubmissionError: the source or a flow names something the design does not have.
        NetworkError: the design cannot be modelled soundly.
    """
    manifest = submission.manifest
    module = elaborated.gates.top_module
    position = manifest.sources.index(source)
    bits = _bits(submission, module, source, position)
    outputs: dict[str, Expression] = {f"{_BIT}{index}": bit for index, bit in enumerate(bits)}
    unless: dict[str, list[str]] = {}
    for number, flow in enumerate(manifest.flows):
        if flow.source != source.name:
            continue
        condition = flow.condition()
        if condition is not None:
            outputs[f"{_WHEN}{number}"] = condition
        for sink in flow.sinks:
            _check_sink(submission, module, sink, number)
            unless.setdefault(sink, []).append("" if condition is None else f"{_WHEN}{number}")
    try:
        environment, notes = whole_environment(submission, elaborated, outputs)
    except NetworkError as error:
        raise SubmissionError(
            f"source or flow {source.name!r}: {error.what}",
            file=MANIFEST_NAME,
            line=submission.line_of("sources", position, "signal"),
            expected=error.expected,
            remedy="correct submission.toml",
        ) from error
    secret, order = _secret(submission, environment, source, position, len(bits))
    sinks = [
        Sink(
            port.name,
            index,
            int(literal),
            tuple(int(TRUE) if name == "" else environment.model.outputs[name] for name in unless.get(port.name, [])),
        )
        for port in environment.model.ports
        if port.direction != "input"
        for index, literal in enumerate(port.literals.tolist())
    ]
    names = [f"{bits[index].plain}[{bits[index].low}]" if len(bits) > 1 else bits[index].plain for index in order]
    return Located(environment, secret, tuple(names), tuple(sinks), notes)


def _bits(submission: Submission, module: Module, source: Source, position: int) -> list[Signal]:
    """One signal per bit of the source."""
    line = submission.line_of("sources", position, "signal")
    expression = parse(source.signal, file=MANIFEST_NAME, line=line, field=f"source {source.name}")
    net = None
    if isinstance(expression, Signal):
        net = next((net for net in module.nets if net.name == expression.plain and not net.hidden), None)
    if net is None or not isinstance(expression, Signal):
        raise SubmissionError(
            f"source {source.name!r}: {source.signal!r} is no signal of {module.name!r}",
            file=MANIFEST_NAME,
            line=line,
            expected="an input port or a register",
            remedy="correct submission.toml",
        )
    numbers = [net.offset + (net.width - 1 - index if net.upto else index) for index in range(net.width)]
    if expression.high is not None and expression.low is not None:
        numbers = [number for number in numbers if expression.low <= number <= expression.high]
    return [Signal(expression.name, number, number) for number in numbers]


def _check_sink(submission: Submission, module: Module, sink: str, flow: int) -> None:
    outputs = [port.name for port in module.ports if port.direction != "input"]
    if sink not in outputs:
        raise SubmissionError(
            f"the sink {sink!r} is no output port of {module.name!r}",
            file=MANIFEST_NAME,
            line=submission.line_of("flows", flow, "sinks"),
            expected=f"one of its output ports: {', '.join(outputs) or 'none'}",
            remedy="correct submission.toml",
        )


def _secret(
    submission: Submission, environment: Environment, source: Source, position: int, width: int
) -> tuple[Secret, list[int]]:
    """The inputs and latches that are the source, and which of its bits each of them is."""
    network = environment.model.network
    inputs: list[tuple[int, int]] = []
    latches: list[tuple[int, int]] = []
    for index in range(width):
        variable = environment.model.outputs[f"{_BIT}{index}"] >> 1
        if 1 <= variable < network.first_latch and environment.model.inputs[variable - 1].port is not None:
            inputs.append((variable - 1, index))
        elif network.first_latch <= variable < network.first_and:
            latches.append((variable - network.first_latch, index))
        else:
            raise SubmissionError(
                f"source {source.name!r}: bit {index} of {source.signal!r} is neither an input nor a register",
                file=MANIFEST_NAME,
                line=submission.line_of("sources", position, "signal"),
                expected="the input port or register that holds the source, not something computed from it",
                remedy="name where the source comes from",
            )
    fixed = [index for at, index in inputs if environment.reset_asserted[at] < 2]
    if fixed:
        raise SubmissionError(
            f"source {source.name!r} is a reset",
            file=MANIFEST_NAME,
            line=submission.line_of("sources", position, "signal"),
            expected="an input port or register that is no clock or reset",
            remedy="correct submission.toml",
        )
    secret = Secret(
        source.name,
        source.kind.varies,
        np.array([at for at, _ in inputs], np.int64),
        np.array([at for at, _ in latches], np.int64),
    )
    return secret, [index for _, index in latches] + [index for _, index in inputs]
