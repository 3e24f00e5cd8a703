"""Registers that count: flip-flops each of which flips when all below it hold the value at which they pass a carry on.

They are found by what they do in one step, whatever they are called and wherever they stand: counting up and down, any
width, any of the bits inverted. What is found here is a guess; `skipping` proves what it uses of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal.sampling import spread
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Simulator, Words

_WORDS = 4
_OFTEN = 0.75
"""Share of random values of the other registers under which a step is taken for a rule."""

_WIDEST = 256


@dataclass(frozen=True)
class Counter:
    """Flip-flops that count together.

    Attributes:
        latches: int64 (bits,), least significant first.
        passes: bool (bits,), the value at which each passes the carry on: bit ``i`` flips when every lower one has it.
    """

    latches: NDArray[np.int64]
    passes: NDArray[np.bool_]

    def value(self, state: NDArray[np.bool_]) -> int:
        """How far it has counted in ``state`` bool (latches,), from 0 to ``2 ** bits - 1``."""
        bits = state[self.latches] == self.passes
        return sum(1 << index for index in np.flatnonzero(bits).tolist())

    def advanced(self, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> int:
        """How far it has counted from one state to another: 0 to ``2 ** bits - 1``."""
        return (self.value(after) - self.value(before)) % (1 << self.latches.size)

    def bits(self, value: int) -> NDArray[np.bool_]:
        """Its flip-flops when it has counted to ``value`` modulo ``2 ** bits``: bool (bits,)."""
        counted = np.array([(value >> index) & 1 for index in range(self.latches.size)], np.bool_)
        found: NDArray[np.bool_] = counted == self.passes
        return found


def counters(
    network: Network, inputs: NDArray[np.uint8], state: NDArray[np.bool_], moving: NDArray[np.int64]
) -> list[Counter]:
    """The counters that move on in one step.

    Args:
        network: the design.
        inputs: uint8 (inputs,).
        state: bool (latches,), of which the registers that are not ``moving`` are taken as they are.
        moving: int64, latches among which the lowest bit of each counter is; higher ones may stand still as yet.
    """
    step = _Step(network, inputs, state, moving)
    heads = moving[step.flips(np.empty(0, np.int64), np.empty(0, np.bool_))[moving] >= _OFTEN]
    found = []
    taken: set[int] = set()
    for head in heads.tolist():
        counter = _chain(step, head)
        # A register that two counters carry into is not understood, and then neither of them is.
        if not taken & set(counter.latches.tolist()):
            taken |= set(counter.latches.tolist())
            found.append(counter)
    return found


def _chain(step: _Step, head: int) -> Counter:
    latches, passes = [head], list[bool]()
    while len(latches) < _WIDEST:
        fixed = np.array(latches, np.int64)
        rates = [step.flips(fixed, np.array([*passes, value])) for value in (False, True)]
        for value in (False, True):
            carried = (rates[value] >= _OFTEN) & (rates[not value] <= 1 - _OFTEN)
            carried[fixed] = False
            following = np.flatnonzero(carried)
            if following.size > 1:
                # Some that have counted already pass the carry on at once; only the next one flips whatever they hold.
                passed_on = step.flips(fixed, np.array([*passes, value]), following)
                following = following[passed_on[following] >= _OFTEN]
            if following.size == 1:
                break
        else:
            break
        passes.append(value)
        latches.append(int(following[0]))
    # What the last bit would pass on nobody sees; as the others do, so that the value of a counter reads naturally.
    return Counter(np.array(latches, np.int64), np.array([*passes, passes[-1] if passes else True], np.bool_))


class _Step:
    """One step of the network from many states that differ in the registers that move."""

    def __init__(
        self, network: Network, inputs: NDArray[np.uint8], state: NDArray[np.bool_], moving: NDArray[np.int64]
    ) -> None:
        self._simulator = Simulator(network, _WORDS)
        self._simulator.inputs[:] = spread(inputs)
        generator = np.random.default_rng(2025)
        self._states: Words = np.repeat(spread(state), _WORDS, axis=1)
        self._states[moving] = generator.integers(0, 1 << 64, (moving.size, _WORDS), dtype=np.uint64)

    def flips(
        self, fixed: NDArray[np.int64], values: NDArray[np.bool_], loose: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """How often each latch changes, with ``fixed`` ones at ``values``: float64 (latches,), 0 to 1.

        Those that are ``loose`` hold anything, as those that move do.
        """
        simulator = self._simulator
        simulator.state[:] = self._states
        if loose is not None:
            generator = np.random.default_rng(loose.size)
            simulator.state[loose] = generator.integers(0, 1 << 64, (loose.size, _WORDS), dtype=np.uint64)
        simulator.state[fixed] = spread(values)
        before = simulator.state.copy()
        simulator.evaluate()
        simulator.clock()
        changed: NDArray[np.float64] = np.bitwise_count(before ^ simulator.state).sum(axis=1) / (64 * _WORDS)
        return changed
