"""Reading what a case refers to, and saying plainly when it is missing, altered or not to be opened."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from sandgrain.report.limits import LIMITS, ReportLimits
from sandgrain.verdict import EvidenceFile

_CHUNK = 1024 * 1024


class FileState(StrEnum):
    """What became of a file that a case names."""

    INTACT = "intact"
    MISSING = "missing"
    ALTERED = "altered"
    REFUSED = "refused"
    TOO_LARGE = "too-large"


@dataclass(frozen=True)
class CheckedFile:
    """A file and whether it is still the one the case names; ``data`` only when it is."""

    state: FileState
    data: bytes | None = None


def check_file(root: Path, path: str, sha256: str, *, byte_limit: int, keep: int) -> CheckedFile:
    """Look at ``root/path``: is it there, inside ``root``, and are its bytes those of ``sha256``?

    Args:
        root: directory the path is relative to; links that lead out of it are refused.
        path: POSIX path out of a case, not trusted.
        sha256: lower-case hex digest the bytes must have.
        byte_limit: a larger file is not read at all.
        keep: return the bytes when there are at most that many.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        return CheckedFile(FileState.REFUSED)
    try:
        base = root.resolve(strict=True)
        resolved = base.joinpath(*parts).resolve(strict=True)
        if not resolved.is_relative_to(base):
            return CheckedFile(FileState.REFUSED)
        if not stat.S_ISREG(resolved.stat().st_mode):
            return CheckedFile(FileState.REFUSED)
        with resolved.open("rb") as file:
            digest = hashlib.sha256()
            kept = bytearray()
            size = 0
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > byte_limit:
                    return CheckedFile(FileState.TOO_LARGE)
                digest.update(chunk)
                if size <= keep:
                    kept += chunk
    except FileNotFoundError:
        return CheckedFile(FileState.MISSING)
    except (OSError, ValueError, RuntimeError):
        return CheckedFile(FileState.REFUSED)
    if digest.hexdigest() != sha256:
        return CheckedFile(FileState.ALTERED)
    return CheckedFile(FileState.INTACT, bytes(kept) if size <= keep else None)


def check_evidence(
    case_dir: Path, evidence: EvidenceFile, *, keep: int = 0, limits: ReportLimits = LIMITS
) -> CheckedFile:
    """Look at one evidence file of the case in ``case_dir``."""
    return check_file(case_dir, evidence.path, evidence.sha256, byte_limit=limits.evidence_bytes, keep=keep)
