"""Long concrete runs under the recovery stimulus alone: does a chip that nobody disturbs stop by itself?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.environment import HELD, Environment
from sandgrain.formal.sampling import spread
from sandgrain.formal.witness import after_reset, power_up, reset_inputs
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals
from sandgrain.logic.sat import GraphSolver
from sandgrain.logic.simulate import Simulator, Words, read


@dataclass(frozen=True)
class Soak:
    """64 runs from reset under the recovery stimulus, each with its own constants on the held inputs.

    Attributes:
        held: uint8 (64, inputs), the constants; 0 for inputs that are not held.
        cycles: length of the runs after reset.
        first, last: int64 (goals, 64), first and last cycle after reset with each goal, -1 for never.
        snapshots: uint64 (64, latches, 1), the 64 runs at 64 moments of their first half.
    """

    held: NDArray[np.uint8]
    cycles: int
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    snapshots: NDArray[np.uint64]

    def moments(self, run: int) -> Words:
        """The 64 snapshots of run ``run`` side by side: uint64 (latches, 1)."""
        bits = (self.snapshots[:, :, 0] >> np.uint64(run)) & np.uint64(1)
        packed: Words = (bits << np.arange(64, dtype=np.uint64)[:, None]).sum(axis=0, dtype=np.uint64)[:, None]
        return packed


def serving_constants(environment: Environment, service: int, frames: int) -> NDArray[np.uint8] | None:
    """Constants on the held inputs under which ``service`` is given within ``frames`` cycles after reset.

    Returns:
        uint8 (inputs,), 0 for inputs that are not held; None when there are no such constants.
    """
    network = environment.model.network
    graph = Graph(1 << 18)
    held = environment.held(graph)
    state: Literals = after_reset(environment).astype(np.uint32)
    wanted = []
    for cycle in range(frames):
        row = environment.stimulus[cycle % len(environment.stimulus)]
        inputs = np.where(row == HELD, held, np.where(row == 1, 1, 0)).astype(np.uint32)
        values = graph.frame(network, inputs, state)
        wanted.append(int(values[service >> 1]) ^ (service & 1))
        state = literal_values(values, network.latch_next)
    with GraphSolver(graph) as solver:
        solver.require(wanted)
        if not solver.solve([graph.any_of(wanted)]):
            return None
        return np.where(held > 1, solver.model(held), False).astype(np.uint8)


def soak(
    environment: Environment,
    goals: NDArray[np.uint32],
    cycles: int,
    healthy: NDArray[np.uint8] | None = None,
    tick: Callable[[int], None] = lambda _c: None,
) -> Soak:
    """Run from the concrete power-up through reset, then ``cycles`` of recovery stimulus.

    Args:
        environment: the design; arbitrary inputs of the stimulus are 0, run 0 holds all held inputs at 0.
        goals: network literals to watch.
        cycles: length.
        healthy: constants on the held inputs for run 1, the others are random.
        tick: called now and then with the cycles done.
    """
    network = environment.model.network
    is_held = environment.stimulus[0] == HELD
    generator = np.random.default_rng(2025)
    held = generator.integers(0, 2, (64, network.input_count), dtype=np.uint8)
    held[0] = 0
    if healthy is not None:
        held[1] = healthy
    held[:, ~is_held] = 0
    constants = _pack(held)
    simulator = Simulator(network, 1)
    simulator.state[:] = spread(power_up(environment))
    for row in reset_inputs(environment):
        simulator.inputs[:] = spread(row) | constants
        simulator.evaluate()
        simulator.clock()
    period = environment.recovery_values(len(environment.stimulus))
    first = np.full((goals.size, 64), -1, np.int64)
    last = np.full((goals.size, 64), -1, np.int64)
    # Early and late moments, at a stride that is no multiple of a usual service period.
    wanted = {8 + index * max(1, cycles // 128) - index % 7: index for index in range(64)}
    snapshots = np.zeros((64, network.latch_count, 1), np.uint64)
    for cycle in range(cycles):
        if cycle in wanted:
            snapshots[wanted[cycle]] = simulator.state
        simulator.inputs[:] = spread(period[cycle % len(period)]) | constants
        simulator.evaluate()
        bits = np.unpackbits(read(simulator.values, goals).view(np.uint8), axis=1, bitorder="little").astype(np.bool_)
        last[bits] = cycle
        first[bits & (first < 0)] = cycle
        simulator.clock()
        if cycle % 256 == 0:
            tick(cycle)
    return Soak(held, cycles, first, last, snapshots)


def _pack(rows: NDArray[np.uint8]) -> Words:
    """uint8 (64, inputs) to uint64 (inputs, 1), row ``j`` in bit ``j``."""
    packed: Words = np.packbits(rows, axis=0, bitorder="little").T.copy().view(np.uint64)
    return packed
