"""What a comparison came to, told: the points and their state, what is taken for granted, what is not covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sandgrain.check.corresponding import Corresponding
from sandgrain.equivalence.joint import Ports
from sandgrain.equivalence.outcome import DIFFERS, OPEN, PROVED, ComparedPoint, Counterexample, Equivalence
from sandgrain.equivalence.proofs import Proof
from sandgrain.equivalence.sides import HARMLESS, Side
from sandgrain.netlist.bit_names import bit_name
from sandgrain.verdict import Figure, Text, Verdict

_SHOWN: Final = 12


class Telling:
    """Tells of one comparison.

    Args:
        first: the description.
        second: the netlist.
        ports: what belongs together.
    """

    def __init__(self, first: Side, second: Side, ports: Ports) -> None:
        self.first, self.second, self.ports = first, second, ports

    def left_out(self) -> list[Text]:
        """What keeps the result open whatever is proved."""
        found = []
        for side in (self.first, self.second):
            found += [_about(side, note) for note in side.assembled.not_modelled if note.template not in HARMLESS]
            if side.left_out:
                found.append(
                    Text(
                        template="In the {side}, outputs carry a clock: {names}.",
                        args={"side": side.name, "names": _some(side.left_out)},
                    )
                )
        for names, template in (
            (self.ports.only_first, "The netlist does not have these outputs of the description: {names}."),
            (self.ports.only_second, "The description does not have these outputs of the netlist: {names}."),
        ):
            if names:
                found.append(Text(template=template, args={"names": _some(names)}))
        return found

    def _assumptions(self, proof: Proof | None) -> list[Text]:
        told = [
            _about(side, note)
            for side in (self.first, self.second)
            for note in side.assembled.not_modelled
            if note.template in HARMLESS
        ]
        if proof is None:
            pass
        elif proof.cycles:
            told.append(
                Text(
                    template="Compared from the end of {cycles} cycles of reset after any power-up of the netlist.",
                    args={"cycles": proof.cycles},
                )
            )
        else:
            told.append(
                Text(
                    template="Registers of the description without an initial value power up as the netlist's do; the "
                    "netlist powers up in any state."
                )
            )
        if self.first.free.size:
            told.append(Text(template="What the description leaves undefined (x) may be what the netlist made of it."))
        if self.ports.extra_inputs:
            told.append(
                Text(
                    template="Inputs of the netlist alone may have any value: {names}.",
                    args={"names": _some(self.ports.extra_inputs)},
                )
            )
        return [*told, *self.first.notes]

    def _points(self, proof: Proof | None, counterexample: Counterexample | None) -> tuple[ComparedPoint, ...]:
        if proof is None:
            wrong = None if counterexample is None else counterexample.output
            return tuple(
                ComparedPoint("output", key, key, DIFFERS if key == wrong else OPEN) for key in self.ports.outputs
            )
        differing: dict[tuple[str, int], str] = {}
        for item in proof.differences:
            differing[item.point.kind, item.point.index] = OPEN if item.model is None else DIFFERS
        good = PROVED if proof.holds else OPEN
        points = [
            ComparedPoint("output", key, key, differing.get(("output", at), good))
            for at, key in enumerate(self.ports.outputs)
        ]
        relation = proof.relation
        mates: dict[int, int] = {}
        for latch, which in enumerate(relation.second.tolist()):
            mates.setdefault(which, latch)
        derived = self._derived(proof)
        seen = set()
        for latch, which in enumerate(relation.first.tolist()):
            partner = "constant" if which == 0 else self.second.latch_names[mates[which]] if which in mates else ""
            partner = partner or derived.get((0, latch), "")
            seen.add(which)
            points.append(
                ComparedPoint(
                    "register",
                    self.first.latch_names[latch],
                    partner,
                    differing.get(("first", latch), good),
                )
            )
        points += [
            ComparedPoint(
                "register",
                self.second.latch_names[latch],
                derived.get((1, latch), ""),
                differing.get(("second", latch), good),
            )
            for latch, which in enumerate(relation.second.tolist())
            if which not in seen
        ]
        return tuple(points)

    def _first(self, left: Sequence[ComparedPoint], proof: Proof | None) -> list[str]:
        """The names of what is not proved: what differs, else what was not decided, else all that depends on it."""
        differing = [point.name for point in left if point.state == DIFFERS]
        if differing or proof is None or not proof.differences:
            return differing or [point.name for point in left]
        names = {"output": self.ports.outputs, "first": self.first.latch_names, "second": self.second.latch_names}
        return list(dict.fromkeys(names[item.point.kind][item.point.index] for item in proof.differences))

    def _derived(self, proof: Proof) -> dict[tuple[int, int], str]:
        """By side and register, the net of the other side that it is derived from."""
        sides = (self.first, self.second)
        found = {}
        for item in proof.relation.derived:
            other = sides[1 - item.side]
            bits = np.flatnonzero(other.assembled.net_literals >> np.uint32(1) == item.literal >> 1)
            plain = other.assembled.net_literals[bits] == item.literal
            bit = int(bits[plain][0] if plain.any() else bits[0])
            found[item.side, item.latch] = ("" if plain.any() else "not ") + bit_name(other.module, bit)
        return found

    def result(
        self,
        proof: Proof | None,
        data: bytes | None,
        checked: Corresponding | None,
        counterexample: Counterexample | None,
        not_covered: list[Text],
    ) -> Equivalence:
        """The answer.

        Args:
            proof: how far the proof got, if there is one.
            data: its certificate, if it holds and was accepted.
            checked: what the checker said.
            counterexample: a run that differs.
            not_covered: why it is not proved, as far as that is known already.
        """
        points = self._points(proof, counterexample)
        left = [point for point in points if point.state != PROVED]
        if counterexample is not None:
            verdict = Verdict.REFUTED
            summary = _difference(counterexample)
        elif data is not None and not not_covered:
            verdict = Verdict.PROVED
            summary = Text(
                template="The netlist does what the description says, in every cycle: proved, with a certificate that "
                "anybody can check."
            )
        else:
            verdict = Verdict.OPEN
            summary = Text(
                template="Neither was the netlist shown to do what the description says, nor a difference found."
            )
            if left:
                names = _some(self._first(left, proof))
                not_covered = [
                    *not_covered,
                    Text(
                        template="{count} of {total} points are not proved, among them {names}.",
                        args={"count": len(left), "total": len(points), "names": names},
                    ),
                ]
        registers = [point for point in points if point.kind == "register"]
        figures = (
            Figure(name=Text(template="output bits compared"), value=len(points) - len(registers)),
            Figure(name=Text(template="registers of the description"), value=self.first.network.latch_count),
            Figure(name=Text(template="registers of the netlist"), value=self.second.network.latch_count),
            Figure(name=Text(template="registers with a partner"), value=sum(bool(p.partner) for p in registers)),
            Figure(name=Text(template="points proved"), value=len(points) - len(left)),
            Figure(name=Text(template="points compared"), value=len(points)),
        )
        return Equivalence(
            verdict=verdict,
            summary=summary,
            points=points,
            certificate=data if verdict is Verdict.PROVED else None,
            checked=checked,
            counterexample=counterexample,
            figures=figures,
            assumptions=tuple(self._assumptions(proof)),
            not_covered=tuple(not_covered),
        )


def _difference(counterexample: Counterexample) -> Text:
    told: dict[str, str | int] = {
        "output": counterexample.output,
        "description": counterexample.description,
        "cycle": counterexample.clock,
    }
    if counterexample.netlist is None:
        return Text(
            template="The netlist does not do what the description says: {output}, which has to be {description} in "
            "cycle {cycle} of a run, depends on a net that nothing drives, or on a ring of gates.",
            args=told,
        )
    return Text(
        template="The netlist does something else than the description: {output} is {netlist} instead of "
        "{description} in cycle {cycle} of a run.",
        args={**told, "netlist": counterexample.netlist},
    )


def _about(side: Side, note: Text) -> Text:
    return Text(template="In the {side}: {note}", args={"side": side.name, "note": str(note)})


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
