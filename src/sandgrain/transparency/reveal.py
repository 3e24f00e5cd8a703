"""Opening the pieces that were drawn, and nothing else; and what a sample says about the rest."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandgrain.errors import LimitExceeded, SandgrainError
from sandgrain.transparency import _canonical
from sandgrain.transparency.challenge import Challenge
from sandgrain.transparency.commitment import (
    LAYOUT,
    PADDING,
    SALT_BYTES,
    Commitment,
    Group,
    Opening,
    Piece,
    salted_leaf,
)
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.merkle import HASH_BYTES, Tree, inclusion_proof, verify_inclusion
from sandgrain.transparency.outcome import Kind, Outcome

REVEAL_TYPE = "sandgrain.reveal/1"


@dataclass(frozen=True)
class Revealed:
    """A piece that was opened.

    Attributes:
        leaf: its leaf.
        group: ``layout`` or ``netlist``.
        piece: its name, size and SHA-256.
        data: its content; None if only its digest was opened.
        layer: layer and datatype of a piece of a layout.
        box: its box, left, bottom, right, top in database units.
    """

    leaf: int
    group: str
    piece: Piece
    data: bytes | None
    layer: tuple[int, int] | None = None
    box: tuple[int, int, int, int] | None = None


def reveal(
    challenge: Challenge,
    opening: Opening,
    tree: Tree,
    pieces: dict[int, Piece],
    content: Callable[[int], bytes] | None,
) -> bytes:
    """Open the leaves a challenge names.

    Args:
        challenge: the challenge.
        opening: the secret of the commitment.
        tree: the committed tree.
        pieces: the piece at each leaf; a leaf that is not named is padding.
        content: gives the bytes of a piece; None to open digests only.

    Raises:
        LimitExceeded: a piece, or all of them, are larger than allowed.
    """
    opened = []
    total = 0
    for leaf in challenge.leaves:
        piece = pieces.get(leaf, Piece.of(PADDING, b""))
        data = None
        if content is not None:
            data = content(leaf) if leaf in pieces else b""
            total += len(data)
            if len(data) > LIMITS.piece_bytes or total > LIMITS.reveal_bytes // 2:
                raise LimitExceeded("more is revealed than allowed", expected=f"{LIMITS.piece_bytes} (piece_bytes)")
        opened.append(
            {
                "leaf": leaf,
                "salt": opening.salt(leaf).hex(),
                "name": piece.name,
                "size": piece.size,
                "sha256": piece.sha256.hex(),
                "data": None if data is None else base64.b64encode(data).decode(),
                "proof": [one.hex() for one in inclusion_proof(tree, leaf, tree.size)],
            }
        )
    return _canonical.encode({"type": REVEAL_TYPE, "challenge": challenge.envelope.sha256, "pieces": opened})


def check_reveal(
    data: bytes, commitment: Commitment, challenge: Challenge, where: str
) -> tuple[Outcome, list[Revealed]]:
    """Verify that exactly the drawn leaves were opened, and each as it was committed to.

    Returns:
        How it went, and the pieces that hold; rely on them only if everything holds.
    """
    outcome = Outcome(f"reveal {where}")
    try:
        opened = _parse(data, where)
    except SandgrainError as error:
        outcome.fault(Kind.REVEAL, where, error.what, error.expected or "")
        return outcome, []
    if opened["challenge"] != challenge.envelope.sha256:
        outcome.fault(
            Kind.REVEAL, where, "it answers another challenge", challenge.envelope.sha256, opened["challenge"]
        )
        return outcome, []
    leaves = [one["leaf"] for one in opened["pieces"]]
    if leaves != list(challenge.leaves):
        lacking = sorted(set(challenge.leaves) - set(leaves))[:10]
        more = sorted(set(leaves) - set(challenge.leaves))[:10]
        outcome.fault(
            Kind.REVEAL, where, "not exactly the drawn leaves are opened", f"also {lacking}", f"{more} too many"
        )
        return outcome, []
    found = [one for item in opened["pieces"] if (one := _check_piece(item, commitment, outcome, where)) is not None]
    if not outcome.faults:
        shown = sum(one.data is not None for one in found)
        outcome.holds.append(f"{len(found)} leaves opened as they were committed to, {shown} with their content")
    if len({one.piece.name for one in found if one.piece.name != PADDING}) != sum(
        one.piece.name != PADDING for one in found
    ):
        outcome.fault(Kind.REVEAL, where, "two leaves are opened under one name")
    return outcome, found


def _parse(data: bytes, where: str) -> Any:
    if len(data) > LIMITS.reveal_bytes:
        raise LimitExceeded(
            "the reveal is larger than allowed", file=where, expected=f"{LIMITS.reveal_bytes} (reveal_bytes)"
        )
    value: Any = _canonical.decode(data, file=where, what="reveal")
    fields = {"leaf": int, "salt": str, "name": str, "size": int, "sha256": str, "data": str | None, "proof": list}
    try:
        if set(value) != {"type", "challenge", "pieces"} or value["type"] != REVEAL_TYPE:
            raise ValueError("it has other fields")
        for one in value["pieces"]:
            if set(one) != set(fields) or not all(isinstance(one[name], kind) for name, kind in fields.items()):
                raise ValueError("a piece has other fields")
            if len(bytes.fromhex(one["salt"])) != SALT_BYTES or len(bytes.fromhex(one["sha256"])) != HASH_BYTES:
                raise ValueError("a salt or digest has another length")
            if not 0 <= one["size"] < 1 << 63 or any(len(bytes.fromhex(node)) != HASH_BYTES for node in one["proof"]):
                raise ValueError("a size or path is none")
            if one["data"] is not None:
                base64.b64decode(one["data"], validate=True)
    except (ValueError, TypeError, KeyError) as error:
        raise EvidenceError(
            f"this is no reveal: {error}", file=where, expected="a file of `sandgrain reveal`"
        ) from error
    return value


def _check_piece(item: Any, commitment: Commitment, outcome: Outcome, where: str) -> Revealed | None:
    leaf: int = item["leaf"]
    group = next((one for one in commitment.groups if one.first <= leaf < one.first + one.count), None)
    if group is None:
        outcome.fault(Kind.REVEAL, where, f"the commitment has no leaf {leaf}")
        return None
    piece = Piece(item["name"], item["size"], bytes.fromhex(item["sha256"]))
    hashes = [bytes.fromhex(one) for one in item["proof"]]
    name = f"leaf {leaf} ({piece.name or 'padding'})"
    node = salted_leaf(bytes.fromhex(item["salt"]), piece)
    if not verify_inclusion(node, leaf, commitment.leaves, hashes, commitment.root):
        outcome.fault(Kind.REVEAL, name, "this is not what was committed to", f"root {commitment.root.hex()}")
        return None
    if group.grid is not None and piece.name != group.grid.name(leaf - group.first):
        outcome.fault(Kind.REVEAL, name, "this is another part of the drawing", group.grid.name(leaf - group.first))
        return None
    if piece.name == PADDING and piece.size:
        outcome.fault(Kind.REVEAL, name, "padding that has a content")
        return None
    data = None if item["data"] is None else base64.b64decode(item["data"])
    if data is not None and (len(data) != piece.size or hashlib.sha256(data).digest() != piece.sha256):
        outcome.fault(
            Kind.REVEAL, name, "the content is not that of the leaf", f"SHA-256 {piece.sha256.hex()}",
            f"SHA-256 {hashlib.sha256(data).hexdigest()}",
        )  # fmt: skip
        return None
    if group.name == LAYOUT and group.grid is not None:
        layer, box = group.grid.place(leaf - group.first)
        return Revealed(leaf, group.name, piece, data, layer, box)
    return Revealed(leaf, group.name, piece, data)


def miss_probability(population: int, modified: int, drawn: int) -> float:
    """The probability that a sample without replacement has none of the modified pieces (hypergeometric).

    Args:
        population: leaves that can be drawn.
        modified: how many of them are modified.
        drawn: how many are drawn.

    Raises:
        ValueError: more are modified or drawn than there are.
    """
    if not 0 <= modified <= population or not 0 <= drawn <= population:
        raise ValueError("more pieces than there are")
    missed = 1.0
    for one in range(drawn):
        missed *= max(0, population - modified - one) / (population - one)
    return missed


def misses(group: Group, drawn: int, modified: Sequence[int] = (1, 2, 5, 10, 20, 50, 100)) -> dict[int, float]:
    """The probability of missing a modification, by the number of modified leaves of a group."""
    return {number: miss_probability(group.count, number, drawn) for number in modified if number <= group.count}
