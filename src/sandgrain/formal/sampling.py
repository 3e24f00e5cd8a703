"""States the chip really gets into: many random runs from reset, 64 to a machine word.

The runs mix the recovery stimulus with random deviations from it at rates from one half to one in 256, because wholly
random inputs drive most processors into their first exception within a few cycles.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import Environment
from sandgrain.logic.simulate import Simulator, Words, read

_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_RATES = 8


@numba.njit(cache=True)
def deviations(seed, rows, words, rates):  # type: ignore[no-untyped-def]
    """uint64 (rows, words) random words; word ``w`` has each bit set with probability ``2 ** -(1 + w % rates)``."""
    out = np.empty((rows, words), np.uint64)
    state = np.uint64(seed)
    for row in range(rows):
        for word in range(words):
            value = _ONES
            for _ in range(1 + word % rates):
                state += np.uint64(0x9E3779B97F4A7C15)
                z = state
                z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                value &= z ^ (z >> np.uint64(31))
            out[row, word] = value
    return out


def spread(bits: NDArray[np.uint8] | NDArray[np.bool_]) -> Words:
    """Each bit over a whole word: uint64 (bits, 1)."""
    return np.where(np.asarray(bits) != 0, _ONES, np.uint64(0))[:, None]


class RandomRuns:
    """Reproducible random runs from power-up through reset into operation, or from one given state in operation."""

    def __init__(self, environment: Environment, words: int, seed: int, begin: NDArray[np.bool_] | None = None) -> None:
        self.environment = environment
        self._begin = begin
        self.simulator = Simulator(environment.model.network, words)
        self._seed = seed
        self._words = words
        self._cycle = 0
        self._free = environment.model.free_inputs

    def start(self) -> None:
        """Power up: random state where nothing fixes it, then the declared cycles of reset; or take the given state."""
        network = self.environment.model.network
        self._cycle += 1
        if self._begin is not None:
            self.simulator.state[:] = spread(self._begin)
            return
        state = self._random(network.latch_count, 1)
        if self.environment.reset_cycles == 0:
            known = network.latch_init < 2
            state[known] = spread(network.latch_init[known])
        self.simulator.state[:] = self.environment.power_up_states(state)
        for _ in range(self.environment.reset_cycles):
            self._drive(self.environment.reset_asserted, 0)
            self.simulator.evaluate()
            self.simulator.clock()

    def step(self, cycle: int) -> None:
        """One cycle of operation: recovery stimulus with random deviations; leaves the gates settled."""
        self._drive(self.environment.reset_released, cycle)
        self.simulator.evaluate()

    def _random(self, rows: int, rates: int) -> Words:
        self._cycle += 1
        result: Words = deviations((self._seed << 32) + self._cycle * 0x10001, rows, self._words, rates)
        return result

    def _drive(self, resets: NDArray[np.uint8], cycle: int) -> None:
        row = self.environment.stimulus[cycle % len(self.environment.stimulus)]
        inputs = self._random(len(row), _RATES) ^ spread(row == 1)
        anything = (row >= 2) | self._free
        if anything.any():
            inputs[anything] = self._random(int(anything.sum()), 1)
        fixed = resets < 2
        inputs[fixed] = spread(resets[fixed])
        self.simulator.inputs[:] = inputs


def sample_states(
    environment: Environment,
    *,
    words: int = 64,
    episodes: int = 12,
    cycles: int = 96,
    begin: NDArray[np.bool_] | None = None,
) -> Words:
    """States after reset, from reproducible random runs: uint64 (latches, samples / 64).

    With ``begin`` bool (latches,) all runs begin in that state, rather than after a reset from any power-up.
    """
    snapshots = []
    for episode in range(episodes):
        runs = RandomRuns(environment, words, episode + 1, begin)
        runs.start()
        for cycle in range(cycles):
            if cycle % 8 == episode % 8 or cycle < 2:
                snapshots.append(runs.simulator.state.copy())
            runs.step(cycle)
            runs.simulator.clock()
    return np.concatenate(snapshots, axis=1)


def recovery_times(environment: Environment, states: Words, goals: NDArray[np.uint32], limit: int) -> NDArray[np.int64]:
    """Cycles of recovery stimulus until a goal holds, from each state: int64 (64 * words,), -1 if not within limit.

    Arbitrary inputs of the stimulus are 0.
    """
    simulator = Simulator(environment.model.network, states.shape[1])
    simulator.state[:] = states
    values = environment.recovery_values(len(environment.stimulus))
    times = np.full(64 * states.shape[1], -1, np.int64)
    for cycle in range(limit):
        simulator.inputs[:] = spread(values[cycle % len(values)])
        simulator.evaluate()
        reached = np.bitwise_or.reduce(read(simulator.values, goals), axis=0)
        bits = np.unpackbits(reached.view(np.uint8), bitorder="little").astype(np.bool_)
        times[bits & (times < 0)] = cycle
        if (times >= 0).all():
            break
        simulator.clock()
    return times


def advance(environment: Environment, states: Words, cycles: int) -> Words:
    """``states`` after ``cycles`` of recovery stimulus (arbitrary inputs 0): uint64 (latches, words)."""
    simulator = Simulator(environment.model.network, states.shape[1])
    simulator.state[:] = states
    values = environment.recovery_values(len(environment.stimulus))
    for cycle in range(cycles):
        simulator.inputs[:] = spread(values[cycle % len(values)])
        simulator.evaluate()
        simulator.clock()
    return simulator.state.copy()
