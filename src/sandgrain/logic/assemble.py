"""From a flat netlist of known cells to one and-inverter network: every cell stamped out of its function.

Two meanings of a step are offered. In mode ``event`` a step is one reading of all inputs, clocks among them: a
flip-flop whose control is 1 and was 0 in the step before takes the data of the step before, a latch follows its data
while its control is 1. That is exact for any clocking, as long as inputs do not change within a step. A register
clocked by another register takes the data from before the first edge (as Yosys ``clk2fflogic`` has it), where a
zero-delay simulator may take those after it.

In mode ``cycle`` a step is one period of the clock, from one active edge to the next, and clocks are not inputs any
more. It says the same as mode ``event`` fed two steps per period: clock active with new inputs, then clock inactive
with the same inputs; shown is the state of affairs just before the next active edge. Clock gates need no special
rule: the edge that reaches a flip-flop is worked out from its clock network at the instant of the edge, and what
reacts to that very edge, or comes in from outside, may not take part (such a clock is refused by name).

What nothing defines is a free input: undriven and ``x`` bits, outputs of black boxes, unknown values in the tables of
cells, three-state nets nobody drives. Within a step it has one value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sandgrain.logic._assemble_cycle import Clock, ClockDomain, cycle_walk
from sandgrain.logic._assemble_event import event_walk
from sandgrain.logic._assemble_freeze import PAST_CONTROL, PAST_DATA, PRESENT, freeze
from sandgrain.logic._assemble_tables import build_tables, hold
from sandgrain.logic.network import Literals, Network
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.model import Module
from sandgrain.netlist.signatures import CellLookup
from sandgrain.verdict import Text

__all__ = ["PAST_CONTROL", "PAST_DATA", "PRESENT", "Assembled", "Clock", "ClockDomain", "assemble"]

Mode = Literal["cycle", "event"]
_NAMED: Final = 5


@dataclass(frozen=True)
class Assembled:
    """A network and where it comes from.

    Attributes:
        network: the network.
        net_literals: uint32 (bit_count,), the literal of every net bit of the flat module.
        input_bits: int32 (inputs,), the net bit of each input, -1 for an unknown value that is no net.
        latch_cells: int32 (latches,), the cell each latch belongs to.
        latch_states: int32 (latches,), which state of that cell's function.
        latch_roles: uint8 (latches,), `PRESENT` for the value of the state; in mode ``event`` also `PAST_DATA` and
            `PAST_CONTROL` for what a flip-flop remembers of its inputs (one for all flip-flops of one clock net).
        domains: the clock edges that step, in mode ``cycle``.
        not_modelled: sentences on what was left free or taken for granted.
        black_boxes: instances without a function, by type.
        loops: of every loop of gates that was cut open, and is the same all through a period of the clock, the number
            of the input that stands for it and the literal of what drives it.
        other_loops: how many more were cut open.
    """

    network: Network
    net_literals: Literals
    input_bits: NDArray[np.int32]
    latch_cells: NDArray[np.int32]
    latch_states: NDArray[np.int32]
    latch_roles: NDArray[np.uint8]
    domains: tuple[ClockDomain, ...]
    not_modelled: tuple[Text, ...]
    black_boxes: Mapping[str, int]
    loops: tuple[tuple[int, int], ...] = ()
    other_loops: int = 0


def assemble(
    module: Module,
    cells: CellLookup,
    clocks: Sequence[Clock] | None = None,
    mode: Mode = "cycle",
    *,
    held: Mapping[str, int] | None = None,
    leave_free: bool = False,
) -> Assembled:
    """Build the network of a flat module.

    Args:
        module: flat and linked, as `sandgrain.netlist.flatten.flatten` returns.
        cells: what each cell is, as ``Linked.lookup`` says.
        clocks: in mode ``cycle``, the clock edges that step together; by default the only clock there is. Registers of
            other clocks are left free and named.
        mode: ``cycle`` or ``event``.
        held: inputs that never change and their value, such as supplies and pins for the tester: no inputs any more.
        leave_free: rather than refuse them, cut loops of gates (ring oscillators) open and leave registers without a
            sure clock edge (mode ``cycle``) free; both are named in ``not_modelled``.

    Raises:
        NetworkError: a pin the cell does not have, a net bit with two drivers, a loop of gates, several clocks of
            which none is chosen, a clock that is not one in mode ``cycle``, a held input that is none.
    """
    tables = build_tables(module, cells)
    hold(module, tables, held or {})
    notes = [
        Text(
            template="{count} instances of {type} have no modelled function: what they drive is left free.",
            args={"count": count, "type": kind},
        )
        for kind, count in sorted(tables.black_boxes.items())
    ]
    if held:
        names = ", ".join(f"{name} = {value}" for name, value in held.items())
        notes.append(Text(template="Inputs taken to be held: {names}.", args={"names": names}))
    domains: tuple[ClockDomain, ...] = ()
    if mode == "event":
        walk, plan = event_walk(module, tables, leave_free=leave_free)
        frozen = freeze(walk, tables, plan, {})
    else:
        walk, plan, told, waiting = cycle_walk(module, tables, clocks, leave_free=leave_free)
        notes += told
        frozen = freeze(walk, tables, plan, walk.closing())
        domains = tuple(item.numbered(frozen.latch_of_state) for item in waiting)
    if walk.cut:
        names = ", ".join(bit_name(module, node) for node in list(walk.cut)[:_NAMED] if node < module.bit_count)
        notes.append(
            Text(
                template="{count} loops of gates are cut open, and what runs round them is left free: {names}.",
                args={"count": len(walk.cut), "names": names + (", ..." if len(walk.cut) > _NAMED else "")},
            )
        )
    notes += _sharing(module, tables.nodes.shared, tables.two_way)
    return Assembled(
        network=frozen.network,
        net_literals=frozen.net_literals,
        input_bits=frozen.input_bits,
        latch_cells=frozen.latch_cells,
        latch_states=frozen.latch_states,
        latch_roles=frozen.latch_roles,
        domains=domains,
        not_modelled=tuple(notes),
        black_boxes=dict(tables.black_boxes),
        loops=frozen.loops,
        other_loops=len(walk.cut) - len(frozen.loops),
    )


def _sharing(module: Module, shared: NDArray[np.bool_], two_way: Sequence[str]) -> list[Text]:
    notes = []
    bits = np.flatnonzero(shared)
    if bits.size:
        names = ", ".join(bit_name(module, bit) for bit in bits[:_NAMED].tolist())
        notes.append(
            Text(
                template="{count} nets have several three-state drivers that may drive at once; such a net is taken "
                "to be 1 where any of them drives 1: {names}.",
                args={"count": int(bits.size), "names": names + (", ..." if bits.size > _NAMED else "")},
            )
        )
    if two_way:
        notes.append(
            Text(
                template="While the chip drives its two-way ports, nobody outside is taken to drive them: {names}.",
                args={"names": ", ".join(two_way[:_NAMED]) + (", ..." if len(two_way) > _NAMED else "")},
            )
        )
    return notes
