"""Every limit on a hostile submission, by name, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IntakeLimits:
    """How much of a submission is read before :class:`~sandgrain.errors.LimitExceeded` is raised.

    Attributes:
        manifest_bytes: size of ``submission.toml``.
        manifest_depth: nesting of tables, arrays and dotted keys in ``submission.toml``.
        file_bytes: size of one submitted file.
        total_bytes: size of all submitted files together.
        files: number of submitted files, those of include directories counted.
        glob_matches: files one glob or include directory may match.
        entries: directory entries looked at while globs and include directories are searched.
        depth: directories between the submission and a file.
        name_bytes: length of one path relative to the submission.
    """

    manifest_bytes: int = 256 * 1024
    manifest_depth: int = 16
    file_bytes: int = 4 * 1024**3
    total_bytes: int = 16 * 1024**3
    files: int = 20_000
    glob_matches: int = 20_000
    entries: int = 200_000
    depth: int = 16
    name_bytes: int = 512
