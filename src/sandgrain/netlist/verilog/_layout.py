"""How the tables of the compiled reader are laid out: counters, columns, flags, and what it returns."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What the kernel returns.
END: Final = 0
"""The end of the text."""
MODULE_END: Final = 1
"""Past ``endmodule``."""
SLOW: Final = 2
"""At a statement for the full grammar."""
GROW_NAMES: Final = 3
GROW_NETS: Final = 4
GROW_CELLS: Final = 5
GROW_PINS: Final = 6
GROW_BITS: Final = 7
GROW_ALIASES: Final = 8
"""At a statement for which that table is too small."""

# Counters, in one int64 array.
POS: Final = 0
NETS: Final = 2
NET_BITS: Final = 3
CELLS: Final = 4
PINS: Final = 5
PIN_BITS: Final = 6
ALIASES: Final = 7
IMPLICIT: Final = 8
"""Whether an undeclared name becomes a one-bit wire (`` `default_nettype``)."""
COUNTERS: Final = 10

IS_INPUT: Final = 1
IS_OUTPUT: Final = 2
IS_INOUT: Final = 4
IS_WIRE: Final = 8
IS_ZERO: Final = 16
IS_ONE: Final = 32
IS_IMPLICIT: Final = 64


# Columns.
NAME: Final = 0
BASE: Final = 1
WIDTH: Final = 2
RIGHT: Final = 3
UPTO: Final = 4
FLAGS: Final = 5
AT: Final = 0
LAST: Final = 1
TYPE: Final = 0
CELL: Final = 1
FIRST_PIN: Final = 1


class Tables(NamedTuple):
    """What the kernel fills. Names run through the whole file; all else is of the module being read.

    The compiled functions take the arrays one by one: a tuple of arrays would be counted in and out at every call.

    Attributes:
        text: uint8, the source.
        slots: uint64, hash table of names: upper half of the hash, and 1 + number.
        name_bytes: uint8, the names one after another.
        name_offsets: int64, where each begins.
        net_of: int32 by name, the net it may mean; only if that net's name agrees.
        nets: int32 by net: `NAME`, first bit (`BASE`), `WIDTH`, right bound of the range (`RIGHT`), whether its bits
            ascend from the left (`UPTO`), and `FLAGS` of the ``IS_`` values.
        net_at: int64 by net: offset in the text (`AT`), and that of the statement that declared it `LAST`: a statement
            read twice says it once.
        cells: int32 by cell: name of its `TYPE`, its name (`CELL`).
        cell_at: int64 by cell: offset in the text (`AT`), `FIRST_PIN`.
        pin_name: int32 by pin.
        pin_bits: int64 by pin, its first bit.
        bits: int32.
        aliases: int64 by alias: two bits said to be one by ``assign``, and the offset in the text.
    """

    text: NDArray[np.uint8]
    slots: NDArray[np.uint64]
    name_bytes: NDArray[np.uint8]
    name_offsets: NDArray[np.int64]
    net_of: NDArray[np.int32]
    nets: NDArray[np.int32]
    net_at: NDArray[np.int64]
    cells: NDArray[np.int32]
    cell_at: NDArray[np.int64]
    pin_name: NDArray[np.int32]
    pin_bits: NDArray[np.int64]
    bits: NDArray[np.int32]
    aliases: NDArray[np.int64]
