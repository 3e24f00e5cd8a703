"""What only shows after more cycles than can be run: loops of both sides that are left after any number of passes.

A difference behind a counter of dozens of bits is out of reach of any search. But while inputs are held, most designs
do the same over and over, but for what counts; both sides do, as long as no fault acts. What faults need such a counter
to hold says how long to wait. See `sandgrain.formal.skipping`.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.corpus import Corpus
from sandgrain.equivalence.faults import Faulty
from sandgrain.equivalence.joint import Words, lanes_of, words_of
from sandgrain.equivalence.stimulus import Stimulus
from sandgrain.formal.counting import Counter
from sandgrain.formal.loops import PERIODS, SETTLED, Loop, from_its_beginning, loop_of
from sandgrain.formal.sampling import spread
from sandgrain.formal.skipping import Skip, Stretch
from sandgrain.logic.simulate import Simulator

_WORDS: Final = 16
"""Words of 64 lanes, if what is watched of them fits into `_BYTES`."""
_BYTES: Final = 1 << 28
_WATCHED: Final = 96
_DRAWS: Final = 6
_SHORT: Final = 64
"""Cycles of inputs held after which it is looked whether anything goes on."""
_QUIET: Final = 4
"""Registers that move where nothing else goes on: what counts, and what it sets."""
_KINDS: Final = 8
"""Loops looked at of one draw, told apart by what does not repeat itself; where that is least comes first."""
_MOST_MOVING: Final = 21
"""Registers that do not repeat themselves in what is watched, if only three counters do not."""
_LONGEST: Final = 16
"""Clock cycles of a pass at most."""
_LIVELY: Final = 24
"""Cycles of random inputs that show how much goes on after a loop."""
_LOOSENED: Final = 4
"""Times that registers are left out of what a pass has to do."""
_MOST_LOOSE: Final = 64
_ALIKE: Final = 4
"""Waits by the same counter in loops of the same length: one may end before faults act, another not."""


@dataclass(frozen=True)
class Wait:
    """Inputs held, and passes of a loop that are skipped.

    Attributes:
        rows: uint8 (cycles, inputs of the network), until the first pass that is skipped.
        row: uint8 (inputs of the network), held while passes are skipped.
        skip: what is skipped.
        loose: bool (period, latches), latches that may hold anything before each cycle of a pass.
    """

    rows: NDArray[np.uint8]
    row: NDArray[np.uint8]
    skip: Skip
    loose: NDArray[np.bool_]


class Waiting:
    """Finds waits of one faulty network.

    Args:
        faulty: the network.
        stimulus: what the ports and resets are.
        corpus: inputs that kept the design busy.
        random: for the choice of inputs.
    """

    def __init__(self, faulty: Faulty, stimulus: Stimulus, corpus: Corpus, random: np.random.Generator) -> None:
        self.faulty, self.corpus, self.random = faulty, corpus, random
        self.width = faulty.network.input_count
        self.words = min(_WORDS, _BYTES // (8 * _WATCHED * max(1, faulty.network.latch_count)))
        self.released = {
            at: 1 - stimulus.resets[key][0] for at, key in enumerate(stimulus.ports.inputs) if key in stimulus.resets
        }
        acting = np.flatnonzero(faulty.network.latch_next != faulty.faulty_next)
        self.wanted: NDArray[np.bool_] = faulty.needed[0] | faulty.needed[1]
        self.wanted[acting] = True
        self.tried: Counts[tuple[bytes, int]] = Counts()

    def waits(self, start: NDArray[np.bool_]) -> Iterator[Wait]:
        """Waits from a state, bool (latches,), in which nothing differs, each of another kind; the liveliest first."""
        if not self.words or not self.wanted.any():
            return
        patterns = self._patterns(start)
        for loop in self._loops(start, patterns):
            both = self._shared(loop)
            if both is None:
                continue
            for index, counter in enumerate(loop.counters):
                kind = counter.latches.tobytes(), loop.period
                if self.tried[kind] < _ALIKE and self.wanted[counter.latches].any():
                    wait = self._wait(both, index, self._end(counter, loop.states[0]))
                    if wait is not None:
                        self.tried[kind] += 1
                        yield wait

    def _end(self, counter: Counter, state: NDArray[np.bool_]) -> int:
        """What a counter has to count to for what faults need of it, or else as far as it can."""
        ones, zeros = self.faulty.needed[:, counter.latches]
        target = least_with(counter, ones, zeros, counter.value(state))
        return (1 << counter.latches.size) - 1 if target is None else target

    def _wait(self, loop: Loop, index: int, end: int) -> Wait | None:
        """The wait until a counter has counted to ``end``, or faults act."""
        state, counter = loop.states[0], loop.counters[index]
        end = min(end, (1 << counter.latches.size) - 1)
        loose = np.zeros(loop.states.shape, np.bool_)
        best: Wait | None = None
        for _ in range(_LOOSENED):
            stretch = Stretch(self.faulty.network, loop, self.faulty.faulty_next, loose)
            skip = stretch.towards(state, index, end)
            if skip is None:
                break
            if skip.passes and (best is None or skip.passes > best.skip.passes):
                best = Wait(np.repeat(loop.inputs[None], loop.lead, axis=0), loop.inputs, skip, loose)
            if skip.limit > end:
                break
            # What is written before it is read may go another way: registers of which nothing is said any more.
            deviating = stretch.deviating(state, index, end - 1)
            loose = loose | deviating
            if not deviating.any() or loose.any(axis=0).sum() > _MOST_LOOSE:
                break
        return best

    def _patterns(self, start: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """What the inputs are held at: uint8 (lanes, inputs of the network); more of those under which much goes on.

        Under most a design soon stops, or waits: a processor for its memory. That is one loop, and any lane shows it.
        """
        lanes, busy = 64 * self.words, list[NDArray[np.uint8]]()
        for _ in range(_DRAWS):
            drawn = self._drawn()
            simulator = self._held(start, drawn)
            moved = np.zeros_like(simulator.state)
            for cycle in range(_SHORT):
                before = simulator.state.copy()
                simulator.evaluate()
                simulator.clock()
                if cycle >= _SHORT // 2:
                    moved |= before ^ simulator.state
            counts = lanes_of(moved).sum(axis=0, dtype=np.int64)
            busy.append(drawn[counts > counts.min() + _QUIET])
        first = np.concatenate(busy)[: lanes - lanes // 8]
        return np.concatenate((first, drawn[: lanes - len(first)]))

    def _drawn(self) -> NDArray[np.uint8]:
        """Values of the inputs, uint8 (lanes, inputs of the network): such as kept the design busy, and random ones."""
        lanes = 64 * self.words
        drawn = self.random.integers(0, 1 << 64, (self.width, self.words), np.uint64)
        mixed = lanes_of(self.corpus.mixed(drawn, np.arange(lanes) % 4 != 0)).T.astype(np.uint8)
        # Some have few inputs at 1, or few at 0; in others one input is another than the design is used to.
        sparse = self.random.random((lanes, self.width)) < 0.1
        kind = np.arange(lanes) % 8
        mixed[kind == 6] = sparse[kind == 6]
        mixed[kind == 7] = ~sparse[kind == 7]
        flipped = np.flatnonzero(kind == 5)
        mixed[flipped, self.random.integers(0, self.width, flipped.size)] ^= 1
        for at, value in self.released.items():
            mixed[:, at] = value
        return mixed

    def _held(self, start: NDArray[np.bool_], patterns: NDArray[np.uint8]) -> Simulator:
        """Lanes in a state, each with its inputs."""
        simulator = Simulator(self.faulty.network, self.words)
        simulator.inputs[:] = words_of(patterns.T)
        simulator.state[:] = spread(start)
        return simulator

    def _loops(self, start: NDArray[np.bool_], patterns: NDArray[np.uint8]) -> Iterator[Loop]:
        network = self.faulty.network
        simulator = self._held(start, patterns)
        history = np.zeros((_WATCHED, network.latch_count, self.words), np.uint64)
        for cycle in range(SETTLED + _WATCHED):
            if cycle >= SETTLED:
                history[cycle - SETTLED] = simulator.state
            simulator.evaluate()
            simulator.clock()
        lively = self._lively(simulator.state)
        kinds: dict[bytes, tuple[int, int, int]] = {}
        for lane, moving in enumerate(_moving(history).T):
            if 0 < moving.sum() <= _MOST_MOVING:
                kind, told = np.packbits(moving).tobytes(), (int(moving.sum()), -int(lively[lane]), lane)
                kinds[kind] = min(told, kinds.get(kind, told))
        for _, _, lane in sorted(kinds.values())[:_KINDS]:
            word, bit = divmod(lane, 64)
            states = ((history[:, :, word] >> np.uint64(bit)) & np.uint64(1)).astype(np.bool_)
            loop = loop_of(network, patterns[lane], states, longest=_LONGEST)
            if loop is not None:
                yield from_its_beginning(network, start, loop)

    def _shared(self, loop: Loop) -> Loop | None:
        """The loop with its counters as far as both sides have them; None if the lowest bit of one is of one side."""
        counters = []
        for counter in loop.counters:
            alone = np.flatnonzero(~self.faulty.shared[counter.latches])
            bits = int(alone[0]) if alone.size else counter.latches.size
            counters.append(Counter(counter.latches[:bits], counter.passes[:bits]))
        return replace(loop, counters=tuple(counters)) if all(one.latches.size for one in counters) else None

    def _lively(self, state: Words) -> NDArray[np.int64]:
        """int64 (lanes,): how many registers move under random inputs from the state of a lane."""
        simulator = Simulator(self.faulty.network, self.words)
        simulator.state[:] = state
        before = state.copy()
        moved = np.zeros_like(state)
        for _ in range(_LIVELY):
            simulator.inputs[:] = self.random.integers(0, 1 << 64, (self.width, self.words), np.uint64)
            for at, value in self.released.items():
                simulator.inputs[at] = np.uint64(0xFFFFFFFFFFFFFFFF if value else 0)
            simulator.evaluate()
            simulator.clock()
            moved |= before ^ simulator.state
        found: NDArray[np.int64] = lanes_of(moved).sum(axis=0, dtype=np.int64)
        return found


def _moving(history: Words) -> NDArray[np.bool_]:
    """bool (latches, lanes): what does not repeat itself, with the period with which least does not.

    Args:
        history: uint64 (cycles, latches, words).
    """
    least = np.ones((history.shape[1], 64 * history.shape[2]), np.bool_)
    for period in PERIODS:
        if period <= _LONGEST:
            moving = lanes_of(np.bitwise_or.reduce(history[period:] ^ history[:-period], axis=0)) != 0
            fewer = moving.sum(axis=0) < least.sum(axis=0)
            least[:, fewer] = moving[:, fewer]
    return least


def least_with(counter: Counter, ones: NDArray[np.bool_], zeros: NDArray[np.bool_], now: int) -> int | None:
    """The least value of a counter, above ``now``, at which its registers hold what is wanted; None if there is none.

    Args:
        counter: the counter.
        ones, zeros: bool (bits,), the registers that are wanted at 1, and at 0; where both, either will do.
        now: what it has counted to.
    """
    fixed = np.flatnonzero(ones ^ zeros).tolist()
    wanted = {place: int(ones[place] == counter.passes[place]) for place in fixed}
    if not wanted:
        return None
    lowest = sum(bit << place for place, bit in wanted.items())
    value = now + 1
    while value < 1 << counter.latches.size:
        wrong = [place for place, bit in wanted.items() if value >> place & 1 != bit]
        if not wrong:
            return value
        place = max(wrong)
        # Up to the next number in which this bit is as wanted, with the least below it.
        value = (value >> place) + 1 << place
        value += lowest & (1 << place) - 1
    return None
