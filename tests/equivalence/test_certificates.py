"""A correspondence is accepted for nothing it does not show: bytes altered, gates changed, told as a forger would."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from sandgrain.check.correspondence import parse, write
from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.equivalence import CompareOptions
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.state_bits import flat_digest
from sandgrain.progress import SilentProgress
from tests.equivalence.small import AGREED, RESET, Machine, agree, compared, linked
from tests.equivalence.test_compare import COUNTER, RECODED

OPTIONS = CompareOptions(resets=RESET, budget=60)


def _flat(text: str, work: Path) -> Flat:
    side = linked(text, work, "side.v")
    return Flat(flatten(side), side.lookup)


def _accepted(data: bytes, first: Flat, second: Flat) -> bool:
    return check_correspondence(data, first, second, agreed=AGREED, progress=SilentProgress()).accepted


def _about(data: bytes, first: Flat, second: Flat) -> bytes:
    """The same certificate, told of these two."""
    digests = tuple(flat_digest(side.module, side.lookup, {}) for side in (first, second))
    return write(replace(parse(data), digests=(digests[0], digests[1])))


def test_no_altered_byte_is_accepted(tmp_path: Path) -> None:
    result = compared(COUNTER, RECODED, tmp_path, OPTIONS)
    assert result.certificate is not None
    data = result.certificate
    first, second = _flat(COUNTER, tmp_path), _flat(RECODED, tmp_path)
    assert _accepted(data, first, second)
    rng = random.Random(1)
    for at in range(len(data)):
        other = rng.choice([value for value in (*b"01+- \n2a", rng.randrange(256)) if value != data[at]])
        assert not _accepted(data[:at] + bytes([other]) + data[at + 1 :], first, second), at
    for size in range(0, len(data), 7):
        assert not _accepted(data[:size], first, second) and not _accepted(data + data[:size] + b"\n", first, second)


def test_no_altered_byte_shows_what_is_not_so(tmp_path: Path) -> None:
    result = compared(COUNTER, RECODED, tmp_path, OPTIONS)
    assert result.certificate is not None
    first = _flat(COUNTER, tmp_path)
    wrong = _flat(RECODED.replace("xor (v, q[1], u)", "or (v, q[1], u)"), tmp_path)
    body = _about(result.certificate, first, wrong)
    body = body[: body.rindex(b"end ")]
    rng = random.Random(2)
    for at in range(body.index(b"cycles"), len(body)):
        for other in {*rng.sample(b'0123+-\n "ab', 3)} - {body[at]}:
            forged = body[:at] + bytes([other]) + body[at + 1 :]
            forged += f"end {hashlib.sha256(forged).hexdigest()}\n".encode()
            assert not _accepted(forged, first, wrong), at


@pytest.mark.slow
def test_a_changed_gate_is_not_covered_by_an_old_certificate(tmp_path: Path) -> None:
    changed = 0
    for seed in range(1000):
        rng = random.Random(seed)
        machine = Machine.drawn(rng)
        first = _flat(machine.verilog(), tmp_path)
        result = compared(machine.verilog(), machine.verilog(), tmp_path, OPTIONS)
        assert result.certificate is not None
        for _ in range(40):
            other = machine.changed(rng)
            if other == machine:
                continue
            second = _flat(other.verilog(), tmp_path)
            assert not _accepted(result.certificate, first, second)
            if not agree(machine, other):
                changed += 1
                assert not _accepted(_about(result.certificate, first, second), first, second), seed
        if changed >= 100:
            return
    raise AssertionError("fewer than a hundred changes")
