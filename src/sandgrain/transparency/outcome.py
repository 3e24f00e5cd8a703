"""What a verification ends with: what holds, and exactly what does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a fault is about."""

    FILE = "file"
    SEAL = "seal"
    SIGNATURE = "signature"
    RECEIPT = "receipt"
    CASE = "case"
    ENTRY = "entry"
    TILE = "tile"
    CHECKPOINT = "checkpoint"
    COSIGNATURE = "cosignature"
    PROOF = "proof"
    TIMESTAMP = "timestamp"
    COMMITMENT = "commitment"
    CHALLENGE = "challenge"
    REVEAL = "reveal"


@dataclass(frozen=True)
class Fault:
    """One thing that does not hold.

    Attributes:
        kind: what it is about.
        where: the file, entry, signature or checkpoint, by name or number.
        what: what is wrong, one sentence.
        expected: what it should be; empty if that goes without saying.
        found: what it is instead.
    """

    kind: Kind
    where: str
    what: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        text = f"{self.kind} {self.where}: {self.what}"
        if self.expected:
            text += f"\n  expected: {self.expected}"
        if self.found:
            text += f"\n  found:    {self.found}"
        return text


@dataclass
class Outcome:
    """What was verified, and how it went.

    Attributes:
        subject: what it is about.
        holds: what was shown, one sentence each.
        faults: what does not hold.
        notes: what a reader should know and no fault is.
    """

    subject: str
    holds: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything holds; nothing shown is not everything."""
        return bool(self.holds) and not self.faults

    def fault(self, kind: Kind, where: str, what: str, expected: str = "", found: str = "") -> None:
        """Add a fault."""
        self.faults.append(Fault(kind, where, what, expected, found))

    def take(self, other: Outcome) -> None:
        """Add what another verification ended with."""
        self.holds += other.holds
        self.faults += other.faults
        self.notes += other.notes
