"""A case as one file, ``.sgcase``: the same case always gives the same bytes.

It is a tar file without compression: files sorted by path, no times, no owners. Compressed forms differ between
versions of a compressor; whoever wants one compresses the archive.
"""

from __future__ import annotations

import filecmp
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from sandgrain.case import CASE_FILE, read_case
from sandgrain.errors import LimitExceeded
from sandgrain.transparency._durable import refused, sync_directory
from sandgrain.transparency._hashing import is_secret, list_files
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.limits import LIMITS

SUFFIX = ".sgcase"
_HINT = "submission.path"


def write_archive(case: Path, out: Path) -> int:
    """Write a finished case as one file; returns its bytes.

    Raises:
        CaseError: the case is not whole.
        EvidenceError: there is a secret in it, or something at ``out`` already.
        StorageError: it cannot be written; nothing is left at ``out``.
    """
    read_case(case)
    if os.path.lexists(out):
        raise EvidenceError("there is something here already", file=out, expected="a new file")
    temporary = out.with_name(f".{out.name}.writing")
    try:
        with temporary.open("wb") as stream:
            _write(case, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, out)
        sync_directory(out.parent)
    except OSError as error:
        raise refused(out, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return out.stat().st_size


def _write(case: Path, stream: io.BufferedWriter) -> None:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in list_files(case, lambda name: name == _HINT):
            with (case / path).open("rb") as source:
                if is_secret(source.peek(4096)[:4096]):
                    raise EvidenceError("this file is a secret", file=case / path, remedy="move it away")
                member = tarfile.TarInfo(path)
                member.size = os.fstat(source.fileno()).st_size
                member.mode = 0o644
                archive.addfile(member, source)


@contextmanager
def opened(archive: Path) -> Iterator[Path]:
    """The case in an archive, as a directory that is there meanwhile.

    Raises:
        EvidenceError: it is no archive, or not as it was written.
        LimitExceeded: there is more in it than allowed.
    """
    with tempfile.TemporaryDirectory(prefix="sandgrain-") as scratch:
        case = Path(scratch) / "case"
        case.mkdir()
        try:
            with tarfile.open(archive, mode="r:") as source:
                _extract(source, case, archive)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise EvidenceError(
                f"the archive cannot be read: {error}", file=archive, expected="a file of `sandgrain archive`"
            ) from error
        except OSError as error:
            raise refused(archive, error) from error
        if not (case / CASE_FILE).is_file():
            raise EvidenceError("there is no case in this archive", file=archive, expected=f"{CASE_FILE} in it")
        again = Path(scratch) / "again"
        with again.open("wb") as stream:
            _write(case, stream)
        if not filecmp.cmp(archive, again, shallow=False):
            raise EvidenceError(
                "the archive is not as it was written: one of its headers, or what is between its files, was altered",
                file=archive,
                expected="the bytes that `sandgrain archive` writes for this case",
            )
        yield case


def _extract(source: tarfile.TarFile, case: Path, archive: Path) -> None:
    total = 0
    for count, member in enumerate(source, 1):
        total += member.size
        if count > LIMITS.files or total > LIMITS.total_bytes or member.size > LIMITS.file_bytes:
            raise LimitExceeded("more than allowed is in the archive", file=archive, expected="files, total_bytes")
        path = PurePosixPath(member.name)
        plain = member.name == path.as_posix() and not path.is_absolute() and ".." not in path.parts
        if not member.isreg() or not plain or len(path.parts) > LIMITS.depth or member.name in ("", "."):
            raise EvidenceError(
                f"{member.name[:200]!a} in the archive is no plain file", file=archive, expected="files inside the case"
            )
        target = case / path
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.extractfile(member)
        if content is None:
            raise EvidenceError(f"{member.name[:200]!a} has no content", file=archive)
        with content, target.open("xb") as out:
            shutil.copyfileobj(content, out)
        if target.stat().st_size != member.size:
            raise EvidenceError(f"the archive ends within {member.name[:200]!a}", file=archive)
