"""What the outside world may do to the chip: reset at power-up, anything at all in operation, the recovery stimulus.

Three phases. *Reset*: all resets are asserted together for the largest of their declared numbers of cycles, all other
inputs are arbitrary.
*Operation*: resets are released and stay so, all other inputs are arbitrary. *Recovery*: resets released, each input
driven as the manifest says; a port it does not name is held at an arbitrary constant; ``free`` ports stay arbitrary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError, SubmissionError
from sandgrain.logic.build import Built, ClockEdge, build
from sandgrain.logic.expressions import Signals
from sandgrain.logic.graph import Graph
from sandgrain.logic.model import Model
from sandgrain.logic.network import Literals
from sandgrain.logic.reduce import cone_of_influence, mask_unknowns
from sandgrain.logic.simulate import Words
from sandgrain.netlist import Elaborated
from sandgrain.submission import Constant, Expression, Submission
from sandgrain.submission.expression import signal_uses
from sandgrain.submission.manifest import DeclaredKind
from sandgrain.verdict import Text

SERVICE = "service "
DECLARED = "declared "
TRIGGER = "trigger "
STOPPING = (DeclaredKind.HALT, DeclaredKind.DEBUG_LOCK, DeclaredKind.LICENCE_TIMER)
"""The kinds of declared function that may explain a service that stops."""

_OPEN = 2
HELD = 3
"""In a stimulus: the input is held at an arbitrary constant."""


@dataclass(frozen=True)
class Environment:
    """A model and the three phases its inputs go through.

    Attributes:
        model: the network; its outputs are ``service NAME``, ``declared NAME`` and ``trigger NAME`` (what a declared
            state is only entered after, where the manifest gives an expression).
        reset_asserted, reset_released: uint8 (inputs,), 0, 1, or 2 where the input is no reset.
        reset_cycles: clock cycles the resets are asserted after power-up; 0 when there is none.
        stimulus: uint8 (period, inputs), 0, 1, 2 = arbitrary in every cycle, 3 = held at an arbitrary constant.
    """

    model: Model
    reset_asserted: NDArray[np.uint8]
    reset_released: NDArray[np.uint8]
    reset_cycles: int
    stimulus: NDArray[np.uint8]

    @property
    def services(self) -> dict[str, int]:
        """Literal of each service, by name."""
        return {name.removeprefix(SERVICE): lit for name, lit in self.model.outputs.items() if name.startswith(SERVICE)}

    @property
    def declared(self) -> dict[str, int]:
        """Literal of each declared function that may stop a service, by name."""
        return {
            name.removeprefix(DECLARED): lit for name, lit in self.model.outputs.items() if name.startswith(DECLARED)
        }

    def initial_state(self, graph: Graph) -> Literals:
        """Power-up: arbitrary when a reset follows, else the initial values the description gives."""
        state = graph.free(self.model.network.latch_count)
        if self.reset_cycles == 0:
            init = self.model.network.latch_init
            state = np.where(init < 2, init, state).astype(np.uint32)
        return state

    def power_up_states(self, states: Words) -> Words:
        """``states`` uint64 (latches, words), as far as they are possible at power-up."""
        return states

    def reset_inputs(self, graph: Graph) -> Literals:
        """Input literals of one cycle of reset."""
        return self._driven(graph, self.reset_asserted)

    def operation_inputs(self, graph: Graph) -> Literals:
        """Input literals of one cycle of operation."""
        return self._driven(graph, self.reset_released)

    def held(self, graph: Graph) -> Literals:
        """Variables for the inputs the recovery stimulus holds at an arbitrary constant: one set per run."""
        inputs = np.zeros(self.model.network.input_count, np.uint32)
        held = self.stimulus[0] == HELD
        inputs[held] = graph.free(int(held.sum()))
        return inputs

    def recovery_inputs(self, graph: Graph, cycle: int, held: Literals) -> Literals:
        """Input literals of cycle ``cycle`` of recovery."""
        row = self.stimulus[cycle % len(self.stimulus)]
        inputs = self._driven(graph, np.where(row == HELD, 0, row).astype(np.uint8))
        return np.where(row == HELD, held, inputs).astype(np.uint32)

    def recovery_values(self, cycles: int, start: int = 0) -> NDArray[np.uint8]:
        """One concrete recovery stimulus, arbitrary inputs 0: uint8 (cycles, inputs)."""
        rows = self.stimulus[(start + np.arange(cycles)) % len(self.stimulus)]
        return np.where(rows >= _OPEN, 0, rows).astype(np.uint8)

    def _driven(self, graph: Graph, fixed: NDArray[np.uint8]) -> Literals:
        inputs = fixed.astype(np.uint32)
        arbitrary = fixed == _OPEN
        inputs[arbitrary] = graph.free(int(arbitrary.sum()))
        return inputs

    def restricted(self, model: Model, inputs: NDArray[np.int64]) -> Environment:
        """The same environment for a cone of the model, given the original index of each of its inputs."""
        return Environment(
            model,
            self.reset_asserted[inputs],
            self.reset_released[inputs],
            self.reset_cycles,
            self.stimulus[:, inputs],
        )


@dataclass(frozen=True)
class Bound:
    """The environment of the whole design, that of the cone the claim depends on, and what was left free.

    Attributes:
        inputs, latches: int64, index in ``whole`` of each input and latch of ``cone``.
    """

    whole: Environment
    cone: Environment
    inputs: NDArray[np.int64]
    latches: NDArray[np.int64]
    not_modelled: tuple[Text, ...]


def bind(submission: Submission, elaborated: Elaborated) -> Bound:
    """Bind the manifest's clocks, resets, services, stimulus and declared functions to the elaborated design.

    Raises:
        SubmissionError: the manifest names a port or signal that is not there, with its line in the manifest.
        NetworkError: the design has no such clock, a combinational loop, or two drivers on one net.
    """
    manifest = submission.manifest
    outputs = {SERVICE + service.name: service.parsed() for service in manifest.services}
    outputs |= {DECLARED + item.name: item.parsed() for item in manifest.declared if item.kind in STOPPING}
    for item in manifest.declared:
        after = item.entered_after()
        if item.kind in STOPPING and after is not None:
            outputs[TRIGGER + item.name] = after
    whole, notes = whole_environment(submission, elaborated, outputs)
    first = cone_of_influence(whole.model)
    second = cone_of_influence(mask_unknowns(first.model))
    inputs, latches = first.inputs[second.inputs], first.latches[second.latches]
    return Bound(whole, whole.restricted(second.model, inputs), inputs, latches, notes)


def whole_environment(
    submission: Submission, elaborated: Elaborated, outputs: Mapping[str, Expression]
) -> tuple[Environment, tuple[Text, ...]]:
    """The environment of the whole design, with the literals of ``outputs``, and sentences for what was left free.

    Raises:
        SubmissionError: the manifest names a port or signal that is not there, with its line in the manifest.
        NetworkError: the design has no such clock, a combinational loop, or two drivers on one net.
    """
    manifest = submission.manifest
    clock = manifest.clocks[0]
    _check_ports(submission, elaborated)
    built: Built = build(elaborated.gates.top_module, ClockEdge(clock.port, clock.edge.value), outputs)
    notes = list(built.not_modelled)
    if len(manifest.clocks) > 1:
        notes.append(
            Text(
                template="Only the clock {clock} was modelled; {count} more are declared.",
                args={"clock": clock.port, "count": len(manifest.clocks) - 1},
            )
        )
    return _environment(submission, built.model), tuple(notes)


def _check_ports(submission: Submission, elaborated: Elaborated) -> None:
    manifest = submission.manifest
    ports = {port.name: port for port in elaborated.gates.top_module.ports}
    inputs = ", ".join(name for name, port in ports.items() if port.direction == "input") or "none"
    named = [("clocks", index, clock.port) for index, clock in enumerate(manifest.clocks)]
    named += [("resets", index, reset.port) for index, reset in enumerate(manifest.resets)]
    for table, index, name in named:
        if name not in ports or ports[name].direction != "input" or ports[name].width != 1:
            raise _error(
                submission,
                (table, index, "port"),
                f"{table[:-1]} {name!r} is not a one-bit input port of {manifest.chip.top!r}",
                f"one of its input ports: {inputs}",
            )
    for name in manifest.recovery.driven:
        if name not in ports or ports[name].direction == "output":
            raise _error(
                submission,
                ("recovery", "inputs", name),
                f"recovery input {name!r} is not an input port of {manifest.chip.top!r}",
                f"one of its input ports: {inputs}",
            )
    for index, service in enumerate(manifest.services):
        _check_signals(submission, elaborated, ("services", index, "expression"), service.parsed())
    for index, item in enumerate(manifest.declared):
        _check_signals(submission, elaborated, ("declared", index, "state"), item.parsed())
        after = item.entered_after()
        if after is not None:
            _check_signals(submission, elaborated, ("declared", index, "only_after"), after)


def _check_signals(
    submission: Submission, elaborated: Elaborated, at: tuple[str, int, str], expression: Expression
) -> None:
    module = elaborated.gates.top_module
    signals = Signals(module, np.zeros(module.bit_count, np.uint32))
    for use in signal_uses(expression):
        try:
            signals.bits(use)
        except NetworkError as error:
            raise _error(submission, at, error.what, error.expected or "") from error


def _error(submission: Submission, path: tuple[str | int, ...], what: str, expected: str) -> SubmissionError:
    return SubmissionError(
        what,
        file="submission.toml",
        line=submission.line_of(*path),
        expected=expected,
        remedy="correct submission.toml",
    )


def _environment(submission: Submission, model: Model) -> Environment:
    manifest = submission.manifest
    count = model.network.input_count
    index = model.input_index()
    asserted = np.full(count, _OPEN, np.uint8)
    released = np.full(count, _OPEN, np.uint8)
    for reset in manifest.resets:
        level = 1 if reset.active.value == "high" else 0
        asserted[index[reset.port, 0]] = level
        released[index[reset.port, 0]] = 1 - level
    columns = {name: _sequence(submission, model, name) for name in manifest.recovery.driven}
    period = int(np.lcm.reduce([len(column) for column in columns.values()])) if columns else 1
    if period > 1024:
        raise _error(submission, ("recovery",), f"the recovery stimulus repeats only after {period} cycles", "1024")
    stimulus = np.full((period, count), HELD, np.uint8)
    stimulus[:, model.free_inputs] = _OPEN
    for name, column in columns.items():
        for bit in range(column.shape[1]):
            if (name, bit) in index:
                stimulus[:, index[name, bit]] = np.resize(column[:, bit], period)
    for reset in manifest.resets:
        stimulus[:, index[reset.port, 0]] = released[index[reset.port, 0]]
    cycles = max((reset.cycles for reset in manifest.resets), default=0)
    return Environment(model, asserted, released, cycles, stimulus)


def _sequence(submission: Submission, model: Model, name: str) -> NDArray[np.uint8]:
    """The values of one port over its period: uint8 (period, width)."""
    width = next(port.literals.size for port in model.ports if port.name == name)
    value = submission.manifest.recovery.driven[name]
    if isinstance(value, str):
        return np.full((1, width), _OPEN, np.uint8)
    constants = (value,) if isinstance(value, Constant) else value
    for constant in constants:
        if (constant.width or width) != width or constant.value >> width:
            raise _error(
                submission,
                ("recovery", "inputs", name),
                f"the value of {name!r} does not fit its {width} bits",
                f"a value of {width} bits",
            )
    return np.array([[(c.value >> bit) & 1 for bit in range(width)] for c in constants], np.uint8)
