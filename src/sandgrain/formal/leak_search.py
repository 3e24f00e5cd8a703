"""Looking for a run in which a source shows: random twins, long undisturbed twins, then stepping stones.

All runs begin in the concrete state after reset, with every bit of the source unlike in the two runs; what is found is
then tried with one bit unlike at a time, and freed of every input that does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.bounded import DOES_NOT_MATTER
from sandgrain.formal.environment import HELD, Environment
from sandgrain.formal.pursuit import Pursuit
from sandgrain.formal.reachability import Reachability
from sandgrain.formal.sampling import RandomRuns, sample_states, spread
from sandgrain.formal.twins import Secret, TwinEnvironment
from sandgrain.formal.witness import after_reset, power_up, reset_inputs
from sandgrain.logic.simulate import Simulator

_EPISODES = 24
_EPISODE = 192
"""Random runs: how many, and how many cycles each."""

UNDISTURBED = (1 << 17) + (1 << 13)
"""Cycles of the undisturbed runs: twice the longest code a beacon is likely to spread one bit over."""

_DEPTH = 400
_TRIALS = 400
"""Most attempts at taking an input away."""


@dataclass(frozen=True)
class Shown:
    """A run of operation that shows the source.

    Attributes:
        inputs: uint8 (cycles, inputs of one run), in operation.
        first: bool (source bits,), the source in the first run.
        second: bool (source bits,), the source in the second run.
        visible: bool (source bits,), the bits that show by themselves, each alone unlike.
        cycles: cycles from the first to the last of ``visible`` showing, 0 if none does.
    """

    inputs: NDArray[np.uint8]
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    cycles: int


def find_leak(
    twins: TwinEnvironment, *, seconds: float, tick: Callable[[str], None] = lambda _note: None
) -> NDArray[np.uint8] | None:
    """Inputs of operation after whose last cycle a sink has told the runs apart; None if none were found.

    Returns:
        uint8 (cycles, inputs of the twins), 2 where the value does not matter.
    """
    deadline = time.monotonic() + seconds
    start = after_reset(twins)
    start[twins.apart] = False
    tick("random runs")
    found = _random(twins, start, deadline)
    if found is None:
        found = _undisturbed(twins, start, deadline, lambda done: tick(f"undisturbed runs, {done} cycles"))
    if found is not None:
        return found
    left = deadline - time.monotonic()
    if left <= 1:
        return None
    states = sample_states(twins, words=16, begin=start)
    pursuit = Pursuit(twins, start, Reachability(twins), states, _DEPTH)
    run = pursuit.run_into((2 * twins.apart,), seconds=left, tick=lambda depth: tick(f"no leak within {depth} cycles"))
    return None if run is None else run.inputs


def _random(twins: TwinEnvironment, start: NDArray[np.bool_], deadline: float) -> NDArray[np.uint8] | None:
    for episode in range(_EPISODES):
        runs = RandomRuns(twins, 2, 1000 + episode, start)
        runs.start()
        driven = []
        for cycle in range(_EPISODE):
            runs.step(cycle)
            driven.append(runs.simulator.inputs.copy())
            runs.simulator.clock()
            seen = runs.simulator.state[twins.apart]
            if seen.any():
                word = int(np.flatnonzero(seen)[0])
                lane = int(seen[word]).bit_length() - 1
                return np.array(
                    [(inputs[:, word] >> np.uint64(lane)) & np.uint64(1) for inputs in driven], np.uint64
                ).astype(np.uint8)
        if time.monotonic() > deadline:
            break
    return None


def _undisturbed(
    twins: TwinEnvironment, start: NDArray[np.bool_], deadline: float, tick: Callable[[int], None]
) -> NDArray[np.uint8] | None:
    """64 long runs under the recovery stimulus, each with its own constants on the inputs it holds."""
    network = twins.model.network
    held = np.random.default_rng(2026).integers(0, 2, (64, network.input_count), dtype=np.uint8)
    held[0] = 0
    held[:, twins.stimulus[0] != HELD] = 0
    constants = np.packbits(held, axis=0, bitorder="little").T.copy().view(np.uint64)
    period = twins.recovery_values(len(twins.stimulus))
    rows = [spread(row) | constants for row in period]
    simulator = Simulator(network, 1)
    simulator.state[:] = spread(start)
    for cycle in range(UNDISTURBED):
        simulator.inputs[:] = rows[cycle % len(rows)]
        simulator.evaluate()
        simulator.clock()
        seen = int(simulator.state[twins.apart, 0])
        if seen:
            lane = (seen & -seen).bit_length() - 1
            driven: NDArray[np.uint8] = twins.recovery_values(cycle + 1) | held[lane]
            return driven
        if cycle % 1024 == 0:
            tick(cycle)
            if time.monotonic() > deadline:
                break
    return None


class Twosome:
    """Simulates twins from power-up, in each of 64 lanes with another pair of values of the source.

    The bits of the source are in the order of `Secret`, those in latches before those in inputs.
    """

    def __init__(self, environment: Environment, twins: TwinEnvironment, secret: Secret) -> None:
        self.environment = environment
        self.twins = twins
        self.secret = secret

    def shows(
        self, inputs: NDArray[np.uint8], first: NDArray[np.bool_], second: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """First cycle of operation in which a sink tells the runs apart: int64 (lanes,), -1 for never.

        Args:
            inputs: uint8 (cycles, inputs of one run), in operation.
            first, second: bool (lanes, source bits), the source in either run; at most 64 lanes.
        """
        twins, secret = self.twins, self.secret
        simulator = Simulator(twins.model.network, 1)
        simulator.state[:] = spread(power_up(twins))
        values = [_lanes(first), _lanes(second)]
        if twins.secret_latches.size:
            for side in (0, 1):
                simulator.state[twins.secret_latches[side]] = values[side]
        rows = np.concatenate((reset_inputs(self.environment), inputs))
        offset = len(rows) - len(inputs)
        count = self.environment.model.network.input_count
        shown = np.full(64, -1, np.int64)
        for cycle, row in enumerate(rows):
            simulator.inputs[:count] = spread(row)
            if secret.varies:
                self._drive(simulator, values, count)
            simulator.evaluate()
            simulator.clock()
            if cycle >= offset:
                seen = np.unpackbits(simulator.state[twins.apart : twins.apart + 1].view(np.uint8), bitorder="little")
                shown[seen.astype(np.bool_) & (shown < 0)] = cycle - offset
        return shown[: len(first)]

    def _drive(self, simulator: Simulator, values: list[NDArray[np.uint64]], count: int) -> None:
        secret = self.secret
        registers = secret.latches.size
        simulator.inputs[secret.inputs] = values[0][registers:]
        at = count
        simulator.inputs[at : at + secret.inputs.size] = values[1][registers:]
        at += secret.inputs.size
        simulator.inputs[at : at + registers] = values[0][:registers]
        simulator.inputs[at + registers : at + 2 * registers] = values[1][:registers]


def _lanes(values: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """bool (lanes, bits) to uint64 (bits, 1), lane ``j`` in bit ``j``."""
    padded = np.zeros((64, values.shape[1]), np.uint8)
    padded[: len(values)] = values
    return np.packbits(padded, axis=0, bitorder="little").T.copy().view(np.uint64)


def reduced(pair: Twosome, found: NDArray[np.uint8], tail: int) -> Shown | None:
    """The leak with as few inputs and as few bits of the source as can be; None when it does not show after all.

    Args:
        pair: simulates both runs.
        found: uint8 (cycles, inputs of the twins), as `find_leak` returns it.
        tail: cycles of recovery stimulus in which further bits of the source may show.
    """
    environment = pair.environment
    count = environment.model.network.input_count
    usual = environment.recovery_values(len(found))
    inputs = np.where(found[:, :count] == DOES_NOT_MATTER, usual, found[:, :count]).astype(np.uint8)
    size = pair.secret.size
    zeros, ones = np.zeros((1, size), np.bool_), np.ones((1, size), np.bool_)
    if pair.shows(inputs, zeros, ones)[0] < 0:
        return None

    def leaks(candidate: NDArray[np.uint8]) -> bool:
        return bool(pair.shows(candidate, zeros, ones)[0] >= 0)

    inputs = _without(inputs, usual, leaks)
    longer = np.concatenate((inputs, environment.recovery_values(tail, len(inputs))))
    visible = np.full(size, -1, np.int64)
    for begin in range(0, size, 64):
        bits = np.arange(begin, min(begin + 64, size))
        single = np.zeros((bits.size, size), np.bool_)
        single[np.arange(bits.size), bits] = True
        visible[bits] = pair.shows(longer, np.zeros_like(single), single)
    second = ones[0]
    if (visible >= 0).any():
        second = np.arange(size) == int(np.flatnonzero(visible >= 0)[np.argmin(visible[visible >= 0])])
    last = int(pair.shows(longer, zeros, second[None])[0])
    spent = int(visible.max()) - int(visible[visible >= 0].min()) + 1 if (visible >= 0).any() else 0
    return Shown(longer[: last + 1], zeros[0], second, visible >= 0, spent)


def _without(
    inputs: NDArray[np.uint8], usual: NDArray[np.uint8], leaks: Callable[[NDArray[np.uint8]], bool]
) -> NDArray[np.uint8]:
    """``inputs`` with as much as possible as in the recovery stimulus: cycles first, then single inputs."""
    trials = 0
    size = max(1, len(inputs) // 2)
    while size:
        for begin in range(0, len(inputs), size):
            block = slice(begin, begin + size)
            if trials >= _TRIALS or (inputs[block] == usual[block]).all():
                continue
            trials += 1
            candidate = inputs.copy()
            candidate[block] = usual[block]
            if leaks(candidate):
                inputs = candidate
        size //= 2
    for column in np.flatnonzero((inputs != usual).any(axis=0)).tolist():
        if trials >= _TRIALS:
            break
        trials += 1
        candidate = inputs.copy()
        candidate[:, column] = usual[:, column]
        if leaks(candidate):
            inputs = candidate
    return inputs
