"""The words of Verilog: reserved names, gate primitives and the names given to pins connected by position."""

from __future__ import annotations

from typing import Final

import numpy as np

GATES: Final = {
    # name: (outputs, inputs), -1 for any number; what is left over is the control.
    "and": (1, -1),
    "nand": (1, -1),
    "or": (1, -1),
    "nor": (1, -1),
    "xor": (1, -1),
    "xnor": (1, -1),
    "buf": (-1, 1),
    "not": (-1, 1),
    "bufif0": (1, 1),
    "bufif1": (1, 1),
    "notif0": (1, 1),
    "notif1": (1, 1),
    "pullup": (1, 0),
    "pulldown": (1, 0),
}
"""Gate primitives of IEEE 1364-2005 section 7 that have a logic function."""

_FLAGS: Final = {"input": 1, "output": 2, "inout": 4, "wire": 8, "tri": 8, "supply0": 16, "supply1": 32}
"""Declarations the compiled reader knows, with the flags of `_kernel`."""

_OTHER: Final = (
    "module macromodule endmodule primitive endprimitive table endtable assign reg logic integer time real realtime "
    "parameter localparam defparam specify endspecify specparam function endfunction task endtask always initial "
    "generate endgenerate genvar begin end if else case casez casex endcase for while repeat forever wait disable "
    "event signed unsigned vectored scalared tri0 tri1 triand trior trireg wand wor uwire pmos nmos cmos rpmos rnmos "
    "rcmos tran tranif0 tranif1 rtran rtranif0 rtranif1 strong0 strong1 pull0 pull1 weak0 weak1 highz0 highz1 supply "
    "small medium large posedge negedge edge config endconfig library"
).split()

KEYWORDS: Final = (*GATES, *_FLAGS, *_OTHER)
"""Names with a meaning of their own. They are interned first, so a name's number says which of them it is."""

LAST_GATE: Final = len(GATES)
"""Names below this number are gate primitives."""

POSITIONS: Final = 256
"""Pins the compiled reader takes by position; instances with more go through the full grammar."""

FIRST_POSITION: Final = len(KEYWORDS)
"""Number of the name ``#0``, the pin connected by position 0; its successors follow."""

PRIMITIVE_PINS: Final = FIRST_POSITION + POSITIONS
"""Number of ``Y0``; after `POSITIONS` outputs follow as many inputs ``I0`` and the control ``E``."""


def _column(values: dict[str, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([values.get(word, 0) for word in KEYWORDS], np.int64)


PRIMITIVE_OUTPUTS = _column({name: outputs for name, (outputs, _) in GATES.items()})
"""int64 by keyword: number of outputs of a gate primitive, -1 for all but the last pin."""
PRIMITIVE_INPUTS = _column({name: inputs for name, (_, inputs) in GATES.items()})
"""int64 by keyword: number of inputs of a gate primitive, -1 for any number."""
NET_FLAGS = _column(_FLAGS)
"""int64 by keyword: flags of the nets it declares, 0 if it declares none."""


def preset_names() -> list[str]:
    """The names interned before any text is read, in the order of their numbers."""
    positions = [f"#{index}" for index in range(POSITIONS)]
    outputs = [f"Y{index}" for index in range(POSITIONS)]
    inputs = [f"I{index}" for index in range(POSITIONS)]
    return [*KEYWORDS, *positions, *outputs, *inputs, "E"]
