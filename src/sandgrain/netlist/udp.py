"""User-defined primitives of Verilog (IEEE 1364-2005, clause 8) as cells.

Simulation models of standard cells describe their flip-flops as such tables. What cannot be expressed as gates, a
flip-flop or a latch is a black box whose ``origin`` says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from sandgrain.errors import LimitExceeded, NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist._udp_table import HOLD, ONE, UNKNOWN, ZERO, NotExpressible, Row, combinational, sequential
from sandgrain.netlist.cell_function import Cell
from sandgrain.netlist.limits import ReadLimits
from sandgrain.netlist.model import INPUT, OUTPUT
from sandgrain.verdict import Place

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/|\(\*(?!\s*\)).*?\*\))
      |(?P<name>\\\S+|[A-Za-z_][\w$]*)
      |(?P<constant>\d+\s*'[sS]?[bBdDhHoO]\s*\w+|\d+)
      |(?P<sign>[(),;:=#])""",
    re.VERBOSE | re.DOTALL,
)
_ENTRY: Final = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<edge>\(\s*(?P<from>[01xX?bB])\s*(?P<to>[01xX?bB])\s*\))"
    r"|(?P<end>endtable\b)|(?P<symbol>[01xXbBrRfFpPnN?*:;-])",
    re.DOTALL,
)
# A symbol for both values is 2, one that neither 0 nor 1 is, is None.
_LEVELS: Final[Mapping[str, int | None]] = {"0": 0, "1": 1, "x": None, "?": 2, "b": 2}
# The values before and after, as far as they are 0 and 1.
_EDGES: Final = {"r": (0, 1), "f": (1, 0), "p": (0, 1), "n": (1, 0), "*": (2, 2)}
_RESULTS: Final = {"0": ZERO, "1": ONE, "x": UNKNOWN, "-": HOLD}
_REMEDY: Final = "correct the description of the primitive"


class Described(Protocol):
    """A user-defined primitive as a reader keeps it."""

    @property
    def text(self) -> str:
        """``primitive`` to ``endprimitive``."""

    @property
    def place(self) -> Place:
        """Where it begins."""


class _Header(NamedTuple):
    name: str
    output: str
    inputs: tuple[str, ...]
    state: bool
    init: str


def udp_cells(primitives: Mapping[str, Described], limits: ReadLimits | None = None) -> dict[str, Cell]:
    """The cells of user-defined primitives by name; see `udp_cell`."""
    return {
        name: udp_cell(item.text, file=item.place.file, line=item.place.line, limits=limits)
        for name, item in primitives.items()
    }


def udp_cell(text: str, *, file: str, line: int = 1, limits: ReadLimits | None = None) -> Cell:
    """The cell a user-defined primitive describes.

    Args:
        text: the whole of it, ``primitive`` to ``endprimitive``.
        file: where it is from, for messages.
        line: the line of ``file`` on which ``text`` begins.
        limits: ``table_rows`` and ``name_bytes`` apply.

    Returns:
        The cell; a black box, with the reason in ``origin``, if no gates, flip-flop or latch do the same.

    Raises:
        NetlistError: it is not written as it should be.
        LimitExceeded: the table has too many rows.
    """
    return _Parser(text, file, line, limits or ReadLimits()).cell()


