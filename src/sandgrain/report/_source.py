"""The lines of the vendor's own description that a finding points at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sandgrain.report._evidence import FileState, check_file
from sandgrain.report.limits import LIMITS, ReportLimits
from sandgrain.verdict import Place, SubmissionRecord


@dataclass(frozen=True)
class SourceLine:
    """One line as it is shown; ``marked`` when a finding names it."""

    number: int
    text: str
    marked: bool


@dataclass(frozen=True)
class Excerpt:
    """The lines around one or more places of a file, or the reason why there are none.

    ``state`` is ``None`` when nobody looked (no source root was given).
    """

    file: str
    numbers: tuple[int, ...]
    state: FileState | None
    lines: tuple[SourceLine, ...] = ()

    @property
    def label(self) -> str:
        """``file:line``, with further lines after commas."""
        return f"{self.file}:{', '.join(map(str, self.numbers))}"


@dataclass
class SourceReader:
    """Reads excerpts from a submission, and only from files that are still what was audited."""

    root: Path | None
    submission: SubmissionRecord
    limits: ReportLimits = LIMITS
    _files: dict[str, tuple[FileState, tuple[str, ...]]] = field(default_factory=dict)

    def excerpts(self, places: list[Place]) -> list[Excerpt]:
        """One excerpt per group of neighbouring places, in the order the places were named."""
        out: list[Excerpt] = []
        for file in dict.fromkeys(place.file for place in places):
            numbers = sorted({place.line for place in places if place.file == file})
            out.extend(self._excerpt(file, group) for group in self._groups(numbers))
        first = {place: index for index, place in reversed(list(enumerate((p.file, p.line) for p in places)))}
        out.sort(key=lambda excerpt: min(first[excerpt.file, number] for number in excerpt.numbers))
        return out

    def _groups(self, numbers: list[int]) -> list[list[int]]:
        groups: list[list[int]] = []
        for number in numbers:
            if groups and number - groups[-1][-1] <= 2 * self.limits.source_context:
                groups[-1].append(number)
            else:
                groups.append([number])
        return groups

    def _excerpt(self, file: str, numbers: list[int]) -> Excerpt:
        if self.root is None:
            return Excerpt(file, tuple(numbers), None)
        state, lines = self._read(file)
        first = max(1, numbers[0] - self.limits.source_context)
        last = min(len(lines), numbers[-1] + self.limits.source_context)
        if state is FileState.INTACT and last < first:
            state = FileState.REFUSED
        shown = tuple(
            SourceLine(number, lines[number - 1][: self.limits.source_columns], number in numbers)
            for number in range(first, last + 1)
        )
        return Excerpt(file, tuple(numbers), state, shown)

    def _read(self, file: str) -> tuple[FileState, tuple[str, ...]]:
        if file not in self._files:
            self._files[file] = self._read_now(file)
        return self._files[file]

    def _read_now(self, file: str) -> tuple[FileState, tuple[str, ...]]:
        record = next((record for record in self.submission.files if record.path == file), None)
        if record is None or self.root is None:
            return FileState.REFUSED, ()
        limit = self.limits.source_bytes
        found = check_file(self.root, file, record.sha256, byte_limit=limit, keep=limit)
        if found.data is None:
            return found.state, ()
        # Readers of hardware descriptions count line feeds; splitlines() would also split at form feeds.
        text = found.data.decode("utf-8", errors="replace").replace("\r\n", "\n")
        return found.state, tuple(line.expandtabs(4) for line in text.removesuffix("\n").split("\n"))
