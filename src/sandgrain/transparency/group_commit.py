"""Many writers, one wait for the disk: entries that arrive while one batch is written go into the next."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from sandgrain.transparency.errors import LogError
from sandgrain.transparency.keys import SigningKey
from sandgrain.transparency.log import Log
from sandgrain.transparency.tiles import ENTRY_BYTES

_MOST = 20_000


class GroupCommit:
    """Appends entries of many threads in batches; each thread learns the index of its entry when it lasts."""

    def __init__(self, log: Log, key: SigningKey) -> None:
        self._log = log
        self._key = key
        self._waiting: list[tuple[bytes, Future[int]]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Waits until everything that was submitted is in the log, or refused."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def submit(self, entry: bytes) -> Future[int]:
        """Append an entry; the result is its index, or the error of its batch.

        Raises:
            LogError: the entry is too long, or this is closed.
        """
        if len(entry) > ENTRY_BYTES:
            raise LogError(f"the entry has {len(entry):,} bytes", expected=f"at most {ENTRY_BYTES:,}")
        future: Future[int] = Future()
        with self._changed:
            if self._closed:
                raise LogError("the log is being closed", file=self._log.root)
            self._waiting.append((entry, future))
            self._changed.notify()
        return future

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            if not batch:
                return
            try:
                first = self._log.append([entry for entry, _ in batch], self._key).first
            except Exception as error:  # noqa: BLE001 - whoever waits for an entry has to hear of it, whatever it is
                for _, future in batch:
                    future.set_exception(error)
            else:
                for number, (_, future) in enumerate(batch, first):
                    future.set_result(number)
