"""Small designs as two structural Verilog texts, and a plain search of all their states."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandgrain.check.agreed import Agreed
from sandgrain.equivalence import CompareOptions, Equivalence, compare_linked
from sandgrain.netlist.generic_cells import generic_cell
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import SilentProgress


def linked(text: str, work: Path, name: str = "design.v") -> Linked:
    """A structural text of Verilog primitives and Yosys gates."""
    file = work / name
    file.write_text(text)
    return link(read_netlist([file], top="top").netlist, {}, generic_cell)


def compared(first: str, second: str, work: Path, options: CompareOptions | None = None) -> Equivalence:
    """The comparison of two texts whose top modules are called ``top``."""
    sides = linked(first, work, "first.v"), linked(second, work, "second.v")
    return compare_linked(*sides, options or CompareOptions(budget=60), SilentProgress())


@dataclass(frozen=True)
class Machine:
    """A random synchronous machine: gates over inputs and registers, all registers cleared by ``r``.

    Attributes:
        inputs, registers: how many.
        gates: operator and two operands each; operands count inputs, registers and earlier gates.
        nexts, outputs: operands.
    """

    inputs: int
    registers: int
    gates: tuple[tuple[str, int, int], ...]
    nexts: tuple[int, ...]
    outputs: tuple[int, ...]

    @staticmethod
    def drawn(rng: random.Random) -> Machine:
        """A machine with up to five registers."""
        inputs, registers, gates = rng.randint(1, 2), rng.randint(1, 5), rng.randint(3, 14)
        made = []
        for gate in range(gates):
            most = inputs + registers + gate
            made.append((rng.choice(["and", "or", "xor", "nand"]), rng.randrange(most), rng.randrange(most)))
        total = inputs + registers + gates
        return Machine(
            inputs,
            registers,
            tuple(made),
            tuple(rng.randrange(total) for _ in range(registers)),
            tuple(rng.randrange(total) for _ in range(2)),
        )

    def changed(self, rng: random.Random) -> Machine:
        """The machine with one gate of another kind or one operand moved."""
        gates = list(self.gates)
        at = rng.randrange(len(gates))
        kind, left, right = gates[at]
        if rng.random() < 0.5:
            kind = rng.choice([other for other in ("and", "or", "xor", "nand") if other != kind])
        else:
            left = rng.randrange(self.inputs + self.registers + at)
        gates[at] = (kind, left, right)
        return Machine(self.inputs, self.registers, tuple(gates), self.nexts, self.outputs)

    def values(self, state: Sequence[int], inputs: Sequence[int]) -> list[int]:
        """Every operand's value."""
        found = [*inputs, *state]
        for kind, left, right in self.gates:
            a, b = found[left], found[right]
            found.append({"and": a & b, "or": a | b, "xor": a ^ b, "nand": 1 - (a & b)}[kind])
        return found

    def verilog(self, rng: random.Random | None = None, *, inverted: Sequence[int] = ()) -> str:
        """The machine as a structural text; with ``rng`` renamed and shuffled, some registers stored inverted."""
        count = self.inputs + self.registers + len(self.gates)
        order = list(range(count))
        if rng is not None:
            rng.shuffle(order)
        names = [f"w{order[at]}" if rng is not None else f"s{at}" for at in range(count)]
        for at in range(self.inputs):
            names[at] = f"i{at}"
        lines = [
            f"{kind} (" + f"{names[self.inputs + self.registers + at]}, {names[a]}, {names[b]});"
            for at, (kind, a, b) in enumerate(self.gates)
        ]
        for at in range(self.registers):
            q, d = names[self.inputs + at], names[self.nexts[at]]
            if at in inverted:
                lines += [
                    f"wire x{at}, y{at}; nand (x{at}, {d}, k);",
                    f"\\$_DFF_P_ f{at} (.C(c), .D(x{at}), .Q(y{at})); not ({q}, y{at});",
                ]
            else:
                lines += [f"wire x{at}; and (x{at}, {d}, k);", f"\\$_DFF_P_ f{at} (.C(c), .D(x{at}), .Q({q}));"]
        lines += [f"buf (o[{at}], {names[source]});" for at, source in enumerate(self.outputs)]
        if rng is not None:
            rng.shuffle(lines)
        ports = ", ".join(["input c", "input r", *(f"input i{at}" for at in range(self.inputs)), "output [1:0] o"])
        wires = ", ".join([*names[self.inputs :], "k"])
        return "\n".join([f"module top({ports});", f"wire {wires};", "not (k, r);", *lines, "endmodule", ""])


def agree(first: Machine, second: Machine) -> bool:
    """Whether two machines with the same ports do the same from the reset state on: all pairs of states searched."""
    start = ((0,) * first.registers, (0,) * second.registers)
    seen, waiting = {start}, [start]
    while waiting:
        one, two = waiting.pop()
        for inputs in itertools.product((0, 1), repeat=first.inputs):
            a, b = first.values(one, inputs), second.values(two, inputs)
            if [a[at] for at in first.outputs] != [b[at] for at in second.outputs]:
                return False
            following = (tuple(a[at] for at in first.nexts), tuple(b[at] for at in second.nexts))
            for pair in (following, start):
                if pair not in seen:
                    seen.add(pair)
                    waiting.append(pair)
    return True


RESET: Mapping[str, tuple[int, int]] = {"r": (1, 1)}
AGREED = Agreed({"c": "rising"}, resets=RESET)
"""How the texts of these tests are run: one clock, and that reset."""
