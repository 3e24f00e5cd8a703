"""Checks a run in which a netlist does something else than its description, sharing nothing with the engine.

Both flat netlists are run from power-up on the checker's own reading of the gates, registers without an initial value
beginning at 0. What either side leaves undefined may be anything in every cycle, and still the output has to be what is
said; or, where nothing determines it on the netlist's side, it has to be possible that it is not what the description
says. Cycles that the run skips are proved to change nothing but counters, on each side by itself.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pysat

from sandgrain.check._flat import TRUE, FlatCircuit
from sandgrain.check._formula import SOLVER, Formula
from sandgrain.check._loop import Loop, Machine, skipped
from sandgrain.check.acceleration import Stretch, refused
from sandgrain.check.agreed import Agreed
from sandgrain.check.corresponding import CorrespondenceLimits, Flat
from sandgrain.errors import SandgrainError
from sandgrain.netlist.state_bits import State, state_names

SCHEMA: Final = "sandgrain.equivalence.counterexample/3"
SIDES: Final = ("description", "netlist")
DIFFERENCE_BYTES: Final = 64 << 20
"""Most bytes of a run."""

_WIDEST: Final = 256
_MOST_PERIOD: Final = 256
_MOST: Final = 4_096
"""Counters, and stretches."""


@dataclass(frozen=True)
class Differing:
    """What the checker says.

    Attributes:
        accepted: whether the run differs as it says.
        output: the output bit.
        cycle: in which it differs, as the run counts them.
        skipped: cycles that are proved instead of run.
        solver: which solver decided.
        reason: why it is not accepted; empty if it is.
    """

    accepted: bool
    output: str
    cycle: int
    skipped: int
    solver: str
    reason: str


def check_difference(
    data: bytes,
    first: Flat,
    second: Flat,
    *,
    agreed: Agreed,
    limits: CorrespondenceLimits | None = None,
) -> Differing:
    """Check a run that tells two netlists apart; never raises for what is in it.

    Args:
        data: the run, JSON.
        first: the description.
        second: the netlist.
        agreed: how they are run.
        limits: how much it may take.
    """
    output, cycle, cycles, reason = "", 0, 0, ""
    try:
        said = _read(data)
        output, cycle = said["output"], said["cycle"]
        agreed.refuse_others(said["clocks"], said["held"])
        cycles = _Run(said, (first, second), agreed.resets, limits or CorrespondenceLimits()).check()
    except SandgrainError as error:
        reason = str(error)
    solver = f"{SOLVER} (python-sat {pysat.__version__})"
    return Differing(not reason, output, cycle, cycles, solver, reason)


class _Run:
    def __init__(
        self,
        said: dict[str, Any],
        sides: Sequence[Flat],
        resets: Mapping[str, tuple[int, int]],
        limits: CorrespondenceLimits,
    ) -> None:
        self.said, self.sides, self.resets, self.limits = said, sides, resets, limits
        self.deadline = time.monotonic() + limits.seconds

    def check(self) -> int:
        """The cycles that are skipped, on both sides alike."""
        self._check_resets()
        if self.said["description"] == self.said["netlist"]:
            raise refused("the run does not say what differs")
        found = {self._side(name, side) for name, side in zip(SIDES, self.sides, strict=True)}
        if len(found) != 1:
            raise refused("the sides skip different numbers of cycles")
        return found.pop()

    def _check_resets(self) -> None:
        if self.said["cycle"] < max((cycles for _, cycles in self.resets.values()), default=0):
            raise refused("the output differs during the reset alone")
        for name, (level, cycles) in self.resets.items():
            if any(row.get(name, row.get(f"{name}[0]")) != level for row in self.said["cycles"][:cycles]):
                raise refused(f"the run does not begin with the reset {name!r}")

    def _side(self, name: str, side: Flat) -> int:
        """The cycles skipped on one side, if it does what is said of it."""
        ports = {port.name for port in side.module.ports if port.direction == "input"}
        held = {key: bit for key, bit in self.said["held"].items() if {key, key.rpartition("[")[0]} & ports}
        circuit = FlatCircuit(side.module, side.lookup, list(self.said["clocks"].items()), held)
        output = circuit.output(self.said["output"])
        jump = self.said["jump"]
        loop: Loop[State] | None = None
        names: dict[State, str] = {}
        if jump is not None:
            named = _Named(side)
            counters = [[(named[text], value) for text, value in counter] for counter in jump[name]["counters"]]
            names = {named[text]: text for counter in jump[name]["counters"] for text, _ in counter}
            loose = [{named[text] for text in row} for row in jump[name]["loose"]]
            for state in itertools.chain(names, *loose):
                circuit.state(state)
            loop = Loop(jump["period"], counters, [Stretch(*one) for one in jump["stretches"]], loose)
        circuit.close()
        with Formula(self.deadline, self.limits.variables) as formula:
            machine = Machine(
                circuit, circuit.states, circuit.nexts, lambda cycle: self._given(circuit, formula, cycle)
            )
            at = {key: TRUE if circuit.initial.get(key) else -TRUE for key in circuit.states}
            begin = cycles = 0
            if loop is not None:
                begin = jump["cycle"]
                at = machine.run(formula, range(begin), at)
                cycles, at = skipped(formula, machine, loop, begin, at)
                registers = {text: int(at[state] == TRUE) for state, text in names.items()}
                if jump["skipped"] != cycles or jump[name]["registers"] != registers:
                    raise refused("the jump of the run is not what is skipped")
            last = self.said["cycle"]
            at = machine.run(formula, range(begin, last), at)
            shown = machine.values(formula, last, at)[output]
            if self.said[name] is None:
                other = -shown if self.said[SIDES[0]] else shown
                if not formula.possible([other]):
                    raise refused(f"the {name} has what the description has at {self.said['output']} then")
                return cycles
        if shown != (TRUE if self.said[name] else -TRUE):
            raise refused(f"the {name} does not have {self.said[name]} at {self.said['output']} then")
        return cycles

    def _given(self, circuit: FlatCircuit, formula: Formula, cycle: int) -> dict[int, int]:
        """Literals of all leaves but states."""
        row = self.said["cycles"][cycle]
        leaves = {node: formula.fresh() for node in circuit.undefined}
        # No gate reads a clock, so it does not matter what it is.
        leaves |= dict.fromkeys(circuit.clocks.values(), TRUE)
        for name, node in circuit.inputs.items():
            if name not in row:
                raise refused(f"the run does not drive {name!r}")
            leaves[node] = TRUE if row[name] else -TRUE
        return leaves


class _Named(dict[str, State]):
    """State bits by their names."""

    def __init__(self, side: Flat) -> None:
        super().__init__({text: state for state, text in state_names(side.module, side.lookup).items()})

    def __missing__(self, name: str) -> State:
        raise refused(f"there is no state bit {name!r}")


def _read(data: bytes) -> dict[str, Any]:
    """A run, checked as far as it is used."""
    if len(data) > DIFFERENCE_BYTES:
        raise refused(f"longer than {DIFFERENCE_BYTES} bytes")
    try:
        said: dict[str, Any] = json.loads(data)
        sound = (
            said["schema"] == SCHEMA
            and isinstance(said["output"], str)
            and _bits(said[name] for name in SIDES if name != SIDES[1] or said[name] is not None)
            and _bits(said["held"].values())
            and all(isinstance(edge, str) for edge in said["clocks"].values())
            and _number(said["cycle"], len(said["cycles"]) - 1)
            and all(_bits(row.values()) for row in said["cycles"])
            and (said["jump"] is None or _sound(said["jump"], said["cycle"]))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refused("the run cannot be read") from error
    if not sound:
        raise refused("not a run in which two sides differ")
    return said


def _sound(jump: dict[str, Any], last: int) -> bool:
    return (
        _number(jump["cycle"], last)
        and _number(jump["period"], _MOST_PERIOD)
        and _number(jump["skipped"], 1 << 2 * _WIDEST)
        and len(jump["stretches"]) <= _MOST
        and all(len(one) == 3 and all(_number(item, 1 << _WIDEST) for item in one) for one in jump["stretches"])
        and all(
            len(jump[side]["counters"]) <= _MOST
            and all(
                len(counter) <= _WIDEST
                and all(isinstance(name, str) for name, _ in counter)
                and _bits(value for _, value in counter)
                for counter in jump[side]["counters"]
            )
            and all(isinstance(name, str) for row in jump[side]["loose"] for name in row)
            for side in SIDES
        )
    )


def _number(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _bits(values: Any) -> bool:
    return all(_number(value, 1) for value in values)
