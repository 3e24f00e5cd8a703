"""What is found out about one step of both sides under a relation, and about what comes before the first of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.codes import Code
from sandgrain.equivalence.invariants import NO_CLAUSES
from sandgrain.equivalence.joint import Frame, Relation
from sandgrain.equivalence.powering import Point
from sandgrain.equivalence.sweeping import Swept
from sandgrain.formal.mining import Clauses
from sandgrain.logic.network import Literals


@dataclass(frozen=True)
class Difference:
    """A point that is not equal in some related state.

    Attributes:
        point: which.
        model: bool (free variables of the frame,), that state and the inputs; None if it was not decided in time.
    """

    point: Point
    model: NDArray[np.bool_] | None


@dataclass
class Proof:
    """How far the proof got.

    Attributes:
        relation: the relation.
        clauses: over the latches of the description, true after reset and in every later cycle.
        step: whether every step keeps the relation.
        base: whether the relation holds after reset.
        differences: outputs (and registers, if the first relation did not hold) that are not equal under it.
        frame, swept: of the last step.
        cycles: of reset after power-up, after which the relation holds.
        mates: int64 (classes,), the register of the netlist that open ones of the description power up as, -1 if none.
        guards: clauses over classes, ``2 * class + negated``, true like ``clauses``.
        torn: class of the description and class of the netlist of what is equal under guards only.
        codes: words of the description that power up as a word of the netlist in another code.
        broken: rows of ``guards`` that a step does not keep, or reset does not make true.
    """

    relation: Relation
    clauses: Clauses
    step: bool
    base: bool
    differences: list[Difference]
    frame: Frame
    swept: Swept
    cycles: int = 0
    mates: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    guards: Clauses = field(default_factory=lambda: NO_CLAUSES)
    torn: list[tuple[int, int]] = field(default_factory=list)
    codes: tuple[Code, ...] = ()
    broken: list[int] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.step and self.base and not self.differences and not self.broken


def points_of(frame: Frame, relation: Relation) -> list[Point]:
    """What has to be equal in a step: outputs, and all next states of a class with the first of them."""
    points = [
        Point("output", at, int(a), int(b))
        for at, (a, b) in enumerate(zip(frame.first_outputs, frame.second_outputs, strict=True))
    ]
    wanted: dict[int, int] = {0: 0}
    for kind, classes, following in (
        ("second", relation.second, frame.second_next),
        ("first", relation.first, frame.first_next),
    ):
        for latch, (which, literal) in enumerate(zip(classes.tolist(), following.tolist(), strict=True)):
            if which in wanted:
                points.append(Point(kind, latch, literal, wanted[which]))
            else:
                wanted[which] = literal
    points += [
        Point(("first", "second")[item.side], item.latch, literal, value)
        for item, literal, value in zip(
            relation.derived, frame.derived_next.tolist(), frame.derived_wanted.tolist(), strict=True
        )
    ]
    return points


def next_of_classes(frame: Frame, relation: Relation) -> Literals:
    """uint32 (classes,): the next value of each class, of the description where it has a register in it."""
    following = np.zeros(relation.count, np.uint32)
    following[relation.second[::-1]] = frame.second_next[::-1]
    following[relation.first[::-1]] = frame.first_next[::-1]
    following[0] = 0
    return following
