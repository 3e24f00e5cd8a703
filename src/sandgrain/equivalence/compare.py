"""A description against the netlist it was turned into: read, match, prove, check, or find where they differ."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandgrain.check.agreed import Agreed
from sandgrain.check.correspondence import write
from sandgrain.check.corresponding import CorrespondenceLimits, Flat, check_correspondence
from sandgrain.check.differing import check_difference
from sandgrain.equivalence.certifying import correspondence
from sandgrain.equivalence.guarding import Conditions, confined, guarded
from sandgrain.equivalence.joint import Ports, match_ports
from sandgrain.equivalence.names import hints
from sandgrain.equivalence.outcome import Counterexample, Equivalence
from sandgrain.equivalence.proofs import Proof
from sandgrain.equivalence.proving import Prover
from sandgrain.equivalence.replaying import Replay
from sandgrain.equivalence.resets import Resets
from sandgrain.equivalence.searching import Search, Trace
from sandgrain.equivalence.sides import NETLIST, RTL, Side, make_side
from sandgrain.equivalence.telling import Telling
from sandgrain.errors import LimitExceeded, NetworkError, ReplayError
from sandgrain.logic.assemble import Clock
from sandgrain.netlist.design import Design
from sandgrain.netlist.elaborate import elaborate
from sandgrain.netlist.library import Library
from sandgrain.netlist.link import Linked, link
from sandgrain.netlist.model import Netlist
from sandgrain.progress import Progress
from sandgrain.verdict import Text

_SHOWN: Final = 12
_SEARCH: Final = 0.2
"""Share of the budget that a search gets after each attempt of a proof that did not succeed."""
_GLANCE: Final = 12.0
"""Seconds that a search gets at most before an attempt of a proof is over."""
_QUESTION: Final = 6.0
"""Seconds that it may take to say where a difference gets, before a search."""
_AGAIN: Final = 30.0
"""Seconds that it may take after a search that came to nothing, before an attempt of a proof is over."""
_CHECK_SECONDS: Final = 60.0
"""Within which a difference is checked."""


@dataclass(frozen=True)
class CompareOptions:
    """How two descriptions are compared.

    Attributes:
        clocks: the clock edges that step; the only clock there is when empty.
        held: ports held at a constant, such as the enable of a scan chain.
        resets: port -> level at which it resets and for how many cycles after power-up.
        budget: seconds for search and proof together.
        use_names: whether equal names are tried first.
    """

    clocks: tuple[Clock, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    resets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    budget: float = 300.0
    use_names: bool = True


def compare_rtl_netlist(
    design: Design,
    netlist: Netlist,
    library: Library,
    options: CompareOptions,
    progress: Progress,
    *,
    described: Library | None = None,
) -> Equivalence:
    """Compare a description with a netlist.

    Args:
        design: the description.
        netlist: the netlist, as read.
        library: what its cells compute; the description may have some of them too.
        options: how.
        progress: told what is going on.
        described: what cells in the description compute, where that is another library: one without power pins.

    Raises:
        SandgrainError: a side cannot be read, or is no clocked network.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sandgrain-compare-") as directory:
        work = Path(directory)
        with progress.stage("reading the description"):
            elaborated = elaborate(design, workdir=work)
            known = described or library
            first = link(elaborated.gates, known.cells, known.generic)
        with progress.stage("linking the netlist"):
            second = link(netlist, library.cells, library.generic)
        result = compare_linked(first, second, options, progress, notes=elaborated.notes, work=work)
    return _timed(result, started)


def compare_linked(
    first: Linked,
    second: Linked,
    options: CompareOptions,
    progress: Progress,
    *,
    notes: Sequence[Text] = (),
    work: Path | None = None,
) -> Equivalence:
    """Compare two linked designs, the first of which says what the second may do.

    Raises:
        NetworkError: a side is no clocked network, or a reset or held port is none.
    """
    started = time.monotonic()
    _check_options((first, second), options)
    with progress.stage("assembling both sides"):
        sides = (
            make_side(RTL, first, options.clocks or None, options.held, notes),
            make_side(NETLIST, second, options.clocks or None, options.held),
        )
        ports = match_ports(*sides)
    return _timed(_Comparison(sides[0], sides[1], ports, options, progress, work).run(), started)


def _timed(result: Equivalence, started: float) -> Equivalence:
    return replace(result, seconds=time.monotonic() - started)


def _check_options(sides: Sequence[Linked], options: CompareOptions) -> None:
    known = {port.name for side in sides for port in side.netlist.top_module.ports if port.direction != "output"}
    for kind, names in (("held", options.held), ("reset", options.resets)):
        for name in names:
            if name not in known:
                raise NetworkError(
                    f"there is no input port {name!r} to be {kind}",
                    expected=f"one of: {', '.join(sorted(known)[:_SHOWN])}",
                    remedy="correct the name",
                )


