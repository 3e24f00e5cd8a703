"""Finding and hashing files inside a submission nobody trusts.

Names are matched and opened relative to directory descriptors, without following links, on the path that the links
were resolved to beforehand: what is hashed is inside the submission even if a link is exchanged meanwhile.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sandgrain.errors import LimitExceeded, SubmissionError
from sandgrain.submission._manifest_text import refuse
from sandgrain.submission.limits import IntakeLimits
from sandgrain.submission.manifest import MANIFEST_NAME

_CHUNK = 1 << 20
# Safe to quote in a tool's script without escapes; a leading - + @ could be read as an option or response file.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+@-]*")
_SAFE_GLOB = re.compile(r"[A-Za-z0-9_.*?][A-Za-z0-9_.+@*?-]*")
_CHARSET = "names of letters, digits and _ . + - @ that do not begin with + - @"


class Finder:
    """Finds the regular files below one root, within limits that hold over its whole life."""

    def __init__(self, root: Path, limits: IntakeLimits) -> None:
        self.root = root
        self.limits = limits
        self._entries = 0

    def glob(self, pattern: str, line: int) -> list[str]:
        """Files that match ``pattern``, sorted, as POSIX paths relative to the root; at least one."""
        parts = self._parts(pattern, line, _SAFE_GLOB)
        found: list[str] = []
        for path in self._match("", parts, line, set()):
            found.append(path)
            self._limit("glob_matches", len(found), self.limits.glob_matches, f"`{pattern}` matches more files", line)
        if not found:
            wild = any(mark in pattern for mark in "*?")
            raise refuse(
                f"`{pattern}` matches no file" if wild else f"file `{pattern}` is missing",
                line,
                expected="at least one regular file at that path, relative to the submission",
                remedy="add the file or correct the path",
            )
        return sorted(set(found))

    def below(self, directory: str, line: int) -> list[str]:
        """Every regular file below ``directory``, sorted; ``.`` is the root."""
        parts = [] if directory == "." else self._parts(directory, line, _SAFE_NAME)
        path = "/".join(parts)
        if not self._is_directory(path, line):
            raise refuse(
                f"`{directory}` is not a directory",
                line,
                expected="a directory of the submission",
                remedy="add the directory or correct the path",
            )
        found: list[str] = []
        for file in self._match(path, ["**", "*"], line, set()):
            found.append(file)
            self._limit("glob_matches", len(found), self.limits.glob_matches, f"`{directory}` holds more files", line)
        return sorted(set(found))

    def real(self, path: str, line: int | None) -> str:
        """``path`` with its links resolved, relative to the root; an error when that leaves the root."""
        try:
            target = (self.root / path).resolve(strict=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
            raise refuse(
                f"`{path}` leads nowhere",
                line,
                expected="a file or a link to a file of the submission",
                remedy="replace the link by the file itself",
            ) from error
        if not target.is_relative_to(self.root):
            raise refuse(
                f"`{path}` leads out of the submission",
                line,
                expected="every file inside the submission",
                remedy="replace the link by a copy of the file",
            )
        return target.relative_to(self.root).as_posix()

    def read(self, path: str, line: int | None, limit: int, name: str) -> Iterator[bytes]:
        """The bytes of the regular file at ``path``, in chunks; more than ``limit`` are an error naming ``name``."""
        descriptor = self._open(self.real(path, line), path, line)
        with os.fdopen(descriptor, "rb") as stream:
            self._require_regular(os.fstat(descriptor).st_mode, path, line)
            size = 0
            while chunk := self._chunk(stream, path, line):
                size += len(chunk)
                self._limit(name, size, limit, f"`{path}` is larger", line, unit="bytes")
                yield chunk

    @staticmethod
    def _chunk(stream: BinaryIO, path: str, line: int | None) -> bytes:
        try:
            return stream.read(_CHUNK)
        except OSError as error:
            raise _unreadable(path, line, error) from error

    def sha256(self, path: str, line: int | None, limit: int, name: str) -> tuple[str, int]:
        """SHA-256 in hexadecimal and size in bytes of the file at ``path``; arguments as for :meth:`read`."""
        digest = hashlib.sha256()
        size = 0
        for chunk in self.read(path, line, limit, name):
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size

    def _parts(self, path: str, line: int, allowed: re.Pattern[str]) -> list[str]:
        parts = path.split("/")
        # The charset refuses backslash, NUL, blanks and quotes; an absolute path has an empty first part.
        if any(part in (".", "..") or not allowed.fullmatch(part) for part in parts):
            raise refuse(
                f"path {path!a} is not allowed",
                line,
                expected=f"a relative path with /, without . and .., of {_CHARSET}",
                remedy="correct the path, or rename the file",
            )
        if parts.count("**") > 1 or any("**" in part and part != "**" for part in parts):
            raise refuse(
                f"`{path}` uses ** in a way that is not supported",
                line,
                expected="** at most once, as a whole directory: rtl/**/*.v",
                remedy="write several globs",
            )
        self._check_size(path, parts, line)
        return parts

    def _check_size(self, path: str, parts: list[str], line: int) -> None:
        self._limit("name_bytes", len(path.encode()), self.limits.name_bytes, "a path is longer", line, unit="bytes")
        self._limit("depth", len(parts) - 1, self.limits.depth, "a path is deeper", line, unit="directories")

    def _match(self, base: str, parts: list[str], line: int, seen: set[tuple[str, int]]) -> Iterator[str]:
        head, *rest = parts
        if head == "**":
            state = (self.real(base, line), len(rest))
            if state in seen:
                raise refuse(
                    f"directory `{base or '.'}` is reached twice",
                    line,
                    expected="no links that lead back into the same tree",
                    remedy="remove the link, or name the files without **",
                )
            seen.add(state)
            yield from self._match(base, rest or ["*"], line, seen)
            for name in self._listing(base, line):
                path = f"{base}/{name}" if base else name
                if self._is_directory(path, line):
                    self._check_name(path, name, line)
                    yield from self._match(path, parts, line, seen)
            return
        if "*" in head or "?" in head:
            names = [name for name in self._listing(base, line) if fnmatch.fnmatchcase(name, head)]
        else:
            names = [head]
        for name in names:
            path = f"{base}/{name}" if base else name
            if not os.path.lexists(self.root / path):
                continue
            self._check_name(path, name, line)
            if self._is_directory(path, line):
                if rest:
                    yield from self._match(path, rest, line, seen)
            elif not rest:
                self._require_regular(self._mode(path, line), path, line)
                yield path

    def _check_name(self, path: str, name: str, line: int) -> None:
        if not _SAFE_NAME.fullmatch(name):
            raise refuse(
                f"file name {path!a} is not allowed",
                line,
                expected=_CHARSET,
                remedy="rename the file or directory",
            )
        self._check_size(path, path.split("/"), line)

    def _listing(self, path: str, line: int) -> list[str]:
        names: list[str] = []
        descriptor = self._open(self.real(path, line), path, line, os.O_DIRECTORY)
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    self._entries += 1
                    self._limit("entries", self._entries, self.limits.entries, "more directory entries", line)
                    names.append(entry.name)
        finally:
            os.close(descriptor)
        return sorted(names)

    def _is_directory(self, path: str, line: int) -> bool:
        try:
            self.real(path, line)
        except SubmissionError:
            if os.path.lexists(self.root / path):
                raise
            return False
        return stat.S_ISDIR(self._mode(path, line))

    def _mode(self, path: str, line: int) -> int:
        try:
            return (self.root / path).stat().st_mode
        except OSError as error:
            raise _unreadable(path, line, error) from error

    def _open(self, real: str, path: str, line: int | None, flags: int = 0) -> int:
        """Opens ``real``, which holds no links, one directory at a time; O_NONBLOCK so that no pipe can hold us up."""
        flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            if not stat.S_ISDIR(mode := (self.root / real).lstat().st_mode):  # opening a device can have effects
                self._require_regular(mode, path, line)
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            parts = [part for part in real.split("/") if part not in ("", ".")]
            for i, part in enumerate(parts):
                parent = descriptor
                try:
                    last = i == len(parts) - 1
                    descriptor = os.open(part, flags if last else flags | os.O_DIRECTORY, dir_fd=parent)
                finally:
                    os.close(parent)
        except OSError as error:
            raise _unreadable(path, line, error) from error
        return descriptor

    def _require_regular(self, mode: int, path: str, line: int | None) -> None:
        if not stat.S_ISREG(mode):
            raise refuse(
                f"`{path}` is not a regular file",
                line,
                expected="a regular file, not a directory, pipe, socket or device",
                remedy="replace it by a file",
            )

    def _limit(self, name: str, value: int, limit: int, what: str, line: int | None, *, unit: str = "") -> None:
        if value > limit:
            raise LimitExceeded(
                f"{what} than allowed",
                file=MANIFEST_NAME,
                line=line,
                expected=f"at most {limit} {unit}".rstrip() + f" ({name})",
                remedy=f"hand over less, or raise the limit `{name}` on purpose",
            )


def _unreadable(path: str, line: int | None, error: OSError) -> SubmissionError:
    return refuse(
        f"`{path}` cannot be read: {error.strerror or error}",
        line,
        expected="a readable file that stays as it is during the audit",
        remedy="check the permissions, and that nothing changes the submission meanwhile",
    )
