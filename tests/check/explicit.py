"""A slow, plain interpreter of flat gates and of a manifest, to judge the checker by.

A state is a tuple of the values of ``Chip.registers``, the inputs of a cycle one of ``Chip.inputs`` and one of the bits
nothing defines. Nothing here uses a solver, and nothing is shared with the checker but the netlist and the expressions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from sandgrain.check import Certificate
from sandgrain.netlist import Module
from sandgrain.netlist.bit_names import bit_name
from sandgrain.submission import Binary, Constant, Expression, Manifest, Signal, Unary
from sandgrain.submission import parse as parse_expression

State = tuple[int, ...]
Values = dict[int, int]
STOPS = ("halt", "debug-lock", "licence-timer")


class Loop(Exception):
    """A gate reads itself."""


class Chip:
    """Gates, registers on the rising edge of ``clk``, and what nothing defines."""

    def __init__(self, module: Module, manifest: Manifest, cut: Sequence[int] = ()) -> None:
        self.module, self.manifest, self.cut = module, manifest, list(cut)
        self.gates: dict[int, tuple[str, list[int]]] = {}
        self.nexts: dict[int, int] = {}
        for cell in range(len(module.cells)):
            pins = {pin.name: pin.bits.tolist() for pin in module.cells.pins(cell)}
            kind = module.cells.type_of(cell)
            if kind in ("$_AND_", "$_NOT_"):
                self.gates[pins["Y"][0]] = kind, [pins[name][0] for name in ("A", "B") if name in pins]
            elif kind == "$_DFF_P_":
                assert pins["C"] == module.port("clk").bits.tolist()
                self.nexts[pins["Q"][0]] = pins["D"][0]
            else:
                assert kind == "$anyseq"
        self.registers = [bit for bit in self.nexts if bit not in self.cut]
        self.names = [bit_name(module, bit) for bit in self.registers]
        inputs = [bit for port in module.ports if port.direction == "input" for bit in port.bits.tolist()]
        self.inputs = [bit for bit in inputs if bit not in (*module.port("clk").bits.tolist(), *self.cut)]
        driven = {*self.gates, *self.nexts, *inputs, *self.cut}
        used = [bit for _, reads in self.gates.values() for bit in reads] + list(self.nexts.values())
        used += [bit for net in module.nets for bit in net.bits.tolist()]
        self.free = sorted({bit for bit in used if bit >= 0} - driven)
        self.leaves = [*self.inputs, *self.free, *self.cut]
        self.asserted = {
            module.port(reset.port).bits.tolist()[0]: int(reset.active.value == "high") for reset in manifest.resets
        }
        self.cycles = max((reset.cycles for reset in manifest.resets), default=0)
        self.order: list[tuple[int, int, int | None]] | None = None
        self._seen: dict[tuple[object, ...], Values] = {}

    def _order(self) -> list[tuple[int, int, int | None]]:
        """(bit, bit it reads, the other or None for an inverter) of every gate, after those it reads."""
        order: list[tuple[int, int, int | None]] = []
        made: set[int] = set()

        def visit(bit: int, above: frozenset[int]) -> None:
            if bit in above:
                raise Loop
            if bit in self.gates and bit not in made:
                kind, reads = self.gates[bit]
                for read in reads:
                    visit(read, above | {bit})
                made.add(bit)
                order.append((bit, reads[0], reads[1] if kind == "$_AND_" else None))

        for bit in self.gates:
            visit(bit, frozenset())
        return order

    def values(self, state: State, inputs: Values) -> Values:
        """The value of every bit."""
        key = (state, *(inputs[bit] for bit in self.leaves))
        values = self._seen.get(key)
        if values is None:
            if self.order is None:
                self.order = self._order()
            values = {-1: 0, -2: 1, **inputs, **dict(zip(self.registers, state, strict=True))}
            for bit, one, other in self.order:
                if bit not in values:  # it may be cut
                    values[bit] = 1 - values[one] if other is None else values[one] & values[other]
            self._seen[key] = values
        return values

    def next(self, state: State, inputs: Values) -> State:
        """The state one clock edge later."""
        values = self.values(state, inputs)
        return tuple(values[self.nexts[bit]] for bit in self.registers)

    def driven(self, fixed: Values, open_bits: Iterable[int] | None = None) -> Iterator[Values]:
        """All inputs of a cycle that agree with ``fixed``."""
        bits = [bit for bit in (*self.inputs, *self.free, *self.cut) if bit not in fixed]
        for values in itertools.product((0, 1), repeat=len(bits)):
            yield fixed | dict(zip(bits, values, strict=True))

    def operation(self) -> list[Values]:
        """All inputs of a cycle of operation."""
        return list(self.driven({bit: 1 - value for bit, value in self.asserted.items()}))

    def all_states(self) -> set[State]:
        return set(itertools.product((0, 1), repeat=len(self.registers)))

    def power_up(self) -> set[State]:
        """The states a run may begin in."""
        if self.cycles:
            return self.all_states()
        given: Values = {}
        for net in self.module.nets:
            for bit, value in zip(net.bits.tolist(), reversed(net.init or ""), strict=False):
                if value in "01":
                    given[bit] = int(value)
        return {
            state
            for state in self.all_states()
            if all(given.get(bit, value) == value for bit, value in zip(self.registers, state, strict=True))
        }

    def after_reset(self) -> set[State]:
        states = self.power_up()
        for _ in range(self.cycles):
            states = {self.next(state, inputs) for state in states for inputs in self.driven(self.asserted)}
        return states

    def reachable(self) -> set[State]:
        """Every state operation gets into."""
        found, fresh, rows = self.after_reset(), self.after_reset(), self.operation()
        while fresh:
            fresh = {self.next(state, inputs) for state in fresh for inputs in rows} - found
            found |= fresh
        return found

    def number(self, expression: Expression, values: Values) -> tuple[int, int]:
        """Width and value of an expression, by the rules for sized operands and their context."""
        return self._in(expression, values, self._width(expression))

    def truth(self, expression: Expression, values: Values) -> bool:
        return self.number(expression, values)[1] != 0

    def _width(self, expression: Expression) -> int:
        if isinstance(expression, Signal):
            return len(self._bits(expression))
        if isinstance(expression, Constant):
            return expression.width or 32
        if isinstance(expression, Unary):
            return self._width(expression.arg) if expression.op == "~" else 1
        if expression.op in ("&", "|", "^"):
            return max(self._width(expression.left), self._width(expression.right))
        return 1

    def _bits(self, signal: Signal) -> list[int]:
        net = self.module.nets.find(signal.plain)
        assert net is not None
        bits: list[int] = net.bits.tolist()
        if signal.high is None or signal.low is None:
            return bits
        return bits[signal.low - net.offset : signal.high - net.offset + 1]

    def _in(self, expression: Expression, values: Values, width: int) -> tuple[int, int]:
        mask = (1 << width) - 1
        match expression:
            case Signal():
                return width, sum(values[bit] << at for at, bit in enumerate(self._bits(expression)))
            case Constant():
                return width, expression.value
            case Unary(op="~"):
                return width, ~self._in(expression.arg, values, width)[1] & mask
            case Unary(op=op, arg=arg):
                wide, value = self.number(arg, values)
                reduced = {"!": value == 0, "|": value != 0, "&": value == (1 << wide) - 1, "^": value.bit_count() & 1}
                return width, int(reduced[op])
            case Binary(op="&" | "|" | "^" as op):
                one, other = (self._in(side, values, width)[1] for side in (expression.left, expression.right))
                return width, {"&": one & other, "|": one | other, "^": one ^ other}[op]
            case Binary(op="&&" | "||" as op):
                one, other = (int(self.truth(side, values)) for side in (expression.left, expression.right))
                return width, one & other if op == "&&" else one | other
        wide = max(self._width(expression.left), self._width(expression.right))
        one, other = (self._in(side, values, wide)[1] for side in (expression.left, expression.right))
        return width, int((one == other) == (expression.op == "=="))


class Shutdown(Chip):
    """The claim about the first service, and what a certificate of it has to show."""

    def __init__(self, module: Module, manifest: Manifest) -> None:
        super().__init__(module, manifest)
        self.service = manifest.services[0].parsed()
        self.stops = [item for item in manifest.declared if item.kind.value in STOPS]

    def recovers(self, states: Iterable[State], frames: int) -> bool:
        """Whether the service or a declared stop is seen within ``frames`` cycles of any recovery from any state."""
        goals = [self.service, *(item.parsed() for item in self.stops)]
        released = {bit: 1 - value for bit, value in self.asserted.items()}
        columns: dict[int, list[int]] = {}
        for name, value in self.manifest.recovery.inputs.items():
            said = () if isinstance(value, str) else (value,) if isinstance(value, Constant) else value
            for at, bit in enumerate(self.module.port(name).bits.tolist()):
                columns[bit] = [constant.value >> at & 1 for constant in said]
        held = [bit for bit in self.inputs if bit not in columns and bit not in released]
        for constants in itertools.product((0, 1), repeat=len(held)):
            current = set(states)
            for cycle in range(frames):
                stimulus = {bit: column[cycle % len(column)] for bit, column in columns.items() if column}
                rows = list(self.driven(dict(zip(held, constants, strict=True)) | stimulus | released))
                current = {
                    self.next(state, row)
                    for state in current
                    for row in rows
                    if not any(self.truth(goal, self.values(state, row)) for goal in goals)
                }
            if current:
                return False
        return True

    def declared_only(self, start: Iterable[State], states: Iterable[State]) -> bool:
        """Whether no stop is active in ``start``, and none is entered from ``states`` without its trigger."""
        rows = self.operation()
        for item in self.stops:
            stop, trigger = item.parsed(), item.entered_after()
            if trigger is None or any(self.truth(stop, self.values(state, row)) for state in start for row in rows):
                return False
            for state in states:
                for row in rows:
                    values = self.values(state, row)
                    if self.truth(stop, values) or self.truth(trigger, values):
                        continue
                    following = self.next(state, row)
                    if any(self.truth(stop, self.values(following, later)) for later in rows):
                        return False
        return True

    def true(self, frames: int) -> bool:
        """The claim itself, from the states that are really reached."""
        states = self.reachable()
        return self.recovers(states, frames) and self.declared_only(self.after_reset(), states)

    def shown(self, certificate: Certificate) -> bool:
        """Whether the certificate shows it: every obligation, by looking at every state."""
        at = {name: index for index, name in enumerate(self.names)}
        if not {literal.name for clause in certificate.invariant for literal in clause} <= set(at):
            return False

        def inside(state: State) -> bool:
            return all(any(state[at[name]] == value for name, value in clause) for clause in certificate.invariant)

        states, start, rows = set(filter(inside, self.all_states())), self.after_reset(), self.operation()
        return (
            start <= states
            and all(inside(self.next(state, row)) for state in states for row in rows)
            and any(self.truth(self.service, self.values(state, row)) for state in states for row in rows)
            and self.declared_only(start, states)
            and self.recovers(states, certificate.frames or 0)
        )


class Channel(Chip):
    """The claim about the first source, and what a certificate of it has to show."""

    def __init__(self, module: Module, manifest: Manifest) -> None:
        self.origin = manifest.sources[0]
        signal = parse_expression(self.origin.signal)
        assert isinstance(signal, Signal)
        self.module = module
        super().__init__(module, manifest, self._bits(signal))
        flows = [flow for flow in manifest.flows if flow.source == self.origin.name]
        self.sinks = [
            (bit, [flow.condition() for flow in flows if port.name in flow.sinks])
            for port in module.ports
            if port.direction == "output"
            for bit in port.bits.tolist()
            if bit not in module.port("clk").bits.tolist()
        ]

    def pairs(self, fixed: Values, kept: tuple[Values, Values] | None = None) -> Iterator[tuple[Values, Values]]:
        """Inputs of a cycle of both runs, which differ in the source alone; ``kept`` is its value if it is constant."""
        bits = [bit for bit in (*self.inputs, *self.free) if bit not in fixed]
        for values in itertools.product((0, 1), repeat=len(bits)):
            common = fixed | dict(zip(bits, values, strict=True))
            for one, other in [kept] if kept else itertools.product(self.secrets(), repeat=2):
                yield common | one, common | other

    def secrets(self) -> list[Values]:
        return [dict(zip(self.cut, values, strict=True)) for values in itertools.product((0, 1), repeat=len(self.cut))]

    def starts(self) -> set[tuple[State, State]]:
        """Both states in which operation begins."""
        found = set()
        constant = not self.origin.kind.varies
        secrets = self.secrets()
        for kept in [(one, other) for one in secrets for other in secrets] if constant else [None]:
            states = {(state, state) for state in self.power_up()}
            for _ in range(self.cycles):
                states = {
                    (self.next(one, first), self.next(other, second))
                    for one, other in states
                    for first, second in self.pairs(self.asserted, kept)
                }
            found |= states
        return found

    def agree(self, one: State, other: State, first: Values, second: Values) -> bool:
        """Whether all outputs that have to are equal in this cycle."""
        a, b = self.values(one, first), self.values(other, second)
        for bit, conditions in self.sinks:
            excused = any(c is None or (self.truth(c, a) and self.truth(c, b)) for c in conditions)
            if a[bit] != b[bit] and not excused:
                return False
        return True

    def rows(self) -> list[tuple[Values, Values]]:
        return list(self.pairs({bit: 1 - value for bit, value in self.asserted.items()}))

    def true(self) -> bool:
        """The claim itself, but for what a constant source could not do after reset: there it may change here."""
        rows = self.rows()
        return all(self.agree(a, b, x, y) for a, b in self.reached() for x, y in rows)

    def reached(self) -> set[tuple[State, State]]:
        """Every pair of states both runs get into, if the source may change after reset."""
        rows = self.rows()
        found = fresh = self.starts()
        while fresh:
            fresh = {(self.next(a, x), self.next(b, y)) for a, b in fresh for x, y in rows} - found
            found = found | fresh
        return found

    def shown(self, certificate: Certificate) -> bool:
        """Whether the certificate shows it."""
        at = {name: index for index, name in enumerate(self.names)}
        used = {literal.name for clause in certificate.invariant for literal in clause} | set(certificate.equal)
        if not used | {literal.name for clause in certificate.relation for literal in clause} <= set(at):
            return False

        def related(one: State, other: State, clause: Sequence[tuple[int, str, int]]) -> bool:
            return any(
                one[at[name]] == other[at[name]] if run == 0 else (one, other)[run - 1][at[name]] == value
                for run, name, value in clause
            )

        def inside(one: State, other: State) -> bool:
            return (
                all(one[at[name]] == other[at[name]] for name in certificate.equal)
                and all(any(s[at[n]] == v for n, v in clause) for s in (one, other) for clause in certificate.invariant)
                and all(related(one, other, clause) for clause in certificate.relation)
            )

        states = [pair for pair in itertools.product(self.all_states(), repeat=2) if inside(*pair)]
        rows = self.rows()
        return all(inside(*pair) for pair in self.starts()) and all(
            self.agree(a, b, x, y) and inside(self.next(a, x), self.next(b, y)) for a, b in states for x, y in rows
        )
