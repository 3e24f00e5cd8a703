"""Finding entries by what they are about: an SQLite file beside the log, which can be thrown away at any time."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sandgrain.errors import SandgrainError
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency.acts import read_entry
from sandgrain.transparency.errors import LogError
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.log import Log
from sandgrain.transparency.merkle import leaf_hash

_HEX = re.compile(r"[0-9a-f]{64}")
_FILE = "index.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, leaf BLOB NOT NULL, act TEXT, time TEXT);
CREATE TABLE IF NOT EXISTS subjects (sha256 TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_sha256 ON subjects (sha256);
CREATE INDEX IF NOT EXISTS by_leaf ON entries (leaf);
"""


@dataclass(frozen=True)
class Found:
    """An entry: its index, what happened, when, and to what, as the entry itself says."""

    index: int
    act: str
    time: str
    subject: str


def find(log: Log, digest: str) -> list[Found]:
    """The entries that are about a SHA-256, hexadecimal, or whose own leaf hash it is.

    The index first catches up with the log; one that does not belong to it is made anew. It is a shortcut and proves
    nothing: what it names is to be verified with a proof.

    Raises:
        LogError: the log cannot be read, or the index not be written.
    """
    try:
        with closing(_current(log)) as base:
            rows = base.execute(
                "SELECT e.number, e.act, e.time, s.name FROM subjects s JOIN entries e USING (number) "
                "WHERE s.sha256 = ? "
                "UNION SELECT number, act, time, '' FROM entries WHERE leaf = ? ORDER BY 1",
                (digest, bytes.fromhex(digest)),
            ).fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise LogError(
            f"the index cannot be used: {error}",
            file=log.root / _FILE,
            expected="a SHA-256 in hexadecimal, and an index that can be written",
            remedy="delete the index; it is made anew",
        ) from error
    return [Found(number, act or "", time or "", name) for number, act, time, name in rows]


def digest_of(text: str) -> str:
    """A SHA-256 in hexadecimal as it is, or that of the file of this name.

    Raises:
        EvidenceError: it is neither.
    """
    if _HEX.fullmatch(text):
        return text
    data = read_bounded(Path(text), LIMITS.reveal_bytes, "reveal_bytes", "file")
    return hashlib.sha256(data).hexdigest()


def _current(log: Log) -> sqlite3.Connection:
    size = log.checkpoint().checkpoint.size
    path = log.root / _FILE
    base = sqlite3.connect(path, timeout=60)
    base.executescript(_TABLES)
    with base:
        # Nobody else writes from here on, so that two that catch up at once do it one after the other.
        base.execute("BEGIN IMMEDIATE")
        (count,) = base.execute("SELECT COUNT(*) FROM entries").fetchone()
        if count > size or (count and not _belongs(base, log, count)):
            base.execute("DELETE FROM entries")
            base.execute("DELETE FROM subjects")
            count = 0
        for number, data in enumerate(log.entries(count, size), count):
            try:
                entry = read_entry(data, f"entry {number}")
            except SandgrainError:
                # An entry that is no act is in the log all the same; it is found by its hash.
                base.execute("INSERT INTO entries VALUES (?, ?, NULL, NULL)", (number, leaf_hash(data)))
                continue
            base.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?)", (number, leaf_hash(data), entry.act.value, entry.time)
            )
            base.executemany(
                "INSERT INTO subjects VALUES (?, ?, ?)", [(one.sha256, one.name, number) for one in entry.subjects]
            )
    return base


def _belongs(base: sqlite3.Connection, log: Log, count: int) -> bool:
    """Whether the last entry in the index is the one the log has there."""
    row = base.execute("SELECT leaf FROM entries WHERE number = ?", (count - 1,)).fetchone()
    (data,) = log.entries(count - 1, count)
    return row is not None and row[0] == leaf_hash(data)