class _Parser:
    def __init__(self, text: str, file: str, line: int, limits: ReadLimits) -> None:
        self.text = text
        self.file = file
        self.first_line = line
        self.limits = limits
        self.at = 0
        self.start = 0
        self.word = ""
        # Lines are counted forward only, so that a long table is read in linear time.
        self.counted = (0, line)

    def cell(self) -> Cell:
        self.advance()
        header = self.header()
        rows = self.rows(header)
        self.advance()
        self.expect("endprimitive")
        pins = {header.output: (OUTPUT, 1), **dict.fromkeys(header.inputs, (INPUT, 1))}
        place = f"{self.file}:{self.first_line}"
        try:
            if header.state:
                function = sequential(header.inputs, header.output, rows, header.init)
            else:
                function = combinational(header.inputs, header.output, rows)
        except NotExpressible as reason:
            return Cell(header.name, pins, None, origin=f"{place}: {reason}")
        return Cell(header.name, pins, function, origin=place)

    def header(self) -> _Header:
        self.expect("primitive")
        name = self.name("the name of the primitive")
        ports: list[str] = []
        directions: dict[str, str] = {}
        registers: set[str] = set()
        init = "x"
        self.expect("(")
        direction = ""
        while True:
            while self.word in {"input", "output", "reg"}:
                if self.word == "reg":
                    registers.add("")
                else:
                    direction = self.word
                self.advance()
            port = self.name("the name of a port")
            if port in ports:
                raise self.error(f"the port {quote(port)} is listed twice", "every port once")
            ports.append(port)
            if direction:
                directions[port] = direction
            if self.word == "=":
                init = self.value()
            if self.word != ",":
                break
            self.advance()
        self.expect(")")
        self.expect(";")
        while self.word != "table":
            init = self.declaration(ports, directions, registers) or init
        return self.checked(name, ports, directions, registers, init)

    def declaration(self, ports: list[str], directions: dict[str, str], registers: set[str]) -> str:
        """Read ``input``, ``output``, ``reg`` or ``initial``; returns the initial value, if it says one."""
        init = ""
        kinds = []
        while self.word in {"input", "output", "reg", "initial"}:
            kinds.append(self.word)
            self.advance()
        if not kinds:
            raise self.error(f"{quote(self.word)} is no declaration", "input, output, reg, initial or table")
        while True:
            port = self.name("the name of a port")
            if port not in ports:
                raise self.error(f"{quote(port)} is no port of the primitive", f"one of: {', '.join(ports[:12])}")
            for kind in kinds:
                if kind == "reg":
                    registers.add(port)
                elif kind != "initial" and directions.setdefault(port, kind) != kind:
                    raise self.error(f"the port {quote(port)} is input and output", "one direction")
            if self.word == "=":
                init = self.value()
            if self.word != ",":
                break
            self.advance()
        self.expect(";")
        return init

    def checked(
        self, name: str, ports: list[str], directions: dict[str, str], registers: set[str], init: str
    ) -> _Header:
        for index, port in enumerate(ports):
            wanted = "input" if index else "output"
            if directions.get(port) != wanted:
                found = directions.get(port, "not declared")
                raise self.error(
                    f"the port {quote(port)} of {quote(name)} is {found}", "first the one output, then inputs"
                )
        if len(ports) < 2:
            raise self.error(f"the primitive {quote(name)} has no input", "one output and at least one input")
        return _Header(name, ports[0], tuple(ports[1:]), bool(registers), init)

    def value(self) -> str:
        """Read ``= 1'b0`` and such."""
        self.advance()
        digit = self.word.replace(" ", "").lower()[-1:]
        if not self.word[:1].isdigit() or digit not in {"0", "1", "x"}:
            raise self.error(f"{quote(self.word)} is no initial value", "1'b0, 1'b1 or 1'bx")
        self.advance()
        return digit

    def rows(self, header: _Header) -> list[Row]:
        """Read the table; the rows that apply to 0 and 1."""
        rows: list[Row] = []
        count = 0
        entries: list[tuple[str, int]] = []
        while True:
            match = _ENTRY.match(self.text, self.at)
            if match is None:
                self.start = self.at
                found = (
                    quote(self.text[self.at : self.at + 20].split("\n")[0])
                    if self.at < len(self.text)
                    else "the end of the text"
                )
                raise self.error(f"{found} is no entry of a table", "0 1 x ? b r f p n * - (01), endtable")
            self.start, self.at = self.at, match.end()
            if match["skip"]:
                continue
            if match["end"]:
                break
            if match["symbol"] != ";":
                entries.append(((match["from"] or "") + (match["to"] or "") or match["symbol"], self.start))
                continue
            count += 1
            if count > self.limits.table_rows:
                raise LimitExceeded(
                    f"the table of {quote(header.name)} has more than {self.limits.table_rows:,} rows",
                    file=self.file,
                    line=self.line(),
                    expected=f"at most {self.limits.table_rows:,} (ReadLimits.table_rows)",
                    remedy="raise the limit",
                )
            row = self.row(header, entries)
            if row is not None:
                rows.append(row)
            entries = []
        if entries or not count:
            raise self.error("the table ends in the middle of a row" if entries else "the table is empty", "rows and ;")
        return rows

    def row(self, header: _Header, entries: list[tuple[str, int]]) -> Row | None:
        """One row, or ``None`` if it needs an unknown value."""
        inputs = len(header.inputs)
        shape = [inputs, 1, 1] if header.state else [inputs, 1]
        symbols = [symbol.lower() for symbol, _ in entries]
        colons = [index for index, symbol in enumerate(symbols) if symbol == ":"]
        ends = [*colons, len(symbols)]
        starts = [0, *(colon + 1 for colon in colons)]
        if [end - start for start, end in zip(starts, ends, strict=True)] != shape:
            raise self.error(
                f"the row {quote(' '.join(symbols))} has not the parts of a row of {quote(header.name)}",
                f"{inputs} inputs, {'the state, ' if header.state else ''}and the output, with : between them",
            )
        levels: list[int] = []
        edge = before = -1
        applies = True
        for index, symbol in enumerate(symbols[:inputs]):
            change = _EDGES.get(symbol)
            if len(symbol) == 2:
                change_before, change_after = _LEVELS[symbol[0]], _LEVELS[symbol[1]]
                applies &= change_before is not None and change_after is not None and symbol not in {"00", "11"}
                change = (change_before or 0, change_after or 0)
            if change is None:
                level = _LEVELS.get(symbol, -1)
                if level == -1:
                    raise self.error(f"{quote(symbol)} is no level or edge", "0 1 x ? b r f p n * or (01)")
                applies &= level is not None
                levels.append(level or 0)
                continue
            if edge >= 0 or not header.state:
                what = "two edges in one row" if header.state else "an edge in a primitive without a state"
                raise self.error(f"the row {quote(' '.join(symbols))} has {what}", "at most one, and only with a reg")
            edge, before = index, change[0]
            levels.append(change[1])
        state = _LEVELS.get(symbols[inputs + 1], -1) if header.state else 2
        result = _RESULTS.get(symbols[-1], -1)
        if state == -1 or result == -1 or (result == HOLD and not header.state):
            raise self.error(
                f"the row {quote(' '.join(symbols))} has no such state or output",
                "0 1 x ? b for the state, 0 1 x - for the output" if header.state else "0, 1 or x for the output",
            )
        if not applies or state is None:
            return None
        return Row(tuple(levels), edge, before, state, result, self.line())

    def advance(self) -> None:
        """Go to the next token; the empty one is the end of the text."""
        while True:
            match = _TOKEN.match(self.text, self.at)
            self.start = self.at
            if match is None:
                self.word = self.text[self.at : self.at + 1]
                if self.word:
                    raise self.error(f"{quote(self.word)} has no meaning here", "the description of a primitive")
                return
            self.at = match.end()
            if not match["skip"]:
                self.word = match[0]
                if len(self.word) > self.limits.name_bytes:
                    raise LimitExceeded(
                        f"the name {quote(self.word)} has {len(self.word):,} characters",
                        file=self.file,
                        line=self.line(),
                        expected=f"at most {self.limits.name_bytes:,} (ReadLimits.name_bytes)",
                        remedy="raise the limit",
                    )
                return

    def expect(self, word: str) -> None:
        if self.word != word:
            found = quote(self.word) if self.word else "the end of the text"
            raise self.error(f"{found} stands where {word!r} should", word)
        if word != "endprimitive":
            self.advance()

    def name(self, what: str) -> str:
        if not (self.word[:1].isalpha() or self.word[:1] in {"_", "\\"}):
            raise self.error(f"{quote(self.word)} is no name", what)
        name = self.word.removeprefix("\\")
        self.advance()
        return name

    def line(self) -> int:
        offset, line = self.counted
        if self.start < offset:
            offset, line = 0, self.first_line
        line += self.text.count("\n", offset, self.start)
        self.counted = (self.start, line)
        return line

    def error(self, what: str, expected: str) -> NetlistError:
        column = self.start - self.text.rfind("\n", 0, self.start)
        first = self.text.rfind("\n", 0, self.start) < 0
        return NetlistError(
            what,
            file=self.file,
            line=self.line(),
            column=None if first else column,
            expected=expected,
            remedy=_REMEDY,
        )
