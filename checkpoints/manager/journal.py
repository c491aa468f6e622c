"""The operation journal: what happened besides saving, noted without ever slowing the agent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from checkpoints.identifiers import new_id
from checkpoints.manager.backlog import Backlog
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
        self._backlog: Backlog[JournalEntry] = Backlog(
            self._write, name="holdfast-journal", at_exit=CLOSE_SECONDS
        )
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
        if len(self._backlog.waiting) < MAX_WAITING:
            self._backlog.add(entry)
        else:
            logger.warning("the operation journal is behind; %s is not noted", data)

    def read(self, kind: str, limit: int | None = None) -> list[JournalEntry]:
        """Return the newest entries of a kind, oldest first, those that wait included."""
        self._backlog.wait(CLOSE_SECONDS)
        return self._store.entries(self._agent_id, self._thread_id, kind=kind, limit=limit)

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._backlog.close(CLOSE_SECONDS)

    def _write(self, entries: list[JournalEntry]) -> None:
        try:
            self._store.record(entries, replace=True)
            self._tidy(entries[-1].kind)
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
