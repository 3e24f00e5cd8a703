"""How the search for one service went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandgrain.formal.reachability import Cube
from sandgrain.verdict import Finding


@dataclass(frozen=True)
class Suspect:
    """A dead cube that was neither excluded nor reached.

    Attributes:
        cube: the cube.
        depth: runs of fewer cycles than this do not lead into it from the simulated power-up.
    """

    cube: Cube
    depth: int


@dataclass
class Outcome:
    """How the search for one service went.

    Attributes:
        service: its name.
        mined, learned: clauses of the proved invariant, mined from simulation and learned from dead states.
        frames: k, cycles of recovery stimulus within which the service had to return.
        soaked: cycles of the undisturbed runs.
        dead_states: dead states looked at.
        exhausted: whether no dead state is left that is not excluded, declared, reached or a suspect.
        ended_by: the limit that ended the search in the middle of a question or a replay, if one did.
        out_of_memory: whether the search ended because the process became larger than it may.
        never_served: the recovery stimulus never brings the service, so nothing could be examined.
        starved_by: input ports any of which would bring the service if it did something else than the stimulus says.
        suspects: dead cubes neither excluded nor reached.
        stops: undeclared findings.
        invariant: cubes proved unreachable, inductive together.
        entered_only_after: declared functions whose trigger was proved to be the only way in.
        without_trigger: declared functions whose trigger is told in prose only.
        entered_at_reset: declared functions that may be active as soon as reset ends.
        unexplained_entries: cubes from which a declared state can be entered without its trigger, neither excluded
            nor reached.
    """

    service: str
    mined: int = 0
    learned: int = 0
    frames: int = 0
    soaked: int = 0
    dead_states: int = 0
    exhausted: bool = False
    ended_by: str = ""
    out_of_memory: bool = False
    never_served: bool = False
    starved_by: list[str] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    stops: list[Finding] = field(default_factory=list)
    invariant: list[Cube] = field(default_factory=list)
    entered_only_after: list[str] = field(default_factory=list)
    without_trigger: list[str] = field(default_factory=list)
    entered_at_reset: list[str] = field(default_factory=list)
    unexplained_entries: list[Cube] = field(default_factory=list)

    def proved(self, declared: Iterable[str]) -> bool:
        """Whether nothing is left to show, given the declared functions that may explain a stop."""
        return (
            self.exhausted
            and not self.never_served
            and not self.suspects
            and not self.stops
            and set(declared) == set(self.entered_only_after)
        )
