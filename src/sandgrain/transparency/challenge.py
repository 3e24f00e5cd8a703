"""Which pieces are to be opened: drawn from public randomness that nobody knew when the commitment was made.

The draw is a function of the commitment's root, the randomness, and a checkpoint, so that everybody draws the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sandgrain.errors import SandgrainError
from sandgrain.transparency.checkpoint import parse_checkpoint, signed_by_log
from sandgrain.transparency.commitment import COMMITMENT_TYPE, Commitment
from sandgrain.transparency.envelope import (
    Envelope,
    Statement,
    Subject,
    base64_of,
    check_signatures,
    read_envelope,
    seal_statement,
)
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.trust import Moment, Trust

CHALLENGE_TYPE = "urn:sandgrain:challenge:1"
_CHALLENGERS = frozenset({Role.EXAMINER, Role.AUDITOR})


@dataclass(frozen=True)
class Challenge:
    """What is asked for.

    Attributes:
        commitment: SHA-256 of the commitment's file, hexadecimal.
        randomness: the public random bytes.
        source: where they come from, in words, so that anybody can look them up.
        checkpoint: a checkpoint that is part of the draw; empty if none.
        draws: how many leaves of each group.
        leaves: the leaves, ascending.
        envelope: the signed statement.
    """

    commitment: str
    randomness: bytes
    source: str
    checkpoint: bytes
    draws: Mapping[str, int]
    leaves: tuple[int, ...]
    envelope: Envelope


def draw(commitment: Commitment, randomness: bytes, checkpoint: bytes, draws: Mapping[str, int]) -> tuple[int, ...]:
    """The leaves drawn, ascending: from each group as many as asked for, none twice, each set equally likely.

    Raises:
        EvidenceError: a group is asked for more leaves than it has, or is not there.
    """
    seed = hashlib.sha256(b"sandgrain.challenge/1\n" + commitment.root)
    for part in (randomness, checkpoint):
        seed.update(len(part).to_bytes(8, "big") + part)
    known = {group.name: group for group in commitment.groups}
    drawn: list[int] = []
    for name, count in sorted(draws.items()):
        group = known.get(name)
        if group is None or not 0 <= count <= group.count:
            have = "no such group" if group is None else f"{group.count} pieces"
            raise EvidenceError(
                f"{count} pieces of the {name} are asked for", expected=f"at most what there is: {have}"
            )
        drawn += [group.first + one for one in _sample(seed.digest() + name.encode(), group.count, count)]
    return tuple(sorted(drawn))


def _sample(seed: bytes, population: int, count: int) -> list[int]:
    """``count`` different numbers below ``population``: the first of a Fisher-Yates shuffle, without its table."""
    moved: dict[int, int] = {}
    chosen = []
    stream = _numbers(seed)
    for at in range(count):
        left = population - at
        limit = (1 << 64) // left * left
        while (number := next(stream)) >= limit:
            pass
        pick = at + number % left
        chosen.append(moved.get(pick, pick))
        moved[pick] = moved.get(at, at)
    return chosen


def _numbers(seed: bytes) -> Any:
    counter = 0
    while True:
        block = hashlib.sha256(seed + counter.to_bytes(8, "big")).digest()
        yield from (int.from_bytes(block[at : at + 8], "big") for at in range(0, 32, 8))
        counter += 1


def challenge(
    commitment: Commitment,
    randomness: bytes,
    source: str,
    draws: Mapping[str, int],
    key: SigningKey,
    *,
    checkpoint: bytes = b"",
) -> bytes:
    """Draw and sign.

    Args:
        commitment: what was committed to.
        randomness: public random bytes, fixed after the commitment.
        source: where they come from.
        draws: number of leaves of each group.
        key: of an examiner or auditor.
        checkpoint: of the log that has the commitment, published after it.

    Raises:
        EvidenceError: the key is of another role, there is no randomness, or more is asked for than there is.
    """
    if key.public.role not in _CHALLENGERS:
        raise EvidenceError(f"a {key.public.role} does not challenge", expected="the key of an examiner or auditor")
    if len(randomness) < 16 or not source:
        raise EvidenceError(
            "that is no public randomness", expected="at least 16 bytes, and a source anybody can look up"
        )
    if checkpoint:
        parse_checkpoint(checkpoint)
    said = {
        "randomness": base64_of(randomness),
        "source": source,
        "checkpoint": base64_of(checkpoint),
        "draws": dict(draws),
        "leaves": list(draw(commitment, randomness, checkpoint, draws)),
    }
    statement = Statement(CHALLENGE_TYPE, (Subject(COMMITMENT_TYPE, commitment.envelope.sha256),), said)
    return seal_statement(statement, [key])


def read_challenge(data: bytes, file: PurePath | str | None = None) -> Challenge:
    """What a challenge says, nobody having verified it.

    Raises:
        EvidenceError: it is none.
    """
    envelope = read_envelope(data, file=file, what="challenge")
    said = envelope.statement.predicate
    try:
        if envelope.statement.kind != CHALLENGE_TYPE:
            raise ValueError(f"it is a statement of type {envelope.statement.kind!a}")
        if set(said) != {"randomness", "source", "checkpoint", "draws", "leaves"}:
            raise ValueError("its predicate has other fields")
        (subject,) = envelope.statement.subjects
        numbers = [*said["draws"].values(), *said["leaves"]]
        if not all(type(number) is int and number >= 0 for number in numbers) or not isinstance(said["source"], str):
            raise ValueError("its fields have other types")
        return Challenge(
            subject.sha256,
            base64.b64decode(said["randomness"], validate=True),
            said["source"],
            base64.b64decode(said["checkpoint"], validate=True),
            said["draws"],
            tuple(said["leaves"]),
            envelope,
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise EvidenceError(
            f"this is no challenge: {error}", file=file, expected="a file written by `sandgrain challenge`"
        ) from error


def check_challenge(
    challenge: Challenge, commitment: Commitment, trust: Trust, where: str, *, committed: Moment | None = None
) -> Outcome:
    """Verify a challenge: signed, about this commitment, and drawn as it says.

    Args:
        challenge: the challenge.
        commitment: what it should be about.
        trust: whose keys count.
        where: the name of its file.
        committed: where the commitment is in a log, if that was shown.
    """
    outcome = Outcome(f"challenge {where}")
    accepted = check_signatures(challenge.envelope, trust, _CHALLENGERS, Moment(), outcome, where)
    if challenge.commitment != commitment.envelope.sha256:
        outcome.fault(
            Kind.CHALLENGE, where, "it is about another commitment", commitment.envelope.sha256, challenge.commitment
        )
        return outcome
    try:
        drawn = draw(commitment, challenge.randomness, challenge.checkpoint, challenge.draws)
    except SandgrainError as error:
        outcome.fault(Kind.CHALLENGE, where, error.what, error.expected or "")
        return outcome
    if drawn != challenge.leaves:
        other = sorted(set(drawn) ^ set(challenge.leaves))[:10]
        outcome.fault(Kind.CHALLENGE, where, f"these leaves were not drawn from its randomness, among them {other}")
    elif accepted:
        outcome.holds.append(f"{len(drawn)} leaves drawn from {challenge.source}, says {accepted[0].name}")
    _check_order(challenge, trust, committed, outcome, where)
    return outcome


def _check_order(challenge: Challenge, trust: Trust, committed: Moment | None, outcome: Outcome, where: str) -> None:
    """Whether the randomness is shown to be younger than the commitment."""
    if committed is None or committed.point is None or not challenge.checkpoint:
        outcome.notes.append(
            "nothing here shows that the randomness is younger than the commitment; look its source up, and compare "
            "with the time at which witnesses saw the commitment"
        )
        return
    try:
        signed = parse_checkpoint(challenge.checkpoint, file=where)
    except SandgrainError as error:
        outcome.fault(Kind.CHALLENGE, where, error.what)
        return
    point = committed.point
    logs = [key for key in trust.of_role(Role.LOG) if key.name == point.origin]
    if not any(signed_by_log(signed, key) for key in logs):
        outcome.fault(Kind.CHALLENGE, where, "its checkpoint is not signed by the log that has the commitment")
    elif signed.checkpoint.size <= point.index:
        outcome.fault(
            Kind.CHALLENGE,
            where,
            "its checkpoint is older than the commitment",
            f"more than {point.index} entries",
            f"{signed.checkpoint.size} entries",
        )
    else:
        outcome.holds.append(
            f"the draw depends on a checkpoint of {signed.checkpoint.size} entries, the commitment among them"
        )
