"""The netlist as delivered: modules, ports, nets and cells in dense arrays, with the vendor's names and lines.

Every net bit of a module is an integer ``0 .. bit_count - 1``; the four constants are negative. Nets and cells are
kept as structures of arrays, because a netlist of a real chip has millions of them: the pins of cell ``i`` are
``pin_offsets[i] : pin_offsets[i + 1]`` and the bits of pin ``p`` are ``bits[bit_offsets[p] : bit_offsets[p + 1]]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from sandgrain.netlist.names import Names
from sandgrain.verdict import Place

Bits = NDArray[np.int32]
"""int32 array of net bits, least significant first: ``>= 0`` a net bit, else one of the constants below."""

ZERO: Final = -1
"""The constant 0."""
ONE: Final = -2
"""The constant 1."""
X: Final = -3
"""The unknown value: nothing in the description says what it is."""
Z: Final = -4
"""No driver: high impedance."""

INPUT: Final = 0
"""Direction of a pin its cell reads."""
OUTPUT: Final = 1
"""Direction of a pin its cell drives."""
UNKNOWN_DIRECTION: Final = 2
"""Direction of a pin of a black box nobody described, or of an ``inout`` pin: it may drive."""

_SYMBOLS: Final = {ZERO: "0", ONE: "1", X: "x", Z: "z"}

Parameter = str | int


def bit_text(bit: int) -> str:
    """``n12`` for net bit 12, ``0``, ``1``, ``x`` or ``z`` for a constant."""
    return _SYMBOLS.get(bit, f"n{bit}")


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a module; ``direction`` is ``input``, ``output`` or ``inout``."""

    name: str
    direction: str
    bits: Bits
    offset: int = 0
    upto: bool = False

    @property
    def width(self) -> int:
        """Number of bits."""
        return int(self.bits.size)


@dataclass(frozen=True, slots=True)
class Net:
    """A named net of a module.

    Attributes:
        name: in the vendor's own words, ``.`` between levels of a flattened hierarchy.
        bits: int64 (width,), least significant first.
        place: where it is declared, if the description says.
        hidden: whether the name was made up by the front end.
        init: power-up value, one of ``0 1 x`` per bit, **most significant first**, or ``None`` if there is none.
        attributes: other attributes of the net, as text.
        offset: the index of bit 0 in the vendor's own numbering (the right bound of ``[31:8]`` is 8).
        upto: whether the vendor numbers the bits with the most significant one lowest (``[0:7]``).
    """

    name: str
    bits: Bits
    place: Place | None = None
    hidden: bool = False
    init: str | None = None
    attributes: Mapping[str, Parameter] = field(default_factory=dict)
    offset: int = 0
    upto: bool = False

    @property
    def width(self) -> int:
        """Number of bits."""
        return int(self.bits.size)

    def bit_name(self, index: int) -> str:
        """Name of bit ``index`` (0 is the least significant) as the vendor would write it."""
        if self.width == 1 and self.offset == 0:
            return self.name
        number = self.offset + (self.width - 1 - index if self.upto else index)
        return f"{self.name}[{number}]"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things numbered ``0 .. n - 1`` are described.

    Attributes:
        files: names of the source files, as submitted.
        file_ids: int32 (n,), index into ``files``, -1 where nothing is known.
        lines: uint32 (n,), 1-based line.
    """

    files: tuple[str, ...]
    file_ids: NDArray[np.int32]
    lines: NDArray[np.uint32]

    @staticmethod
    def of(places: Sequence[Place | None]) -> Places:
        """The column of ``places``."""
        files: dict[str, int] = {}
        ids = [-1 if place is None else files.setdefault(place.file, len(files)) for place in places]
        lines = [0 if place is None else place.line for place in places]
        return Places(tuple(files), np.array(ids, np.int32), np.array(lines, np.uint32))

    def __getitem__(self, index: int) -> Place | None:
        file = int(self.file_ids[index])
        return None if file < 0 else Place(file=self.files[file], line=int(self.lines[index]))


@dataclass(frozen=True, slots=True)
class NetTable(Sequence[Net]):
    """The ``n`` named nets of a module as a structure of arrays; indexing hands out a `Net`.

    Attributes:
        names: n names.
        bit_offsets: int64 (n + 1,), the bits of net ``i`` are ``bits[bit_offsets[i] : bit_offsets[i + 1]]``.
        bits: int32, all nets' bits one after another, least significant first.
        places: where each is declared.
        offsets: int32 (n,), the vendor's index of bit 0.
        upto: bool (n,), see `Net`.
        hidden: bool (n,), see `Net`.
        inits: power-up values of the nets that have one, by net.
        attributes: other attributes of the nets that have any, by net.
    """

    names: Names
    bit_offsets: NDArray[np.int64]
    bits: Bits
    places: Places
    offsets: NDArray[np.int32]
    upto: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    inits: Mapping[int, str] = field(default_factory=dict)
    attributes: Mapping[int, Mapping[str, Parameter]] = field(default_factory=dict)

    @staticmethod
    def of(nets: Sequence[Net]) -> NetTable:
        """The table of ``nets``."""
        offsets = np.zeros(len(nets) + 1, np.int64)
        np.cumsum([net.width for net in nets], out=offsets[1:])
        return NetTable(
            names=Names.of(net.name for net in nets),
            bit_offsets=offsets,
            bits=np.concatenate([net.bits for net in nets]).astype(np.int32) if nets else np.empty(0, np.int32),
            places=Places.of([net.place for net in nets]),
            offsets=np.array([net.offset for net in nets], np.int32),
            upto=np.array([net.upto for net in nets], np.bool_),
            hidden=np.array([net.hidden for net in nets], np.bool_),
            inits={index: net.init for index, net in enumerate(nets) if net.init is not None},
            attributes={index: net.attributes for index, net in enumerate(nets) if net.attributes},
        )

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Net: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Net]: ...
    def __getitem__(self, index: int | slice) -> Net | Sequence[Net]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Net(
            name=self.names[index],
            bits=self.bits[int(self.bit_offsets[index]) : int(self.bit_offsets[index + 1])],
            place=self.places[index],
            hidden=bool(self.hidden[index]),
            init=self.inits.get(index),
            attributes=self.attributes.get(index, {}),
            offset=int(self.offsets[index]),
            upto=bool(self.upto[index]),
        )

    def find(self, name: str) -> Net | None:
        """The net called ``name``, if there is one."""
        index = self.names.find(name)
        return None if index < 0 else self[index]


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin of a cell, as :meth:`CellTable.pins` hands it out."""

    name: str
    direction: int
    bits: Bits


