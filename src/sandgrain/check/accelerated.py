"""Checks the certificate of an accelerated run, sharing nothing with the engine that wrote it.

The checker runs the stimulus from power-up on its own reading of the gates up to the jump, and one pass of the loop
more. Then it shows with its own solver that a pass from there does the same whatever the counters hold, as long as one
of them is below a limit, and that the passes skipped keep it there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pysat

from sandgrain.check._circuit import TRUE, Circuit
from sandgrain.check._formula import SOLVER, Formula
from sandgrain.check._loop import Loop, Machine, skipped
from sandgrain.check._obligations import CheckLimits
from sandgrain.check._phases import Phases
from sandgrain.check._registers import initial_values, state_names
from sandgrain.check.acceleration import Acceleration, read, refused
from sandgrain.check.certificate import network_digest
from sandgrain.check.checker import Checked
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated
from sandgrain.submission import Manifest, parse
from sandgrain.verdict import Claim, Finding

STIMULUS_BYTES: Final = 64 << 20
"""Most bytes of the stimulus of an accelerated run."""


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
    _Run(said, _stimulus(stimulus), manifest, elaborated, limits or CheckLimits()).check()
    return said


class _Run:
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
        phases = Phases(manifest, module)
        self._circuit = Circuit(module, phases.clock, phases.edge)
        for service in manifest.services:
            self._circuit.truth(parse(service.expression, field="expression"))
        names: dict[str, list[int]] = {}
        for bit, name in state_names(module).items():
            names.setdefault(name, []).append(bit)
        self._counters = [[(_bit(names, name), value) for name, value in item.bits] for item in said.counters]
        for counter in self._counters:
            for bit, _ in counter:
                self._circuit.literal(bit)
        self._circuit.close()

    def check(self) -> None:
        jump, states = self._stimulus["jump"], self._circuit.leaves["state"]
        machine = Machine(self._circuit, states, self._circuit.nexts, self._given)
        # Initial values where the description gives them, else 0.
        given = initial_values(self._module)
        state = {bit: TRUE if given.get(bit) else -TRUE for bit in states}
        with Formula(self._deadline, self._limits.variables) as formula:
            state = machine.run(formula, range(jump["cycle"]), state)
            loop = Loop(self._said.period, self._counters, self._said.stretches)
            cycles, after = skipped(formula, machine, loop, jump["cycle"], state)
        named = {
            name: bit
            for item, told in zip(self._counters, self._said.counters, strict=True)
            for (bit, _), (name, _) in zip(item, told.bits, strict=True)
        }
        if jump["skipped"] != cycles or jump["registers"] != {
            name: int(after[bit] == TRUE) for name, bit in named.items()
        }:
            raise refused("the jump of the stimulus is not what is skipped")

    def _given(self, cycle: int) -> dict[int, int]:
        """Literals of the inputs in a cycle of the stimulus; what the description leaves undefined is 0."""
        driven: dict[int, int] = {}
        for port in self._module.ports:
            if port.direction != "output" and port.name in self._stimulus["inputs"]:
                text = _at(self._stimulus["inputs"][port.name], cycle)
                if len(text) != port.width:
                    raise refused(f"the stimulus drives {port.name!r}, {len(text)} bits")
                driven |= {
                    bit: TRUE if value == "1" else -TRUE
                    for bit, value in zip(port.bits.tolist(), reversed(text), strict=True)
                }
        leaves = dict.fromkeys(self._circuit.free, -TRUE)
        for bit, node in self._circuit.leaves["input"].items():
            if bit not in driven:
                raise refused("the stimulus does not drive every input")
            leaves[node] = driven[bit]
        return leaves


def _bit(names: Mapping[str, list[int]], name: str) -> int:
    bits = names.get(name, [])
    if len(bits) != 1:
        raise refused(f"{name!r} does not name one register bit")
    return bits[0]


def _stimulus(data: bytes) -> dict[str, Any]:
    """The parts of a stimulus that are needed, checked as far as they are."""
    try:
        told = json.loads(data)
        jump, inputs = told["jump"], told["inputs"]
        sound = (
            isinstance(jump["cycle"], int)
            and jump["cycle"] >= 0
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
