"""The proof each side keeps (C2SP tlog-proof): an entry, its place in a log, and a checkpoint, in one text file.

The extra data of the format is the entry itself, so that the file needs nothing else.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from sandgrain.errors import LimitExceeded, SandgrainError
from sandgrain.transparency._durable import write_durably
from sandgrain.transparency.acts import SIGNERS, Entry, read_entry
from sandgrain.transparency.checkpoint import SignedCheckpoint, cosigned_at, in_order, parse_checkpoint, signed_by_log
from sandgrain.transparency.envelope import check_signatures
from sandgrain.transparency.errors import EvidenceError, LogError
from sandgrain.transparency.keys import PublicKey, Role
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.log import Log
from sandgrain.transparency.merkle import HASH_BYTES, inclusion_proof, leaf_hash, root_from_inclusion
from sandgrain.transparency.outcome import Kind, Outcome
from sandgrain.transparency.trust import LogPoint, Moment, Trust

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MOST_HASHES = 63
_WITNESS = frozenset({Role.WITNESS})
_LOG = frozenset({Role.LOG})


@dataclass(frozen=True)
class Proof:
    """What a proof file holds, nobody having verified it.

    Attributes:
        entry: the bytes of the entry.
        index: of the entry.
        hashes: the inclusion proof.
        signed: the checkpoint.
    """

    entry: bytes
    index: int
    hashes: tuple[bytes, ...]
    signed: SignedCheckpoint

    def to_bytes(self) -> bytes:
        """The file."""
        lines = [
            HEADER,
            f"extra {base64.b64encode(self.entry).decode()}",
            f"index {self.index}",
            *(base64.b64encode(one).decode() for one in self.hashes),
            "",
        ]
        return "".join(f"{line}\n" for line in lines).encode() + self.signed.to_bytes()


def prove_entry(log: Log, index: int, witnesses: Sequence[PublicKey] = ()) -> Proof:
    """The proof that an entry is in a log.

    Raises:
        LogError: there is no such entry, or the log on the disk is not what the checkpoint says.
    """
    signed = log.best_checkpoint(index, witnesses)
    size = signed.checkpoint.size
    hashes = inclusion_proof(log.reader(size), index, size)
    (entry,) = log.entries(index, index + 1)
    if root_from_inclusion(leaf_hash(entry), index, size, hashes) != signed.checkpoint.root:
        raise LogError(
            f"entry {index} is not what the checkpoint covers",
            file=log.root,
            expected="an unaltered log",
            remedy="run `sandgrain log audit` to see what differs",
        )
    return Proof(entry, index, tuple(hashes), signed)


def write_proof(log: Log, index: int, out: Path, witnesses: Sequence[PublicKey] = ()) -> Proof:
    """Write the proof that an entry is in a log.

    Raises:
        LogError: there is no such entry, or the log is not whole.
        StorageError: it cannot be written.
    """
    proof = prove_entry(log, index, witnesses)
    write_durably(out, proof.to_bytes())
    return proof


def parse_proof(data: bytes, file: PurePath | str | None = None) -> Proof:
    """The proof in a file.

    Raises:
        EvidenceError: it is none.
        LimitExceeded: it is too large.
    """
    if len(data) > LIMITS.proof_bytes:
        raise LimitExceeded(
            "the proof is larger than allowed", file=file, expected=f"{LIMITS.proof_bytes} (proof_bytes)"
        )
    head, separator, note = data.partition(b"\n\n")
    lines = head.decode("utf-8", errors="replace").split("\n")
    if not separator or lines[0] != HEADER or len(lines) < 3:
        raise _no_proof("it does not begin as one", file)
    if not lines[1].startswith("extra "):
        raise _no_proof("line 2 does not have the entry", file)
    index = _INDEX.fullmatch(lines[2])
    if index is None:
        raise _no_proof("line 3 does not have the index", file)
    entry = _base64(lines[1].removeprefix("extra "), 2, file)
    hashes = tuple(_base64(line, number, file) for number, line in enumerate(lines[3:], 4))
    if any(len(one) != HASH_BYTES for one in hashes) or len(hashes) > _MOST_HASHES:
        raise _no_proof("a hash does not have 32 bytes, or there are too many", file)
    signed = parse_checkpoint(note, file=file)
    if not in_order(signed):
        raise _no_proof("its signatures are not one for each key, the log's first and the others by name", file)
    return Proof(entry, int(index[1]), hashes, signed)


def is_proof(data: bytes) -> bool:
    """Whether a file claims to be a proof."""
    return data.startswith(HEADER.encode() + b"\n")


def check_proof(data: bytes, trust: Trust, where: str) -> tuple[Outcome, Entry | None, Moment]:
    """Verify a proof: the log's signature, the witnesses', the entry's place, and the signature of the entry.

    Returns:
        How it went, the entry, and the moment at which it is shown to have existed; the moment is to be relied on only
        if everything holds.
    """
    outcome = Outcome(f"proof {where}")
    try:
        proof = parse_proof(data, where)
    except SandgrainError as error:
        outcome.fault(Kind.PROOF, where, error.what, error.expected or "")
        return outcome, None, Moment()
    moment = check_checkpoint(proof.signed, trust, outcome, where, proof.index)
    checkpoint = proof.signed.checkpoint
    name = f"{proof.index} of {checkpoint.origin}"
    root = root_from_inclusion(leaf_hash(proof.entry), proof.index, checkpoint.size, proof.hashes)
    if root is None:
        outcome.fault(Kind.PROOF, where, f"no path of {len(proof.hashes)} hashes leads from entry {name} to the root")
    elif root != checkpoint.root:
        outcome.fault(
            Kind.ENTRY, name, "the entry is not in the log", f"root {checkpoint.root.hex()}", f"root {root.hex()}"
        )
    else:
        outcome.holds.append(f"entry {name} is among the {checkpoint.size:,} of its checkpoint")
    try:
        entry = read_entry(proof.entry, f"entry {name}")
    except SandgrainError as error:
        outcome.fault(Kind.ENTRY, name, error.what, error.expected or "")
        return outcome, None, moment
    accepted = check_signatures(entry.envelope, trust, SIGNERS[entry.act], moment, outcome, f"entry {name}")
    if accepted:
        outcome.holds.append(f"{entry.act}, says {accepted[0].name}, {accepted[0].role}, {entry.time}")
    return outcome, entry, moment


def check_checkpoint(signed: SignedCheckpoint, trust: Trust, outcome: Outcome, where: str, index: int) -> Moment:
    """Verify a checkpoint: signed by a trusted log, cosigned by enough trusted witnesses.

    The moment is the entry ``index``, and the latest time a witness gives for the checkpoint.
    """
    checkpoint = signed.checkpoint
    name = f"{checkpoint.size} of {checkpoint.origin}"
    end = LogPoint(checkpoint.origin, max(0, checkpoint.size - 1))
    times: dict[str, int] = {}
    for witness in trust.of_role(Role.WITNESS):
        try:
            at = cosigned_at(signed, witness)
        except EvidenceError as error:
            outcome.fault(Kind.COSIGNATURE, name, error.what)
            continue
        if at is None:
            continue
        counts, why = trust.judge(witness.keyid, _WITNESS, Moment(_time(at), end))
        if counts is None:
            outcome.notes.append(f"a cosignature of checkpoint {name} does not count: {why}")
        else:
            times[witness.name] = at
    wanted = trust.threshold(Role.WITNESS)
    if len(times) < wanted:
        outcome.fault(Kind.COSIGNATURE, name, f"{len(times)} of {wanted} cosignatures of a witness")
    elif times:
        outcome.holds.append(f"checkpoint {name} is cosigned by {', '.join(sorted(times))}")
    else:
        outcome.notes.append("no witness has cosigned the checkpoint: another history of this log would not be noticed")
    time = _time(max(times.values())) if times else None
    point: LogPoint | None = None
    own = [key for key in trust.of_role(Role.LOG) if key.name == checkpoint.origin]
    signer = next((key for key in own if signed_by_log(signed, key)), None)
    if signer is not None:
        counts, why = trust.judge(signer.keyid, _LOG, Moment(time, end))
        if counts is None:
            outcome.fault(Kind.CHECKPOINT, name, why)
        else:
            outcome.holds.append(f"checkpoint {name} is signed by the log")
            point = LogPoint(checkpoint.origin, index)
    elif own:
        outcome.fault(
            Kind.CHECKPOINT, name, "the signature of the log does not verify", f"a signature by {checkpoint.origin}"
        )
    else:
        outcome.fault(Kind.CHECKPOINT, name, "it is signed by a log that is not among the trusted ones")
    known = {checkpoint.origin, *(witness.name for witness in trust.of_role(Role.WITNESS))}
    strangers = sorted({one.name for one in signed.note.signatures} - known)
    if strangers:
        outcome.notes.append(f"signatures of others in {where}, not verified: {', '.join(strangers)}")
    return Moment(time=time, point=point)


def _time(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _base64(text: str, number: int, file: PurePath | str | None) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_proof(f"line {number} is not base64", file) from error
    if base64.b64encode(data).decode() != text or not data:
        raise _no_proof(f"line {number} is not base64 in its one spelling", file)
    return data


def _no_proof(why: str, file: PurePath | str | None) -> EvidenceError:
    return EvidenceError(f"this is no proof: {why}", file=file, expected="a file written by `sandgrain log prove`")
