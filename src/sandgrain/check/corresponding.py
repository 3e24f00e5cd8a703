"""Checks a correspondence on both flat netlists, sharing nothing with the engine that found it.

Shown is, with another solver and another encoding: the relation holds after power-up or after the declared reset,
whatever the netlist powered up as; every step keeps it; and in every step under it all outputs are equal.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import pysat

from sandgrain.check._flat import TRUE, FlatCircuit
from sandgrain.check._formula import SOLVER, Formula
from sandgrain.check.agreed import Agreed
from sandgrain.check.correspondence import Correspondence, Member, Value, parse
from sandgrain.check.errors import CertificateError
from sandgrain.errors import SandgrainError
from sandgrain.netlist.model import Module
from sandgrain.netlist.signatures import CellLookup
from sandgrain.netlist.state_bits import State, flat_digest, state_names
from sandgrain.progress import Progress


@dataclass(frozen=True)
class Flat:
    """One side as read: a flat linked module and what its cells are."""

    module: Module
    lookup: CellLookup


@dataclass(frozen=True)
class CorrespondenceLimits:
    """How much a check may take.

    Attributes:
        seconds: wall clock.
        variables: of one formula.
    """

    seconds: float = 600.0
    variables: int = 20_000_000


@dataclass(frozen=True)
class Corresponding:
    """What the checker says.

    Attributes:
        accepted: whether every obligation holds.
        obligations: how many were decided, and hold.
        lemmas: how many of the hints were proved and used.
        solver: which solver decided.
        reason: why it is not accepted; empty if it is.
    """

    accepted: bool
    obligations: int
    lemmas: int
    solver: str
    reason: str


def check_correspondence(
    data: bytes,
    first: Flat,
    second: Flat,
    *,
    agreed: Agreed,
    progress: Progress,
    file: PurePath | str | None = None,
    limits: CorrespondenceLimits | None = None,
) -> Corresponding:
    """Check a correspondence; never raises for what is in it.

    Args:
        data: its text.
        first: the description.
        second: the netlist.
        agreed: how they are run.
        progress: told how far it is.
        file: what to call the text in messages.
        limits: how much it may take.
    """
    work: _Check | None = None
    try:
        item = parse(data, file=file)
        resets = {name: (level, cycles) for name, level, cycles in item.resets}
        agreed.refuse_others(dict(item.clocks), dict(item.held), resets)
        work = _Check(item, first, second, limits or CorrespondenceLimits(), progress)
        work.run()
        reason = ""
    except SandgrainError as error:
        reason = str(error)
    return Corresponding(
        accepted=not reason,
        obligations=0 if work is None else work.decided,
        lemmas=0 if work is None else work.used,
        solver=f"{SOLVER} (python-sat {pysat.__version__})",
        reason=reason,
    )


@dataclass
class _Side:
    """A circuit and its states by name."""

    circuit: FlatCircuit
    named: Mapping[str, State]
    outputs: dict[str, int] = field(default_factory=dict)


class _Check:
    def __init__(
        self, item: Correspondence, first: Flat, second: Flat, limits: CorrespondenceLimits, progress: Progress
    ) -> None:
        self.item, self.limits, self.progress = item, limits, progress
        self.deadline = time.monotonic() + limits.seconds
        self.decided = self.used = 0
        self.sides: list[_Side] = []
        for number, side in enumerate((first, second)):
            ports = {port.name for port in side.module.ports}
            held = {name: value for name, value in item.held if name in ports or name.rpartition("[")[0] in ports}
            found = flat_digest(side.module, side.lookup, held)
            if found != item.digests[number] or side.module.name != item.tops[number]:
                raise CertificateError(
                    "the certificate is about another " + ("description", "netlist")[number],
                    expected=f"{item.digests[number]}, not {found}",
                )
            circuit = FlatCircuit(side.module, side.lookup, item.clocks, held)
            named = {name: state for state, name in state_names(side.module, side.lookup).items()}
            self.sides.append(_Side(circuit, named))
        self.classes: list[dict[State, tuple[int, bool]]] = [{}, {}]
        self.gates: list[dict[int, tuple[int, int]]] = [{}, {}]
        self._place(item)

    def _place(self, item: Correspondence) -> None:
        """Which class every state is in: -1 the constant."""
        for which, members in [(-1, item.constants), *enumerate(item.classes)]:
            for member in members:
                side, state = self._state(member)
                if state in self.classes[side]:
                    raise CertificateError(f"{member.name!r} is in two classes", expected="one class per state bit")
                self.classes[side][state] = which, member.negated

    def _state(self, member: Member) -> tuple[int, State]:
        state = self.sides[member.side - 1].named.get(member.name)
        if state is None:
            raise CertificateError(f"there is no state bit {member.name!r}")
        return member.side - 1, state

    def run(self) -> None:
        """Show everything; raises CertificateError for what does not hold."""
        self._build()
        with Formula(self.deadline, self.limits.variables) as formula:
            self._after_reset(formula)
        with Formula(self.deadline, self.limits.variables) as formula:
            self._step(formula)

    def _build(self) -> None:
        names = [set(side.circuit.outputs()) for side in self.sides]
        if names[0] != names[1]:
            raise CertificateError(f"an output of one side alone: {min(names[0] ^ names[1])!r}")
        for number, side in enumerate(self.sides):
            side.outputs = {name: side.circuit.output(name) for name in sorted(names[0])}
            for state in self.classes[number]:
                side.circuit.state(state)
        for bit, value in self.item.choices:
            self.sides[0].circuit.literal(bit)
            if value.side != 2:
                raise CertificateError("a choice that is not a value of the netlist")
            self._reach(value)
        for lemma in self.item.lemmas:
            for value in lemma:
                self._reach(value)
        for member, value in self.item.derived:
            number, state = self._state(member)
            if value.side != 2 - number or value.kind != "bit" or state not in self.classes[number]:
                raise CertificateError("a state that is derived from no net of the other side")
            self._reach(value)
        for side in self.sides:
            side.circuit.close()
        if self.item.derived:
            self.gates = [{node: (a, b) for node, a, b in side.circuit.gates} for side in self.sides]

    def _reach(self, value: Value) -> None:
        """Have the value in its circuit."""
        side = self.sides[value.side - 1]
        if value.kind == "next":
            if value.name not in side.named:
                raise CertificateError(f"there is no state bit {value.name!r}")
            side.circuit.state(side.named[value.name])
        elif value.kind == "bit":
            if not value.name.isdecimal() or int(value.name) >= side.circuit.module.bit_count:
                raise CertificateError(f"there is no net bit {value.name!r}")
            side.circuit.literal(int(value.name))

    def _node(self, value: Value) -> int:
        side = self.sides[value.side - 1]
        if value.kind == "zero":
            node = -TRUE
        elif value.kind == "next":
            node = side.circuit.nexts[side.named[value.name]]
        else:
            node = side.circuit.literal(int(value.name))
        return -node if value.negated else node

    # --- frames

    def _frame(
        self,
        formula: Formula,
        inputs: Mapping[str, int],
        states: Sequence[Mapping[State, int]],
        lemmas: Mapping[tuple[int, int], list[tuple[int, int]]] | None = None,
    ) -> list[list[int]]:
        """One step of both sides: values by signed node. ``lemmas``: what a node of a side may be replaced by."""
        values: list[list[int]] = [[], []]
        for number in (1, 0):  # the netlist first, since the description's choices are values of it
            circuit = self.sides[number].circuit
            leaves = {node: inputs[name] for name, node in circuit.inputs.items()}
            leaves |= {node: states[number][state] for state, node in circuit.states.items()}
            if number == 1:
                leaves |= {node: formula.fresh() for node in circuit.undefined}
            else:
                # What the description leaves undefined may be chosen: as the certificate says, else 0.
                leaves |= dict.fromkeys(circuit.undefined, -TRUE)
                undefined = set(circuit.undefined)
                for bit, value in self.item.choices:
                    node = circuit.literal(bit)
                    if node not in undefined:
                        raise CertificateError("a choice of a value that the description defines")
                    leaves[node] = values[1][self._node(value)]
            values[number] = self._evaluate(formula, number, leaves, values, lemmas or {})
        return values

    def _evaluate(
        self,
        formula: Formula,
        number: int,
        leaves: Mapping[int, int],
        others: Sequence[list[int]],
        lemmas: Mapping[tuple[int, int], list[tuple[int, int]]],
    ) -> list[int]:
        circuit = self.sides[number].circuit
        values = [0] * (2 * circuit.size - 1)
        # No gate reads a clock, so it does not matter what it is.
        for node, literal in {**leaves, **dict.fromkeys(circuit.clocks.values(), TRUE), TRUE: TRUE}.items():
            values[node], values[-node] = literal, -literal
        for done, (node, a, b) in enumerate(circuit.gates):
            literal = formula.land(values[a], values[b])
            for side, target in lemmas.get((number, node), ()):
                wanted = values[target] if side == number else others[side][target]
                if wanted != literal and formula.holds([-literal, wanted]) and formula.holds([literal, -wanted]):
                    formula.require([-literal, wanted])
                    formula.require([literal, -wanted])
                    literal = wanted
                    self.used += 1
                    break
            values[node], values[-node] = literal, -literal
            if done % 4096 == 0:
                self.progress.update("checking a step", done, len(circuit.gates))
        if 0 in values[1:]:
            raise CertificateError(
                "a value that is read is neither an input nor a state", expected="a clock that only clocks"
            )
        return values

    def _inputs(self, formula: Formula, cycle: int | None) -> dict[str, int]:
        """Literals of the port bits in a cycle of reset, or in any cycle."""
        names = sorted(self.sides[0].circuit.inputs.keys() | self.sides[1].circuit.inputs.keys())
        given = {name: formula.fresh() for name in names}
        if cycle is not None:
            for name, level, cycles in self.item.resets:
                asserted = bool(level) == (cycle < cycles)
                given[name] = TRUE if asserted else -TRUE
        return given

    # --- obligations

    def _show(self, formula: Formula, clause: Iterable[int], otherwise: str) -> None:
        if not formula.holds(clause):
            raise CertificateError(otherwise)
        self.decided += 1

    def _show_equal(self, formula: Formula, a: int, b: int, otherwise: str) -> None:
        if a != b:
            self._show(formula, [-a, b], otherwise)
            self._show(formula, [a, -b], otherwise)
        else:
            self.decided += 1

    def _show_related(self, formula: Formula, states: Sequence[Mapping[State, int]], when: str) -> None:
        leaders: dict[int, int] = {-1: -TRUE}
        for number in (1, 0):
            for state, (which, negated) in self.classes[number].items():
                literal = -states[number][state] if negated else states[number][state]
                if which in leaders:
                    name = self.sides[number].circuit.module.cells.names[state[0]]
                    self._show_equal(formula, literal, leaders[which], f"the state {name!r} leaves its class {when}")
                else:
                    leaders[which] = literal
        for which, literal in self._derived(formula, states):
            self._show_equal(formula, leaders[which], literal, f"a state is not what it is derived from {when}")
        for clause in self.item.invariant:
            literals = [self._literal(member, states) for member in clause]
            self._show(formula, literals, f"a clause of the invariant does not hold {when}")

    def _derived(
        self, formula: Formula, states: Sequence[Mapping[State, int]], sides: Iterable[int] = (0, 1)
    ) -> list[tuple[int, int]]:
        """Class and literal of what state bits of these sides are derived from, over states of the other side."""
        found = []
        values = [
            {node: known[state] for state, node in side.circuit.states.items() if state in known}
            for side, known in zip(self.sides, states, strict=True)
        ]
        for member, value in self.item.derived:
            side, state = self._state(member)
            if side in sides:
                literal = formula.over(self.gates[1 - side], values[1 - side], self._node(value))
                if literal is None:
                    raise CertificateError("a state is derived from more than states that are not derived")
                which, negated = self.classes[side][state]
                found.append((which, -literal if negated ^ member.negated else literal))
        return found

    def _literal(self, member: Member, states: Sequence[Mapping[State, int]]) -> int:
        side, state = self._state(member)
        return -states[side][state] if member.negated else states[side][state]

    def _after_reset(self, formula: Formula) -> None:
        total = max((cycles for _, _, cycles in self.item.resets), default=0)
        if self.item.cycles not in (0, total):
            raise CertificateError(f"the relation is said to hold after {self.item.cycles} cycles of reset")
        first, second = self.sides[0].circuit, self.sides[1].circuit
        states2 = {state: _power_up(second, state, formula) for state in second.states}
        mates: dict[int, int] = {-1: -TRUE}
        for state, (which, negated) in self.classes[1].items():
            mates.setdefault(which, -states2[state] if negated else states2[state])
        for which, literal in self._derived(formula, ({}, states2), (0,)):
            mates.setdefault(which, literal)
        mates = self._begun(formula, states2) | mates
        states1: dict[State, int] = {}
        for state in first.states:
            related = self.classes[0].get(state)
            if state in first.initial:
                states1[state] = TRUE if first.initial[state] else -TRUE
            elif related is not None:  # the description leaves it open, so it may be chosen
                which, negated = related
                if which not in mates:
                    mates[which] = formula.fresh()
                states1[state] = -mates[which] if negated else mates[which]
            else:
                states1[state] = formula.fresh()
        states: list[Mapping[State, int]] = [states1, states2]
        for cycle in range(self.item.cycles):
            values = self._frame(formula, self._inputs(formula, cycle), states)
            states = [
                {state: values[number][side.circuit.nexts[state]] for state in side.circuit.states}
                for number, side in enumerate(self.sides)
            ]
        self._show_related(formula, states, "after reset")

    def _begun(self, formula: Formula, states: Mapping[State, int]) -> dict[int, int]:
        """What classes are said to power up as: sums of products of state bits of the netlist."""
        sums: dict[Member, int] = {}
        for one, *others in self.item.begins:
            named = [self._state(other) for other in others]
            if not named or any(side != 1 or state not in states for side, state in named):
                raise CertificateError("what a state bit of the description powers up as is none of the netlist")
            product = TRUE
            for other, (_, state) in zip(others, named, strict=True):
                product = formula.land(product, -states[state] if other.negated else states[state])
            sums[one] = -formula.land(-sums.get(one, -TRUE), -product)
        found: dict[int, int] = {}
        for one, literal in sums.items():
            side, mine = self._state(one)
            if side != 0 or mine not in self.classes[0]:
                raise CertificateError("what powers up as the netlist does is no state bit of the description")
            which, negated = self.classes[0][mine]
            if which in found:
                raise CertificateError(f"it is said twice what {one.name!r} powers up as")
            found[which] = -literal if negated ^ one.negated else literal
        return found

    def _step(self, formula: Formula) -> None:
        variables: dict[int, int] = {-1: -TRUE}
        states: list[dict[State, int]] = [{}, {}]
        later = {self.classes[side][state][0] for side, state in (self._state(one) for one, _ in self.item.derived)}
        for number, side in enumerate(self.sides):
            for state in side.circuit.states:
                which, negated = self.classes[number].get(state, (None, False))
                if which is None:
                    states[number][state] = formula.fresh()
                elif which not in later:
                    if which not in variables:
                        variables[which] = formula.fresh()
                    states[number][state] = -variables[which] if negated else variables[which]
        for which, literal in self._derived(formula, states):
            if variables.setdefault(which, literal) != literal:
                raise CertificateError("a state is derived twice, or constant")
        for number in (0, 1):
            for state, (which, negated) in self.classes[number].items():
                if which in later:
                    states[number][state] = -variables[which] if negated else variables[which]
        for clause in self.item.invariant:
            formula.require(self._literal(member, states) for member in clause)
        values = self._frame(formula, self._inputs(formula, None), states, self._lemmas())
        for name, literal in self.sides[0].outputs.items():
            other = self.sides[1].outputs[name]
            self._show_equal(formula, values[0][literal], values[1][other], f"the output {name!r} may differ")
        nexts = [
            {state: values[number][side.circuit.nexts[state]] for state in side.circuit.states}
            for number, side in enumerate(self.sides)
        ]
        self._show_related(formula, nexts, "in a step")

    def _lemmas(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """By side and node: what it may be equal to, which is there before it."""
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for one, other in self.item.lemmas:
            a, b = self._node(one), self._node(other)
            ends = [(one.side - 1, a), (other.side - 1, b)]
            if one.kind == "zero" or other.kind == "zero":
                ends.sort(key=lambda end: abs(end[1]) == TRUE)
            elif ends[0][0] == ends[1][0]:
                ends.sort(key=lambda end: -abs(end[1]))
            else:
                ends.sort()  # the description's node is replaced by the netlist's
            (side, node), (to, target) = ends
            if abs(node) != TRUE and (side, abs(node)) != (to, abs(target)):
                found.setdefault((side, abs(node)), []).append((to, target if node > 0 else -target))
        return found


def _power_up(circuit: FlatCircuit, state: State, formula: Formula) -> int:
    if state in circuit.initial:
        return TRUE if circuit.initial[state] else -TRUE
    return formula.fresh()
