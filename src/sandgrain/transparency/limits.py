"""Every limit on hostile evidence, by name, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EvidenceLimits:
    """How much is read before :class:`~sandgrain.errors.LimitExceeded` is raised.

    Attributes:
        files: files one seal or archive covers.
        file_bytes: size of one sealed file.
        total_bytes: size of all files a seal or archive covers.
        depth: directories between the sealed directory and a file.
        name_bytes: length of one path relative to the sealed directory.
        envelope_bytes: size of one signed statement (seal, receipt, commitment).
        signatures: signatures of one statement or note.
        key_bytes: size of one key file.
        note_bytes: size of one checkpoint with its signatures.
        proof_bytes: size of one proof file.
        trust_keys: keys one verification trusts.
        pieces: pieces one commitment is made to.
        piece_bytes: size of one revealed piece.
        reveal_bytes: size of one reveal file.
        drawing_shapes: shapes read from one layer of a layout to be committed to.
        timestamp_bytes: size of one RFC 3161 timestamp.
    """

    files: int = 100_000
    file_bytes: int = 64 * 1024**3
    total_bytes: int = 256 * 1024**3
    depth: int = 32
    name_bytes: int = 1024
    envelope_bytes: int = 128 * 1024**2
    signatures: int = 64
    key_bytes: int = 64 * 1024
    note_bytes: int = 1024**2
    proof_bytes: int = 4 * 1024**2
    trust_keys: int = 1000
    pieces: int = 1 << 20
    piece_bytes: int = 256 * 1024**2
    reveal_bytes: int = 1024**3
    drawing_shapes: int = 500_000_000
    timestamp_bytes: int = 1024**2


LIMITS = EvidenceLimits()
"""The limits that hold unless others are passed."""
