"""What a certificate has to show, worked out from the manifest and the gates.

A run is one copy of the chip in time; *no remote shutdown* has one, *no covert channel* compares two. The certificate
says what is true in every state of operation, never what is to be shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sandgrain.check._circuit import TRUE, Circuit
from sandgrain.check._formula import Formula
from sandgrain.check._phases import Phases
from sandgrain.check._registers import initial_values, state_names
from sandgrain.check.certificate import Certificate, named, stopping
from sandgrain.check.errors import CertificateError
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated
from sandgrain.progress import Progress
from sandgrain.submission import MANIFEST_NAME, Manifest, Signal, parse

State = dict[int, int]
"""The literal of each register's net bit."""
Values = list[int]
"""The literal of each node of the circuit in one cycle of one run."""
Told = Iterable[tuple[str, list[int]]]
"""Clauses, and what each is called."""


@dataclass(frozen=True)
class CheckLimits:
    """How much one check may take; reaching a limit means that the certificate is not accepted.

    Attributes:
        seconds: wall clock of all obligations.
        variables: of one obligation.
        reset_cycles: cycles of reset that are looked at.
    """

    seconds: float = 600.0
    variables: int = 20_000_000
    reset_cycles: int = 256


@dataclass(frozen=True)
class Obligation:
    """One thing a certificate has to show: what, whether it does, in how many seconds, and why not."""

    name: str
    holds: bool
    seconds: float
    detail: str = ""


