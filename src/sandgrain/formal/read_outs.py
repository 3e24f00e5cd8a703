"""Constants that look like identities: wide, without a pattern, read out under some condition towards an output.

A chip whose identity is written into its description shows no source that a manifest could name. What it does show is
a word of registers or output bits that becomes one constant under a condition. Such words are found by implication:
a literal that many gates read is assumed, then what else most of the bits on their way need, until registers or
outputs are fixed (Kunz and Menon, *Multi-level logic optimization by implication analysis*, ICCAD 1994, for the rules).

What is found is a question for the vendor. Nothing is concluded from it, nor from finding nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from sandgrain.logic.model import Model
from sandgrain.logic.network import Literals
from sandgrain.logic.structure import fanin_cone, fanout
from sandgrain.verdict import Place, Question, Text

WIDTH: Final = 16
"""Bits of the least word that is told."""
SCATTERED: Final = 24
"""The same for registers that no name puts together."""
_READERS: Final = 12
"""Gates that read a select at least: half the bits of a word, since a bit may need it in one polarity only."""
_COMMON: Final = 4
_STEPS: Final = 48
_CONDITION: Final = 8
_BIT = re.compile(r"^(.*)\[(\d+)\]$")


@dataclass(frozen=True)
class ReadOut:
    """A word that becomes a constant under a condition.

    Attributes:
        word: name of the register or output port.
        value: its bits, most significant first, ``.`` where a bit stays open.
        condition: (name, value) of registers and inputs under which it does, some of them.
        place: where the word is declared.
    """

    word: str
    value: str
    condition: tuple[tuple[str, int], ...]
    place: Place | None


def looks_like_identity(bits: str) -> bool:
    """Whether known bits (0 and 1, in order) have no simple pattern: no mask, small number, or repetition."""
    known = bits.replace(".", "")
    count = len(known)
    if count < WIDTH:
        return False
    ones = known.count("1")
    changes = sum(a != b for a, b in itertools.pairwise(known))
    repeated = any(known == (known[:period] * count)[:count] for period in range(1, count // 2 + 1))
    return count // 4 <= ones <= count - count // 4 and changes >= count // 4 and not repeated


def questions(model: Model, tick: Callable[[int, int], None] = lambda _done, _total: None) -> list[Question]:
    """What to ask the vendor about, each value once."""
    found: dict[tuple[str, str], ReadOut] = {}
    for item in read_outs(model, tick):
        found.setdefault((item.word, item.value), item)
    return [_question(item) for item in sorted(found.values(), key=lambda item: (item.word, item.value))]


def _question(item: ReadOut) -> Question:
    condition = ", ".join(f"{name}={value}" for name, value in item.condition)
    if item.word:
        digits = -(-len(item.value) // 4)
        value = item.value if "." in item.value else f"0x{int(item.value, 2):0{digits}x}"
        text = Text(
            template="{word} becomes {value} under a condition that takes in {condition}, and reaches an output: is "
            "this an identity?",
            args={"word": item.word, "value": value, "condition": condition},
        )
    else:
        text = Text(
            template="{count} registers become constants, {ones} of them 1, under a condition that takes in "
            "{condition}, and reach an output: is this an identity?",
            args={
                "count": len(item.value) - item.value.count("."),
                "ones": item.value.count("1"),
                "condition": condition,
            },
        )
    return Question(text=text, places=[] if item.place is None else [item.place])


def read_outs(model: Model, tick: Callable[[int, int], None] = lambda _done, _total: None) -> Iterator[ReadOut]:
    """Words that look like identities and reach an output, as they are found; one may come more than once."""
    network = model.network
    readers = fanout(network)
    counts = np.diff(readers.offsets)
    words = _words(model)
    if not words:
        return
    values = np.full(network.variable_count, -1, np.int8)
    values[0] = 0
    indirect = np.zeros(network.variable_count, np.bool_)
    selects = np.flatnonzero(counts >= _READERS)
    selects = selects[selects > 0]
    for position, select in enumerate(selects.tolist()):
        tick(position, selects.size)
        for polarity in (0, 1):
            trail = _assume(
                2 * select + polarity,
                values,
                indirect,
                network.first_and,
                network.fanin0,
                network.fanin1,
                readers.offsets,
                readers.targets,
                _COMMON,
                _STEPS,
            )
            if not trail.size:
                continue
            for word in words:
                bits = word.read(values, indirect)
                if bits:
                    yield ReadOut(word.name, bits, tuple(_condition(model, values, trail)), word.place)
            values[trail] = -1


@dataclass(frozen=True)
class _Word:
    """Bits that are looked at together.

    Attributes:
        name: of the port or register; empty for registers that no name puts together.
        literals: uint32, least significant first where there is an order.
        place: where it is declared.
    """

    name: str
    literals: Literals
    place: Place | None

    def read(self, values: NDArray[np.int8], indirect: NDArray[np.bool_]) -> str:
        """The bits as far as they are fixed, if they look like an identity, else nothing."""
        variables = self.literals >> np.uint32(1)
        held = values[variables]
        known = held >= 0
        least = WIDTH if self.name else SCATTERED
        # Where a comparison fixes the word it is compared with, all of that follows against the signals' direction.
        if known.sum() < least or (known & ~indirect[variables]).sum() < least // 4:
            return ""
        ones = (held == 1) ^ ((self.literals & 1) == 1)
        bits = "".join("." if not k else "1" if one else "0" for k, one in zip(known[::-1], ones[::-1], strict=True))
        if self.name:
            return bits if looks_like_identity(bits) else ""
        # Without an order only their number says something.
        share = int((ones & known).sum()) / int(known.sum())
        return bits if 0.25 <= share <= 0.75 else ""


def _words(model: Model) -> list[_Word]:
    """Output ports and registers of at least `WIDTH` bits that reach an output; the other such registers together."""
    network = model.network
    outputs = [port for port in model.ports if port.direction != "input"]
    if not outputs:
        return []
    words = [_Word(port.name, port.literals, None) for port in outputs if port.literals.size >= WIDTH]
    shown = fanin_cone(network, np.concatenate([port.literals for port in outputs]), cycles=None)
    registers: dict[str, dict[int, int]] = {}
    scattered: list[int] = []
    for index, latch in enumerate(model.latches):
        if shown[network.first_latch + index]:
            match = _BIT.match(latch.name)
            registers.setdefault(match[1] if match else "", {})[int(match[2]) if match else index] = index
    for name, bits in registers.items():
        order = [bits[number] for number in sorted(bits)]
        if name and len(bits) >= WIDTH:
            words.append(_Word(name, network.latch_next[order], model.latches[order[0]].place))
        else:
            scattered += order
    if len(scattered) >= SCATTERED:
        scattered.sort()
        words.append(_Word("", network.latch_next[scattered], None))
    return words


def _condition(model: Model, values: NDArray[np.int8], trail: NDArray[np.int64]) -> list[tuple[str, int]]:
    """Inputs and registers that were assumed or follow from it, in that order."""
    network = model.network
    names = []
    for variable in trail.tolist():
        if variable >= network.first_and:
            continue
        at = variable - network.first_latch
        name = model.latches[at].name if at >= 0 else model.inputs[variable - 1].name
        names.append((name, int(values[variable])))
        if len(names) == _CONDITION:
            break
    return names


@numba.njit(cache=True)
def _imply(literal, values, indirect, first_and, fanin0, fanin1, offsets, targets, trail):  # type: ignore[no-untyped-def]
    """Set a literal and what follows from it directly; appends to ``trail``. False on a contradiction.

    ``indirect`` is set for what follows against the direction of the signals, and for what follows from that alone.
    """
    begin = len(trail)
    variable, value = literal >> 1, 1 - (literal & 1)
    if values[variable] >= 0:
        return values[variable] == value
    values[variable] = value
    indirect[variable] = False
    trail.append(variable)
    position = begin
    while position < len(trail):
        at = trail[position]
        position += 1
        # The gate itself, then those that read it.
        for number in range(-1, offsets[at + 1] - offsets[at]):
            gate = at if number < 0 else np.int64(targets[offsets[at] + number])
            if gate < first_and:
                continue
            left, right = np.int64(fanin0[gate - first_and]), np.int64(fanin1[gate - first_and])
            a, b = values[left >> 1], values[right >> 1]
            a = a if a < 0 else a ^ (left & 1)
            b = b if b < 0 else b ^ (right & 1)
            out = values[gate]
            if a == 0 or b == 0:
                if out == 1:
                    return False
                if out < 0:
                    values[gate] = 0
                    indirect[gate] = (a != 0 or indirect[left >> 1]) and (b != 0 or indirect[right >> 1])
                    trail.append(gate)
            elif a == 1 and b == 1:
                if out == 0:
                    return False
                if out < 0:
                    values[gate] = 1
                    indirect[gate] = indirect[left >> 1] or indirect[right >> 1]
                    trail.append(gate)
            elif out == 1:
                if a < 0:
                    values[left >> 1] = 1 ^ (left & 1)
                    indirect[left >> 1] = True
                    trail.append(left >> 1)
                if b < 0 and values[right >> 1] < 0:
                    values[right >> 1] = 1 ^ (right & 1)
                    indirect[right >> 1] = True
                    trail.append(right >> 1)
            elif out == 0:
                if a == 1 and b < 0:
                    values[right >> 1] = right & 1
                    indirect[right >> 1] = True
                    trail.append(right >> 1)
                elif b == 1 and a < 0:
                    values[left >> 1] = left & 1
                    indirect[left >> 1] = True
                    trail.append(left >> 1)
    return True


@numba.njit(cache=True)
def _assume(select, values, indirect, first_and, fanin0, fanin1, offsets, targets, common, steps):  # type: ignore[no-untyped-def]
    """Assume a literal, then again and again what most fixed bits need to be seen further on; the variables set.

    All of them are unset again, and none is returned, when that contradicts itself at once.
    """
    trail = [np.int64(0)]
    trail.pop()
    wanted = {np.int64(0): np.int64(0)}
    tried = {np.int64(0): True}
    literal = np.int64(select)
    for _ in range(steps):
        before = len(trail)
        if not _imply(literal, values, indirect, first_and, fanin0, fanin1, offsets, targets, trail):
            for index in range(before, len(trail)):
                values[trail[index]] = -1
            while len(trail) > before:
                trail.pop()
            if before == 0:
                break
        wanted.clear()
        for at in trail:
            # What is only a consequence of the condition is no read-out.
            if indirect[at]:
                continue
            for number in range(offsets[at], offsets[at + 1]):
                gate = np.int64(targets[number])
                if values[gate] >= 0:
                    continue
                left, right = np.int64(fanin0[gate - first_and]), np.int64(fanin1[gate - first_and])
                other = right if left >> 1 == at else left
                # A gate that is not fixed reads a 1 here, so it shows what the other side is.
                if values[other >> 1] < 0 and other not in tried:
                    wanted[other] = wanted.get(other, np.int64(0)) + 1
        best, most = np.int64(-1), np.int64(common - 1)
        for other, count in wanted.items():
            if count > most or (count == most and best >= 0 and other < best):
                best, most = other, count
        if best < 0:
            break
        tried[best] = True
        literal = best
    return np.array(trail, dtype=np.int64)
