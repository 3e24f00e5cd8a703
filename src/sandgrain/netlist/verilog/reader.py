"""From Verilog files to a `Netlist`: the compiled reader where it knows the statement, the full grammar where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import Module, Netlist
from sandgrain.netlist.names import Names
from sandgrain.netlist.source import load
from sandgrain.netlist.verilog import _layout as k
from sandgrain.netlist.verilog._kernel import read_statements
from sandgrain.netlist.verilog._preprocess import preprocess
from sandgrain.netlist.verilog._statements import Statements
from sandgrain.netlist.verilog._tables import ModuleTables
from sandgrain.verdict import Place

_STEP: Final = 4 << 20
"""Bytes between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """A user-defined primitive as written, ``primitive`` to ``endprimitive``."""

    name: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class VerilogSource:
    """What Verilog files describe.

    Attributes:
        modules: by name.
        primitives: user-defined primitives by name.
        unusual: where, and a sentence on something a careful reader would ask about.
    """

    modules: Mapping[str, Module]
    primitives: Mapping[str, Primitive]
    unusual: tuple[tuple[Place, str], ...] = ()

    def netlist(self, top: str | None = None) -> Netlist:
        """The modules as a netlist.

        Args:
            top: the module that is the chip; by default the only one nobody instantiates and that has an inside.

        Raises:
            NetlistError: there is no such module, or several could be it.
        """
        if top is None:
            used = {kind for module in self.modules.values() for kind in module.cells.type_names}
            candidates = [name for name, module in self.modules.items() if name not in used and not module.black_box]
            if len(candidates) != 1:
                shown = ", ".join(sorted(candidates or self.modules)[:10]) or "the files describe no module"
                raise NetlistError(
                    f"{len(candidates)} modules could be the top module",
                    expected=f"the name of one of: {shown}",
                    remedy="name the top module",
                )
            top = candidates[0]
        if top not in self.modules:
            raise NetlistError(
                f"there is no module {top!r}",
                expected=f"one of: {', '.join(sorted(self.modules)[:10]) or '(the files describe no module)'}",
                remedy="correct the name of the top module",
            )
        return Netlist(self.modules, top)


def kernels_compiled() -> bool:
    """Whether the compiled reader is at hand; else the first netlist waits some seconds for the compiler."""
    path = read_statements.stats.cache_path
    return path is None or any(Path(path).glob("_kernel.read_statements*.nbi"))


