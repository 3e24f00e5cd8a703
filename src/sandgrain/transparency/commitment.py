"""A commitment to a drawing that is not handed over: salted, piece by piece, below one Merkle root.

A leaf is the hash of a salt of 32 bytes, the piece's name, its size and its SHA-256. Without the salt nothing about a
piece can be told from its leaf, not even that it is empty or the same as another. Salts, and where pieces lie, follow
from one secret seed, which stays with the vendor.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sandgrain.errors import LimitExceeded
from sandgrain.transparency import _canonical
from sandgrain.transparency.envelope import Envelope, Statement, Subject, read_envelope, seal_statement
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.keys import Role, SigningKey
from sandgrain.transparency.limits import LIMITS
from sandgrain.transparency.merkle import Tree, leaf_hash

COMMITMENT_TYPE = "urn:sandgrain:commitment:1"
OPENING_TYPE = "sandgrain.opening/1"
LAYOUT = "layout"
NETLIST = "netlist"
SALT_BYTES = 32

# Coordinates of a layout are 32-bit numbers.
_MOST_COORDINATE = 1 << 30

PADDING = ""
"""The name of a leaf that is no piece and only hides how many there are."""


@dataclass(frozen=True)
class Grid:
    """How a layout is cut into pieces; public.

    Attributes:
        left: left edge of the first column, in database units.
        bottom: lower edge of the first row, in database units.
        tile: edge length of a tile, in database units.
        columns: number of columns.
        rows: number of rows.
        layers: layer and datatype of each layer, sorted.
        dbu: picometres in one database unit.
    """

    left: int
    bottom: int
    tile: int
    columns: int
    rows: int
    layers: tuple[tuple[int, int], ...]
    dbu: int

    @property
    def count(self) -> int:
        """Number of pieces."""
        return self.columns * self.rows * len(self.layers)

    def place(self, piece: int) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
        """Layer and datatype of a piece, and its box: left, bottom, right, top in database units."""
        layer, cell = divmod(piece, self.columns * self.rows)
        row, column = divmod(cell, self.columns)
        left, bottom = self.left + column * self.tile, self.bottom + row * self.tile
        return self.layers[layer], (left, bottom, left + self.tile, bottom + self.tile)

    def name(self, piece: int) -> str:
        """The name of a piece."""
        (layer, datatype), (left, bottom, right, top) = self.place(piece)
        return f"{layer}/{datatype} ({left},{bottom};{right},{top})"


@dataclass(frozen=True)
class Group:
    """Leaves of one sort: ``layout`` or ``netlist``, the first of them, their number, and the grid of a layout."""

    name: str
    first: int
    count: int
    grid: Grid | None = None


@dataclass(frozen=True)
class Commitment:
    """What a vendor commits to.

    Attributes:
        name: of the chip.
        root: the Merkle root, 32 bytes.
        groups: the sorts of leaves, in their order.
        envelope: the signed statement.
    """

    name: str
    root: bytes
    groups: tuple[Group, ...]
    envelope: Envelope

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return sum(group.count for group in self.groups)


@dataclass(frozen=True)
class Piece:
    """A piece of a drawing: its name, its size in bytes, and its SHA-256 (32 bytes). Its content is not needed here."""

    name: str
    size: int
    sha256: bytes

    @classmethod
    def of(cls, name: str, data: bytes) -> Piece:
        """The piece with this content."""
        return cls(name, len(data), hashlib.sha256(data).digest())


@dataclass(frozen=True, repr=False)
class Opening:
    """The secret of a commitment: the seed its salts follow from."""

    seed: bytes
    commitment: str

    def salt(self, leaf: int) -> bytes:
        """The salt of a leaf."""
        return hmac.digest(self.seed, b"salt" + leaf.to_bytes(8, "big"), "sha256")

    def to_bytes(self) -> bytes:
        """The file, which nobody else may read."""
        return _canonical.encode({"type": OPENING_TYPE, "seed": self.seed.hex(), "commitment": self.commitment})


def salted_leaf(salt: bytes, piece: Piece) -> bytes:
    """The hash of the leaf of a piece."""
    name = piece.name.encode()
    return leaf_hash(salt + len(name).to_bytes(4, "big") + name + piece.size.to_bytes(8, "big") + piece.sha256)


def places(seed: bytes, pieces: int, leaves: int) -> list[int]:
    """Where the pieces of a netlist lie among its leaves: in an order that only the seed knows."""
    order = sorted(range(leaves), key=lambda leaf: hmac.digest(seed, b"place" + leaf.to_bytes(8, "big"), "sha256"))
    return order[:pieces]


def padded(count: int) -> int:
    """How many leaves hide ``count`` pieces: the least power of two not below it."""
    return 1 << (count - 1).bit_length() if count else 0


def commit(
    name: str, grid: Grid | None, layout: Iterable[Piece], netlist: Sequence[Piece], key: SigningKey
) -> tuple[bytes, Opening, Tree]:
    """Commit to pieces.

    Args:
        name: of the chip.
        grid: how the layout is cut; None if there is none.
        layout: its pieces in the order of the grid.
        netlist: the pieces of the description, in any order.
        key: the vendor's.

    Returns:
        The signed commitment, its secret, and the tree.

    Raises:
        EvidenceError: the key is not a vendor's, there is nothing to commit to, or two pieces have one name.
        LimitExceeded: too many pieces.
    """
    if key.public.role is not Role.VENDOR:
        raise EvidenceError(f"a {key.public.role} does not commit to a drawing", expected="the key of a vendor")
    seed = secrets.token_bytes(32)
    opening = Opening(seed, "")
    groups = []
    leaves: list[bytes] = []
    if grid is not None:
        for piece in layout:
            if len(leaves) >= min(grid.count, LIMITS.pieces) or piece.name != grid.name(len(leaves)):
                raise EvidenceError(
                    "the pieces of the layout are not those of its grid", expected=f"{grid.count} pieces"
                )
            leaves.append(salted_leaf(opening.salt(len(leaves)), piece))
        if len(leaves) != grid.count:
            raise EvidenceError(f"the layout has {len(leaves)} pieces", expected=f"{grid.count} pieces")
        groups.append(Group(LAYOUT, 0, grid.count, grid))
    if len({piece.name for piece in netlist}) != len(netlist) or any(piece.name == PADDING for piece in netlist):
        raise EvidenceError("two pieces of the description have one name, or one has none")
    if netlist:
        first, count = len(leaves), padded(len(netlist))
        if first + count > LIMITS.pieces:
            raise LimitExceeded("more pieces than allowed", expected=f"at most {LIMITS.pieces} (pieces)")
        row = [Piece.of(PADDING, b"")] * count
        for piece, place in zip(netlist, places(seed, len(netlist), count), strict=True):
            row[place] = piece
        leaves += [salted_leaf(opening.salt(leaf), piece) for leaf, piece in enumerate(row, first)]
        groups.append(Group(NETLIST, first, count))
    if not leaves:
        raise EvidenceError("there is nothing to commit to", expected="a layout or a description")
    tree = Tree(leaves)
    said = {"name": name, "root": tree.root().hex(), "groups": [_group_json(group) for group in groups]}
    statement = Statement(COMMITMENT_TYPE, (Subject("commitment", tree.root().hex()),), said)
    data = seal_statement(statement, [key])
    return data, Opening(seed, hashlib.sha256(data).hexdigest()), tree


def read_commitment(data: bytes, file: PurePath | str | None = None) -> Commitment:
    """What a commitment says, nobody having verified its signature.

    Raises:
        EvidenceError: it is none.
    """
    envelope = read_envelope(data, file=file, what="commitment")
    try:
        return _commitment(envelope, envelope.statement.predicate)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError(
            f"this is no commitment: {error}", file=file, expected="a file written by `sandgrain commit`"
        ) from error


def read_opening(path: Path, commitment: Commitment) -> Opening:
    """The secret of a commitment.

    Raises:
        EvidenceError: it is none, or another commitment's.
    """
    data = _canonical.read_bounded(path, LIMITS.key_bytes, "key_bytes", "secret of the commitment")
    value: Any = _canonical.decode(data, file=path, what="secret of a commitment")
    if not isinstance(value, dict) or value.get("type") != OPENING_TYPE:
        raise EvidenceError("this is no secret of a commitment", file=path, expected="a file of `sandgrain commit`")
    if value.get("commitment") != commitment.envelope.sha256:
        raise EvidenceError("this is the secret of another commitment", file=path)
    return Opening(bytes.fromhex(value["seed"]), value["commitment"])


def _commitment(envelope: Envelope, said: Any) -> Commitment:
    if envelope.statement.kind != COMMITMENT_TYPE or set(said) != {"name", "root", "groups"}:
        raise ValueError(f"it is a statement of type {envelope.statement.kind!a}")
    if envelope.statement.subjects != (Subject("commitment", said["root"]),) or not isinstance(said["name"], str):
        raise ValueError("its subject is not its root")
    groups = tuple(_group_of(one) for one in said["groups"])
    first = 0
    for group in groups:
        if group.first != first or group.count < 1 or (group.grid is not None and group.grid.count != group.count):
            raise ValueError("its groups do not follow one another")
        first += group.count
    if [group.name for group in groups] not in ([LAYOUT], [NETLIST], [LAYOUT, NETLIST]) or first > LIMITS.pieces:
        raise ValueError("it has other groups than a layout and a netlist, or too many pieces")
    return Commitment(said["name"], bytes.fromhex(said["root"]), groups, envelope)


def _group_json(group: Group) -> dict[str, Any]:
    grid = group.grid
    said: dict[str, Any] = {"name": group.name, "first": group.first, "count": group.count}
    if grid is not None:
        said["grid"] = {
            "left": grid.left,
            "bottom": grid.bottom,
            "tile": grid.tile,
            "columns": grid.columns,
            "rows": grid.rows,
            "layers": [list(layer) for layer in grid.layers],
            "picometres": grid.dbu,
        }
    return said


def _group_of(said: Any) -> Group:
    grid = None
    if (said["name"] == LAYOUT) != ("grid" in said):
        raise ValueError("a layout has a grid, and nothing else has")
    if "grid" in said:
        of = said["grid"]
        numbers = [of[name] for name in ("left", "bottom", "tile", "columns", "rows", "picometres")]
        layers = tuple((layer, datatype) for layer, datatype in of["layers"])
        flat = [*numbers, *(number for layer in layers for number in layer)]
        if (
            not all(type(number) is int for number in flat)
            or min(numbers[2:]) < 1
            or list(layers) != sorted(set(layers))
        ):
            raise ValueError("its grid is none")
        left, bottom, tile, columns, rows, dbu = numbers
        reach = max(abs(left), abs(bottom)) + tile * max(columns, rows)
        if reach > _MOST_COORDINATE or not all(0 <= number < 1 << 16 for layer in layers for number in layer):
            raise ValueError("its grid leaves the plane of a layout")
        grid = Grid(left, bottom, tile, columns, rows, layers, dbu)
    if type(said["first"]) is not int or type(said["count"]) is not int:
        raise ValueError("a group without numbers")
    return Group(said["name"], said["first"], said["count"], grid)
