"""The trusted cell library: geometry found by content, never by what a drawing calls it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from klayout import db

from sandgrain.layout.cell import CellModel, digest_of, model_of, regions_of
from sandgrain.layout.errors import LibraryError
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.process import Process
from sandgrain.layout.read import read_layout


def _package(process: Process) -> Path | None:
    """Where the process's package is, None if it is not installed."""
    spec = importlib.util.find_spec(process.library.package)
    return None if spec is None or not spec.submodule_search_locations else Path(spec.submodule_search_locations[0])


def technology(process: Process) -> Path:
    """The LEF of a technology: how broad wires are, what vias look like.

    Raises:
        LibraryError: the process names none, or its package is not installed.
    """
    root = _package(process)
    path = None if root is None or not process.library.technology else root / process.library.technology
    if path is None or not path.is_file():
        raise LibraryError(
            "the technology's LEF, without which a DEF says nothing of its wires, is not at hand",
            file=path,
            expected=f"{process.library.technology or 'a LEF'} of the package {process.library.package}",
            remedy=f"install the package {process.library.package}, or compare without the DEF",
        )
    return path


class Library:
    """Cells by name and by content; a cell is read when it is first asked for.

    Args:
        process: layers, and where the library is.
        directory: GDS files to use in place of the package's, searched with everything below.
        limits: bounds on every file.

    Raises:
        LibraryError: there is none.
    """

    def __init__(self, process: Process, directory: Path | None = None, limits: LayoutLimits | None = None) -> None:
        self.process = process
        self._limits = limits or LayoutLimits()
        self._files = dict(self._found(directory))
        if not self._files:
            raise LibraryError(
                "the trusted cell library has no GDS file",
                file=directory,
                expected=f"files as {process.library.geometry} of the package {process.library.package}",
                remedy=f"install the package {process.library.package}, or name a directory: --library DIR",
            )
        self._layouts: dict[str, tuple[db.Layout, db.Cell]] = {}
        self._models: dict[str, CellModel] = {}
        self._by_digest: dict[str, str] | None = None

    def _found(self, directory: Path | None) -> Iterable[tuple[str, Path]]:
        if directory is not None:
            return ((path.stem, path) for path in sorted(directory.rglob("*.gds")))
        root = _package(self.process)
        return () if root is None else ((path.stem, path) for path in sorted(root.glob(self.process.library.geometry)))

    @property
    def names(self) -> list[str]:
        """Names of all cells."""
        return list(self._files)

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def file(self, name: str) -> Path:
        """The GDS file of a cell."""
        return self._files[name]

    def cell(self, name: str) -> tuple[db.Layout, db.Cell]:
        """A cell's own drawing.

        Raises:
            LibraryError: its file does not hold it.
        """
        if name not in self._layouts:
            layout = read_layout(self._files[name], self.process, self._limits).layout
            cell = layout.cell(name)
            if cell is None:
                raise LibraryError(
                    f"the file holds no cell {name!r}", file=self._files[name], expected="one cell, called as its file"
                )
            self._layouts[name] = (layout, cell)
        return self._layouts[name]

    def model(self, name: str) -> CellModel:
        """A cell as `CellModel`."""
        if name not in self._models:
            self._models[name] = model_of(*self.cell(name), self.process, name)
        return self._models[name]

    def digest(self, name: str) -> str:
        """SHA-256 of a cell's geometry."""
        if name in self._models:
            return self._models[name].digest
        return digest_of(regions_of(*self.cell(name), self.process))[0]

    def find(self, digest: str, hint: str | None = None) -> CellModel | None:
        """The cell whose geometry has this digest; ``hint`` is merely tried first."""
        if hint is not None and hint in self._files and self.model(hint).digest == digest:
            return self.model(hint)
        if self._by_digest is None:
            self._by_digest = {}
            for name in self._files:
                self._by_digest.setdefault(self.digest(name), name)
        found = self._by_digest.get(digest)
        return None if found is None else self.model(found)
