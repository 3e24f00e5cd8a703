"""Bit-parallel simulation: 64 stimuli per machine word, two-valued or three-valued (0, 1, X).

`evaluate` settles the and-gates once, `run` goes through clock cycles from the initial state, `Simulator` is driven
by hand, cycle by cycle, and shows every variable. The first two work block by block of some hundred to some thousand
stimuli, on several threads, in a working set that fits the second-level cache, and compute only what the literals
asked for depend on, except when a run counts: then every variable is computed and counted.

Three values are those of Kleene's strong logic: ``0 and X = 0``, ``1 and X = X``, ``not X = X``. A signal that is X in
the simulation may be constant in truth (``x and not x``); one that is 0 or 1 is so whatever the unknowns are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, overload

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import LimitExceeded, NetworkError
from sandgrain.logic._simulate_blocks import cut_up, share
from sandgrain.logic._simulate_kernels import gates2, run_block, settle
from sandgrain.logic._simulate_lanes import LANES
from sandgrain.logic._simulate_plan import Plan, check_literals, plan_all, plan_for
from sandgrain.logic._simulate_values import Beginning, Ternary, UnknownState, Words, rails_of
from sandgrain.logic.network import Literals, Network
from sandgrain.logic.stimuli import Stimuli

__all__ = ["Counts", "Run", "Simulator", "Ternary", "UnknownState", "Words", "evaluate", "read", "run"]

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_MOST_STIMULI: Final = 1 << 40


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each variable was what, over all stimuli and cycles.

    Attributes:
        samples: stimuli times cycles.
        ones: uint64 (variables,), samples in which it is 1.
        unknowns: uint64 (variables,), samples in which it is X.
        toggles: uint64 (variables,), changes between 0 and 1 from one cycle to the next; changes from or to X are
            none, and glitches within a cycle are not seen.
    """

    samples: int
    ones: NDArray[np.uint64]
    unknowns: NDArray[np.uint64]
    toggles: NDArray[np.uint64]

    def ones_of(self, literals: Literals) -> NDArray[np.uint64]:
        """Samples in which each literal is 1: uint64 (literals,)."""
        at = np.asarray(literals, np.uint32) >> np.uint32(1)
        zeros = np.uint64(self.samples) - self.ones[at] - self.unknowns[at]
        chosen: NDArray[np.uint64] = np.where(np.asarray(literals) & 1, zeros, self.ones[at])
        return chosen


@dataclass(frozen=True, eq=False)
class Run:
    """What a `run` gathered.

    Attributes:
        cycles, stimuli: how much was simulated.
        state: the state after the last cycle's clock edge, by latch.
        counts: None unless counting was asked for.
        recorded: uint64 (cycles, literals, words) of the literals to record.
        traced: uint8 (cycles, literals), 0, 1 or 2 for X, of the literals to trace in one stimulus.
    """

    cycles: int
    stimuli: int
    state: Words | Ternary
    counts: Counts | None
    recorded: Words | Ternary
    traced: NDArray[np.uint8]


class Simulator:
    """Cycle-accurate simulation of many stimuli of one `Network` at once.

    Attributes:
        values: uint64 (variables, words), the value of every variable in the current cycle after `evaluate`.
    """

    def __init__(self, network: Network, words: int) -> None:
        self.network = network
        self.values: Words = np.zeros((network.variable_count, words), np.uint64)

    @cached_property
    def _plan(self) -> Plan:
        return plan_all(self.network)

    @property
    def state(self) -> Words:
        """uint64 (latches, words): a view; assign to its rows to set the state."""
        return self.values[self.network.first_latch : self.network.first_and]

    @property
    def inputs(self) -> Words:
        """uint64 (inputs, words): a view; assign to its rows to drive the inputs."""
        return self.values[1 : self.network.first_latch]

    def evaluate(self) -> None:
        """Settle the and-gates for the present state and inputs."""
        words = self.values.shape[1]
        if words and words % LANES == 0:
            gates2(self.values.reshape(-1), words, self._plan.gates)
        else:
            _evaluate(self.values, self.network.fanin0, self.network.fanin1, self.network.first_and)

    def clock(self) -> None:
        """Move every latch to its next state; call after `evaluate`."""
        self.state[:] = read(self.values, self.network.latch_next)


@numba.njit(cache=True, parallel=False, nogil=True)
def _evaluate(values, fanin0, fanin1, first_and):  # type: ignore[no-untyped-def]
    words = values.shape[1]
    for gate in range(fanin0.size):
        left, right = fanin0[gate], fanin1[gate]
        flip0 = _ALL if left & 1 else np.uint64(0)
        flip1 = _ALL if right & 1 else np.uint64(0)
        row0, row1, out = left >> 1, right >> 1, first_and + gate
        for word in range(words):
            values[out, word] = (values[row0, word] ^ flip0) & (values[row1, word] ^ flip1)


