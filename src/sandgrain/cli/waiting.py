"""A line on standard error that says what is being done, for whoever waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandgrain.progress import SilentProgress

_QUIET_SECONDS = 10.0


class WaitingProgress(SilentProgress):
    """A spinner, the stage, a bar where progress can be said, the time; plain lines now and then without a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._names: list[str] = []
        self._spoke = time.monotonic()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show the stage while it lasts."""
        self._names.append(name)
        self._say(name, None, None)
        try:
            with super().stage(name):
                yield
        finally:
            self._names.pop()

    def update(self, note: str, done: float | None = None, total: float | None = None) -> None:
        """Show what is going on within the stage."""
        self._say(f"{self._names[-1]}: {note}" if self._names else note, done, total)

    def _say(self, text: str, done: float | None, total: float | None) -> None:
        if self._console.is_terminal:
            self._bar.update(self._task, description=text[:100], completed=done or 0, total=total)
        elif time.monotonic() - self._spoke > _QUIET_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(f"... {text}", markup=False, highlight=False)
