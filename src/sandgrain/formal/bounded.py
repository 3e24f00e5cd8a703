"""Bounded model checking from a concrete power-up: the shortest run of operation into one of some cubes of states.

A. Biere et al., *Symbolic model checking without BDDs*, TACAS 1999. It runs in a process of its own, because a SAT call
cannot be interrupted and because it then has a processor to itself.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import SandgrainError
from sandgrain.formal.environment import Environment
from sandgrain.formal.reachability import Cube
from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.network import Literals
from sandgrain.logic.sat import GraphSolver

DOES_NOT_MATTER = 2

_PATIENCE = 0.25
"""Seconds between two looks at whether an answer is still wanted."""


@dataclass(frozen=True)
class Run:
    """A run of operation from a concrete state into a cube.

    Attributes:
        inputs: uint8 (cycles, inputs), 0, 1, or 2 where the value does not matter.
        target: index of the cube that is reached, in the order asked.
    """

    inputs: NDArray[np.uint8]
    target: int

    def then(self, following: Run) -> Run:
        """This run and then ``following``, which starts where this one ends."""
        parts = [part for part in (self.inputs, following.inputs) if len(part)]
        return Run(np.concatenate(parts) if parts else self.inputs, following.target)


@dataclass(frozen=True)
class Entering:
    """The end of a run that is looked for: ``what`` holds, and in the cycle before neither it nor ``why`` did.

    Attributes:
        what, why: network literals.
    """

    what: int
    why: int


@dataclass(frozen=True)
class Search:
    """How a bounded search ended: a run, or every depth below ``depth`` without one."""

    run: Run | None
    depth: int


class SearchCrashed(SandgrainError):
    """The search process ended without an answer, e.g. for lack of memory."""


def search(
    environment: Environment,
    start: NDArray[np.bool_],
    targets: Sequence[Cube | Entering],
    *,
    seconds: float,
    max_depth: int,
    tick: Callable[[int], None] = lambda _depth: None,
    ended: Callable[[], bool] = lambda: False,
) -> Search:
    """The shortest run of operation from ``start`` into one of ``targets``.

    Args:
        environment: the design; inputs nothing defines (x, undriven) are taken as 0.
        start: bool (latches,), the state after reset.
        targets: where to get to.
        seconds: wall-clock budget; the search process is ended when it is used up.
        max_depth: most cycles.
        tick: called with every depth that has been excluded.
        ended: asked now and then whether the answer is no longer wanted.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe()
    # The work goes over the pipe, not as arguments: starting a process blocks for ever if large arguments are written
    # to one that died at once, a pipe whose other end is closed does not.
    process = context.Process(target=_work, args=(sending,), daemon=True)
    process.start()
    sending.close()
    deadline = time.monotonic() + seconds
    depth = 0
    try:
        try:
            receiving.send((environment, start, list(targets), max_depth))
        except OSError as error:
            raise SearchCrashed("the bounded search ended before it began", remedy="give it more memory") from error
        while (left := deadline - time.monotonic()) > 0 and not ended():
            if not receiving.poll(min(left, _PATIENCE)):
                continue
            try:
                message = receiving.recv()
            except EOFError as error:
                raise SearchCrashed(
                    f"the bounded search ended by itself at depth {depth}", remedy="give it more memory"
                ) from error
            if isinstance(message, int):
                depth = message
                tick(depth)
            else:
                return Search(message, depth)
        return Search(None, depth)
    finally:
        process.kill()
        process.join()
        receiving.close()


def _work(sending: Connection) -> None:
    environment, start, wanted, max_depth = sending.recv()
    _search(sending, environment, start, wanted, max_depth)


def _search(
    sending: Connection,
    environment: Environment,
    start: NDArray[np.bool_],
    wanted: list[Cube | Entering],
    max_depth: int,
) -> None:
    network = environment.model.network
    free = environment.model.free_inputs
    graph = Graph(1 << 18)
    state: Literals = start.astype(np.uint32)
    before: Literals | None = None
    driven: list[Literals] = []
    with GraphSolver(graph) as solver:
        for depth in range(max_depth + 1):
            inputs = environment.operation_inputs(graph)
            inputs[free] = 0
            values = graph.frame(network, inputs, state)
            for index, target in enumerate(wanted):
                if isinstance(target, Entering):
                    literal, used = _entered(graph, before, values, target), [*driven, inputs]
                else:
                    literal, used = _inside(graph, state, target), driven
                if literal != 0 and solver.solve([literal]):
                    sending.send(Run(_matters(solver, used, literal), index))
                    return
            sending.send(depth + 1)
            driven.append(inputs)
            before, state = values, literal_values(values, network.latch_next)
    sending.send(None)


def _inside(graph: Graph, state: Literals, cube: Cube) -> int:
    return graph.all_of(int(state[literal >> 1]) ^ (literal & 1) for literal in cube)


def _entered(graph: Graph, before: Literals | None, values: Literals, target: Entering) -> int:
    if before is None:
        return 0
    pairs = ((before, target.what ^ 1), (before, target.why ^ 1), (values, target.what))
    return graph.all_of(int(frame[literal >> 1]) ^ (literal & 1) for frame, literal in pairs)


def _matters(solver: GraphSolver, driven: list[Literals], target: int) -> NDArray[np.uint8]:
    """The inputs of the last model, reduced to those without which the target is not certain."""
    if not driven:
        return np.empty((0, 0), np.uint8)
    everything = np.stack(driven)
    values = solver.model(everything.ravel()).reshape(everything.shape)
    assume = {
        int(literal) ^ int(not value): None
        for literal, value in zip(everything.ravel().tolist(), values.ravel().tolist(), strict=True)
        if literal > 1
    }
    core = list(assume)
    for _ in range(8):
        if solver.solve([target ^ 1, *core]):
            raise AssertionError("a concrete run cannot miss its own end")
        found = solver.core() - {target ^ 1}
        smaller = [literal for literal in core if literal in found]
        if len(smaller) == len(core):
            break
        core = smaller
    position = 0
    deadline = time.monotonic() + 10
    while position < len(core) and time.monotonic() < deadline:
        trial = core[:position] + core[position + 1 :]
        if solver.solve([target ^ 1, *trial]):
            position += 1
        else:
            found = solver.core()
            core = [literal for literal in trial if literal in found]
    needed = set(core)
    result = np.full(everything.shape, DOES_NOT_MATTER, np.uint8)
    for cycle, column in np.ndindex(everything.shape):
        literal = int(everything[cycle, column])
        if literal <= 1:
            result[cycle, column] = literal
        elif literal in needed or literal ^ 1 in needed:
            result[cycle, column] = values[cycle, column]
    return result
