"""Why a recovery stimulus never brings the service: which of its inputs it leaves waiting, and for what."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.formal.sampling import spread
from sandgrain.logic.simulate import Simulator, Words, read

_CYCLES = 512


def starved_by(environment: Environment, start: NDArray[np.bool_], goal: int, cycles: int = _CYCLES) -> list[str]:
    """The input ports with any of which doing something else, all others as in recovery, the service is given.

    Args:
        environment: the design and its recovery stimulus.
        start: bool (latches,), the state after reset.
        goal: network literal of the service.
        cycles: length of the 64 runs per port.

    Returns:
        ``port = value`` with a constant that brings the service, if one of 64 does; else ``port changing``.
    """
    inputs = environment.model.inputs
    fixed = environment.reset_released < 2
    ports: dict[str, list[int]] = {}
    for index, item in enumerate(inputs):
        if item.port is not None and not fixed[index]:
            ports.setdefault(item.port, []).append(index)
    if not ports:
        return []
    generator = np.random.default_rng(7)
    columns = list(ports.values())

    def drawn(bits: list[int]) -> Words:
        return generator.integers(0, 1 << 64, len(bits), dtype=np.uint64)

    held = [drawn(bits) for bits in columns]
    for values in held:
        # All zeros and all ones first: the plainest there are.
        values &= ~np.uint64(3)
        values |= np.uint64(2)
    constant = _given(environment, start, goal, columns, cycles, lambda column: held[column])
    changing = _given(environment, start, goal, columns, cycles, lambda column: drawn(columns[column]))
    told = []
    for column, name in enumerate(ports):
        if constant[column]:
            told.append(f"{name} = {_value(environment, columns[column], held[column], int(constant[column]))}")
        elif changing[column]:
            told.append(f"{name} changing")
    return told


def _given(
    environment: Environment,
    start: NDArray[np.bool_],
    goal: int,
    columns: list[list[int]],
    cycles: int,
    values: Callable[[int], Words],
) -> Words:
    """The lanes of each column in which the service is given: uint64 (columns,)."""
    simulator = Simulator(environment.model.network, len(columns))
    simulator.state[:] = spread(start)
    given = np.zeros(len(columns), np.uint64)
    for row in environment.recovery_values(cycles):
        simulator.inputs[:] = spread(row)
        for column, bits in enumerate(columns):
            simulator.inputs[bits, column] = values(column)
        simulator.evaluate()
        given |= read(simulator.values, np.array([goal], np.uint32))[0]
        simulator.clock()
    return given


def _value(environment: Environment, bits: list[int], held: Words, lanes: int) -> str:
    """The constant of the first of some lanes, in Verilog notation."""
    lane = np.uint64((lanes & -lanes).bit_length() - 1)
    width = 1 + max(environment.model.inputs[index].bit for index in bits)
    value = sum(
        int((word >> lane) & np.uint64(1)) << environment.model.inputs[index].bit
        for index, word in zip(bits, held, strict=True)
    )
    return f"{width}'h{value:x}"