def read_verilog(
    paths: Iterable[Path],
    limits: ReadLimits | None = None,
    *,
    defines: Mapping[str, str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> VerilogSource:
    """Read structural Verilog files, plain or compressed.

    Args:
        paths: the files; a module may be described in any of them, once.
        limits: bounds on hostile input.
        defines: macros known beforehand.
        progress: called with the share of the present file that has been read.

    Raises:
        NetlistError: with file, line and column, what was found and what was expected.
        LimitExceeded: naming the limit.
    """
    limits = limits or ReadLimits()
    modules: dict[str, Module] = {}
    primitives: dict[str, Primitive] = {}
    unusual: list[tuple[Place, str]] = []
    for path in paths:
        source = read_verilog_text(load(path, limits), str(path), limits, defines=defines, progress=progress)
        for module in source.modules.values():
            _add(modules, module, unusual)
        for name, primitive in source.primitives.items():
            known = primitives.get(name)
            if known is not None and known.text != primitive.text:
                raise _twice("primitive", name, known.place, primitive.place)
            primitives[name] = primitive
        unusual += source.unusual
    return VerilogSource(modules, primitives, tuple(unusual))


def read_verilog_text(
    source: bytes,
    file: str,
    limits: ReadLimits | None = None,
    *,
    defines: Mapping[str, str] | None = None,
    progress: Callable[[float], None] | None = None,
    compiled: bool = True,
) -> VerilogSource:
    """Read the text of one Verilog file; see `read_verilog`.

    Args:
        compiled: ``False`` takes the full grammar for every statement (to check one against the other).
    """
    limits = limits or ReadLimits()
    prepared = preprocess(source, file, defines or {}, limits)
    text = np.frombuffer(prepared.text, np.uint8)
    tables = ModuleTables(text, file, limits)
    statements = Statements(prepared.text, tables)
    modules: dict[str, Module] = {}
    primitives: dict[str, Primitive] = {}
    switches = list(prepared.implicit)

    twice: list[tuple[Place, str]] = []

    def add(module: Module) -> None:
        if len(modules) >= limits.modules:
            raise LimitExceeded(
                f"more than {limits.modules:,} modules",
                file=file,
                expected=f"at most {limits.modules:,} (ReadLimits.modules)",
                remedy="raise the limit",
            )
        _add(modules, module, twice)

    while True:
        if statements.header is None:
            while switches and switches[0][0] <= tables.n[k.POS]:
                tables.n[k.IMPLICIT] = switches.pop(0)[1]
            found = statements.outside()
            if found is None:
                continue
            name, start, end = found
            if not name:
                break
            place = tables.place(start)
            if name in primitives:
                raise _twice("primitive", name, primitives[name].place, place)
            primitives[name] = Primitive(name, prepared.text[start:end].decode("utf-8", "backslashreplace"), place)
            continue
        code = k.SLOW
        if compiled:
            code = int(read_statements(*tables.t, tables.n, min(int(tables.n[k.POS]) + _STEP, text.size)))
        if code == k.MODULE_END:
            add(statements.finish())
        elif code == k.SLOW or (code == k.END and tables.n[k.POS] >= text.size):
            module = statements.inside()
            if module is not None:
                add(module)
        elif code == k.END:
            tables.check_limits()
            if progress is not None:
                progress(float(tables.n[k.POS]) / text.size)
        else:
            tables.grow(code)
    tables.seal()
    unusual = twice + [(Place(file=file, line=line), said) for line, said in prepared.unusual]
    unusual += [(tables.place(at), said) for at, said in statements.unusual]
    if not modules and not primitives:
        raise NetlistError(
            "the text describes no module", file=file, expected="module ... endmodule", remedy="check the file"
        )
    return VerilogSource(modules, primitives, tuple(unusual))


def _add(modules: dict[str, Module], module: Module, unusual: list[tuple[Place, str]]) -> None:
    """Add a module; the same description once more is unusual, another one an error."""
    known = modules.setdefault(module.name, module)
    if known is module:
        return
    if not _same(known, module) or module.place is None:
        raise _twice("module", module.name, known.place, module.place)
    unusual.append((module.place, f"the module {module.name!r} is described twice, in the same way"))


def _same(one: Module, other: Module) -> bool:
    """Whether two modules say the same: ports, nets and cells in the same order."""
    a, b = one.cells, other.cells
    return (
        [(port.name, port.direction, port.bits.tolist()) for port in one.ports]
        == [(port.name, port.direction, port.bits.tolist()) for port in other.ports]
        and _same_names(one.nets.names, other.nets.names)
        and _same_names(a.names, b.names)
        and np.array_equal(one.nets.bits, other.nets.bits)
        and a.type_names == b.type_names
        and a.pin_names == b.pin_names
        and np.array_equal(a.type_ids, b.type_ids)
        and np.array_equal(a.pin_offsets, b.pin_offsets)
        and np.array_equal(a.pin_ids, b.pin_ids)
        and np.array_equal(a.bit_offsets, b.bit_offsets)
        and np.array_equal(a.bits, b.bits)
        and a.parameters == b.parameters
    )


def _same_names(one: Names, other: Names) -> bool:
    if one.table is other.table:  # of one file, whose table is filled at its end
        return np.array_equal(one.ids, other.ids)
    return list(one) == list(other)


def _twice(what: str, name: str, first: Place | None, second: Place | None) -> NetlistError:
    before = "" if first is None else f" (first at {first.file}:{first.line})"
    return NetlistError(
        f"the {what} {name!r} is described twice{before}",
        file=None if second is None else second.file,
        line=None if second is None else second.line,
        expected=f"every {what} once",
        remedy="leave one of them out",
    )
