"""An append-only log on plain files.

The order of writing is what makes it safe to stop at any instruction: entries and tiles first, under names that no
earlier checkpoint needs; then the signed checkpoint as ``checkpoint.next``; only then is it published by giving it its
name. A checkpoint that was signed is therefore on the disk before anybody can see it, and whoever opens the log next
publishes it: two different checkpoints of one size never leave this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandgrain.transparency import _canonical
from sandgrain.transparency._durable import locked, replace_durably, write_all, write_durably
from sandgrain.transparency.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    cosigned_at,
    parse_checkpoint,
    sign_checkpoint,
    signed_by_log,
    with_signatures,
)
from sandgrain.transparency.errors import EvidenceError, LogError
from sandgrain.transparency.keys import PublicKey, Role, SigningKey, public_of
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash, root_of
from sandgrain.transparency.note import NoteSignature
from sandgrain.transparency.tiles import (
    ENTRIES,
    ENTRY_BYTES,
    WIDTH,
    TileReader,
    encode_bundle,
    partial_width,
    perfect_subtrees,
    tile_levels,
    tile_path,
    tile_root,
)

CHECKPOINT = "checkpoint"
_NEXT = "checkpoint.next"
_COSIGNED = "cosigned"
_KEY = "log.pub"
_LOCK = ".lock"


@dataclass(frozen=True)
class Appended:
    """Entries that are in the log for good: the index of the first, and the checkpoint that covers them."""

    first: int
    checkpoint: SignedCheckpoint


class Log:
    """A log in a directory.

    Attributes:
        root: the directory.
        key: the log's public key; its name is the origin.
    """

    def __init__(self, root: Path) -> None:
        """Open.

        Raises:
            LogError: there is no log here.
        """
        self.root = root
        try:
            self.key = public_of(
                _canonical.read_bounded(root / _KEY, LIMITS.key_bytes, "key_bytes", "key"), root / _KEY
            )
        except EvidenceError as error:
            raise LogError(
                "there is no log here", file=root, expected="a directory written by `sandgrain log init`"
            ) from error
        if self.key.role is not Role.LOG:
            raise LogError(f"the key of this log is that of a {self.key.role}", file=root / _KEY)

    @classmethod
    def create(cls, root: Path, key: SigningKey) -> Log:
        """Make an empty log, whose origin is the name of its key.

        Raises:
            LogError: there is something here, or the key is not that of a log.
        """
        if key.public.role is not Role.LOG:
            raise LogError(f"this is the key of a {key.public.role}", expected="sandgrain keygen --role log")
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise LogError("there is something here already", file=root, expected="a new directory")
        empty = sign_checkpoint(Checkpoint(key.public.name, 0, EMPTY_ROOT), key)
        write_durably(root / CHECKPOINT, empty.to_bytes())
        write_durably(root / _KEY, key.public.to_bytes())
        return cls(root)

    def checkpoint(self) -> SignedCheckpoint:
        """What the log last published, its signature verified.

        Raises:
            LogError: it is missing, altered, or signed by somebody else.
        """
        return self._read_checkpoint(self.root / CHECKPOINT)

    def reader(self, size: int) -> TileReader:
        """The tiles of the first ``size`` entries, nothing of which has been verified."""
        return TileReader(self.root, size)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entries ``start`` up to ``end``, as they are on the disk.

        Raises:
            LogError: the log does not have them.
        """
        size = self.checkpoint().checkpoint.size
        if end > size:
            raise LogError(f"there is no entry {end - 1}", file=self.root, expected=f"entries 0 to {size - 1}")
        reader = self.reader(size)
        for bundle in range(start // WIDTH, -(-end // WIDTH)):
            first = bundle * WIDTH
            yield from reader.entries(bundle)[max(0, start - first) : end - first]

    def append(self, entries: Sequence[bytes], key: SigningKey) -> Appended:
        """Append entries all at once or not at all; they last when this returns.

        Many entries in one call cost as many waits for the disk as a few.

        Raises:
            LogError: an entry is longer than 65,535 bytes, the key is not the log's, or the log is not whole.
            StorageError: the disk refuses; the log is as it was.
        """
        if key.public.keyid != self.key.keyid:
            raise LogError(
                "this is not the key of the log",
                file=self.root,
                expected=f"key {self.key.keyid[:16]} of {self.key.name}",
            )
        if not entries:
            raise LogError("there is nothing to append", file=self.root, expected="at least one entry")
        for number, entry in enumerate(entries):
            if len(entry) > ENTRY_BYTES:
                raise LogError(f"entry {number} has {len(entry):,} bytes", expected=f"at most {ENTRY_BYTES:,}")
        with locked(self.root / _LOCK):
            old = self._recover()
            size = old.checkpoint.size
            self._discard_unfinished(size)
            files, root, full = self._grown(old.checkpoint, entries)
            write_all(files)
            signed = sign_checkpoint(Checkpoint(self.key.name, size + len(entries), root), key)
            self._publish(signed)
            self._remove_partial(full)
        return Appended(size, signed)

    def cosigned(self) -> list[SignedCheckpoint]:
        """Checkpoints that witnesses have cosigned and the log keeps for proofs, the smallest first."""
        directory = self.root / _COSIGNED
        if not directory.is_dir():
            return []
        found = sorted((path for path in directory.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
        return [self._read_checkpoint(path) for path in found]

    def add_cosignatures(self, signed: SignedCheckpoint, signatures: list[NoteSignature]) -> SignedCheckpoint:
        """Keep cosignatures of a checkpoint this log published.

        Raises:
            LogError: it is not one of this log's, or not what the log holds.
        """
        with locked(self.root / _LOCK):
            current = self._recover()
            size = signed.checkpoint.size
            if size > current.checkpoint.size or not signed_by_log(signed, self.key):
                raise LogError("this checkpoint is not one of this log's", file=self.root)
            if root_of(self.reader(current.checkpoint.size), size) != signed.checkpoint.root:
                raise LogError("this checkpoint is of another history of this log", file=self.root)
            path = self.root / _COSIGNED / str(size)
            kept = self._read_checkpoint(path) if path.is_file() else signed
            merged = with_signatures(kept, signatures)
            write_durably(path, merged.to_bytes())
            if current.checkpoint == signed.checkpoint:
                write_durably(self.root / CHECKPOINT, with_signatures(current, signatures).to_bytes())
        return merged

    def best_checkpoint(self, index: int, witnesses: Sequence[PublicKey] = ()) -> SignedCheckpoint:
        """The checkpoint to prove entry ``index`` with: the first with the most cosignatures of ``witnesses``.

        Raises:
            LogError: the log has no such entry.
        """
        current = self.checkpoint()
        if not 0 <= index < current.checkpoint.size:
            raise LogError(f"there is no entry {index}", file=self.root, expected=f"0 to {current.checkpoint.size - 1}")
        fitting = [one for one in (*self.cosigned(), current) if one.checkpoint.size > index]
        if witnesses:
            return max(fitting, key=lambda one: sum(cosigned_at(one, witness) is not None for witness in witnesses))
        return max(fitting, key=lambda one: len(one.note.signatures))

    def _read_checkpoint(self, path: Path) -> SignedCheckpoint:
        try:
            data = _canonical.read_bounded(path, LIMITS.note_bytes, "note_bytes", "checkpoint")
            signed = parse_checkpoint(data, file=path)
        except EvidenceError as error:
            raise LogError(error.what, file=path, expected=error.expected) from error
        if not signed_by_log(signed, self.key):
            raise LogError(
                "the signature of the checkpoint does not verify", file=path, expected=f"a signature by {self.key.name}"
            )
        return signed

    def _recover(self) -> SignedCheckpoint:
        """The current checkpoint; publishes one that was signed but not published. Under the lock."""
        current = self.checkpoint()
        waiting = self.root / _NEXT
        if waiting.is_file():
            signed = self._read_checkpoint(waiting)
            if signed.checkpoint.size > current.checkpoint.size:
                replace_durably(waiting, self.root / CHECKPOINT)
                return signed
            waiting.unlink()
        return current

    def _publish(self, signed: SignedCheckpoint) -> None:
        write_durably(self.root / _NEXT, signed.to_bytes())
        replace_durably(self.root / _NEXT, self.root / CHECKPOINT)

    def _discard_unfinished(self, size: int) -> None:
        """Remove what an append left that was stopped before it signed; nobody has seen a checkpoint that needs it.

        Such files follow one another from the end of the log on, so that few places have to be looked at.
        """
        for level in (ENTRIES, *range(tile_levels(size) + 1)):
            width = size if level == ENTRIES else size >> (8 * int(level))
            index, kept = divmod(width, WIDTH)
            found = True
            while found:
                found = False
                full = self.root / tile_path(level, index)
                partial = full.with_name(f"{full.name}.p")
                with suppress(OSError):
                    full.unlink()
                    found = True
                with suppress(OSError):
                    for path in list(partial.iterdir()):
                        if path.name.isdecimal() and int(path.name) > kept:
                            path.unlink()
                            found = True
                index, kept = index + 1, 0

    def _grown(
        self, old: Checkpoint, entries: Sequence[bytes]
    ) -> tuple[list[tuple[Path, bytes]], bytes, list[tuple[int | str, int]]]:
        """The files of the log with the entries added, its root hash, and the tiles that are full now."""
        size = old.size
        reader = self.reader(size)
        kept = [
            reader.hashes(level, (size >> (8 * level)) // WIDTH) if partial_width(level, size) else []
            for level in range(tile_levels(size))
        ]
        if _root_of_edge(kept) != old.root:
            raise LogError(
                "the tiles of the log do not have the root hash of its checkpoint",
                file=self.root,
                expected="an unaltered log",
                remedy="run `sandgrain log audit` to see which tile differs",
            )
        bundled = reader.entries(size // WIDTH) if size % WIDTH else []
        files: list[tuple[Path, bytes]] = []
        full: list[tuple[int | str, int]] = []
        rows = [*bundled, *entries]
        for at in range(0, len(rows), WIDTH):
            bundle = rows[at : at + WIDTH]
            index = size // WIDTH + at // WIDTH
            files.append((self.root / tile_path(ENTRIES, index, len(bundle)), encode_bundle(bundle)))
            if len(bundle) == WIDTH:
                full.append((ENTRIES, index))
        new = [leaf_hash(entry) for entry in entries]
        edge: list[list[bytes]] = []
        level = 0
        while new or level < len(kept):
            hashes = [*(kept[level] if level < len(kept) else []), *new]
            first = (size >> (8 * level)) // WIDTH
            upper = []
            for at in range(0, len(hashes), WIDTH):
                tile = hashes[at : at + WIDTH]
                index = first + at // WIDTH
                if new:
                    files.append((self.root / tile_path(level, index, len(tile)), b"".join(tile)))
                if len(tile) == WIDTH:
                    upper.append(tile_root(tile))
                    full.append((level, index))
            edge.append(hashes[len(hashes) - len(hashes) % WIDTH :])
            new = upper
            level += 1
        return files, _root_of_edge(edge), full

    def _remove_partial(self, full: list[tuple[int | str, int]]) -> None:
        """Partial tiles of which the full one is there now; nobody needs them any more."""
        for level, index in full:
            directory = self.root / (tile_path(level, index) + ".p")
            with suppress(OSError):
                for path in directory.iterdir():
                    path.unlink()
                directory.rmdir()


def _root_of_edge(edge: list[list[bytes]]) -> bytes:
    """The root hash, from the hashes of the partial tile of every level."""
    parts = [part for hashes in reversed(edge) for part in perfect_subtrees(hashes)]
    if not parts:
        return EMPTY_ROOT
    root = parts[-1]
    for part in reversed(parts[:-1]):
        root = node_hash(part, root)
    if len(root) != HASH_BYTES:
        raise LogError("a hash of the log does not have 32 bytes")
    return root
