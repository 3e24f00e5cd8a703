"""Writer of structural Verilog (IEEE 1364-2005) that reads back as the same netlist.

Names are escaped exactly where they are no plain identifiers. Nets that share bits are joined by ``assign``, each
to the first name of the bit in the order inputs, outputs, nets of the description, nets with made-up names. Power-up
values are the attribute ``init``, the chip carries the attribute ``top``, a black box ``blackbox``, as Yosys has them.
Where Verilog has one name space and the netlist two, what comes later gets a number after its name: a net called
like a port it is not connected to, a cell called like a net.
"""

from __future__ import annotations

import re
from typing import Final, TextIO

from sandgrain.errors import NetlistError
from sandgrain.netlist._quote import quote
from sandgrain.netlist._verilog_signals import Signals, value_text
from sandgrain.netlist.model import Module, Netlist
from sandgrain.verdict import Place

PRIMITIVES: Final = frozenset("and nand or nor xor xnor buf not bufif0 bufif1 notif0 notif1 pullup pulldown".split())
"""Gates whose instances have only positional pins: ``Y0`` and so on, ``I0`` and so on, ``E``."""

_KEYWORDS: Final = PRIMITIVES | frozenset(
    "always assign automatic begin case casex casez cell cmos config deassign default defparam design disable edge "
    "else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable endtask event for "
    "force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial inout input instance "
    "integer join large liblist library localparam macromodule medium module negedge nmos noshowcancelled output "
    "parameter pmos posedge primitive pull0 pull1 pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg "
    "release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam strong0 "
    "strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use "
    "uwire vectored wait wand weak0 weak1 while wire wor "
    # SystemVerilog (IEEE 1800-2017): a reader of it takes these for keywords as well.
    "accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte chandle "
    "checker class clocking const constraint context continue cover covergroup coverpoint cross dist do endchecker "
    "endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum eventually expect "
    "export extends extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies "
    "import inside int interconnect interface intersect join_any join_none let local logic longint matches modport "
    "nettype new nexttime null package packed priority program property protected pure rand randc randcase "
    "randsequence ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence "
    "shortint shortreal soft solve static string strong struct super sync_accept_on sync_reject_on tagged this "
    "throughout timeprecision timeunit type typedef union unique unique0 until until_with untyped var virtual void "
    "wait_order weak wildcard with within".split()
)
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
_ESCAPABLE: Final = re.compile(r"[!-~]+\Z")
_PRIMITIVE_PIN: Final = re.compile(r"(?:([YI])(\d+)|E)\Z")
_POSITION: Final = re.compile(r"#(\d+)\Z")


def identifier(name: str, what: str = "name", place: Place | None = None) -> str:
    """``name`` as Verilog spells it; an escaped one ends with its blank.

    Raises:
        NetlistError: no spelling exists: a blank, a control character, or a character outside ASCII.
    """
    if _PLAIN.match(name) and name not in _KEYWORDS:
        return name
    if not _ESCAPABLE.match(name):
        raise NetlistError(
            f"the {what} {quote(name)} cannot be written in Verilog",
            file=place.file if place else None,
            line=place.line if place else None,
            expected="printable ASCII characters without blanks",
            remedy="rename it, or write Yosys JSON, which holds any name",
        )
    return f"\\{name} "


def write_verilog(netlist: Netlist, stream: TextIO) -> None:
    """Write all modules of ``netlist`` as structural Verilog.

    Cells of Yosys types are instances of that name (``\\$_AND_``), gate primitives stay primitives. A string
    parameter of the digits ``0 1 x z`` is a sized binary constant, as in Yosys JSON, any other a string.

    Raises:
        NetlistError: a name that Verilog cannot spell, two inputs that are one net or a constant, a port without
            bits, pins by position and by name in one instance.
    """
    for name, module in netlist.modules.items():
        _Writer(module, name == netlist.top, netlist, stream).write()


