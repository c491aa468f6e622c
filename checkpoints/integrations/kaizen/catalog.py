"""What a store holds of Kaizen's, in memory: read once, then only what changed is asked for."""

from __future__ import annotations

import dataclasses
import logging
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from datetime import datetime

from kaizen.core.autonomy.state import CheckpointMetadata

from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.integrations.kaizen.states import Place, Saved, saved_of
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.base import Store

logger = logging.getLogger("checkpoints")

PAGE = 5000

_Key = tuple[datetime, int]
"""A timestamp in UTC, and the order of arrival among those that are equal."""


class Listing:
    """The checkpoints of one agent of Kaizen's, in the order of their timestamps."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._saved: list[Saved] = []

    def __len__(self) -> int:
        return len(self._saved)

    def add(self, key: _Key, saved: Saved) -> None:
        position = bisect_left(self._keys, key)
        insort(self._keys, key)
        self._saved.insert(position, saved)

    def remove(self, key: _Key) -> None:
        position = bisect_left(self._keys, key)
        del self._keys[position]
        del self._saved[position]

    def newest(self) -> Saved | None:
        return self._saved[-1] if self._saved else None

    def newest_first(self) -> list[CheckpointMetadata]:
        return [saved.metadata for saved in reversed(self._saved)]

    def led_by(self, head: Saved, shown: _Key) -> list[CheckpointMetadata]:
        """Return what Kaizen lists with a head, which stands where ``shown`` is, first.

        It is dated like the newest one if it is older.
        """
        metadata = self.newest_first()
        newest = self._saved[-1]
        metadata.pop(-1 - bisect_left(self._keys, shown))
        if newest.moment <= head.moment:
            return [head.metadata, *metadata]
        later = dataclasses.replace(head.metadata, timestamp=newest.metadata.timestamp)
        return [later, *metadata]


class Catalog:
    """Kaizen's checkpoints in a store, by id and by agent. Not safe for threads by itself.

    ``covers`` says which of them belong to the storage that asks.
    """

    def __init__(self, store: Store, covers: Callable[[Saved], bool]) -> None:
        self._store = store
        self._covers = covers
        self._forget()

    def _forget(self) -> None:
        self._cursor: str | None = None
        self._arrived = 0
        self._records: dict[str, Saved] = {}
        self._keys: dict[str, _Key] = {}
        self._others: dict[str, str | None] = {}
        self._revisions: dict[str, list[Saved]] = {}
        self._listings: dict[str, Listing] = {}

    def refresh(self) -> None:
        """Read what was saved, removed and brought back since the last time."""
        complete = False
        while not complete:
            changes = self._store.changes(self._cursor, limit=PAGE)
            if changes.reset:
                self._forget()
            for record in changes.checkpoints:
                self.add(record)
            for removal in changes.removals:
                self.drop(removal.checkpoint_id)
            self._cursor = changes.cursor or None
            complete = changes.complete

    def add(self, record: Checkpoint) -> None:
        """List a record, unless it is listed already or not Kaizen's."""
        if record.id in self._records:
            return
        saved = saved_of(record)
        if saved is None or not self._covers(saved):
            self._others[record.id] = record.damage
            return
        self._arrived += 1
        self._records[record.id] = saved
        self._keys[record.id] = (saved.moment, self._arrived)
        revisions = self._revisions.setdefault(saved.kaizen_id, [])
        self._hide(revisions)
        insort(revisions, saved, key=lambda one: one.revision)
        self._show(revisions)

    def drop(self, record_id: str) -> None:
        """Take a record out."""
        saved = self._records.pop(record_id, None)
        self._others.pop(record_id, None)
        if saved is None:
            return
        revisions = self._revisions[saved.kaizen_id]
        self._hide(revisions)
        revisions.remove(saved)
        self._show(revisions)
        del self._keys[record_id]
        if not revisions:
            del self._revisions[saved.kaizen_id]

    def _hide(self, revisions: list[Saved]) -> None:
        if revisions:
            last = revisions[-1]
            self._listings[last.metadata.agent_id].remove(self._keys[last.record.id])

    def _show(self, revisions: list[Saved]) -> None:
        if revisions:
            last = revisions[-1]
            listing = self._listings.setdefault(last.metadata.agent_id, Listing())
            listing.add(self._keys[last.record.id], last)

    def revisions(self, kaizen_id: str) -> list[Saved]:
        """Return every save under an id of Kaizen's, oldest first."""
        return list(self._revisions.get(kaizen_id, ()))

    def record(self, record_id: str | None) -> Saved | None:
        """Return a save by the id of its record."""
        return None if record_id is None else self._records.get(record_id)

    def agents(self) -> Iterator[str]:
        """Yield every agent id of Kaizen's that has checkpoints."""
        return (agent for agent, listing in list(self._listings.items()) if len(listing))

    def newest(self, agent_id: str) -> Saved | None:
        """Return an agent's checkpoint with the newest timestamp."""
        return self._listings.get(agent_id, Listing()).newest()

    def newest_first(self, agent_id: str, head: Saved | None) -> list[CheckpointMetadata]:
        """Return what Kaizen lists of an agent that resumes from ``head``."""
        listing = self._listings.get(agent_id, Listing())
        if head is None or head is listing.newest() or head.metadata.agent_id != agent_id:
            return listing.newest_first()
        shown = self._revisions[head.kaizen_id][-1]
        if shown.metadata.agent_id != agent_id:
            return listing.newest_first()
        return listing.led_by(head, self._keys[shown.record.id])

    def standing(self, head: Head | None) -> Saved | None:
        """Return what Kaizen resumes from where a store has this head, None if it is not Kaizen's.

        Raises CorruptCheckpoint when the head's record cannot be read.
        """
        if head is None:
            return None
        saved = self._record(head)
        if saved is None or head.operation_id is not None:
            return saved
        saved = self._leader(saved)
        overwritten = saved is not self._revisions[saved.kaizen_id][-1]
        return self.newest(saved.metadata.agent_id) if overwritten else saved

    def _leader(self, saved: Saved) -> Saved:
        """Return what was the head when ``saved`` was put beside it, unless its id is new since."""
        leader = self._records.get(saved.beside or "", saved)
        came_first = self._keys[leader.record.id][1] < self._keys[saved.record.id][1]
        return leader if came_first else saved

    def _record(self, head: Head) -> Saved | None:
        if head.checkpoint_id not in self._records and head.checkpoint_id not in self._others:
            self._read_thread(Place(agent_id=head.agent_id, thread_id=head.thread_id))
        damage = self._others.get(head.checkpoint_id)
        if damage is not None:
            raise CorruptCheckpoint(
                f"{head.checkpoint_id}: {damage}", checkpoint_id=head.checkpoint_id
            )
        return self._records.get(head.checkpoint_id)

    def _read_thread(self, place: Place) -> None:
        """Read a thread whose head is ahead of what the store has told of its changes."""
        try:
            records = self._store.history(place.agent_id, place.thread_id)
        except CheckpointNotFound:
            return
        for record in reversed(records):
            self.add(record)