@dataclass(frozen=True, slots=True)
class CellTable:
    """The ``n`` cells of a module and their ``p`` pins, as a structure of arrays.

    Attributes:
        type_names: the distinct cell types.
        type_ids: int32 (n,), index into ``type_names``.
        names: n instance names.
        places: where each instance is described.
        pin_offsets: int64 (n + 1,), the pins of cell ``i`` are ``pin_offsets[i] : pin_offsets[i + 1]``.
        pin_names: the distinct pin names.
        pin_ids: int32 (p,), index into ``pin_names``.
        pin_directions: int8 (p,), ``INPUT``, ``OUTPUT`` or ``UNKNOWN_DIRECTION``.
        bit_offsets: int64 (p + 1,), the bits of pin ``j`` are ``bits[bit_offsets[j] : bit_offsets[j + 1]]``.
        bits: int32, all pins' bits one after another, least significant first.
        parameters: parameters of the cells that have any, by cell index.
    """

    type_names: tuple[str, ...]
    type_ids: NDArray[np.int32]
    names: Names
    places: Places
    pin_offsets: NDArray[np.int64]
    pin_names: tuple[str, ...]
    pin_ids: NDArray[np.int32]
    pin_directions: NDArray[np.int8]
    bit_offsets: NDArray[np.int64]
    bits: Bits
    parameters: Mapping[int, Mapping[str, Parameter]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def type_of(self, cell: int) -> str:
        """Type of cell ``cell``: a Yosys cell type (``$_AND_``) or the name of a module."""
        return self.type_names[int(self.type_ids[cell])]

    def pins(self, cell: int) -> Iterator[Pin]:
        """The pins of cell ``cell`` in the order of the description."""
        for index in range(int(self.pin_offsets[cell]), int(self.pin_offsets[cell + 1])):
            first, last = int(self.bit_offsets[index]), int(self.bit_offsets[index + 1])
            yield Pin(self.pin_names[int(self.pin_ids[index])], int(self.pin_directions[index]), self.bits[first:last])

    def pin(self, cell: int, name: str) -> Bits:
        """Bits of the pin ``name`` of cell ``cell``.

        Raises:
            KeyError: the cell has no such pin.
        """
        for pin in self.pins(cell):
            if pin.name == name:
                return pin.bits
        raise KeyError(name)

    def place(self, cell: int) -> Place | None:
        """Where cell ``cell`` is described, if the description says so."""
        return self.places[cell]

    def count_by_type(self) -> dict[str, int]:
        """Number of cells of each type, by type name."""
        counts = np.bincount(self.type_ids, minlength=len(self.type_names))
        return {name: int(count) for name, count in zip(self.type_names, counts, strict=True) if count}

    def of_type(self, name: str) -> NDArray[np.int64]:
        """int64 indices of the cells of type ``name``, ascending; empty if there are none."""
        if name not in self.type_names:
            return np.empty(0, np.int64)
        return np.flatnonzero(self.type_ids == self.type_names.index(name)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its ports, nets and cells over ``bit_count`` net bits."""

    name: str
    place: Place | None
    ports: tuple[Port, ...]
    nets: NetTable
    cells: CellTable
    bit_count: int
    black_box: bool

    def port(self, name: str) -> Port:
        """The port called ``name``.

        Raises:
            KeyError: there is none.
        """
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Netlist:
    """Modules by name, and which of them is the chip."""

    modules: Mapping[str, Module]
    top: str

    @property
    def top_module(self) -> Module:
        """The module that is the chip."""
        return self.modules[self.top]


def place_of(source: str, files: Mapping[str, str]) -> Place | None:
    """The last place of a Yosys ``src`` attribute that lies in a submitted file.

    Flattening puts the places of the instances before that of the cell, so the last is the most specific.

    Args:
        source: ``file:line.column-line.column|...``, or the empty string.
        files: submission-relative file name by the name the attribute uses; an empty mapping takes names as they are.
    """
    for part in reversed(source.split("|")):
        file, _, rest = part.rpartition(":")
        number = rest.partition("-")[0].partition(".")[0]
        if not file or not number.isdecimal() or int(number) < 1:
            continue
        if not files:
            return Place(file=file, line=int(number))
        if file in files:
            return Place(file=files[file], line=int(number))
    return None
