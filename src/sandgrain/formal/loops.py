"""Loops: what a chip does over and over while its inputs are held, but for registers that count.

Most chips have one in which nothing happens at all, because somebody they wait for does not answer. There time passes,
and what counts time is all that moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.counting import Counter, counters
from sandgrain.formal.environment import Environment
from sandgrain.formal.sampling import recovery_times, spread
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Simulator

SETTLED = 192
"""Cycles after which a chip whose inputs are held is taken to do the same over and over."""

_WATCHED = 512
_WORDS = 4
PERIODS = (*range(1, 17), 20, 24, 28, 32, 48, 64)
"""Clock cycles of a pass that are tried."""

_MOST_LOOPS = 8
_MOST_KINDS = 16
_MOST_MOVING = 400
"""Registers that move in a loop in which something else than counters is at work."""
_MOST_PERIODS = 4

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Loop:
    """A stretch of operation that repeats itself but for its counters.

    Attributes:
        inputs: uint8 (inputs,), held throughout.
        lead: cycles they have been held before the first pass.
        states: bool (period, latches), one pass; the counters as they were found in it.
        counters: what counts.
        steps: int64 (counters, period), 1 where the counter moves on after that state, else 0.
    """

    inputs: NDArray[np.uint8]
    lead: int
    states: Bits
    counters: tuple[Counter, ...]
    steps: NDArray[np.int64]

    @property
    def period(self) -> int:
        """Clock cycles of one pass."""
        return len(self.states)


def find_loops(environment: Environment, start: Bits, service: int, frames: int) -> list[Loop]:
    """Loops with counters that the chip goes into from ``start`` when its inputs are held, within `SETTLED` cycles.

    Args:
        environment: the design.
        start: bool (latches,), a state of operation.
        service: network literal of the service, which returns from the loop.
        frames: cycles of the recovery stimulus within which it does.
    """
    network = environment.model.network
    patterns = _patterns(environment)
    simulator = Simulator(network, _WORDS)
    simulator.inputs[:] = np.packbits(patterns, axis=0, bitorder="little").T.copy().view(np.uint64)
    simulator.state[:] = spread(start)
    history = np.zeros((_WATCHED, network.latch_count, _WORDS), np.uint64)
    for cycle in range(SETTLED + _WATCHED):
        if cycle >= SETTLED:
            history[cycle - SETTLED] = simulator.state
        simulator.evaluate()
        simulator.clock()
    wanted = np.array([service], np.uint32)
    healthy = recovery_times(environment, simulator.state.copy(), wanted, frames) >= 0
    moved = np.bitwise_or.reduce(history[1:] ^ history[:-1], axis=0)
    lanes = np.unpackbits(moved.view(np.uint8), axis=1, bitorder="little").astype(np.bool_)  # (latches, lanes)
    found = []
    seen: set[bytes] = set()
    for lane in np.argsort(lanes.sum(axis=0), kind="stable").tolist():
        kind = np.packbits(lanes[:, lane]).tobytes()
        if not lanes[:, lane].any() or kind in seen or not healthy[lane]:
            continue
        seen.add(kind)
        word, bit = divmod(lane, 64)
        states = ((history[:, :, word] >> np.uint64(bit)) & np.uint64(1)).astype(np.bool_)
        loop = loop_of(network, patterns[lane], states)
        if loop is not None:
            found.append(from_its_beginning(network, start, loop))
        if len(found) == _MOST_LOOPS or len(seen) == _MOST_KINDS:
            break
    return found


def _patterns(environment: Environment) -> NDArray[np.uint8]:
    """What the inputs are held at: uint8 (lanes, inputs)."""
    model = environment.model
    count = model.network.input_count
    usual = environment.recovery_values(1)[0]
    rows = [usual, np.zeros(count, np.uint8), np.ones(count, np.uint8)]
    ports = {bit.port for bit in model.inputs}
    for port in sorted(name for name in ports if name is not None):
        mine = np.array([bit.port == port for bit in model.inputs])
        for row in (usual, np.zeros(count, np.uint8), np.ones(count, np.uint8)):
            rows += [np.where(mine, value, row).astype(np.uint8) for value in (0, 1)]
    lanes = 64 * _WORDS
    generator = np.random.default_rng(2025)
    patterns = generator.integers(0, 2, (lanes, count), dtype=np.uint8)
    known = rows[: lanes // 2]
    patterns[: len(known)] = known
    patterns[:, model.free_inputs] = 0
    fixed = environment.reset_released < 2
    patterns[:, fixed] = environment.reset_released[fixed]
    return patterns


def loop_of(network: Network, inputs: NDArray[np.uint8], states: Bits, longest: int = PERIODS[-1]) -> Loop | None:
    """The shortest loop that explains ``states`` bool (cycles, latches) under held inputs, or None.

    A pass takes at most ``longest`` cycles. The first begins with the first of the states, `SETTLED` cycles after the
    inputs were first held.
    """
    least = states.shape[1] + 1
    tried = 0
    for period in PERIODS:
        if period > longest:
            break
        moving = np.flatnonzero((states[period:] != states[:-period]).any(axis=0))
        if not moving.size:
            return None  # nothing counts
        if moving.size >= least or moving.size > _MOST_MOVING or tried == _MOST_PERIODS:
            continue
        least = moving.size
        tried += 1
        found: dict[int, Counter] = {}
        for position in range(period):
            for counter in counters(network, inputs, states[position], moving):
                head = int(counter.latches[0])
                if head not in found or counter.latches.size > found[head].latches.size:
                    found[head] = counter
        bits = [latch for counter in found.values() for latch in counter.latches.tolist()]
        if len(set(bits)) < len(bits) or not set(moving.tolist()) <= set(bits):
            continue
        counted = tuple(found.values())
        steps = [[counter.advanced(states[at], states[at + 1]) for at in range(period)] for counter in counted]
        if all(step in (0, 1) for row in steps for step in row):
            return Loop(inputs, SETTLED, states[:period].copy(), counted, np.array(steps, np.int64))
    return None


def from_its_beginning(network: Network, start: Bits, loop: Loop) -> Loop:
    """The same loop, entered as early as the run from ``start`` does what it does in it."""
    simulator = Simulator(network, 1)
    simulator.state[:] = spread(start)
    simulator.inputs[:] = spread(loop.inputs)
    states = []
    for _ in range(SETTLED + loop.period):
        states.append((simulator.state[:, 0] & np.uint64(1)).astype(np.bool_))
        simulator.evaluate()
        simulator.clock()
    rest = np.ones(network.latch_count, np.bool_)
    for counter in loop.counters:
        rest[counter.latches] = False

    def follows(first: int) -> bool:
        for position in range(loop.period):
            before, after = states[first + position], states[first + position + 1]
            counted = all(
                counter.advanced(before, after) == step
                for counter, step in zip(loop.counters, loop.steps[:, position].tolist(), strict=True)
            )
            if not counted or (before ^ loop.states[position])[rest].any():
                return False
        return True

    first = SETTLED
    while first >= loop.period and follows(first - loop.period):
        first -= loop.period
    return replace(loop, lead=first, states=np.stack(states[first : first + loop.period]))
