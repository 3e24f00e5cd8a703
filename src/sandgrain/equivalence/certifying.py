"""A proof told in the names of both sides, for the checker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandgrain.check.correspondence import Correspondence, Member, Value
from sandgrain.equivalence.proofs import Proof
from sandgrain.equivalence.resets import Resets
from sandgrain.equivalence.sides import Side
from sandgrain.logic.assemble import Clock
from sandgrain.logic.network import Literals
from sandgrain.netlist.cell_function import FLIP_FLOP
from sandgrain.netlist.state_bits import functions_of


def correspondence(first: Side, second: Side, resets: Resets, clocks: Sequence[Clock], proof: Proof) -> Correspondence:
    """The correspondence that a proof is."""
    relation = proof.relation
    classes: dict[int, list[Member]] = {}
    for number, side, of, flips in (
        (2, second, relation.second, relation.second_flips),
        (1, first, relation.first, relation.first_flips),
    ):
        kept = flip_flops(side)
        for latch, (which, negated) in enumerate(zip(of.tolist(), flips.tolist(), strict=True)):
            # Nothing is said of latches: those of clock gates are none to the checker, others it refuses.
            if not kept[latch]:
                continue
            classes.setdefault(which, []).append(Member(number, side.latch_names[latch], negated))
    constants = sorted(classes.pop(0, []))
    # The first of the netlist's is what open registers of the description power up as.
    mates = {second.latch_names[latch] for latch in proof.mates[proof.mates >= 0].tolist()}

    def placed(member: Member) -> tuple[int, bool, Member]:
        return member.side, member.side == 2 and member.name not in mates, member

    return Correspondence(
        tops=(first.module.name, second.module.name),
        digests=(first.digest, second.digest),
        clocks=tuple((clock.name, clock.edge) for clock in clocks),
        held=tuple(sorted({**first.held, **second.held}.items())),
        resets=tuple(sorted((name, level, cycles) for name, (level, cycles) in resets.items())),
        cycles=proof.cycles,
        constants=tuple(constants),
        classes=tuple(sorted(tuple(sorted(members, key=placed)) for members in classes.values())),
        derived=tuple(sorted(_derived(first, second, proof))),
        begins=tuple(sorted(_begins(first, second, proof))),
        invariant=(
            *(
                tuple(Member(1, first.latch_names[at >> 1], bool(at & 1)) for at in dict.fromkeys(clause))
                for clause in proof.clauses.tolist()
            ),
            *_guards(first, second, proof),
        ),
        choices=tuple(_choices(first, second, proof)),
        lemmas=tuple(_lemmas(first, second, proof)),
    )


def _guards(first: Side, second: Side, proof: Proof) -> list[tuple[Member, ...]]:
    """The clauses over classes, each class told by its first register."""
    leaders = _leaders(first, second, proof)
    return [
        tuple(
            member._replace(negated=member.negated ^ bool(literal & 1))
            for literal, member in ((literal, leaders[literal >> 1]) for literal in dict.fromkeys(clause))
        )
        for clause in proof.guards.tolist()
    ]


def _leaders(first: Side, second: Side, proof: Proof) -> dict[int, Member]:
    """The first register of each class."""
    relation = proof.relation
    leaders: dict[int, Member] = {}
    for number, side, of, flips in (
        (1, first, relation.first, relation.first_flips),
        (2, second, relation.second, relation.second_flips),
    ):
        for latch, (which, negated) in enumerate(zip(of.tolist(), flips.tolist(), strict=True)):
            leaders.setdefault(which, Member(number, side.latch_names[latch], negated))
    return leaders


def _derived(first: Side, second: Side, proof: Proof) -> list[tuple[Member, Value]]:
    """The registers that are a net of the other side."""
    sides = (first, second)
    bits = [_plain_bits(side, side.network.variable_count) for side in sides if proof.relation.derived]
    found = []
    for item in proof.relation.derived:
        shown = int(bits[1 - item.side][item.literal >> 1])
        value = Value(2 - item.side, "bit", str(shown >> 1), bool((shown ^ item.literal) & 1))
        found.append((Member(1 + item.side, sides[item.side].latch_names[item.latch], False), value))
    return found


def _begins(first: Side, second: Side, proof: Proof) -> list[tuple[Member, ...]]:
    """What registers of the description power up as that are equal under a guard only, or hold another code."""
    leaders = _leaders(first, second, proof)
    found: list[tuple[Member, ...]] = []
    for which, _ in proof.torn:
        mate = int(proof.mates[which])
        if mate >= 0:
            flip = bool(proof.relation.second_flips[mate])
            found.append((leaders[which], Member(2, second.latch_names[mate], flip)))
    for code in proof.codes:
        for latch, values in code.ones():
            one = Member(1, first.latch_names[latch], False)
            for value in values:
                word = (
                    Member(2, second.latch_names[other], not value >> at & 1) for at, other in enumerate(code.second)
                )
                found.append((one, *word))
    return found


def flip_flops(side: Side) -> list[bool]:
    """For every latch of the network, whether it is a flip-flop."""
    functions, ids = functions_of(side.module.cells, side.linked.lookup)
    found = []
    for cell, state in zip(side.assembled.latch_cells.tolist(), side.assembled.latch_states.tolist(), strict=True):
        function = functions[ids[cell]]
        found.append(function is not None and function.states[state].kind == FLIP_FLOP)
    return found


def _plain_bits(side: Side, variables: int) -> NDArray[np.int64]:
    """For each variable of the network, ``2 * bit + negated`` of a net bit that shows it; -1 where none does."""
    literals = side.assembled.net_literals
    found = np.full(variables, -1, np.int64)
    shown = 2 * np.arange(literals.size, dtype=np.int64) + (literals & 1)
    # Bits that show it plainly come last, so that they are the ones to stay.
    for negated in (1, 0):
        mine = np.flatnonzero((literals & 1) == negated)[::-1]
        found[literals[mine] >> np.uint32(1)] = shown[mine]
    return found


def _choices(first: Side, second: Side, proof: Proof) -> list[tuple[int, Value]]:
    bits = _plain_bits(first, first.network.variable_count)
    named = _plain_bits(second, second.network.variable_count)
    nexts: dict[int, int] = {}
    for latch, literal in enumerate(second.network.latch_next.tolist()):
        nexts.setdefault(literal >> 1, 2 * latch + (literal & 1))
    found = []
    for value, choice in zip((1 + first.free).tolist(), proof.relation.choices.tolist(), strict=True):
        bit = int(bits[value])
        if choice == 0 or bit < 0 or bit & 1:
            continue
        shown = int(named[choice >> 1])
        if choice >> 1 == 0:
            told = Value(2, "zero", "", bool(choice & 1))
        elif shown >= 0:
            told = Value(2, "bit", str(shown >> 1), bool((shown ^ choice) & 1))
        else:
            latch = nexts[choice >> 1]
            told = Value(2, "next", second.latch_names[latch >> 1], bool((latch ^ choice) & 1))
        found.append((bit >> 1, told))
    return sorted(found)


def _lemmas(first: Side, second: Side, proof: Proof) -> list[tuple[Value, Value]]:
    """What sweeping merged, as far as both nodes are nets, in the order it did."""
    frame = proof.frame
    size = len(frame.graph)
    names: list[Value | None] = [None] * size
    for number, side, values in ((1, first, frame.first_values), (2, second, frame.second_values)):
        for bit, literal in enumerate(_mapped(side.assembled.net_literals, values).tolist()):
            node = literal >> 1
            if node and (names[node] is None or names[node].side != number):
                names[node] = Value(number, "bit", str(bit), bool(literal & 1))
    names[0] = Value(2, "zero", "", False)
    found = []
    for node, literal in proof.swept.merges:
        one, other = names[node], names[literal >> 1]
        if one is not None and other is not None:
            found.append((one, other._replace(negated=other.negated ^ bool(literal & 1))))
    return found


def _mapped(literals: Literals, values: Literals) -> Literals:
    result: Literals = values[literals >> np.uint32(1)] ^ (literals & np.uint32(1))
    return result