class _Comparison:
    def __init__(
        self, first: Side, second: Side, ports: Ports, options: CompareOptions, progress: Progress, work: Path | None
    ) -> None:
        self.first, self.second, self.ports = first, second, ports
        self.options, self.progress, self.work = options, progress, work
        self.telling = Telling(first, second, ports)
        self.deadline = time.monotonic() + options.budget
        self.searches = 0
        self.conditions: Conditions = {}
        self.runs: list[NDArray[np.uint8]] = []
        self.asked: set[tuple[frozenset[tuple[str, int]], bool]] = set()
        self.resets: Resets = {
            (name if name in ports.inputs else f"{name}[0]"): value for name, value in options.resets.items()
        }

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """The clock edges that step."""
        if self.options.clocks:
            return self.options.clocks
        domains = self.second.assembled.domains or self.first.assembled.domains
        return tuple(Clock(domain.name, domain.edge) for domain in domains if domain.active)

    def run(self) -> Equivalence:
        """Everything."""
        proof: Proof | None = None
        not_covered = self.telling.left_out()
        counterexample = self._refute(None, self.deadline)
        if counterexample is not None:
            return self.telling.result(None, None, None, counterexample, not_covered)
        found = hints(self.first, self.second, self.resets) if self.options.use_names else []
        share = _SEARCH * self.options.budget
        prover = Prover(
            self.first, self.second, self.ports, self.resets, found, self.progress, self.deadline - 2 * share
        )
        suspected: Proof | None = None
        try:
            for proof, over in prover.run():
                if proof.holds:
                    break
                suspected = prover.forced(proof)
                reached = self._reach(prover, suspected, min(share, _QUESTION))
                # What a search has seen already may do; else it gets more time first.
                if reached is None and over:
                    reached = self._hidden(prover, suspected, share)
                if reached is None:
                    seconds = share if over else min(share, _GLANCE)
                    reached = self._refute(suspected, min(self.deadline, time.monotonic() + seconds))
                if reached is None and over:
                    reached = self._hidden(prover, suspected, share)
                if reached is None:
                    seconds = share if over else min(share, _AGAIN)
                    reached = self._reach(prover, suspected, seconds, again=True)
                if isinstance(reached, Counterexample):
                    return self.telling.result(proof, None, None, reached, not_covered)
                if reached is not None:
                    proof = reached
                    break
        except LimitExceeded as error:
            not_covered.append(Text(template="The proof was not finished: {reason}.", args={"reason": error.what}))
        if proof is None:
            return self.telling.result(None, None, None, None, not_covered)
        if proof.holds:
            if not_covered:
                return self.telling.result(proof, None, None, None, not_covered)
            item = correspondence(self.first, self.second, self.resets, self.clocks, proof)
            data = write(item)
            with self.progress.stage("checking the certificate"):
                checked = check_correspondence(
                    data,
                    *self._flat(),
                    agreed=self._agreed(),
                    progress=self.progress,
                    limits=CorrespondenceLimits(seconds=max(self.options.budget, 60.0)),
                )
            if not checked.accepted:
                not_covered.append(
                    Text(template="The checker did not accept the proof: {reason}.", args={"reason": checked.reason})
                )
                return self.telling.result(proof, None, checked, None, not_covered)
            return self.telling.result(proof, data, checked, None, not_covered)
        counterexample = self._refute(suspected, self.deadline)
        return self.telling.result(proof, None, None, counterexample, not_covered)

    def _reach(
        self, prover: Prover, suspected: Proof, seconds: float, *, again: bool = False
    ) -> Proof | Counterexample | None:
        """A run in which what differs gets to an output, or a proof that it never does.

        Of the same points it is asked once, and ``again`` when there is more time; runs of the first time go on then.
        """
        asked = frozenset((item.point.kind, item.point.index) for item in suspected.differences), again
        if asked in self.asked or not self.ports.outputs:
            return None
        self.asked.add(asked)
        found = self._search(min(self.deadline, time.monotonic() + seconds)).reach(suspected)
        if isinstance(found, Trace):
            return self._replayed(found)
        if found is None:
            return None
        prover.deadline = max(prover.deadline, min(self.deadline, time.monotonic() + seconds))
        with self.progress.stage("guarding what differs"):
            return confined(prover, suspected, found)

    def _hidden(self, prover: Prover, suspected: Proof, seconds: float) -> Proof | None:
        """A proof under guards that the runs seen so far suggest, if there is one."""
        if not self.conditions:
            return None
        prover.deadline = max(prover.deadline, min(self.deadline, time.monotonic() + seconds))
        with self.progress.stage("guarding what differs"):
            return guarded(prover, suspected, self.conditions)

    def _refute(self, proof: Proof | None, deadline: float) -> Counterexample | None:
        """A run in which the sides differ, if one is found and other simulators show it too.

        Before there is a proof that did not succeed to guide it, only short random runs are tried.
        """
        if not self.ports.outputs:
            return None
        search = self._search(deadline)
        trace = search.quick() if proof is None else search.run(proof)
        self.conditions = search.conditions
        return None if trace is None else self._replayed(trace)

    def _search(self, deadline: float) -> Search:
        self.searches += 1
        sides, seed = (self.first, self.second, self.ports), self.searches - 1
        return Search(*sides, self.resets, self.progress, deadline, seed=seed, runs=self.runs)

    def _replayed(self, trace: Trace) -> Counterexample | None:
        """The run as other simulators show it; None if they do not."""
        with self.progress.stage("replaying the difference"):
            try:
                shown = Replay(self.first, self.second, self.ports, self.clocks, self.work).run(trace)
            except (ReplayError, LimitExceeded):
                return None
        return None if shown is None else self._checked(shown)

    def _checked(self, shown: Counterexample) -> Counterexample | None:
        """What the checker says of a difference; None if it has to be skipped cycles that it does not accept."""
        with self.progress.stage("checking the difference"):
            checked = check_difference(
                shown.stimulus,
                *self._flat(),
                agreed=self._agreed(),
                limits=CorrespondenceLimits(seconds=_CHECK_SECONDS),
            )
        if shown.skipped and not checked.accepted:
            return None
        return replace(shown, checked_by=checked.solver if checked.accepted else "")

    def _agreed(self) -> Agreed:
        held = {**self.first.held, **self.second.held}
        return Agreed({clock.name: clock.edge for clock in self.clocks}, held, self.resets)

    def _flat(self) -> tuple[Flat, Flat]:
        first, second = (Flat(side.module, side.linked.lookup) for side in (self.first, self.second))
        return first, second
