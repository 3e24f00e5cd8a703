"""Why a recovery stimulus never brings the service: which of its inputs it leaves waiting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.formal.sampling import spread
from sandgrain.logic.simulate import Simulator, read

_CYCLES = 512


def starved_by(environment: Environment, start: NDArray[np.bool_], goal: int, cycles: int = _CYCLES) -> list[str]:
    """The input ports with any of which changing at random, all others as in recovery, the service is given.

    Args:
        environment: the design and its recovery stimulus.
        start: bool (latches,), the state after reset.
        goal: network literal of the service.
        cycles: length of the 64 runs per port.
    """
    inputs = environment.model.inputs
    fixed = environment.reset_released < 2
    ports: dict[str, list[int]] = {}
    for index, item in enumerate(inputs):
        if item.port is not None and not fixed[index]:
            ports.setdefault(item.port, []).append(index)
    if not ports:
        return []
    simulator = Simulator(environment.model.network, len(ports))
    simulator.state[:] = spread(start)
    usual = environment.recovery_values(cycles)
    generator = np.random.default_rng(7)
    given = np.zeros(len(ports), np.bool_)
    for row in usual:
        simulator.inputs[:] = spread(row)
        for column, bits in enumerate(ports.values()):
            simulator.inputs[bits, column] = generator.integers(0, 1 << 64, len(bits), dtype=np.uint64)
        simulator.evaluate()
        given |= read(simulator.values, np.array([goal], np.uint32))[0] != 0
        simulator.clock()
    return [name for name, seen in zip(ports, given.tolist(), strict=True) if seen]
