"""Checks the certificate of an accelerated run, sharing nothing with the engine that wrote it.

The checker runs the stimulus from power-up on its own reading of the gates up to the jump, and one pass of the loop
more. Then it shows with its own solver that a pass from there does the same whatever the counters hold, as long as one
of them is below a limit, and that the passes skipped keep it there.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pysat

from sandgrain.check._circuit import TRUE, Circuit
from sandgrain.check._formula import SOLVER, Formula
from sandgrain.check._obligations import CheckLimits
from sandgrain.check._phases import Phases
from sandgrain.check._registers import initial_values, state_names
from sandgrain.check.acceleration import Acceleration, Stretch, read, refused
from sandgrain.check.certificate import network_digest
from sandgrain.check.checker import Checked
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated
from sandgrain.submission import Manifest, parse
from sandgrain.verdict import Claim, Finding

STIMULUS_BYTES: Final = 64 << 20
"""Most bytes of the stimulus of an accelerated run."""

_MOST_CYCLES: Final = 100_000

State = dict[int, int]
"""The literal of each register's net bit."""


def checked_acceleration(
    data: bytes, stimulus: bytes, manifest: Manifest, elaborated: Elaborated, claim: Claim, finding: Finding
) -> Checked:
    """Check the certificate of a finding's accelerated witness; never raises for what is in it.

    Args:
        data: the text of the certificate.
        stimulus: the stimulus file of the witness.
        manifest: of the submission.
        elaborated: its description as netlists.
        claim, finding: whose it is; what they tell of the skipped cycles has to be what the stimulus says.
    """
    reason = ""
    try:
        check_acceleration(data, stimulus, manifest, elaborated)
        _told(finding, stimulus)
    except SandgrainError as error:
        reason = str(error)
    solver = f"{SOLVER} (python-sat {pysat.__version__})"
    return Checked(not reason, claim.id.value, finding.id, (), solver, reason)


def _told(finding: Finding, stimulus: bytes) -> None:
    witness = finding.witness
    told = witness.acceleration if witness is not None else None
    jump = _stimulus(stimulus)["jump"]
    if witness is None or told is None or (told.cycle, told.skipped) != (jump["cycle"], jump["skipped"]):
        raise refused("the case tells of another jump than the stimulus")
    if {bit.name: bit.value for bit in told.state} != jump["registers"]:
        raise refused("the case tells of other registers than the stimulus")
    if told.fires_after != witness.dead_from + told.skipped:
        raise refused("the case tells of another time than the run takes")


def check_acceleration(
    data: bytes, stimulus: bytes, manifest: Manifest, elaborated: Elaborated, limits: CheckLimits | None = None
) -> Acceleration:
    """Check the certificate of an accelerated run.

    Args:
        data: its text.
        stimulus: the stimulus file of the witness.
        manifest: of the submission.
        elaborated: its description as netlists.
        limits: how much the check may take.

    Raises:
        CertificateError: it is not accepted.
        LimitExceeded: it was not decided in time.
    """
    said = read(data)
    module = elaborated.gates.top_module
    found = hashlib.sha256(stimulus).hexdigest()
    for what, told, is_ in (
        ("top module", said.top, manifest.chip.top),
        ("network", said.network, network_digest(module)),
        ("stimulus", said.stimulus, found),
    ):
        if told != is_:
            raise refused(f"the certificate is about another {what}")
    if not (said.period and said.counters and said.stretches):
        raise refused("a loop without a pass, a counter or a stretch")
    _Loop(said, _stimulus(stimulus), manifest, elaborated, limits or CheckLimits()).check()
    return said