class Obligations:
    """A certificate being checked; :meth:`run` raises when an obligation does not hold or cannot be decided."""

    runs = 1

    def __init__(
        self,
        certificate: Certificate,
        manifest: Manifest,
        elaborated: Elaborated,
        progress: Progress,
        limits: CheckLimits,
    ) -> None:
        self.certificate, self.manifest, self.elaborated = certificate, manifest, elaborated
        self.progress, self.limits = progress, limits
        self.module = elaborated.gates.top_module
        self.deadline = time.monotonic() + limits.seconds
        self.done: list[Obligation] = []

    def run(self) -> None:
        with self.obligation("model"):
            self.phases = Phases(self.manifest, self.module)
            self.circuit = Circuit(self.module, self.phases.clock, self.phases.edge)
            self.ask()
            self.registers = self.find_registers()
            self.circuit.close()
            self.states = self.circuit.leaves["state"]
        with self.obligation("reset"), self.formula() as formula:
            states = self.after_reset(formula)
            self.show(formula, self.facts(formula, states), "does not hold after reset")
            self.show_first(formula, self.step(formula, self.phases.released, states))
        with self.formula() as formula:
            with self.obligation("step"):
                now = self.step(formula, self.phases.released, self.operating(formula))
                nexts = self.nexts(now)
                self.show(formula, self.facts(formula, nexts), "is not kept by a step")
            self.show_operation(formula, now, nexts)

    def ask(self) -> None:
        """Take what the claim is about into the circuit."""
        raise NotImplementedError

    def show_first(self, formula: Formula, first: Sequence[Values]) -> None:
        """Show what is to hold in the first cycle of operation."""

    def show_operation(self, formula: Formula, now: Sequence[Values], nexts: Sequence[State]) -> None:
        """Show what is to hold in all of operation: ``now`` is any cycle, the facts have been shown of ``nexts``."""
        raise NotImplementedError

    def secret(self, _formula: Formula, _run: int) -> dict[int, int]:
        """The literal of each node of the source in one run, in the cycle being made."""
        return {}

    def formula(self) -> Formula:
        return Formula(self.deadline, self.limits.variables)

    @contextmanager
    def obligation(self, name: str) -> Iterator[None]:
        """An obligation, which holds unless the block raises."""
        started, failed = time.monotonic(), "not decided"
        try:
            with self.progress.stage(f"check {name}"):
                yield
            failed = ""
        except SandgrainError as error:
            failed = error.what
            raise
        finally:
            self.done.append(Obligation(name, not failed, round(time.monotonic() - started, 3), failed))

    def show(self, formula: Formula, clauses: Told, otherwise: str) -> None:
        for count, (name, clause) in enumerate(clauses):
            if count % 64 == 0:
                self.progress.update(name)
            if not formula.holds(clause):
                raise CertificateError(f"{name} {otherwise}")

    def find_registers(self) -> dict[str, int]:
        """The net bit of every name in the certificate."""
        names: dict[str, list[int]] = {}
        for bit, name in state_names(self.module).items():
            names.setdefault(name, []).append(bit)
        certificate, found = self.certificate, dict[str, int]()
        used = [*certificate.equal, *(literal.name for clause in certificate.invariant for literal in clause)]
        for name in [*used, *(literal.name for clause in certificate.relation for literal in clause)]:
            bits = names.get(name, [])
            if name not in found and len(bits) == 1:
                self.circuit.literal(bits[0])
            if len(bits) != 1 or bits[0] not in self.circuit.leaves["state"]:
                raise CertificateError(f"{name!r} does not name one register bit that is in the model")
            found[name] = bits[0]
        return found

    def facts(self, formula: Formula, states: Sequence[State]) -> Told:
        """What the certificate says of the states of the runs."""

        def literal(run: int, name: str, value: int) -> int:
            bit = self.registers[name]
            at = formula.equal(states[0][bit], states[1][bit]) if run == 0 else states[run - 1][bit]
            return at if value else -at

        for number, clause in enumerate(self.certificate.invariant, 1):
            for run in range(1, self.runs + 1):
                yield f"clause {number} of the invariant", [literal(run, *item) for item in clause]
        for name in self.certificate.equal:
            yield f"the equality of {name}", [literal(0, name, 1)]
        for number, related in enumerate(self.certificate.relation, 1):
            yield f"clause {number} of the relation", [literal(*item) for item in related]

    def operating(self, formula: Formula) -> list[State]:
        """Any states of the runs of which the facts hold."""
        same = {self.registers[name] for name in self.certificate.equal}
        first = {bit: formula.fresh() for bit in self.states}
        states = [first]
        states += [
            {bit: at if bit in same else formula.fresh() for bit, at in first.items()} for _ in range(1, self.runs)
        ]
        self.assume(formula, states)
        return states

    def assume(self, formula: Formula, states: Sequence[State]) -> None:
        """Require the facts of states of which they are known."""
        for _, clause in self.facts(formula, states):
            formula.require(clause)

    def step(self, formula: Formula, fixed: Mapping[int, int], states: Sequence[State]) -> list[Values]:
        """One cycle of every run, all with the same inputs; those not ``fixed`` (by net bit) are arbitrary."""
        leaves = {node: formula.fresh() for node in self.circuit.free}
        for bit, node in self.circuit.leaves["input"].items():
            leaves[node] = fixed.get(bit) or formula.fresh()
        made = []
        for run, state in enumerate(states):
            own = {node: state[bit] for bit, node in self.states.items()} | self.secret(formula, run)
            made.append(formula.step(self.circuit, leaves | own))
        return made

    def nexts(self, values: Sequence[Values]) -> list[State]:
        """The states one clock edge after a cycle."""
        return [{bit: of[literal] for bit, literal in self.circuit.nexts.items()} for of in values]

    def after_reset(self, formula: Formula) -> list[State]:
        """The states in which operation begins, all runs from the same power-up."""
        given = {} if self.phases.cycles else initial_values(self.module)
        start = {bit: (-TRUE, TRUE)[given[bit]] if bit in given else formula.fresh() for bit in self.states}
        states, cycles = [start] * self.runs, self.phases.cycles
        if cycles > self.limits.reset_cycles:
            if self.runs > 1:
                raise CertificateError(f"{cycles} cycles of reset are more than can be looked at")
            # The states after more cycles are among these: the first cycles lead from any state to some state.
            cycles = self.limits.reset_cycles
        for _ in range(cycles):
            states = self.nexts(self.step(formula, self.phases.asserted, states))
        return states