class _Writer:
    def __init__(self, module: Module, is_top: bool, netlist: Netlist, stream: TextIO) -> None:
        self.module = module
        self.is_top = is_top
        self.netlist = netlist
        self.stream = stream
        self.signals = Signals(module, lambda name: identifier(name, "net", module.place), _ESCAPABLE.match)
        self.pins = ["" if _POSITION.match(name) else identifier(name, "pin name") for name in module.cells.pin_names]
        self.primitive = [name in PRIMITIVES and name not in netlist.modules for name in module.cells.type_names]
        self.orders: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.types = [
            name if primitive else identifier(name, "cell type")
            for name, primitive in zip(module.cells.type_names, self.primitive, strict=True)
        ]

    def fail(self, what: str, expected: str, place: Place | None) -> NetlistError:
        return NetlistError(
            what,
            file=place.file if place else None,
            line=place.line if place else None,
            expected=expected,
            remedy="correct the instance",
        )

    def write(self) -> None:
        stream, module = self.stream, self.module
        if self.is_top:
            stream.write("(* top *)\n")
        if module.black_box:
            stream.write("(* blackbox *)\n")
        ports = ", ".join(self.signals.port_names())
        stream.write(f"module {identifier(module.name, 'module', module.place)}({ports});\n")
        for line in self.signals.declarations():
            stream.write(line)
        for line in self.signals.assignments():
            stream.write(line)
        names = self._cell_names()
        for cell in range(len(module.cells)):
            self._cell(cell, names[cell])
        stream.write("endmodule\n\n")

    def _cell_names(self) -> list[str]:
        """The name of every cell, spelled; empty for a primitive without one."""
        cells, taken = self.module.cells, set(self.signals.names)
        given = set(cells.names)
        result = []
        for cell, name in enumerate(cells.names):
            free = name
            if not name and self.primitive[int(cells.type_ids[cell])]:
                result.append("")
                continue
            while not free or free in taken or (free != name and free in given):
                free = f"{free or 'cell'}${cell}"
            taken.add(free)
            result.append(identifier(free, "cell", cells.place(cell)))
        return result

    def _cell(self, cell: int, name: str) -> None:
        cells, expression = self.module.cells, self.signals.expression
        type_id = int(cells.type_ids[cell])
        pins = range(int(cells.pin_offsets[cell]), int(cells.pin_offsets[cell + 1]))
        if self.primitive[type_id]:
            connected = self._primitive(cell)
        elif any(not self.pins[int(cells.pin_ids[pin])] for pin in pins):
            connected = self._positional(cell)
        else:
            bits, offsets = cells.bits, cells.bit_offsets
            connected = ", ".join(
                f".{self.pins[int(cells.pin_ids[pin])]}({expression(bits[int(offsets[pin]) : int(offsets[pin + 1])])})"
                for pin in pins
            )
        parameters = cells.parameters.get(cell)
        values = ""
        if parameters:
            items = [f".{identifier(key, 'parameter')}({value_text(value)})" for key, value in parameters.items()]
            values = f" #({', '.join(items)})"
        self.stream.write(f"  {self.types[type_id]}{values} {name}({connected});\n")

    def _primitive(self, cell: int) -> str:
        cells = self.module.cells
        first, last = int(cells.pin_offsets[cell]), int(cells.pin_offsets[cell + 1])
        pins = tuple(cells.pin_ids[first:last].tolist())
        order = self.orders.get(pins)
        if order is None:
            order = self.orders[pins] = self._order(cell, [cells.pin_names[pin] for pin in pins])
        bits, offsets, expression = cells.bits, cells.bit_offsets, self.signals.expression
        return ", ".join(
            expression(bits[int(offsets[first + place]) : int(offsets[first + place + 1])]) for place in order
        )

    def _order(self, cell: int, pins: list[str]) -> tuple[int, ...]:
        """The places of the pins of a primitive in the order of Verilog: outputs, inputs, control."""
        cells = self.module.cells
        found: list[tuple[int, int, int]] = []
        for place, pin in enumerate(pins):
            match = _PRIMITIVE_PIN.match(pin)
            if match is None:
                raise self.fail(
                    f"gate {quote(cells.names[cell])} of type {cells.type_of(cell)} has a pin {quote(pin)}",
                    "the pins Y0 ..., I0 ... and E",
                    cells.place(cell),
                )
            found.append(("YI".find(match[1]) if match[1] else 2, int(match[2] or 0), place))
        found.sort()
        for group in range(3):
            numbers = [number for kind, number, _ in found if kind == group]
            if numbers != list(range(len(numbers))):
                raise self.fail(
                    f"gate {quote(cells.names[cell])} of type {cells.type_of(cell)} lacks a pin, or has one twice",
                    "the pins Y0 ..., I0 ... and E, none left out",
                    cells.place(cell),
                )
        return tuple(place for _, _, place in found)

    def _positional(self, cell: int) -> str:
        cells = self.module.cells
        texts: dict[int, str] = {}
        for pin in cells.pins(cell):
            match = _POSITION.match(pin.name)
            if match is None or int(match[1]) in texts or int(match[1]) > self.module.bit_count + len(cells.pin_names):
                raise self.fail(
                    f"cell {quote(cells.names[cell])} has the pin {quote(pin.name)} beside pins by position",
                    "all pins by name, or all by position and each once",
                    cells.place(cell),
                )
            texts[int(match[1])] = self.signals.expression(pin.bits)
        return ", ".join(texts.get(position, "") for position in range(max(texts) + 1))
