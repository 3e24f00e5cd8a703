"""The flip-flops and latches among the internal gates of Yosys (``help``, section "Register cells").

The letters of a type say, in this order, which value or edge of each control pin is the active one, and ``0`` or ``1``
to which value a reset goes: ``$_DFFE_PN0P_`` rises with C, is reset to 0 while R is 0, and loads while E is 1.
"""

from __future__ import annotations

import re
from typing import Final

from sandgrain.netlist.cell_function import FALSE, FLIP_FLOP, LATCH, Cell, FunctionBuilder, StateElement
from sandgrain.netlist.model import INPUT, OUTPUT

_TYPE: Final = re.compile(r"\$_([A-Z]+)_([NP01]{1,5})_")
# By name and number of letters: the pins the letters speak of ("#" is the reset value), and the other inputs.
_KINDS: Final[dict[tuple[str, int], tuple[str, tuple[str, ...]]]] = {
    ("DFF", 1): ("C", ("D",)),
    ("DFFE", 2): ("CE", ("D",)),
    ("DFF", 3): ("CR#", ("D",)),
    ("DFFE", 4): ("CR#E", ("D",)),
    ("ALDFF", 2): ("CL", ("AD", "D")),
    ("ALDFFE", 3): ("CLE", ("AD", "D")),
    ("DFFSR", 3): ("CSR", ("D",)),
    ("DFFSRE", 4): ("CSRE", ("D",)),
    ("SDFF", 3): ("CR#", ("D",)),
    ("SDFFE", 4): ("CR#E", ("D",)),
    ("SDFFCE", 4): ("CR#E", ("D",)),
    ("DLATCH", 1): ("E", ("D",)),
    ("DLATCH", 3): ("ER#", ("D",)),
    ("DLATCHSR", 3): ("ESR", ("D",)),
    ("SR", 2): ("SR", ()),
}


def state_cell(kind: str) -> Cell | None:
    """The flip-flop or latch a Yosys gate type stands for, or ``None`` for another name.

    ``$_FF_`` changes with a clock that is no net, so it is a black box.
    """
    if kind == "$_FF_":
        pins = {"D": (INPUT, 1), "Q": (OUTPUT, 1)}
        return Cell(kind, pins, None, origin="Yosys: its clock is no net of the design")
    match = _TYPE.fullmatch(kind)
    known = _KINDS.get((match[1], len(match[2]))) if match else None
    if match is None or known is None:
        return None
    controls, others = known
    letters = dict(zip(controls, match[2], strict=True))
    if any((name == "#") == (letter in "NP") for name, letter in letters.items()):
        return None
    names = [*(name for name in controls if name != "#"), *others]
    builder = FunctionBuilder([(name, 0) for name in names], ("Q",))
    active = {name: builder.pin(name) ^ (letters[name] == "N") for name in controls if name != "#"}
    data = {name: builder.pin(name) for name in others}
    state = _element(match[1], builder, active, data, letters.get("#") == "1")
    function = builder.finish({("Q", 0): builder.state("Q")}, [state])
    return Cell(kind, {**dict.fromkeys(names, (INPUT, 1)), "Q": (OUTPUT, 1)}, function, origin="Yosys")


def _element(
    name: str, builder: FunctionBuilder, active: dict[str, int], data: dict[str, int], reset_value: bool
) -> StateElement:
    """The state of a kind; ``active`` are the literals of its controls, true while they act."""
    if "C" not in active:
        if name == "SR":
            # Of set and reset, the reset wins.
            return StateElement("Q", LATCH, FALSE, FALSE, active["R"], active["S"], both="0")
        kind, control, value = LATCH, active["E"], data["D"]
    else:
        kind, control, value = FLIP_FLOP, active["C"], data["D"]
        held = builder.state("Q")
        if name == "SDFFCE":
            # This reset waits for the enable, that of SDFFE does not.
            value = builder.mux(active["R"], value, int(reset_value))
        if "E" in active:
            value = builder.mux(active["E"], held, value)
        if name in {"SDFF", "SDFFE"}:
            value = builder.mux(active["R"], value, int(reset_value))
    clear = preset = FALSE
    if "L" in active:
        clear, preset = builder.land(active["L"], data["AD"] ^ 1), builder.land(active["L"], data["AD"])
    elif "S" in active:
        clear, preset = active["R"], active["S"]
    elif "R" in active and not name.startswith("SDFF"):
        clear, preset = (FALSE, active["R"]) if reset_value else (active["R"], FALSE)
    return StateElement("Q", kind, value, control, clear, preset, both="0" if "S" in active else "x")