class _Loop:
    def __init__(
        self,
        said: Acceleration,
        stimulus: dict[str, Any],
        manifest: Manifest,
        elaborated: Elaborated,
        limits: CheckLimits,
    ) -> None:
        self._said, self._stimulus, self._limits = said, stimulus, limits
        self._module = module = elaborated.gates.top_module
        self._deadline = time.monotonic() + limits.seconds
        self._phases = Phases(manifest, module)
        self._circuit = Circuit(module, self._phases.clock, self._phases.edge)
        for service in manifest.services:
            self._circuit.truth(parse(service.expression, field="expression"))
        names: dict[str, list[int]] = {}
        for bit, name in state_names(module).items():
            names.setdefault(name, []).append(bit)
        self._counters = [[self._bit(names, name) for name, _ in item.bits] for item in said.counters]
        counted = [bit for bits in self._counters for bit in bits]
        if len(set(counted)) < len(counted):
            raise refused("a register counts twice")
        self._counted = set(counted)
        for bit in counted:
            self._circuit.literal(bit)
        self._circuit.close()
        self._states = self._circuit.leaves["state"]
        if not self._counted <= set(self._states):
            raise refused("a counter is no register of the model")

    def _bit(self, names: Mapping[str, list[int]], name: str) -> int:
        bits = names.get(name, [])
        if len(bits) != 1:
            raise refused(f"{name!r} does not name one register bit")
        return bits[0]

    def check(self) -> None:
        jump = self._stimulus["jump"]
        with Formula(self._deadline, self._limits.variables) as formula:
            state = self._power_up()
            for cycle in range(jump["cycle"]):
                state = self._step(formula, cycle, state)
            passed = [state]
            for _ in range(self._said.period):
                passed.append(self._step(formula, jump["cycle"], passed[-1]))
        now = [self._value(index, passed[0]) for index in range(len(self._counters))]
        steps = [
            [
                (self._value(index, after) - self._value(index, before)) % (1 << len(bits))
                for before, after in itertools.pairwise(passed)
            ]
            for index, bits in enumerate(self._counters)
        ]
        if any(step not in (0, 1) for row in steps for step in row):
            raise refused("a counter does not count by one")
        if any(passed[0][bit] != passed[-1][bit] for bit in self._states if bit not in self._counted):
            raise refused("the loop does not end where it began")
        skipped = 0
        for stretch in self._said.stretches:
            self._stretch(stretch, passed, now, steps)
            now = [
                (value + stretch.passes * sum(row)) % (1 << len(bits))
                for value, row, bits in zip(now, steps, self._counters, strict=True)
            ]
            skipped += stretch.passes * self._said.period
        expected = {
            name: value if at & 1 else 1 - value
            for item, number in zip(self._said.counters, now, strict=True)
            for (name, value), at in zip(item.bits, (number >> place for place in range(len(item.bits))), strict=True)
        }
        if jump["skipped"] != skipped or jump["registers"] != expected:
            raise refused("the jump of the stimulus is not what is skipped")

    def _stretch(
        self, stretch: Stretch, passed: Sequence[State], now: Sequence[int], steps: Sequence[Sequence[int]]
    ) -> None:
        """Show that the passes of a stretch are as they should be."""
        if not 0 <= stretch.counter < len(now) or not stretch.passes:
            raise refused("a stretch without a counter or a pass")
        if now[stretch.counter] + stretch.passes * sum(steps[stretch.counter]) >= stretch.limit:
            raise refused("a counter reaches its limit in a stretch")
        if stretch.limit > 1 << len(self._counters[stretch.counter]):
            raise refused("a limit that no value of the counter reaches")
        for position, (before, after) in enumerate(itertools.pairwise(passed)):
            with Formula(self._deadline, self._limits.variables) as formula:
                state = {bit: formula.fresh() if bit in self._counted else literal for bit, literal in before.items()}
                for clause in self._between(formula, stretch, state, now[stretch.counter]):
                    formula.require([clause])
                found = self._step(formula, self._stimulus["jump"]["cycle"], state)
                expected = dict(after)
                for index in range(len(self._counters)):
                    expected |= self._moved(formula, index, state, steps[index][position])
                for bit in self._states:
                    if not formula.holds([formula.equal(found[bit], expected[bit])]):
                        raise refused("a pass of the loop is not always the same")

    def _number(self, index: int, state: State) -> list[int]:
        """How far a counter has counted, least significant bit first."""
        bits = zip(self._counters[index], self._said.counters[index].bits, strict=True)
        return [state[bit] if value else -state[bit] for bit, (_, value) in bits]

    def _value(self, index: int, state: State) -> int:
        return sum((literal == TRUE) << place for place, literal in enumerate(self._number(index, state)))

    def _moved(self, formula: Formula, index: int, state: State, step: int) -> State:
        carry = TRUE if step else -TRUE
        moved = {}
        for bit, literal in zip(self._counters[index], self._number(index, state), strict=True):
            moved[bit] = -formula.equal(state[bit], carry)
            carry = formula.land(carry, literal)
        return moved

    def _between(self, formula: Formula, stretch: Stretch, state: State, least: int) -> Iterator[int]:
        """Literals that say that the counter of a stretch is not below ``least``, and below the limit."""
        at_least, below = TRUE, -TRUE
        for place, literal in enumerate(self._number(stretch.counter, state)):
            at_least = formula.land(at_least, literal) if least >> place & 1 else -formula.land(-at_least, -literal)
            below = -formula.land(-below, literal) if stretch.limit >> place & 1 else formula.land(below, -literal)
        yield at_least
        if stretch.limit < 1 << len(self._counters[stretch.counter]):
            yield below

    def _power_up(self) -> State:
        """Initial values where the description gives them, else 0."""
        given = initial_values(self._module)
        return {bit: TRUE if given.get(bit) else -TRUE for bit in self._states}

    def _inputs(self, cycle: int) -> dict[int, int]:
        """The literal of the net bit of every input in a cycle of the stimulus."""
        values: dict[int, int] = {}
        for port in self._module.ports:
            if port.direction != "output" and port.name in self._stimulus["inputs"]:
                text = _at(self._stimulus["inputs"][port.name], cycle)
                if len(text) != port.width:
                    raise refused(f"the stimulus drives {port.name!r}, {len(text)} bits")
                values |= {
                    bit: TRUE if value == "1" else -TRUE
                    for bit, value in zip(port.bits.tolist(), reversed(text), strict=True)
                }
        return values

    def _step(self, formula: Formula, cycle: int, state: State) -> State:
        """The state one clock edge after a cycle; what the description leaves undefined is 0."""
        driven = self._inputs(cycle)
        leaves = dict.fromkeys(self._circuit.free, -TRUE)
        for bit, node in self._circuit.leaves["input"].items():
            if bit not in driven:
                raise refused("the stimulus does not drive every input")
            leaves[node] = driven[bit]
        values = formula.step(self._circuit, leaves | {node: state[bit] for bit, node in self._states.items()})
        return {bit: values[literal] for bit, literal in self._circuit.nexts.items()}


def _stimulus(data: bytes) -> dict[str, Any]:
    """The parts of a stimulus that are needed, checked as far as they are."""
    try:
        told = json.loads(data)
        jump, inputs = told["jump"], told["inputs"]
        sound = (
            isinstance(jump["cycle"], int)
            and 0 <= jump["cycle"] <= _MOST_CYCLES
            and isinstance(jump["skipped"], int)
            and isinstance(jump["registers"], dict)
            and all(
                isinstance(count, int) and count > 0 and not set(bits) - {"0", "1"}
                for runs in inputs.values()
                for count, bits in runs
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refused("the stimulus cannot be read") from error
    if not sound:
        raise refused("the stimulus is not one with a jump")
    return {"jump": jump, "inputs": inputs}


def _at(runs: Sequence[tuple[int, str]], cycle: int) -> str:
    for count, bits in runs:
        if cycle < count:
            return bits
        cycle -= count
    raise refused("the stimulus ends before the jump")
