"""State machines in another code: names that mean another state bit on the other side, and the bits they do mean.

Synthesis may give a state machine codes of its own and keep the name of the register. Bit 3 of one side is then not
bit 3 of the other. Both sides are run from an unknown power-up through reset and on, in three values: where both bits
are known and differ, no power-up and no choice makes them equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence._agreement import agree, pairings
from sandgrain.equivalence.codes import WIDEST, Code, until_written
from sandgrain.equivalence.invariants import NO_CLAUSES, mine
from sandgrain.equivalence.joint import ALL, Ports, lanes_of
from sandgrain.equivalence.names import Hint
from sandgrain.equivalence.resets import Resets, reset_cycles
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.stimulus import Stimulus, known_inputs
from sandgrain.formal.mining import Clauses
from sandgrain.logic.network import Network
from sandgrain.logic.simulate import Ternary, evaluate

_WORDS: Final = 8
_CYCLES: Final = 64
_ENOUGH: Final = 64
_MOST: Final = 512
"""Registers of either side that are looked at without a partner; of more, names say too little."""


@dataclass(frozen=True)
class Recoded:
    """What names mean after all.

    Attributes:
        hints: pairs of latches, those that runs contradict replaced by what they agree with.
        clauses: over the latches of the description, which codes occur in the words that were recoded.
        codes: the words among them that reset leaves alone; no hint is about those.
    """

    hints: tuple[Hint, ...]
    clauses: Clauses
    codes: tuple[Code, ...] = ()


def recoded(
    first: Side, second: Side, ports: Ports, resets: Resets, hints: Sequence[Hint], *, seconds: float
) -> Recoded:
    """Hints as runs have them; the same ones where nothing was recoded.

    A pair that runs contradict is given up only where one of its registers has a better partner: it may as well be a
    fault, and then the name is right.

    Args:
        first, second, ports, resets: what is compared.
        hints: pairs that share a name.
        seconds: how long it may take to say which codes occur.
    """
    nothing = Recoded(tuple(hints), NO_CLAUSES)
    if not hints or not resets:
        return nothing
    seen = _Runs(first, second, ports, resets)
    wrong = {hint for hint in hints if seen.contradict(hint)}
    if not wrong:
        return nothing
    good = [hint for hint in hints if hint not in wrong]
    alone1 = np.setdiff1d(np.arange(first.network.latch_count), [hint.first for hint in good])
    alone2 = np.setdiff1d(np.arange(second.network.latch_count), [hint.second for hint in good])
    if max(alone1.size, alone2.size) > _MOST:
        return nothing
    found = seen.partners(alone1, alone2)
    better1, better2 = {hint.first for hint in found}, {hint.second for hint in found}
    given_up = {hint for hint in wrong if hint.first in better1 or hint.second in better2}
    if not given_up:
        return nothing
    names = {(_word(first, hint.first), _word(second, hint.second)) for hint in given_up}
    words = tuple((_bits(first, one), _bits(second, other)) for one, other in sorted(names))
    latches = np.zeros(first.network.latch_count, np.bool_)
    latches[[latch for word, _ in words for latch in word]] = True
    clauses = mine(first, resets, latches, seconds=seconds)
    # A bit that never changes is the partner of none that does.
    constant = {clause[0] >> 1 for clause in clauses.tolist() if len(set(clause)) == 1}
    kept = {hint for hint in hints if hint not in given_up and hint.first not in constant} | set(found)
    kept |= _left(words, kept, constant)
    codes: list[Code] = []
    loose1, loose2 = set[int](), set[int]()
    for word1, word2 in words:
        code = seen.code(word1, word2)
        if code is not None and loose1.isdisjoint(word1) and loose2.isdisjoint(word2):
            codes.append(code)
            loose1, loose2 = loose1 | set(word1), loose2 | set(word2)
    kept = {hint for hint in kept if hint.first not in loose1 and hint.second not in loose2}
    each = seconds / max(len(codes), 1)
    codes = [replace(code, unwritten=until_written(first, resets, code, clauses, seconds=each)) for code in codes]
    return Recoded(tuple(sorted(kept)), clauses, tuple(codes))


def _left(words: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], kept: set[Hint], constant: set[int]) -> set[Hint]:
    """The pairs that are left when all other bits of two words have their partners."""
    taken1, taken2 = {hint.first for hint in kept} | constant, {hint.second for hint in kept}
    found = set()
    for word1, word2 in words:
        left1, left2 = [one for one in word1 if one not in taken1], [one for one in word2 if one not in taken2]
        if len(left1) == len(left2) == 1:
            found.add(Hint(left1[0], left2[0], False))
    return found


def _word(side: Side, latch: int) -> str:
    """What a latch is a bit of."""
    return side.latch_names[latch].rpartition("[")[0] or side.latch_names[latch]


def _bits(side: Side, word: str) -> tuple[int, ...]:
    return tuple(latch for latch in range(side.network.latch_count) if _word(side, latch) == word)


class _Runs:
    """Both sides after reset from an unknown power-up: rails uint64 (latches, cycles x words) of each."""

    def __init__(self, first: Side, second: Side, ports: Ports, resets: Resets) -> None:
        stimulus = Stimulus(ports, resets, _WORDS, np.random.default_rng(7))
        places = (ports.first_inputs, ports.second_inputs)
        networks = (first.network, second.network)
        states = [_unknown(network) for network in networks]
        shown: list[list[Ternary]] = [[], []]
        lead = reset_cycles(resets)
        for cycle in range(lead + _CYCLES):
            drawn = stimulus.draw(cycle)
            for number, network in enumerate(networks):
                if cycle >= lead:
                    shown[number].append(states[number])
                given = known_inputs(network, places[number], drawn)
                states[number] = evaluate(network, network.latch_next, given, states[number])
        self.first, self.second = (
            Ternary(*(np.concatenate([getattr(state, rail) for state in side], axis=1) for rail in ("ones", "zeros")))
            for side in shown
        )

    def contradict(self, hint: Hint) -> bool:
        """Whether both registers are known to differ in some cycle."""
        ones, zeros = (rail[hint.second] for rail in self.second)
        if hint.opposite:
            ones, zeros = zeros, ones
        return bool(((self.first.ones[hint.first] & zeros) | (self.first.zeros[hint.first] & ones)).any())

    def code(self, first: tuple[int, ...], second: tuple[int, ...]) -> Code | None:
        """The code of a word that is not known after reset, if what one side holds says what the other does."""
        if max(len(first), len(second)) > WIDEST or not (self._unknown(0, first) or self._unknown(1, second)):
            return None
        known = np.full(self.first.ones.shape[1], ALL)
        for side, word in ((self.first, first), (self.second, second)):
            known &= np.bitwise_and.reduce(side.ones[list(word)] | side.zeros[list(word)], axis=0)
        chosen = lanes_of(known) != 0
        values1, values2 = (
            (lanes_of(side.ones[list(word)])[:, chosen].astype(np.int64) << np.arange(len(word))[:, None]).sum(axis=0)
            for side, word in ((self.first, first), (self.second, second))
        )
        shown = np.unique(np.stack((values2, values1)), axis=1).T.tolist()
        table = dict(shown)
        if not shown or len(table) < len(shown):
            return None
        unused = sorted(set(range(1 << len(first))) - set(table.values()))
        other = unused[0] if unused else 0
        return Code(first, second, tuple(table.get(at, other) for at in range(1 << len(second))), tuple(unused))

    def _unknown(self, number: int, word: tuple[int, ...]) -> bool:
        """Whether some bit of a word of a side is not known just after reset."""
        side = (self.first, self.second)[number]
        rows = list(word)
        return bool((~(side.ones[rows, :_WORDS] | side.zeros[rows, :_WORDS])).any())

    def partners(self, alone1: NDArray[np.int64], alone2: NDArray[np.int64]) -> list[Hint]:
        """Registers of the netlist with the only one of the description that they agree with, each once."""
        ones, zeros = (np.concatenate(rails) for rails in zip(self.first, self.second, strict=True))
        chances = np.full((alone2.size, alone1.size + 1), 3, np.uint8)
        shared = np.zeros(chances.shape, np.int64)
        known = np.zeros(alone2.size, np.int64)
        rows = alone2 + self.first.ones.shape[0]
        agree(rows, alone1, ones, zeros, chances, known, shared)
        chances[known < _ENOUGH] = 0
        chosen = pairings(chances, shared, np.zeros(alone1.size + 1, np.bool_), _ENOUGH)
        found: dict[int, Hint] = {}
        for row, column in enumerate(chosen.tolist()):
            # The last column is the constant.
            if 0 <= column < alone1.size:
                one = int(alone1[column])
                found.setdefault(one, Hint(one, int(alone2[row]), not chances[row, column] & 1))
        return list(found.values())


def _unknown(network: Network) -> Ternary:
    ones, zeros = (np.zeros((network.latch_count, _WORDS), np.uint64) for _ in range(2))
    ones[network.latch_init == 1] = ~np.uint64(0)
    zeros[network.latch_init == 0] = ~np.uint64(0)
    return Ternary(ones, zeros)
