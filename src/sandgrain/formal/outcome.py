"""How the search for one service went."""

from __future__ import annotations

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
        never_served: the recovery stimulus never brings the service, so nothing could be examined.
        suspects: dead cubes neither excluded nor reached.
        stops: undeclared findings.
    """

    service: str
    mined: int = 0
    learned: int = 0
    frames: int = 0
    soaked: int = 0
    dead_states: int = 0
    exhausted: bool = False
    never_served: bool = False
    suspects: list[Suspect] = field(default_factory=list)
    stops: list[Finding] = field(default_factory=list)
