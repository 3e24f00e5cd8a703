"""One model of a BLIF file in the making."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Final, Protocol

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._columns import Columns
from sandgrain.netlist._covers import Cover, CoverError, cover_of
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, UNKNOWN_DIRECTION, ZERO, Module, Parameter, X
from sandgrain.verdict import Place

ASYNCHRONOUS: Final = "latch_as"
"""Type of an asynchronous latch: a black box with the pins D, C (if it has a control) and Q."""

_RESERVED: Final = {b"$false": ZERO, b"$true": ONE, b"$undef": X}
"""What Yosys calls its constants."""
_LATCHES: Final = {
    b"re": ("$_DFF_P_", "C"),
    b"fe": ("$_DFF_N_", "C"),
    b"ah": ("$_DLATCH_P_", "E"),
    b"al": ("$_DLATCH_N_", "E"),
    b"as": (ASYNCHRONOUS, "C"),
}
_INITS: Final = {b"0": "0", b"1": "1", b"2": None, b"3": None}
_INDEXED: Final = re.compile(rb"(.+)\[(\d{1,9})\]\Z", re.DOTALL)
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)
_BIT_STRING: Final = re.compile(r"[01xz]* *\Z")
_REPEATED: Final = "each only once"


class Source(Protocol):
    """The file a model stands in."""

    file: str
    limits: ReadLimits
    models: frozenset[bytes]

    def fail(self, what: str, expected: str, line: int, text: bytes | None = None) -> NetlistError:
        """An error about ``text`` on ``line``."""


class BlifModel:
    """One model: each method takes the words of one statement, the first its keyword, and its line."""

    def __init__(self, name: str, line: int, source: Source) -> None:
        self.name = name
        self.line = line
        self.source = source
        self.columns = Columns(source.file, source.limits)
        self.row_lines = array("I")
        self.rows: list[list[bytes]] = []
        self.pending: tuple[list[bytes], int] | None = None
        self.covers: dict[tuple[int, bytes], tuple[Cover, int, int]] = {}
        self.input_names: dict[bytes, int] = {}
        self.output_names: dict[bytes, int] = {}
        self.black_box = False
        self.last_cell = -1
        self.last_takes_parameters = False
        self.defined: dict[bytes, int] = {}

    def _bit(self, name: bytes, line: int) -> int:
        """The bit of a net that is read."""
        bit = self.columns.nets.get(name)
        if bit is not None:
            return bit
        if name in _RESERVED:
            return _RESERVED[name]
        return self.columns.net(name, line)

    def _driven(self, name: bytes, line: int) -> int:
        """The bit of a net that this statement drives."""
        if name in _RESERVED:
            raise self.source.fail(
                f"{quote(name)} is driven, but it is the name of a constant", "another name", line, name
            )
        bit = self.columns.net(name, line)
        if self.columns.drivers[bit]:
            raise self.source.fail(
                f"net {quote(name)} has two drivers, the other on line {self.columns.drivers[bit]}",
                "one driver per net",
                line,
                name,
            )
        self.columns.drivers[bit] = line
        return bit

    def inputs(self, words: list[bytes], line: int) -> None:
        """``.inputs`` or ``.clock``; a clock may be listed as an input as well."""
        for name in words[1:]:
            if name in self.input_names:
                if words[0] == b".clock":
                    continue
                raise self.source.fail(f"input {quote(name)} is listed twice", _REPEATED, line, name)
            self.input_names[name] = line
            self._driven(name, line)

    def outputs(self, words: list[bytes], line: int) -> None:
        """``.outputs``."""
        for name in words[1:]:
            if name in self.output_names:
                raise self.source.fail(f"output {quote(name)} is listed twice", _REPEATED, line, name)
            self.output_names[name] = line
            self._bit(name, line)

    def blackbox(self, _words: list[bytes], _line: int) -> None:
        """``.blackbox``."""
        self.black_box = True

    def names(self, words: list[bytes], line: int) -> list[list[bytes]]:
        """``.names``: the list its rows are to be appended to, until `flush`."""
        if self.pending is not None:
            self.flush()
        if len(words) < 2:
            raise self.source.fail(".names is followed by nothing", "inputs and an output", line)
        if len(words) - 2 > self.source.limits.width:
            raise LimitExceeded(
                f"a cover has {len(words) - 2:,} inputs",
                file=self.source.file,
                line=line,
                expected=f"at most {self.source.limits.width:,} (ReadLimits.width)",
                remedy="raise the limit",
            )
        self.pending = (words, line)
        self.rows = []
        del self.row_lines[:]
        return self.rows

    def flush(self) -> None:
        """Make the cell of the cover read so far."""
        assert self.pending is not None  # noqa: S101 - the callers' agreement, not a check of what is read
        words, line = self.pending
        self.pending = None
        count = len(words) - 2
        key = (count, b"\n".join([b" ".join(row) for row in self.rows]))
        known = self.covers.get(key)
        columns = self.columns
        if known is None:
            cover = self._cover(count)
            result_shape = columns.shape("$_NOT_", (("A", INPUT, 1), ("Y", OUTPUT, 1))) if cover.inverted else -1
            known = self.covers[key] = (cover, columns.shape(cover.kind, cover.pins), result_shape)
        cover, shape, inverter = known
        output = words[-1]
        if output in _RESERVED and cover.constant is not None:
            if (ONE if cover.constant else ZERO) != _RESERVED[output] and output != b"$undef":
                raise self.source.fail(f"{quote(output)} is defined as its opposite", "its own value", line, output)
            self.last_cell = -1
            return
        bit = self._driven(output, line)
        name = b"$names$" + output
        if cover.constant is not None:
            self.last_cell = columns.cell(shape, name, (ONE if cover.constant else ZERO, bit), line)
        else:
            bits = [self._bit(words[1 + index], line) for index in cover.order]
            if inverter < 0:
                bits.append(bit)
                self.last_cell = columns.cell(shape, name, bits, line)
            else:
                # No name in a file holds a blank.
                inner = columns.net(output + b" off-set", line)
                columns.hidden.add(inner)
                bits.append(inner)
                self.last_cell = columns.cell(shape, name, bits, line)
                columns.cell(inverter, b"$not$" + output, (inner, bit), line)
        if cover.parameters is not None:
            columns.parameters[self.last_cell] = cover.parameters
        self.last_takes_parameters = False

    def _cover(self, inputs: int) -> Cover:
        try:
            return cover_of(inputs, self.rows)
        except CoverError as error:
            row = b" ".join(self.rows[error.row])
            raise self.source.fail(f"{quote(row)} {error.what}", error.expected, self.row_lines[error.row]) from None

    def latch(self, words: list[bytes], line: int) -> None:
        """``.latch input output [type control] [init]``."""
        if not 3 <= len(words) <= 6:
            raise self.source.fail(
                f".latch is followed by {len(words) - 1} words", "an input, an output, [type control] [init]", line
            )
        init = words[-1] if len(words) in {4, 6} else b"3"
        if init not in _INITS:
            raise self.source.fail(f"{quote(init)} is no initial value", "0, 1, 2 or 3", line, init)
        kind, pin, control = "$_FF_", "C", b"NIL"
        if len(words) >= 5:
            if words[3] not in _LATCHES:
                raise self.source.fail(f"{quote(words[3])} is no type of latch", "re, fe, ah, al or as", line, words[3])
            kind, pin = _LATCHES[words[3]]
            control = words[4]
        if control == b"NIL" and kind != ASYNCHRONOUS:
            kind = "$_FF_" if kind.startswith("$_DFF") or kind == "$_FF_" else kind
        pins = [] if control == b"NIL" else [(pin, INPUT, 1)]
        bits = [] if control == b"NIL" else [self._bit(control, line)]
        if kind.startswith("$_DLATCH") and not pins:
            raise self.source.fail("a transparent latch has no control", "the net of its control", line, b"NIL")
        bits.append(self._bit(words[1], line))
        state = self._driven(words[2], line)
        bits.append(state)
        shape = self.columns.shape(kind, (*pins, ("D", INPUT, 1), ("Q", OUTPUT, 1)))
        self.last_cell = self.columns.cell(shape, b"$latch$" + words[2], bits, line)
        self.last_takes_parameters = False
        value = _INITS[init]
        if value is not None:
            self.columns.inits[state] = value

    def instance(self, words: list[bytes], line: int) -> None:
        """``.gate`` or ``.subckt``."""
        self._instance(words[0], words[1:], line, ())

    def library_latch(self, words: list[bytes], line: int) -> None:
        """``.mlatch type pin=net... control [init]``; the control becomes a pin of that name."""
        last = len(words) - 1
        while last > 0 and b"=" not in words[last]:
            last -= 1
        extra = words[last + 1 :]
        if last < 2 or not 1 <= len(extra) <= 2 or (len(extra) == 2 and extra[1] not in _INITS):
            raise self.source.fail(
                ".mlatch is not as it should be", "a cell, pin=net..., a control and perhaps 0, 1, 2 or 3", line
            )
        controls = () if extra[0] == b"NIL" else (("control", INPUT, self._bit(extra[0], line)),)
        cell = self._instance(words[0], words[1 : last + 1], line, controls)
        init = _INITS[extra[1]] if len(extra) == 2 else None
        if init is not None:
            self.columns.parameters[cell] = {"init": init}

    def _instance(self, keyword: bytes, words: Sequence[bytes], line: int, more: Sequence[tuple[str, int, int]]) -> int:
        if not words or b"=" in words[0]:
            raise self.source.fail(f"{quote(keyword)} names no cell", "a cell and pin=net...", line)
        pins: dict[bytes, bytes] = {}
        for word in words[1:]:
            pin, equals, net = word.partition(b"=")
            if not pin or not equals or not net:
                raise self.source.fail(f"{quote(word)} is no connection", "pin=net", line, word)
            if pin in pins:
                raise self.source.fail(f"pin {quote(pin)} is connected twice", _REPEATED, line, word)
            if len(pin) > self.source.limits.name_bytes:
                raise LimitExceeded(
                    f"pin {quote(pin)} has a name of {len(pin):,} bytes",
                    file=self.source.file,
                    line=line,
                    expected=f"at most {self.source.limits.name_bytes:,} (ReadLimits.name_bytes)",
                    remedy="raise the limit",
                )
            pins[pin] = net
        grouped = _vectors(pins) if words[0] not in self.source.models else {pin: [net] for pin, net in pins.items()}
        shape = [
            (pin.decode("utf-8", "backslashreplace"), UNKNOWN_DIRECTION, len(nets)) for pin, nets in grouped.items()
        ]
        bits = [self._bit(net, line) for nets in grouped.values() for net in nets]
        shape += [(pin, direction, 1) for pin, direction, _ in more]
        bits += [bit for _, _, bit in more]
        number = self.columns.shape(words[0].decode("utf-8", "backslashreplace"), shape)
        self.last_cell = self.columns.cell(number, b"$%s$%d" % (keyword[1:], line), bits, line)
        self.last_takes_parameters = True
        return self.last_cell

    def connection(self, words: list[bytes], line: int) -> None:
        """``.conn`` or ``.short``: the second net is driven by the first."""
        if len(words) != 3:
            raise self.source.fail(f"{quote(words[0])} is followed by {len(words) - 1} words", "two nets", line)
        shape = self.columns.shape("$_BUF_", (("A", INPUT, 1), ("Y", OUTPUT, 1)))
        bits = (self._bit(words[1], line), self._driven(words[2], line))
        self.last_cell = self.columns.cell(shape, b"$conn$" + words[2], bits, line)
        self.last_takes_parameters = False

    def cell_name(self, words: list[bytes], line: int) -> None:
        """``.cname``: the name of the last cell."""
        if len(words) != 2 or self.last_cell < 0:
            raise self.source.fail(".cname names no cell", "a name, after a cell", line)
        if len(words[1]) > self.source.limits.name_bytes:
            raise LimitExceeded(
                f"the name {quote(words[1])} has {len(words[1]):,} bytes",
                file=self.source.file,
                line=line,
                expected=f"at most {self.source.limits.name_bytes:,} (ReadLimits.name_bytes)",
                remedy="raise the limit",
            )
        self.columns.renamed[self.last_cell] = words[1]

    def parameter(self, words: list[bytes], line: int) -> None:
        """``.param name value``: a parameter of the last instance."""
        if self.last_cell < 0 or not self.last_takes_parameters:
            raise self.source.fail(".param belongs to no instance", ".gate or .subckt before it", line)
        name, value = self._pair(words, line)
        parameters = dict(self.columns.parameters.get(self.last_cell, {}))
        parameters[name] = value
        self.columns.parameters[self.last_cell] = parameters

    def attribute(self, words: list[bytes], line: int) -> None:
        """``.attr name value``: attributes say nothing about what a cell does, but that a model is a black box."""
        name, value = self._pair(words, line)
        if self.last_cell < 0 and name in {"blackbox", "whitebox"} and str(value).strip("0"):
            self.black_box = True

    def _pair(self, words: list[bytes], line: int) -> tuple[str, Parameter]:
        if len(words) < 3:
            raise self.source.fail(f"{quote(words[0])} is followed by {len(words) - 1} words", "a name, a value", line)
        text = b" ".join(words[2:]).decode("utf-8", "backslashreplace")
        string = _STRING.match(text)
        if string:
            value = re.sub(r"\\(.)", r"\1", string[1])
            # As in the JSON of Yosys, a blank tells a string from a number that looks the same.
            return words[1].decode("utf-8", "backslashreplace"), value + " " if _BIT_STRING.match(value) else value
        if len(words) != 3 or '"' in text:
            raise self.source.fail(f"{quote(text)} is no value", "a binary number, or a string in quotes", line)
        return words[1].decode("utf-8", "backslashreplace"), text

    def gate_init(self, words: list[bytes], line: int) -> None:
        """``.gateinit net=value``: the power-up value of a net."""
        for word in words[1:]:
            net, _, value = word.rpartition(b"=")
            if not net or value not in _INITS:
                raise self.source.fail(f"{quote(word)} is no initial value", "net=0 or net=1", line, word)
            bit = self._bit(net, line)
            init = _INITS[value]
            if init is not None and bit >= 0:
                self.columns.inits[bit] = init

    def finish(self) -> Module:
        """The module."""
        if self.pending is not None:
            self.flush()
        columns = self.columns
        ports = [
            # A net that is both is read from outside and driven from outside: nothing else may drive it.
            (name, "inout" if name in self.output_names else "input", self._bit(name, self.line))
            for name in self.input_names
        ]
        ports += [
            (name, "output", self._bit(name, line))
            for name, line in self.output_names.items()
            if name not in self.input_names
        ]
        place = Place(file=self.source.file, line=self.line)
        return columns.finish(self.name, place, ports, black_box=self.black_box)


def _vectors(pins: dict[bytes, bytes]) -> dict[bytes, list[bytes]]:
    """Pins ``a[0]``, ``a[1]``, ... of a cell defined elsewhere as one pin ``a``, if none of them is missing."""
    if not any(pin.endswith(b"]") for pin in pins):
        return {pin: [net] for pin, net in pins.items()}
    vectors: dict[bytes, dict[int, bytes]] = {}
    for pin, net in pins.items():
        if found := _INDEXED.match(pin):
            vectors.setdefault(found[1], {})[int(found[2])] = net
    result: dict[bytes, list[bytes]] = {}
    for pin, net in pins.items():
        found = _INDEXED.match(pin)
        bits = vectors[found[1]] if found else {}
        if found and found[1] not in pins and max(bits) == len(bits) - 1:
            result[found[1]] = [bits[index] for index in range(len(bits))]
        else:
            result[pin] = [net]
    return result
