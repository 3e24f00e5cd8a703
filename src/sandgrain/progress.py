"""What a long job tells whoever waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sandgrain.verdict import Stage


class Progress(Protocol):
    """Told by a job what it is doing."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """A stage of the job; its wall-clock time counts under ``name``."""
        ...

    def update(self, note: str, done: float | None = None, total: float | None = None) -> None:
        """Within a stage: what is going on and, where that can be said, how much of it is done."""
        ...


class SilentProgress:
    """Says nothing and keeps the time.

    Attributes:
        stages: the stages so far, those of one name added up, in the order they first began.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @property
    def stages(self) -> list[Stage]:
        """The stages so far and their seconds."""
        return [Stage(name=name, seconds=round(seconds, 3)) for name, seconds in self._seconds.items()]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; a stage within a stage counts in both."""
        self._seconds.setdefault(name, 0.0)
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] += time.monotonic() - started

    def update(self, note: str, done: float | None = None, total: float | None = None) -> None:
        """Nobody is listening."""
