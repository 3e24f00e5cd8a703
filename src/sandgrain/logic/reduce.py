"""Smaller models with the same answer: the cone of influence, and free inputs that make no difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.graph import Graph, literal_values
from sandgrain.logic.model import Model
from sandgrain.logic.network import Literals, Network
from sandgrain.logic.sat import GraphSolver

_CONFLICTS: Final = 1_000
"""For one question whether a free input matters; one that takes more is answered with yes."""
_ENGINE: Final = "minisat22"
"""Quick at many small questions."""


@dataclass(frozen=True)
class Cone:
    """A model restricted to what its outputs depend on.

    Attributes:
        inputs: int64, for each input of ``model`` its index in the original.
        latches: int64, for each latch of ``model`` its index in the original.
    """

    model: Model
    inputs: NDArray[np.int64]
    latches: NDArray[np.int64]


@numba.njit(cache=True)
def _mark(roots, first_latch, first_and, latch_next, fanin0, fanin1, marked):  # type: ignore[no-untyped-def]
    stack = np.empty(marked.size + 2, np.int64)
    top = 0
    for root in roots:
        variable = root >> 1
        if not marked[variable]:
            marked[variable] = True
            stack[top] = variable
            top += 1
    while top:
        top -= 1
        variable = stack[top]
        if variable >= first_and:
            for fanin in (fanin0[variable - first_and] >> 1, fanin1[variable - first_and] >> 1):
                if not marked[fanin]:
                    marked[fanin] = True
                    stack[top] = fanin
                    top += 1
        elif variable >= first_latch:
            following = latch_next[variable - first_latch] >> 1
            if not marked[following]:
                marked[following] = True
                stack[top] = following
                top += 1


def cone_of_influence(model: Model, keep: Callable[[str], bool] = lambda _name: True) -> Cone:
    """Drop everything the outputs for which ``keep`` holds do not depend on, in any number of cycles."""
    network = model.network
    outputs = {name: literal for name, literal in model.outputs.items() if keep(name)}
    marked = np.zeros(network.variable_count, np.bool_)
    _mark(
        np.array(list(outputs.values()), np.int64),
        network.first_latch,
        network.first_and,
        network.latch_next,
        network.fanin0,
        network.fanin1,
        marked,
    )
    marked[0] = True
    new = (np.cumsum(marked) - 1).astype(np.uint32)

    def renumber(literals: Literals) -> Literals:
        renumbered: Literals = (new[literals >> np.uint32(1)] << np.uint32(1)) | (literals & np.uint32(1))
        return renumbered

    inputs = np.flatnonzero(marked[1 : network.first_latch])
    latches = np.flatnonzero(marked[network.first_latch : network.first_and])
    gates = np.flatnonzero(marked[network.first_and :])
    reduced = Network(
        input_kinds=network.input_kinds[inputs],
        latch_next=renumber(network.latch_next[latches]),
        latch_init=network.latch_init[latches],
        fanin0=renumber(network.fanin0[gates]),
        fanin1=renumber(network.fanin1[gates]),
    )
    return Cone(
        Model(
            network=reduced,
            inputs=tuple(model.inputs[index] for index in inputs.tolist()),
            latches=tuple(model.latches[index] for index in latches.tolist()),
            outputs={name: int(renumber(np.array([literal], np.uint32))[0]) for name, literal in outputs.items()},
        ),
        inputs,
        latches,
    )


def mask_unknowns(model: Model) -> Model:
    """Fix to 0 every group of free inputs that provably changes neither an output nor a next state.

    A description leaves many nets undefined whose value is never looked at, e.g. the data of a register while its
    enable is off. Each group is tried by itself, the earlier ones already fixed; equality of every output and every
    next state is decided by SAT, so the masked model has exactly the behaviours of the original. What is not decided
    soon stays free, which is what the description says.
    """
    network = model.network
    free = model.free_inputs
    groups = sorted({bit.group for bit in model.inputs if bit.port is None})
    graph = Graph(4 * network.variable_count)
    inputs = graph.free(network.input_count)
    state = graph.free(network.latch_count)
    names = list(model.outputs)
    outputs = np.array([model.outputs[name] for name in names], np.uint32)
    roots = np.concatenate((network.latch_next, outputs))
    group_of = np.array([bit.group for bit in model.inputs], np.int64)

    current_inputs = inputs.copy()
    current = literal_values(graph.frame(network, current_inputs, state), roots)
    with GraphSolver(graph, _ENGINE) as solver:
        # All at once first: most roots need none of them.
        silent = current_inputs.copy()
        silent[free] = 0
        masked = literal_values(graph.frame(network, silent, state), roots)
        needs = np.array([not _equal(solver, int(a), int(b)) for a, b in zip(current, masked, strict=True)], np.bool_)
        if needs.any():
            sensitive = np.flatnonzero(needs)
            for group in groups:
                trial = current_inputs.copy()
                trial[free & (group_of == group)] = 0
                other = literal_values(graph.frame(network, trial, state), roots[sensitive])
                if all(_equal(solver, int(a), int(b)) for a, b in zip(current[sensitive], other, strict=True)):
                    current_inputs = trial
                    current[sensitive] = other
        else:
            current_inputs = silent
    rebuilt = Graph(2 * network.variable_count)
    fresh_inputs = rebuilt.free(network.input_count)
    fresh_state = rebuilt.free(network.latch_count)
    fixed = np.where(current_inputs == inputs, fresh_inputs, np.uint32(0)).astype(np.uint32)
    # Roots that never looked at an unknown take the fully silent form, the others the form with what they need.
    with_needed = literal_values(rebuilt.frame(network, fixed, fresh_state), roots)
    fixed[free] = 0
    without = literal_values(rebuilt.frame(network, fixed, fresh_state), roots)
    chosen = np.where(needs, with_needed, without).astype(np.uint32)
    first = network.first_and
    return Model(
        network=Network(
            input_kinds=network.input_kinds,
            latch_next=chosen[: network.latch_count],
            latch_init=network.latch_init,
            fanin0=rebuilt.fanin0[first:].copy(),
            fanin1=rebuilt.fanin1[first:].copy(),
        ),
        inputs=model.inputs,
        latches=model.latches,
        outputs={name: int(value) for name, value in zip(names, chosen[network.latch_count :], strict=True)},
    )


def _equal(solver: GraphSolver, a: int, b: int) -> bool:
    return a == b or all(solver.solve_within(pair, _CONFLICTS) is False for pair in ((a, b ^ 1), (a ^ 1, b)))
