"""The gates of a submission as the checker reads them: the cone of what is asked, as and-gates over leaves.

Literals of nodes are signed integers: 1 is true, -1 false, ``-x`` the negation of ``x``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sandgrain.check._registers import FLIP_FLOPS
from sandgrain.check.errors import CertificateError
from sandgrain.netlist.bit_names import bit_name
from sandgrain.netlist.model import INPUT, ONE, ZERO, Module, X
from sandgrain.submission import Binary, Constant, Expression, Signal, Unary

TRUE: Final = 1
_PINS: Final = {"$_AND_": "ABY", "$_NOT_": "AY", "$_DFF_P_": "CDQ", "$_DFF_N_": "CDQ"}  # the output last
_UNSIZED: Final = 32  # bits of a plain decimal


class Circuit:
    """The cone of the bits and expressions asked for, through registers.

    Attributes:
        leaves: node by net bit of what is an ``input``, a bit of the ``source``, or the ``state`` of a register.
        free: nodes that may be anything in every cycle: what the description leaves undefined.
        nexts: literal of the next state of each register's net bit; complete after :meth:`close`.
        gates: (node, literal, literal) of every and-gate, after those it reads.
        size: number of nodes and 1 more; node 1 is true.
    """

    def __init__(self, module: Module, clock: int, edge: str) -> None:
        self.module, self.size = module, 2
        self.leaves: dict[str, dict[int, int]] = {"input": {}, "source": {}, "state": {}}
        self.free: list[int] = []
        self.nexts: dict[int, int] = {}
        self.gates: list[tuple[int, int, int]] = []
        self._literals: dict[int, int] = {}
        self._drivers: dict[int, tuple[str, tuple[int, ...]]] = {}
        for port in module.ports:
            for bit in port.bits.tolist() if port.direction != "output" else ():
                self._drive(bit, "the clock" if bit == clock else "input")
        opaque: dict[int, str] = {}
        for cell in range(len(module.cells)):
            kind, pins = module.cells.type_of(cell), list(module.cells.pins(cell))
            if kind in _PINS:
                bits = {pin.name: int(pin.bits[0]) for pin in pins if pin.bits.size == 1}
                if len(pins) != len(bits) or "".join(sorted(bits)) != _PINS[kind]:
                    raise CertificateError(f"a cell {kind} does not have the pins of its type")
                *reads, out = (bits[name] for name in _PINS[kind])
                if kind not in FLIP_FLOPS:
                    self._drive(out, kind, *reads)
                elif reads[0] == clock and FLIP_FLOPS[kind] == edge:
                    self._drive(out, "state", reads[1])
                else:
                    self._drive(out, "a register that is not on the declared clock edge")
            elif kind == "$anyseq":
                for bit in module.cells.pin(cell, "Y").tolist():
                    self._drive(bit, "free")
            else:
                opaque |= {bit: kind for pin in pins if pin.direction != INPUT for bit in pin.bits.tolist()}
        # Last, so that a pin that may drive counts as one that does.
        self._drivers |= {bit: (f"a cell of type {kind}", ()) for bit, kind in opaque.items()}
        if clock in opaque:
            raise CertificateError(f"the clock may be driven by a cell of type {opaque[clock]}")

    def _drive(self, bit: int, kind: str, *reads: int) -> None:
        if bit < 0 or bit in self._drivers:
            raise CertificateError(f"{bit_name(self.module, bit)} has two drivers", expected="one driver per net bit")
        self._drivers[bit] = kind, reads

    def cut(self, bits: Iterable[int]) -> None:
        """Take net bits from what drives them: they are the source. Before anything is asked for."""
        self._drivers |= dict.fromkeys(bits, ("source", ()))

    def close(self) -> None:
        """Take in the next states of all registers in the cone, and so all they depend on."""
        states = self.leaves["state"]
        while len(self.nexts) < len(states):
            for bit in list(states)[len(self.nexts) :]:
                self.nexts[bit] = self.literal(self._drivers[bit][1][0])

    def literal(self, bit: int) -> int:
        """The literal of a net bit or constant; refuses what is not modelled, or depends on itself, in its cone."""
        if bit in (ZERO, ONE):
            return TRUE if bit == ONE else -TRUE
        if bit <= X:
            self.free.append(self._node())
            return self.free[-1]
        stack, entered = [bit], set[int]()
        while stack:
            at = stack[-1]
            kind, reads = self._drivers.get(at, ("free", ()))
            gate = reads if kind in _PINS else ()
            waits = [read for read in gate if read >= 0 and read not in self._literals]
            if waits:
                entered.add(at)
                if not entered.isdisjoint(waits):
                    raise CertificateError(f"{bit_name(self.module, at)} depends on itself without a register")
                stack += waits
                continue
            stack.pop()
            entered.discard(at)
            if at not in self._literals:
                self._literals[at] = self._made(at, kind, *map(self.literal, gate))
        return self._literals[bit]

    def _made(self, bit: int, kind: str, *literals: int) -> int:
        if kind in _PINS:
            return self._land(*literals) if kind == "$_AND_" else -literals[0]
        if kind == "free":
            return self.literal(X)
        if kind not in self.leaves:
            raise CertificateError(
                f"{bit_name(self.module, bit)} is driven by {kind}, which is not modelled",
                expected="gates and registers on the declared clock edge in all that the claim depends on",
            )
        return self.leaves[kind].setdefault(bit, self._node())

    def _node(self) -> int:
        self.size += 1
        return self.size - 1

    def _land(self, a: int, b: int) -> int:
        self.gates.append((self._node(), a, b))
        return self.size - 1

    def _any(self, literals: Iterable[int]) -> int:
        none = TRUE
        for literal in literals:
            none = self._land(none, -literal)
        return -none

    def bits_of(self, signal: Signal) -> list[int]:
        """Net bits of a signal of the description, least significant first."""
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
        """The literal that says that an expression is not zero; widths as in IEEE 1364-2005, clause 5.4."""
        return self._any(self._value(expression, self._width(expression)))

    def _width(self, expression: Expression) -> int:
        match expression:
            case Signal():
                return len(self.bits_of(expression))
            case Constant():
                return expression.width or _UNSIZED
            case Unary(op="~"):
                return self._width(expression.arg)
            case Binary(op="&" | "|" | "^"):
                return max(self._width(expression.left), self._width(expression.right))
        return 1

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
                value = [self._reduced(expression.op, self._value(expression.arg, self._width(expression.arg)))]
            case Binary(op="&" | "|" | "^"):
                return [self._reduced(expression.op, pair) for pair in self._pairs(expression, width)]
            case Binary(op="&&" | "||"):
                value = [self._reduced(expression.op[0], (self.truth(expression.left), self.truth(expression.right)))]
            case Binary():
                wide = max(self._width(expression.left), self._width(expression.right))
                differs = self._any(self._reduced("^", pair) for pair in self._pairs(expression, wide))
                value = [differs if expression.op == "!=" else -differs]
        return value + [-TRUE] * (width - len(value))

    def _pairs(self, expression: Binary, width: int) -> Iterable[tuple[int, int]]:
        return zip(self._value(expression.left, width), self._value(expression.right, width), strict=True)

    def _reduced(self, op: str, bits: Iterable[int]) -> int:
        if op == "&":
            return -self._any(-bit for bit in bits)
        if op != "^":
            return self._any(bits) if op == "|" else -self._any(bits)
        parity = -TRUE
        for bit in bits:
            parity = self._any((self._land(parity, -bit), self._land(-parity, bit)))
        return parity
