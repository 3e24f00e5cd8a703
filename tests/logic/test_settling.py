"""Loops gone round: nothing a loop can rest at is lost, and what is known of it is what it comes to rest at."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandgrain.logic.assemble import assemble
from sandgrain.logic.settling import rounds, settled
from sandgrain.logic.simulate import Ternary, evaluate
from sandgrain.netlist.bit_names import find_bit
from sandgrain.netlist.flatten import flatten
from tests.equivalence.small import linked

GATES = {
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "nand": lambda a, b: 1 - (a & b),
}
INPUTS = ("a", "b")
WIRES = tuple(f"w{at}" for at in range(5))

Gate = tuple[str, str, str]


def text_of(gates: list[Gate]) -> str:
    wires = ", ".join(f"output {wire}" for wire in WIRES)
    lines = [f"  {kind} ({wire}, {x}, {y});" for wire, (kind, x, y) in zip(WIRES, gates, strict=True)]
    return "\n".join([f"module top(input a, input b, {wires});", *lines, "endmodule"])


def at_rest(gates: list[Gate], given: dict[str, int]) -> list[dict[str, int]]:
    """All values of the wires at which no gate wants to change any."""
    found = []
    for values in itertools.product((0, 1), repeat=len(WIRES)):
        state = given | dict(zip(WIRES, values, strict=True))
        if all(state[w] == GATES[kind](state[x], state[y]) for w, (kind, x, y) in zip(WIRES, gates, strict=True)):
            found.append(state)
    return found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_whatever_a_loop_rests_at_is_kept(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    gates = [(rng.choice(sorted(GATES)), rng.choice(INPUTS + WIRES), rng.choice(INPUTS + WIRES)) for _ in WIRES]
    design = linked(text_of(gates), tmp_path_factory.mktemp("loops"))
    module = flatten(design)
    found = settled(assemble(module, design.lookup, None, "cycle", leave_free=True))
    wanted = found.net_literals[[find_bit(module, wire) for wire in WIRES]]
    names = {find_bit(module, name): name for name in INPUTS + WIRES}
    bits = [names[bit] for bit in found.input_bits.tolist()]
    for values in itertools.product((0, 1), repeat=len(INPUTS)):
        given_ = dict(zip(INPUTS, values, strict=True))
        resting = at_rest(gates, given_)
        for state in [*resting, given_]:  # the last time with the loops unknown
            rails = Ternary(*(np.zeros((len(bits), 1), np.uint64) for _ in range(2)))
            for at, name in enumerate(bits):
                if name in state:
                    (rails.ones if state[name] else rails.zeros)[at] = 1
            shown = evaluate(found.network, wanted, rails, Ternary(*(np.zeros((0, 1), np.uint64) for _ in range(2))))
            for at, wire in enumerate(WIRES):
                told = {1: shown.ones[at, 0] & np.uint64(1), 0: shown.zeros[at, 0] & np.uint64(1)}
                if wire in state:
                    assert told[state[wire]]
                elif told[0] or told[1]:
                    assert all(told[rest[wire]] for rest in resting)
            known = ((shown.ones | shown.zeros) & np.uint64(1)).all()
            assert not known or state is not given_ or len(resting) == 1


def test_a_loop_that_is_none_has_its_value(tmp_path: Path) -> None:
    """Two functions that use each other, never at once (Malik, 1994): for either input all is known."""
    text = """module top(input s, input a, output y, output z);
      wire na, p, q, i, j, k, l, ns;
      not (ns, s); not (p, a);
      and (i, s, a); and (j, ns, z); or (y, i, j); and (k, ns, p); and (l, s, y); or (z, k, l);
    endmodule"""
    design = linked(text, tmp_path)
    module = flatten(design)
    cut = assemble(module, design.lookup, None, "cycle", leave_free=True)
    assert len(cut.loops) == rounds(cut) == 1
    known = settled(cut)
    roots = known.net_literals[[find_bit(module, name) for name in ("y", "z")]]
    place = {int(bit): at for at, bit in enumerate(known.input_bits.tolist())}
    for s, a in itertools.product((0, 1), repeat=2):
        rails = Ternary(*(np.zeros((known.network.input_count, 1), np.uint64) for _ in range(2)))
        for name, value in (("s", s), ("a", a)):
            (rails.ones if value else rails.zeros)[place[find_bit(module, name)]] = 1
        shown = evaluate(known.network, roots, rails, Ternary(*(np.zeros((0, 1), np.uint64) for _ in range(2))))
        assert ((shown.ones | shown.zeros) & np.uint64(1)).all()
