"""Building a module thing by thing, for readers of formats whose files are small beside structural Verilog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sandgrain.netlist.model import CellTable, Module, Net, NetTable, Parameter, Places, Port
from sandgrain.netlist.names import Names
from sandgrain.verdict import Place

_DIRECTIONS = ("input", "output", "inout")


class ModuleBuilder:
    """A module in the making: net bits are handed out in the order asked for."""

    def __init__(self, name: str, place: Place | None = None, *, black_box: bool = False) -> None:
        self.name = name
        self.place = place
        self.black_box = black_box
        self.bit_count = 0
        self._nets: list[Net] = []
        self._ports: list[Port] = []
        self._types: dict[str, int] = {}
        self._pins: dict[str, int] = {}
        self._type_ids: list[int] = []
        self._names: list[str] = []
        self._places: list[Place | None] = []
        self._pin_offsets = [0]
        self._pin_ids: list[int] = []
        self._directions: list[int] = []
        self._bit_offsets = [0]
        self._bits: list[int] = []
        self._parameters: dict[int, Mapping[str, Parameter]] = {}

    def bits(self, width: int) -> list[int]:
        """``width`` new net bits without a name."""
        first = self.bit_count
        self.bit_count += width
        return list(range(first, first + width))

    def net(
        self,
        name: str,
        bits: Sequence[int],
        *,
        place: Place | None = None,
        hidden: bool = False,
        init: str | None = None,
        attributes: Mapping[str, Parameter] | None = None,
        offset: int = 0,
        upto: bool = False,
    ) -> None:
        """Give ``bits`` (least significant first) a name; see `Net`."""
        array = np.array(bits, np.int32)
        self._nets.append(Net(name, array, place, hidden, init, dict(attributes or {}), offset, upto))

    def port(self, name: str, direction: str, bits: Sequence[int], *, offset: int = 0, upto: bool = False) -> None:
        """Make ``bits`` a port; ``direction`` is ``input``, ``output`` or ``inout``."""
        if direction not in _DIRECTIONS:
            raise ValueError(f"a port is {', '.join(_DIRECTIONS)}, not {direction!r}")
        self._ports.append(Port(name, direction, np.array(bits, np.int32), offset, upto))

    def cell(
        self,
        kind: str,
        name: str,
        pins: Iterable[tuple[str, int, Sequence[int]]],
        *,
        place: Place | None = None,
        parameters: Mapping[str, Parameter] | None = None,
    ) -> int:
        """Add an instance of ``kind``; ``pins`` are (name, direction, bits, least significant first).

        Returns:
            The number of the cell.
        """
        index = len(self._names)
        self._type_ids.append(self._types.setdefault(kind, len(self._types)))
        self._names.append(name)
        self._places.append(place)
        for pin, direction, bits in pins:
            self._pin_ids.append(self._pins.setdefault(pin, len(self._pins)))
            self._directions.append(direction)
            self._bits.extend(bits)
            self._bit_offsets.append(len(self._bits))
        self._pin_offsets.append(len(self._pin_ids))
        if parameters:
            self._parameters[index] = dict(parameters)
        return index

    def finish(self) -> Module:
        """The module."""
        return Module(
            name=self.name,
            place=self.place,
            ports=tuple(self._ports),
            nets=NetTable.of(self._nets),
            cells=CellTable(
                type_names=tuple(self._types),
                type_ids=np.array(self._type_ids, np.int32),
                names=Names.of(self._names),
                places=Places.of(self._places),
                pin_offsets=np.array(self._pin_offsets, np.int64),
                pin_names=tuple(self._pins),
                pin_ids=np.array(self._pin_ids, np.int32),
                pin_directions=np.array(self._directions, np.int8),
                bit_offsets=np.array(self._bit_offsets, np.int64),
                bits=np.array(self._bits, np.int32),
                parameters=self._parameters,
            ),
            bit_count=self.bit_count,
            black_box=self.black_box,
        )
