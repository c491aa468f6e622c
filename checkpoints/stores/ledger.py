"""The present state of a store, made by applying its events one after the other.

A store that keeps its listing as a journal replays it into a ``Ledger``; the ledger answers every
question that needs no body and refuses what must not happen, before an event is written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.records import (
    Changes,
    Checkpoint,
    Head,
    Pin,
    Removal,
    Thread,
)
from checkpoints.stores.entry_ledger import EntryLedger
from checkpoints.stores.events import Event, EventName, Place, ThreadKey
from checkpoints.stores.heads import standing


@dataclass(slots=True)
class Ledger:
    """The present state of a store's listing.

    ``moves`` holds the head that each operation has made, however many moves came after it.
    ``gone`` holds the removal of everything that was removed and has not come back, in the trash
    or no longer. ``order`` is the place of each checkpoint among the saves, ``moved_at`` the
    position of the last move of each head.
    """

    records: dict[str, Checkpoint] = field(default_factory=dict)
    heads: dict[ThreadKey, Head] = field(default_factory=dict)
    moves: dict[str, Head] = field(default_factory=dict)
    pins: dict[str, Pin] = field(default_factory=dict)
    trashed: dict[str, tuple[Checkpoint, Removal]] = field(default_factory=dict)
    gone: dict[str, Removal] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    by_thread: dict[ThreadKey, dict[str, None]] = field(default_factory=dict)
    order: dict[str, Place] = field(default_factory=dict)
    moved_at: dict[ThreadKey, int] = field(default_factory=dict)
    entries: EntryLedger = field(default_factory=EntryLedger)

    @property
    def position(self) -> int:
        """The position of the last event, 0 without any."""
        last = self.events[-1].position if self.events else 0
        return max(last, self.entries.position)

    @property
    def live(self) -> int:
        """About how many events it takes to tell all of this."""
        parts = (self.records, self.trashed, self.gone, self.moves, self.pins)
        return sum(len(part) for part in parts) + self.entries.count

    def apply(self, event: Event) -> None:
        """Take in an event that has been written."""
        if event.name in {EventName.RECORDED, EventName.FORGOTTEN}:
            self.entries.apply(event)  # nobody who follows the changes is told of these
            return
        self.events.append(event)
        if event.checkpoint is not None:
            self._put(event.checkpoint, event)
        if event.head is not None:
            self._move(event.head)
            self.moved_at[event.head.agent_id, event.head.thread_id] = event.position
        if event.pin is not None:
            self.pins[event.pin.checkpoint_id] = event.pin
        for removal in event.removals:
            self._remove(removal, to_trash=event.name is EventName.TRASHED)
        for checkpoint_id in event.checkpoint_ids:
            self._take(event.name, checkpoint_id)
        if event.name is EventName.ERASED:
            self._erase(event)

    def _put(self, record: Checkpoint, event: Event) -> None:
        self.order[record.id] = event.place or (event.position, 0)
        if event.check is not None:
            self.checks[record.id] = event.check
        self._add(record)

    def _move(self, head: Head) -> None:
        key = (head.agent_id, head.thread_id)
        self.heads[key] = head
        self.by_thread.setdefault(key, {})
        if head.operation_id is not None:
            self.moves.setdefault(head.operation_id, head)

    def _add(self, record: Checkpoint) -> None:
        self.records[record.id] = record
        self.gone.pop(record.id, None)
        key = (record.agent_id, record.thread_id)
        thread = self.by_thread.setdefault(key, {})
        last = next(reversed(thread), None)
        thread[record.id] = None
        if last is not None and self.order[last] > self.order[record.id]:
            self.by_thread[key] = dict.fromkeys(sorted(thread, key=self.order.__getitem__))

    def _remove(self, removal: Removal, *, to_trash: bool) -> None:
        name = removal.checkpoint_id
        self.gone[name] = removal
        record = self.records.pop(name, None)
        if record is not None:
            del self.by_thread[record.agent_id, record.thread_id][name]
        if to_trash and record is not None:
            self.trashed[name] = (record, removal)
        elif not to_trash:
            self.trashed.pop(name, None)
            self._forget(name)

    def _erase(self, event: Event) -> None:
        """Forget what went with erased checkpoints."""
        for removal in event.removals:
            self.pins.pop(removal.checkpoint_id, None)
        gone = {removal.checkpoint_id for removal in event.removals}
        for key in {(removal.agent_id, removal.thread_id) for removal in event.removals}:
            self.entries.drop_naming(key, gone)
        if event.headless is not None:
            self.heads.pop(event.headless, None)
        if event.ended is not None:
            self.entries.drop_thread(event.ended)
            left = {n: h for n, h in self.moves.items() if (h.agent_id, h.thread_id) != event.ended}
            self.moves = left

    def _take(self, name: EventName, checkpoint_id: str) -> None:
        if name is EventName.UNPINNED:
            self.pins.pop(checkpoint_id, None)
        elif name is EventName.UNTRASHED and checkpoint_id in self.trashed:
            self._add(self.trashed.pop(checkpoint_id)[0])
        elif name is EventName.SWEPT and checkpoint_id in self.trashed:
            del self.trashed[checkpoint_id]
            self._forget(checkpoint_id)

    def _forget(self, checkpoint_id: str) -> None:
        self.order.pop(checkpoint_id, None)
        self.checks.pop(checkpoint_id, None)

    def find(self, checkpoint_id: str, thread_id: str | None) -> Checkpoint:
        """Return a record. Raises CheckpointNotFound."""
        record = self.records.get(checkpoint_id)
        if record is None or thread_id not in (None, record.thread_id):
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        return record

    def thread_keys(self, agent_id: str | None, thread_id: str) -> list[ThreadKey]:
        """Return the threads that an agent (or any) has under this id."""
        if agent_id is not None:
            return [(agent_id, thread_id)] if self._is_there((agent_id, thread_id)) else []
        return [key for key in self.by_thread if key[1] == thread_id and self._is_there(key)]

    def _is_there(self, key: ThreadKey) -> bool:
        return key in self.heads or bool(self.by_thread.get(key))

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

    def kept(self) -> list[Checkpoint]:
        """Return every record whose state is still kept, those in the trash last."""
        return [*self.records.values(), *(record for record, _ in self.trashed.values())]

    def lying(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return what lies in the trash of a thread; of any agent's where none is named."""
        return [
            record
            for record, _ in self.trashed.values()
            if record.thread_id == thread_id and agent_id in {None, record.agent_id}
        ]

    def keeps(self, record: Checkpoint) -> bool:
        """Say whether a checkpoint is listed or in the trash."""
        return record.id in self.records or record.id in self.trashed

    def removable(self, reasons: Mapping[str, str], now: datetime) -> tuple[Removal, ...]:
        """Return the removals, or raise PlanRefused when one of them is a head or pinned."""
        kept = {head.checkpoint_id for head in self.heads.values()} | set(self.pins)
        refuse_kept(reasons, kept)
        records = [self.find(checkpoint_id, None) for checkpoint_id in reasons]
        return tuple(removal_of(record, reasons[record.id], now) for record in records)

    def changes(self, position: int, limit: int) -> tuple[int, Changes]:
        """Return the next position and the changes up to it, without a cursor."""
        start = bisect_right(self.events, position, key=_position)
        events = self.events[start : start + limit]
        after = max(position, events[-1].position) if events else position
        keys = dict.fromkeys(key for event in events for key in self._touched(event))
        changes = Changes(
            cursor="",
            checkpoints=tuple(self._gained(events)),
            threads=tuple(self.thread(key) for key in keys),
            removals=tuple(self._removed(events)),
            complete=start + limit >= len(self.events),
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
        for item in (event.head, event.checkpoint):
            if item is not None:
                yield item.agent_id, item.thread_id
        yield from ((r.agent_id, r.thread_id) for r in event.removals)
        if event.name is EventName.UNTRASHED:
            records = (self.records[i] for i in event.checkpoint_ids if i in self.records)
            yield from ((record.agent_id, record.thread_id) for record in records)


def ledger_of(events: Sequence[Event]) -> Ledger:
    """Return the ledger that these events make."""
    ledger = Ledger()
    for event in events:
        ledger.apply(event)
    return ledger


def removal_of(record: Checkpoint, reason: str, now: datetime) -> Removal:
    """Return the removal of a checkpoint."""
    return Removal(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        reason=reason,
        removed_at=now,
    )


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


def _position(event: Event) -> int:
    return event.position
