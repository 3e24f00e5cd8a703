"""The full grammar of structural Verilog, a statement at a time: what the compiled reader hands back, and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sandgrain.errors import NetlistError
from sandgrain.netlist.model import ZERO, Module, Parameter
from sandgrain.netlist.verilog import _layout as k
from sandgrain.netlist.verilog._expressions import Expressions
from sandgrain.netlist.verilog._instances import Instances, past_group
from sandgrain.netlist.verilog._tables import ModuleTables
from sandgrain.netlist.verilog._tokens import Tokens
from sandgrain.netlist.verilog._words import GATES, KEYWORDS, NET_FLAGS

_NET_KINDS: Final = {word: int(flags) for word, flags in zip(KEYWORDS, NET_FLAGS, strict=True) if flags}
_VARIABLES: Final = ("reg", "logic", "trireg", "tri0", "tri1", "uwire")
_BEHAVIOUR: Final = frozenset(
    "always initial function task generate for while repeat forever genvar event real realtime time integer specparam "
    "wand wor triand trior".split()
)
_SWITCHES: Final = frozenset("pmos nmos cmos rpmos rnmos rcmos tran tranif0 tranif1 rtran rtranif0 rtranif1".split())


@dataclass
class Header:
    """The module being read.

    Attributes:
        ports: name of each port, and where its expression stands if it is not simply a net of that name.
        parameters: values of its parameters that are plain numbers.
        defparams: ``defparam`` statements to apply at its end: instance, parameter, value, offset.
    """

    name: str
    at: int
    ports: list[tuple[str, int | None]] = field(default_factory=list)
    parameters: dict[str, int] = field(default_factory=dict)
    defparams: list[tuple[str, str, Parameter, int]] = field(default_factory=list)


class Statements:
    """Reads statements of one source text.

    Attributes:
        header: the module being read, or ``None`` between modules.
        unusual: what a reader of the report should know: offset and sentence.
    """

    def __init__(self, source: bytes, tables: ModuleTables) -> None:
        self.source = source
        self.tables = tables
        self.header: Header | None = None
        self.unusual: list[tuple[int, str]] = []

    def _tokens(self) -> Tokens:
        return Tokens(self.source, self.tables, int(self.tables.n[k.POS]))

    def _done(self, tokens: Tokens) -> None:
        """The statement ends before the present token."""
        self.tables.n[k.POS] = tokens.at

    def _expressions(self, tokens: Tokens) -> Expressions:
        parameters = {} if self.header is None else self.header.parameters
        return Expressions(tokens, self.tables, parameters, implicit=bool(self.tables.n[k.IMPLICIT]))

    def _parts(self, tokens: Tokens) -> Instances:
        return Instances(tokens, self.tables, self._expressions(tokens))

    # -- between modules

    def outside(self) -> tuple[str, int, int] | None:
        """Read a module header, or find a ``primitive``: its name and the offsets of its text; at the end, ``""``."""
        tokens = self._tokens()
        while tokens.take(";"):
            pass
        if tokens.kind == "end":
            return "", tokens.at, tokens.at
        if tokens.at_mark("primitive"):
            start = tokens.at
            tokens.advance()
            name = tokens.name("the name of the primitive")
            end = self.source.find(b"endprimitive", tokens.at)
            if end < 0:
                raise tokens.fail("endprimitive", at=start, what=f"the primitive {name!r} has no end")
            self.tables.n[k.POS] = end + len(b"endprimitive")
            return name, start, end + len(b"endprimitive")
        if not tokens.at_mark("module", "macromodule"):
            raise tokens.fail("module")
        self._module(tokens)
        return None

    def _module(self, tokens: Tokens) -> None:
        at = tokens.at
        tokens.advance()
        name = tokens.name("the name of the module")
        if name in GATES:
            raise tokens.fail("a name that is no gate primitive", at=at, what=f"a module called {name!r}")
        self.header = header = Header(name, at)
        if tokens.take("#"):
            tokens.expect("(")
            self._parameter_ports(tokens)
        if tokens.take("("):
            if not tokens.at_mark(")"):
                if tokens.at_mark("input", "output", "inout"):
                    self._ansi_ports(tokens, header)
                else:
                    self._port_list(tokens, header)
            tokens.expect(")")
        tokens.expect(";")
        self._done(tokens)

    def _parameter_ports(self, tokens: Tokens) -> None:
        while not tokens.take(")"):
            tokens.take("parameter")
            self._parameter(tokens)
            if not tokens.at_mark(")"):
                tokens.expect(",")

    def _ansi_ports(self, tokens: Tokens, header: Header) -> None:
        flags, left, right = 0, 0, 0
        ranged = False
        while True:
            if tokens.at_mark("input", "output", "inout"):
                flags = _NET_KINDS[tokens.advance()]
                while tokens.at_mark("wire", "tri", "signed", *_VARIABLES):
                    tokens.advance()
                ranged = tokens.at_mark("[")
                left, right = self._expressions(tokens).range() if ranged else (0, 0)
            at = tokens.at
            name = tokens.name("the name of a port")
            self._declare(tokens, name, left, right, flags | k.IS_WIRE, at)
            header.ports.append((name, None))
            if not tokens.take(","):
                return

    def _port_list(self, tokens: Tokens, header: Header) -> None:
        while True:
            at = tokens.at
            if tokens.take("."):
                name = tokens.name("the name of a port")
                tokens.expect("(")
                header.ports.append((name, tokens.at))
                past_group(tokens)
            elif tokens.at_mark("{"):
                header.ports.append((f"#{len(header.ports)}", at))
                tokens.advance()
                past_group(tokens, "{", "}")
            else:
                header.ports.append((tokens.name("the name of a port"), None))
                if tokens.at_mark("["):
                    raise tokens.fail("the name of a port alone", remedy="write a part of a net as .name(net[3:0])")
            if tokens.take(","):
                continue
            if not tokens.is_name:
                return
            self.unusual.append((tokens.at, f"a comma is missing before the port {tokens.text!r}"))

    # -- in a module

    def inside(self) -> Module | None:
        """Read one statement of a module body; the module, if it was its last.

        Raises:
            NetlistError: it is not structural Verilog.
        """
        tokens = self._tokens()
        header = self.header
        if header is None:
            raise tokens.fail("module")
        at = tokens.at
        if tokens.take("endmodule"):
            self._done(tokens)
            return self.finish()
        if tokens.kind == "end":
            raise tokens.fail("endmodule", what=f"the text ends in the module {header.name!r}")
        if tokens.take(";"):
            pass
        elif tokens.at_mark(*_NET_KINDS, *_VARIABLES):
            self._declaration(tokens)
        elif tokens.take("assign"):
            self._assign(tokens)
        elif tokens.at_mark("parameter", "localparam"):
            tokens.advance()
            self._each(tokens, lambda: self._parameter(tokens))
        elif tokens.take("defparam"):
            self._each(tokens, lambda: self._defparam(tokens, header))
        elif tokens.take("specify"):
            end = self.source.find(b"endspecify", at)
            if end < 0:
                raise tokens.fail("endspecify", at=at, what="a specify block has no end")
            self.tables.n[k.POS] = end + len(b"endspecify")
            return None
        elif tokens.at_mark(*GATES, *_SWITCHES):
            self._parts(tokens).gates()
        elif tokens.is_name:
            self._parts(tokens).instances()
        elif tokens.kind == "name" and tokens.text in _BEHAVIOUR:
            raise tokens.fail(
                "instances, declarations and assignments",
                what=f"{tokens.text!r} describes behaviour, not structure",
                remedy="synthesise the description first, or audit it as RTL",
            )
        else:
            raise tokens.fail("an instance, a declaration, assign or endmodule")
        self._done(tokens)
        return None

    def _each(self, tokens: Tokens, read: Callable[[], None]) -> None:
        read()
        while tokens.take(","):
            read()
        tokens.expect(";")

    def _declare(self, tokens: Tokens, name: str, left: int, right: int, flags: int, at: int) -> None:
        if not self.tables.declare(name, abs(left - right) + 1, right, left < right, flags, at):
            raise tokens.fail(
                "one declaration of every net, with one range",
                what=f"{name!r} is declared before, differently or with another direction",
                at=at,
                remedy="declare it once",
            )

    def _declaration(self, tokens: Tokens) -> None:
        word = tokens.advance()
        flags = _NET_KINDS.get(word, k.IS_WIRE)
        while tokens.at_mark("wire", "tri", "signed", "vectored", "scalared", *_VARIABLES):
            tokens.advance()
            if flags & 7:
                flags |= k.IS_WIRE
        if tokens.at_mark("("):
            self._parts(tokens).strength()
        self._parts(tokens).delay()
        left = right = 0
        if tokens.at_mark("["):
            left, right = self._expressions(tokens).range()
        self._parts(tokens).delay()
        while True:
            at = tokens.at
            name = tokens.name("the name of a net")
            if tokens.at_mark("["):
                raise tokens.fail("a net, not an array of nets", remedy="declare every element as a net")
            self._declare(tokens, name, left, right, flags, at)
            if tokens.take("="):
                bits = self.tables.net_bits(self.tables.find_net(name))
                self._connect(tokens, bits, at)
            if not tokens.take(","):
                break
        tokens.expect(";")

    def _assign(self, tokens: Tokens) -> None:
        if tokens.at_mark("("):
            self._parts(tokens).strength()
        self._parts(tokens).delay()
        while True:
            at = tokens.at
            if not tokens.is_name and not tokens.at_mark("{"):
                raise tokens.fail("a net, or a concatenation of nets")
            left = self._expressions(tokens).bits()
            if any(bit < 0 for bit in left):
                raise tokens.fail("a net on the left of an assignment", at=at, what="a constant is assigned")
            tokens.expect("=")
            self._connect(tokens, left, at)
            if not tokens.take(","):
                break
        tokens.expect(";")

    def _connect(self, tokens: Tokens, left: list[int], at: int) -> None:
        right = self._expressions(tokens).bits()
        right = (right + [ZERO] * (len(left) - len(right)))[: len(left)]
        self.tables.alias(left, right, at)

    def _parameter(self, tokens: Tokens) -> None:
        while tokens.at_mark("signed", "integer", "real", "time"):
            tokens.advance()
        if tokens.at_mark("["):
            self._expressions(tokens).range()
        name = tokens.name("the name of a parameter")
        tokens.expect("=")
        value = self._parts(tokens).parameter_value()
        if isinstance(value, int) and self.header is not None:
            self.header.parameters[name] = value

    def _defparam(self, tokens: Tokens, header: Header) -> None:
        at = tokens.at
        instance = tokens.name("the name of an instance")
        tokens.expect(".")
        parameter = tokens.name("the name of a parameter")
        tokens.expect("=")
        header.defparams.append((instance, parameter, self._parts(tokens).parameter_value(), at))

    # -- the end

    def finish(self) -> Module:
        """The module whose ``endmodule`` has been read."""
        header = self.header
        if header is None:
            raise NetlistError("endmodule without module", file=self.tables.file, expected="module")
        tables = self.tables
        end = int(tables.n[k.POS])
        ports: list[tuple[str, list[int] | None]] = []
        for name, at in header.ports:
            if at is None:
                ports.append((name, None))
                continue
            tokens = Tokens(self.source, tables, at)
            ports.append((name, [] if tokens.at_mark(")") else self._expressions(tokens).bits()))
        if header.defparams:
            self._apply(header)
        declared = {name for name, _ in header.ports}
        if len(declared) != len(header.ports):
            raise NetlistError(
                f"the module {header.name!r} has two ports of one name",
                file=tables.file,
                line=tables.place(header.at).line,
                expected="every port once",
            )
        self._check_directions(header, declared)
        black_box = bool(header.ports) and tables.n[k.CELLS] == 0 and tables.n[k.ALIASES] == 0
        tables.n[k.POS] = end
        self.header = None
        return tables.finish(header.name, header.at, ports, black_box)

    def _check_directions(self, header: Header, declared: set[str]) -> None:
        """Every net declared input or output is a port."""
        if any(at is not None for _, at in header.ports):
            return
        tables = self.tables
        nets = int(tables.n[k.NETS])
        directed = (tables.t.nets[:nets, k.FLAGS] & 7).nonzero()[0].tolist()
        for net in directed if len(directed) != len(declared) else ():
            name = tables.name(int(tables.t.nets[net, k.NAME]))
            if name not in declared:
                at = int(tables.t.net_at[net, k.AT])
                raise NetlistError(
                    f"{name!r} has a direction but is no port of {header.name!r}",
                    file=tables.file,
                    line=tables.place(at).line,
                    column=tables.column(at),
                    expected="a name of the port list",
                    remedy="add it to the port list, or declare it as a wire",
                )

    def _apply(self, header: Header) -> None:
        tables = self.tables
        cells = int(tables.n[k.CELLS])
        numbers = {int(number): cell for cell, number in enumerate(tables.t.cells[:cells, k.CELL].tolist())}
        for instance, parameter, value, at in header.defparams:
            cell = numbers.get(tables.intern(instance))
            if cell is None:
                raise NetlistError(
                    f"defparam names the instance {instance!r}, which is not there",
                    file=tables.file,
                    line=tables.place(at).line,
                    column=tables.column(at),
                    expected=f"an instance of {header.name!r}",
                )
            tables.parameters.setdefault(cell, {})[parameter] = value
