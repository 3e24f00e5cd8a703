"""The relation as a proof: it holds after reset, every step keeps it, and under it all outputs are equal.

The counterexamples of a step say which values the description leaves undefined were chosen badly; what the points that
remain depend on is mined for invariants, and the step is asked again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.equivalence.choices import Patterns
from sandgrain.equivalence.codes import apart, without
from sandgrain.equivalence.deriving import Deriving
from sandgrain.equivalence.invariants import NO_CLAUSES, mine
from sandgrain.equivalence.joint import Derived, Ports, Relation, derived_classes
from sandgrain.equivalence.matching import Matching
from sandgrain.equivalence.names import Hint
from sandgrain.equivalence.proofs import Proof
from sandgrain.equivalence.recoding import recoded
from sandgrain.equivalence.resets import Resets
from sandgrain.equivalence.sides import Side
from sandgrain.equivalence.stepping import Stepping, joined
from sandgrain.errors import LimitExceeded
from sandgrain.formal.mining import Clauses
from sandgrain.logic.structure import fanin_cone
from sandgrain.progress import Progress

_DERIVING: Final = 0.03
"""Share of the time left that the derivation of registers takes, `_LEAST` seconds at least."""
_LEAST: Final = 3.0
_FORCING: Final = 0.2
"""Share of the time left that a step with partners forced by name takes."""
_RECODING: Final = 0.1
"""Share of the time left that it may take to say which codes of a recoded word occur."""
_MOST_ASIDE: Final = 16
_CANDIDATES: Final = 12
"""How often registers are derived from other nets."""
_CHOICES: Final = 12
"""How often the choices are made anew from counterexamples."""


class Prover(Stepping):
    """The search for a proof of one comparison."""

    def __init__(
        self,
        first: Side,
        second: Side,
        ports: Ports,
        resets: Resets,
        hints: Sequence[Hint],
        progress: Progress,
        deadline: float,
    ) -> None:
        super().__init__(first, second, ports, resets, progress, deadline)
        with progress.stage("matching registers"):
            seconds = _RECODING * (deadline - time.monotonic())
            self.recoded = recoded(first, second, ports, resets, hints, seconds=seconds)
        self.hints = self.recoded.hints
        self.mined: NDArray[np.bool_] = np.zeros(first.network.latch_count, np.bool_)
        self.unsure: NDArray[np.bool_] = np.zeros(first.network.latch_count, np.bool_)

    def run(self) -> Iterator[tuple[Proof, bool]]:
        """The best proof so far, and whether the attempt it comes from is over; `Proof.holds` says whether it is one.

        Of an attempt that needs more than its first step, that step is told already. Where names lead to nothing,
        registers are matched once more without them: what a name stands for on the other side is only a guess, and the
        few that are shared may say nothing about the rest. Where registers were taken for constant that are not, once
        more with patterns in which those move: they would part others that never hold such values.

        Raises:
            LimitExceeded: the time was up before there was any.
        """
        best: Proof | None = None
        for hints, dense in self._beginnings():
            if dense and (best is None or not _not_constant(best)):
                continue
            try:
                for proof, over in self._attempt(hints, dense=dense):
                    if best is None or proof.holds or _fewer(proof, best):
                        best = proof
                    yield best, over
                    if best.holds:
                        return
            except LimitExceeded:
                if best is None:
                    raise
                return

    def _beginnings(self) -> list[tuple[Sequence[Hint], bool]]:
        """What to begin matching with, and whether with dense patterns: names first where most registers have one."""
        named = len({hint.second for hint in self.hints})
        blind: list[tuple[Sequence[Hint], bool]] = [((), False), ((), True)]
        if not self.hints:
            return blind
        mostly = 2 * named >= self.second.network.latch_count
        return [(self.hints, False), *blind] if mostly else [*blind, (self.hints, False)]

    def _attempt(self, hints: Sequence[Hint], *, dense: bool) -> Iterator[tuple[Proof, bool]]:
        """The first and the best proof that begin with these hints, and whether it is the best one.

        Where one register went astray it may take many with it, and such a step is slow to compare. So the first is one
        in which all have the partners their names suggest, if that is another.
        """
        self.mined[:] = self.unsure[:] = False
        begun = clauses = self.recoded.clauses if hints else NO_CLAUSES
        self.codes = self.recoded.codes if hints else ()
        coded = len(clauses) > 0
        while True:
            with self.progress.stage("matching registers"):
                matching = Matching(self.first, self.second, self.ports, self.resets, clauses, dense=dense)
                relation = matching.run(hints)
                apart(relation, self.codes)
                relation.choices = self.chosen(relation, clauses)
            named = self._named(relation, clauses) if hints and (coded or clauses is begun) else None
            if named is not None and not coded:
                yield named, False
            # Where words were recoded, simulation takes most registers from each other, and names do not.
            proof = self._chosen_well(named if named is not None and coded else self.step(relation, clauses))
            freed = self._set_aside(proof) if coded else None
            if freed is not None and _fewer(freed, proof):
                proof = self._chosen_well(freed)
            if proof.step and not proof.differences:
                break
            if clauses is begun and named is None:
                yield proof, False
            derived = self._derived(proof)
            if derived is not None:
                proof = derived
                break
            doubted = self._doubted(matching, proof) | self.unsure
            with self.progress.stage("mining invariants"):
                more = self._mine(doubted)
            if not len(more):
                break
            clauses = joined(clauses, more)
        if proof.step and not proof.differences and not proof.base:
            proof = self._based(proof)
        yield proof, True

    def _based(self, proof: Proof) -> Proof:
        """The same step with its base; what was only guessed of words in another code is dropped where it is wrong."""
        while not proof.differences:
            if not proof.broken:
                self.base(proof)
            if not proof.broken or proof.differences:
                break
            codes = without(proof.codes, proof.relation, proof.broken)
            if codes is None:
                break
            self.codes = codes
            proof = self.step(proof.relation, proof.clauses)
        return proof

    def _chosen_well(self, proof: Proof) -> Proof:
        """A step in which what the description leaves undefined is chosen as the counterexamples of steps want it."""
        relation, given = proof.relation, list[Patterns]()
        for _ in range(_CHOICES):
            models = [item.model for item in proof.differences if item.model is not None]
            if not models or not self.first.free.size:
                break
            given.append(Patterns.of(proof.frame, models))
            choices = self.chosen(relation, proof.clauses, given)
            if (choices == relation.choices).all():
                break
            relation.choices = choices
            proof = self.step(relation, proof.clauses)
        return proof

    def _derived(self, proof: Proof) -> Proof | None:
        """A proof in which registers without a partner are derived from the other side, if that is found.

        A class that runs tell apart may have kept registers from it, so its members are tried by themselves as well.
        """
        end, share = self.deadline, max(_LEAST, _DERIVING * (self.deadline - time.monotonic()))
        for split in (False, True):
            with self.progress.stage("deriving registers"):
                sides = (self.first, self.second, self.ports, self.resets)
                deriving = Deriving(*sides, proof.relation, self.random, apart=split)
            self.deadline = min(end, time.monotonic() + share)
            try:
                found = self._from_nets(deriving, proof.clauses)
            except LimitExceeded:
                found = None
            finally:
                self.deadline = end
            if found is not None:
                return found
        return None

    def _from_nets(self, deriving: Deriving, clauses: Clauses) -> Proof | None:
        """A proof with registers derived, other nets taking the place of those that are wrong."""
        for _ in range(_CANDIDATES):
            attempt = deriving.run()
            if attempt is None:
                return None
            attempt.choices = self.chosen(attempt, clauses)
            found = self.step(attempt, clauses)
            if found.step and not found.differences:
                found = self._based(found)
                return found if found.holds else None
            self.unsure |= self._behind(attempt.derived)
            wrong = _not_derived(found)
            if not wrong:
                return None
            deriving.drop(wrong)
        return None

    def _behind(self, derived: Sequence[Derived]) -> NDArray[np.bool_]:
        """bool (latches of the description,): what decides whether these registers are what they are derived from."""
        network = self.first.network
        found = np.zeros(network.latch_count, np.bool_)
        for item in derived:
            if item.side == 0:
                found[item.latch] = True
            else:
                found |= fanin_cone(network, [item.literal])[network.first_latch : network.first_and]
        roots = network.latch_next[found]
        if roots.size:
            found |= fanin_cone(network, roots)[network.first_latch : network.first_and]
        return found

    def forced(self, proof: Proof) -> Proof:
        """A step in which registers without a partner have the one their name suggests: what is wrong may be just that.

        No proof comes of it, but a network with fewer faults to search.
        """
        found = self._named(proof.relation, proof.clauses) or proof
        return self._freed(found) or found

    def _freed(self, proof: Proof) -> Proof | None:
        """A step in which registers taken for constant are not, where some turned out not to be.

        What has not counted that far in any run is no constant, and a netlist in which it never will looks like one.
        They have the partners that their names suggest, or none.
        """
        relation, wrong = proof.relation.copy(), _not_constant(proof)
        if not wrong:
            return None
        for hint in self.hints:
            if relation.first[hint.first] == relation.second[hint.second] == 0:
                _pair(relation, hint)
        for kind, latch in wrong:
            side = relation.first if kind == "first" else relation.second
            if side[latch] == 0:
                side[latch] = relation.count
                relation.count += 1
        return self._tried(relation, proof.clauses)

    def _set_aside(self, proof: Proof) -> Proof | None:
        """A step in which few registers that differ have the partner their name suggests, or none.

        Where the netlist does without a register, simulation takes any other for its partner that it agrees with, and
        what hardly ever changes it takes for constant.
        """
        relation = proof.relation.copy()
        wrong = {(item.point.kind, item.point.index) for item in proof.differences}
        if not wrong or len(wrong) > _MOST_ASIDE:
            return None
        for hint in self.hints:
            pair = {("first", hint.first), ("second", hint.second)}
            if relation.first[hint.first] == relation.second[hint.second] == 0 and wrong & pair:
                _pair(relation, hint)
                wrong -= pair
        for kind, latch in wrong:
            if kind != "output":
                side = relation.first if kind == "first" else relation.second
                side[latch] = relation.count
                relation.count += 1
        relation.tidy()
        return self.step(relation, proof.clauses)

    def _named(self, before: Relation, clauses: Clauses) -> Proof | None:
        """A step with partners forced by name; None if none was, or it is not decided in a share of the time."""
        relation = before.copy()
        firsts = np.bincount(relation.first, minlength=relation.count)
        seconds = np.bincount(relation.second, minlength=relation.count)
        derived = derived_classes(relation)
        changed = False
        for hint in self.hints:
            mine, other = relation.first[hint.first], relation.second[hint.second]
            if derived[mine] or derived[other]:
                continue
            if mine != other and (seconds[mine] == 0 or firsts[other] == 0) and max(mine, other) < firsts.size:
                _pair(relation, hint)
                changed = True
        return self._tried(relation, clauses) if changed else None

    def _tried(self, relation: Relation, clauses: Clauses) -> Proof | None:
        """A step under a relation; None if it is not decided in a share of the time."""
        relation.tidy()
        end = self.deadline
        self.deadline = min(end, time.monotonic() + max(_LEAST, _FORCING * (end - time.monotonic())))
        try:
            relation.choices = self.chosen(relation, clauses)
            return self.step(relation, clauses)
        except LimitExceeded:
            return None
        finally:
            self.deadline = end

    # --- what else is known

    def _doubted(self, matching: Matching, proof: Proof) -> NDArray[np.bool_]:
        """bool (latches of the description,): what the points in doubt depend on."""
        roots = [int(self.first.network.latch_next[hint.first]) for hint in matching.broken]
        keys = self.ports.outputs
        for item in proof.differences:
            if item.point.kind == "first":
                roots.append(int(self.first.network.latch_next[item.point.index]))
            elif item.point.kind == "output":
                roots.append(self.first.outputs[keys[item.point.index]])
        network = self.first.network
        if not roots:
            return np.zeros(network.latch_count, np.bool_)
        cone = fanin_cone(network, np.array(roots, np.uint32))
        latches: NDArray[np.bool_] = cone[network.first_latch : network.first_and]
        return latches

    def _mine(self, latches: NDArray[np.bool_]) -> Clauses:
        """Clauses over latches that were not looked at together before."""
        if not (latches & ~self.mined).any():
            return NO_CLAUSES
        self.mined |= latches
        seconds = max(1.0, 0.6 * (self.deadline - time.monotonic()))
        return mine(
            self.first,
            self.resets,
            self.mined,
            seconds=seconds,
            tick=lambda alive: self.progress.update(f"{alive} candidates", None, None),
        )


def _pair(relation: Relation, hint: Hint) -> None:
    """Put both registers of a hint into a class of their own."""
    relation.first[hint.first] = relation.second[hint.second] = relation.count
    relation.first_flips[hint.first], relation.second_flips[hint.second] = False, hint.opposite
    relation.count += 1


def _not_constant(proof: Proof) -> list[tuple[str, int]]:
    """Side and latch of the registers that are taken for constant and are not."""
    classes = {"first": proof.relation.first, "second": proof.relation.second}
    points = [(item.point.kind, item.point.index) for item in proof.differences]
    return [(kind, latch) for kind, latch in points if kind in classes and classes[kind][latch] == 0]


def _not_derived(proof: Proof) -> list[Derived]:
    """The registers that are not what they were derived from."""
    differing = {(item.point.kind, item.point.index) for item in proof.differences}
    return [item for item in proof.relation.derived if (("first", "second")[item.side], item.latch) in differing]


def _fewer(proof: Proof, best: Proof) -> bool:
    """Whether a proof that does not hold leaves less open than the best one."""
    return not best.step and len(proof.differences) < len(best.differences)
