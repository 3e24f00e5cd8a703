"""Taking in a submission: which files it consists of, their hashes, and whether they stay as they were.

Hostile input is normal here. Nothing outside the submission is read, nothing in it is executed, and every limit is a
named field of :class:`~sandgrain.submission.limits.IntakeLimits`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sandgrain.errors import LimitExceeded, SubmissionError
from sandgrain.submission._files import Finder
from sandgrain.submission._manifest_text import read_manifest, refuse
from sandgrain.submission._toml_lines import TomlLines
from sandgrain.submission.limits import IntakeLimits
from sandgrain.submission.manifest import MANIFEST_NAME, FileRole, Manifest
from sandgrain.verdict import SubmissionRecord, SubmittedFileRecord


@dataclass(frozen=True)
class SubmittedFile:
    """One file of a submission.

    Attributes:
        path: POSIX path relative to the submission, safe to quote in a tool's script.
        role: what the manifest says it is.
        sha256: SHA-256 of its bytes, hexadecimal.
        size: its bytes.
        line: line of the manifest with the glob or include directory it was found by.
        included: whether it is there only because an include directory holds it: not read as a source of its own,
            but it can change the design.
    """

    path: str
    role: FileRole
    sha256: str
    size: int
    line: int
    included: bool = False


@dataclass(frozen=True)
class Submission:
    """A submission as it was taken in.

    Attributes:
        root: its directory, absolute and without links.
        manifest: what ``submission.toml`` says.
        manifest_sha256: SHA-256 of ``submission.toml``, hexadecimal.
        files: every file, those of globs in the order of the manifest (sorted within a glob), then those of include
            directories. A file that several globs of one role match is there once, at its first place.
        digest: SHA-256 over the manifest's bytes and the sorted records (role, path, SHA-256) of all files.
        limits: the limits it was taken in with.
        lines: the lines of the manifest's keys; see :meth:`line_of`.
    """

    root: Path
    manifest: Manifest
    manifest_sha256: str
    files: tuple[SubmittedFile, ...]
    digest: str
    limits: IntakeLimits
    lines: TomlLines = field(repr=False, compare=False)

    def files_of(self, role: FileRole) -> tuple[SubmittedFile, ...]:
        """The files of ``role`` that the manifest lists, in its order; without those merely included."""
        return tuple(file for file in self.files if file.role is role and not file.included)

    def absolute(self, file: SubmittedFile) -> Path:
        """Where ``file`` is on this machine."""
        return self.root / file.path

    def line_of(self, *path: str | int) -> int:
        """The line of a key of the manifest, e.g. ``line_of("services", 0, "expression")``, for messages."""
        return self.lines.line(path)

    def record(self) -> SubmissionRecord:
        """The submission as a case records it."""
        chip = self.manifest.chip
        return SubmissionRecord(
            chip=chip.name,
            vendor=chip.vendor,
            date=chip.date.isoformat(),
            top=chip.top,
            digest=self.digest,
            files=[
                SubmittedFileRecord(path=file.path, role=file.role.value, sha256=file.sha256, size=file.size)
                for file in sorted(self.files, key=lambda file: (file.role, file.path))
            ],
        )

    def verify_unchanged(self) -> None:
        """Takes the submission in again and compares; to be called after the files were used.

        Raises:
            SubmissionError: a file was altered, added or removed since :func:`load`.
            LimitExceeded: it grew beyond the limits meanwhile.
        """
        again = load(self.root, self.limits)
        if again.digest == self.digest:
            return
        if again.manifest_sha256 != self.manifest_sha256:
            raise _changed(MANIFEST_NAME, "was altered")
        before = {file.path: file.sha256 for file in self.files}
        after = {file.path: file.sha256 for file in again.files}
        path = min(path for path, sha256 in before.items() ^ after.items())
        raise _changed(
            path, "was removed" if path not in after else "was added" if path not in before else "was altered"
        )


def load(path: Path, limits: IntakeLimits | None = None) -> Submission:
    """Takes in the submission in the directory ``path``: reads its manifest, finds and hashes its files.

    Raises:
        SubmissionError: the manifest is missing or wrong, or the files are not what it says; with file and line.
        LimitExceeded: one of ``limits`` was reached.
    """
    limits = limits or IntakeLimits()
    root = _directory(path)
    data, manifest, lines = _read(root, limits)
    files = _take_in(Finder(root, limits), manifest, lines, limits)
    return Submission(
        root=root,
        manifest=manifest,
        manifest_sha256=hashlib.sha256(data).hexdigest(),
        files=files,
        digest=_digest(data, files),
        limits=limits,
        lines=lines,
    )


def _directory(path: Path) -> Path:
    try:
        root = path.resolve(strict=True)
        is_directory = root.is_dir()
    except (OSError, RuntimeError, ValueError):  # ValueError: a NUL in the name
        is_directory = False
    if not is_directory:
        raise SubmissionError(
            "not a directory",
            file=path,
            expected=f"a submission: a directory that holds {MANIFEST_NAME} and the files it names",
            remedy="pass the directory of the submission",
        )
    return root


def _read(root: Path, limits: IntakeLimits) -> tuple[bytes, Manifest, TomlLines]:
    if not os.path.exists(root / MANIFEST_NAME):
        raise SubmissionError(
            f"no {MANIFEST_NAME} in this directory",
            file=root,
            expected=f"a submission: a directory that holds {MANIFEST_NAME}, which names the chip, its files, clocks, "
            "resets, services and declared functions",
            remedy=f"pass the directory of the submission, or write its {MANIFEST_NAME}",
        )
    data = b"".join(Finder(root, limits).read(MANIFEST_NAME, None, limits.manifest_bytes, "manifest_bytes"))
    return data, *read_manifest(data, limits)


def _take_in(finder: Finder, manifest: Manifest, lines: TomlLines, limits: IntakeLimits) -> tuple[SubmittedFile, ...]:
    found: dict[str, SubmittedFile] = {}
    reached: dict[str, SubmittedFile] = {}  # by the path without links
    total = 0

    def take(path: str, role: FileRole, line: int, *, included: bool) -> None:
        nonlocal total
        known = found.get(path)
        if known is not None:
            if known.role is not role and not included:
                raise refuse(
                    f"file `{path}` is also `{known.role}` (line {known.line})",
                    line,
                    expected="each file in one role",
                    remedy="narrow one of the two globs",
                )
            return
        real = finder.real(path, line)
        if real == MANIFEST_NAME:
            if included:
                return
            raise refuse("the manifest cannot list itself", line, expected="the other files", remedy="narrow the glob")
        if real in reached:
            raise refuse(
                f"file `{path}` is the same as `{reached[real].path}` (line {reached[real].line})",
                line,
                expected="each file under one path",
                remedy="remove the link, or name only one of the two",
            )
        if len(found) >= limits.files:
            raise LimitExceeded(
                "more files than allowed",
                file=MANIFEST_NAME,
                line=line,
                expected=f"at most {limits.files} files (files)",
                remedy="hand over less, or raise the limit `files` on purpose",
            )
        left = limits.total_bytes - total
        bound, name = min((limits.file_bytes, "file_bytes"), (left, "total_bytes"))
        sha256, size = finder.sha256(path, line, bound, name)
        total += size
        found[path] = reached[real] = SubmittedFile(path, role, sha256, size, line, included)

    for i, group in enumerate(manifest.files):
        for j, pattern in enumerate(group.paths):
            line = lines.line(("files", i, "paths", j))
            for path in finder.glob(pattern, line):
                take(path, group.role, line, included=False)
    if not {FileRole.RTL, FileRole.NETLIST} & {group.role for group in manifest.files}:
        raise refuse(
            "neither RTL nor a netlist is handed over",
            lines.line(("files",)),
            expected="at least one [[files]] group with role `rtl` or `netlist`",
            remedy="add the hardware description of the chip",
        )
    for i, directory in enumerate(manifest.elaboration.include_dirs):
        line = lines.line(("elaboration", "include_dirs", i))
        for path in finder.below(directory, line):
            take(path, FileRole.RTL, line, included=True)
    return tuple(found.values())


def _digest(manifest: bytes, files: Iterable[SubmittedFile]) -> str:
    """Every part is preceded by its length, so that no two submissions give the hash the same bytes."""
    digest = hashlib.sha256(b"sandgrain.submission/1\n")
    parts = [manifest]
    for file in sorted(files, key=lambda file: (file.role, file.path)):
        parts += [file.role.encode(), file.path.encode(), bytes.fromhex(file.sha256)]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _changed(path: str, how: str) -> SubmissionError:
    return SubmissionError(
        f"the file {how} during the audit",
        file=path,
        expected="a submission that stays as it is while it is audited",
        remedy="find out what changed it, then start the audit again",
    )
