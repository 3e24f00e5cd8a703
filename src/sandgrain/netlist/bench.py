"""Reader of BENCH, the format of the ISCAS-85, ISCAS-89 and ITC'99 benchmark circuits.

Sources: F. Brglez, H. Fujiwara, *A neutral netlist of 10 combinational benchmark circuits*, ISCAS 1985; F. Brglez,
D. Bryan, K. Kozminski, *Combinational profiles of sequential benchmark circuits*, ISCAS 1989; and what ABC's
``write_bench`` adds: ``LUT 0x...``, ``vdd`` and ``gnd``, and ``DFFRSE`` (read only where reset, set and enable are
``gnd``).

Gates become Verilog primitives (``and``, ``nand``, ``or``, ``nor``, ``xor``, ``xnor``, ``not``, ``buf``) with the pins
``Y0, I0, I1, ...``; ``DFF`` becomes ``$_FF_``, because the format has no clock, with the initial value of ``DFF0`` and
``DFF1``; a look-up table becomes ``$lut``, its first input being the lowest bit of the index. Keywords are read in
upper and lower case, names as they are. A cell is called after its type and the net it drives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._columns import Columns
from sandgrain.netlist._quote import quote
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, ONE, OUTPUT, ZERO, Netlist
from sandgrain.netlist.source import load
from sandgrain.verdict import Place

_GATES: Final = {
    b"AND": "and",
    b"NAND": "nand",
    b"OR": "or",
    b"NOR": "nor",
    b"XOR": "xor",
    b"XNOR": "xnor",
    b"NOT": "not",
    b"INV": "not",
    b"BUF": "buf",
    b"BUFF": "buf",
}
_ONE_INPUT: Final = frozenset({"not", "buf"})
_REGISTERS: Final = {b"DFF": None, b"DFF0": "0", b"DFF1": "1", b"DFFX": None}
_CONSTANTS: Final = {b"VDD": ONE, b"VCC": ONE, b"GND": ZERO}
_FUNCTIONS: Final = ", ".join(
    word.decode() for word in (*_GATES, *_REGISTERS, b"LUT 0x...", *(name.lower() for name in _CONSTANTS))
)
_SIGN: Final = rb"[^\s()=,#]"
# One statement, from the start of a line: INPUT(a), OUTPUT(a), a = AND(b, c), a = LUT 0x8 (b, c), a = vdd. The
# arguments may go on over several lines. Nothing matched is given back, so that no text takes more than one pass.
_STATEMENT: Final = re.compile(
    rb"[ \t\r]*+(?:(" + _SIGN + rb"++)[ \t]*+=[ \t]*+)?(" + _SIGN + rb"++)(?:[ \t]++(0[xX][0-9a-fA-F]++))?"
    rb"[ \t]*+(?:\(([^()=#]*+)\))?[ \t\r]*+(?:#[^\n]*+)?(?:\n|\Z)"
)
_EMPTY: Final = re.compile(rb"[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
_MOST_LUT_INPUTS: Final = 20


def read_bench(path: Path, limits: ReadLimits | None = None) -> Netlist:
    """Read a BENCH file into a netlist of one module called as the file.

    Raises:
        LimitExceeded: it is larger than ``limits`` allow.
        NetlistError: it cannot be read, is not BENCH, or contradicts itself; every net needs a driver.
    """
    limits = limits or ReadLimits()
    return _Reader(load(path, limits), str(path), limits).read(path.name.partition(".")[0] or path.name)


class _Reader:
    def __init__(self, data: bytes, file: str, limits: ReadLimits) -> None:
        self.data = data
        self.file = file
        self.limits = limits
        self.columns = Columns(file, limits)
        self.ports: dict[tuple[str, bytes], int] = {}
        self.shapes: dict[tuple[str, int], int] = {}
        self.line = 1
        self.start = 0

    def fail(self, what: str, expected: str, text: bytes | None = None) -> NetlistError:
        """An error about ``text`` in the statement being read."""
        line, column = self.line, None
        if text and len(text) <= self.limits.name_bytes:
            found = re.compile(rb"(?<!" + _SIGN + rb")" + re.escape(text) + rb"(?!" + _SIGN + rb")").search(
                self.data, self.start
            )
            if found:
                line += self.data.count(b"\n", self.start, found.start())
                column = found.start() - self.data.rfind(b"\n", 0, found.start())
        return NetlistError(
            what,
            file=self.file,
            line=line,
            column=column,
            expected=expected,
            remedy="correct the file, or write it again with the tool it is from",
        )

    def read(self, name: str) -> Netlist:
        data, size = self.data, len(self.data)
        statement, empty, add = _STATEMENT.match, _EMPTY.match, self._statement
        while self.start < size:
            found = statement(data, self.start)
            if found is not None:
                add(*found.groups())
                end = found.end()
            elif (blank := empty(data, self.start)) is not None:
                end = blank.end()
            else:
                text = data[self.start : self.start + 200].partition(b"\n")[0].strip()
                raise self.fail(
                    f"{quote(text)} is no statement", "INPUT(name), OUTPUT(name) or name = FUNCTION(name, ...)", text
                )
            self.line += data.count(b"\n", self.start, end)
            self.start = end
        if not self.ports:
            raise self.fail("the file has no inputs and no outputs", "INPUT(name) and OUTPUT(name)")
        self._check_drivers()
        both = {port for direction, port in self.ports if direction == "input" and ("output", port) in self.ports}
        ports = [
            (port, "inout" if port in both else direction, self.columns.nets[port])
            for direction, port in self.ports
            if direction == "input" or port not in both
        ]
        return Netlist({name: self.columns.finish(name, Place(file=self.file, line=1), ports)}, name)

    def _check_drivers(self) -> None:
        for net, driver in zip(self.columns.nets, self.columns.drivers, strict=True):
            if not driver:
                self.start, self.line = 0, 1
                raise self.fail(
                    f"net {quote(net)} is used but nothing drives it", "INPUT(name) or name = FUNCTION(...)", net
                )

    def _statement(self, target: bytes | None, word: bytes, table: bytes | None, text: bytes | None) -> None:
        arguments = [] if text is None else [part.strip() for part in text.split(b",")]
        if arguments == [b""]:
            arguments = []
        for argument in arguments:
            if not argument or b" " in argument or b"\n" in argument or b"\t" in argument:
                raise self.fail(f"{quote(text or b'')} is no list of names", "names with commas between them")
        kind = word.upper()
        if target is None:
            self._port(kind, word, arguments)
            return
        bit = self._driven(target)
        if kind == b"LUT" and table is not None:
            self._look_up(target, bit, table, arguments)
        elif table is not None:
            raise self.fail(f"{quote(table)} does not belong here", "a table after LUT only", table)
        elif kind in _CONSTANTS and not arguments:
            self._cell("buf", b"buf", target, (("Y0", OUTPUT, 1), ("I0", INPUT, 1)), (bit, _CONSTANTS[kind]))
        elif text is None:
            raise self.fail(f"{quote(word)} has no arguments", "name = FUNCTION(name, ...)", word)
        elif kind in _GATES:
            self._gate(target, bit, word, _GATES[kind], arguments)
        elif kind == b"DFFRSE" and len(arguments) == 5 and all(item.lower() == b"gnd" for item in arguments[1:]):
            self._register(target, bit, arguments[0])
        elif kind in _REGISTERS:
            if len(arguments) != 1:
                raise self.fail(f"{quote(word)} has {len(arguments)} inputs", "one input", word)
            init = _REGISTERS[kind]
            if init is not None:
                self.columns.inits[bit] = init
            self._register(target, bit, arguments[0])
        else:
            raise self.fail(f"{quote(word)} is no function of this format", f"one of {_FUNCTIONS}", word)

    def _register(self, target: bytes, bit: int, data: bytes) -> None:
        bits = (self.columns.net(data, self.line), bit)
        self._cell("$_FF_", b"DFF", target, (("D", INPUT, 1), ("Q", OUTPUT, 1)), bits)

    def _port(self, kind: bytes, word: bytes, arguments: Sequence[bytes]) -> None:
        if kind not in {b"INPUT", b"OUTPUT"} or len(arguments) != 1:
            raise self.fail(
                f"{quote(word)} starts no statement", "INPUT(name), OUTPUT(name) or name = FUNCTION(name, ...)", word
            )
        direction, name = kind.decode().lower(), arguments[0]
        if (direction, name) in self.ports:
            raise self.fail(
                f"{direction} {quote(name)} is declared twice, first on line {self.ports[direction, name]}",
                "each only once",
                name,
            )
        self.ports[direction, name] = self.line
        if direction == "input":
            self._driven(name)
        else:
            self.columns.net(name, self.line)

    def _driven(self, name: bytes) -> int:
        bit = self.columns.net(name, self.line)
        if self.columns.drivers[bit]:
            raise self.fail(
                f"net {quote(name)} has two drivers, the other on line {self.columns.drivers[bit]}",
                "one driver per net",
                name,
            )
        self.columns.drivers[bit] = self.line
        return bit

    def _cell(
        self, kind: str, prefix: bytes, target: bytes, pins: Sequence[tuple[str, int, int]], bits: Sequence[int]
    ) -> int:
        return self.columns.cell(self.columns.shape(kind, pins), b"$%s$%s" % (prefix, target), bits, self.line)

    def _gate(self, target: bytes, bit: int, word: bytes, kind: str, arguments: Sequence[bytes]) -> None:
        if not arguments or (kind in _ONE_INPUT and len(arguments) > 1):
            expected = "one input" if kind in _ONE_INPUT else "one input or more"
            raise self.fail(f"{quote(word)} has {len(arguments)} inputs", expected, word)
        count = len(arguments)
        shape = self.shapes.get((kind, count))
        if shape is None:
            pins = [("Y0", OUTPUT, 1), *((f"I{index}", INPUT, 1) for index in range(count))]
            shape = self.shapes[kind, count] = self.columns.shape(kind, pins)
        bits = [bit, *[self.columns.net(name, self.line) for name in arguments]]
        self.columns.cell(shape, b"$%s$%s" % (kind.encode(), target), bits, self.line)

    def _look_up(self, target: bytes, bit: int, table: bytes, arguments: Sequence[bytes]) -> None:
        count = len(arguments)
        if count > _MOST_LUT_INPUTS:
            raise LimitExceeded(
                f"a look-up table has {count} inputs",
                file=self.file,
                line=self.line,
                expected=f"at most {_MOST_LUT_INPUTS}",
                remedy="split the table",
            )
        value = int(table, 16)
        if value >> (1 << count):
            raise self.fail(
                f"{quote(table)} has more entries than {count} inputs select", f"at most {1 << count} bits", table
            )
        if not count:
            pins = (("Y0", OUTPUT, 1), ("I0", INPUT, 1))
            self._cell("buf", b"buf", target, pins, (bit, ONE if value else ZERO))
            return
        bits = [*(self.columns.net(name, self.line) for name in arguments), bit]
        cell = self._cell("$lut", b"LUT", target, (("A", INPUT, count), ("Y", OUTPUT, 1)), bits)
        self.columns.parameters[cell] = {"LUT": f"{value:0{1 << count}b}", "WIDTH": f"{count:032b}"}
