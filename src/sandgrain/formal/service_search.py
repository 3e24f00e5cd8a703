"""The search for one service: undisturbed runs, counters, small dead cubes, then dead states until there are none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sandgrain.allowance import Allowance
from sandgrain.errors import LimitExceeded
from sandgrain.formal import bounded
from sandgrain.formal.budgets import ShutdownOptions
from sandgrain.formal.confirming import Confirmation
from sandgrain.formal.declared import DeclaredFunctions, EntryWatch
from sandgrain.formal.environment import DECLARED, HELD, Bound
from sandgrain.formal.findings import Findings
from sandgrain.formal.mining import Clauses
from sandgrain.formal.outcome import Outcome, Suspect
from sandgrain.formal.probing import comparisons, falling_silent, unproved_twins, unseen_values
from sandgrain.formal.pursuit import Pursuit
from sandgrain.formal.reachability import Cube, Reachability, Reached
from sandgrain.formal.recoverability import DeadState, Recoverability
from sandgrain.formal.sampling import advance, recovery_times, sample_states
from sandgrain.formal.soak import Soak, serving_constants, soak
from sandgrain.formal.starving import starved_by
from sandgrain.formal.strengthening import Strengthening
from sandgrain.formal.waits import Wait, find_waits
from sandgrain.formal.witness import after_reset, stimulus_of
from sandgrain.logic.simulate import Words
from sandgrain.progress import Progress

SERVING_FRAMES = 256
"""Cycles after reset within which some constants on the held inputs must let the service begin."""

_PATIENCE = 6
"""How many times longer the second attempt to exclude a dead state may take than the first."""

_AFTERTHOUGHT = 30.0
"""Seconds after the deadline for what has to be asked about a stop that was found just before it."""

_NOTED = 20.0
"""Seconds between two times that what has been proved is kept for a later run."""


@dataclass
class ServiceSearch:
    """The search for one service.

    Attributes:
        allowance: the time and memory of the search.
        note: told now and then what has been proved so far.
    """

    bound: Bound
    service: str
    states: Words
    likely: Clauses
    invariant: list[Cube]
    options: ShutdownOptions
    progress: Progress
    findings: Findings
    allowance: Allowance
    note: Callable[[list[Cube]], None]
    outcome: Outcome = field(init=False)
    _confirmation: Confirmation = field(init=False)
    _pursuit: Pursuit = field(init=False)
    _shown: list[Cube] = field(init=False, default_factory=list)
    _postponed: list[DeadState] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        environment = self.bound.cone
        self.seconds = self.allowance.seconds
        self._noted = time.monotonic()
        declared = environment.declared
        self.explained = [DECLARED + name for name in declared]
        self.goals = np.array([environment.services[self.service], *declared.values()], np.uint32)
        self.start = after_reset(environment)
        # What ordinary operation shows of a chip that powered up as the witnesses do: where a register outlives reset,
        # the other samples hold values that it only has by accident.
        self.ordinary = sample_states(environment, words=32, begin=self.start)
        self.outcome = Outcome(service=self.service, mined=len(self.invariant))

    def run(self) -> Outcome:
        """Search until nothing is left, an undeclared stop is shown, or time is up."""
        environment, progress = self.bound.cone, self.progress
        with progress.stage("undisturbed runs"):
            held = (environment.stimulus[0] == HELD).any()
            serving = serving_constants(environment, int(self.goals[0]), SERVING_FRAMES) if held else None
            runs = soak(
                environment,
                self.goals,
                self.options.soak_cycles,
                serving,
                lambda done: progress.update("undisturbed runs", done, self.options.soak_cycles),
            )
            self.outcome.soaked = runs.cycles
        served = runs.first[0] >= 0
        if not served.any():
            self.outcome.never_served = True
            self.outcome.starved_by = starved_by(environment, self.start, int(self.goals[0]))
            return self.outcome
        frames = self._frames(runs)
        self.outcome.frames = frames
        promised = self.findings.submission.manifest.recovery.within_cycles is not None
        self._confirmation = Confirmation(
            self.bound, self.service, frames, self.options.quiet_cycles, promised, self.findings
        )
        with progress.stage("unrolling"):
            question = self._question(self.invariant)
            self._pursuit = Pursuit(
                environment, self.start, self._reachability(self.invariant), self.ordinary, self.options.depth
            )
        try:
            with progress.stage("stopped runs"):
                self._stopped_runs(runs, question)
            with progress.stage("counters"):
                self._waits(question)
            with progress.stage("dead states"):
                self._dead_states(runs, question)
        except LimitExceeded as error:
            # What was found until then stands; the search did not come to its end.
            self.outcome.exhausted = False
            self.outcome.ended_by = error.what
        self.outcome.out_of_memory = self.allowance.out_of_memory
        with progress.stage("declared functions"):
            self._declared()
        return self.outcome

    def _question(self, invariant: Iterable[Cube]) -> Recoverability:
        """What is asked of the states that ``invariant`` allows, beside those already told."""
        ones = np.bitwise_count(self.states).mean(axis=1) / 64
        rarity = np.stack((1 - ones, ones), axis=1).ravel()
        question = Recoverability(
            self.bound.cone, self.goals.tolist(), self.outcome.frames, rarity, self.allowance.later(_AFTERTHOUGHT)
        )
        question.exclude(invariant)
        for cube in (*self._shown, *(suspect.cube for suspect in self.outcome.suspects)):
            question.add_goal(cube)
        return question

    def _declared_functions(self) -> DeclaredFunctions:
        return DeclaredFunctions(
            self.bound,
            self.service,
            self.outcome,
            self.findings,
            self._confirmation,
            self._pursuit,
            self.options.exclude_seconds,
            self.options.search_seconds,
        )

    def _declared(self) -> None:
        functions = self._declared_functions()
        functions.entries(self.allowance.deadline, self._enough)
        functions.report()
        reach = self._pursuit.reach
        self.outcome.invariant = list(reach.invariant)
        self.outcome.learned = len(reach.invariant) - len(self.invariant)

    def _frames(self, runs: Soak) -> int:
        """k: as the manifest says, else 40 or twice the longest recovery seen in sampled states."""
        wanted = self.findings.submission.manifest.recovery.within_cycles
        if wanted is not None:
            return wanted
        times = recovery_times(self.bound.cone, self.states[:, ::8], self.goals, 2048)
        longest = max(int(times.max()), int(runs.first[0].max()))
        # Time for every attempt, and for what the last one sets going.
        return max(40, 2 * longest + 2, 2 * self.findings.submission.manifest.recovery.attempted_in)

    def _enough(self) -> bool:
        return len(self.outcome.stops) >= self.options.stops or self.allowance.used_up

    def _stopped_runs(self, runs: Soak, question: Recoverability) -> None:
        """Turn undisturbed runs that stopped serving, or never served, into witnesses."""
        served = runs.first[0] >= 0
        latest = runs.last.max(axis=0)
        quiet = 2 * self.outcome.frames
        stopped = np.flatnonzero(served & (latest < runs.cycles - quiet))
        if stopped.size:
            index = int(stopped[np.argmin(latest[stopped])])
            self._take_run(runs, index, index, int(latest[index]) + 1, question)
        never = np.flatnonzero((runs.last < 0).all(axis=0))
        if never.size and not self._enough():
            # A healthy run first, so that the service is seen before the held input that stops it.
            healthy = int(np.flatnonzero(served)[0])
            self._take_run(runs, healthy, int(never[0]), int(runs.first[0][healthy]) + 1, question)

    def _take_run(self, runs: Soak, before: int, after: int, length: int, question: Recoverability) -> None:
        """A witness from ``length`` cycles held as in run ``before``, then held as in run ``after``."""
        environment = self.bound.cone

        def held(index: int, cycles: int, start: int) -> NDArray[np.uint8]:
            driven: NDArray[np.uint8] = environment.recovery_values(cycles, start) | runs.held[index]
            return driven

        inputs = stimulus_of(self.bound, held(before, length, 0), held(after, self._confirmation.tail, length))
        self._confirm(inputs, None, question, runs.held[after], len(inputs) - self._confirmation.tail)

    def _waits(self, question: Recoverability) -> None:
        """Turn counters that stop the service when they run out into witnesses."""
        environment = self.bound.cone
        for wait in find_waits(environment, self.start, self.goals, self.outcome.frames, self.progress.update):
            if self._enough():
                break
            tail = environment.recovery_values(self._confirmation.tail)
            inputs = stimulus_of(self.bound, wait.inputs, tail)
            held = np.zeros(environment.model.network.input_count, np.uint8)
            self._confirm(inputs, wait.run(environment), question, held, len(inputs) - len(tail), wait)

    def _dead_states(self, runs: Soak, question: Recoverability) -> None:
        with EntryWatch(self._declared_functions(), self.seconds) as watch:
            self._one_by_one(runs, question, self._pursuit, watch)

    def _one_by_one(self, runs: Soak, question: Recoverability, pursuit: Pursuit, watch: EntryWatch) -> None:
        """Settle dead states until there is none left, an undeclared stop is shown, or time is up."""
        environment = self.bound.cone
        known = len(self.invariant)
        silent = self._probes(runs)
        pursuit.unusual = [cube for cube, _ in silent if pursuit.is_unseen(cube)]
        for cube, state in silent:
            if watch.take() or self._enough():
                break
            dead = question.is_dead(state, because=cube)
            if dead is not None and question.is_open(dead.cube):
                known = self._settle(question.minimise(dead), question, pursuit, known, cube)
        strengthening = Strengthening(environment, self.states)
        while not watch.take() and not self._enough():
            dead = question.find()
            if dead is None and self._postponed:
                question = self._second_look(question, pursuit)
                known = len(pursuit.reach.invariant)
                continue
            if dead is None:
                self.outcome.exhausted = True
                break
            before = known
            known = self._settle(dead, question, pursuit, known)
            strengthening.note(pursuit.reach.invariant[before:])
            if strengthening.due:
                known = self._strengthen(strengthening, question, pursuit)
            if time.monotonic() > self._noted + _NOTED:
                self.note(pursuit.reach.invariant)
                self._noted = time.monotonic()
            self.progress.update(
                f"{self.outcome.dead_states} dead states, {len(self.outcome.suspects)} not excluded",
                self.seconds - max(0.0, self.allowance.seconds),
                self.seconds,
            )
        self.outcome.suspects += [Suspect(dead.cube, 0) for dead in self._postponed]

    def _second_look(self, question: Recoverability, pursuit: Pursuit) -> Recoverability:
        """Settle what was postponed, now that more is known; what only leads there is asked about afresh."""
        while self._postponed and not self._enough():
            dead = self._postponed[0]
            answer = pursuit.reach.ask(dead.cube, seconds=_PATIENCE * self.options.exclude_seconds)
            if answer.reached is not Reached.NEVER:
                if self._reach(dead, question, pursuit):
                    self._shown.append(dead.cube)
                else:
                    self.outcome.suspects.append(Suspect(dead.cube, pursuit.searched))
            self._postponed.pop(0)
        return self._question(pursuit.reach.invariant)

    def _reachability(self, invariant: list[Cube]) -> Reachability:
        reach = Reachability(self.bound.cone)
        reach.assume_proved(invariant)
        return reach

    def _strengthen(self, strengthening: Strengthening, question: Recoverability, pursuit: Pursuit) -> int:
        """A round of strengthening; returns how much of the invariant ``question`` has seen."""
        known = pursuit.reach.invariant
        more = strengthening.round(
            known,
            seconds=max(1.0, self.allowance.seconds / 2),
            tick=lambda alive: self.progress.update(f"{alive} clauses left"),
        )
        question.exclude(more)
        # Afresh: the frames of earlier questions are full of clauses that the new ones make needless.
        pursuit.reach = self._reachability(known + more)
        return len(pursuit.reach.invariant)

    def _probes(self, runs: Soak) -> list[tuple[Cube, NDArray[np.bool_]]]:
        environment = self.bound.cone
        limit = self.outcome.frames
        healthy = runs.moments(int(np.flatnonzero(runs.first[0] >= 0)[0]))
        cubes = unseen_values(self.ordinary) + comparisons(environment.model.network)
        cubes += unproved_twins(self.likely, set(self.invariant))
        return falling_silent(environment, healthy, cubes, self.goals, limit)

    def _settle(
        self, dead: DeadState, question: Recoverability, pursuit: Pursuit, known: int, forced: Cube = ()
    ) -> int:
        """Exclude, reach or suspect one dead state; returns how much of the invariant ``question`` has seen.

        ``forced`` on a healthy chip leads to the state, so a run into that will do as well.
        """
        self.outcome.dead_states += 1
        reach = pursuit.reach
        answer = reach.ask(dead.cube, seconds=self.options.exclude_seconds)
        question.exclude(reach.invariant[known:])
        known = len(reach.invariant)
        if answer.reached is Reached.NEVER:
            return known
        settled = self._settled(dead, question)
        if settled is not None and settled.cube != dead.cube:
            answer = reach.ask(settled.cube, seconds=self.options.exclude_seconds)
            question.exclude(reach.invariant[known:])
            known = len(reach.invariant)
            leads = question.leads_to(dead, settled.cube)
            if answer.reached is Reached.NEVER and leads is not None:
                question.exclude([leads])
                return known
        aim = settled or question.minimise(dead)
        # Where nothing but time was short the clauses learned from others may settle it in passing.
        later = answer.reached is Reached.UNKNOWN and not pursuit.is_unusual(aim.cube)
        aims = [replace(aim, cube=forced)] if forced and self._perhaps(forced, pursuit) else []
        if any(self._reach(item, question, pursuit) for item in (*aims, *(() if later else (aim,)))):
            question.exclude([dead.cube])
            return known
        if later:
            self._postponed.append(aim)
        else:
            self.outcome.suspects.append(Suspect(aim.cube, pursuit.searched))
        question.add_goal(aim.cube)
        if question.is_open(dead.cube):
            question.exclude([question.minimise(dead).cube])
        return known

    def _perhaps(self, cube: Cube, pursuit: Pursuit) -> bool:
        return pursuit.reach.ask(cube, seconds=self.options.exclude_seconds).reached is not Reached.NEVER

    def _settled(self, dead: DeadState, question: Recoverability) -> DeadState | None:
        """The dead state the chip is in after k cycles of recovery from ``dead``: fewer flip-flops say it."""
        environment = self.bound.cone
        state = np.where(dead.state, np.uint64(1), np.uint64(0))[:, None]
        after = advance(environment, state, question.frames - 1)
        settled = question.is_dead((after[:, 0] & np.uint64(1)).astype(np.bool_))
        return None if settled is None else question.minimise(settled)

    def _slice(self, seconds: float) -> float:
        return max(0.5, min(seconds, self.allowance.seconds))

    def _reach(self, dead: DeadState, question: Recoverability, pursuit: Pursuit) -> bool:
        """Whether a concrete run into the dead state was found and confirmed."""
        found = pursuit.run_into(
            dead.cube,
            seconds=self._slice(self.options.search_seconds),
            tick=lambda depth: self.progress.update(f"no run of {depth} cycles into a dead state of {len(dead.cube)}"),
        )
        if found is None:
            return False
        run = found.inputs
        if not run.size:
            run = np.empty((0, self.bound.cone.model.network.input_count), np.uint8)
        held = question.held_values(dead)
        tail = self.bound.cone.recovery_values(self._confirmation.tail) | held
        inputs = stimulus_of(self.bound, run, tail)
        return self._confirm(inputs, found, question, held, len(inputs) - len(tail))

    def _confirm(
        self,
        inputs: NDArray[np.uint8],
        run: bounded.Run | None,
        question: Recoverability,
        held: NDArray[np.uint8],
        recovery_from: int,
        wait: Wait | None = None,
    ) -> bool:
        """Whether the service really ends under ``inputs``; the witness is kept."""
        kept = self._confirmation.confirm(inputs, run, question, held, recovery_from, self.explained, None, wait)
        if kept is None:
            return False
        finding, cube = kept
        self.outcome.stops.append(finding)
        if cube:
            self._shown.append(cube)
            question.add_goal(cube)
        return True
