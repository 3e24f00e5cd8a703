"""Which shapes are one net: contacts within conductors, through cuts, and with wells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandgrain.layout import _contact_kernels as kernels
from sandgrain.layout.process import Process
from sandgrain.layout.shapes import Shapes, meetings


@dataclass(frozen=True, slots=True)
class Strata:
    """Numbers of conductors and cuts, as `Shapes.layers` has them."""

    names: tuple[str, ...]
    conductors: int

    @staticmethod
    def of(process: Process) -> Strata:
        """Conductors from below, then cuts."""
        names = [conductor.name for conductor in process.conductors]
        return Strata((*names, *(via.cut for via in process.vias)), len(names))

    def number(self, name: str) -> int:
        """Number of a conductor or cut."""
        return self.names.index(name)


@dataclass(frozen=True, slots=True)
class Connected:
    """What touches what.

    Attributes:
        pairs: int32 (m, 2) indices of shapes of different nodes that are in contact.
        corners: int32 (k, 2) indices of shapes of one conductor that share a single point.
        clusters: int32 (nodes,), the net of every node.
        count: number of nets.
    """

    pairs: NDArray[np.int32]
    corners: NDArray[np.int32]
    clusters: NDArray[np.int32]
    count: int


def connect(shapes: Shapes, node_count: int, process: Process, substrate: int | None = None) -> Connected:
    """Nets of shapes: touching along an edge within a conductor, overlapping through a cut.

    Args:
        shapes: conductors and cuts.
        node_count: number of nodes.
        process: what joins what.
        substrate: the node every tap outside the wells belongs to, if taps are to be looked at.
    """
    strata = Strata.of(process)
    by_layer = [np.flatnonzero(shapes.layers == number) for number in range(len(strata.names))]
    found, corners = [], []
    for number in range(strata.conductors):
        pairs, how = meetings(shapes, by_layer[number], None, kernels.CORNER)
        found.append(pairs[how >= kernels.EDGE])
        corners.append(pairs[how == kernels.CORNER])
    for via in process.vias:
        cuts = by_layer[strata.number(via.cut)]
        found.extend(
            meetings(shapes, cuts, by_layer[strata.number(name)], kernels.AREA)[0] for name in (*via.lower, via.upper)
        )
    parent = np.arange(node_count, dtype=np.int32)
    if substrate is not None:
        taps = by_layer[strata.number(process.tap)]
        pairs = meetings(shapes, taps, by_layer[strata.number(process.well)], kernels.AREA)[0]
        found.append(pairs)
        outside = np.setdiff1d(taps, pairs.ravel())
        ends = np.full((outside.size, 2), substrate, np.int32)
        ends[:, 0] = shapes.nodes[outside]
        kernels.unite(parent, ends)
    pairs = np.concatenate(found) if found else np.empty((0, 2), np.int32)
    kernels.unite(parent, np.ascontiguousarray(shapes.nodes[pairs]).reshape(-1, 2))
    clusters, count = kernels.clusters(parent)
    return Connected(pairs, np.concatenate(corners), clusters, int(count))
