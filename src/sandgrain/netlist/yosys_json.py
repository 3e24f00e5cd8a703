"""Reader of the netlists Yosys writes with ``write_json``.

The format is described by Yosys ``help write_json``. Garbage is refused with the place in the document; what the
audit does not need (models, offsets of memories) is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandgrain.errors import ElaborationError, LimitExceeded
from sandgrain.netlist.builder import ModuleBuilder
from sandgrain.netlist.limits import ElaborationLimits
from sandgrain.netlist.model import (
    INPUT,
    ONE,
    OUTPUT,
    UNKNOWN_DIRECTION,
    ZERO,
    Module,
    Netlist,
    Parameter,
    X,
    Z,
    place_of,
)
from sandgrain.verdict import Place

_CONSTANTS = {"0": ZERO, "1": ONE, "x": X, "z": Z}
_DIRECTIONS = {"input": INPUT, "output": OUTPUT, "inout": UNKNOWN_DIRECTION}
_BIT_BOUND = 1 << 40  # what a document may number a net; they are renumbered densely
_KNOWN_NET_ATTRIBUTES = frozenset({"src", "init"})


def read_yosys_json(
    path: Path,
    limits: ElaborationLimits | None = None,
    *,
    top: str | None = None,
    files: Mapping[str, str] | None = None,
) -> Netlist:
    """Read a netlist from the JSON that Yosys ``write_json`` writes.

    Args:
        path: the document.
        limits: ``json_bytes`` bounds its size.
        top: name of the top module; by default the module that carries the ``top`` attribute, or the only one.
        files: submission-relative file name by the name used in ``src`` attributes; by default names as they are.

    Raises:
        LimitExceeded: the document is too large.
        ElaborationError: it is not such a document, or has no or several top modules.
    """
    limits = limits or ElaborationLimits()
    try:
        size = path.stat().st_size
        if size > limits.json_bytes:
            raise LimitExceeded(
                f"the netlist has {size:,} bytes",
                file=path.name,
                expected=f"at most {limits.json_bytes:,} bytes (ElaborationLimits.json_bytes)",
                remedy="raise the limit, or submit a smaller top module",
            )
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ElaborationError(
            f"the netlist cannot be read: {error.strerror}", file=path.name, expected="a JSON netlist"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ElaborationError(
            f"not a JSON document: {error}",
            file=path.name,
            line=getattr(error, "lineno", None),
            expected="the output of Yosys write_json",
            remedy="write the netlist again",
        ) from error
    return _Reader(path.name, files or {}).netlist(document, top)


class _Reader:
    """One document: knows the file name for messages and interns what repeats."""

    def __init__(self, file: str, files: Mapping[str, str]) -> None:
        self.file = file
        self.files = files

    def fail(self, where: str, expected: str) -> ElaborationError:
        return ElaborationError(
            f"{where} is not as Yosys writes it",
            file=self.file,
            expected=expected,
            remedy="write the netlist again with Yosys write_json",
        )

    def mapping(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(where, "an object")
        return value

    def values(self, value: Any, where: str) -> dict[str, Parameter]:
        raw = self.mapping(value, where)
        for name, one in raw.items():
            if not isinstance(one, (str, int)):
                raise self.fail(f"{where}, {name}", "a string or an integer")
        return raw

    def netlist(self, document: Any, top: str | None) -> Netlist:
        raw = self.mapping(self.mapping(document, "the document").get("modules"), "modules")
        modules = {name: self.module(name, module) for name, module in raw.items()}
        if top is None:
            marked = [name for name, module in raw.items() if _is_set(module.get("attributes", {}).get("top"))] or list(
                raw
            )
            if len(marked) != 1:
                raise ElaborationError(
                    f"{len(marked)} modules could be the top module",
                    file=self.file,
                    expected="exactly one module with the attribute top",
                    remedy="name the top module",
                )
            top = marked[0]
        if top not in modules:
            raise ElaborationError(
                f"there is no module {top}",
                file=self.file,
                expected=f"one of: {', '.join(sorted(modules)[:10]) or '(the netlist is empty)'}",
                remedy="correct the name of the top module",
            )
        return Netlist(modules, top)

    def module(self, name: str, value: Any) -> Module:
        where = f"module {name}"
        raw = self.mapping(value, where)
        attributes = self.mapping(raw.get("attributes", {}), f"{where}, attributes")
        numbers = _Numbers()
        builder = ModuleBuilder(
            name,
            self.place(attributes),
            black_box=_is_set(attributes.get("blackbox")) or _is_set(attributes.get("whitebox")),
        )
        for port, data in self.mapping(raw.get("ports", {}), f"{where}, ports").items():
            self.port(port, data, f"{where}, port {port}", numbers, builder)
        self.cells(self.mapping(raw.get("cells", {}), f"{where}, cells"), where, numbers, builder)
        for net, data in self.mapping(raw.get("netnames", {}), f"{where}, netnames").items():
            self.net(net, data, f"{where}, net {net}", numbers, builder)
        builder.bits(numbers.count)
        return builder.finish()

    def place(self, attributes: Mapping[str, Any]) -> Place | None:
        return place_of(str(attributes.get("src", "")), self.files)

    def bits(self, value: Any, where: str, numbers: _Numbers) -> list[int]:
        if not isinstance(value, list):
            raise self.fail(f"{where}, bits", "a list of net numbers and the strings 0, 1, x, z")
        try:
            return [numbers[bit] for bit in value]
        except (KeyError, TypeError):
            raise self.fail(f"{where}, bits", "a list of net numbers and the strings 0, 1, x, z") from None

    def port(self, name: str, value: Any, where: str, numbers: _Numbers, builder: ModuleBuilder) -> None:
        raw = self.mapping(value, where)
        direction = raw.get("direction")
        if not isinstance(direction, str) or direction not in _DIRECTIONS:
            raise self.fail(f"{where}, direction", "input, output or inout")
        bits = self.bits(raw.get("bits"), where, numbers)
        builder.port(name, direction, bits, offset=self.integer(raw, "offset", where), upto=bool(raw.get("upto")))

    def integer(self, raw: Mapping[str, Any], key: str, where: str) -> int:
        value = raw.get(key, 0)
        if not isinstance(value, int):
            raise self.fail(f"{where}, {key}", "an integer")
        return value

    def net(self, name: str, value: Any, where: str, numbers: _Numbers, builder: ModuleBuilder) -> None:
        raw = self.mapping(value, where)
        attributes = self.values(raw.get("attributes", {}), f"{where}, attributes")
        bits = self.bits(raw.get("bits"), where, numbers)
        init = attributes.get("init")
        if init is not None:
            # Yosys appends a blank to strings that look like numbers; an init is always a number.
            init = str(init).strip()
            if set(init) - set("01x"):
                raise self.fail(f"{where}, init", "a string of 0, 1 and x")
            # A shorter attribute leaves the upper bits undefined.
            init = init[-len(bits) :].rjust(len(bits), "x") if bits else None
        builder.net(
            name,
            bits,
            place=self.place(attributes),
            hidden=_is_set(raw.get("hide_name")),
            init=init,
            attributes={key: text for key, text in attributes.items() if key not in _KNOWN_NET_ATTRIBUTES},
            offset=self.integer(raw, "offset", where),
            upto=bool(raw.get("upto")),
        )

    def cells(self, raw: Mapping[str, Any], where: str, numbers: _Numbers, builder: ModuleBuilder) -> None:
        for name, value in raw.items():
            here = f"{where}, cell {name}"
            cell = self.mapping(value, here)
            kind = cell.get("type")
            if not isinstance(kind, str) or not kind:
                raise self.fail(f"{here}, type", "the name of a cell type")
            known = self.mapping(cell.get("port_directions", {}), here)
            pins = []
            for pin, connected in self.mapping(cell.get("connections", {}), here).items():
                word = known.get(pin, "inout")
                direction = _DIRECTIONS.get(word) if isinstance(word, str) else None
                if direction is None:
                    raise self.fail(f"{here}, pin {pin}, direction", "input, output or inout")
                pins.append((pin, direction, self.bits(connected, f"{here}, pin {pin}", numbers)))
            builder.cell(
                kind,
                name,
                pins,
                place=self.place(self.mapping(cell.get("attributes", {}), here)),
                parameters=self.values(cell.get("parameters", {}), f"{here}, parameters"),
            )


class _Numbers(dict[Any, int]):
    """Dense numbers for the net bits of one module, given in the order they are met."""

    def __init__(self) -> None:
        super().__init__(_CONSTANTS)
        self.count = 0

    def __missing__(self, bit: Any) -> int:
        # bool is an int to Python, not to Yosys.
        if type(bit) is not int or not 0 <= bit < _BIT_BOUND:
            raise KeyError(bit)
        number = self[bit] = self.count
        self.count += 1
        return number


def _is_set(value: Any) -> bool:
    """Whether a Yosys attribute is there and is not zero; they come as binary strings or as integers."""
    return value is not None and str(value).strip().strip("0") != ""
