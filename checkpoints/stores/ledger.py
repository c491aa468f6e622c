"""What happened in a store, as events, and where they have led.

A store that keeps its listing as a journal replays it into a ``Ledger``; the ledger answers every
question that needs no body and refuses what must not happen, before an event is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.records import (
    Changes,
    Checkpoint,
    Head,
    Pin,
    Removal,
    Thread,
)
from checkpoints.stores.heads import standing

ThreadKey = tuple[str, str]


class EventName(StrEnum):
    """Everything that can happen in a store."""

    PUT = "put"
    HEAD_MOVED = "head_moved"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    TRASHED = "trashed"
    UNTRASHED = "untrashed"
    SWEPT = "swept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; which fields are set follows from its name."""

    name: EventName
    checkpoint: Checkpoint | None = None
    head: Head | None = None
    pin: Pin | None = None
    removals: tuple[Removal, ...] = ()
    checkpoint_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class Ledger:
    """The present state of a store's listing. Positions count events from 1.

    ``moves`` holds the head that each operation has made, however many moves came after it.
    """

    records: dict[str, Checkpoint] = field(default_factory=dict)
    heads: dict[ThreadKey, Head] = field(default_factory=dict)
    moves: dict[str, Head] = field(default_factory=dict)
    pins: dict[str, Pin] = field(default_factory=dict)
    trashed: dict[str, tuple[Checkpoint, Removal]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    by_thread: dict[ThreadKey, dict[str, None]] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Take in an event that has been written."""
        self.events.append(event)
        if event.checkpoint is not None:
            self._add(event.checkpoint)
        if event.head is not None:
            self._move(event.head)
        if event.pin is not None:
            self.pins[event.pin.checkpoint_id] = event.pin
        for removal in event.removals:
            self._trash(removal)
        for checkpoint_id in event.checkpoint_ids:
            self._take(event.name, checkpoint_id)

    def _move(self, head: Head) -> None:
        self.heads[head.agent_id, head.thread_id] = head
        if head.operation_id is not None:
            self.moves.setdefault(head.operation_id, head)

    def _add(self, record: Checkpoint) -> None:
        self.records[record.id] = record
        came_back = record.id in self.order
        self.order.setdefault(record.id, len(self.order))
        key = (record.agent_id, record.thread_id)
        thread = self.by_thread.setdefault(key, {})
        thread[record.id] = None
        if came_back:
            self.by_thread[key] = dict.fromkeys(sorted(thread, key=self.order.__getitem__))

    def _trash(self, removal: Removal) -> None:
        record = self.records.pop(removal.checkpoint_id, None)
        if record is None:
            return
        del self.by_thread[record.agent_id, record.thread_id][record.id]
        self.trashed[record.id] = (record, removal)

    def _take(self, name: EventName, checkpoint_id: str) -> None:
        if name is EventName.UNPINNED:
            self.pins.pop(checkpoint_id, None)
        elif name is EventName.UNTRASHED and checkpoint_id in self.trashed:
            self._add(self.trashed.pop(checkpoint_id)[0])
        else:
            self.trashed.pop(checkpoint_id, None)

    def find(self, checkpoint_id: str, thread_id: str | None) -> Checkpoint:
        """Return a record. Raises CheckpointNotFound."""
        record = self.records.get(checkpoint_id)
        if record is None or thread_id not in (None, record.thread_id):
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        return record

    def thread_keys(self, agent_id: str | None, thread_id: str) -> list[ThreadKey]:
        """Return the threads that an agent (or any) has under this id."""
        return [k for k in self.by_thread if k[1] == thread_id and agent_id in (None, k[0])]

    def history(self, key: ThreadKey) -> list[Checkpoint]:
        """Return a thread's records, newest first."""
        return [self.records[checkpoint_id] for checkpoint_id in reversed(self.by_thread[key])]

    def thread(self, key: ThreadKey) -> Thread:
        """Return the present view of a thread."""
        head = self.heads.get(key)
        record = self.records.get(head.checkpoint_id) if head else None
        status, detail = standing(head, record)
        return Thread(
            agent_id=key[0],
            thread_id=key[1],
            head_id=head.checkpoint_id if head else None,
            checkpoints=len(self.by_thread.get(key, ())),
            updated_at=head.moved_at if head else None,
            head_version=head.version if head else 0,
            status=status,
            detail=detail,
        )

    def removable(self, reasons: Mapping[str, str], now: datetime) -> tuple[Removal, ...]:
        """Return the removals, or raise PlanRefused when one of them is a head or pinned."""
        kept = {head.checkpoint_id for head in self.heads.values()} | set(self.pins)
        refuse_kept(reasons, kept)
        records = [self.find(checkpoint_id, None) for checkpoint_id in reasons]
        return tuple(
            Removal(
                agent_id=record.agent_id,
                thread_id=record.thread_id,
                checkpoint_id=record.id,
                reason=reasons[record.id],
                removed_at=now,
            )
            for record in records
        )

    def changes(self, position: int, limit: int) -> tuple[int, Changes]:
        """Return the next position and the changes up to it, without a cursor."""
        events = self.events[position : position + limit]
        after = position + len(events)
        keys = dict.fromkeys(key for event in events for key in self._touched(event))
        changes = Changes(
            cursor="",
            checkpoints=tuple(self._gained(events)),
            threads=tuple(self.thread(key) for key in keys),
            removals=tuple(self._removed(events)),
            complete=after >= len(self.events),
        )
        return after, changes

    def _gained(self, events: Sequence[Event]) -> Iterator[Checkpoint]:
        for event in events:
            if event.checkpoint is not None and event.checkpoint.id in self.records:
                yield event.checkpoint
            if event.name is EventName.UNTRASHED:
                yield from (self.records[i] for i in event.checkpoint_ids if i in self.records)

    def _removed(self, events: Sequence[Event]) -> Iterator[Removal]:
        for event in events:
            yield from (r for r in event.removals if r.checkpoint_id not in self.records)

    def _touched(self, event: Event) -> Iterator[ThreadKey]:
        if event.head is not None:
            yield event.head.agent_id, event.head.thread_id
        yield from ((r.agent_id, r.thread_id) for r in event.removals)
        if event.name is EventName.UNTRASHED:
            records = (self.records[i] for i in event.checkpoint_ids if i in self.records)
            yield from ((record.agent_id, record.thread_id) for record in records)


def with_cursor(changes: Changes, cursor: str, *, reset: bool) -> Changes:
    """Return the changes with their cursor filled in."""
    return replace(changes, cursor=cursor, reset=reset)


def missing(checkpoint_id: str, thread_id: str | None) -> str:
    """Return the sentence for a checkpoint that is not there."""
    where = f" in thread {thread_id!r}" if thread_id is not None else ""
    return f"there is no checkpoint {checkpoint_id!r}{where}; list the store to see which there are"


def refuse_kept(reasons: Mapping[str, str], kept: set[str]) -> None:
    """Raise PlanRefused when something that must stay is to go."""
    for checkpoint_id in reasons:
        if checkpoint_id in kept:
            raise PlanRefused(f"{checkpoint_id} is a head or pinned; nothing was removed")
