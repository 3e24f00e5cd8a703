"""What can go wrong with keys, seals, logs and archives, as far as a user can act on it."""

from __future__ import annotations

from sandgrain.errors import SandgrainError


class KeyFileError(SandgrainError):
    """A key cannot be read, is of another kind than needed, or may not be used."""


class EvidenceError(SandgrainError):
    """A seal, receipt, note, proof, commitment or archive is not what its format demands."""


class LogError(SandgrainError):
    """A log cannot be read or written, or is not what its checkpoint says."""


class ForkError(LogError):
    """A log has two histories.

    Attributes:
        proof: a fork proof for others, as the bytes of a file; None where the log cannot be read far enough.
    """

    proof: bytes | None = None


class StorageError(SandgrainError):
    """A file cannot be written: the disk is full, read-only, or refuses."""
