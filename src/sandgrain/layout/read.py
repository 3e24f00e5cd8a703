"""Reading a drawing into memory, once it has been found harmless."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from klayout import db

from sandgrain.layout._bytes import read_bytes
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import Process
from sandgrain.layout.scan import scan_gds

_OASIS = b"%SEMI-OASIS\r\n"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing as read.

    Attributes:
        file: where it came from.
        sha256: digest of the file's bytes.
        layout: what it holds.
    """

    file: Path
    sha256: str
    layout: db.Layout

    def top(self, name: str | None) -> db.Cell:
        """The cell called ``name``; the only one no other cell holds when left out.

        Raises:
            LayoutError: there is no such cell, or several could be meant.
        """
        if name is not None and self.layout.has_cell(name):
            return self.layout.cell(name)
        tops = [cell.name for cell in self.layout.top_cells()]
        if name is None and len(tops) == 1:
            return self.layout.top_cell()
        shown = ", ".join(tops[:8])
        raise LayoutError(
            f"the drawing has no cell {name!r}" if name is not None else f"the drawing has {len(tops)} top cells",
            file=self.file,
            expected=f"one of its top cells: {shown}",
            remedy="name the cell that is the chip: --top NAME",
        )


def read_layout(path: Path, process: Process, limits: LayoutLimits | None = None) -> Drawing:
    """Read GDSII or OASIS.

    The bytes are read once, checked record by record, and only then handed to the reader that builds them up.

    Raises:
        LayoutError: the file is missing, damaged, or in other units than the process.
        LimitExceeded: naming the limit.
    """
    limits = limits or LayoutLimits()
    data = read_bytes(path, "a GDSII or OASIS file", limits)
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith(_OASIS):
        from sandgrain.layout.oasis import records_of

        data = records_of(data, path, limits)
    scan_gds(data, path, process, limits)
    layout = db.Layout()
    options = db.LoadLayoutOptions()
    options.properties_enabled = False
    options.gds2_box_mode = 1
    options.gds2_allow_multi_xy_records = False
    options.gds2_allow_big_records = False
    try:
        layout.read_bytes(data, options)
    except RuntimeError as error:
        raise LayoutError(
            f"the reader refuses it: {str(error).splitlines()[0][:200]}",
            file=path,
            expected="GDSII as the stream format manual, release 6.0, has it",
            remedy="write the file anew",
        ) from error
    return Drawing(path, digest, layout)
