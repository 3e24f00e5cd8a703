"""What the checker accepts is true: judged by looking at every state of random circuits and of altered chips."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import random
import tomllib
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from sandgrain.check import Certificate, Literal, Related, network_digest, terms_digest, write
from sandgrain.check.certificate import parse
from sandgrain.errors import SandgrainError
from sandgrain.netlist import Elaborated, Module
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.model import INPUT, OUTPUT, Bits
from sandgrain.submission import Manifest, Submission
from sandgrain.verdict import ClaimId
from tests.check import chips
from tests.check.explicit import Channel, Chip, Loop, Shutdown, State

OTHERS = ("-ring[0] -beat", "-ring[0] -ring[1]", "-ring[1] -beat")
RESET = """[[resets]]
port = "rst"
active = "{level}"
synchronous = true
cycles = {cycles}
"""
MANIFEST = """schema = 1
clocks = [{{port = "clk", edge = "rising"}}]
files = [{{role = "rtl", paths = ["chip.v"]}}]
services = [{{name = "beat", expression = "{service}"}}]
[chip]
name = "Chip"
vendor = "Somebody"
date = 2026-11-23
top = "chip"
[recovery.inputs]
{inputs}
{reset}{more}
"""
STOP = """[[declared]]
name = "stop"
kind = "{kind}"
state = "{state}"
only_after = "{trigger}"
trigger = "?"
document = "?"
"""
SOURCE = """[[sources]]
name = "id"
kind = "{kind}"
signal = "{signal}"
"""
FLOW = """[[flows]]
source = "id"
sinks = ["{sink}"]
document = "?"
{when}
"""


def circuit(rng: random.Random, inputs: int, registers: int, gates: int) -> Module:
    """A random module: ports ``clk``, ``rst``, ``in`` and ``out``, registers ``q0``, ..., nets ``n0``, ..."""
    builder = ModuleBuilder("chip")
    clk, rst, undriven, *bits = builder.bits(3 + inputs + registers)
    builder.port("clk", "input", [clk])
    builder.port("rst", "input", [rst])
    builder.port("in", "input", bits[:inputs])
    builder.net("clk", [clk])
    builder.net("rst", [rst])
    builder.net("in", bits[:inputs])
    known = [*bits, rst, *([undriven] if rng.random() < 0.3 else []), *([-1, -2] if rng.random() < 0.3 else [])]
    for index in range(gates):
        (out,) = builder.bits(1)
        reads = [rng.choice(known[-8:] if rng.random() < 0.6 else known) for _ in range(2)]
        kind = rng.choice(("$_AND_", "$_AND_", "$_NOT_"))
        pins = [("A", INPUT, reads[:1]), ("B", INPUT, reads[1:]), ("Y", OUTPUT, [out])]
        builder.cell(kind, f"g{index}", pins if kind == "$_AND_" else [pins[0], pins[2]])
        builder.net(f"n{index}", [out])
        known.append(out)
    for index, bit in enumerate(bits[inputs:]):
        pins = [("C", INPUT, [clk]), ("D", INPUT, [rng.choice(known[-10:])]), ("Q", OUTPUT, [bit])]
        builder.cell("$_DFF_P_", f"r{index}", pins)
        builder.net(f"q{index}", [bit], init=rng.choice(("0", "1", "x", None)))
    builder.port("out", "output", known[-2:])
    builder.net("out", known[-2:])
    return builder.finish()


def expression(rng: random.Random, module: Module) -> str:
    """A random expression over registers, nets and ports."""
    names = [net.name for net in module.nets if net.name not in ("clk", "out") and min(net.bits.tolist()) >= 0]

    def one(depth: int) -> str:
        choice = rng.random()
        if depth == 0 or choice < 0.4:
            return rng.choice(names)
        if choice < 0.6:
            return f"{rng.choice(('~', '!', '&', '|', '^'))}({one(depth - 1)})"
        op = rng.choice(("&", "|", "^", "&&", "||", "==", "!="))
        other = rng.choice((one(depth - 1), "1", "2'd2"))
        return f"({one(depth - 1)}) {op} ({other})"

    return one(3)


def manifest(rng: random.Random, module: Module, more: str) -> Manifest:
    """A random manifest for a random module."""
    width = module.port("in").width
    values = ['"free"', "0", "1", "[0, 1]", f"[1, {(1 << width) - 1}, 0]"]
    inputs = f"in = {rng.choice(values)}" if rng.random() < 0.8 else ""
    reset = RESET.format(level=rng.choice(("low", "high")), cycles=rng.randint(1, 2)) if rng.random() < 0.7 else ""
    text = MANIFEST.format(service=expression(rng, module), inputs=inputs, reset=reset, more=more)
    return Manifest.model_validate(tomllib.loads(text))


def honest(chip: Chip, states: Iterable[State]) -> list[tuple[Literal, ...]]:
    """All clauses of one and two literals that are true in all of ``states``."""
    known = list(states)
    literals = [(index, value) for index in range(len(chip.names)) for value in (0, 1)]
    return [
        tuple(Literal(chip.names[index], value) for index, value in clause)
        for clause in (*((literal,) for literal in literals), *itertools.combinations(literals, 2))
        if all(any(state[index] == value for index, value in clause) for state in known)
    ]


def some(rng: random.Random, items: Iterable[tuple[Literal, ...]]) -> tuple[tuple[Literal, ...], ...]:
    """Mostly all of them, sometimes some."""
    kept = list(items)
    return tuple(kept if rng.random() < 0.6 else [item for item in kept if rng.random() < 0.7])


def test_random_certificates_of_no_shutdown(ring: Elaborated, ring_submission: Submission) -> None:
    verdicts = []
    for seed in range(400):
        rng = random.Random(seed)
        module = circuit(rng, 2, rng.randint(1, 4), rng.randint(2, 14))
        stop = STOP.format(
            kind=rng.choice(("halt", "halt", "id-readout")),
            state=expression(rng, module),
            trigger=rng.choice((expression(rng, module), "1")),
        )
        terms = manifest(rng, module, stop if rng.random() < 0.4 else "")
        handed, chip = dataclasses.replace(ring_submission, manifest=terms), chips.with_gates(ring, module)
        judge = Shutdown(module, terms)
        invariant = some(rng, honest(judge, judge.reachable()))
        if rng.random() < 0.1:
            invariant = (*invariant, (Literal(rng.choice(judge.names), rng.randint(0, 1)),))
        claim = ClaimId.NO_REMOTE_SHUTDOWN
        certificate = Certificate(
            claim=claim,
            subject="beat",
            top="chip",
            network=network_digest(module),
            terms=terms_digest(terms, claim, "beat"),
            frames=rng.randint(1, 4),
            invariant=invariant,
        )
        checked = chips.verdict(certificate, handed, chip)
        assert checked.accepted == judge.shown(certificate), (seed, checked)
        if checked.accepted:
            assert judge.true(certificate.frames or 0), seed
        verdicts.append((checked.accepted, *(item.name for item in checked.obligations if not item.holds)))
    assert {(True,), (False, "step"), (False, "reset"), (False, "declared"), (False, "recovery")} <= set(verdicts)
    assert verdicts.count((True,)) > 80


def test_random_certificates_of_no_channel(ring: Elaborated, ring_submission: Submission) -> None:
    verdicts = []
    for seed in range(300):
        rng = random.Random(seed)
        module = circuit(rng, 2, rng.randint(1, 3), rng.randint(2, 10))
        source = SOURCE.format(
            kind=rng.choice(("identity", "location")), signal=rng.choice(("in[1]", "in[0]", "q0", "n0", "in"))
        )
        when = f'when = "{expression(rng, module)}"' if rng.random() < 0.6 else ""
        flow = FLOW.format(sink="out", when=when) if rng.random() < 0.5 else ""
        terms = manifest(rng, module, source + flow)
        handed, chip = dataclasses.replace(ring_submission, manifest=terms), chips.with_gates(ring, module)
        judge = Channel(module, terms)
        pairs = judge.reached()
        equal = [n for i, n in enumerate(judge.names) if all(a[i] == b[i] for a, b in pairs)]
        if rng.random() < 0.3:
            equal = [name for name in judge.names if rng.random() < 0.7]
        relation: list[tuple[Related, ...]] = []
        if judge.names and rng.random() < 0.3:
            relation = [
                tuple(Related(rng.choice((1, 2)), rng.choice(judge.names), rng.randint(0, 1)) for _ in range(2))
                for _ in range(rng.randint(0, 2))
            ]
            relation += [(Related(0, name, 1),) for name in judge.names if rng.random() < 0.3]
        claim = ClaimId.NO_COVERT_CHANNEL
        certificate = Certificate(
            claim=claim,
            subject="id",
            top="chip",
            network=network_digest(module),
            terms=terms_digest(terms, claim, "id"),
            frames=None,
            invariant=some(rng, honest(judge, {state for pair in pairs for state in pair})),
            equal=tuple(equal),
            relation=tuple(relation),
        )
        checked = chips.verdict(certificate, handed, chip)
        assert checked.accepted == judge.shown(certificate), (seed, checked)
        if checked.accepted:
            assert judge.true(), seed
        verdicts.append((checked.accepted, *(item.name for item in checked.obligations if not item.holds)))
    assert {(True,), (False, "step"), (False, "reset"), (False, "sinks")} <= set(verdicts)
    assert verdicts.count((True,)) > 60


def altered(rng: random.Random, module: Module) -> Module:
    """The module with one gate changed: a pin on another net, or an inverter less."""
    cells = module.cells
    inputs = [
        index
        for index in range(len(cells.pin_ids))
        if cells.pin_directions[index] == INPUT and cells.pin_names[int(cells.pin_ids[index])] != "C"
    ]
    bits = cells.bits.copy()
    clock = module.port("clk").bits.tolist()
    position = int(cells.bit_offsets[rng.choice(inputs)])
    choices = [bit for bit in range(-2, module.bit_count) if bit not in clock and bit != bits[position]]
    bits[position] = rng.choice(choices)
    return dataclasses.replace(module, cells=dataclasses.replace(cells, bits=bits))


def test_altered_gates_are_never_accepted_wrongly(ring: Elaborated, ring_submission: Submission) -> None:
    original = chips.shutdown(ring_submission, ring, chips.RING_INVARIANT)
    seen = {True: 0, False: 0}
    for seed in range(100):
        rng = random.Random(seed)
        module = altered(rng, ring.gates.top_module)
        chip = chips.with_gates(ring, module)
        assert not chips.verdict(original, ring_submission, chip).accepted
        judge = Shutdown(module, ring_submission.manifest)
        try:
            true, facts = judge.true(4), honest(judge, judge.reachable())
        except Loop:
            true, facts = False, []
        for invariant in (original.invariant, tuple(facts), (*original.invariant, *facts)):
            forged = dataclasses.replace(original, network=network_digest(module), invariant=invariant)
            accepted = chips.verdict(forged, ring_submission, chip).accepted
            assert true or not accepted, seed
            seen[accepted] += 1
    assert min(seen.values()) > 20


def test_altered_gates_of_two_runs_are_never_accepted_wrongly(vault: Elaborated, vault_submission: Submission) -> None:
    original = chips.channel(vault_submission, vault)
    accepted = 0
    for seed in range(100):
        module = altered(random.Random(seed), vault.gates.top_module)
        chip = chips.with_gates(vault, module)
        assert not chips.verdict(original, vault_submission, chip).accepted
        forged = dataclasses.replace(original, network=network_digest(module))
        if chips.verdict(forged, vault_submission, chip).accepted:
            accepted += 1
            assert Channel(module, vault_submission.manifest).true(), seed
    assert 5 < accepted < 95


def resealed(data: bytes) -> bytes:
    """The text with the last line it ought to have."""
    body = data[: data.rindex(b"end ")]
    return body + b"end " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def changed_byte(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    choice = rng.random()
    if choice < 0.2:
        return data[:at] + data[at + 1 :]
    new = bytes([rng.choice([value for value in range(256) if value != data[at]])])
    return data[:at] + new + data[at if choice < 0.4 else at + 1 :]


def changed_word(rng: random.Random, data: bytes) -> bytes:
    """A sign flipped, a word or a line gone, doubled or moved; counts follow."""
    lines = data.decode().splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("invariant"))
    body = lines[head + 1 : -1]
    at = rng.randrange(len(body))
    what = rng.randrange(5)
    if what == 0:
        body[at] = body[at].translate(str.maketrans("+-", "-+"))
    elif what == 1:
        del body[at]
    elif what == 2:
        body.insert(rng.randrange(len(body)), body[at])
    elif what == 3:
        words = body[at].split()
        body[at] = " ".join(words[: rng.randrange(len(words)) + 1])
    else:
        body[at] += " " + rng.choice(body).split()[0]
    lines = [*lines[:head], f"invariant {len(body)}", *body]
    return "".join(f"{line}\n" for line in lines).encode() + b"end \n"


@pytest.mark.parametrize("change", [changed_byte, changed_word])
def test_altered_texts_are_never_accepted_wrongly(
    ring: Elaborated, ring_submission: Submission, change: Callable[[random.Random, bytes], bytes]
) -> None:
    data = write(chips.shutdown(ring_submission, ring, [*chips.RING_INVARIANT, *OTHERS]))
    judge = Shutdown(ring.gates.top_module, ring_submission.manifest)
    told, accepted = 0, 0
    for seed in range(200):
        text = change(random.Random(seed), data)
        assert not chips.verdict(text, ring_submission, ring).accepted
        try:
            text = resealed(text)
            certificate = parse(text)
        except (SandgrainError, ValueError):
            continue
        told += 1
        checked = chips.verdict(text, ring_submission, ring)
        bound = dataclasses.replace(certificate, invariant=()) == dataclasses.replace(parse(data), invariant=())
        if checked.accepted:
            accepted += 1
            assert bound and judge.shown(certificate)
    assert told > 10
    if change is changed_word:
        assert 20 < accepted < 180


def test_a_bit_of_the_network_changes_its_digest(ring: Elaborated) -> None:
    module = ring.gates.top_module
    digests = {network_digest(altered(random.Random(seed), module)) for seed in range(50)}
    assert network_digest(module) not in digests

    def moved(bits: Bits) -> Bits:
        return np.where(bits < 0, bits, bits + 1).astype(np.int32)

    renumbered = dataclasses.replace(
        module,
        ports=tuple(dataclasses.replace(port, bits=moved(port.bits)) for port in module.ports),
        nets=dataclasses.replace(module.nets, bits=moved(module.nets.bits)),
        cells=dataclasses.replace(module.cells, bits=moved(module.cells.bits)),
        bit_count=module.bit_count + 1,
    )
    assert network_digest(renumbered) == network_digest(module)
