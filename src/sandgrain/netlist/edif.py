"""Reader of EDIF 2.0.0 netlists (ANSI/EIA-548-1988): level 0, views of type NETLIST.

Every view becomes a module called as its cell; views without contents, as those of external libraries, are black
boxes. A name is shown as its ``rename`` says. An external cell of which the file itself holds a definition with the
same interface is that definition (Yosys writes such files). Where two cells of different libraries, or two views of a
cell, have one name, the later module is called ``library:cell`` or ``cell:view``.

Ports that are arrays are vectors, member 0 their most significant bit, numbered as a rename like ``x[3:0]`` says.
Properties of instances are parameters, those of nets attributes. Other views, schematics, bundles of ports,
parametrised levels and everything unknown are refused by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sandgrain.netlist._edif_syntax import Node, Text
from sandgrain.netlist._edif_view import ANNOTATIONS, EdifView, Scope
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Netlist
from sandgrain.netlist.source import load
from sandgrain.verdict import Place

_IN_LIBRARY: Final = ANNOTATIONS | frozenset(b"technology ediflevel".split())
_IN_CELL: Final = ANNOTATIONS | frozenset(b"celltype".split())
_NETLIST: Final = b"netlist"


def read_edif(path: Path, limits: ReadLimits | None = None) -> Netlist:
    """Read an EDIF 2.0.0 file; the top is the cell its ``design`` names.

    Raises:
        LimitExceeded: it is larger or nested deeper than ``limits`` allow.
        NetlistError: it cannot be read, is not EDIF, is cut short, holds what is not read, or contradicts itself.
    """
    limits = limits or ReadLimits()
    return _Reader(Text(load(path, limits), str(path), limits)).read()


class _Cell:
    def __init__(self, name: str) -> None:
        self.name = name
        self.views: Scope[EdifView] = Scope()


class _Reader:
    """The places of the file being read: in which library, cell and view the next part stands."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.libraries: Scope[Scope[_Cell]] = Scope()
        self.library: Scope[_Cell] | None = None
        self.library_name = ""
        self.external = False
        self.cell: _Cell | None = None
        self.view: EdifView | None = None
        self.netlist_view = True
        self.views: dict[str, EdifView] = {}
        self.design: Node | None = None

    def read(self) -> Netlist:
        self.text.read(self.enter, self.part, self.leave)
        top = self._top()
        return Netlist({name: view.module() for name, view in self.views.items()}, top)

    def enter(self, container: Node) -> None:
        """Something starts within ``container``, so that its name is known by now."""
        kind = container[1]
        if kind in {b"library", b"external"}:
            self._enter_library(container)
        elif kind == b"cell":
            self._enter_cell(container)
        elif kind == b"view":
            self._enter_view(container)

    def part(self, container: Node, node: Node) -> None:
        """One part of a container, which is entered with its first part, as only then its name is known."""
        kind, keyword = container[1], node[1]
        if keyword in {b"rename", b"name"}:
            if len(container) != 2:
                raise self.text.fail("a second name stands here", "one name", node[0])
            container.append(node)
            return
        self.enter(container)
        if kind == b"edif":
            self._in_file(node)
        elif kind in {b"library", b"external"}:
            if keyword not in _IN_LIBRARY:
                raise self._unknown(node, "a library", "(cell ...)")
            if keyword == b"ediflevel":
                self._level(node)
        elif kind == b"cell":
            if keyword not in _IN_CELL:
                raise self._unknown(node, "a cell", "(view ...)")
        elif kind == b"view":
            self._in_view(container, node)
        else:
            self._in_contents(container, node)

    def leave(self, container: Node) -> None:
        """The end of a container, which may have had no part."""
        self.enter(container)
        kind = container[1]
        if kind in {b"library", b"external"}:
            self.library = None
        elif kind == b"cell":
            self.cell = None
        elif kind == b"view":
            self.view = None
        elif kind == b"contents":
            self._contents_of(container)

    def _unknown(self, node: Node, where: str, expected: str) -> Exception:
        return self.text.fail(f"{quote(node[1])} in {where} is not read", expected, node[0])

    def _in_file(self, node: Node) -> None:
        keyword = node[1]
        if keyword == b"edifversion":
            if node[2:] != [b"2", b"0", b"0"]:
                shown = b" ".join(item for item in node[2:] if isinstance(item, bytes))
                raise self.text.fail(f"the file is of EDIF version {quote(shown)}", "version 2 0 0", node[0])
        elif keyword == b"ediflevel":
            self._level(node)
        elif keyword == b"keywordmap":
            for item in node[2:]:
                if not isinstance(item, list) or item[1:] != [b"keywordlevel", b"0"]:
                    raise self.text.fail("keywords are given other meanings", "(keywordLevel 0) alone", node[0])
        elif keyword == b"design":
            if self.design is not None:
                raise self.text.fail("there is a second design", "one design", node[0])
            self.design = node
        elif keyword not in ANNOTATIONS:
            raise self._unknown(node, "the file", "(library ...), (external ...) or (design ...)")

    def _level(self, node: Node) -> None:
        if node[2:] != [b"0"]:
            raise self.text.fail("the file is of a higher EDIF level", "(edifLevel 0)", node[0])

    def _name(self, container: Node) -> tuple[bytes, str]:
        if len(container) != 3:
            raise self.text.fail(f"{quote(container[1])} has no name, or several", "a name first", container[0])
        key, shown, width = self.text.name(container[2], container[0])
        if width is not None:
            raise self.text.fail("an array stands where a name should", "a name", container[0])
        return key, shown

    def _enter_library(self, container: Node) -> Scope[_Cell]:
        if self.library is None:
            key, self.library_name = self._name(container)
            self.external = container[1] == b"external"
            self.library = Scope()
            if not self.libraries.add(key, self.library):
                raise self.text.fail(f"library {quote(key)} is there twice", "each only once", container[0])
        return self.library

    def _enter_cell(self, container: Node) -> _Cell:
        if self.cell is None:
            key, shown = self._name(container)
            self.cell = _Cell(shown)
            if self.library is None or not self.library.add(key, self.cell):
                raise self.text.fail(f"cell {quote(key)} is there twice", "each only once", container[0])
        return self.cell

    def _enter_view(self, container: Node) -> EdifView:
        if self.view is None:
            assert self.cell is not None  # noqa: S101 - a view is read within a cell only
            key, shown = self._name(container)
            name = self.cell.name
            taken = self.views.get(name)
            if taken is not None and not (taken.external and not self.external):
                name = f"{name}:{shown}" if len(self.cell.views) else f"{self.library_name}:{name}"
            place = Place(file=self.text.file, line=self.text.line(container[0]))
            self.view = EdifView(name, place, self.text, external=self.external)
            self.netlist_view = True
            if not self.cell.views.add(key, self.view):
                raise self.text.fail(f"view {quote(key)} is there twice", "each only once", container[0])
            if len(self.views) >= self.text.limits.modules:
                raise self.text.exceeded("there are too many cells", "modules", container[0])
        return self.view

    def _in_view(self, container: Node, node: Node) -> None:
        view = self._enter_view(container)
        keyword = node[1]
        if keyword == b"viewtype":
            kind = node[2] if len(node) > 2 else b""
            self.netlist_view = isinstance(kind, bytes) and kind.lower() == _NETLIST
        elif keyword == b"interface":
            view.interface(node)
            self._register(view, container)
        elif keyword not in ANNOTATIONS:
            raise self._unknown(node, "a view", "(interface ...) or (contents ...)")

    def _register(self, view: EdifView, container: Node) -> None:
        """Enter a view whose interface is known among the modules."""
        assert self.cell is not None  # noqa: S101 - a view is read within a cell only
        taken = self.views.get(self.cell.name)
        if taken is not None and taken is not view and taken.external != view.external and taken.same_interface(view):
            # One is the definition of the other.
            view.name = taken.name
            if not view.external:
                self.views[view.name] = view
            return
        if taken is not None and taken is not view and view.name == taken.name:
            view.name = f"{self.library_name}:{view.name}"
        if self.views.setdefault(view.name, view) is not view:
            raise self.text.fail(f"two modules would be called {quote(view.name)}", "other names", container[0])

    def _contents_of(self, container: Node) -> EdifView:
        if self.view is None or not self.netlist_view:
            raise self.text.fail(
                "the contents of a view that is no netlist are not read", "(viewType NETLIST)", container[0]
            )
        self.view.black_box = False
        return self.view

    def _in_contents(self, container: Node, node: Node) -> None:
        view = self._contents_of(container)
        view.content(node, self._view_of(node) if node[1] == b"instance" else None)

    def _view_of(self, node: Node) -> EdifView:
        """What an instance is of."""
        references = [item for item in node[3:] if isinstance(item, list) and item[1] in {b"viewref", b"cellref"}]
        if len(node) < 3 or len(references) != 1:
            raise self.text.fail("an instance does not say of what", "(instance name (viewRef ...))", node[0])
        reference = references[0]
        view_key = None
        if reference[1] == b"viewref":
            view_key = reference[2] if len(reference) == 4 else None
            cell_reference = reference[3] if len(reference) == 4 else None
        else:
            cell_reference = reference
        cell = self._cell_of(cell_reference, node)
        view = next(iter(cell.views.things()), None) if view_key is None else None
        if isinstance(view_key, bytes):
            view = cell.views.get(view_key)
        if view is None or view.name not in self.views:
            raise self.text.fail(f"cell {quote(cell.name)} has no such view", "a view defined before", node[0])
        return view

    def _cell_of(self, reference: object, node: Node) -> _Cell:
        if not isinstance(reference, list) or reference[1] != b"cellref" or not 3 <= len(reference) <= 4:
            raise self.text.fail(
                "something else than a cell is referred to", "(cellRef name (libraryRef ...))", node[0]
            )
        library, named = self.library, b""
        if len(reference) == 4:
            item = reference[3]
            if not isinstance(item, list) or item[1] != b"libraryref" or len(item) != 3:
                raise self.text.fail("something else than a library is referred to", "(libraryRef name)", node[0])
            named = item[2]
            library = self.libraries.get(named) if isinstance(named, bytes) else None
        key = reference[2]
        cell = library.get(key) if library is not None and isinstance(key, bytes) else None
        if cell is None:
            shown = quote(key) if isinstance(key, bytes) else "a list"
            of = f" in library {quote(named)}" if isinstance(named, bytes) and named else ""
            raise self.text.fail(f"there is no cell {shown}{of}", "a cell defined before it is used", node[0])
        return cell

    def _top(self) -> str:
        if self.design is not None:
            references = [item for item in self.design[3:] if isinstance(item, list) and item[1] == b"cellref"]
            cell = self._cell_of(references[0] if references else None, self.design)
            view = next(iter(cell.views.things()), None)
            if view is None or view.name not in self.views:
                raise self.text.fail(f"cell {quote(cell.name)} has no view", "a view with an interface", self.design[0])
            return view.name
        used = {name for view in self.views.values() for name in view.used()}
        tops = [name for name, view in self.views.items() if name not in used and not view.black_box]
        if len(tops) != 1:
            raise self.text.fail(
                f"the file names no design, and {len(tops)} cells could be it", "(design name (cellRef ...))", 0
            )
        return tops[0]
