"""Where a log keeps what (C2SP tlog-tiles): hashes and entries in files of 256."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from sandgrain.transparency.errors import LogError
from sandgrain.transparency.merkle import HASH_BYTES, next_level

WIDTH = 256
ENTRY_BYTES = 0xFFFF
ENTRIES = "entries"


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """The path of a tile, or of a bundle of entries with level ``entries``; a width below 256 is a partial one's."""
    digits = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        digits = f"x{index % 1000:03d}/{digits}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < WIDTH else "")


def partial_width(level: int, size: int) -> int:
    """The width of the partial tile of a level in a log of ``size`` entries, 0 if there is none."""
    return (size >> (8 * level)) % WIDTH


def tile_levels(size: int) -> int:
    """How many levels of tiles a log of ``size`` entries has."""
    levels = 0
    while size >> (8 * levels):
        levels += 1
    return levels


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The hash over a full tile."""
    while len(hashes) > 1:
        hashes = next_level(hashes)
    return hashes[0]


def perfect_subtrees(hashes: Sequence[bytes]) -> list[bytes]:
    """The hashes of the largest complete subtrees over a row of hashes, from left to right."""
    found = []
    start = 0
    while start < len(hashes):
        length = 1 << ((len(hashes) - start).bit_length() - 1)
        found.append(tile_root(hashes[start : start + length]))
        start += length
    return found


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries, each preceded by its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, path: Path) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        LogError: the bundle ends within an entry.
    """
    entries = []
    at, end = 0, len(data)
    length_of = struct.Struct(">H").unpack_from
    while at + 2 <= end:
        stop = at + 2 + length_of(data, at)[0]
        if stop > end:
            break
        entries.append(data[at + 2 : stop])
        at = stop
    if at != end:
        raise LogError(f"the bundle ends within entry {len(entries)} of it", file=path, expected="whole entries")
    return entries


class TileReader:
    """The tiles of a log on disk, as of ``size`` entries."""

    def __init__(self, root: Path, size: int) -> None:
        self.root = root
        self.size = size
        self._tile = lru_cache(maxsize=1024)(self._read_tile)

    def subtree(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree of ``2**level`` leaves.

        Raises:
            LogError: the tile is missing or has another length.
        """
        tile_level, height = divmod(level, 8)
        start = index << height
        rows = self._tile(tile_level, start // WIDTH)
        return rows[height][(start % WIDTH) >> height]

    def hashes(self, level: int, index: int) -> list[bytes]:
        """The hashes of one tile, at most 256."""
        return self._tile(level, index)[0]

    def entries(self, index: int) -> list[bytes]:
        """The entries of one bundle, at most 256."""
        width = min(WIDTH, self.size - index * WIDTH)
        path, data = self._read(ENTRIES, index, width)
        entries = decode_bundle(data, path)
        if len(entries) < width:
            raise LogError(f"there are {len(entries)} entries here", file=path, expected=f"{width} entries")
        return entries[:width]

    def _read_tile(self, level: int, index: int) -> list[list[bytes]]:
        width = min(WIDTH, (self.size >> (8 * level)) - index * WIDTH)
        path, data = self._read(level, index, width)
        if len(data) < width * HASH_BYTES or len(data) % HASH_BYTES:
            raise LogError(f"the tile has {len(data)} bytes", file=path, expected=f"{width} hashes of 32 bytes")
        rows = [[data[i : i + HASH_BYTES] for i in range(0, width * HASH_BYTES, HASH_BYTES)]]
        while len(rows[-1]) > 1:
            rows.append(next_level(rows[-1]))
        return rows

    def _read(self, level: int | str, index: int, width: int) -> tuple[Path, bytes]:
        """A partial tile may have been replaced by the full one meanwhile, which begins with the same."""
        tried = [tile_path(level, index, width), tile_path(level, index)]
        for name in tried:
            path = self.root / name
            try:
                return path, path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LogError(f"the tile cannot be read: {error.strerror}", file=path) from error
        raise LogError("a tile of the log is missing", file=self.root / tried[0], expected="every tile of the log")
