"""The gates of a submission as the checker reads them: the cone of what is asked, as and-gates over leaves.

Literals of nodes and of formulas are signed integers: 1 is true, -1 false, ``-x`` the negation of ``x``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sandgrain.check.errors import CertificateError
from sandgrain.check.registers import FLIP_FLOPS
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.model import INPUT, ONE, ZERO, Module, X
from sandgrain.submission import Binary, Constant, Expression, Signal, Unary

TRUE: Final = 1
_PINS: Final = {"$_AND_": "ABY", "$_NOT_": "AY", "$_DFF_P_": "CDQ", "$_DFF_N_": "CDQ"}  # the output last
_UNSIZED: Final = 32  # bits of a plain decimal


class Circuit:
    """The cone of the bits and expressions asked for, through registers.

    Attributes:
        inputs: node of each input-port bit in the cone.
        free: nodes that may be anything in every cycle: what the description leaves undefined.
        source: node of each bit of the source in the cone.
        states: node of each flip-flop's output bit in the cone.
        nexts: literal of the next state of each flip-flop's output bit; complete after :meth:`close`.
        gates: (node, literal, literal) of every and-gate, after those it reads.
        size: number of nodes and 1 more; node 1 is true.
    """

    def __init__(self, module: Module, clock: int, edge: str, source: Iterable[int] = ()) -> None:
        """Read what drives every net bit.

        Args:
            module: flat gates.
            clock: net bit of the declared clock.
            edge: ``rising`` or ``falling``.
            source: net bits that are cut from what drives them.

        Raises:
            CertificateError: a bit has two drivers, or a gate other pins than its type has.
        """
        self.module, self.size = module, 2
        self.inputs: dict[int, int] = {}
        self.free: list[int] = []
        self.source: dict[int, int] = {}
        self.states: dict[int, int] = {}
        self.nexts: dict[int, int] = {}
        self.gates: list[tuple[int, int, int]] = []
        self._literals: dict[int, int] = {}
        self._drivers: dict[int, tuple[str, tuple[int, ...]]] = {}
        self._read(clock, edge)
        self._drivers |= dict.fromkeys(source, ("source", ()))

    def _read(self, clock: int, edge: str) -> None:
        for port in self.module.ports:
            if port.direction != "output":
                for bit in port.bits.tolist():
                    self._drive(bit, "clock" if bit == clock else "input")
        opaque: dict[int, str] = {}
        cells = self.module.cells
        for cell in range(len(cells)):
            kind = cells.type_of(cell)
            if kind in _PINS:
                pins = {pin.name: pin.bits.tolist() for pin in cells.pins(cell)}
                if "".join(sorted(pins)) != _PINS[kind] or any(len(bits) != 1 for bits in pins.values()):
                    raise CertificateError(f"a cell {kind} does not have the pins of its type")
                *reads, out = (pins[name][0] for name in _PINS[kind])
                if kind not in FLIP_FLOPS:
                    self._drive(out, kind, *reads)
                elif reads[0] == clock and FLIP_FLOPS[kind] == edge:
                    self._drive(out, "state", reads[1])
                else:
                    self._drive(out, "a register that is not on the declared clock edge")
            elif kind == "$anyseq":
                for bit in cells.pin(cell, "Y").tolist():
                    self._drive(bit, "free")
            else:
                opaque |= {bit: kind for pin in cells.pins(cell) if pin.direction != INPUT for bit in pin.bits.tolist()}
        # Last, so that a pin that may drive counts as one that does.
        self._drivers |= {bit: (f"a cell of type {kind}", ()) for bit, kind in opaque.items() if bit >= 0}
        if clock in opaque:
            raise CertificateError(f"the clock may be driven by a cell of type {opaque[clock]}")

    def _drive(self, bit: int, kind: str, *reads: int) -> None:
        if bit < 0 or bit in self._drivers:
            raise CertificateError(f"{bit_name(self.module, bit)} has two drivers", expected="one driver per net bit")
        self._drivers[bit] = kind, reads

    def node(self) -> int:
        """A new node."""
        self.size += 1
        return self.size - 1

    def land(self, a: int, b: int) -> int:
        """A new and-gate."""
        self.gates.append((self.node(), a, b))
        return self.size - 1

    def any_of(self, literals: Iterable[int]) -> int:
        """The disjunction of ``literals``; false when there are none."""
        none = TRUE
        for literal in literals:
            none = self.land(none, -literal)
        return -none

    def literal(self, bit: int) -> int:
        """The literal of a net bit or constant; x and z are free.

        Raises:
            CertificateError: something in its cone, up to registers, is not modelled, or loops.
        """
        if bit in (ZERO, ONE):
            return TRUE if bit == ONE else -TRUE
        if bit <= X:
            self.free.append(self.node())
            return self.free[-1]
        stack, entered = [bit], set[int]()
        while stack:
            kind, reads = self._drivers.get(stack[-1], ("free", ()))
            gate = reads if kind in _PINS else ()
            waits = [read for read in gate if read >= 0 and read not in self._literals]
            if stack[-1] in self._literals or not waits:
                done = stack.pop()
                entered.discard(done)
                if done not in self._literals:
                    self._literals[done] = self._made(done, kind, gate)
                continue
            entered.add(stack[-1])
            if not entered.isdisjoint(waits):
                raise CertificateError(f"{bit_name(self.module, stack[-1])} depends on itself without a register")
            stack += waits
        return self._literals[bit]

    def _made(self, bit: int, kind: str, reads: Sequence[int]) -> int:
        if kind == "$_AND_":
            return self.land(self.literal(reads[0]), self.literal(reads[1]))
        if kind == "$_NOT_":
            return -self.literal(reads[0])
        leaves = {"input": self.inputs, "source": self.source, "state": self.states}
        if kind in leaves:
            leaves[kind][bit] = self.node()
            return self.size - 1
        if kind == "free":
            return self.literal(X)
        raise CertificateError(
            f"{bit_name(self.module, bit)} is driven by {'the clock' if kind == 'clock' else kind}: not modelled",
            expected="gates and registers on the declared clock edge in all that the claim depends on",
            remedy="hand over its description; until then the claim is open",
        )

    def close(self) -> None:
        """Take in the next states of all registers in the cone, and so all they depend on.

        Raises:
            CertificateError: as for :meth:`literal`.
        """
        while len(self.nexts) < len(self.states):
            for bit in list(self.states)[len(self.nexts) :]:
                self.nexts[bit] = self.literal(self._drivers[bit][1][0])

    def bits_of(self, signal: Signal) -> list[int]:
        """Net bits of a signal of the description, least significant first.

        Raises:
            CertificateError: there is no such signal, or it has no such bits.
        """
        net = self.module.nets.find(signal.plain)
        if net is None or net.hidden:
            raise CertificateError(f"{signal.plain!r} is no port or signal of {self.module.name!r}")
        bits: list[int] = net.bits.tolist()
        if signal.high is None or signal.low is None:
            return bits
        numbers = [net.offset + (net.width - 1 - at if net.upto else at) for at in range(net.width)]
        chosen = [bit for bit, number in zip(bits, numbers, strict=True) if signal.low <= number <= signal.high]
        if len(chosen) != signal.high - signal.low + 1:
            raise CertificateError(f"{signal.plain}[{signal.high}:{signal.low}] is out of range")
        return chosen

    def truth(self, expression: Expression) -> int:
        """The literal that says that an expression is not zero; widths as in IEEE 1364-2005, clause 5.4.

        Raises:
            CertificateError: it names something that is not there, or that has no value.
        """
        return self.any_of(self._value(expression, self._width(expression)))

    def _width(self, expression: Expression) -> int:
        if isinstance(expression, Signal):
            return len(self.bits_of(expression))
        if isinstance(expression, Constant):
            return expression.width or _UNSIZED
        if isinstance(expression, Unary):
            return self._width(expression.arg) if expression.op == "~" else 1
        return (
            max(self._width(expression.left), self._width(expression.right)) if expression.op in ("&", "|", "^") else 1
        )

    def _value(self, expression: Expression, width: int) -> list[int]:
        """Literals of an expression whose context is ``width`` bits wide."""
        match expression:
            case Signal():
                bits = self.bits_of(expression)
                if min(bits, default=0) <= X:
                    raise CertificateError(f"{expression.plain!r} has no value: the description leaves it open")
                value = [self.literal(bit) for bit in bits]
            case Constant():
                value = [TRUE if expression.value >> at & 1 else -TRUE for at in range(expression.width or _UNSIZED)]
            case Unary(op="~"):
                return [-bit for bit in self._value(expression.arg, width)]
            case Unary():
                bits = self._value(expression.arg, self._width(expression.arg))
                value = [self._reduced(expression.op, bits)]
            case Binary(op="&" | "|" | "^"):
                pairs = zip(self._value(expression.left, width), self._value(expression.right, width), strict=True)
                return [self._reduced(expression.op, pair) for pair in pairs]
            case Binary(op="&&" | "||"):
                value = [self._reduced(expression.op[0], (self.truth(expression.left), self.truth(expression.right)))]
            case Binary():
                wide = max(self._width(expression.left), self._width(expression.right))
                pairs = zip(self._value(expression.left, wide), self._value(expression.right, wide), strict=True)
                differs = self.any_of(self._reduced("^", pair) for pair in pairs)
                value = [differs if expression.op == "!=" else -differs]
        return value + [-TRUE] * (width - len(value))

    def _reduced(self, op: str, bits: Iterable[int]) -> int:
        if op in ("|", "!"):
            return self.any_of(bits) if op == "|" else -self.any_of(bits)
        if op == "&":
            return -self.any_of(-bit for bit in bits)
        parity = -TRUE
        for bit in bits:
            parity = self.any_of((self.land(parity, -bit), self.land(-parity, bit)))
        return parity
