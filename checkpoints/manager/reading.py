"""Looking at one agent's thread: what an agent may ask of its store, and pins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from checkpoints.errors import CheckpointNotFound
from checkpoints.manager.both import OverridesAlsoAsync, also_async
from checkpoints.records import Checkpoint, Head, Kind, Pin, Thread
from checkpoints.stores.base import Store
from checkpoints.stores.heads import ancestors


class ThreadReader(OverridesAlsoAsync):
    """Reads one thread of one agent. Whatever was saved through it is seen."""

    def __init__(
        self, agent_id: str, thread_id: str, store: Store, clock: Callable[[], datetime]
    ) -> None:
        self.agent_id = agent_id
        self.thread_id = thread_id
        self._store = store
        self._clock = clock
        self._drifted: set[str] = set()

    @property
    def store(self) -> Store:
        """The store in which the thread lies."""
        return self._store

    @also_async
    def history(self, limit: int | None = None) -> list[Checkpoint]:
        """Return the thread's checkpoints, newest first, branches included."""
        self._settle()
        try:
            return self._store.history(self.agent_id, self.thread_id, limit=limit)
        except CheckpointNotFound:
            return []

    @also_async
    def get_latest_checkpoint(self, kind: Kind | str | None = None) -> Checkpoint | None:
        """Return the newest checkpoint (of a kind) that the head descends from.

        Those from the onset of drift that ``detect_drift`` found, or that were saved while it
        lasted, are passed over: going back to the newest of all would bring the drift back.
        """
        wanted = None if kind is None else Kind(kind)
        clean = (record for record in self._lineage() if record.id not in self._drifted)
        return next((record for record in clean if wanted in (None, record.kind)), None)

    def has_drifted(self, ref: Checkpoint | str) -> bool:
        """Return whether a checkpoint lies in drift that ``detect_drift`` found."""
        return str(ref) in self._drifted

    @also_async
    def load(self, ref: Checkpoint | str) -> dict[str, Any]:
        """Return a checkpoint's state and change nothing."""
        return self._store.load(self._own(ref))

    @also_async
    def fields(self, ref: Checkpoint | str) -> Mapping[str, Any]:
        """Return a checkpoint's state as a mapping that reads a field when it is asked for.

        Of a large state the other fields are not even unpacked.
        """
        return self._store.fields(self._own(ref))

    @also_async
    def threads(self) -> list[Thread]:
        """Return all threads of this agent, the most recently updated first."""
        self._settle()
        return [each for each in self._store.threads() if each.agent_id == self.agent_id]

    @also_async
    def pin(self, ref: Checkpoint | str, reason: str) -> None:
        """Exempt a checkpoint from retention."""
        self._store.pin(self._own(ref), reason=reason, now=self._clock())

    @also_async
    def unpin(self, ref: Checkpoint | str) -> None:
        """Take the exemption back."""
        self._store.unpin(self._own(ref))

    @also_async
    def pins(self) -> list[Pin]:
        """Return the pins of the store."""
        return self._store.pins()

    def _settle(self) -> None:
        """Wait for what is not in the store yet."""

    def _own(self, ref: Checkpoint | str) -> Checkpoint:
        """Return a record of this agent's thread. Raises CheckpointNotFound for any other."""
        self._settle()
        record = self._store.get(str(ref), thread_id=self.thread_id)
        if record.agent_id != self.agent_id:
            raise CheckpointNotFound(
                f"checkpoint {str(ref)!r} belongs to agent {record.agent_id!r}, "
                f"not to {self.agent_id!r}; nothing was changed"
            )
        return record

    def _stored_head(self) -> Head | None:
        return self._store.head(self.agent_id, self.thread_id)

    def _lineage(self) -> list[Checkpoint]:
        """Return the head and what it descends from, newest first."""
        by_id = {record.id: record for record in self.history()}
        head = self._stored_head()
        return list(ancestors(by_id, head.checkpoint_id if head else None))
