"""The bytes of a netlist file: plain, or compressed with gzip, xz or Zstandard, never more than the limits allow."""

from __future__ import annotations

import gzip
import lzma
import zlib
from pathlib import Path
from typing import Final, Protocol

import zstandard

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.limits import ReadLimits

_CHUNK: Final = 1 << 20
_SMALL: Final = 1 << 20
"""Decompressed sizes below this are never called a bomb."""
_GZIP: Final = b"\x1f\x8b"
_XZ: Final = b"\xfd7zXZ\x00"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_WINDOW: Final = 1 << 27
"""The largest memory window a Zstandard frame may ask for."""


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def load(path: Path, limits: ReadLimits | None = None, *, name: str | None = None) -> bytes:
    """All bytes of ``path``, decompressed if it starts like a gzip, xz or Zstandard file.

    Args:
        path: the file; what it is called says nothing about its compression.
        limits: ``file_bytes`` and ``expansion`` apply.
        name: what to call the file in messages; by default its path.

    Raises:
        LimitExceeded: the file, or what it unpacks to, is too large.
        NetlistError: it cannot be read, or is a damaged archive.
    """
    limits = limits or ReadLimits()
    shown = name or str(path)
    try:
        size = path.stat().st_size
        if size > limits.file_bytes:
            raise _too_large(shown, f"the file has {size:,} bytes", limits)
        with path.open("rb") as raw:
            head = raw.read(8)
            raw.seek(0)
            if head.startswith(_GZIP):
                with gzip.GzipFile(fileobj=raw) as plain:
                    return _bounded(plain, size, shown, limits)
            if head.startswith(_XZ):
                with lzma.LZMAFile(raw) as plain:
                    return _bounded(plain, size, shown, limits)
            if head.startswith(_ZSTANDARD):
                with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(raw) as plain:
                    return _bounded(plain, size, shown, limits)
            return raw.read(limits.file_bytes)
    except OSError as error:
        raise NetlistError(
            f"the file cannot be read: {error.strerror or error}",
            file=shown,
            expected="a readable file, plain or compressed with gzip, xz or zst",
            remedy="check the name, the permissions and that the file is complete",
        ) from error
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise NetlistError(
            f"the compressed file is damaged: {error}",
            file=shown,
            expected="a complete gzip, xz or zst file",
            remedy="compress the file again",
        ) from error


def _bounded(unpacked: _Stream, packed_size: int, name: str, limits: ReadLimits) -> bytes:
    allowed = min(limits.file_bytes, max(_SMALL, limits.expansion * packed_size))
    parts: list[bytes] = []
    total = 0
    while part := unpacked.read(min(_CHUNK, allowed + 1 - total)):
        parts.append(part)
        total += len(part)
        if total > allowed:
            raise _too_large(name, f"{packed_size:,} compressed bytes unpack to more than {allowed:,}", limits)
    return b"".join(parts)


def _too_large(name: str, what: str, limits: ReadLimits) -> LimitExceeded:
    return LimitExceeded(
        what,
        file=name,
        expected=f"at most {limits.file_bytes:,} bytes (ReadLimits.file_bytes), and at most {limits.expansion:,} times "
        "the compressed size (ReadLimits.expansion)",
        remedy="raise the limit, or deliver the netlist in parts",
    )
