"""The phases of a step, the nodes that get a literal in each of them, and the codes of the walk over them.

Phases of a step in mode "cycle", one period of the clock from one active edge to the next:

* `AFTER`: the clock is active; inputs and flip-flops have their new values. (In mode "event": the only phase.)
* `BEFORE`: the clock is inactive; the next active edge is near. What the network shows is this phase.
* `EDGE`: the instant of the active edge, nothing having reacted yet. Whatever reacts to the edge, and every input,
  is *restless*: a control that depends on it has no well-defined edge.
* `MIDDLE`: the instant of the inactive edge, likewise.
* `NEXT`: the value a flip-flop enters the next period with.

In mode "event", `PAST_DATA` and `PAST_CONTROL` are what a flip-flop remembers of its inputs for the next step.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.network import Literals

AFTER: Final = 0
BEFORE: Final = 1
EDGE: Final = 2
MIDDLE: Final = 3
NEXT: Final = 4
PAST_DATA: Final = 1
PAST_CONTROL: Final = 2

IS_NET: Final = 0
IS_STATE: Final = 1
IS_SOURCE: Final = 2

UNSEEN: Final = 0
BUSY: Final = 1
KNOWN: Final = 2

DONE: Final = 0
GROW_GRAPH: Final = 1
GROW_STACK: Final = 2
LOOP: Final = 3

MARGIN: Final = 64
"""Gates that there has to be room for beside those of a cone."""

# Counters of a walk.
SIZE: Final = 0
ROOT: Final = 1
TOP: Final = 2
AT: Final = 3
COUNTERS: Final = 4


class Nodes(NamedTuple):
    """What the literals are for: net bits, then states, then unknown values.

    Attributes:
        kinds: uint8 (nodes,), ``IS_NET``, ``IS_STATE`` or ``IS_SOURCE``.
        driver_offsets, driver_cells, driver_values, driver_conditions: who drives each net, in compressed rows.
        defaults: int32 (nodes,), node (or -1, -2 for a constant) a net is while nobody drives it.
        shared: bool (nodes,), set where two drivers may drive at once.
        slot_offsets, slots: node (or constant) in every slot of every cell.
        first_state: node of state 0.
        state_cells, state_kinds: cell and template state of every state.
        both: int32 (states,), node of the value while clear and preset hold both, or a constant.
        present, past_data, past_control: literals of what a state remembers.
        events: uint32 (2, states), literal of "the control rises" at `EDGE` and at `MIDDLE`.
    """

    kinds: NDArray[np.uint8]
    driver_offsets: NDArray[np.int64]
    driver_cells: NDArray[np.int32]
    driver_values: NDArray[np.int32]
    driver_conditions: NDArray[np.int32]
    defaults: NDArray[np.int32]
    shared: NDArray[np.bool_]
    slot_offsets: NDArray[np.int64]
    slots: NDArray[np.int32]
    first_state: int
    state_cells: NDArray[np.int32]
    state_kinds: NDArray[np.int32]
    both: NDArray[np.int32]
    present: Literals
    past_data: Literals
    past_control: Literals
    events: Literals
