"""The operation journal: what happened besides saving, noted without ever slowing the agent."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from checkpoints.forks import renew_in_children
from checkpoints.identifiers import new_id
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store

logger = logging.getLogger("checkpoints")

OPERATION = "operation"
KEPT = 1000
"""Notes of one kind that a thread keeps; older ones go."""
TIDY_EVERY = 100
MAX_WAITING = 1000
CLOSE_SECONDS = 5.0


class Journal:
    """Notes of one thread, written into its store by a thread of their own.

    A note that the store does not take is logged and lost: the journal explains what happened, it
    is not what makes a checkpoint safe.
    """

    def __init__(
        self, store: Store, agent_id: str, thread_id: str, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._agent_id = agent_id
        self._thread_id = thread_id
        self._clock = clock
        self._begin()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin with nothing: what waits is the parent's to write."""
        self._begin()

    def _begin(self) -> None:
        self._waiting: queue.Queue[JournalEntry | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._noted = 0

    def note(self, what: str, *, checkpoint_id: str | None = None, **details: Any) -> None:
        """Note that something happened: ``what`` in one word, details as JSON types."""
        self.write(OPERATION, new_id(), {"what": what, **details}, checkpoint_id=checkpoint_id)

    def write(
        self, kind: str, key: str, data: dict[str, Any], *, checkpoint_id: str | None = None
    ) -> None:
        """Write an entry in a moment, over one with the same key; returns at once."""
        entry = JournalEntry(
            agent_id=self._agent_id,
            thread_id=self._thread_id,
            kind=kind,
            key=key,
            recorded_at=self._clock(),
            checkpoint_id=checkpoint_id,
            data=data,
        )
        with self._lock:
            self._start()
            try:
                self._waiting.put_nowait(entry)
            except queue.Full:
                logger.warning("the operation journal is behind; %s is not noted", data)

    def read(self, kind: str, limit: int | None = None) -> list[JournalEntry]:
        """Return the newest entries of a kind, oldest first, those that wait included."""
        self._stop()
        return self._store.entries(self._agent_id, self._thread_id, kind=kind, limit=limit)

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._stop()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="holdfast-journal", daemon=True)
            self._thread.start()

    def _stop(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
                thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            try:
                self._store.record([entry], replace=True)
                self._tidy(entry.kind)
            except Exception as error:  # noqa: BLE001 - a note never ends the noting
                logger.warning("the operation journal was not written: %s", error)

    def _tidy(self, kind: str) -> None:
        """Let the oldest go now and then."""
        self._noted += 1
        if self._noted % TIDY_EVERY == 0:
            entries = self._store.entries(self._agent_id, self._thread_id, kind=kind)
            old = [entry.key for entry in entries[:-KEPT]]
            if old:
                self._store.forget(self._agent_id, self._thread_id, kind=kind, keys=old)
