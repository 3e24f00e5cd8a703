"""Cutting a drawing into pieces: a layout into tiles of each layer, a description into its modules.

The bytes of a piece of a layout are the edges of the merged polygons inside its tile, sorted. They do not depend on the
hierarchy, on names, or on the order or shape of the polygons that make up the same figure. Texts are no silicon and
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import klayout.db as kdb
import numpy as np
import numpy.typing as npt

from sandgrain.errors import LimitExceeded
from sandgrain.transparency._canonical import read_bounded
from sandgrain.transparency._durable import write_durably
from sandgrain.transparency.commitment import Grid, Piece
from sandgrain.transparency.errors import EvidenceError
from sandgrain.transparency.limits import LIMITS

_MAGIC = b"sandgrain.tile/1"
# Comments and strings, which may hold the words `module` and `endmodule`, and the words themselves.
_VERILOG = re.compile(rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|\\\S+|\b(endmodule|module|macromodule)\b", re.DOTALL)
_NAME = re.compile(rb"\s*(?:automatic\s+|static\s+)?(\\\S+|[A-Za-z_][\w$]*)")


class Drawing:
    """A layout that can be cut into tiles.

    Attributes:
        grid: how.
    """

    def __init__(self, path: Path, tile: float) -> None:
        """Read a layout.

        Args:
            path: GDSII or OASIS with one top cell.
            tile: edge length of a tile in micrometres.

        Raises:
            EvidenceError: it cannot be read, has several top cells or nothing in it, or the tile is too small.
            LimitExceeded: there would be too many pieces.
        """
        self._path = path
        self._layout = kdb.Layout()
        try:
            self._layout.read(str(path))
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise EvidenceError(f"the layout cannot be read: {reason}", file=path, expected="GDSII or OASIS") from error
        tops = self._layout.top_cells()
        if len(tops) != 1:
            raise EvidenceError(f"the layout has {len(tops)} top cells", file=path, expected="one")
        self._top = tops[0]
        box = self._top.bbox()
        dbu = round(self._layout.dbu * 1_000_000)
        edge = round(tile * 1_000_000 / dbu) if dbu else 0
        if box.empty() or edge < 1:
            raise EvidenceError(
                "there is nothing to cut", file=path, expected="shapes, and a tile of at least one unit"
            )
        infos = sorted(
            (info.layer, info.datatype, index)
            for index in self._layout.layer_indexes()
            if not self._top.bbox_per_layer(index).empty()
            for info in [self._layout.get_info(index)]
        )
        self._indexes: dict[tuple[int, int], list[int]] = {}
        for layer, datatype, index in infos:
            self._indexes.setdefault((layer, datatype), []).append(index)
        self.grid = Grid(
            box.left,
            box.bottom,
            edge,
            max(1, -(-box.width() // edge)),
            max(1, -(-box.height() // edge)),
            tuple(sorted(self._indexes)),
            dbu,
        )
        if self.grid.count > LIMITS.pieces:
            raise LimitExceeded(
                f"the drawing has {self.grid.count:,} pieces", file=path, expected=f"at most {LIMITS.pieces} (pieces)",
                remedy="take larger tiles",
            )  # fmt: skip

    def content(self, piece: int) -> bytes:
        """The bytes of a piece: see :func:`edges_of`.

        Raises:
            LimitExceeded: there are too many shapes in it.
        """
        layer, (left, bottom, right, top) = self.grid.place(piece)
        box = kdb.Box(left, bottom, right, top)
        region = kdb.Region()
        region.merged_semantics = False
        for index in self._indexes[layer]:
            region += kdb.Region(self._top.begin_shapes_rec_overlapping(index, box))
        if region.count() > LIMITS.drawing_shapes:
            raise LimitExceeded("more shapes than allowed", file=self._path, expected="drawing_shapes")
        return _encoded(region & kdb.Region(box))

    def pieces(self) -> Iterator[Piece]:
        """Every piece in the order of the grid."""
        for piece in range(self.grid.count):
            yield Piece.of(self.grid.name(piece), self.content(piece))


def encode_edges(edges: npt.NDArray[np.int64]) -> bytes:
    """The bytes of a piece of a layout.

    Args:
        edges: int64 of shape (n, 4): x and y of begin and end, in database units, the figure on the right side.
    """
    order = np.lexsort(edges.T[::-1])
    return _MAGIC + edges[order].astype("<i8").tobytes()


def edges_of(data: bytes) -> npt.NDArray[np.int64]:
    """The edges in a piece of a layout, int64 of shape (n, 4): x and y of begin and end, in database units.

    The figure is on the right side of each edge, as klayout has it; outlines run clockwise, holes the other way.

    Raises:
        EvidenceError: the bytes are no piece of a layout.
    """
    body = data[len(_MAGIC) :]
    if not data.startswith(_MAGIC) or len(body) % 32:
        raise EvidenceError("these bytes are no piece of a layout", expected="edges of four coordinates each")
    return np.frombuffer(body, dtype="<i8").reshape(-1, 4).astype(np.int64)


def is_figure(data: bytes, box: tuple[int, int, int, int]) -> bool:
    """Whether bytes are what :meth:`Drawing.content` gives for some figure inside a box, in its spelling.

    A vendor can commit to any bytes; only these mean a drawing.
    """
    try:
        edges = edges_of(data)
    except EvidenceError:
        return False
    left, bottom, right, top = box
    if len(edges) and (
        edges[:, (0, 2)].min() < left
        or edges[:, (1, 3)].min() < bottom
        or edges[:, (0, 2)].max() > right
        or edges[:, (1, 3)].max() > top
    ):
        return False
    begins, ends = (points[np.lexsort(points.T)] for points in (edges[:, :2], edges[:, 2:]))
    if not np.array_equal(begins, ends):
        return False  # outlines that are not closed
    try:
        return _encoded(kdb.Region(_polygons(edges))) == data
    except RuntimeError:  # edges that bound nothing
        return False


def _polygons(edges: npt.NDArray[np.int64]) -> list[kdb.Polygon]:
    return kdb.EdgeProcessor().simple_merge_e2p([kdb.Edge(*map(int, row)) for row in edges], False, False)


def _encoded(region: kdb.Region) -> bytes:
    merged = region.merged().edges()
    rows = [(edge.x1, edge.y1, edge.x2, edge.y2) for edge in merged.each()]
    return encode_edges(np.array(rows, dtype=np.int64).reshape(-1, 4))


def write_layout(path: Path, grid: Grid, pieces: Iterable[tuple[tuple[int, int], bytes]]) -> None:
    """Write revealed pieces of a layout as one GDSII file, every piece where it belongs.

    Raises:
        EvidenceError: bytes that are no piece of a layout.
        StorageError: it cannot be written.
    """
    layout = kdb.Layout()
    layout.dbu = grid.dbu / 1_000_000
    cell = layout.create_cell("REVEALED")
    for (layer, datatype), data in pieces:
        shapes = cell.shapes(layout.layer(layer, datatype))
        for polygon in _polygons(edges_of(data)):
            shapes.insert(polygon)
    options = kdb.SaveLayoutOptions()
    options.format = "GDS2"
    options.gds2_write_timestamps = False
    write_durably(path, layout.write_bytes(options))


def modules(files: Sequence[tuple[str, Path]]) -> list[tuple[str, bytes]]:
    """The modules of Verilog files, as they are written, and what each file holds outside of them.

    Args:
        files: name and place of each.

    Returns:
        Name and bytes of each piece: ``FILE:MODULE``, and ``FILE`` for the text outside modules.

    Raises:
        EvidenceError: a file cannot be read, or has a module without end.
    """
    found: list[tuple[str, bytes]] = []
    for name, path in files:
        data = read_bounded(path, LIMITS.piece_bytes, "piece_bytes", "description")
        outside = []
        at, start, module = 0, -1, b""
        for match in _VERILOG.finditer(data):
            word = match[1]
            if word in (b"module", b"macromodule") and start < 0:
                named = _NAME.match(data, match.end())
                start, module = match.start(), named[1] if named else b"?"
                outside.append(data[at:start])
            elif word == b"endmodule" and start >= 0:
                found.append((f"{name}:{module.decode('utf-8', errors='replace')}", data[start : match.end()]))
                at, start = match.end(), -1
        if start >= 0:
            line = data.count(b"\n", 0, start) + 1
            raise EvidenceError(
                "a module has no end", file=path, line=line, expected="Verilog, endmodule behind every module"
            )
        found.append((name, b"".join([*outside, data[at:]])))
    names: dict[str, int] = {}
    unique = []
    for piece, data in found:
        names[piece] = names.get(piece, 0) + 1
        unique.append((piece if names[piece] == 1 else f"{piece} #{names[piece]}", data))
    return unique
