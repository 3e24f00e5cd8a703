"""From a run to a witness: simulate the whole chip from power-up and say when the service was last seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.bounded import DOES_NOT_MATTER, Run
from sandgrain.formal.environment import SERVICE, Bound, Environment
from sandgrain.formal.reachability import Cube
from sandgrain.formal.sampling import spread
from sandgrain.logic.network import Literals
from sandgrain.logic.simulate import Simulator, read
from sandgrain.verdict import RelevantInput

_ONE = np.uint64(1)


@dataclass(frozen=True)
class Jumped:
    """Registers that are set before a cycle of a run.

    Attributes:
        cycle: the cycle.
        latches: int64, latches of the whole model.
        values: bool, what each is set to.
    """

    cycle: int
    latches: NDArray[np.int64]
    values: NDArray[np.bool_]


@dataclass(frozen=True)
class Recording:
    """What the whole chip did under a stimulus.

    Attributes:
        inputs: uint8 (cycles, inputs of the whole model).
        states: bool (cycles, latches of the whole model), before each edge.
        ports: uint8 (cycles, width) per port but the clock, least significant bit first.
        outputs: uint8 (cycles,) per output of the model.
    """

    inputs: NDArray[np.uint8]
    states: NDArray[np.bool_]
    ports: dict[str, NDArray[np.uint8]]
    outputs: dict[str, NDArray[np.uint8]]

    @property
    def cycles(self) -> int:
        """Length in clock cycles."""
        return len(self.inputs)

    def until(self, cycle: int) -> Recording:
        """The run before ``cycle``."""
        return Recording(
            self.inputs[:cycle],
            self.states[:cycle],
            {name: bits[:cycle] for name, bits in self.ports.items()},
            {name: bits[:cycle] for name, bits in self.outputs.items()},
        )


def power_up(environment: Environment) -> NDArray[np.bool_]:
    """The concrete power-up of witnesses: initial values where the description gives them, else 0. bool (latches,)."""
    ones: NDArray[np.bool_] = environment.model.network.latch_init == 1
    return ones


def record(
    environment: Environment,
    inputs: NDArray[np.uint8],
    forced: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None,
    jumped: Jumped | None = None,
) -> Recording:
    """Simulate from `power_up`.

    Args:
        environment: what to simulate.
        inputs: uint8 (cycles, inputs).
        forced: latches held at values in every cycle.
        jumped: latches set to values before one cycle.
    """
    model = environment.model
    simulator = Simulator(model.network, 1)
    simulator.state[:] = spread(power_up(environment))
    groups: dict[str, Literals] = {"p" + port.name: port.literals for port in model.ports}
    groups |= {"o" + name: np.array([literal], np.uint32) for name, literal in model.outputs.items()}
    everything = np.concatenate(list(groups.values()))
    seen = np.zeros((len(inputs), everything.size), np.uint8)
    states = np.zeros((len(inputs), model.network.latch_count), np.bool_)
    for cycle, row in enumerate(inputs):
        simulator.inputs[:] = spread(row)
        if forced is not None:
            simulator.state[forced[0]] = spread(forced[1])
        if jumped is not None and cycle == jumped.cycle:
            simulator.state[jumped.latches] = spread(jumped.values)
        simulator.evaluate()
        states[cycle] = (simulator.state[:, 0] & _ONE).astype(np.bool_)
        seen[cycle] = (read(simulator.values, everything)[:, 0] & _ONE).astype(np.uint8)
        simulator.clock()
    columns = np.split(seen, np.cumsum([len(group) for group in groups.values()])[:-1], axis=1)
    named = dict(zip(groups, columns, strict=True))
    return Recording(
        inputs,
        states,
        {name[1:]: bits for name, bits in named.items() if name.startswith("p")},
        {name[1:]: bits[:, 0] for name, bits in named.items() if name.startswith("o")},
    )


def after_reset(environment: Environment) -> NDArray[np.bool_]:
    """The state of the concrete power-up after the declared reset, other inputs as in recovery: bool (latches,)."""
    inputs = reset_inputs(environment)
    if not len(inputs):
        return power_up(environment)
    simulator = Simulator(environment.model.network, 1)
    simulator.state[:] = spread(power_up(environment))
    for row in inputs:
        simulator.inputs[:] = spread(row)
        simulator.evaluate()
        simulator.clock()
    return (simulator.state[:, 0] & _ONE).astype(np.bool_)


def reset_inputs(environment: Environment) -> NDArray[np.uint8]:
    """Inputs of the declared reset: uint8 (reset cycles, inputs)."""
    rows = environment.recovery_values(environment.reset_cycles)
    fixed = environment.reset_asserted < 2
    rows[:, fixed] = environment.reset_asserted[fixed]
    return rows


def stimulus_of(bound: Bound, run: NDArray[np.uint8], tail: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Inputs of the whole model: reset, then ``run``, then ``tail``.

    Args:
        bound: the whole design and its cone.
        run: uint8 (cycles, inputs of the cone), 2 where the recovery stimulus may stay.
        tail: uint8 (cycles, inputs of the cone).
    """
    whole = bound.whole
    rows = [reset_inputs(whole)]
    for part in (run, tail):
        block = whole.recovery_values(len(part))
        if len(part):
            chosen = part != DOES_NOT_MATTER
            block[:, bound.inputs] = np.where(chosen, part, block[:, bound.inputs])
        rows.append(block)
    return np.concatenate(rows).astype(np.uint8)


