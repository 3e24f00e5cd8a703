"""One error base for everything a user can meet: what is wrong, where, what was expected, what to do."""

from __future__ import annotations

from pathlib import PurePath


class SandgrainError(Exception):
    """An error a user can act on.

    Args:
        what: what is wrong, one sentence, no trailing full stop.
        file: the file it is in, as the user named it.
        line: 1-based line in ``file``.
        column: 1-based column in ``line``.
        expected: what would have been accepted.
        remedy: what to do next, in the imperative.
    """

    exit_code: int = 2

    def __init__(
        self,
        what: str,
        *,
        file: PurePath | str | None = None,
        line: int | None = None,
        column: int | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.line = line
        self.column = column
        self.expected = expected
        self.remedy = remedy
        super().__init__(str(self))

    @property
    def place(self) -> str:
        """``file:line:column`` as far as it is known, else the empty string."""
        if self.file is None:
            return ""
        parts = [self.file]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)

    def __str__(self) -> str:
        text = f"{self.place}: {self.what}" if self.file is not None else self.what
        if self.expected is not None:
            text += f"\n  expected: {self.expected}"
        if self.remedy is not None:
            text += f"\n  to do: {self.remedy}"
        return text


class SubmissionError(SandgrainError):
    """The submission is not what its manifest says, or the manifest itself is wrong."""


class LimitExceeded(SandgrainError):
    """A named limit on hostile input was reached: bytes, files, depth, time or memory."""


class ElaborationError(SandgrainError):
    """The hardware description could not be turned into a netlist."""


class NetlistError(SandgrainError):
    """A netlist or a cell library is not what its format demands, or contradicts itself."""


class NetworkError(SandgrainError):
    """The netlist cannot be turned into a sequential and-inverter network soundly."""


class CaseError(SandgrainError):
    """A case directory is missing, unfinished, altered, or of another schema version."""


class ReplayError(SandgrainError):
    """A witness could not be replayed at all (which is not the same as not reproducing)."""
