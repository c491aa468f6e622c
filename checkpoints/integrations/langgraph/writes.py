"""What tasks wrote before their step was saved: entries of the thread's journal.

LangGraph's rules: a task's ordinary write is kept as it came first, one to a special channel
(error, interrupt, resume) replaces the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, PendingWrite

from checkpoints.connectors.langgraph_native.places import WRITE, Place, write_prefix, writes_of
from checkpoints.integrations.langgraph.states import rebuilt, serialised
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store


class WriteJournal:
    """The pending writes of one agent's threads."""

    def __init__(self, store: Store, agent_id: str) -> None:
        self._store = store
        self._agent_id = agent_id

    def keep(self, entries: Sequence[JournalEntry]) -> None:
        """Keep entries durably by LangGraph's rules."""
        ordinary = [entry for entry in entries if entry.data["index"] >= 0]
        special = [entry for entry in entries if entry.data["index"] < 0]
        if ordinary:
            self._store.record(ordinary)
        if special:
            self._store.record(special, replace=True)

    def entries_of(self, thread_id: str, place: Place) -> list[JournalEntry]:
        """Return a checkpoint's entries in the order in which LangGraph applies them."""
        return writes_of(self._store, self._agent_id, thread_id, place)

    def pending(self, thread_id: str, place: Place, serde: Any) -> list[PendingWrite]:
        """Return a checkpoint's writes as LangGraph takes them."""
        return [pending(entry, serde) for entry in self.entries_of(thread_id, place)]

    def entries_for(
        self,
        thread_id: str,
        place: Place,
        writes: Sequence[tuple[str, Any]],
        *,
        task_id: str,
        task_path: str,
        serde: Any,
        now: datetime,
    ) -> list[JournalEntry]:
        """Return the entries of a task's writes. Raises what the serializer raises."""
        return [
            self._entry(
                thread_id,
                place,
                now,
                {
                    "namespace": place.namespace,
                    "task_id": task_id,
                    "task_path": task_path,
                    "index": WRITES_IDX_MAP.get(channel, number),
                    "channel": channel,
                    "value": serialised(serde, value),
                },
            )
            for number, (channel, value) in enumerate(writes)
        ]

    def copied(
        self, entry: JournalEntry, thread_id: str, place: Place, now: datetime
    ) -> JournalEntry:
        """Return an entry as another thread keeps it."""
        return self._entry(thread_id, place, now, dict(entry.data))

    def _entry(
        self, thread_id: str, place: Place, now: datetime, data: dict[str, Any]
    ) -> JournalEntry:
        return JournalEntry(
            agent_id=self._agent_id,
            thread_id=thread_id,
            kind=WRITE,
            key=f"{write_prefix(place)}{data['task_id']}/{data['index']:+d}",
            recorded_at=now,
            checkpoint_id=place.record_id,
            data=data,
        )


def pending(entry: JournalEntry, serde: Any) -> PendingWrite:
    """Return an entry as LangGraph takes it."""
    data = entry.data
    return data["task_id"], data["channel"], rebuilt(serde, data["value"])