def relevant(bound: Bound, run: Run, reset_cycles: int) -> list[RelevantInput]:
    """The input bits ``run`` depends on, resets left out."""
    model = bound.cone.model
    result = []
    for cycle, column in zip(*np.nonzero(run.inputs != DOES_NOT_MATTER), strict=True):
        bit = model.inputs[int(column)]
        if bit.port is not None and bound.cone.reset_asserted[column] == 2:
            value = int(run.inputs[cycle, column])
            result.append(RelevantInput(cycle=int(cycle) + reset_cycles, port=bit.port, bit=bit.bit, value=value))
    return result


@dataclass(frozen=True)
class Stop:
    """A recorded run in which a service ends for good.

    Attributes:
        dead_from: first cycle from which no goal is seen again and the chip rests in the dead state, if it rests.
        last_service: last cycle after reset with the service, None if it was never seen.
    """

    recording: Recording
    service: str
    dead_from: int
    last_service: int | None


def find_stop(
    bound: Bound, recording: Recording, service: str, cube: Cube, explained: Sequence[str], quiet: int
) -> Stop | None:
    """The stop in ``recording``, or None when the last ``quiet`` cycles are not without service outside ``explained``.

    Args:
        bound: the whole design and its cone.
        recording: a run.
        service: name of the service.
        cube: dead state over latches of the cone.
        explained: outputs of the model (declared functions) that would explain a stop.
        quiet: cycles of recovery stimulus at the end of the run.
    """
    given = recording.outputs[SERVICE + service].astype(np.bool_)
    explained_at = np.zeros(recording.cycles, np.bool_)
    for name in explained:
        explained_at |= recording.outputs[name].astype(np.bool_)
    start = bound.whole.reset_cycles
    goals = np.flatnonzero((given | explained_at)[start:])
    first = start + (int(goals[-1]) + 1 if goals.size else 0)
    if recording.cycles - first < quiet:
        return None
    inside = np.ones(recording.cycles, np.bool_)
    for literal in cube:
        inside &= recording.states[:, bound.latches[literal >> 1]] ^ bool(literal & 1)
    outside = np.flatnonzero(~inside)
    settled = int(outside[-1]) + 1 if outside.size else start
    if settled >= recording.cycles - quiet // 2:
        # The chip does not rest in one dead state, it goes from one to the next.
        settled = start
    return Stop(recording, service, max(first, settled), _last(given, start))


def find_delay(
    bound: Bound, recording: Recording, service: str, explained: Sequence[str], recovery_from: int, within: int
) -> Stop | None:
    """The first stretch of the recovery stimulus that lasts longer than ``within`` cycles without service.

    Args:
        bound: the whole design and its cone.
        recording: a run; the stop that is returned has it up to the end of the stretch.
        service: name of the service.
        explained: outputs of the model (declared functions) that would explain the wait.
        recovery_from: cycle in which the recovery stimulus begins.
        within: cycles within which the service has to return.
    """
    given = recording.outputs[SERVICE + service].astype(np.bool_)
    seen = given.copy()
    for name in explained:
        seen |= recording.outputs[name].astype(np.bool_)
    start = max(bound.whole.reset_cycles, recovery_from)
    goals = np.concatenate(([start - 1], start + np.flatnonzero(seen[start:]), [recording.cycles]))
    gaps = np.diff(goals) - 1
    if len(bound.whole.stimulus) > 1:
        gaps = gaps[:1]  # the promise is about a stimulus that begins at its beginning
    long = np.flatnonzero(gaps > within)
    if not long.size:
        return None
    first, end = int(goals[long[0]]) + 1, int(goals[long[0] + 1])
    return Stop(recording.until(end), service, first, _last(given[:end], bound.whole.reset_cycles))


def _last(given: NDArray[np.bool_], start: int) -> int | None:
    served = np.flatnonzero(given[start:])
    return start + int(served[-1]) if served.size else None
