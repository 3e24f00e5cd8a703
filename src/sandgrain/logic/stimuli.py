"""What drives the inputs of a simulation: constants, held resets, sequences, random bits, valid/ready handshakes.

A set of stimuli is one `Drive` per network input and a seed. Nothing is stored per cycle: the simulation makes the
words as it goes, each from (seed, input, cycle, word), so a run is the same to the bit on any number of threads. One
stimulus in 64 shares a word with 63 others; ``Random`` and what builds on it differ from stimulus to stimulus, all
other drives are the same for all of them.

Not every drive fits every input: bits of one bus share one `Handshake`, for example. `bus` gives the drives of a
whole port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic import _simulate_drive as kinds
from sandgrain.logic._simulate_drive import CERTAIN, Table
from sandgrain.logic.network import Literals, Network

_LARGEST_SEED: Final = 2**64 - 1
_LARGEST_CYCLE: Final = 2**62


@dataclass(frozen=True, slots=True)
class Constant:
    """Always ``value``, 0 or 1."""

    value: int


@dataclass(frozen=True, slots=True)
class Random:
    """A one with ``probability``, drawn anew for every stimulus and cycle; resolution 1 / 65536."""

    probability: float = 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """A one with ``probability``, drawn once for every stimulus: an arbitrary constant."""

    probability: float = 0.5


@dataclass(frozen=True, slots=True)
class Unknown:
    """X in every cycle; only in three-valued simulation."""


@dataclass(frozen=True, slots=True)
class Values:
    """One value per cycle, 0 or 1; afterwards from the start again, or the last one for ever."""

    values: tuple[int, ...]
    repeats: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """Values of every stimulus: uint64 (cycles, words); afterwards as `Values`."""

    words: NDArray[np.uint64]
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Handshake:
    """A valid/ready pair in which the outside offers and the design accepts (as on an AXI stream).

    Attributes:
        ready: network literal by which the design accepts; an X in it does not accept.
        probability: of making an offer in a cycle in which none is waiting.
        name: tells two handshakes on the same literal apart.
    """

    ready: int
    probability: float = 0.5
    name: str = ""


@dataclass(frozen=True, slots=True)
class Valid:
    """The valid of a handshake: once one, it stays so until the cycle in which ready is one too, that one included."""

    handshake: Handshake


@dataclass(frozen=True, slots=True)
class Payload:
    """A bit of what a handshake offers: random, and stable while an offer waits."""

    handshake: Handshake
    probability: float = 0.5


@dataclass(frozen=True, slots=True)
class After:
    """``before`` for the first ``cycles`` cycles, then as ``then`` says (its own cycle 0 is cycle ``cycles``)."""

    cycles: int
    before: int
    then: Constant | Random | Held | Unknown | Values | Given | Valid | Payload


Drive = Constant | Random | Held | Unknown | Values | Given | Valid | Payload | After
"""What one input does over time."""


def reset(cycles: int, active: int = 1) -> Drive:
    """A reset that is asserted (``active``) for the first ``cycles`` cycles and then released for good."""
    return After(cycles, active, Constant(1 - active))


def bus(values: Iterable[int], width: int, *, repeats: bool = False) -> list[Drive]:
    """The drives of the ``width`` bits of a port, least significant first, that carries ``values`` cycle by cycle.

    Raises:
        NetworkError: a value that does not fit.
    """
    numbers = list(values)
    for number in numbers:
        if not 0 <= number < 1 << width:
            raise NetworkError(f"the value {number} does not fit into {width} bits")
    return [Values(tuple(number >> bit & 1 for number in numbers), repeats) for bit in range(width)]


@dataclass(frozen=True, eq=False)
class Stimuli:
    """What drives every input of a network.

    Attributes:
        drives: one per network input.
        seed: 0 .. 2**64 - 1.
    """

    drives: Sequence[Drive]
    seed: int = 0

    @classmethod
    def of(
        cls, network: Network, drives: Mapping[int, Drive], *, default: Drive | None = None, seed: int = 0
    ) -> Stimuli:
        """Drives by index of the input; the others do as ``default`` says, by default `Random`.

        Raises:
            NetworkError: no such input.
        """
        wrong = [index for index in drives if not 0 <= index < network.input_count]
        if wrong:
            raise NetworkError(
                f"input {wrong[0]} is driven, which the network does not have",
                expected=f"an index below {network.input_count}",
            )
        rest = default or Random()
        return cls([drives.get(index, rest) for index in range(network.input_count)], seed)

    @cached_property
    def handshakes(self) -> tuple[Handshake, ...]:
        """The handshakes, in the order of their valids."""
        return tuple(_plain(drive).handshake for drive in self.drives if isinstance(_plain(drive), Valid))  # type: ignore[union-attr]

    @property
    def ready(self) -> Literals:
        """uint32 (handshakes,), the literal of each ready."""
        for handshake in self.handshakes:
            if not 0 <= handshake.ready < 1 << 32:
                raise NetworkError(f"the ready of a handshake is {handshake.ready}", expected="a literal")
        return np.array([handshake.ready for handshake in self.handshakes], np.uint32)

    @property
    def has_unknowns(self) -> bool:
        """Whether some input is X at some time."""
        return any(isinstance(_plain(drive), Unknown) for drive in self.drives)

    def table(self, words: int) -> Table:
        """As the kernels read it, for ``words`` words of stimuli.

        Raises:
            NetworkError: values that are none, naming the input.
        """
        return _Writer(self, words).table()


def _plain(drive: Drive) -> Drive:
    return drive.then if isinstance(drive, After) else drive


class _Writer:
    def __init__(self, stimuli: Stimuli, words: int) -> None:
        if not 0 <= stimuli.seed <= _LARGEST_SEED:
            raise NetworkError(f"the seed {stimuli.seed} is out of range", expected="0 .. 2**64 - 1")
        self.stimuli = stimuli
        self.words = words
        count = len(stimuli.drives)
        self.kind = np.zeros(count, np.uint8)
        self.start = np.zeros(count, np.int64)
        self.before = np.zeros(count, np.uint8)
        self.threshold = np.zeros(count, np.uint32)
        self.first = np.zeros(count, np.int64)
        self.length = np.zeros(count, np.int64)
        self.repeats = np.zeros(count, np.uint8)
        self.valid: list[int] = []
        self.numbers: dict[Handshake, int] = {}
        self.sequence: list[int] = []
        self.sequences: dict[tuple[int, ...], int] = {}
        self.given: list[NDArray[np.uint64]] = []
        self.given_rows = 0

    def table(self) -> Table:
        for index, drive in enumerate(self.stimuli.drives):
            plain = _plain(drive)
            if isinstance(plain, Valid):
                if plain.handshake in self.numbers:
                    raise self._error(
                        index, "is a second valid of one handshake", "one valid each; a name tells two apart"
                    )
                self.numbers[plain.handshake] = len(self.valid)
                self.valid.append(index)
        for index, drive in enumerate(self.stimuli.drives):
            if isinstance(drive, After):
                if not 0 <= drive.cycles < _LARGEST_CYCLE:
                    raise self._error(index, f"starts after {drive.cycles} cycles", "a number of cycles from 0")
                self.start[index] = drive.cycles
                self.before[index] = self._bit(index, drive.before)
            self._write(index, _plain(drive))
        given = np.concatenate(self.given) if self.given else np.zeros((0, self.words), np.uint64)
        return Table(
            self.kind,
            self.start,
            self.before,
            self.threshold,
            self.first,
            self.length,
            self.repeats,
            np.array(self.sequence, np.uint8),
            np.ascontiguousarray(given),
            np.array(self.valid, np.int64),
        )

    def _write(self, index: int, drive: Drive) -> None:
        match drive:
            case Constant(value):
                self._drawn(index, kinds.CONSTANT, self._bit(index, value))
            case Random(probability):
                self._drawn(index, kinds.RANDOM, probability)
            case Held(probability):
                self._drawn(index, kinds.HELD, probability)
            case Unknown():
                self.kind[index] = kinds.UNKNOWN
            case Valid(handshake):
                self._drawn(index, kinds.VALID, handshake.probability)
                self.first[index] = self.numbers[handshake]
            case Payload(handshake, probability):
                if handshake not in self.numbers:
                    raise self._error(index, "is the payload of a handshake without a valid", "an input that is Valid")
                self._drawn(index, kinds.PAYLOAD, probability)
                self.first[index] = self.numbers[handshake]
            case Values(values, repeats):
                self.kind[index] = kinds.SEQUENCE
                self._span(index, len(values), repeats)
                if values not in self.sequences:  # the bits of a bus repeat each other
                    self.sequences[values] = len(self.sequence)
                    self.sequence += [self._bit(index, value) for value in values]
                self.first[index] = self.sequences[values]
            case Given(words, repeats):
                self.kind[index] = kinds.GIVEN
                rows = np.asarray(words)
                if rows.dtype != np.uint64 or rows.ndim != 2 or rows.shape[1] < self.words:
                    raise self._error(
                        index, f"is given {rows.dtype} {rows.shape}", f"uint64 (cycles, {self.words} words or more)"
                    )
                self._span(index, len(rows), repeats)
                self.first[index] = self.given_rows
                self.given.append(rows[:, : self.words])
                self.given_rows += len(rows)
            case _:
                raise self._error(index, f"is driven by {drive!r}", "a drive that is not itself delayed")

    def _span(self, index: int, length: int, repeats: bool) -> None:
        if length == 0:
            raise self._error(index, "is driven by no values", "one value or more")
        self.length[index] = length
        self.repeats[index] = repeats

    def _drawn(self, index: int, kind: int, probability: float) -> None:
        if not 0 <= probability <= 1:
            raise self._error(index, f"is one with probability {probability}", "a number from 0 to 1")
        threshold = round(probability * CERTAIN)
        if (threshold == 0 and probability > 0) or (threshold == CERTAIN and probability < 1):
            raise self._error(
                index, f"is one with probability {probability}", f"0, 1, or at least 1/{CERTAIN} from either"
            )
        self.kind[index] = kind
        self.threshold[index] = threshold

    def _bit(self, index: int, value: int) -> int:
        if value not in (0, 1):
            raise self._error(index, f"is driven to {value!r}", "0 or 1")
        return int(value)

    @staticmethod
    def _error(index: int, what: str, expected: str) -> NetworkError:
        return NetworkError(f"input {index} {what}", expected=expected, remedy="correct the stimuli")
