"""Cores mapped to sky130 cells by two synthesis scripts, so that there is a real netlist to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from sandgrain.netlist import ElaborationLimits, run_yosys
from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.library import read_library
from tests.netlist.sky130 import DEFINES, sky130_models

Command = str | list[str]

_PREFIX = "sky130_fd_sc_hd__"
_FLIP_FLOPS = {
    "dfxtp_1": 'next_state : "D"; clocked_on : "CLK";',
    "dfrtp_1": 'next_state : "D"; clocked_on : "CLK"; clear : "!RESET_B";',
    "dfstp_1": 'next_state : "D"; clocked_on : "CLK"; preset : "!SET_B";',
    "edfxtp_1": 'next_state : "(DE & D) | (!DE & IQ)"; clocked_on : "CLK";',
}
_NAMES = {"SET_B", "RESET_B", "CLK", "D", "DE"}


@lru_cache(maxsize=1)
def cells() -> dict[str, Cell]:
    """The cells of the sky130 package by name."""
    return dict(read_library(sky130_models(), defines=DEFINES).cells)


def _expression(cell: Cell) -> tuple[str, str] | None:
    """Output pin and Liberty expression of a cell of one output and at most four inputs."""
    function = cell.function
    if function is None or function.states or function.drives or function.unknown or len(function.outputs) != 1:
        return None
    inputs = [name for name, _ in function.inputs]
    if not 1 <= len(inputs) <= 4:
        return None
    ((output, _), literal) = next(iter(function.outputs.items()))
    terms = []
    for row in range(1 << len(inputs)):
        values = function.evaluate({(name, 0): bool(row >> at & 1) for at, name in enumerate(inputs)})
        if values[literal >> 1] ^ bool(literal & 1):
            terms.append("&".join(("" if row >> at & 1 else "!") + name for at, name in enumerate(inputs)))
    return output, "|".join(f"({term})" for term in terms)


def liberty(*, enables: bool = False) -> str:
    """A Liberty library of the smallest cells of each function; of flip-flops with enables if asked for."""
    parts = ["library (sky130) {"]
    for name, cell in sorted(cells().items()):
        short = name.removeprefix(_PREFIX)
        if not short.endswith("_1") or any(word in short for word in ("lpflow", "dly", "clk", "probe", "bufbuf")):
            continue
        found = _expression(cell)
        if found is None:
            continue
        output, text = found
        pins = "".join(f" pin({pin}) {{ direction : input; }}" for pin, _ in cell.function.inputs)  # type: ignore[union-attr]
        parts.append(
            f"cell ({name}) {{ area : {1 + len(cell.pins)}; {pins} pin({output}) "
            f'{{ direction : output; function : "{text}"; }} }}'
        )
    for short, group in _FLIP_FLOPS.items():
        if "DE" in group and not enables:
            continue
        pins = "".join(
            f" pin({pin}) {{ direction : input; }}"
            for pin in sorted(_NAMES)
            if f'"{pin}"' in group or f"!{pin}" in group or f"{pin} &" in group or f"& {pin})" in group
        )
        parts.append(
            f"cell ({_PREFIX}{short}) {{ area : 20; ff(IQ,IQN) {{ {group} }} {pins} "
            'pin(Q) { direction : output; function : "IQ"; } }'
        )
    return "\n".join([*parts, "}"]) + "\n"


def script(library: Path, out: Path, flavour: str) -> list[Command]:
    """Commands after the description has been read: ``plain``, ``other`` (no enables, sharing, other recipes) or
    ``retimed``."""
    tail: list[Command] = [
        ["abc", "-liberty", str(library), *(["-dff"] if flavour == "retimed" else [])],
        "setundef -zero",
        "hilomap -hicell sky130_fd_sc_hd__conb_1 HI -locell sky130_fd_sc_hd__conb_1 LO",
        "opt_clean -purge",
        ["write_verilog", "-noattr", "-noexpr", str(out)],
    ]
    if flavour == "plain":
        return ["synth -flatten -nofsm", ["dfflibmap", "-liberty", str(library)], *tail]
    if flavour == "retimed":
        return ["synth -flatten", ["dfflibmap", "-liberty", str(library)], *tail]
    return [
        "synth -flatten -noalumacc -noshare -nofsm -run :fine",
        "share -aggressive",
        "opt -full",
        "memory_map",
        "opt -undriven -fine",
        "techmap",
        "simplemap",
        "dfflegalize -cell $_DFF_P_ x -cell $_DFF_PN0_ x -cell $_DFF_PN1_ x",
        "opt -full",
        "simplemap",
        "abc -g AND,XOR,MUX",
        "opt_merge",
        "clean",
        ["dfflibmap", "-liberty", str(library)],
        *tail,
    ]


def map_to_sky130(
    read: Sequence[Command], work: Path, out: Path, *, flavour: str = "plain", cwd: Path | None = None
) -> Path:
    """Synthesise what ``read`` reads to sky130 cells; the netlist's file."""
    library = work / "cells.lib"
    library.write_text(liberty(enables=flavour == "plain"))
    run_yosys(
        [*read, *script(library, out, flavour)],
        cwd=cwd or work,
        limits=ElaborationLimits(seconds=600),
        what="mapping a core",
    )
    return out
