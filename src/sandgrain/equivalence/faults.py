"""Both sides as one network with faults: over the classes of a relation, they differ in single points only.

What a proof did not find different is equal under the relation, so the netlist is the description with another function
at the points that differ. Two copies of that one network share all that the difference has not reached, which makes
questions about where it goes much smaller than two networks made by different hands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.joint import ALL, Words, lanes_of
from sandgrain.equivalence.proofs import Proof, next_of_classes
from sandgrain.formal.sampling import spread
from sandgrain.logic.graph import Graph
from sandgrain.logic.network import PORT_INPUT, UNKNOWN, Literals, Network
from sandgrain.logic.simulate import Simulator, read
from sandgrain.logic.structure import fanin_cone

FAR = 1 << 20
"""Distance of a class that no output depends on."""


@dataclass(frozen=True)
class Faulty:
    """A network and its faulty copy.

    Attributes:
        network: of the description; its latches are the classes but the constant, its inputs the input bits and then
            what the netlist leaves undefined.
        faulty_next: uint32 (latches,), next states in the faulty copy.
        outputs, faulty_outputs: uint32 (outputs,), literals of the outputs in either copy.
        distance: int64 (latches,), clock edges from a class to an output.
        needed: bool (2, latches), whether a fault was seen to need the class at 1, or at 0, for a difference.
        shared: bool (latches,), the classes with one register of either side.
    """

    network: Network
    faulty_next: Literals
    outputs: Literals
    faulty_outputs: Literals
    distance: NDArray[np.int64]
    needed: NDArray[np.bool_]
    shared: NDArray[np.bool_]


def faulty_of(proof: Proof) -> Faulty:
    """The network of a proof that did not succeed."""
    frame, relation = proof.frame, proof.relation
    graph, values = _swept(proof)

    def of(literals: Literals) -> Literals:
        result: Literals = values[literals >> np.uint32(1)] ^ (literals & np.uint32(1))
        return result

    good = next_of_classes(frame, relation)
    bad, bad_outputs = good.copy(), frame.first_outputs.copy()
    for item in proof.differences:
        point = item.point
        if point.kind == "output":
            bad_outputs[point.index] = frame.second_outputs[point.index]
        elif point.kind == "first":
            bad[relation.first[point.index]] = point.wanted
        else:
            bad[relation.second[point.index]] = point.literal
    inputs = frame.inputs.size + frame.unknown.size
    first_and = 1 + inputs + relation.count - 1
    network = Network(
        input_kinds=np.full(inputs, PORT_INPUT, np.uint8),
        latch_next=of(good[1:]),
        latch_init=np.full(relation.count - 1, UNKNOWN, np.uint8),
        fanin0=graph.fanin0[first_and:].copy(),
        fanin1=graph.fanin1[first_and:].copy(),
    )
    faulty_next, outputs, faulty_outputs = of(bad[1:]), of(frame.first_outputs), of(bad_outputs)
    distance = _distances(network, faulty_next, np.concatenate((outputs, faulty_outputs)))
    needed = np.zeros((2, network.latch_count), np.bool_)
    for item in proof.differences:
        if item.model is not None:
            ends = of(np.array([item.point.literal, item.point.wanted], np.uint32))
            needed |= _needed(network, ends, item.model[1:first_and])
    each = [np.bincount(side, minlength=relation.count)[1:] == 1 for side in (relation.first, relation.second)]
    return Faulty(network, faulty_next, outputs, faulty_outputs, distance, needed, each[0] & each[1])


def _needed(network: Network, point: Literals, leaves: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (2, latches): the latches whose other value makes two literals equal that differ, by their value.

    Args:
        network: the network.
        point: uint32 (2,), the literals.
        leaves: bool (inputs and latches,), values at which they differ.
    """
    one, other = read(varied(network, leaves).values, point)
    return vanishing(network, one, other, leaves)


def varied(network: Network, leaves: NDArray[np.bool_], latch: int | None = None) -> Simulator:
    """A settled step in every lane of which another latch has its other value; in those left over, none.

    Args:
        network: the network.
        leaves: bool (inputs and latches,), their values.
        latch: one that has its other value in all lanes.
    """
    latches = np.arange(network.latch_count)
    simulator = Simulator(network, -(-latches.size // 64))
    simulator.values[1 : network.first_and] = spread(leaves)
    simulator.state[latches, latches // 64] ^= np.uint64(1) << (latches % 64).astype(np.uint64)
    if latch is not None:
        simulator.state[latch] ^= ALL
    simulator.evaluate()
    return simulator


def vanishing(network: Network, one: Words, other: Words, leaves: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (2, latches): the latches in whose lanes two values are equal, by what they hold themselves."""
    equal = lanes_of(~(one ^ other))[: network.latch_count] != 0
    held = leaves[network.input_count :]
    found: NDArray[np.bool_] = np.stack((equal & held, equal & ~held))
    return found


def _swept(proof: Proof) -> tuple[Graph, Literals]:
    """The frame with what sweeping found equal merged, and the literal of every node of the frame in it."""
    frame = proof.frame
    graph = Graph(2 * len(frame.graph))
    nodes = np.zeros(len(frame.graph), np.uint32)
    nodes[1 : frame.free_count] = graph.free(frame.free_count - 1)
    fanin0, fanin1 = frame.graph.fanin0.tolist(), frame.graph.fanin1.tolist()
    told, values = proof.swept.literals.tolist(), nodes.tolist()
    for node in range(frame.free_count, len(frame.graph)):
        if told[node] >> 1 != node:
            values[node] = values[told[node] >> 1] ^ (told[node] & 1)
        else:
            values[node] = graph.land(
                values[fanin0[node] >> 1] ^ (fanin0[node] & 1), values[fanin1[node] >> 1] ^ (fanin1[node] & 1)
            )
    return graph, np.array(values, np.uint32)


def _distances(network: Network, faulty_next: Literals, outputs: Literals) -> NDArray[np.int64]:
    found = np.full(network.latch_count, FAR, np.int64)
    roots, level = outputs, 0
    while roots.size:
        latches = fanin_cone(network, roots)[network.first_latch : network.first_and]
        fresh = latches & (found == FAR)
        found[fresh] = level
        roots, level = np.concatenate((network.latch_next[fresh], faulty_next[fresh])), level + 1
    return found
