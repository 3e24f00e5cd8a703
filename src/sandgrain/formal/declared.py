"""Declared functions that may explain a stop: in which state they do, and whether there is another way in."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sandgrain.allowance import Allowance
from sandgrain.errors import LimitExceeded
from sandgrain.formal import bounded
from sandgrain.formal.confirming import Confirmation
from sandgrain.formal.environment import DECLARED, TRIGGER, Bound
from sandgrain.formal.findings import Findings
from sandgrain.formal.only_after import Entry, OnlyAfter, holds_after_reset
from sandgrain.formal.outcome import Outcome
from sandgrain.formal.pursuit import Pursuit
from sandgrain.formal.reachability import Reached
from sandgrain.formal.recoverability import Recoverability
from sandgrain.formal.witness import record, stimulus_of

_SHOWN_SECONDS = 15.0
"""Budget of the run that shows a declared function at work."""
_QUESTION_SECONDS = 60.0
"""Budget of the questions about one of them, beside the searches for a run."""


@dataclass
class DeclaredFunctions:
    """Looks at the declared functions of the design with one service in mind."""

    bound: Bound
    service: str
    outcome: Outcome
    findings: Findings
    confirmation: Confirmation
    pursuit: Pursuit
    exclude_seconds: float
    search_seconds: float

    def report(self) -> None:
        """Tell which of them stop the service, in which state, with a run that shows it."""
        environment = self.bound.cone
        if not environment.declared:
            return
        plain = self._question(())
        for name, literal in environment.declared.items():
            try:
                dead = plain.find_with(literal)
                cube = plain.minimise(dead).cube if dead is not None else ()
                also = plain.serves_with(literal)
            except LimitExceeded:
                self.findings.undecided(name, self.service)
                continue
            run = None
            if dead is not None:
                run = bounded.search(
                    environment, self.pursuit.start, [cube], seconds=_SHOWN_SECONDS, max_depth=self.pursuit.depth
                ).run
            recording = None
            if run is not None and run.inputs.size:
                tail = environment.recovery_values(self.confirmation.tail)
                recording = record(self.bound.whole, stimulus_of(self.bound, run.inputs, tail))
            shown = name in self.outcome.entered_only_after
            self.findings.declared(name, self.service, cube, run, recording, also, self.outcome.frames, shown)

    def entries(self, deadline: float, enough: Callable[[], bool]) -> None:
        """Prove of each that its trigger is the only way in, or find another one."""
        environment = self.bound.cone
        for name in environment.declared:
            if enough():
                return
            if TRIGGER + name not in environment.model.outputs:
                self.outcome.without_trigger.append(name)
            elif holds_after_reset(environment, name):
                self.outcome.entered_at_reset.append(name)
            else:
                self._entries(name, deadline, enough)

    def _entries(self, name: str, deadline: float, enough: Callable[[], bool]) -> None:
        reach = self.pursuit.reach
        question = OnlyAfter(self.bound.cone, name, reach.invariant)
        known = len(reach.invariant)
        clear = True
        while not enough():
            entry = question.find()
            if entry is None:
                if clear:
                    self.outcome.entered_only_after.append(name)
                return
            answer = reach.ask(entry.cube, seconds=self.exclude_seconds)
            question.exclude(reach.invariant[known:])
            known = len(reach.invariant)
            if answer.reached is Reached.NEVER:
                continue
            if self._shown(name, entry, deadline):
                return
            # One way in neither excluded nor shown: no proof any more, but the next may be shown.
            clear = False
            self.outcome.unexplained_entries.append(entry.cube)
            question.exclude([entry.cube])

    def _shown(self, name: str, entry: Entry, deadline: float) -> bool:
        """Whether a concrete run through ``entry`` stops the service for good."""
        found = self.pursuit.run_into(
            entry.cube, seconds=max(0.5, min(self.search_seconds, deadline - time.monotonic()))
        )
        if found is None:
            return False
        count = self.bound.cone.model.network.input_count
        before = found.inputs if found.inputs.size else np.empty((0, count), np.uint8)
        return self.confirm(name, bounded.Run(np.concatenate((before, entry.inputs)), found.target))

    def confirm(self, name: str, run: bounded.Run) -> bool:
        """Whether ``run``, at whose end a declared state is entered without its trigger, stops the service for good."""
        held = np.zeros(self.bound.cone.model.network.input_count, np.uint8)
        tail: NDArray[np.uint8] = self.bound.cone.recovery_values(self.confirmation.tail)
        inputs = stimulus_of(self.bound, run.inputs, tail)
        others = [DECLARED + other for other in self.bound.cone.declared if other != name]
        kept = self.confirmation.confirm(
            inputs, run, self._question(others), held, len(inputs) - len(tail), others, entered=name
        )
        if kept is None:
            return False
        self.outcome.stops.append(kept[0])
        return True

    def _question(self, explained: tuple[str, ...] | list[str]) -> Recoverability:
        environment = self.bound.cone
        goals = [environment.services[self.service], *(environment.model.outputs[name] for name in explained)]
        allowance = Allowance(time.monotonic() + _QUESTION_SECONDS)
        question = Recoverability(environment, goals, self.outcome.frames, allowance=allowance)
        question.exclude(self.pursuit.reach.invariant)
        return question


class EntryWatch:
    """A search for the shortest way into a declared state without its trigger, beside all else, in its own process."""

    def __init__(self, functions: DeclaredFunctions, seconds: float) -> None:
        environment = functions.bound.cone
        outputs = environment.model.outputs
        self._functions = functions
        self._names = [name for name in environment.declared if TRIGGER + name in outputs]
        self._over = Event()
        self._pool = ThreadPoolExecutor(1)
        self._search = self._pool.submit(
            bounded.search,
            environment,
            functions.pursuit.start,
            [bounded.Entering(environment.declared[name], outputs[TRIGGER + name]) for name in self._names],
            seconds=seconds if self._names else 0,
            max_depth=functions.pursuit.depth,
            ended=self._over.is_set,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._pool.shutdown()

    def take(self) -> bool:
        """Whether a way was found and shown; True at most once."""
        if self._over.is_set() or not self._search.done():
            return False
        self._over.set()
        run = self._search.result().run
        return run is not None and self._functions.confirm(self._names[run.target], run)
