"""What tasks wrote before their step was saved: entries of the thread's journal.

LangGraph's rules: a task's ordinary write is kept as it came first, one to a special channel
(error, interrupt, resume) replaces the one before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, PendingWrite, get_checkpoint_metadata

from checkpoints.connectors.langgraph_native.places import WRITE, Place, write_prefix, writes_of
from checkpoints.integrations.langgraph.states import rebuilt, serialised
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Who wrote: a task of LangGraph, by its id and path, in a run that may have an id."""

    id: str
    path: str
    run_id: str | None

    @classmethod
    def of(cls, config: RunnableConfig, task_id: str, task_path: str) -> Self:
        """Return the task of a call's arguments."""
        run_id = get_checkpoint_metadata(config, {}).get("run_id")
        return cls(id=task_id, path=task_path, run_id=run_id if isinstance(run_id, str) else None)


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
        task: Task,
        *,
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
                    "task_id": task.id,
                    "task_path": task.path,
                    "run_id": task.run_id,
                    "index": WRITES_IDX_MAP.get(channel, number),
                    "channel": channel,
                    "value": serialised(serde, value),
                },
            )
            for number, (channel, value) in enumerate(writes)
        ]

    def forget_runs(self, thread_id: str, run_ids: Collection[str]) -> None:
        """Delete what the tasks of some runs wrote in a thread."""
        found = self._store.entries(self._agent_id, thread_id, kind=WRITE)
        keys = [entry.key for entry in found if entry.data["run_id"] in run_ids]
        if keys:
            self._store.forget(self._agent_id, thread_id, kind=WRITE, keys=keys)

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
