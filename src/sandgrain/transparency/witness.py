"""A witness: it remembers the last checkpoint of a log and cosigns only what continues it."""

from __future__ import annotations

import time
from pathlib import Path

from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._durable import locked, write_durably
from sandgrain.transparency.checkpoint import SignedCheckpoint, cosign, parse_checkpoint, signed_by_log
from sandgrain.transparency.errors import ForkError, LogError
from sandgrain.transparency.fork import fork_between
from sandgrain.transparency.keys import PublicKey, Role, SigningKey
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.log import Log
from sandgrain.transparency.merkle import consistency_proof, root_of, verify_consistency
from sandgrain.transparency.note import NoteSignature


def witness(
    log: Log, log_key: PublicKey, key: SigningKey, state: Path, *, now: int | None = None
) -> tuple[SignedCheckpoint, NoteSignature]:
    """Verify that a log continues what this witness saw before, remember what it sees now, and cosign it.

    What is remembered is on the disk before anything is signed.

    Args:
        log: the log, or a copy of it, nothing of which is trusted.
        log_key: the log's public key, from a source the witness trusts.
        key: the witness's.
        state: the file in which the witness keeps the last checkpoint of this log.
        now: seconds since the epoch; the clock's if None.

    Raises:
        ForkError: the log has another history than before; carries a proof of it.
        LogError: the log is not whole, older than before, or signed with another key.
    """
    if key.public.role is not Role.WITNESS:
        raise LogError(f"this is the key of a {key.public.role}", expected="sandgrain keygen --role witness")
    with locked(state.with_name(f".{state.name}.lock")):
        current = log.checkpoint()
        if not signed_by_log(current, log_key):
            raise LogError(
                "the checkpoint is not signed with the key of this log",
                file=log.root,
                expected=f"key of {log_key.name}",
            )
        before = read_state(state, log_key)
        if before is not None:
            continues(before, current, log)
        tree = log.reader(current.checkpoint.size)
        if root_of(tree, current.checkpoint.size) != current.checkpoint.root:
            raise LogError("the tiles of the log do not have the root hash of its checkpoint", file=log.root)
        write_durably(state, current.to_bytes())
        return current, cosign(current, key, int(time.time()) if now is None else now)


def read_state(state: Path, log_key: PublicKey) -> SignedCheckpoint | None:
    """The checkpoint a witness saw last; None if it has seen none.

    Raises:
        LogError: the file is not what a witness wrote for this log.
    """
    if not state.exists():
        return None
    signed = parse_checkpoint(read_bounded(state, LIMITS.note_bytes, "note_bytes", "state of the witness"), file=state)
    if not signed_by_log(signed, log_key):
        raise LogError(
            "what this witness saw last is of another log, or altered",
            file=state,
            expected=f"a checkpoint of {log_key.name}",
            remedy="keep one state file for each log",
        )
    return signed


def continues(before: SignedCheckpoint, current: SignedCheckpoint, log: Log) -> None:
    """Whether a log continues an earlier checkpoint of it.

    Raises:
        ForkError: it does not; carries a proof where the log's own tiles give one.
        LogError: it is older, or its tiles are not what its checkpoint says.
    """
    old, new = before.checkpoint, current.checkpoint
    if new.size < old.size:
        raise LogError(
            f"the log has {new.size} entries and had {old.size}",
            file=log.root,
            expected="a log that only grows",
            remedy="get the current state of the log; if this is it, entries were taken away",
        )
    tree = log.reader(new.size)
    if root_of(tree, new.size) != new.root:
        raise LogError("the tiles of the log do not have the root hash of its checkpoint", file=log.root)
    if not verify_consistency(old.size, new.size, consistency_proof(tree, old.size, new.size), old.root, new.root):
        error = ForkError(
            f"the log has another history than before: its first {old.size} entries are not those it had",
            file=log.root,
            expected=f"root {old.root.hex()}, found {root_of(tree, old.size).hex()}",
            remedy="keep the fork proof and show it to others; do not cosign this log any more",
        )
        error.proof = fork_between(before, current, tree).to_bytes()
        raise error
