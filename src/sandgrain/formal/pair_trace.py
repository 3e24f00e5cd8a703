"""Both runs of a pair as one value change dump: what went in, what came out of each, and where they are apart.

Timescale and cycles are those of a witness (`trace`). Scopes ``first`` and ``second`` hold the ports of either run;
scope ``sandgrain`` holds, for each output that ever differs, its exclusive or, and ``differs``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandgrain.formal._run_text import bits_of
from sandgrain.formal.pair import FIRST, SECOND, Pair
from sandgrain.formal.trace import OWN_SCOPE, write_scopes

Bits = NDArray[np.uint8]


def write_pair_vcd(pair: Pair) -> bytes:
    """The pair as the text of a VCD file."""
    columns: list[tuple[str, str, Bits]] = []
    for scope, run in (("first", FIRST), ("second", SECOND)):
        columns += [(scope, port, bits_of(runs)) for port, runs in pair.driven(run).items()]
        columns += [
            (scope, name, np.tile(np.array([[*map(int, reversed(both[run]))]], np.uint8), (pair.cycles, 1)))
            for name, both in pair.source_registers.items()
        ]
        columns += [(scope, port, bits_of(pair.recorded(port, run))) for port in pair.outputs]
    apart = np.zeros((pair.cycles, 1), np.uint8)
    for port, (one, two) in pair.outputs.items():
        if two is not None:
            unlike = bits_of(one) ^ bits_of(two)
            columns.append((OWN_SCOPE, f"{port}_differs", unlike))
            apart |= unlike.any(axis=1, keepdims=True)
    columns.append((OWN_SCOPE, "differs", apart))
    return write_scopes(OWN_SCOPE, pair.clock, pair.clock_edge, columns, pair.cycles)
