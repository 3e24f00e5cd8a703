"""What a comparison of a description with its netlist comes to."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandgrain.check.corresponding import Corresponding
from sandgrain.verdict import Figure, Text, Verdict

PROVED = "proved"
DIFFERS = "differs"
OPEN = "open"


@dataclass(frozen=True)
class ComparedPoint:
    """One thing that has to be equal.

    Attributes:
        kind: ``output`` or ``register``.
        name: of the output bit, or of the register in the description (in the netlist, if only that has it).
        partner: of a register: what the netlist calls it, the constant it is, or the net of the other side that it is
            derived from (after ``not `` if it is the opposite); empty if it has none.
        state: `PROVED`, `DIFFERS` (in a state that may or may not be reachable) or `OPEN`.
    """

    kind: str
    name: str
    partner: str
    state: str


@dataclass(frozen=True)
class Counterexample:
    """A run from power-up in which an output differs.

    Attributes:
        output: the output bit.
        cycle: the last cycle of ``inputs``, in which it differs.
        description, netlist: its value there; None of the netlist where nothing determines it.
        inputs: by cycle, the input bits the difference needs, and their values.
        stimulus: JSON, all of the run.
        vcd: the run of both sides as a value change dump.
        replayed_by: the simulators that showed it, each with its version.
        skipped: cycles of the run beside those of ``inputs``, proved to change nothing but counters.
        checked_by: the solver of the checker that ran both sides again; empty if it does not model one of them.
    """

    output: str
    cycle: int
    description: int
    netlist: int | None
    inputs: tuple[dict[str, int], ...]
    stimulus: bytes
    vcd: bytes
    replayed_by: tuple[str, ...]
    skipped: int = 0
    checked_by: str = ""

    @property
    def clock(self) -> int:
        """The cycle since power-up in which it differs, with those that are skipped."""
        return self.cycle + self.skipped


@dataclass(frozen=True)
class Equivalence:
    """Whether a netlist does what its description says.

    Attributes:
        verdict: proved, refuted or open.
        summary: one sentence.
        points: all that was compared; one per output bit and per register.
        certificate: the text of the correspondence, if the verdict is proved.
        checked: what the checker said of it.
        counterexample: if the verdict is refuted.
        figures: how far it got.
        assumptions: what is taken for granted.
        not_covered: why it is open, if it is: what differs, was not decided, or is not modelled.
        seconds: wall clock.
    """

    verdict: Verdict
    summary: Text
    points: tuple[ComparedPoint, ...]
    certificate: bytes | None
    checked: Corresponding | None
    counterexample: Counterexample | None
    figures: tuple[Figure, ...] = field(default=())
    assumptions: tuple[Text, ...] = field(default=())
    not_covered: tuple[Text, ...] = field(default=())
    seconds: float = 0.0

    @property
    def open_points(self) -> tuple[ComparedPoint, ...]:
        """The points that are not proved."""
        return tuple(point for point in self.points if point.state != PROVED)