def read(values: Words, literals: Literals) -> Words:
    """The rows of ``values`` that ``literals`` name, negated where they are: uint64 (literals, words)."""
    flips = np.where(literals & np.uint32(1), _ALL, np.uint64(0))
    rows: Words = values[literals >> np.uint32(1)] ^ flips[:, None]
    return rows


@overload
def evaluate(
    network: Network,
    literals: Literals,
    inputs: Words,
    state: Words,
    *,
    threads: int | None = None,
    block_words: int | None = None,
    device: Literal["cpu", "gpu"] = "cpu",
) -> Words: ...
@overload
def evaluate(
    network: Network,
    literals: Literals,
    inputs: Ternary,
    state: Ternary,
    *,
    threads: int | None = None,
    block_words: int | None = None,
    device: Literal["cpu", "gpu"] = "cpu",
) -> Ternary: ...
def evaluate(
    network: Network,
    literals: Literals,
    inputs: Words | Ternary,
    state: Words | Ternary,
    *,
    threads: int | None = None,
    block_words: int | None = None,
    device: Literal["cpu", "gpu"] = "cpu",
) -> Words | Ternary:
    """The values of literals for many inputs and states, combinationally.

    Args:
        network: only the and-gates the literals depend on are computed.
        literals: uint32 (literals,).
        inputs: uint64 (inputs, words), or `Ternary` of two such for three values.
        state: uint64 (latches, words), or `Ternary`.
        threads: by default one per processor this process may use.
        block_words: words simulated together; by default what fits the cache. Neither changes the result.
        device: ``gpu`` needs the package CuPy and a GPU; two-valued only.

    Returns:
        uint64 (literals, words), or `Ternary` if the inputs are.

    Raises:
        NetworkError: shapes that do not fit the network, a literal it does not have, no GPU.
    """
    check_literals(network, literals, "a literal to evaluate")
    three_valued = isinstance(inputs, Ternary)
    if three_valued != isinstance(state, Ternary):
        raise NetworkError("inputs and state are not of one kind", expected="both two-valued or both Ternary")
    words = (inputs.ones if isinstance(inputs, Ternary) else inputs).shape[-1]
    inputs1, inputs0 = rails_of(network.input_count, words, inputs, "inputs")
    state1, state0 = rails_of(network.latch_count, words, state, "state")
    plan = plan_for(network, literals)
    places = plan.places(np.asarray(literals, np.uint32))
    out1 = np.empty((len(places), words), np.uint64)
    out0 = np.empty_like(out1) if three_valued else out1
    if device == "gpu":
        from sandgrain.logic._simulate_gpu import settle_on_gpu

        if three_valued:
            raise NetworkError("three-valued simulation on a GPU is not available", remedy='use device="cpu"')
        return settle_on_gpu(plan, np.concatenate([inputs1, state1]), places)
    rails = 1 + three_valued
    cut = cut_up(words, plan.rows * rails, threads, block_words)

    def work(first: int, last: int) -> None:
        values = np.empty(rails * plan.rows * cut.width, np.uint64)
        settle(
            plan.gates,
            values,
            cut.width,
            rails,
            network.input_count,
            inputs1.reshape(-1),
            inputs0.reshape(-1),
            state1.reshape(-1),
            state0.reshape(-1),
            places,
            out1.reshape(-1),
            out0.reshape(-1),
            words,
            first,
            last,
        )

    share(cut, work)
    return Ternary(out1, out0) if three_valued else out1


