"""A flat netlist of known cells as the checker of correspondences reads it: and-gates over inputs and states.

Literals of nodes are signed integers: 1 is true, -1 false, ``-x`` the negation of ``x``. A step is one period of the
clock; every flip-flop in the cone has to be clocked by the named clock edge through buffers and inverters alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sandgrain.check._registers import initial_values
from sandgrain.check.errors import CertificateError
from sandgrain.netlist.bit_names import bit_name, find_bit
from sandgrain.netlist.cell_function import FLIP_FLOP, CellFunction, StateElement
from sandgrain.netlist.model import INPUT, ONE, ZERO, Module
from sandgrain.netlist.port_bits import port_bit_name
from sandgrain.netlist.signatures import CellLookup
from sandgrain.netlist.state_bits import State, functions_of, states_of

TRUE: Final = 1


class FlatCircuit:
    """One side of a correspondence.

    Attributes:
        clocks: node of every clock, by its net bit; no gate reads one.
        inputs: node of every bit of an input port that is read, by its name.
        undefined: nodes of what nothing defines, in the order they were met.
        states: node of every state bit in the cone, complete after :meth:`close`.
        nexts: literal of its next state.
        initial: value at power-up of the states that have one.
        gates: (node, literal, literal) of every and-gate, after those it reads.
        size: number of nodes and 1 more; node 1 is true.
    """

    def __init__(
        self, module: Module, lookup: CellLookup, clocks: Sequence[tuple[str, str]], held: Mapping[str, int]
    ) -> None:
        self.module, self.size = module, 2
        self.gates: list[tuple[int, int, int]] = []
        self.clocks: dict[int, int] = {}
        self.inputs: dict[str, int] = {}
        self.undefined: list[int] = []
        self.states: dict[State, int] = {}
        self.nexts: dict[State, int] = {}
        self.initial: dict[State, int] = {}
        self._known = initial_values(module)
        self._hashed: dict[tuple[int, int], int] = {}
        self._literals: dict[int, int] = {}
        self._cells: dict[int, list[int]] = {}
        self._edges = {find_bit(module, name): edge == "rising" for name, edge in clocks}
        self._functions, self._ids = functions_of(module.cells, lookup)
        self._pins: dict[int, dict[str, list[int]]] = {}
        self._order = states_of(module, lookup)
        self._held = {find_bit(module, name): TRUE if value else -TRUE for name, value in held.items()}
        self._ports: dict[int, str] = {}
        for port in module.ports:
            for position, bit in enumerate(port.bits.tolist()):
                if port.direction != "output" and bit >= 0:
                    self._ports[bit] = port_bit_name(port, position)
        self._drivers: dict[int, tuple[int, str, int]] = {}
        self._unknowns: dict[tuple[int, int], int] = {}
        self._opaque: set[int] = set()
        for cell in range(len(module.cells)):
            function = self._functions[self._ids[cell]]
            if function is None:
                self._opaque.update(
                    bit for pin in module.cells.pins(cell) if pin.direction != INPUT for bit in pin.bits.tolist()
                )
                continue
            pins = self._pins_of(cell)
            for pin, position in function.outputs:
                bit = pins[pin][position] if pin in pins else -1
                if bit < 0:
                    continue
                if bit in self._drivers or bit in self._ports:
                    raise CertificateError(f"{bit_name(module, bit)} has two drivers", expected="one per net bit")
                self._drivers[bit] = (cell, pin, position)

    # --- what is asked for

    def output(self, name: str) -> int:
        """The literal of an output bit by its name."""
        for port in self.module.ports:
            if port.direction == "input":
                continue
            for position, bit in enumerate(port.bits.tolist()):
                if port_bit_name(port, position) == name:
                    literal = self.literal(bit)
                    if abs(literal) in self.clocks.values():
                        raise CertificateError(f"the output {name!r} is a clock, which is not modelled")
                    return literal
        raise CertificateError(f"there is no output {name!r}")

    def outputs(self) -> list[str]:
        """The names of all output bits but those that are a clock or constant unknown."""
        names = []
        for port in self.module.ports:
            if port.direction != "input":
                for position, bit in enumerate(port.bits.tolist()):
                    if bit not in self._edges:
                        names.append(port_bit_name(port, position))
        return names

    def state(self, state: State) -> int:
        """The node of a state bit."""
        if state not in self.states:
            self.states[state] = self._node()
        return self.states[state]

    def close(self) -> None:
        """Take in the next states of all states in the cone, and so all they depend on."""
        while len(self.nexts) < len(self.states):
            for state in list(self.states)[len(self.nexts) :]:
                self.nexts[state] = self._next(state)

    def literal(self, bit: int) -> int:
        """The literal of a net bit or constant; refuses what is not modelled, or depends on itself."""
        stack = [bit]
        entered: set[int] = set()
        while stack:
            at = stack[-1]
            if at in self._literals or at < 0:
                stack.pop()
                continue
            reads = self._reads(at)
            waits = [read for read in reads if read >= 0 and read not in self._literals]
            if waits:
                if at in entered and any(wait in entered for wait in waits):
                    raise CertificateError(f"{bit_name(self.module, at)} depends on itself without a register")
                entered.add(at)
                stack += waits
                continue
            stack.pop()
            self._literals[at] = self._made(at)
        return self._of(bit)

    # --- inside

    def _node(self) -> int:
        self.size += 1
        return self.size - 1

    def _free(self) -> int:
        self.undefined.append(self._node())
        return self.undefined[-1]

    def _unknown(self, cell: int, which: int) -> int:
        """The node of an unknown value inside a cell: one value in a step, wherever it is seen."""
        if (cell, which) not in self._unknowns:
            self._unknowns[cell, which] = self._free()
        return self._unknowns[cell, which]

    def _of(self, bit: int) -> int:
        if bit >= 0:
            return self._literals[bit]
        if bit in (ZERO, ONE):
            return TRUE if bit == ONE else -TRUE
        return self._free()

    def _land(self, a: int, b: int) -> int:
        if a > b:
            a, b = b, a
        if a == b or b == TRUE:
            return a
        if a == TRUE:
            return b
        if a in (-b, -TRUE) or b == -TRUE:
            return -TRUE
        if abs(a) in self.clocks.values() or abs(b) in self.clocks.values():
            raise CertificateError("a clock takes part in logic, which is not modelled")
        found = self._hashed.get((a, b))
        if found is None:
            found = self._hashed[a, b] = self._node()
            self.gates.append((found, a, b))
        return found

    def _mux(self, select: int, low: int, high: int) -> int:
        return -self._land(-self._land(select, high), -self._land(-select, low))

    def _pins_of(self, cell: int) -> dict[str, list[int]]:
        if cell not in self._pins:
            self._pins[cell] = {pin.name: pin.bits.tolist() for pin in self.module.cells.pins(cell) if pin.bits.size}
        return self._pins[cell]

    def _input_bits(self, cell: int, function: CellFunction) -> list[int]:
        """Net bit (or constant) of every input of a function; what is not connected is undefined."""
        pins = self._pins_of(cell)
        found = []
        for pin, position in function.inputs[: len(function.inputs) - function.unknown]:
            bits = pins.get(pin)
            found.append(-3 if bits is None else bits[position])
        return found

    def _reads(self, bit: int) -> list[int]:
        """Net bits that the literal of ``bit`` needs; the clock is no data."""
        if bit in self._held or bit in self._edges or bit not in self._drivers:
            return []
        cell, pin, position = self._drivers[bit]
        function = self._functions[self._ids[cell]]
        if function is None:
            return []
        bits = self._input_bits(cell, function)
        return [bits[at] for at in self._needs(function, [function.outputs[pin, position]], through_states=True)]

    def _needs(self, function: CellFunction, roots: list[int], *, through_states: bool) -> list[int]:
        """Which inputs some literals of a function depend on, asynchronous controls of states included."""
        seen: set[int] = set()
        stack = [root >> 1 for root in roots]
        inputs = len(function.inputs) - function.unknown
        found = []
        while stack:
            at = stack.pop()
            if at in seen or at == 0:
                continue
            seen.add(at)
            if at <= inputs:
                found.append(at - 1)
            elif function.first_state <= at < function.first_gate:
                state = function.states[at - function.first_state]
                if through_states:
                    stack += [state.clear >> 1, state.preset >> 1]
            elif at >= function.first_gate:
                stack += [literal >> 1 for literal in function.gates[at - function.first_gate]]
        return found

    def _made(self, bit: int) -> int:
        if bit in self._held:
            return self._held[bit]
        if bit in self._edges:
            self.clocks[bit] = self._node()
            return self.clocks[bit]
        if bit in self._ports:
            name = self._ports[bit]
            if name not in self.inputs:
                self.inputs[name] = self._node()
            return self.inputs[name]
        if bit in self._opaque:
            raise CertificateError(f"{bit_name(self.module, bit)} may be driven by a cell without a known function")
        if bit not in self._drivers:
            return self._free()
        cell, pin, position = self._drivers[bit]
        function = self._functions[self._ids[cell]]
        if function is None or (pin, position) in function.drives:
            raise CertificateError(f"{bit_name(self.module, bit)} is driven in a way that is not modelled")
        return self._inside(cell, function, function.outputs[pin, position])

    def _inside(self, cell: int, function: CellFunction, root: int) -> int:
        """The literal of a literal of the function of a cell; states as they are seen from outside."""
        bits = self._input_bits(cell, function)
        known: dict[int, int] = {0: -TRUE}
        stack = [root >> 1]
        inputs = len(function.inputs) - function.unknown

        def of(literal: int) -> int:
            return -known[literal >> 1] if literal & 1 else known[literal >> 1]

        while stack:
            at = stack[-1]
            if at in known:
                stack.pop()
                continue
            waits: list[int] = []
            if at >= function.first_gate:
                waits = [literal >> 1 for literal in function.gates[at - function.first_gate]]
            elif at >= function.first_state:
                state = function.states[at - function.first_state]
                waits = [state.clear >> 1, state.preset >> 1]
            waits = [wait for wait in waits if wait not in known]
            if waits:
                stack += waits
                continue
            stack.pop()
            if at >= function.first_gate:
                left, right = function.gates[at - function.first_gate]
                known[at] = self._land(of(left), of(right))
            elif at >= function.first_state:
                state = function.states[at - function.first_state]
                node = self.state((cell, at - function.first_state))
                known[at] = self._overridden(cell, state, node, of(state.clear), of(state.preset))
            elif at <= inputs:
                known[at] = self._of(bits[at - 1])
            else:
                known[at] = self._unknown(cell, at)
        return of(root)

    def _overridden(self, cell: int, state: StateElement, value: int, clear: int, preset: int) -> int:
        """A value under the asynchronous controls of its state."""
        if clear == preset == -TRUE:
            return value
        both = self._land(clear, preset)
        if both == -TRUE or state.both == "0":
            return self._land(-clear, -self._land(-preset, -value))
        if state.both == "1":
            return -self._land(-preset, -self._land(-clear, value))
        return self._mux(both, self._land(-clear, -self._land(-preset, -value)), self._unknown(cell, -1))

    def _next(self, state: State) -> int:
        cell, index = state
        function = self._functions[self._ids[cell]]
        name = self.module.cells.names[cell]
        if function is None:
            raise CertificateError(f"the register {name!r} has no function")
        element = function.states[index]
        if element.kind != FLIP_FLOP:
            raise CertificateError(f"{name!r} is a latch, which is not modelled", expected="flip-flops")
        enable = self._enable(cell, function, element)
        for needed in self._needs(function, [element.data, element.clear, element.preset], through_states=True):
            self.literal(self._input_bits(cell, function)[needed])
        data, clear, preset = (
            self._inside(cell, function, literal) for literal in (element.data, element.clear, element.preset)
        )
        if any(abs(literal) in self.clocks.values() for literal in (data, clear, preset)):
            raise CertificateError(f"the register {name!r} takes a clock as data, which is not modelled")
        if element.init in "01":
            self.initial[state] = int(element.init)
        for (pin, position), literal in function.outputs.items():
            bits = self._pins_of(cell).get(pin)
            if bits is not None and literal >> 1 == function.first_state + index and bits[position] in self._known:
                self.initial[state] = self._known[bits[position]] ^ (literal & 1)
        kept = data if enable == TRUE else self._mux(enable, self.states[state], data)
        return self._overridden(cell, element, kept, clear, preset)

    def _enable(self, cell: int, function: CellFunction, element: StateElement) -> int:
        """When a flip-flop is clocked at the named edge: TRUE, or the literal that a clock gate on the way samples.

        On the way are buffers, inverters and integrated clock gates: cells that show a clock pin and a latch's value
        together, where the latch follows its data while that pin is 0. So it holds what was there before the edge.
        """
        enable, literal = TRUE, element.control
        refused = CertificateError(
            f"the clock of the register {self.module.cells.names[cell]!r} is not modelled",
            expected="the named clock edge through buffers, inverters and integrated clock gates",
        )
        for _ in range(len(self.module.cells) + 1):
            if not 0 < literal >> 1 <= len(function.inputs) - function.unknown:
                raise refused
            bit = self._input_bits(cell, function)[(literal >> 1) - 1]
            inverted = literal & 1
            if bit in self._edges and bit not in self._held:
                if self._edges[bit] == bool(inverted):
                    raise refused
                self.literal(bit)
                return enable
            if bit not in self._drivers or bit in self._held:
                raise refused
            cell, pin, position = self._drivers[bit]
            driver = self._functions[self._ids[cell]]
            if driver is None or (pin, position) in driver.drives:
                raise refused
            function, literal = driver, driver.outputs[pin, position] ^ inverted
            sampled = _gate_of(function, literal)
            if sampled is not None:
                data, literal = sampled
                for needed in self._needs(function, [data], through_states=True):
                    self.literal(self._input_bits(cell, function)[needed])
                enable = self._land(enable, self._inside(cell, function, data))
        raise refused


def _gate_of(function: CellFunction, literal: int) -> tuple[int, int] | None:
    """What a clock gate samples and the clock it passes on, as literals of its function; None if it is none."""
    at = (literal >> 1) - function.first_gate
    if literal & 1 or at < 0:
        return None
    for latched, clock in (function.gates[at], function.gates[at][::-1]):
        which = (latched >> 1) - function.first_state
        if not 0 <= which < len(function.states):
            continue
        state = function.states[which]
        if state.kind != FLIP_FLOP and state.clear == state.preset == 0 and state.control == clock ^ 1:
            return state.data ^ (latched & 1), clock
    return None