class Shutdown(Obligations):
    """From every state of operation the recovery stimulus leads back to the service, or to a declared stop."""

    def ask(self) -> None:
        promised, frames = self.manifest.recovery.within_cycles, self.certificate.frames or 0
        if promised is not None and frames > promised:
            raise CertificateError(f"service within {frames} cycles is less than the {promised} cycles promised")
        self.frames = frames
        self.service = self.circuit.truth(named("service", self.manifest.services, self.certificate.subject).parsed())
        self.stops: dict[str, tuple[int, int]] = {}
        for item in stopping(self.manifest):
            trigger = item.entered_after()
            if trigger is None:
                raise CertificateError(f"the declared function {item.name} has no only_after that could be checked")
            self.stops[item.name] = self.circuit.truth(item.parsed()), self.circuit.truth(trigger)

    def show_first(self, formula: Formula, first: Sequence[Values]) -> None:
        active = [(f"the declared function {name}", [-first[0][stop]]) for name, (stop, _) in self.stops.items()]
        self.show(formula, active, "may be active right after reset")

    def show_operation(self, formula: Formula, now: Sequence[Values], nexts: Sequence[State]) -> None:
        with self.obligation("service"):
            if not formula.possible([now[0][self.service]]):
                raise CertificateError("the service is never given: its expression cannot be true")
        with self.obligation("declared"):
            self.assume(formula, nexts)
            then = self.step(formula, self.phases.released, nexts)
            entered = [
                (f"the declared function {name}", [now[0][stop], -then[0][stop], now[0][trigger]])
                for name, (stop, trigger) in self.stops.items()
            ]
            self.show(formula, entered, "may be entered without its trigger")
        with self.obligation("recovery"), self.formula() as unrolled:
            self.recover(unrolled)

    def recover(self, formula: Formula) -> None:
        states = self.operating(formula)
        held = {bit: formula.fresh() for bit in self.circuit.leaves["input"] if bit not in self.phases.recovery}
        goals = (self.service, *(stop for stop, _ in self.stops.values()))
        for cycle in range(self.frames):
            if cycle:
                # Inputs of recovery are inputs of operation, so the facts go on holding; saying so helps the solver.
                self.assume(formula, states)
            values = self.step(formula, held | self.phases.stimulus(cycle), states)
            for goal in goals:
                formula.require([-values[0][goal]])
            states = self.nexts(values)
        if formula.possible([]):
            raise CertificateError(f"there may be a state without service within {self.frames} cycles")


class Channel(Obligations):
    """Two runs that differ in the source alone agree on every output the source was not declared to reach."""

    runs = 2

    def ask(self) -> None:
        if self.elaborated.abstracted_memories:
            raise CertificateError("a memory was left out of the model: what goes into it might come out again")
        source = named("source", self.manifest.sources, self.certificate.subject)
        signal = parse(source.signal, field=f"source {source.name}", file=MANIFEST_NAME)
        bits = self.circuit.bits_of(signal) if isinstance(signal, Signal) else []
        if not bits or min(bits) < 0 or {self.phases.clock, *self.phases.released} & set(bits):
            raise CertificateError(f"the source {source.name} is no signal, or in part a constant, clock or reset")
        self.varies = source.kind.varies
        self.circuit.cut(bits)
        ports = {port.name: port.bits.tolist() for port in self.module.ports if port.direction != "input"}
        allowed: dict[str, list[int]] = {name: [] for name in ports}
        for flow in self.manifest.flows:
            condition = flow.condition()
            for sink in flow.sinks if flow.source == source.name else ():
                if sink not in ports:
                    raise CertificateError(f"the sink {sink!r} is no output port", file=MANIFEST_NAME)
                allowed[sink].append(TRUE if condition is None else self.circuit.truth(condition))
        self.sinks = [
            (f"the output {name}[{at}]", self.circuit.literal(bit), allowed[name])
            for name, bits in ports.items()
            for at, bit in enumerate(bits)
            if bit != self.phases.clock
        ]

    def formula(self) -> Formula:
        self.values: dict[tuple[int, int], int] = {}
        return super().formula()

    def secret(self, formula: Formula, run: int) -> dict[int, int]:
        nodes = self.circuit.leaves["source"].values()
        for node in nodes:
            if self.varies or (run, node) not in self.values:
                self.values[run, node] = formula.fresh()
        return {node: self.values[run, node] for node in nodes}

    def show_operation(self, formula: Formula, now: Sequence[Values], _nexts: Sequence[State]) -> None:
        one, other = now
        with self.obligation("sinks"):
            equal = (
                (name, [formula.equal(one[bit], other[bit]), *(formula.land(one[at], other[at]) for at in conditions)])
                for name, bit, conditions in self.sinks
            )
            self.show(formula, equal, "may tell two values of the source apart")
