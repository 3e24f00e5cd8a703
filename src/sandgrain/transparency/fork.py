"""Two histories of one log, shown to anybody who has the log's public key.

A log that signed two checkpoints of which the smaller is no prefix of the larger has forked. The proof holds both,
the root hash that the *larger* tree has at the smaller size, and the consistency proof between the two: it verifies,
and the root hash in it is not the one that was signed.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sandgrain.errors import SandgrainError
from sandgrain.transparency import _canonical
from sandgrain.transparency.checkpoint import SignedCheckpoint, parse_checkpoint, signed_by_log
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role
from sandgrain.transparency.merkle import Subtrees, consistency_proof, root_of, verify_consistency
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.trust import Trust

FORK_TYPE = "sandgrain.fork/1"


@dataclass(frozen=True)
class Fork:
    """Two signed checkpoints and what shows that they contradict each other.

    Attributes:
        first: the smaller one.
        second: the larger one.
        root: the root hash of the second's tree at the first's size.
        hashes: the consistency proof from there to the second.
    """

    first: SignedCheckpoint
    second: SignedCheckpoint
    root: bytes
    hashes: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The file."""
        return _canonical.encode(
            {
                "type": FORK_TYPE,
                "first": self.first.to_bytes().decode(),
                "second": self.second.to_bytes().decode(),
                "root": self.root.hex(),
                "proof": [one.hex() for one in self.hashes],
            }
        )


def fork_between(first: SignedCheckpoint, second: SignedCheckpoint, tree: Subtrees) -> Fork:
    """The proof for two checkpoints, the second's tree being at hand."""
    old, new = first.checkpoint.size, second.checkpoint.size
    return Fork(first, second, root_of(tree, old), tuple(consistency_proof(tree, old, new)))


def is_fork(data: bytes) -> bool:
    """Whether a file claims to show a fork."""
    return data.startswith(b'{"first":') and f'"type":"{FORK_TYPE}"'.encode() in data[-100:]


def parse_fork(data: bytes, file: PurePath | str | None = None) -> Fork:
    """The proof in a file.

    Raises:
        EvidenceError: it is none.
    """
    value: Any = _canonical.decode(data, file=file, what="fork proof")
    try:
        if set(value) != {"type", "first", "second", "root", "proof"} or value["type"] != FORK_TYPE:
            raise ValueError("it has other fields")
        return Fork(
            parse_checkpoint(value["first"].encode(), file=file),
            parse_checkpoint(value["second"].encode(), file=file),
            bytes.fromhex(value["root"]),
            tuple(bytes.fromhex(one) for one in value["proof"]),
        )
    except (TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise EvidenceError(f"this is no fork proof: {error}", file=file) from error


def check_fork(data: bytes, trust: Trust, where: str) -> Outcome:
    """Verify a fork proof: everything holds if the log has two histories."""
    outcome = Outcome(f"fork proof {where}")
    try:
        fork = parse_fork(data, where)
    except SandgrainError as error:
        outcome.fault(Kind.PROOF, where, error.what, error.expected or "")
        return outcome
    first, second = fork.first.checkpoint, fork.second.checkpoint
    signers = [
        key for key in trust.of_role(Role.LOG) if signed_by_log(fork.first, key) and signed_by_log(fork.second, key)
    ]
    if not signers:
        outcome.fault(Kind.CHECKPOINT, where, "the two checkpoints are not both signed by one trusted log")
    elif not verify_consistency(first.size, second.size, fork.hashes, fork.root, second.root):
        outcome.fault(Kind.PROOF, where, "the second checkpoint's tree does not have this root at the first's size")
    elif fork.root == first.root:
        outcome.fault(Kind.PROOF, where, "the two checkpoints are consistent; this shows no fork")
    else:
        outcome.holds.append(
            f"{signers[0].name} signed two histories: at {first.size} entries the root {first.root.hex()} and, as part "
            f"of {second.size} entries, the root {fork.root.hex()}"
        )
    return outcome