def run(
    network: Network,
    stimuli: Stimuli,
    *,
    cycles: int,
    count: int,
    three_valued: bool = False,
    initial: Words | Ternary | None = None,
    unknown: UnknownState | None = None,
    counting: bool = True,
    record: Sequence[int] | Literals = (),
    trace: Sequence[int] | Literals = (),
    trace_stimulus: int = 0,
    threads: int | None = None,
    block_words: int | None = None,
    most_bytes: int = 1 << 30,
) -> Run:
    """Simulate ``count`` stimuli over ``cycles`` clock cycles from the initial state.

    Cycle ``t`` is the state after ``t`` clock edges and the inputs of cycle ``t``, settled; it is what is counted,
    recorded and traced.

    Args:
        network: the network.
        stimuli: what drives its inputs.
        cycles: number of cycles.
        count: number of stimuli.
        three_valued: simulate 0, 1 and X.
        initial: the initial state, uint64 (latches, words), or `Ternary` if ``three_valued``; by default what
            ``latch_init`` says.
        unknown: what latches without an initial value start as: ``x`` (default and only if ``three_valued``),
            ``random`` (default otherwise) for every stimulus, or ``zero``.
        counting: count ones, unknowns and toggles of every variable.
        record: literals whose values are kept for all stimuli and cycles.
        trace: literals whose values are kept for stimulus ``trace_stimulus`` and all cycles.
        threads, block_words: as in `evaluate`; neither changes the result.
        most_bytes: the largest that ``state``, ``recorded`` and ``traced`` may be together.

    Raises:
        NetworkError: stimuli or an initial state that do not fit the network, literals it does not have.
        LimitExceeded: the values to keep are more than ``most_bytes``.
    """
    rails = 1 + three_valued
    words = _checked(network, stimuli, cycles, count, three_valued, unknown, trace_stimulus if len(trace) else 0)
    recorded_literals, traced_literals = np.array(record, np.uint32), np.array(trace, np.uint32)
    ready = stimuli.ready
    for literals, what in (
        (recorded_literals, "a literal to record"),
        (traced_literals, "a literal to trace"),
        (ready, "the ready of a handshake"),
    ):
        check_literals(network, literals, what)
    rows = cycles * recorded_literals.size + network.latch_count
    size = 8 * words * rails * rows + cycles * traced_literals.size
    if size > most_bytes:
        raise LimitExceeded(
            f"the values to keep of this run are {size} bytes",
            expected=f"most_bytes = {most_bytes} or fewer",
            remedy="record fewer signals, stimuli or cycles, count instead, or raise most_bytes",
        )
    table = stimuli.table(words)
    wanted = np.concatenate([np.asarray(network.latch_next, np.uint32), ready, recorded_literals, traced_literals])
    plan = plan_all(network) if counting else plan_for(network, wanted)
    next_places, ready_places, record_places, trace_places = (
        plan.places(literals) for literals in (network.latch_next, ready, recorded_literals, traced_literals)
    )
    cut = cut_up(words, plan.rows * rails, threads, block_words)
    shape = (cycles, recorded_literals.size, words)
    recorded1 = np.zeros(shape, np.uint64)
    recorded0 = np.zeros(shape, np.uint64) if three_valued else recorded1
    traced = np.zeros((cycles, traced_literals.size), np.uint8)
    final = np.zeros((network.latch_count, rails, words), np.uint64)
    begin = Beginning(network, stimuli.seed, three_valued, initial, unknown, words)
    masks = np.full(words, _ALL, np.uint64)
    if count % 64:
        masks[-1] = np.uint64((1 << count % 64) - 1)

    def work(first: int, last: int) -> NDArray[np.uint64]:
        values = np.zeros(rails * plan.rows * cut.width, np.uint64)
        counts = np.zeros((3, plan.rows if counting else 1), np.uint64)
        for start in range(first, last, cut.width):
            width = min(cut.width, last - start)
            mask = np.zeros(cut.width, np.uint64)
            mask[:width] = masks[start : start + width]
            # Negative or past the end where the stimulus to trace is in another block.
            bit = trace_stimulus - 64 * start
            state = run_block(
                plan.gates,
                values,
                cut.width,
                rails,
                table,
                np.uint64(stimuli.seed),
                cycles,
                start,
                mask,
                begin.block(start, width, cut.width),
                next_places,
                ready_places,
                counting,
                counts[0],
                counts[1],
                counts[2],
                record_places,
                recorded1,
                recorded0,
                trace_places,
                bit if bit < 64 * width else -1,
                traced,
            )
            rows = state.reshape(network.latch_count, rails, cut.width)
            final[:, :, start : start + width] = rows[:, :, :width] & mask[:width]
        return counts

    total: NDArray[np.uint64] = np.sum(np.stack(share(cut, work)), axis=0)
    state1 = np.ascontiguousarray(final[:, 0])
    return Run(
        cycles=cycles,
        stimuli=count,
        state=Ternary(state1, np.ascontiguousarray(final[:, 1])) if three_valued else state1,
        counts=Counts(cycles * count, total[0], total[1], total[2]) if counting else None,
        recorded=Ternary(recorded1, recorded0) if three_valued else recorded1,
        traced=traced,
    )


def _checked(
    network: Network,
    stimuli: Stimuli,
    cycles: int,
    count: int,
    three_valued: bool,
    unknown: UnknownState | None,
    trace_stimulus: int,
) -> int:
    """Refuse what does not fit; the number of words."""
    if len(stimuli.drives) != network.input_count:
        raise NetworkError(
            f"there are {len(stimuli.drives)} drives for {network.input_count} inputs",
            expected="one for each input of the network",
        )
    if cycles < 0 or not 0 < count <= _MOST_STIMULI:
        raise NetworkError(f"{cycles} cycles of {count} stimuli", expected="no negative number and a stimulus or more")
    if not three_valued and (unknown == "x" or stimuli.has_unknowns):
        raise NetworkError("two-valued simulation knows no X", remedy="simulate with three_valued=True")
    if not 0 <= trace_stimulus < count:
        raise NetworkError(f"stimulus {trace_stimulus} of {count} is to be traced", expected=f"0 .. {count - 1}")
    return -(-count // 64)
