"""What brings the service back after a stop: waiting, a reset, switching off and on, or nothing that was tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.formal.sampling import spread
from sandgrain.formal.witness import power_up, reset_inputs
from sandgrain.logic.simulate import Simulator, Words, read
from sandgrain.verdict import Grade

WAITED = 1 << 14
"""Cycles of the recovery stimulus after which a service that has not come back is not waited for any longer."""


@dataclass(frozen=True)
class Graded:
    """What brings the service back, and after how many cycles of waiting if it comes back by itself."""

    grade: Grade
    returns_after: int | None = None


def grade_stop(
    environment: Environment, state: NDArray[np.bool_], service: int, held: NDArray[np.uint8], phase: int
) -> Graded:
    """How final a stop is, by simulation.

    Args:
        environment: the whole design.
        state: bool (latches,), a state in which the service has stopped.
        service: network literal of the service.
        held: uint8 (inputs,), constants on the inputs the recovery stimulus holds.
        phase: cycle of the recovery stimulus the state belongs to.
    """
    waited = _until_service(environment, spread(state), service, held, phase)
    if (waited >= 0).all():
        return Graded(Grade.SLOWED, int(waited.max()))
    if not environment.reset_cycles:
        return Graded(_power_cycle(environment, state, service, held))
    after = _reset(environment, spread(state), held)
    if (_until_service(environment, after, service, held, 0) >= 0).all():
        return Graded(Grade.NEEDS_RESET)
    return Graded(_power_cycle(environment, state, service, held))


def _power_cycle(environment: Environment, state: NDArray[np.bool_], service: int, held: NDArray[np.uint8]) -> Grade:
    """Whether the initial values of the description bring the service back, whatever registers without one hold."""
    known = environment.model.network.latch_init < 2
    if not known.any():
        return Grade.SURVIVES_RESET
    generator = np.random.default_rng(2025)
    bits = generator.integers(0, 1 << 64, (known.size, 1), dtype=np.uint64)
    # One of the 64 runs keeps what the stopped chip held: a register without initial value may as well.
    bits = (bits & ~np.uint64(1)) | state[:, None].astype(np.uint64)
    bits[known] = spread(power_up(environment)[known])
    after = _reset(environment, bits, held)
    if (_until_service(environment, after, service, held, 0) >= 0).all():
        return Grade.NEEDS_POWER_CYCLE
    return Grade.SURVIVES_RESET


def _reset(environment: Environment, state: Words, held: NDArray[np.uint8]) -> Words:
    """States after the declared reset."""
    simulator = Simulator(environment.model.network, 1)
    simulator.state[:] = state
    asserted = environment.reset_asserted < 2
    for row in reset_inputs(environment):
        simulator.inputs[:] = spread(np.where(asserted, row, row | held))
        simulator.evaluate()
        simulator.clock()
    return simulator.state.copy()


def _until_service(
    environment: Environment, state: Words, service: int, held: NDArray[np.uint8], phase: int
) -> NDArray[np.int64]:
    """Cycles until the service is seen in each of 64 runs: int64 (64,), -1 if not within `WAITED`."""
    simulator = Simulator(environment.model.network, 1)
    simulator.state[:] = state
    values = environment.recovery_values(len(environment.stimulus), phase) | held
    wanted = np.array([service], np.uint32)
    times = np.full(64, -1, np.int64)
    for cycle in range(WAITED):
        simulator.inputs[:] = spread(values[cycle % len(values)])
        simulator.evaluate()
        bits = np.unpackbits(read(simulator.values, wanted).view(np.uint8), bitorder="little").astype(np.bool_)
        times[bits & (times < 0)] = cycle
        if (times >= 0).all():
            break
        simulator.clock()
    return times
