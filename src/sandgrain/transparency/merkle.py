"""The Merkle tree of RFC 6962, section 2: hashes, inclusion proofs, consistency proofs, and their verification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of 0x00 and the data."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 of 0x01 and both children."""
    return _sha256(b"\x01" + left + right).digest()


def next_level(hashes: Sequence[bytes]) -> list[bytes]:
    """The parents of pairs of neighbours; a last one without neighbour is left out."""
    return [_sha256(b"\x01" + left + right).digest() for left, right in zip(hashes[0::2], hashes[1::2], strict=False)]


class Subtrees(Protocol):
    """Where the hashes of complete subtrees come from."""

    def subtree(self, level: int, index: int) -> bytes:
        """The hash over leaves ``index << level`` up to ``(index + 1) << level``."""
        ...


class Tree:
    """A tree in memory.

    Attributes:
        size: number of leaves.
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Takes the hashes of the leaves, 32 bytes each."""
        self._levels = [list(leaves)]
        self.size = len(self._levels[0])
        while len(self._levels[-1]) > 1:
            self._levels.append(next_level(self._levels[-1]))

    def subtree(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree."""
        return self._levels[level][index]

    def root(self) -> bytes:
        """The root hash; that of the empty string for an empty tree."""
        return root_of(self, self.size)


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def range_hash(tree: Subtrees, start: int, end: int) -> bytes:
    """MTH of leaves ``start`` up to ``end``; ``start`` is a multiple of the least power of two not below the length."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return tree.subtree(level, start >> level)
    middle = start + _split(size)
    return node_hash(range_hash(tree, start, middle), range_hash(tree, middle, end))


def root_of(tree: Subtrees, size: int) -> bytes:
    """The root hash of the first ``size`` leaves."""
    return range_hash(tree, 0, size) if size else EMPTY_ROOT


def inclusion_proof(tree: Subtrees, index: int, size: int) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of the first ``size`` leaves (RFC 6962, 2.1.1).

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_hash(tree, middle, end))
            end = middle
        else:
            proof.append(range_hash(tree, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(tree: Subtrees, old: int, new: int) -> list[bytes]:
    """The proof that the first ``old`` leaves are a prefix of the first ``new`` (RFC 6962, 2.1.2).

    Raises:
        ValueError: ``old`` is larger than ``new``.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    if old in (0, new):
        return []
    proof = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(range_hash(tree, middle, end))
            end = middle
        else:
            proof.append(range_hash(tree, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(range_hash(tree, start, end))
    return proof[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root hash that a path leads to from the hash of a leaf; None if the path has the wrong length.

    The algorithm is that of RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    node, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            value = node_hash(sibling, value)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            value = node_hash(value, sibling)
        node >>= 1
        last >>= 1
    return value if last == 0 else None


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf with hash ``leaf`` is at ``index`` of the tree with ``size`` leaves and this root."""
    return root_from_inclusion(leaf, index, size, proof) == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree of ``old`` leaves is a prefix of the tree of ``new`` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    first = second = path[0]
    for value in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first = node_hash(value, first)
            second = node_hash(value, second)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            second = node_hash(second, value)
        node >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == new_root
